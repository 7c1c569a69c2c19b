//! Large components: thousands of tasks on thousands of offers.
//!
//! What programs over every column would take minutes for is done here on flat arrays of pairs (`model.rs`):
//! 1. a first plan from the blocks at no prices, before anything else;
//! 2. prices by the volume algorithm over all pairs, with the bound they prove (`prices.rs`);
//! 3. plans repaired from what the prices suggest, some of them on the way;
//! 4. annealing among pairs of low reduced cost (`anneal.rs`).
//!
//! The work follows from the effort and the sizes alone. A plan counts once it is rebuilt under the full
//! rules of [`State`].

mod anneal;
mod model;
mod plan;
mod prices;

use crate::{
    column::{Column, own_money},
    construct::{Assignment, candidates, finish, shed},
    live::Live,
    outcome::{DEFAULT_EFFORT, Moves, Params},
    problem::Problem,
    score::Ranks,
    solve::Observer,
    state::State,
};
use model::Model;
use plan::{OUT, Plan};
use prices::Prices;

/// Pairs from which on a component is large: below, programs over all columns prove more in the same time.
pub const LARGE: usize = 100_000;
/// The same where sums of money or carbon have limits, with which programs take many times as long.
const WITH_SUMS: usize = 10_000;
/// Tasks from which on one is, however few their pairs.
const MANY: usize = 2_000;
/// Steps of prices for the default effort.
const STEPS: u64 = 160;
/// The effort of the first stage: with those after it, each of twice as much, it is within the default.
const STAGE: u64 = DEFAULT_EFFORT / 32;
/// Moves of annealing for each unit of effort.
const MOVES: u64 = 400;
/// Pairs of a task that annealing moves among.
const CANDIDATES: usize = 40;

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The best plan.
    pub best: Assignment,
    /// No plan that places all required tasks costs less.
    pub bound: f64,
    /// Phases with what they counted.
    pub phases: Vec<(&'static str, Vec<(&'static str, u64)>)>,
}

/// Whether a component is large.
pub fn is_large(problem: &Problem, members: &[u32]) -> bool {
    let pairs: usize = members.iter().map(|t| problem.tasks[*t as usize].choices.len()).sum();
    let limited = |t: &u32| {
        let task = &problem.tasks[*t as usize];
        !task.budgets.is_empty() || !task.carbon_budgets.is_empty()
    };
    pairs > LARGE || (pairs > WITH_SUMS && members.iter().any(limited)) || members.len() > MANY
}

/// A large component, ready to be planned.
#[derive(Debug)]
pub struct Site<'a> {
    model: Model<'a>,
    members: Vec<u32>,
}

impl<'a> Site<'a> {
    /// `None` where a component has what flat arrays do not know.
    pub fn new(problem: &'a Problem, members: &[u32]) -> Option<Self> {
        Some(Self { model: Model::new(problem, members)?, members: members.to_vec() })
    }

    /// A first plan, with a bound.
    pub fn first(&self, ranks: &Ranks) -> (Assignment, f64) {
        let mut prices = Prices::new(&self.model);
        prices.climb(1, f64::INFINITY, &Params::default());
        let plan = prices.repair(&prices.suggested());
        (self.rebuild(ranks, &plan), prices.bound)
    }

    /// Goes on from a plan; every better plan and bound is told on the way.
    pub fn improve(&self, ranks: &Ranks, params: &Params, start: &Assignment, live: &mut Live<'_>) -> Found {
        let (model, counts) = (&self.model, self.model.counts);
        let reduction = vec![
            ("tasks", self.members.len() as u64),
            ("pairs", counts.pairs),
            ("never fit", counts.never_fit),
            ("over maxCost", counts.too_dear),
            ("limits that cannot bind", counts.slack_limits),
        ];
        let mut kept = start.clone();
        let mut prices = Prices::new(model);
        let mut least = f64::INFINITY;
        // Each stage goes on from the one before with twice its work, so that more effort is more stages.
        let (mut effort, mut stages, mut moved) = (STAGE, 0, 0);
        let mut left = params.effort;
        while left >= effort && !params.is_over() {
            left -= effort;
            live.phase("prices");
            prices.climb((STEPS * effort / DEFAULT_EFFORT).max(1), kept.score.total, params);
            let suggested = prices.settle();
            live.bound(prices.bound);
            let plan = prices.repair(&suggested.pairs);
            let close = params.gap.max(1e-9) * prices.bound.abs();
            if kept.score.complete() && kept.score.total - prices.bound <= close {
                break;
            }
            live.phase("annealing");
            let moves = effort * MOVES * (self.members.len() as u64).clamp(200, 8_000) / 1_000;
            let candidates = prices.candidates(CANDIDATES);
            let moves = Moves { seed: params.seed + stages, ..params.moves(moves) };
            // From what the newest prices suggest, not from the best plan: which regions open is decided here.
            let plan = anneal::improve(model, &plan, &candidates, moves);
            if plan.cost() < least {
                least = plan.cost();
                let rebuilt = self.rebuild(ranks, &plan);
                if rebuilt.score.better_than(&kept.score) {
                    live.plan(&rebuilt.score);
                    kept = rebuilt;
                }
            }
            (stages, moved, effort) = (stages + 1, moved + moves.count, effort * 2);
        }
        let phases = vec![
            ("reduction", reduction),
            ("prices", vec![("steps", prices.steps), ("rows", prices.rows() as u64)]),
            ("annealing", vec![("stages", stages), ("moves", moved)]),
        ];
        Found { best: kept, bound: prices.bound, phases }
    }

    /// A plan under the full rules: what they refuse, and what is left out, is placed anew where it adds least.
    fn rebuild(&self, ranks: &Ranks, plan: &Plan<'_>) -> Assignment {
        let (model, members) = (&self.model, &self.members[..]);
        let problem = model.problem;
        let mut state = State::new(problem);
        for (m, pair) in plan.pairs().iter().enumerate() {
            let task = model.members[m].task;
            if *pair != OUT {
                let column = model.column(*pair);
                if state.obstacle(task as usize, &column).is_none() {
                    state.place(task as usize, column);
                }
            }
        }
        shed(problem, &mut state, members);
        let rest: Vec<u32> =
            members.iter().copied().filter(|task| state.column(*task as usize).is_none()).collect();
        fill(problem, &mut state, &rest);
        finish(problem, ranks, &mut state, members)
    }
}

/// Plans a component the way of large ones, whatever its size; `None` where it has what that does not know.
pub fn solve(
    problem: &Problem,
    ranks: &Ranks,
    members: &[u32],
    params: &Params,
    observer: Observer<'_>,
) -> Option<Found> {
    let site = Site::new(problem, members)?;
    let (first, bound) = site.first(ranks);
    let mut live = Live::new(observer);
    live.add(&first.score, bound);
    live.tell();
    live.part(&first.score, bound);
    let mut found = site.improve(ranks, params, &first, &mut live);
    found.bound = found.bound.max(bound);
    Some(found)
}

/// Places tasks where they add least within all limits, sums too; highest priority first. What then is left
/// out fits nowhere beside the others, or is worth less than it costs.
fn fill(problem: &Problem, state: &mut State<'_>, rest: &[u32]) {
    let mut order = rest.to_vec();
    order.sort_by_key(|t| {
        let task = &problem.tasks[*t as usize];
        (!task.required, std::cmp::Reverse(task.priority), *t)
    });
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let mut list = Vec::new();
    for task in order {
        let t = &problem.tasks[task as usize];
        candidates(problem, state, task as usize, &mut list);
        if !t.budgets.is_empty() {
            let drawn = state.drawn(&all);
            let affordable = |column: &Column| {
                let money = own_money(&t.choices[column.choice as usize]);
                // What is rounded may round the other way.
                t.budgets.iter().all(|b| drawn.budget(*b) + money <= problem.budgets[*b as usize] + 1e-5)
            };
            list.retain(affordable);
        }
        let mut added: Vec<(f64, usize)> = Vec::new();
        for (at, column) in list.iter().enumerate() {
            if state.obstacle(task as usize, column).is_none() {
                let more = state.place(task as usize, column.clone());
                state.remove(task as usize);
                if t.required || more <= t.value {
                    added.push((more, at));
                }
            }
        }
        added.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (_, at) in added {
            state.place(task as usize, list[at].clone());
            if state.over_budget().is_none() {
                break;
            }
            state.remove(task as usize);
        }
    }
}
