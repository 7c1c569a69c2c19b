//! Building plans one task at a time: the greedy first plan, and the repair step of the search.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    column::{Column, columns, least_cost},
    problem::{Edge, Problem},
    score::{Ranks, Score},
    state::State,
};

/// A plan for some tasks of a problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// By task: where and when; `None` is left out.
    pub columns: Vec<Option<Column>>,
    /// How good it is.
    pub score: Score,
}

/// The tasks of `members` so that producers come before consumers, otherwise in the given order.
pub fn topological(problem: &Problem, members: &[u32]) -> Vec<u32> {
    let inside: Vec<bool> = {
        let mut inside = vec![false; problem.tasks.len()];
        for member in members {
            inside[*member as usize] = true;
        }
        inside
    };
    let mut done = vec![false; problem.tasks.len()];
    let mut order = Vec::with_capacity(members.len());
    let mut stack: Vec<u32> = Vec::new();
    for &member in members {
        stack.push(member);
        while let Some(&task) = stack.last() {
            if done[task as usize] {
                stack.pop();
                continue;
            }
            let waiting = problem.tasks[task as usize]
                .inputs
                .iter()
                .map(|e| e.producer)
                .filter(|p| inside[*p as usize] && !done[*p as usize]);
            let before = stack.len();
            stack.extend(waiting);
            if stack.len() == before {
                done[task as usize] = true;
                order.push(task);
                stack.pop();
            }
        }
    }
    order
}

/// Every column a task may take in a state, cheapest on its own first (egress on edges included);
/// equal ones in the order of choices. False when some run patterns were not enumerated.
pub fn candidates(problem: &Problem, state: &State<'_>, task: usize, out: &mut Vec<Column>) -> bool {
    out.clear();
    let mut complete = true;
    let t = &problem.tasks[task];
    for (index, choice) in t.choices.iter().enumerate().filter(|(_, c)| !c.spare) {
        let Some(first) = state.first_start(task, choice) else { return complete };
        complete &= columns(problem, t, index, first, out);
    }
    let edges = |column: &Column| -> f64 {
        let place = t.choices[column.choice as usize].place;
        let from = |producer: u32| {
            let column = state.column(producer as usize)?;
            Some(problem.tasks[producer as usize].choices[column.choice as usize].place)
        };
        t.inputs.iter().filter_map(|e| Some(problem.network.usd(from(e.producer)?, place, e.bytes))).sum()
    };
    // Costs on a grid of 10^-7 dollars, so that float noise does not order equals.
    let mut keyed: Vec<(i64, i64, Column)> =
        out.drain(..).map(|c| ((((c.own + edges(&c)) * 1e7).round()) as i64, c.start(), c)).collect();
    keyed.sort_by_key(|k| (k.0, k.1, k.2.choice));
    out.extend(keyed.into_iter().map(|k| k.2));
    complete
}

/// Places each task of `order` (producers first) where it adds least; leaves out what fits nowhere and
/// what is worth less than it adds.
pub fn insert_all(problem: &Problem, state: &mut State<'_>, order: &[u32]) {
    let mut list = Vec::new();
    let mut areas = Areas::default();
    for &task in order {
        candidates(problem, state, task as usize, &mut list);
        if let Some(bond) = problem.tasks[task as usize].bond.filter(|bond| state.area(*bond).is_none()) {
            let area = areas.best(problem, state, bond, task, &list);
            let in_it = |column: &Column| problem.area_of(task, column.choice).map(|of| of.1) == area;
            list.retain(in_it);
        }
        let shared = !problem.tasks[task as usize].reads.is_empty();
        let mut best: Option<(f64, usize)> = None;
        for (i, column) in list.iter().enumerate() {
            let choice = &problem.tasks[task as usize].choices[column.choice as usize];
            let reserved = problem.reservations.iter().any(|r| r.offer == choice.offer);
            // The list ascends by own cost: without anything shared the first that fits is the best.
            if best.is_some_and(|b| !shared && !reserved && column.own > b.0 + crate::score::EQUAL)
                || state.obstacle(task as usize, column).is_some()
            {
                continue;
            }
            let delta = state.place(task as usize, column.clone());
            state.remove(task as usize);
            if best.is_none_or(|b| delta < b.0 - crate::score::EQUAL) {
                best = Some((delta, i));
            }
            if !shared && !reserved && problem.reservations.is_empty() {
                break;
            }
        }
        let t = &problem.tasks[task as usize];
        if let Some((delta, i)) = best
            && (t.required || delta <= t.value)
        {
            state.place(task as usize, list.swap_remove(i));
        }
    }
}

/// The areas that bonds take when their first task is placed.
#[derive(Default)]
struct Areas {
    /// By bond its tasks; made when the first is asked for.
    bonded: OnceCell<BTreeMap<u32, Vec<u32>>>,
    /// By bond, by area: how many of its required tasks and of the others have no choice there, and what all
    /// cost there at least.
    known: BTreeMap<u32, BTreeMap<u32, (usize, usize, f64)>>,
}

impl Areas {
    /// The area in which the fewest of a bond find no choice, and of these the cheapest, among those where the
    /// first has a place in the list that is free for it.
    fn best(
        &mut self,
        problem: &Problem,
        state: &State<'_>,
        bond: u32,
        first: u32,
        list: &[Column],
    ) -> Option<u32> {
        let free = |column: &&Column| state.obstacle(first as usize, column).is_none();
        let open: BTreeSet<u32> = list
            .iter()
            .filter(free)
            .filter_map(|column| Some(problem.area_of(first, column.choice)?.1))
            .collect();
        let bonded = self.bonded.get_or_init(|| bonded(problem));
        let known = self.known.entry(bond).or_insert_with(|| areas_of(problem, bond, &bonded[&bond]));
        let mut best: Option<(u32, (usize, usize, f64))> = None;
        for (area, of) in known.iter().filter(|(area, _)| open.contains(area)) {
            let better = |than: &(u32, (usize, usize, f64))| {
                let than = than.1;
                (of.0, of.1).cmp(&(than.0, than.1)).then(of.2.total_cmp(&than.2)).is_lt()
            };
            if best.as_ref().is_none_or(better) {
                best = Some((*area, *of));
            }
        }
        best.map(|best| best.0)
    }
}

/// By bond its tasks.
fn bonded(problem: &Problem) -> BTreeMap<u32, Vec<u32>> {
    let mut bonded: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (id, task) in (0_u32..).zip(&problem.tasks) {
        if let Some(bond) = task.bond {
            bonded.entry(bond).or_default().push(id);
        }
    }
    bonded
}

fn areas_of(problem: &Problem, bond: u32, tasks: &[u32]) -> BTreeMap<u32, (usize, usize, f64)> {
    let tasks = || tasks.iter().map(|task| &problem.tasks[*task as usize]);
    let mut areas: BTreeMap<u32, (usize, usize, f64)> = BTreeMap::new();
    let mut least: Vec<BTreeMap<u32, f64>> = Vec::new();
    for task in tasks() {
        let mut by_area: BTreeMap<u32, f64> = BTreeMap::new();
        for choice in task.choices.iter().filter(|choice| !choice.spare) {
            let in_time = task.deadline.is_none_or(|deadline| choice.ready + choice.run <= deadline);
            if in_time {
                let usd = least_cost(problem, task, choice, choice.ready);
                let area = by_area.entry(problem.area(bond, choice.place)).or_insert(f64::INFINITY);
                *area = area.min(usd);
            }
        }
        for area in by_area.keys() {
            areas.entry(*area).or_default();
        }
        least.push(by_area);
    }
    for (area, sum) in &mut areas {
        for (task, least) in tasks().zip(&least) {
            match least.get(area) {
                Some(usd) => sum.2 += usd,
                None if task.required => sum.0 += 1,
                None => sum.1 += 1,
            }
        }
    }
    areas
}

/// The score of what a state holds of `members`.
pub fn score(problem: &Problem, ranks: &Ranks, state: &State<'_>, members: &[u32]) -> Score {
    let mut left = vec![0; ranks.len()];
    let (mut ways, mut total) = (0, state.total());
    for &member in members {
        if let Some(column) = state.column(member as usize) {
            ways += u64::from(problem.tasks[member as usize].choices[column.choice as usize].way);
        } else {
            let task = &problem.tasks[member as usize];
            if task.required {
                left[ranks.of(task.priority)] += 1;
            } else {
                total += task.value;
            }
        }
    }
    Score { left, ways, total }
}

/// The greedy plan of `members`: highest priority first, then in document order, producers before
/// consumers. What exceeds a budget is taken out again, optional and lowest priority first.
pub fn greedy(problem: &Problem, ranks: &Ranks, members: &[u32]) -> Assignment {
    complete(problem, ranks, members, &[])
}

/// The greedy plan of `members` around the columns that are known, by task, as far as they fit.
pub fn complete(problem: &Problem, ranks: &Ranks, members: &[u32], known: &[Option<Column>]) -> Assignment {
    around(problem, ranks, members, |state, task| {
        let column = known.get(task as usize)?.as_ref()?;
        state.obstacle(task as usize, column).is_none().then(|| column.clone())
    })
}

/// The greedy plan of `members` around those who stay on their current offers, each at the cheapest time that
/// fits; `None` when nobody has one.
pub fn stay(problem: &Problem, ranks: &Ranks, members: &[u32]) -> Option<Assignment> {
    let current = |task: u32| {
        let choices = &problem.tasks[task as usize].choices;
        choices.iter().position(|choice| choice.current && !choice.spare)
    };
    members.iter().any(|task| current(*task).is_some()).then(|| {
        around(problem, ranks, members, |state, task| cheapest(problem, state, task, current(task)? as u32))
    })
}

/// The greedy plan of `members` around what `known` says of some.
fn around(
    problem: &Problem,
    ranks: &Ranks,
    members: &[u32],
    known: impl Fn(&State<'_>, u32) -> Option<Column>,
) -> Assignment {
    let mut by_priority = members.to_vec();
    by_priority.sort_by_key(|t| {
        let task = &problem.tasks[*t as usize];
        (!task.required, std::cmp::Reverse(task.priority), *t)
    });
    let order = topological(problem, &by_priority);
    let mut state = State::new(problem);
    for &task in &order {
        // When a consumer starts is known only with its producers.
        let after = |edge: &Edge| state.column(edge.producer as usize).is_some();
        if problem.tasks[task as usize].inputs.iter().all(after)
            && let Some(column) = known(&state, task)
        {
            state.place(task as usize, column);
        }
    }
    let missing: Vec<u32> =
        order.iter().copied().filter(|task| state.column(*task as usize).is_none()).collect();
    insert_all(problem, &mut state, &missing);
    shed(problem, &mut state, &order);
    finish(problem, ranks, &mut state, members)
}

/// A task on a choice at the cheapest time that fits, of equal ones the first.
pub fn cheapest(problem: &Problem, state: &State<'_>, task: u32, choice: u32) -> Option<Column> {
    let t = &problem.tasks[task as usize];
    let first = state.first_start(task as usize, &t.choices[choice as usize])?;
    let mut list = Vec::new();
    columns(problem, t, choice as usize, first, &mut list);
    list.sort_by(|a, b| a.own.total_cmp(&b.own).then(a.start().cmp(&b.start())));
    list.into_iter().find(|column| state.obstacle(task as usize, column).is_none())
}

/// Takes out tasks until no budget is exceeded.
pub(crate) fn shed(problem: &Problem, state: &mut State<'_>, order: &[u32]) {
    loop {
        let over = state.over_budget();
        if over.is_none() {
            return;
        }
        let guilty = |task: u32| {
            let t = &problem.tasks[task as usize];
            over.tasks.iter().any(|o| o.0 == task)
                || t.budgets.iter().any(|b| over.budgets.iter().any(|o| o.0 == *b))
                || t.carbon_budgets.iter().any(|b| over.carbon.iter().any(|o| o.0 == *b))
        };
        let Some(&victim) = order.iter().rev().find(|t| state.column(**t as usize).is_some() && guilty(**t))
        else {
            return;
        };
        remove_with_consumers(problem, state, victim);
    }
}

/// Takes out a task and all that needs it.
pub fn remove_with_consumers(problem: &Problem, state: &mut State<'_>, task: u32) {
    for (i, other) in problem.tasks.iter().enumerate() {
        if state.column(i).is_some() && other.inputs.iter().any(|e| e.producer == task) {
            remove_with_consumers(problem, state, i as u32);
        }
    }
    state.remove(task as usize);
}

/// The assignment a state holds, its total summed afresh.
pub fn finish(problem: &Problem, ranks: &Ranks, state: &mut State<'_>, members: &[u32]) -> Assignment {
    state.recount();
    Assignment { columns: state.columns().to_vec(), score: score(problem, ranks, state, members) }
}
