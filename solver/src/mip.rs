//! The mixed-integer phase of a component: relaxation, prices, program, and reading solutions back.

use crate::{
    anneal,
    column::{Column, columns},
    construct::{Assignment, finish, insert_all, topological},
    formulation::Formulation,
    linear::{Limits, Solution, Status, highs, microlp},
    outcome::{Params, Price, Priced},
    problem::{Problem, ceil_second},
    score::{EQUAL, Ranks},
    search,
    state::{Limit, Overrun, State},
};

/// Rounds of rows made for broken limits, and of solutions that the full rules refused.
const ROUNDS: u32 = 60;
/// Of these, solutions that cost more than the program promised.
const PROMISES: u32 = 12;
/// Columns beyond which the program is not built.
pub const MOST_COLUMNS: usize = 400_000;

/// Rows of limits over time that are made at once; where there would be more, only broken ones are.
const CAPACITY_ROWS: usize = 5_000;

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

/// Columns of the program that looks for a better plan, at most; and of the one that proves.
const HEURISTIC_COLUMNS: usize = 1_200;
/// And of each task at least so many.
const PER_TASK: u32 = 3;
const EXACT_COLUMNS: usize = 9_000;
/// Moves of annealing for each unit of effort, at most (a component of fewer tasks has as many as it has
/// tasks), and the columns of a task it moves among.
const ANNEALING: u64 = 400;
const NEIGHBOURS: usize = 60;
/// The gap at which the program that looks for a better plan stops.
const HEURISTIC_GAP: f64 = 5e-4;

/// Solves a component's program, from the best plan known.
///
/// The relaxation gives a bound and prices. Its values are rounded to a plan; a program of the columns
/// of least reduced cost improves it; then every column whose reduced cost exceeds what is left between
/// plan and bound is ruled out, and if few remain their program proves the optimum.
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
    form.capacity_rows(CAPACITY_ROWS);
    let relaxed = phase.relax(&mut form, &mut found);
    if let Relaxed::Solved(relaxation) = &relaxed {
        phase.round(&form, relaxation);
    }
    match relaxed {
        Relaxed::Infeasible => {}
        Relaxed::Solved(relaxation) if form.items.len() > HEURISTIC_COLUMNS => {
            let few = least_reduced(&form, &relaxation, HEURISTIC_COLUMNS);
            let limits = (params.gap.max(HEURISTIC_GAP), 1 + params.effort / 200);
            phase.minimise(&mut form, None, Some(&few), limits);
            let room = phase.best.score.total - relaxation.bound;
            let rest: Vec<bool> =
                (0..form.items.len()).map(|x| relaxation.reduced[x] <= room * (1.0 + 1e-9) + 1e-9).collect();
            if phase.close_enough(found.bound) && params.gap > 0.0 {
                found.best = phase.improved.then_some(phase.best);
                return found;
            }
            let scale = (params.effort / crate::outcome::DEFAULT_EFFORT).max(1) as usize;
            let count = rest.iter().filter(|r| **r).count();
            if phase.best.score.complete() && count <= EXACT_COLUMNS * scale {
                let limits = (params.gap, 1 + params.effort / 20);
                if let Some(bound) = phase.minimise(&mut form, None, Some(&rest), limits) {
                    // Whatever beats the plan that set the room uses only columns that were left in.
                    let bound = bound.min(relaxation.bound + room);
                    found.bound = Some(found.bound.map_or(bound, |b| b.max(bound)));
                }
            }
        }
        _ => {
            if let Some(bound) = phase.minimise(&mut form, None, None, (params.gap, 1 + params.effort / 20)) {
                found.bound = Some(found.bound.map_or(bound, |b| b.max(bound)));
            }
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

/// What came of the relaxation.
enum Relaxed {
    /// No plan places everything required.
    Infeasible,
    /// Its solution.
    Solved(Solution),
    /// Nothing is known.
    Unknown,
}

/// The columns of least reduced cost, so many of them.
fn least_reduced(form: &Formulation<'_>, relaxation: &Solution, most: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..form.items.len()).collect();
    order.sort_by(|a, b| relaxation.reduced[*a].total_cmp(&relaxation.reduced[*b]).then(a.cmp(b)));
    let mut few = vec![false; form.items.len()];
    for x in &order[..most.min(order.len())] {
        few[*x] = true;
    }
    // Every task keeps some choice, however dear its neighbourhood.
    let mut kept = std::collections::BTreeMap::<u32, u32>::new();
    for x in order {
        let count = kept.entry(form.items[x].task).or_default();
        if *count < PER_TASK {
            *count += 1;
            few[x] = true;
        }
    }
    few
}

/// Columns that cannot stand together.
struct Conflict {
    items: Vec<u32>,
    /// Whether no times at all let them stand together, and not just the ones that were tried.
    holds: bool,
}

impl Conflict {
    /// `at_no_time`: a column that was tried at every time.
    fn of(form: &Formulation<'_>, items: Vec<u32>, at_no_time: Option<u32>) -> Self {
        let holds = items.iter().all(|x| Some(*x) == at_no_time || is_timed(form, *x));
        Self { items, holds }
    }
}

/// Whether a column of the program has a time of its own, or is about no run at all.
fn is_timed(form: &Formulation<'_>, x: u32) -> bool {
    form.items.get(x as usize).is_none_or(|item| item.timed)
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
    /// Solves the linear relaxation, making rows as they break; sets the bound and the prices.
    fn relax(&mut self, form: &mut Formulation<'_>, found: &mut Found) -> Relaxed {
        if !self.params.highs {
            return Relaxed::Unknown;
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
            Status::Infeasible => Relaxed::Infeasible,
            Status::Optimal => {
                found.bound = Some(solution.bound);
                found.prices = prices(form, &mut lp, &solution);
                Relaxed::Solved(solution)
            }
            _ => Relaxed::Unknown,
        }
    }

    /// Rounds the relaxation to a plan: the surest tasks first, each where most of it lies and it fits.
    fn round(&mut self, form: &Formulation<'_>, relaxation: &Solution) {
        let Some(values) = &relaxation.values else { return };
        let mut shares: Vec<Vec<(f64, u32)>> = vec![Vec::new(); self.problem.tasks.len()];
        for (x, item) in (0_u32..).zip(&form.items) {
            if values[x as usize] > 1e-6 {
                shares[item.task as usize].push((values[x as usize], x));
            }
        }
        for list in &mut shares {
            list.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
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
                if item.timed {
                    state.obstacle(task as usize, &item.column).is_none().then(|| item.column.clone())
                } else {
                    self.retime(&state, task, item.column.choice)
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
        if form.items.len() <= HEURISTIC_COLUMNS {
            // The program itself is quicker.
            return;
        }
        if self.best.score.complete() {
            let columns = self.low_cost(form, relaxation);
            let moves = self.params.effort * ANNEALING.min(self.members.len() as u64);
            let (problem, ranks, seed) = (self.problem, self.ranks, self.params.seed);
            let cooled = anneal::improve(problem, ranks, self.members, &self.best, &columns, seed, moves);
            self.consider(cooled);
        }
        let moves = self.params.effort / 10;
        let polished =
            search::improve(self.problem, self.ranks, self.members, &self.best, self.params.seed, moves);
        self.consider(polished);
    }

    /// By task the columns of least reduced cost, best first.
    fn low_cost(&self, form: &Formulation<'_>, relaxation: &Solution) -> Vec<Vec<Column>> {
        let mut keyed: Vec<Vec<(f64, u32)>> = vec![Vec::new(); self.problem.tasks.len()];
        for (x, item) in (0_u32..).zip(&form.items).filter(|(_, item)| item.timed) {
            keyed[item.task as usize].push((relaxation.reduced[x as usize], x));
        }
        keyed
            .into_iter()
            .map(|mut list| {
                list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                list.truncate(NEIGHBOURS);
                list.into_iter().map(|(_, x)| form.items[x as usize].column.clone()).collect()
            })
            .collect()
    }

    /// Whether the best plan is within the gap that was asked for.
    fn close_enough(&self, bound: Option<f64>) -> bool {
        let total = self.best.score.total;
        self.best.score.complete()
            && bound.is_some_and(|bound| total - bound <= self.params.gap * bound.abs())
    }

    fn consider(&mut self, assignment: Assignment) {
        if assignment.score.better_than(&self.best.score) {
            self.best = assignment;
            self.improved = true;
        }
    }

    /// Minimises the program's cost (or a cost in its place) until a solution holds under the full
    /// rules; returns the proven bound of the program.
    ///
    /// `only`: the x that may be used. `limits`: the gap and the nodes at which to stop.
    fn minimise(
        &mut self,
        form: &mut Formulation<'_>,
        cost: Option<&[f64]>,
        only: Option<&[bool]>,
        limits: (f64, u64),
    ) -> Option<f64> {
        let original = form.program.cost.clone();
        for (x, allowed) in only.into_iter().flatten().enumerate() {
            let mine = self.best.columns[form.items[x].task as usize].as_ref().is_some_and(|c| {
                c.choice == form.items[x].column.choice
                    && (!form.items[x].timed || c.runs == form.items[x].column.runs)
            });
            form.program.high[x] = if *allowed || mine { 1.0 } else { 0.0 };
        }
        if let Some(cost) = cost {
            form.program.cost = cost.to_vec();
        }
        let mut bound: Option<f64> = None;
        // Without a solution whose times are not its own, another timing of it may be lost.
        let mut sound = true;
        let mut broken = 0;
        for round in 0..ROUNDS {
            let start = form.start_from(&self.best.columns);
            let usable = self.best.score.complete() || cost.is_some();
            let solution = self.run(form, usable.then_some(&start[..]), limits);
            self.nodes += solution.nodes;
            if solution.bound.is_finite() && sound {
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
                    self.consider(assignment);
                    let honest = cost.is_some() || total <= promised + 1e-6 * promised.abs().max(1.0);
                    if honest
                        || solution.status != Status::Optimal
                        || broken >= PROMISES
                        || self.close_enough(bound)
                    {
                        break;
                    }
                    // The program promised too much: go on without this very solution.
                    broken += 1;
                    sound &= chosen.iter().all(|x| is_timed(form, *x));
                    form.forbid(&chosen);
                }
                Err(conflict) => {
                    if round >= ROUNDS / 2 || self.close_enough(bound) {
                        break;
                    }
                    sound &= conflict.holds;
                    form.forbid(&conflict.items);
                }
            }
            self.rounds += 1;
        }
        form.program.cost = original;
        form.program.high[..form.items.len()].fill(1.0);
        bound
    }

    fn run(
        &self,
        form: &Formulation<'_>,
        start: Option<&[(u32, f64)]>,
        (gap, nodes): (f64, u64),
    ) -> Solution {
        if !self.params.highs {
            return microlp::solve(&form.program);
        }
        let limits = Limits {
            gap: gap.max(1e-9),
            nodes,
            seconds: self.params.deadline.map(|left| left()),
            seed: self.params.seed,
        };
        highs::solve(&form.program, start, limits)
    }

    /// Leaves out as few required tasks as possible, highest priority first, then as little money.
    fn by_priority(&mut self) {
        let Some(mut form) = Formulation::new(self.problem, self.members, true, MOST_COLUMNS) else { return };
        form.capacity_rows(CAPACITY_ROWS);
        let limits = (self.params.gap, 1 + self.params.effort / 20);
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
            self.minimise(&mut form, Some(&cost), None, limits);
            let allowed = f64::from(self.best.score.left[rank]);
            form.program.row(f64::NEG_INFINITY, allowed, terms);
        }
        // The dollars of what is left out are none for required tasks, so the program's cost is right.
        let cost = form.program.cost.clone();
        self.minimise(&mut form, Some(&cost), None, limits);
    }

    /// Rebuilds a solution under the full rules; on refusal the items that cannot stand together.
    fn rebuild(&self, form: &Formulation<'_>, chosen: &[u32]) -> Result<Assignment, Conflict> {
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
                    return Err(Conflict::of(form, self.conflict(form, &state, limit, &placed), None));
                }
                state.place(task as usize, item.column.clone());
            } else {
                let Some(column) = self.retime(&state, task, item.column.choice) else {
                    // The task itself was tried at every time.
                    return Err(Conflict::of(form, self.late(form, &state, &placed), Some(x)));
                };
                state.place(task as usize, column);
            }
        }
        let over = state.over_budget();
        if !over.is_none() {
            return Err(Conflict::of(form, self.overspent(form, &over, &placed), None));
        }
        Ok(finish(self.problem, self.ranks, &mut state, self.members))
    }

    /// The columns that together exceed a budget: those of its tasks, and of all who share data or
    /// reservations with them, since these decide who pays (also by being left out).
    fn overspent(&self, form: &Formulation<'_>, over: &Overrun, placed: &[u32]) -> Vec<u32> {
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
        let item = &form.items[last as usize];
        let fits = |state: &State<'_>| state.obstacle(item.task as usize, &item.column).is_none();
        let mut needed = needed(form, state, items, fits);
        needed.push(last);
        needed
    }

    /// The placed items that leave a task with producers no time on its choice: those that share a limit
    /// with it, and where these alone do not exclude it at all times, the producers that set its start.
    fn late(&self, form: &Formulation<'_>, state: &State<'_>, placed: &[u32]) -> Vec<u32> {
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
        if sharers.iter().any(|x| !form.items[*x as usize].timed) {
            return placed.to_vec();
        }
        // A run that fits at some time also fits when it is moved earlier until it meets the end of
        // another: these starts stand for all.
        let mut starts = vec![ceil_second(choice.ready)];
        for x in &sharers {
            starts.extend(form.items[*x as usize].column.runs.iter().map(|run| ceil_second(run.1)));
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
        let mut set = needed(form, state, sharers, |state| self.retime(state, task, column.choice).is_some());
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

/// Prices of the binding limits, each with what one unit more would save and one unit less would cost in
/// the relaxation: its cost is convex in the limit, so the price lies between.
fn prices(form: &Formulation<'_>, lp: &mut highs::Highs, solution: &Solution) -> Vec<Price> {
    let mut limits: Vec<Priced> = form.priced.iter().map(|p| p.1).collect();
    limits.sort_unstable();
    limits.dedup();
    let mut prices = Vec::new();
    // Each takes two more solves: fewer of them where each is long.
    let most = if form.items.len() > HEURISTIC_COLUMNS { 6 } else { 24 };
    for limit in limits {
        let scale = form.scale(limit);
        let rows: Vec<usize> = form.priced.iter().filter(|p| p.1 == limit).map(|p| p.0).collect();
        let usd: f64 = rows.iter().map(|row| -solution.duals.get(*row).copied().unwrap_or(0.0) * scale).sum();
        if usd <= EQUAL || prices.len() >= most {
            continue;
        }
        // A quota counts parts of accelerators or instances; a price is for a whole one.
        let unit = form.units(limit);
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
