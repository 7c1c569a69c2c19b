//! A plan in force is mended after a change, without any linear program.
//!
//! What a change made impossible is freed and put back where it now adds least, by its cost and the last known
//! prices of limits; where a limit stands in the way, others make room (`mend.rs`; ejection chains: Glover 1996,
//! "Ejection chains, reference structures and alternating path methods"). Then a short search moves what now is
//! better elsewhere (`polish.rs`). All of it is deterministic and bounded by work; the result is never worse than
//! what comes of completing the old plan greedily.

mod mend;
mod menu;
mod polish;

use crate::{
    column::{Column, columns},
    construct::{Assignment, complete, finish, topological},
    ordered,
    outcome::{Moves, Params, Phase, Price},
    problem::{Problem, Task},
    score::Ranks,
    solve::{InForce, Observer, solve_from, solve_in_force},
    state::State,
};
use menu::Tolls;

/// Moves of the search after mending, for a default effort; a smaller effort makes fewer.
pub const MOVES: u64 = 60_000;

/// What saves less than this share of a workload's mean cost is not moved for: a repaired plan may cost that much
/// more in all. Of the phases after the repair those of large components know the same threshold.
pub const THRESHOLD: f64 = 0.002;

/// A plan in force, in terms of the problem as it is now, and the prices it came with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Previous {
    /// By task; `None` where it was left out, is new, or was on an offer that is no choice any more.
    pub columns: Vec<Option<Column>>,
    /// The last known prices of limits; may be empty.
    pub prices: Vec<Price>,
}

/// A mended plan, and what that took.
#[derive(Debug, Clone, PartialEq)]
pub struct Repaired {
    /// The plan; within every limit.
    pub plan: Assignment,
    /// Tasks that stayed as they were.
    pub kept: u64,
    /// Tasks whose place was no longer possible.
    pub freed: u64,
    /// Tasks that made room for others.
    pub ejected: u64,
    /// Tasks that were placed and are on another choice now, or on none.
    pub moved: u64,
    /// Moves tried by the search.
    pub work: u64,
}

impl Repaired {
    /// What was done, as a phase.
    pub fn phase(&self) -> Phase {
        Phase {
            name: "repair",
            total: self.plan.score.complete().then_some(self.plan.score.total),
            bound: None,
            counts: vec![
                ("kept", self.kept),
                ("freed", self.freed),
                ("ejected", self.ejected),
                ("moved", self.moved),
                ("work", self.work),
            ],
        }
    }
}

/// Makes a valid plan of a previous one: what is still possible stays, the rest is placed anew, and so many moves
/// are tried to improve it.
///
/// `told` hears of the first plan that is within every limit, before the moves.
pub fn repair(
    problem: &Problem,
    previous: &Previous,
    moves: Moves,
    told: &mut dyn FnMut(&Assignment),
) -> Repaired {
    if !ordered::applies(problem) {
        return plain(problem, previous, moves, told);
    }
    let within = |problem: &Problem, columns: &[Option<Column>]| Previous {
        columns: ordered::within(problem, columns),
        prices: previous.prices.clone(),
    };
    let strict = ordered::barred(problem, &ordered::first_ways(problem));
    let mut repaired = plain(&strict, &within(&strict, &previous.columns), moves, told);
    if let Some(latest) = ordered::opened(problem, &repaired.plan.columns) {
        let open = ordered::barred(problem, &latest);
        let dearer = ordered::with_toll(&open, ordered::above_all(&open));
        repaired = plain(&dearer, &within(&dearer, &previous.columns), moves, &mut |_| {});
        let columns = ordered::within(&open, &repaired.plan.columns);
        repaired.plan = ordered::settled(problem, ordered::assignment(problem, &columns), moves.time_left);
    }
    repaired
}

/// As [`repair`], without regard to the order of ways.
fn plain(
    problem: &Problem,
    previous: &Previous,
    moves: Moves,
    told: &mut dyn FnMut(&Assignment),
) -> Repaired {
    let ranks = Ranks::new(problem);
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let tolls = Tolls::new(problem, &previous.prices);
    let mut mended = mend::mend(problem, &ranks, &tolls, previous);
    let (freed, ejected) = (mended.freed, mended.ejected);
    let mut first = finish(problem, &ranks, &mut mended.state, &all);
    told(&first);
    let same = as_it_was(problem, previous);
    for known in [&mended.valid, &same] {
        // Where nothing had to change the completed plan is this one.
        if first.columns != *known {
            let greedy = complete(problem, &ranks, &all, known);
            if greedy.score.better_than(&first.score) {
                first = greedy;
            }
        }
    }
    let (plan, work) = polish::polish(problem, &ranks, &tolls, &mended.valid, &first, moves);
    let plan = if plan.score.better_than(&first.score) { plan } else { first };
    let choice = |column: &Option<Column>| column.as_ref().map(|column| column.choice);
    let pairs = || previous.columns.iter().zip(&plan.columns).filter(|(before, _)| before.is_some());
    let kept = pairs().filter(|(before, after)| {
        let runs = |column: &Option<Column>| column.as_ref().map(|column| column.runs.clone());
        choice(before) == choice(after) && runs(before) == runs(after)
    });
    let moved = pairs().filter(|(before, after)| choice(before) != choice(after));
    let (kept, moved) = (kept.count() as u64, moved.count() as u64);
    Repaired { plan, kept, freed, ejected, moved, work }
}

/// Decides where and when each task runs, from a plan in force: it is repaired first, and the observer is told of
/// that plan at once; the phases after it only improve it.
pub fn solve_again(
    problem: &Problem,
    params: &Params,
    previous: &Previous,
    observer: Observer<'_>,
) -> crate::Outcome {
    if previous.columns.iter().all(Option::is_none) {
        return solve_from(problem, params, &[], observer);
    }
    let count = MOVES.min(params.effort.saturating_mul(MOVES / crate::outcome::DEFAULT_EFFORT));
    let repaired = repair(problem, previous, params.moves(count), &mut |_| {});
    let phase = repaired.phase();
    observer(&phase);
    let known = [repaired.plan.columns];
    let home = previous.columns.iter().map(|column| column.as_ref().map(|column| column.choice)).collect();
    let mut in_force = InForce { home, ..InForce::default() };
    let mut outcome = solve_in_force(problem, params, &known, &mut in_force, observer);
    outcome.phases.insert(0, Phase { total: None, ..phase });
    outcome.effort += repaired.work;
    outcome
}

/// What of a previous plan is a column still, at the very same times.
fn as_it_was(problem: &Problem, previous: &Previous) -> Vec<Option<Column>> {
    let same = |(task, before): (&Task, &Option<Column>)| {
        let before = before.as_ref()?;
        let choice = task.choices.get(before.choice as usize);
        // When a consumer may start is known only with its producers.
        let choice = choice.filter(|choice| !choice.spare && task.inputs.is_empty())?;
        let mut allowed = Vec::new();
        columns(problem, task, before.choice as usize, choice.ready, &mut allowed);
        allowed.into_iter().find(|allowed| allowed.runs == before.runs)
    };
    problem.tasks.iter().zip(&previous.columns).map(same).collect()
}

/// A state that holds a plan.
fn holding<'a>(problem: &'a Problem, columns: &[Option<Column>]) -> State<'a> {
    let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
    let mut state = State::new(problem);
    for task in topological(problem, &all) {
        if let Some(column) = &columns[task as usize] {
            state.place(task as usize, column.clone());
        }
    }
    state
}
