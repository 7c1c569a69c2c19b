//! What annotations state beside what selectors allow: the pod keeps its selectors, so both hold.
//!
//! An annotation that leaves nothing of what a selector allows contradicts it, which is an error.

use std::collections::BTreeMap;

use plimsoll_catalog::{accelerator, regions, regions_named};
use plimsoll_model::{
    Diagnostic,
    estate::EstateSpec,
    read::View,
    workload::{Alternative, Request, WorkloadSpec},
};

use super::{
    assemble::PREFIX,
    limits::{Choice, Property},
    part::Way,
};
use crate::labels;

/// The annotations of a part, by the field that they state.
pub(super) type Stated<'a> = BTreeMap<&'a str, View<'a>>;

/// What a way to run a part allows, and the annotations that go with it.
pub(super) struct Agreement<'a, 'r> {
    pub(super) way: &'r Way<'a>,
    pub(super) stated: &'r Stated<'a>,
    pub(super) estate: Option<&'r EstateSpec>,
}

impl<'a> Agreement<'a, '_> {
    /// Holds what annotations stated to what selectors allow.
    pub(super) fn keep(&self, spec: &mut WorkloadSpec, problems: &mut Vec<Diagnostic>) {
        self.keep_places(spec, problems);
        if let (Some(at), Some(choice)) = (self.stated.get("capacity"), self.choice(Property::Capacity)) {
            keep_list(
                at,
                "capacity",
                spec.capacity.as_mut(),
                choice,
                |class| class.as_str().to_owned(),
                problems,
            );
        }
        if self.stated.contains_key("notIn") {
            self.also_out(&mut spec.not_in);
        }
        if let Some(at) = self.stated.get("request") {
            self.keep_request(at, "request", &mut spec.request, problems);
        }
        if let Some(at) = self.stated.get("alternatives") {
            for other in &mut spec.alternatives {
                self.keep_alternative(at, other, problems);
            }
        }
    }

    fn choice(&self, property: Property) -> Option<&Choice<'a>> {
        self.way.limits.choices.get(&property)
    }

    fn keep_places(&self, spec: &mut WorkloadSpec, problems: &mut Vec<Diagnostic>) {
        for (field, property) in FIELDS {
            let (Some(at), Some(choice)) = (self.stated.get(field), self.choice(property)) else { continue };
            let list = list_of(spec, property);
            if list.iter().all(|place| self.is_one(property, place)) {
                keep_names(at, field, list, choice, problems);
                continue;
            }
            // A country has regions, and these are not told apart here: it goes into a list that is free,
            // as a place has to be in all three lists.
            let broad = std::mem::replace(list, choice.values.clone());
            let free = FIELDS
                .into_iter()
                .find(|(free, other)| !self.stated.contains_key(free) && self.choice(*other).is_none());
            match free {
                Some((_, free)) if list_of(spec, free).is_empty() => *list_of(spec, free) = broad,
                _ => problems.push(too_much(at, field, choice)),
            }
        }
    }

    fn keep_alternative(&self, at: &View<'a>, other: &mut Alternative, problems: &mut Vec<Diagnostic>) {
        const FIELD: &str = "alternatives";
        if let Some(request) = &mut other.request {
            self.keep_request(at, FIELD, request, problems);
        }
        if let Some(choice) = self.choice(Property::Capacity) {
            keep_list(
                at,
                FIELD,
                other.capacity.as_mut(),
                choice,
                |class| class.as_str().to_owned(),
                problems,
            );
        }
        for (list, property) in [
            (&mut other.regions, Property::Region),
            (&mut other.zones, Property::Zone),
            (&mut other.clouds, Property::Cloud),
        ] {
            let (Some(list), Some(choice)) = (list, self.choice(property)) else { continue };
            if list.iter().all(|place| self.is_one(property, place)) {
                keep_names(at, FIELD, list, choice, problems);
            } else {
                problems.push(too_much(at, FIELD, choice));
            }
        }
        if let Some(out) = &mut other.not_in {
            self.also_out(out);
        }
    }

    fn keep_request(
        &self,
        at: &View<'a>,
        field: &str,
        request: &mut Request,
        problems: &mut Vec<Diagnostic>,
    ) {
        if let Some(choice) = self.choice(Property::InstanceType) {
            if request.instance_type.is_empty() {
                request.instance_type.clone_from(&choice.values);
            }
            keep_list(at, field, Some(&mut request.instance_type), choice, Clone::clone, problems);
        }
        for excluded in self.way.limits.excluded_types() {
            if !request.not_instance_type.contains(&excluded.value) {
                request.not_instance_type.push(excluded.value.clone());
            }
        }
        if let Some(choice) = self.choice(Property::Arch) {
            match (request.arch, &choice.values[..]) {
                (None, [arch]) => {
                    request.arch = labels::arch(arch);
                }
                (Some(arch), allowed) if !allowed.iter().any(|allowed| allowed == arch.as_str()) => {
                    problems.push(contradiction(at, field, arch.as_str(), choice));
                }
                _ => {}
            }
        }
        let (Some(asked), Some(wanted)) = (&self.way.asked, &mut request.accelerators) else { return };
        let by_label = [Property::Accelerator, Property::TpuChip, Property::TpuTopology];
        let chosen = by_label.into_iter().find_map(|property| self.choice(property)).cloned();
        let excluded = || {
            let mut of = by_label.into_iter().flat_map(|property| self.way.limits.without_of(property));
            of.next().map(|out| Choice { values: Vec::new(), label: out.label.clone(), at: out.at.clone() })
        };
        if let Some(choice) = chosen.or_else(excluded) {
            if wanted.any_of.is_empty() {
                wanted.any_of.clone_from(&asked.0.any_of);
            }
            let name =
                |name: &String| accelerator(name).map_or_else(|| name.clone(), |known| known.name.to_owned());
            let allowed = Choice { values: asked.0.any_of.clone(), ..choice };
            keep_list(at, field, Some(&mut wanted.any_of), &allowed, name, problems);
        }
        if let Some((least, _)) = &self.way.limits.device_memory {
            let least = plimsoll_model::Bytes(*least);
            wanted.memory = Some(wanted.memory.map_or(least, |memory| memory.max(least)));
        }
    }

    fn also_out(&self, not_in: &mut Vec<String>) {
        for excluded in self.way.limits.excluded_places() {
            if !not_in.contains(&excluded.value) {
                not_in.push(excluded.value.clone());
            }
        }
    }

    /// Whether a place is one region, zone or cloud, so that another such is outside of it.
    fn is_one(&self, property: Property, place: &str) -> bool {
        let own = |of: &dyn Fn(&EstateSpec) -> bool| self.estate.is_some_and(of);
        match property {
            Property::Zone => own(&|e| e.offers.iter().any(|offer| offer.zone.as_deref() == Some(place))),
            Property::Cloud => {
                regions().iter().any(|known| known.cloud == place)
                    || own(&|e| e.offers.iter().any(|offer| offer.cloud.as_deref() == Some(place)))
            }
            _ => {
                let name = place.rsplit_once('/').map_or(place, |(_, name)| name);
                regions_named(name).next().is_some()
                    || own(&|e| {
                        e.regions.iter().any(|known| known.name == place)
                            || e.offers.iter().any(|offer| offer.region == name)
                    })
            }
        }
    }
}

/// The fields that list places, with what selectors say of the same.
const FIELDS: [(&str, Property); 3] =
    [("regions", Property::Region), ("zones", Property::Zone), ("clouds", Property::Cloud)];

fn list_of(spec: &mut WorkloadSpec, property: Property) -> &mut Vec<String> {
    match property {
        Property::Zone => &mut spec.zones,
        Property::Cloud => &mut spec.clouds,
        _ => &mut spec.regions,
    }
}

/// Leaves of a list what is allowed.
fn keep_list<T>(
    at: &View<'_>,
    field: &str,
    list: Option<&mut Vec<T>>,
    choice: &Choice<'_>,
    name: impl Fn(&T) -> String,
    problems: &mut Vec<Diagnostic>,
) {
    let Some(list) = list.filter(|list| !list.is_empty()) else { return };
    let names: Vec<String> = list.iter().map(&name).collect();
    list.retain(|item| choice.values.contains(&name(item)));
    if list.is_empty() {
        problems.push(contradiction(at, field, &names.join(", "), choice));
    }
}

/// Leaves of a list of places those that are allowed; an empty list allowed all.
fn keep_names(
    at: &View<'_>,
    field: &str,
    list: &mut Vec<String>,
    choice: &Choice<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    if list.is_empty() {
        list.clone_from(&choice.values);
        return;
    }
    let mut both: Vec<String> = Vec::new();
    for stated in &*list {
        let found = choice.values.iter().filter_map(|allowed| narrower(stated, allowed));
        both.extend(found.map(str::to_owned));
    }
    if both.is_empty() {
        problems.push(contradiction(at, field, &list.join(", "), choice));
    } else {
        *list = both;
    }
}

/// The more exact of two names of one place; none if they are different places.
fn narrower<'n>(a: &'n str, b: &'n str) -> Option<&'n str> {
    let parts =
        |name: &'n str| name.split_once('/').map_or((None, name), |(cloud, name)| (Some(cloud), name));
    let ((cloud_a, name_a), (cloud_b, name_b)) = (parts(a), parts(b));
    let same = name_a == name_b && (cloud_a.is_none() || cloud_b.is_none() || cloud_a == cloud_b);
    same.then_some(if cloud_a.is_some() { a } else { b })
}

fn contradiction(at: &View<'_>, field: &str, value: &str, choice: &Choice<'_>) -> Diagnostic {
    let problem = at.problem(format!(
        "`{PREFIX}{field}` ({}) contradicts `{}`, which the pod keeps",
        plimsoll_model::shown(value),
        choice.label
    ));
    problem.with_help(format!("the selector is on line {}; remove one of the two", choice.at.span().line))
}

fn too_much(at: &View<'_>, field: &str, choice: &Choice<'_>) -> Diagnostic {
    let problem = at
        .problem(format!("`{PREFIX}{field}` cannot be held beside `{}`, which the pod keeps", choice.label));
    problem.with_help(format!(
        "name regions, zones or clouds themselves, or remove the selector on line {}",
        choice.at.span().line
    ))
}
