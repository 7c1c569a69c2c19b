//! The mixed-integer program of a component, and how its solutions are read back.
//!
//! min Σ own·x + Σ forgone·u + Σ payments·z + Σ egress·w + Σ delay·d − Σ saving·f, where
//! - x\[t, column\] is a task on a choice at a time, u\[t\] leaves it out: Σ x + u = 1;
//! - z\[dataset, place, level\] pays for a dataset once: z ≥ Σ x of each reader there (strong form);
//! - w\[edge, from, to\] are flows on workflow edges with the tasks' places as marginals, which makes the
//!   relaxation of a tree integral;
//! - s\[t\] are starts of tasks with producers, d their delay;
//! - f\[offer, interval\] are reserved instances in use.
//!
//! It is a relaxation: starts are not rounded to seconds, tasks with producers do not count against
//! limits over time, who pays for something shared does not matter. So its bound holds, and a solution
//! is only a proposal, rebuilt with the full rules by `mip`. Rows for limits over time are
//! made when a solution breaks them.

mod limits;
mod money;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

pub use limits::Shared;

use crate::{
    column::{Column, columns, static_cost},
    linear::Program,
    outcome::Priced,
    problem::{HOUR, Nanos, Problem},
};

/// A variable x.
#[derive(Debug, Clone)]
pub struct Item {
    /// The task.
    pub task: u32,
    /// Where and when; for a task with producers the time is only its earliest.
    pub column: Column,
    /// Whether the time is the real one.
    pub timed: bool,
}

/// A program with the meaning of its columns.
#[derive(Debug)]
pub struct Formulation<'a> {
    problem: &'a Problem,
    /// The tasks.
    pub members: Vec<u32>,
    /// The program.
    pub program: Program,
    /// The x, in the order of their columns, which are the program's first.
    pub items: Vec<Item>,
    /// The column of each member's u.
    pub left: Vec<u32>,
    /// The rows that carry a price.
    pub priced: Vec<(usize, Priced)>,
    /// What each dataset costs in each place, by level of size.
    payments: Vec<Payment>,
    /// Egress on edges: (consumer, column of the flow, dollars).
    handed_on: Vec<(u32, u32, f64)>,
    /// Reserved instances in use: (offer, column, dollars saved).
    savings: Vec<(u32, u32, f64)>,
    made: BTreeSet<(Shared, Nanos)>,
}

/// What a level of a dataset costs in a place, on top of the levels below.
#[derive(Debug)]
struct Payment {
    usd: f64,
    /// The columns that say whether it is bought.
    bought: Vec<u32>,
    /// Everyone who may read the dataset there, at any level, with their columns.
    readers: BTreeMap<u32, Vec<u32>>,
}

/// Hours from now.
fn hours(problem: &Problem, time: Nanos) -> f64 {
    (time - problem.now) as f64 / HOUR
}

impl<'a> Formulation<'a> {
    /// The program of `members`, with all required tasks placed (`u` fixed at 0) unless `relaxed`.
    /// `None` when it would have more than `most` columns.
    pub fn new(problem: &'a Problem, members: &[u32], relaxed: bool, most: usize) -> Option<Self> {
        let mut this = Self {
            problem,
            members: members.to_vec(),
            program: Program::default(),
            items: Vec::new(),
            left: Vec::new(),
            priced: Vec::new(),
            payments: Vec::new(),
            handed_on: Vec::new(),
            savings: Vec::new(),
            made: BTreeSet::new(),
        };
        if !this.assign(relaxed, most) {
            return None;
        }
        this.datasets();
        this.workflows();
        this.reservations();
        this.budgets();
        Some(this)
    }

    fn items_of(&self, task: u32) -> impl Iterator<Item = (u32, &Item)> {
        (0..).zip(&self.items).filter(move |(_, item)| item.task == task)
    }

    fn place_of(&self, item: &Item) -> u32 {
        self.problem.tasks[item.task as usize].choices[item.column.choice as usize].place
    }

    fn region_of(&self, item: &Item) -> u32 {
        self.problem.network.region_of(self.place_of(item))
    }

    fn assign(&mut self, relaxed: bool, most: usize) -> bool {
        let problem = self.problem;
        for &task in &self.members {
            let t = &problem.tasks[task as usize];
            let timed = t.inputs.is_empty();
            let from = self.items.len();
            for (index, choice) in t.choices.iter().enumerate().filter(|(_, c)| !c.spare) {
                if timed {
                    let mut list = Vec::new();
                    if !columns(problem, t, index, choice.ready, &mut list)
                        && let Some(least) = list.iter().min_by(|a, b| a.own.total_cmp(&b.own)).cloned()
                    {
                        // Not all patterns of a pausable run are here. Its least cost at no time in
                        // particular stands for the others, so that the bound holds.
                        let free = reserved_compute(problem, choice);
                        let runs = vec![(choice.ready, choice.ready + choice.run)];
                        let column = Column { own: least.own - free, runs, ..least };
                        self.items.push(Item { task, column, timed: false });
                    }
                    self.items.extend(list.into_iter().map(|column| Item { task, column, timed }));
                } else if t.deadline.is_none_or(|d| choice.ready + choice.run <= d) {
                    let own = untimed_cost(problem, task, choice);
                    let runs = vec![(choice.ready, choice.ready + choice.run)];
                    let column = Column { choice: index as u32, runs, own };
                    self.items.push(Item { task, column, timed });
                }
                if self.items.len() > most {
                    return false;
                }
            }
            debug_assert!(
                self.items[from..].iter().all(|i| i.task == task),
                "items of a task are contiguous"
            );
        }
        for item in &self.items {
            self.program.column(item.column.own, 0.0, 1.0, true);
        }
        for &task in &self.members.clone() {
            let t = &problem.tasks[task as usize];
            let (cost, high) =
                if t.required { (0.0, if relaxed { 1.0 } else { 0.0 }) } else { (t.value, 1.0) };
            let left = self.program.column(cost, 0.0, high, true);
            self.left.push(left);
            let mut terms: Vec<(u32, f64)> = self.items_of(task).map(|(x, _)| (x, 1.0)).collect();
            terms.push((left, 1.0));
            self.program.row(1.0, 1.0, terms);
        }
        true
    }

    /// Forbids a set of items together.
    pub fn forbid(&mut self, items: &[u32]) {
        let terms = items.iter().map(|x| (*x, 1.0)).collect();
        self.program.row(f64::NEG_INFINITY, items.len() as f64 - 1.0, terms);
    }

    /// The values of the x and u of a plan, as a start.
    pub fn start_from(&self, columns: &[Option<Column>]) -> Vec<(u32, f64)> {
        let mut start: Vec<(u32, f64)> = (0u32..)
            .zip(&self.items)
            .map(|(x, item)| {
                let chosen = columns[item.task as usize].as_ref().is_some_and(|c| {
                    c.choice == item.column.choice && (!item.timed || c.runs == item.column.runs)
                });
                (x, if chosen { 1.0 } else { 0.0 })
            })
            .collect();
        for (left, task) in self.left.iter().zip(&self.members) {
            start.push((*left, if columns[*task as usize].is_some() { 0.0 } else { 1.0 }));
        }
        start
    }

    /// The items a solution chooses.
    pub fn chosen(&self, values: &[f64]) -> Vec<u32> {
        (0..self.items.len() as u32).filter(|x| values[*x as usize] > 0.5).collect()
    }
}

/// The compute, with risk, that reservations might cover.
fn reserved_compute(problem: &Problem, choice: &crate::problem::Choice) -> f64 {
    let reserved = problem.reservations.iter().any(|r| r.offer == choice.offer);
    if reserved { choice.compute() * (1.0 + choice.risk) } else { 0.0 }
}

/// What a task with producers costs at least, whenever it starts; delay counts from its start on.
fn untimed_cost(problem: &Problem, task: u32, choice: &crate::problem::Choice) -> f64 {
    let t = &problem.tasks[task as usize];
    let free = reserved_compute(problem, choice);
    let carbon = choice.series.map_or(0.0, |s| {
        problem.series[s as usize].least(choice.ready)
            * choice.kilowatts
            * choice.hours()
            * problem.usd_per_kg
    });
    let running = if t.service { 0.0 } else { problem.usd_per_delay_hour * choice.hours() };
    static_cost(choice) - free + carbon + running
}
