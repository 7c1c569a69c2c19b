//! Rounding the relaxation to a plan, and polishing it.

use super::Phase;
use crate::{
    anneal,
    column::Column,
    construct::{cheapest, finish, insert_all, topological},
    formulation::{Formulation, Item, Times},
    search,
    state::State,
};

/// The columns of a task that annealing moves among.
const NEIGHBOURS: usize = 60;

impl Phase<'_, '_> {
    /// Rounds the relaxation to a plan: the surest tasks first, each where most of it lies and it fits.
    pub(super) fn round(&mut self, form: &Formulation<'_>, values: &[f64]) {
        let mut shares: Vec<Vec<(f64, u32)>> = vec![Vec::new(); self.problem.tasks.len()];
        for (x, item) in (0_u32..).zip(&form.items) {
            if values[x as usize] > 1e-6 {
                shares[item.task as usize].push((values[x as usize], x));
            }
        }
        let most_first = |list: &mut Vec<(f64, u32)>| {
            list.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        };
        for equals in &form.equals {
            // Of what lies on an item each of equal tasks takes one, until none is left.
            let mut list = std::mem::take(&mut shares[equals[0] as usize]);
            for task in equals {
                most_first(&mut list);
                shares[*task as usize] = list.iter().map(|(share, x)| (share.min(1.0), *x)).collect();
                if let Some(first) = list.first_mut() {
                    first.0 = (first.0 - 1.0).max(0.0);
                }
            }
        }
        let surest = |t: &u32| shares[*t as usize].first().map_or(0.0, |s| s.0);
        let mut order = self.members.to_vec();
        order.sort_by(|a, b| surest(b).total_cmp(&surest(a)).then(a.cmp(b)));
        let order = topological(self.problem, &order);
        let mut state = State::new(self.problem);
        let mut rest = Vec::new();
        for &task in &order {
            let fitting = shares[task as usize].iter().find_map(|(_, x)| {
                let item = &form.items[*x as usize];
                let fits = |column: &Column| {
                    state.may_start(task as usize, column) && state.obstacle(task as usize, column).is_none()
                };
                if item.times == Times::Exact && fits(&item.column) {
                    Some(item.column.clone())
                } else if item.times == Times::Exact && self.problem.tasks[task as usize].inputs.is_empty() {
                    None
                } else {
                    cheapest(self.problem, &state, task, item.column.choice)
                }
            });
            match fitting {
                Some(column) => {
                    state.place(task as usize, column);
                }
                None => rest.push(task),
            }
        }
        insert_all(self.problem, &mut state, &topological(self.problem, &rest));
        if state.over_budget().is_none() {
            self.consider(finish(self.problem, self.ranks, &mut state, self.members));
        }
    }

    /// Improves the best plan by annealing among the columns of low reduced cost and by search. `moves`: of
    /// annealing for each unit of effort, at most (a component of fewer tasks has as many as it has tasks).
    pub(super) fn polish(&mut self, form: &Formulation<'_>, reduced: &[f64], moves: u64) {
        if self.best.score.complete() {
            let columns = self.low_cost(form, reduced);
            let moves = self.params.moves(self.params.effort * moves.min(self.members.len() as u64));
            self.live.phase("annealing");
            let cooled = anneal::improve(self.problem, self.ranks, self.members, &self.best, &columns, moves);
            self.consider(cooled);
        }
        self.live.phase("search");
        let moves = self.params.moves(self.params.effort / 10);
        let polished = search::improve(self.problem, self.ranks, self.members, &self.best, moves);
        self.consider(polished);
    }

    /// By task the columns of least reduced cost, best first.
    fn low_cost(&self, form: &Formulation<'_>, reduced: &[f64]) -> Vec<Vec<Column>> {
        let mut keyed: Vec<Vec<(f64, u32)>> = vec![Vec::new(); self.problem.tasks.len()];
        let exact = |item: &Item| item.times == Times::Exact;
        for (x, item) in (0_u32..).zip(&form.items).filter(|(_, item)| exact(item)) {
            keyed[item.task as usize].push((reduced[x as usize], x));
        }
        let mut columns: Vec<Vec<Column>> = keyed
            .into_iter()
            .map(|mut list| {
                list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                list.truncate(NEIGHBOURS);
                list.into_iter().map(|(_, x)| form.items[x as usize].column.clone()).collect()
            })
            .collect();
        for equals in &form.equals {
            for task in &equals[1..] {
                let same = columns[equals[0] as usize].clone();
                columns[*task as usize] = same;
            }
        }
        columns
    }
}
