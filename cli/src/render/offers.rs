//! Offers as a table, row by row as they come.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use indexmap::IndexSet;
use plimsoll_catalog as catalog;
use plimsoll_model::{Bytes, Time};
use plimsoll_planner::world::Offer;
use serde::Serialize;

use super::{
    format::{bytes, days, decimals},
    style::{bold, dim, warn},
    table::{Align, Table, chars, pad, printable, wrap},
};

/// Writes the table: a row an offer, then what its sources are.
pub(crate) fn offers(offers: &[&Offer], now: Time, out: &mut dyn Write) -> io::Result<()> {
    const HEAD: [(&str, Align); 8] = [
        ("OFFER", Align::Left),
        ("ACCELERATORS", Align::Left),
        ("CPU", Align::Right),
        ("MEMORY", Align::Right),
        ("$/HOUR", Align::Right),
        ("$/ACC-H", Align::Right),
        ("PRICED", Align::Left),
        ("AGE", Align::Right),
    ];
    if offers.is_empty() {
        return writeln!(out, "no offer matches");
    }
    let widths = widths(offers, HEAD.map(|(head, _)| chars(head)));
    let mut line = |cells: [&str; 8], from: &str, head: bool| {
        let mut text = String::new();
        for ((cell, width), (_, align)) in cells.iter().zip(widths).zip(HEAD) {
            text.push_str(&pad(cell, width, align));
            text.push_str("  ");
        }
        text.push_str(from);
        let text = text.trim_end();
        if head { writeln!(out, "{}", bold(text)) } else { writeln!(out, "{text}") }
    };
    line(HEAD.map(|(head, _)| head), "FROM", true)?;
    let mut sources: IndexSet<&str> = IndexSet::new();
    for offer in offers {
        let from = offer
            .source
            .as_deref()
            .map_or_else(String::new, |source| format!("[{}]", sources.insert_full(source).0 + 1));
        let day = offer.as_of.as_deref().and_then(|day| day.get(..10));
        let age = day.and_then(|day| days(day, now)).map_or_else(String::new, |age| format!("{age}d"));
        let cells = [
            offer.name(),
            accelerators(offer),
            cpu(offer),
            memory(offer),
            format!("{:.4}", offer.hourly.to_f64()),
            unit(offer),
            day.unwrap_or("unknown").to_owned(),
            age,
        ];
        line(cells.each_ref().map(String::as_str), &from, false)?;
    }
    writeln!(out)?;
    for (number, source) in sources.iter().enumerate() {
        writeln!(out, "{}", dim(format!("[{}] {}", number + 1, printable(source))))?;
    }
    Ok(())
}

/// The widths of the columns, at least those of the head. Before the first line can be written every
/// offer must have been looked at, so no text is made for it but where neighbours differ.
fn widths(offers: &[&Offer], mut widths: [usize; 8]) -> [usize; 8] {
    let mut before: Option<&Offer> = None;
    for offer in offers {
        let name = match &offer.instance_type {
            Some(instance) if offer.embedded => {
                let cloud = offer.cloud.as_deref().map_or(0, |cloud| cloud.len() + 1);
                cloud + offer.region.len() + instance.len() + offer.capacity.as_str().len() + 2
            }
            _ => chars(&offer.name()),
        };
        let mut lengths = [name, 0, 0, 0, decimal_length(offer.hourly.pico()), 0, 10, 5];
        if offer.accelerators > 0 {
            lengths[5] = decimal_length(offer.hourly.pico() * 1000 / i128::from(offer.accelerators));
        }
        let alike = before.is_some_and(|before| {
            (before.accelerators, before.accelerator, before.cpu, before.memory)
                == (offer.accelerators, offer.accelerator, offer.cpu, offer.memory)
        });
        if !alike {
            lengths[1] = chars(&accelerators(offer));
            lengths[2] = chars(&cpu(offer));
            lengths[3] = chars(&memory(offer));
            before = Some(offer);
        }
        for (width, length) in widths.iter_mut().zip(lengths) {
            *width = (*width).max(length);
        }
    }
    widths
}

/// The length of a figure with four decimals. A carry of the rounding is left out of it.
fn decimal_length(pico: i128) -> usize {
    (pico / 1_000_000_000_000).checked_ilog10().map_or(1, |digits| digits as usize + 1) + 5
}

fn cpu(offer: &Offer) -> String {
    offer.cpu.map_or_else(String::new, |cpu| decimals(cpu.milli() as f64 / 1000.0, 2))
}

fn memory(offer: &Offer) -> String {
    offer.memory.map_or_else(String::new, |Bytes(memory)| bytes(memory))
}

fn accelerators(offer: &Offer) -> String {
    offer.accelerator_name.as_deref().map_or_else(String::new, |name| {
        format!("{} × {name}", decimals(offer.accelerators as f64 / 1000.0, 3))
    })
}

fn unit(offer: &Offer) -> String {
    match offer.accelerators {
        0 => String::new(),
        milli => format!("{:.4}", offer.hourly.to_f64() * 1000.0 / milli as f64),
    }
}

/// A warning about price lists: name, date, age in days. Empty for none.
pub(crate) fn stale<'a>(lists: impl Iterator<Item = (&'a str, &'a str, i64)>) -> String {
    let mut text = String::new();
    for (name, day, age) in lists {
        if text.is_empty() {
            text = format!("{}: prices over 90 days old may have changed:\n", warn("warning"));
        }
        // Writing to a string does not fail.
        _ = writeln!(text, "  {} ({age} days)  {}", printable(day), printable(name));
    }
    text
}

/// An accelerator and what else it is called.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcceleratorNames {
    accelerator: &'static str,
    kind: &'static str,
    memory: Bytes,
    aliases: Vec<&'static str>,
}

impl AcceleratorNames {
    pub(crate) fn of(accelerator: &catalog::Accelerator) -> Self {
        let own = |(alias, name)| (name == accelerator.name).then_some(alias);
        Self {
            accelerator: accelerator.name,
            kind: accelerator.kind.name(),
            memory: Bytes(accelerator.memory_bytes),
            aliases: catalog::aliases().filter_map(own).collect(),
        }
    }
}

/// Accelerators with their aliases.
pub(crate) fn aliases(names: &[AcceleratorNames], width: usize) -> String {
    let mut table =
        Table::new(&[("ACCELERATOR", Align::Left), ("KIND", Align::Left), ("MEMORY", Align::Right)]);
    for name in names {
        table.row([name.accelerator.to_owned(), name.kind.to_owned(), bytes(name.memory.0)]);
    }
    let mut out = String::new();
    for (at, line) in table.lines().iter().enumerate() {
        let aliases = match at.checked_sub(1).map(|at| &names[at]) {
            None => {
                out.push_str(line);
                out.push_str(&bold("  ALSO CALLED"));
                out.push('\n');
                continue;
            }
            Some(name) => name.aliases.join(", "),
        };
        for line in wrap(&format!("{line}  "), &aliases, width) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}
