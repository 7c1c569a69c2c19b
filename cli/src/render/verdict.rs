//! The verdict of the checker, and the phases of a search.

use std::fmt::Write as _;

use plimsoll_model::{Plan, plan::Flags};
use plimsoll_planner::cluster::Progress as Step;
use plimsoll_solver::Phase;
use plimsoll_verify::Violation;

use super::{
    format::{decimals, thousands, usd, usd_f64},
    style::{bad, good},
    table::printable,
};

/// One line of what was checked, or each violation in a line.
pub(crate) fn verdict(plan: &Plan, violations: &[Violation]) -> String {
    let count = |count: usize, noun: &str| {
        let number = thousands(count as u128);
        if count == 1 { format!("{number} {noun}") } else { format!("{number} {noun}s") }
    };
    if !violations.is_empty() {
        let mut text = String::new();
        for violation in violations {
            // Writing to a string does not fail.
            _ = writeln!(text, "{} {}", bad("✗"), printable(&violation.to_string()));
        }
        _ = writeln!(text, "{}", bad(&format!("{} found", count(violations.len(), "violation"))));
        return text;
    }
    let left_out =
        if plan.unplaced.is_empty() { String::new() } else { format!(", {} left out", plan.unplaced.len()) };
    format!(
        "{} {}{left_out}, {}: costs, limits and assumptions recomputed from the files\n",
        good("✓"),
        count(plan.placements.len(), "placement"),
        usd(plan.objective.total_usd)
    )
}

/// Why the same command may give something else.
pub(super) const fn not_reproducible(flags: &Flags) -> &'static str {
    match flags.time_limit {
        Some(_) => "A time limit was given: the same command may find something else.",
        None => "The search was interrupted: this is the best it had found.",
    }
}

/// What is known of a packing that is searched for, as a line of progress.
pub(crate) fn packing_step(step: &Step) -> String {
    let mut text = step.name.to_owned();
    match (step.worth, step.bound) {
        (Some(worth), Some(bound)) => {
            _ = write!(text, ": worth {}, at most {}", decimals(worth, 3), decimals(bound, 3));
            if worth < bound {
                _ = write!(text, ", gap {:.2}%", 100.0 * (bound - worth) / bound);
            }
        }
        (None, Some(bound)) => _ = write!(text, ": worth at most {}", decimals(bound, 3)),
        _ => {}
    }
    for (name, value) in &step.counts {
        _ = write!(text, ", {name} {}", thousands(u128::from(*value)));
    }
    text
}

/// What is known in a phase of the search, as a line of progress.
pub(crate) fn phase(phase: &Phase) -> String {
    let mut text = phase.name.to_owned();
    if let Some(total) = phase.total {
        _ = write!(text, ": {}", usd_f64(total));
        if let Some(bound) = phase.bound {
            _ = write!(text, ", at least {}", usd_f64(bound));
            if total > bound && bound > 0.0 {
                _ = write!(text, ", gap {:.2}%", 100.0 * (total - bound) / bound);
            }
        }
    }
    for (name, value) in &phase.counts {
        _ = write!(text, ", {name} {}", thousands(u128::from(*value)));
    }
    text
}
