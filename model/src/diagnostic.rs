//! What is wrong with a text, where exactly, and what to do about it.
//!
//! A [`Diagnostic`] stands alone: it carries the line of the text that it points at, so it can be shown
//! long after the text is gone. Columns count characters, as editors do. The rendering shows at most a
//! window of the line and replaces control characters, since a file may hold anything (a terminal's
//! escape sequences too).

use std::{fmt, ops::RangeInclusive};

/// The most characters of a source line that are shown.
const WINDOW: usize = 110;

/// A stretch of one line. Lines and columns start at 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The line.
    pub line: u32,
    /// The column of the first character.
    pub column: u32,
    /// How many characters, at least 1.
    pub length: u32,
}

impl Span {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1, length: 1 };

    /// One character.
    pub fn point(line: usize, column: usize) -> Self {
        Self { line: clamp(line), column: clamp(column), length: 1 }
    }
}

fn clamp(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX).max(1)
}

/// A named text, with the places where its lines begin.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    starts: Vec<usize>,
    secrets: Vec<RangeInclusive<u32>>,
}

impl Source {
    /// A text and the name people know it by: a path as given, or `<stdin>`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (name.into(), text.into());
        let bytes = text.as_bytes();
        // A line ends with LF, CR LF, or CR alone, as YAML has it.
        let breaks = bytes.iter().enumerate().filter_map(|(at, byte)| match byte {
            b'\n' => Some(at + 1),
            b'\r' if bytes.get(at + 1) != Some(&b'\n') => Some(at + 1),
            _ => None,
        });
        let starts = std::iter::once(0).chain(breaks).collect();
        let secrets = secrets(&text);
        Self { name, text, starts, secrets }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A line without its end; lines start at 1.
    pub fn line(&self, line: u32) -> Option<&str> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).copied().unwrap_or(self.text.len());
        self.text.get(start..end).map(|text| text.trim_end_matches(['\n', '\r']))
    }

    /// A problem at a place of this text.
    ///
    /// Of a document that holds a Secret of Kubernetes neither a line is shown nor anything that the
    /// message quotes.
    pub fn problem(&self, span: Span, field: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        let is_secret = self.secrets.iter().any(|lines| lines.contains(&span.line));
        let message: String = message.into();
        Diagnostic {
            file: self.name.clone(),
            span: Some(span),
            field: field.into(),
            message: if is_secret { without_quotations(&message) } else { message },
            help: None,
            source_line: self.line(span.line).filter(|_| !is_secret).map(|line| excerpt(line, span)),
        }
    }
}

/// The lines of documents that hold a Secret.
fn secrets(text: &str) -> Vec<RangeInclusive<u32>> {
    let mut found = Vec::new();
    if !text.contains("Secret") {
        return found;
    }
    let names_one = |line: &str| {
        line.match_indices("kind").any(|(at, _)| {
            let rest = line[at + 4..].trim_start_matches(['"', '\'', ' ']);
            let kind = rest.strip_prefix(':').map(|kind| kind.trim_start_matches(['"', '\'', ' ']));
            kind.is_some_and(|kind| kind.starts_with("Secret"))
        })
    };
    let (mut first, mut is_secret, mut number) = (1, false, 0);
    // Lines are counted as `starts` does: CR alone ends one, CR LF ends one.
    for line in text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r')) {
        number += 1;
        if line.starts_with("---") {
            if is_secret {
                found.push(first..=number - 1);
            }
            (first, is_secret) = (number, false);
        }
        is_secret |= names_one(line);
    }
    if is_secret {
        found.push(first..=u32::MAX);
    }
    found
}

/// A message without what stands between its back quotes.
fn without_quotations(message: &str) -> String {
    let parts = message.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 0 { part } else { "`…`" }).collect()
}

/// Part of a line around what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The characters shown, control characters replaced.
    pub text: String,
    /// How many characters of `text` lie before the span.
    pub before: usize,
}

fn excerpt(line: &str, span: Span) -> Excerpt {
    let column = span.column as usize - 1;
    let from = if line.chars().nth(WINDOW).is_none() { 0 } else { column.saturating_sub(WINDOW / 2) };
    let shown = line.chars().skip(from).take(WINDOW).map(printable);
    let mut text: String =
        if from > 0 { std::iter::once('…').chain(shown).collect() } else { shown.collect() };
    if line.chars().nth(from + WINDOW).is_some() {
        text.push('…');
    }
    let length = text.chars().count();
    Excerpt { text, before: (column - from + usize::from(from > 0)).min(length) }
}

fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        // Marks that reorder text can hide what a line says.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    }
}

/// A text from a document, safe and short enough to stand in a message.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text.chars().take(LONGEST).map(printable).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// Something wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as the user named it.
    pub file: String,
    /// Where; absent when it is about the whole file (it cannot be read).
    pub span: Option<Span>,
    /// The dotted path of the field, `spec.inputs[0].size`; empty for none.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The line it points at.
    pub source_line: Option<Excerpt>,
}

/// Escape sequences around the parts of a rendered diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paint {
    /// Before `error` and the carets.
    pub error: &'static str,
    /// Before line numbers and rules.
    pub frame: &'static str,
    /// After any of them.
    pub reset: &'static str,
}

impl Diagnostic {
    /// A problem of a whole file.
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            span: None,
            field: String::new(),
            message: message.into(),
            help: None,
            source_line: None,
        }
    }

    /// The same with what to do about it.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<u32> {
        self.span.map(|span| span.line)
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> Option<u32> {
        self.span.map(|span| span.column)
    }

    /// The message with the place and the line it points at.
    pub fn render(&self, paint: &Paint) -> String {
        let Paint { error, frame, reset } = paint;
        let file = line_of(&self.file);
        let mut lines = vec![format!("{error}error{reset}: {}", line_of(&self.message))];
        let help = self.help.as_deref().map(line_of);
        let help_line =
            |gutter: &str| help.as_deref().map(|help| format!("{gutter} {frame}={reset} help: {help}"));
        let Some(span) = self.span else {
            lines.push(format!(" {frame}-->{reset} {file}"));
            lines.extend(help_line(" "));
            return lines.join("\n");
        };
        let number = span.line.to_string();
        let gutter = " ".repeat(number.len());
        lines.push(format!("{gutter}{frame}-->{reset} {file}:{number}:{}", span.column));
        let Some(line) = &self.source_line else {
            lines.extend(help_line(&gutter));
            return lines.join("\n");
        };
        let text = line.text.trim_end();
        let room = text.chars().count().saturating_sub(line.before).max(1);
        let carets = "^".repeat((span.length as usize).clamp(1, room));
        let blank = " ".repeat(line.before);
        let help = help.as_deref().map(|help| format!(" {help}")).unwrap_or_default();
        lines.push(format!("{gutter} {frame}|{reset}"));
        lines.push(format!("{frame}{number} |{reset} {text}"));
        lines.push(format!("{gutter} {frame}|{reset} {blank}{error}{carets}{reset}{help}"));
        lines.join("\n")
    }
}

/// A message may quote names and texts of any kind; what is shown is one printable line.
fn line_of(text: &str) -> String {
    text.chars().map(printable).collect()
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Paint::default()))
    }
}

impl std::error::Error for Diagnostic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_shown_with_carets_under_the_span() {
        let source = Source::new("team.yaml", "a: 1\r\n\tdurration: 6h\r\n");
        let problem = source
            .problem(Span { line: 2, column: 2, length: 9 }, "spec.durration", "unknown field `durration`")
            .with_help("did you mean `duration`?");
        insta::assert_snapshot!(problem, @r"
        error: unknown field `durration`
         --> team.yaml:2:2
          |
        2 |  durration: 6h
          |  ^^^^^^^^^ did you mean `duration`?
        ");
    }

    #[test]
    fn long_lines_are_cut_to_a_window_and_control_characters_replaced() {
        let text = format!("{}\u{1b}[31mHERE{}", "x".repeat(5000), "y".repeat(5000));
        let problem = Source::new("f", text).problem(Span { line: 1, column: 5006, length: 4 }, "", "m");
        let text = problem.to_string();
        assert!(text.chars().count() < 400 && !text.contains('\u{1b}'), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let caret = lines[4].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[3].chars().skip(caret).take(4).collect::<String>(), "HERE");
    }

    #[test]
    fn a_span_beyond_the_text_is_harmless() {
        let source = Source::new("f", "ab\n");
        for span in [Span { line: 1, column: 900, length: 9 }, Span { line: 7, column: 1, length: 1 }] {
            assert!(source.problem(span, "", "m").to_string().starts_with("error: m\n --> f:"));
        }
    }
}
