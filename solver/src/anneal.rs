//! Simulated annealing over columns of low reduced cost.
//!
//! Two moves: a task takes another of its columns, and all readers of a dataset go to another place
//! together, since paying for the data once makes single moves lose. Kirkpatrick, Gelatt & Vecchi (1983),
//! "Optimization by simulated annealing".

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    column::Column,
    construct::{Assignment, finish, score},
    outcome::Moves,
    problem::Problem,
    score::Ranks,
    state::State,
};

/// Improves a plan in which every task of `members` is placed, by moves among `columns` (by task, best
/// first); never returns a worse one. Tasks with producers or consumers stay where they are.
pub fn improve(
    problem: &Problem,
    ranks: &Ranks,
    members: &[u32],
    start: &Assignment,
    columns: &[Vec<Column>],
    moves: Moves,
) -> Assignment {
    let mut free: Vec<u32> = members.iter().copied().filter(|t| columns[*t as usize].len() > 1).collect();
    let linked = |t: u32| {
        !problem.tasks[t as usize].inputs.is_empty()
            || members.iter().any(|c| problem.tasks[*c as usize].inputs.iter().any(|e| e.producer == t))
    };
    free.retain(|t| start.columns[*t as usize].is_some() && !linked(*t));
    if free.is_empty() {
        return start.clone();
    }
    let mut readers: Vec<Vec<u32>> = vec![Vec::new(); problem.datasets.len()];
    for task in &free {
        for (dataset, _) in &problem.tasks[*task as usize].reads {
            readers[*dataset as usize].push(*task);
        }
    }
    readers.retain(|r| r.len() > 1);
    let mut bound: Vec<Vec<u32>> = vec![Vec::new(); problem.bonds.len()];
    for task in &free {
        if let Some(bond) = problem.tasks[*task as usize].bond {
            bound[bond as usize].push(*task);
        }
    }
    readers.extend(bound.into_iter().filter(|tasks| tasks.len() > 1));
    let mut run = Run {
        problem,
        columns,
        state: State::new(problem),
        rng: ChaCha8Rng::seed_from_u64(moves.seed),
        heat: 0.0,
        sums: !problem.budgets.is_empty()
            || !problem.carbon_budgets.is_empty()
            || problem.tasks.iter().any(|t| t.max_cost.is_some()),
    };
    for task in crate::construct::topological(problem, members) {
        if let Some(column) = &start.columns[task as usize] {
            run.state.place(task as usize, column.clone());
        }
    }
    let (mut best, mut least) = (start.clone(), run.state.total());
    let hottest = run.state.total().abs() / members.len() as f64 * 0.1;
    for step in 0..moves.count {
        if moves.is_over(step) {
            break;
        }
        // Geometric cooling over three decades.
        run.heat = hottest * 1e-3_f64.powf(step as f64 / moves.count as f64);
        if readers.is_empty() || step % 16 != 0 {
            let task = free[run.rng.random_range(0..free.len())];
            run.single(task);
        } else {
            let group = run.rng.random_range(0..readers.len());
            run.together(&readers[group]);
        }
        if run.state.total() < least - crate::score::EQUAL * least.abs().max(1.0) {
            least = run.state.total();
            best.columns = run.state.columns().to_vec();
            best.score = score(problem, ranks, &run.state, members);
        }
    }
    let mut state = State::new(problem);
    for task in crate::construct::topological(problem, members) {
        if let Some(column) = &best.columns[task as usize] {
            state.place(task as usize, column.clone());
        }
    }
    let found = finish(problem, ranks, &mut state, members);
    if found.score.better_than(&start.score) { found } else { start.clone() }
}

struct Run<'a> {
    problem: &'a Problem,
    columns: &'a [Vec<Column>],
    state: State<'a>,
    rng: ChaCha8Rng,
    heat: f64,
    /// Whether sums of money or carbon are limited.
    sums: bool,
}

impl Run<'_> {
    /// Whether a change of the total is accepted.
    fn accepts(&mut self, delta: f64) -> bool {
        let allowed = !self.sums || self.state.over_budget().is_none();
        allowed && (delta <= 0.0 || self.rng.random::<f64>() < (-delta / self.heat).exp())
    }

    fn single(&mut self, task: u32) {
        let list = &self.columns[task as usize];
        // The better columns more often: the square of a uniform number.
        let dice: f64 = self.rng.random();
        let column = list[((dice * dice * list.len() as f64) as usize).min(list.len() - 1)].clone();
        let before = self.state.total();
        let Some(old) = self.state.remove(task as usize) else { return };
        if old != column && self.state.obstacle(task as usize, &column).is_none() {
            self.state.place(task as usize, column);
            if self.accepts(self.state.total() - before) {
                return;
            }
            self.state.remove(task as usize);
        }
        self.state.place(task as usize, old);
    }

    /// Moves all readers of a dataset, or all of a bond, to the place of a random column of one of them.
    fn together(&mut self, readers: &[u32]) {
        let guide = readers[self.rng.random_range(0..readers.len())];
        let list = &self.columns[guide as usize];
        let dice = self.rng.random_range(0..list.len());
        let place = self.place(guide, &list[dice]);
        let before = self.state.total();
        let mut old: Vec<(u32, Column)> = Vec::new();
        for &task in readers {
            if let Some(column) = self.state.remove(task as usize) {
                old.push((task, column));
            }
        }
        for (task, column) in &old {
            let there = self.columns[*task as usize]
                .iter()
                .filter(|c| self.is_there(*task, c, guide, place))
                .find(|c| self.state.obstacle(*task as usize, c).is_none())
                .cloned();
            let chosen = there.unwrap_or_else(|| column.clone());
            if self.state.obstacle(*task as usize, &chosen).is_some() {
                break;
            }
            self.state.place(*task as usize, chosen);
        }
        let all = old.iter().all(|(t, _)| self.state.column(*t as usize).is_some());
        if all && self.accepts(self.state.total() - before) {
            return;
        }
        for (task, _) in &old {
            self.state.remove(*task as usize);
        }
        for (task, column) in old {
            self.state.place(task as usize, column);
        }
    }

    /// Whether a column lies where a group goes: in a place, or in the area of it that binds them together.
    fn is_there(&self, task: u32, column: &Column, guide: u32, place: u32) -> bool {
        let bond = self.problem.tasks[task as usize].bond;
        match bond.filter(|bond| self.problem.tasks[guide as usize].bond == Some(*bond)) {
            Some(bond) => self.problem.area(bond, self.place(task, column)) == self.problem.area(bond, place),
            None => self.place(task, column) == place,
        }
    }

    fn place(&self, task: u32, column: &Column) -> u32 {
        self.problem.tasks[task as usize].choices[column.choice as usize].place
    }
}
