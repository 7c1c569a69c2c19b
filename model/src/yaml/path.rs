//! Where a node lies in its document: `spec.inputs[0].size`.

use std::fmt;

/// A path, as a chain from the inside out on the reader's stack.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    /// The path that the reading starts at; empty for the root.
    Start(&'a str),
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn is_root(&self) -> bool {
        matches!(self, Path::Start(""))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(path) => f.write_str(path),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Field(parent, name) => {
                parent.fmt(f)?;
                write_field(f, parent.is_root(), name)
            }
        }
    }
}

/// Names that could be misread as more than one step are written as `["a.b"]`.
pub(super) fn write_field(f: &mut impl fmt::Write, first: bool, name: &str) -> fmt::Result {
    const LONGEST: usize = 100;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
    if !name.is_empty() && name.len() <= LONGEST && name.chars().all(plain) {
        return write!(f, "{}{name}", if first { "" } else { "." });
    }
    let short: String = name.chars().take(LONGEST).collect();
    write!(f, "[{}]", serde_json::Value::String(short))
}

/// The path of a field of what lies at a path.
pub(crate) fn join(parent: &str, name: &str) -> String {
    let mut path = parent.to_owned();
    // Writing to a string does not fail.
    _ = write_field(&mut path, parent.is_empty(), name);
    path
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Field(String),
    Item(usize),
}

/// Reads a path as [`Path`] writes it; stops at what it does not understand.
pub(crate) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            if inside.starts_with('"') {
                let mut texts = serde_json::Deserializer::from_str(inside).into_iter::<String>();
                let Some(Ok(name)) = texts.next() else { break };
                let used = texts.byte_offset();
                steps.push(Step::Field(name));
                rest = inside[used..].strip_prefix(']').unwrap_or("");
            } else {
                let Some((index, after)) = inside.split_once(']') else { break };
                let Ok(index) = index.parse() else { break };
                steps.push(Step::Item(index));
                rest = after;
            }
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                break;
            }
            steps.push(Step::Field(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_and_read() {
        let root = Path::Start("");
        let spec = Path::Field(&root, "spec");
        let speed = Path::Field(&spec, "speed");
        let odd = Path::Field(&speed, "a.b\"c]");
        let item = Path::Item(&odd, 3);
        let text = item.to_string();
        assert_eq!(text, r#"spec.speed["a.b\"c]"][3]"#);
        assert_eq!(
            steps(&text),
            [
                Step::Field("spec".into()),
                Step::Field("speed".into()),
                Step::Field("a.b\"c]".into()),
                Step::Item(3)
            ]
        );
        for odd in ["[", "[x]", "[\"", ".", "a..b", "a[99999999999999999999]", "[\"a\"", ""] {
            steps(odd);
        }
    }
}
