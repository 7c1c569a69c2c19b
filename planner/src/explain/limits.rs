//! How far the limits of a plan are used, by whom, and which of them a workload meets.

use std::collections::BTreeSet;

use plimsoll_model::{
    Plan, Usd,
    explanation::{Holder, LimitUse, Team},
    plan::{Constraint, Price},
};
use plimsoll_solver::problem::{Choice, Nanos};

use super::{seen::Seen, trial::money};
use crate::{build::Build, price::Decision};

/// A use of a limit: who, how much, when.
type Use<'s> = (usize, f64, &'s [(Nanos, Nanos)]);

/// Every limit that something of the plan uses: quotas, instances and own machines at their busiest moment,
/// budgets as sums.
pub(super) fn used(build: &Build<'_>, seen: &Seen) -> Vec<LimitUse> {
    let mut all = Vec::new();
    for (at, quota) in (0_u32..).zip(&build.rules().quotas) {
        let amount = |_: usize, choice: &Choice| {
            choice.quotas.iter().find(|used| used.0 == at).map(|used| quota.amount(used.1))
        };
        let unit = quota.unit_name();
        all.extend(over_time(
            build,
            seen,
            Constraint::Quota,
            &quota.name,
            quota.amount(quota.limit),
            unit,
            &amount,
        ));
    }
    let mut offers: Vec<u32> =
        seen.placed().map(|(task, d)| build.problem.tasks[task].choices[d.choice].offer).collect();
    offers.sort_unstable();
    offers.dedup();
    for at in offers {
        let offer = build.world().offer(build.offers[at as usize]);
        let Some(count) = offer.count else { continue };
        if offer.nodes.is_some() {
            all.push(machines(build, seen, at, count));
            continue;
        }
        let amount = |_: usize, choice: &Choice| (choice.offer == at).then_some(choice.instances);
        let has = f64::from(count);
        all.extend(over_time(build, seen, Constraint::Count, &offer.name(), has, "instances", &amount));
    }
    for (at, budget) in (0_u32..).zip(&build.budgets) {
        let has = build.problem.budgets[at as usize];
        let draws = |task: usize| build.problem.tasks[task].budgets.contains(&at).then(|| money(seen, task));
        all.extend(summed(build, seen, Constraint::Budget, &budget.name, has, "usd", &draws));
    }
    for (at, budget) in (0_u32..).zip(&build.carbon_budgets) {
        let has = build.problem.carbon_budgets[at as usize];
        let draws = |task: usize| {
            let of_it = build.problem.tasks[task].carbon_budgets.contains(&at);
            of_it.then(|| seen.bills.get(&task).and_then(|bill| bill.kg).unwrap_or(0.0))
        };
        all.extend(summed(build, seen, Constraint::CarbonBudget, &budget.name, has, "kg", &draws));
    }
    all
}

fn name(build: &Build<'_>, task: usize) -> String {
    build.prospects[task].workload.metadata.name.clone()
}

type Amount<'a> = &'a dyn Fn(usize, &Choice) -> Option<f64>;

fn over_time(
    build: &Build<'_>,
    seen: &Seen,
    constraint: Constraint,
    limit: &str,
    has: f64,
    unit: &str,
    amount: Amount<'_>,
) -> Option<LimitUse> {
    let uses: Vec<Use<'_>> = seen
        .placed()
        .filter_map(|(task, decision): (usize, &Decision)| {
            let choice = &build.problem.tasks[task].choices[decision.choice];
            Some((task, amount(task, choice).filter(|amount| *amount > 0.0)?, &*decision.runs))
        })
        .collect();
    let used_by: Vec<Holder> = uses
        .iter()
        .map(|(task, amount, _)| Holder { workload: name(build, *task), amount: *amount })
        .collect();
    (!used_by.is_empty()).then(|| LimitUse {
        constraint,
        name: limit.to_owned(),
        used: six(peak(&uses)),
        has,
        unit: unit.to_owned(),
        used_by,
    })
}

/// Own machines on which something runs, at the busiest moment. Shares of machines do not add up to machines.
fn machines(build: &Build<'_>, seen: &Seen, at: u32, count: u32) -> LimitUse {
    let there: Vec<(usize, &Decision)> = seen
        .placed()
        .filter(|(task, decision)| build.problem.tasks[*task].choices[decision.choice].offer == at)
        .collect();
    let nodes = |task: usize| seen.nodes.get(&task).into_iter().flatten().map(|node| &*node.node);
    let busy = |moment: Nanos| {
        let running = |(_, decision): &&(usize, &Decision)| {
            decision.runs.iter().any(|run| run.0 <= moment && moment < run.1)
        };
        let names: BTreeSet<&str> = there.iter().filter(running).flat_map(|(task, _)| nodes(*task)).collect();
        names.len() as f64
    };
    let starts = there.iter().flat_map(|(_, decision)| decision.runs.iter().map(|run| run.0));
    LimitUse {
        constraint: Constraint::Count,
        name: build.world().offer(build.offers[at as usize]).name(),
        used: starts.map(busy).fold(0.0, f64::max),
        has: f64::from(count),
        unit: "instances".into(),
        used_by: there
            .iter()
            .map(|(task, _)| Holder { workload: name(build, *task), amount: nodes(*task).count() as f64 })
            .collect(),
    }
}

fn summed(
    build: &Build<'_>,
    seen: &Seen,
    constraint: Constraint,
    limit: &str,
    has: f64,
    unit: &str,
    amount: &dyn Fn(usize) -> Option<f64>,
) -> Option<LimitUse> {
    let used_by: Vec<Holder> = seen
        .placed()
        .filter_map(|(task, _)| {
            let amount = amount(task).filter(|amount| *amount > 0.0)?;
            Some(Holder { workload: name(build, task), amount: six(amount) })
        })
        .collect();
    (!used_by.is_empty()).then(|| LimitUse {
        constraint,
        name: limit.to_owned(),
        used: six(used_by.iter().map(|holder| holder.amount).sum()),
        has,
        unit: unit.to_owned(),
        used_by,
    })
}

/// The most that is in use at a moment.
fn peak(uses: &[Use<'_>]) -> f64 {
    let mut moments: Vec<Nanos> = uses.iter().flat_map(|(.., runs)| runs.iter().map(|run| run.0)).collect();
    moments.sort_unstable();
    moments.dedup();
    let at = |moment: Nanos| -> f64 {
        let running = |(_, _, runs): &&Use<'_>| runs.iter().any(|run| run.0 <= moment && moment < run.1);
        uses.iter().filter(running).map(|(_, amount, _)| amount).sum()
    };
    moments.into_iter().map(at).fold(0.0, f64::max)
}

/// To six decimals.
fn six(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// What teams spend of what they may: those with a budget first, in document order.
pub(super) fn teams(build: &Build<'_>, seen: &Seen) -> Vec<Team> {
    let estate = &build.world().inputs.estate;
    let mut teams: Vec<Team> = estate
        .budgets
        .iter()
        .map(|budget| Team {
            team: Some(budget.team.clone()),
            workloads: 0,
            usd: Usd::ZERO,
            budget_usd: Some(budget.usd),
        })
        .collect();
    for (task, _) in seen.placed() {
        let team = build.prospects[task].spec().team.clone();
        let at = teams.iter().position(|known| known.team == team).unwrap_or_else(|| {
            teams.push(Team { team, workloads: 0, usd: Usd::ZERO, budget_usd: None });
            teams.len() - 1
        });
        let parts = seen.bills[&task].parts;
        teams[at].workloads += 1;
        teams[at].usd += Usd::from_micro(parts.compute + parts.egress + parts.risk);
    }
    teams
}

/// The priced limits that a workload meets on any offer it might take.
pub(super) fn prices_of(build: &Build<'_>, plan: &Plan, task: usize) -> Vec<Price> {
    let numbers = &build.problem.tasks[task];
    let meets = |price: &&Price| match price.constraint {
        Constraint::Count => {
            let ix = build.world().named(&price.name);
            ix.is_some_and(|ix| build.choice_on(task, ix).is_some())
        }
        Constraint::Quota => {
            let at = build.rules().quotas.iter().position(|quota| quota.name == price.name);
            numbers.choices.iter().flat_map(|choice| &choice.quotas).any(|used| Some(used.0 as usize) == at)
        }
        Constraint::Budget => {
            let at = build.budgets.iter().position(|budget| budget.name == price.name);
            numbers.budgets.iter().any(|budget| Some(*budget as usize) == at)
        }
        Constraint::CarbonBudget => {
            let at = build.carbon_budgets.iter().position(|budget| budget.name == price.name);
            numbers.carbon_budgets.iter().any(|budget| Some(*budget as usize) == at)
        }
        _ => false,
    };
    plan.prices.iter().filter(meets).cloned().collect()
}
