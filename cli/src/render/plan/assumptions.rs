//! Figures that no document stated, and where prices come from.

use std::{collections::BTreeMap, iter};

use indexmap::IndexMap;
use plimsoll_model::{
    OfferSpec, Plan,
    plan::{Assumption, Placement},
};

use crate::render::{
    assumed::{OUTSIDE, Wording},
    format::{SOME, days, few, first, thousands},
    style::dim,
    table::{chars, printable, shorten_end, wrap},
};

/// The most kinds that are shown.
const MOST: usize = 12;

/// A line or two for each kind of figure.
pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let mut kinds: IndexMap<&str, Vec<(Wording<'_>, &Assumption)>> = IndexMap::new();
    // Documents that could not be read are named one by one: each may be what was meant to be planned.
    let (broken, others): (Vec<&Assumption>, Vec<&Assumption>) =
        plan.assumptions.iter().partition(|assumption| assumption.source == "--tolerate");
    for assumption in others {
        let wording = Wording::of(&assumption.what);
        kinds.entry(wording.kind).or_default().push((wording, assumption));
    }
    if plan.assumptions.is_empty() {
        return Vec::new();
    }
    let of_broken =
        |one: &&Assumption| shorten_end(&printable(&format!("  {}: {}", one.what, one.value)), width);
    let mut lines: Vec<String> = broken.iter().take(MOST).map(of_broken).collect();
    let mut hidden = broken.len().saturating_sub(MOST);
    for (at, (kind, figures)) in kinds.iter().enumerate() {
        if at >= MOST {
            hidden += figures.len();
            continue;
        }
        let (line, more) = figures_of(kind, figures, width);
        hidden += more;
        lines.push(line);
    }
    let more = if hidden == 0 { String::new() } else { format!("and {} more, ", thousands(hidden as u128)) };
    lines.push(dim(format!("  {more}each with its source and date: -o json")));
    lines
}

/// As many figures of a kind as a line holds, and how many it says nothing of.
fn figures_of(kind: &str, figures: &[(Wording<'_>, &Assumption)], width: usize) -> (String, usize) {
    let line = format!("  {}: ", called(kind));
    // Equal figures stand together: `A100, A100-80GB 400 W`.
    let mut equal: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (wording, assumption) in figures {
        // What is assumed is in the name of the kind.
        let value = if kind == OUTSIDE { "" } else { &*assumption.value };
        equal.entry(value).or_default().extend(wording.names());
    }
    let all: usize = equal.values().map(Vec::len).sum();
    let room = width.saturating_sub(chars(&line) + chars("; 999 more"));
    let (mut text, mut said) = (String::new(), 0);
    for (value, about) in &equal {
        let glue = if text.is_empty() { "" } else { "; " };
        let fits = |piece: &String| chars(&text) + chars(glue) + chars(piece) <= room;
        let whole = format!("{} {value}", about.join(", ")).trim().to_owned();
        // Of those that share a figure some stand for all where there is no room for all.
        let some = (1..about.len().min(SOME + 1)).rev().map(|named| {
            let names = first(about, named);
            if value.is_empty() { names } else { format!("{value} for {names}") }
        });
        let count = (text.is_empty() && about.len() > 1 && !value.is_empty())
            .then(|| format!("{value}, {} times", thousands(about.len() as u128)));
        let mut shorter = iter::once(whole.clone()).chain(some).chain(count);
        let Some(piece) = shorter.find(fits).or_else(|| text.is_empty().then_some(whole)) else { break };
        text = text + glue + &piece;
        said += about.len();
    }
    let more = all - said;
    let tail = if more > 0 { format!("; {} more", thousands(more as u128)) } else { String::new() };
    (shorten_end(&printable(&format!("{line}{text}{tail}")), width), more)
}

/// A kind in words that need no other reading.
fn called(kind: &str) -> &str {
    match kind {
        "PUE" => "power of a building over that of its machines",
        OUTSIDE => "before and after a carbon series, its end values",
        "egress" => "price of moving data",
        "throughput" => "speed of moving data",
        "power" => "power under load",
        "horizon" => "services run for",
        "architecture" => "runs on the architecture of its machine",
        other => other,
    }
}

/// The list that an offer's price is of.
pub(in crate::render) fn price_list(offer: &OfferSpec) -> &str {
    let source = offer.source.as_deref().unwrap_or("your own documents");
    // Which program read a list is for the JSON.
    source.split_once(" (read by ").map_or(source, |(list, _)| list)
}

/// The price lists of the offers that are used, oldest last.
pub(super) fn price_sources(plan: &Plan, width: usize) -> Vec<String> {
    let mut lists: BTreeMap<(Option<&str>, &str), Vec<&str>> = BTreeMap::new();
    for Placement { offer, workload, .. } in &plan.placements {
        lists.entry((offer.as_of.as_deref(), price_list(offer))).or_default().push(workload);
    }
    let now = plan.inputs.flags.now;
    let mut lines: Vec<String> = Vec::new();
    for ((day, source), workloads) in lists.iter().rev() {
        let day = day.map_or_else(
            || "undated".to_owned(),
            |day| match days(day, now) {
                Some(age) if age > 90 => format!("{day}, {age} days old"),
                _ => day.to_owned(),
            },
        );
        lines.extend(wrap("  ", &format!("{source} ({day}): {}", few(workloads)), width));
    }
    lines
}
