//! What one more unit of a limit that binds would save.

use plimsoll_model::{
    Plan,
    plan::{Constraint, Price},
};

use super::left_out::word;
use crate::render::{format::usd_f64, table::wrap};

/// At most so many; the JSON has them all.
const MOST: usize = 5;

pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let mut prices: Vec<&Price> = plan.prices.iter().filter(|price| price.usd_per_unit > 0.0).collect();
    prices.sort_by(|a, b| b.usd_per_unit.total_cmp(&a.usd_per_unit));
    let mut lines: Vec<String> =
        prices.iter().take(MOST).flat_map(|price| wrap("  - ", &sentence(price), width)).collect();
    if prices.len() > MOST {
        lines.push(format!("  and {} more limits: -o json shows all", prices.len() - MOST));
    }
    lines
}

pub(in crate::render) fn sentence(price: &Price) -> String {
    let unit = match price.constraint {
        Constraint::Budget => "dollar",
        Constraint::CarbonBudget => "kilogram",
        Constraint::Count => "instance",
        _ => "unit",
    };
    let range = if (price.high - price.low).abs() < 5e-7 {
        String::new()
    } else {
        format!(" (between {} and {})", usd_f64(price.low), usd_f64(price.high))
    };
    let limit = match price.constraint {
        Constraint::Count => format!("of {}", price.name),
        other => format!("of the {} {}", word(other), price.name),
    };
    format!("one more {unit} {limit} would save {}{range}", usd_f64(price.usd_per_unit))
}
