//! An explanation as prose: short paragraphs, each for one question.
//!
//! Everything said here is in the value; this module only finds the words. Offers and workloads are called by
//! their names, parts of the cost by what they pay for.

pub(super) mod barrier;
pub(super) mod money;
#[cfg(test)]
mod tests;
mod whole;
mod why_not;
mod workload;

use plimsoll_model::{Explanation, explanation::Basis};

use super::{
    style::bold,
    table::{printable, wrap},
};

/// A title, and paragraphs or lists in lines.
type Section = (String, Vec<String>);

/// The whole text, in lines of at most `width` characters where names allow.
pub(crate) fn explain(explanation: &Explanation, width: usize) -> String {
    let mut sections: Vec<Section> = Vec::new();
    if let Some(about) = &explanation.workload {
        sections.extend(workload::sections(explanation, about, width));
    }
    if let Some(about) = &explanation.whole {
        sections.extend(whole::sections(explanation, about, width));
    }
    if explanation.basis == Basis::Plan {
        sections.push((String::new(), wrap("", more(explanation), width)));
    }
    let text = |(title, lines): Section| {
        let title = if title.is_empty() { title } else { bold(printable(&title)) + "\n" };
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        format!("{title}{}\n", lines.join("\n"))
    };
    let shown = sections.into_iter().filter(|(_, lines)| !lines.is_empty());
    shown.map(text).collect::<Vec<_>>().join("\n")
}

/// What there is to learn with the files.
const fn more(explanation: &Explanation) -> &'static str {
    if explanation.workload.is_some() {
        "With the files the plan was made from (-f FILE, -e ESTATE) this also says how many offers each rule \
         excludes, what its rules cost, and with --why-not OFFER why it is not on any other offer."
    } else {
        "With the files the plan was made from (-f FILE, -e ESTATE) this also says how far limits and budgets \
         are used, and what each rule costs. With the name of a workload it is about that workload."
    }
}
