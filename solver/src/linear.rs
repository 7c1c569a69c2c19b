//! Linear and mixed-integer programs as plain data, and the two back ends that solve them.
//!
//! `highs` runs in production. `microlp`, through `good_lp`, is the pure-Rust path of `--no-lp` and the
//! oracle of the tests. Both see the same [`Program`].

pub(crate) mod grown;
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

    /// What some prices of the rows prove, whoever found them and however roughly.
    ///
    /// The bound is Lagrange's: what keeping the rows is worth, and every column at the end of its range that
    /// its reduced cost prefers; less what rounding may have added (Neumaier & Shcherbina 2004, "Safe bounds
    /// in linear and mixed-integer programming", Mathematical Programming 99, section 2, with an estimate of
    /// the rounding in place of directed rounding). Every column must have a finite range.
    pub fn proof(&self, prices: &[f64]) -> Proof {
        let mut reduced = self.cost.clone();
        let (mut bound, mut size) = (0.0_f64, 0.0_f64);
        for (row, price) in self.rows.iter().zip(prices) {
            let side = if *price > 0.0 { row.low } else { row.high };
            // A price with the sign of a side that the row lacks proves nothing.
            if price.abs() <= 0.0 || !side.is_finite() {
                continue;
            }
            bound += price * side;
            size += (price * side).abs();
            for (column, a) in &row.terms {
                reduced[*column as usize] -= price * a;
            }
        }
        for (column, reduced) in reduced.iter().enumerate() {
            let end = if *reduced < 0.0 { self.high[column] } else { self.low[column] };
            if end.abs() > 0.0 {
                bound += reduced * end;
                size += (reduced * end).abs();
            }
        }
        Proof { bound: bound - ROUNDING * size, reduced }
    }
}

/// What the sums of a [`Proof`] may be off by, as a share of what was added up: thousands of roundings.
const ROUNDING: f64 = 1e-12;

/// What prices of rows prove.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// No solution costs less; -∞ or NaN where they prove nothing.
    pub bound: f64,
    /// By column what a solution that uses one of it costs more, where it is above 0.
    pub reduced: Vec<f64>,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Programs with a solution in whole numbers up to 2, and prices of their rows.
    fn programs() -> impl Strategy<Value = (Program, Vec<f64>)> {
        let row = (prop::collection::vec(-3..4_i8, 5), -6..3_i8, 0..9_i8, any::<[bool; 2]>());
        (prop::collection::vec(-5..6_i8, 5), prop::collection::vec((row, -4.0..4.0), 0..5)).prop_map(
            |(cost, rows)| {
                let mut program = Program::default();
                for cost in cost {
                    program.column(f64::from(cost), 0.0, 2.0, true);
                }
                let mut prices = Vec::new();
                for ((terms, low, width, open), price) in rows {
                    let low = f64::from(low);
                    let side = |open: bool, side: f64, none: f64| if open { none } else { side };
                    let terms = (0..).zip(terms.into_iter().map(f64::from)).collect();
                    program.row(
                        side(open[0], low, f64::NEG_INFINITY),
                        side(open[1], low + f64::from(width), f64::INFINITY),
                        terms,
                    );
                    prices.push(price);
                }
                (program, prices)
            },
        )
    }

    fn solutions(program: &Program) -> impl Iterator<Item = Vec<f64>> {
        (0..3_u32.pow(5)).map(|code| (0..5).map(|at| f64::from(code / 3_u32.pow(at) % 3)).collect()).filter(
            |x: &Vec<f64>| {
                program.rows.iter().all(|row| {
                    let level: f64 = row.terms.iter().map(|(column, a)| a * x[*column as usize]).sum();
                    row.low <= level && level <= row.high
                })
            },
        )
    }

    proptest! {
        #[test]
        fn no_solution_costs_less_than_any_prices_prove((program, prices) in programs()) {
            let proof = program.proof(&prices);
            for x in solutions(&program) {
                let cost: f64 = program.cost.iter().zip(&x).map(|(c, x)| c * x).sum();
                prop_assert!(proof.bound <= cost);
                for (x, reduced) in x.iter().zip(&proof.reduced).filter(|(x, _)| **x > 0.0) {
                    prop_assert!(proof.bound + x * reduced.max(0.0) <= cost + 1e-9);
                }
            }
        }

        #[test]
        fn the_prices_of_highs_prove_what_it_says((program, _) in programs()) {
            let solution = highs::Highs::new(&program, false, None).run();
            prop_assume!(solution.status == Status::Optimal);
            let proof = program.proof(&solution.duals);
            prop_assert!((proof.bound - solution.bound).abs() < 1e-6);
        }
    }
}
