//! `terraform show -json`, of a state or of a plan: what is paid for already, as reservations.
//!
//! Capacity reservations and the least size of node pools are paid for whether they are used or not; a
//! single machine belongs to what runs on it. No value of the state is repeated in a message but the names
//! of instance types and places: states hold secrets, and a line of one may be all of it.

mod resource;

use std::collections::BTreeMap;

use plimsoll_catalog::{CatalogOffer, offers_of};
use plimsoll_model::{
    Diagnostic,
    estate::{EstateSpec, Reservation},
    plan::Assumption,
    yaml::nearest,
};

use crate::{Documents, Foreign, Translation};
use resource::{Held, Resource, Resources};

/// Translates the states and plans.
pub(crate) fn translate(documents: &Documents<'_>, estate: Option<&EstateSpec>) -> Translation {
    let mut out = Translation::default();
    for (_, document) in documents {
        let root = document.root();
        let found = ["planned_values", "values"].iter().find_map(|field| root.field(field));
        if found.is_some_and(|values| !values.is_mapping()) {
            let problem =
                Diagnostic::of_file(document.file(), "the resources of this Terraform state are no mapping");
            out.problems.push(problem.with_help("write it with `terraform show -json`"));
            continue;
        }
        let resources = Resources::of(document);
        let mut reader = Reader { document, estate, out: &mut out, single: BTreeMap::new() };
        for resource in &resources.list {
            reader.resource(resource, &resources);
        }
        reader.say_single();
        if resources.is_plan {
            let what = format!("resources of {}", document.file());
            reader.note(what, "as they will be once the plan is applied".to_owned());
        }
    }
    out
}

struct Reader<'r, 'a> {
    document: &'r Foreign,
    estate: Option<&'r EstateSpec>,
    out: &'r mut Translation,
    /// How many resources of each type are machines of their own.
    single: BTreeMap<&'a str, usize>,
}

/// Resources that are machines or groups of them, and hold no capacity for others.
const SINGLE: [&str; 9] = [
    "aws_instance",
    "aws_spot_instance_request",
    "aws_autoscaling_group",
    "aws_ec2_fleet",
    "google_compute_instance",
    "google_compute_instance_group_manager",
    "google_compute_region_commitment",
    "azurerm_linux_virtual_machine",
    "azurerm_linux_virtual_machine_scale_set",
];

impl<'a> Reader<'_, 'a> {
    fn resource(&mut self, resource: &Resource<'a>, all: &Resources<'a>) {
        if SINGLE.contains(&resource.kind) {
            *self.single.entry(resource.kind).or_default() += 1;
            return;
        }
        let held = match resource.held(all) {
            None => return,
            Some(Ok(held)) => held,
            Some(Err(why)) => {
                self.pass_over(resource, why);
                return;
            }
        };
        for Held { offer, count, until } in held {
            if count == 0 {
                continue;
            }
            if !self.exists(&offer) {
                let near = near(&offer).map_or_else(String::new, |near| format!("; near to it is {near}"));
                self.pass_over(resource, format!("there is no offer {offer}{near}"));
                continue;
            }
            let value = until.map_or_else(String::new, |until| format!(" until {until}"));
            self.note(
                format!("paid for already: {}", resource.address),
                format!("{count} of {offer}{value}"),
            );
            self.out.estate.reservations.push(Reservation { offer, count, until, sunk: None });
        }
    }

    /// Whether an offer is the catalogue's or the estate's.
    fn exists(&self, name: &str) -> bool {
        let stated =
            self.estate.is_some_and(|estate| estate.offers.iter().any(|offer| offer.full_name() == name));
        stated || self.has_catalogue() && embedded(name).any(|offer| offer == name)
    }

    fn has_catalogue(&self) -> bool {
        let lists = self.estate.and_then(|estate| estate.catalog.as_ref());
        lists.is_none_or(|lists| lists.iter().any(|list| list == "embedded"))
    }

    fn pass_over(&mut self, resource: &Resource<'_>, why: String) {
        self.note(format!("passed over: {}", resource.address), why);
    }

    fn say_single(&mut self) {
        for (kind, count) in std::mem::take(&mut self.single) {
            let why = match kind {
                "google_compute_region_commitment" => "of cores and memory, not of machines",
                _ => "taken by what runs on them: no room for others",
            };
            self.note(format!("passed over: {count} {kind}"), why.to_owned());
        }
    }

    fn note(&mut self, what: String, value: String) {
        let source = format!("Terraform's state in {}", self.document.file());
        self.out.assumptions.push(Assumption { what, value, source, as_of: None });
    }
}

/// The catalogue's offers of a name's cloud and region.
fn embedded(name: &str) -> impl Iterator<Item = String> {
    let mut parts = name.split('/');
    let cloud = parts.next().unwrap_or_default();
    let region = parts.next().unwrap_or_default().to_owned();
    offers_of(cloud).iter().filter(move |offer| offer.region_name() == region).map(CatalogOffer::name)
}

/// The offer there whose name is nearest.
fn near(name: &str) -> Option<String> {
    let all: Vec<String> = embedded(name).collect();
    nearest(name, all.iter().map(String::as_str)).map(str::to_owned)
}
