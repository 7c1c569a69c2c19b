//! Workflow edges in the program: flows between places, and starts where times matter.

use std::collections::{BTreeMap, BTreeSet};

use super::{Formulation, Times, hours};
use crate::problem::HOUR;

/// A workflow edge in the program: producer, consumer, and its flows with their transfer hours.
type Flow = (u32, u32, Vec<(u32, f64)>);

impl Formulation<'_> {
    pub(super) fn workflows(&mut self) {
        let problem = self.problem;
        let timed_costs = problem.usd_per_delay_hour > 0.0;
        let inside: BTreeSet<u32> = self.members.iter().copied().collect();
        let flows = self.flow_rows(&inside);
        let deadlines = self.members.iter().any(|t| {
            let t = &problem.tasks[*t as usize];
            t.deadline.is_some() && !t.inputs.is_empty()
        });
        if flows.is_empty() || !(timed_costs || deadlines) {
            return;
        }
        self.starts(&flows);
    }

    /// Adds the flows; by edge (producer, consumer) the columns with their transfer hours.
    fn flow_rows(&mut self, inside: &BTreeSet<u32>) -> Vec<Flow> {
        let problem = self.problem;
        let mut made = Vec::new();
        for &consumer in &self.members.clone() {
            for edge in problem.tasks[consumer as usize].inputs.clone() {
                if !inside.contains(&edge.producer) {
                    continue;
                }
                let by_place = |this: &Self, task: u32| {
                    let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
                    for (x, item) in this.items_of(task) {
                        places.entry(this.place_of(item)).or_default().push(x);
                    }
                    places
                };
                let (sources, targets) = (by_place(self, edge.producer), by_place(self, consumer));
                let mut out: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
                let mut into: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
                let mut list = Vec::new();
                let mut between = BTreeMap::new();
                for from in sources.keys() {
                    for to in targets.keys() {
                        let usd = problem.network.usd(*from, *to, edge.bytes);
                        let w = self.program.column(usd, 0.0, 1.0, false);
                        self.handed_on.push((consumer, w, usd));
                        between.insert((*from, *to), w);
                        out.entry(*from).or_default().push((w, 1.0));
                        into.entry(*to).or_default().push((w, 1.0));
                        list.push((w, problem.network.time(*from, *to, edge.bytes) as f64 / HOUR));
                    }
                }
                for (place, columns) in sources {
                    let mut terms: Vec<(u32, f64)> = columns.iter().map(|x| (*x, -1.0)).collect();
                    terms.extend(out.remove(&place).unwrap_or_default());
                    self.program.row(f64::NEG_INFINITY, 0.0, terms);
                }
                for (place, columns) in targets {
                    let mut terms: Vec<(u32, f64)> = columns.iter().map(|x| (*x, -1.0)).collect();
                    terms.extend(into.remove(&place).unwrap_or_default());
                    self.program.row(0.0, 0.0, terms);
                }
                self.flows.insert((edge.producer, consumer), between);
                made.push((edge.producer, consumer, list));
            }
        }
        made
    }

    /// Starts of the tasks on edges, and the delay of those with producers.
    fn starts(&mut self, flows: &[Flow]) {
        let problem = self.problem;
        let tasks: BTreeSet<u32> = flows.iter().flat_map(|f| [f.0, f.1]).collect();
        // No start lies later than all work and all transfers one after the other.
        let horizon: f64 = self
            .members
            .iter()
            .map(|t| {
                let longest =
                    self.items_of(*t).map(|(_, i)| hours(problem, i.column.end())).fold(0.0, f64::max);
                longest.max(problem.tasks[*t as usize].deadline.map_or(0.0, |d| hours(problem, d)))
            })
            .sum::<f64>()
            + flows.iter().map(|f| f.2.iter().map(|w| w.1).fold(0.0, f64::max)).sum::<f64>();
        let start: BTreeMap<u32, u32> =
            tasks.iter().map(|t| (*t, self.program.column(0.0, 0.0, horizon, false))).collect();
        for &task in &tasks {
            let t = &problem.tasks[task as usize];
            let s = start[&task];
            let exact = self.items_of(task).all(|(_, item)| item.times == Times::Exact);
            let mut terms = vec![(s, 1.0)];
            terms.extend(self.items_of(task).map(|(x, i)| (x, -hours(problem, i.column.start()))));
            self.program.row(0.0, if exact { 0.0 } else { f64::INFINITY }, terms);
            if t.inputs.is_empty() || self.items_of(task).all(|(_, item)| item.timed()) {
                continue;
            }
            let left = self.left_of(task);
            if let Some(deadline) = t.deadline {
                let mut terms = vec![(s, 1.0), (left, -horizon)];
                terms.extend(
                    self.items_of(task).map(|(x, i)| (x, (i.column.end() - i.column.start()) as f64 / HOUR)),
                );
                // A start may round up by less than a second: the bound forgives it.
                self.program.row(f64::NEG_INFINITY, hours(problem, deadline) + 1e-9, terms);
            }
            if problem.usd_per_delay_hour > 0.0 {
                let d = self.program.column(problem.usd_per_delay_hour, 0.0, horizon, false);
                let earliest = hours(problem, t.earliest);
                self.program.row(-earliest, f64::INFINITY, vec![(d, 1.0), (s, -1.0), (left, horizon)]);
            }
        }
        for (producer, consumer, flow) in flows {
            let arrival = |this: &Self| {
                let mut terms = vec![(start[consumer], 1.0), (this.left_of(*consumer), horizon)];
                terms.extend(flow.iter().map(|(w, h)| (*w, -h)));
                terms
            };
            // From the producer's start and run, where its start is not in its columns.
            if self.items_of(*producer).any(|(_, item)| !item.timed()) {
                let mut terms = arrival(self);
                terms.push((start[producer], -1.0));
                terms.extend(
                    self.items_of(*producer)
                        .map(|(x, i)| (x, -((i.column.end() - i.column.start()) as f64) / HOUR)),
                );
                self.program.row(0.0, f64::INFINITY, terms);
            }
            let mut terms = arrival(self);
            let ends = self.ends.get(producer).into_iter().flatten();
            terms.extend(ends.map(|end| (end.variable, -hours(problem, end.from))));
            self.program.row(0.0, f64::INFINITY, terms);
        }
    }
}
