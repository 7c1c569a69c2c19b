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

/// Terms of the rows of limits, at most.
const TERMS: usize = 1_000_000;
/// Steps between looks at the clock.
const PATIENCE: usize = 1_024;

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
        let cost = prices.paid(way.block, &way.pairs) + prices.fares(way.block, &way.pairs);
        let column = program.column(cost, 0.0, 1.0, true);
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
    let mut room = TERMS;
    for (limit, list) in (0_u32..).zip(&taken) {
        let most = prices.room(limit);
        let scale = 1.0 / most.max(1e-9);
        for terms in breakable(list, &block_of, most, &mut room, params)? {
            program.row(f64::NEG_INFINITY, 1.0, terms.into_iter().map(|of| (of.0, of.1 * scale)).collect());
        }
    }
    if params.is_over() {
        return None;
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

/// Of what ways take of a limit the rows that they could break, one of each block: at the moments at which something
/// has started and next something ends, for whatever runs together at any moment also does at one of these. `None`
/// where they have more terms than there is `room` for, which they use up, or time is over.
fn breakable(
    taken: &[Taken],
    block_of: &[u32],
    most: f64,
    room: &mut usize,
    params: &Params,
) -> Option<Vec<Vec<(u32, f64)>>> {
    // What ends goes before what begins. What takes no time takes nothing.
    let lasting = taken.iter().filter(|of| of.2 < of.3);
    let mut events: Vec<(Nanos, bool, u32, f64)> =
        lasting.flat_map(|of| [(of.2, true, of.0, of.1), (of.3, false, of.0, of.1)]).collect();
    events.sort_unstable_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)).then(a.3.total_cmp(&b.3)));
    // By way how many of it run and what they take; by block its ways by what they take, which is at least 0, so
    // that its bits order it; and the most that one way of each block takes.
    let mut running: BTreeMap<u32, (u32, f64)> = BTreeMap::new();
    let mut blocks: BTreeMap<u32, BTreeSet<(u64, u32)>> = BTreeMap::new();
    let mut all = 0.0;
    let (mut rows, mut made) = (Vec::new(), BTreeSet::new());
    for (at, (_, begins, way, amount)) in events.iter().enumerate() {
        if at.is_multiple_of(PATIENCE) && params.is_over() {
            return None;
        }
        let block = blocks.entry(block_of[*way as usize]).or_default();
        let largest = |block: &BTreeSet<(u64, u32)>| block.last().map_or(0.0, |of| f64::from_bits(of.0));
        let key = |amount: f64| (amount.max(0.0).to_bits(), *way);
        all -= largest(block);
        let of = running.entry(*way).or_insert((0, 0.0));
        block.remove(&key(of.1));
        *of = if *begins { (of.0 + 1, of.1 + amount) } else { (of.0 - 1, of.1 - amount) };
        if of.0 > 0 {
            block.insert(key(of.1));
        } else {
            running.remove(way);
        }
        all += largest(block);
        let is_fullest = *begins && events.get(at + 1).is_some_and(|next| !next.1);
        if is_fullest && all > most {
            *room = room.checked_sub(running.len())?;
            if made.insert(running.iter().map(|of| (*of.0, of.1.1.to_bits())).collect::<Vec<_>>()) {
                rows.push(running.iter().map(|of| (*of.0, of.1.1)).collect());
            }
        }
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(taken: &[Taken], block_of: &[u32], most: f64) -> Option<Vec<Vec<(u32, f64)>>> {
        breakable(taken, block_of, most, &mut { TERMS }, &Params::default())
    }

    proptest! {
        /// A choice of one way for each block breaks a row just where it breaks the limit at some moment.
        #[test]
        fn the_rows_forbid_what_breaks_the_limit_and_nothing_else(
            takes in prop::collection::vec((0_u32..6, 1_u32..5, 0_i64..9, 0_i64..6), 1..12),
            most in 1_u32..12,
        ) {
            let most = f64::from(most);
            let block_of = [0, 0, 1, 1, 2, 2];
            let taken: Vec<Taken> =
                takes.iter().map(|of| (of.0, f64::from(of.1), of.2, of.2 + of.3)).collect();
            let rows = rows(&taken, &block_of, most).expect("there is room");
            for plan in 0..8_u32 {
                let takes_part = |way: u32| (plan >> (way / 2)) & 1 == way % 2;
                let used = |moment: i64| -> f64 {
                    taken.iter().filter(|of| takes_part(of.0) && of.2 <= moment && moment < of.3)
                        .map(|of| of.1).sum()
                };
                let breaks = |row: &Vec<(u32, f64)>| {
                    row.iter().filter(|of| takes_part(of.0)).map(|of| of.1).sum::<f64>() > most
                };
                prop_assert_eq!((0..20).any(|at| used(at) > most), rows.iter().any(breaks));
            }
        }
    }

    #[test]
    fn rows_stop_where_they_become_too_many_or_time_is_over() {
        let block_of: Vec<u32> = (0..3_000).collect();
        // Each in turn: of a limit of 1 no more than two meet.
        let one_by_one: Vec<Taken> =
            (0_u32..3_000).map(|way| (way, 1.0, i64::from(way), i64::from(way) + 2)).collect();
        assert_eq!(rows(&one_by_one, &block_of, 1.0).map(|rows| rows.len()), Some(2_999));
        // All of those before still run when the next begins, after a short one has ended.
        let pile: Vec<Taken> =
            one_by_one.iter().map(|of| if of.0 % 2 == 0 { (of.0, 1.0, of.2, 9_000) } else { *of }).collect();
        assert_eq!(rows(&pile, &block_of, 1.0), None);
        let over = Params { time_left: Some(|| 0.0), ..Params::default() };
        assert_eq!(breakable(&one_by_one, &block_of, 1.0, &mut { TERMS }, &over), None);
    }
}
