//! The plan as a whole: where the money goes, what decided and what shaped it.

use plimsoll_model::{
    Usd,
    explanation::{AboutPlan, Explanation, LimitUse, Team},
    plan::Constraint,
};

use super::{
    Section,
    barrier::saving,
    money::{and, word},
};
use crate::render::{
    format::{decimals, percent, usd},
    plan::{decisions, headline, left_out, limits},
    style::bold,
    table::{shorten, wrap},
};

/// Decisions told; the JSON has all.
const DECISIONS: usize = 5;
/// Rules whose cost is told.
const SAVINGS: usize = 5;
/// A limit used to this part shapes a plan.
const NEARLY_FULL: f64 = 0.9;
/// Users of a limit named one by one.
const NAMED: usize = 4;

pub(super) fn sections(explanation: &Explanation, about: &AboutPlan, width: usize) -> Vec<Section> {
    let list = |sentences: Vec<String>| -> Vec<String> {
        sentences.iter().flat_map(|sentence| wrap("  - ", sentence, width)).collect()
    };
    let shaping = about.limits.iter().flatten().filter(|limit| limit.used >= NEARLY_FULL * limit.has);
    let mut shaped: Vec<String> = shaping.map(limit).collect();
    shaped.extend(about.prices.iter().map(limits::sentence));
    vec![
        (String::new(), opening(explanation, about, width)),
        ("Where the money goes".to_owned(), money(explanation, about, width)),
        (
            "What decided it".to_owned(),
            list(about.decisions.iter().take(DECISIONS).map(decisions::sentence).collect()),
        ),
        ("Which limits shaped it".to_owned(), list(shaped)),
        (
            "What single rules cost, all else as planned".to_owned(),
            list(about.would_save.iter().flatten().take(SAVINGS).map(saving).collect()),
        ),
        (
            "Left out".to_owned(),
            about
                .shortfall
                .iter()
                .flat_map(|shortfall| left_out::shortfall_in_all(shortfall, width))
                .chain(about.unplaced.iter().flat_map(|unplaced| left_out::one(unplaced, width)))
                .collect(),
        ),
    ]
}

/// How many, at what cost, how good.
fn opening(explanation: &Explanation, about: &AboutPlan, width: usize) -> Vec<String> {
    let facts = &explanation.plan;
    let all = facts.placed + facts.left_out;
    let of_all = if facts.left_out == 0 { String::new() } else { format!(" of {all}") };
    let noun = if all == 1 { "workload" } else { "workloads" };
    let (quality, _) = headline::quality(facts.status, facts.total_usd, facts.bound_usd, facts.gap);
    let first = format!("{}{of_all} {noun} placed for {}: {quality}.", facts.placed, usd(facts.total_usd));
    let mut lines: Vec<String> = wrap("", &first, width).into_iter().map(bold).collect();
    if about.billed_usd != facts.total_usd {
        let rest = facts.total_usd - about.billed_usd;
        let text = format!(
            "{} of it is billed; {} is the price put on other things.",
            usd(about.billed_usd),
            usd(rest)
        );
        lines.extend(wrap("  ", &text, width));
    }
    lines
}

/// Parts, the dearest workloads, teams.
fn money(explanation: &Explanation, about: &AboutPlan, width: usize) -> Vec<String> {
    let total = explanation.plan.total_usd;
    if total.is_zero() {
        return Vec::new();
    }
    let share = |part: Usd| percent(part.to_f64() / total.to_f64());
    let of = &about.parts;
    let parts = [
        (word("compute"), of.compute),
        (word("egress"), of.egress),
        (word("risk"), of.risk),
        (word("carbon"), of.carbon),
        (word("delay"), of.delay),
        (word("latency"), of.latency),
        ("leaving where workloads run now", of.moving),
        ("the value of what is left out", of.value_forgone),
    ];
    let mut parts: Vec<(&str, Usd)> = parts.into_iter().filter(|(_, part)| !part.is_zero()).collect();
    // Stable: of equals the order of the documents.
    parts.sort_by_key(|(_, part)| std::cmp::Reverse(*part));
    let parts: Vec<String> =
        parts.iter().map(|(name, part)| format!("{} for {name} ({})", usd(*part), share(*part))).collect();
    let mut sentences = vec![format!("{}.", and(&parts))];
    let dearest: Vec<String> = about
        .dearest
        .iter()
        .map(|one| format!("{} {} ({})", shorten(&one.workload, 40), usd(one.usd), share(one.usd)))
        .collect();
    if explanation.plan.placed > 1 && !dearest.is_empty() {
        sentences.push(format!("The dearest: {}.", and(&dearest)));
    }
    sentences.extend(about.teams.iter().flatten().filter(|team| team.team.is_some()).map(self::team));
    sentences.iter().flat_map(|sentence| wrap("  - ", sentence, width)).collect()
}

fn team(team: &Team) -> String {
    let name = shorten(team.team.as_deref().unwrap_or_default(), 40);
    let on =
        if team.workloads == 1 { "1 workload".to_owned() } else { format!("{} workloads", team.workloads) };
    let spends = format!("Team {name} spends {} on {on}", usd(team.usd));
    match team.budget_usd {
        Some(budget) if budget > Usd::ZERO => {
            let share = percent(team.usd.to_f64() / budget.to_f64());
            format!("{spends}, {share} of its budget of {}.", usd(budget))
        }
        Some(_) => format!("{spends}, and its budget is $0.00."),
        None => format!("{spends}, and has no budget."),
    }
}

/// How far a limit is used, and by whom.
fn limit(limit: &LimitUse) -> String {
    let figure = |value: f64| left_out::figure(value, &limit.unit);
    let name = &limit.name;
    let what = match limit.constraint {
        Constraint::Count => name.clone(),
        Constraint::Quota => format!("the quota for {name}"),
        Constraint::Budget => format!("the budget of {name}"),
        Constraint::CarbonBudget => format!("the carbon budget of {name}"),
        other => format!("{} {name}", left_out::word(other)),
    };
    let users: Vec<String> =
        limit.used_by.iter().take(NAMED).map(|holder| shorten(&holder.workload, 40)).collect();
    let more = match limit.used_by.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let users = if more.is_empty() { and(&users) } else { users.join(", ") + &more };
    let used = match &*limit.unit {
        "instances" | "accelerators" => decimals(limit.used, 3),
        _ => figure(limit.used),
    };
    format!("{what}: {used} of {} in use, by {users}", figure(limit.has))
}
