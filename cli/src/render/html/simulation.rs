//! A simulation as one page: what each policy comes to, by how much they differ and how sure that is, and what went
//! on over time.

use indexmap::{IndexMap, IndexSet};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use plimsoll_model::{
    Simulation,
    simulation::{Comparison, Metric, SimulationRun},
};
use plimsoll_simulator::compare::figure as value_of;

use super::{SCRIPT, STYLE, policy};
use crate::render::simulation::figure;

/// The size of a plane that lines are drawn in; it is stretched to the width of the page.
const PLANE: (f64, f64) = (1000.0, 160.0);
/// Lines are told apart by these, and by their colours.
const DASHES: [&str; 6] = ["", "8 4", "2 4", "12 4 2 4", "4 2", "1 3"];

/// The page.
pub(crate) fn page(simulation: &Simulation, title: &str) -> String {
    let mut points: Vec<&[SimulationRun]> = Vec::new();
    let mut from = 0;
    while from < simulation.runs.len() {
        let point = &simulation.runs[from].point;
        let count = simulation.runs[from..].iter().take_while(|run| run.point == *point).count();
        points.push(&simulation.runs[from..from + count]);
        from += count;
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header { h1 { (title) } p { (summary(simulation)) } }
                main #main tabindex="-1" {
                    @for runs in &points { (point(simulation, runs)) }
                    @if !simulation.assumptions.is_empty() {
                        section { h2 { "Assumed, and left out" }
                            ul { @for note in &simulation.assumptions { li { (note) } } } }
                    }
                    section { h2 { "How to read this" }
                        p { "Every policy saw the same jobs for a seed. A difference is the mean over the seeds of the \
                             difference at the same seed; the interval holds the true mean with 95 % (Student's t). \
                             An interval that contains 0 shows no difference." } }
                }
                footer { p { "Scenario " code { (simulation.scenario.digest) } } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

fn summary(simulation: &Simulation) -> String {
    let policies: IndexSet<&str> = simulation.runs.iter().map(|run| run.policy.as_str()).collect();
    let seeds: IndexSet<u64> = simulation.runs.iter().map(|run| run.seed).collect();
    let jobs = simulation.runs.iter().map(|run| run.jobs).max().unwrap_or(0);
    format!(
        "{} runs: {} policies, {} seeds, up to {jobs} jobs each.",
        simulation.runs.len(),
        policies.len(),
        seeds.len()
    )
}

fn point(simulation: &Simulation, runs: &[SimulationRun]) -> Markup {
    let Some(first) = runs.first() else { return html! {} };
    let keys: Vec<String> = first.point.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let title = if keys.is_empty() { "Policies compared".to_owned() } else { keys.join(", ") };
    let mut policies: IndexMap<&str, Vec<&SimulationRun>> = IndexMap::new();
    for run in runs {
        policies.entry(&run.policy).or_default().push(run);
    }
    let comparisons: Vec<&Comparison> =
        simulation.comparisons.iter().filter(|comparison| comparison.point == first.point).collect();
    let series: IndexSet<&String> = runs.iter().flat_map(|run| run.series.keys()).collect();
    html! {
        section {
            h2 { (title) }
            (figures(&policies, &comparisons))
            @for name in series { (course(name, &policies)) }
        }
    }
}

/// A row a metric (and level) and policy.
fn figures(policies: &IndexMap<&str, Vec<&SimulationRun>>, comparisons: &[&Comparison]) -> Markup {
    let mut rows: IndexSet<(&str, Option<&str>)> = IndexSet::new();
    for (name, metric) in policies.values().flatten().flat_map(|run| &run.metrics) {
        match metric {
            Metric::Number(_) => {
                rows.insert((name, None));
            }
            Metric::ByLevel(levels) => {
                rows.extend(levels.keys().map(|level| (name.as_str(), Some(level.as_str()))));
            }
        }
    }
    let first = policies.keys().next().copied().unwrap_or_default();
    html! {
        table {
            thead { tr { th scope="col" { "Metric" } th scope="col" { "Policy" } th scope="col" { "Mean" }
                th scope="col" { "Difference from " (first) } th scope="col" { "95 % interval" } th scope="col" { "" } } }
            tbody {
                @for (name, level) in &rows {
                    @for (policy, runs) in policies {
                        @let values: Vec<f64> = runs.iter().filter_map(|run| value_of(run, name, *level)).collect();
                        @if !values.is_empty() {
                            @let mean = values.iter().sum::<f64>() / values.len() as f64;
                            @let found = comparisons.iter().find(|c| c.policy == *policy && c.against == first
                                && c.metric == *name && c.level.as_deref() == *level);
                            tr {
                                td { (name) @if let Some(level) = level { " at " (level) " %" } }
                                td { (policy) }
                                td { (figure(mean)) }
                                td { @if let Some(found) = found { (figure(found.mean)) } }
                                td { @if let Some((low, high)) = found.and_then(|c| Some((c.low?, c.high?))) {
                                    (figure(low)) " to " (figure(high)) } }
                                td { @if let Some(found) = found { (whisker(found)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The interval against 0, which stands in the middle.
fn whisker(comparison: &Comparison) -> Markup {
    let (Some(low), Some(high)) = (comparison.low, comparison.high) else { return html! {} };
    let most = low.abs().max(high.abs());
    if most <= 0.0 {
        return html! {};
    }
    let x = |value: f64| format!("{:.1}", 60.0 + 55.0 * value / most);
    html! {
        svg width="120" height="16" role="img" aria-label={ "from " (figure(low)) " to " (figure(high)) } {
            line x1="60" x2="60" y1="1" y2="15" stroke="currentColor" stroke-width="1" stroke-dasharray="2 2" {}
            line x1=(x(low)) x2=(x(high)) y1="8" y2="8" stroke="currentColor" stroke-width="2" {}
            circle cx=(x(comparison.mean)) cy="8" r="3.5" fill="currentColor" {}
        }
    }
}

/// A line a policy: the mean over the seeds.
fn course(name: &str, policies: &IndexMap<&str, Vec<&SimulationRun>>) -> Markup {
    let lines: Vec<(&str, Vec<f64>)> = policies
        .iter()
        .map(|(policy, runs)| {
            let all: Vec<&Vec<f64>> = runs.iter().filter_map(|run| run.series.get(name)).collect();
            let length = all.iter().map(|series| series.len()).max().unwrap_or(0);
            let mean = |at: usize| {
                // A run that is over has nothing running and nothing waiting.
                all.iter().map(|series| series.get(at).copied().unwrap_or(0.0)).sum::<f64>()
                    / all.len().max(1) as f64
            };
            (*policy, (0..length).map(mean).collect())
        })
        .collect();
    let length = lines.iter().map(|(_, line)| line.len()).max().unwrap_or(0);
    let most = lines.iter().flat_map(|(_, line)| line).copied().fold(0.0, f64::max);
    if length < 2 || most <= 0.0 {
        return html! {};
    }
    let path = |line: &[f64]| {
        let point = |(at, value): (usize, &f64)| {
            let x = PLANE.0 * at as f64 / (length - 1) as f64;
            format!("{x:.1},{:.1}", PLANE.1 * (1.0 - value / most))
        };
        line.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
    };
    let view = format!("0 0 {} {}", PLANE.0, PLANE.1);
    html! {
        h3 { (name) }
        p { "From 0 to " (figure(most)) " over " (length) " intervals; " (lines.len()) " lines, in the order of the policies: "
            @for (at, (policy, line)) in lines.iter().enumerate() {
                @if at > 0 { ", " }
                (policy) " (" (["solid", "dashed", "dotted", "dash-dotted", "short dashes", "fine dots"][at % DASHES.len()]) ", mean "
                (figure(line.iter().sum::<f64>() / line.len().max(1) as f64)) ")"
            } "." }
        svg width="100%" height="160" viewBox=(view) preserveAspectRatio="none" role="img" aria-label={ (name) " over time" } {
            @for (at, (_, line)) in lines.iter().enumerate() {
                polyline points=(path(line)) fill="none" stroke={ "var(--p" (at % 8) ")" } stroke-width="2"
                    stroke-dasharray=(DASHES[at % DASHES.len()]) vector-effect="non-scaling-stroke" {}
            }
        }
    }
}
