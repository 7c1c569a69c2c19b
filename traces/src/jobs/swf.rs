//! Logs in the standard workload format (SWF 2.2), as the Parallel Workloads Archive keeps them (Chapin et al., JSSPP 1999;
//! Feitelson et al., JPDC 2014).
//!
//! Lines that begin with `;` are comments. A job is a line of 18 numbers with -1 for what nobody knows: processors are
//! taken for cores, and memory, which is stated for each of them, is that of all.

use std::collections::BTreeMap;

use super::{TracedJob, in_order, time};
use crate::{
    Dropped, Fault, Listing, Tolerance, TraceError,
    table::{self, Row, wrong},
};

/// Fields of a line.
const FIELDS: usize = 18;
const SECOND: f64 = 1e6;
/// Processors, and KiB of memory of each.
const MOST: f64 = 1e12;

/// Why a job is none for a replay.
const NEVER_RAN: &str = "never ran, or for a time that nobody knows";
const PARTIAL: &str = "a part of a job that has a line of its own (status 2 to 4)";

/// Reads a log; `file` is what errors call it. Jobs that never ran are left out and counted, whatever the tolerance: a
/// log has them by right.
///
/// # Errors
/// A file that is no such log, and with [`Tolerance::Strict`] a line that cannot be read or that came before the one above
/// it.
pub fn swf(file: &str, bytes: &[u8], tolerance: Tolerance) -> Result<Listing<TracedJob>, TraceError> {
    let mut latest = 0;
    let listing = table::read_fields(
        file,
        bytes,
        FIELDS,
        tolerance,
        |line: &Line| &line.job.name,
        |row| {
            let line = line(row)?;
            Ok(Line { job: in_order(line.job, &mut latest)?, ..line })
        },
    )?;
    let mut left_out: BTreeMap<&str, Dropped> = BTreeMap::new();
    let mut rows = Vec::with_capacity(listing.rows.len());
    for line in listing.rows {
        let Some(why) = line.why else {
            rows.push(line.job);
            continue;
        };
        let first = || TraceError {
            file: file.to_owned(),
            row: Some(line.job.row),
            fault: Fault::Content(why.to_owned()),
        };
        let dropped = || Dropped { reason: why.to_owned(), rows: 0, first: first() };
        left_out.entry(why).or_insert_with(dropped).rows += 1;
    }
    let mut dropped = listing.dropped;
    dropped.extend(left_out.into_values());
    dropped.sort_by(|a, b| a.reason.cmp(&b.reason));
    Ok(Listing { rows, dropped })
}

/// A line, and why it is no job to run.
struct Line {
    job: TracedJob,
    why: Option<&'static str>,
}

fn line(row: &Row<'_>) -> Result<Line, Fault> {
    let run = known(row, 3, "run time")?;
    let processors = match known(row, 4, "allocated processors")? {
        Some(count) if count > 0.0 => Some(count),
        _ => known(row, 7, "requested processors")?.filter(|count| *count > 0.0),
    };
    let of_each = match known(row, 9, "requested memory")? {
        Some(kib) if kib > 0.0 => Some(kib),
        _ => known(row, 6, "used memory")?,
    };
    let status = known(row, 10, "status")?;
    let text = |at: usize| Some(row.cell(at)).filter(|cell| *cell != "-1").map(str::to_owned);
    let is_cancelled = status == Some(5.0);
    let why = match (status, run) {
        (Some(2.0 | 3.0 | 4.0), _) => Some(PARTIAL),
        (_, None) => Some(NEVER_RAN),
        (_, Some(run)) if is_cancelled && run == 0.0 => Some(NEVER_RAN),
        _ => None,
    };
    // What is left out may come again under its number: a part of a job has that of the job.
    let name = if why == Some(PARTIAL) {
        format!("line-{}", row.line())
    } else {
        format!("job-{}", row.name(0, "job number")?)
    };
    let cores = processors.unwrap_or(0.0);
    let job = TracedJob {
        name,
        submit: time(row, 1, "submit time", SECOND)?,
        duration_us: run.map(|_| time(row, 3, "run time", SECOND)).transpose()?,
        cpu_milli: (cores * 1000.0).round() as u64,
        memory_mib: (of_each.unwrap_or(0.0) * cores / 1024.0).ceil() as u64,
        team: text(11),
        partition: text(15),
        row: row.line(),
        ..TracedJob::default()
    };
    if why.is_none() && processors.is_none() {
        return Err(wrong(
            "allocated processors",
            row.cell(4),
            "a number above 0 is expected, or one requested",
        ));
    }
    Ok(Line { job, why })
}

/// A number of 0 or more; nothing for -1.
fn known(row: &Row<'_>, index: usize, column: &'static str) -> Result<Option<f64>, Fault> {
    let cell = row.cell(index);
    match cell.parse::<f64>() {
        Ok(value) if (0.0..=MOST).contains(&value) => Ok(Some(value)),
        Ok(-1.0) => Ok(None),
        _ => Err(wrong(column, cell, "a number of 0 or more is expected, or -1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of the archive's logs: what all of them begin with, then jobs.
    const LOG: &str = "\
; Version: 2.2
; Computer: a machine
; MaxProcs: 128
;
  1    0   10  100   4  90.5  1024   4  200    -1  1  7  2  -1  1  -1  -1  -1
  2   60   -1   -1  -1  -1.0    -1  64  300  2048  5  7  2  -1  1  -1  -1  -1
  3   60    0   30  -1  -1.0    -1   2   60  2048  1 -1 -1  -1  0   2  -1  -1

  4   90    5    0  -1  -1.0    -1   1   60    -1  5  3  1  -1  0   1  -1  -1
  5   95    0   50   8  12.0    -1   8   60    -1  0  3  1  -1  0   1  -1  -1
  5   95    0   20   8  12.0    -1   8   60    -1  2  3  1  -1  0   1  -1  -1
  5  120    0   30   8  12.0    -1   8   60    -1  3  3  1  -1  0   1  -1  -1
";

    fn read(text: &str, tolerance: Tolerance) -> Result<Listing<TracedJob>, String> {
        swf("log.swf", text.as_bytes(), tolerance).map_err(|error| error.to_string())
    }

    #[test]
    fn jobs_that_ran_are_read_and_the_others_counted() {
        let listing = read(LOG, Tolerance::Strict).unwrap();
        let found: Vec<_> = listing
            .rows
            .iter()
            .map(|job| {
                let seconds = |micros: u64| micros / 1_000_000;
                let times = (seconds(job.submit), job.duration_us.map(seconds));
                let team = job.team.as_deref().unwrap_or("-");
                (&*job.name, times, job.cpu_milli, job.memory_mib, team, job.partition.as_deref(), job.row)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("job-1", (0, Some(100)), 4_000, 4, "7", None, 5),
                ("job-3", (60, Some(30)), 2_000, 4, "-", Some("2"), 7),
                ("job-5", (95, Some(50)), 8_000, 0, "3", Some("1"), 10),
            ]
        );
        let dropped: Vec<_> = listing.dropped.iter().map(|it| (&*it.reason, it.rows, it.first.row)).collect();
        assert_eq!(dropped, [(PARTIAL, 2, Some(11)), (NEVER_RAN, 2, Some(6))]);
    }

    #[test]
    fn what_is_wrong_names_the_line() {
        let with = |line: &str| format!("{LOG}{line}\n");
        let job = "6 130 0 30 8 12.0 -1 8 60 -1 1 3 1 -1 0 1 -1 -1";
        assert!(read(&with(job), Tolerance::Strict).is_ok());
        for (line, what) in [
            (job.replace(" 130 ", " 90 "), "row 13: times run backwards: it came 30 s before the row above"),
            (
                job.replace(" 30 8 ", " x 8 "),
                "row 13: run time is `x`: a number of 0 or more is expected, or -1",
            ),
            (job.replace(" 30 8 ", " -2 8 "), "row 13: run time is `-2`"),
            (job.replace('8', "-1"), "row 13: allocated processors is `-1`: a number above 0 is expected"),
            (job.replace(" -1 -1", ""), "row 13: has 16 cells where 18 are expected"),
            (job.replacen('6', "3", 1), "row 13: the name `job-3` was given in row 7 already"),
        ] {
            let error = read(&with(&line), Tolerance::Strict).unwrap_err();
            assert!(error.contains(what), "{error}");
            let tolerant = read(&with(&line), Tolerance::Count).unwrap();
            assert_eq!((tolerant.rows.len(), tolerant.dropped.len()), (3, 3), "{line}");
        }
    }

    #[test]
    fn another_file_is_none_whatever_is_tolerated() {
        for text in ["id,submit_s,duration_s\na,0,1\n", "; only a comment\n", "", "1 2 3\n", "\u{0}\u{1}"] {
            for tolerance in [Tolerance::Strict, Tolerance::Count] {
                assert!(read(text, tolerance).is_err(), "{text}");
            }
        }
        // Comments of old logs are in whatever their writers had.
        let mut latin = b"; Computer: Universit\xe4t\n".to_vec();
        latin.extend_from_slice(LOG.as_bytes());
        assert_eq!(swf("log.swf", &latin, Tolerance::Strict).unwrap().rows.len(), 3);
    }
}
