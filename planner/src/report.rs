//! From the solver's outcome to a plan that a person can check and argue with.

pub(crate) mod beside;
pub(crate) mod nodes;
mod reason;
pub(crate) mod runner_up;
mod shortfall;
mod unplaced;

use indexmap::IndexMap;
use plimsoll_model::{
    Arch, Inputs, Plan, Time, Usd,
    document::ApiVersion,
    plan::{
        Constraint, Documents, Inputs as PlanInputs, Objective, ObjectiveParts, Phase, Placement,
        PlacementUsd, PlanKind, Price, Run, SolverReport, Status,
    },
};
use plimsoll_solver::{
    Column, Outcome,
    column::own_cost,
    outcome::Priced,
    problem::{Nanos, Task},
    state::State,
};

pub use shortfall::shortfall;

use crate::{
    build::{Build, Rules, beyond, choices::MOST_USD},
    error::PlanError,
    flags::{Settings, newest_price},
    price::{Bill, Decision, Parts, bills},
    world::{Assumptions, OfferIx, World},
};

/// Plans some inputs.
///
/// # Errors
/// When the estate contradicts itself, or a price needs a figure that nothing states.
pub fn plan(
    inputs: &Inputs,
    settings: &Settings,
    time_left: Option<fn() -> f64>,
    observer: &mut dyn FnMut(&plimsoll_solver::Phase),
) -> Result<Plan, PlanError> {
    let world = World::new(inputs, settings.now)?;
    let rules = Rules::of(&world);
    let plan = solved(&world, &rules, settings, &[], time_left, observer)?.0;
    if plan.objective.total_usd.to_f64() >= MOST_USD { Err(beyond(None, "the plan")) } else { Ok(plan) }
}

/// On which offer and when a workload runs, in terms that hold at any prices.
pub(crate) type Seat = (OfferIx, Vec<(Nanos, Nanos)>);
/// By workload.
pub(crate) type Seats = Vec<Option<Seat>>;

/// Plans within a world, from other plans of the same inputs if some are known.
pub(crate) fn solved(
    world: &World<'_>,
    rules: &Rules,
    settings: &Settings,
    known: &[&Seats],
    time_left: Option<fn() -> f64>,
    observer: &mut dyn FnMut(&plimsoll_solver::Phase),
) -> Result<(Plan, Seats), PlanError> {
    let mut build = Build::new(world, settings, rules)?;
    let known: Vec<Vec<Option<Column>>> = known.iter().map(|seats| columns(&build, seats)).collect();
    let outcome = plimsoll_solver::solve_from(&build.problem, &settings.params(time_left), &known, observer);
    let seat = |(task, column): (&Task, &Option<Column>)| {
        let column = column.as_ref()?;
        let offer = task.choices[column.choice as usize].offer;
        Some((build.offers[offer as usize], column.runs.clone()))
    };
    let seats = build.problem.tasks.iter().zip(&outcome.columns).map(seat).collect();
    Ok((report(&mut build, &outcome, time_left), seats))
}

/// The columns of a problem that a known plan takes; `None` where it takes none, or one that is not
/// among the choices at these prices.
pub(crate) fn columns(build: &Build<'_>, seats: &Seats) -> Vec<Option<Column>> {
    let column = |(task, seat): (&Task, &Option<Seat>)| {
        let (offer, runs) = seat.as_ref()?;
        let offer = build.known_offer(*offer)?;
        let choice = task.choices.iter().position(|choice| choice.offer == offer && !choice.spare)?;
        let own = own_cost(&build.problem, task, &task.choices[choice], runs);
        Some(Column { choice: choice as u32, runs: runs.clone(), own })
    };
    build.problem.tasks.iter().zip(seats).map(column).collect()
}

pub(crate) fn report(build: &mut Build<'_>, outcome: &Outcome, time_left: Option<fn() -> f64>) -> Plan {
    let decisions: Vec<Option<Decision>> = outcome
        .columns
        .iter()
        .map(|c| c.as_ref().map(|c| Decision { choice: c.choice as usize, runs: c.runs.clone() }))
        .collect();
    let chosen: Vec<u32> = decisions
        .iter()
        .zip(&build.problem.tasks)
        .filter_map(|(d, t)| Some(t.choices[d.as_ref()?.choice].offer))
        .collect();
    build.look_up_carbon(&chosen);
    let all: Vec<usize> = (0..decisions.len()).collect();
    let mut notes = Assumptions::wanted();
    let bills = bills(build, &decisions, &all, &mut notes);
    horizon_note(build, &decisions, &mut notes);
    arch_note(build, &decisions, &mut notes);
    let nodes = nodes::assign(build, &decisions);
    let placements = {
        let mut state = State::new(&build.problem);
        for (task, column) in outcome.columns.iter().enumerate() {
            if let Some(column) = column {
                state.place(task, column.clone());
            }
        }
        let mut placements = Vec::new();
        for (task, decision) in decisions.iter().enumerate() {
            if let (Some(decision), Some(bill)) = (decision, bills.get(&task)) {
                let runner_up = runner_up::find(build, &mut state, &decisions, &nodes, task);
                let mut placement = placement(build, task, decision, bill, runner_up);
                placement.nodes = nodes.get(&task).cloned();
                placements.push(placement);
            }
        }
        placements
    };
    let forgone: Usd = decisions
        .iter()
        .zip(&build.prospects)
        .filter(|(decision, prospect)| decision.is_none() && !prospect.spec().is_required())
        .map(|(_, prospect)| Usd::from_micro(prospect.spec().value.unwrap_or(Usd::ZERO).to_micro()))
        .sum();
    let objective = objective(outcome, &bills, forgone);
    let status = match (outcome.complete, objective.gap, objective.bound_usd) {
        (false, ..) => Status::Infeasible,
        (true, Some(gap), _) if gap <= 1e-6 => Status::Optimal,
        (true, None, Some(bound)) if bound == objective.total_usd => Status::Optimal,
        _ => Status::Feasible,
    };
    let shortfall = (!outcome.complete).then(|| shortfall(build, time_left)).flatten();
    let unplaced = unplaced::explain(build, outcome, &decisions);
    // The sum of no floats is −0, which JSON would show.
    let sum = |figure: fn(&Bill) -> Option<f64>| {
        bills.values().map(figure).sum::<Option<f64>>().map(|sum| sum + 0.0)
    };
    let inputs = build.world().inputs;
    Plan {
        api_version: ApiVersion::default(),
        kind: PlanKind::Plan,
        status,
        reproducible: build.settings().time_limit.is_none() && !outcome.cut_short,
        objective,
        carbon_kg: sum(|b| b.kg),
        energy_kwh: sum(|b| b.kwh),
        placements,
        unplaced,
        shortfall,
        prices: prices(build, outcome),
        assumptions: inputs.assumptions.iter().cloned().chain(notes.into_list()).collect(),
        changes: None,
        scenarios: None,
        inputs: PlanInputs {
            digest: inputs.digest.clone(),
            catalog_date: newest_price(inputs),
            flags: build.settings().to_flags(),
            documents: Documents::of(inputs),
        },
        solver: SolverReport {
            seed: build.settings().seed,
            effort: outcome.effort,
            phases: outcome.phases.iter().map(phase).collect(),
        },
    }
}

fn placement(
    build: &Build<'_>,
    task: usize,
    decision: &Decision,
    bill: &Bill,
    runner_up: Option<plimsoll_model::plan::RunnerUp>,
) -> Placement {
    let world = build.world();
    let choice = &build.problem.tasks[task].choices[decision.choice];
    let terms = &build.terms[task][decision.choice];
    let offer = world.offer(build.offers[choice.offer as usize]);
    let mut placement = Placement {
        workload: world.inputs.workloads[task].metadata.name.clone(),
        offer: offer.to_spec(),
        instances: terms.instances.to_f64(),
        replicas_per_instance: terms.per_instance,
        nodes: None,
        start: Time::from_nanos(decision.start()),
        end: Time::from_nanos(decision.end()),
        runs: (decision.runs.len() > 1).then(|| {
            let run = |r: &(i64, i64)| Run { start: Time::from_nanos(r.0), end: Time::from_nanos(r.1) };
            decision.runs.iter().map(run).collect()
        }),
        usd: usd(&bill.parts),
        carbon_kg: bill.kg,
        transfers: bill.transfers.clone(),
        runner_up,
        reason: String::new(),
    };
    placement.reason = reason::of(build, task, decision, &placement);
    placement
}

pub(crate) fn usd(parts: &Parts) -> PlacementUsd {
    PlacementUsd {
        compute: Usd::from_micro(parts.compute),
        egress: Usd::from_micro(parts.egress),
        carbon: Usd::from_micro(parts.carbon),
        risk: Usd::from_micro(parts.risk),
        delay: Usd::from_micro(parts.delay),
        latency: Usd::from_micro(parts.latency),
        moving: Usd::from_micro(parts.moving),
        total: Usd::from_micro(parts.total()),
    }
}

fn objective(outcome: &Outcome, bills: &std::collections::BTreeMap<usize, Bill>, forgone: Usd) -> Objective {
    let sum = |part: fn(&Parts) -> i128| Usd::from_micro(bills.values().map(|b| part(&b.parts)).sum());
    let parts = ObjectiveParts {
        compute: sum(|p| p.compute),
        egress: sum(|p| p.egress),
        carbon: sum(|p| p.carbon),
        risk: sum(|p| p.risk),
        delay: sum(|p| p.delay),
        latency: sum(|p| p.latency),
        moving: sum(|p| p.moving),
        value_forgone: forgone,
    };
    let total = sum(Parts::total) + forgone;
    // The solver's floats and the exact micro-dollars differ by roundings: where the solver closed its
    // gap the bound is the total.
    let bound = outcome.bound.map(|bound| {
        let closed = outcome.total - bound <= 2e-8 * outcome.total.abs().max(1.0);
        if closed { total } else { Usd::from_micro((bound * 1e6).floor() as i128).min(total) }
    });
    let gap = bound.and_then(|bound| {
        if bound == total {
            Some(0.0)
        } else if bound <= Usd::ZERO {
            None
        } else {
            Some((total - bound).to_f64() / bound.to_f64())
        }
    });
    Objective { total_usd: total, bound_usd: bound, gap, parts }
}

fn prices(build: &Build<'_>, outcome: &Outcome) -> Vec<Price> {
    outcome
        .prices
        .iter()
        .map(|price| {
            let (constraint, name) = limit(build, &build.offers, price.limit);
            let round = |usd: f64| (usd * 1e6).round() / 1e6;
            Price {
                constraint,
                name,
                usd_per_unit: round(price.usd),
                low: round(price.low),
                high: round(price.high),
            }
        })
        .filter(|price| price.usd_per_unit > 0.0)
        .collect()
}

/// A limit as documents name it.
fn limit(build: &Build<'_>, offers: &[OfferIx], limit: Priced) -> (Constraint, String) {
    match limit {
        Priced::Count(offer) => (Constraint::Count, build.world().offer(offers[offer as usize]).name()),
        Priced::Quota(quota) => (Constraint::Quota, build.rules().quotas[quota as usize].name.clone()),
        Priced::Budget(budget) => (Constraint::Budget, build.budgets[budget as usize].name.clone()),
        Priced::Carbon(budget) => {
            (Constraint::CarbonBudget, build.carbon_budgets[budget as usize].name.clone())
        }
    }
}

fn phase(phase: &plimsoll_solver::Phase) -> Phase {
    let round = |usd: f64| (usd * 1e6).round() / 1e6;
    let counts: IndexMap<String, u64> = phase.counts.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
    Phase {
        name: phase.name.to_owned(),
        total_usd: phase.total.map(round),
        bound_usd: phase.bound.map(round),
        counts,
    }
}

/// Services run for the horizon: which one, and who said so.
fn horizon_note(build: &Build<'_>, decisions: &[Option<Decision>], notes: &mut Assumptions) {
    let services: Vec<&str> = build
        .prospects
        .iter()
        .zip(decisions)
        .filter(|(p, d)| p.is_service() && d.is_some())
        .map(|(p, _)| &*p.workload.metadata.name)
        .collect();
    if !services.is_empty() {
        notes.note(
            format!("horizon of the services {}", services.join(", ")),
            build.settings().horizon.to_string(),
            "`--horizon`, else the estate's `horizon`, else 24h",
            None,
        );
    }
}

/// Who runs on Arm without having asked for it: programs built for x86 alone would not start there.
fn arch_note(build: &Build<'_>, decisions: &[Option<Decision>], notes: &mut Assumptions) {
    for (task, decision) in decisions.iter().enumerate() {
        let Some(decision) = decision else { continue };
        let choice = &build.problem.tasks[task].choices[decision.choice];
        let offer = build.world().offer(build.offers[choice.offer as usize]);
        let prospect = &build.prospects[task];
        if prospect.spec().request.arch.is_none() && offer.arch == Some(Arch::Arm64) {
            notes.note(
                format!("architecture of {}", prospect.workload.metadata.name),
                "arm64".into(),
                "the workload states no `request.arch`, so it is taken to run on either",
                None,
            );
        }
    }
}
