//! Large components: thousands of tasks on thousands of offers.
//!
//! What programs over every column would take minutes for is done here on flat arrays of pairs (`model.rs`):
//! 1. a first plan from the blocks at no prices, before anything else;
//! 2. prices by the volume algorithm over all pairs, with the bound they prove (`prices.rs`), also of covers that
//!    the lumps of limits forbid (`covers.rs`); then by the linear program over whole ways through blocks
//!    (`ways.rs`, `master.rs`);
//! 3. plans repaired from what the prices suggest (`round.rs`), some of them on the way;
//! 4. annealing among pairs of low reduced cost (`anneal.rs`);
//! 5. plans composed of the ways of least reduced cost (`compose.rs`).
//!
//! The work follows from the effort and the sizes alone. A plan counts once it is rebuilt under the full
//! rules of [`State`].

mod anneal;
mod carried;
mod compose;
mod covers;
mod master;
mod model;
mod plan;
mod prices;
mod round;
mod ways;

use crate::{
    construct::{Assignment, finish, shed},
    hold::Hold,
    live::Live,
    outcome::{DEFAULT_EFFORT, Moves, Params},
    problem::Problem,
    score::Ranks,
    solve::Observer,
    state::State,
};
pub(crate) use carried::Carried;
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

/// The heat that annealing begins with, as a share of what a task costs on average: for a plan that prices suggest,
/// and for one that is composed.
const HOT: f64 = 0.04;
const WARM: f64 = 0.002;
/// Blocks up to which ways through them are kept; effort of a stage from which on their linear program is solved,
/// and from which on plans are composed of them; and units of effort for a node of the program that does.
const WITH_WAYS: u32 = 4_000;
const WAYS: u64 = 2 * STAGE;
const COMPOSING: u64 = 16 * STAGE;
const NODE: u64 = 1_000;

/// Where prices are carried over from a problem that has changed a little, the share of the effort that is as good:
/// one in so many.
const CARRIED: u64 = 4;

/// Pairs that are tried for who is left out of a plan, for each such task and at least.
const FILLING: usize = 20;
const FILLING_AT_LEAST: usize = 2_000;

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The best plan.
    pub best: Assignment,
    /// No plan that places all required tasks costs less.
    pub bound: f64,
    /// Phases with what they counted.
    pub phases: Vec<(&'static str, Vec<(&'static str, u64)>)>,
    /// Effort spent.
    pub effort: u64,
    /// What the prices of limits came to.
    pub(crate) carried: Carried,
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

    /// A first plan, with a bound: both are there whatever the time.
    pub fn first(&self, ranks: &Ranks, params: &Params) -> (Assignment, f64) {
        let mut prices = Prices::new(&self.model);
        prices.climb(1, f64::INFINITY, params);
        let plan = prices.repair(&prices.suggested(), params);
        (self.rebuild(ranks, plan), prices.bound)
    }

    /// Lets who leaves home count beside what plans cost.
    pub(crate) fn hold(&mut self, hold: &Hold<'_>) {
        self.model.hold(hold);
    }

    /// Goes on from a plan and from carried prices; every better plan and bound is told on the way. The best plan is
    /// the one that `hold` prefers.
    pub(crate) fn improve(
        &self,
        (ranks, params): (&Ranks, &Params),
        start: &Assignment,
        hold: &Hold<'_>,
        carried: &Carried,
        live: &mut Live<'_>,
    ) -> Found {
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
        let resumes = !carried.is_empty();
        prices.resume(carried);
        let mut in_force = (hold.fare() > 0.0 && start.score.complete()).then(|| self.pairs_of(start));
        // Each stage goes on from the one before with twice its work, so that more effort is more stages.
        let (mut effort, mut stages, mut moved) = (STAGE, 0, 0);
        let (mut rounds, mut columns, mut composed) = (0, 0, 0);
        let some = (params.effort / CARRIED).max(STAGE).min(params.effort);
        let effort_in_all = if resumes { some } else { params.effort };
        let mut left = effort_in_all;
        while left >= effort && !params.is_over() {
            left -= effort;
            live.phase("prices");
            if params.highs && prices.blocks() <= WITH_WAYS {
                prices.keep_ways();
            }
            prices.climb((STEPS * effort / DEFAULT_EFFORT).max(1), kept.score.total, params);
            let mut suggested = prices.settle().pairs;
            live.bound(prices.bound);
            let with_ways = prices.ways.is_kept() && (resumes || effort >= WAYS) && kept.score.complete();
            if with_ways {
                live.phase("linear program over ways");
                let known = self.pairs_of(&kept);
                let most = (effort / u64::from(prices.blocks())).clamp(5, 100);
                if let Some(solved) = master::solve(&mut prices, &known, most, params) {
                    (rounds, columns) = (rounds + solved.rounds, columns.max(solved.columns));
                    suggested = solved.pairs;
                }
                live.bound(prices.bound);
            }
            let close = params.gap.max(1e-9) * prices.bound.abs();
            if kept.score.complete() && kept.score.total - prices.bound <= close {
                break;
            }
            live.phase("annealing");
            let moves = effort * MOVES * (self.members.len() as u64).clamp(200, 2_000) / 1_000;
            let candidates = prices.candidates(CANDIDATES);
            let moves = Moves { seed: params.seed + stages, ..params.moves(moves) };
            // From what the newest prices suggest, not from the best plan: which regions open is decided here. Where
            // somebody runs already the first stage looks around there too.
            let nearby = in_force.take().map(|pairs| (pairs, WARM));
            for (pairs, heat) in nearby.into_iter().chain([(suggested, HOT)]) {
                let plan = anneal::improve(model, &prices.repair(&pairs, params), &candidates, moves, heat);
                moved += moves.count;
                if plan.cost() < least {
                    least = plan.cost();
                    self.keep((ranks, hold), plan, &mut kept, live);
                }
            }
            if with_ways && effort >= COMPOSING && !params.is_over() {
                live.phase("composition");
                let known = self.pairs_of(&kept);
                let gap = kept.score.total - prices.bound;
                if let Some(pairs) = compose::compose(&mut prices, &known, gap, 1 + effort / NODE, params) {
                    composed += 1;
                    let moves = Moves { seed: params.seed + stages, ..params.moves(moves.count / 4) };
                    let plan =
                        anneal::improve(model, &prices.repair(&pairs, params), &candidates, moves, WARM);
                    least = least.min(plan.cost());
                    self.keep((ranks, hold), plan, &mut kept, live);
                }
            }
            (stages, effort) = (stages + 1, effort * 2);
        }
        let phases = vec![
            ("reduction", reduction),
            ("prices", vec![("steps", prices.steps), ("rows", prices.rows.len() as u64)]),
            ("linear program over ways", vec![("rounds", rounds), ("columns", columns), ("plans", composed)]),
            ("annealing", vec![("stages", stages), ("moves", moved)]),
        ];
        let carried = prices.carried();
        Found { best: kept, bound: prices.bound, phases, effort: effort_in_all, carried }
    }

    /// Keeps a plan if it is better.
    fn keep(
        &self,
        (ranks, hold): (&Ranks, &Hold<'_>),
        plan: Plan<'_>,
        kept: &mut Assignment,
        live: &mut Live<'_>,
    ) {
        let rebuilt = self.rebuild(ranks, plan);
        if hold.prefers(&rebuilt, kept) {
            live.plan(&rebuilt.score);
            *kept = rebuilt;
        }
    }

    /// By member the pair that a plan has it on.
    fn pairs_of(&self, plan: &Assignment) -> Vec<u32> {
        let of = |(m, task): (usize, &u32)| {
            let Some(column) = &plan.columns[*task as usize] else { return OUT };
            let is_it = |pair: &u32| {
                let of = self.model.pair(*pair);
                (of.choice, of.start) == (column.choice, column.start())
            };
            self.model.range(m).find(is_it).unwrap_or(OUT)
        };
        self.members.iter().enumerate().map(of).collect()
    }

    /// A plan under the full rules: what they refuse, and what is left out, is placed anew where it adds least.
    fn rebuild(&self, ranks: &Ranks, mut plan: Plan<'_>) -> Assignment {
        let (model, members) = (&self.model, &self.members[..]);
        let mut state = State::new(model.problem);
        for (task, pair) in members.iter().zip(plan.pairs()).filter(|of| *of.1 != OUT) {
            let column = model.column(*pair);
            if state.obstacle(*task as usize, &column).is_none() {
                state.place(*task as usize, column);
            }
        }
        shed(model.problem, &mut state, members);
        let is_out = |m: &usize| state.column(members[*m] as usize).is_none();
        let rest: Vec<usize> = (0..members.len()).filter(is_out).collect();
        for m in &rest {
            plan.remove(*m);
        }
        plan.loosen();
        self.fill(&mut plan, &mut state, rest);
        finish(model.problem, ranks, &mut state, members)
    }

    /// Places members where they add least within all limits, sums too; highest priority first. What then is left
    /// out fits nowhere beside the others, or is worth less than it costs. `plan`: what the state holds, from
    /// which most pairs are seen to fit nowhere.
    fn fill(&self, plan: &mut Plan<'_>, state: &mut State<'_>, mut rest: Vec<usize>) {
        let problem = self.model.problem;
        let task = |m: usize| &problem.tasks[self.members[m] as usize];
        rest.sort_by_key(|m| (!task(*m).required, std::cmp::Reverse(task(*m).priority), *m));
        let mut tries = FILLING * rest.len() + FILLING_AT_LEAST;
        for m in rest {
            let (index, most) = (self.members[m] as usize, self.model.members[m].value);
            let mut open: Vec<(f64, u32)> = Vec::new();
            for pair in self.model.range(m) {
                let of = self.model.pair(pair);
                let data = plan.data_more(m, of.region, of.place);
                if of.own + data <= most && plan.affords(m, pair, data) {
                    open.push((of.own + data, pair));
                }
            }
            open.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            for (_, pair) in open {
                if tries == 0 {
                    return;
                }
                tries -= 1;
                let column = self.model.column(pair);
                if state.obstacle(index, &column).is_some() {
                    continue;
                }
                let more = state.place(index, column);
                if more <= most && state.over_budget().is_none() {
                    plan.place(m, pair);
                    break;
                }
                state.remove(index);
            }
        }
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
    let (first, bound) = site.first(ranks, params);
    let mut live = Live::new(observer);
    live.add(&first.score, bound);
    live.tell();
    live.part(&first.score, bound);
    let hold = Hold::new(&[], 0.0, 1);
    let mut found = site.improve((ranks, params), &first, &hold, &Carried::default(), &mut live);
    found.bound = found.bound.max(bound);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        column::Column,
        construct,
        problem::{Choice, HOUR, Task},
    };

    /// Where a task ends up that runs for so much, and could run for a dollar.
    fn ends_up(usd: f64, home: &[Option<u32>]) -> Vec<u32> {
        let choice = |offer: u32, hourly: f64| Choice {
            offer,
            hourly,
            instances: 1.0,
            run: HOUR as i64,
            ..Choice::default()
        };
        let task = |class| Task {
            class,
            required: true,
            replicas: 1,
            slots: HOUR as i64,
            choices: vec![choice(0, 1.0), choice(1, usd)].into(),
            ..Task::default()
        };
        let problem =
            Problem { counts: vec![None; 2], tasks: (0..3).map(task).collect(), ..Problem::default() };
        let (ranks, params) = (Ranks::new(&problem), Params::default());
        let there = Column { choice: 1, runs: vec![(0, HOUR as i64)], own: usd };
        let start = construct::complete(&problem, &ranks, &[0, 1, 2], &vec![Some(there); 3]);
        let mut site = Site::new(&problem, &[0, 1, 2]).expect("it is flat");
        let hold = Hold::new(home, start.score.total, 3);
        site.hold(&hold);
        let mut observer = |_: &crate::Phase| {};
        let mut live = Live::new(&mut observer);
        let found = site.improve((&ranks, &params), &start, &hold, &Carried::default(), &mut live);
        assert!((found.bound - 3.0).abs() < 1e-6, "a bound knows no fares: {}", found.bound);
        found.best.columns.iter().flatten().map(|column| column.choice).collect()
    }

    #[test]
    fn nobody_leaves_home_for_next_to_nothing() {
        let home = [Some(1); 3];
        assert_eq!(ends_up(1.001, &home), [1, 1, 1]);
        assert_eq!(ends_up(1.001, &[Some(1), None, Some(0)]), [1, 0, 0]);
        assert_eq!(ends_up(1.01, &home), [0, 0, 0]);
        assert_eq!(ends_up(1.001, &[]), [0, 0, 0]);
    }
}
