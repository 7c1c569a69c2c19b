//! A plan as a table.

use std::fmt::Write as _;

use plimsoll_model::{Inputs, Plan};
use plimsoll_solver::Phase;
use plimsoll_verify::Violation;

pub(crate) fn plan(plan: &Plan, _inputs: &Inputs, _previous: Option<&Plan>, _width: usize) -> String {
    let mut out = String::new();
    let o = &plan.objective;
    _ = writeln!(
        out,
        "{:?}: ${:.2}, bound {:?}, gap {:?}",
        plan.status,
        o.total_usd.to_f64(),
        o.bound_usd,
        o.gap
    );
    for p in &plan.placements {
        _ = writeln!(
            out,
            "{:24} {:50} {:>6} {} → {} ${:.2}\n    {}",
            p.workload,
            p.offer.full_name(),
            p.instances,
            p.start,
            p.end,
            p.usd.total.to_f64(),
            p.reason
        );
    }
    for u in &plan.unplaced {
        _ = writeln!(out, "{:24} left out: {}", u.workload, u.reason);
    }
    out
}

pub(crate) fn phase(phase: &Phase) -> String {
    let mut out = phase.name.to_owned();
    if let Some(total) = phase.total {
        _ = write!(out, ": ${total:.2}");
    }
    out
}

pub(crate) fn verdict(plan: &Plan, violations: &[Violation]) -> String {
    if violations.is_empty() {
        return format!("ok: {} placements\n", plan.placements.len());
    }
    violations.iter().map(|v| format!("{v}\n")).collect()
}
