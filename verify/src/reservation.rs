//! Sunk reservations: of the instances of an offer that the plan holds at an instant, as many as are
//! reserved beyond that instant cost nothing, given in document order.
//!
//! Counts are integers after multiplication with the common denominator of the fractions that own nodes
//! hold, and time is nanoseconds, so that even a block that hundreds of workloads share is reckoned
//! without a single division.

use std::collections::BTreeSet;

use num_bigint::BigInt;
use num_traits::{Num, One as _, ToPrimitive as _};
use plimsoll_model::Time;

use crate::{
    Reserved,
    exact::{Rat, nanos_between, ratio},
    state::Placed,
};

const NANOS_AN_HOUR: i64 = 3_600_000_000_000;

/// What each holder of an offer pays for, in instance-hours; holders come in document order.
pub(crate) fn billed(holders: &[(usize, &Placed)], reserved: &[Reserved]) -> Vec<(usize, Rat)> {
    let counts: Vec<Rat> = holders.iter().map(|(_, placed)| placed.n()).collect();
    let scale = counts.iter().fold(BigInt::one(), |scale, n| lcm(scale, n.denom()));
    let scaled: Vec<BigInt> = counts.iter().map(|n| n.numer() * (&scale / n.denom())).collect();
    let small = |value: &BigInt| value.to_i64().filter(|value| *value < 1 << 40).map(i128::from);
    let all_small: Option<Vec<i128>> = scaled.iter().map(small).collect();
    let given: Vec<BigInt> = match (all_small, small(&scale)) {
        (Some(counts), Some(scale)) => {
            given(holders, &counts, &scale, reserved).into_iter().map(BigInt::from).collect()
        }
        _ => given(holders, &scaled, &scale, reserved),
    };
    let free = given.into_iter().map(|given| ratio(given, &scale * BigInt::from(NANOS_AN_HOUR)));
    holders.iter().zip(free).map(|((index, placed), free)| (*index, placed.held_hours() - free)).collect()
}

/// What is free for each holder: counts times nanoseconds.
fn given<T: Num + Clone + Ord + From<i64>>(
    holders: &[(usize, &Placed)],
    counts: &[T],
    scale: &T,
    reserved: &[Reserved],
) -> Vec<T> {
    // (moment, whose run begins or ends); the moments of `until` only cut.
    let mut events: Vec<(Time, Option<(usize, bool)>)> =
        reserved.iter().filter_map(|(until, _)| Some(((*until)?, None))).collect();
    for (holder, (_, placed)) in holders.iter().enumerate() {
        for (start, end) in placed.runs.iter().filter(|(start, end)| start < end) {
            events.extend([(*start, Some((holder, true))), (*end, Some((holder, false)))]);
        }
    }
    events.sort_unstable();
    let mut given = vec![T::zero(); holders.len()];
    let mut active = BTreeSet::new();
    for (at, (from, change)) in events.iter().enumerate() {
        match change {
            Some((holder, true)) => drop(active.insert(*holder)),
            Some((holder, false)) => drop(active.remove(holder)),
            None => {}
        }
        let length = events.get(at + 1).map_or(0, |(next, _)| nanos_between(*from, *next));
        if length == 0 {
            continue;
        }
        // `until` later than `from`: at `until` itself the reservation is over.
        let alive = reserved.iter().filter(|(until, _)| until.is_none_or(|until| until > *from));
        let total: i64 = alive.map(|(_, count)| i64::from(*count)).sum();
        let mut free = T::from(total) * scale.clone();
        for holder in &active {
            if free.is_zero() {
                break;
            }
            let part = free.clone().min(counts[*holder].clone());
            given[*holder] = given[*holder].clone() + part.clone() * T::from(length);
            free = free - part;
        }
    }
    given
}

fn lcm(a: BigInt, b: &BigInt) -> BigInt {
    let (mut x, mut y) = (a.clone(), b.clone());
    while y != BigInt::from(0) {
        (x, y) = (y.clone(), x % y);
    }
    a / x * b
}
