//! The two or three decisions that mattered most, a sentence each.
//!
//! A decision is worth what the next best would have cost more: the runner-up's difference, the list
//! price of what a reservation covers, the copy of a dataset that a second reader gets for nothing. A
//! runner-up that is the same thing in another size is no decision. A start that was put off is one
//! even where its worth is not known.

use plimsoll_model::{
    Plan, Usd,
    plan::{Placement, RunnerUp, Transfer},
};

use crate::render::{
    format::{decimals, duration, usd},
    table::{shorten, wrap},
};

const MOST: usize = 3;

/// A sentence and what it is worth.
struct Decision {
    worth: Usd,
    text: String,
}

pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let mut decisions: Vec<Decision> = plan
        .placements
        .iter()
        .filter_map(|placement| reserved(placement).or_else(|| against(placement)))
        .chain(shared(plan))
        .filter(|decision| decision.worth >= Usd::from_micro(10_000))
        .collect();
    // Stable: of equals the first in document order.
    decisions.sort_by_key(|decision| std::cmp::Reverse(decision.worth));
    let waits = deferred(plan);
    decisions.truncate(MOST - usize::from(waits.is_some()));
    decisions.extend(waits);
    decisions.iter().flat_map(|decision| wrap("  - ", &decision.text, width)).collect()
}

/// The hours that are billed.
fn hours(placement: &Placement) -> f64 {
    match &placement.runs {
        Some(runs) => runs.iter().map(|run| run.end.hours_since(run.start)).sum(),
        None => placement.end.hours_since(placement.start),
    }
}

/// Compute that is paid for already.
fn reserved(placement: &Placement) -> Option<Decision> {
    let full = placement.offer.hourly.to_f64() * placement.instances * hours(placement);
    let saved = full - placement.usd.compute.to_f64();
    // Own nodes pay electricity on top, never less.
    if saved < 0.01 || saved < full * 1e-6 {
        return None;
    }
    let worth = Usd::from_f64((saved * 100.0).round() / 100.0).ok()?;
    let text = format!(
        "{} uses {} × {}, paid for already: its compute costs {} instead of {}.",
        shorten(&placement.workload, 40),
        decimals(placement.instances, 2),
        placement.offer.full_name(),
        usd(placement.usd.compute),
        usd(Usd::from_f64((full * 100.0).round() / 100.0).ok()?),
    );
    Some(Decision { worth, text })
}

/// The offer against the next best.
fn against(placement: &Placement) -> Option<Decision> {
    let runner = placement.runner_up.as_ref()?;
    let name = shorten(&placement.workload, 40);
    let offer = placement.offer.full_name();
    if runner.extra_usd < Usd::ZERO {
        let less = Usd::ZERO - runner.extra_usd;
        let text = format!(
            "{name} leaves {} to others: alone it would be {} cheaper there than on {offer}.",
            runner.offer,
            usd(less)
        );
        return Some(Decision { worth: less, text });
    }
    if alike(placement, runner) {
        return None;
    }
    let extra = usd(runner.extra_usd);
    let (part, most) = runner.because.iter().max_by_key(|(_, usd)| **usd)?;
    let text = match &**part {
        "egress" => format!(
            "{name} runs where its data is cheap to have, on {offer}: {} would cost {extra} more, {} of it for moving data.",
            runner.offer,
            usd(*most)
        ),
        "carbon" => format!(
            "{name} runs on cleaner power, on {offer}: {} would cost {extra} more, {} of it carbon.",
            runner.offer,
            usd(*most)
        ),
        part => {
            let whole = if *most == runner.extra_usd {
                "all of it".to_owned()
            } else {
                format!("{} of it", usd(*most))
            };
            format!(
                "{name} runs on {offer}: the next best, {}, would cost {extra} more, {whole} {}.",
                runner.offer,
                word(part)
            )
        }
    };
    Some(Decision { worth: runner.extra_usd, text })
}

/// Whether two offers are of one family in one place, differing in size.
fn alike(placement: &Placement, runner: &RunnerUp) -> bool {
    let family = |name: &str| -> Option<(String, String)> {
        let parts: Vec<&str> = name.split('/').collect();
        let [cloud, region, instance, capacity] = parts.as_slice() else { return None };
        let letters = instance.split(['.', '-']).next().unwrap_or_default();
        let letters: String = letters.chars().filter(|c| !c.is_ascii_digit()).collect();
        Some((format!("{cloud}/{region}/{capacity}"), letters))
    };
    let own = family(&placement.offer.full_name());
    own.is_some() && own == family(&runner.offer)
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

/// A copy that another reader has paid for.
fn shared(plan: &Plan) -> impl Iterator<Item = Decision> {
    let transfers = || {
        plan.placements
            .iter()
            .flat_map(|placement| placement.transfers.iter().map(move |transfer| (placement, transfer)))
    };
    transfers().filter(|(_, transfer)| transfer.usd.is_zero() && transfer.size > 0).filter_map(
        move |(reader, transfer)| {
            let same = |other: &Transfer| {
                other.what == transfer.what && other.to == transfer.to && !other.usd.is_zero()
            };
            let (payer, paid) = transfers().find(|(_, other)| same(other))?;
            let text = format!(
                "{} and {} read {} in one place, {}, so that moving it there is paid once ({}).",
                shorten(&payer.workload, 40),
                shorten(&reader.workload, 40),
                transfer.what,
                transfer.to,
                usd(paid.usd)
            );
            Some(Decision { worth: paid.usd, text })
        },
    )
}

/// The longest wait among the starts that were put off although they could have been earlier.
fn deferred(plan: &Plan) -> Option<Decision> {
    let now = plan.inputs.flags.now;
    let put_off = |placement: &&Placement| placement.runs.is_some() || placement.reason.contains("; starts ");
    let placement = plan.placements.iter().filter(put_off).max_by_key(|placement| placement.start)?;
    let name = shorten(&placement.workload, 40);
    let text = match &placement.runs {
        Some(runs) => format!(
            "{name} runs in {} pieces over {}, in the hours that cost it least.",
            runs.len(),
            duration(placement.end.since(placement.start)),
        ),
        None => format!(
            "{name} waits {} although it could run at once: within its deadline that is the cheapest start that fits.",
            duration(placement.start.since(now)),
        ),
    };
    Some(Decision { worth: placement.usd.total, text })
}
