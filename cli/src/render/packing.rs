//! A packing for people: what is placed of what was asked, what waits and why, what would help.
//!
//! Pods are shown by class, nodes by kind; every pod by itself only where they are few. The rest is in
//! `-o json`.

mod additions;
mod classes;
mod headline;
mod pods;
mod waiting;

use std::fmt::Write as _;

use plimsoll_model::{Packing, packing::Request, plan::Assumption};
use plimsoll_verify::Violation;

use super::{
    format::{bytes, decimals, thousands},
    style::{bad, bold, good},
    table::{Align, Table, printable, wrap},
};

/// The whole text, in lines of at most `width` characters where names allow.
pub(crate) fn packing(packing: &Packing, width: usize) -> String {
    let mut text = headline::lines(packing, width).join("\n") + "\n";
    let sections = [
        ("", pods::lines(packing)),
        ("What was asked", classes::lines(packing, width)),
        ("Waiting", waiting::lines(packing, width)),
        ("Nodes", nodes(packing)),
        ("Nodes that would hold those that wait", additions::lines(packing, width)),
        ("Moves", moves(packing)),
        ("Assumed", assumptions(&packing.assumptions, width)),
    ];
    for (title, lines) in sections {
        if lines.is_empty() {
            continue;
        }
        text.push('\n');
        if !title.is_empty() {
            text.push_str(&bold(title));
            text.push('\n');
        }
        for line in lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// The kinds of nodes.
fn nodes(packing: &Packing) -> Vec<String> {
    let mut table =
        Table::new(&[("  KIND", Align::Left), ("NODES", Align::Right), ("ONE MORE IS WORTH", Align::Right)]);
    for kind in &packing.node_kinds {
        let worth = kind.worth_of_one_more.map_or_else(String::new, |worth| decimals(worth, 2));
        table.row([format!("  {}", kind.kind), thousands(kind.nodes.into()), worth]);
    }
    table.lines()
}

fn moves(packing: &Packing) -> Vec<String> {
    let mut table = Table::new(&[
        ("  STEP", Align::Right),
        ("POD", Align::Left),
        ("FROM", Align::Left),
        ("TO", Align::Left),
    ]);
    for one in &packing.moves {
        table.row([thousands(one.step.into()), one.pod.clone(), one.from.clone(), one.to.clone()]);
    }
    if packing.moves.is_empty() { Vec::new() } else { table.lines() }
}

fn assumptions(all: &[Assumption], width: usize) -> Vec<String> {
    all.iter().flat_map(|one| wrap("  ", &format!("{}: {}", one.what, one.value), width)).collect()
}

/// What a pod asks for: `8 nvidia.com/gpu, 96 cores, 512 GiB`.
fn request(request: &Request) -> String {
    let mut words = Vec::new();
    if request.accelerators > 0.0 {
        let models = request.models.join("|");
        let what =
            if models.is_empty() { request.resource.as_deref().unwrap_or("accelerators") } else { &models };
        words.push(format!("{} {what}", decimals(request.accelerators, 3)));
    }
    let cores = decimals(request.cpu, 3);
    words.push(if cores == "1" { "1 core".to_owned() } else { format!("{cores} cores") });
    if request.memory > 0 {
        words.push(bytes(request.memory));
    }
    words.extend(
        request.others.iter().map(|(name, amount)| format!("{} {name}", thousands((*amount).into()))),
    );
    words.join(", ")
}

/// One line of what was checked, or each violation in a line.
pub(crate) fn verdict(packing: &Packing, violations: &[Violation]) -> String {
    let count = |count: u64, noun: &str| {
        format!("{} {noun}{}", thousands(count.into()), if count == 1 { "" } else { "s" })
    };
    if violations.is_empty() {
        return format!(
            "{} {} on {}, worth {} of at most {}: rules, loads, sums, moves and nodes to add recomputed from the files\n",
            good("✓"),
            count(packing.placed.pods, "pod"),
            count(packing.node_kinds.iter().map(|kind| kind.nodes).sum(), "node"),
            decimals(packing.objective.worth, 3),
            decimals(packing.objective.bound_worth, 3),
        );
    }
    let mut text = String::new();
    for violation in violations {
        // Writing to a string does not fail.
        _ = writeln!(text, "{} {}", bad("✗"), printable(&violation.to_string()));
    }
    _ = writeln!(text, "{}", bad(&format!("{} found", count(violations.len() as u64, "violation"))));
    text
}
