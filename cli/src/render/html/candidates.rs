//! The workloads in a table, and for each what else it could have had.

use std::collections::BTreeMap;

use maud::{Markup, html};
use plimsoll_model::{
    Plan, Usd,
    plan::{Constraint, Placement},
};
use plimsoll_planner::detail::WorkloadDetail;

use super::{
    Report,
    parts::{LEFT_OUT, Part, used},
    table::{money, small, small_money, table},
};
use crate::render::{
    format::{decimals, duration, kg, moment, thousands, usd},
    plan::excluded,
};

pub(super) fn section(report: &Report<'_>) -> Option<Markup> {
    let plan = report.plan;
    if plan.placements.is_empty() {
        return None;
    }
    let placed: BTreeMap<&str, &Placement> =
        plan.placements.iter().map(|placement| (&*placement.workload, placement)).collect();
    let shown: Vec<(usize, &WorkloadDetail, &Placement)> = report
        .detail
        .workloads
        .iter()
        .filter_map(|detail| Some((detail, *placed.get(&*detail.workload)?)))
        .enumerate()
        .map(|(at, (detail, placement))| (at, detail, placement))
        .collect();
    let parts = used(plan);
    let without = shown.iter().filter(|(_, detail, _)| detail.candidates.is_empty()).count();
    Some(html! {
        (overview(plan, &shown))
        h3 { "What else each could have had" }
        p.soft { "For each workload the offers that would add least to the plan, everything else as it is. "
            q { "More" } " is what the whole plan would cost more." }
        @for (at, detail, placement) in &shown {
            @if !detail.candidates.is_empty() { (one(report, *at, detail, placement, &parts)) }
        }
        @if without > 0 {
            p.soft { "The other " (without) " workloads cost least; their choices are not shown here." }
        }
    })
}

fn overview(plan: &Plan, shown: &[(usize, &WorkloadDetail, &Placement)]) -> Markup {
    let now = plan.inputs.flags.now;
    let teams = shown.iter().any(|(_, detail, _)| detail.team.is_some());
    let mut heads = vec![("Workload", false)];
    if teams {
        heads.push(("Team", false));
    }
    heads.extend([
        ("Runs on", false),
        ("Cost", true),
        ("CO2e, kg", true),
        ("Starts", false),
        ("Ends", false),
        ("Runs for", true),
    ]);
    let rows = html! {
        @for (at, detail, placement) in shown {
            tr {
                th scope="row" {
                    @if detail.candidates.is_empty() { (detail.workload) } @else { a href={ "#w" (at) } { (detail.workload) } }
                }
                @if teams { td { (detail.team.as_deref().unwrap_or_default()) } }
                td.o { (placement.offer.full_name()) }
                (money(placement.usd.total))
                td.n { (placement.carbon_kg.map_or_else(String::new, |kg| decimals(kg, 2))) }
                td { (moment(placement.start, now)) }
                td { (moment(placement.end, now)) }
                td.n data-v=(decimals(hours(placement), 3)) { (duration(plimsoll_model::Duration::from_nanos((hours(placement) * 3.6e12) as i64))) }
            }
        }
    };
    table("Workloads, times in UTC", &heads, &rows, None, true)
}

/// Hours that it runs, without pauses.
fn hours(placement: &Placement) -> f64 {
    match &placement.runs {
        Some(runs) => runs.iter().map(|run| run.end.hours_since(run.start)).sum(),
        None => placement.end.hours_since(placement.start),
    }
}

fn one(
    report: &Report<'_>,
    at: usize,
    detail: &WorkloadDetail,
    placement: &Placement,
    parts: &[Part],
) -> Markup {
    let now = report.plan.inputs.flags.now;
    let more = |extra: Usd| {
        if extra < Usd::ZERO { format!("−{}", usd(Usd::ZERO - extra)) } else { format!("+{}", usd(extra)) }
    };
    let parts = || parts.iter().filter(|part| part.name != LEFT_OUT);
    let mut heads = vec!["Offer", "More", "Cost"];
    heads.extend(parts().map(|part| part.name));
    heads.extend(["CO2e, kg", "Starts"]);
    let rows = html! {
        @for candidate in &detail.candidates {
            tr class=[candidate.chosen.then_some("on")] {
                th { (candidate.offer) @if candidate.chosen { " " span.tag { "chosen" } } }
                td { @if candidate.chosen { "$0" } @else { (more(candidate.extra_usd)) } }
                (small_money(candidate.usd.total))
                @for part in parts() { (small_money((part.of_placement)(&candidate.usd))) }
                td { (candidate.carbon_kg.map_or_else(String::new, |kg| decimals(kg, 2))) }
                td { (moment(candidate.start, now)) }
            }
        }
    };
    html! {
        details id={ "w" (at) } {
            summary {
                b { (detail.workload) }
                span.off { (placement.offer.full_name()) }
                span.n { (usd(placement.usd.total)) }
            }
            div {
                p { (sentence(placement)) }
                (small(&format!("Offers for {}", detail.workload), &heads, &rows))
                p.soft.small { (offers(report.detail.offers, detail)) }
            }
        }
    }
}

/// The reason of a placement as a sentence of its own.
fn sentence(placement: &Placement) -> String {
    let mut text = String::new();
    let mut letters = placement.reason.chars();
    text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
    text.push_str(letters.as_str());
    let carbon =
        placement.carbon_kg.map_or_else(String::new, |carbon| format!(" Emits {} CO2e.", kg(carbon)));
    format!("{text}.{carbon}")
}

/// How many offers pass, and what excludes the others.
fn offers(all: u64, detail: &WorkloadDetail) -> String {
    let count = |number: u64| thousands(u128::from(number));
    let mut filtered: Vec<(&Constraint, &u64)> = detail.filtered.iter().collect();
    filtered.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    let reasons: Vec<String> = filtered
        .iter()
        .map(|(constraint, number)| format!("{} {}", count(**number), excluded(**constraint, **number == 1)))
        .collect();
    let passing = format!("{} of {} offers pass every rule", count(detail.eligible), count(all));
    let beside = if detail.candidates.len() == 1 && detail.eligible > 1 {
        " None of the others has room for it, or the money, beside what else is planned."
    } else {
        ""
    };
    if reasons.is_empty() {
        format!("{passing}.{beside}")
    } else {
        format!("{passing}; of the rest {}.{beside}", reasons.join(", "))
    }
}
