//! A nearer bound where gangs and spreads leave one: branching over their numbers.
//!
//! How many gangs of a shape run and how many pods the emptiest zone of a spread has are whole numbers, which the
//! linear program does not know: three quarters of a gang are worth three quarters to it. The bound of the part with
//! the highest is replaced by those of two halves of it, at most so many times.

use crate::{
    generate::{Generated, Memory, Stop, generate},
    instance::Instance,
    joint::Column,
    master::Master,
};

/// A part of the packings: those whose numbers are within these columns.
struct Part {
    bound: f64,
    columns: Vec<Column>,
    /// The number that is least whole, and its value.
    split: Option<(usize, f64)>,
}

impl Part {
    fn of(columns: Vec<Column>, generated: &Generated) -> Self {
        let off = |value: f64| (value - value.round()).abs();
        let values = generated.fractional.columns.iter().copied().enumerate();
        let split =
            values.filter(|(_, value)| off(*value) > 1e-5).max_by(|a, b| off(a.1).total_cmp(&off(b.1)));
        Self { bound: generated.bound, columns, split }
    }
}

/// A bound on all packings, from one on all at once, that is not above what is `enough` if possible.
pub fn branch(
    instance: &Instance,
    master: &mut Master,
    memory: &mut Memory,
    generated: &Generated,
    enough: f64,
    stop: Stop,
    most: usize,
) -> f64 {
    let mut parts = vec![Part::of(instance.joint.columns.clone(), generated)];
    let mut open = instance.clone();
    for _ in 0..most {
        if master.is_over() {
            break;
        }
        // The first of the highest, so that a part never hides behind another.
        let highest = (0..parts.len()).max_by(|a, b| parts[*a].bound.total_cmp(&parts[*b].bound));
        let Some(highest) = highest else { break };
        let Some((column, value)) = parts[highest].split.filter(|_| parts[highest].bound > enough) else {
            break;
        };
        let part = parts.swap_remove(highest);
        for up in [false, true] {
            open.joint.columns.clone_from(&part.columns);
            let it = &mut open.joint.columns[column];
            if up {
                it.low = value.floor() + 1.0;
            } else {
                it.high = value.floor();
            }
            master.open(&open);
            let half = match generate(&open, master, memory, stop) {
                Some(generated) => Part::of(open.joint.columns.clone(), &generated),
                None => Part { bound: part.bound, columns: Vec::new(), split: None },
            };
            // A half holds no more than the whole.
            parts.push(Part { bound: half.bound.min(part.bound), ..half });
        }
    }
    parts.iter().map(|part| part.bound).fold(f64::NEG_INFINITY, f64::max)
}
