//! A table of numbers with regions for rows and columns, named `cloud/region`.

use rustc_hash::FxHashMap;

use super::Place;
use crate::table::{head_and_rows, number};

/// A parsed matrix. Cells are looked up by two regions.
pub(super) struct Matrix {
    rows: FxHashMap<Place<'static>, usize>,
    columns: FxHashMap<Place<'static>, usize>,
    /// Row by row; NaN where the table is empty.
    cells: Vec<f64>,
}

impl Matrix {
    pub(super) fn parse(text: &'static str) -> Self {
        let (head, lines) = head_and_rows(text);
        let columns: FxHashMap<_, _> =
            head.split(',').skip(1).enumerate().map(|(at, name)| (place(name), at)).collect();
        let mut rows = FxHashMap::default();
        let mut cells = Vec::new();
        for (at, line) in lines.enumerate() {
            let (name, values) = line.split_once(',').expect("a line of a matrix has a name and cells");
            rows.insert(place(name), at);
            cells.extend(values.split(',').map(|cell| if cell.is_empty() { f64::NAN } else { number(cell) }));
        }
        assert!(cells.len() == rows.len() * columns.len(), "a matrix has a cell for every row and column");
        Self { rows, columns, cells }
    }

    pub(super) fn get(&self, row: Place<'_>, column: Place<'_>) -> Option<f64> {
        let at = self.rows.get(&row)? * self.columns.len() + self.columns.get(&column)?;
        Some(self.cells[at]).filter(|value| !value.is_nan())
    }
}

fn place(name: &'static str) -> Place<'static> {
    name.split_once('/').expect("a region of a matrix is cloud/region")
}
