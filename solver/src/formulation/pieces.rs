//! Pausable runs with more patterns than can be listed: variables for their pieces.
//!
//! A run takes some whole slots and ends with a last piece, which may be cut short; the first slot may
//! be shorter than the others, so there is one item with it and one without. With x for the item, y for
//! whole slots and l for last pieces: Σ l = x, Σ y = n·x, and no whole slot at or after the last piece,
//! y\[s\] + Σ l\[r ≤ s\] ≤ x.

use super::{Formulation, Item, Times};
use crate::{
    column::{Column, joined, kilograms, own_cost, segments, static_cost},
    problem::{Nanos, ceil_second},
};

/// Slots of a run beyond which there are no variables for its pieces.
const SLOTS: usize = 240;
/// Pieces of all runs beyond which no more are made.
const PIECES: usize = 30_000;

/// A part of a run with a variable of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// The item it belongs to.
    pub item: u32,
    /// Its variable.
    pub variable: u32,
    /// When it runs.
    pub run: (Nanos, Nanos),
    /// Whether the run ends with it.
    pub last: bool,
    /// Dollars, delay included.
    usd: f64,
}

impl Formulation<'_> {
    /// Adds the items of a pausable run in pieces; false when its slots are not regular or too many.
    pub(super) fn in_pieces(&mut self, task: u32, index: usize) -> bool {
        let problem = self.problem;
        let t = &problem.tasks[task as usize];
        let choice = &t.choices[index];
        let Some(deadline) = t.deadline else { return false };
        let segments = segments(t, ceil_second(choice.ready), deadline);
        let length = |segment: &(Nanos, Nanos)| segment.1 - segment.0;
        let step = t.slots.max(1);
        let Some(inner) = segments.get(1..segments.len().saturating_sub(1)) else { return false };
        if segments.len() > SLOTS
            || self.pieces.len() > PIECES
            || inner.iter().any(|s| length(s) != step)
            || segments.first().is_none_or(|s| length(s) > step)
            || segments.last().is_none_or(|s| length(s) > step)
        {
            return false;
        }
        let first = segments[0];
        let aligned = length(&first) == step;
        let carbon = |run: (Nanos, Nanos)| kilograms(problem, choice, &[run]) * problem.usd_per_kg;
        for head in [None, Some(first)] {
            if head.is_some() && aligned {
                continue;
            }
            let rest = choice.run - head.map_or(0, |h| length(&h));
            if rest <= 0 {
                let runs = vec![(first.0, first.0 + choice.run)];
                let own = own_cost(problem, t, choice, &runs);
                let column = Column { choice: index as u32, runs, own };
                self.items.push(Item { task, column, times: Times::Exact, forced: false });
                continue;
            }
            let usable = &segments[usize::from(!aligned)..];
            let whole = ((rest - 1) / step) as usize;
            let tail = rest - whole as Nanos * step;
            let ends = || usable.iter().skip(whole).filter(|s| length(s) >= tail);
            let Some(soonest) = ends().next() else { continue };
            let x = self.items.len() as u32;
            let start = head.unwrap_or(usable[0]).0;
            let own = static_cost(choice) + head.map_or(0.0, carbon);
            let runs = vec![(start, (start + choice.run).min(soonest.0 + tail))];
            let column = Column { choice: index as u32, runs, own };
            self.items.push(Item { task, column, times: Times::Pieces, forced: false });
            if let Some(head) = head {
                self.heads.insert(x, head);
            }
            if whole > 0 {
                for &run in &usable[..usable.len() - 1] {
                    self.pieces.push(Piece { item: x, variable: 0, run, last: false, usd: carbon(run) });
                }
            }
            for segment in ends() {
                let run = (segment.0, segment.0 + tail);
                let delay = problem.usd_per_delay_hour * (run.1 - t.earliest) as f64 / crate::problem::HOUR;
                self.pieces.push(Piece { item: x, variable: 0, run, last: true, usd: carbon(run) + delay });
            }
        }
        true
    }

    /// Makes the variables of pieces, and their rows.
    pub(super) fn piece_variables(&mut self) {
        for i in 0..self.pieces.len() {
            self.pieces[i].variable = self.program.column(self.pieces[i].usd, 0.0, 1.0, true);
        }
        let mut from = 0;
        while from < self.pieces.len() {
            let item = self.pieces[from].item;
            let to = from + self.pieces[from..].iter().take_while(|p| p.item == item).count();
            let pieces = &self.pieces[from..to];
            let lasts: Vec<&Piece> = pieces.iter().filter(|p| p.last).collect();
            let wholes: Vec<&Piece> = pieces.iter().filter(|p| !p.last).collect();
            let mut rows: Vec<(f64, Vec<(u32, f64)>)> = Vec::new();
            let mut terms: Vec<(u32, f64)> = lasts.iter().map(|p| (p.variable, 1.0)).collect();
            terms.push((item, -1.0));
            rows.push((0.0, terms));
            if !wholes.is_empty() {
                let mut terms: Vec<(u32, f64)> = wholes.iter().map(|p| (p.variable, 1.0)).collect();
                terms.push((item, -(self.wholes(item) as f64)));
                rows.push((0.0, terms));
            }
            for whole in &wholes {
                let mut terms = vec![(whole.variable, 1.0), (item, -1.0)];
                terms.extend(lasts.iter().filter(|l| l.run.0 <= whole.run.0).map(|l| (l.variable, 1.0)));
                rows.push((f64::NEG_INFINITY, terms));
            }
            for (low, terms) in rows {
                self.program.row(low, 0.0, terms);
            }
            from = to;
        }
    }

    /// How many whole slots a run in pieces takes.
    fn wholes(&self, item: u32) -> Nanos {
        let pieces = || self.pieces.iter().filter(move |p| p.item == item);
        let length = |p: &Piece| p.run.1 - p.run.0;
        let of = &self.items[item as usize];
        let run = self.problem.tasks[of.task as usize].choices[of.column.choice as usize].run;
        let head = self.heads.get(&item).map_or(0, |h| h.1 - h.0);
        let tail = pieces().find(|p| p.last).map_or(0, length);
        pieces().find(|p| !p.last).map_or(0, |p| (run - head - tail) / length(p).max(1))
    }

    /// The run that a solution puts together.
    pub(super) fn run_of_pieces(&self, x: u32, values: &[f64]) -> Column {
        let mut runs: Vec<(Nanos, Nanos)> = self.heads.get(&x).copied().into_iter().collect();
        let chosen = |p: &&Piece| p.item == x && values[p.variable as usize] > 0.5;
        runs.extend(self.pieces.iter().filter(chosen).map(|p| p.run));
        runs.sort_unstable();
        let runs = joined(&runs);
        let item = &self.items[x as usize];
        let t = &self.problem.tasks[item.task as usize];
        let own = own_cost(self.problem, t, &t.choices[item.column.choice as usize], &runs);
        Column { choice: item.column.choice, runs, own }
    }

    /// The variables of the pieces that make a column; `None` when none do.
    pub(super) fn pieces_for(&self, x: u32, column: &Column) -> Option<Vec<u32>> {
        let inside = |run: (Nanos, Nanos)| column.runs.iter().any(|r| r.0 <= run.0 && run.1 <= r.1);
        let mut length = 0;
        if let Some(head) = self.heads.get(&x) {
            if !inside(*head) {
                return None;
            }
            length += head.1 - head.0;
        }
        let last =
            self.pieces.iter().find(|p| p.item == x && p.last && p.run.1 == column.end() && inside(p.run))?;
        let mut variables = vec![last.variable];
        length += last.run.1 - last.run.0;
        for piece in self.pieces.iter().filter(|p| p.item == x && !p.last) {
            if piece.run.1 <= last.run.0 && inside(piece.run) {
                variables.push(piece.variable);
                length += piece.run.1 - piece.run.0;
            }
        }
        let total: Nanos = column.runs.iter().map(|r| r.1 - r.0).sum();
        (length == total).then_some(variables)
    }
}
