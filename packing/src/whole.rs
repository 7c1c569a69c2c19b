//! Whole patterns straight from the pool, by a mixed-integer program.
//!
//! Where diving leaves a gap on a small instance, the patterns that all of its roundings made are enough
//! for a branch and bound over them to close it. Large instances do not need it and would not end.

use plimsoll_solver::linear::{Limits, Program, highs};

use crate::{
    dive::{Rounded, Use},
    instance::{Instance, Limit},
    master::{Master, part},
};

/// More patterns than this are not given to it.
pub const PATTERNS: usize = 600;

/// Branch-and-bound nodes at most.
const NODES: u64 = 100;

/// The best use of the patterns of a program that the branch and bound finds.
pub fn whole(instance: &Instance, master: &Master, gap: f64) -> Option<Rounded> {
    if master.patterns.len() > PATTERNS || master.is_over() {
        return None;
    }
    let mut program = Program::default();
    let (items, bins, joint) = (instance.items.len(), instance.bins.len(), &instance.joint);
    let before_limits = items + bins + joint.rows.len();
    let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); before_limits + instance.limits.len()];
    for (index, item) in instance.items.iter().enumerate() {
        let column = program.column(-item.worth, 0.0, f64::from(item.demand), false);
        rows[index].push((column, -1.0));
        for (row, factor) in &item.joint {
            rows[items + bins + *row as usize].push((column, *factor));
        }
    }
    let columns: Vec<u32> =
        joint.columns.iter().map(|column| program.column(0.0, column.low, column.high, true)).collect();
    for (row, terms) in joint.rows.iter().zip(&mut rows[items + bins..before_limits]) {
        terms.extend(row.columns.iter().map(|(column, factor)| (columns[*column as usize], *factor)));
    }
    for (bin, pattern) in &master.patterns {
        let at = &instance.bins[*bin as usize];
        let column = program.column(at.cost, 0.0, f64::from(at.count), true);
        for (item, count) in &pattern.counts {
            rows[*item as usize].push((column, f64::from(*count)));
        }
        rows[items + *bin as usize].push((column, 1.0));
        for (limit, row) in instance.limits.iter().zip(&mut rows[before_limits..]) {
            let each = limit.each(*bin);
            if each > 0 {
                row.push((column, each as f64 / part(limit)));
            }
        }
    }
    let limits = instance.items.iter().map(|_| (0.0, f64::INFINITY));
    let limits = limits.chain(instance.bins.iter().map(|bin| (f64::NEG_INFINITY, f64::from(bin.count))));
    let limits = limits.chain(joint.rows.iter().map(|row| (row.low, row.high)));
    let most = |limit: &Limit| (f64::NEG_INFINITY, limit.most as f64 / part(limit));
    let limits = limits.chain(instance.limits.iter().map(most));
    for ((low, high), row) in limits.zip(rows) {
        program.row(low, high, row);
    }
    let limits = Limits { gap, nodes: NODES, time_left: master.time_left(), seed: 0 };
    let values = highs::solve(&program, None, limits).values?;
    let whole = |value: &f64| value.round().max(0.0) as u32;
    let (columns, patterns) = values[items..].split_at(joint.columns.len());
    let uses = master.patterns.iter().zip(patterns).filter(|(_, x)| whole(x) > 0);
    let uses = uses.map(|((bin, pattern), x)| Use { bin: *bin, pattern: pattern.clone(), copies: whole(x) });
    let (gangs, confines) = columns[..joint.settled()].split_at(joint.shapes);
    let all = |columns: &[f64]| columns.iter().map(whole).collect();
    Some(Rounded { uses: uses.collect(), gangs: all(gangs), confines: all(confines) })
}
