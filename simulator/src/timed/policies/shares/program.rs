//! The linear programs of shares.
//!
//! Many divisions are equally good by the objective of a rule. The one in the middle is taken, as an interior-point
//! method gives it: it leaves nobody at the least that the objective allows, and it is what Gavel's solver gives.

use plimsoll_solver::linear::{Program, highs::Highs};

use super::{Parts, Scene};

/// The columns of a division: by claim and kind, where the claim can run.
pub(super) struct Columns {
    pub(super) program: Program,
    columns: Vec<Vec<Option<u32>>>,
}

impl Columns {
    /// Nobody runs more than all of the time, and no kind has more accelerators than it has; each part of the time costs
    /// what `cost` says of a claim and a kind.
    pub(super) fn new(scene: &Scene, cost: impl Fn(usize, usize) -> f64) -> Self {
        let mut program = Program::default();
        let columns: Vec<Vec<Option<u32>>> = (0..)
            .zip(&scene.claims)
            .map(|(at, claim)| {
                let column = |(kind, pace): (usize, &f64)| {
                    (*pace > 0.0).then(|| program.column(cost(at, kind), 0.0, f64::INFINITY, false))
                };
                claim.pace.iter().enumerate().map(column).collect()
            })
            .collect();
        for row in &columns {
            let terms = row.iter().flatten().map(|column| (*column, 1.0)).collect();
            program.row(f64::NEG_INFINITY, 1.0, terms);
        }
        for (kind, devices) in scene.devices.iter().enumerate() {
            let of = |(row, claim): (&Vec<Option<u32>>, &super::Claim)| {
                row[kind].map(|column| (column, claim.scale / devices.max(1.0)))
            };
            let terms = columns.iter().zip(&scene.claims).filter_map(of).collect();
            program.row(f64::NEG_INFINITY, 1.0, terms);
        }
        Self { program, columns }
    }

    /// The terms of what a claim gets: each part of its time by what it is worth on the kind.
    pub(super) fn terms(&self, claim: usize, worth: &[f64]) -> Vec<(u32, f64)> {
        let term = |(column, worth): (&Option<u32>, &f64)| column.map(|column| (column, *worth));
        self.columns[claim].iter().zip(worth).filter_map(term).collect()
    }

    /// The division in the middle of the best.
    pub(super) fn solve(&self) -> Option<Parts> {
        let mut highs = Highs::new(&self.program, false, None);
        highs.from_within();
        let values = highs.run().values.or_else(|| Highs::new(&self.program, false, None).run().values)?;
        let part =
            |column: &Option<u32>| column.map_or(0.0, |column| values[column as usize].clamp(0.0, 1.0));
        Some(self.columns.iter().map(|row| row.iter().map(part).collect()).collect())
    }
}

/// The division that gives the one that gets least as much as can be, where a claim's part of the time on a kind is worth
/// so much to it.
pub(super) fn most_for_the_least(scene: &Scene, worth: &Parts) -> Option<Parts> {
    let mut columns = Columns::new(scene, |_, _| 0.0);
    let least = columns.program.column(-1.0, 0.0, f64::INFINITY, false);
    for (at, worth) in worth.iter().enumerate() {
        let mut terms = columns.terms(at, worth);
        if terms.is_empty() {
            continue;
        }
        terms.push((least, -1.0));
        columns.program.row(0.0, f64::INFINITY, terms);
    }
    columns.solve()
}

/// What claims get of a division, each part by what it is worth.
pub(super) fn gets(parts: &[f64], worth: &[f64]) -> f64 {
    parts.iter().zip(worth).map(|(part, worth)| part * worth).sum()
}

/// Nobody gets anything: what stands where a program has no answer, so that all take turns.
pub(super) fn nothing(scene: &Scene) -> Parts {
    scene.claims.iter().map(|claim| vec![0.0; claim.pace.len()]).collect()
}
