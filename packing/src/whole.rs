//! Whole patterns straight from the pool, by a mixed-integer program.
//!
//! Where diving leaves a gap on a small instance, the patterns that all of its roundings made are enough
//! for a branch and bound over them to close it. Large instances do not need it and would not end.

use plimsoll_solver::linear::{Limits, Program, highs};

use crate::{dive::Use, instance::Instance, master::Master};

/// More patterns than this are not given to it.
pub const PATTERNS: usize = 600;

/// Branch-and-bound nodes at most.
const NODES: u64 = 100;

/// The best use of the patterns of a program that the branch and bound finds.
pub fn whole(instance: &Instance, master: &Master, gap: f64) -> Option<Vec<Use>> {
    if master.patterns.len() > PATTERNS {
        return None;
    }
    let mut program = Program::default();
    let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); instance.items.len() + instance.bins.len()];
    for (item, row) in instance.items.iter().zip(&mut rows) {
        let column = program.column(-item.worth, 0.0, f64::from(item.demand), false);
        row.push((column, -1.0));
    }
    for (bin, pattern) in &master.patterns {
        let at = &instance.bins[*bin as usize];
        let column = program.column(at.cost, 0.0, f64::from(at.count), true);
        for (item, count) in &pattern.counts {
            rows[*item as usize].push((column, f64::from(*count)));
        }
        rows[instance.items.len() + *bin as usize].push((column, 1.0));
    }
    for (index, row) in rows.into_iter().enumerate() {
        match index.checked_sub(instance.items.len()) {
            None => program.row(0.0, f64::INFINITY, row),
            Some(bin) => program.row(f64::NEG_INFINITY, f64::from(instance.bins[bin].count), row),
        }
    }
    let limits = Limits { gap, nodes: NODES, time_left: None, seed: 0 };
    let values = highs::solve(&program, None, limits).values?;
    let uses =
        master.patterns.iter().zip(&values[instance.items.len()..]).filter_map(|((bin, pattern), x)| {
            let copies = x.round().max(0.0) as u32;
            (copies > 0).then(|| Use { bin: *bin, pattern: pattern.clone(), copies })
        });
    Some(uses.collect())
}
