//! The problem in each scenario: the same choices at other prices, rates and intensities.
//!
//! What a plan costs is linear in the hourly price, in price × rework, and in the carbon intensity at each
//! moment. So the mean of the scenarios by any weights is a problem of the same form, and exact: the mean
//! price, the mean of price × rework over the mean price as its rework, the mean intensity. Reserved
//! instances are taken from what is billed whatever it costs, and stay as they are.

use std::collections::BTreeMap;

use plimsoll_solver::{
    Problem,
    column::static_cost,
    problem::{Choice, Series, Task, ceil_second},
};

use super::{Build, thin};
use crate::{
    prospect::MOST_REWORK,
    terms::{Terms, rework},
    world::{Intensity, LocationIx, Offer, OfferIx, Outlook},
};

impl<'w> Build<'w> {
    /// The scenarios that the problem was made for.
    pub const fn outlooks(&self) -> &'w [Outlook<'w>] {
        self.outlooks
    }

    /// Expected rework as a share of compute in a scenario.
    pub fn rework_in(outlook: &Outlook<'_>, offer: &Offer, terms: &Terms) -> f64 {
        rework(outlook.exposure(offer, terms.exposure, terms.at_risk))
    }

    /// The carbon intensity of a location in a scenario, where it was looked up.
    pub fn intensity_in(&self, outlook: usize, location: LocationIx) -> Option<Intensity> {
        Some(self.outlooks[outlook].intensity(self.world, location, self.intensity(location)?))
    }

    /// Whether an offer can be used whatever comes: beyond some rate of interruptions work never ends.
    pub(super) fn bears_outlooks(&self, ix: OfferIx, terms: &Terms) -> bool {
        let offer = self.world.offer(ix);
        // A rate that nothing states is told of elsewhere.
        terms.exposure.is_nan()
            || self.outlooks.iter().all(|outlook| Self::rework_in(outlook, offer, terms) <= MOST_REWORK)
    }

    /// Adds what a choice costs in each scenario to what it is compared by: another is better only when it is
    /// in every one, and so at any weights.
    pub(super) fn measure_outlooks(
        &self,
        task: &Task,
        choice: &Choice,
        (ix, terms): (OfferIx, &Terms),
        profile: &mut thin::Profile,
    ) {
        let start = ceil_second(choice.ready);
        let fixed_start = task.deadline.is_none() && task.inputs.is_empty();
        let stated = profile.measures[0];
        for (at, outlook) in self.outlooks.iter().enumerate() {
            let there = changed(choice, outlook, self.world.offer(ix), terms);
            let mut cost = stated + static_cost(&there) - static_cost(choice);
            if let Some(series) = choice.series.map(|series| series as usize)
                && self.problem.usd_per_kg > 0.0
                && (fixed_start || self.problem.series[series].is_constant())
            {
                let integral = |of: &Series| of.integral(start, start + choice.run);
                let more = integral(&self.series_in[at][series]) - integral(&self.problem.series[series]);
                cost += more * choice.kilowatts * self.problem.usd_per_kg;
            }
            profile.measures.push(cost);
        }
    }

    /// The problem in each scenario.
    pub fn problems_in(&self) -> Vec<Problem> {
        let of = |(at, outlook): (usize, &Outlook<'_>)| {
            // Who holds choices together also holds their terms together.
            let there = |task: usize, choices: &[Choice]| {
                let changed = |(choice, terms): (&Choice, &Terms)| {
                    changed(choice, outlook, self.world.offer(self.offers[choice.offer as usize]), terms)
                };
                Some(choices.iter().zip(self.terms[task].iter()).map(changed).collect())
            };
            let mut problem = self.problem.with_choices(|_| (), there);
            problem.series.clone_from(&self.series_in[at]);
            problem
        };
        self.outlooks.iter().enumerate().map(of).collect()
    }
}

/// A choice in a scenario.
fn changed(choice: &Choice, outlook: &Outlook<'_>, offer: &Offer, terms: &Terms) -> Choice {
    let hourly = outlook.hourly(offer).to_f64();
    // What no plan may use, as it may never end, stays a number.
    let risk = Build::rework_in(outlook, offer, terms).min(MOST_REWORK);
    Choice { hourly, risk, ..choice.clone() }
}

/// The mean of equal problems at other prices, by weights that sum to 1.
pub fn mean(problems: &[Problem], weights: &[f64]) -> Problem {
    let Some(first) = problems.first() else { return Problem::default() };
    let of_choice = |t: usize, c: usize, choice: &Choice| {
        let (mut hourly, mut risk) = (0.0, 0.0);
        for (problem, weight) in problems.iter().zip(weights) {
            let there = &problem.tasks[t].choices[c];
            hourly += weight * there.hourly;
            risk += weight * there.hourly * there.risk;
        }
        Choice { hourly, risk: if hourly > 0.0 { risk / hourly } else { 0.0 }, ..choice.clone() }
    };
    // By class its first task: who holds choices together with it in every problem has the same mean.
    let mut firsts: BTreeMap<u32, usize> = BTreeMap::new();
    for (t, task) in first.tasks.iter().enumerate() {
        firsts.entry(task.class).or_insert(t);
    }
    let held_with = |t: usize| {
        let of_class = firsts[&first.tasks[t].class];
        let is_held =
            |problem: &Problem| problem.tasks[t].choices.is_shared_with(&problem.tasks[of_class].choices);
        if problems.iter().all(is_held) { of_class } else { t }
    };
    let mut mean = first.with_choices(held_with, |t, choices| {
        Some(choices.iter().enumerate().map(|(c, choice)| of_choice(t, c, choice)).collect())
    });
    for (at, series) in mean.series.iter_mut().enumerate() {
        let all: Vec<&Series> = problems.iter().map(|problem| &problem.series[at]).collect();
        *series = mean_series(&all, weights);
    }
    mean
}

fn mean_series(all: &[&Series], weights: &[f64]) -> Series {
    let mut times: Vec<i64> = all.iter().flat_map(|series| series.times.iter().copied()).collect();
    times.sort_unstable();
    times.dedup();
    let value = |time: &i64| -> f64 {
        let there = |series: &&Series| {
            let at = series.times.partition_point(|t| t <= time).saturating_sub(1);
            series.values[at]
        };
        all.iter().zip(weights).map(|(series, weight)| weight * there(series)).sum()
    };
    let values = times.iter().map(value).collect();
    Series::new(times, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_series_has_the_mean_integral() {
        let hour = 3_600_000_000_000;
        let (a, b) = (Series::new(vec![0, hour], vec![1.0, 3.0]), Series::constant(5.0));
        let mean = mean_series(&[&a, &b], &[0.25, 0.75]);
        for (from, until) in [(-2, -1), (0, 1), (0, 3), (2, 4)] {
            let (from, until) = (from * hour, until * hour);
            let right = 0.25 * a.integral(from, until) + 0.75 * b.integral(from, until);
            assert!((mean.integral(from, until) - right).abs() < 1e-12);
        }
    }

    #[test]
    fn a_mean_of_choices_keeps_expected_rework() {
        let problem = |hourly, risk| {
            let choice = Choice { instances: 2.0, hourly, risk, run: 3_600_000_000_000, ..Choice::default() };
            Problem {
                tasks: vec![Task { choices: vec![choice].into(), ..Task::default() }],
                ..Problem::default()
            }
        };
        let problems = [problem(1.0, 0.5), problem(4.0, 0.1), problem(0.0, 2.0)];
        let weights = [0.5, 0.3, 0.2];
        let cost = |problem: &Problem| static_cost(&problem.tasks[0].choices[0]);
        let right: f64 = problems.iter().zip(weights).map(|(problem, weight)| weight * cost(problem)).sum();
        assert!((cost(&mean(&problems, &weights)) - right).abs() < 1e-12);
        assert!(cost(&mean(&problems[2..], &[1.0])).abs() < 1e-12);
    }

    #[test]
    fn who_holds_choices_together_in_every_scenario_holds_their_mean_together() {
        let task =
            Task { choices: vec![Choice { hourly: 1.0, ..Choice::default() }].into(), ..Task::default() };
        let equal = Problem { tasks: vec![task.clone(), task.clone(), task], ..Problem::default() };
        let mut dearer = equal.clone();
        for choice in &mut dearer.tasks[1].choices {
            choice.hourly = 3.0;
        }
        let mean = mean(&[equal, dearer], &[0.5, 0.5]);
        let choices = |task: usize| &mean.tasks[task].choices;
        assert!(choices(0).is_shared_with(choices(2)) && !choices(0).is_shared_with(choices(1)));
        let hourly: Vec<f64> = (0..3).map(|task| choices(task)[0].hourly).collect();
        assert_eq!(hourly, [1.0, 2.0, 1.0]);
    }
}
