//! From the plans found to a plan that says what it costs in every scenario.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use plimsoll_model::{
    Plan, Time, Usd,
    plan::{Constraint, NodeUse, Placement, Run},
    scenarios::{Aim, Aspect, Beside, Differs, Exceeds, InScenario, Outlook},
};
use plimsoll_solver::{Column, Outcome};

use super::pool::{Entry, Found};
use crate::{
    build::Build,
    price::{Bill, Decision, bills, bills_in, micro},
    report::{nodes, report},
    world::Assumptions,
};

/// What a plan costs wherever.
struct Figures {
    forecast: Usd,
    costs: Vec<Usd>,
    expected: Usd,
}

pub(super) fn plan(build: &mut Build<'_>, aim: Aim, found: &Found, outcome: &Outcome) -> Plan {
    let mut plan = report(build, outcome, None);
    let all = [&found.chosen, &found.forecast, &found.average];
    let used = all.into_iter().chain(&found.best).flat_map(|entry| chosen(build, entry)).collect::<Vec<_>>();
    build.look_up_carbon(&used);
    let mut others = vec![(Aspect::Forecast, None, &found.forecast)];
    if aim == Aim::Regret {
        others.push((Aspect::Average, None, &found.average));
    }
    for (at, entry) in found.best.iter().enumerate() {
        others.push((Aspect::Scenario, Some(at), entry));
    }
    let own = figures(build, &found.chosen);
    let figures: Vec<Figures> = others.iter().map(|other| figures(build, other.2)).collect();
    let everyone = || figures.iter().chain([&own]);
    let best: Vec<Usd> = (0..own.costs.len())
        .map(|at| everyone().map(|of| of.costs[at]).min().unwrap_or(own.costs[at]))
        .collect();
    let beside = others.iter().zip(&figures).map(|((of, scenario, entry), figures)| Beside {
        of: *of,
        scenario: scenario.map(|at: usize| name(build, at)),
        forecast_usd: figures.forecast,
        expected_usd: figures.expected,
        max_regret_usd: regret(&figures.costs, &best),
        usd: figures.costs.iter().enumerate().map(|(at, usd)| (name(build, at), *usd)).collect(),
        differs: differs(build, &plan, entry),
    });
    let beside: Vec<Beside> = beside.collect();
    let scenarios = (0..own.costs.len()).map(|at| {
        let bills = all_bills(build, Some(at), &found.chosen);
        let kg = bills.values().map(|bill| bill.kg).sum::<Option<f64>>().map(|sum| sum + 0.0);
        InScenario {
            name: name(build, at),
            weight: found.weights[at],
            usd: own.costs[at],
            best_usd: best[at],
            best_bound_usd: found.best_bounds[at].map(|bound| {
                let float = found.best[at].costs[at];
                floor(bound, float, best[at], float)
            }),
            regret_usd: own.costs[at] - best[at],
            carbon_kg: kg,
            exceeds: exceeds(build, &bills),
        }
    });
    let scenarios: Vec<InScenario> = scenarios.collect();
    let max_regret_usd = regret(&own.costs, &best);
    let aimed = if aim == Aim::Average { own.expected } else { max_regret_usd };
    let scale = own.costs.iter().map(|cost| cost.to_f64()).fold(0.0, f64::max);
    let bound_usd = found.bound.map(|bound| floor(bound, found.aimed, aimed, scale));
    let gap = bound_usd.and_then(|bound| match bound {
        bound if bound == aimed => Some(0.0),
        bound if bound <= Usd::ZERO => None,
        bound => Some((aimed - bound).to_f64() / bound.to_f64()),
    });
    for placement in &mut plan.placements {
        if let Some(reason) = reason(aim, &beside, &placement.workload) {
            placement.reason = reason;
        }
    }
    for unplaced in plan.unplaced.iter_mut().filter(|unplaced| unplaced.value_usd.is_some()) {
        if let Some(other) =
            beside.first().and_then(|of| of.differs.iter().find(|d| d.workload == unplaced.workload))
            && let Some(offer) = &other.offer
        {
            unplaced.reason = format!("{}; for the forecast alone it would run on {offer}", served(aim));
        }
    }
    plan.scenarios = Some(Outlook {
        aim,
        expected_usd: own.expected,
        max_regret_usd,
        bound_usd,
        gap,
        scenarios,
        beside,
        solves: found.solves,
    });
    plan
}

/// What the plan serves by what it does differently.
const fn served(aim: Aim) -> &'static str {
    match aim {
        Aim::Average => "serves the average over the scenarios",
        Aim::Regret => "keeps the largest regret small",
    }
}

/// Why a workload is not where the forecast alone would have it.
fn reason(aim: Aim, beside: &[Beside], workload: &str) -> Option<String> {
    let forecast = beside.first()?.differs.iter().find(|differs| differs.workload == workload)?;
    let serves = served(aim);
    Some(match &forecast.offer {
        Some(offer) => format!("{serves}; for the forecast alone it would run on {offer}"),
        None => format!("{serves}; for the forecast alone it would be left out"),
    })
}

fn name(build: &Build<'_>, scenario: usize) -> String {
    build.outlooks()[scenario].scenario.name.clone()
}

fn regret(costs: &[Usd], best: &[Usd]) -> Usd {
    costs.iter().zip(best).map(|(cost, best)| *cost - *best).max().unwrap_or(Usd::ZERO)
}

/// A bound in micro-dollars, which is the total itself where the search's floats cannot tell them apart;
/// `scale` is what plans cost.
fn floor(bound: f64, float: f64, total: Usd, scale: f64) -> Usd {
    let closed = float - bound <= 2e-8 * scale.abs().max(1.0);
    if closed { total } else { Usd::from_micro((bound * 1e6).floor() as i128).min(total) }
}

fn decision(column: &Column) -> Decision {
    Decision { choice: column.choice as usize, runs: column.runs.clone() }
}

fn decisions(entry: &Entry) -> Vec<Option<Decision>> {
    entry.columns.iter().map(|column| column.as_ref().map(decision)).collect()
}

/// The problem's offers that a plan uses.
fn chosen(build: &Build<'_>, entry: &Entry) -> Vec<u32> {
    let offer = |(task, column): (usize, &Option<Column>)| {
        Some(build.problem.tasks[task].choices[column.as_ref()?.choice as usize].offer)
    };
    entry.columns.iter().enumerate().filter_map(offer).collect()
}

fn all_bills(build: &Build<'_>, outlook: Option<usize>, entry: &Entry) -> BTreeMap<usize, Bill> {
    let all: Vec<usize> = (0..entry.columns.len()).collect();
    let notes = &mut Assumptions::ignored();
    match outlook {
        Some(_) => bills_in(build, outlook, &decisions(entry), &all, notes),
        None => bills(build, &decisions(entry), &all, notes),
    }
}

/// The totals of a plan, to the micro-dollar.
fn figures(build: &Build<'_>, entry: &Entry) -> Figures {
    let forgone: i128 = entry
        .columns
        .iter()
        .zip(&build.prospects)
        .filter(|(column, prospect)| column.is_none() && !prospect.spec().is_required())
        .map(|(_, prospect)| prospect.spec().value.unwrap_or(Usd::ZERO).to_micro())
        .sum();
    let total = |outlook| -> i128 {
        all_bills(build, outlook, entry).values().map(|bill| bill.parts.total()).sum::<i128>() + forgone
    };
    let costs: Vec<i128> = (0..entry.costs.len()).map(|at| total(Some(at))).collect();
    let weights: Vec<i128> =
        build.outlooks().iter().map(|outlook| outlook.scenario.weight().pico()).collect();
    let sum = |of: &mut dyn Iterator<Item = BigInt>| of.fold(BigInt::ZERO, |sum, one| sum + one);
    let over = sum(&mut costs.iter().zip(&weights).map(|(cost, weight)| BigInt::from(*cost) * *weight));
    let under = sum(&mut weights.iter().map(|weight| BigInt::from(*weight))) * 1_000_000;
    Figures {
        forecast: Usd::from_micro(total(None)),
        expected: Usd::from_micro(micro(&BigRational::new(over, under))),
        costs: costs.into_iter().map(Usd::from_micro).collect(),
    }
}

/// The workloads that another plan places otherwise.
fn differs(build: &Build<'_>, plan: &Plan, entry: &Entry) -> Vec<Differs> {
    let decisions = decisions(entry);
    let nodes = nodes::assign(build, &decisions);
    let here: BTreeMap<&str, &Placement> = plan.placements.iter().map(|p| (&*p.workload, p)).collect();
    let mut list = Vec::new();
    for (task, decision) in decisions.iter().enumerate() {
        let workload = &build.prospects[task].workload.metadata.name;
        let there = decision.as_ref().map(|decision| seat(build, task, decision, nodes.get(&task)));
        let same = match (here.get(&**workload), &there) {
            (None, None) => true,
            (Some(here), Some(there)) => {
                Some(here.offer.full_name()) == there.offer
                    && Some(here.start) == there.start
                    && here.runs == there.runs
                    && here.nodes == there.nodes
            }
            _ => false,
        };
        if !same {
            let left_out =
                || Differs { workload: workload.clone(), offer: None, start: None, runs: None, nodes: None };
            list.push(there.unwrap_or_else(left_out));
        }
    }
    list
}

fn seat(build: &Build<'_>, task: usize, decision: &Decision, nodes: Option<&Vec<NodeUse>>) -> Differs {
    let offer = build.problem.tasks[task].choices[decision.choice].offer;
    let run = |r: &(i64, i64)| Run { start: Time::from_nanos(r.0), end: Time::from_nanos(r.1) };
    Differs {
        workload: build.prospects[task].workload.metadata.name.clone(),
        offer: Some(build.world().offer(build.offers[offer as usize]).name()),
        start: Some(Time::from_nanos(decision.start())),
        runs: (decision.runs.len() > 1).then(|| decision.runs.iter().map(run).collect()),
        nodes: nodes.cloned(),
    }
}

/// The limits on money and carbon that these bills break.
fn exceeds(build: &Build<'_>, bills: &BTreeMap<usize, Bill>) -> Vec<Exceeds> {
    let problem = &build.problem;
    let spent = |task: usize| bills.get(&task).map_or(0, |b| b.parts.compute + b.parts.egress + b.parts.risk);
    let tasks = || problem.tasks.iter().enumerate();
    let mut list = Vec::new();
    let mut over = |constraint, name: &str, by: f64, unit: &str| {
        let by = (by * 1e6).round() / 1e6;
        list.push(Exceeds { constraint, name: name.to_owned(), by, unit: unit.to_owned() });
    };
    let estate = &build.world().inputs.estate;
    let limits = build.settings().budget.into_iter().chain(estate.budgets.iter().map(|budget| budget.usd));
    for (at, limit) in limits.enumerate() {
        let of_it = tasks().filter(|(_, task)| task.budgets.contains(&(at as u32)));
        let by = Usd::from_micro(of_it.map(|(task, _)| spent(task)).sum()) - limit;
        if by > Usd::ZERO {
            over(Constraint::Budget, &build.budgets[at].name, by.to_f64(), "usd");
        }
    }
    for (at, limit) in problem.carbon_budgets.iter().enumerate() {
        let of_it = tasks().filter(|(_, task)| task.carbon_budgets.contains(&(at as u32)));
        let kg: f64 = of_it.filter_map(|(task, _)| bills.get(&task)?.kg).sum();
        if kg > limit * (1.0 + 1e-9) {
            over(Constraint::CarbonBudget, &build.carbon_budgets[at].name, kg - limit, "kg");
        }
    }
    for (task, prospect) in build.prospects.iter().enumerate() {
        let Some(most) = prospect.spec().max_cost else { continue };
        let by = Usd::from_micro(spent(task)) - most;
        if by > Usd::ZERO {
            over(Constraint::MaxCost, &prospect.workload.metadata.name, by.to_f64(), "usd");
        }
    }
    list
}
