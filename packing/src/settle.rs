//! How many gangs of each shape run, and where what confines them is, before patterns are rounded.
//!
//! A pattern knows nothing of gangs: rounded first, patterns would tear them. So the numbers of gangs are made whole
//! in the linear program, the largest fractions first, up or down by what is worth more, and what is then rounded
//! serves a fixed number of each.

use crate::{
    dive::twist,
    generate::{Memory, Stop, generate},
    instance::Instance,
    master::{Fractional, Master},
};

/// Fractions that count as whole.
const WHOLE: f64 = 1e-6;

/// Steps for each number, at most; then what is left is rounded down.
const STEPS: usize = 4;

/// The instance with its gangs settled, and the linear solution for them.
pub fn settle(
    instance: &Instance,
    master: &mut Master,
    memory: &mut Memory,
    from: &Fractional,
    turn: u64,
) -> (Instance, Fractional) {
    let (mut settled, mut now) = (instance.clone(), from.clone());
    let shapes = instance.joint.settled();
    for _ in 0..STEPS * shapes {
        let fraction = |shape: usize| now.columns[shape] - (now.columns[shape] + WHOLE).floor();
        let mut order: Vec<(f64, usize)> = (0..shapes)
            .filter(|shape| fraction(*shape) > WHOLE)
            .map(|shape| (fraction(shape) * twist(turn, shape), shape))
            .collect();
        if order.is_empty() {
            break;
        }
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.truncate(if turn == 0 { order.len().div_ceil(6) } else { 1 });
        let (mut up, mut down) = (settled.clone(), settled);
        for (_, shape) in order {
            let floor = now.columns[shape].floor();
            up.joint.columns[shape].low = floor + 1.0;
            down.joint.columns[shape].high = floor;
        }
        master.resize(&up);
        let raised = master.solve().map_or(f64::NEG_INFINITY, |solution| solution.value);
        master.resize(&down);
        let lowered = master.solve().map_or(f64::NEG_INFINITY, |solution| solution.value);
        settled = if raised >= lowered { up } else { down };
        master.resize(&settled);
        let stop = Stop { gap: 1e-4, rounds: 20, hardest: 1, capped: true };
        match generate(&settled, master, memory, stop) {
            Some(generated) => now = generated.fractional,
            None => break,
        }
    }
    for (column, value) in settled.joint.columns.iter_mut().take(shapes).zip(&now.columns) {
        let whole = (value + WHOLE).floor().clamp(column.low, column.high);
        (column.low, column.high) = (whole, whole);
    }
    if shapes > 0 {
        master.resize(&settled);
        if let Some(solution) = master.solve() {
            now = solution;
        }
    }
    (settled, now)
}
