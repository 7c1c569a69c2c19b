//! A workload tried on another offer, all else as planned: what stands in the way, and what it would cost.

use indexmap::IndexMap;
use plimsoll_model::{
    Usd,
    explanation::{Barrier, Holder},
    plan::Constraint,
};
use plimsoll_solver::{
    Column,
    column::{columns, own_cost},
    problem::ceil_second,
    state::State,
};
use serde_json::json;

use super::seen::Seen;
use crate::{
    build::Build,
    price::{Bill, Decision, bills},
    prospect::Obstacle,
    report::{
        beside::{is_judged_beside, limits_broken, round, too_late},
        nodes,
        runner_up::{consumers, difference, hand_over},
    },
    terms::Terms,
    world::{Assumptions, OfferIx},
};

/// What a workload would meet on an offer.
#[derive(Debug, Default)]
pub(super) struct Trial {
    /// What excludes the offer whatever the others do.
    pub(super) rules: Vec<Barrier>,
    /// What stands in the way beside the others.
    pub(super) beside: Vec<Barrier>,
    /// A figure that its price needs and nothing states.
    pub(super) lacks: Option<String>,
    /// The best time there, where there is one.
    pub(super) decision: Option<Decision>,
    /// What the plan would cost more, and by which parts.
    pub(super) extra: Option<(Usd, IndexMap<String, Usd>)>,
    /// What the workload would cost there.
    pub(super) bill: Option<Bill>,
    /// Whether the offer would do if the workload were alone.
    pub(super) fits_alone: bool,
}

/// Tries a workload on an offer.
pub(super) fn try_on(build: &mut Build<'_>, seen: &Seen, task: usize, ix: OfferIx) -> Trial {
    let (mut obstacles, terms) = build.prospects[task].obstacles(ix, &mut Assumptions::ignored());
    let mut trial = Trial { fits_alone: obstacles.is_empty(), ..Trial::default() };
    let meaningless = obstacles.iter().any(Obstacle::is_beyond_cost);
    let Some(terms) = terms.filter(|_| !meaningless) else {
        trial.rules = obstacles.iter().map(barrier).collect();
        return trial;
    };
    obstacles.retain(|obstacle| !is_judged_beside(obstacle));
    trial.rules = obstacles.iter().map(barrier).collect();
    match build.with_choice(task, ix, &terms) {
        Err(lacks) => trial.lacks = Some(lacks),
        Ok(choice) => {
            let mut state = seen.state_without(build, task);
            match weigh(build, seen, &mut state, task, choice) {
                None => trial.beside.push(producer_left_out(build, seen, task)),
                Some(best) => {
                    let decision = Decision { choice, runs: best.column.runs.clone() };
                    trial.bill = bill_there(build, seen, task, &decision);
                    for barrier in best.barriers(build, seen, task) {
                        if trial.bill.as_ref().is_some_and(|bill| is_over_alone(bill, &barrier)) {
                            trial.fits_alone = false;
                            trial.rules.push(barrier);
                        } else {
                            trial.beside.push(barrier);
                        }
                    }
                    trial.extra = Some(difference(build, &seen.decisions, task, decision.clone()));
                    trial.decision = Some(decision);
                }
            }
        }
    }
    trial
}

/// What a workload would cost elsewhere, beside the others as planned.
fn bill_there(build: &Build<'_>, seen: &Seen, task: usize, decision: &Decision) -> Option<Bill> {
    let mut decisions = seen.decisions.clone();
    decisions[task] = Some(decision.clone());
    let all: Vec<usize> = (0..decisions.len()).collect();
    bills(build, &decisions, &all, &mut Assumptions::ignored()).remove(&task)
}

/// Whether a workload alone spends more than a limit on a sum allows.
fn is_over_alone(bill: &Bill, barrier: &Barrier) -> bool {
    let has = barrier.has.as_f64().unwrap_or(f64::INFINITY);
    match barrier.constraint {
        Constraint::Budget | Constraint::MaxCost => spent(bill).to_f64() > has,
        Constraint::CarbonBudget => bill.kg.is_some_and(|kg| kg > has),
        _ => false,
    }
}

/// The money that budgets count.
fn spent(bill: &Bill) -> Usd {
    Usd::from_micro(bill.parts.compute + bill.parts.egress + bill.parts.risk)
}

/// A time on an offer with what stands in the way then.
pub(super) struct Weighed {
    pub(super) column: Column,
    pub(super) obstacles: Vec<Obstacle>,
    /// Dollars that placing it there adds.
    pub(super) usd: f64,
}

impl Weighed {
    /// What stands in the way, with who else uses it then.
    pub(super) fn barriers(&self, build: &Build<'_>, seen: &Seen, task: usize) -> Vec<Barrier> {
        let with_holders = |obstacle: &Obstacle| Barrier {
            held_by: holders(build, seen, task, &self.column, obstacle),
            ..barrier(obstacle)
        };
        self.obstacles.iter().map(with_holders).collect()
    }
}

/// The best time of a task on a choice: with the least in the way, then the cheapest. The task is not placed
/// in `state`. None when a producer is left out.
pub(super) fn weigh(
    build: &Build<'_>,
    seen: &Seen,
    state: &mut State<'_>,
    task: usize,
    choice: usize,
) -> Option<Weighed> {
    let problem = &build.problem;
    let numbers = &problem.tasks[task];
    let on = &numbers.choices[choice];
    let first = state.first_start(task, on).map(ceil_second)?;
    let mut list = Vec::new();
    columns(problem, numbers, choice, first, &mut list);
    if list.is_empty() {
        let runs = vec![(first, first + on.run)];
        let own = own_cost(problem, numbers, on, &runs);
        list.push(Column { choice: choice as u32, runs, own });
    }
    let readers = consumers(problem, task);
    let mut best: Option<Weighed> = None;
    for column in list {
        let mut obstacles = limits_broken(build, problem, &build.offers, state, task, &column);
        if let Some(deadline) = numbers.deadline.filter(|deadline| column.end() > *deadline) {
            obstacles.push(too_late(column.end(), deadline));
        }
        let (handed_on, late) = hand_over(problem, state, &readers, on, column.end());
        for (reader, arrival) in late {
            let start = state.column(reader).map_or(arrival, Column::start);
            let name = build.prospects[reader].workload.metadata.name.clone();
            obstacles.push(Obstacle { constraint: Constraint::Producer, name, ..too_late(arrival, start) });
        }
        if obstacles.is_empty()
            && let Some(group) = on.group
            && !nodes::room(build, &seen.decisions, &seen.nodes, task, group, on.demand, &column.runs)
        {
            let name = build.world().offer(build.offers[on.offer as usize]).name();
            let (needs, has) = (json!("room on its machines"), json!("others there would have to shift"));
            obstacles.push(Obstacle { constraint: Constraint::Count, name, needs, has, relax: None });
        }
        let usd = state.place(task, column.clone()) + handed_on;
        state.remove(task);
        let better = |than: &Weighed| {
            (obstacles.len(), usd).partial_cmp(&(than.obstacles.len(), than.usd))
                == Some(std::cmp::Ordering::Less)
        };
        if best.as_ref().is_none_or(better) {
            best = Some(Weighed { column, obstacles, usd });
        }
    }
    best
}

fn producer_left_out(build: &Build<'_>, seen: &Seen, task: usize) -> Barrier {
    let edges = build.problem.tasks[task].inputs.iter();
    let out = edges.map(|edge| edge.producer as usize).find(|producer| seen.decisions[*producer].is_none());
    let name = out.map_or_else(String::new, |out| build.prospects[out].workload.metadata.name.clone());
    let (needs, has) = (json!("placed"), json!("left out"));
    barrier(&Obstacle { constraint: Constraint::Producer, name, needs, has, relax: None })
}

pub(super) fn barrier(obstacle: &Obstacle) -> Barrier {
    Barrier {
        constraint: obstacle.constraint,
        name: obstacle.name.clone(),
        needs: obstacle.needs.clone(),
        has: obstacle.has.clone(),
        relax_by: obstacle.relax.map(|relax| round(relax.0)),
        unit: obstacle.relax.map(|relax| relax.1.to_owned()),
        held_by: Vec::new(),
    }
}

/// The other workloads that use a limit while a column runs, with how much, in document order.
fn holders(build: &Build<'_>, seen: &Seen, task: usize, column: &Column, obstacle: &Obstacle) -> Vec<Holder> {
    let on = &build.problem.tasks[task].choices[column.choice as usize];
    let named = |list: &[crate::build::Named]| list.iter().position(|one| one.name == obstacle.name);
    let amount = |other: usize, decision: &Decision| -> Option<f64> {
        let numbers = &build.problem.tasks[other];
        let theirs = &numbers.choices[decision.choice];
        let meets = || decision.runs.iter().any(|a| column.runs.iter().any(|b| a.0 < b.1 && b.0 < a.1));
        match obstacle.constraint {
            Constraint::Count => (theirs.offer == on.offer && meets()).then_some(theirs.instances),
            Constraint::Quota => {
                let at = build.rules().quotas.iter().position(|quota| quota.name == obstacle.name)?;
                let parts = theirs.quotas.iter().find(|used| used.0 as usize == at)?.1;
                meets().then(|| build.rules().quotas[at].amount(parts))
            }
            Constraint::Budget => {
                let at = named(&build.budgets)?;
                numbers.budgets.contains(&(at as u32)).then(|| money(seen, other))
            }
            Constraint::CarbonBudget => {
                let at = named(&build.carbon_budgets)?;
                numbers.carbon_budgets.contains(&(at as u32)).then(|| seen.bills[&other].kg.unwrap_or(0.0))
            }
            _ => None,
        }
    };
    seen.placed()
        .filter(|(other, _)| *other != task)
        .filter_map(|(other, decision)| {
            let workload = build.prospects[other].workload.metadata.name.clone();
            Some(Holder { workload, amount: amount(other, decision).filter(|amount| *amount > 0.0)? })
        })
        .collect()
}

/// The money of a task that budgets count.
pub(super) fn money(seen: &Seen, task: usize) -> f64 {
    seen.bills.get(&task).map_or(0.0, |bill| spent(bill).to_f64())
}

/// The exact terms of a trial's choice.
pub(super) fn terms(build: &Build<'_>, task: usize, decision: &Decision) -> Terms {
    build.terms[task][decision.choice]
}
