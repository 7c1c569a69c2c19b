//! Quantities over time: carbon, prices, and whether spot capacity could be had.
//!
//! A table of times and values is regular: its step is the most frequent distance of two rows, and a larger distance is
//! a hole, which is an error unless the caller says what holes mean.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{
    Dropped, Fault, Tolerance, TraceError,
    jobs::MOST_SECONDS,
    table::{self, wrong},
};

/// What a hole means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gap {
    /// The series is refused.
    #[default]
    Error,
    /// The value before it holds on.
    Hold,
    /// Values on the line between its ends.
    Linear,
}

/// A series.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Microseconds since 1970, ascending, with values.
    pub points: Vec<(i64, f64)>,
    /// Values that were put into holes, or that hold on through them.
    pub filled: u64,
    /// Until when its last value holds: a step of the series beyond it. Nothing for a single value, which always holds.
    pub end: Option<i64>,
    /// Rows left out; none unless [`Tolerance::Count`] was asked for.
    pub dropped: Vec<Dropped>,
}

/// How a table of times and values is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Columns<'a> {
    /// The column of times; nothing: the first.
    pub time: Option<&'a str>,
    /// The column of values; nothing: the second.
    pub value: Option<&'a str>,
    /// No value is below 0 or above this.
    pub most: f64,
}

/// Reads a table of times and values.
///
/// With [`Tolerance::Count`] rows that cannot be read are left out, and holes are held through whatever `gaps` says.
///
/// # Errors
/// A file that is no such table; and without tolerance times that do not ascend, values that are none, and holes, unless
/// they mean something.
pub fn series(
    file: &str,
    bytes: &[u8],
    columns: Columns<'_>,
    gaps: Gap,
    tolerance: Tolerance,
) -> Result<Found, TraceError> {
    let column = |header: &[&str], name: Option<&str>, usual: usize| {
        let found = match name {
            Some(name) => header.iter().position(|found| *found == name),
            None => Some(usual).filter(|usual| *usual < header.len()),
        };
        found.ok_or_else(|| Fault::Columns {
            found: header.join(","),
            expected: name.map_or("two columns".to_owned(), |name| format!("a column `{name}`")),
        })
    };
    let mut latest = None;
    let listing = table::read_plain(
        file,
        bytes,
        |header| Ok((column(header, columns.time, 0)?, column(header, columns.value, 1)?)),
        tolerance,
        |row, (time, value)| {
            let moment = moment(row.cell(*time)).ok_or_else(|| {
                wrong("time", row.cell(*time), "a time such as 2022-01-01T00:00:00Z is expected")
            })?;
            let number = match row.cell(*value) {
                "" => None,
                cell => Some(
                    cell.parse::<f64>()
                        .ok()
                        .filter(|number| (0.0..=columns.most).contains(number))
                        .ok_or_else(|| {
                            wrong("value", cell, &format!("a number from 0 to {} is expected", columns.most))
                        })?,
                ),
            };
            if latest.is_some_and(|latest| moment <= latest) {
                let what = "times must ascend: this one is not later than the one above".to_owned();
                return Err(Fault::Contradiction { reason: "times that do not ascend", what });
            }
            latest = Some(moment);
            Ok((row.line(), moment, number))
        },
    )?;
    let fail = |row: u64, what: String| {
        let fault = Fault::Contradiction { reason: "values that are missing", what };
        TraceError { file: file.to_owned(), row: Some(row), fault }
    };
    let step = usual_step(listing.rows.iter().map(|(_, time, _)| *time));
    let points = Vec::with_capacity(listing.rows.len());
    let mut found = Found { points, filled: 0, end: None, dropped: listing.dropped };
    for (line, time, value) in listing.rows {
        // An empty cell is a hole like a missing row.
        let Some(value) = value else { continue };
        if let Some(&(before, from)) = found.points.last()
            && step > 0
            && time - before > step
        {
            let missing = (time - before - 1) / step;
            let at = |index: i64| before + index * step;
            match gaps {
                Gap::Error if tolerance == Tolerance::Strict => {
                    return Err(fail(
                        line,
                        format!(
                            "{missing} values are missing before this row; `gaps = \"hold\"` or `\"linear\"` says what they are"
                        ),
                    ));
                }
                Gap::Error | Gap::Hold => {}
                Gap::Linear => {
                    let part = |index: i64| (at(index) - before) as f64 / (time - before) as f64;
                    found
                        .points
                        .extend((1..=missing).map(|index| (at(index), from + (value - from) * part(index))));
                }
            }
            found.filled += missing as u64;
        }
        found.points.push((time, value));
    }
    if step > 0 {
        found.end = found.points.last().map(|(time, _)| time + step);
    }
    Ok(found)
}

/// The most frequent distance of neighbours; of equals the least.
fn usual_step(times: impl Iterator<Item = i64>) -> i64 {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    let mut before = None;
    for time in times {
        if let Some(before) = before.replace(time) {
            *counts.entry(time - before).or_default() += 1;
        }
    }
    let most = counts.values().copied().max().unwrap_or(0);
    counts.into_iter().find(|(_, count)| *count == most).map_or(0, |(step, _)| step)
}

/// A moment in microseconds since 1970; UTC where no offset is given.
pub(crate) fn moment(cell: &str) -> Option<i64> {
    if let Ok(stamp) = cell.parse::<Timestamp>() {
        return Some(stamp.as_microsecond());
    }
    let civil: DateTime = cell.parse().ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_microsecond())
}

/// Reads when spot capacity could be had: `SkyPilot`'s traces, `{"metadata": {"gap_seconds": 600}, "data": [1, 0, …]}`, or
/// logs of instances that came and went, `time_ms,event,node`. How many instances could be had, by microseconds from the
/// beginning, and how many microseconds are covered: of a log those to its last event.
///
/// # Errors
/// A file that is neither; and without tolerance rows of a log that cannot be.
pub fn availability(
    file: &str,
    bytes: &[u8],
    tolerance: Tolerance,
) -> Result<(Vec<(i64, i64)>, u64), TraceError> {
    let plain = table::plain(file, bytes)?;
    if plain.trim_ascii_start().starts_with(b"{") {
        return slots(file, &plain);
    }
    came_and_went(file, &plain, tolerance)
}

/// Instances by when they came and went.
fn came_and_went(
    file: &str,
    bytes: &[u8],
    tolerance: Tolerance,
) -> Result<(Vec<(i64, i64)>, u64), TraceError> {
    const LOG: [&str; 3] = ["time_ms", "event", "node"];
    let (mut up, mut latest) = (BTreeSet::new(), 0);
    let listing = table::read_plain(
        file,
        bytes,
        |header| {
            let expected = format!("{} (or a JSON document of slots)", LOG.join(","));
            let wrong = || Fault::Columns { found: header.join(","), expected };
            (header == LOG).then_some(()).ok_or_else(wrong)
        },
        tolerance,
        |row, ()| {
            let at = row.number(0, "time_ms", (MOST_SECONDS * 1e3) as u64)?;
            if at < latest {
                let what = format!("times run backwards: {at} ms after {latest} ms");
                return Err(Fault::Contradiction { reason: "times run backwards", what });
            }
            let node = row.name(2, "node")?;
            let (changed, what) = match row.cell(1) {
                "add" => (up.insert(node.to_owned()), format!("`{node}` comes, and has not gone before")),
                "remove" => (up.remove(node), format!("`{node}` goes, and has not come before")),
                other => return Err(wrong("event", other, "add or remove is expected")),
            };
            if !changed {
                return Err(Fault::Contradiction { reason: "an instance that comes or goes twice", what });
            }
            latest = at;
            Ok((at as i64 * 1000, up.len() as i64))
        },
    )?;
    // Before the first event there is none; of the events of one moment the last says how many there are.
    let mut points: Vec<(i64, i64)> = vec![(0, 0)];
    for (at, count) in listing.rows {
        match points.last_mut() {
            Some(last) if last.0 == at => last.1 = count,
            _ => points.push((at, count)),
        }
    }
    let end = points.last().map_or(0, |(at, _)| at.unsigned_abs());
    Ok((points, end))
}

/// `SkyPilot`'s slots.
fn slots(file: &str, plain: &[u8]) -> Result<(Vec<(i64, i64)>, u64), TraceError> {
    #[derive(serde::Deserialize)]
    struct Document {
        metadata: Metadata,
        data: Vec<f64>,
    }
    #[derive(serde::Deserialize)]
    struct Metadata {
        gap_seconds: f64,
    }
    let fail = |what: String| TraceError { file: file.to_owned(), row: None, fault: Fault::Content(what) };
    let document: Document = serde_json::from_slice(plain).map_err(|error| {
        fail(format!("is no availability trace ({error}); {{\"metadata\": {{\"gap_seconds\": 600}}, \"data\": [1, 0]}} is"))
    })?;
    let gap = document.metadata.gap_seconds;
    if !(gap > 0.0 && gap < 1e9) {
        return Err(fail("`metadata.gap_seconds` must lie above 0".to_owned()));
    }
    if document.data.is_empty() {
        return Err(fail("`data` is empty".to_owned()));
    }
    if gap * document.data.len() as f64 > MOST_SECONDS {
        return Err(fail("covers more than 2,000 years".to_owned()));
    }
    if let Some(at) = document.data.iter().position(|count| !(*count >= 0.0 && *count < 1e9)) {
        return Err(fail(format!("`data[{at}]` is {}; a count is expected", document.data[at])));
    }
    let at = |index: usize| (index as f64 * gap * 1e6).round() as i64;
    let points = document.data.iter().enumerate().map(|(index, count)| (at(index), *count as i64)).collect();
    Ok((points, at(document.data.len()).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns<'_> = Columns { time: Some("t"), value: Some("v"), most: 1e5 };

    fn read(text: &str, gaps: Gap) -> Result<Found, String> {
        series("s.csv", text.as_bytes(), COLUMNS, gaps, Tolerance::Strict).map_err(|error| error.to_string())
    }

    #[test]
    fn holes_are_said_and_filled_as_asked() {
        let text = "v,t\n1,2022-01-01 00:00:00+00:00\n2,2022-01-01T01:00:00Z\n6,2022-01-01 04:00:00\n7,2022-01-01 05:00\n";
        assert!(read(text, Gap::Error).unwrap_err().contains("row 4: 2 values are missing"));
        let hold = read(text, Gap::Hold).unwrap();
        assert_eq!((hold.points.len(), hold.filled), (4, 2));
        let linear = read(text, Gap::Linear).unwrap();
        let values: Vec<i64> =
            linear.points.iter().map(|(_, value)| (value * 1000.0).round() as i64).collect();
        assert_eq!(values, [1000, 2000, 3333, 4667, 6000, 7000]);
        assert_eq!(linear.points[2].0 - linear.points[1].0, 3_600_000_000);
        // Its last value holds for as long as the others do, and no longer.
        assert_eq!(linear.end, Some(linear.points[5].0 + 3_600_000_000));
        assert_eq!(read("t,v\n2022-01-01,5\n", Gap::Error).unwrap().end, None);
        // A value that is missing at the end makes the series shorter.
        let short = read(&format!("{text},2022-01-01 06:00\n"), Gap::Linear).unwrap();
        assert_eq!(short.end, linear.end);
    }

    #[test]
    fn with_tolerance_rows_are_left_out_and_counted() {
        let text = "t,v\n2022-01-01T00:00,1\nx,2\n2022-01-01T01:00,1e30\n2022-01-01T02:00,-3\n2022-01-01T03:00,4\n2022-01-01T02:30,4\n2022-01-01T04:00,5\n";
        for (row, what) in
            [(3, "time is `x`"), (4, "value is `1e30`: a number from 0 to 100000"), (5, "value is `-3`")]
        {
            let rows: Vec<&str> = text
                .lines()
                .enumerate()
                .filter(|(at, _)| *at == 0 || at + 1 == row)
                .map(|(_, line)| line)
                .collect();
            let error = read(&rows.join("\n"), Gap::Error).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        let found = series("s.csv", text.as_bytes(), COLUMNS, Gap::Error, Tolerance::Count).unwrap();
        let values: Vec<i64> = found.points.iter().map(|(_, value)| *value as i64).collect();
        assert_eq!(values, [1, 4, 5]);
        assert_eq!(found.filled, 2, "one and two o'clock");
        let rows: Vec<(&str, u64)> =
            found.dropped.iter().map(|one| (one.reason.as_str(), one.rows)).collect();
        assert_eq!(
            rows,
            [
                ("time: a time such as 2022-01-01T00:00:00Z is expected", 1),
                ("times that do not ascend", 1),
                ("value: a number from 0 to 100000 is expected", 2)
            ]
        );
    }

    #[test]
    fn what_is_no_series_is_refused() {
        assert!(read("a,b\n", Gap::Error).unwrap_err().contains("a column `t`"));
        assert!(read("t,v\nx,1\n", Gap::Error).unwrap_err().contains("row 2: time is `x`"));
        assert!(read("t,v\n2022-01-01,1\n2022-01-01,2\n", Gap::Error).unwrap_err().contains("must ascend"));
        assert!(
            read("t,v\n2022-01-01T00:00,nan\n", Gap::Error)
                .unwrap_err()
                .contains("a number from 0 to 100000 is expected")
        );
    }

    #[test]
    fn availability_is_by_slots() {
        let text = br#"{"metadata": {"gap_seconds": 600, "zone": "x"}, "data": [1, 0, 4]}"#;
        assert_eq!(
            availability("a.json", text, Tolerance::Strict).unwrap(),
            (vec![(0, 1), (600_000_000, 0), (1_200_000_000, 4)], 1_800_000_000)
        );
        for wrong in [
            &b"{}"[..],
            br#"{"metadata": {"gap_seconds": 0}, "data": [1]}"#,
            br#"{"metadata": {"gap_seconds": 1}, "data": []}"#,
            br#"{"metadata": {"gap_seconds": 1}, "data": [-1]}"#,
        ] {
            assert!(availability("a.json", wrong, Tolerance::Strict).is_err());
        }
    }

    #[test]
    fn instances_come_and_go() {
        let text = "time_ms,event,node\n0,add,a\n0,add,b\n60000,remove,a\n60000,remove,b\n90000,add,c\n";
        let of = |text: &str, tolerance| availability("a.csv", text.as_bytes(), tolerance);
        let (points, end) = of(text, Tolerance::Strict).unwrap();
        assert_eq!(points, [(0, 2), (60_000_000, 0), (90_000_000, 1)]);
        assert_eq!(end, 90_000_000);
        for (row, what) in [
            ("95000,add,c", "`c` comes, and has not gone before"),
            ("95000,remove,a", "`a` goes, and has not come before"),
            ("5,add,d", "times run backwards"),
            ("95000,drop,c", "add or remove is expected"),
        ] {
            let wrong = format!("{text}{row}\n");
            let error = of(&wrong, Tolerance::Strict).unwrap_err().to_string();
            assert!(error.contains("row 7") && error.contains(what), "{error}");
            assert_eq!(of(&wrong, Tolerance::Count).unwrap().0, points);
        }
    }
}
