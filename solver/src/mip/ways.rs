//! Blocks in the mixed-integer phase: their prices and the best plan among ways through them.

use super::{AFTER_BLOCKS, ANNEALING, EXACT_COLUMNS, Found, Phase, SEARCHED, Stop};
use crate::{
    blocks::{Block, Blocks, Through},
    climb::climb,
    compose::{Composition, candidates},
    formulation::Formulation,
    lagrangian::Prices,
    linear::{Limits, Solution, highs},
    master::{Generated, Way, generate},
    outcome::DEFAULT_EFFORT,
};

/// Rounds of generating columns, at the default effort.
const ROUNDS: u64 = 100;
/// Rounds times columns of the program, at most.
const COLUMN_ROUNDS: u64 = 4_000_000;
/// Ways that a plan is composed from, at the default effort.
const WAYS: u64 = 4_000;
/// Times a composition that the full rules refuse is made again.
const REFUSALS: u32 = 4;
/// Steps of prices without a linear solver, at the default effort.
const STEPS: u64 = 200;
/// The gap at which a composition is good enough.
const GAP: f64 = 1e-4;

impl Phase<'_, '_> {
    /// Prices the rows that blocks share and composes a plan from ways through them; returns the bound
    /// and by column of a task its reduced cost. `None` without a plan to begin with, or where blocks hold little.
    pub(super) fn by_blocks(
        &mut self,
        form: &mut Formulation<'_>,
        relaxation: &Solution,
    ) -> Option<(f64, Vec<f64>)> {
        let blocks = Blocks::new(form);
        if !self.best.score.complete() || blocks.loose.len() > form.items.len() {
            // Little of the program is in blocks: they would prove and hold little.
            return None;
        }
        let plan = form.values_of(&self.best.columns);
        let most = ROUNDS.min(COLUMN_ROUNDS / form.program.cost.len().max(1) as u64);
        let rounds = 1 + self.params.effort.min(DEFAULT_EFFORT) * most / DEFAULT_EFFORT;
        self.live.phase("prices of blocks");
        let Generated { prices, ways } =
            generate(form, &blocks, relaxation, &plan, rounds, self.params.time_left);
        self.cuts += prices.cuts;
        self.live.bound(prices.bound);
        if self.params.is_over() {
            return Some((prices.bound, Vec::new()));
        }
        let room = self.best.score.total - prices.bound;
        let through = Self::through(form, &blocks, &prices, room);
        let most = 1 + WAYS * self.params.effort / DEFAULT_EFFORT;
        self.compose(form, &blocks, &candidates(&ways, &through, most as usize));
        Some((prices.bound, reduced(form, &through)))
    }

    /// Prices the rows that blocks share without a linear solver, and rounds what comes with the prices;
    /// returns the bound and by column of a task its reduced cost.
    pub(super) fn without_linear(&mut self, form: &mut Formulation<'_>) -> (f64, Vec<f64>) {
        let blocks = Blocks::new(form);
        let target = self.best.score.complete().then_some(self.best.score.total);
        self.live.phase("prices");
        let steps = 1 + STEPS * self.params.effort / DEFAULT_EFFORT;
        let prices = climb(form, &blocks, target, steps, self.params.time_left);
        self.cuts += prices.cuts;
        let through = Self::through(form, &blocks, &prices, f64::NEG_INFINITY);
        self.round(form, &prices.mean);
        (prices.bound, reduced(form, &through))
    }

    /// Rules out every column whose reduced cost exceeds what is left between plan and bound; if few
    /// remain, their program proves the optimum, else moves among them look for a better plan, fewer where
    /// `blocks` have been composed to one.
    pub(super) fn prove(
        &mut self,
        form: &mut Formulation<'_>,
        (base, reduced): (f64, &[f64]),
        blocks: bool,
        found: &mut Found,
    ) {
        if self.params.is_over() {
            // Then the reduced costs may not be whole.
            return;
        }
        let scale = (self.params.effort / DEFAULT_EFFORT).max(1) as usize;
        // A relaxation's reduced costs are of all columns: only those of tasks are ruled out.
        let reduced = &reduced[..form.items.len()];
        let open = |phase: &Self| {
            let room = phase.best.score.total - base;
            let rest: Vec<bool> = reduced.iter().map(|r| *r <= room * (1.0 + 1e-9) + 1e-9).collect();
            let few = rest.iter().filter(|r| **r).count() <= EXACT_COLUMNS * scale;
            (few && phase.best.score.complete()).then_some((room, rest))
        };
        let mut left = open(self);
        if left.is_none() && self.members.len() > SEARCHED {
            self.polish(form, reduced, if blocks { AFTER_BLOCKS } else { ANNEALING });
            left = open(self);
        }
        let Some((room, rest)) = left else { return };
        self.live.phase("proof");
        if let Some(bound) = self.minimise(form, None, Some(&rest), Stop::proof(self.params)) {
            // Whatever beats the plan that set the room uses only columns that were left in.
            self.raise(found, bound.min(base + room));
        }
    }

    fn through(form: &Formulation<'_>, blocks: &Blocks, prices: &Prices, room: f64) -> Vec<Vec<Through>> {
        let through = |block: &Block| block.through_each(&prices.cost, &form.program.high, room);
        blocks.list.iter().map(through).collect()
    }

    /// Takes the best plan among ways through the blocks.
    fn compose(&mut self, form: &mut Formulation<'_>, blocks: &Blocks, ways: &[Way]) {
        self.live.phase("composition");
        for _ in 0..REFUSALS {
            let composition = Composition::new(form, blocks, ways.to_vec());
            let start = composition.start(&form.values_of(&self.best.columns));
            let limits = Limits {
                gap: self.params.gap.max(GAP),
                nodes: 1 + self.params.effort / 200,
                time_left: self.params.time_left,
                seed: self.params.seed,
            };
            let solution = highs::solve(&composition.program, start.as_deref(), limits);
            self.nodes += solution.nodes;
            let Some(values) = solution.values else { return };
            let values = composition.spread(&values, form.program.cost.len());
            self.rounds += 1;
            if form.separate(&values).is_empty() {
                let chosen = form.chosen(&values);
                match self.rebuild(form, &chosen) {
                    Ok(assignment) => return self.consider(assignment),
                    Err(conflict) if conflict.holds => form.forbid(&conflict.variables),
                    // Another timing of these may hold: they may not be cut off.
                    Err(_) => return,
                }
            }
        }
    }
}

/// By column of a task its reduced cost.
fn reduced(form: &Formulation<'_>, through: &[Vec<Through>]) -> Vec<f64> {
    let mut reduced = vec![f64::INFINITY; form.items.len()];
    for found in through.iter().flatten() {
        if let Some(reduced) = reduced.get_mut(found.column as usize) {
            *reduced = found.reduced;
        }
    }
    reduced
}
