//! The nodes to add for pods that wait, what they cost, and whom they would not hold.

use std::collections::BTreeSet;

use plimsoll_model::{Packing, packing::Adding};

use crate::render::{
    format::{few, thousands, usd},
    table::{Align, Table, shorten, wrap},
};

pub(super) fn lines(packing: &Packing, width: usize) -> Vec<String> {
    let Some(adding) = &packing.adding else { return Vec::new() };
    let mut lines = Vec::new();
    if !packing.add.is_empty() {
        let mut table = Table::new(&[
            ("  OFFER", Align::Left),
            ("NODES", Align::Right),
            ("PODS", Align::Right),
            ("$/HOUR", Align::Right),
        ]);
        for one in &packing.add {
            table.row([
                format!("  {}", one.offer),
                thousands(one.count.into()),
                thousands(one.assignments.len() as u128),
                usd(one.usd),
            ]);
        }
        lines.extend(table.lines());
        lines.extend(wrap("  ", &cost(packing, adding), width));
    }
    if !adding.left.is_empty() {
        let names: Vec<String> = adding.left.iter().map(|name| shorten(name, 40)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let classes: Vec<&str> = packing.inputs.flags.add.iter().map(|class| class.as_str()).collect();
        let text = format!(
            "What is on offer {} ({}) does not hold {}.",
            place(adding),
            classes.join(", "),
            few(&names)
        );
        lines.extend(wrap("  ", &text, width));
    }
    lines
}

/// What they cost together, and how far from the cheapest that is.
fn cost(packing: &Packing, adding: &Adding) -> String {
    let kinds: BTreeSet<&str> = packing.add.iter().map(|one| &*one.offer).collect();
    let all = if kinds.len() > 1 { format!("{} an hour together. ", usd(adding.usd)) } else { String::new() };
    // Both are whole micro-dollars, and a bound may be one below.
    let below = adding.bound_usd.map(|bound| (bound, adding.usd.to_micro() - bound.to_micro()));
    let proof = match below {
        Some((_, ..=1)) => {
            format!("Proven: no nodes on offer {} that hold these pods cost less.", place(adding))
        }
        Some((bound, _)) => {
            format!("No nodes on offer {} that hold these pods cost less than {}.", place(adding), usd(bound))
        }
        None => format!("Of what is on offer {} others may cost less.", place(adding)),
    };
    all + &proof
}

fn place(adding: &Adding) -> String {
    match &adding.among[..] {
        [one] if one == "anywhere" => one.clone(),
        places => format!("in {}", places.join(" and ")),
    }
}
