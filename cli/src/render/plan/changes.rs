//! What differs from the plan in force: moved, kept, new, gone, and what moving costs.

use std::collections::BTreeMap;

use plimsoll_model::{Plan, plan::Placement};

use crate::render::{
    format::usd,
    table::{shorten, wrap},
};

pub(super) fn lines(plan: &Plan, previous: &Plan, width: usize) -> Vec<String> {
    let offers = |plan: &'_ Plan| -> BTreeMap<String, String> {
        plan.placements.iter().map(|p| (p.workload.clone(), p.offer.full_name())).collect()
    };
    let (before, after) = (offers(previous), offers(plan));
    let (mut kept, mut lines) = (Vec::new(), Vec::new());
    for placement in &plan.placements {
        let Placement { workload, offer, usd: cost, .. } = placement;
        let name = shorten(workload, 40);
        let offer = offer.full_name();
        match before.get(workload) {
            Some(old) if *old == offer => kept.push(name),
            Some(old) => {
                let price = if cost.moving.is_zero() {
                    "moving costs nothing".to_owned()
                } else {
                    format!("moving costs {}", usd(cost.moving))
                };
                lines.extend(wrap("  moved  ", &format!("{name}: {old} → {offer}, {price}"), width));
            }
            None => lines.extend(wrap("  new    ", &format!("{name}: {offer}"), width)),
        }
    }
    for (workload, old) in before.iter().filter(|(workload, _)| !after.contains_key(*workload)) {
        let left_out = plan.unplaced.iter().any(|unplaced| unplaced.workload == *workload);
        let why = if left_out { "left out now" } else { "no longer asked for" };
        lines.extend(wrap("  gone   ", &format!("{}: {old}, {why}", shorten(workload, 40)), width));
    }
    if !kept.is_empty() {
        lines.extend(wrap("  kept   ", &kept.join(", "), width));
    }
    let moving = plan.objective.parts.moving;
    if !moving.is_zero() {
        lines.push(format!("  Moving costs {} in all.", usd(moving)));
    }
    lines
}
