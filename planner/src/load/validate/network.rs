//! Regions, and the figures between and of places.

use plimsoll_model::{
    GbitPerSecond,
    estate::{CarbonRow, EstateSpec, Region},
};

use super::{Scope, name, workload::not_negative};

pub(super) fn regions(scope: &mut Scope<'_>, regions: &[Region]) {
    for (index, region) in regions.iter().enumerate() {
        let mut scope = scope.item(index);
        name::name(&mut scope.field("name"), &region.name);
        country(&mut scope.field("country"), region.country.as_deref());
        degrees(&mut scope.field("lat"), region.lat, 90.0);
        degrees(&mut scope.field("lon"), region.lon, 180.0);
        if region.lat.is_some() != region.lon.is_some() {
            scope.report("needs both `lat` and `lon`, or neither");
        }
    }
    name::unique(scope, "region", "name", regions.iter().map(|region| &*region.name));
}

fn degrees(scope: &mut Scope<'_>, degrees: Option<f64>, most: f64) {
    // NaN lies in no range.
    if degrees.is_some_and(|degrees| !(-most..=most).contains(&degrees)) {
        scope.report(format!("must lie between -{most} and {most} degrees"));
    }
}

/// A country code of two letters.
pub(super) fn country(scope: &mut Scope<'_>, country: Option<&str>) {
    let Some(country) = country else { return };
    if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_alphabetic()) {
        scope.report(format!("`{country}` is not a country code of two letters (ISO 3166), such as DE"));
    }
}

pub(super) fn check(scope: &mut Scope<'_>, spec: &EstateSpec) {
    for (index, row) in spec.egress.iter().enumerate() {
        let mut scope = scope.field("egress");
        let mut scope = scope.item(index);
        ends(&mut scope, &row.from, &row.to);
        not_negative(&mut scope.field("usdPerGb"), row.usd_per_gb);
    }
    for (index, row) in spec.latency.iter().enumerate() {
        ends(&mut scope.field("latency").item(index), &row.from, &row.to);
    }
    for (index, row) in spec.throughput.iter().enumerate() {
        let mut scope = scope.field("throughput");
        let mut scope = scope.item(index);
        ends(&mut scope, &row.from, &row.to);
        if row.gbps == GbitPerSecond::ZERO {
            scope.field("gbps").report("must be above 0");
        }
    }
    for (index, row) in spec.carbon_intensity.iter().enumerate() {
        carbon(&mut scope.field("carbonIntensity").item(index), row);
    }
}

fn ends(scope: &mut Scope<'_>, from: &str, to: &str) {
    name::name(&mut scope.field("from"), from);
    name::name(&mut scope.field("to"), to);
}

fn carbon(scope: &mut Scope<'_>, row: &CarbonRow) {
    match (&row.region, &row.zone) {
        (Some(_), Some(_)) => scope.report("has both `region` and `zone`: a row is about one of them"),
        (None, None) => scope.report_help("says not where", "state `region` or `zone`"),
        _ => {}
    }
    match (row.grams_per_kwh, &row.series) {
        (Some(_), Some(_)) => scope.report("has both `gramsPerKwh` and `series`: it is one of them"),
        (None, None) => scope.report_help("says nothing", "state `gramsPerKwh` or `series` (a CSV file)"),
        _ => {}
    }
    for (field, text) in [("region", &row.region), ("zone", &row.zone), ("series", &row.series)] {
        name::maybe(&mut scope.field(field), text.as_deref());
    }
}
