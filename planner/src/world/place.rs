//! Places: which of them a name means, and how specific it is.
//!
//! A *location* is where an offer or a client is: cloud, region, zone, site, country. A *place* in the
//! sense of data is coarser: a region of a cloud, or a site. Within a place moving data costs nothing.

use std::collections::BTreeMap;

use plimsoll_model::{OfferSpec, estate::EstateSpec, workload::Area};

/// Index of a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocationIx(pub u32);

/// Index of a data place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceIx(pub u32);

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The provider; none for a site.
    pub cloud: Option<String>,
    /// The region; for a site its `region`, else its name.
    pub region: String,
    /// The zone, where one is stated.
    pub zone: Option<String>,
    /// The site's index in the estate.
    pub site: Option<usize>,
}

/// All locations met so far, with their data places.
#[derive(Debug)]
pub struct Places {
    locations: Vec<Location>,
    of_location: Vec<PlaceIx>,
    known: BTreeMap<Location, LocationIx>,
    by_key: BTreeMap<(Option<String>, String), PlaceIx>,
    countries: Vec<Option<String>>,
    site_names: Vec<String>,
    near: Vec<Option<LocationIx>>,
    stated: BTreeMap<String, Option<String>>,
    site_countries: Vec<Option<String>>,
    /// The regions that the estate says are a cloud's, with it.
    clouds: Vec<(String, String)>,
}

/// The rank of `*`, the least specific name of a place.
const ANYWHERE: u8 = 9;
/// Ranks up to this name a location itself: zone, site, region.
pub(super) const NAMES: u8 = 3;

impl Places {
    /// The sites of an estate; clouds' locations are added as offers and data name them.
    pub fn new(estate: &EstateSpec, file_offers: &[OfferSpec]) -> Self {
        let of_offers = estate.offers.iter().chain(file_offers).map(|o| match &o.cloud {
            Some(cloud) => (Some(cloud.clone()), o.region.clone()),
            None => split(&o.region),
        });
        let of_sites = estate.sites.iter().filter_map(|site| site.region.as_deref()).map(split);
        let of_regions = estate.regions.iter().map(|region| split(&region.name));
        let mut this = Self {
            locations: Vec::new(),
            of_location: Vec::new(),
            known: BTreeMap::new(),
            by_key: BTreeMap::new(),
            countries: Vec::new(),
            site_names: estate.sites.iter().map(|s| s.name.clone()).collect(),
            near: Vec::new(),
            stated: estate.regions.iter().map(|r| (r.name.clone(), r.country.clone())).collect(),
            site_countries: estate.sites.iter().map(|s| s.country.clone()).collect(),
            clouds: of_offers
                .chain(of_sites)
                .chain(of_regions)
                .filter_map(|(cloud, region)| Some((region, cloud?)))
                .collect(),
        };
        for (index, site) in estate.sites.iter().enumerate() {
            let (cloud, region) = split(site.region.as_deref().unwrap_or(&site.name));
            this.intern(Location { cloud, region, zone: None, site: Some(index) });
        }
        for site in &estate.sites {
            let near = site.near.as_deref().map(|near| this.find(near));
            this.near.push(near);
        }
        this
    }

    /// The index of a location.
    pub fn intern(&mut self, location: Location) -> LocationIx {
        if let Some(ix) = self.known.get(&location) {
            return *ix;
        }
        let ix = LocationIx(self.locations.len() as u32);
        let key = (location.cloud.clone(), location.region.clone());
        let next = PlaceIx(self.by_key.len() as u32);
        let place = *self.by_key.entry(key).or_insert(next);
        self.of_location.push(place);
        self.countries.push(self.country_of(&location));
        self.known.insert(location.clone(), ix);
        self.locations.push(location);
        ix
    }

    fn country_of(&self, location: &Location) -> Option<String> {
        if let Some(site) = location.site
            && let Some(country) = &self.site_countries[site]
        {
            return Some(country.to_ascii_uppercase());
        }
        let full = location.cloud.as_ref().map(|c| format!("{c}/{}", location.region));
        let stated =
            full.as_ref().and_then(|f| self.stated.get(f)).or_else(|| self.stated.get(&location.region));
        if let Some(Some(country)) = stated {
            return Some(country.to_ascii_uppercase());
        }
        if let Some(cloud) = &location.cloud {
            return plimsoll_catalog::region(cloud, &location.region)?.country.map(str::to_owned);
        }
        // A bare region counts when every cloud that has it agrees on the country.
        let mut countries = plimsoll_catalog::regions_named(&location.region).map(|r| r.country);
        let first = countries.next()??;
        countries.all(|c| c == Some(first)).then(|| first.to_owned())
    }

    /// The location that data, clients and `near` mean by a name: a site, `cloud/region`, a bare region.
    pub fn find(&mut self, name: &str) -> LocationIx {
        if let Some(index) = self.site_names.iter().position(|s| s == name) {
            return LocationIx(index as u32);
        }
        let (cloud, region) = split(name);
        if cloud.is_some() {
            return self.intern(Location { cloud, region, zone: None, site: None });
        }
        let is_site = |l: &Location| l.region == region && l.cloud.is_none() && l.site.is_some();
        if let Some(ix) = self.locations.iter().position(is_site) {
            return LocationIx(ix as u32);
        }
        // A bare region is the first of that name in the estate, else in the embedded table.
        let known = self.clouds.iter().find(|known| known.0 == region).map(|known| known.1.clone());
        let cloud =
            known.or_else(|| plimsoll_catalog::regions_named(&region).next().map(|r| r.cloud.to_owned()));
        self.intern(Location { cloud, region, zone: None, site: None })
    }

    /// A location.
    pub fn location(&self, ix: LocationIx) -> &Location {
        &self.locations[ix.0 as usize]
    }

    /// The data place of a location.
    pub fn place(&self, ix: LocationIx) -> PlaceIx {
        self.of_location[ix.0 as usize]
    }

    /// How many locations there are.
    pub const fn locations(&self) -> usize {
        self.locations.len()
    }

    /// The cloud region that stands for a site in tables that do not name it.
    pub fn near(&self, ix: LocationIx) -> Option<LocationIx> {
        self.locations[ix.0 as usize].site.and_then(|site| self.near[site])
    }

    /// ISO 3166 code of the country, where known.
    pub fn country(&self, ix: LocationIx) -> Option<&str> {
        self.countries[ix.0 as usize].as_deref()
    }

    /// The name people know it by: the site, or `cloud/region`.
    pub fn label(&self, ix: LocationIx) -> String {
        let location = self.location(ix);
        match (&location.cloud, location.site) {
            (Some(cloud), _) => format!("{cloud}/{}", location.region),
            (None, _) => location.region.clone(),
        }
    }

    /// The area of a location that a group is kept together in, by the name people know it by.
    pub fn area(&self, ix: LocationIx, area: Area) -> String {
        let location = self.location(ix);
        match (area, &location.cloud, &location.zone, location.site) {
            (Area::Cloud, Some(cloud), ..) => cloud.clone(),
            (Area::Zone, _, Some(zone), _) => format!("{} ({zone})", self.label(ix)),
            (Area::Zone, _, _, Some(site)) => format!("{} ({})", self.label(ix), self.site_names[site]),
            _ => self.label(ix),
        }
    }

    /// How specifically a name means a location, 0 most; `None` when it does not. Names are exact, but
    /// for countries, `EU`, `EEA` and continents.
    pub fn rank(&self, name: &str, ix: LocationIx) -> Option<u8> {
        let location = self.location(ix);
        if location.zone.as_deref() == Some(name) {
            return Some(0);
        }
        if location.site.is_some_and(|site| self.site_names[site] == name) {
            return Some(1);
        }
        let whole = name.split_once('/').map(|(cloud, region)| (Some(cloud), region));
        if whole == Some((location.cloud.as_deref(), &location.region)) {
            return Some(2);
        }
        if location.region == name {
            return Some(3);
        }
        if location.cloud.as_deref() == Some(name) {
            return Some(4);
        }
        if self.country(ix).is_some_and(|country| in_jurisdiction(country, name)) {
            return Some(match () {
                () if name.eq_ignore_ascii_case("EU") => 6,
                () if name.eq_ignore_ascii_case("EEA") => 7,
                // Continents have long names; countries have two letters.
                () if name.len() > 2 => 8,
                () => 5,
            });
        }
        (name == "*").then_some(ANYWHERE)
    }

    /// Whether any of the names means the location.
    pub fn among(&self, names: &[String], ix: LocationIx) -> bool {
        names.iter().any(|name| self.rank(name, ix).is_some())
    }
}

/// Whether a country is, or lies in, the place of that name, case ignored. A code that no table knows is
/// a country of its own.
fn in_jurisdiction(country: &str, name: &str) -> bool {
    country.eq_ignore_ascii_case(name) || plimsoll_catalog::country_in(country, name)
}

/// `cloud/region` in two, or a bare region.
pub(super) fn split(name: &str) -> (Option<String>, String) {
    match name.split_once('/') {
        Some((cloud, region)) => (Some(cloud.to_owned()), region.to_owned()),
        None => (None, name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_but_for_jurisdictions() {
        let mut places = Places::new(&EstateSpec::default(), &[]);
        let ix = places.intern(Location {
            cloud: Some("gcp".into()),
            region: "europe-west2".into(),
            zone: Some("europe-west2-b".into()),
            site: None,
        });
        for (name, rank) in [
            ("europe-west2-b", Some(0)),
            ("gcp/europe-west2", Some(2)),
            ("europe-west2", Some(3)),
            ("gcp", Some(4)),
            ("gb", Some(5)),
            ("Uk", Some(5)),
            ("EUROPE", Some(8)),
            ("*", Some(9)),
            ("EU", None),
            ("GCP", None),
            ("gcp/Europe-west2", None),
            ("Europe-West2", None),
            ("europe-west2-B", None),
        ] {
            assert_eq!(places.rank(name, ix), rank, "{name}");
        }
    }
}
