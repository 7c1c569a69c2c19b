//! The best plan among whole ways through blocks, as a mixed-integer program.
//!
//! Each [block](crate::blocks) takes one of the ways known for it: those that
//! [columns were generated](crate::master) from, and the best way through each column of low reduced cost.
//! A few thousand ways hold nearly the best plan, and their program is far smaller and far tighter than
//! that of the columns: price-and-branch, as Desaulniers, Desrosiers & Solomon (eds., 2005, "Column
//! Generation") call it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    blocks::{Blocks, Through},
    formulation::Formulation,
    linear::{Program, Row},
    master::Way,
};

/// A program of ways, with what its columns mean.
#[derive(Debug)]
pub struct Composition {
    /// Columns in no block, then ways.
    pub program: Program,
    loose: Vec<u32>,
    ways: Vec<Way>,
}

/// A block and what a way through it takes of the shared rows, in billionths.
type Taken = (usize, Vec<(u32, i64)>);

/// A way with its dollars and what it takes.
type Priced = (f64, Way, BTreeMap<u32, f64>);

/// The ways to choose from: those known, and those through columns of least reduced cost, so many of them.
pub fn candidates(known: &[Way], through: &[Vec<Through>], most: usize) -> Vec<Way> {
    let mut order: Vec<(f64, Way)> = known.iter().map(|way| (0.0, way.clone())).collect();
    for (block, list) in through.iter().enumerate() {
        for found in list.iter().filter(|found| !found.columns.is_empty()) {
            let mut columns = found.columns.clone();
            columns.sort_unstable();
            order.push((found.reduced, Way { block, columns }));
        }
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    let mut seen = BTreeSet::new();
    order
        .into_iter()
        .map(|o| o.1)
        .filter(|way| seen.insert(way.clone()))
        .take(most.max(known.len()))
        .collect()
}

impl Composition {
    /// The program of some ways: of ways that take the same of everything shared, the cheapest.
    pub fn new(form: &Formulation<'_>, blocks: &Blocks, ways: Vec<Way>) -> Self {
        let mut among = vec![false; form.program.cost.len()];
        for x in ways.iter().flat_map(|way| &way.columns).chain(&blocks.loose) {
            among[*x as usize] = true;
        }
        let limits = form.limits_among(&among);
        let shared: Vec<&Row> = form
            .program
            .rows
            .iter()
            .enumerate()
            .filter(|(row, _)| !blocks.keeps(*row))
            .map(|(_, row)| row)
            .chain(&limits)
            .collect();
        let mut terms: Vec<Vec<(u32, f64)>> = vec![Vec::new(); form.program.cost.len()];
        for (at, row) in (0_u32..).zip(&shared) {
            for (x, a) in &row.terms {
                terms[*x as usize].push((at, *a));
            }
        }
        let mut cheapest: BTreeMap<Taken, Priced> = BTreeMap::new();
        for way in ways {
            let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
            for (row, a) in way.columns.iter().flat_map(|x| &terms[*x as usize]) {
                *sums.entry(*row).or_insert(0.0) += a;
            }
            let cost = way.columns.iter().map(|x| form.program.cost[*x as usize]).sum::<f64>();
            let key = (way.block, sums.iter().map(|(row, a)| (*row, (a * 1e9).round() as i64)).collect());
            let better = cheapest.get(&key).is_none_or(|known| cost < known.0);
            if better {
                cheapest.insert(key, (cost, way, sums));
            }
        }
        let mut program = Program::default();
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); shared.len()];
        for x in &blocks.loose {
            let (from, x) = (&form.program, *x as usize);
            let column = program.column(from.cost[x], from.low[x], from.high[x], from.integer[x]);
            for (row, a) in &terms[x] {
                rows[*row as usize].push((column, *a));
            }
        }
        let mut one_of: Vec<Vec<(u32, f64)>> = vec![Vec::new(); blocks.list.len()];
        let mut ways = Vec::with_capacity(cheapest.len());
        for (cost, way, sums) in cheapest.into_values() {
            let column = program.column(cost, 0.0, 1.0, true);
            one_of[way.block].push((column, 1.0));
            for (row, a) in sums {
                rows[row as usize].push((column, a));
            }
            ways.push(way);
        }
        for terms in one_of {
            program.row(1.0, 1.0, terms);
        }
        let mut composition = Self { program, loose: blocks.loose.clone(), ways };
        let mut made = BTreeSet::new();
        for (row, terms) in shared.iter().zip(rows) {
            let key: Vec<(u32, u64)> = terms.iter().map(|(x, a)| (*x, a.to_bits())).collect();
            let sides = (row.low.to_bits(), row.high.to_bits());
            if composition.may_break(row, &terms) && made.insert((sides, key)) {
                composition.program.row(row.low, row.high, terms);
            }
        }
        composition
    }

    /// Whether a choice of ways could break a row.
    fn may_break(&self, row: &Row, terms: &[(u32, f64)]) -> bool {
        let mut range: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        let (mut least, mut most) = (0.0, 0.0);
        for (column, a) in terms {
            let column = *column as usize;
            if let Some(way) = column.checked_sub(self.loose.len()) {
                let of_block = range.entry(self.ways[way].block).or_insert((0.0, 0.0));
                *of_block = (of_block.0.min(*a), of_block.1.max(*a));
            } else {
                let (low, high) = (self.program.low[column] * a, self.program.high[column] * a);
                least += low.min(high);
                most += low.max(high);
            }
        }
        least += range.values().map(|r| r.0).sum::<f64>();
        most += range.values().map(|r| r.1).sum::<f64>();
        most > row.high + 1e-9 || least < row.low - 1e-9
    }

    /// The start that a plan is, given by the values of the formulation's columns; `None` when one of its
    /// ways is not here.
    pub fn start(&self, plan: &[f64]) -> Option<Vec<(u32, f64)>> {
        let mut left: BTreeSet<usize> = self.ways.iter().map(|way| way.block).collect();
        let mut start = Vec::with_capacity(self.ways.len());
        for (at, way) in (self.loose.len() as u32..).zip(&self.ways) {
            let taken = way.columns.iter().all(|x| plan[*x as usize] > 0.5) && left.remove(&way.block);
            start.push((at, if taken { 1.0 } else { 0.0 }));
        }
        left.is_empty().then_some(start)
    }

    /// The values of the formulation's columns in a solution.
    pub fn spread(&self, values: &[f64], columns: usize) -> Vec<f64> {
        let mut spread = vec![0.0; columns];
        for (x, value) in self.loose.iter().zip(values) {
            spread[*x as usize] = *value;
        }
        for (way, _) in self.ways.iter().zip(&values[self.loose.len()..]).filter(|(_, value)| **value > 0.5) {
            for x in &way.columns {
                spread[*x as usize] = 1.0;
            }
        }
        spread
    }
}
