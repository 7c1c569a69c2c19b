//! Prices of limits, carried from a problem to what becomes of it.

use std::collections::BTreeMap;

use super::{covers::Cover, model::Key, prices::Prices};
use crate::problem::Nanos;

/// What the prices of a problem's large components came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Carried {
    /// By limit and moment dollars a unit, above 0.
    prices: BTreeMap<(Key, Nanos), f64>,
    covers: Vec<Covered>,
}

/// A cover with its price.
#[derive(Debug, Clone)]
struct Covered {
    limit: Key,
    /// How much of the limit there was: with other room it says nothing.
    room: f64,
    /// Its members are tasks of the problem.
    cover: Cover,
    usd: f64,
}

impl Carried {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.prices.is_empty() && self.covers.is_empty()
    }

    /// Takes those of another component in.
    pub(crate) fn extend(&mut self, other: Self) {
        self.prices.extend(other.prices);
        self.covers.extend(other.covers);
    }

    /// Forgets what speaks of single tasks: they are numbered anew.
    pub(crate) fn forget_tasks(&mut self) {
        self.covers.clear();
    }
}

impl Prices<'_> {
    /// Goes on from carried prices, as far as their limits are here.
    pub(super) fn resume(&mut self, carried: &Carried) {
        let model = self.model;
        let of = |limit: usize| {
            let key = model.keys[limit];
            carried.prices.range((key, Nanos::MIN)..=(key, Nanos::MAX)).map(|(at, usd)| (at.1, *usd))
        };
        let limits = || 0..model.limits.len();
        let moments: Vec<(u32, Nanos)> = limits()
            .filter(|limit| !model.limits[*limit].sum)
            .flat_map(|limit| of(limit).map(move |(moment, _)| (limit as u32, moment)))
            .collect();
        self.make(&moments);
        let covers: Vec<(Cover, f64)> =
            carried.covers.iter().filter_map(|of| Some((self.known_here(of)?, of.usd))).collect();
        self.cover(covers.iter().map(|of| of.0.clone()).collect());
        for limit in limits() {
            for (moment, usd) in of(limit) {
                self.set_price(self.row_at(limit, moment), usd);
            }
        }
        for (cover, usd) in &covers {
            self.set_price(self.row_of(cover), *usd);
        }
    }

    /// A cover in terms of the members here, if it says something of its limit as it is.
    fn known_here(&self, of: &Covered) -> Option<Cover> {
        let limit = self.model.keys.iter().position(|key| *key == of.limit)?;
        let member = |task| self.model.members.binary_search_by_key(&task, |member| member.task).ok();
        let same = self.model.limits[limit].most.to_bits() == of.room.to_bits();
        same.then(|| of.cover.with(limit as u32, |task| Some(member(task)? as u32)))
    }

    /// The prices as they are best.
    pub(super) fn carried(&self) -> Carried {
        let model = self.model;
        let mut carried = Carried::default();
        for (limit, key) in model.keys.iter().enumerate() {
            for (moment, row) in &self.of_limit[limit] {
                let usd = self.usd(*row);
                if usd > 0.0 {
                    carried.prices.insert((*key, *moment), usd);
                }
            }
            for (cover, row) in &self.covers[limit] {
                let (usd, room) = (self.usd(*row), model.limits[limit].most);
                if usd > 0.0 {
                    let task = |member: u32| Some(model.members[member as usize].task);
                    let cover = cover.with(limit as u32, task);
                    carried.covers.push(Covered { limit: *key, room, cover, usd });
                }
            }
        }
        carried
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Params, Problem,
        problem::{Choice, HOUR, Task},
        site::model::Model,
    };

    /// Three tasks that take 6 of a quota for $1, or nothing for $2.
    fn lumpy(quota: i64) -> Problem {
        let choice = |offer: u32| Choice {
            offer,
            hourly: 1.0 + f64::from(offer),
            instances: 1.0,
            run: HOUR as i64,
            quotas: if offer == 0 { vec![(0, 6)] } else { Vec::new() },
            ..Choice::default()
        };
        let task = |class| Task {
            class,
            required: true,
            replicas: 1,
            slots: HOUR as i64,
            choices: vec![choice(0), choice(1)].into(),
            ..Task::default()
        };
        Problem {
            counts: vec![None; 2],
            quotas: vec![quota],
            quota_units: vec![1],
            tasks: (0..3).map(task).collect(),
            ..Problem::default()
        }
    }

    #[test]
    fn carried_prices_prove_at_once_what_they_did_and_covers_only_of_the_same_limit() {
        let problem = lumpy(10);
        let model = Model::new(&problem, &[0, 1, 2]).expect("it is flat");
        let mut prices = Prices::new(&model);
        prices.climb(200, 5.0, &Params::default());
        // Without the cover, of which one may be there, no prices prove more than 1 + 1/3 + 2 × 4/3 + 1/3.
        assert!(prices.volume.bound > 4.8, "{}", prices.volume.bound);
        let carried = prices.carried();
        let first = |problem: &Problem| {
            let model = Model::new(problem, &[0, 1, 2]).expect("it is flat");
            let mut prices = Prices::new(&model);
            prices.resume(&carried);
            prices.climb(1, f64::INFINITY, &Params::default());
            prices.bound
        };
        assert!((first(&problem) - prices.volume.bound).abs() < 1e-6, "{}", first(&problem));
        // Where two have room the cover would say what is not so.
        assert!(first(&lumpy(12)) <= 4.0);
    }
}
