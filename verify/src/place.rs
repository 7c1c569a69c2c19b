//! Places: what a text of a document means, and whether a location lies in it.
//!
//! A *location* is where something really is: an offer, a site, a copy of a dataset, a client. A *place*
//! is any text of the contract: a zone, a site, `cloud/region`, a bare region, a cloud, a country, `EU`,
//! `EEA`, a continent, `*`; in this order of precedence ([`Rank`]).
//!
//! Where the contract is silent:
//! - A site is where its `region` is (`aws/eu-central-1` or a bare name), else at its own name; it then
//!   lies in that region's cloud too, for every rule that speaks of places.
//! - A location given as a bare region (a dataset's copy, a client, `near`) is the first region of a
//!   cloud with that name: of the estate, else of the tables. Otherwise it stays bare. Regions that sites
//!   and offers state are taken as written.
//! - Countries, `EU`, `EEA` and continents ignore case; all other names are exact.

use plimsoll_model::{estate::Site, plan::Constraint, workload::Area};

use crate::{
    Checker,
    state::State,
    tables::Coordinates,
    violation::{Kind, Violation},
};

/// How specific a place is, most specific first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Zone,
    Site,
    CloudRegion,
    Region,
    Cloud,
    Country,
    Eu,
    Eea,
    Continent,
    Anywhere,
}

impl Rank {
    /// Whether a row of this rank names a site itself and not a wider area around it.
    pub(crate) fn names_a_site(self) -> bool {
        self <= Self::Region
    }
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Location {
    pub(crate) cloud: Option<String>,
    /// The bare region; for a site without one its name.
    pub(crate) region: String,
    pub(crate) zone: Option<String>,
    /// The site's index in the estate.
    pub(crate) site: Option<usize>,
    pub(crate) country: Option<String>,
}

impl Location {
    /// As transfers show it: `cloud/region`, or what there is of it.
    pub(crate) fn text(&self) -> String {
        match &self.cloud {
            Some(cloud) => format!("{cloud}/{}", self.region),
            None => self.region.clone(),
        }
    }

    /// What "once for each region" counts by.
    pub(crate) fn key(&self) -> (Option<&str>, &str) {
        (self.cloud.as_deref(), &self.region)
    }

    /// Whether data between the two crosses no region.
    pub(crate) fn same_region(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    /// For the embedded tables, which know only regions of clouds.
    pub(crate) fn cloud_region(&self) -> Option<(&str, &str)> {
        self.cloud.as_deref().map(|cloud| (cloud, &*self.region))
    }
}

/// The area of a place in which a group is kept together: what is equal for all of it.
fn area(location: &Location, of: Area) -> (Option<&str>, Option<&str>, Option<&str>, Option<usize>) {
    let (cloud, region) = (location.cloud.as_deref(), Some(&*location.region));
    match of {
        Area::Region => (cloud, region, None, None),
        // What is in no cloud, a site above all, is a cloud of its own.
        Area::Cloud => (cloud, region.filter(|_| cloud.is_none()), None, None),
        Area::Zone => (cloud, region, location.zone.as_deref(), location.site),
    }
}

impl Checker<'_> {
    /// Whether a workload is where those are that it is kept together with: the first of them in document
    /// order, or all, where somebody moves among them.
    pub(crate) fn check_together(&self, state: &State, workload: usize, all: bool) -> Option<Violation> {
        let of = |index: usize| self.inputs.workloads[index].spec.together.as_ref();
        let (mine, here) = (of(workload)?, state.get(workload)?);
        let mut others = state.iter().filter(|(index, _)| {
            *index != workload && of(*index).is_some_and(|group| group.name == mine.name)
        });
        let is_apart = |other: &Location| area(other, mine.area) != area(&here.offer.location, mine.area);
        let apart = if all {
            others.find(|(_, placed)| is_apart(&placed.offer.location))
        } else {
            others.next().filter(|(index, placed)| *index < workload && is_apart(&placed.offer.location))
        };
        apart.map(|(index, placed)| {
            let (name, other) = (
                &*self.inputs.workloads[workload].metadata.name,
                &self.inputs.workloads[index].metadata.name,
            );
            let message = format!(
                "is to be in one {} with {other} (group {}), and is on {} while that is on {}",
                mine.area.as_str(),
                mine.name,
                here.offer.name,
                placed.offer.name
            );
            Violation::new(Kind::Constraint(Constraint::Together), name, message)
        })
    }

    /// Where a site is.
    fn site_location(&self, index: usize, site: &Site) -> Location {
        let (cloud, region) = split(site.region.as_deref().unwrap_or(&site.name));
        let country = site.country.clone().or_else(|| {
            let cloud = cloud.map(str::to_owned).or_else(|| self.cloud_with(region));
            site.region.as_ref().and_then(|_| self.country(cloud.as_deref(), region))
        });
        Location {
            cloud: cloud.map(str::to_owned),
            region: region.to_owned(),
            zone: None,
            site: Some(index),
            country,
        }
    }

    /// Where an offer is.
    pub(crate) fn offer_location(&self, cloud: Option<&str>, region: &str, zone: Option<&str>) -> Location {
        let (cloud, region) = cloud.map_or_else(|| split(region), |cloud| (Some(cloud), region));
        Location {
            cloud: cloud.map(str::to_owned),
            region: region.to_owned(),
            zone: zone.map(str::to_owned),
            site: None,
            country: self.country(cloud, region),
        }
    }

    /// Where the text of a document says that data or people are.
    pub(crate) fn locate(&self, text: &str) -> Location {
        let sites = &self.inputs.estate.sites;
        let named = sites.iter().position(|site| site.name == text);
        let of_region = || sites.iter().position(|site| site.region.as_deref() == Some(text));
        // A region of a cloud is not the site that lies in it, whatever that site says of itself.
        let site = named.or_else(|| of_region().filter(|_| !text.contains('/')));
        if let Some(index) = site {
            return self.sites[index].0.clone();
        }
        self.region_location(text)
    }

    fn region_location(&self, text: &str) -> Location {
        let (cloud, region) = split(text);
        let cloud = cloud.map(str::to_owned).or_else(|| self.cloud_with(region));
        self.offer_location(cloud.as_deref(), region, None)
    }

    /// The cloud region that stands for a site in what nothing says of the site itself.
    pub(crate) fn near(&self, location: &Location) -> Option<&Location> {
        self.sites.get(location.site?)?.1.as_ref()
    }

    /// Each site's location and its `near`.
    pub(crate) fn place_sites(&self) -> Vec<(Location, Option<Location>)> {
        let sites = self.inputs.estate.sites.iter().enumerate();
        let placed = sites.map(|(index, site)| {
            let near = site.near.as_deref().map(|near| self.region_location(near));
            (self.site_location(index, site), near)
        });
        placed.collect()
    }

    /// The cloud whose region a bare name means: the first that the estate's offers, the catalogue files,
    /// the sites, or the list of regions have, else the first of the tables.
    fn cloud_with(&self, region: &str) -> Option<String> {
        let estate = &self.inputs.estate;
        let of_offers = estate.offers.iter().chain(&self.inputs.file_offers);
        let of_offers = of_offers.map(|offer| match &offer.cloud {
            Some(cloud) => (Some(&**cloud), &*offer.region),
            None => split(&offer.region),
        });
        let of_sites = estate.sites.iter().filter_map(|site| site.region.as_deref()).map(split);
        let of_regions = estate.regions.iter().map(|known| split(&known.name));
        let mut stated = of_offers.chain(of_sites).chain(of_regions);
        let stated = stated.find_map(|(cloud, name)| cloud.filter(|_| name == region).map(str::to_owned));
        stated.or_else(|| self.tables.clouds_with(region).into_iter().next())
    }

    /// The country of a region: the estate's word, `cloud/region` before the bare name, the last of
    /// equals; else the table's.
    fn country(&self, cloud: Option<&str>, region: &str) -> Option<String> {
        let stated = |exact: bool| {
            let mut matching = self.inputs.estate.regions.iter().rev().filter(|known| {
                let (of, name) = split(&known.name);
                name == region && if exact { of == cloud && of.is_some() } else { of.is_none() }
            });
            matching.find_map(|known| known.country.clone())
        };
        stated(true)
            .or_else(|| stated(false))
            .or_else(|| cloud.and_then(|cloud| self.tables.country_of((cloud, region))))
    }

    /// Where a location lies on the globe: the estate's word, else the table's.
    pub(crate) fn coordinates(&self, location: &Location) -> Option<Coordinates> {
        let stated = |exact: bool| {
            let mut matching = self.inputs.estate.regions.iter().rev().filter(|known| {
                let (of, name) = split(&known.name);
                name == location.region
                    && if exact { of == location.cloud.as_deref() && of.is_some() } else { of.is_none() }
            });
            matching.find_map(|known| known.lat.zip(known.lon))
        };
        let tabled = || self.default(|tables| tables.coordinates(location.cloud_region()?));
        stated(true).or_else(|| stated(false)).or_else(tabled)
    }

    /// How specifically a place of a document names a location; `None` when the location is not in it.
    pub(crate) fn rank(&self, place: &str, location: &Location) -> Option<Rank> {
        let site = location.site.map(|index| &*self.inputs.estate.sites[index].name);
        if location.zone.as_deref() == Some(place) {
            return Some(Rank::Zone);
        }
        if site == Some(place) {
            return Some(Rank::Site);
        }
        let (cloud, region) = split(place);
        if cloud.is_some() && cloud == location.cloud.as_deref() && region == location.region {
            return Some(Rank::CloudRegion);
        }
        if place == location.region {
            return Some(Rank::Region);
        }
        if location.cloud.as_deref() == Some(place) {
            return Some(Rank::Cloud);
        }
        if let Some(country) = &location.country
            && (country.eq_ignore_ascii_case(place) || self.tables.country_in(country, place))
        {
            return Some(match () {
                () if place.eq_ignore_ascii_case("EU") => Rank::Eu,
                () if place.eq_ignore_ascii_case("EEA") => Rank::Eea,
                // Continents have long names; countries have two letters.
                () if place.len() > 3 => Rank::Continent,
                () => Rank::Country,
            });
        }
        (place == "*").then_some(Rank::Anywhere)
    }

    /// Whether the location lies in any of the places.
    pub(crate) fn in_any(&self, places: &[String], location: &Location) -> bool {
        places.iter().any(|place| self.rank(place, location).is_some())
    }
}

/// `cloud/region` in two, or a bare region.
pub(crate) fn split(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((cloud, region)) => (Some(cloud), region),
        None => (None, text),
    }
}
