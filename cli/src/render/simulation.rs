//! A simulation as people read it: at each point a table of figures, means over the seeds, and what the policies
//! differ by from the first.

use std::fmt::Write as _;

use indexmap::{IndexMap, IndexSet};
use plimsoll_model::{
    Simulation,
    simulation::{Comparison, Metric, SimulationRun},
};

use super::{
    format::{decimals, thousands},
    style::{bold, dim},
    table::{Align, Table, wrap},
};

/// The text of a simulation.
pub(crate) fn simulation(simulation: &Simulation) -> String {
    let mut out = String::new();
    let mut from = 0;
    while from < simulation.runs.len() {
        let point = &simulation.runs[from].point;
        let count = simulation.runs[from..].iter().take_while(|run| run.point == *point).count();
        let runs = &simulation.runs[from..from + count];
        if from > 0 {
            out.push('\n');
        }
        let comparisons: Vec<&Comparison> =
            simulation.comparisons.iter().filter(|comparison| comparison.point == *point).collect();
        section(&mut out, runs, &comparisons);
        from += count;
    }
    if !simulation.assumptions.is_empty() {
        _ = writeln!(out, "\n{}", bold("Assumed, and left out"));
        for note in &simulation.assumptions {
            for line in wrap("  ", note, 100) {
                _ = writeln!(out, "{line}");
            }
        }
    }
    out
}

fn section(out: &mut String, runs: &[SimulationRun], comparisons: &[&Comparison]) {
    let Some(first) = runs.first() else { return };
    let point: Vec<String> = first.point.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    if !point.is_empty() {
        _ = writeln!(out, "{}", bold(point.join(", ")));
    }
    let mut policies: IndexMap<&str, Vec<&SimulationRun>> = IndexMap::new();
    for run in runs {
        policies.entry(&run.policy).or_default().push(run);
    }
    let seeds: IndexSet<u64> = runs.iter().map(|run| run.seed).collect();
    let plural =
        |count: u128, what: &str| format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" });
    let line = format!(
        "{}, {}, {}; means over the seeds",
        jobs(runs),
        if policies.len() == 1 { "1 policy".to_owned() } else { format!("{} policies", policies.len()) },
        plural(seeds.len() as u128, "seed"),
    );
    _ = writeln!(out, "{}", dim(line));
    let names: IndexSet<&String> = runs.iter().flat_map(|run| run.metrics.keys()).collect();
    let plain: Vec<&str> =
        names.iter().map(|name| name.as_str()).filter(|name| !has_levels(runs, name)).collect();
    let mut tables = Vec::new();
    if !plain.is_empty() {
        tables.push(plain_table(&policies, &plain, comparisons));
    }
    for name in names.iter().filter(|name| has_levels(runs, name)) {
        tables.push(level_table(&policies, name, comparisons));
    }
    for lines in tables {
        out.push('\n');
        for line in lines {
            _ = writeln!(out, "{line}");
        }
    }
}

/// How many jobs there are; where that depends on the seed, the least and the most.
fn jobs(runs: &[SimulationRun]) -> String {
    let counts = || runs.iter().map(|run| run.jobs);
    let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    let most_text = thousands(most.into());
    match (least == most, most) {
        (true, 1) => "1 job".to_owned(),
        (true, _) => format!("{most_text} jobs"),
        (false, _) => format!("{} to {most_text} jobs", thousands(least.into())),
    }
}

fn has_levels(runs: &[SimulationRun], name: &str) -> bool {
    runs.iter().any(|run| matches!(run.metrics.get(name), Some(Metric::ByLevel(_))))
}

fn mean(runs: &[&SimulationRun], name: &str, level: Option<&str>) -> Option<f64> {
    let values: Vec<f64> =
        runs.iter().filter_map(|run| plimsoll_simulator::compare::figure(run, name, level)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// A row a metric, a column a policy; behind the figures of all but the first, how far they are from it.
fn plain_table(
    policies: &IndexMap<&str, Vec<&SimulationRun>>,
    names: &[&str],
    comparisons: &[&Comparison],
) -> Vec<String> {
    let mut heads = vec![("".into(), Align::Left)];
    for (at, policy) in policies.keys().enumerate() {
        let bound = policies[at].iter().any(|run| run.bound);
        let head = if bound { format!("{policy} (bound)") } else { (*policy).to_owned() };
        heads.push((head.into(), Align::Right));
        if at > 0 {
            heads.push(("difference".into(), Align::Right));
        }
    }
    let mut table = Table::named(heads);
    for name in names {
        let mut cells = vec![(*name).to_owned()];
        for (at, (policy, runs)) in policies.iter().enumerate() {
            cells.push(mean(runs, name, None).map_or(String::new(), figure));
            if at > 0 {
                cells.push(difference(policies, policy, name, None, comparisons));
            }
        }
        table.row(cells);
    }
    table.lines()
}

/// A row a policy, a column a level; under each policy but the first, how far it is from it.
fn level_table(
    policies: &IndexMap<&str, Vec<&SimulationRun>>,
    name: &str,
    comparisons: &[&Comparison],
) -> Vec<String> {
    let levels: IndexSet<&String> = policies
        .values()
        .flatten()
        .filter_map(|run| match run.metrics.get(name) {
            Some(Metric::ByLevel(levels)) => Some(levels.keys()),
            _ => None,
        })
        .flatten()
        .collect();
    let mut heads = vec![(name.to_owned().into(), Align::Left)];
    heads.extend(levels.iter().map(|level| (format!("at {level}%").into(), Align::Right)));
    let mut table = Table::named(heads);
    for (at, (policy, runs)) in policies.iter().enumerate() {
        let means = levels.iter().map(|level| mean(runs, name, Some(level)).map_or(String::new(), figure));
        table.row(std::iter::once((*policy).to_owned()).chain(means));
        if at > 0 {
            let cells =
                levels.iter().map(|level| difference(policies, policy, name, Some(level), comparisons));
            table.row(std::iter::once("  difference".to_owned()).chain(cells));
        }
    }
    table.lines()
}

fn difference(
    policies: &IndexMap<&str, Vec<&SimulationRun>>,
    policy: &str,
    name: &str,
    level: Option<&str>,
    comparisons: &[&Comparison],
) -> String {
    let first = policies.keys().next().copied().unwrap_or_default();
    let found = comparisons.iter().find(|comparison| {
        comparison.policy == policy
            && comparison.against == first
            && comparison.metric == name
            && comparison.level.as_deref() == level
    });
    let Some(found) = found else { return String::new() };
    let sign = if found.mean > 0.0 { "+" } else { "" };
    match found.high {
        Some(high) => format!("{sign}{} ±{}", figure(found.mean), figure(high - found.mean)),
        None => format!("{sign}{}", figure(found.mean)),
    }
}

/// Four figures that count, or all of a large whole number.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 1e15 => format!("{value:e}"),
        large if large >= 1000.0 => {
            let sign = if value < 0.0 { "-" } else { "" };
            format!("{sign}{}", thousands(large.round() as u128))
        }
        some if some >= 100.0 => decimals(value, 1),
        some if some >= 1.0 => decimals(value, 2),
        small if small >= 1e-4 => decimals(value, 4),
        small if small > 0.0 => format!("{value:.2e}"),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures_have_as_many_digits_as_count() {
        assert_eq!(
            [0.0, 95.389, 0.123_456_7, 123.456, -1234.5, 2_461.24, 1e-9].map(figure),
            ["0", "95.39", "0.1235", "123.5", "-1,235", "2,461", "1.00e-9"]
        );
    }
}
