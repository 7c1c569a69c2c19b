//! A plan seen again beside the documents it was made from: its placements as decisions of the problem.

use std::collections::BTreeMap;

use plimsoll_model::{Duration, Plan, Usd, plan::Placement};
use plimsoll_solver::{Column, column::own_cost, problem::Nanos, state::State};

use crate::{
    build::Build,
    error::PlanError,
    price::{Bill, Decision, bills},
    report::nodes::Nodes,
    world::Assumptions,
};

/// The placements of a plan, by task.
#[derive(Debug)]
pub(super) struct Seen {
    /// Where each task is.
    pub(super) decisions: Vec<Option<Decision>>,
    /// The own machines each has.
    pub(super) nodes: Nodes,
    /// What each costs.
    pub(super) bills: BTreeMap<usize, Bill>,
}

impl Seen {
    /// Finds each placement of the plan in the problem.
    ///
    /// # Errors
    /// When the plan is not one of these documents, or its figures are not those this version computes.
    pub(super) fn of(build: &mut Build<'_>, plan: &Plan) -> Result<Self, PlanError> {
        let count = build.problem.tasks.len();
        let mut seen = Self { decisions: vec![None; count], nodes: Nodes::new(), bills: BTreeMap::new() };
        let names: BTreeMap<String, usize> =
            build.prospects.iter().map(|p| (p.workload.metadata.name.clone(), p.index)).collect();
        for placement in &plan.placements {
            let differs = || other_figures(&placement.workload);
            let task = *names.get(&placement.workload).ok_or_else(differs)?;
            let decision = decision(build, task, placement).ok_or_else(differs)?;
            seen.decisions[task] = Some(decision);
            if let Some(nodes) = &placement.nodes {
                seen.nodes.insert(task, nodes.clone());
            }
        }
        let chosen: Vec<u32> =
            seen.placed().map(|(task, d)| build.problem.tasks[task].choices[d.choice].offer).collect();
        build.look_up_carbon(&chosen);
        let all: Vec<usize> = (0..count).collect();
        seen.bills = bills(build, &seen.decisions, &all, &mut Assumptions::ignored());
        for placement in &plan.placements {
            let bill = names.get(&placement.workload).and_then(|task| seen.bills.get(task));
            if bill.map(|bill| Usd::from_micro(bill.parts.total())) != Some(placement.usd.total) {
                return Err(other_figures(&placement.workload));
            }
        }
        Ok(seen)
    }

    /// The tasks that are placed.
    pub(super) fn placed(&self) -> impl Iterator<Item = (usize, &Decision)> {
        self.decisions.iter().enumerate().filter_map(|(task, decision)| Some((task, decision.as_ref()?)))
    }

    /// The state of the problem with every task placed but one.
    pub(super) fn state_without<'b>(&self, build: &'b Build<'_>, task: usize) -> State<'b> {
        let mut state = State::new(&build.problem);
        for (other, decision) in self.placed().filter(|(other, _)| *other != task) {
            state.place(other, column(build, other, decision));
        }
        state
    }
}

/// A decision as a column of the problem.
pub(super) fn column(build: &Build<'_>, task: usize, decision: &Decision) -> Column {
    let numbers = &build.problem.tasks[task];
    let own = own_cost(&build.problem, numbers, &numbers.choices[decision.choice], &decision.runs);
    Column { choice: decision.choice as u32, runs: decision.runs.clone(), own }
}

/// A placement as a decision; `None` when the offer is not there or not allowed.
fn decision(build: &mut Build<'_>, task: usize, placement: &Placement) -> Option<Decision> {
    let ix = build.world().named(&placement.offer.full_name())?;
    let terms = build.prospects[task].judge(ix, &mut Assumptions::ignored()).ok()?;
    let choice = build.with_choice(task, ix, &terms).ok()?;
    Some(Decision { choice, runs: runs(placement, terms.run) })
}

/// The pieces of a run. A plan rounds the end to the millisecond: the run time is exact.
fn runs(placement: &Placement, run: Duration) -> Vec<(Nanos, Nanos)> {
    let start = placement.start.nanos();
    let Some(pieces) = &placement.runs else { return vec![(start, start + run.nanos())] };
    let mut runs: Vec<(Nanos, Nanos)> = pieces.iter().map(|r| (r.start.nanos(), r.end.nanos())).collect();
    if let Some((last, before)) = runs.split_last_mut() {
        last.1 = last.0 + run.nanos() - before.iter().map(|r| r.1 - r.0).sum::<Nanos>();
    }
    runs
}

fn other_figures(workload: &str) -> PlanError {
    PlanError::input(
        format!("the plan's figures for {workload} are not those of its files"),
        "it was edited, or made by another version of plimsoll: `plimsoll verify` names each difference, and \
         `plimsoll plan` makes it anew",
    )
}
