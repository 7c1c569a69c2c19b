//! Reads the embedded tables: lines of CSV that our own generator wrote.
//!
//! They are simpler than CSV at large (a quoted field never holds a quote), which is why a dozen lines replace a parser
//! and nothing is copied. A table that breaks the format is a bug of this repository, so it stops the program here with
//! the table's line; the tests read every table.

/// The lines of a table behind its comments and its header.
pub(crate) fn rows(text: &'static str) -> impl Iterator<Item = &'static str> {
    head_and_rows(text).1
}

/// The header, and the lines behind it.
pub(crate) fn head_and_rows(text: &'static str) -> (&'static str, impl Iterator<Item = &'static str>) {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    (lines.next().unwrap_or_default(), lines)
}

/// The fields of a line, of which there must be exactly `N`.
pub(crate) fn fields<const N: usize>(line: &'static str) -> [&'static str; N] {
    let mut fields = [""; N];
    let mut count = 0;
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (field, behind) = split(text);
        if count < N {
            fields[count] = field;
        }
        count += 1;
        rest = behind;
    }
    assert!(count == N, "a line of an embedded table has {count} fields instead of {N}: {line}");
    fields
}

fn split(text: &'static str) -> (&'static str, Option<&'static str>) {
    if let Some(quoted) = text.strip_prefix('"') {
        let (field, behind) = quoted.split_once('"').expect("an embedded table closes its quotes");
        return (field, behind.strip_prefix(','));
    }
    match text.split_once(',') {
        Some((field, behind)) => (field, Some(behind)),
        None => (text, None),
    }
}

/// `None` for an empty field.
pub(crate) fn maybe(field: &'static str) -> Option<&'static str> {
    (!field.is_empty()).then_some(field)
}

/// A number of an embedded table.
pub(crate) fn number(field: &'static str) -> f64 {
    field.parse().expect("a number of an embedded table is a number")
}
