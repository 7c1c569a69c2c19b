//! What the lumps of a limit forbid beyond its sum: lifted covers (see [`crate::cuts`]) at the moments at which
//! most runs together.

use std::collections::BTreeMap;

use super::model::Model;
use crate::{
    cuts::{Knapsack, Portion},
    over_time::{Full, fullest},
    problem::Nanos,
};

/// The share of a limit in use from which it is looked at.
const USED: f64 = 0.6;
/// Moments of a limit that are looked at, those of the highest levels.
const MOMENTS: usize = 2;
/// The most covers made at a look.
const AT_ONCE: usize = 200;
/// Members that a cover is lifted by at most, those in use and others; of more pairs than so many only those.
const LIFTED: usize = 400;
const LISTED: usize = 2_000_000;

/// Σ of a coefficient by member and what it takes ≤ `most`, over what runs at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cover {
    pub limit: u32,
    pub moment: Nanos,
    pub most: f64,
    /// (member, amount from which on, coefficient), ascending.
    terms: Vec<(u32, f64, f64)>,
}

impl Cover {
    /// The members it speaks of.
    pub(super) fn members(&self) -> impl Iterator<Item = u32> {
        self.terms.iter().map(|term| term.0)
    }

    /// The same of a limit with another number and of members with other numbers; of those who have none nothing
    /// is said.
    pub(super) fn with(&self, limit: u32, number: impl Fn(u32) -> Option<u32>) -> Self {
        let term = |term: &(u32, f64, f64)| Some((number(term.0)?, term.1, term.2));
        let mut terms: Vec<(u32, f64, f64)> = self.terms.iter().filter_map(term).collect();
        terms.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        Self { limit, terms, ..*self }
    }

    /// The coefficient of a member that takes so much. Who takes more leaves less room, so a coefficient holds
    /// for larger amounts too.
    pub(super) fn of(&self, member: u32, amount: f64) -> f64 {
        let end = self.terms.partition_point(|term| (term.0, term.1) <= (member, amount));
        self.terms[..end].last().map_or(0.0, |term| if term.0 == member { term.2 } else { 0.0 })
    }
}

/// By limit over time who may take how much of it: (member, amount), ascending. Nobody where there are so many
/// that covers are lifted by those in use alone.
pub(super) fn users(model: &Model<'_>) -> Vec<Vec<(u32, f64)>> {
    let mut users: Vec<Vec<(u32, f64)>> = vec![Vec::new(); model.limits.len()];
    let all: usize = (0..model.members.len()).map(|m| model.range(m).len()).sum();
    if all > LISTED {
        return users;
    }
    for m in 0..model.members.len() {
        for (limit, amount) in model.range(m).flat_map(|pair| model.takes(pair)) {
            let list = &mut users[*limit as usize];
            let is_known = |user: &&(u32, f64)| user.0 == m as u32 && user.1.total_cmp(amount).is_eq();
            if !model.limits[*limit as usize].sum
                && !list.iter().rev().take_while(|user| user.0 == m as u32).any(|user| is_known(&user))
            {
                list.push((m as u32, *amount));
            }
        }
    }
    for list in &mut users {
        list.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    }
    users
}

/// What is held of a limit for some time.
#[derive(Debug, Clone, Copy)]
struct Held {
    member: u32,
    amount: f64,
    start: Nanos,
    end: Nanos,
    weight: f64,
}

/// The covers that a mean of solutions, (pair, weight) by member, breaks most.
pub(super) fn broken(model: &Model<'_>, users: &[Vec<(u32, f64)>], mean: &[Vec<(u32, f64)>]) -> Vec<Cover> {
    let mut held: Vec<Vec<Held>> = vec![Vec::new(); model.limits.len()];
    for (member, mean) in (0_u32..).zip(mean) {
        for &(pair, weight) in mean {
            let of = model.pair(pair);
            for &(limit, amount) in model.takes(pair) {
                if !model.limits[limit as usize].sum {
                    held[limit as usize].push(Held { member, amount, start: of.start, end: of.end, weight });
                }
            }
        }
    }
    let mut covers: Vec<(f64, Cover)> = Vec::new();
    for (limit, list) in (0_u32..).zip(&held) {
        let capacity = model.limits[limit as usize].most;
        let mut full = fullest(list.iter().map(|of| (of.start, of.end, of.amount * of.weight)));
        full.sort_by(|a, b| b.level.total_cmp(&a.level).then(a.from.cmp(&b.from)));
        for Full { from: moment, level, .. } in full.into_iter().take(MOMENTS) {
            if level >= USED * capacity {
                let running = list.iter().filter(|of| of.start <= moment && moment < of.end);
                covers.extend(cover(limit, moment, capacity, running, &users[limit as usize]));
            }
        }
    }
    covers.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.limit.cmp(&b.1.limit)));
    covers.into_iter().take(AT_ONCE).map(|of| of.1).collect()
}

/// A cover at a moment that what runs there breaks, with by how much.
fn cover<'h>(
    limit: u32,
    moment: Nanos,
    capacity: f64,
    running: impl Iterator<Item = &'h Held>,
    users: &[(u32, f64)],
) -> Option<(f64, Cover)> {
    // By member and amount (a positive number, so its bits order it) the weight.
    let mut weights: BTreeMap<(u32, u64), f64> = BTreeMap::new();
    for of in running {
        *weights.entry((of.member, of.amount.to_bits())).or_default() += of.weight;
    }
    for (member, amount) in users {
        if weights.len() >= LIFTED {
            break;
        }
        weights.entry((*member, amount.to_bits())).or_default();
    }
    let columns: Vec<(u32, f64)> = weights.keys().map(|key| (key.0, f64::from_bits(key.1))).collect();
    let values: Vec<f64> = weights.into_values().collect();
    let portion =
        |(column, (task, amount)): (u32, &(u32, f64))| Portion { column, task: *task, amount: *amount };
    let knapsack = Knapsack { capacity, portions: (0..).zip(&columns).map(portion).collect() };
    let row = knapsack.lifted_cover(&values)?;
    let mut terms = Vec::with_capacity(row.terms.len());
    let mut broken = -row.high;
    for (column, coefficient) in &row.terms {
        let (member, amount) = columns[*column as usize];
        broken += coefficient * values[*column as usize];
        terms.push((member, amount, *coefficient));
    }
    Some((broken / row.high.max(1.0), Cover { limit, moment, most: row.high, terms }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Whatever fits at a moment keeps the cover, also at amounts that were not looked at.
        #[test]
        fn no_cover_forbids_what_fits(
            members in prop::collection::vec((1_u32..17, 1_u32..17, 0_u32..100, any::<bool>()), 2..7),
            capacity in 4_u32..33,
        ) {
            let held: Vec<Held> = (0..).zip(&members)
                .map(|(member, of)| Held {
                    member, amount: f64::from(of.0), start: 0, end: 10, weight: f64::from(of.2) / 100.0,
                })
                .collect();
            let users: Vec<(u32, f64)> =
                (0..).zip(&members).filter(|of| of.1.3).map(|(m, of)| (m, f64::from(of.1))).collect();
            let found = cover(0, 5, f64::from(capacity), held.iter(), &users);
            let Some((_, cover)) = found else { return Ok(()) };
            // Each member out, on its amount in use, on the other, or on one more than either.
            let amounts = |m: usize| [0, members[m].0, members[m].1, members[m].0.max(members[m].1) + 1];
            for plan in 0..4_usize.pow(members.len() as u32) {
                let takes: Vec<u32> = (0..members.len()).map(|m| amounts(m)[plan / 4_usize.pow(m as u32) % 4]).collect();
                if takes.iter().sum::<u32>() <= capacity {
                    let sum: f64 = (0..).zip(&takes)
                        .map(|(m, take)| if *take > 0 { cover.of(m, f64::from(*take)) } else { 0.0 })
                        .sum();
                    prop_assert!(sum <= cover.most + 1e-9, "{takes:?} breaks {cover:?}");
                }
            }
        }
    }
}
