//! Workloads as tasks: what each asks, what it shares with others, who reads whose results.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_model::{Duration, Time, Usd, workload::WorkloadSpec};
use plimsoll_solver::problem::{Choices, Edge, Task};

use super::Build;
use crate::{error::PlanError, world::LocationIx};

/// Starts of a workload, at most: hourly ones for eleven years.
const MOST_STARTS: i64 = 100_000;

impl Build<'_> {
    pub(super) fn relations(&mut self) {
        let inputs = self.world.inputs;
        let mut readers = vec![0; inputs.estate.datasets.len()];
        for workload in &inputs.workloads {
            for input in &workload.spec.inputs {
                if let Some(d) = self.dataset(input.dataset.as_deref()) {
                    readers[d] += 1;
                }
                if let Some(p) = self.workload(input.from.as_deref()) {
                    self.has_consumer[p] = true;
                    self.hands_over[p] |= input.size.is_some_and(|size| size.0 > 0);
                }
            }
        }
        self.bonds();
        self.shared_data = readers.into_iter().map(|n| n > 1).collect();
        self.money_counts = inputs
            .workloads
            .iter()
            .map(|w| {
                let of_team = |team: &str| w.spec.team.as_deref() == Some(team);
                w.spec.max_cost.is_some()
                    || self.settings.budget.is_some()
                    || inputs.estate.budgets.iter().any(|b| of_team(&b.team))
            })
            .collect();
    }

    /// The groups that are kept together, in document order.
    fn bonds(&mut self) {
        let places = &self.world.places;
        for together in self.world.inputs.workloads.iter().filter_map(|w| w.spec.together.as_ref()) {
            if self.groups_together.iter().any(|known| known.name == together.name) {
                continue;
            }
            let mut areas: BTreeMap<String, u32> = BTreeMap::new();
            let of_place = (0..places.locations() as u32).map(|place| {
                let next = areas.len() as u32;
                *areas.entry(places.area(LocationIx(place), together.area)).or_insert(next)
            });
            self.problem.bonds.push(of_place.collect());
            self.groups_together.push(together);
        }
    }

    fn bond(&self, spec: &WorkloadSpec) -> Option<u32> {
        let name = &spec.together.as_ref()?.name;
        self.groups_together.iter().position(|group| group.name == *name).map(|bond| bond as u32)
    }

    pub(super) fn tasks(&mut self) {
        let mut classes: BTreeMap<String, usize> = BTreeMap::new();
        for index in 0..self.prospects.len() {
            let spec = self.prospects[index].spec();
            let previous = self.settings.previous.get(&spec_name(self, index));
            let key = format!("{}{previous:?}", serde_json::to_string(spec).unwrap_or_default());
            let first = *classes.entry(key).or_insert(index);
            let task = self.task(index, first as u32);
            // Equal workloads have equal choices; consumers make a difference to what may be thinned.
            let same = first < index
                && self.has_consumer[first] == self.has_consumer[index]
                && self.hands_over[first] == self.hands_over[index];
            let (choices, terms) = if same {
                (self.problem.tasks[first].choices.clone(), self.terms[first].clone())
            } else {
                let (choices, terms) = self.choices(index, &task);
                (choices.into(), Arc::new(terms))
            };
            self.terms.push(terms);
            self.problem.tasks.push(Task { choices, ..task });
        }
    }

    /// Refuses grids of more starts than can be looked at.
    pub(super) fn slots(&self) -> Result<(), PlanError> {
        for (index, prospect) in self.prospects.iter().enumerate() {
            let spec = prospect.spec();
            let slots = spec.slots.unwrap_or(Duration::from_hours(1));
            let window = prospect
                .deadline
                .map_or(0, |deadline| deadline.nanos().saturating_sub(prospect.earliest.nanos()));
            let starts = window / slots.nanos().max(1);
            if starts > MOST_STARTS {
                let name = &prospect.workload.metadata.name;
                return Err(PlanError::at(
                    self.world.inputs.places.workloads.get(index),
                    if spec.slots.is_some() { "spec.slots" } else { "spec.deadline" },
                    format!(
                        "`{name}` could start at {starts} moments until its deadline, {slots} apart: at most {MOST_STARTS} are looked at"
                    ),
                    "state longer `slots` or an earlier `deadline`",
                ));
            }
        }
        Ok(())
    }

    fn task(&self, index: usize, class: u32) -> Task {
        let prospect = &self.prospects[index];
        let spec = prospect.spec();
        let of_team = |team: &String| Some(team) == spec.team.as_ref();
        let budgets =
            (0..).zip(&self.budgets).filter(|(_, b)| b.name == "plan" || of_team(&b.name)).map(|b| b.0);
        // A team may be called `plan`: the plan's own budget is the first, if there is one.
        let own = u32::from(self.settings.budget.is_some());
        let budgets = budgets.filter(|b| *b < own || of_team(&self.budgets[*b as usize].name)).collect();
        let carbon = (0..).zip(&self.carbon_budgets).filter(|(_, b)| of_team(&b.name)).map(|b| b.0).collect();
        let mut reads: Vec<(u32, u32)> = Vec::new();
        let mut inputs = Vec::new();
        for input in &spec.inputs {
            if let Some(d) = self.dataset(input.dataset.as_deref()) {
                let size = input.size.unwrap_or(self.world.inputs.estate.datasets[d].size).0;
                let level = self.problem.datasets[d].sizes.iter().position(|s| *s == size).unwrap_or(0);
                reads.push((d as u32, level as u32));
            }
            if let Some(p) = self.workload(input.from.as_deref()) {
                inputs.push(Edge { producer: p as u32, bytes: input.size.map_or(0, |s| s.0) });
            }
        }
        Task {
            class,
            required: spec.is_required(),
            priority: spec.priority,
            value: spec.value.map_or(0.0, Usd::to_f64),
            earliest: prospect.earliest.nanos(),
            deadline: prospect.deadline.map(Time::nanos),
            grid: spec.earliest.map_or(self.settings.now, |e| e.resolve(self.settings.now)).nanos(),
            slots: spec.slots.unwrap_or(Duration::from_hours(1)).nanos(),
            pausable: spec.pausable && spec.deadline.is_some(),
            consumers_timed: self.has_consumer[index] && self.time_matters,
            service: prospect.is_service(),
            max_cost: spec.max_cost.map(Usd::to_f64),
            budgets,
            carbon_budgets: carbon,
            reads,
            inputs,
            bond: self.bond(spec),
            replicas: spec.replicas,
            choices: Choices::default(),
        }
    }

    fn dataset(&self, name: Option<&str>) -> Option<usize> {
        self.world.dataset(name?)
    }

    fn workload(&self, name: Option<&str>) -> Option<usize> {
        self.world.workload(name?)
    }
}

pub(super) fn spec_name(build: &Build<'_>, index: usize) -> String {
    build.world.inputs.workloads[index].metadata.name.clone()
}
