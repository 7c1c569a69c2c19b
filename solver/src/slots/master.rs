//! The linear program over some columns, grown by those that price out and by rows that are broken.
//!
//! It never holds all columns: those of the mean of the volume algorithm, the cheapest at its prices, and
//! what the duals ask for. Columns are priced at prices between the duals and the best ones so far (Wentges
//! 1997, "Weighted Dantzig–Wolfe decomposition"), which proves more on the way.

use std::collections::BTreeSet;

use super::{model::Placing, prices::Prices};
use crate::{
    linear::{
        Program, Row, Status,
        grown::{Grown, between},
        highs,
    },
    outcome::Params,
};

/// Columns of a kind that are added in a round.
const COLUMNS: usize = 3;
/// How much of the best prices is in those that columns are priced at.
const SMOOTHING: f64 = 0.5;
/// The gap between what the program says and what is proven at which its rounds end.
const CLOSE: f64 = 5e-4;
/// By how much of it a limit may be broken in the program.
const SLACK: f64 = 1e-3;
/// Columns of the mean are in the program from this weight on.
const WEIGHT: f64 = 0.03;

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Solved {
    /// By kind its columns with how many tasks take them.
    pub values: Vec<Vec<(Placing, f64)>>,
    /// Whether no row that it lacks is broken by more than [`SLACK`], and no column found that would lower it, or
    /// its value is within [`CLOSE`] of what is proven.
    pub ended: bool,
    pub columns: u64,
    pub rows: u64,
    pub rounds: u64,
}

/// A column as a key: pair, first moment, and the other pieces.
type Key = (u32, (i64, i64), Vec<(i64, i64)>);

struct Master<'p, 'm> {
    prices: &'p mut Prices<'m>,
    lp: highs::Highs,
    columns: Vec<(u32, Placing)>,
    there: BTreeSet<Key>,
    /// Its rows of the prices; those before are one for each kind.
    rows: Grown,
}

/// Solves the program from the prices and the mean so far, and a plan's columns (kind, placing), within a
/// number of columns, those of all rounds together.
pub(super) fn solve(prices: &mut Prices<'_>, plan: &[(u32, Placing)], work: u64, params: &Params) -> Solved {
    let kinds = prices.model.kinds.len();
    let dearest =
        prices.model.kinds.iter().flat_map(|kind| prices.model.pairs_of(kind)).map(|(_, p)| p.least);
    let missing = 10.0 * dearest.filter(|least| least.is_finite()).fold(1.0, f64::max);
    let mut program = Program::default();
    for (k, kind) in (0_u32..).zip(&prices.model.kinds) {
        let tasks = kind.tasks.len() as f64;
        program.column(if kind.value.is_finite() { kind.value } else { missing }, 0.0, tasks, false);
        program.rows.push(Row { low: tasks, high: tasks, terms: vec![(k, 1.0)] });
    }
    let lp = highs::Highs::new(&program, false, params.time_left);
    let rows = Grown::new(kinds as u32);
    let mut master = Master { prices, lp, columns: Vec::new(), there: BTreeSet::new(), rows };
    // Rows that have a price, and sums; others when they are broken.
    let priced: Vec<usize> = (0..master.prices.rows.len())
        .filter(|row| master.prices.volume.centre[*row] < 0.0 || !master.prices.is_over_time(*row))
        .collect();
    master.add_rows(&priced);
    for (kind, placing) in plan {
        master.add(*kind, placing);
    }
    let mean = master.prices.mean.clone();
    for (kind, list) in (0_u32..).zip(&mean) {
        for (placing, _) in list.iter().filter(|of| of.1 >= WEIGHT) {
            master.add(kind, placing);
        }
    }
    let centre = master.prices.volume.centre.clone();
    let first = master.prices.price(&centre, COLUMNS);
    for (kind, list) in (0_u32..).zip(&first.best) {
        for (_, placing) in list {
            master.add(kind, placing);
        }
    }
    let mut solved = Solved { values: vec![Vec::new(); kinds], ..Solved::default() };
    let mut left = work;
    while left > 0 && !params.is_over() {
        left = left.saturating_sub(master.columns.len() as u64);
        solved.rounds += 1;
        let solution = master.lp.run();
        let Some(values) = solution.values.filter(|_| solution.status == Status::Optimal) else { break };
        for list in &mut solved.values {
            list.clear();
        }
        for ((kind, placing), value) in master.columns.iter().zip(&values[kinds..]) {
            if *value > 1e-9 {
                solved.values[*kind as usize].push((placing.clone(), *value));
            }
        }
        let broken = master.broken(&solved.values);
        let added = master.price_out(&solution.duals, solution.bound);
        let close = solution.bound - master.prices.volume.bound <= CLOSE * solution.bound.abs();
        if broken.is_empty() && (added == 0 || close) {
            solved.ended = true;
            break;
        }
        master.add_rows(&broken);
    }
    solved.rows = u64::from(master.rows.count());
    solved.columns = master.columns.len() as u64;
    solved
}

impl Master<'_, '_> {
    /// Adds a column that is not there yet; whether it was not.
    fn add(&mut self, kind: u32, placing: &Placing) -> bool {
        if !self.there.insert((placing.pair, placing.run, placing.more.clone())) {
            return false;
        }
        let mut terms = vec![(kind, 1.0)];
        self.prices.for_rows(kind as usize, placing, |row, amount| {
            if let Some(at) = self.rows.at(row as usize) {
                terms.push((at, amount));
            }
        });
        terms.sort_by_key(|term| term.0);
        terms.dedup_by(|next, kept| {
            next.0 == kept.0 && {
                kept.1 += next.1;
                true
            }
        });
        self.lp.add_column(placing.own, (0.0, f64::INFINITY), &terms);
        self.columns.push((kind, placing.clone()));
        true
    }

    /// The rows that a solution breaks, made where there are none: those that the program lacks.
    fn broken(&mut self, values: &[Vec<(Placing, f64)>]) -> Vec<usize> {
        let before = self.prices.rows.len();
        let new =
            self.prices.broken(values.iter().flatten().map(|(placing, value)| (placing, *value)), SLACK);
        self.prices.make(&new);
        let mut level = vec![0.0; self.prices.rows.len()];
        for (kind, list) in values.iter().enumerate() {
            for (placing, value) in list {
                self.prices.for_rows(kind, placing, |row, amount| level[row as usize] += amount * value);
            }
        }
        let lacks = |row: &usize| self.rows.at(*row).is_none();
        let is_broken = |row: &usize| level[*row] > self.prices.rows[*row].most * (1.0 + SLACK);
        (0..level.len()).filter(lacks).filter(|row| *row >= before || is_broken(row)).collect()
    }

    /// Adds rows.
    fn add_rows(&mut self, new: &[usize]) {
        let prices = &*self.prices;
        let columns = (prices.model.kinds.len() as u32..).zip(&self.columns);
        let most = |row: usize| prices.rows[row].most;
        let rows = self.rows.take(new, most, columns, |(kind, placing), each| {
            prices.for_rows(*kind as usize, placing, |row, amount| each(row as usize, amount));
        });
        self.lp.add_rows(&rows);
    }

    /// Prices out all columns at the duals of a solution that costs `total`, adds those that lower it, and
    /// keeps what is proven; how many were added.
    fn price_out(&mut self, duals: &[f64], total: f64) -> usize {
        let kinds = self.prices.model.kinds.len();
        let worth: Vec<f64> = duals[..kinds].to_vec();
        let at = self.rows.prices(duals, self.prices.rows.len());
        let smooth = between(&at, &self.prices.volume.centre, SMOOTHING);
        let mut added = 0;
        for prices in [&smooth, &at] {
            let found = self.prices.price(prices, COLUMNS);
            self.prices.volume.keep(prices, found.bound);
            let charges = self.prices.charges(&at);
            let mut lower = Vec::new();
            for (kind, list) in (0_u32..).zip(&found.best) {
                let of = &self.prices.model.kinds[kind as usize];
                let least = 1e-9 * worth[kind as usize].abs().max(1.0);
                for (_, placing) in list {
                    if charges.reduced(self.prices.model, of, placing) < worth[kind as usize] - least {
                        lower.push((kind, placing.clone()));
                    }
                }
            }
            for (kind, placing) in lower {
                added += usize::from(self.add(kind, &placing));
            }
            if added > 0 || total - self.prices.volume.bound <= CLOSE * total.abs() {
                break;
            }
        }
        added
    }
}
