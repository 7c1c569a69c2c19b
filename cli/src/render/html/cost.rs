//! What the plan costs, by part and by team.

use indexmap::IndexMap;
use maud::{Markup, html};
use plimsoll_model::Usd;

use super::{
    Report, bars,
    parts::{LEFT_OUT, Part, billed, used},
    table::{money, table},
};
use crate::render::format::{kg, percent, usd};

pub(super) fn section(report: &Report<'_>) -> Option<Markup> {
    let plan = report.plan;
    let total = plan.objective.total_usd;
    if total.is_zero() {
        return None;
    }
    let parts = used(plan);
    let share = |part: &Part| (part.of_plan)(&plan.objective.parts).to_f64() / total.to_f64();
    let longest = parts.iter().map(share).fold(f64::MIN_POSITIVE, f64::max);
    let rows = html! {
        @for part in &parts {
            tr {
                th scope="row" { (part.name) }
                (money((part.of_plan)(&plan.objective.parts)))
                td.n { (percent(share(part))) }
                td { (bars::stacked(&[(part.pattern, share(part) / longest)])) }
                td.soft.wide { (part.about) }
            }
        }
    };
    let foot = html! { tr { th scope="row" { "Total" } td.n { (usd(total)) } td {} td {} td {} } };
    let bill = billed(plan);
    let heads = [("Part", false), ("Cost", true), ("Share", true), ("", false), ("What it is", false)];
    Some(html! {
        @if bill != total {
            p { (usd(bill)) " of " (usd(total)) " is billed. The rest is the price that was put on other things, "
                "so that a plan can weigh them against money." }
        }
        (table("Cost by part", &heads, &rows, Some(&foot), false))
        (teams(report, &parts))
    })
}

/// What a team's workloads cost.
#[derive(Default)]
struct Team {
    workloads: usize,
    parts: Vec<Usd>,
    total: Usd,
    kg: Option<f64>,
}

fn teams(report: &Report<'_>, parts: &[Part]) -> Markup {
    let plan = report.plan;
    let team_of: IndexMap<&str, Option<&str>> =
        report.detail.workloads.iter().map(|w| (&*w.workload, w.team.as_deref())).collect();
    if team_of.values().all(Option::is_none) {
        return html! {};
    }
    let mut teams: IndexMap<Option<&str>, Team> = IndexMap::new();
    let empty = || Team { parts: vec![Usd::ZERO; parts.len()], kg: Some(0.0), ..Team::default() };
    for placement in &plan.placements {
        let name = team_of.get(&*placement.workload).copied().flatten();
        let team = teams.entry(name).or_insert_with(empty);
        team.workloads += 1;
        for (sum, part) in team.parts.iter_mut().zip(parts) {
            *sum += (part.of_placement)(&placement.usd);
        }
        team.total += placement.usd.total;
        team.kg = team.kg.zip(placement.carbon_kg).map(|(sum, kg)| sum + kg);
    }
    for unplaced in plan.unplaced.iter().filter(|unplaced| unplaced.value_usd.is_some()) {
        let value = unplaced.value_usd.unwrap_or(Usd::ZERO);
        let team = teams.entry(team_of.get(&*unplaced.workload).copied().flatten()).or_insert_with(empty);
        let left_out = parts.iter().position(|part| part.name == LEFT_OUT);
        if let Some(sum) = left_out.and_then(|at| team.parts.get_mut(at)) {
            *sum += value;
        }
        team.total += value;
    }
    teams.sort_by(|_, a, _, b| b.total.cmp(&a.total));
    let most = teams.values().map(|team| team.total.to_f64()).fold(f64::MIN_POSITIVE, f64::max);
    let mut heads: Vec<(&str, bool)> = vec![("Team", false), ("Workloads", true), ("", false)];
    heads.extend(parts.iter().map(|part| (part.name, true)));
    heads.extend([("Total", true), ("CO2e", true)]);
    let rows = html! {
        @for (name, team) in &teams {
            tr {
                th scope="row" { (name.unwrap_or("no team")) }
                td.n { (team.workloads) }
                td { (bars::stacked(&parts.iter().zip(&team.parts).map(|(part, sum)| (part.pattern, sum.to_f64() / most)).collect::<Vec<_>>())) }
                @for sum in &team.parts { (money(*sum)) }
                (money(team.total))
                td.n { (team.kg.map_or_else(|| "not known".to_owned(), kg)) }
            }
        }
    };
    html! {
        h3 { "By team" }
        (bars::legend(parts))
        (table("Cost by team and part", &heads, &rows, None, true))
    }
}
