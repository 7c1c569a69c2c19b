//! The mixed-integer phase of a component: relaxation, prices, program, and reading solutions back.

mod conflicts;
mod prices;
mod rounding;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use conflicts::is_timed;
use prices::prices;

use crate::{
    construct::Assignment,
    formulation::{Chosen, Fineness, Formulation, Keep},
    linear::{Limits, Solution, Status, highs, microlp},
    live::Live,
    outcome::{Params, Price},
    problem::Problem,
    score::{EQUAL, Ranks},
};

/// Rounds of rows made for broken limits, and of solutions that the full rules refused.
const ROUNDS: u32 = 60;
/// Of these, solutions that cost more than the program promised.
const PROMISES: u32 = 12;
/// Columns beyond which the program is not built.
pub const MOST_COLUMNS: usize = 400_000;

/// Items of tasks with producers, from program to program: each is made of what the one before did not
/// rule out.
const FINENESS: [usize; 4] = [1, 1_000, 4_000, 8_000];

/// What the bound must gain of a wide gap for that, or the coarser program is gone on with.
const PROGRESS: f64 = 0.05;

/// Tasks up to which branch and bound has searched better than annealing would.
const SEARCHED: usize = 24;

/// The gap from which on a plan is improved before the program is made finer, if that helps at all.
const WIDE: f64 = 0.02;

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
const EXACT_COLUMNS: usize = 3_000;
/// Moves of annealing for each unit of effort, and after a plan was composed from blocks.
const ANNEALING: u64 = 400;
const AFTER_BLOCKS: u64 = 60;
/// The gap at which the program that looks for a better plan stops.
const HEURISTIC_GAP: f64 = 5e-4;

/// Solves a component's program, from the best plan known: first with equal tasks as one, and where the
/// full rules refuse what it says of them, with variables for each.
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
    live: &mut Live<'_>,
) -> Found {
    let mut phase = Phase {
        problem,
        ranks,
        members,
        params,
        best: start.clone(),
        rounds: 0,
        nodes: 0,
        improved: false,
        cuts: 0,
        split: false,
        live,
    };
    let mut found = Found::default();
    let mut size = phase.attempt(&mut found, true);
    if phase.split && !phase.close_enough(found.bound) {
        size = phase.attempt(&mut found, false).or(size);
    }
    let Some((columns, rows)) = size else { return found };
    if !phase.best.score.complete() {
        // Not everything required fits, or nobody knows yet: leave out as few as possible.
        phase.by_priority();
    }
    found.counts.extend([
        ("columns", columns),
        ("rows", rows),
        ("rounds", u64::from(phase.rounds)),
        ("nodes", phase.nodes),
        ("cuts", phase.cuts),
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
    let mut kept = BTreeMap::<u32, u32>::new();
    for x in order {
        let count = kept.entry(form.items[x].task).or_default();
        if *count < PER_TASK {
            *count += 1;
            few[x] = true;
        }
    }
    few
}

/// The variables that are 1 in this solution and no other: of what it leaves out too, as the same with one
/// task more may cost less (who reads a dataset first pays the price of their own place).
fn just_this(form: &Formulation<'_>, chosen: &[Chosen]) -> Vec<u32> {
    let there: BTreeSet<u32> = chosen.iter().map(|chosen| chosen.task).collect();
    let out = form.members.iter().zip(&form.left).filter(|(task, _)| !there.contains(task));
    let placed = chosen.iter().flat_map(|chosen| form.variables_of(chosen.item, &chosen.column));
    placed.chain(out.map(|(_, left)| *left)).collect()
}

/// When a program's search ends.
#[derive(Clone, Copy)]
struct Stop {
    gap: f64,
    nodes: u64,
    /// Solutions that the full rules refuse.
    refusals: u32,
    /// With the first plan.
    first: bool,
}

impl Stop {
    const fn proof(params: &Params) -> Self {
        Self { gap: params.gap, nodes: 1 + params.effort / 20, refusals: ROUNDS / 2, first: false }
    }

    const fn heuristic(params: &Params) -> Self {
        let gap = params.gap.max(HEURISTIC_GAP);
        Self { gap, nodes: 1 + params.effort / 200, refusals: ROUNDS / 2, first: false }
    }

    const fn some_plan(params: &Params) -> Self {
        Self { gap: params.gap.max(WIDE), nodes: 1 + params.effort / 200, refusals: 4, first: true }
    }
}

struct Phase<'a, 'o> {
    problem: &'a Problem,
    ranks: &'a Ranks,
    members: &'a [u32],
    params: &'a Params,
    best: Assignment,
    rounds: u32,
    nodes: u64,
    improved: bool,
    cuts: u64,
    /// Whether equal tasks as one will not do: each needs variables of its own.
    split: bool,
    live: &'a mut Live<'o>,
}

impl Phase<'_, '_> {
    /// Solves the program, with equal tasks as one if they are to be `merged`; its columns and rows.
    fn attempt(&mut self, found: &mut Found, merged: bool) -> Option<(u64, u64)> {
        let (problem, members, params) = (self.problem, self.members, self.params);
        let size = |form: &Formulation<'_>| (form.program.cost.len() as u64, form.program.rows.len() as u64);
        self.split = false;
        let coarse = Fineness { items: FINENESS[0], keep: None };
        let mut form = Formulation::new(problem, members, false, merged, MOST_COLUMNS, coarse)?;
        if self.splits(&form) {
            return Some(size(&form));
        }
        form.capacity_rows(CAPACITY_ROWS);
        let mut relaxed = self.relax(&mut form, found, f64::INFINITY);
        let (mut polished, mut before) = (false, f64::NEG_INFINITY);
        // What plans cost at least that are not in the program.
        let mut least = f64::INFINITY;
        for items in &FINENESS[1..] {
            let Relaxed::Solved(relaxation) = &relaxed else { break };
            if let Some(values) = &relaxation.values {
                self.round(&form, values);
            }
            if self.close_enough(found.bound) {
                break;
            }
            if !self.best.score.complete() && form.coarse {
                self.minimise(&mut form, None, None, Stop::some_plan(params));
            }
            let complete = self.best.score.complete();
            let large = members.len() > SEARCHED && form.items.len() > HEURISTIC_COLUMNS;
            if large && !polished && form.coarse && !self.within(found.bound, WIDE) {
                self.polish(&form, &relaxation.reduced, ANNEALING);
                polished = true;
            }
            if !form.coarse || !complete && before.is_finite() {
                break;
            }
            // Items that stand for many starts become finer where a better plan may still be.
            let keep = complete.then(|| self.kept(&form, relaxation));
            let all = if complete { self.best.score.total } else { f64::INFINITY };
            let finer = Fineness { items: *items, keep: keep.as_ref() };
            let Some(mut finer) = Formulation::new(problem, members, false, merged, MOST_COLUMNS, finer)
            else {
                break;
            };
            if self.splits(&finer) {
                return Some(size(&finer));
            }
            finer.capacity_rows(CAPACITY_ROWS);
            before = relaxation.bound;
            let after = self.relax(&mut finer, found, all);
            if matches!(after, Relaxed::Infeasible) && complete {
                // Nothing better was left: the plan is best.
                found.bound = Some(all);
            }
            let wide = complete && !self.within(Some(before), WIDE);
            let hardly = |bound: f64| wide && bound - before < PROGRESS * (all - before);
            if finer.coarse && matches!(&after, Relaxed::Solved(finer) if hardly(finer.bound)) {
                // The coarser program is the quicker one.
                break;
            }
            (form, relaxed, least) = (finer, after, all);
        }
        match relaxed {
            Relaxed::Infeasible => {}
            Relaxed::Solved(_) if self.close_enough(found.bound) => {}
            Relaxed::Solved(relaxation) if form.items.len() > HEURISTIC_COLUMNS => {
                let few = |phase: &mut Self, form: &mut Formulation<'_>| {
                    let few = least_reduced(form, &relaxation, HEURISTIC_COLUMNS);
                    phase.minimise(form, None, Some(&few), Stop::heuristic(params));
                };
                let planned = self.best.score.complete();
                if !planned {
                    few(self, &mut form);
                }
                let apart = !form.is_merged();
                let priced = apart.then(|| self.by_blocks(&mut form, &relaxation)).flatten();
                let blocks = priced.is_some();
                if planned && !blocks {
                    few(self, &mut form);
                }
                // Reduced costs go with the bound that they are above.
                let (bound, reduced) = priced
                    .filter(|blocks| blocks.0 >= relaxation.bound)
                    .unwrap_or((relaxation.bound, relaxation.reduced));
                self.raise(found, bound.min(least));
                if !self.close_enough(found.bound) {
                    self.prove(&mut form, (bound, &reduced), blocks, found);
                }
            }
            Relaxed::Unknown if !params.highs && form.program.cost.len() > microlp::COLUMNS => {
                if form.is_merged() {
                    self.split = true;
                    return Some(size(&form));
                }
                let (bound, reduced) = self.without_linear(&mut form);
                self.raise(found, bound);
                self.polish(&form, &reduced, ANNEALING);
            }
            _ => {
                if let Some(bound) = self.minimise(&mut form, None, None, Stop::proof(params)) {
                    self.raise(found, bound);
                }
            }
        }
        Some(size(&form))
    }

    /// Whether a program counts equal tasks that need variables each: where it is large and data is shared,
    /// blocks prove more than counts do, and blocks are made of single tasks.
    fn splits(&mut self, form: &Formulation<'_>) -> bool {
        let large = form.items.len() > HEURISTIC_COLUMNS && form.items_apart() <= MOST_COLUMNS;
        self.split = large && form.is_merged() && !form.shares.is_empty();
        self.split
    }

    /// Solves the linear relaxation, making rows as they break; sets the bound and, the first time, the
    /// prices. `least`: what plans cost at least that are not in the program.
    fn relax(&mut self, form: &mut Formulation<'_>, found: &mut Found, least: f64) -> Relaxed {
        if !self.params.highs {
            return Relaxed::Unknown;
        }
        self.live.phase("relaxation");
        let mut lp = highs::Highs::new(&form.program, false, self.params.time_left);
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
                // What HiGHS says it costs is not a proof; its prices are one, whatever they are.
                let proof = form.program.proof(&solution.duals);
                solution.bound = solution.bound.min(proof.bound);
                solution.reduced = proof.reduced;
                let bound = solution.bound.min(least);
                let first = found.bound.is_none();
                self.raise(found, bound);
                if first {
                    found.prices = prices(form, &mut lp, &solution);
                }
                Relaxed::Solved(solution)
            }
            _ => Relaxed::Unknown,
        }
    }

    /// Takes a bound in.
    fn raise(&mut self, found: &mut Found, bound: f64) {
        found.bound = Some(found.bound.map_or(bound, |b| b.max(bound)));
        self.live.bound(bound);
    }

    /// The items that a plan better than the best may use.
    fn kept(&self, form: &Formulation<'_>, relaxation: &Solution) -> Keep {
        let room = self.best.score.total - relaxation.bound;
        let mut keep = Keep::default();
        for (item, reduced) in form.items.iter().zip(&relaxation.reduced) {
            if *reduced <= room * (1.0 + 1e-9) + 1e-9 {
                keep.add(item);
            }
        }
        keep
    }

    /// Whether the best plan is within the gap that was asked for.
    fn close_enough(&self, bound: Option<f64>) -> bool {
        self.within(bound, self.params.gap)
    }

    fn within(&self, bound: Option<f64>, gap: f64) -> bool {
        let total = self.best.score.total;
        self.best.score.complete()
            && bound.is_some_and(|bound| total - bound <= gap * bound.abs() + EQUAL * bound.abs().max(1.0))
    }

    fn consider(&mut self, assignment: Assignment) {
        if assignment.score.better_than(&self.best.score) {
            self.live.plan(&assignment.score);
            self.best = assignment;
            self.improved = true;
        }
    }

    /// Minimises the program's cost (or a cost in its place) until a solution holds under the full
    /// rules; returns the proven bound of the program.
    ///
    /// `only`: the x that may be used.
    fn minimise(
        &mut self,
        form: &mut Formulation<'_>,
        cost: Option<&[f64]>,
        only: Option<&[bool]>,
        limits: Stop,
    ) -> Option<f64> {
        self.live.phase("mixed-integer program");
        let original = form.program.cost.clone();
        for (x, allowed) in only.into_iter().flatten().enumerate() {
            let mine = form.equal_to(form.items[x].task).iter().any(|task| {
                let column = self.best.columns[*task as usize].as_ref();
                column.is_some_and(|column| form.stands_for(x as u32, column))
            });
            form.program.high[x] = if *allowed || mine { form.most(x) } else { 0.0 };
        }
        if let Some(cost) = cost {
            form.program.cost = cost.to_vec();
        }
        let mut bound: Option<f64> = None;
        // Without a solution whose times are not its own, another timing of it may be lost.
        let mut lossy: Vec<usize> = Vec::new();
        let (mut broken, mut refused) = (0, 0);
        for round in 0..ROUNDS {
            let start = form.start_from(&self.best.columns);
            let usable = self.best.score.complete() || cost.is_some();
            let solution = self.run(form, usable.then_some(&start[..]), limits);
            self.nodes += solution.nodes;
            if solution.bound.is_finite() && lossy.is_empty() {
                // Rows only tighten: each round's bound holds.
                bound = Some(bound.map_or(solution.bound, |b: f64| b.max(solution.bound)));
            }
            let nothing_better = self.best.score.complete() && {
                let total = self.best.score.total;
                solution.bound >= total - EQUAL * total.abs().max(1.0)
            };
            if nothing_better && cost.is_none() {
                break;
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
                    let honest =
                        limits.first || cost.is_some() || total <= promised + 1e-6 * promised.abs().max(1.0);
                    if honest
                        || solution.status != Status::Optimal
                        || broken >= PROMISES
                        || self.close_enough(bound)
                    {
                        break;
                    }
                    // The program promised too much: go on without this very solution.
                    broken += 1;
                    if form.is_merged() {
                        self.split = true;
                        break;
                    }
                    if !chosen.iter().all(|chosen| is_timed(form, chosen.item)) {
                        lossy.push(form.program.rows.len());
                    }
                    form.forbid(&just_this(form, &chosen));
                }
                Err(_) if form.is_merged() => {
                    // What cannot stand together is said of tasks, not of counts.
                    self.split = true;
                    break;
                }
                Err(conflict) => {
                    refused += 1;
                    if refused > limits.refusals || self.close_enough(bound) {
                        break;
                    }
                    if !conflict.holds {
                        lossy.push(form.program.rows.len());
                    }
                    form.forbid(&conflict.variables);
                }
            }
            self.rounds += 1;
        }
        // What may have lost a plan holds for this search only.
        for row in lossy {
            form.program.rows[row].high = f64::INFINITY;
        }
        form.program.cost = original;
        for x in 0..form.items.len() {
            form.program.high[x] = form.most(x);
        }
        bound
    }

    fn run(
        &self,
        form: &Formulation<'_>,
        start: Option<&[(u32, f64)]>,
        Stop { gap, nodes, .. }: Stop,
    ) -> Solution {
        if !self.params.highs {
            return microlp::solve(&form.program);
        }
        let limits =
            Limits { gap: gap.max(1e-9), nodes, time_left: self.params.time_left, seed: self.params.seed };
        highs::solve(&form.program, start, limits)
    }

    /// Leaves out as few required tasks as possible, highest priority first, then as little money.
    fn by_priority(&mut self) {
        let all = Fineness { items: FINENESS[0], keep: None };
        let Some(mut form) = Formulation::new(self.problem, self.members, true, false, MOST_COLUMNS, all)
        else {
            return;
        };
        form.capacity_rows(CAPACITY_ROWS);
        let limits = Stop::proof(self.params);
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
}
