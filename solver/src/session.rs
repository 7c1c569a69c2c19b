//! A problem that changes, and the plan that follows it.
//!
//! A [`Session`] holds the problem as it is, the plan, where everything runs in fact, the last known prices of
//! limits, and the bound as long as it is one. A [`Delta`] says what is different now and marks what that spoils;
//! [`Session::repair`] answers at once without a linear program; [`Session::refresh`] improves plan, prices and
//! bound from there.
//!
//! No thrashing: a task that is not at home pays what moving it costs; where moving is free, of plans that cost the
//! same the one with fewer moves is taken. A plan that is within the gap asked for stays although a better one
//! within that gap is known, so with a gap of 0 no saving is forgone by [`Session::refresh`], but in large components,
//! where plans that cost nearly the same are many; what is forgone there, and by [`Session::repair`], is bounded by
//! [`THRESHOLD`](crate::repair::THRESHOLD).

mod delta;

pub use delta::{Delta, Refused, Spoiled};

use std::collections::BTreeMap;

use crate::{
    column::Column,
    construct::Assignment,
    ordered,
    outcome::{DEFAULT_EFFORT, Outcome, Params, Price},
    problem::{Choice, Problem, Task, ceil_second},
    repair::{MOVES, Previous, Repaired, repair},
    score::{EQUAL, Ranks, Score},
    site::Carried,
    solve::{InForce, Observer, solve_in_force},
};

/// A problem, its plan, and what is known of both.
#[derive(Debug, Clone)]
pub struct Session {
    problem: Problem,
    params: Params,
    /// The plan, by task; valid unless something is spoiled.
    columns: Vec<Option<Column>>,
    /// What everything runs on in fact: the plan that was adopted last.
    home: Vec<Option<Column>>,
    /// Dollars for leaving home, by task.
    moving: Vec<f64>,
    /// Tasks of the same class are equal but for where they run.
    classes: Vec<u32>,
    prices: Vec<Price>,
    /// Prices of limits of large components.
    carried: Carried,
    bound: Option<f64>,
    spoiled: Spoiled,
}

impl Session {
    /// A session of a problem in which nothing is planned yet. What moving a task costs is read off its choices.
    pub fn new(problem: Problem, params: Params) -> Self {
        Self {
            moving: problem.tasks.iter().map(moving).collect(),
            classes: problem.tasks.iter().map(|task| task.class).collect(),
            columns: vec![None; problem.tasks.len()],
            home: problem.tasks.iter().map(home).collect(),
            prices: Vec::new(),
            carried: Carried::default(),
            bound: None,
            spoiled: Spoiled { costs: true, limits: true, tasks: true, bound: true },
            problem,
            params,
        }
    }

    /// Takes a plan and prices over that are known from elsewhere; what of them does not fit is repaired.
    pub fn resume(&mut self, previous: Previous) {
        self.columns = previous.columns;
        self.columns.resize(self.problem.tasks.len(), None);
        self.prices = previous.prices;
        self.carried = Carried::default();
        self.spoiled = Spoiled { costs: true, limits: true, tasks: true, bound: true };
        self.bound = None;
    }

    /// The problem as it is now.
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The plan, by task; within every limit unless something is [spoiled](Self::spoiled).
    pub fn columns(&self) -> &[Option<Column>] {
        &self.columns
    }

    /// The last known prices of limits.
    pub fn prices(&self) -> &[Price] {
        &self.prices
    }

    /// No plan that places all required tasks costs less, if that is still known. What only takes possibilities
    /// away or makes them dearer leaves a bound one.
    pub const fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// What changes since the last repair or refresh have spoiled.
    pub const fn spoiled(&self) -> Spoiled {
        self.spoiled
    }

    /// How many tasks are planned elsewhere than where they run.
    pub fn moves(&self) -> usize {
        self.moves_of(&self.columns)
    }

    fn moves_of(&self, columns: &[Option<Column>]) -> usize {
        let choice = |column: &Option<Column>| column.as_ref().map(|column| column.choice);
        let pairs = self.home.iter().zip(columns);
        pairs.filter(|(home, column)| home.is_some() && choice(home) != choice(column)).count()
    }

    /// Says what is different now.
    ///
    /// # Errors
    /// When the change names what is not in the problem, or is no number; then nothing has changed.
    pub fn apply(&mut self, delta: Delta) -> Result<(), Refused> {
        delta::apply(self, delta)
    }

    /// The plan becomes what runs: leaving it costs what moving costs from here on.
    pub fn adopt(&mut self) {
        self.home.clone_from(&self.columns);
        self.settle_home();
    }

    /// States in the choices where everything runs, and which tasks are equal still.
    fn settle_home(&mut self) {
        let home = |task: usize| self.home[task].as_ref().map(|column| column.choice);
        let settled = |task: usize, choices: &[Choice]| {
            let at_home = |(index, choice): (u32, &Choice)| {
                let current = home(task) == Some(index);
                let moving = if home(task).is_none() || current { 0.0 } else { self.moving[task] };
                Choice { moving, current, ..choice.clone() }
            };
            Some((0_u32..).zip(choices).map(at_home).collect())
        };
        self.problem = self.problem.with_choices(|task| (home(task), self.moving[task].to_bits()), settled);
        let mut classes: BTreeMap<(u32, Option<u32>), u32> = BTreeMap::new();
        for (task, t) in self.problem.tasks.iter_mut().enumerate() {
            let home = self.home[task].as_ref().map(|column| column.choice);
            let next = classes.len() as u32;
            t.class = *classes.entry((self.classes[task], home)).or_insert(next);
        }
        self.spoil(Spoiled { costs: true, bound: true, ..Spoiled::default() });
    }

    fn spoil(&mut self, what: Spoiled) {
        self.spoiled = self.spoiled.with(what);
        // With less room a later way may be the only one left, and cost less.
        if what.bound || ordered::applies(&self.problem) {
            self.bound = None;
        }
    }

    /// A valid plan at once: repaired from the last plan and from what runs, the better of both; of equal ones the
    /// one with fewer moves.
    pub fn repair(&mut self) -> Repaired {
        let count = MOVES.min(self.params.effort.saturating_mul(MOVES / DEFAULT_EFFORT));
        let moves = self.params.moves(count);
        let from = |columns: &[Option<Column>]| {
            let previous = Previous { columns: columns.to_vec(), prices: self.prices.clone() };
            repair(&self.problem, &previous, moves, &mut |_| {})
        };
        let mut best = from(&self.columns);
        if self.home != self.columns && self.home.iter().any(Option::is_some) {
            let back = from(&self.home);
            if self.prefers(&back.plan, &best.plan) {
                best = back;
            }
        }
        self.columns.clone_from(&best.plan.columns);
        self.spoiled = Spoiled { bound: self.bound.is_none(), ..Spoiled::default() };
        best
    }

    /// Whether a plan is better than another, or as good with fewer moves.
    fn prefers(&self, plan: &Assignment, other: &Assignment) -> bool {
        let fewer = || self.moves_of(&plan.columns).cmp(&self.moves_of(&other.columns));
        plan.score.compare(&other.score).then_with(fewer).is_lt()
    }

    /// Repairs the plan, tells the observer of it, and improves plan, prices and bound from there.
    pub fn refresh(&mut self, observer: Observer<'_>) -> Outcome {
        let repaired = self.repair();
        let phase = repaired.phase();
        observer(&phase);
        let known = [repaired.plan.columns.clone()];
        let choice = |column: &Option<Column>| column.as_ref().map(|column| column.choice);
        let home: Vec<Option<u32>> = self.home.iter().map(choice).collect();
        let mut in_force = InForce { carried: self.carried.clone(), held: false, home };
        let mut outcome = solve_in_force(&self.problem, &self.params, &known, &mut in_force, observer);
        self.carried = in_force.carried;
        outcome.phases.insert(0, crate::outcome::Phase { total: None, ..phase });
        outcome.effort += repaired.work;
        let found = Assignment { columns: outcome.columns.clone(), score: self.score(&outcome) };
        let bound = outcome.bound.into_iter().chain(self.bound).reduce(f64::max);
        // Where many run it has been weighed already who leaves home for how little.
        let prefers = !in_force.held && self.prefers(&repaired.plan, &found);
        if prefers || self.forgoes(&repaired.plan, &found, bound) {
            outcome.columns = repaired.plan.columns;
            outcome.total = repaired.plan.score.total;
            outcome.complete = repaired.plan.score.complete();
        }
        outcome.bound = if outcome.complete { bound.map(|bound| bound.min(outcome.total)) } else { None };
        self.columns.clone_from(&outcome.columns);
        self.bound = outcome.bound;
        if !outcome.prices.is_empty() {
            self.prices.clone_from(&outcome.prices);
        }
        self.spoiled = Spoiled::default();
        outcome
    }

    fn score(&self, outcome: &Outcome) -> Score {
        let ranks = Ranks::new(&self.problem);
        let (mut left, mut ways) = (vec![0; ranks.len()], 0);
        for (task, column) in self.problem.tasks.iter().zip(&outcome.columns) {
            if let Some(column) = column {
                ways += u64::from(task.choices[column.choice as usize].way);
            } else if task.required {
                left[ranks.of(task.priority)] += 1;
            }
        }
        Score { left, ways, total: outcome.total }
    }

    /// Whether a better plan is forgone because this one is within the gap asked for and moves less.
    fn forgoes(&self, plan: &Assignment, better: &Assignment, bound: Option<f64>) -> bool {
        let total = plan.score.total;
        let within =
            |bound: f64| total - bound <= self.params.gap * bound.abs() + EQUAL * bound.abs().max(1.0);
        plan.score.complete()
            && bound.is_some_and(within)
            && self.moves_of(&plan.columns) < self.moves_of(&better.columns)
    }
}

/// What leaving its current choice costs a task.
fn moving(task: &Task) -> f64 {
    task.choices.iter().map(|choice| choice.moving).fold(0.0, f64::max)
}

/// Where a task runs already, as if it started there at once.
fn home(task: &Task) -> Option<Column> {
    let index = task.choices.iter().position(|choice| choice.current)?;
    let start = ceil_second(task.choices[index].ready);
    Some(Column { choice: index as u32, runs: vec![(start, start + task.choices[index].run)], own: 0.0 })
}
