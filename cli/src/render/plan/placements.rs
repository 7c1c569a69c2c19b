//! What runs where and when: two lines a workload, so that names of offers stay whole.

use plimsoll_model::{Plan, Time, plan::Placement};

use crate::render::{
    format::{decimals, duration, kg, moment, usd},
    style::{bold, dim},
    table::{Align, chars, pad, shorten},
};

/// The longest name of a workload that is shown whole.
const NAME: usize = 24;

pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let now = plan.inputs.flags.now;
    let rows: Vec<Row> = plan.placements.iter().map(|placement| Row::of(placement, now)).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let widest = |cell: fn(&Row) -> &str, head: &str| {
        rows.iter().map(|row| chars(cell(row))).max().unwrap_or(0).max(chars(head))
    };
    let name = widest(|row| &row.name, "WORKLOAD");
    let offer = widest(|row| &row.offer, "OFFER");
    let what = widest(|row| &row.what, "");
    let when = widest(|row| &row.when, "");
    let cost = widest(|row| &row.cost, "COST");
    let carbon = widest(|row| &row.carbon, "CO2e");
    // Both lines of a row end at the same column, where the second one is the longer.
    // A name that would push the figures beyond the width gives its middle.
    let offer = offer.min(width.saturating_sub(name + cost + carbon + 6).max(36));
    let offer = offer.max((what + 2 + when + 2).saturating_sub(cost + 2));
    let line = |a: &str, b: &str, c: &str, d: &str| {
        format!(
            "{}  {}  {}  {}",
            pad(a, name, Align::Left),
            pad(b, offer, Align::Left),
            pad(c, cost, Align::Right),
            pad(d, carbon, Align::Right)
        )
    };
    let mut lines = vec![bold(line("WORKLOAD", "OFFER", "COST", "CO2e").trim_end())];
    for row in &rows {
        lines.push(line(&row.name, &shorten(&row.offer, offer), &row.cost, &row.carbon));
        let indent = " ".repeat(name + 2);
        let second = format!("{}  {}", pad(&row.what, what, Align::Left), row.when);
        let whole = format!(
            "{}  {}  {}",
            pad(&row.what, what, Align::Left),
            pad(&row.when, when, Align::Left),
            row.how_long
        );
        if name + 2 + chars(&whole) <= width {
            lines.push(indent + &dim(whole));
        } else {
            lines.push(format!("{indent}{}", dim(second)));
            lines.push(format!("{indent}{}", dim(format!("{}  {}", " ".repeat(what), row.how_long))));
        }
    }
    lines
}

struct Row {
    name: String,
    offer: String,
    cost: String,
    carbon: String,
    /// `4 × 8 A100`.
    what: String,
    /// `08-19 16:00 → 08-22 04:00`.
    when: String,
    /// `after 3h, for 2d12h`.
    how_long: String,
}

impl Row {
    fn of(placement: &Placement, now: Time) -> Self {
        let wait = placement.start.since(now);
        let after = if wait.nanos() < 30_000_000_000 {
            "at once".to_owned()
        } else {
            format!("after {}", duration(wait))
        };
        let pieces = match &placement.runs {
            Some(runs) => {
                let worked = runs.iter().map(|run| run.end.nanos() - run.start.nanos()).sum();
                let worked = plimsoll_model::Duration::from_nanos(worked);
                format!("{after}, {} in {} pieces", duration(worked), runs.len())
            }
            None => format!("{after}, for {}", duration(placement.end.since(placement.start))),
        };
        Self {
            name: shorten(&placement.workload, NAME),
            offer: placement.offer.full_name(),
            cost: usd(placement.usd.total),
            carbon: placement.carbon_kg.map_or_else(|| "?".to_owned(), kg),
            what: what(placement),
            when: format!("{} → {}", moment(placement.start, now), moment(placement.end, now)),
            how_long: pieces,
        }
    }
}

/// The instances and what one holds, or the parts of own nodes.
pub(in crate::render) fn what(placement: &Placement) -> String {
    let offer = &placement.offer;
    let one = match (&offer.accelerator, offer.accelerators_milli(), offer.cpu) {
        (Some(name), 1000, _) => name.clone(),
        (Some(name), milli, _) => format!("{} {name}", decimals(milli as f64 / 1000.0, 3)),
        (None, _, Some(cpu)) => format!("{} cores", decimals(cpu.milli() as f64 / 1000.0, 1)),
        (None, _, None) => offer.instance_type.clone().unwrap_or_default(),
    };
    let mut what = format!("{} × {one}", decimals(placement.instances, 2));
    if let Some(nodes) = &placement.nodes {
        let names: Vec<&str> = nodes.iter().map(|node| &*node.node).collect();
        let shown = match names.as_slice() {
            [first, second] => format!("{first} {second}"),
            [first, .., last] if names.len() > 2 => format!("{first} … {last}"),
            _ => names.concat(),
        };
        what = format!("{what} ({shown})");
    }
    what
}
