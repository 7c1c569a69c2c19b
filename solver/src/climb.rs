//! Prices of the rows that [blocks](crate::blocks) share, without a linear solver.
//!
//! They climb by the [volume algorithm](crate::volume). Rows that the mean of the solutions breaks are made on
//! the way (Lucena 2005, "Non delayed relax-and-cut algorithms"): limits over time, and
//! [cutting planes](crate::cuts) on them.

use crate::{
    blocks::Blocks,
    cuts::Cuts,
    formulation::Formulation,
    lagrangian::{Ledger, Prices},
    linear::TimeLeft,
    volume::{Pace, Volume},
};

/// Steps between looks for rows that the mean breaks.
const SEPARATE: u64 = 20;
/// Strides that are too long cost more steps than strides that are too short.
const PACE: Pace = Pace { patience: 3, share: (1.0, 0.3) };

/// Finds prices by a number of steps, or of what time is left for. `target`: the cost of a plan, when one is known.
pub fn climb(
    form: &mut Formulation<'_>,
    blocks: &Blocks,
    target: Option<f64>,
    steps: u64,
    time_left: Option<TimeLeft>,
) -> Prices {
    let mut climb = Climb {
        ledger: Ledger::new(&form.program, blocks),
        volume: Volume::new(PACE),
        mean: vec![0.0; form.program.cost.len()],
    };
    for row in &climb.ledger.rows {
        climb.volume.row(row.low, row.high, 0.0);
    }
    let mut cuts = Cuts::default();
    let mut taken = 0;
    for step in 1..=steps {
        if time_left.is_some_and(|left| left() <= 0.0) {
            break;
        }
        taken = step;
        climb.step(form, blocks, target.unwrap_or(f64::INFINITY));
        if step % SEPARATE == 0 && step + SEPARATE <= steps {
            let before = form.program.rows.len();
            form.separate(&climb.mean);
            cuts.make(form, &climb.mean);
            for row in before..form.program.rows.len() {
                climb.price(row, form);
            }
        }
    }
    let solved = climb.ledger.solve(&form.program, blocks, &climb.volume.centre);
    Prices {
        bound: climb.volume.bound.max(solved.bound),
        cost: solved.cost,
        mean: climb.mean,
        rounds: taken,
        cuts: cuts.made(),
    }
}

struct Climb {
    ledger: Ledger,
    volume: Volume,
    mean: Vec<f64>,
}

impl Climb {
    /// Takes a new row in.
    fn price(&mut self, row: usize, form: &Formulation<'_>) {
        let r = &form.program.rows[row];
        self.ledger.add(row, r);
        let Some(shared) = self.ledger.rows.last() else { return };
        let level = r.terms.iter().map(|(x, a)| self.mean[*x as usize] * a * shared.scale).sum();
        self.volume.row(shared.low, shared.high, level);
    }

    /// Solves the blocks at trial prices and takes their solution into the mean.
    fn step(&mut self, form: &Formulation<'_>, blocks: &Blocks, target: f64) {
        let trial = self.volume.aim(target);
        let solved = self.ledger.solve(&form.program, blocks, &trial);
        let ones = solved.blocks.iter().flatten().map(|x| (*x, &1.0));
        let solution = || ones.clone().chain(solved.loose.iter().map(|(x, value)| (*x, value)));
        let share = self.volume.learn(&trial, solved.bound, &self.ledger.levels(solution()));
        for mean in &mut self.mean {
            *mean *= 1.0 - share;
        }
        for (x, value) in solution() {
            self.mean[x as usize] += share * value;
        }
    }
}
