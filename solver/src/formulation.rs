//! The mixed-integer program of a component, and how its solutions are read back.
//!
//! min Σ own·x + Σ forgone·u + Σ payments·z + Σ egress·w + Σ delay·d − Σ saving·f, where
//! - x\[t, column\] is a task on a choice at a time, or at one of several (`times.rs`); u\[t\] leaves it out:
//!   Σ x + u = 1;
//! - equal tasks are one with a count (`equals.rs`): then Σ x + u = count, in whole numbers;
//! - a pausable run with more patterns than can be listed has variables for its pieces (`pieces.rs`);
//! - z\[dataset, place, level\] pays for a dataset once: z ≥ Σ x of each reader there (strong form);
//! - w\[edge, from, to\] are flows on workflow edges with the tasks' places as marginals, which makes the
//!   relaxation of a tree integral;
//! - who reads results starts when they are there (`links.rs`); where an x stands for several starts,
//!   s\[t\] is the start and d the delay;
//! - y\[bond, area\] is the area that a bond takes: Σ x of each of its tasks there ≤ y, Σ y ≤ 1 (`bonds.rs`);
//! - f\[offer, interval\] are reserved instances in use.
//!
//! It is a relaxation: an x of several starts counts against limits over time only while it runs at all
//! of them, own machines are not packed, who pays for something shared does not matter. So its bound
//! holds, and a solution is only a proposal, rebuilt with the full rules by `mip`. Rows for limits over
//! time and for starts are made when a solution breaks them.

mod bonds;
mod equals;
mod knapsacks;
mod limits;
mod links;
mod money;
mod pieces;
mod times;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

pub use limits::Shared;
pub use times::{Fineness, Keep};

use pieces::Piece;

use crate::{
    column::Column,
    linear::Program,
    outcome::Priced,
    problem::{HOUR, Nanos, Problem},
};

/// A variable x.
#[derive(Debug, Clone)]
pub struct Item {
    /// The task.
    pub task: u32,
    /// Where and when; the earliest of what it stands for.
    pub column: Column,
    /// Which times it stands for.
    pub times: Times,
    /// Whether it starts no later than its producers make it.
    pub forced: bool,
}

/// An item that a solution chooses for a task, with the column it says.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The item.
    pub item: u32,
    /// The task: of equal ones any.
    pub task: u32,
    /// Where and when.
    pub column: Column,
}

/// The times that a variable x stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Those of its column.
    Exact,
    /// Starts from that of its column to this one.
    Until(Nanos),
    /// Pieces that variables of their own choose.
    Pieces,
}

impl Item {
    /// Whether a solution with it says when the task runs.
    pub fn timed(&self) -> bool {
        !matches!(self.times, Times::Until(_))
    }

    /// The latest start it stands for.
    pub fn latest(&self) -> Nanos {
        match self.times {
            Times::Until(latest) => latest,
            Times::Exact | Times::Pieces => self.column.start(),
        }
    }
}

/// When something runs for certain if a variable is 1.
#[derive(Debug, Clone)]
struct Use {
    variable: u32,
    task: u32,
    choice: u32,
    runs: Vec<(Nanos, Nanos)>,
}

/// A variable that is 1 only if a task ends in a place between two moments.
#[derive(Debug, Clone, Copy)]
struct End {
    variable: u32,
    place: u32,
    from: Nanos,
    to: Nanos,
}

/// A program with the meaning of its columns.
#[derive(Debug)]
pub struct Formulation<'a> {
    problem: &'a Problem,
    /// The tasks, of equal ones the first.
    pub members: Vec<u32>,
    /// By member the tasks that it stands for, itself first.
    pub equals: Vec<Vec<u32>>,
    /// Where a member is among them.
    index: BTreeMap<u32, usize>,
    /// The program.
    pub program: Program,
    /// The x, in the order of their columns, which are the program's first.
    pub items: Vec<Item>,
    /// The column of each member's u.
    pub left: Vec<u32>,
    /// The rows that carry a price.
    pub priced: Vec<(usize, Priced)>,
    /// The rows that make who uses a dataset pay for it.
    pub shares: Vec<Share>,
    /// What each dataset costs in each place, by level of size.
    payments: Vec<Payment>,
    /// Egress on edges: (consumer, column of the flow, dollars).
    handed_on: Vec<(u32, u32, f64)>,
    /// Reserved instances in use.
    savings: Vec<Saving>,
    made: BTreeSet<(Shared, Nanos)>,
    /// The columns that say which area a bond takes, each with the x that need it.
    areas: Vec<(u32, Vec<u32>)>,
    /// Whether some items stand for several starts that a finer program would tell apart.
    pub coarse: bool,
    /// The items of each task, by the first and the one after the last.
    ranges: BTreeMap<u32, (usize, usize)>,
    /// The pieces of pausable runs.
    pieces: Vec<Piece>,
    /// What an item in pieces runs before all of them.
    heads: BTreeMap<u32, (Nanos, Nanos)>,
    /// What runs for certain.
    uses: Vec<Use>,
    /// When tasks end.
    ends: BTreeMap<u32, Vec<End>>,
    /// The flows of each edge (producer, consumer) by places.
    flows: BTreeMap<(u32, u32), BTreeMap<(u32, u32), u32>>,
}

/// A row z ≥ Σ x: the columns of one task that read a dataset in a region, up to a level of its size, need
/// it paid for there. Rows of one dataset and region follow each other by ascending level.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// The row.
    pub row: usize,
    /// The dataset.
    pub dataset: u32,
    /// The region.
    pub region: u32,
    /// The column that pays.
    pub pays: u32,
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

/// Reserved instances in use in an interval.
#[derive(Debug)]
struct Saving {
    /// The column that counts them.
    used: u32,
    /// Dollars that each saves.
    usd: f64,
    /// How many there are.
    free: f64,
    /// What may use them: (task, column, instances).
    users: Vec<(u32, u32, f64)>,
}

/// Hours from now.
fn hours(problem: &Problem, time: Nanos) -> f64 {
    (time - problem.now) as f64 / HOUR
}

impl<'a> Formulation<'a> {
    /// The program of `members`, with all required tasks placed (`u` fixed at 0) unless `relaxed`, equal
    /// ones as one if they are to be `merged`, and times as fine as asked for. `None` when it would have
    /// more than `most` columns.
    pub fn new(
        problem: &'a Problem,
        members: &[u32],
        relaxed: bool,
        merged: bool,
        most: usize,
        times: Fineness<'_>,
    ) -> Option<Self> {
        let equals = if merged {
            equals::groups(problem, members)
        } else {
            members.iter().map(|member| vec![*member]).collect()
        };
        let mut this = Self {
            problem,
            members: equals.iter().map(|group| group[0]).collect(),
            index: (0..).zip(&equals).map(|(at, group)| (group[0], at)).collect(),
            equals,
            program: Program::default(),
            items: Vec::new(),
            left: Vec::new(),
            priced: Vec::new(),
            shares: Vec::new(),
            payments: Vec::new(),
            handed_on: Vec::new(),
            savings: Vec::new(),
            made: BTreeSet::new(),
            areas: Vec::new(),
            coarse: false,
            ranges: BTreeMap::new(),
            pieces: Vec::new(),
            heads: BTreeMap::new(),
            uses: Vec::new(),
            ends: BTreeMap::new(),
            flows: BTreeMap::new(),
        };
        if !this.assign(relaxed, most, times) {
            return None;
        }
        this.datasets();
        this.workflows();
        this.reservations();
        this.budgets();
        this.bonds();
        Some(this)
    }

    fn items_of(&self, task: u32) -> impl Iterator<Item = (u32, &Item)> {
        let (from, to) = self.ranges.get(&task).copied().unwrap_or((0, 0));
        (from as u32..).zip(&self.items[from..to])
    }

    /// The tasks that a member stands for.
    pub fn equal_to(&self, member: u32) -> &[u32] {
        self.index.get(&member).map_or(&[], |at| &self.equals[*at])
    }

    /// The largest value of an x: how many tasks may be there.
    pub fn most(&self, x: usize) -> f64 {
        self.equal_to(self.items[x].task).len() as f64
    }

    /// Whether some variables count several tasks.
    pub fn is_merged(&self) -> bool {
        self.equals.iter().any(|group| group.len() > 1)
    }

    /// How many x there would be if each task had its own.
    pub fn items_apart(&self) -> usize {
        self.equals.iter().map(|group| group.len() * self.items_of(group[0]).count()).sum()
    }

    fn place_of(&self, item: &Item) -> u32 {
        self.problem.tasks[item.task as usize].choices[item.column.choice as usize].place
    }

    fn region_of(&self, item: &Item) -> u32 {
        self.problem.network.region_of(self.place_of(item))
    }

    fn assign(&mut self, relaxed: bool, most: usize, times: Fineness<'_>) -> bool {
        let problem = self.problem;
        if !self.times(most, times) {
            return false;
        }
        for x in 0..self.items.len() {
            self.program.column(self.items[x].column.own, 0.0, self.most(x), true);
        }
        for &task in &self.members.clone() {
            let t = &problem.tasks[task as usize];
            let count = self.equal_to(task).len() as f64;
            let (cost, high) =
                if t.required { (0.0, if relaxed { count } else { 0.0 }) } else { (t.value, count) };
            let left = self.program.column(cost, 0.0, high, true);
            self.left.push(left);
            let mut terms: Vec<(u32, f64)> = self.items_of(task).map(|(x, _)| (x, 1.0)).collect();
            terms.push((left, 1.0));
            self.program.row(count, count, terms);
        }
        self.piece_variables();
        self.note_uses();
        true
    }

    /// When the task of an item may end with it.
    fn ends_of(&self, x: u32) -> Vec<End> {
        let item = &self.items[x as usize];
        let t = &self.problem.tasks[item.task as usize];
        let choice = &t.choices[item.column.choice as usize];
        let end = |variable: u32, from: Nanos, to: Nanos| End { variable, place: choice.place, from, to };
        match item.times {
            Times::Exact => vec![end(x, item.column.end(), item.column.end())],
            Times::Until(latest) => {
                let last = match t.deadline {
                    Some(deadline) if t.pausable => deadline,
                    _ => latest.saturating_add(choice.run),
                };
                vec![end(x, item.column.start() + choice.run, last)]
            }
            Times::Pieces => {
                let last = self.pieces.iter().filter(|piece| piece.item == x && piece.last);
                last.map(|piece| end(piece.variable, piece.run.1, piece.run.1)).collect()
            }
        }
    }

    /// Notes what runs for certain, and when tasks end.
    fn note_uses(&mut self) {
        for x in 0..self.items.len() as u32 {
            let ends = self.ends_of(x);
            let item = &self.items[x as usize];
            let t = &self.problem.tasks[item.task as usize];
            let choice = &t.choices[item.column.choice as usize];
            let runs = match item.times {
                Times::Exact => item.column.runs.clone(),
                // Whichever of its starts it is, then it runs.
                Times::Until(latest) if !t.pausable => vec![(latest, item.column.start() + choice.run)],
                Times::Until(_) => Vec::new(),
                Times::Pieces => self.heads.get(&x).copied().into_iter().collect(),
            };
            let runs: Vec<(Nanos, Nanos)> = runs.into_iter().filter(|run| run.0 < run.1).collect();
            self.ends.entry(item.task).or_default().extend(ends);
            if !runs.is_empty() {
                let (task, choice) = (item.task, item.column.choice);
                self.uses.push(Use { variable: x, task, choice, runs });
            }
        }
        for piece in &self.pieces {
            let item = &self.items[piece.item as usize];
            let (task, choice) = (item.task, item.column.choice);
            self.uses.push(Use { variable: piece.variable, task, choice, runs: vec![piece.run] });
        }
    }

    /// The column of a task's u.
    fn left_of(&self, task: u32) -> u32 {
        self.left[self.index.get(&task).copied().unwrap_or(0)]
    }

    /// Forbids a set of variables together.
    pub fn forbid(&mut self, variables: &[u32]) {
        let terms = variables.iter().map(|x| (*x, 1.0)).collect();
        self.program.row(f64::NEG_INFINITY, variables.len() as f64 - 1.0, terms);
    }

    /// The variables that are 1 exactly where an item stands for a column.
    pub fn variables_of(&self, x: u32, column: &Column) -> Vec<u32> {
        let mut variables = vec![x];
        if self.items[x as usize].times == Times::Pieces {
            variables.extend(self.pieces_for(x, column).unwrap_or_default());
        }
        variables
    }

    /// Whether an item stands for a column of its task.
    pub fn stands_for(&self, x: u32, column: &Column) -> bool {
        let item = &self.items[x as usize];
        item.column.choice == column.choice
            && match item.times {
                Times::Exact => item.column.runs == column.runs,
                Times::Until(latest) => (item.column.start()..=latest).contains(&column.start()),
                Times::Pieces => self.pieces_for(x, column).is_some(),
            }
    }

    /// The values of the x, u and pieces of a plan, as a start.
    pub fn start_from(&self, columns: &[Option<Column>]) -> Vec<(u32, f64)> {
        let mut values = vec![0.0; self.items.len()];
        let mut start: Vec<(u32, f64)> = Vec::new();
        let mut used: BTreeSet<u32> = BTreeSet::new();
        for (left, equals) in self.left.iter().zip(&self.equals) {
            for column in equals.iter().map(|task| &columns[*task as usize]) {
                let stands = column.as_ref().and_then(|column| {
                    self.items_of(equals[0]).map(|(x, _)| (x, column)).find(|(x, c)| self.stands_for(*x, c))
                });
                if let Some((x, column)) = stands {
                    values[x as usize] += 1.0;
                    if self.items[x as usize].times == Times::Pieces {
                        used.extend(self.pieces_for(x, column).unwrap_or_default());
                    }
                }
            }
            let out = equals.iter().filter(|task| columns[**task as usize].is_none()).count();
            start.push((*left, out as f64));
        }
        start.extend((0u32..).zip(values));
        for piece in &self.pieces {
            start.push((piece.variable, if used.contains(&piece.variable) { 1.0 } else { 0.0 }));
        }
        start
    }

    /// By column of the program its value in a plan, as far as columns of tasks and of shared data go.
    pub fn values_of(&self, columns: &[Option<Column>]) -> Vec<f64> {
        let mut values = vec![0.0; self.program.cost.len()];
        for (column, value) in self.start_from(columns) {
            values[column as usize] = value;
        }
        for share in &self.shares {
            let mut users = self.program.rows[share.row].terms.iter().filter(|t| t.1 < 0.0);
            if users.any(|(x, _)| values[*x as usize] > 0.5) {
                values[share.pays as usize] = 1.0;
            }
        }
        for (area, users) in &self.areas {
            if users.iter().any(|x| values[*x as usize] > 0.5) {
                values[*area as usize] = 1.0;
            }
        }
        values
    }

    /// What a solution chooses.
    pub fn chosen(&self, values: &[f64]) -> Vec<Chosen> {
        let mut chosen = Vec::new();
        for equals in &self.equals {
            // Equal tasks take what was chosen for all of them in document order.
            let mut tasks = equals.iter();
            for (x, _) in self.items_of(equals[0]) {
                for task in tasks.by_ref().take(values[x as usize].round() as usize) {
                    chosen.push(Chosen { item: x, task: *task, column: self.column_of(x, values) });
                }
            }
        }
        chosen.sort_by_key(|chosen| chosen.item);
        chosen
    }

    /// The column of a chosen item: its own, or the one its pieces make.
    fn column_of(&self, x: u32, values: &[f64]) -> Column {
        let item = &self.items[x as usize];
        match item.times {
            Times::Exact | Times::Until(_) => item.column.clone(),
            Times::Pieces => self.run_of_pieces(x, values),
        }
    }
}

/// The compute, with risk, that reservations might cover.
fn reserved_compute(problem: &Problem, choice: &crate::problem::Choice) -> f64 {
    let reserved = problem.reservations.iter().any(|r| r.offer == choice.offer);
    if reserved { choice.compute() * (1.0 + choice.risk) } else { 0.0 }
}
