//! The two or three decisions that mattered most, a sentence each.

use plimsoll_model::{
    Plan, Usd,
    explanation::{Decision, DecisionKind},
};
use plimsoll_planner::explain::decisions;

use crate::render::{
    format::{decimals, duration_hours, usd},
    table::{shorten, wrap},
};

const MOST: usize = 3;

pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let all = decisions(plan);
    let waits = all.iter().find(|decision| is_wait(decision));
    let weighed = all.iter().filter(|decision| !is_wait(decision)).take(MOST - usize::from(waits.is_some()));
    weighed.chain(waits).flat_map(|decision| wrap("  - ", &sentence(decision), width)).collect()
}

/// Whether a decision is about time, with a worth that is not known.
const fn is_wait(decision: &Decision) -> bool {
    matches!(decision.kind, DecisionKind::Waits | DecisionKind::Pieces)
}

/// A decision in a sentence.
pub(in crate::render) fn sentence(decision: &Decision) -> String {
    let name = shorten(&decision.workload, 40);
    let offer = &decision.offer;
    let other = decision.other.as_deref().unwrap_or_default();
    let worth = usd(decision.worth_usd.unwrap_or(Usd::ZERO));
    let hours = duration_hours(decision.hours.unwrap_or_default());
    match decision.kind {
        DecisionKind::Reserved => format!(
            "{name} uses {} × {offer}, paid for already: its compute costs {} instead of {}.",
            decimals(decision.instances.unwrap_or_default(), 2),
            usd(decision.compute_usd.unwrap_or(Usd::ZERO)),
            usd(decision.unreserved_usd.unwrap_or(Usd::ZERO)),
        ),
        DecisionKind::GivesWay => {
            format!(
                "{name} leaves {other} to others: alone it would be {worth} cheaper there than on {offer}."
            )
        }
        DecisionKind::Cheapest => cheapest(decision, &name, other, &worth),
        DecisionKind::SharedData => format!(
            "{name} and {} read {} in one place, {offer}, so that moving it there is paid once ({worth}).",
            shorten(other, 40),
            decision.dataset.as_deref().unwrap_or_default(),
        ),
        DecisionKind::Pieces => format!(
            "{name} runs in {} pieces over {hours}, in the hours that cost it least.",
            decision.pieces.unwrap_or_default(),
        ),
        DecisionKind::Waits => format!(
            "{name} waits {hours} although it could run at once: within its deadline that is the cheapest start that fits."
        ),
    }
}

/// The offer against the next best.
fn cheapest(decision: &Decision, name: &str, other: &str, extra: &str) -> String {
    let offer = &decision.offer;
    let Some((part, most)) = decision.because.iter().max_by_key(|(_, usd)| **usd) else {
        return format!("{name} runs on {offer}: the next best, {other}, would cost {extra} more.");
    };
    match &**part {
        "egress" => format!(
            "{name} runs where its data is cheap to have, on {offer}: {other} would cost {extra} more, {} of it for moving data.",
            usd(*most)
        ),
        "carbon" => format!(
            "{name} runs on cleaner power, on {offer}: {other} would cost {extra} more, {} of it carbon.",
            usd(*most)
        ),
        part => {
            let whole = if Some(*most) == decision.worth_usd {
                "all of it".to_owned()
            } else {
                format!("{} of it", usd(*most))
            };
            format!(
                "{name} runs on {offer}: the next best, {other}, would cost {extra} more, {whole} {}.",
                word(part)
            )
        }
    }
}

/// A part of the cost in a sentence.
fn word(part: &str) -> &str {
    match part {
        "risk" => "expected rework",
        "delay" => "waiting",
        "move" => "moving",
        other => other,
    }
}
