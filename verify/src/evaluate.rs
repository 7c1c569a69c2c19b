//! From decisions alone: everything a plan must say of cost and feasibility.

use std::{cmp::Ordering, collections::BTreeMap};

use num_traits::Zero as _;
use plimsoll_model::{
    Time, Usd,
    plan::{Constraint, ObjectiveParts, PlacementUsd, Transfer},
};

use crate::{
    Checker,
    data::Move,
    exact::{Rat, float, int, micro, usd},
    limits::{Ledger, check_count},
    price::{Priced, instances},
    state::{Decision, Placed, State},
    violation::{Kind, Violation},
};

/// What one decision costs.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacementEvaluation {
    /// The workload's index in the inputs.
    pub workload: usize,
    /// The offer's name.
    pub offer: String,
    /// Instances, a fraction on own nodes.
    pub instances: f64,
    /// Replicas that one instance holds.
    pub replicas_per_instance: u32,
    /// When compute starts.
    pub start: Time,
    /// When it ends, to the nanosecond.
    pub end: Time,
    /// The runs, at least one.
    pub runs: Vec<(Time, Time)>,
    /// The parts, each rounded once, and their sum.
    pub usd: PlacementUsd,
    /// kWh; `None` when a figure is missing.
    pub energy_kwh: Option<f64>,
    /// kg CO2e; `None` when a figure is missing.
    pub carbon_kg: Option<f64>,
    /// Data that crosses regions: inputs in document order, then outputs.
    pub transfers: Vec<Transfer>,
}

/// What a set of decisions costs, and which rules it breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The placements that have a cost, in document order.
    pub placements: Vec<PlacementEvaluation>,
    /// The sum of the placements' parts, and the value of the optional workloads left out.
    pub parts: ObjectiveParts,
    /// The sum of the parts.
    pub total_usd: Usd,
    /// kg CO2e of all placements.
    pub carbon_kg: Option<f64>,
    /// kWh of all placements.
    pub energy_kwh: Option<f64>,
    /// How many required workloads are left out, by priority.
    pub left_out: BTreeMap<i64, usize>,
    /// How many ways come before those taken, over all workloads whose ways are in order.
    pub ways_before: usize,
    /// Every rule that the decisions break; none for a feasible plan.
    pub violations: Vec<Violation>,
}

impl Evaluation {
    /// What is minimised: fewer required workloads left out, highest priority first; earlier ways; then the
    /// total.
    pub fn cmp_objective(&self, other: &Self) -> Ordering {
        let mut priorities: Vec<i64> = self.left_out.keys().chain(other.left_out.keys()).copied().collect();
        priorities.sort_unstable();
        let of = |evaluation: &Self, priority| evaluation.left_out.get(priority).copied().unwrap_or(0);
        let left_out = priorities.iter().rev().map(|priority| of(self, priority).cmp(&of(other, priority)));
        left_out
            .fold(Ordering::Equal, Ordering::then)
            .then(self.ways_before.cmp(&other.ways_before))
            .then(self.total_usd.cmp(&other.total_usd))
    }
}

/// Decisions with their costs and violations, for the rest of the checker.
#[derive(Debug)]
pub(crate) struct Assessed<'a> {
    pub(crate) state: State,
    /// By workload.
    pub(crate) priced: Vec<Option<Priced>>,
    pub(crate) ledger: Ledger<'a>,
    pub(crate) violations: Vec<Violation>,
}

impl<'a> Checker<'a> {
    /// Everything that follows from the decisions.
    pub fn evaluate(&self, decisions: &[Decision]) -> Evaluation {
        let Assessed { state, priced, violations, .. } = self.assess(decisions);
        let mut parts = ObjectiveParts::default();
        let (mut kwh, mut kg) = (Some(Rat::zero()), Some(Rat::zero()));
        let mut placements = Vec::new();
        for (index, placed) in state.iter() {
            let Some(priced) = &priced[index] else { continue };
            add(&mut parts, &priced.usd);
            kwh = kwh.zip(priced.kwh.as_ref()).map(|(sum, one)| sum + one);
            kg = kg.zip(priced.carbon_kg.as_ref()).map(|(sum, one)| sum + one);
            placements.extend(shown(index, placed, priced));
        }
        parts.value_forgone = self.value_forgone(&state);
        Evaluation {
            placements,
            total_usd: total(&parts),
            parts,
            carbon_kg: kg.as_ref().map(float),
            energy_kwh: kwh.as_ref().map(float),
            left_out: self.left_out(&state),
            ways_before: self.all_ways_before(&state),
            violations,
        }
    }

    pub(crate) fn assess(&self, decisions: &[Decision]) -> Assessed<'a> {
        let mut violations = Vec::new();
        let mut placed: Vec<Option<Placed>> = vec![None; self.inputs.workloads.len()];
        for decision in decisions {
            let name = self.inputs.workloads.get(decision.workload).map(|workload| &*workload.metadata.name);
            let wrong = match (name, self.place(decision)) {
                (None, _) => format!("there is no workload of index {}", decision.workload),
                (_, None) => format!("there is no offer {}", decision.offer),
                (_, Some(one)) => match placed[decision.workload].replace(one) {
                    Some(_) => "is placed twice".into(),
                    None => continue,
                },
            };
            violations.push(Violation::new(Kind::Document, name.unwrap_or_default(), wrong));
        }
        let state = self.assemble(placed);
        let priced: Vec<Option<Priced>> = (0..self.inputs.workloads.len())
            .map(|index| state.get(index).and_then(|placed| self.price(&state, index, placed)))
            .collect();
        let mut ledger = Ledger::default();
        for (index, placed) in state.iter() {
            violations.extend(self.check_one(&state, index, placed, priced[index].as_ref()));
            if let Some(priced) = &priced[index] {
                ledger.count(self, index, priced, 1);
            }
        }
        for offer in state.offers() {
            violations.extend(check_count(&state, &offer.name));
            violations.extend(self.check_nodes(&state, offer));
            violations.extend(self.check_packable(&state, offer));
        }
        for quota in 0..self.inputs.estate.quotas.len() {
            violations.extend(self.check_quota(&state, quota));
        }
        for workload in 0..self.inputs.workloads.len() {
            violations.extend(self.check_together(&state, workload, false));
        }
        violations.extend(self.check_budgets(&ledger));
        Assessed { state, priced, ledger, violations }
    }

    /// The rules about one placement, with all others as they are.
    pub(crate) fn check_one(
        &self,
        state: &State,
        workload: usize,
        placed: &Placed,
        priced: Option<&Priced>,
    ) -> Vec<Violation> {
        let document = &self.inputs.workloads[workload];
        let name = &*document.metadata.name;
        let filtered = self.filtered(&document.spec, &placed.offer);
        let by =
            filtered.by.into_iter().map(|(by, message)| Violation::new(Kind::Constraint(by), name, message));
        let mut found: Vec<Violation> = by.collect();
        let mut missing = filtered.missing;
        missing.extend(priced.iter().flat_map(|priced| &priced.missing).cloned());
        missing.sort_by(|a, b| a.0.cmp(&b.0));
        missing.dedup();
        found.extend(missing.into_iter().map(|gap| Violation::new(Kind::Document, name, gap.0)));
        for producer in document.spec.inputs.iter().filter_map(|input| input.from.as_deref()) {
            let message = match self.names.get(producer) {
                None => format!("reads from {producer}, which is no workload"),
                Some(index) if state.get(*index).is_none() => {
                    format!("reads from {producer}, which is left out")
                }
                Some(_) => continue,
            };
            found.push(Violation::new(Kind::Constraint(Constraint::Producer), name, message));
        }
        for dataset in document.spec.inputs.iter().filter_map(|input| input.dataset.as_deref()) {
            if !self.datasets.contains_key(dataset) {
                found.push(Violation::new(
                    Kind::Document,
                    name,
                    format!("reads {dataset}, which is no dataset"),
                ));
            }
        }
        if placed.offer.own.is_none() && placed.nodes.is_some() {
            let message = format!("names nodes of {}, which is no offer of own nodes", placed.offer.name);
            found.push(Violation::new(Kind::Packing, name, message));
        }
        if placed.work.is_some() {
            found.extend(self.check_schedule(state, workload, placed));
        }
        found.extend(priced.and_then(|priced| self.check_max_cost(workload, priced)));
        found
    }

    fn all_ways_before(&self, state: &State) -> usize {
        let spec = |index: usize| &self.inputs.workloads[index].spec;
        state.iter().map(|(index, placed)| self.ways_before(spec(index), &placed.offer)).sum()
    }

    /// The value of optional workloads that are left out.
    pub(crate) fn value_forgone(&self, state: &State) -> Usd {
        let left = self.inputs.workloads.iter().enumerate().filter(|(index, _)| state.get(*index).is_none());
        let optional = left.filter(|(_, workload)| !workload.spec.is_required());
        optional.filter_map(|(_, workload)| workload.spec.value).map(|value| micro(&usd(value))).sum()
    }

    /// How many required workloads are left out, by priority.
    pub(crate) fn left_out(&self, state: &State) -> BTreeMap<i64, usize> {
        let mut counts = BTreeMap::new();
        for (index, workload) in self.inputs.workloads.iter().enumerate() {
            if state.get(index).is_none() && workload.spec.is_required() {
                *counts.entry(workload.spec.priority).or_insert(0) += 1;
            }
        }
        counts
    }
}

fn shown(index: usize, placed: &Placed, priced: &Priced) -> Option<PlacementEvaluation> {
    let fit = placed.fit.as_ref()?;
    Some(PlacementEvaluation {
        workload: index,
        offer: placed.offer.name.clone(),
        instances: instances(fit),
        replicas_per_instance: fit.k,
        start: placed.start,
        end: placed.end(),
        runs: placed.runs.clone(),
        usd: priced.usd.clone(),
        energy_kwh: priced.kwh.as_ref().map(float),
        carbon_kg: priced.carbon_kg.as_ref().map(float),
        transfers: priced.moves.iter().map(transfer).collect(),
    })
}

/// A transfer as a plan lists it.
pub(crate) fn transfer(moved: &Move) -> Transfer {
    Transfer {
        what: moved.what.clone(),
        from: moved.from.text(),
        to: moved.to.text(),
        size: moved.size,
        usd: micro(&moved.usd),
        hours: float(&(&moved.seconds / int(3600))),
    }
}

pub(crate) fn add(parts: &mut ObjectiveParts, usd: &PlacementUsd) {
    parts.compute += usd.compute;
    parts.egress += usd.egress;
    parts.carbon += usd.carbon;
    parts.risk += usd.risk;
    parts.delay += usd.delay;
    parts.latency += usd.latency;
    parts.moving += usd.moving;
}

/// The parts of an objective by the names that plans use.
pub(crate) fn objective_parts(parts: &ObjectiveParts) -> [(&'static str, Usd); 8] {
    [
        ("compute", parts.compute),
        ("egress", parts.egress),
        ("carbon", parts.carbon),
        ("risk", parts.risk),
        ("delay", parts.delay),
        ("latency", parts.latency),
        ("move", parts.moving),
        ("valueForgone", parts.value_forgone),
    ]
}

pub(crate) fn total(parts: &ObjectiveParts) -> Usd {
    objective_parts(parts).into_iter().map(|(_, part)| part).sum()
}
