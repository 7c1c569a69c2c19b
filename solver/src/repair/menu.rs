//! What a task may take, best first by cost and the last known prices of limits.

use crate::{
    column::{Column, columns, kilograms, least_cost, own_money},
    outcome::{Price, Priced},
    problem::{Choice, Nanos, Problem, Task},
    state::State,
};

/// Choices of a task that are looked at in full.
const CHOICES: usize = 24;
/// Columns of a task that are kept.
const COLUMNS: usize = 48;

/// The last known prices of limits, by limit; 0 where none is known.
#[derive(Debug)]
pub(super) struct Tolls {
    counts: Vec<f64>,
    /// Dollars for each of the units that quotas count in.
    quotas: Vec<f64>,
    budgets: Vec<f64>,
    carbon: Vec<f64>,
    none: bool,
    /// By offer whether instances are reserved.
    reserved: Vec<bool>,
}

impl Tolls {
    pub(super) fn new(problem: &Problem, prices: &[Price]) -> Self {
        let mut tolls = Self {
            counts: vec![0.0; problem.counts.len()],
            quotas: vec![0.0; problem.quotas.len()],
            budgets: vec![0.0; problem.budgets.len()],
            carbon: vec![0.0; problem.carbon_budgets.len()],
            none: prices.is_empty(),
            reserved: vec![false; problem.counts.len()],
        };
        for reservation in &problem.reservations {
            tolls.reserved[reservation.offer as usize] = true;
        }
        for price in prices.iter().filter(|price| price.usd.is_finite()) {
            let (list, index, unit) = match price.limit {
                Priced::Count(offer) => (&mut tolls.counts, offer, 1),
                Priced::Quota(quota) => {
                    let unit = problem.quota_units.get(quota as usize).copied().unwrap_or(1);
                    (&mut tolls.quotas, quota, unit.max(1))
                }
                Priced::Budget(budget) => (&mut tolls.budgets, budget, 1),
                Priced::Carbon(budget) => (&mut tolls.carbon, budget, 1),
            };
            // A price of a limit that is no more says nothing.
            if let Some(toll) = list.get_mut(index as usize) {
                *toll = price.usd.max(0.0) / unit as f64;
            }
        }
        tolls
    }

    /// What a choice takes of limits, at their prices. A limit over time has one price for all moments.
    pub(super) fn of(&self, problem: &Problem, task: &Task, choice: &Choice) -> f64 {
        if self.none {
            return 0.0;
        }
        let quotas =
            choice.quotas.iter().map(|(quota, amount)| self.quotas[*quota as usize] * *amount as f64);
        let mut sum = self.counts[choice.offer as usize] * choice.units as f64 + quotas.sum::<f64>();
        if !task.budgets.is_empty() {
            let price: f64 = task.budgets.iter().map(|budget| self.budgets[*budget as usize]).sum();
            sum += price * own_money(choice);
        }
        if !task.carbon_budgets.is_empty() {
            let price: f64 = task.carbon_budgets.iter().map(|budget| self.carbon[*budget as usize]).sum();
            let run = [(choice.ready, choice.ready + choice.run)];
            sum += price * kilograms(problem, choice, &run);
        }
        sum
    }
}

/// A column with its cost on its own, edges from producers included, and with tolls.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) column: Column,
    /// With edges, tolls, and data that has to be brought there.
    pub(super) key: f64,
    pub(super) toll: f64,
    /// With edges, without tolls. Reserved instances cost nothing here, as if all were free.
    pub(super) cost: f64,
}

/// What a choice costs at least, its index, its toll, dollars of data and of edges, and when it can start.
type Promise = (f64, usize, f64, (f64, f64), Nanos);

/// The best columns of a task in a state, ascending by key; empty when a producer is not placed. `all`: of every
/// choice, else of the most promising ones.
pub(super) fn menu(problem: &Problem, state: &State<'_>, tolls: &Tolls, task: u32, all: bool) -> Vec<Entry> {
    let t = &problem.tasks[task as usize];
    let mut promising: Vec<Promise> = Vec::new();
    for (index, choice) in t.choices.iter().enumerate().filter(|(_, choice)| !choice.spare) {
        let Some(first) = state.first_start(task as usize, choice) else { return Vec::new() };
        let toll = tolls.of(problem, t, choice);
        let edges: f64 = t
            .inputs
            .iter()
            .filter_map(|edge| {
                let made = state.column(edge.producer as usize)?;
                let from = problem.tasks[edge.producer as usize].choices[made.choice as usize].place;
                Some(problem.network.usd(from, choice.place, edge.bytes))
            })
            .sum();
        let data = state.data_usd(task, choice.place);
        let least = least_cost(problem, t, choice, first) + toll + data + edges;
        promising.push((least, index, toll, (data, edges), first));
    }
    let by_key = |a: &Promise, b: &Promise| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if !all && promising.len() > CHOICES {
        promising.select_nth_unstable_by(CHOICES, by_key);
        promising.truncate(CHOICES);
    }
    let mut list: Vec<Entry> = Vec::with_capacity(promising.len());
    let mut of_choice = Vec::new();
    for (_, index, toll, (data, edges), first) in promising {
        of_choice.clear();
        columns(problem, t, index, first, &mut of_choice);
        list.extend(of_choice.drain(..).map(|column| {
            let choice = &t.choices[index];
            let reserved = tolls.reserved[choice.offer as usize];
            let saved = if reserved { choice.compute() * (1.0 + choice.risk) } else { 0.0 };
            let cost = column.own + edges - saved;
            Entry { column, key: cost + toll + data, toll, cost }
        }));
    }
    list.sort_by(|a, b| {
        a.key
            .total_cmp(&b.key)
            .then(a.column.start().cmp(&b.column.start()))
            .then(a.column.choice.cmp(&b.column.choice))
    });
    if !all {
        list.truncate(COLUMNS);
    }
    list
}
