//! From shares of patterns to whole ones.
//!
//! Whole parts of the linear solution are kept, the largest sixth of the fractions is rounded up, and new
//! patterns are made for what is left; again until nothing is left. On openb this ends 0.05 % below the
//! linear program, where rounding alone loses some per cent.

use crate::{
    generate::{Memory, Stop, generate},
    instance::{Instance, Pattern},
    joint::Column,
    master::{Fractional, Master},
    settle::settle,
};

/// Rounds of column generation between roundings, at most.
const ROUNDS: usize = 100;

/// They stop at this distance of value and bound, relative to the value of all.
const GAP: f64 = 2e-5;

/// So many bins of a class hold a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The class of bins.
    pub bin: u32,
    /// What each holds.
    pub pattern: Pattern,
    /// How many.
    pub copies: u32,
}

/// Whole patterns, and for how many gangs of each shape and confines of each block they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rounded {
    /// The patterns.
    pub uses: Vec<Use>,
    /// The first so many of each shape run.
    pub gangs: Vec<u32>,
    /// Of each block, how many of its confines are in each of its domains.
    pub confines: Vec<u32>,
}

/// A packing of the items, by classes, from a solution of the linear program. The first turn raises the
/// largest sixth of the fractions; later ones one at a time, each turn in another order.
pub fn dive(
    instance: &Instance,
    master: &mut Master,
    memory: &mut Memory,
    from: &Fractional,
    turn: u64,
) -> Rounded {
    let worths: Vec<f64> = instance.items.iter().map(|item| item.worth).collect();
    let (mut left, mut fractional) = settle(instance, master, memory, from, turn);
    let (gangs, confines) = left.joint.columns[..left.joint.settled()].split_at(left.joint.shapes);
    let whole = |columns: &[Column]| columns.iter().map(|column| column.low as u32).collect();
    let mut rounded = Rounded { uses: Vec::new(), gangs: whole(gangs), confines: whole(confines) };
    loop {
        let uses = &mut rounded.uses;
        let before = uses.len();
        keep_whole_parts(&mut left, master, &fractional, uses);
        raise_fractions(&mut left, master, &fractional, turn, uses);
        let over =
            left.bins.iter().all(|bin| bin.count == 0) || left.items.iter().all(|item| item.demand == 0);
        if over || uses.len() == before {
            return rounded;
        }
        master.resize(&left);
        let kept: f64 = uses.iter().map(|it| f64::from(it.copies) * it.pattern.value(&worths)).sum();
        let gap = GAP * from.value / (from.value - kept).max(1e-3 * from.value);
        let stop = Stop { gap, rounds: ROUNDS, hardest: 1, capped: true };
        match generate(&left, master, memory, stop) {
            Some(generated) if generated.fractional.value > 1e-6 => fractional = generated.fractional,
            _ => return rounded,
        }
    }
}

fn keep_whole_parts(left: &mut Instance, master: &Master, fractional: &Fractional, uses: &mut Vec<Use>) {
    for ((bin, pattern), share) in master.patterns.iter().zip(&fractional.uses) {
        let copies = (share + 1e-6).floor() as u32;
        if copies > 0 {
            put(left, *bin, pattern, copies, uses);
        }
    }
}

/// Rounds the largest sixth of the fractions up, at least one.
fn raise_fractions(
    left: &mut Instance,
    master: &Master,
    fractional: &Fractional,
    turn: u64,
    uses: &mut Vec<Use>,
) {
    let fraction = |share: f64| share - (share + 1e-6).floor();
    let mut fractions: Vec<(f64, usize)> = fractional
        .uses
        .iter()
        .enumerate()
        .map(|(column, share)| (fraction(*share), column))
        .filter(|(fraction, _)| *fraction > 1e-6)
        .map(|(fraction, column)| (fraction * twist(turn, column), column))
        .collect();
    fractions.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let most = if turn == 0 { fractions.len().div_ceil(6) } else { 1 };
    let mut raised = 0;
    for (_, column) in fractions {
        let (bin, pattern) = &master.patterns[column];
        // What was raised before may have taken its items.
        let whole = pattern.counts.iter().all(|(item, count)| left.items[*item as usize].demand >= *count);
        if whole && left.bins[*bin as usize].count > 0 {
            put(left, *bin, pattern, 1, uses);
            raised += 1;
        }
        if raised >= most {
            return;
        }
    }
}

/// What a fraction counts for in a turn: 1 in the first two, then anything from 0.2 to 1.2.
pub fn twist(turn: u64, column: usize) -> f64 {
    if turn < 2 { 1.0 } else { 0.2 + chance(turn, column) }
}

/// A number from 0 to 1 that looks like chance, always the same for a turn and an index.
pub fn chance(turn: u64, column: usize) -> f64 {
    let mut bits =
        turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (column as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 31;
    bits = bits.wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Takes bins and items away for a pattern, no more than there are.
fn put(left: &mut Instance, bin: u32, pattern: &Pattern, copies: u32, uses: &mut Vec<Use>) {
    let copies = copies.min(left.bins[bin as usize].count);
    if copies == 0 {
        return;
    }
    left.used(bin, copies);
    for (item, count) in &pattern.counts {
        let class = left.items[*item as usize].class;
        let of_class = left.items.partition_point(|item| item.class < class)
            ..left.items.partition_point(|item| item.class <= class);
        for item in &mut left.items[of_class] {
            item.demand = item.demand.saturating_sub(count * copies);
        }
        left.joint.place(&left.items[*item as usize], f64::from(count * copies));
    }
    uses.push(Use { bin, pattern: pattern.clone(), copies });
}
