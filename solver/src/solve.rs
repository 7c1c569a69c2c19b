//! The phases in order, component by component.

use crate::{
    column::Column,
    components::components,
    construct::{Assignment, complete, greedy, topological},
    exact, mip,
    outcome::{Outcome, Params, Phase},
    problem::Problem,
    prompt::start_promptly,
    score::{EQUAL, Ranks},
    search,
    state::State,
    workflow,
};

/// Told of each better plan: total and bound of all components so far, `None` where unknown.
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
    let ranks = Ranks::new(problem);
    let mut run = Run {
        problem,
        params,
        known,
        ranks: &ranks,
        phases: Phases::default(),
        effort: 0,
        prices: Vec::new(),
    };
    // Budgets join tasks that share nothing else; most do not bind. First without joining.
    let parts = components(problem, false);
    run.phases.note("components", parts.len() as u64, parts.iter().map(Vec::len).max().unwrap_or(0) as u64);
    let mut solved = run.parts(&parts, &[]);
    if has_budgets(problem) && run.exceeded(&solved) {
        let joined = components(problem, true);
        run.phases.note("components joined by budgets", joined.len() as u64, 0);
        run.prices.clear();
        solved = run.parts(&joined, &solved);
    }
    let mut columns: Vec<Option<Column>> = vec![None; problem.tasks.len()];
    let (mut total, mut bound) = (0.0, Some(0.0));
    let mut complete = true;
    for part in &solved {
        total += part.best.score.total;
        complete &= part.best.score.complete();
        bound = bound.and_then(|sum: f64| part.bound.map(|b| sum + b.min(part.best.score.total)));
        for task in &part.members {
            columns[*task as usize].clone_from(&part.best.columns[*task as usize]);
        }
    }
    total += start_promptly(problem, &mut columns);
    let bound = if complete { bound.map(|bound| bound.min(total)) } else { None };
    let phases = run.phases.finish(total, bound);
    for phase in &phases {
        observer(phase);
    }
    Outcome { columns, total, bound, complete, prices: run.prices, phases, effort: run.effort }
}

fn has_budgets(problem: &Problem) -> bool {
    !problem.budgets.is_empty() || !problem.carbon_budgets.is_empty()
}

/// A component with its best plan.
struct Part {
    members: Vec<u32>,
    best: Assignment,
    bound: Option<f64>,
}

struct Run<'a> {
    problem: &'a Problem,
    params: &'a Params,
    known: &'a [Vec<Option<Column>>],
    ranks: &'a Ranks,
    phases: Phases,
    effort: u64,
    prices: Vec<crate::outcome::Price>,
}

impl Run<'_> {
    fn parts(&mut self, parts: &[Vec<u32>], known: &[Part]) -> Vec<Part> {
        let mut solved = Vec::with_capacity(parts.len());
        for members in parts {
            // A part that joining did not change, and that no budget touches, keeps its plan.
            let same = known.iter().find(|p| p.members == *members);
            let touched = members.iter().any(|t| {
                let t = &self.problem.tasks[*t as usize];
                !t.budgets.is_empty() || !t.carbon_budgets.is_empty()
            });
            solved.push(match same {
                Some(part) if !touched => {
                    Part { members: members.clone(), best: part.best.clone(), bound: part.bound }
                }
                _ => self.part(members),
            });
        }
        solved
    }

    fn exceeded(&self, solved: &[Part]) -> bool {
        let mut state = State::new(self.problem);
        for part in solved {
            for task in topological(self.problem, &part.members) {
                if let Some(column) = &part.best.columns[task as usize] {
                    state.place(task as usize, column.clone());
                }
            }
        }
        !state.over_budget().is_none()
    }

    /// Solves one component.
    fn part(&mut self, members: &[u32]) -> Part {
        let problem = self.problem;
        if let Some(best) =
            (members.len() > 1).then(|| workflow::solve(problem, self.ranks, members)).flatten()
            && State::within(problem, &best)
        {
            self.phases.add("elimination", 1, 0);
            let bound = best.score.complete().then_some(best.score.total);
            return Part { members: members.to_vec(), best, bound };
        }
        let mut best = greedy(problem, self.ranks, members);
        for columns in self.known {
            let plan = complete(problem, self.ranks, members, columns);
            if plan.score.better_than(&best.score) {
                best = plan;
            }
        }
        self.phases.add("first plan", 1, 0);
        let order = topological(problem, members);
        let limit = self.exact_nodes(members);
        let found = exact::search(problem, self.ranks, &order, Some(&best), limit);
        self.effort += found.nodes;
        self.phases.add("branch and bound", found.nodes, u64::from(found.proven));
        if let Some(better) = found.best {
            best = better;
        }
        if found.proven {
            let bound = best.score.complete().then_some(best.score.total);
            return Part { members: members.to_vec(), best, bound };
        }
        let moves = self.params.effort / 10;
        let floor: f64 = members.iter().map(|t| exact::least(problem, *t as usize)).sum();
        let mut bound = floor;
        let found = mip::solve(problem, self.ranks, members, &best, self.params);
        self.phases.add_all("mixed-integer program", &found.counts);
        if let Some(better) = found.best {
            best = better;
        }
        if let Some(found) = found.bound {
            bound = bound.max(found);
        }
        self.prices.extend(found.prices);
        if best.score.complete() && best.score.total > bound + EQUAL * bound.abs().max(1.0) {
            best = search::improve(problem, self.ranks, members, &best, self.params.seed + 1, moves);
            self.effort += moves;
            self.phases.add("search", moves, 0);
        }
        let bound = best.score.complete().then_some(bound.min(best.score.total));
        Part { members: members.to_vec(), best, bound }
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
