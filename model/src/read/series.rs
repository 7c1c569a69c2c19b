//! Carbon series: CSV with the columns `time,gramsPerKwh`.

use crate::{
    Diagnostic, GramsPerKwh, Series, Time,
    diagnostic::{Source, Span, shown},
    quantity::decimal::{LIMIT, SCALE, parse_pico},
    yaml,
};

const HEADER: &str = "time,gramsPerKwh";

/// How many bad rows are reported.
const PROBLEMS: usize = 20;

/// Reads a carbon series. Blank lines and lines that begin with `#` are skipped.
///
/// # Errors
/// Each row that is no time and figure, or not later than the one before; a missing header; no rows.
pub fn series(file: &str, bytes: &[u8]) -> Result<Series, Vec<Diagnostic>> {
    let source = yaml::text_of(file, bytes)?;
    let mut rows: Series = Vec::new();
    let mut problems: Vec<Diagnostic> = Vec::new();
    let mut headed = false;
    let mut number = 0u32;
    while let Some(line) = source.line(number + 1) {
        number += 1;
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if !headed {
            headed = true;
            if !line.split(',').map(|cell| unquoted(cell).0).eq(HEADER.split(',')) {
                let problem = source
                    .problem(whole_line(number, line), "", format!("expected the header `{HEADER}`"))
                    .with_help("a series has two columns: RFC 3339 times and grams of CO2e a kWh");
                return Err(vec![problem]);
            }
            continue;
        }
        match row(&source, number, line, rows.last().map(|row| row.0)) {
            Ok(row) => rows.push(row),
            Err(problem) => problems.push(*problem),
        }
        if problems.len() >= PROBLEMS {
            break;
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if rows.is_empty() {
        let what = if headed { "the series has no rows" } else { "the series is empty" };
        return Err(vec![
            Diagnostic::of_file(file, what).with_help(format!("expected `{HEADER}` and at least one row")),
        ]);
    }
    Ok(rows)
}

fn whole_line(number: u32, line: &str) -> Span {
    let length = u32::try_from(line.chars().count()).unwrap_or(u32::MAX).max(1);
    Span { line: number, column: 1, length }
}

/// The content of a cell, and how many characters lie before it.
fn unquoted(cell: &str) -> (&str, usize) {
    let inner = cell.trim();
    let before = cell.chars().take_while(|c| c.is_whitespace()).count();
    match inner.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
        Some(inside) => (inside, before + 1),
        None => (inner, before),
    }
}

fn row(
    source: &Source,
    number: u32,
    line: &str,
    previous: Option<Time>,
) -> Result<(Time, GramsPerKwh), Box<Diagnostic>> {
    let cells: Vec<&str> = line.split(',').collect();
    let [time_cell, value_cell] = cells[..] else {
        let problem = format!("expected 2 cells, found {}", cells.len());
        let problem = source.problem(whole_line(number, line), "", problem);
        return Err(Box::new(problem.with_help("each line is `TIME,GRAMS`: 2026-11-25T06:00:00Z,310")));
    };
    let at = |start: usize, text: &str| Span {
        line: number,
        column: u32::try_from(start).unwrap_or(u32::MAX),
        length: u32::try_from(text.chars().count()).unwrap_or(u32::MAX).max(1),
    };
    let (time_text, before) = unquoted(time_cell);
    let span = at(1 + before, time_text);
    let problem = |span, field: &str, message: String| {
        Box::new(source.problem(span, field, format!("`{field}`: {message}")))
    };
    let time: Time = time_text.parse().map_err(|_| {
        problem(span, "time", format!("`{}` is not a time such as 2026-11-25T06:00:00Z", shown(time_text)))
    })?;
    if let Some(previous) = previous
        && time <= previous
    {
        let message = format!("times must ascend: `{}` is not later than `{previous}`", shown(time_text));
        return Err(Box::new(problem(span, "time", message).with_help("sort the lines by time, each once")));
    }
    let (value_text, before) = unquoted(value_cell);
    let span = at(2 + time_cell.chars().count() + before, value_text);
    let value = parse_pico(value_text)
        .map_err(|error| problem(span, "gramsPerKwh", format!("`{}`: {error}", shown(value_text))))?;
    if !(0..=LIMIT * SCALE).contains(&value) {
        let message = format!("`{}` must lie between 0 and 10^12", shown(value_text));
        return Err(problem(span, "gramsPerKwh", message));
    }
    Ok((time, GramsPerKwh::from_pico(value)))
}
