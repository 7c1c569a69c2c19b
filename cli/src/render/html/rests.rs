//! What changes, and what the plan rests on: limits that bind, figures that were assumed, price lists with their dates.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Report, table::table};
use crate::render::{
    assumed::{Shared, shared},
    format::{FEW, SOME, days, few},
    plan::{change, changes_in_all, limit, price_list},
};

/// Beyond so many days a price list is old.
const OLD: i64 = 90;

/// Against the plan in force.
pub(super) fn changes(report: &Report<'_>) -> Option<Markup> {
    let changes = report.plan.changes.as_ref()?;
    Some(html! {
        p { (changes_in_all(changes)) }
        ul { @for one in &changes.changes { li { (change(one)) "." } } }
    })
}

pub(super) fn limits(report: &Report<'_>) -> Option<Markup> {
    let mut prices: Vec<_> = report.plan.prices.iter().filter(|price| price.usd_per_unit > 0.0).collect();
    if prices.is_empty() {
        return None;
    }
    prices.sort_by(|a, b| b.usd_per_unit.total_cmp(&a.usd_per_unit));
    Some(html! {
        p { "Limits that make the plan dearer, and what a little more of each would be worth:" }
        ul { @for price in prices { li { (limit(price)) "." } } }
    })
}

pub(super) fn assumptions(report: &Report<'_>) -> Option<Markup> {
    let assumptions = &report.plan.assumptions;
    if assumptions.is_empty() {
        return None;
    }
    let rows: Vec<Shared<'_>> = shared(assumptions).collect();
    let many = rows.iter().any(|shared| shared.names.len() > FEW);
    let rows = html! {
        @for shared in &rows {
            tr {
                th scope="row" { (shared.what(&few(&shared.names.iter().copied().collect::<Vec<_>>()))) }
                td { (shared.one.value) }
                td { (shared.one.source) }
                td { (shared.one.as_of.as_deref().unwrap_or_default()) }
            }
        }
    };
    let heads = [("What", false), ("Value", false), ("Source", false), ("Date", false)];
    Some(html! {
        p {
            "Figures that no document stated. Each can be replaced by stating it."
            @if many { " Where more than " (FEW) " share one, " (SOME) " are named; " code { "-o json" } " names all." }
        }
        (table("Assumptions", &heads, &rows, None, true))
    })
}

/// The price lists of the offers that are used.
pub(super) fn sources(report: &Report<'_>) -> Option<Markup> {
    let plan = report.plan;
    let mut lists: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
    for placement in &plan.placements {
        let key = (price_list(&placement.offer), placement.offer.as_of.as_deref());
        lists.entry(key).or_default().push(&placement.workload);
    }
    if lists.is_empty() {
        return None;
    }
    let now = plan.inputs.flags.now;
    let rows = html! {
        @for ((source, day), workloads) in &lists {
            tr {
                th scope="row" { (source) }
                td { (day.unwrap_or("undated")) }
                td.n {
                    @if let Some(age) = day.and_then(|day| days(day, now)) {
                        (age) @if age > OLD { " " span.tag.warn { "old" } }
                    }
                }
                td.n { (workloads.len()) }
            }
        }
    };
    let heads = [("Price list", false), ("Date", false), ("Age in days", true), ("Workloads", true)];
    Some(html! {
        (table("Price lists of the offers in use", &heads, &rows, None, true))
        @if let Some(day) = &plan.inputs.catalog_date {
            p.soft.small { "The newest price of any offer is of " (day) "." }
        }
    })
}
