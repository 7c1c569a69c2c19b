//! The limits over time as knapsacks: at each moment, what may run together.

use std::collections::BTreeMap;

use super::{Formulation, Shared};
use crate::{
    cuts::{Knapsack, Portion},
    linear::Row,
    over_time::{Full, fullest},
    problem::Nanos,
};

/// A variable that takes something of a limit, with when it does.
struct Taker<'f> {
    portion: Portion,
    runs: &'f [(Nanos, Nanos)],
}

impl Taker<'_> {
    fn runs_at(&self, moment: Nanos) -> bool {
        self.runs.iter().any(|run| run.0 <= moment && moment < run.1)
    }
}

impl Formulation<'_> {
    /// The limits over time where `values` take at least a `share` of them, at the moments at which most
    /// runs together.
    pub fn knapsacks(&self, values: &[f64], share: f64) -> Vec<Knapsack> {
        let mut knapsacks = Vec::new();
        for (shared, takers) in self.takers() {
            let capacity = self.limit(shared);
            let held = |t: &&Taker<'_>| values[t.portion.column as usize] > 1e-6;
            let running: Vec<&Taker<'_>> = takers.iter().filter(held).collect();
            for Full { from: moment, until, .. } in fullest(windows(running.iter().copied())) {
                let level: f64 = running
                    .iter()
                    .filter(|t| t.runs_at(moment))
                    .map(|t| t.portion.amount * values[t.portion.column as usize])
                    .sum();
                if level >= share * capacity {
                    knapsacks.push(knapsack(capacity, &takers, moment));
                    // While these run together others may begin: the more there are, the stronger.
                    let begun = takers.iter().flat_map(|t| t.runs).map(|run| run.0);
                    if let Some(later) = begun.filter(|start| *start > moment && *start < until).max() {
                        knapsacks.push(knapsack(capacity, &takers, later));
                    }
                }
            }
        }
        knapsacks
    }

    /// Rows for every limit over time that columns of `among` could break, at every moment at which one of
    /// them starts; only these columns are in them.
    pub fn limits_among(&self, among: &[bool]) -> Vec<Row> {
        let mut rows = Vec::new();
        for (shared, mut takers) in self.takers() {
            takers.retain(|t| among[t.portion.column as usize]);
            let capacity = self.limit(shared);
            let mut made: Vec<Vec<u32>> = Vec::new();
            for full in fullest(windows(takers.iter())) {
                let knapsack = knapsack(capacity, &takers, full.from);
                let columns: Vec<u32> = knapsack.portions.iter().map(|p| p.column).collect();
                if knapsack.may_break() && !made.contains(&columns) {
                    made.push(columns);
                    rows.push(knapsack.row());
                }
            }
        }
        rows
    }

    fn takers(&self) -> BTreeMap<Shared, Vec<Taker<'_>>> {
        let mut takers: BTreeMap<Shared, Vec<Taker<'_>>> = BTreeMap::new();
        for used in &self.uses {
            for (shared, amount) in self.takes(used.task, used.choice) {
                let portion = Portion { column: used.variable, task: used.task, amount };
                takers.entry(shared).or_default().push(Taker { portion, runs: &used.runs });
            }
        }
        takers
    }
}

/// The knapsack of a limit at a moment.
fn knapsack(capacity: f64, takers: &[Taker<'_>], moment: Nanos) -> Knapsack {
    let portions = takers.iter().filter(|t| t.runs_at(moment)).map(|t| t.portion).collect();
    Knapsack { capacity, portions }
}

/// When some run; how much they take is left open.
fn windows<'t, 'f: 't>(
    takers: impl Iterator<Item = &'t Taker<'f>>,
) -> impl Iterator<Item = (Nanos, Nanos, f64)> {
    takers.flat_map(|t| t.runs).map(|run| (run.0, run.1, 0.0))
}
