//! The linear program over patterns: which patterns, how many bins of each, what it is worth.
//!
//! Admit: max Σ w y − Σ cost x, Σ a x ≥ y, Σ x ≤ N in each class of bins, 0 ≤ y ≤ d.
//! Share: max t, Σ a x ≥ t d, Σ x ≤ N: the largest share of all items that fits with none refused.
//! What joins items of several bins ([`crate::joint`]) is rows of the first alone; what bins may take together
//! is a row each, Σ a x ≤ L, in parts of the most that one bin takes.

use std::ops::Range;

use plimsoll_solver::linear::{Program, Row, Status, TimeLeft, highs::Highs};
use rustc_hash::FxHashSet;

use crate::instance::{Instance, Limit, Pattern};

/// What is made most of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The worth of what is placed.
    Admit,
    /// The share of every item that is placed.
    Share,
}

/// The linear program, its patterns and its basis.
#[derive(Debug)]
pub struct Master {
    form: Form,
    highs: Highs,
    time_left: Option<TimeLeft>,
    items: usize,
    bins: usize,
    /// Where the columns of what joins items are.
    joint: Range<usize>,
    /// Rows of what joins items.
    rows: usize,
    /// Columns before the patterns.
    first: usize,
    /// The patterns, each of a bin.
    pub patterns: Vec<(u32, Pattern)>,
    known: FxHashSet<(u32, Vec<(u32, u32)>)>,
}

/// A solution of the linear program.
#[derive(Debug, Clone)]
pub struct Fractional {
    /// What it is worth.
    pub value: f64,
    /// What one more of each item would bring.
    pub prices: Vec<f64>,
    /// What one more of each bin would bring.
    pub bins: Vec<f64>,
    /// How many bins hold each pattern.
    pub uses: Vec<f64>,
    /// The prices of the rows that join items.
    pub rows: Vec<f64>,
    /// What one more of each limit on bins would bring, in parts of [`part`].
    pub limits: Vec<f64>,
    /// Their columns.
    pub columns: Vec<f64>,
}

/// What a limit is counted in: the most that one bin takes.
pub fn part(limit: &Limit) -> f64 {
    limit.takes.iter().map(|(_, each)| *each).max().unwrap_or(1).max(1) as f64
}

/// How much more bins cost at some prices of limits.
pub fn charges(instance: &Instance, limits: &[f64]) -> Vec<f64> {
    let mut charges = vec![0.0; instance.bins.len()];
    for (limit, price) in instance.limits.iter().zip(limits) {
        for (bin, each) in &limit.takes {
            charges[*bin as usize] += price * *each as f64 / part(limit);
        }
    }
    charges
}

impl Master {
    /// A program without patterns.
    pub fn new(instance: &Instance, form: Form) -> Self {
        Self::within(instance, form, None)
    }

    /// The same that is solved only while time is left, as is whatever is found with it.
    pub fn within(instance: &Instance, form: Form, time_left: Option<TimeLeft>) -> Self {
        let mut program = Program::default();
        let mut terms = Vec::new();
        match form {
            Form::Admit => {
                for item in &instance.items {
                    let column = program.column(-item.worth, 0.0, f64::from(item.demand), false);
                    terms.push((column, -1.0));
                }
            }
            Form::Share => {
                // Some bound, so that items that nobody asks for make no ray.
                let column = program.column(-1.0, 0.0, 1e6, false);
                terms.extend(instance.items.iter().map(|item| (column, -f64::from(item.demand))));
            }
        }
        for term in terms {
            program.row(0.0, f64::INFINITY, vec![term]);
        }
        for bin in &instance.bins {
            program.rows.push(Row { low: f64::NEG_INFINITY, high: f64::from(bin.count), terms: Vec::new() });
        }
        let joint = program.cost.len()..program.cost.len() + instance.joint.columns.len();
        let before = program.rows.len();
        if form == Form::Admit {
            for column in &instance.joint.columns {
                program.column(0.0, column.low, column.high, false);
            }
            let mut rows: Vec<Vec<(u32, f64)>> = Vec::new();
            for row in &instance.joint.rows {
                let columns =
                    row.columns.iter().map(|(column, factor)| (joint.start as u32 + column, *factor));
                let mut terms: Vec<(u32, f64)> = columns.collect();
                // What is missing, and what is too much, at a fine.
                terms.push((program.column(row.fine, 0.0, f64::INFINITY, false), 1.0));
                terms.push((program.column(row.fine, 0.0, f64::INFINITY, false), -1.0));
                rows.push(terms);
            }
            for (column, item) in (0..).zip(&instance.items) {
                for (row, factor) in &item.joint {
                    rows[*row as usize].push((column, *factor));
                }
            }
            for (row, terms) in instance.joint.rows.iter().zip(rows) {
                program.row(row.low, row.high, terms);
            }
        }
        let rows = program.rows.len() - before;
        for limit in &instance.limits {
            let high = limit.most as f64 / part(limit);
            program.rows.push(Row { low: f64::NEG_INFINITY, high, terms: Vec::new() });
        }
        let first = program.cost.len();
        Self {
            form,
            highs: Highs::new(&program, false, time_left),
            time_left,
            items: instance.items.len(),
            bins: instance.bins.len(),
            joint,
            rows,
            first,
            patterns: Vec::new(),
            known: FxHashSet::default(),
        }
    }

    /// What is made most of.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The time that is left.
    pub fn time_left(&self) -> Option<TimeLeft> {
        self.time_left
    }

    /// Whether no time is left.
    pub fn is_over(&self) -> bool {
        self.time_left.is_some_and(|left| left() <= 0.0)
    }

    /// Adds a pattern of a bin; false when it is known.
    pub fn add(&mut self, instance: &Instance, bin: u32, pattern: Pattern) -> bool {
        if pattern.counts.is_empty() || !self.known.insert((bin, pattern.counts.clone())) {
            return false;
        }
        let mut terms: Vec<(u32, f64)> =
            pattern.counts.iter().map(|(item, count)| (*item, f64::from(*count))).collect();
        terms.push((self.items as u32 + bin, 1.0));
        for (at, limit) in instance.limits.iter().enumerate() {
            let each = limit.each(bin);
            if each > 0 {
                let row = (self.items + self.bins + self.rows + at) as u32;
                terms.push((row, each as f64 / part(limit)));
            }
        }
        self.highs.add_column(instance.bins[bin as usize].cost, (0.0, f64::INFINITY), &terms);
        self.patterns.push((bin, pattern));
        true
    }

    /// Takes demands, counts and the limits of what joins items from an instance that differs in nothing else.
    pub fn open(&mut self, instance: &Instance) {
        for (column, item) in instance.items.iter().enumerate() {
            self.highs.column_bounds(column, 0.0, f64::from(item.demand));
        }
        for (row, bin) in instance.bins.iter().enumerate() {
            self.highs.row_bounds(self.items + row, f64::NEG_INFINITY, f64::from(bin.count));
        }
        for (column, it) in self.joint.clone().zip(&instance.joint.columns) {
            self.highs.column_bounds(column, it.low, it.high);
        }
        for (row, it) in instance.joint.rows.iter().enumerate() {
            self.highs.row_bounds(self.items + self.bins + row, it.low, it.high);
        }
        for (row, limit) in instance.limits.iter().enumerate() {
            let high = limit.most as f64 / part(limit);
            self.highs.row_bounds(self.items + self.bins + self.rows + row, f64::NEG_INFINITY, high);
        }
        for column in 0..self.patterns.len() {
            self.highs.column_bounds(self.first + column, 0.0, f64::INFINITY);
        }
    }

    /// The same, and rules out the patterns that hold more of an item than there are.
    pub fn resize(&mut self, instance: &Instance) {
        self.open(instance);
        for (column, (bin, pattern)) in self.patterns.iter().enumerate() {
            let proper = instance.bins[*bin as usize].count > 0
                && pattern.counts.iter().all(|(item, count)| instance.items[*item as usize].demand >= *count);
            if !proper {
                self.highs.column_bounds(self.first + column, 0.0, 0.0);
            }
        }
    }

    /// The best use of the patterns; none when the linear solver fails.
    pub fn solve(&mut self) -> Option<Fractional> {
        let solution = self.highs.run();
        let values = solution.values.filter(|_| solution.status == Status::Optimal)?;
        let (prices, rest) = solution.duals.split_at(self.items);
        let (bins, rest) = rest.split_at(self.bins);
        let (rows, limits) = rest.split_at(self.rows);
        Some(Fractional {
            value: -solution.bound,
            prices: prices.iter().map(|dual| dual.max(0.0)).collect(),
            bins: bins.iter().map(|dual| (-dual).max(0.0)).collect(),
            limits: limits.iter().map(|dual| (-dual).max(0.0)).collect(),
            uses: values[self.first..].to_vec(),
            rows: rows.to_vec(),
            columns: values[self.joint.clone()].to_vec(),
        })
    }
}
