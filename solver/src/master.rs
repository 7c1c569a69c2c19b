//! Columns of blocks: a program of whole ways through blocks, of which each block takes one.
//!
//! Dantzig & Wolfe (1960, "Decomposition principle for linear programs"): the master program chooses a
//! mix of ways for each block that keeps the shared rows; its prices go to the blocks, which answer with
//! better ways until there are none. Its relaxation is as tight as the best [prices](crate::lagrangian),
//! and since a way is a whole decision about a dataset and its readers, few ways make good plans.
//! Prices are kept close to the best so far (Wentges 1997, "Weighted Dantzig–Wolfe decomposition for
//! linear mixed-integer programming"). Rows that its solution breaks are made on the way.

use std::collections::BTreeSet;

use crate::{
    blocks::Blocks,
    cuts::Cuts,
    formulation::Formulation,
    lagrangian::{Ledger, Prices, Solved},
    linear::{Program, Row, Solution, Status, TimeLeft, highs::Highs},
};

/// A way through a block: the columns that are 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// The block.
    pub block: usize,
    /// Its columns, ascending.
    pub columns: Vec<u32>,
}

/// The weight of the best prices so far in the next ones.
const WEIGHT: f64 = 0.5;
/// The share of the bound to which the master's value must come for cutting planes to be looked for.
const NEAR: f64 = 5e-4;
/// And at which nothing more is to be had.
const CLOSED: f64 = 1e-6;

/// What came of generating columns.
#[derive(Debug)]
pub struct Generated {
    /// The best prices found.
    pub prices: Prices,
    /// Every way seen.
    pub ways: Vec<Way>,
}

/// Generates columns from the solution of a relaxation and a plan: the values of its program's columns.
pub fn generate(
    form: &mut Formulation<'_>,
    blocks: &Blocks,
    start: &Solution,
    plan: &[f64],
    rounds: u64,
    time_left: Option<TimeLeft>,
) -> Generated {
    let mut master = Master::new(form, blocks, plan, time_left);
    let mut ledger = Ledger::new(&form.program, blocks);
    let mut cuts = Cuts::default();
    let dual = |row: usize| start.duals.get(row).copied().unwrap_or(0.0);
    let mut centre: Vec<f64> =
        ledger.rows.iter().map(|shared| shared.signed(dual(shared.row) / shared.scale)).collect();
    let mut solved = ledger.solve(&form.program, blocks, &centre);
    let mut best = solved.bound;
    master.learn(form, &solved);
    if let Some(values) = &start.values {
        master.mind(form, &ledger, values);
        // Where prices are, rows matter.
        for (shared, price) in ledger.rows.iter().zip(&centre) {
            if price.abs() > 0.0 {
                master.take_row(form, shared.row);
            }
        }
    }
    let mut mean = start.values.clone().unwrap_or_default();
    let mut done = 0;
    for _ in 0..rounds {
        done += 1;
        let solution = master.lp.run();
        if solution.status != Status::Optimal {
            break;
        }
        mean = master.spread(solution.values.as_deref().unwrap_or_default(), form.program.cost.len());
        let prices = master.prices(&ledger, &solution);
        let mut changed = master.mind(form, &ledger, &mean);
        let near = solution.bound - best <= NEAR * best.abs();
        let trial: Vec<f64> =
            centre.iter().zip(&prices).map(|(c, p)| WEIGHT * c + (1.0 - WEIGHT) * p).collect();
        let mut improve = |at: &[f64], master: &mut Master<'_>, form: &Formulation<'_>| {
            solved = ledger.solve(&form.program, blocks, at);
            let better = solved.bound > best + 1e-9 * best.abs();
            if better {
                best = solved.bound;
                centre = at.to_vec();
            }
            better | master.learn(form, &solved)
        };
        let mut learnt = improve(&trial, &mut master, form);
        if !learnt {
            learnt = improve(&prices, &mut master, form);
        }
        if near || !learnt {
            let before = form.program.rows.len();
            form.separate(&mean);
            cuts.make(form, &mean);
            for row in before..form.program.rows.len() {
                ledger.add(row, &form.program.rows[row]);
                centre.push(0.0);
                master.take_row(form, row);
                changed = true;
            }
        }
        if !changed && (!learnt || solution.bound - best <= CLOSED * best.abs()) {
            break;
        }
    }
    let cost = ledger.solve(&form.program, blocks, &centre).cost;
    let prices = Prices { bound: best, cost, mean, rounds: done, cuts: cuts.made() };
    Generated { prices, ways: master.ways }
}

/// The master program of a relaxation, with the rows that matter so far.
struct Master<'b> {
    blocks: &'b Blocks,
    lp: Highs,
    ways: Vec<Way>,
    known: BTreeSet<Way>,
    /// By row of the program, its row here.
    rows: Vec<Option<u32>>,
    /// By column of the program, its terms in the rows here.
    terms: Vec<Vec<(u32, f64)>>,
    count: u32,
}

impl<'b> Master<'b> {
    /// With the ways of a plan as its first columns.
    fn new(form: &Formulation<'_>, blocks: &'b Blocks, plan: &[f64], time_left: Option<TimeLeft>) -> Self {
        let mut program = Program::default();
        for x in blocks.loose.iter().map(|x| *x as usize) {
            program.column(form.program.cost[x], form.program.low[x], form.program.high[x], false);
        }
        program.rows = vec![Row { low: 1.0, high: 1.0, terms: Vec::new() }; blocks.list.len()];
        let mut master = Self {
            blocks,
            lp: Highs::new(&program, false, time_left),
            ways: Vec::new(),
            known: BTreeSet::new(),
            rows: Vec::new(),
            terms: vec![Vec::new(); form.program.cost.len()],
            count: blocks.list.len() as u32,
        };
        for (block, list) in blocks.list.iter().enumerate() {
            let columns = list.columns().filter(|x| plan[*x as usize] > 0.5).collect();
            master.take_way(form, Way { block, columns });
        }
        master
    }

    /// Takes the ways of a solution in; whether any is new.
    fn learn(&mut self, form: &Formulation<'_>, solved: &Solved) -> bool {
        let mut new = false;
        for (block, columns) in solved.blocks.iter().enumerate() {
            new |= self.take_way(form, Way { block, columns: columns.clone() });
        }
        new
    }

    fn take_way(&mut self, form: &Formulation<'_>, mut way: Way) -> bool {
        way.columns.sort_unstable();
        if !self.known.insert(way.clone()) {
            return false;
        }
        let mut sums = std::collections::BTreeMap::from([(way.block as u32, 1.0)]);
        for (row, a) in way.columns.iter().flat_map(|x| &self.terms[*x as usize]) {
            *sums.entry(*row).or_insert(0.0) += a;
        }
        let cost = way.columns.iter().map(|x| form.program.cost[*x as usize]).sum();
        self.lp.add_column(cost, (0.0, f64::INFINITY), &sums.into_iter().collect::<Vec<_>>());
        self.ways.push(way);
        true
    }

    /// Takes a row of the program in, if it is not there yet.
    fn take_row(&mut self, form: &Formulation<'_>, row: usize) -> bool {
        if self.rows.len() <= row {
            self.rows.resize(row + 1, None);
        }
        if self.rows[row].is_some() {
            return false;
        }
        self.rows[row] = Some(self.count);
        let source = &form.program.rows[row];
        let mut dense = vec![0.0; form.program.cost.len()];
        for (x, a) in &source.terms {
            dense[*x as usize] = *a;
            self.terms[*x as usize].push((self.count, *a));
        }
        let loose = (0_u32..).zip(&self.blocks.loose).map(|(at, x)| (at, dense[*x as usize]));
        let ways = (self.blocks.loose.len() as u32..).zip(&self.ways);
        let of_way = |way: &Way| way.columns.iter().map(|x| dense[*x as usize]).sum::<f64>();
        let terms =
            loose.chain(ways.map(|(at, way)| (at, of_way(way)))).filter(|t| t.1.abs() > 0.0).collect();
        self.lp.add_rows(&[Row { low: source.low, high: source.high, terms }]);
        self.count += 1;
        true
    }

    /// Takes in the rows of the ledger that `values` break; whether there are any.
    fn mind(&mut self, form: &Formulation<'_>, ledger: &Ledger, values: &[f64]) -> bool {
        let held = (0_u32..).zip(values).filter(|(_, value)| value.abs() > 1e-9);
        let levels = ledger.levels(held);
        let mut new = false;
        for (shared, level) in ledger.rows.iter().zip(levels) {
            if level > shared.high + 1e-7 || level < shared.low - 1e-7 {
                new |= self.take_row(form, shared.row);
            }
        }
        new
    }

    /// The (scaled) prices of the ledger's rows in a solution.
    fn prices(&self, ledger: &Ledger, solution: &Solution) -> Vec<f64> {
        let of_row = |row: usize| self.rows.get(row).copied().flatten();
        let price = |row: usize| of_row(row).map_or(0.0, |at| solution.duals[at as usize]);
        ledger.rows.iter().map(|shared| shared.signed(price(shared.row) / shared.scale)).collect()
    }

    /// The values of the program's columns in a solution of the master.
    fn spread(&self, values: &[f64], columns: usize) -> Vec<f64> {
        let mut spread = vec![0.0; columns];
        let (loose, ways) = values.split_at(self.blocks.loose.len().min(values.len()));
        for (x, value) in self.blocks.loose.iter().zip(loose) {
            spread[*x as usize] = *value;
        }
        for (way, value) in self.ways.iter().zip(ways).filter(|(_, value)| **value > 1e-12) {
            for x in &way.columns {
                spread[*x as usize] += value;
            }
        }
        spread
    }
}
