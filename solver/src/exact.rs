//! Depth-first branch and bound over whole columns, with the full state: every rule is in force, no
//! relaxation is left to argue about. It settles small components outright; what exceeds its nodes is
//! the mixed-integer program's work.

use crate::{
    column::{Column, least_cost},
    construct::{Assignment, candidates, finish},
    linear::TimeLeft,
    problem::{Nanos, Problem},
    score::{EQUAL, Ranks, Score},
    state::State,
};

/// What the search found.
#[derive(Debug)]
pub struct Found {
    /// The best plan seen.
    pub best: Option<Assignment>,
    /// Whether every other plan was ruled out.
    pub proven: bool,
    /// Nodes visited.
    pub nodes: u64,
}

/// Searches the plans of `order` (producers first) that beat `start`, within a number of nodes and what time
/// is left.
pub fn search(
    problem: &Problem,
    ranks: &Ranks,
    order: &[u32],
    start: Option<&Assignment>,
    limit: u64,
    time_left: Option<TimeLeft>,
) -> Found {
    let mut floor = vec![0.0; order.len() + 1];
    for (i, task) in order.iter().enumerate().rev() {
        floor[i] = floor[i + 1] + least(problem, *task as usize);
    }
    let mut search = Search {
        problem,
        ranks,
        order,
        floor,
        limit,
        time_left,
        nodes: 0,
        complete: true,
        best_score: start.map(|s| s.score.clone()),
        best: None,
        left: vec![0; ranks.len()],
        forgone: 0.0,
        state: State::new(problem),
        readers: problem.readers(),
    };
    search.visit(0);
    let proven = search.complete && search.nodes < search.limit && !search.state.is_unsettled();
    Found { best: search.best.or_else(|| start.cloned()), proven, nodes: search.nodes }
}

/// No plan pays less for a task on its own; leaving it out counts where it may be.
pub fn least(problem: &Problem, task: usize) -> f64 {
    let t = &problem.tasks[task];
    let placed = t
        .choices
        .iter()
        .filter(|c| !c.spare)
        .filter(|c| t.deadline.is_none_or(|d| c.ready + c.run <= d))
        .map(|c| least_cost(problem, t, c, c.ready))
        .fold(f64::INFINITY, f64::min);
    if !t.required {
        placed.min(t.value)
    } else if placed.is_finite() {
        placed
    } else {
        // Nothing fits: it is left out, which costs no dollars.
        0.0
    }
}

struct Search<'a> {
    problem: &'a Problem,
    ranks: &'a Ranks,
    order: &'a [u32],
    /// Dollars that the tasks from a depth on cost at least.
    floor: Vec<f64>,
    limit: u64,
    time_left: Option<TimeLeft>,
    nodes: u64,
    complete: bool,
    best_score: Option<Score>,
    best: Option<Assignment>,
    left: Vec<u32>,
    forgone: f64,
    state: State<'a>,
    /// By task who reads its results.
    readers: Vec<Vec<u32>>,
}

impl Search<'_> {
    fn visit(&mut self, depth: usize) {
        self.nodes += 1;
        if self.nodes.is_multiple_of(256) && self.time_left.is_some_and(|left| left() <= 0.0) {
            self.limit = self.nodes;
        }
        if self.nodes >= self.limit || self.pruned(depth) {
            return;
        }
        let Some(&task) = self.order.get(depth) else { return self.leaf() };
        let mut list: Vec<Column> = Vec::new();
        self.complete &= candidates(self.problem, &self.state, task as usize, &mut list);
        let twin = self.twin(depth);
        for column in list {
            if twin.is_some_and(|t| (column.choice, column.start()) < t)
                || self.state.obstacle(task as usize, &column).is_some()
            {
                continue;
            }
            self.state.place(task as usize, column);
            self.visit(depth + 1);
            self.state.remove(task as usize);
            if self.nodes >= self.limit {
                return;
            }
        }
        let t = &self.problem.tasks[task as usize];
        if t.required {
            let rank = self.ranks.of(t.priority);
            self.left[rank] += 1;
            self.visit(depth + 1);
            self.left[rank] -= 1;
        } else {
            self.forgone += t.value;
            self.visit(depth + 1);
            self.forgone -= t.value;
        }
    }

    /// An equal task placed right before bounds this one's columns from below, where their order
    /// cannot matter: who comes first has the reserved instances.
    fn twin(&self, depth: usize) -> Option<(u32, Nanos)> {
        let before = *self.order.get(depth.checked_sub(1)?)? as usize;
        let task = self.order[depth] as usize;
        let tasks = &self.problem.tasks;
        let same = tasks[before].class == tasks[task].class
            && self.problem.reservations.is_empty()
            && tasks[task].reads.is_empty()
            && !tasks[task].pausable
            && tasks[task].inputs.is_empty()
            && self.readers[task].is_empty()
            && self.readers[before].is_empty();
        if !same {
            return None;
        }
        // When the twin was left out, this one is too, or could take its place: keep it simple.
        self.state.column(before).map(|c| (c.choice, c.start()))
    }

    fn pruned(&self, depth: usize) -> bool {
        let Some(best) = &self.best_score else { return false };
        match self.left.cmp(&best.left) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => {
                let floor = self.state.total() + self.forgone + self.floor[depth];
                floor >= best.total - EQUAL * best.total.abs().max(1.0)
            }
        }
    }

    fn leaf(&mut self) {
        if !self.state.over_budget().is_none() {
            return;
        }
        let mut state = self.state.clone();
        let assignment = finish(self.problem, self.ranks, &mut state, self.order);
        if self.best_score.as_ref().is_none_or(|best| assignment.score.better_than(best)) {
            self.best_score = Some(assignment.score.clone());
            self.best = Some(assignment);
        }
    }
}
