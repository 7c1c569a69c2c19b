//! Regions: where each lies. The country is from `catalog/facts/regions.csv`, which must name every region.

use std::collections::BTreeMap;

use super::Sources;
use super::input::Table;
use super::output::Text;
use crate::error::Result;

/// One region.
#[derive(Clone, Default)]
pub(super) struct Region {
    pub(super) location: String,
    pub(super) country: String,
    pub(super) lat: String,
    pub(super) lon: String,
    source: String,
    pub(super) continent: String,
}

/// All regions by cloud and name.
pub(super) struct Regions(BTreeMap<(String, String), Region>);

impl Regions {
    pub(super) fn knows(&self, cloud: &str, region: &str) -> bool {
        self.get(cloud, region).is_some()
    }

    pub(super) fn get(&self, cloud: &str, region: &str) -> Option<&Region> {
        self.0.get(&(cloud.to_owned(), region.to_owned()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Region)> {
        self.0.iter().map(|((cloud, name), region)| (cloud.as_str(), name.as_str(), region))
    }
}

pub(super) fn read(sources: &Sources<'_>) -> Result<Regions> {
    let mut continents = BTreeMap::new();
    for row in Table::read(sources.facts, "countries.csv")?.rows() {
        continents.insert(row.get("code")?.to_owned(), row.get("continent")?.to_owned());
    }
    let mut places = BTreeMap::new();
    for row in Table::read(sources.data, "network/regions.csv")?.rows() {
        let place = Region {
            location: row.get("location")?.to_owned(),
            lat: row.get("lat")?.to_owned(),
            lon: row.get("lon")?.to_owned(),
            source: row.get("source")?.to_owned(),
            ..Region::default()
        };
        places.insert((row.get("cloud")?.to_owned(), row.get("region")?.to_owned()), place);
    }
    let mut regions = BTreeMap::new();
    for row in Table::read(sources.facts, "regions.csv")?.rows() {
        let key = (row.get("cloud")?.to_owned(), row.get("region")?.to_owned());
        let mut region = places.get(&key).cloned().unwrap_or_default();
        row.get("country")?.clone_into(&mut region.country);
        for (field, column) in [
            (&mut region.location, "location"),
            (&mut region.lat, "lat"),
            (&mut region.lon, "lon"),
            (&mut region.source, "source"),
        ] {
            if let Some(text) = row.maybe(column)? {
                text.clone_into(field);
            }
        }
        if region.source.is_empty() {
            return Err(row.wrong("neither the fact file nor this one says where the region is"));
        }
        if !region.country.is_empty() {
            let continent = continents.get(&region.country);
            continent
                .ok_or_else(|| row.wrong("the country is not in countries.csv"))?
                .clone_into(&mut region.continent);
        }
        regions.insert(key, region);
    }
    Ok(Regions(regions))
}

pub(super) fn table(regions: &Regions) -> (String, String) {
    let mut text = Text::new(
        "Regions of the clouds: country (ISO 3166-1 alpha-2), place, and where the coordinates come from: region-picker (Google,
         Apache-2.0), avm-utl-regions (Microsoft, MIT), or by hand, the centre of the metropolitan area. Empty: not known; a region
         of unknown country meets no residency rule, one of unknown place has no estimated latency. Azure's staging and canary
         regions and China are left out.",
        "cloud,region,country,lat,lon,location,source",
    );
    for (cloud, name, region) in regions.iter() {
        let Region { location, country, lat, lon, source, .. } = region;
        text.row([cloud, name, country, lat, lon, location.trim_start_matches(", "), source]);
    }
    text.into_file("regions.csv")
}
