//! One plan of small largest regret, or of small mean cost where no solver of a mean knows the limits: every
//! plan where there are few, else single workloads moved.

use plimsoll_solver::{
    Column, Problem, column::own_cost, construct::candidates, exact::least, score::EQUAL, state::State,
};

use super::pool::{Entry, Pool};

/// Placements tried by moving single workloads, for each unit of effort.
const MOVES: u64 = 10;

/// What is to be small.
#[derive(Debug, Clone, Copy)]
pub(super) enum Measure<'m> {
    /// The largest regret beside these best costs.
    Regret(&'m [f64]),
    /// The mean cost by these weights.
    Mean(&'m [f64]),
}

impl Measure<'_> {
    /// Of costs by scenario.
    pub(super) fn of(self, cost: impl Fn(usize) -> f64) -> f64 {
        match self {
            Self::Regret(best) => {
                best.iter().enumerate().map(|(s, best)| cost(s) - best).fold(f64::NEG_INFINITY, f64::max)
            }
            Self::Mean(weights) => weights.iter().enumerate().map(|(s, weight)| weight * cost(s)).sum(),
        }
    }
}

/// Adds the plan of which something is least to the pool, or a better one than it has, if it finds one; and
/// says what no plan is below, if it has seen them all.
pub(super) fn improve(pool: &mut Pool<'_, '_>, measure: Measure<'_>) -> Option<f64> {
    let of = |plan: &Entry| measure.of(|s| plan.costs[s]);
    let start = pool.plans.iter().min_by(|a, b| of(a).total_cmp(&of(b))).cloned()?;
    if !pool.is_complete() {
        return None;
    }
    let work = pool.params.effort;
    let moved = Search::new(pool, measure, work.saturating_mul(MOVES)).move_single(&start);
    if let Some(columns) = moved {
        pool.enter(&columns);
    }
    let least = pool.plans.iter().map(of).fold(f64::INFINITY, f64::min);
    let (found, proven) = {
        let mut search = Search::new(pool, measure, work);
        search.least = least;
        search.visit(0);
        (search.found, search.complete && search.left > 0 && !search.base.is_unsettled())
    };
    let least = found.as_ref().map_or(least, |(least, _)| *least);
    if let Some((_, columns)) = found {
        pool.enter(&columns);
    }
    proven.then_some(least)
}

struct Search<'p> {
    problem: &'p Problem,
    problems: &'p [Problem],
    order: &'p [u32],
    measure: Measure<'p>,
    /// Dollars that plans cost, to tell what is equal.
    scale: f64,
    /// What the estate states: it judges what is allowed.
    base: State<'p>,
    /// By scenario.
    states: Vec<State<'p>>,
    /// By scenario and depth: what the tasks from there on cost at least.
    floors: Vec<Vec<f64>>,
    forgone: f64,
    /// The least of any plan known.
    least: f64,
    found: Option<(f64, Vec<Option<Column>>)>,
    /// Whether every run pattern was tried.
    complete: bool,
    /// Work that may still be done.
    left: u64,
    time_left: Option<fn() -> f64>,
}

impl<'p> Search<'p> {
    fn new(pool: &'p Pool<'_, '_>, measure: Measure<'p>, work: u64) -> Self {
        let order = pool.order();
        let floor = |problem: &Problem| {
            let mut floor = vec![0.0; order.len() + 1];
            for (depth, task) in order.iter().enumerate().rev() {
                floor[depth] = floor[depth + 1] + least(problem, *task as usize);
            }
            floor
        };
        Self {
            problem: &pool.build.problem,
            problems: &pool.problems,
            order,
            measure,
            scale: pool.best_costs().iter().fold(1.0, |most: f64, cost| most.max(cost.abs())),
            base: State::new(&pool.build.problem),
            states: pool.problems.iter().map(State::new).collect(),
            floors: pool.problems.iter().map(floor).collect(),
            forgone: 0.0,
            least: f64::INFINITY,
            found: None,
            complete: true,
            left: work,
            time_left: pool.params.time_left,
        }
    }

    /// The measure of what is placed, with what the tasks from a depth on cost at least.
    fn value(&self, depth: usize) -> f64 {
        self.measure.of(|s| self.states[s].total() + self.forgone + self.floors[s][depth])
    }

    fn place(&mut self, task: usize, column: &Column) {
        for (state, problem) in self.states.iter_mut().zip(self.problems) {
            let t = &problem.tasks[task];
            let own = own_cost(problem, t, &t.choices[column.choice as usize], &column.runs);
            state.place(task, Column { own, ..column.clone() });
        }
        self.base.place(task, column.clone());
    }

    fn remove(&mut self, task: usize) {
        for state in &mut self.states {
            state.remove(task);
        }
        self.base.remove(task);
    }

    /// Counts a unit of work; false when there is none left.
    fn work(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        if self.left.is_multiple_of(256) && self.time_left.is_some_and(|left| left() <= 0.0) {
            self.left = 0;
        }
        self.left > 0
    }

    /// What is no better than the least known.
    fn is_no_better(&self, value: f64) -> bool {
        value >= self.least - EQUAL * self.scale
    }

    /// Depth first over all plans that place everything required.
    fn visit(&mut self, depth: usize) {
        if !self.work() || self.is_no_better(self.value(depth)) {
            return;
        }
        let Some(&task) = self.order.get(depth) else { return self.leaf() };
        let task = task as usize;
        let mut list = Vec::new();
        self.complete &= candidates(self.problem, &self.base, task, &mut list);
        for column in list {
            if self.base.obstacle(task, &column).is_some() {
                continue;
            }
            self.place(task, &column);
            self.visit(depth + 1);
            self.remove(task);
            if self.left == 0 {
                return;
            }
        }
        let t = &self.problem.tasks[task];
        if !t.required {
            self.forgone += t.value;
            self.visit(depth + 1);
            self.forgone -= t.value;
        }
    }

    fn leaf(&mut self) {
        if self.base.over_budget().is_none() {
            self.least = self.value(self.order.len());
            self.found = Some((self.least, self.base.columns().to_vec()));
        }
    }

    /// Moves single workloads whose results nobody reads to where the measure is least, until no move
    /// helps. What comes out is better than the start.
    fn move_single(&mut self, start: &Entry) -> Option<Vec<Option<Column>>> {
        for at in 0..self.order.len() {
            let task = self.order[at] as usize;
            if let Some(column) = &start.columns[task] {
                self.place(task, column);
            } else if !self.problem.tasks[task].required {
                self.forgone += self.problem.tasks[task].value;
            }
        }
        let end = self.order.len();
        self.least = self.value(end);
        let readers = self.problem.readers();
        let sums = !self.problem.budgets.is_empty()
            || !self.problem.carbon_budgets.is_empty()
            || self.problem.tasks.iter().any(|task| task.max_cost.is_some());
        let (mut improved, mut list) = (false, Vec::new());
        loop {
            let before = self.least;
            for at in 0..end {
                let task = self.order[at] as usize;
                let Some(here) = self.base.column(task).cloned().filter(|_| readers[task].is_empty()) else {
                    continue;
                };
                self.remove(task);
                let mut best = here;
                candidates(self.problem, &self.base, task, &mut list);
                for column in list.drain(..) {
                    if !self.work() || self.base.obstacle(task, &column).is_some() {
                        continue;
                    }
                    self.place(task, &column);
                    let value = self.value(end);
                    if !self.is_no_better(value) && (!sums || self.base.over_budget().is_none()) {
                        self.least = value;
                        best = column;
                        improved = true;
                    }
                    self.remove(task);
                }
                self.place(task, &best);
            }
            if self.least >= before || self.left == 0 {
                return improved.then(|| self.base.columns().to_vec());
            }
        }
    }
}
