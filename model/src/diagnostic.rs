//! What is wrong with a text, where exactly, and what to do about it.
//!
//! A [`Diagnostic`] stands alone: it carries the line of the text that it points at, so it can be shown
//! long after the text is gone. Columns count characters, as editors do. The rendering shows at most a
//! window of the line and replaces control characters, since a file may hold anything (a terminal's
//! escape sequences too).

mod columns;
mod credential;
mod secret;

use std::{fmt, sync::OnceLock};

use columns::Columns;
pub use credential::in_address as address;
use secret::Secrets;

/// The most characters of a source line that are shown.
const WINDOW: usize = 110;

/// The longest line, in bytes, that is gone through for each problem on it. A document of JSON may be one line of
/// megabytes with thousands of problems: what is asked about longer lines is looked for once.
const LONG: usize = 1024;

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
    /// Looked for once something is wrong.
    found: OnceLock<(Secrets, Columns)>,
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
        Self { name, text, starts, found: OnceLock::new() }
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

    /// Each line with where it begins.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(&self.starts).map_while(|(number, start)| Some((*start, self.line(number)?)))
    }

    /// A problem at a place of this text.
    ///
    /// Of a document that holds a Secret of Kubernetes neither a line is shown nor anything that the
    /// message quotes; so it is with values of environment variables, of which the rest of the line is shown.
    /// What looks like a credential is not shown anywhere.
    pub fn problem(&self, span: Span, field: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        let (secrets, columns) =
            self.found.get_or_init(|| (Secrets::of(&self.text, || self.lines()), Columns::of(self.lines())));
        let line = self.line(span.line).map(|line| (self.starts[span.line as usize - 1], line));
        let is_hidden = secrets.hide(span.line);
        let column = (span.column as usize).saturating_sub(1);
        let is_value =
            || line.is_some_and(|(start, line)| secrets.hold(start + columns.byte(start, line, column)));
        let (field, message): (String, String) = (field.into(), message.into());
        let message = if is_hidden || is_value() { without_quotations(&message) } else { message };
        let (field, message) = (credential::without(&field), credential::without(&message));
        let shown = line.filter(|_| !is_hidden);
        Diagnostic {
            file: self.name.clone(),
            span: Some(span),
            field,
            message,
            help: None,
            source_line: shown.map(|(start, line)| excerpt(start, line, span, secrets, columns)),
        }
    }
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

fn excerpt(start: usize, line: &str, span: Span, secrets: &Secrets, columns: &Columns) -> Excerpt {
    let column = (span.column as usize).saturating_sub(1);
    let from = if line.chars().nth(WINDOW).is_none() { 0 } else { column.saturating_sub(WINDOW / 2) };
    let window = columns.byte(start, line, from)..columns.byte(start, line, from + WINDOW);
    let is_cut = window.end < line.len();
    let shown = secrets.mask(start, line, window);
    let mut text: String =
        (from > 0).then_some('…').into_iter().chain(shown.chars().map(printable)).collect();
    if is_cut {
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

    /// Each of them went through the whole line: minutes for a megabyte with thousands of problems.
    #[test]
    fn many_problems_on_one_long_line_cost_what_is_shown_of_each() {
        let pod = "{\"é\": 2x, \"args\": [\"--token=hunter2\", \"3f9a0c12be77d41598aa\"], \"env\": [{\"name\": \"T\", \
                   \"value\": \"hunter2 PLIMSOLL_X: 1\"}], \"image\": \"https://me:hunter2@host/x?y\"}, ";
        let (count, length) = (5_000, pod.chars().count());
        let source = Source::new("f", pod.repeat(count));
        for index in 0..count {
            let span = Span { length: 2, ..Span::point(1, index * length + 7) };
            let problem = source.problem(span, "", "`2x` is no number");
            let line = problem.source_line.unwrap();
            assert_eq!(line.text.chars().skip(line.before).take(2).collect::<String>(), "2x", "{line:?}");
            assert!(!line.text.contains("hunter2") && !line.text.contains("3f9a"), "{line:?}");
        }
        let span = Span::point(1, length + pod.find("hunter2 P").unwrap());
        assert_eq!(source.problem(span, "", "`hunter3` is wrong").message, "`…` is wrong");
    }

    /// The secret stands wherever a value may, in whole texts and in broken ones.
    #[test]
    fn values_of_environments_and_secrets_are_never_shown() {
        let texts = [
            "containers: [{name: c, resources: {requests: {cpu: x}}, env: [{name: T, value: hunter2}]}]",
            "containers:\n- name: c\n  env:\n  - name: T\n    value: hunter2\n  cpu: x",
            "- env:\n  - {name: T, value: hunter2\n  cpu: x",
            "env: [{name: T, value: 'it''s ] hunter2'}, {name: U, value: don't} , {value: hunter2",
            "\"env\": [{\"name\": \"T\", \"value\": \"a\\\"] hunter2\"}], \"cpu\": \"x\"",
            "envs: {A: hunter2: x}",
            "args: [\"--password\", \"hunter2\", --token, hunter2, '-p', 'hunter2'], cpu: x",
            "args:\n- --password\n- hunter2\n- --token\n\n- 'hunter2\n- cpu: x",
            "args: [\n  \"--password\",\r\n  \"hunter2\",\n  x\n]",
            "run: |\n  mysql --password \\\n    hunter2 x\nenvs: {A: hunter2}",
            "envs:\r\n  A: |\r\n    hunter2\r\n\r\n    hunter2\r\nrun: x",
            "envs: hunter2\n  hunter2\nrun: x",
            "secrets: {TOK: hunter2, TOK: hunter2}",
            "annotations:\n  kubectl.kubernetes.io/last-applied-configuration: |\n    {hunter2}\n  a: b",
            "annotations: {\"kubectl.kubernetes.io/last-applied-configuration\": \"{\\\"hunter2\\\"}\", a: b}",
            "kind: Secret\ndata: {a: hunter2}\n---\nkind: Pod",
            "apiVersion: v1\nkind: Secret\nstringData:\n  a: \"hunter2\n---\nkind: Pod",
            // Comments, pastes and tabs at the key's own column or before it.
            "envs:\n  A: x\n# the token\n  TOKEN: hunter2: bad",
            "    env:\n    # database\n    - name: T\n      value: hunter2\n      value: hunter2\n    image: x",
            "envs:\n  KEY: |\n    -----BEGIN\nhunter2hunter2",
            "envs:\n  KEY: |\n-----BEGIN\nProc-Type: 4,ENCRYPTED\n\nhunter2\n-----END\n  T: hunter2\nrun: x",
            "kind: Secret\ndata:\n  a: |\n-----BEGIN\nhunter2",
            "envs:\n\tT: hunter2",
            // Our own settings, without the quote or the comma that ends them.
            "envs: {PLIMSOLL_DURATION: \"6x, TOKEN: hunter2, B: \"x\"}",
            "envs:\n  PLIMSOLL_DURATION: \"6x\n  TOKEN: hunter2\n  B: \"\"",
            "envs: {PLIMSOLL_DURATION: '6x, TOKEN: hunter2",
            "envs: {PLIMSOLL_DURATION: 6x TOKEN: hunter2}",
            "envs: {PLIMSOLL_CHECKPOINT: '{every: 6x}, TOKEN: hunter2, B: 'x'}",
            // Pasted as though it were the next key.
            "envs:\n  A: x\nAPI: hunter2\nrun: x",
            "envs:\nAPI: hunter2\n'B': hunter2\nrun: x",
            "envs: {A: x} # c\nAPI: hunter2\nB: hunter2\nrun: x",
            "envs: \"\"\r\nAPI: hunter2\r\nrun: x",
            "  env:\n  - name: T\n  value: hunter2\n  image: x",
            "    env:\n    - name: T\n  value: hunter2\n  image: x",
            // And elsewhere.
            "name: x\nHF_TOKEN: hunter2\nrun: x",
            "run: curl --password=hunter2",
            "spec: {password: 'hunter2', cpu: x}",
            // Brackets in comments close nothing.
            "env: [\n {name: A, value: x}, # first ]\n {name: T, value: hunter2: x}",
        ];
        for text in texts {
            let source = Source::new("f", text);
            for (number, line) in (1..).zip(text.lines()) {
                let on_it = |column| {
                    line.match_indices("hunter2").any(|(at, it)| (at..at + it.len()).contains(&column))
                };
                for column in 0..line.len() {
                    let message = format!("`{line}` is wrong");
                    let problem = source.problem(Span::point(number, column + 1), "", message).to_string();
                    let shown =
                        problem.lines().skip(usize::from(!on_it(column))).collect::<Vec<_>>().join("\n");
                    assert!(!shown.contains("hunter2"), "{text}\n{problem}");
                }
            }
            assert!(text.contains("hunter2"));
        }
        // All else is shown, also behind them.
        let source = Source::new("f", "{env: [{name: T, value: hunter2}], cpu: 2x}");
        let problem = source.problem(Span { line: 1, column: 41, length: 2 }, "", "`2x` is no number");
        insta::assert_snapshot!(problem, @r"
        error: `2x` is no number
         --> f:1:41
          |
        1 | {env: ••••••• •• •••••• •••••••••, cpu: 2x}
          |                                         ^^
        ");
        for (text, column) in [
            ("envs:\n  PLIMSOLL_VALUE: ten\n  TOKEN: hunter2", 19),
            ("\nenvs: {PLIMSOLL_VALUE: ten, TOKEN: hunter2}", 24),
        ] {
            let problem = Source::new("f", text).problem(Span::point(2, column), "", "`ten` is no number");
            let text = problem.to_string();
            assert!(
                text.contains("`ten`") && text.contains("VALUE: ten") && !text.contains("TOKEN"),
                "{text}"
            );
        }
        let source = Source::new("f", "environment: a\nenvFrom: b\nmyenv: c\nenv:d: e");
        assert_eq!(source.problem(Span::START, "", "m").source_line.unwrap().text, "environment: a");
        assert!((2..5).all(|line| !source.problem(Span::point(line, 1), "", "m").to_string().contains('•')));
    }

    #[test]
    fn a_span_beyond_the_text_is_harmless() {
        let source = Source::new("f", "ab\n");
        for span in [Span { line: 1, column: 900, length: 9 }, Span { line: 7, column: 1, length: 1 }] {
            assert!(source.problem(span, "", "m").to_string().starts_with("error: m\n --> f:"));
        }
    }
}
