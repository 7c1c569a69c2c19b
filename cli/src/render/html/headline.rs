//! The first screen: how much, how clean, how good, in a sentence and in figures; the last lines.

use maud::{Markup, html};
use plimsoll_model::{Plan, Usd, plan::Status};

use super::{Report, parts::billed};
use crate::render::{
    format::{kg, kwh, minute, percent, usd},
    verdict::not_reproducible,
};

/// The page's title.
pub(super) fn title(report: &Report<'_>) -> String {
    let plan = report.plan;
    format!("Placement plan of {}, {}", minute(plan.inputs.flags.now), usd(billed(plan)))
}

pub(super) fn header(report: &Report<'_>) -> Markup {
    let plan = report.plan;
    let (placed, all) = counts(plan);
    let flags = &plan.inputs.flags;
    let mut asked = Vec::new();
    // The least price there is stands for none.
    if flags.carbon_price > Usd::from_micro(1) {
        asked.push(format!("carbon at {} a tonne", usd(flags.carbon_price)));
    }
    if flags.delay_price > Usd::from_micro(1) {
        asked.push(format!("waiting at {} an hour", usd(flags.delay_price)));
    }
    if let Some(budget) = flags.budget {
        asked.push(format!("a budget of {}", usd(budget)));
    }
    html! {
        header {
            p.over { "Placement plan as of " (minute(flags.now)) }
            h1 { (placed) @if placed != all { " of " (all) } @if all == 1 { " workload for " } @else { " workloads for " } (usd(billed(plan))) }
            p.lead { (quality(plan)) }
            @if let Some((front, at)) = report.front {
                p { "This page shows plan " (at + 1) " of a front of " (front.points.len()) ": "
                    a href="#front" { "the others" } "." }
            }
            @if !plan.reproducible {
                p.warn { (not_reproducible(&plan.inputs.flags)) }
            }
            dl.key {
                div { dt { "Billed" } dd { (usd(billed(plan))) span { "machines, data, expected rework" } } }
                @if billed(plan) != plan.objective.total_usd {
                    div { dt { "Weighed" } dd { (usd(plan.objective.total_usd)) span { "with prices put on other things" } } }
                }
                div { dt { "Emissions" } dd { (plan.carbon_kg.map_or_else(|| "not known".to_owned(), kg)) span { "CO2e" } } }
                div { dt { "Energy" } dd { (plan.energy_kwh.map_or_else(|| "not known".to_owned(), kwh)) span { "machines and buildings" } } }
                div { dt { "Workloads" } dd { (placed) span { @if placed == all { "all placed" } @else { (all - placed) " left out" } } } }
            }
            @if !asked.is_empty() { p.soft { "Planned with " (asked.join(", ")) "." } }
        }
    }
}

/// Workloads placed, and all.
fn counts(plan: &Plan) -> (usize, usize) {
    (plan.placements.len(), plan.placements.len() + plan.unplaced.len())
}

/// How good the plan is.
fn quality(plan: &Plan) -> Markup {
    let objective = &plan.objective;
    let above = objective.bound_usd.map(|bound| objective.total_usd - bound);
    html! {
        @match (plan.status, above, objective.gap) {
            (Status::Infeasible, ..) => {
                span.tag.bad { "Incomplete" } " Not everything that must run could be placed: "
                a href="#left-out" { "why" } "."
            },
            (Status::Optimal, ..) => {
                span.tag.good { "Proven best" } " No plan that keeps all the rules costs less."
            },
            (Status::Feasible, Some(above), Some(gap)) => {
                span.tag.warn { "Near the best" } " At most " (usd(above)) " (" (percent(gap))
                ") above the best plan there can be."
            },
            (Status::Feasible, Some(above), None) => {
                span.tag.warn { "Near the best" } " At most " (usd(above)) " above the best plan there can be."
            },
            (Status::Feasible, None, _) => {
                span.tag.warn { "Not proven" } " How far it is from the best plan is not known."
            },
        }
    }
}

pub(super) fn footer(report: &Report<'_>) -> Markup {
    let plan = report.plan;
    html! {
        footer {
            p { "Made by plimsoll. The same files and flags give the same page again"
                @if !plan.reproducible { ", were the search not cut short" }
                "; " code { "plimsoll verify" } " recomputes every figure of the plan." }
            p { "Files read: SHA-256 " code { (plan.inputs.digest) }
                ". Seed " (plan.solver.seed) ", effort " (plan.inputs.flags.effort) "." }
        }
    }
}
