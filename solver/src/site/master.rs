//! Whole ways through blocks: the linear program over them.
//!
//! Every step of [prices](super::prices) suggests a way for each block; the linear program over those of low
//! reduced cost finds prices that prove more than steps do (Dantzig & Wolfe 1960, as in [`crate::master`]). Bounds
//! are always over all pairs.

use super::{plan::OUT, prices::Prices, ways::terms};
use crate::{
    linear::{
        Program, Row, Solution, Status,
        grown::{Grown, between},
        highs,
    },
    outcome::Params,
};

/// The weight of the best prices so far in the next ones.
const WEIGHT: f64 = 0.5;
/// Ways that the linear program begins with, for each block.
const FIRST: usize = 20;
/// The share of the bound to which the program's value must come.
const CLOSE: f64 = 2e-4;
/// By how much a row may be broken in the program, as a share of it.
const SLACK: f64 = 1e-6;

/// What came of the linear program.
#[derive(Debug, Default)]
pub(super) struct Solved {
    pub rounds: u64,
    pub columns: u64,
    /// What the way of each block with the largest share in it suggests, by member.
    pub pairs: Vec<u32>,
}

struct Master<'p, 'm> {
    prices: &'p mut Prices<'m>,
    lp: highs::Highs,
    /// By column its way, and by way whether it is a column.
    columns: Vec<u32>,
    there: Vec<bool>,
    /// Its rows of the prices; before them lies one for each block.
    rows: Grown,
}

/// Improves prices by a number of rounds of the linear program. `plan`: by member a pair, so that the program has a
/// solution. `None` where it failed, or there was no time.
pub(super) fn solve(prices: &mut Prices<'_>, plan: &[u32], rounds: u64, params: &Params) -> Option<Solved> {
    prices.learn_ways(plan);
    let blocks = prices.blocks();
    let rows = vec![Row { low: 1.0, high: 1.0, terms: Vec::new() }; blocks as usize];
    let program = Program { rows, ..Program::default() };
    let lp = highs::Highs::new(&program, false, params.time_left);
    let rows = Grown::new(blocks);
    let mut master = Master { prices, lp, columns: Vec::new(), there: Vec::new(), rows };
    let centre = master.prices.volume.centre.clone();
    let sums = master.prices.model.limits.iter().filter(|of| of.sum).count();
    let first: Vec<usize> = (0..centre.len()).filter(|row| centre[*row] < 0.0 || *row < sums).collect();
    master.add_rows(&first);
    // A plan's ways keep every row.
    let reduced = master.prices.ways.reduced(master.prices, &centre);
    for (block, list) in (0_u32..).zip(&reduced) {
        let members = master.prices.members_of(block);
        let own: Vec<u32> = members.iter().map(|m| plan[*m as usize]).collect();
        let is_own = |number: u32| master.prices.ways.list[number as usize].pairs == own;
        let wanted: Vec<u32> = list
            .iter()
            .enumerate()
            .filter(|(n, of)| *n < FIRST || is_own(of.1))
            .map(|(_, of)| of.1)
            .collect();
        for number in wanted {
            master.add(number);
        }
    }
    let mut solved = Solved::default();
    for _ in 0..rounds {
        if params.is_over() {
            break;
        }
        let solution = master.lp.run();
        let (Status::Optimal, Some(values)) = (solution.status, &solution.values) else { break };
        solved.rounds += 1;
        solved.pairs = master.spread(values);
        let broken = master.broken();
        let added = master.price_out(&solution);
        let close = solution.bound - master.prices.bound <= CLOSE * solution.bound.abs();
        if broken.is_empty() && (added == 0 || close) {
            break;
        }
        master.add_rows(&broken);
    }
    solved.columns = master.columns.len() as u64;
    (solved.rounds > 0).then_some(solved)
}

impl Master<'_, '_> {
    /// Adds a way that is not there yet; whether it was not.
    fn add(&mut self, number: u32) -> bool {
        if self.there.len() <= number as usize {
            self.there.resize(number as usize + 1, false);
        }
        if std::mem::replace(&mut self.there[number as usize], true) {
            return false;
        }
        let way = &self.prices.ways.list[number as usize];
        let mut column = vec![(way.block, 1.0)];
        for (row, amount) in terms(self.prices, way, |_| 1.0) {
            column.extend(self.rows.at(row as usize).map(|at| (at, amount)));
        }
        self.lp.add_column(way.cost, (0.0, f64::INFINITY), &column);
        self.columns.push(number);
        true
    }

    /// Adds rows of the prices.
    fn add_rows(&mut self, new: &[usize]) {
        let prices = &*self.prices;
        let columns = (0_u32..).zip(&self.columns);
        let most = |row: usize| prices.rows[row].most;
        let rows = self.rows.take(new, most, columns, |number, each| {
            for (row, amount) in terms(prices, &prices.ways.list[*number as usize], |_| 1.0) {
                each(row as usize, amount);
            }
        });
        self.lp.add_rows(&rows);
    }

    /// Makes a solution the mean of the prices; by member the pair of its block's way with the largest share.
    fn spread(&mut self, values: &[f64]) -> Vec<u32> {
        let members = self.prices.mean.len();
        let mut mean: Vec<Vec<(u32, f64)>> = vec![Vec::new(); members];
        let mut pairs = vec![OUT; members];
        let mut largest = vec![0.0; self.prices.blocks() as usize];
        for (number, value) in self.columns.iter().zip(values).filter(|of| *of.1 > 1e-7) {
            let way = &self.prices.ways.list[*number as usize];
            let most = &mut largest[way.block as usize];
            let is_largest = *value > *most;
            *most = value.max(*most);
            for (m, pair) in self.prices.members_of(way.block).iter().zip(&way.pairs) {
                if is_largest {
                    pairs[*m as usize] = *pair;
                }
                if *pair != OUT {
                    let list = &mut mean[*m as usize];
                    match list.iter_mut().find(|of| of.0 == *pair) {
                        Some(of) => of.1 += value,
                        None => list.push((*pair, *value)),
                    }
                }
            }
        }
        self.prices.set_mean(mean);
        pairs
    }

    /// The rows that the mean breaks and that the program lacks, made where there are none.
    fn broken(&mut self) -> Vec<usize> {
        self.prices.look();
        self.prices.look_for_covers();
        let level = self.prices.levels();
        let breaks = |row: &usize| level[*row] > self.prices.rows[*row].most * (1.0 + SLACK);
        (0..level.len()).filter(|row| self.rows.at(*row).is_none()).filter(breaks).collect()
    }

    /// Prices out all ways at the duals of a solution and at prices closer to the best so far, and adds those that
    /// lower its cost; how many.
    fn price_out(&mut self, solution: &Solution) -> usize {
        let blocks = self.prices.blocks() as usize;
        let worth = solution.duals[..blocks].to_vec();
        let duals = self.rows.prices(&solution.duals, self.prices.rows.len());
        let smooth = between(&duals, &self.prices.volume.centre, WEIGHT);
        let mut added = 0;
        for at in [&smooth, &duals] {
            // Also those that steps knew and the program did not begin with.
            for number in self.prices.try_prices(at) {
                let way = &self.prices.ways.list[number as usize];
                let charged: f64 = terms(self.prices, way, |row| -duals[row]).values().sum();
                let least = worth[way.block as usize];
                if way.cost + charged < least - 1e-9 * least.abs().max(1.0) {
                    added += usize::from(self.add(number));
                }
            }
            if added > 0 {
                break;
            }
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        problem::{Choice, HOUR, Problem, Task},
        site::model::Model,
    };

    /// Two tasks with 40 offers each, from $1 on a cent dearer one after the other; those before the 25th draw on a
    /// quota that has room for one of them.
    fn one_of_many() -> Problem {
        let choice = |offer: u32| Choice {
            offer,
            hourly: 1.0 + 0.01 * f64::from(offer),
            instances: 1.0,
            units: 1,
            run: HOUR as i64,
            quotas: if offer < 25 { vec![(0, 1)] } else { Vec::new() },
            ..Choice::default()
        };
        let task = |class| Task {
            class,
            required: true,
            replicas: 1,
            slots: HOUR as i64,
            choices: (0..40).map(choice).collect::<Vec<_>>().into(),
            ..Task::default()
        };
        Problem {
            counts: vec![None; 40],
            quotas: vec![1],
            quota_units: vec![1],
            tasks: vec![task(0), task(1)],
            ..Problem::default()
        }
    }

    #[test]
    fn ways_that_are_known_already_are_priced_out_too() {
        let problem = one_of_many();
        let model = Model::new(&problem, &[0, 1]).expect("it is flat");
        let mut prices = Prices::new(&model);
        prices.keep_ways();
        prices.climb(1, f64::INFINITY, &Params::default());
        // All ways are known: the program begins with the 20 cheapest of each, and the dearest as the plan.
        let first = [model.range(0), model.range(1)].map(|range| range.start);
        for pair in 0..40 {
            prices.learn_ways(&first.map(|of| of + pair));
        }
        let solved =
            solve(&mut prices, &first.map(|of| of + 39), 50, &Params::default()).expect("it is small");
        // At best one is on the first offer and the other on the first beside the quota.
        let best = 1.0 + 1.25;
        assert!((best * (1.0 - CLOSE)..=best).contains(&prices.bound), "{} of {best}", prices.bound);
        assert!(solved.columns > 42, "{} columns", solved.columns);
    }
}
