//! The decisions of a plan and what they are worth, from the plan alone.
//!
//! A decision is worth what the next best would have cost more: the runner-up's difference, the list price
//! of what a reservation covers, the copy of a dataset that a second reader gets for nothing. A runner-up
//! that is the same thing in another size is no decision. A start that was put off is one even where its
//! worth is not known.

use indexmap::IndexMap;
use plimsoll_model::{
    Duration, Plan, Usd,
    explanation::{Decision, DecisionKind},
    plan::{Placement, RunnerUp, Transfer},
};

/// Less than this is no decision.
const LEAST: Usd = Usd::from_micro(10_000);

/// All of them, the weightiest first (of equals the first in document order), then the starts put off, the
/// latest first.
pub fn decisions(plan: &Plan) -> Vec<Decision> {
    // Over scenarios a cheaper offer is left for what may come, not to others.
    let over_scenarios = plan.scenarios.is_some();
    let against = |p| against(p).filter(|d| !(over_scenarios && d.kind == DecisionKind::GivesWay));
    let of_each = plan.placements.iter().filter_map(|p| reserved(p).or_else(|| against(p)));
    let mut all: Vec<Decision> =
        of_each.chain(shared(plan)).filter(|d| d.worth_usd.is_some_and(|worth| worth >= LEAST)).collect();
    all.sort_by_key(|decision| std::cmp::Reverse(decision.worth_usd));
    let mut late: Vec<&Placement> = plan.placements.iter().filter(|p| is_put_off(p)).collect();
    late.sort_by_key(|placement| std::cmp::Reverse(placement.start));
    all.extend(late.into_iter().map(|placement| put_off(plan, placement)));
    all
}

fn of(kind: DecisionKind, placement: &Placement) -> Decision {
    Decision {
        kind,
        workload: placement.workload.clone(),
        offer: placement.offer.full_name(),
        worth_usd: None,
        other: None,
        because: IndexMap::new(),
        dataset: None,
        instances: None,
        compute_usd: None,
        unreserved_usd: None,
        pieces: None,
        hours: None,
    }
}

/// The time that is worked, without what lies between pieces.
fn worked(placement: &Placement) -> Duration {
    match &placement.runs {
        Some(runs) => Duration::from_nanos(runs.iter().map(|run| run.end.nanos() - run.start.nanos()).sum()),
        None => placement.end.since(placement.start),
    }
}

/// Compute that is paid for already.
fn reserved(placement: &Placement) -> Option<Decision> {
    let full = placement.offer.hourly.to_f64() * placement.instances * worked(placement).hours();
    let saved = full - placement.usd.compute.to_f64();
    // Own nodes pay electricity on top, never less.
    if saved < 0.01 || saved < full * 1e-6 {
        return None;
    }
    let cents = |usd: f64| Usd::from_f64((usd * 100.0).round() / 100.0).ok();
    Some(Decision {
        worth_usd: cents(saved),
        instances: Some(placement.instances),
        compute_usd: Some(placement.usd.compute),
        unreserved_usd: cents(full),
        ..of(DecisionKind::Reserved, placement)
    })
}

/// The offer against the next best.
fn against(placement: &Placement) -> Option<Decision> {
    let runner = placement.runner_up.as_ref()?;
    let gives_way = runner.extra_usd < Usd::ZERO;
    if !gives_way && alike(placement, runner) {
        return None;
    }
    let (kind, worth) = if gives_way {
        (DecisionKind::GivesWay, Usd::ZERO - runner.extra_usd)
    } else {
        (DecisionKind::Cheapest, runner.extra_usd)
    };
    Some(Decision {
        worth_usd: Some(worth),
        other: Some(runner.offer.clone()),
        because: runner.because.clone(),
        ..of(kind, placement)
    })
}

/// Whether two offers are of one family in one place, differing in size.
fn alike(placement: &Placement, runner: &RunnerUp) -> bool {
    let family = |name: &str| -> Option<(String, String)> {
        let parts: Vec<&str> = name.split('/').collect();
        let [cloud, region, instance, capacity] = parts.as_slice() else { return None };
        let letters = instance.split(['.', '-']).next().unwrap_or_default();
        let letters: String = letters.chars().filter(|c| !c.is_ascii_digit()).collect();
        Some((format!("{cloud}/{region}/{capacity}"), letters))
    };
    let own = family(&placement.offer.full_name());
    own.is_some() && own == family(&runner.offer)
}

/// A copy that another reader has paid for.
fn shared(plan: &Plan) -> impl Iterator<Item = Decision> {
    let transfers = || {
        plan.placements
            .iter()
            .flat_map(|placement| placement.transfers.iter().map(move |transfer| (placement, transfer)))
    };
    transfers().filter(|(_, transfer)| transfer.usd.is_zero() && transfer.size > 0).filter_map(
        move |(reader, transfer)| {
            let same = |other: &Transfer| {
                other.what == transfer.what && other.to == transfer.to && !other.usd.is_zero()
            };
            let (payer, paid) = transfers().find(|(_, other)| same(other))?;
            Some(Decision {
                worth_usd: Some(paid.usd),
                offer: transfer.to.clone(),
                other: Some(reader.workload.clone()),
                dataset: Some(transfer.what.clone()),
                ..of(DecisionKind::SharedData, payer)
            })
        },
    )
}

fn is_put_off(placement: &Placement) -> bool {
    placement.runs.is_some() || placement.reason.contains("; starts ")
}

/// A start that was put off although it could have been earlier, or a run in pieces.
fn put_off(plan: &Plan, placement: &Placement) -> Decision {
    let (kind, hours) = if placement.runs.is_some() {
        (DecisionKind::Pieces, placement.end.hours_since(placement.start))
    } else {
        (DecisionKind::Waits, placement.start.hours_since(plan.inputs.flags.now))
    };
    let pieces = placement.runs.as_ref().map(|runs| runs.len() as u64);
    Decision { hours: Some(hours), pieces, ..of(kind, placement) }
}
