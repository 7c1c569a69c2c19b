//! Values to YAML that every reader takes the same way.
//!
//! Block style, two spaces, fields in the order of the type. Text is quoted whenever YAML 1.1 or 1.2
//! could take it for something else, so `NO`, `2026-08-03` and `0777` stay text for the tools of others.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::scalar::{Scalar, resolve};

/// Writes a value as a YAML document.
///
/// # Errors
/// When the value cannot be represented: a map whose keys are no text, or its own refusal.
pub fn to_string(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    match serde_json::to_value(value)? {
        Value::Array(items) if !items.is_empty() => list(&mut out, &items, 0),
        Value::Object(fields) if !fields.is_empty() => mapping(&mut out, &fields, 0, false),
        other => {
            flat(&mut out, &other);
            out.push('\n');
        }
    }
    Ok(out)
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// A text as it stands on one line, among others or alone: in quotes where it would not read as text.
pub fn in_flow(value: &str) -> String {
    let mut out = String::new();
    text(&mut out, value);
    out
}

/// `first_inline`: the first field follows a `- ` on the same line.
fn mapping(out: &mut String, fields: &serde_json::Map<String, Value>, depth: usize, first_inline: bool) {
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 || !first_inline {
            indent(out, depth);
        }
        text(out, name);
        out.push(':');
        match value {
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                list(out, items, depth);
            }
            Value::Object(fields) if !fields.is_empty() => {
                out.push('\n');
                mapping(out, fields, depth + 1, false);
            }
            value => {
                out.push(' ');
                flat(out, value);
                out.push('\n');
            }
        }
    }
}

fn list(out: &mut String, items: &[Value], depth: usize) {
    for item in items {
        indent(out, depth);
        out.push_str("- ");
        match item {
            Value::Object(fields) if !fields.is_empty() => mapping(out, fields, depth + 1, true),
            // A list right inside of a list is rare; the flow form is plain enough.
            item => {
                flat(out, item);
                out.push('\n');
            }
        }
    }
}

/// On one line. Numbers and `null` are written as JSON has them, which YAML reads the same.
fn flat(out: &mut String, value: &Value) {
    match value {
        Value::String(value) => text(out, value),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                flat(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                text(out, name);
                out.push_str(": ");
                flat(out, value);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // What is no printable character of YAML, and marks that could hide what a line says.
            c if c.is_control()
                || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                // Writing to a string does not fail.
                _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whether a text can stand without quotes, for readers of YAML 1.1 too.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let Some(first) = text.chars().next() else { return false };
    // A digit may begin `6h` and `64Gi`, not what reads as a number, a time or an octal in 1.1.
    let starts_well = first.is_ascii_alphabetic()
        || matches!(first, '/' | '_')
        || matches!(first, '1'..='9') && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    let inside = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | '+' | '@' | ' ' | '(' | ')')
    };
    starts_well
        && text.chars().all(inside)
        && !text.ends_with(' ')
        && matches!(resolve(text), Scalar::Text)
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_written_in_block_style() {
        let value = json!({
            "kind": "Plan", "gap": null, "when": "2026-08-03T00:00:00Z", "size": "64Gi", "no": "NO",
            "empty": {}, "none": [], "many": [{"a": 1.5, "b": [1, "x"]}, "plain text", [[], {"k": "v: w"}]],
            "odd": ["", " a", "a ", "0777", "1e3", "1_0", "~", "- x", "a\n\u{1b}\u{feff}\"\\", "é"],
            "nested": {"deeper": {"x": "y"}}
        });
        insta::assert_snapshot!(to_string(&value).unwrap());
    }
}
