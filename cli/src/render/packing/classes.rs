//! Pods by what they ask for: how many, how many placed, how many more would fit.

use plimsoll_model::{Packing, packing::Class};

use super::request;
use crate::render::{
    format::{decimals, thousands},
    table::{Align, Table, shorten},
};

/// So many classes are shown.
const MOST: usize = 20;

pub(super) fn lines(packing: &Packing, width: usize) -> Vec<String> {
    let mut classes: Vec<&Class> = packing.classes.iter().collect();
    // Those of which most is asked; of pods without accelerators by cores.
    let weight = |class: &Class| class.pods as f64 * class.request.worth;
    classes.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    let mut table = Table::new(&[
        ("  EACH ASKS FOR", Align::Left),
        ("PODS", Align::Right),
        ("PLACED", Align::Right),
        ("MORE WOULD FIT", Align::Right),
        ("PRICE", Align::Right),
        ("SUCH AS", Align::Left),
    ]);
    for class in classes.iter().take(MOST) {
        table.row([
            format!("  {}", shorten(&request(&class.request), width / 2)),
            thousands(class.pods.into()),
            thousands(class.placed.into()),
            thousands(class.would_fit.into()),
            class.price.map_or_else(String::new, |price| decimals(price, 3)),
            shorten(&class.request.example, 30),
        ]);
    }
    let mut lines = if classes.is_empty() { Vec::new() } else { table.lines() };
    if classes.len() > MOST {
        lines.push(format!("  and {} more kinds of pod: -o json", thousands((classes.len() - MOST) as u128)));
    }
    lines
}
