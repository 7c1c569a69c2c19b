//! Figures that no document stated, and where prices come from.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use plimsoll_model::{
    OfferSpec, Plan,
    plan::{Assumption, Placement},
};

use crate::render::{
    format::days,
    style::dim,
    table::{chars, printable, shorten_end, wrap},
};

/// The most kinds that are shown.
const MOST: usize = 12;

/// A line or two for each kind of figure.
pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let mut kinds: IndexMap<&str, Vec<(&str, &Assumption)>> = IndexMap::new();
    for assumption in &plan.assumptions {
        let (kind, about) = split(&assumption.what);
        kinds.entry(kind).or_default().push((about, assumption));
    }
    if kinds.is_empty() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let mut hidden = 0;
    for (at, (kind, figures)) in kinds.iter().enumerate() {
        if at >= MOST {
            hidden += figures.len();
            continue;
        }
        let (line, more) = figures_of(kind, figures, width);
        hidden += more;
        lines.push(line);
    }
    let more = if hidden == 0 { String::new() } else { format!("and {hidden} more, ") };
    lines.push(dim(format!("  {more}each with its source and date: -o json")));
    lines
}

/// As many figures of a kind as a line holds, and how many it does not.
fn figures_of(kind: &str, figures: &[(&str, &Assumption)], width: usize) -> (String, usize) {
    let line = format!("  {}: ", called(kind));
    // Equal figures stand together: `A100, A100-80GB 400 W each`.
    let mut equal: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (about, assumption) in figures {
        // What is assumed is in the name of the kind.
        let value = if kind == OUTSIDE { "" } else { &*assumption.value };
        equal.entry(value).or_default().push(about);
    }
    let room = width.saturating_sub(chars(&line) + chars("; 99 more"));
    let (mut text, mut shown) = (String::new(), 0);
    'figures: for (value, about) in &equal {
        // As many of those that share a figure as there is room for.
        for count in (1..=about.len()).rev() {
            let piece = format!("{} {value}", about[..count].join(", "));
            let glue = if text.is_empty() { "" } else { "; " };
            let fits = chars(&text) + chars(glue) + chars(&piece) <= room;
            if fits || text.is_empty() && count == 1 {
                text = text + glue + piece.trim();
                shown += count;
                if count < about.len() {
                    break 'figures;
                }
                continue 'figures;
            }
        }
        break;
    }
    let more = figures.len() - shown;
    let tail = if more > 0 { format!("; {more} more") } else { String::new() };
    (shorten_end(&printable(&format!("{line}{text}{tail}")), width), more)
}

/// The kind of what is said of the ends of series.
const OUTSIDE: &str = "carbon intensity outside of a series";

/// `PUE of aws` is of the kind `PUE` and about `aws`.
fn split(what: &str) -> (&str, &str) {
    const OUTSIDE: &str = " outside of its series";
    if let Some(place) = what.strip_prefix("carbon intensity of ").and_then(|what| what.strip_suffix(OUTSIDE))
    {
        return ("carbon intensity outside of a series", place);
    }
    if let Some(object) = what.strip_prefix("passed over: ") {
        return ("passed over", object);
    }
    if let Some(names) = what.strip_prefix("horizon of the services ") {
        return ("horizon", names);
    }
    let cut = [" of ", " from ", " between "]
        .iter()
        .filter_map(|glue| what.find(glue).map(|at| (at, if *glue == " from " { 1 } else { glue.len() })))
        .min();
    match cut {
        Some((at, glue)) => {
            (&what[..at], what[at + glue..].strip_prefix("from ").unwrap_or(&what[at + glue..]))
        }
        None => (what, ""),
    }
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
        lines.extend(wrap("  ", &format!("{source} ({day}): {}", workloads.join(", ")), width));
    }
    lines
}
