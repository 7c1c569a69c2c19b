//! When things run: a bar for each workload, and over the same hours what is spent and how clean power is.

use maud::{Markup, html};
use plimsoll_model::{
    Plan, Time,
    plan::{Placement, Run},
};
use plimsoll_planner::detail::{PlaceDetail, WorkloadDetail};

use super::{
    Report,
    axis::{Scale, Span, percent},
    places::place_of,
};
use crate::render::format::{decimals, duration, minute, moment, usd_f64};

/// Bars at most: the dearest workloads.
const MOST: usize = 40;
/// Curves of power at most: the places where most is spent.
const CURVES: usize = 4;
/// The size of the plane that curves are drawn in; it is stretched to the width of the page.
const PLANE: (f64, f64) = (1000.0, 100.0);

/// From the planning moment to the last end.
pub(super) fn span(plan: &Plan) -> Span {
    let from = plan.inputs.flags.now;
    let ends = plan.placements.iter().map(|placement| placement.end);
    Span { from, to: ends.max().unwrap_or(from).max(from) }
}

pub(super) fn section(report: &Report<'_>) -> Option<Markup> {
    let plan = report.plan;
    let span = span(plan);
    if plan.placements.is_empty() || span.to <= span.from {
        return None;
    }
    let mut shown: Vec<&Placement> = plan.placements.iter().collect();
    shown.sort_by_key(|placement| std::cmp::Reverse(placement.usd.total));
    shown.truncate(MOST);
    shown.sort_by_key(|placement| placement.start);
    let ticks = span.ticks();
    let detail = |name: &str| report.detail.workloads.iter().find(|w| w.workload == name);
    let curves = cleanest(report);
    Some(html! {
        p { "From " (minute(span.from)) " to " (minute(span.to)) ", " (duration(span.to.since(span.from))) " in all."
            @if plan.placements.len() > MOST {
                " The " (MOST) " dearest of " (plan.placements.len()) " workloads have a bar; the table of workloads has all starts and ends."
            } }
        figure {
            ul.legend {
                li { svg aria-hidden="true" { rect.run width="100%" height="100%" rx="2" {} } "runs" }
                @if shown.iter().any(|placement| waits(placement, detail(&placement.workload))) {
                    li { svg aria-hidden="true" { line.wait x1="0" x2="100%" y1="50%" y2="50%" {} } "waits, for its data or for a better hour" }
                }
                @if shown.iter().any(|placement| due(detail(&placement.workload), span).is_some()) {
                    li { svg aria-hidden="true" { line.due x1="50%" x2="50%" y1="0" y2="100%" {} } "must be done by" }
                }
            }
            ul.time {
                li { span.w.t0 {} (axis(&ticks, span)) }
                @for placement in &shown { (bar(placement, detail(&placement.workload), &ticks, span)) }
                (spending(plan, &ticks, span))
                @if !curves.is_empty() { (power(&curves, &ticks, span)) }
            }
            @if curves.len() > 1 {
                ul.legend aria-label="Places in the curves of power" {
                    @for (at, place) in curves.iter().enumerate() {
                        li { svg aria-hidden="true" { line class={ "line k" (at) } x1="0" x2="100%" y1="50%" y2="50%" {} } (place.name) }
                    }
                }
            }
        }
        p.soft.small { "Prices of machines do not change over the time of a plan; what is spent in an hour changes with what runs." }
    })
}

fn axis(ticks: &[(Time, String)], span: Span) -> Markup {
    html! {
        svg.axis aria-hidden="true" {
            @for (time, name) in ticks {
                @let at = span.part(*time);
                line.grid x1=(percent(at)) x2=(percent(at)) y1="75%" y2="100%" {}
                text.t.mid[(0.08..=0.92).contains(&at)].end[at > 0.92] x=(percent(at)) y="60%" { (name) }
            }
        }
    }
}

fn grid(ticks: &[(Time, String)], span: Span) -> Markup {
    html! {
        @for (time, _) in ticks {
            @let at = percent(span.part(*time));
            line.grid x1=(at) x2=(at) y1="0" y2="100%" {}
        }
    }
}

/// The pieces of a run.
fn runs(placement: &Placement) -> Vec<Run> {
    let whole = || vec![Run { start: placement.start, end: placement.end }];
    placement.runs.clone().unwrap_or_else(whole)
}

fn waits(placement: &Placement, detail: Option<&WorkloadDetail>) -> bool {
    // Rounding a start up to a second is no wait.
    detail.is_some_and(|detail| placement.start.nanos() - detail.earliest.nanos() > 60_000_000_000)
}

fn due(detail: Option<&WorkloadDetail>, span: Span) -> Option<Time> {
    detail.and_then(|detail| detail.deadline).filter(|due| *due >= span.from && *due <= span.to)
}

fn bar(
    placement: &Placement,
    detail: Option<&WorkloadDetail>,
    ticks: &[(Time, String)],
    span: Span,
) -> Markup {
    let pieces = runs(placement);
    let told = format!(
        "{} to {}{}",
        moment(placement.start, span.from),
        moment(placement.end, span.from),
        if pieces.len() > 1 { format!(" in {} pieces", pieces.len()) } else { String::new() }
    );
    html! {
        li {
            span.w title=(placement.workload) { (placement.workload) }
            svg role="img" aria-label=(told) {
                title { (placement.workload) ": " (told) }
                (grid(ticks, span))
                @if let Some(detail) = detail.filter(|_| waits(placement, detail)) {
                    line.wait x1=(percent(span.part(detail.earliest))) x2=(percent(span.part(placement.start))) y1="50%" y2="50%" {}
                }
                @for run in &pieces {
                    @let (from, to) = (span.part(run.start), span.part(run.end));
                    rect.run x=(percent(from)) width=(percent((to - from).max(0.002))) y="22%" height="56%" rx="2" {}
                }
                @if let Some(due) = due(detail, span) {
                    @let at = percent(span.part(due));
                    line.due x1=(at) x2=(at) y1="8%" y2="92%" {}
                }
            }
        }
    }
}

/// A curve of steps: each value holds from its moment until the next.
fn steps(values: &[(Time, f64)], span: Span, scale: Scale) -> String {
    use std::fmt::Write as _;
    let mut path = String::new();
    let (mut last_x, mut last_y) = (String::new(), String::new());
    for (time, value) in values {
        let x = decimals(span.part(*time) * PLANE.0, 1);
        let y = decimals((1.0 - scale.part(*value)) * PLANE.1, 1);
        if path.is_empty() {
            _ = write!(path, "M{x} {y}");
        } else if y != last_y {
            if x != last_x {
                _ = write!(path, "H{x}");
            }
            _ = write!(path, "V{y}");
        }
        (last_x, last_y) = (x, y);
    }
    _ = write!(path, "H{}", decimals(PLANE.0, 0));
    path
}

fn curve(name: &Markup, told: &str, paths: &[String], ticks: &[(Time, String)], span: Span) -> Markup {
    html! {
        li {
            span.w { (name) }
            svg.curve role="img" aria-label=(told) {
                (grid(ticks, span))
                line.grid x1="0" x2="100%" y1="90%" y2="90%" {}
                svg x="0" y="10%" width="100%" height="80%" viewBox={ "0 0 " (PLANE.0) " " (PLANE.1) } preserveAspectRatio="none" {
                    @for (at, path) in paths.iter().enumerate() {
                        path class={ "line k" (at) } vector-effect="non-scaling-stroke" d=(path) {}
                    }
                }
            }
        }
    }
}

/// Dollars an hour of what runs: each placement's bill, evenly over its run.
fn spending(plan: &Plan, ticks: &[(Time, String)], span: Span) -> Markup {
    let mut changes: Vec<(Time, f64)> = Vec::new();
    for placement in &plan.placements {
        let pieces = runs(placement);
        let hours: f64 = pieces.iter().map(|run| run.end.hours_since(run.start)).sum();
        let rate = (placement.usd.compute + placement.usd.risk).to_f64() / hours.max(1e-9);
        for run in pieces {
            changes.extend([(run.start, rate), (run.end, -rate)]);
        }
    }
    changes.sort_by_key(|change| change.0);
    let mut values: Vec<(Time, f64)> = vec![(span.from, 0.0)];
    let mut rate = 0.0;
    for (time, change) in changes {
        rate += change;
        match values.last_mut() {
            Some(last) if last.0 == time => last.1 = rate,
            _ => values.push((time, rate)),
        }
    }
    let most = values.iter().map(|value| value.1).fold(0.0, f64::max);
    let top = usd_f64((most * 100.0).round() / 100.0);
    let path = steps(&values, span, Scale { from: 0.0, to: most });
    let name = html! { "Machines, $ an hour" br; span.soft { "0 to " (top) } };
    curve(&name, &format!("What machines cost an hour, from nothing to {top}"), &[path], ticks, span)
}

/// The places with the largest bills whose power has a figure.
fn cleanest<'a>(report: &Report<'a>) -> Vec<&'a PlaceDetail> {
    let worth = |place: &PlaceDetail| -> plimsoll_model::Usd {
        let there =
            report.plan.placements.iter().filter(|placement| place_of(&placement.offer) == place.name);
        there.map(|placement| placement.usd.total).sum()
    };
    let known = report.detail.places.iter().filter(|place| !place.intensity.is_empty());
    let mut places: Vec<(plimsoll_model::Usd, &PlaceDetail)> =
        known.map(|place| (worth(place), place)).collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.0));
    places.into_iter().map(|place| place.1).take(CURVES).collect()
}

fn power(places: &[&PlaceDetail], ticks: &[(Time, String)], span: Span) -> Markup {
    let values = || places.iter().flat_map(|place| &place.intensity).map(|step| step.1);
    let scale = Scale { from: 0.0, to: Scale::of(values()).to };
    let paths: Vec<String> = places.iter().map(|place| steps(&place.intensity, span, scale)).collect();
    let top = decimals(scale.to, 0);
    let name = html! {
        "Power, grams CO2e a kWh" br;
        span.soft { "0 to " (top) @if places.len() == 1 { ", " (places[0].name) } }
    };
    let names: Vec<&str> = places.iter().map(|place| &*place.name).collect();
    let told =
        format!("How clean power is over time in {}, up to {top} grams a kilowatt-hour", names.join(", "));
    curve(&name, &told, &paths, ticks, span)
}
