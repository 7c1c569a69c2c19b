//! Why a command gave no result: what to print to standard error, and the exit code.

use std::{fmt::Write as _, path::Path};

use plimsoll_model::{Diagnostic, diagnostic::Paint};
use plimsoll_planner::{PlanError, load::LoadError};

use crate::exit::Exit;

/// A command that gave no result.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Each stands in a file; beside them notes on what is not planned anyway.
    Problems(Vec<Diagnostic>, Vec<String>),
    Message {
        text: String,
        help: Option<String>,
    },
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, what: What::Message { text: text.into(), help: None } }
    }

    pub(crate) fn outside(text: impl Into<String>) -> Self {
        Self { exit: Exit::Outside, what: What::Message { text: text.into(), help: None } }
    }

    pub(crate) fn internal(text: impl Into<String>) -> Self {
        let help = Some("this is a bug in plimsoll: please report it with the command and its files".into());
        Self { exit: Exit::Internal, what: What::Message { text: text.into(), help } }
    }

    pub(crate) fn problems(problems: Vec<Diagnostic>) -> Self {
        Self { exit: Exit::Usage, what: What::Problems(problems, Vec::new()) }
    }

    /// A file that the user named cannot be written.
    pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Self {
        Self::usage(format!("cannot write {}: {error}", path.display()))
    }

    pub(crate) fn with_help(mut self, more: impl Into<String>) -> Self {
        if let What::Message { help, .. } = &mut self.what {
            *help = Some(more.into());
        }
        self
    }

    /// The text for standard error, with escape sequences that a stream without colours strips.
    pub(crate) fn render(&self) -> String {
        const PAINT: Paint = Paint { error: "\u{1b}[1;31m", frame: "\u{1b}[1;34m", reset: "\u{1b}[0m" };
        match &self.what {
            What::Problems(problems, notes) => {
                let problems = problems.iter().map(|problem| problem.render(&PAINT));
                let notes = notes.iter().map(|note| format!("note: {}", plain(note)));
                problems.chain(notes).collect::<Vec<_>>().join("\n\n") + "\n"
            }
            What::Message { text, help } => {
                let mut out = format!("{}error{}: {text}\n", PAINT.error, PAINT.reset);
                if let Some(help) = help {
                    // Writing to a string does not fail.
                    _ = writeln!(out, "  {}={} help: {help}", PAINT.frame, PAINT.reset);
                }
                out
            }
        }
    }
}

/// A note may quote names of any kind; what is shown is printable.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let notes = error.passed_over().iter().map(|note| format!("{}: {}", note.what, note.value));
        let what = What::Problems(error.problems().to_vec(), notes.collect());
        Self { exit: Exit::Usage, what }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Document(problem) => Self::problems(vec![*problem]),
            error => Self::usage(error.to_string()).with_help(error.help()),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(format!("cannot write the result: {error}"))
    }
}
