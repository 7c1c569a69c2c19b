//! A plan for people: what runs where and when, what it costs, what decided it, what it rests on.
//!
//! Each section is a module that gives lines, or none when it has nothing to say. Text from documents
//! (names, sources) is shown without control characters.

mod assumptions;
mod changes;
mod costs;
pub(super) mod decisions;
pub(super) mod headline;
pub(super) mod left_out;
pub(super) mod limits;
pub(super) mod placements;
mod scenarios;
#[cfg(test)]
mod tests;

pub(super) use assumptions::price_list;
pub(super) use changes::{sentence as change, summary as changes_in_all};
pub(super) use left_out::{excluded, sentence as cause};
pub(super) use limits::sentence as limit;

use plimsoll_model::Plan;

use super::style::bold;

/// The whole text, in lines of at most `width` characters where names allow.
pub(crate) fn plan(plan: &Plan, width: usize) -> String {
    let mut text = headline::lines(plan, width).join("\n") + "\n";
    let sections = [
        ("", placements::lines(plan, width)),
        ("In the scenarios", scenarios::lines(plan, width)),
        ("Cost", costs::lines(plan, width)),
        ("What decided it", decisions::lines(plan, width)),
        ("Left out", left_out::lines(plan, width)),
        ("What more room would save", limits::lines(plan, width)),
        ("Changes", plan.changes.as_ref().map(|changes| changes::lines(changes, width)).unwrap_or_default()),
        ("Assumed, for want of a figure of yours", assumptions::lines(plan, width)),
        ("Prices", assumptions::price_sources(plan, width)),
    ];
    for (title, lines) in sections {
        if lines.is_empty() {
            continue;
        }
        text.push('\n');
        if !title.is_empty() {
            text.push_str(&bold(title));
            text.push('\n');
        }
        for line in lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}
