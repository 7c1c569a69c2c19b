//! What looks like a credential, wherever it stands: a secret may be pasted beside the place that is known to hold one.
//!
//! Five marks, none of them sure: what a key called `password` or `HF_TOKEN` holds, the word behind a flag of such a name
//! or behind `-p`, the prefixes that providers give to their keys, the part of an address before `@`, and a long run of
//! letters and digits. In doubt it is one.

use std::ops::Range;

/// How names end that hold a secret, in lower case, without what separates words.
const NAMES: [&str; 12] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "accesskey",
    "accesskeyid",
    "secretkey",
    "privatekey",
    "credential",
    "credentials",
    "secret",
];

/// How providers' keys begin.
const PREFIXES: [&str; 19] = [
    "sk-",
    "sk_",
    "rk_",
    "hf_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "AKIA",
    "ASIA",
    "AIza",
    "xoxb-",
    "xoxp-",
    "npm_",
    "pypi-",
    "eyJ",
];

/// How long a key is at least behind its prefix, and a run of letters and digits without one.
const LEAST: usize = 8;
const RUN: usize = 20;

/// Where it stands in a line, in bytes: stretches that ascend and do not overlap.
pub(super) fn within(line: &str) -> Vec<Range<usize>> {
    let mut found = by_itself(line);
    found.extend(of_names(line));
    found.extend(behind_flags(line));
    merged(found)
}

/// An address without what it may hold of a credential: what stands before `@`, and its query.
pub fn in_address(address: &str) -> String {
    match address.find("://") {
        Some(scheme) => replaced(address, of_address(address, scheme + 3..address.len())),
        // Without a scheme nothing says where the host ends.
        None => replaced(address, address.rfind('@').map(|end| 0..end).into_iter().collect()),
    }
}

/// A message without what looks like one; a quotation may hold a key with its value.
pub(super) fn without(message: &str) -> String {
    let part = |(index, part): (usize, &str)| {
        replaced(part, if index % 2 == 0 { by_itself(part) } else { within(part) })
    };
    message.split('`').enumerate().map(part).collect::<Vec<_>>().join("`")
}

fn replaced(text: &str, hidden: Vec<Range<usize>>) -> String {
    let (mut out, mut at) = (String::new(), 0);
    for range in merged(hidden) {
        out.push_str(&text[at..range.start]);
        out.push('…');
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The same bytes in stretches that ascend and do not overlap.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let is_within = next.start < last.end;
        if is_within {
            last.end = last.end.max(next.end);
        }
        is_within
    });
    ranges
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// What looks like one by itself.
fn by_itself(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split_inclusive(|c| !is_of_word(c)) {
        let length = word.trim_end_matches(|c| !is_of_word(c)).len();
        let end = at + length;
        let bare = &text[at..end];
        let is_prefixed =
            PREFIXES.iter().any(|prefix| bare.strip_prefix(prefix).is_some_and(|rest| rest.len() >= LEAST));
        if is_prefixed || bare.split(['_', '-']).any(is_run) {
            found.push(at..end);
        }
        at += word.len();
    }
    let mut ends = Ahead::new(text, &[' ', '"', '\'', '`']);
    for (scheme, _) in text.match_indices("://") {
        found.extend(of_address(text, scheme + 3..ends.from(scheme + 3)));
    }
    found
}

/// What an address holds of a credential, from its host on.
fn of_address(text: &str, rest: Range<usize>) -> Vec<Range<usize>> {
    let address = &text[rest.clone()];
    let host = &address[..address.find(['/', '?']).unwrap_or(address.len())];
    let user = host.rfind('@').map(|end| rest.start..rest.start + end);
    let query = address.find('?').map(|mark| rest.start + mark + 1..rest.end);
    user.into_iter().chain(query).collect()
}

/// The first of some characters from a place on, for places that ascend: nothing of the text is looked at twice.
pub(super) struct Ahead<'a> {
    text: &'a str,
    any: &'static [char],
    /// The last answer; all before it was passed.
    at: Option<usize>,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(text: &'a str, any: &'static [char]) -> Self {
        Self { text, any, at: None }
    }

    /// Where it is; the end of the text where there is none.
    pub(super) fn from(&mut self, start: usize) -> usize {
        match self.at {
            Some(at) if at >= start => at,
            _ => *self.at.insert(self.text[start..].find(self.any).map_or(self.text.len(), |at| start + at)),
        }
    }
}

/// Letters and digits in a row, too many for a word or a number, and too mixed.
fn is_run(text: &str) -> bool {
    let turns = text.as_bytes().windows(2).filter(|two| two[0].is_ascii_digit() != two[1].is_ascii_digit());
    text.len() >= RUN && turns.count() >= 3
}

/// The values of names that hold secrets.
fn of_names(text: &str) -> Vec<Range<usize>> {
    let mut ends = Ends {
        double: Ahead::new(text, &['"']),
        single: Ahead::new(text, &['\'']),
        word: Ahead::new(text, &[' ', '"', '\'', ',']),
        flow: Ahead::new(text, &[',', '}', ']']),
    };
    text.match_indices([':', '='])
        .filter_map(|(at, separator)| value(text, at, separator, &mut ends))
        .collect()
}

/// What ends values.
struct Ends<'a> {
    double: Ahead<'a>,
    single: Ahead<'a>,
    word: Ahead<'a>,
    flow: Ahead<'a>,
}

/// The value behind a separator, if what stands before it names a secret.
fn value(text: &str, at: usize, separator: &str, ends: &mut Ends<'_>) -> Option<Range<usize>> {
    let before = text[..at].trim_end_matches([' ', '"', '\'']);
    before.rsplit(|c| !(is_of_word(c) || c == '.')).next().filter(|name| holds_secret(name))?;
    let rest = &text[at + 1..];
    // `a:b` is one word of YAML.
    let is_quoted = text[..at].trim_end().ends_with(['"', '\'']);
    if separator == ":" && !is_quoted && !rest.starts_with(' ') {
        return None;
    }
    let start = at + 1 + (rest.len() - rest.trim_start_matches(' ').len());
    let end = match text[start..].chars().next()? {
        '{' | '[' | '|' | '>' => return None,
        '"' => (ends.double.from(start + 1) + 1).min(text.len()),
        '\'' => (ends.single.from(start + 1) + 1).min(text.len()),
        _ if separator == "=" => ends.word.from(start),
        _ => ends.flow.from(start),
    };
    let plain = text[start..end].trim();
    (!matches!(plain, "true" | "false" | "null" | "~" | "")).then(|| start..start + plain.len())
}

/// What stands between the words of a list or a command.
const BETWEEN: [char; 8] = [' ', '\t', ',', '"', '\'', '[', ']', '\\'];

/// The words behind flags that take a secret: `--password hunter2`, `["-p", "hunter2"]`.
fn behind_flags(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut at, mut is_next) = (Vec::new(), 0, false);
    let mut double = Ahead::new(text, &['"']);
    let mut single = Ahead::new(text, &['\'']);
    while at < text.len() {
        let start = at + (text[at..].len() - text[at..].trim_start_matches(BETWEEN).len());
        let quote = text[at..start].chars().next_back();
        let word = start + text[start..].find(BETWEEN).unwrap_or(text.len() - start);
        let end = match quote {
            Some('"') if is_next => double.from(start),
            Some('\'') if is_next => single.from(start),
            _ => word,
        };
        if is_next && !text[start..].starts_with("--") {
            found.push(start..end);
        }
        is_next = takes_secret(&text[start..end]);
        at = end;
    }
    found
}

/// Whether a text ends with a flag that takes a secret.
pub(super) fn ends_with_flag(line: &str) -> bool {
    let line = line.trim_end_matches(BETWEEN);
    takes_secret(line.rsplit(BETWEEN).next().unwrap_or_default())
}

/// Whether a word is a flag whose value is one.
fn takes_secret(word: &str) -> bool {
    word == "-p"
        || word.strip_prefix("--").is_some_and(|name| name.chars().all(is_of_word) && holds_secret(name))
}

/// Whether a name is one of a secret, or of an environment variable.
fn holds_secret(name: &str) -> bool {
    let letters: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let is_variable = name.contains('_')
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    NAMES.iter().any(|end| letters.ends_with(end)) || is_variable && !name.starts_with(super::secret::OWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str) -> String {
        replaced(line, within(line))
    }

    #[test]
    fn what_looks_like_a_credential_is_found_and_the_rest_left() {
        for (line, shown) in [
            ("TOKEN: hunter2", "TOKEN: …"),
            ("  HF_HOME: /x y # c", "  HF_HOME: …"),
            ("{password: hunter2, cpu: 2x}", "{password: …, cpu: 2x}"),
            ("\"apiKey\": \"hunter2, x\", \"cpu\": 2", "\"apiKey\": …, \"cpu\": 2"),
            ("'db-password' : 'hunter2' # c", "'db-password' : … # c"),
            ("args: [--token=hunter2, --port=80]", "args: [--token=…, --port=80]"),
            ("run: curl -H hf_abcdefgh1 x", "run: curl -H … x"),
            ("image: https://me:hunter2@host/x@1", "image: https://…@host/x@1"),
            ("url: 'https://hunter2@host?sig=hunter2' # x@y", "url: 'https://…@host?…' # x@y"),
            (
                "args: [\"--password\", \"hunter2, x\", \"-p\", hunter3, x: 1]",
                "args: [\"--password\", \"…\", \"-p\", …, x: 1]",
            ),
            ("command: ['--api-key', 'hunter2',--token,hunter3]", "command: ['--api-key', '…',--token,…]"),
            (
                "run: mysql --user me --password hunter2 -p hunter3 db",
                "run: mysql --user me --password … -p … db",
            ),
            ("- --hf-token hunter2 --port 80", "- --hf-token … --port 80"),
            ("AKIAABCDEFGH:", "…:"),
            ("x: 3f9a0c12be77d41598aa", "x: …"),
            ("api-3f9a0c12be77d41598aa-x: 2", "…: 2"),
        ] {
            assert_eq!(masked(line), shown);
        }
        for line in [
            "automountServiceAccountToken: false",
            "instanceType: Standard_ND96isr_H100_v5",
            "accelerators: {H100: 2x, A100-80GB: 8}",
            "secretKeyRef: {name: keys}",
            "token: {a: b}",
            "PLIMSOLL_DURATION: 6x",
            "cpu: 100000000000000000000000",
            "s3://bucket/models/llama-3-70b-instruct@1",
            "sk-1",
            "args: [--password, --port, 80, -p]",
            "args: [--tokens, 80, -port, 80]",
            "RFC 3339: x",
            "a:b token:x",
        ] {
            assert_eq!(masked(line), line);
        }
        for (address, shown) in [
            ("s3://bucket/a@b", "s3://bucket/a@b"),
            ("s3://u:hunter2@host/b", "s3://…@host/b"),
            ("https://acct.blob.core.windows.net/c?sig=hunter2", "https://acct.blob.core.windows.net/c?…"),
            ("http://me:my hunter2@host", "http://…@host"),
            ("http:/me:hunter2@host:4318/x", "…@host:4318/x"),
            ("collector:4318", "collector:4318"),
        ] {
            assert_eq!(in_address(address), shown);
        }
        assert_eq!(without("token: expected `cpu`"), "token: expected `cpu`");
        assert_eq!(without("`TOKEN: hunter2` of hf_0123456789"), "`TOKEN: …` of …");
    }
}
