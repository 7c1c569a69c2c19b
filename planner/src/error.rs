//! Why there is no plan.

use plimsoll_model::{Diagnostic, read::Located};

/// What went wrong, in a form that the command line prints and turns into an exit code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The documents ask for something that has no meaning here.
    #[error("{message}")]
    Input {
        /// What is wrong, and where.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// The same, where a document says it.
    #[error("{0}")]
    Document(Box<Diagnostic>),
    /// Figures that a price needs and that nothing states.
    #[error("{}", missing(.figures))]
    Missing {
        /// Each figure with where to state it.
        figures: Vec<String>,
    },
}

impl PlanError {
    /// An error of the documents.
    pub fn input(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Input { message: message.into(), help: help.into() }
    }

    /// An error of a field of a document; of no particular one where its place is not known.
    pub fn at(place: Option<&Located<()>>, field: &str, message: String, help: &str) -> Self {
        match place {
            Some(place) => Self::Document(Box::new(place.problem(field, message).with_help(help))),
            None => Self::input(message, help),
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &str {
        match self {
            Self::Input { help, .. } => help,
            Self::Document(problem) => problem.help.as_deref().unwrap_or_default(),
            Self::Missing { .. } => "state the figure in the estate, or let `defaults: embedded` fill it",
        }
    }
}

fn missing(figures: &[String]) -> String {
    let shown: Vec<&str> = figures.iter().take(5).map(String::as_str).collect();
    let more = figures.len().saturating_sub(shown.len());
    let tail = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("a price needs what nothing states: {}{tail}", shown.join("; "))
}
