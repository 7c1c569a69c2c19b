//! Reading a solution back under the full rules, and what cannot stand together when they refuse it.

use super::Phase;
use crate::{
    column::Column,
    construct::{Assignment, cheapest, finish, topological},
    formulation::{Chosen, Formulation, Item},
    problem::ceil_second,
    state::{Limit, Overrun, State},
};

/// Variables that cannot all be 1.
pub(super) struct Conflict {
    pub(super) variables: Vec<u32>,
    /// Whether they are proven not to: at no times at all, and not just those that were tried.
    pub(super) holds: bool,
}

impl Conflict {
    /// `placed`: what was tried. `at_no_time`: an item that was tried at every time.
    fn of(form: &Formulation<'_>, items: Vec<u32>, placed: &[Chosen], at_no_time: Option<u32>) -> Self {
        let holds = items.iter().all(|x| Some(*x) == at_no_time || is_timed(form, *x));
        let variables = items
            .into_iter()
            .flat_map(|x| match placed.iter().find(|chosen| chosen.item == x) {
                Some(chosen) => form.variables_of(x, &chosen.column),
                None => vec![x],
            })
            .collect();
        Self { variables, holds }
    }
}

/// Whether a column of the program has a time of its own, or is about no run at all.
pub(super) fn is_timed(form: &Formulation<'_>, x: u32) -> bool {
    form.items.get(x as usize).is_none_or(Item::timed)
}

impl Phase<'_, '_> {
    /// Rebuilds a solution under the full rules; on refusal what cannot stand together. Of a program that
    /// counts equal tasks only the refusal means something.
    pub(super) fn rebuild(&self, form: &Formulation<'_>, chosen: &[Chosen]) -> Result<Assignment, Conflict> {
        let mut state = State::new(self.problem);
        self.rebuild_in(&mut state, form, chosen).map_err(|conflict| {
            // What a packing did not settle is no proof that things cannot stand together.
            Conflict { holds: conflict.holds && !state.is_unsettled(), ..conflict }
        })
    }

    fn rebuild_in(
        &self,
        state: &mut State<'_>,
        form: &Formulation<'_>,
        chosen: &[Chosen],
    ) -> Result<Assignment, Conflict> {
        let mut by_task: Vec<Option<&Chosen>> = vec![None; self.problem.tasks.len()];
        for chosen in chosen {
            by_task[chosen.task as usize] = Some(chosen);
        }
        let mut placed: Vec<u32> = Vec::new();
        for task in topological(self.problem, self.members) {
            let Some(Chosen { item: x, column, .. }) = by_task[task as usize] else { continue };
            placed.push(*x);
            if form.items[*x as usize].timed() {
                if !state.may_start(task as usize, column) {
                    return Err(Conflict::of(form, placed, chosen, None));
                }
                if let Some(limit) = state.obstacle(task as usize, column) {
                    let items = self.conflict(form, state, limit, column, &placed);
                    return Err(Conflict::of(form, items, chosen, None));
                }
                state.place(task as usize, column.clone());
            } else {
                let Some(column) = cheapest(self.problem, state, task, column.choice) else {
                    // The task itself was tried at every time.
                    return Err(Conflict::of(form, self.late(form, state, &placed), chosen, Some(*x)));
                };
                state.place(task as usize, column);
            }
        }
        let over = state.over_budget();
        if !over.is_none() {
            return Err(Conflict::of(form, self.overspent(form, &over, &placed), chosen, None));
        }
        Ok(finish(self.problem, self.ranks, state, self.members))
    }

    /// The columns that together exceed a budget: those of its tasks, and of all who share data or
    /// reservations with them, since these decide who pays (also by being left out).
    fn overspent(&self, form: &Formulation<'_>, over: &Overrun, placed: &[u32]) -> Vec<u32> {
        if form.is_merged() {
            return placed.to_vec();
        }
        let tasks = &self.problem.tasks;
        let in_it = |task: u32| {
            let t = &tasks[task as usize];
            over.budgets.first().map_or_else(
                || {
                    over.tasks.first().map_or_else(
                        || over.carbon.iter().any(|o| t.carbon_budgets.contains(&o.0)),
                        |o| o.0 == task,
                    )
                },
                |o| t.budgets.contains(&o.0),
            )
        };
        let mut involved: Vec<bool> = (0..tasks.len() as u32).map(in_it).collect();
        let reserved = |task: usize| {
            tasks[task].choices.iter().any(|c| self.problem.reservations.iter().any(|r| r.offer == c.offer))
        };
        // Producers decide when their consumers run, and sharers who pays: all that is reached counts.
        let mut grown = true;
        while grown {
            grown = false;
            for a in self.members.iter().map(|t| *t as usize) {
                for b in self.members.iter().map(|t| *t as usize) {
                    let shares = tasks[a].reads.iter().any(|r| tasks[b].reads.iter().any(|s| s.0 == r.0))
                        || reserved(a) && reserved(b)
                        || tasks[b].inputs.iter().any(|e| e.producer as usize == a);
                    if involved[b] && !involved[a] && shares {
                        involved[a] = true;
                        grown = true;
                    }
                }
            }
        }
        let mut cut: Vec<u32> =
            placed.iter().copied().filter(|x| involved[form.items[*x as usize].task as usize]).collect();
        for (left, task) in form.left.iter().zip(&form.members) {
            // The cut also holds columns of what is left out, which are about no run.
            let placed = |x: &u32| form.items.get(*x as usize).is_some_and(|item| item.task == *task);
            if involved[*task as usize] && !cut.iter().any(placed) {
                cut.push(*left);
            }
        }
        cut
    }

    /// The placed items that share a broken limit with the last one, at the times of its column.
    fn conflict(
        &self,
        form: &Formulation<'_>,
        state: &State<'_>,
        limit: Limit,
        column: &Column,
        placed: &[u32],
    ) -> Vec<u32> {
        if form.is_merged() {
            return placed.to_vec();
        }
        let uses = |x: &u32| {
            let item = &form.items[*x as usize];
            let choice = &self.problem.tasks[item.task as usize].choices[item.column.choice as usize];
            match limit {
                Limit::Count(offer) => choice.offer == offer,
                Limit::Quota(quota) => choice.quotas.iter().any(|q| q.0 == quota),
                Limit::Group(group) => choice.group == Some(group),
                Limit::Bond(bond) => self.problem.tasks[item.task as usize].bond == Some(bond),
            }
        };
        let mut items: Vec<u32> = placed.iter().copied().filter(uses).collect();
        if items.iter().any(|x| !form.items[*x as usize].timed()) {
            return placed.to_vec();
        }
        let Some(last) = items.pop() else { return placed.to_vec() };
        let task = form.items[last as usize].task as usize;
        let fits = |state: &State<'_>| state.obstacle(task, column).is_none();
        let mut needed = needed(form, state, items, fits);
        needed.push(last);
        needed
    }

    /// The placed items that leave a task with producers no time on its choice: those that share a limit
    /// with it, and where these alone do not exclude it at all times, the producers that set its start.
    fn late(&self, form: &Formulation<'_>, state: &State<'_>, placed: &[u32]) -> Vec<u32> {
        if form.is_merged() {
            return placed.to_vec();
        }
        let Some((&last, others)) = placed.split_last() else { return Vec::new() };
        let (task, column) = (form.items[last as usize].task, &form.items[last as usize].column);
        let t = &self.problem.tasks[task as usize];
        let choice = &t.choices[column.choice as usize];
        let counted = self.problem.counts[choice.offer as usize].is_some();
        let sharers: Vec<u32> = others
            .iter()
            .copied()
            .filter(|x| {
                let item = &form.items[*x as usize];
                let other = &self.problem.tasks[item.task as usize].choices[item.column.choice as usize];
                counted && other.offer == choice.offer
                    || other.group.is_some() && other.group == choice.group
                    || other.quotas.iter().any(|q| choice.quotas.iter().any(|r| r.0 == q.0))
            })
            .collect();
        if sharers.iter().any(|x| !form.items[*x as usize].timed()) {
            return placed.to_vec();
        }
        // A run that fits at some time also fits when it is moved earlier until it meets the end of
        // another: these starts stand for all.
        let mut starts = vec![ceil_second(choice.ready)];
        for x in &sharers {
            let placed = state.column(form.items[*x as usize].task as usize);
            starts.extend(placed.iter().flat_map(|column| &column.runs).map(|run| ceil_second(run.1)));
        }
        let latest = t.deadline.map_or(i64::MAX, |d| d - choice.run);
        starts.retain(|start| *start >= choice.ready && *start <= latest);
        let ever = |state: &State<'_>| {
            starts.iter().any(|start| {
                let runs = vec![(*start, *start + choice.run)];
                let trial = Column { choice: column.choice, runs, own: 0.0 };
                state.obstacle(task as usize, &trial).is_none()
            })
        };
        let unbroken = !t.pausable;
        if unbroken && !ever(state) {
            let mut set = needed(form, state, sharers, ever);
            set.push(last);
            return set;
        }
        let mut set = needed(form, state, sharers, |state| {
            cheapest(self.problem, state, task, column.choice).is_some()
        });
        let mut above = vec![task];
        while let Some(at) = above.pop() {
            for edge in &self.problem.tasks[at as usize].inputs {
                set.extend(others.iter().copied().filter(|x| form.items[*x as usize].task == edge.producer));
                above.push(edge.producer);
            }
        }
        set.push(last);
        set.sort_unstable();
        set.dedup();
        set
    }
}

/// Of some placed items those without any of which the task still does not fit: dropping the others
/// makes the cut stronger.
fn needed(
    form: &Formulation<'_>,
    state: &State<'_>,
    items: Vec<u32>,
    fits: impl Fn(&State<'_>) -> bool,
) -> Vec<u32> {
    let mut trial = state.clone();
    let mut needed = Vec::new();
    for x in items {
        let task = form.items[x as usize].task as usize;
        let column = trial.remove(task);
        if fits(&trial) {
            needed.push(x);
            if let Some(column) = column {
                trial.place(task, column);
            }
        }
    }
    needed
}
