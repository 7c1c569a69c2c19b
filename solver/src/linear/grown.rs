//! Linear programs that grow by rows that have prices elsewhere ([`crate::site`], [`crate::slots`]).

use super::Row;

/// Which of some rows a program has.
#[derive(Debug)]
pub(crate) struct Grown {
    /// By row, its row of the program.
    at: Vec<Option<u32>>,
    /// Rows that the program had before, and has now.
    own: u32,
    rows: u32,
}

impl Grown {
    /// None of them, beside so many rows of the program's own.
    pub(crate) const fn new(own: u32) -> Self {
        Self { at: Vec::new(), own, rows: own }
    }

    /// Where a row is in the program.
    pub(crate) fn at(&self, row: usize) -> Option<u32> {
        self.at.get(row).copied().flatten()
    }

    /// How many it has.
    pub(crate) const fn count(&self) -> u32 {
        self.rows - self.own
    }

    /// Takes rows in that it lacks, as rows of the program: what the columns take of each is at most `most`. `takes`
    /// tells for a column which rows it takes of, with how much.
    pub(crate) fn take<C>(
        &mut self,
        new: &[usize],
        most: impl Fn(usize) -> f64,
        columns: impl Iterator<Item = (u32, C)>,
        takes: impl Fn(C, &mut dyn FnMut(usize, f64)),
    ) -> Vec<Row> {
        let from = self.rows;
        for row in new {
            self.at.resize(self.at.len().max(row + 1), None);
            self.at[*row] = Some(self.rows);
            self.rows += 1;
        }
        let row = |row: &usize| Row { low: f64::NEG_INFINITY, high: most(*row), terms: Vec::new() };
        let mut rows: Vec<Row> = new.iter().map(row).collect();
        for (column, of) in columns {
            takes(of, &mut |row, amount| {
                let Some(place) = self.at(row).and_then(|at| at.checked_sub(from)) else { return };
                let terms = &mut rows[place as usize].terms;
                match terms.last_mut() {
                    Some(last) if last.0 == column => last.1 += amount,
                    _ => terms.push((column, amount)),
                }
            });
        }
        rows
    }

    /// By row its price in a solution, at most 0; 0 where the program lacks it.
    pub(crate) fn prices(&self, duals: &[f64], rows: usize) -> Vec<f64> {
        (0..rows).map(|row| self.at(row).map_or(0.0, |at| duals[at as usize].min(0.0))).collect()
    }
}

/// Prices between those of a solution and others, of which `weight` counts.
pub(crate) fn between(solution: &[f64], others: &[f64], weight: f64) -> Vec<f64> {
    solution.iter().zip(others).map(|(solution, other)| weight * other + (1.0 - weight) * solution).collect()
}
