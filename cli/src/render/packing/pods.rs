//! Every pod with its node, where they are few.

use plimsoll_model::{
    Packing,
    packing::{Assignment, Hold},
};

use crate::render::{
    format::thousands,
    table::{Align, Table, shorten},
};

/// So many pods are shown by themselves.
const MOST: usize = 40;

pub(super) fn lines(packing: &Packing) -> Vec<String> {
    let came: Vec<&Assignment> = packing.assignments.iter().filter(|one| !one.running).collect();
    if came.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(&[("POD", Align::Left), ("NODE", Align::Left), ("DEVICES", Align::Left)]);
    for one in came.iter().take(MOST) {
        table.row([shorten(&one.pod, 48), shorten(&one.node, 48), devices(&one.devices)]);
    }
    let mut lines = table.lines();
    if came.len() > MOST {
        lines.push(format!("and {} more pods: -o json", thousands((came.len() - MOST) as u128)));
    }
    lines
}

/// `0-3`, `0, 2`, `1 (460/1000)`, `0 (parts 0-1 of 8)`.
fn devices(holds: &[Hold]) -> String {
    match holds {
        [hold] if hold.parts.is_some() => {
            let parts = hold.parts.unwrap_or(0);
            let (first, count) = (parts.trailing_zeros(), parts.count_ones());
            format!("{} (parts {first}-{} of 8)", hold.index, first + count.max(1) - 1)
        }
        [hold] if hold.milli < 1000 => format!("{} ({}/1000)", hold.index, hold.milli),
        _ => ranges(&holds.iter().map(|hold| hold.index).collect::<Vec<_>>()),
    }
}

/// Rising numbers, those in a row together.
fn ranges(numbers: &[u16]) -> String {
    let rows = numbers.chunk_by(|a, b| a + 1 == *b);
    let words = rows.map(|row| match row {
        [first, .., last] => format!("{first}-{last}"),
        [one] => one.to_string(),
        [] => String::new(),
    });
    words.collect::<Vec<_>>().join(", ")
}
