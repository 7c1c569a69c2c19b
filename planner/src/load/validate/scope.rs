//! Where a check stands in a document, and where its findings go.

use plimsoll_model::{Diagnostic, read::Located};

/// A document read into any type.
pub(super) trait Place {
    fn problem_at(&self, field: &str, message: String) -> Diagnostic;
    fn line_of(&self, field: &str) -> String;
}

impl<T> Place for Located<T> {
    fn problem_at(&self, field: &str, message: String) -> Diagnostic {
        self.problem(field, message)
    }

    fn line_of(&self, field: &str) -> String {
        self.place_of(field)
    }
}

/// A node of a document under check.
pub(super) struct Scope<'a> {
    document: &'a dyn Place,
    path: String,
    problems: &'a mut Vec<Diagnostic>,
}

impl<'a> Scope<'a> {
    pub(super) fn new<T>(document: &'a Located<T>, problems: &'a mut Vec<Diagnostic>) -> Self {
        Self { document, path: String::new(), problems }
    }

    /// The field of this node by that name.
    pub(super) fn field(&mut self, name: &str) -> Scope<'_> {
        let path = self.path_of(name);
        Scope { document: self.document, path, problems: self.problems }
    }

    /// The item of this list at that index.
    pub(super) fn item(&mut self, index: usize) -> Scope<'_> {
        let path = format!("{}[{index}]", self.path);
        Scope { document: self.document, path, problems: self.problems }
    }

    /// The entry of this map by that key, whatever the key.
    pub(super) fn entry(&mut self, key: &str) -> Scope<'_> {
        let path = format!("{}[{}]", self.path, quoted(key));
        Scope { document: self.document, path, problems: self.problems }
    }

    /// A finding about this node.
    pub(super) fn report(&mut self, message: impl std::fmt::Display) {
        let message =
            if self.path.is_empty() { message.to_string() } else { format!("`{}`: {message}", self.path) };
        self.problems.push(self.document.problem_at(&self.path, message));
    }

    /// A finding and what to do about it.
    pub(super) fn report_help(&mut self, message: impl std::fmt::Display, help: impl Into<String>) {
        self.report(message);
        if let Some(problem) = self.problems.last_mut() {
            problem.help = Some(help.into());
        }
    }

    /// `file:line` of a field of this node.
    pub(super) fn line_of(&self, name: &str) -> String {
        self.document.line_of(&self.path_of(name))
    }

    fn path_of(&self, name: &str) -> String {
        match (&*self.path, name) {
            ("", name) => name.to_owned(),
            (path, "") => path.to_owned(),
            (path, name) if name.starts_with('[') => format!("{path}{name}"),
            (path, name) => format!("{path}.{name}"),
        }
    }
}

/// A key as a path writes it.
fn quoted(key: &str) -> String {
    let mut text = String::from("\"");
    for c in key.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
