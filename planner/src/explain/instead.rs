//! The plan that would be made if a workload had to be on an offer: what it costs, and who gives way.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_model::{
    Plan, Time, Usd,
    explanation::{Instead, Relocation},
    plan::Placement,
};
use plimsoll_solver::Phase;

use crate::{
    build::Build,
    price::{Decision, bills},
    world::Assumptions,
};

/// Plans again with a task on one of its choices; `None` when it cannot be there even if all others give way.
pub(super) fn plan_with(
    build: &mut Build<'_>,
    plan: &Plan,
    task: usize,
    choice: usize,
    time_left: Option<fn() -> f64>,
    observer: &mut dyn FnMut(&Phase),
) -> Option<Instead> {
    let numbers = &mut build.problem.tasks[task];
    let terms = Arc::make_mut(&mut build.terms[task]);
    numbers.choices = vec![numbers.choices.swap_remove(choice)].into();
    *terms = vec![terms.swap_remove(choice)];
    numbers.choices[0].spare = false;
    // It is like no other now, and must be placed before all others.
    (numbers.class, numbers.required, numbers.priority) = (u32::MAX, true, i64::MAX);
    let params = build.settings().params(time_left);
    let outcome = plimsoll_solver::solve(&build.problem, &params, observer);
    let decisions: Vec<Option<Decision>> = outcome
        .columns
        .iter()
        .map(|c| c.as_ref().map(|c| Decision { choice: c.choice as usize, runs: c.runs.clone() }))
        .collect();
    let start = Time::from_nanos(decisions[task].as_ref()?.start());
    let all: Vec<usize> = (0..decisions.len()).collect();
    let bills = bills(build, &decisions, &all, &mut Assumptions::ignored());
    let placed: Usd = bills.values().map(|bill| Usd::from_micro(bill.parts.total())).sum();
    let forgone: Usd = decisions
        .iter()
        .zip(&build.prospects)
        .filter(|(decision, prospect)| decision.is_none() && !prospect.spec().is_required())
        .map(|(_, prospect)| Usd::from_micro(prospect.spec().value.unwrap_or(Usd::ZERO).to_micro()))
        .sum();
    let total_usd = placed + forgone;
    let before: BTreeMap<&str, &Placement> = plan.placements.iter().map(|p| (&*p.workload, p)).collect();
    let (mut moves, mut left_out) = (Vec::new(), Vec::new());
    for (other, decision) in decisions.iter().enumerate().filter(|(other, _)| *other != task) {
        let workload = build.prospects[other].workload.metadata.name.clone();
        let planned = before.get(&*workload);
        let Some(decision) = decision else {
            if planned.is_some() {
                left_out.push(workload);
            }
            continue;
        };
        let offer = build.problem.tasks[other].choices[decision.choice].offer;
        let one = Relocation {
            workload,
            from: planned.map(|planned| planned.offer.full_name()),
            to: build.world().offer(build.offers[offer as usize]).name(),
            from_start: planned.map(|planned| planned.start),
            to_start: Time::from_nanos(decision.start()),
        };
        if one.from.as_ref() != Some(&one.to) || one.from_start != Some(one.to_start) {
            moves.push(one);
        }
    }
    let proven =
        outcome.bound.is_some_and(|bound| outcome.total - bound <= 2e-8 * outcome.total.abs().max(1.0));
    Some(Instead {
        total_usd,
        extra_usd: total_usd - plan.objective.total_usd,
        start,
        proven,
        moves,
        left_out,
    })
}
