//! Names of places: exact, but for countries, `EU`, `EEA` and continents.
//!
//! A name that means nothing is no error: data may come from anywhere, and a workload that nothing
//! takes is explained. A name that would mean something if case did not count is a slip that nobody
//! would see in a plan (`notIn: [AWS]` forbids nothing), so it is refused.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    Diagnostic, Estate, Match, OfferSpec, OneOf, Workload, estate::EstateSpec, read::Located,
    scenarios::Scenario, workload::WorkloadSpec,
};

use super::{Scope, workload};

/// Every name that differs from that of a known place by case alone.
pub(in crate::load) fn check(
    workloads: &[Located<Workload>],
    estate: Option<&Located<Estate>>,
    file_offers: &[OfferSpec],
) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let spec = estate.map(|estate| &estate.value.spec);
    let known = &mut Known::new(spec, file_offers);
    if let Some(estate) = estate {
        let mut scope = Scope::new(estate, &mut problems);
        locations_of_estate(&mut scope.field("spec"), &estate.value.spec, known);
    }
    for workload in workloads {
        let mut scope = Scope::new(workload, &mut problems);
        locations_of_workload(&mut scope.field("spec"), &workload.value.spec, known);
    }
    for workload in workloads {
        let mut scope = Scope::new(workload, &mut problems);
        rules_of_workload(&mut scope.field("spec"), &workload.value.spec, known);
    }
    if let Some(estate) = estate {
        let mut scope = Scope::new(estate, &mut problems);
        rules_of_estate(&mut scope.field("spec"), &estate.value.spec, known);
    }
    problems
}

/// Where the estate says that something is. What is named here is a place for the rules that follow.
fn locations_of_estate(scope: &mut Scope<'_>, spec: &EstateSpec, known: &mut Known) {
    for (index, region) in spec.regions.iter().enumerate() {
        known.place(&mut scope.field("regions").item(index).field("name"), &region.name);
    }
    for (index, site) in spec.sites.iter().enumerate() {
        if let Some(near) = &site.near {
            known.check(&mut scope.field("sites").item(index).field("near"), near);
        }
    }
    for (index, dataset) in spec.datasets.iter().enumerate() {
        let mut scope = scope.field("datasets");
        let mut scope = scope.item(index);
        for (copy, at) in dataset.at.iter().enumerate() {
            known.place(&mut scope.field("at").item(copy), at);
        }
    }
}

/// Where a workload says that its users are and its results go.
fn locations_of_workload(scope: &mut Scope<'_>, spec: &WorkloadSpec, known: &mut Known) {
    for (index, client) in spec.clients.iter().enumerate() {
        known.place(&mut scope.field("clients").item(index).field("region"), &client.region);
    }
    for (index, output) in spec.outputs.iter().enumerate() {
        known.place(&mut scope.field("outputs").item(index).field("to"), &output.to);
    }
}

/// Where a workload may run.
fn rules_of_workload(scope: &mut Scope<'_>, spec: &WorkloadSpec, known: &Known) {
    for (field, places) in workload::places(spec) {
        known.check_all(&mut scope.field(field), places);
    }
    for (index, other) in spec.alternatives.iter().enumerate() {
        let mut scope = scope.field("alternatives");
        let mut scope = scope.item(index);
        for (field, places) in workload::places_of(other) {
            known.check_all(&mut scope.field(field), places);
        }
    }
}

/// What the estate says about places.
fn rules_of_estate(scope: &mut Scope<'_>, spec: &EstateSpec, known: &Known) {
    for (index, dataset) in spec.datasets.iter().enumerate() {
        let mut scope = scope.field("datasets");
        known.check_all(&mut scope.item(index).field("residency"), &dataset.residency);
    }
    let quotas = spec.quotas.iter().map(|quota| &quota.matches);
    let prices = spec.prices.iter().map(|rule| &rule.matches);
    let interruptions = spec.interruptions.iter().map(|rule| &rule.matches);
    let only = spec.only.iter().map(|only| &only.matches);
    known.check_matches(&mut scope.field("only"), only);
    known.check_matches(&mut scope.field("quotas"), quotas);
    known.check_matches(&mut scope.field("prices"), prices);
    known.check_matches(&mut scope.field("interruptions"), interruptions);
    for (index, scenario) in spec.scenarios.iter().enumerate() {
        let mut scope = scope.field("scenarios");
        rules_of_scenario(&mut scope.item(index), scenario, known);
    }
    known.check_ends(&mut scope.field("egress"), spec.egress.iter().map(|row| [&row.from, &row.to]));
    known.check_ends(&mut scope.field("latency"), spec.latency.iter().map(|row| [&row.from, &row.to]));
    known.check_ends(&mut scope.field("throughput"), spec.throughput.iter().map(|row| [&row.from, &row.to]));
    for (index, row) in spec.carbon_intensity.iter().enumerate() {
        if let Some(region) = &row.region {
            known.check(&mut scope.field("carbonIntensity").item(index).field("region"), region);
        }
    }
}

/// What a scenario says about places.
fn rules_of_scenario(scope: &mut Scope<'_>, scenario: &Scenario, known: &Known) {
    known.check_matches(&mut scope.field("prices"), scenario.prices.iter().map(|rule| &rule.matches));
    let interruptions = scenario.interruptions.iter().map(|change| &change.matches);
    known.check_matches(&mut scope.field("interruptions"), interruptions);
    for (index, change) in scenario.carbon_intensity.iter().enumerate() {
        if let Some(region) = &change.region {
            known.check(&mut scope.field("carbonIntensity").item(index).field("region"), region);
        }
    }
}

/// The names that mean a place.
#[derive(Debug, Default)]
struct Known {
    /// As written, by what they are without case.
    names: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    /// The places of the embedded regions, of offers and of sites.
    fn new(estate: Option<&EstateSpec>, file_offers: &[OfferSpec]) -> Self {
        let mut this = Self::default();
        for region in plimsoll_catalog::regions() {
            this.add_region(Some(region.cloud), region.name);
        }
        let offers = estate.iter().flat_map(|estate| &estate.offers).chain(file_offers);
        // Most offers of a file share their place with many others.
        let of_offers: BTreeSet<_> =
            offers.map(|offer| (offer.cloud.as_deref(), &*offer.region, offer.zone.as_deref())).collect();
        for (cloud, region, zone) in of_offers {
            this.add_region(cloud, region);
            if let Some(zone) = zone {
                this.add(zone);
            }
        }
        for site in estate.iter().flat_map(|estate| &estate.sites) {
            this.add(&site.name);
            if let Some(region) = &site.region {
                this.add(region);
            }
        }
        this
    }

    fn add_region(&mut self, cloud: Option<&str>, region: &str) {
        match cloud {
            Some(cloud) => self.add(&format!("{cloud}/{region}")),
            None => self.add(region),
        }
    }

    /// Takes in a name; that of a cloud's region also means the cloud and the bare region.
    fn add(&mut self, name: &str) {
        if let Some((cloud, region)) = name.split_once('/') {
            self.add(cloud);
            self.add(region);
        }
        self.names.entry(name.to_lowercase()).or_default().insert(name.to_owned());
    }

    /// Takes in a name that says where something is, unless it is refused.
    fn place(&mut self, scope: &mut Scope<'_>, name: &str) {
        if self.check(scope, name) {
            self.add(name);
        }
    }

    /// Refuses a name that means a place only without case.
    fn check(&self, scope: &mut Scope<'_>, name: &str) -> bool {
        let Some(written) = self.names.get(&name.to_lowercase()) else { return true };
        if written.contains(name) || plimsoll_catalog::is_jurisdiction(name) {
            return true;
        }
        let near = written.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        scope.report_help(
            format!("there is no place `{name}`"),
            format!("did you mean {near}? Case counts but for countries, EU, EEA and continents"),
        );
        false
    }

    fn check_all(&self, scope: &mut Scope<'_>, names: &[String]) {
        for (index, name) in names.iter().enumerate() {
            self.check(&mut scope.item(index), name);
        }
    }

    /// The places of a list of rules.
    fn check_matches<'m>(&self, scope: &mut Scope<'_>, rules: impl Iterator<Item = &'m Match>) {
        for (index, rule) in rules.enumerate() {
            let mut scope = scope.item(index);
            let mut scope = scope.field("match");
            for (field, place) in [("cloud", &rule.cloud), ("region", &rule.region), ("zone", &rule.zone)] {
                match place.as_ref().map_or(&[][..], OneOf::values) {
                    [one] => {
                        self.check(&mut scope.field(field), one);
                    }
                    many => self.check_all(&mut scope.field(field), many),
                }
            }
        }
    }

    /// Both ends of a list of rows.
    fn check_ends<'r>(&self, scope: &mut Scope<'_>, rows: impl Iterator<Item = [&'r String; 2]>) {
        for (index, [from, to]) in rows.enumerate() {
            let mut scope = scope.item(index);
            self.check(&mut scope.field("from"), from);
            self.check(&mut scope.field("to"), to);
        }
    }
}
