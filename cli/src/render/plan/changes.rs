//! What differs from the plan in force, as terraform shows it: `+` added, `~` moved or changed, `-` removed;
//! what moving costs against what it saves; a line that sums it up.

use plimsoll_model::{
    Changes, Usd,
    changes::{Action, Change, Repriced, Spot},
    explanation::{Verdict, WhyNot},
};

use crate::render::{
    explain::{barrier::clause, money::and},
    format::{decimals, duration, minute, usd},
    style::{bad, bold, good, warn},
    table::{shorten, wrap},
};

/// Prices named one by one.
const REPRICED: usize = 5;

pub(super) fn lines(changes: &Changes, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = changes.changes.iter().flat_map(|change| one(change, width)).collect();
    lines.extend(repriced(&changes.repriced, width));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.extend(wrap("  ", &summary(changes), width).into_iter().map(bold));
    lines
}

/// A workload's line: the mark says in a letter what the words say too.
fn one(change: &Change, width: usize) -> Vec<String> {
    let mark = match change.action {
        Action::Add => good("+"),
        Action::Move | Action::Change => warn("~"),
        Action::Remove => bad("-"),
    };
    let text = sentence(change);
    let mut lines = wrap("    ", &text, width);
    if let Some(first) = lines.first_mut() {
        *first = format!("  {mark} {}", first.trim_start());
    }
    lines
}

/// What happens to a workload, and what that costs or saves.
pub(in crate::render) fn sentence(change: &Change) -> String {
    let name = shorten(&change.workload, 40);
    let offer = |spot: &Option<Spot>| spot.as_ref().map_or_else(String::new, |spot| spot.offer.clone());
    let (before, after) = (offer(&change.before), offer(&change.after));
    match change.action {
        Action::Add => {
            let cost = change.after.as_ref().map_or(Usd::ZERO, |spot| spot.usd);
            format!("{name}: to add on {after}, {}", usd(cost))
        }
        Action::Move => {
            let why = change
                .staying
                .as_ref()
                .map_or_else(|| moving(change), |stay| against_staying(change, stay, &name));
            format!("{name}: to move from {before} to {after}; {why}")
        }
        Action::Change => format!("{name}: to change on {after}; {}", changed(change)),
        Action::Remove => {
            let why = match &change.left_out {
                Some(reason) => format!("left out now: {reason}"),
                None => "no longer asked for".to_owned(),
            };
            format!("{name}: to remove from {before}, {why}")
        }
    }
}

/// What leaving costs.
fn moving(change: &Change) -> String {
    if change.move_usd.is_zero() {
        "moving is free".into()
    } else {
        format!("moving costs {}", usd(change.move_usd))
    }
}

/// What moving costs against what it saves, or why staying is not possible.
fn against_staying(change: &Change, stay: &WhyNot, name: &str) -> String {
    let (cost, net) = (change.move_usd, stay.extra_usd.unwrap_or(Usd::ZERO));
    let clauses = || and(&stay.barriers.iter().map(|one| clause(one, name)).collect::<Vec<_>>());
    match stay.verdict {
        Verdict::NoOffer => format!("there is no such offer any more, {}", moving(change)),
        Verdict::Excluded => {
            format!("{} is no longer possible: {}; {}", stay.offer, clauses(), moving(change))
        }
        Verdict::Blocked => {
            format!(
                "{} is no longer possible beside the others: {}; {}",
                stay.offer,
                clauses(),
                moving(change)
            )
        }
        Verdict::Dearer if cost.is_zero() => format!("saves {} against staying", usd(net)),
        Verdict::Dearer => {
            format!(
                "moving costs {} and saves {}: {} less than staying",
                usd(cost),
                usd(net + cost),
                usd(net)
            )
        }
        Verdict::Same => format!("costs the same as staying, {}", moving(change)),
        Verdict::Later => {
            format!("{} is one of a later of its ways, which are in order; {}", stay.offer, moving(change))
        }
        Verdict::Cheaper => format!(
            "staying would cost {} less: the plan is not the best possible, {}",
            usd(Usd::ZERO - net),
            moving(change)
        ),
        _ => moving(change),
    }
}

/// What is another on the same offer.
fn changed(change: &Change) -> String {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return String::new() };
    let mut all = Vec::new();
    if before.start != after.start {
        all.push(format!("starts on {} instead of {}", minute(after.start), minute(before.start)));
    }
    if (before.instances - after.instances).abs() > 1e-9 {
        let count = |spot: &Spot| decimals(spot.instances, 3);
        all.push(format!("takes {} instances instead of {}", count(after), count(before)));
    }
    if let (Some(was), Some(is)) = (before.run, after.run)
        && was != is
    {
        let (short, other) = (duration(is), duration(was));
        let told_apart = if short == other { (is.to_string(), was.to_string()) } else { (short, other) };
        all.push(format!("runs for {} instead of {}", told_apart.0, told_apart.1));
    }
    // To the cent, as it is shown.
    if usd(before.usd) != usd(after.usd) {
        all.push(format!("costs {} instead of {}", usd(after.usd), usd(before.usd)));
    }
    all.join(", ")
}

/// Prices that are others for what stays.
fn repriced(all: &[Repriced], width: usize) -> Vec<String> {
    let prices = |one: &Repriced| format!("{} → {} an hour", usd(one.before_hourly), usd(one.after_hourly));
    let mut lines: Vec<String> = all
        .iter()
        .take(REPRICED)
        .flat_map(|one| {
            let name = shorten(&one.workload, 40);
            wrap(
                "    ",
                &format!("{name}: stays on {}, now at another price: {}", one.offer, prices(one)),
                width,
            )
        })
        .collect();
    if all.len() > REPRICED {
        lines.push(format!("    and {} more at another price: -o json shows all", all.len() - REPRICED));
    }
    lines
}

/// `Plan: 2 to add, 1 to move, 1 to remove, 9 unchanged; $3.10 cheaper.`
pub(in crate::render) fn summary(changes: &Changes) -> String {
    let difference = changes.after_usd - changes.before_usd;
    let total = if difference.is_zero() {
        "at the same cost".to_owned()
    } else if difference < Usd::ZERO {
        format!("{} cheaper", usd(Usd::ZERO - difference))
    } else {
        format!("{} dearer", usd(difference))
    };
    let total = if changes.other_terms {
        format!("{total}, but at another carbon price, delay price or horizon")
    } else {
        total
    };
    if changes.is_none() {
        return format!("No changes: {} unchanged; {total}.", changes.unchanged);
    }
    let parts = [
        (changes.to_add, "to add"),
        (changes.to_move, "to move"),
        (changes.to_change, "to change"),
        (changes.to_remove, "to remove"),
    ];
    let mut list: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    list.push(format!("{} unchanged", changes.unchanged));
    let moving = if changes.move_usd.is_zero() {
        String::new()
    } else {
        format!(", with {} for moving", usd(changes.move_usd))
    };
    format!("Plan: {}; {total}{moving}.", list.join(", "))
}
