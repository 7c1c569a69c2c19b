//! Large components whose times matter: work that may wait for hours that are cheap, green or free.
//!
//! A program over all starts has millions of columns; here they are flat arrays (`model.rs`) and are only priced:
//! 1. prices of limits at the moments where they are broken, by the volume algorithm (`prices.rs`), every
//!    column priced from prefix sums in every step (`charges.rs`, `pieces.rs`), with the bound they prove;
//! 2. the linear program over the columns that matter, grown until none is left that would lower it
//!    (`master.rs`);
//! 3. its solution rounded, and improved by ruin and recreate over time (`ruin.rs`);
//! 4. where few columns are left between plan and bound, the program that proves the optimum (`prove.rs`).
//!
//! The work follows from the effort and the sizes alone. A plan counts once it is rebuilt under the full
//! rules of [`State`](crate::state::State).

mod charges;
mod master;
mod model;
mod pieces;
mod plan;
mod prices;
mod prove;
mod ruin;

use model::{Model, Placing};
use plan::Plan;
use prices::Prices;
use ruin::Recreate;

use crate::{
    column::Column,
    construct::{Assignment, complete},
    outcome::{DEFAULT_EFFORT, Params},
    problem::Problem,
    score::{EQUAL, Ranks, Score},
};

/// Starts of all choices from which on a component is large.
pub const LARGE: u64 = 20_000;
/// Steps of prices for the default effort: before a linear program, and without one.
const STEPS: u64 = 200;
const STEPS_ALONE: u64 = 600;
/// And at least.
const FEW_STEPS: u64 = 20;
/// Columns of the linear program, all rounds together, for each unit of effort, and at least.
const COLUMNS: u64 = 2;
const FEW_COLUMNS: u64 = 5_000;
/// Columns that ruin and recreate looks at for each unit of effort: before the program, and after.
const FIRST_LOOKS: u64 = 200;
const LOOKS: u64 = 3_000;

/// Told of a better plan or bound of the component: name of the phase, plan, bound.
pub type Told<'t> = &'t mut dyn FnMut(&'static str, &Score, Option<f64>);

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The best plan.
    pub best: Assignment,
    /// No plan that places all required tasks costs less.
    pub bound: f64,
    /// What is proven of the linear program over all columns, where its rounds came to their end: as close to its
    /// value as they go on for.
    pub linear: Option<f64>,
    /// Phases with what they counted.
    pub phases: Vec<(&'static str, Vec<(&'static str, u64)>)>,
}

/// Whether a component is large, its times matter, and it is all independent workloads: more starts than can
/// be columns of a program, and more than two for each choice.
pub fn is_timed_and_large(problem: &Problem, members: &[u32]) -> bool {
    let (mut starts, mut choices) = (0_u64, 0_u64);
    for t in members.iter().map(|t| &problem.tasks[*t as usize]) {
        for choice in t.choices.iter().filter(|c| !c.spare) {
            choices += 1;
            starts = starts.saturating_add(model::starts_of(problem, t, choice));
        }
    }
    // Asked last: it looks at all tasks, and most components are small.
    starts > LARGE && starts > 2 * choices && Model::knows(problem, members)
}

/// Plans a component from a first plan; `None` where it has what the arrays do not know (`Model::new`).
pub fn solve(
    problem: &Problem,
    ranks: &Ranks,
    members: &[u32],
    start: &Assignment,
    params: &Params,
    told: Told<'_>,
) -> Option<Found> {
    let model = Model::new(problem, members)?;
    let mut run =
        Run { model: &model, ranks, members, params, kept: start.clone(), phases: Vec::new(), told };
    run.phases.push((
        "slots",
        vec![
            ("tasks", members.len() as u64),
            ("kinds", model.kinds.len() as u64),
            ("starts", model.starts),
            ("limits", model.limits.len() as u64),
            ("pairs that never fit", model.never),
        ],
    ));
    let mut prices = Prices::new(&model);
    let linear = run.all(&mut prices);
    let Run { kept, phases, .. } = run;
    Some(Found { best: kept, bound: prices.volume.bound, linear, phases })
}

struct Run<'a, 'm, 't> {
    model: &'m Model<'m>,
    ranks: &'a Ranks,
    members: &'a [u32],
    params: &'a Params,
    /// The best plan under the full rules.
    kept: Assignment,
    phases: Vec<(&'static str, Vec<(&'static str, u64)>)>,
    told: Told<'t>,
}

impl<'m> Run<'_, 'm, '_> {
    fn all(&mut self, prices: &mut Prices<'m>) -> Option<f64> {
        let params = self.params;
        let share = |of: u64| (of * params.effort).div_ceil(DEFAULT_EFFORT);
        let steps = share(if params.highs { STEPS } else { STEPS_ALONE }).max(FEW_STEPS);
        let mut linear = None;
        let mut rounds = 0;
        for part in [steps / 4, steps - steps / 4] {
            prices.climb(part.max(1), self.kept.score.total, params);
            self.tell("prices", prices.volume.bound);
        }
        let mut best = Plan::new(self.model);
        if !params.is_over() {
            best = self.plan(prices, &prices.mean, FIRST_LOOKS * params.effort, 0, &mut rounds);
            self.keep(&best, "ruin and recreate", prices.volume.bound);
        }
        self.phases.push((
            "prices",
            vec![
                ("steps", prices.steps),
                ("rows", prices.rows.len() as u64),
                ("starts priced", prices.looked),
            ],
        ));
        if params.highs && !self.is_close(prices.volume.bound) && !params.is_over() {
            let placed = best.placed.iter().zip(&best.kind_of);
            let columns: Vec<(u32, Placing)> =
                placed.filter_map(|(placing, kind)| Some((*kind, placing.clone()?))).collect();
            let solved = master::solve(prices, &columns, (COLUMNS * params.effort).max(FEW_COLUMNS), params);
            self.tell("linear program", prices.volume.bound);
            self.phases.push((
                "linear program over starts",
                vec![
                    ("columns", solved.columns),
                    ("rows", solved.rows),
                    ("rounds", solved.rounds),
                    ("solved", u64::from(solved.ended)),
                ],
            ));
            linear = solved.ended.then_some(prices.volume.bound);
            prices.take_mean(solved.values);
        }
        let looks = LOOKS * params.effort / 2;
        for seed in 1..=2 {
            if self.is_close(prices.volume.bound) || params.is_over() {
                break;
            }
            let plan = if seed == 1 {
                self.plan(prices, &prices.mean, looks, seed, &mut rounds)
            } else {
                self.go_on(prices, best.clone(), looks, seed, &mut rounds)
            };
            self.keep(&plan, "ruin and recreate", prices.volume.bound);
            best = plan;
        }
        self.phases.push(("ruin and recreate", vec![("rounds", rounds)]));
        if params.highs
            && self.kept.score.complete()
            && !self.is_close(prices.volume.bound)
            && !params.is_over()
        {
            self.prove(prices);
        }
        linear
    }

    /// Whether the best plan is within the gap that was asked for.
    fn is_close(&self, bound: f64) -> bool {
        let slack = self.params.gap * bound.abs() + EQUAL * bound.abs().max(1.0);
        self.kept.score.complete() && self.kept.score.total - bound <= slack
    }

    fn tell(&mut self, phase: &'static str, bound: f64) {
        (self.told)(phase, &self.kept.score, Some(bound));
    }

    /// By kind what leaving one out counts: its value; where it is required more than anything costs, and the
    /// more the higher its priority.
    fn missing(&self) -> Vec<f64> {
        let all = self.model.kinds.iter().flat_map(|kind| self.model.pairs_of(kind));
        let dearest = all.map(|(_, pair)| pair.least).filter(|l| l.is_finite()).fold(1.0, f64::max);
        let of = |kind: &model::Kind| {
            if kind.value.is_finite() {
                return kind.value;
            }
            let task = &self.model.problem.tasks[kind.tasks[0] as usize];
            let above = self.ranks.len() - 1 - self.ranks.of(task.priority);
            100.0 * dearest * 20.0_f64.powi(above.min(4) as i32)
        };
        self.model.kinds.iter().map(of).collect()
    }

    /// A plan from a fractional solution (by kind placings with weights), improved.
    fn plan(
        &self,
        prices: &Prices<'m>,
        solution: &[Vec<(Placing, f64)>],
        looks: u64,
        seed: u64,
        rounds: &mut u64,
    ) -> Plan<'m> {
        let mut plan = Plan::new(self.model);
        // The surest first.
        let mut sure: Vec<(f64, usize, &Placing)> = Vec::new();
        let mut member = 0;
        for (kind, list) in self.model.kinds.iter().zip(solution) {
            let mut list: Vec<&(Placing, f64)> = list.iter().collect();
            list.sort_by(|a, b| b.1.total_cmp(&a.1));
            let all: f64 = list.iter().map(|of| of.1).sum();
            for i in 0..kind.tasks.len() {
                let point = (i as f64 + 0.5) / kind.tasks.len() as f64 * all;
                let mut sum = 0.0;
                let taken = list.iter().find(|of| {
                    sum += of.1;
                    sum >= point
                });
                if let Some((placing, weight)) = taken {
                    sure.push((*weight, member, placing));
                }
                member += 1;
            }
        }
        sure.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, member, placing) in sure {
            if plan.fits(member, placing) {
                plan.place(member, placing.clone());
            }
        }
        self.go_on(prices, plan, looks, seed, rounds)
    }

    /// Completes a plan and improves it, while there is time.
    fn go_on(
        &self,
        prices: &Prices<'m>,
        mut plan: Plan<'m>,
        looks: u64,
        seed: u64,
        rounds: &mut u64,
    ) -> Plan<'m> {
        let mut moves = self.params.moves(looks);
        let mut recreate = Recreate::new(self.model, prices.charges(&prices.volume.centre), self.missing());
        for member in 0..plan.placed.len() {
            if moves.is_over(member as u64) {
                return plan;
            }
            if plan.placed[member].is_none()
                && let Some(placing) = recreate.insert(&mut plan, member, true, || false)
            {
                plan.place(member, placing);
            }
        }
        moves.seed = moves.seed.wrapping_mul(31).wrapping_add(seed);
        let enough = prices.volume.bound + self.params.gap * prices.volume.bound.abs();
        *rounds += ruin::improve(&mut recreate, &mut plan, moves, enough);
        plan
    }

    /// Takes in what a plan is under the full rules, where it is better.
    fn keep(&mut self, plan: &Plan<'m>, phase: &'static str, bound: f64) {
        let mut known: Vec<Option<Column>> = vec![None; self.model.problem.tasks.len()];
        let tasks = self.model.kinds.iter().flat_map(|kind| &kind.tasks);
        for (task, placing) in tasks.zip(&plan.placed) {
            known[*task as usize] = placing.as_ref().map(|placing| self.model.column(*task, placing));
        }
        let rebuilt = complete(self.model.problem, self.ranks, self.members, &known);
        if rebuilt.score.better_than(&self.kept.score) {
            self.kept = rebuilt;
        }
        self.tell(phase, bound);
    }

    /// Proves the optimum where few columns are left.
    fn prove(&mut self, prices: &mut Prices<'m>) {
        let Some(proven) = prove::prove(prices, self.kept.score.total, self.params) else { return };
        prices.volume.bound = prices.volume.bound.max(proven.bound);
        let mut plan = Plan::new(self.model);
        let mut member = 0;
        for (kind, list) in self.model.kinds.iter().zip(&proven.values) {
            let mut taken =
                list.iter().flat_map(|(placing, count)| std::iter::repeat_n(placing, *count as usize));
            for _ in &kind.tasks {
                if let Some(placing) = taken.next().filter(|placing| plan.fits(member, placing)) {
                    plan.place(member, placing.clone());
                }
                member += 1;
            }
        }
        self.keep(&plan, "proof", prices.volume.bound);
        self.phases.push(("proof", vec![("proven", u64::from(self.is_close(prices.volume.bound)))]));
    }
}
