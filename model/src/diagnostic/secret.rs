//! What of a text is never shown: documents that hold a Secret, and values of environment variables.
//!
//! The text may be broken, which is why its problems are shown, so nothing here relies on a parser: a stretch begins
//! after a key that is known to hold secrets and ends where its brackets or quotes close, or where another entry
//! begins that is not indented below it. In doubt it is longer.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ops::{Range, RangeInclusive},
};

use super::{LONG, credential, credential::Ahead};

/// Keys whose values are not shown, wherever they stand.
const KEYS: [&str; 7] = [
    "env",
    "envs",
    "env_vars",
    "secrets",
    "stringData",
    "runtimeEnvYAML",
    "kubectl.kubernetes.io/last-applied-configuration",
];

/// What ends a line.
const BREAKS: [char; 2] = ['\n', '\r'];

/// What takes the place of each character.
const MASK: char = '•';

/// What of a text is not shown.
#[derive(Debug)]
pub(super) struct Secrets {
    /// Lines of documents that hold a Secret, ascending.
    lines: Vec<RangeInclusive<u32>>,
    /// What looks like a credential on long lines, in bytes of the line, by where the line begins.
    credentials: BTreeMap<usize, Vec<Range<usize>>>,
    /// Values, in bytes of the text, by where they begin; they do not overlap.
    values: Vec<Range<usize>>,
    /// What of them is shown: this program's own settings.
    own: Vec<Range<usize>>,
}

/// How this program's own settings in the environment of SkyPilot's tasks begin.
pub(super) const OWN: &str = "PLIMSOLL_";

impl Secrets {
    /// Those of a text, whose lines come with where they begin.
    pub(super) fn of<'a, L: Iterator<Item = (usize, &'a str)>>(text: &'a str, lines: impl Fn() -> L) -> Self {
        let values = values(text);
        let own = values.iter().flat_map(|value| own(text, value.clone())).collect();
        let long = lines().filter(|(_, line)| line.len() > LONG);
        let credentials = long.map(|(start, line)| (start, credential::within(line))).collect();
        let has_one = text.contains("Secret");
        let documents = if has_one { documents(lines().map(|(_, line)| line)) } else { Vec::new() };
        Self { lines: documents, credentials, values, own }
    }

    /// Whether a line is of a document that holds a Secret.
    pub(super) fn hide(&self, line: u32) -> bool {
        let next = self.lines.partition_point(|lines| *lines.start() <= line);
        next.checked_sub(1).is_some_and(|at| self.lines[at].contains(&line))
    }

    /// Whether a byte of the text is of a value.
    pub(super) fn hold(&self, byte: usize) -> bool {
        is_in(&self.values, byte) && !is_in(&self.own, byte)
    }

    /// A window, in bytes, of the line that begins at `start`, without values.
    pub(super) fn mask(&self, start: usize, line: &str, window: Range<usize>) -> String {
        let found = self.credentials.get(&start);
        let credentials = found.map_or_else(|| credential::within(line).into(), |found| Cow::from(&**found));
        let is_hidden = |at: usize| self.hold(start + at) || is_in(&credentials, at);
        let first = window.start;
        let shown = |(at, c): (usize, char)| if is_hidden(first + at) && c != ' ' { MASK } else { c };
        line[window].char_indices().map(shown).collect()
    }
}

/// Whether a byte is in one of some stretches that ascend and do not overlap.
fn is_in(ranges: &[Range<usize>], byte: usize) -> bool {
    let next = ranges.partition_point(|range| range.start <= byte);
    next.checked_sub(1).is_some_and(|at| ranges[at].contains(&byte))
}

/// The lines of documents that hold a Secret.
fn documents<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<RangeInclusive<u32>> {
    let mut found = Vec::new();
    let names_one = |line: &str| {
        line.match_indices("kind").any(|(at, _)| {
            let rest = line[at + 4..].trim_start_matches(['"', '\'', ' ']);
            let kind = rest.strip_prefix(':').map(|kind| kind.trim_start_matches(['"', '\'', ' ']));
            kind.is_some_and(|kind| kind.starts_with("Secret"))
        })
    };
    let (mut first, mut is_secret, mut number) = (1, false, 0);
    for line in lines {
        number += 1;
        if begins_document(line) {
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

/// The values of keys that hold secrets.
fn values(text: &str) -> Vec<Range<usize>> {
    let mut keys: Vec<(usize, usize)> = Vec::new();
    for key in KEYS {
        keys.extend(text.match_indices(key).filter_map(|(at, _)| Some((at, value_of(text, at, key.len())?))));
    }
    keys.sort_unstable();
    let behind = behind_flags(text);
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut breaks = Ahead::new(text, &BREAKS);
    for (key, value) in keys {
        // What lies in another's value is not shown already.
        if found.last().is_none_or(|last| last.end <= key) {
            found.push(value..end(text, key, value, &mut breaks));
        }
    }
    let is_apart = |line: &Range<usize>| {
        let next = found.partition_point(|value| value.start < line.end);
        next.checked_sub(1).is_none_or(|at| found[at].end <= line.start)
    };
    let apart: Vec<Range<usize>> = behind.into_iter().filter(is_apart).collect();
    found.extend(apart);
    found.sort_unstable_by_key(|value| value.start);
    found
}

/// Lines below one that ends with a flag that takes a secret: the next item of a list, the next line of a command.
fn behind_flags(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut at, mut is_next) = (Vec::new(), 0, false);
    for line in text.split_inclusive(BREAKS) {
        let content = line.trim_end_matches(BREAKS);
        if is_next && !content.trim().is_empty() {
            let item = content.trim_start().trim_start_matches("- ").trim_start();
            if !item.starts_with('-') && !begins_entry(item) {
                found.push(at + (content.len() - item.len())..at + content.len());
            }
            is_next = false;
        }
        is_next |= credential::ends_with_flag(content);
        at += line.len();
    }
    found
}

/// This program's own settings within a value, with their names.
fn own(text: &str, value: Range<usize>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut breaks = Ahead::new(&text[..value.end], &BREAKS);
    for (at, _) in text[value.clone()].match_indices(OWN) {
        let start = value.start + at;
        let rest = &text[start..value.end];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let Some(own) = value_of(text, start, length).filter(|own| *own <= value.end) else { continue };
        let Some(length) = text.get(own..breaks.from(own)).and_then(own_length) else { continue };
        if found.last().is_none_or(|last| last.end <= start) {
            found.push(start..own + length);
        }
    }
    found
}

/// How much of the rest of a line is the value of an own setting that it begins with. None where that is not sure to be
/// all of it, and to hold no other setting: a quote or a comma may be missing.
fn own_length(line: &str) -> Option<usize> {
    let start = line.len() - line.trim_start_matches(' ').len();
    let end = match line[start..].chars().next() {
        Some(quote @ ('"' | '\'')) => quote_end(line, start + 1, quote)?,
        _ => line.find([',', '}']).unwrap_or(line.len()),
    };
    let rest = line[end..].trim_start();
    let is_whole = rest.is_empty() || rest.starts_with([',', '}']);
    // A setting of several fields is a mapping in quotes.
    let inner = line[start..end].trim_matches(['"', '\'']).trim();
    let is_mapping = line[start..].starts_with(['"', '\'']) && inner.starts_with('{') && inner.ends_with('}');
    (is_whole && (is_mapping || !line[..end].contains(": "))).then_some(end)
}

/// Where the value of a key begins, if this is one.
fn value_of(text: &str, key: usize, length: usize) -> Option<usize> {
    let before = text[..key].chars().next_back();
    let quote = before.filter(|c| matches!(c, '"' | '\''));
    if before.is_some_and(|c| !c.is_whitespace() && !matches!(c, '{' | '[' | ',' | '"' | '\'' | '\u{feff}')) {
        return None;
    }
    let rest = &text[key + length..];
    let rest = match quote {
        Some(quote) => rest.strip_prefix(quote)?,
        None => rest,
    };
    let rest = rest.trim_start_matches(' ').strip_prefix(':')?;
    let ends = quote.is_some() || rest.is_empty() || rest.starts_with(char::is_whitespace);
    ends.then_some(text.len() - rest.len())
}

/// Where the value of a key ends, with the breaks of lines from there on.
fn end(text: &str, key: usize, value: usize, breaks: &mut Ahead<'_>) -> usize {
    let rest = &text[value..];
    let start = value + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    let end = match text[start..].chars().next() {
        Some('[' | '{') => bracket_end(text, start),
        Some(quote @ ('"' | '\'')) => quote_end(text, start + 1, quote).unwrap_or(text.len()),
        _ => return block_end(text, key, start),
    };
    // What was pasted below it as though it were the next key.
    let mut end = end;
    while let Some(line) =
        next_line(text, end, breaks).filter(|line| is_variable(text[line.clone()].trim_start_matches(' ')))
    {
        end = line.end;
    }
    end
}

/// The line below, where nothing but a comment is left of this one.
fn next_line(text: &str, at: usize, breaks: &mut Ahead<'_>) -> Option<Range<usize>> {
    let line_end = Some(breaks.from(at)).filter(|end| *end < text.len())?;
    let left = text[at..line_end].trim_start();
    let rest = &text[line_end..];
    let start = line_end + if rest.starts_with("\r\n") { 2 } else { 1 };
    let length = text[start..].find(BREAKS).unwrap_or(text.len() - start);
    (left.is_empty() || left.starts_with('#')).then_some(start..start + length)
}

/// Whether a line, without its indentation, is a variable or its value that belongs further to the right: keys of tasks
/// and containers have no capitals only, and no `value`.
fn is_variable(line: &str) -> bool {
    let name = line.trim_start_matches(['"', '\'']);
    let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    let name = &name[..length];
    let is_capitals = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| !c.is_ascii_lowercase());
    begins_entry(line) && (is_capitals || matches!(name, "value" | "valueFrom"))
}

/// After the bracket that closes the one at `start`.
fn bracket_end(text: &str, start: usize) -> usize {
    let (mut depth, mut at, mut before) = (0_usize, start, ':');
    while let Some(c) = text[at..].chars().next() {
        let is_apart = text[..at].ends_with(char::is_whitespace);
        at += c.len_utf8();
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            // Quotes inside of a word are part of it.
            '"' | '\'' if matches!(before, '[' | '{' | ',' | ':') => {
                at = quote_end(text, at, c).unwrap_or(text.len());
            }
            '#' if is_apart => {
                at += text[at..].find(BREAKS).unwrap_or(text.len() - at);
                continue;
            }
            _ => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    text.len()
}

/// After the quote that closes a text which begins at `start`.
fn quote_end(text: &str, start: usize, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text[start..].char_indices() {
        let next = start + at + c.len_utf8();
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            // Twice, it stands for itself.
            '\'' if quote == '\'' && text[next..].starts_with('\'') => escaped = true,
            _ if c == quote => return Some(next),
            _ => {}
        }
    }
    None
}

/// Where something begins that is not indented below a key. What only lies there, as comments and keys in PEM that were
/// pasted do, ends nothing.
fn block_end(text: &str, key: usize, start: usize) -> usize {
    let line = text[..key].rfind(BREAKS).map_or(0, |at| at + 1);
    // A quote belongs to the key.
    let column = text[line..key].trim_end_matches(['"', '\'']).chars().count();
    let mut end = start + text[start..].find(BREAKS).unwrap_or(text.len() - start);
    let mut is_pem = false;
    while end < text.len() {
        let next = end + 1;
        let line = &text[next..next + text[next..].find(BREAKS).unwrap_or(text.len() - next)];
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let is_item = content == "-" || content.starts_with("- ");
        let is_below = indent > column || indent == column && is_item;
        // Its headers look like keys.
        is_pem = (is_pem || content.starts_with("-----BEGIN")) && !content.starts_with("-----END");
        let is_other = !is_pem && !is_below && (is_item || begins_entry(content)) && !is_variable(content);
        if is_other || begins_document(line) {
            break;
        }
        end = next + line.len();
    }
    end
}

/// Whether a line begins a document. A key in PEM begins like one.
fn begins_document(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// Whether a line, without its indentation, begins with a key.
fn begins_entry(line: &str) -> bool {
    let name = line.trim_start_matches(['"', '\'']);
    let is_quoted = name.len() < line.len();
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let rest = name.trim_start_matches(is_of_name);
    let value = rest.trim_start_matches(['"', '\'', ' ']).strip_prefix(':');
    rest.len() < name.len()
        && value.is_some_and(|value| is_quoted || value.is_empty() || value.starts_with(char::is_whitespace))
}
