//! What is lacking in all for everything required to fit, beside what each workload meets.
//!
//! A workload that no offer has room for even alone has no choices in the problem. Of those that counts and quotas alone
//! keep from it the one that asks least of them is added here, so that these limits are told with what they lack.

use std::collections::BTreeMap;

use plimsoll_model::plan::{Constraint, Lacking, Shortfall};
use plimsoll_solver::{
    Problem,
    outcome::Priced,
    problem::Choice,
    shortfall::{Short, shortfall as lacking_in},
};

use super::limit;
use crate::{
    build::Build,
    prospect::Obstacle,
    report::beside::is_judged_beside,
    world::{Assumptions, OfferIx},
};

/// What is lacking for everything required to fit; nothing without HiGHS, or where it is not known.
pub fn shortfall(build: &mut Build<'_>, time_left: Option<fn() -> f64>) -> Option<Shortfall> {
    if build.settings().no_lp {
        return None;
    }
    let (problem, offers) = widened(build);
    let found = lacking_in(&problem, time_left)?;
    let beyond = found.beyond.iter();
    Some(Shortfall {
        limits: found.limits.iter().map(|short| lacking(build, &offers, short)).collect(),
        beyond: beyond.map(|task| build.prospects[*task as usize].workload.metadata.name.clone()).collect(),
    })
}

/// The problem with an offer that counts and quotas alone keep from it for each required workload without a choice,
/// and the offers by their numbers there.
fn widened(build: &mut Build<'_>) -> (Problem, Vec<OfferIx>) {
    let (mut problem, mut offers) = (build.problem.clone(), build.offers.clone());
    let mut local: BTreeMap<OfferIx, u32> = (0..).zip(&offers).map(|(local, ix)| (*ix, local)).collect();
    for (task, readers) in problem.readers().into_iter().enumerate() {
        let t = &problem.tasks[task];
        // What results cost between places that the problem does not know is left to the causes of each.
        if !t.required || !t.choices.is_empty() || !t.inputs.is_empty() || !readers.is_empty() {
            continue;
        }
        if let Some((ix, mut choice)) = kept_out(build, task) {
            choice.offer = *local.entry(ix).or_insert_with(|| {
                let offer = build.world().offer(ix);
                problem.counts.push(offer.count.filter(|_| offer.nodes.is_none()).map(i64::from));
                offers.push(ix);
                offers.len() as u32 - 1
            });
            problem.tasks[task].choices.push(choice);
        }
    }
    // Choices bring the carbon of their places.
    problem.series.clone_from(&build.problem.series);
    (problem, offers)
}

/// Of the offers that counts and quotas alone keep from a workload the one that asks for the least share of them, as a
/// choice. One, or a relaxation would take a part of each, which all have room for.
fn kept_out(build: &mut Build<'_>, task: usize) -> Option<(OfferIx, Choice)> {
    let (free, limited) = build.prospects[task].candidates();
    let numbers = build.problem.tasks[task].clone();
    let mut least: Option<(f64, OfferIx, Choice)> = None;
    for ix in free.into_iter().chain(limited) {
        let (obstacles, terms) = build.prospects[task].obstacles(ix, &mut Assumptions::ignored());
        let is_limit = |constraint| matches!(constraint, Constraint::Count | Constraint::Quota);
        let are_limits = obstacles.iter().all(|of| is_limit(of.constraint) && is_judged_beside(of));
        let Some(terms) = terms.filter(|_| are_limits) else { continue };
        let share = |of: &Obstacle| Some(of.relax?.0 / of.has.as_f64().unwrap_or(0.0).max(1.0));
        let asked: f64 = obstacles.iter().filter_map(share).sum();
        if least.as_ref().is_some_and(|known| known.0 <= asked) {
            continue;
        }
        least = build.choice(task, &numbers, ix, &terms).map(|choice| (asked, ix, choice)).or(least);
    }
    least.map(|(_, ix, choice)| (ix, choice))
}

fn lacking(build: &Build<'_>, offers: &[OfferIx], short: &Short) -> Lacking {
    let (constraint, name) = limit(build, offers, short.limit);
    let (by, unit) = match short.limit {
        Priced::Count(_) => (short.by, "instances"),
        Priced::Quota(quota) => {
            let quota = &build.rules().quotas[quota as usize];
            let parts = (short.by * quota.unit as f64 - 1e-6).ceil();
            (quota.amount(parts as i64), quota.unit_name())
        }
        Priced::Budget(_) => (short.by, "usd"),
        Priced::Carbon(_) => (short.by, "kg"),
    };
    // Rounded up: less would not do.
    let by = if by > 1e-9 { ((by - 1e-9) * 1e6).ceil() / 1e6 } else { 0.0 };
    Lacking { constraint, name, by, unit: unit.to_owned(), conflicts: short.conflicts }
}
