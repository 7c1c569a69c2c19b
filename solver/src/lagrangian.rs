//! Prices for the rows that blocks share, and the bound they prove.
//!
//! Every row that is not part of a block gets a price and leaves; what remains falls apart into
//! [blocks](crate::blocks) that are solved one by one. Their sum at those prices is a bound, whatever the
//! prices are (Geoffrion 1974, "Lagrangean relaxation for integer programming"). As blocks are solved as
//! integer programs, the best such bound lies above that of the linear relaxation. Two ways lead to good
//! prices: [columns of blocks](crate::master) where there is a linear solver, and steps along what
//! solutions break ([`crate::climb`]) where there is none.

use crate::{
    blocks::Blocks,
    linear::{Program, Row},
};

/// Prices, and what they prove and suggest.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    /// No solution of the program costs less.
    pub bound: f64,
    /// What each column costs at these prices.
    pub cost: Vec<f64>,
    /// A fractional solution that these prices come with.
    pub mean: Vec<f64>,
    /// Rounds or steps taken.
    pub rounds: u64,
    /// Cutting planes made.
    pub cuts: u64,
}

/// A row with a price: where it lies in the program, scaled to a largest coefficient of 1.
#[derive(Debug, Clone, Copy)]
pub struct Shared {
    /// The row of the program.
    pub row: usize,
    /// The least it adds up to.
    pub low: f64,
    /// The most it adds up to.
    pub high: f64,
    /// One over its largest coefficient.
    pub scale: f64,
}

impl Shared {
    /// A price with the sign that the row allows.
    pub fn signed(&self, price: f64) -> f64 {
        crate::volume::signed(price, (self.low, self.high))
    }
}

/// The rows that have prices, with what each column has in them.
#[derive(Debug)]
pub struct Ledger {
    /// The rows.
    pub rows: Vec<Shared>,
    entries: Vec<Vec<(u32, f64)>>,
}

/// The blocks solved at some prices.
#[derive(Debug)]
pub struct Solved {
    /// No solution of the program costs less.
    pub bound: f64,
    /// What each column costs at these prices.
    pub cost: Vec<f64>,
    /// By block the columns that are 1.
    pub blocks: Vec<Vec<u32>>,
    /// The columns in no block that are not 0.
    pub loose: Vec<(u32, f64)>,
}

impl Ledger {
    /// The rows of a program that are not part of blocks.
    pub fn new(program: &Program, blocks: &Blocks) -> Self {
        let mut ledger = Self { rows: Vec::new(), entries: vec![Vec::new(); program.cost.len()] };
        for (row, r) in program.rows.iter().enumerate().filter(|(row, _)| !blocks.keeps(*row)) {
            ledger.add(row, r);
        }
        ledger
    }

    /// Takes a row of the program in.
    pub fn add(&mut self, row: usize, r: &Row) {
        let largest = r.terms.iter().map(|t| t.1.abs()).fold(0.0, f64::max);
        let scale = if largest > 0.0 { 1.0 / largest } else { 1.0 };
        for (column, a) in &r.terms {
            self.entries[*column as usize].push((self.rows.len() as u32, a * scale));
        }
        self.rows.push(Shared { row, low: r.low * scale, high: r.high * scale, scale });
    }

    /// What a column has in the rows.
    pub fn entries(&self, column: u32) -> &[(u32, f64)] {
        &self.entries[column as usize]
    }

    /// What some values add up to in each row.
    pub fn levels<'v>(&self, values: impl IntoIterator<Item = (u32, &'v f64)>) -> Vec<f64> {
        let mut levels = vec![0.0; self.rows.len()];
        for (column, value) in values {
            for (row, a) in self.entries(column) {
                levels[*row as usize] += a * value;
            }
        }
        levels
    }

    /// Solves every block at these prices of the (scaled) rows.
    pub fn solve(&self, program: &Program, blocks: &Blocks, prices: &[f64]) -> Solved {
        let mut bound = 0.0;
        for (row, price) in self.rows.iter().zip(prices).filter(|(_, price)| price.abs() > 0.0) {
            bound += price * if *price < 0.0 { row.high } else { row.low };
        }
        let charged =
            |entries: &Vec<(u32, f64)>| entries.iter().map(|(row, a)| prices[*row as usize] * a).sum::<f64>();
        let cost: Vec<f64> =
            program.cost.iter().zip(&self.entries).map(|(cost, entries)| cost - charged(entries)).collect();
        let mut chosen = Vec::with_capacity(blocks.list.len());
        for block in &blocks.list {
            let least = block.least(&cost, &program.high);
            bound += least.bound;
            chosen.push(least.columns);
        }
        let mut loose = Vec::new();
        for &column in &blocks.loose {
            let x = column as usize;
            let value = if cost[x] < 0.0 { program.high[x] } else { program.low[x] };
            if value.abs() > 0.0 {
                bound += cost[x] * value;
                loose.push((column, value));
            }
        }
        Solved { bound, cost, blocks: chosen, loose }
    }
}
