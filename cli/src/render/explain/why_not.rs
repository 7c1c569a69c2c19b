//! Why a workload is not on an offer: a paragraph that settles the question.

use plimsoll_model::{
    Usd,
    explanation::{AboutWorkload, Explanation, Instead, Relocation, Verdict, WhyNot},
    plan::PlacementUsd,
};

use super::{
    barrier::clause,
    money::{and, by_part, more_or_less, parts},
};
use crate::render::{
    format::{duration, minute, usd},
    table::shorten,
};

/// Moves named one by one.
const MOVES: usize = 3;

/// The paragraph.
pub(super) fn paragraph(explanation: &Explanation, about: &AboutWorkload, answer: &WhyNot) -> String {
    let name = shorten(&about.name, 40);
    let offer = &answer.offer;
    let extra = answer.extra_usd.unwrap_or(Usd::ZERO);
    let clauses: Vec<String> = answer.barriers.iter().map(|barrier| clause(barrier, &name)).collect();
    match answer.verdict {
        Verdict::Chosen => format!("{name} does run on {offer}."),
        Verdict::Unknown => unknown(about, answer),
        Verdict::NoOffer => format!("There is no offer {offer} any more."),
        Verdict::NoPrice => format!(
            "{offer} is not considered for {name}: its price needs a figure that nothing states, {}. State it in the estate to have it considered.",
            answer.lacks.as_deref().unwrap_or("which is not known")
        ),
        Verdict::Excluded => {
            format!("{name} cannot run on {offer}{}", reasons(&clauses)) + &were_it_allowed(about, answer)
        }
        Verdict::Blocked => {
            let mut text = format!(
                "{offer} would do for {name} alone, but not beside the other workloads as planned{}",
                reasons(&clauses)
            );
            if answer.instead.is_none() {
                text.push_str(&were_it_allowed(about, answer));
            }
            // Without a time there was nothing to plan with.
            if answer.instead.is_none() && answer.start.is_some() {
                text.push_str(" No plan was found that has it there, not even with all others elsewhere.");
            }
            text + &instead(answer)
        }
        Verdict::NotWorthIt => {
            let cost = answer.usd.as_ref().map_or(Usd::ZERO, |there| there.total);
            let worth = answer.because.get("valueForgone").map_or(Usd::ZERO, |value| Usd::ZERO - *value);
            format!(
                "{name} could run on {offer}, but would cost {} there and is worth {}: leaving it out is {} cheaper.",
                usd(cost),
                usd(worth),
                usd(extra)
            ) + &instead(answer)
        }
        Verdict::Same => format!(
            "{name} could run on {offer} at the same cost{}. Between equals the plan takes the first.",
            there(about, answer)
        ),
        Verdict::Dearer => {
            format!(
                "{name} could run on {offer}, but that would cost {} more{}{}.",
                usd(extra),
                by_part(extra, &answer.because),
                there(about, answer)
            ) + &instead(answer)
        }
        Verdict::Later => {
            let than = if extra < Usd::ZERO { "less" } else { "more" };
            let amount = if extra < Usd::ZERO { Usd::ZERO - extra } else { extra };
            format!(
                "{name} could run on {offer} for {} {than}{}, but only in a later of its ways, and they are in order (`ordered: true`): a later way is for when no offer of an earlier one is free.",
                usd(amount),
                there(about, answer)
            ) + &instead(answer)
        }
        Verdict::Cheaper => {
            format!(
                "{name} would cost {} less on {offer}{}{}. {}",
                usd(Usd::ZERO - extra),
                by_part(extra, &answer.because),
                there(about, answer),
                not_the_best(explanation)
            ) + &instead(answer)
        }
    }
}

/// What stands in the way, after a colon.
fn reasons(clauses: &[String]) -> String {
    match clauses {
        [one] => format!(": {one}."),
        all => format!(", for {} reasons: {}.", all.len(), all.join("; ")),
    }
}

/// How the plan can be dearer than another.
fn not_the_best(explanation: &Explanation) -> String {
    match explanation.plan.bound_usd.map(|bound| explanation.plan.total_usd - bound) {
        Some(above) if above > Usd::ZERO => format!(
            "The search stopped before it found that: the plan is up to {} above the best possible one. Plan with more --effort.",
            usd(above)
        ),
        _ => "The search stopped before it found that: plan with more --effort.".into(),
    }
}

/// What the plan alone cannot say.
fn unknown(about: &AboutWorkload, answer: &WhyNot) -> String {
    let name = shorten(&about.name, 40);
    let list = match (answer.hourly, &about.placement) {
        (Some(hourly), Some(placement)) => format!(
            " (Its list price is {} an hour; {} costs {} an hour.)",
            usd(hourly),
            placement.offer.full_name(),
            usd(placement.offer.hourly)
        ),
        _ => String::new(),
    };
    format!(
        "The plan alone does not say why {name} is not there: it keeps the offer chosen and the next best.{list} Add the files it was made from, and this settles it: -f FILE for each, -e ESTATE."
    )
}

/// The whole cost and the time there, against those planned.
fn there(about: &AboutWorkload, answer: &WhyNot) -> String {
    let (Some(cost), Some(start), Some(end)) = (&answer.usd, answer.start, answer.end) else {
        return String::new();
    };
    let planned = about.placement.as_ref();
    let against =
        planned.map_or_else(String::new, |placement| format!(" instead of {}", usd(placement.usd.total)));
    let when = match planned {
        Some(placement) if placement.start == start && placement.end == end => String::new(),
        _ => format!(", and it would run from {} for {}", minute(start), duration(end.since(start))),
    };
    format!(". It would cost {} there{against}{when}", usd(cost.total))
}

/// What the offer would cost if nothing stood in the way.
fn were_it_allowed(about: &AboutWorkload, answer: &WhyNot) -> String {
    let (Some(extra), Some(cost)) = (answer.extra_usd, &answer.usd) else { return String::new() };
    let (without, even) = match answer.barriers.len() {
        1 => ("Without that", "Even without that"),
        _ => ("Without all of that", "Even without all of that"),
    };
    if about.unplaced.is_some() {
        return format!(" {without} it would cost {} there{}.", usd(cost.total), in_parts(cost));
    }
    let so = if extra > Usd::ZERO { even } else { without };
    if extra.is_zero() {
        return format!(" {so} it would cost the same there.");
    }
    format!(" {so} it would cost {} there{}.", more_or_less(extra), by_part(extra, &answer.because))
}

/// The parts of a cost, when there is more than one.
fn in_parts(cost: &PlacementUsd) -> String {
    let parts = parts(cost);
    if parts.contains(" and ") { format!(": {parts}") } else { String::new() }
}

/// The plan in which it is there and the others give way, where that says something new.
fn instead(answer: &WhyNot) -> String {
    let Some(Instead { extra_usd, proven, moves, left_out, total_usd, start }) = &answer.instead else {
        return String::new();
    };
    if moves.is_empty() && left_out.is_empty() && Some(*extra_usd) == answer.extra_usd {
        return if *proven && answer.verdict == Verdict::Dearer {
            " Letting the other workloads move does not make it cheaper.".into()
        } else {
            String::new()
        };
    }
    let mut changes: Vec<String> = moves.iter().take(MOVES).map(relocation).collect();
    if moves.len() > MOVES {
        let more = moves.len() - MOVES;
        changes.push(format!("{more} more {} too", if more == 1 { "moves" } else { "move" }));
    }
    changes.extend(left_out.iter().take(MOVES).map(|one| format!("{} is left out", shorten(one, 40))));
    if left_out.len() > MOVES {
        let more = left_out.len() - MOVES;
        changes.push(format!("{more} more {} left out", if more == 1 { "is" } else { "are" }));
    }
    let best = if *proven { "The best plan with it there" } else { "The best plan found with it there" };
    let cost = if extra_usd.is_zero() {
        "costs the same".to_owned()
    } else {
        format!("costs {} in all, {}", more_or_less(*extra_usd), usd(*total_usd))
    };
    if answer.start.is_some_and(|tried| tried != *start) {
        changes.insert(0, format!("it starts on {}", minute(*start)));
    }
    let changes = if changes.is_empty() { String::new() } else { format!(": {}", and(&changes)) };
    format!(" {best}, where the others may give way, {cost}{changes}.")
}

/// Who moves where, or starts when.
fn relocation(one: &Relocation) -> String {
    let name = shorten(&one.workload, 40);
    let when = minute(one.to_start);
    match &one.from {
        Some(from) if *from == one.to => format!("{name} starts on {when}"),
        Some(_) => format!("{name} moves to {}", one.to),
        None => format!("{name} runs on {}", one.to),
    }
}
