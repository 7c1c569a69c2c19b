//! Prices of spot capacity: the provider's history of changes, `timestamp,availability_zone,instance_type,product,
//! spot_price_usd_h`. A price holds until the next of the same zone, type and product.

use std::collections::BTreeSet;

use crate::{
    Fault, Listing, Tolerance, TraceError,
    series::moment,
    table::{self, wrong},
};

const COLUMNS: [&str; 5] = ["timestamp", "availability_zone", "instance_type", "product", "spot_price_usd_h"];
const MOST_USD: f64 = 1e6;

/// Which rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Only<'a> {
    /// Of this zone.
    pub zone: Option<&'a str>,
    /// Of this type of instance.
    pub instance_type: Option<&'a str>,
}

/// Reads the changes of one price: microseconds since 1970, ascending, with $ an hour.
///
/// # Errors
/// A file that is no such history, one without rows of what is asked for, and one with rows of several zones, types or
/// products of it; without tolerance also a row that cannot be read or that is not later than the one before it.
pub fn prices(
    file: &str,
    bytes: &[u8],
    only: Only<'_>,
    tolerance: Tolerance,
) -> Result<Listing<(i64, f64)>, TraceError> {
    let (mut latest, mut there, mut asked) = (None, BTreeSet::new(), BTreeSet::new());
    let listing = table::read_plain(
        file,
        bytes,
        |header| {
            let wrong = || Fault::Columns { found: header.join(","), expected: COLUMNS.join(",") };
            (header == COLUMNS).then_some(()).ok_or_else(wrong)
        },
        tolerance,
        |row, ()| {
            let (zone, kind, product) = (row.cell(1), row.cell(2), row.cell(3));
            there.insert(format!("{zone} {kind}"));
            if only.zone.is_some_and(|only| only != zone)
                || only.instance_type.is_some_and(|only| only != kind)
            {
                return Ok(None);
            }
            let at = moment(row.cell(0)).ok_or_else(|| {
                wrong("timestamp", row.cell(0), "a time such as 2022-01-01T00:00:00Z is expected")
            })?;
            let cell = row.cell(4);
            let usd = cell.parse::<f64>().ok().filter(|usd| (0.0..=MOST_USD).contains(usd));
            let usd =
                usd.ok_or_else(|| wrong("spot_price_usd_h", cell, "a number from 0 to 1000000 is expected"))?;
            asked.insert(format!("{zone} {kind} {product}"));
            // What is more than one price is said below.
            if asked.len() == 1 && latest.is_some_and(|latest| at <= latest) {
                let what = "times must ascend: this one is not later than the one before".to_owned();
                return Err(Fault::Contradiction { reason: "times that do not ascend", what });
            }
            latest = Some(at);
            Ok(Some((at, usd)))
        },
    )?;
    let some = |names: &BTreeSet<String>| names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    let fault = match asked.len() {
        1 => {
            return Ok(Listing {
                rows: listing.rows.into_iter().flatten().collect(),
                dropped: listing.dropped,
            });
        }
        0 => format!("has no prices of what is asked for; it has {}", some(&there)),
        _ => format!("has several prices, name one by `zone` and `instance_type`: {}", some(&asked)),
    };
    Err(TraceError { file: file.to_owned(), row: None, fault: Fault::Content(fault) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "timestamp,availability_zone,instance_type,product,spot_price_usd_h\n";

    fn read(rows: &str, only: Only<'_>, tolerance: Tolerance) -> Result<Vec<(i64, f64)>, String> {
        let listing = prices("p.csv", format!("{HEAD}{rows}").as_bytes(), only, tolerance);
        listing.map(|listing| listing.rows).map_err(|error| error.to_string())
    }

    const ROWS: &str = "2020-01-01T00:00:00Z,a,p3,Linux,1.5\n2020-01-01T00:00:00Z,b,p3,Linux,2\n2020-01-01T01:00:00Z,a,p3,Linux,1.25\n";

    #[test]
    fn one_price_is_read() {
        let only = Only { zone: Some("a"), instance_type: None };
        let found = read(ROWS, only, Tolerance::Strict).unwrap();
        assert_eq!(found.len(), 2);
        assert!((found[1].1 - 1.25).abs() < 1e-12 && found[1].0 - found[0].0 == 3_600_000_000);
    }

    #[test]
    fn what_is_not_one_price_is_refused() {
        let several = read(ROWS, Only::default(), Tolerance::Strict).unwrap_err();
        assert!(
            several.contains("several prices") && several.contains("a p3 Linux, b p3 Linux"),
            "{several}"
        );
        let none = read(ROWS, Only { zone: Some("c"), instance_type: None }, Tolerance::Strict).unwrap_err();
        assert!(none.contains("it has a p3, b p3"), "{none}");
        let only = Only { zone: Some("a"), instance_type: None };
        let wrong = format!("{ROWS}2020-01-01T00:30:00Z,a,p3,Linux,1\n2020-01-01T03:00:00Z,a,p3,Linux,-1\n");
        assert!(read(&wrong, only, Tolerance::Strict).unwrap_err().contains("row 5: times must ascend"));
        assert_eq!(read(&wrong, only, Tolerance::Count).unwrap().len(), 2);
    }
}
