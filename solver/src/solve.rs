//! The phases in order, component by component.

use std::collections::BTreeMap;

use crate::{
    column::Column,
    components::components,
    construct::{Assignment, complete, greedy, stay, topological},
    exact,
    hold::Hold,
    live::Live,
    mip, ordered,
    outcome::{Moves, Outcome, Params, Phase},
    problem::Problem,
    score::{EQUAL, Ranks, Score},
    search,
    site::{self, Carried, Site},
    slots,
    state::State,
    ties::settle,
    workflow,
};

/// Told of each better plan and bound, of all components together, and of each phase when all is over.
pub type Observer<'a> = &'a mut dyn FnMut(&Phase);

/// Decides where and when each task runs.
pub fn solve(problem: &Problem, params: &Params, observer: Observer<'_>) -> Outcome {
    solve_from(problem, params, &[], observer)
}

/// Decides where and when each task runs, knowing other plans: by task a column, `None` where one says
/// nothing. No result is worse than what comes of completing any of them greedily.
pub fn solve_from(
    problem: &Problem,
    params: &Params,
    known: &[Vec<Option<Column>>],
    observer: Observer<'_>,
) -> Outcome {
    solve_in_force(problem, params, known, &mut InForce::default(), observer)
}

/// What is in force while a problem changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct InForce {
    /// By task the choice it runs on; empty where nothing does.
    pub home: Vec<Option<u32>>,
    /// Prices of large components; in the end what they came to.
    pub carried: Carried,
    /// In the end whether large components held who runs where they run.
    pub held: bool,
}

/// As [`solve_from`]; large components start from the prices in force, and keep who runs already where they run unless
/// leaving saves more than [`THRESHOLD`](crate::repair::THRESHOLD) says.
pub(crate) fn solve_in_force(
    problem: &Problem,
    params: &Params,
    known: &[Vec<Option<Column>>],
    in_force: &mut InForce,
    observer: Observer<'_>,
) -> Outcome {
    if ordered::applies(problem) {
        return ordered::solve(problem, params, known, observer, afresh);
    }
    plain(problem, params, known, in_force, observer)
}

/// Without regard to the order of ways, nor to what is in force.
fn afresh(
    problem: &Problem,
    params: &Params,
    known: &[Vec<Option<Column>>],
    observer: Observer<'_>,
) -> Outcome {
    plain(problem, params, known, &mut InForce::default(), observer)
}

/// Without regard to the order of ways.
fn plain(
    problem: &Problem,
    params: &Params,
    known: &[Vec<Option<Column>>],
    in_force: &mut InForce,
    observer: Observer<'_>,
) -> Outcome {
    let ranks = Ranks::new(problem);
    let before = std::mem::take(&mut in_force.carried);
    let mut run = Run {
        problem,
        params,
        known,
        before,
        in_force,
        ranks: &ranks,
        phases: Phases::default(),
        effort: 0,
        prices: Vec::new(),
        sites: BTreeMap::new(),
    };
    let mut live = Live::new(&mut *observer);
    // Budgets join tasks that share nothing else; most do not bind. First without joining.
    let parts = components(problem, false);
    run.phases.note("components", parts.len() as u64, parts.iter().map(Vec::len).max().unwrap_or(0) as u64);
    let mut solved = run.parts(&parts, &[], &mut live);
    if has_budgets(problem) && run.exceeded(&solved) {
        let joined = components(problem, true);
        run.phases.note("components joined by budgets", joined.len() as u64, 0);
        run.prices.clear();
        run.in_force.carried = Carried::default();
        live = Live::new(&mut *observer);
        solved = run.parts(&joined, &solved, &mut live);
    }
    let mut columns: Vec<Option<Column>> = vec![None; problem.tasks.len()];
    let (mut total, mut bound) = (0.0, Some(0.0));
    let mut complete = true;
    for part in &solved {
        total += part.score.total;
        complete &= part.score.complete();
        bound = bound.and_then(|sum: f64| part.bound().map(|b| sum + b));
        for (task, column) in part.members.iter().zip(&part.columns) {
            columns[*task as usize].clone_from(column);
        }
    }
    total += settle(problem, params, &mut columns);
    let bound = if complete { bound.map(|bound| bound.min(total)) } else { None };
    let cut_short = params.is_over();
    if cut_short {
        run.phases.note("interrupted", 1, 0);
    }
    let phases = run.phases.finish(total, bound);
    for phase in &phases {
        live.done(phase);
    }
    Outcome { columns, total, bound, complete, prices: run.prices, phases, effort: run.effort, cut_short }
}

fn has_budgets(problem: &Problem) -> bool {
    !problem.budgets.is_empty() || !problem.carbon_budgets.is_empty()
}

/// A component with its best plan.
struct Part {
    members: Vec<u32>,
    /// By member.
    columns: Vec<Option<Column>>,
    score: Score,
    /// No plan that places everything required costs less.
    floor: f64,
    /// Whether nothing is left to be done.
    settled: bool,
}

impl Part {
    fn new(members: &[u32], best: &Assignment, floor: f64, settled: bool) -> Self {
        let columns = members.iter().map(|task| best.columns[*task as usize].clone()).collect();
        Self { members: members.to_vec(), columns, score: best.score.clone(), floor, settled }
    }

    /// The best plan, by task of the problem.
    fn best(&self, problem: &Problem) -> Assignment {
        let mut columns = vec![None; problem.tasks.len()];
        for (task, column) in self.members.iter().zip(&self.columns) {
            columns[*task as usize].clone_from(column);
        }
        Assignment { columns, score: self.score.clone() }
    }

    fn bound(&self) -> Option<f64> {
        self.score.complete().then_some(self.floor.min(self.score.total))
    }
}

struct Run<'a> {
    problem: &'a Problem,
    params: &'a Params,
    known: &'a [Vec<Option<Column>>],
    /// Prices of large components before the change.
    before: Carried,
    in_force: &'a mut InForce,
    ranks: &'a Ranks,
    phases: Phases,
    effort: u64,
    prices: Vec<crate::outcome::Price>,
    /// Large components by their first task.
    sites: BTreeMap<u32, Site<'a>>,
}

impl Run<'_> {
    /// Solves components one by one: each has a first plan before the first is improved.
    fn parts(&mut self, parts: &[Vec<u32>], known: &[Part], live: &mut Live<'_>) -> Vec<Part> {
        let mut solved: Vec<Part> = parts.iter().map(|members| self.first(members, known)).collect();
        for part in &solved {
            live.add(&part.score, part.floor);
        }
        live.tell();
        for part in solved.iter_mut().filter(|part| !part.settled) {
            live.part(&part.score, part.floor);
            *part = self.improved(part, live);
        }
        solved
    }

    fn exceeded(&self, solved: &[Part]) -> bool {
        let mut state = State::new(self.problem);
        for part in solved {
            let best = part.best(self.problem);
            for task in topological(self.problem, &part.members) {
                if let Some(column) = &best.columns[task as usize] {
                    state.place(task as usize, column.clone());
                }
            }
        }
        !state.over_budget().is_none()
    }

    /// The first plan of a component: the best one where that is quickly known.
    fn first(&mut self, members: &[u32], known: &[Part]) -> Part {
        let problem = self.problem;
        // A part that joining did not change, and that no budget touches, keeps its plan.
        let touched = members.iter().any(|t| {
            let t = &problem.tasks[*t as usize];
            !t.budgets.is_empty() || !t.carbon_budgets.is_empty()
        });
        if !touched && let Some(same) = known.iter().find(|part| part.members == members) {
            return Part {
                members: members.to_vec(),
                settled: true,
                columns: same.columns.clone(),
                score: same.score.clone(),
                floor: same.floor,
            };
        }
        if let Some(best) =
            (members.len() > 1).then(|| workflow::solve(problem, self.ranks, members)).flatten()
            && State::within(problem, &best)
        {
            self.phases.add("elimination", 1, 0);
            return Part::new(members, &best, best.score.total, true);
        }
        let large = site::is_large(problem, members) && !slots::is_timed_and_large(problem, members);
        let site = large.then(|| Site::new(problem, members)).flatten();
        let (mut best, floor) = if let Some(site) = &site {
            site.first(self.ranks, self.params)
        } else {
            let floor = members.iter().map(|t| exact::least(problem, *t as usize)).sum();
            (greedy(problem, self.ranks, members), floor)
        };
        self.sites.extend(site.map(|site| (members[0], site)));
        // Of equal plans the first one met is kept.
        best = match stay(problem, self.ranks, members) {
            Some(plan) if !best.score.better_than(&plan.score) => plan,
            _ => best,
        };
        let is_site = self.sites.contains_key(&members[0]);
        for columns in self.known {
            let plan = complete(problem, self.ranks, members, columns);
            let total = if is_site { plan.score.total } else { 0.0 };
            if Hold::new(&self.in_force.home, total, members.len()).prefers(&plan, &best) {
                best = plan;
            }
        }
        self.phases.add("first plan", 1, 0);
        Part::new(members, &best, floor, false)
    }

    /// The best plan of a component that is found from its first.
    fn improved(&mut self, part: &Part, live: &mut Live<'_>) -> Part {
        let (problem, members, params) = (self.problem, &part.members, self.params);
        let mut best = part.best(problem);
        if slots::is_timed_and_large(problem, members) {
            let mut told = |phase: &'static str, score: &Score, bound: Option<f64>| {
                live.phase(phase);
                live.plan(score);
                if let Some(bound) = bound {
                    live.bound(bound);
                }
            };
            if let Some(found) = slots::solve(problem, self.ranks, members, &best, params, &mut told) {
                self.effort += params.effort;
                for (name, counts) in &found.phases {
                    self.phases.add_all(name, counts);
                }
                return Part::new(members, &found.best, part.floor.max(found.bound), true);
            }
        }
        if let Some(mut site) = self.sites.remove(&members[0]) {
            let in_force = &mut *self.in_force;
            let hold = Hold::new(&in_force.home, best.score.total, members.len());
            in_force.held |= hold.fare() > 0.0;
            site.hold(&hold);
            let found = site.improve((self.ranks, params), &best, &hold, &self.before, live);
            in_force.carried.extend(found.carried);
            for (name, counts) in &found.phases {
                self.phases.add_all(name, counts);
            }
            self.effort += found.effort;
            return Part::new(members, &found.best, part.floor.max(found.bound), true);
        }
        live.phase("branch and bound");
        let order = topological(problem, members);
        let limit = self.exact_nodes(members);
        let found = exact::search(problem, self.ranks, &order, Some(&best), limit, params.time_left);
        self.effort += found.nodes;
        self.phases.add("branch and bound", found.nodes, u64::from(found.proven));
        if let Some(better) = found.best {
            live.plan(&better.score);
            best = better;
        }
        if found.proven {
            live.bound(best.score.total);
            return Part::new(members, &best, best.score.total, true);
        }
        let mut floor = part.floor;
        let found = mip::solve(problem, self.ranks, members, &best, params, live);
        self.phases.add_all("mixed-integer program", &found.counts);
        if let Some(better) = found.best {
            best = better;
        }
        if let Some(found) = found.bound {
            floor = floor.max(found);
        }
        self.prices.extend(found.prices);
        if best.score.complete() && best.score.total > floor + EQUAL * floor.abs().max(1.0) {
            live.phase("search");
            let moves = Moves { seed: params.seed + 1, ..params.moves(params.effort / 10) };
            best = search::improve(problem, self.ranks, members, &best, moves);
            live.plan(&best.score);
            self.effort += moves.count;
            self.phases.add("search", moves.count, 0);
        }
        Part::new(members, &best, floor, true)
    }

    /// Nodes that branch and bound may visit: fewer the more columns each node looks at.
    fn exact_nodes(&self, members: &[u32]) -> u64 {
        // A large component is one dive: its tree would never be closed.
        if members.len() > 24 {
            return members.len() as u64 + 2;
        }
        let choices: usize = members.iter().map(|t| self.problem.tasks[*t as usize].choices.len()).sum();
        let wide = 50 * self.params.effort / (choices as u64 / members.len().max(1) as u64 + 1);
        wide.clamp(members.len() as u64 * 2 + 2, (2 * self.params.effort).max(members.len() as u64 * 2 + 2))
    }
}

/// The phase log: equal phases of different components are one line.
#[derive(Default)]
struct Phases(Vec<(&'static str, Vec<(&'static str, u64)>)>);

impl Phases {
    fn note(&mut self, name: &'static str, count: u64, largest: u64) {
        self.0.push((name, vec![("count", count), ("largest", largest)]));
    }

    fn add(&mut self, name: &'static str, work: u64, proven: u64) {
        self.add_all(name, &[("components", 1), ("work", work), ("proven", proven)]);
    }

    fn add_all(&mut self, name: &'static str, counts: &[(&'static str, u64)]) {
        let at = self.0.iter().position(|p| p.0 == name).unwrap_or_else(|| {
            self.0.push((name, Vec::new()));
            self.0.len() - 1
        });
        for (key, value) in counts {
            match self.0[at].1.iter_mut().find(|c| c.0 == *key) {
                Some(count) => count.1 += value,
                None => self.0[at].1.push((key, *value)),
            }
        }
    }

    fn finish(self, total: f64, bound: Option<f64>) -> Vec<Phase> {
        let last = self.0.len().saturating_sub(1);
        self.0
            .into_iter()
            .enumerate()
            .map(|(i, (name, counts))| Phase {
                name,
                total: (i == last).then_some(total),
                bound: if i == last { bound } else { None },
                counts,
            })
            .collect()
    }
}
