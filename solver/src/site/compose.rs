//! The best plan among whole ways through blocks, as a mixed-integer program (see [`crate::compose`]).

use std::collections::{BTreeMap, BTreeSet};

use super::{plan::OUT, prices::Prices};
use crate::{
    linear::{Limits, Program, highs},
    outcome::Params,
    problem::Nanos,
};

/// Ways to compose plans of, at most.
const COMPOSED: usize = 1_000;

/// What somebody takes of a limit for some time: by way.
type Taken = (u32, f64, Nanos, Nanos);

/// The best plan among the ways of least reduced cost and those of a plan, by member a pair; `None` when none is
/// found that costs less.
pub(super) fn compose(
    prices: &mut Prices<'_>,
    plan: &[u32],
    gap: f64,
    nodes: u64,
    params: &Params,
) -> Option<Vec<u32>> {
    prices.learn_ways(plan);
    let blocks = prices.blocks();
    let mut order: Vec<(f64, u32)> = Vec::new();
    for (block, list) in (0_u32..).zip(prices.ways.reduced(prices, &prices.volume.centre)) {
        let members = prices.members_of(block);
        let own: Vec<u32> = members.iter().map(|m| plan[*m as usize]).collect();
        let is_own = |number: u32| prices.ways.list[number as usize].pairs == own;
        order.extend(
            list.iter().map(|of| if is_own(of.1) { (-1.0, of.1) } else { *of }).filter(|of| of.0 <= gap),
        );
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // Those of the plan come first, one for each block.
    order.truncate(COMPOSED.max(2 * blocks as usize));
    let mut program = Program::default();
    let mut one_of: Vec<Vec<(u32, f64)>> = vec![Vec::new(); blocks as usize];
    let mut taken: Vec<Vec<Taken>> = vec![Vec::new(); prices.model.limits.len()];
    let mut start = Vec::with_capacity(order.len());
    for (reduced, number) in &order {
        let way = &prices.ways.list[*number as usize];
        let column = program.column(prices.paid(way.block, &way.pairs), 0.0, 1.0, true);
        start.push((column, if *reduced < 0.0 { 1.0 } else { 0.0 }));
        one_of[way.block as usize].push((column, 1.0));
        prices.takes_of(way.block, &way.pairs, |limit, amount, from, to| {
            taken[limit as usize].push((column, amount, from, to));
        });
    }
    let block_of: Vec<u32> = order.iter().map(|of| prices.ways.list[of.1 as usize].block).collect();
    for terms in one_of {
        program.row(1.0, 1.0, terms);
    }
    for (limit, list) in (0_u32..).zip(&taken) {
        let most = prices.room(limit);
        let mut made: BTreeSet<Vec<u32>> = BTreeSet::new();
        for moment in fullest(list) {
            let running: Vec<(u32, f64)> =
                list.iter().filter(|of| of.2 <= moment && moment < of.3).map(|of| (of.0, of.1)).collect();
            let mut largest: BTreeMap<u32, BTreeMap<u32, f64>> = BTreeMap::new();
            for (column, amount) in &running {
                *largest.entry(block_of[*column as usize]).or_default().entry(*column).or_default() += amount;
            }
            let all: f64 = largest.values().map(|of| of.values().fold(0.0, |a: f64, b| a.max(*b))).sum();
            if all > most && made.insert(running.iter().map(|of| of.0).collect()) {
                let scale = 1.0 / most.max(1e-9);
                program.row(
                    f64::NEG_INFINITY,
                    1.0,
                    running.into_iter().map(|of| (of.0, of.1 * scale)).collect(),
                );
            }
        }
    }
    let limits = Limits { gap: params.gap.max(1e-5), nodes, time_left: params.time_left, seed: params.seed };
    let values = highs::solve(&program, Some(&start), limits).values?;
    let mut pairs = vec![OUT; prices.mean.len()];
    for ((_, number), _) in order.iter().zip(&values).filter(|of| *of.1 > 0.5) {
        let way = &prices.ways.list[*number as usize];
        for (m, pair) in prices.members_of(way.block).iter().zip(&way.pairs) {
            pairs[*m as usize] = *pair;
        }
    }
    (pairs != plan).then_some(pairs)
}

/// The moments at which something has started and next something ends.
fn fullest(taken: &[Taken]) -> Vec<Nanos> {
    let mut events: Vec<(Nanos, bool)> = taken.iter().flat_map(|of| [(of.2, true), (of.3, false)]).collect();
    events.sort_unstable();
    let full = events.windows(2).filter(|pair| pair[0].1 && !pair[1].1);
    full.map(|pair| pair[0].0).collect()
}
