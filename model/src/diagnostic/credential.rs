//! What looks like a credential, wherever it stands: a secret may be pasted beside the place that is known to hold one.
//!
//! Four marks, none of them sure: what a key called `password` or `HF_TOKEN` holds, the prefixes that providers give to
//! their keys, the part of an address before `@`, and a long run of letters and digits. In doubt it is one.

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

/// Where it stands in a line, in bytes.
pub(super) fn within(line: &str) -> Vec<Range<usize>> {
    let mut found = by_itself(line);
    found.extend(of_names(line));
    found
}

/// A message without what looks like one; a quotation may hold a key with its value.
pub(super) fn without(message: &str) -> String {
    let part = |(index, part): (usize, &str)| {
        replaced(part, if index % 2 == 0 { by_itself(part) } else { within(part) })
    };
    message.split('`').enumerate().map(part).collect::<Vec<_>>().join("`")
}

fn replaced(text: &str, mut hidden: Vec<Range<usize>>) -> String {
    hidden.sort_unstable_by_key(|range| range.start);
    let (mut out, mut at) = (String::new(), 0);
    for range in hidden.into_iter().filter(|range| !range.is_empty()) {
        if range.start >= at {
            out.push_str(&text[at..range.start]);
            out.push('…');
        }
        at = at.max(range.end);
    }
    out.push_str(&text[at..]);
    out
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
    for (scheme, _) in text.match_indices("://") {
        let start = scheme + 3;
        let host = text[start..].find(['/', ' ', '"', '\'', '`']).map_or(text.len(), |end| start + end);
        if let Some(end) = text[start..host].rfind('@').filter(|end| text[start..start + end].contains(':')) {
            found.push(start..start + end);
        }
    }
    found
}

/// Letters and digits in a row, too many for a word or a number, and too mixed.
fn is_run(text: &str) -> bool {
    let turns = text.as_bytes().windows(2).filter(|two| two[0].is_ascii_digit() != two[1].is_ascii_digit());
    text.len() >= RUN && turns.count() >= 3
}

/// The values of names that hold secrets.
fn of_names(text: &str) -> Vec<Range<usize>> {
    let is_separator = |&(_, c): &(usize, char)| matches!(c, ':' | '=');
    text.char_indices()
        .filter(is_separator)
        .filter_map(|(at, separator)| value(text, at, separator))
        .collect()
}

/// The value behind a separator, if what stands before it names a secret.
fn value(text: &str, at: usize, separator: char) -> Option<Range<usize>> {
    let before = text[..at].trim_end_matches([' ', '"', '\'']);
    before.rsplit(|c| !(is_of_word(c) || c == '.')).next().filter(|name| holds_secret(name))?;
    let rest = &text[at + 1..];
    // `a:b` is one word of YAML.
    let is_quoted = text[..at].trim_end().ends_with(['"', '\'']);
    if separator == ':' && !is_quoted && !rest.starts_with(' ') {
        return None;
    }
    let start = at + 1 + (rest.len() - rest.trim_start_matches(' ').len());
    let value = &text[start..];
    let length = match value.chars().next()? {
        '{' | '[' | '|' | '>' => return None,
        quote @ ('"' | '\'') => value[1..].find(quote).map_or(value.len(), |end| end + 2),
        _ if separator == '=' => value.find([' ', '"', '\'', ',']).unwrap_or(value.len()),
        _ => value.find([',', '}', ']']).unwrap_or(value.len()),
    };
    let plain = value[..length].trim();
    (!matches!(plain, "true" | "false" | "null" | "~" | "")).then(|| start..start + plain.len())
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
            ("image: https://me:hunter2@host/x", "image: https://…@host/x"),
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
            "s3://bucket/models/llama-3-70b-instruct",
            "sk-1",
            "RFC 3339: x",
            "a:b token:x",
        ] {
            assert_eq!(masked(line), line);
        }
        assert_eq!(without("token: expected `cpu`"), "token: expected `cpu`");
        assert_eq!(without("`TOKEN: hunter2` of hf_0123456789"), "`TOKEN: …` of …");
    }
}
