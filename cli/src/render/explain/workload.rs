//! One workload: where it runs or why it does not, the next best, what binds it, what would change it.

use plimsoll_model::{
    Usd,
    explanation::{AboutWorkload, DecisionKind, Explanation, OfferCount},
    plan::Placement,
};

use super::{
    Section,
    barrier::saving,
    money::{by_part, parts},
    why_not,
};
use crate::render::{
    format::{duration, kg, minute, thousands, usd},
    plan::{decisions, left_out, limits, placements::what},
    style::bold,
    table::{shorten, wrap},
};

/// Rules whose cost is told; the JSON has all.
const SAVINGS: usize = 5;

pub(super) fn sections(explanation: &Explanation, about: &AboutWorkload, width: usize) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(placement) = &about.placement {
        sections.push((String::new(), chosen(placement, width)));
    }
    if let Some(unplaced) = &about.unplaced {
        let name = shorten(&about.name, 40);
        let mut lines = wrap("", &format!("{name} is left out."), width);
        lines = lines.into_iter().map(bold).collect();
        lines.extend(left_out::one(unplaced, width));
        sections.push((String::new(), lines));
    }
    if let Some(answer) = &about.why_not {
        sections.push((
            format!("Why not {}", answer.offer),
            wrap("  ", &why_not::paragraph(explanation, about, answer), width),
        ));
    }
    sections.push(("Why there".to_owned(), why(about, width)));
    if let Some(offers) = &about.offers {
        sections.push(("What it could choose from".to_owned(), choice(offers, width)));
    }
    let savings = about.would_save.iter().flatten().take(SAVINGS);
    sections.push((
        "What its rules cost, all else as planned".to_owned(),
        savings.flat_map(|one| wrap("  - ", &saving(one), width)).collect(),
    ));
    let prices = about.prices.iter().flat_map(|price| wrap("  - ", &limits::sentence(price), width));
    sections.push(("What more room would save".to_owned(), prices.collect()));
    sections
}

/// Where and when it runs, and what that costs.
fn chosen(placement: &Placement, width: usize) -> Vec<String> {
    let name = shorten(&placement.workload, 40);
    let offer = placement.offer.full_name();
    let mut lines: Vec<String> =
        wrap("", &format!("{name} runs on {offer}."), width).into_iter().map(bold).collect();
    let when =
        format!("from {} for {}", minute(placement.start), duration(placement.end.since(placement.start)));
    let hourly = usd(placement.offer.hourly);
    let cost = if placement.usd.total.is_zero() {
        "It costs nothing".to_owned()
    } else {
        format!("It costs {}, {}", usd(placement.usd.total), all_of(placement))
    };
    let carbon =
        placement.carbon_kg.map_or_else(String::new, |carbon| format!(", and emits {} CO2e", kg(carbon)));
    let text = format!("{} at {hourly} an hour each, {when}. {cost}{carbon}.", what(placement));
    lines.extend(wrap("  ", &text, width));
    lines
}

fn all_of(placement: &Placement) -> String {
    let parts = parts(&placement.usd);
    if parts.contains(" and ") {
        return parts;
    }
    format!("all of it {}", parts.split_once(" for ").map_or(&*parts, |(_, word)| word))
}

/// What it was preferred to.
fn why(about: &AboutWorkload, width: usize) -> Vec<String> {
    let Some(placement) = &about.placement else { return Vec::new() };
    let mut sentences: Vec<String> = Vec::new();
    match &placement.runner_up {
        Some(next) if next.extra_usd > Usd::ZERO => sentences.push(format!(
            "The next best, {}, would cost {} more{}.",
            next.offer,
            usd(next.extra_usd),
            by_part(next.extra_usd, &next.because)
        )),
        Some(next) if next.extra_usd.is_zero() => {
            sentences.push(format!(
                "{} would cost the same; between equals the plan takes the first.",
                next.offer
            ));
        }
        Some(next) => sentences.push(format!(
            "{} would cost {} less on its own, but not beside the other workloads.",
            next.offer,
            usd(Usd::ZERO - next.extra_usd)
        )),
        None if about.offers.as_ref().is_some_and(|offers| offers.eligible == 1) => {
            sentences.push("It is the only offer that passes all of its rules.".into());
        }
        None => {
            sentences.push(
                "No other offer passes its rules and fits beside the other workloads and within the budgets."
                    .into(),
            );
        }
    }
    let told = |kind| !matches!(kind, DecisionKind::Cheapest | DecisionKind::GivesWay);
    sentences.extend(about.decisions.iter().filter(|d| told(d.kind)).map(decisions::sentence));
    sentences.iter().flat_map(|sentence| wrap("  - ", sentence, width)).collect()
}

/// How many offers pass, and what excludes the others.
fn choice(offers: &OfferCount, width: usize) -> Vec<String> {
    let number = |count: u64| thousands(u128::from(count));
    let mut filtered: Vec<_> = offers.filtered.iter().collect();
    filtered.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let excluded: Vec<String> = filtered
        .into_iter()
        .map(|(constraint, count)| format!("{} {}", left_out::word(*constraint), number(*count)))
        .collect();
    let pass = match offers.eligible {
        0 => "none passes".to_owned(),
        1 => "1 passes".to_owned(),
        more => format!("{} pass", number(more)),
    };
    let mut text = format!("Of {} offers {pass} all of its rules.", number(offers.all));
    if !excluded.is_empty() {
        text = format!("{text} What excludes the others: {}.", excluded.join(", "));
    }
    wrap("  ", &text, width)
}
