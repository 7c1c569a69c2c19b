//! What single rules and limits cost a workload: the best offer that nothing else excludes, all else as
//! planned.
//!
//! Only offers that could be cheaper are looked at. Of those that one and the same rule excludes the
//! cheapest by estimate are weighed, and the best is priced exactly.

use std::collections::BTreeMap;

use plimsoll_model::{Usd, explanation::Saving, plan::Constraint};

use super::{
    seen::{Seen, column},
    trial::{Weighed, barrier, weigh},
};
use crate::{
    build::Build,
    price::Decision,
    prospect::Obstacle,
    report::{
        beside::is_judged_beside,
        runner_up::{consumers, difference, hand_over},
    },
    terms::Terms,
    world::OfferIx,
};

/// An offer with the rule that excludes it, if one does, and its terms.
type Candidate = (OfferIx, Option<Obstacle>, Terms);

/// Offers weighed for each rule.
const WEIGHED: usize = 40;
/// Savings below a cent are not told.
const LEAST: f64 = 0.01;

/// By rule or limit, the greatest saving first.
pub(super) fn of(build: &mut Build<'_>, seen: &Seen, task: usize) -> Vec<Saving> {
    let Some(decision) = &seen.decisions[task] else { return Vec::new() };
    let candidates = candidates(build, seen, task);
    let mut tried: Vec<(usize, Option<Obstacle>)> = Vec::new();
    for (ix, obstacle, terms) in candidates {
        if let Ok(choice) = build.with_choice(task, ix, &terms) {
            tried.push((choice, obstacle));
        }
    }
    let mut state = seen.state_without(build, task);
    let now = column(build, task, decision);
    let on = &build.problem.tasks[task].choices[decision.choice];
    let readers = consumers(&build.problem, task);
    let handed_on = hand_over(&build.problem, &state, &readers, on, now.end()).0;
    let planned = state.place(task, now) + handed_on;
    state.remove(task);
    let mut best: BTreeMap<(Constraint, String), (Weighed, Option<Obstacle>)> = BTreeMap::new();
    for (choice, rule) in tried {
        let Some(weighed) = weigh(build, seen, &mut state, task, choice) else { continue };
        let key = match (&rule, weighed.obstacles.as_slice()) {
            (Some(rule), []) => (rule.constraint, String::new()),
            (None, [one]) => (one.constraint, one.name.clone()),
            _ => continue,
        };
        let better = |than: &(Weighed, Option<Obstacle>)| weighed.usd < than.0.usd;
        if weighed.usd < planned - LEAST && best.get(&key).is_none_or(better) {
            best.insert(key, (weighed, rule));
        }
    }
    let mut savings: Vec<Saving> = best
        .into_values()
        .filter_map(|(weighed, rule)| saving(build, seen, task, &weighed, rule.as_ref()))
        .collect();
    // Stable: of equals the order of the constraints.
    savings.sort_by_key(|saving| std::cmp::Reverse(saving.saves_usd));
    savings
}

/// The offers that could be cheaper and that at most one rule excludes, the cheapest of each rule.
fn candidates(build: &Build<'_>, seen: &Seen, task: usize) -> Vec<Candidate> {
    let (world, prospect) = (build.world(), &build.prospects[task]);
    let planned = seen.bills.get(&task).map_or(0.0, |bill| Usd::from_micro(bill.parts.total()).to_f64());
    let current = seen.decisions[task].as_ref().map(|d| build.problem.tasks[task].choices[d.choice].offer);
    let way = seen.decisions[task].as_ref().map(|d| build.problem.tasks[task].choices[d.choice].way);
    let hours = prospect.least_hours();
    let (free, limited) = prospect.candidates();
    // The first list is sorted by price: what costs more for one machine and the shortest run ends it.
    let free = free.into_iter().take_while(|ix| world.offer(*ix).hourly.to_f64() * hours <= planned);
    let mut by_rule: BTreeMap<Option<Constraint>, Vec<(f64, Candidate)>> = BTreeMap::new();
    for ix in free.chain(limited) {
        if build.known_offer(ix).is_some() && build.known_offer(ix) == current {
            continue;
        }
        let Some((obstacle, terms)) = prospect.nearly(ix) else { continue };
        // No saving makes up for a later way, where they are in order.
        if prospect.spec().ordered && way.is_some_and(|way| terms.way > way) {
            continue;
        }
        let obstacle = obstacle.filter(|obstacle| !is_judged_beside(obstacle));
        let compute = terms.instances.to_f64() * world.offer(ix).hourly.to_f64() * terms.run.hours();
        let estimate = compute * (1.0 + terms.rework());
        if estimate < planned || build.known_offer(ix).is_some() {
            let rule = obstacle.as_ref().map(|obstacle| obstacle.constraint);
            by_rule.entry(rule).or_default().push((estimate, (ix, obstacle, terms)));
        }
    }
    let mut all = Vec::new();
    for mut list in by_rule.into_values() {
        list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.0.cmp(&b.1.0)));
        list.truncate(WEIGHED);
        all.extend(list.into_iter().map(|(_, candidate)| candidate));
    }
    all
}

fn saving(
    build: &Build<'_>,
    seen: &Seen,
    task: usize,
    weighed: &Weighed,
    rule: Option<&Obstacle>,
) -> Option<Saving> {
    let choice = weighed.column.choice as usize;
    let decision = Decision { choice, runs: weighed.column.runs.clone() };
    let (extra, because) = difference(build, &seen.decisions, task, decision);
    let without = match rule {
        Some(rule) => barrier(rule),
        None => weighed.barriers(build, seen, task).into_iter().next()?,
    };
    let offer = build.problem.tasks[task].choices[choice].offer;
    (extra < Usd::ZERO).then(|| Saving {
        workload: build.prospects[task].workload.metadata.name.clone(),
        without,
        offer: build.world().offer(build.offers[offer as usize]).name(),
        saves_usd: Usd::ZERO - extra,
        because,
    })
}
