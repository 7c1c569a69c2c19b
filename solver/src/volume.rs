//! Prices by steps along what solutions break, without a linear solver.
//!
//! The volume algorithm (Barahona & Anbil 2000, "The volume algorithm: producing primal solutions with a
//! subgradient method", Mathematical Programming 87): the running mean of the blocks' solutions gives the
//! direction, and is itself close to a solution of the relaxation. Rows that this mean breaks are made on
//! the way (Lucena 2005, "Non delayed relax-and-cut algorithms"): limits over time, and
//! [cutting planes](crate::cuts) on them.

use crate::{
    blocks::Blocks,
    cuts::Cuts,
    formulation::Formulation,
    lagrangian::{Ledger, Prices},
    linear::TimeLeft,
};

/// Steps between looks for rows that the mean breaks.
const SEPARATE: u64 = 20;
/// Steps without progress after which the stride shortens. Few: strides that are too long cost more steps
/// than strides that are too short.
const PATIENCE: u32 = 3;
/// Steps without much progress after which less of each solution goes into the mean, and the least of it.
const STALE: u32 = 50;
const LEAST_SHARE: f64 = 0.3;
/// How far ahead of the bound the goal lies at most, as a share of it.
const AHEAD: f64 = 0.03;

/// Finds prices by a number of steps, or of what time is left for. `target`: the cost of a plan, when one is known.
pub fn climb(
    form: &mut Formulation<'_>,
    blocks: &Blocks,
    target: Option<f64>,
    steps: u64,
    time_left: Option<TimeLeft>,
) -> Prices {
    let mut climb = Climb::new(Ledger::new(&form.program, blocks), form.program.cost.len());
    let mut cuts = Cuts::default();
    for step in 1..=steps {
        if time_left.is_some_and(|left| left() <= 0.0) {
            break;
        }
        climb.step(form, blocks, target);
        if step % SEPARATE == 0 && step + SEPARATE <= steps {
            let before = form.program.rows.len();
            form.separate(&climb.mean);
            cuts.make(form, &climb.mean);
            for row in before..form.program.rows.len() {
                climb.price(row, form);
            }
        }
    }
    let solved = climb.ledger.solve(&form.program, blocks, &climb.centre);
    Prices {
        bound: climb.bound.max(solved.bound),
        cost: solved.cost,
        mean: climb.mean,
        rounds: steps,
        cuts: cuts.made(),
    }
}

struct Climb {
    ledger: Ledger,
    /// The best prices so far and the bound they prove.
    centre: Vec<f64>,
    bound: f64,
    trial: Vec<f64>,
    mean: Vec<f64>,
    /// What the mean adds up to in each row.
    level: Vec<f64>,
    /// Whether a step has been taken.
    begun: bool,
    /// The share of a step's solution in the mean, at most.
    share: f64,
    stride: f64,
    /// Steps in a row that proved no more.
    reds: u32,
    /// Steps since the bound last moved much.
    since: u32,
}

impl Climb {
    fn new(ledger: Ledger, columns: usize) -> Self {
        let rows = ledger.rows.len();
        Self {
            ledger,
            centre: vec![0.0; rows],
            bound: f64::NEG_INFINITY,
            trial: vec![0.0; rows],
            mean: vec![0.0; columns],
            level: vec![0.0; rows],
            begun: false,
            share: 1.0,
            stride: 1.0,
            reds: 0,
            since: 0,
        }
    }

    /// Takes a new row in.
    fn price(&mut self, row: usize, form: &Formulation<'_>) {
        let r = &form.program.rows[row];
        self.ledger.add(row, r);
        let scale = self.ledger.rows.last().map_or(1.0, |r| r.scale);
        self.level.push(r.terms.iter().map(|(x, a)| self.mean[*x as usize] * a * scale).sum());
        self.centre.push(0.0);
    }

    /// Solves the blocks at trial prices, takes their solution into the mean, and moves on.
    fn step(&mut self, form: &Formulation<'_>, blocks: &Blocks, target: Option<f64>) {
        self.aim(target);
        let solved = self.ledger.solve(&form.program, blocks, &self.trial);
        let ones = solved.blocks.iter().flatten().map(|x| (*x, &1.0));
        let level = self.ledger.levels(ones.chain(solved.loose.iter().map(|(x, value)| (*x, value))));
        let share = if self.begun { self.share_of(&level) } else { 1.0 };
        self.begun = true;
        for mean in &mut self.mean {
            *mean *= 1.0 - share;
        }
        for x in solved.blocks.iter().flatten() {
            self.mean[*x as usize] += share;
        }
        for (x, value) in &solved.loose {
            self.mean[*x as usize] += share * value;
        }
        for (mean, new) in self.level.iter_mut().zip(&level) {
            *mean += share * (new - *mean);
        }
        self.judge(solved.bound, &level);
    }

    /// Trial prices: from the best so far along what the mean breaks.
    fn aim(&mut self, target: Option<f64>) {
        self.trial.clone_from(&self.centre);
        if self.bound.is_infinite() {
            return;
        }
        let ahead = self.bound + AHEAD * self.bound.abs().max(1.0);
        let goal = target.filter(|t| *t > self.bound).map_or(ahead, |t| t.min(ahead));
        let miss: Vec<f64> = (0..self.centre.len()).map(|i| self.miss(i, self.level[i])).collect();
        let norm: f64 = miss.iter().map(|m| m * m).sum();
        if norm <= 1e-18 {
            return;
        }
        let step = self.stride * (goal - self.bound) / norm;
        for (i, miss) in miss.iter().enumerate() {
            self.trial[i] = self.ledger.rows[i].signed(self.centre[i] + step * miss);
        }
    }

    /// How far a level is from the side of a row that its price asks for; 0 where the price would stay 0.
    fn miss(&self, row: usize, level: f64) -> f64 {
        let (r, price) = (&self.ledger.rows[row], self.centre[row]);
        if level > r.high || price < 0.0 {
            r.high - level
        } else if level < r.low || price > 0.0 {
            r.low - level
        } else {
            0.0
        }
    }

    /// How much of a solution brings the mean closest to keeping the rows.
    fn share_of(&self, level: &[f64]) -> f64 {
        let (mut along, mut across) = (0.0, 0.0);
        for (i, new) in level.iter().enumerate() {
            let change = self.level[i] - new;
            along -= self.miss(i, self.level[i]) * change;
            across += change * change;
        }
        let best = if across > 0.0 { along / across } else { 1.0 };
        if best <= 0.0 { self.share / 10.0 } else { best.min(self.share) }
    }

    /// Keeps the trial prices when they prove more, and lengthens or shortens the stride.
    fn judge(&mut self, bound: f64, level: &[f64]) {
        let slight = 1e-6 * self.bound.abs().max(1.0);
        self.since += 1;
        if bound > self.bound {
            let onward: f64 =
                level.iter().enumerate().map(|(i, l)| self.miss(i, *l) * self.miss(i, self.level[i])).sum();
            if self.bound.is_finite() {
                self.stride = (self.stride * if onward > 0.0 { 1.2 } else { 1.1 }).min(2.0);
            }
            if bound > self.bound + slight {
                self.reds = 0;
            }
            if bound > self.bound + 100.0 * slight {
                self.since = 0;
            }
            self.bound = bound;
            self.centre.clone_from(&self.trial);
        } else {
            self.reds += 1;
            if self.reds >= PATIENCE {
                self.reds = 0;
                self.stride = (self.stride * 0.66).max(1e-4);
            }
        }
        if self.since >= STALE {
            self.since = 0;
            self.share = (self.share * 0.5).max(LEAST_SHARE);
        }
    }
}
