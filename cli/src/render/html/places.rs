//! Where the plan runs: a map and a table of places.

use std::collections::BTreeMap;

use maud::{Markup, html};
use plimsoll_model::{OfferSpec, Usd};
use plimsoll_planner::detail::PlaceDetail;

use super::{
    Report,
    axis::Span,
    map::{self, Mark},
    table::{money, table},
    timeline::span,
};
use crate::render::format::{decimals, kg};

/// The place of an offer, by the name it has in the detail.
pub(super) fn place_of(offer: &OfferSpec) -> String {
    match &offer.cloud {
        Some(cloud) => format!("{cloud}/{}", offer.region),
        None => offer.region.clone(),
    }
}

struct Sums<'a> {
    place: &'a PlaceDetail,
    workloads: usize,
    usd: Usd,
    kg: Option<f64>,
}

pub(super) fn section(report: &Report<'_>) -> Option<Markup> {
    let plan = report.plan;
    let mut sums: BTreeMap<&str, Sums<'_>> = report
        .detail
        .places
        .iter()
        .map(|place| (&*place.name, Sums { place, workloads: 0, usd: Usd::ZERO, kg: Some(0.0) }))
        .collect();
    for placement in &plan.placements {
        if let Some(sum) = sums.get_mut(&*place_of(&placement.offer)) {
            sum.workloads += 1;
            sum.usd += placement.usd.total;
            sum.kg = sum.kg.zip(placement.carbon_kg).map(|(sum, kg)| sum + kg);
        }
    }
    let mut places: Vec<Sums<'_>> = sums.into_values().filter(|sum| sum.workloads > 0).collect();
    if places.is_empty() {
        return None;
    }
    // Stable: of equals the first by name.
    places.sort_by_key(|place| std::cmp::Reverse(place.usd));
    let marks: Vec<Mark> = (1..)
        .zip(&places)
        .filter_map(|(number, sum)| Some(Mark { number, lat_lon: sum.place.lat_lon?, own: sum.place.own }))
        .collect();
    let span = span(plan);
    let rows = html! {
        @for (number, sum) in (1..).zip(&places) {
            tr {
                td.n { (number) }
                th scope="row" { (sum.place.name) @if sum.place.own { " " span.tag { "your own" } } }
                td.soft { (sum.place.location.as_deref().unwrap_or_default())
                    @if let (Some(country), true) = (&sum.place.country, sum.place.location.is_none()) { (country) } }
                td.n { (sum.workloads) }
                (money(sum.usd))
                td.n { (sum.kg.map_or_else(|| "not known".to_owned(), kg)) }
                td.n { (grams(sum.place, span)) }
            }
        }
    };
    let heads = [
        ("No.", true),
        ("Place", false),
        ("Where", false),
        ("Workloads", true),
        ("Cost", true),
        ("CO2e", true),
        ("Grams CO2e a kWh", true),
    ];
    let unknown = places.len() - marks.len();
    Some(html! {
        @if !marks.is_empty() {
            figure { (map::map(&marks)) }
            p.soft.small { "Circles are regions of clouds, squares your own sites; the numbers are those of the table."
                @if unknown > 0 { " Places whose coordinates are not known are in the table alone." } }
        }
        (table("Places, the dearest first", &heads, &rows, None, true))
    })
}

/// How clean power is over the time of the plan: from the least to the most.
fn grams(place: &PlaceDetail, span: Span) -> String {
    let within = place.intensity.iter().enumerate().filter(|(at, step)| {
        let ends = place.intensity.get(at + 1).map(|next| next.0);
        step.0 < span.to && ends.is_none_or(|end| end > span.from)
    });
    let values: Vec<f64> = within.map(|(_, step)| step.1).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    match (decimals(least, 0), decimals(most, 0)) {
        _ if values.is_empty() => "not known".to_owned(),
        (least, most) if least == most => most,
        (least, most) => format!("{least} to {most}"),
    }
}
