//! Published figures, ours beside them.

use std::fmt::Write as _;

use super::{
    format::decimals,
    style::{bad, bold, dim, good},
    table::{Align, Table, wrap},
};
use crate::commands::bench::evidence::Row;

/// The scorecard.
pub(crate) fn evidence(rows: &[Row], not_reproduced: &[(&str, &str)]) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let mut from = 0;
    while from < rows.len() {
        let first = &rows[from];
        let count = rows[from..].iter().take_while(|row| row.table == first.table).count();
        _ = writeln!(out, "{} {}", bold(first.table), dim(format!("({})", first.source)));
        if let Some(why) = &first.skipped {
            _ = writeln!(out, "  skipped: {why}\n");
            from += count;
            continue;
        }
        let mut table = Table::new(&[
            ("", Align::Left),
            ("published", Align::Right),
            ("ours", Align::Right),
            ("apart", Align::Right),
            ("tolerance", Align::Right),
            ("", Align::Left),
        ]);
        for row in &rows[from..from + count] {
            let ours = row.ours.unwrap_or(f64::NAN);
            table.row([
                row.figure.clone(),
                decimals(row.published, 3),
                decimals(ours, 3),
                format!("{:+.3}", ours - row.published),
                format!("±{}", decimals(row.tolerance, 3)),
                if row.within { "within".to_owned() } else { "OUT".to_owned() },
            ]);
        }
        for line in table.lines() {
            _ = writeln!(out, "  {line}");
        }
        out.push('\n');
        from += count;
    }
    let looked: Vec<&Row> = rows.iter().filter(|row| row.skipped.is_none()).collect();
    let within = looked.iter().filter(|row| row.within).count();
    let line = format!("{within} of {} figures within their tolerance", looked.len());
    let line = if within == looked.len() { good(&line) } else { bad(&line) };
    _ = writeln!(out, "{line}");
    _ = writeln!(out, "\n{}", bold("Not reproduced"));
    for (what, why) in not_reproduced {
        for line in wrap("  ", &format!("{what}: {why}"), 100) {
            _ = writeln!(out, "{line}");
        }
    }
    out
}
