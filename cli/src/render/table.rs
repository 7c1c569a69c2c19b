//! Columns of text without borders, and text that is wrapped or cut to a width.
//!
//! Widths count characters: names here are ASCII but for the signs ×, → and …. Text of documents comes
//! through here and may hold anything: what could command a terminal is replaced.

use std::borrow::Cow;

use super::style::bold;

/// On which side the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows under a head, in columns two spaces apart.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(Cow<'static, str>, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self::named(columns.iter().map(|(head, align)| ((*head).into(), *align)).collect())
    }

    /// With heads that are made at run time.
    pub(super) fn named(columns: Vec<(Cow<'static, str>, Align)>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row of as many cells as there are columns.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell).into_owned()).collect());
    }

    fn widths(&self) -> Vec<usize> {
        let width = |at: usize, head: &str| {
            self.rows.iter().map(|row| chars(&row[at])).max().unwrap_or(0).max(chars(head))
        };
        self.columns.iter().enumerate().map(|(at, (head, _))| width(at, head)).collect()
    }

    /// The rows as lines, the head in bold; columns that are empty throughout are left out.
    pub(super) fn lines(&self) -> Vec<String> {
        let widths = self.widths();
        let used: Vec<usize> =
            (0..self.columns.len()).filter(|at| self.rows.iter().any(|row| !row[*at].is_empty())).collect();
        let line = |cells: &[&str]| {
            let cells = used.iter().map(|at| pad(cells[*at], widths[*at], self.columns[*at].1));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let heads: Vec<&str> = self.columns.iter().map(|(head, _)| head.as_ref()).collect();
        let head = line(&heads);
        let head = (!head.is_empty()).then(|| bold(head));
        let rows = self.rows.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
        head.into_iter().chain(rows).collect()
    }
}

/// The text without characters that command a terminal or hide what a line says.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    let hides = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.contains(hides) { Cow::Owned(text.replace(hides, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

pub(super) fn chars(text: &str) -> usize {
    text.chars().count()
}

pub(super) fn pad(text: &str, width: usize, align: Align) -> String {
    match align {
        Align::Left => format!("{text:<width$}"),
        Align::Right => format!("{text:>width$}"),
    }
}

/// The text, its middle left out where it is longer than `width`.
pub(super) fn shorten(text: &str, width: usize) -> String {
    let text = printable(text);
    let length = chars(&text);
    if length <= width {
        return text.into_owned();
    }
    let kept = width.saturating_sub(1);
    let (front, back) = (kept - kept / 2, kept / 2);
    let head: String = text.chars().take(front).collect();
    let tail: String = text.chars().skip(length - back).collect();
    format!("{head}…{tail}")
}

/// The text, its end left out where it is longer than `width`.
pub(super) fn shorten_end(text: &str, width: usize) -> String {
    if chars(text) <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).collect::<String>() + "…"
}

/// As [`wrap`], for text with escape sequences, which take no room.
pub(super) fn wrap_painted(first: &str, text: &str, width: usize) -> Vec<String> {
    let plain = anstream::adapter::strip_str(text).to_string();
    wrapped(first, text, width + chars(text) - chars(&plain))
}

/// The text in lines of at most `width` characters (a longer word stands alone), the first after
/// `first`, the others after as many spaces.
pub(super) fn wrap(first: &str, text: &str, width: usize) -> Vec<String> {
    wrapped(first, &printable(text), width)
}

fn wrapped(first: &str, text: &str, width: usize) -> Vec<String> {
    let indent = chars(first);
    let room = width.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && chars(&line) + 1 + chars(word) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    let prefix = |at: usize| if at == 0 { first.to_owned() } else { " ".repeat(indent) };
    lines.iter().enumerate().map(|(at, line)| prefix(at) + line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_empty_ones_are_left_out() {
        let mut table = Table::new(&[("NAME", Align::Left), ("NOTE", Align::Left), ("$", Align::Right)]);
        table.row(["a".into(), String::new(), "1.50".into()]);
        table.row(["much longer".into(), String::new(), "12.25".into()]);
        let text = anstream::adapter::strip_str(&table.lines().join("\n")).to_string();
        assert_eq!(text, "NAME             $\na             1.50\nmuch longer  12.25");
    }

    #[test]
    fn what_commands_a_terminal_is_replaced() {
        assert_eq!(wrap("", "a\u{1b}[31m b\u{202e}c", 30), ["a\u{fffd}[31m b\u{fffd}c"]);
        assert_eq!(shorten("a\tb", 9), "a\u{fffd}b");
    }

    #[test]
    fn long_text_is_cut_in_the_middle_or_wrapped() {
        assert_eq!(shorten("aws/eu-central-1/p4d.24xlarge/on-demand", 21), "aws/eu-cen…/on-demand");
        assert_eq!(shorten("short", 21), "short");
        let lines = wrap("- ", "one two three four five six", 22);
        assert_eq!(lines, ["- one two three four", "  five six"]);
    }
}
