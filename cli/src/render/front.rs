//! A front for people: its points in a table, what each step costs, and a chart.

mod chart;

use plimsoll_model::{
    Front, Usd,
    front::{Axis, Step},
    plan::Status,
};

use super::{
    format::{decimals, hours, kg, minute, percent, usd},
    style::{bold, dim, good, warn},
    table::{Align, Table, wrap},
    verdict::not_reproducible,
};

/// The whole text, in lines of at most `width` characters.
pub(crate) fn front(front: &Front, width: usize) -> String {
    let mut lines = headline(front, width);
    lines.push(String::new());
    lines.extend(table(front));
    if front.points.len() > 1 {
        lines.push(String::new());
        lines.extend(chart::lines(front, width));
    }
    lines.push(String::new());
    lines.extend(notes(front, width).into_iter().map(dim));
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn headline(front: &Front, width: usize) -> Vec<String> {
    let (count, named) = (front.points.len(), ends(front));
    let first = match (&*front.points, count) {
        ([only], _) => format!("One plan is the best in every respect, at {}.", usd(only.cost_usd)),
        _ => format!(
            "{count} plans from the cheapest to the {named}, none better than another in every respect."
        ),
    };
    let mut lines: Vec<String> = wrap("", &first, width).into_iter().map(bold).collect();
    let quality = match (front.status, front.complete) {
        (Status::Infeasible, _) => {
            warn("Not everything that must run could be placed: each plan leaves out something.")
        }
        (_, true) => good("Proven: at any price one of these is the best plan."),
        (Status::Optimal, false) => {
            warn("Each is proven the best at its price; there are more between them (--points).")
        }
        (Status::Feasible, false) => warn("How far each may be from the best plan at its price is its gap."),
    };
    lines.push(quality);
    if !front.reproducible {
        lines.push(warn(not_reproducible(&front.inputs.flags)));
    }
    lines.push(dim(format!("as of {}", minute(front.inputs.flags.now))));
    lines
}

/// What the last point is.
fn ends(front: &Front) -> &'static str {
    match &*front.axes {
        [_, Axis::Time] => "soonest",
        [_, Axis::Carbon] => "cleanest",
        _ => "cleanest and soonest",
    }
}

fn table(front: &Front) -> Vec<String> {
    let time = front.axes.contains(&Axis::Time);
    let unit = if time { "BEST FROM $/HOUR" } else { "BEST FROM $/TONNE" };
    let three = front.axes.len() > 2;
    let mut table = Table::new(&[
        ("PLAN", Align::Left),
        ("COST", Align::Right),
        ("CO2e", Align::Right),
        ("DONE IN", Align::Right),
        (if three { "AT $/TONNE" } else { unit }, Align::Right),
        (if three { "AT $/HOUR" } else { "THE NEXT STEP" }, if three { Align::Right } else { Align::Left }),
        ("GAP", Align::Right),
        ("", Align::Left),
    ]);
    for (at, point) in front.points.iter().enumerate() {
        let (fifth, sixth) = if three {
            let flags = &point.plan.inputs.flags;
            (price(flags.carbon_price), price(flags.delay_price))
        } else {
            let from = point.best.map_or_else(String::new, |best| price(best.from));
            (from, point.next.as_ref().map(step).unwrap_or_default())
        };
        table.row([
            chart::label(at).to_string(),
            usd(point.cost_usd),
            point.carbon_kg.map_or_else(|| "?".to_owned(), kg),
            if time { hours(point.hours) } else { String::new() },
            fifth,
            sixth,
            point.gap.map_or_else(|| "?".to_owned(), percent),
            if front.knee == Some(at as u64) { "knee".to_owned() } else { String::new() },
        ]);
    }
    table.lines()
}

/// A price as people say it: cents only where they count; the least there is counts as none.
pub(super) fn price(price: Usd) -> String {
    if price <= Usd::from_micro(1) {
        return "$0".to_owned();
    }
    let text = usd(price);
    if price >= Usd::from_units(100) {
        text.rsplit_once('.').map_or(text.clone(), |cut| cut.0.to_owned())
    } else {
        text
    }
}

/// What the next point saves and costs.
pub(super) fn step(step: &Step) -> String {
    let (saves, unit) = match (step.saves_kg, step.saves_hours) {
        (Some(saved), _) => (kg(saved), "a tonne"),
        (_, Some(saved)) => (hours(saved), "an hour"),
        _ => return String::new(),
    };
    format!("{saves} less for {}, {} {unit}", usd(step.extra_usd), price(step.usd_per_unit))
}

fn notes(front: &Front, width: usize) -> Vec<String> {
    let mut text = String::from("Cost is money without a price on carbon or on time.");
    if front.axes.contains(&Axis::Time) {
        text.push_str(" Done in: the hours until each workload is done, added up.");
    }
    if front.axes.len() == 2 {
        let what = if front.axes.contains(&Axis::Time) { "an hour" } else { "a tonne of carbon" };
        text.push_str(" Each plan is the best where ");
        text.push_str(what);
        text.push_str(" is worth what its line says, up to the next line's.");
    } else {
        text.push_str(" Each plan is a best one at the prices that its line says.");
    }
    if front.knee.is_some() {
        text.push_str(if front.axes.len() == 2 {
            " The knee lies farthest below the straight line between the ends."
        } else {
            " The knee has the least sum of the three, each measured along the whole front."
        });
    }
    text.push_str(" Each plan in full: -o json.");
    wrap("", &text, width)
}

/// A number of workload-hours or the like on an axis.
pub(super) fn figure(axis: Axis, value: f64) -> String {
    match axis {
        Axis::Cost => Usd::from_f64((value * 1e6).round() / 1e6).map_or_else(|_| decimals(value, 2), usd),
        Axis::Carbon => kg(value),
        Axis::Time => hours(value),
    }
}
