//! The cheapest run in pieces: whole slots and a last one that may be cut short.
//!
//! What slots cost adds up, so for each last slot the cheapest slots before it make the best run: one pass
//! that keeps the cheapest so far. Only the first slot may be shorter than the others: with and without it.

use super::model::Pair;
use crate::problem::Nanos;

/// A run in pieces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// Dollars, without what the pair costs at all times.
    pub cost: f64,
    /// The pieces, in order, joined where they touch.
    pub runs: Vec<(Nanos, Nanos)>,
}

/// The cheapest run of a pair that costs less than `below`: `whole` by slot, infinite where it may not run;
/// `tail`: a last piece by slot, from and to, with what counts for the end.
pub(super) fn cheapest(
    pair: &Pair,
    whole: &[f64],
    tail: impl Fn(u32, Nanos, Nanos) -> f64,
    below: f64,
) -> Option<Found> {
    let head = pair.slot(0);
    let head = head.1 - head.0;
    let mut best: Option<(f64, bool, u32, usize, Nanos)> = None;
    let mut limit = below;
    if pair.run <= head {
        let cost = tail(0, pair.first, pair.first + pair.run);
        if cost < limit {
            (best, limit) = (Some((cost, false, 0, 0, pair.run)), cost);
        }
    }
    let step = pair.step;
    let mut cheap: Vec<f64> = Vec::new();
    for with_head in [false, true] {
        if with_head && (pair.run <= head || !whole[0].is_finite()) {
            continue;
        }
        let (rest, before) = if with_head { (pair.run - head, whole[0]) } else { (pair.run, 0.0) };
        let slots = ((rest + step - 1) / step - 1).max(0) as usize;
        let length = rest - slots as Nanos * step;
        cheap.clear();
        let mut sum = before;
        for last in 1..pair.count {
            if last >= 2 {
                let cost = whole[last as usize - 1];
                let at = cheap.partition_point(|other| *other <= cost);
                if cost.is_finite() && at < slots {
                    cheap.insert(at, cost);
                    sum += cost;
                    if cheap.len() > slots {
                        sum -= cheap.pop().unwrap_or(0.0);
                    }
                }
            }
            let (start, end) = pair.slot(last);
            if cheap.len() < slots || start + length > end || sum >= limit {
                continue;
            }
            let cost = sum + tail(last, start, start + length);
            if cost < limit {
                (best, limit) = (Some((cost, with_head, last, slots, length)), cost);
            }
        }
    }
    rebuilt(pair, whole, best)
}

fn rebuilt(pair: &Pair, whole: &[f64], best: Option<(f64, bool, u32, usize, Nanos)>) -> Option<Found> {
    let (cost, with_head, last, slots, length) = best?;
    let mut middle: Vec<u32> = (1..last).filter(|i| whole[*i as usize].is_finite()).collect();
    middle.sort_by(|a, b| whole[*a as usize].total_cmp(&whole[*b as usize]).then(a.cmp(b)));
    middle.truncate(slots);
    middle.sort_unstable();
    let mut pieces: Vec<(Nanos, Nanos)> = Vec::with_capacity(slots + 2);
    pieces.extend(with_head.then(|| pair.slot(0)));
    pieces.extend(middle.into_iter().map(|i| pair.slot(i)));
    let start = pair.start(last);
    pieces.push((start, start + length));
    Some(Found { cost, runs: crate::column::joined(&pieces) })
}
