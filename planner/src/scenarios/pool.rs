//! The plans found so far, what each costs in every scenario, and what is proven.

use plimsoll_model::scenarios::Aim;
use plimsoll_solver::{
    Column, Outcome, Params, Price, Problem,
    column::own_cost,
    construct::topological,
    score::{EQUAL, Ranks},
    state::State,
};

use crate::build::{Build, mean};

/// A plan that keeps every limit.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// By task.
    pub(super) columns: Vec<Option<Column>>,
    /// Required tasks left out, by rank.
    pub(super) left: Vec<u32>,
    /// Dollars for what the estate states.
    pub(super) forecast: f64,
    /// Dollars in each scenario.
    pub(super) costs: Vec<f64>,
}

impl Entry {
    /// Dollars by these weights.
    pub(super) fn mean(&self, weights: &[f64]) -> f64 {
        dot(&self.costs, weights)
    }

    /// The largest regret beside these best costs.
    pub(super) fn regret(&self, best: &[f64]) -> f64 {
        self.costs.iter().zip(best).map(|(cost, best)| cost - best).fold(f64::NEG_INFINITY, f64::max)
    }
}

pub(super) fn dot(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(value, weight)| value * weight).sum()
}

/// What is proven about the mean at some weights.
#[derive(Debug, Clone)]
pub(super) struct Proven {
    pub(super) weights: Vec<f64>,
    pub(super) bound: f64,
}

/// The answer, in the pool's terms.
#[derive(Debug)]
pub(super) struct Found {
    /// The plan, then the best for the forecast, on average (where that was aimed at or searched for) and in
    /// each scenario.
    pub(super) chosen: Entry,
    pub(super) forecast: Entry,
    pub(super) average: Entry,
    pub(super) best: Vec<Entry>,
    /// By scenario what the best plan costs at least.
    pub(super) best_bounds: Vec<Option<f64>>,
    /// What the plan has of what is aimed at, and what every plan has of it.
    pub(super) aimed: f64,
    pub(super) bound: Option<f64>,
    pub(super) weights: Vec<f64>,
    pub(super) solves: u64,
}

pub(super) struct Pool<'b, 'o> {
    pub(super) build: &'b Build<'b>,
    /// The problem in each scenario.
    pub(super) problems: Vec<Problem>,
    pub(super) params: Params,
    pub(super) plans: Vec<Entry>,
    pub(super) proven: Vec<Proven>,
    /// The least regret that any plan has, if exhaustion has shown it, beside these best costs.
    pub(super) least_regret: Option<(f64, Vec<f64>)>,
    observer: &'o mut dyn FnMut(&plimsoll_solver::Phase),
    ranks: Ranks,
    order: Vec<u32>,
    effort: u64,
    solves: u64,
    cut_short: bool,
}

impl<'b, 'o> Pool<'b, 'o> {
    pub(super) fn new(
        build: &'b Build<'b>,
        time_left: Option<fn() -> f64>,
        observer: &'o mut dyn FnMut(&plimsoll_solver::Phase),
    ) -> Self {
        let settings = build.settings();
        let problem = &build.problem;
        let all: Vec<u32> = (0..problem.tasks.len() as u32).collect();
        Self {
            build,
            problems: build.problems_in(),
            params: Params {
                seed: settings.seed,
                gap: settings.gap.to_f64(),
                effort: settings.effort,
                highs: !settings.no_lp,
                time_left,
            },
            plans: Vec::new(),
            proven: Vec::new(),
            least_regret: None,
            observer,
            ranks: Ranks::new(problem),
            order: topological(problem, &all),
            effort: 0,
            solves: 0,
            cut_short: false,
        }
    }

    /// The scenarios' shares.
    pub(super) fn weights(&self) -> Vec<f64> {
        let all: Vec<f64> = self.build.outlooks().iter().map(|o| o.scenario.weight().to_f64()).collect();
        let sum: f64 = all.iter().sum();
        all.iter().map(|weight| weight / sum).collect()
    }

    /// The tasks, producers first.
    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    /// The best plan for what the estate states.
    pub(super) fn forecast(&mut self) -> Outcome {
        let problem = &self.build.problem;
        let outcome = self.run(problem);
        self.enter(&outcome.columns);
        outcome
    }

    /// The best plan of the mean by some weights, with its bound.
    pub(super) fn solve(&mut self, weights: &[f64]) -> Outcome {
        let problem = mean(&self.problems, weights);
        let limited = self.is_limited();
        let mut bound = None;
        if limited {
            // Limits on money and carbon hold at the forecast's prices, which this problem does not know. None
            // of them is a relaxation; if its plan keeps them, it is the best.
            let free = without_sums(problem.clone());
            let outcome = self.run(&free);
            bound = outcome.bound;
            if self.enter(&outcome.columns) {
                self.prove(weights, bound);
                return outcome;
            }
            // Else a plan that keeps them at the prices here, tried at the forecast's.
        }
        let outcome = self.run(&problem);
        self.enter(&outcome.columns);
        self.prove(weights, if limited { bound } else { outcome.bound });
        outcome
    }

    /// Whether sums of money or carbon are limited.
    pub(super) fn is_limited(&self) -> bool {
        let problem = &self.build.problem;
        !problem.budgets.is_empty()
            || !problem.carbon_budgets.is_empty()
            || problem.tasks.iter().any(|task| task.max_cost.is_some())
    }

    pub(super) fn prove(&mut self, weights: &[f64], bound: Option<f64>) {
        if let Some(bound) = bound {
            self.proven.push(Proven { weights: weights.to_vec(), bound });
        }
    }

    /// What the mean by some weights is at least.
    fn mean_bound(&self, weights: &[f64]) -> Option<f64> {
        let same = |a: &[f64]| a.iter().zip(weights).all(|(a, b)| a.total_cmp(b).is_eq());
        let bounds = self.proven.iter().filter(|proven| same(&proven.weights)).map(|proven| proven.bound);
        bounds.reduce(f64::max).filter(|_| self.is_complete())
    }

    /// Whether no plan has a smaller mean by some weights than the best that was found.
    pub(super) fn is_proven(&self, weights: &[f64]) -> bool {
        let best = self.plans.iter().map(|plan| plan.mean(weights)).fold(f64::INFINITY, f64::min);
        self.mean_bound(weights).is_some_and(|bound| best - bound <= EQUAL * best.abs().max(1.0))
    }

    /// Solves a problem, knowing the plans found before.
    fn run(&mut self, problem: &Problem) -> Outcome {
        let known: Vec<Vec<Option<Column>>> =
            self.plans.iter().map(|plan| priced(problem, &plan.columns)).collect();
        let outcome = plimsoll_solver::solve_from(problem, &self.params, &known, self.observer);
        self.solves += 1;
        self.effort += outcome.effort;
        self.cut_short |= outcome.cut_short;
        outcome
    }

    /// Takes in a plan if it keeps every limit and leaves out no more of what is required than the others.
    /// Says whether it does.
    pub(super) fn enter(&mut self, columns: &[Option<Column>]) -> bool {
        let problem = &self.build.problem;
        let columns = priced(problem, columns);
        let mut state = State::new(problem);
        for &task in &self.order {
            let Some(column) = &columns[task as usize] else { continue };
            if state.obstacle(task as usize, column).is_some() {
                return false;
            }
            state.place(task as usize, column.clone());
        }
        if !state.over_budget().is_none() {
            return false;
        }
        let (mut left, mut forgone) = (vec![0; self.ranks.len()], 0.0);
        for (task, _) in problem.tasks.iter().zip(&columns).filter(|(_, column)| column.is_none()) {
            if task.required {
                left[self.ranks.of(task.priority)] += 1;
            } else {
                forgone += task.value;
            }
        }
        match self.plans.first().map(|known| left.cmp(&known.left)) {
            Some(std::cmp::Ordering::Greater) => return false,
            Some(std::cmp::Ordering::Less) => self.plans.clear(),
            _ => {}
        }
        let same = |known: &Entry| {
            known.columns.iter().zip(&columns).all(|(a, b)| match (a, b) {
                (Some(a), Some(b)) => a.choice == b.choice && a.runs == b.runs,
                (a, b) => a.is_none() && b.is_none(),
            })
        };
        if !self.plans.iter().any(same) {
            let costs = self.problems.iter().map(|there| self.total(there, &columns) + forgone).collect();
            let forecast = state.total() + forgone;
            self.plans.push(Entry { columns, left, forecast, costs });
        }
        true
    }

    fn total(&self, problem: &Problem, columns: &[Option<Column>]) -> f64 {
        let mut state = State::new(problem);
        let columns = priced(problem, columns);
        for &task in &self.order {
            if let Some(column) = &columns[task as usize] {
                state.place(task as usize, column.clone());
            }
        }
        state.total()
    }

    /// Whether everything required is placed; else nothing is proven.
    pub(super) fn is_complete(&self) -> bool {
        self.plans.first().is_some_and(|plan| plan.left.iter().all(|count| *count == 0))
    }

    /// The least cost seen in each scenario.
    pub(super) fn best_costs(&self) -> Vec<f64> {
        let least = |at: usize| self.plans.iter().map(|plan| plan.costs[at]).fold(f64::INFINITY, f64::min);
        (0..self.problems.len()).map(least).collect()
    }

    /// The largest regret is at least this, by what is proven about means.
    pub(super) fn regret_bound(&self) -> Option<f64> {
        let best = self.best_costs();
        // A regret weighs what is lost in every scenario at least as much as any mean does.
        let by_means = self.proven.iter().map(|proven| proven.bound - dot(&best, &proven.weights));
        let exhausted = self.least_regret.as_ref().filter(|(_, beside)| {
            beside.iter().zip(&best).all(|(a, b)| (a - b).abs() <= EQUAL * b.abs().max(1.0))
        });
        let all = by_means.chain(exhausted.map(|(least, _)| *least));
        // One plan's largest regret is at least 0: that of a best plan of a scenario is 0 there.
        self.is_complete().then(|| all.fold(0.0, f64::max))
    }

    /// The plan with the least of something; of equals the one that is best on average, then the first.
    fn least(&self, of: impl Fn(&Entry) -> f64) -> Option<&Entry> {
        let weights = self.weights();
        let close = |a: f64, b: f64| (a - b).abs() <= EQUAL * a.abs().max(b.abs()).max(1.0);
        self.plans.iter().reduce(|best, next| {
            let (a, b) = (of(next), of(best));
            let better = if close(a, b) {
                let (a, b) = (next.mean(&weights), best.mean(&weights));
                a < b && !close(a, b)
            } else {
                a < b
            };
            if better { next } else { best }
        })
    }

    /// The answer, with the forecast's outcome turned into that of the plan chosen.
    pub(super) fn finish(self, aim: Aim, forecast: Outcome, prices: Vec<Price>) -> (Found, Outcome) {
        let (weights, best_costs) = (self.weights(), self.best_costs());
        let none = || Entry {
            columns: forecast.columns.clone(),
            left: Vec::new(),
            forecast: forecast.total,
            costs: vec![forecast.total; weights.len()],
        };
        let entry = |of: &dyn Fn(&Entry) -> f64| self.least(of).cloned().unwrap_or_else(none);
        let average = entry(&|plan| plan.mean(&weights));
        let chosen = match aim {
            Aim::Average => average.clone(),
            Aim::Regret => entry(&|plan| plan.regret(&best_costs)),
        };
        let complete = self.is_complete();
        let found = Found {
            aimed: match aim {
                Aim::Average => chosen.mean(&weights),
                Aim::Regret => chosen.regret(&best_costs),
            },
            forecast: entry(&|plan| plan.forecast),
            best: (0..weights.len()).map(|at| entry(&move |plan: &Entry| plan.costs[at])).collect(),
            best_bounds: (0..weights.len())
                .map(|at| self.mean_bound(&super::unit(at, weights.len())))
                .collect(),
            bound: match aim {
                Aim::Average => self.mean_bound(&weights),
                Aim::Regret => self.regret_bound(),
            },
            solves: self.solves,
            chosen,
            average,
            weights,
        };
        let outcome = Outcome {
            columns: found.chosen.columns.clone(),
            total: found.chosen.forecast,
            bound: forecast.bound.filter(|_| complete),
            complete,
            prices,
            phases: forecast.phases,
            effort: self.effort,
            cut_short: self.cut_short,
        };
        (found, outcome)
    }
}

/// Columns with what they cost in a problem.
fn priced(problem: &Problem, columns: &[Option<Column>]) -> Vec<Option<Column>> {
    let price = |(task, column): (usize, &Option<Column>)| {
        let column = column.as_ref()?;
        let t = &problem.tasks[task];
        let own = own_cost(problem, t, &t.choices[column.choice as usize], &column.runs);
        Some(Column { own, ..column.clone() })
    };
    columns.iter().enumerate().map(price).collect()
}

/// The problem without limits on money and carbon.
fn without_sums(mut problem: Problem) -> Problem {
    problem.budgets.clear();
    problem.carbon_budgets.clear();
    for task in &mut problem.tasks {
        task.max_cost = None;
        task.budgets.clear();
        task.carbon_budgets.clear();
    }
    problem
}
