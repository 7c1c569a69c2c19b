//! Regions and where they lie.

use std::sync::OnceLock;

use crate::table::{fields, maybe, number, rows};

static REGIONS: &str = include_str!("../tables/regions.csv");

/// A region of a cloud.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// The cloud: `aws`, `azure`, `gcp`, `lambda`, `nebius` or `runpod`.
    pub cloud: &'static str,
    /// The cloud's own name of it.
    pub name: &'static str,
    /// ISO 3166-1 alpha-2; `None` where the provider does not say.
    pub country: Option<&'static str>,
    /// Degrees of latitude and longitude; `None` where only the country is known.
    pub lat_lon: Option<(f64, f64)>,
    /// For people: a city, state or country.
    pub location: &'static str,
    /// Where the coordinates come from.
    pub source: &'static str,
}

/// All regions, sorted by cloud and name.
pub fn regions() -> &'static [Region] {
    static PARSED: OnceLock<Vec<Region>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let parse = |line| {
            let [cloud, name, country, lat, lon, location, source] = fields(line);
            let lat_lon = maybe(lat).map(|lat| (number(lat), number(lon)));
            Region { cloud, name, country: maybe(country), lat_lon, location, source }
        };
        rows(REGIONS).map(parse).collect()
    })
}

/// A region by cloud and name.
pub fn region(cloud: &str, name: &str) -> Option<&'static Region> {
    let regions = regions();
    let at = regions.binary_search_by(|region| (region.cloud, region.name).cmp(&(cloud, name)));
    at.ok().map(|at| &regions[at])
}

/// The regions of this bare name, of which different clouds may each have one (`us-east-1` of AWS and of Lambda).
pub fn regions_named(name: &str) -> impl Iterator<Item = &'static Region> {
    regions().iter().filter(move |region| region.name == name)
}
