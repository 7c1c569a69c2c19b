//! Large neighbourhood search: take some related tasks out, put them back where they now add least,
//! keep what is better. Shaw (1998), "Using constraint programming and local search methods to solve
//! vehicle routing problems"; here relatedness is a shared offer, quota, dataset or budget.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    construct::{Assignment, finish, insert_all, remove_with_consumers, score, topological},
    outcome::Moves,
    problem::Problem,
    score::{Ranks, Score},
    state::State,
};

/// Improves a plan of `members` within a number of moves; never returns a worse one.
pub fn improve(
    problem: &Problem,
    ranks: &Ranks,
    members: &[u32],
    start: &Assignment,
    moves: Moves,
) -> Assignment {
    let mut rng = ChaCha8Rng::seed_from_u64(moves.seed);
    let mut state = State::new(problem);
    for task in topological(problem, members) {
        if let Some(column) = &start.columns[task as usize] {
            state.place(task as usize, column.clone());
        }
    }
    let mut best = start.clone();
    // Plans over a budget are never kept: the greedy start is within all of them.
    let mut current: Score = score(problem, ranks, &state, members);
    for step in 0..moves.count {
        if moves.is_over(step) {
            break;
        }
        let before: Vec<_> = state.columns().to_vec();
        let size = 1 + rng.random_range(0..neighbourhood(members.len()));
        let mut out = related(problem, &state, members, size, &mut rng);
        // Who is bound to others goes to another area only with them.
        if let Some(bond) = problem.tasks[out[0] as usize].bond
            && rng.random_range(0..2) == 0
        {
            out.extend(members.iter().filter(|task| problem.tasks[**task as usize].bond == Some(bond)));
        }
        for task in &out {
            remove_with_consumers(problem, &mut state, *task);
        }
        // Whatever is out now goes back in: what was taken and what depends on it, in a random order.
        out = members.iter().copied().filter(|t| state.column(*t as usize).is_none()).collect();
        for i in (1..out.len()).rev() {
            out.swap(i, rng.random_range(0..=i));
        }
        insert_all(problem, &mut state, &topological(problem, &out));
        let next = score(problem, ranks, &state, members);
        // Cooling from 2 % of the total to nothing lets the search leave shallow valleys.
        let heat = 0.02 * current.total.abs() * (1.0 - step as f64 / moves.count as f64).powi(3);
        let chance: f64 = rng.random();
        let worth = next.left < current.left
            || next.left == current.left && next.total <= current.total - heat * chance.max(1e-12).ln() * 0.2;
        if worth && state.over_budget().is_none() {
            if next.better_than(&best.score) {
                let mut copy = state.clone();
                let found = finish(problem, ranks, &mut copy, members);
                if found.score.better_than(&best.score) {
                    best = found;
                }
            }
            current = next;
        } else {
            restore(problem, &mut state, members, &before);
        }
    }
    best
}

const fn neighbourhood(members: usize) -> usize {
    let half = members / 2;
    if half < 2 {
        2
    } else if half > 12 {
        12
    } else {
        half
    }
}

/// Puts a state back to what it held.
fn restore(
    problem: &Problem,
    state: &mut State<'_>,
    members: &[u32],
    before: &[Option<crate::column::Column>],
) {
    for &task in members {
        if state.column(task as usize) != before[task as usize].as_ref() {
            state.remove(task as usize);
        }
    }
    for task in topological(problem, members) {
        if state.column(task as usize).is_none()
            && let Some(column) = &before[task as usize]
        {
            state.place(task as usize, column.clone());
        }
    }
}

/// A random task and others that share something with it.
fn related(
    problem: &Problem,
    state: &State<'_>,
    members: &[u32],
    size: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<u32> {
    let seed = members[rng.random_range(0..members.len())];
    let mut chosen = vec![seed];
    let mut pool: Vec<u32> =
        members.iter().copied().filter(|t| *t != seed && related_to(problem, state, seed, *t)).collect();
    while chosen.len() < size {
        if pool.is_empty() {
            chosen.push(members[rng.random_range(0..members.len())]);
        } else {
            chosen.push(pool.swap_remove(rng.random_range(0..pool.len())));
        }
    }
    chosen
}

fn related_to(problem: &Problem, state: &State<'_>, a: u32, b: u32) -> bool {
    let (ta, tb) = (&problem.tasks[a as usize], &problem.tasks[b as usize]);
    if ta.bond.is_some() && ta.bond == tb.bond
        || ta.reads.iter().any(|r| tb.reads.iter().any(|s| s.0 == r.0))
        || ta.inputs.iter().any(|e| e.producer == b)
        || tb.inputs.iter().any(|e| e.producer == a)
    {
        return true;
    }
    let (Some(ca), Some(cb)) = (state.column(a as usize), state.column(b as usize)) else { return true };
    let (ca, cb) = (&ta.choices[ca.choice as usize], &tb.choices[cb.choice as usize]);
    ca.offer == cb.offer || ca.quotas.iter().any(|q| cb.quotas.iter().any(|r| r.0 == q.0))
}
