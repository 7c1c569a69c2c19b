//! The mixed-integer phase of a component: relaxation, prices, program, and reading solutions back.

use crate::{
    column::{Column, columns},
    construct::{Assignment, finish, topological},
    formulation::Formulation,
    linear::{Limits, Solution, Status, highs, microlp},
    outcome::{Params, Price, Priced},
    problem::Problem,
    score::{EQUAL, Ranks},
    state::{Limit, State},
};

/// Rounds of rows made for broken limits, and of solutions that the full rules refused.
const ROUNDS: u32 = 40;
/// Columns beyond which the program is not built.
pub const MOST_COLUMNS: usize = 400_000;

/// What the phase found.
#[derive(Debug, Default)]
pub struct Found {
    /// The best plan, when it beats the start.
    pub best: Option<Assignment>,
    /// No plan that places all required tasks costs less.
    pub bound: Option<f64>,
    /// Prices of limits, from the relaxation.
    pub prices: Vec<Price>,
    /// Columns, rows, rounds, nodes.
    pub counts: Vec<(&'static str, u64)>,
}

/// Solves a component's program, from the best plan known.
pub fn solve(
    problem: &Problem,
    ranks: &Ranks,
    members: &[u32],
    start: &Assignment,
    params: &Params,
) -> Found {
    let mut phase =
        Phase { problem, ranks, members, params, best: start.clone(), rounds: 0, nodes: 0, improved: false };
    let mut found = Found::default();
    let Some(mut form) = Formulation::new(problem, members, false, MOST_COLUMNS) else { return found };
    let infeasible = phase.relax(&mut form, &mut found);
    if !infeasible {
        let outcome = phase.minimise(&mut form, None);
        if let Some(bound) = outcome
            && form.complete
        {
            found.bound = Some(found.bound.map_or(bound, |b| b.max(bound)));
        }
    }
    if !phase.best.score.complete() {
        // Not everything required fits, or nobody knows yet: leave out as few as possible.
        phase.by_priority();
    }
    found.counts.extend([
        ("columns", form.program.cost.len() as u64),
        ("rows", form.program.rows.len() as u64),
        ("rounds", u64::from(phase.rounds)),
        ("nodes", phase.nodes),
    ]);
    if phase.improved {
        found.best = Some(phase.best);
    }
    found
}

struct Phase<'a> {
    problem: &'a Problem,
    ranks: &'a Ranks,
    members: &'a [u32],
    params: &'a Params,
    best: Assignment,
    rounds: u32,
    nodes: u64,
    improved: bool,
}

impl Phase<'_> {
    /// Solves the linear relaxation, making rows as they break; sets the bound and the prices. True when
    /// there is no solution.
    fn relax(&mut self, form: &mut Formulation<'_>, found: &mut Found) -> bool {
        if !self.params.highs {
            return false;
        }
        let mut lp = highs::Highs::new(&form.program, false);
        let mut solution = lp.run();
        for _ in 0..ROUNDS {
            let Some(values) = &solution.values else { break };
            if solution.status != Status::Optimal {
                break;
            }
            let rows = form.separate(values);
            if rows.is_empty() {
                break;
            }
            self.rounds += 1;
            lp.add_rows(&rows);
            solution = lp.run();
        }
        match solution.status {
            Status::Infeasible => return form.complete,
            Status::Optimal if form.complete => {
                found.bound = Some(solution.bound);
                found.prices = prices(form, &mut lp, &solution);
            }
            _ => {}
        }
        false
    }

    /// Minimises the program's cost (or a cost in its place) until a solution holds under the full
    /// rules; returns the proven bound of the program.
    fn minimise(&mut self, form: &mut Formulation<'_>, cost: Option<&[f64]>) -> Option<f64> {
        let original = form.program.cost.clone();
        if let Some(cost) = cost {
            form.program.cost = cost.to_vec();
        }
        let mut bound: Option<f64> = None;
        for round in 0..ROUNDS {
            let start = form.start_from(&self.best.columns);
            let usable = self.best.score.complete() || cost.is_some();
            let solution = self.run(form, usable.then_some(&start[..]));
            self.nodes += solution.nodes;
            if solution.bound.is_finite() {
                // Rows only tighten: each round's bound holds.
                bound = Some(bound.map_or(solution.bound, |b: f64| b.max(solution.bound)));
            }
            let Some(values) = solution.values else {
                if solution.status == Status::Infeasible && round == 0 && cost.is_none() {
                    bound = None;
                }
                break;
            };
            if !form.separate(&values).is_empty() {
                self.rounds += 1;
                continue;
            }
            let chosen = form.chosen(&values);
            match self.rebuild(form, &chosen) {
                Ok(assignment) => {
                    let total = assignment.score.total;
                    let promised = form.program.cost.iter().zip(&values).map(|(c, v)| c * v).sum::<f64>();
                    if assignment.score.better_than(&self.best.score) {
                        self.best = assignment;
                        self.improved = true;
                    }
                    let honest = cost.is_some() || total <= promised + 1e-6 * promised.abs().max(1.0);
                    if honest || solution.status != Status::Optimal || round >= 12 {
                        break;
                    }
                    // The program promised too much: go on without this very solution.
                    form.forbid(&chosen);
                }
                Err(conflict) => {
                    if round >= 20 {
                        break;
                    }
                    form.forbid(&conflict);
                }
            }
            self.rounds += 1;
        }
        form.program.cost = original;
        bound
    }

    fn run(&self, form: &Formulation<'_>, start: Option<&[(u32, f64)]>) -> Solution {
        if !self.params.highs {
            return microlp::solve(&form.program);
        }
        let limits = Limits {
            gap: self.params.gap.max(1e-9),
            nodes: self.params.effort / 20 + 1,
            seconds: self.params.deadline.map(|left| left()),
            seed: self.params.seed,
        };
        highs::solve(&form.program, start, limits)
    }

    /// Leaves out as few required tasks as possible, highest priority first, then as little money.
    fn by_priority(&mut self) {
        let Some(mut form) = Formulation::new(self.problem, self.members, true, MOST_COLUMNS) else { return };
        for rank in 0..self.ranks.len() {
            let mut cost = vec![0.0; form.program.cost.len()];
            let mut terms = Vec::new();
            for (left, task) in form.left.iter().zip(&form.members) {
                let t = &self.problem.tasks[*task as usize];
                if t.required && self.ranks.of(t.priority) == rank {
                    cost[*left as usize] = 1.0;
                    terms.push((*left, 1.0));
                }
            }
            if terms.is_empty() {
                continue;
            }
            self.minimise(&mut form, Some(&cost));
            let allowed = f64::from(self.best.score.left[rank]);
            form.program.row(f64::NEG_INFINITY, allowed, terms);
        }
        // The dollars of what is left out are none for required tasks, so the program's cost is right.
        let cost = form.program.cost.clone();
        self.minimise(&mut form, Some(&cost));
    }

    /// Rebuilds a solution under the full rules; on refusal the items that cannot stand together.
    fn rebuild(&self, form: &Formulation<'_>, chosen: &[u32]) -> Result<Assignment, Vec<u32>> {
        let mut state = State::new(self.problem);
        let mut by_task: Vec<Option<u32>> = vec![None; self.problem.tasks.len()];
        for x in chosen {
            by_task[form.items[*x as usize].task as usize] = Some(*x);
        }
        let mut placed: Vec<u32> = Vec::new();
        for task in topological(self.problem, self.members) {
            let Some(x) = by_task[task as usize] else { continue };
            let item = &form.items[x as usize];
            placed.push(x);
            if item.timed {
                if let Some(limit) = state.obstacle(task as usize, &item.column) {
                    return Err(self.conflict(form, &state, limit, &placed));
                }
                state.place(task as usize, item.column.clone());
            } else {
                let column = self.retime(&state, task, item.column.choice).ok_or_else(|| placed.clone())?;
                state.place(task as usize, column);
            }
        }
        if !state.over_budget().is_none() {
            return Err(placed);
        }
        Ok(finish(self.problem, self.ranks, &mut state, self.members))
    }

    /// The cheapest time of a task with producers on a choice.
    fn retime(&self, state: &State<'_>, task: u32, choice: u32) -> Option<Column> {
        let t = &self.problem.tasks[task as usize];
        let first = state.first_start(task as usize, &t.choices[choice as usize])?;
        let mut list = Vec::new();
        columns(self.problem, t, choice as usize, first, &mut list);
        list.sort_by(|a, b| a.own.total_cmp(&b.own).then(a.start().cmp(&b.start())));
        list.into_iter().find(|column| state.obstacle(task as usize, column).is_none())
    }

    /// The placed items that share a broken limit with the last one.
    fn conflict(&self, form: &Formulation<'_>, state: &State<'_>, limit: Limit, placed: &[u32]) -> Vec<u32> {
        let uses = |x: &u32| {
            let item = &form.items[*x as usize];
            let choice = &self.problem.tasks[item.task as usize].choices[item.column.choice as usize];
            match limit {
                Limit::Count(offer) => choice.offer == offer,
                Limit::Quota(quota) => choice.quotas.iter().any(|q| q.0 == quota),
                Limit::Group(group) => choice.group == Some(group),
            }
        };
        let mut items: Vec<u32> = placed.iter().copied().filter(uses).collect();
        if items.iter().any(|x| !form.items[*x as usize].timed) {
            return placed.to_vec();
        }
        let Some(last) = items.pop() else { return placed.to_vec() };
        // Dropping what is not needed for the conflict makes the cut stronger.
        let item = &form.items[last as usize];
        let mut trial = state.clone();
        let mut needed = Vec::new();
        for x in items {
            let task = form.items[x as usize].task as usize;
            let column = trial.remove(task);
            if trial.obstacle(item.task as usize, &item.column).is_none() {
                needed.push(x);
                if let Some(column) = column {
                    trial.place(task, column);
                }
            }
        }
        needed.push(last);
        needed
    }
}

/// Prices of the binding limits, each with what one unit more would save and one unit less would cost in
/// the relaxation: its cost is convex in the limit, so the price lies between.
fn prices(form: &Formulation<'_>, lp: &mut highs::Highs, solution: &Solution) -> Vec<Price> {
    let mut limits: Vec<Priced> = form.priced.iter().map(|p| p.1).collect();
    limits.sort_unstable();
    limits.dedup();
    let mut prices = Vec::new();
    for limit in limits {
        let scale = form.scale(limit);
        let rows: Vec<usize> = form.priced.iter().filter(|p| p.1 == limit).map(|p| p.0).collect();
        let usd: f64 = rows.iter().map(|row| -solution.duals.get(*row).copied().unwrap_or(0.0) * scale).sum();
        if usd <= EQUAL || prices.len() >= 24 {
            continue;
        }
        // A quota counts thousandths of accelerators; a price is for a whole one.
        let unit = if matches!(limit, Priced::Quota(_)) { 1000.0 } else { 1.0 };
        let shift = |lp: &mut highs::Highs, by: f64| {
            for row in &rows {
                lp.row_bounds(
                    *row,
                    f64::NEG_INFINITY,
                    (form.program.rows[*row].high + by * unit * scale).max(0.0),
                );
            }
            let moved = lp.run();
            for row in &rows {
                lp.row_bounds(*row, f64::NEG_INFINITY, form.program.rows[*row].high);
            }
            (moved.status == Status::Optimal).then_some(moved.bound)
        };
        let usd = usd * unit;
        let low = shift(lp, 1.0).map_or(usd, |more| (solution.bound - more).clamp(0.0, usd));
        let high = shift(lp, -1.0).map_or(usd, |less| (less - solution.bound).max(usd));
        prices.push(Price { limit, usd, low, high });
    }
    prices
}
