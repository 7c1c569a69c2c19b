//! Linear and mixed-integer programs as plain data, and the two back ends that solve them.
//!
//! `highs` runs in production. `microlp`, through `good_lp`, is the pure-Rust path of `--no-lp` and the
//! oracle of the tests. Both see the same [`Program`].

pub mod highs;
pub mod microlp;

/// min cost·x, `row_low` ≤ A x ≤ `row_high`, `low` ≤ x ≤ `high`, some x integer.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Cost of each column.
    pub cost: Vec<f64>,
    /// Lower bound of each column.
    pub low: Vec<f64>,
    /// Upper bound of each column.
    pub high: Vec<f64>,
    /// Whether each column is integer.
    pub integer: Vec<bool>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row of a [`Program`].
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The least activity.
    pub low: f64,
    /// The greatest activity.
    pub high: f64,
    /// (column, coefficient), each column at most once.
    pub terms: Vec<(u32, f64)>,
}

impl Program {
    /// Adds a column and returns its index.
    pub fn column(&mut self, cost: f64, low: f64, high: f64, integer: bool) -> u32 {
        self.cost.push(cost);
        self.low.push(low);
        self.high.push(high);
        self.integer.push(integer);
        self.cost.len() as u32 - 1
    }

    /// Adds a row: equal columns are merged, zeros dropped.
    pub fn row(&mut self, low: f64, high: f64, mut terms: Vec<(u32, f64)>) {
        terms.sort_by_key(|t| t.0);
        let mut merged: Vec<(u32, f64)> = Vec::with_capacity(terms.len());
        for (column, coefficient) in terms {
            match merged.last_mut() {
                Some(last) if last.0 == column => last.1 += coefficient,
                _ => merged.push((column, coefficient)),
            }
        }
        merged.retain(|t| t.1.abs() > 0.0);
        self.rows.push(Row { low, high, terms: merged });
    }
}

/// How a solve ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Proven best within the gap.
    Optimal,
    /// Proven to have no solution.
    Infeasible,
    /// Stopped at a limit.
    Limit,
    /// Anything else: numerical trouble, unbounded, an error.
    Failed,
}

/// What a solve found.
#[derive(Debug, Clone)]
pub struct Solution {
    /// How it ended.
    pub status: Status,
    /// The values, when there is a solution.
    pub values: Option<Vec<f64>>,
    /// No solution costs less.
    pub bound: f64,
    /// Branch-and-bound nodes.
    pub nodes: u64,
    /// Reduced costs of the columns, for a linear program.
    pub reduced: Vec<f64>,
    /// Prices of the rows, for a linear program.
    pub duals: Vec<f64>,
}

impl Solution {
    /// A solve that found nothing and proved nothing.
    pub const fn failed() -> Self {
        Self {
            status: Status::Failed,
            values: None,
            bound: f64::NEG_INFINITY,
            nodes: 0,
            reduced: Vec::new(),
            duals: Vec::new(),
        }
    }
}

/// Asks for the seconds of wall time that are left. The clock is the caller's; results that depend on it
/// depend on the machine.
pub type TimeLeft = fn() -> f64;

/// When a mixed-integer solve may stop.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// At this relative gap.
    pub gap: f64,
    /// After so many nodes.
    pub nodes: u64,
    /// When no time is left.
    pub time_left: Option<TimeLeft>,
    /// The seed of the solver's own randomness.
    pub seed: u64,
}
