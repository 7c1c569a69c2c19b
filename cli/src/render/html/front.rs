//! The front: its points in a chart and a table, with what each step costs.

use maud::{Markup, html};
use plimsoll_model::{
    Front,
    front::{Axis, Point},
};

use super::{
    Report,
    axis::{Scale, percent},
    table::table,
};
use crate::render::{
    format::{hours, kg, percent as share, usd},
    front::{figure, price, step},
};

/// The edges of the plot within the chart, as parts of its width and height.
const LEFT: f64 = 0.02;
const RIGHT: f64 = 0.94;
const TOP: f64 = 0.14;
const BOTTOM: f64 = 0.86;
/// Two labels closer than this, as parts of the chart, would hide each other.
const APART: (f64, f64) = (0.045, 0.06);

pub(super) fn section(report: &Report<'_>) -> Option<Markup> {
    let (front, shown) = report.front?;
    let second = front.axes.get(1).copied()?;
    let (goal, less) = match &*front.axes {
        [_, Axis::Time] => ("the soonest", "sooner"),
        [_, Axis::Carbon] => ("the cleanest", "cleaner"),
        _ => ("the cleanest and the soonest", "cleaner or sooner"),
    };
    Some(html! {
        p { "There is not one best plan but one for each price put on what else counts. From the cheapest to " (goal)
            ", these are the plans of which none is better than another in every respect: whatever is " (less)
            " than one of them costs more." }
        @if front.points.len() > 1 {
            figure {
                figcaption { "Cost upwards, " @if second == Axis::Time { "hours until done" } @else { "emissions" }
                    " to the right: down and left is better." }
                (plot(front, second, shown))
            }
        }
        (points(front, shown))
        p.soft.small {
            "Cost is money without a price on carbon or on time."
            @if front.knee.is_some() {
                @if front.axes.len() == 2 {
                    " The knee is the plan farthest below the straight line between the ends."
                } @else {
                    " The knee is the plan with the least sum of the three, each measured along the whole front."
                }
            }
            @if front.complete {
                " At any price one of these is proven to be the best plan."
            } @else {
                " The search ended before every such plan was found or proven: a gap says how far a plan may be from the best at its price."
            }
        }
    })
}

fn along(axis: Axis, point: &Point) -> f64 {
    match axis {
        Axis::Cost => point.cost_usd.to_f64(),
        Axis::Carbon => point.carbon_kg.unwrap_or(0.0),
        Axis::Time => point.hours,
    }
}

fn plot(front: &Front, second: Axis, shown: usize) -> Markup {
    let scale = |axis| Scale::of(front.points.iter().map(|point| along(axis, point)));
    let (x, y) = (scale(second), scale(Axis::Cost));
    let spot = |point: &Point| {
        let right = LEFT + x.part(along(second, point)) * (RIGHT - LEFT);
        let down = BOTTOM - y.part(along(Axis::Cost, point)) * (BOTTOM - TOP);
        (right, down)
    };
    let spots: Vec<(f64, f64)> = front.points.iter().map(spot).collect();
    let knee = front.knee.and_then(|knee| usize::try_from(knee).ok());
    let named = named(&spots, [knee, Some(shown), Some(0), Some(spots.len() - 1)]);
    html! {
        svg.plot role="img" aria-label="The points of the table below, joined from the cheapest on" {
            line.grid x1=(percent(LEFT)) x2=(percent(LEFT)) y1=(percent(TOP)) y2=(percent(BOTTOM)) {}
            line.grid x1=(percent(LEFT)) x2=(percent(RIGHT)) y1=(percent(BOTTOM)) y2=(percent(BOTTOM)) {}
            text.t x=(percent(LEFT)) y=(percent(TOP - 0.08)) { (figure(Axis::Cost, y.to)) }
            text.t x=(percent(LEFT)) y=(percent(BOTTOM)) dx="6" dy="-6" { (figure(Axis::Cost, y.from)) }
            text.t x=(percent(LEFT)) y=(percent(BOTTOM)) dy="18" { (figure(second, x.from)) }
            text.t.end x=(percent(RIGHT)) y=(percent(BOTTOM)) dy="18" { (figure(second, x.to)) }
            @if front.axes.len() == 2 {
                @for pair in spots.windows(2) {
                    line.edge x1=(percent(pair[0].0)) y1=(percent(pair[0].1)) x2=(percent(pair[1].0)) y2=(percent(pair[1].1)) {}
                }
            }
            @for (at, (right, down)) in spots.iter().enumerate() {
                circle.pt.knee[knee == Some(at)] cx=(percent(*right)) cy=(percent(*down)) r=(if knee == Some(at) { 7 } else { 5 }) {}
                @if named.contains(&at) {
                    text x=(percent(*right)) y=(percent(*down)) dx="9" dy="-7" { (at + 1) @if knee == Some(at) { " knee" } }
                }
            }
        }
    }
}

/// The points that have room for their number: first those that matter, then in order.
fn named(spots: &[(f64, f64)], first: [Option<usize>; 4]) -> Vec<usize> {
    let mut named: Vec<usize> = Vec::new();
    for at in first.into_iter().flatten().chain(0..spots.len()) {
        let close = |other: &usize| {
            let (a, b) = (spots[at], spots[*other]);
            (a.0 - b.0).abs() < APART.0 && (a.1 - b.1).abs() < APART.1
        };
        if !named.iter().any(close) {
            named.push(at);
        }
    }
    named
}

fn points(front: &Front, shown: usize) -> Markup {
    let time = front.axes.contains(&Axis::Time);
    let two = front.axes.len() == 2;
    let mut heads = vec![("Plan", true), ("Cost", true), ("CO2e", true)];
    if time {
        heads.push(("Hours until done", true));
    }
    if two {
        heads.push((if time { "Best from, $ an hour" } else { "Best from, $ a tonne" }, true));
        heads.push(("The next step", false));
    } else {
        heads.extend([("At $ a tonne", true), ("At $ an hour", true)]);
    }
    heads.extend([("Gap", true), ("", false)]);
    let rows = html! {
        @for (at, point) in front.points.iter().enumerate() {
            tr class=[(at == shown).then_some("on")] {
                th.n scope="row" { (at + 1) }
                td.n { (usd(point.cost_usd)) }
                td.n { (point.carbon_kg.map_or_else(|| "not known".to_owned(), kg)) }
                @if time { td.n { (hours(point.hours)) } }
                @if two {
                    td.n { (point.best.map_or_else(String::new, |best| price(best.from))) }
                    td.wide { (point.next.as_ref().map(step).unwrap_or_default()) }
                } @else {
                    td.n { (price(point.plan.inputs.flags.carbon_price)) }
                    td.n { (price(point.plan.inputs.flags.delay_price)) }
                }
                td.n { (point.gap.map_or_else(|| "not known".to_owned(), share)) }
                td { @if front.knee == Some(at as u64) { span.tag { "knee" } " " }
                    @if at == shown { span.tag { "this page" } } }
            }
        }
    };
    table("Plans of the front, cheapest first", &heads, &rows, None, false)
}
