//! The list of changes against the placements and the offers that `--previous` brought.
//!
//! What the plan before cost and when its workloads started is not in the documents and stays unchecked, as
//! does what staying would cost.

use std::collections::BTreeSet;

use plimsoll_model::{
    Changes, Plan, Usd,
    changes::{Action, Change, Spot},
    plan::Placement,
};

use crate::{Kind, Violation};

/// Everything that does not agree.
pub(crate) fn check(plan: &Plan) -> Vec<Violation> {
    let Some(changes) = &plan.changes else { return Vec::new() };
    let mut found = Vec::new();
    let mut wrong = |subject: &str, message: String| {
        found.push(Violation::new(Kind::Document, subject, format!("changes: {message}")));
    };
    let mut seen = BTreeSet::new();
    for change in &changes.changes {
        if !seen.insert(&*change.workload) {
            wrong(&change.workload, "is listed twice".into());
        }
        if let Some(message) = one(plan, change) {
            wrong(&change.workload, message);
        }
    }
    let before = &plan.inputs.flags.previous;
    for placement in &plan.placements {
        let same = before.get(&placement.workload) == Some(&placement.offer.full_name());
        if !same && !seen.contains(&*placement.workload) {
            wrong(&placement.workload, "its move is not listed".into());
        }
    }
    let placed: BTreeSet<&str> = plan.placements.iter().map(|p| &*p.workload).collect();
    for workload in before.keys().filter(|workload| !placed.contains(workload.as_str())) {
        if !seen.contains(workload.as_str()) {
            wrong(workload, "its removal is not listed".into());
        }
    }
    for (name, stated, right) in sums(plan, changes) {
        if stated != right {
            wrong("plan", format!("{name} is {stated}, not {right}"));
        }
    }
    found
}

/// What is wrong with an entry.
fn one(plan: &Plan, change: &Change) -> Option<String> {
    let before = plan.inputs.flags.previous.get(&change.workload);
    let after = plan.placements.iter().find(|placement| placement.workload == change.workload);
    let action = match (before, after) {
        (None, Some(_)) => Action::Add,
        (Some(_), None) => Action::Remove,
        (Some(before), Some(after)) if *before != after.offer.full_name() => Action::Move,
        (Some(_), Some(_)) => Action::Change,
        (None, None) => return Some("is neither in this plan nor in the one before".into()),
    };
    if change.action != action {
        return Some(format!("is {:?}, not {action:?}", change.action));
    }
    let was = change.before.as_ref().map(|spot| &spot.offer);
    if was != before {
        return Some(format!("was on {before:?}, not on {was:?}"));
    }
    let is = after.map(spot);
    if change.after != is {
        return Some(format!("is {is:?}, not {:?}", change.after));
    }
    let moving = after.filter(|_| action == Action::Move).map_or(Usd::ZERO, |after| after.usd.moving);
    (change.move_usd != moving).then(|| format!("moving costs {moving}, not {}", change.move_usd))
}

fn spot(placement: &Placement) -> Spot {
    Spot {
        offer: placement.offer.full_name(),
        instances: placement.instances,
        start: placement.start,
        run: Some(placement.run()),
        usd: placement.usd.total,
    }
}

/// The counts and sums, stated and right.
fn sums(plan: &Plan, changes: &Changes) -> [(&'static str, String, String); 7] {
    let count = |action: Action| changes.changes.iter().filter(|one| one.action == action).count() as u64;
    let stay = (plan.placements.len() as u64)
        .saturating_sub(changes.changes.iter().filter(|one| one.after.is_some()).count() as u64);
    let moving: Usd = changes.changes.iter().map(|one| one.move_usd).sum();
    let row = |name, stated: u64, right: u64| (name, stated.to_string(), right.to_string());
    [
        row("toAdd", changes.to_add, count(Action::Add)),
        row("toMove", changes.to_move, count(Action::Move)),
        row("toChange", changes.to_change, count(Action::Change)),
        row("toRemove", changes.to_remove, count(Action::Remove)),
        row("unchanged", changes.unchanged, stay),
        ("moveUsd", changes.move_usd.to_string(), moving.to_string()),
        ("afterUsd", changes.after_usd.to_string(), plan.objective.total_usd.to_string()),
    ]
}
