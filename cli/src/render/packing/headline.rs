//! The first lines: how much of what was asked is placed, and how good that is.

use plimsoll_model::{Packing, packing::Amounts, plan::Status};

use crate::render::{
    format::{decimals, percent, thousands},
    style::{bad, bold, good, warn},
    table::{chars, wrap},
};

pub(super) fn lines(packing: &Packing, width: usize) -> Vec<String> {
    let came = |all: Amounts| all.pods - packing.running.pods.min(all.pods);
    let (asked, placed) = (came(packing.asked), came(packing.placed));
    let of_all = if asked == placed { String::new() } else { format!(" of {}", thousands(asked.into())) };
    let first = match asked {
        0 => "no pod waits:".to_owned(),
        _ => format!("{}{of_all} {} placed:", thousands(placed.into()), pods(asked)),
    };
    let (quality, paint) = quality(packing);
    let mut lines = if chars(&first) + 1 + chars(&quality) <= width {
        vec![format!("{} {}", bold(first), paint(&quality))]
    } else {
        vec![bold(first), paint(&quality)]
    };
    let of = |placed: f64, asked: f64| {
        let placed = decimals(placed, 1);
        let asked = decimals(asked, 1);
        if placed == asked { placed } else { format!("{placed} of {asked}") }
    };
    let mut more = vec![
        format!("{} accelerators", of(packing.placed.accelerators, packing.asked.accelerators)),
        format!("{} cores", of(packing.placed.cpu, packing.asked.cpu)),
    ];
    if packing.running.pods > 0 {
        let running = packing.running.pods;
        more.push(format!("{} {} already running among them", thousands(running.into()), pods(running)));
    }
    if !packing.moves.is_empty() {
        let moved = packing.moves.len() as u64;
        more.push(format!("{} of them to be moved", thousands(moved.into())));
    }
    lines.extend(wrap("", &more.join(", "), width));
    if !packing.reproducible {
        let why = match packing.inputs.flags.time_limit {
            Some(_) => "A time limit was given: the same command may find something else.",
            None => "The search was interrupted: this is the best it had found.",
        };
        lines.push(warn(why));
    }
    lines
}

fn pods(count: u64) -> &'static str {
    if count == 1 { "pod" } else { "pods" }
}

/// How far from the best possible, and how that is painted.
fn quality(packing: &Packing) -> (String, fn(&str) -> String) {
    let objective = packing.objective;
    let below = format!("{:.3}", objective.bound_worth - objective.worth);
    match packing.status {
        Status::Infeasible => ("not all pods that are required could be placed".to_owned(), bad),
        Status::Optimal => ("proven, no packing is worth more".to_owned(), good),
        Status::Feasible => {
            let gap = if objective.gap < 0.00095 {
                decimals(objective.gap * 100.0, 3) + "%"
            } else {
                percent(objective.gap)
            };
            (format!("at most {gap} ({below} accelerators) below the best possible packing"), warn)
        }
    }
}
