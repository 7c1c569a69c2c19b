//! What the checker has to say: one violation a wrong figure or broken rule.

use std::fmt;

use plimsoll_model::plan::Constraint;

/// What kind of rule a plan breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A figure is not what the formulas say.
    Arithmetic,
    /// A limit or a filter does not hold.
    Constraint(Constraint),
    /// A node or a device is overfilled, or does not exist, or holds the wrong replicas.
    Packing,
    /// A run begins before what it reads has arrived.
    Precedence,
    /// A start off the grid, before it is allowed, a needless wait, or a pause where none may be.
    Schedule,
    /// A workload takes a later of its ways, though an earlier one is free for it.
    Order,
    /// Status, bound and gap do not agree.
    Bound,
    /// The runner-up is none, or its figures are wrong.
    RunnerUp,
    /// The plan is not about these documents, or these documents lack a figure that a price needs.
    Document,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arithmetic => "arithmetic",
            Self::Constraint(constraint) => constraint.as_str(),
            Self::Packing => "packing",
            Self::Precedence => "precedence",
            Self::Schedule => "schedule",
            Self::Order => "ordered",
            Self::Bound => "bound",
            Self::RunnerUp => "runnerUp",
            Self::Document => "document",
        })
    }
}

/// One thing wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which kind of rule.
    pub kind: Kind,
    /// The workload, offer, quota, team or document it is about.
    pub subject: String,
    /// What is needed and what there is, with figures.
    pub message: String,
}

impl Violation {
    pub(crate) fn new(kind: Kind, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.subject, self.kind, self.message)
    }
}

/// A figure that a price or a limit needs and that nothing states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);
