//! Prices of limits from the relaxation.

use super::HEURISTIC_COLUMNS;
use crate::{
    formulation::Formulation,
    linear::{Solution, Status, highs},
    outcome::{Price, Priced},
    score::EQUAL,
};

/// Prices of the binding limits, each with what one unit more would save and one unit less would cost in
/// the relaxation: its cost is convex in the limit, so the price lies between.
pub(super) fn prices(form: &Formulation<'_>, lp: &mut highs::Highs, solution: &Solution) -> Vec<Price> {
    let mut limits: Vec<Priced> = form.priced.iter().map(|p| p.1).collect();
    limits.sort_unstable();
    limits.dedup();
    let mut prices = Vec::new();
    // Each takes two more solves: fewer of them where each is long.
    let most = if form.items.len() > HEURISTIC_COLUMNS { 6 } else { 24 };
    for limit in limits {
        let scale = form.scale(limit);
        let rows: Vec<usize> = form.priced.iter().filter(|p| p.1 == limit).map(|p| p.0).collect();
        let usd: f64 = rows.iter().map(|row| -solution.duals.get(*row).copied().unwrap_or(0.0) * scale).sum();
        if usd <= EQUAL || prices.len() >= most {
            continue;
        }
        // A quota counts parts of accelerators or instances; a price is for a whole one.
        let unit = form.units(limit);
        let shift = |lp: &mut highs::Highs, by: f64| {
            for row in &rows {
                lp.row_bounds(
                    *row,
                    f64::NEG_INFINITY,
                    (form.program.rows[*row].high + by * unit * scale).max(0.0),
                );
            }
            let moved = lp.run();
            for row in &rows {
                lp.row_bounds(*row, f64::NEG_INFINITY, form.program.rows[*row].high);
            }
            (moved.status == Status::Optimal).then_some(moved.bound)
        };
        let usd = usd * unit;
        let low = shift(lp, 1.0).map_or(usd, |more| (solution.bound - more).clamp(0.0, usd));
        let high = shift(lp, -1.0).map_or(usd, |less| (less - solution.bound).max(usd));
        prices.push(Price { limit, usd, low, high });
    }
    prices
}
