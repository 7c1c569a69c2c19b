//! A record as text: a table an instance, and how the gap fell.

use std::fmt::Write as _;

use super::{Compared, Method, Point, Record};

/// Gaps for which the table says when they were reached.
const MARKS: [f64; 7] = [0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.0025];
/// Columns and lines of the plot.
const WIDE: usize = 60;
const HIGH: usize = 10;

/// The record for people.
pub fn table(record: &Record) -> String {
    let mut out = String::new();
    let machine = &record.machine;
    let commit = record.commit.as_deref().unwrap_or("no sources around");
    let build = if machine.optimised { "" } else { ", not optimised" };
    _ = writeln!(
        out,
        "siting: seed {}, effort {}, plimsoll {}{build} ({commit})\n{} × {}, {} MiB, {}; CPU seconds of one thread",
        record.seed,
        record.effort,
        record.version,
        machine.cpus,
        machine.cpu,
        machine.memory_mib,
        machine.system
    );
    for instance in &record.instances {
        one(&mut out, instance);
    }
    out
}

fn one(out: &mut String, instance: &Compared) {
    let Compared { name, hash, workloads, pairs, stating_seconds, methods } = instance;
    _ = writeln!(
        out,
        "\n{name}  {workloads} workloads, {pairs} pairs, stated in {stating_seconds:.2} s, hash {}",
        &hash[..hash.len().min(12)]
    );
    let width = methods.iter().map(|m| m.name.len()).max().unwrap_or(0).max(6);
    _ = writeln!(
        out,
        "  {:<width$}  {:>13}  {:>13}  {:>8}  {:>8}  {:>8}  {:>6}",
        "method", "total $", "bound $", "gap %", "left out", "CPU s", "MiB"
    );
    for method in methods {
        if let Some(why) = &method.skipped {
            _ = writeln!(out, "  {:<width$}  not run: {why}", method.name);
            continue;
        }
        let usd = |usd: Option<f64>| usd.map_or_else(|| "-".into(), |usd| format!("{usd:.2}"));
        let gap = method.gap.map_or_else(|| "-".into(), |gap| format!("{:.3}", 100.0 * gap));
        _ = writeln!(
            out,
            "  {:<width$}  {:>13}  {:>13}  {gap:>8}  {:>8}  {:>8.2}  {:>6.0}",
            method.name,
            usd(method.total_usd),
            usd(method.bound_usd),
            method.left_out,
            method.cpu_seconds,
            method.peak_mib
        );
    }
    for method in methods.iter().filter(|m| !m.curve.is_empty() && m.left_out == 0) {
        curve(out, method);
    }
}

/// When the gap shown was down to each mark, and how it fell.
fn curve(out: &mut String, method: &Method) {
    let shown = |point: &Point| {
        let bound = point.bound_usd.filter(|bound| *bound > 0.0)?;
        Some((point.cpu_seconds, ((point.total_usd - bound) / bound).max(0.0)))
    };
    let points: Vec<(f64, f64)> = method.curve.iter().filter_map(shown).collect();
    if let Some(first) = method.curve.first() {
        _ = write!(out, "  first plan {:.2} s", first.cpu_seconds);
    }
    for mark in MARKS {
        if let Some(at) = points.iter().find(|p| p.1 <= mark) {
            _ = write!(out, "; ≤ {} % {:.2} s", 100.0 * mark, at.0);
        }
    }
    out.push('\n');
    let (Some(last), Some(most)) = (points.last(), points.iter().map(|p| p.1).reduce(f64::max)) else {
        return;
    };
    let least = points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min).max(1e-6);
    if points.len() < 3 || most <= least {
        return;
    }
    // Both axes logarithmic: the first second matters as much as the last ten.
    let start = points[0].0.max(0.01);
    let along =
        |t: f64| ((t.max(start) / start).ln() / (last.0.max(start * 1.01) / start).ln()).clamp(0.0, 1.0);
    let up = |gap: f64| ((gap.max(least) / least).ln() / (most / least).ln()).clamp(0.0, 1.0);
    let span = (last.0.max(start * 1.01) / start).ln();
    let line_at = |column: usize| {
        let time = start * (span * column as f64 / (WIDE - 1) as f64).exp();
        let point = points.iter().rev().find(|p| along(p.0) <= along(time) + 1e-9)?;
        Some(HIGH - 1 - (up(point.1) * (HIGH - 1) as f64).round() as usize)
    };
    let lines: Vec<Option<usize>> = (0..WIDE).map(line_at).collect();
    let dots = |line: usize| lines.iter().map(move |at| if *at == Some(line) { '•' } else { ' ' });
    let plot: Vec<String> = (0..HIGH).map(|line| dots(line).collect()).collect();
    for (line, row) in plot.into_iter().enumerate() {
        let gap = least * ((most / least).ln() * (HIGH - 1 - line) as f64 / (HIGH - 1) as f64).exp();
        _ = writeln!(out, "  {:>7.3} % │{}", 100.0 * gap, row.trim_end());
    }
    _ = writeln!(
        out,
        "            └{}\n             {start:<8.2}{:>width$.2} CPU s",
        "─".repeat(WIDE),
        last.0,
        width = WIDE - 8
    );
}
