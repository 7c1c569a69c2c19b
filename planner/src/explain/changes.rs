//! What a plan changes of the plan in force, and what staying would have cost those that move.

use plimsoll_model::{
    Changes, Inputs, Plan, Usd,
    changes::{Action, Change, Repriced, Spot},
    explanation::{Verdict, WhyNot},
    plan::Placement,
};

use super::{nothing_known, seen::Seen, trial, why_not};
use crate::{
    build::{Build, Rules},
    error::PlanError,
    flags::Settings,
    world::World,
};

/// Starts that differ by less are the same: they are rounded up to whole seconds.
const SECOND: i64 = 1_000_000_000;

/// Compares a plan of these inputs and settings with the one before.
///
/// # Errors
/// When the plan is not one of these inputs.
pub fn changes(
    inputs: &Inputs,
    settings: &Settings,
    plan: &Plan,
    previous: &Plan,
) -> Result<Changes, PlanError> {
    let mut changes = compared(plan, previous);
    if changes.to_move > 0 {
        let world = World::new(inputs, settings.now)?;
        let rules = Rules::of(&world);
        let mut build = Build::new(&world, settings, &rules)?;
        let seen = Seen::of(&mut build, plan)?;
        for change in changes.changes.iter_mut().filter(|change| change.action == Action::Move) {
            change.staying = staying(&mut build, &seen, plan, change);
        }
    }
    Ok(changes)
}

/// What the two plans say themselves.
fn compared(plan: &Plan, previous: &Plan) -> Changes {
    let find = |plan: &'_ Plan, name: &str| plan.placements.iter().position(|p| p.workload == name);
    let terms = |plan: &'_ Plan| {
        let flags = &plan.inputs.flags;
        (flags.carbon_price, flags.delay_price, flags.horizon)
    };
    let mut all = Changes {
        to_add: 0,
        to_move: 0,
        to_change: 0,
        to_remove: 0,
        unchanged: 0,
        before_usd: previous.objective.total_usd,
        after_usd: plan.objective.total_usd,
        other_terms: terms(plan) != terms(previous),
        move_usd: Usd::ZERO,
        changes: Vec::new(),
        repriced: Vec::new(),
    };
    for after in &plan.placements {
        let before = find(previous, &after.workload).map(|at| &previous.placements[at]);
        let action = match before {
            None => Action::Add,
            Some(before) if before.offer.full_name() != after.offer.full_name() => Action::Move,
            Some(before) if is_changed(plan, after, previous, before) => Action::Change,
            Some(before) => {
                all.unchanged += 1;
                all.repriced.extend(repriced(before, after));
                continue;
            }
        };
        let move_usd = if action == Action::Move { after.usd.moving } else { Usd::ZERO };
        all.move_usd += move_usd;
        match action {
            Action::Add => all.to_add += 1,
            Action::Move => all.to_move += 1,
            Action::Change | Action::Remove => all.to_change += 1,
        }
        all.changes.push(Change {
            workload: after.workload.clone(),
            action,
            before: before.map(spot),
            after: Some(spot(after)),
            move_usd,
            staying: None,
            left_out: None,
        });
    }
    for before in previous.placements.iter().filter(|before| find(plan, &before.workload).is_none()) {
        all.to_remove += 1;
        let left_out = plan.unplaced.iter().find(|unplaced| unplaced.workload == before.workload);
        all.changes.push(Change {
            workload: before.workload.clone(),
            action: Action::Remove,
            before: Some(spot(before)),
            after: None,
            move_usd: Usd::ZERO,
            staying: None,
            left_out: left_out.map(|unplaced| unplaced.reason.clone()),
        });
    }
    all
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

/// Whether a placement on the same offer starts at another time, runs for another time or takes another number of
/// instances. The start is the same when the moment is, or when it is as long after the planning moment: what
/// starts at once starts at once. What runs for the horizon in both plans runs as it did, whatever that is.
fn is_changed(plan: &Plan, after: &Placement, previous: &Plan, before: &Placement) -> bool {
    let moment = after.start.nanos() - before.start.nanos();
    let waits = moment - (plan.inputs.flags.now.nanos() - previous.inputs.flags.now.nanos());
    let longer = after.run().nanos() - before.run().nanos();
    let is_service = |plan: &Plan, placement: &Placement| {
        (placement.run().nanos() - plan.inputs.flags.horizon.nanos()).abs() < SECOND
    };
    let are_services = is_service(plan, after) && is_service(previous, before);
    (moment.abs() >= SECOND && waits.abs() >= SECOND)
        || (longer.abs() >= SECOND && !are_services)
        || (after.instances - before.instances).abs() > 1e-9
}

fn repriced(before: &Placement, after: &Placement) -> Option<Repriced> {
    (before.offer.hourly != after.offer.hourly).then(|| Repriced {
        workload: after.workload.clone(),
        offer: after.offer.full_name(),
        before_hourly: before.offer.hourly,
        after_hourly: after.offer.hourly,
    })
}

/// What staying would meet, all else as planned now.
fn staying(build: &mut Build<'_>, seen: &Seen, plan: &Plan, change: &Change) -> Option<WhyNot> {
    let placement = plan.placements.iter().find(|placement| placement.workload == change.workload)?;
    let task = build.prospects.iter().position(|p| p.workload.metadata.name == change.workload)?;
    let offer = &change.before.as_ref()?.offer;
    let Some(ix) = build.world().named(offer) else {
        return Some(WhyNot { verdict: Verdict::NoOffer, ..nothing_known(offer) });
    };
    let trial = trial::try_on(build, seen, task, ix);
    let mut answer = why_not(build, Some(placement), task, offer, &trial);
    answer.hourly = Some(build.world().offer(ix).hourly);
    Some(answer)
}
