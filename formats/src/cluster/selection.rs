//! Requirements on labels as a [`Match`]: which offers have nodes that meet them.
//!
//! A requirement is about the region, the capacity class, or the instance type; what is about the type
//! (its family, its cores, its accelerator) becomes the list of the types that meet it. What no price
//! list knows is taken as met, and said.

use plimsoll_catalog::{regions, regions_named};
use plimsoll_model::{Capacity, Match, OneOf, estate::EstateSpec, yaml::nearest};

use crate::labels::{
    REGIONS, TYPES, ZONES, capacity, cloud_of,
    machine::{Machine, machines},
    names_accelerator, product, region_of,
    requirement::{Operator, Requirement},
};

/// The classes in which clouds sell: own machines are in no pool and at no cloud's price.
pub(super) const CLASSES: [Capacity; 3] = [Capacity::Spot, Capacity::OnDemand, Capacity::Reserved];

/// Why a requirement says nothing.
pub(super) const TAKEN_AS_MET: &str = "no price list says: taken as met";

/// Offers, and what could not be held against them.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) matches: Match,
    /// (requirement, why it does not say more).
    pub(super) notes: Vec<(String, &'static str)>,
    /// Instance types that were named and are not known, each with the nearest known name.
    pub(super) unknown: Vec<(String, Option<String>)>,
}

/// Which offers meet the requirements. `cloud`: whose nodes they are, where that is known.
///
/// # Errors
/// The requirement that leaves no offer.
pub(super) fn select<'r, 'a>(
    cloud: Option<&str>,
    requirements: &'r [Requirement<'a>],
    estate: Option<&EstateSpec>,
) -> Result<Selection, &'r Requirement<'a>> {
    let cloud = cloud.or_else(|| requirements.iter().find_map(|one| cloud_of(&one.key)));
    let mut left =
        Left { cloud, estate, classes: None, places: None, types: None, found: Selection::default() };
    for one in requirements {
        let is_met = match one.subject() {
            Subject::Class => left.keep_classes(one),
            Subject::Region => left.keep_regions(one, &one.values),
            Subject::Zone => left.keep_zones(one),
            Subject::Type => left.keep_types(one),
        };
        if !is_met {
            return Err(one);
        }
    }
    let about_types = requirements.iter().filter(|one| one.subject() == Subject::Type).count();
    Ok(left.finish(about_types == 1))
}

/// What a requirement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Class,
    Region,
    Zone,
    /// The instance type: its name, or anything that follows from it.
    Type,
}

/// What is left after some requirements; nothing asked of a field: everything.
struct Left<'e> {
    cloud: Option<&'e str>,
    estate: Option<&'e EstateSpec>,
    classes: Option<Vec<Capacity>>,
    places: Option<Vec<String>>,
    types: Option<Vec<Machine>>,
    found: Selection,
}

impl Left<'_> {
    fn keep_classes(&mut self, one: &Requirement<'_>) -> bool {
        let classes = self.classes.get_or_insert_with(|| CLASSES.to_vec());
        classes.retain(|class| one.admits_class(*class));
        !classes.is_empty()
    }

    fn keep_regions(&mut self, one: &Requirement<'_>, named: &[String]) -> bool {
        let cloud = self.cloud;
        let places = self.places.get_or_insert_with(|| {
            if one.operator == Operator::In {
                return named.to_vec();
            }
            let all = regions().iter().filter(|region| cloud.is_none_or(|cloud| cloud == region.cloud));
            all.map(|region| region.name.to_owned()).collect()
        });
        let is_in = one.operator != Operator::NotIn;
        places.retain(|region| named.is_empty() || named.contains(region) == is_in);
        places.sort_unstable();
        places.dedup();
        !places.is_empty()
    }

    fn keep_zones(&mut self, one: &Requirement<'_>) -> bool {
        self.found.notes.push((one.words(), "prices are by region: any zone of it"));
        let named: Vec<String> = one.values.iter().map(|zone| region_of(zone).to_owned()).collect();
        // To exclude a zone leaves its region.
        one.operator != Operator::In || self.keep_regions(one, &named)
    }

    fn keep_types(&mut self, one: &Requirement<'_>) -> bool {
        let all = self.types.take().unwrap_or_else(|| machines(self.cloud, self.estate));
        if !all.iter().any(|machine| machine.label(&one.key).is_some()) {
            self.found.notes.push((one.words(), TAKEN_AS_MET));
            self.types = Some(all);
            return true;
        }
        if TYPES.contains(&&*one.key) && one.operator == Operator::In {
            let is_unknown = |name: &&String| !all.iter().any(|machine| machine.name == **name);
            let near = |name: &String| nearest(name, all.iter().map(|m| &*m.name)).map(str::to_owned);
            let unknown = one.values.iter().filter(is_unknown).map(|name| (name.clone(), near(name)));
            self.found.unknown.extend(unknown);
        }
        let wanted = one.by_accelerator();
        let admits = |machine: &Machine| machine.label(&one.key).is_none_or(|label| wanted.admits(&label));
        let kept: Vec<Machine> = all.into_iter().filter(admits).collect();
        let is_met = !kept.is_empty() || !self.found.unknown.is_empty();
        self.types = Some(kept);
        is_met
    }

    /// `by_name_alone`: the types were asked for in one requirement.
    fn finish(self, by_name_alone: bool) -> Selection {
        let Self { cloud, estate, classes, places, types, mut found } = self;
        found.matches.cloud = cloud.map(OneOf::from);
        // All of a cloud's types need no list.
        if let Some(types) = types.filter(|types| types.len() < machines(cloud, estate).len()) {
            if let Some(first) = types.first().filter(|first| types.iter().all(|of| of.cloud == first.cloud))
            {
                found.matches.cloud = Some(OneOf::from(&*first.cloud));
            }
            let mut names: Vec<String> = types.into_iter().map(|machine| machine.name).collect();
            if by_name_alone {
                // A type that no list here knows may be in a catalogue file of the user's.
                names.extend(found.unknown.iter().map(|(name, _)| name.clone()));
            }
            names.sort_unstable();
            names.dedup();
            found.matches.instance_type = Some(names.into());
        }
        let cloud = found.matches.cloud.as_ref().and_then(|cloud| cloud.values().first()).map(String::as_str);
        found.matches.region = places.map(|places| qualified(places, cloud).into());
        found.matches.capacity = classes.map(OneOf::from);
        found
    }
}

impl Requirement<'_> {
    fn subject(&self) -> Subject {
        let key = &*self.key;
        if capacity(key, "").is_some() {
            Subject::Class
        } else if REGIONS.contains(&key) {
            Subject::Region
        } else if ZONES.contains(&key) {
            Subject::Zone
        } else {
            Subject::Type
        }
    }

    /// With the values of a label that names accelerators as the catalogue names them.
    fn by_accelerator(&self) -> Self {
        let mut one = self.clone();
        if names_accelerator(&one.key) {
            one.values = one.values.iter().map(|value| product(value)).collect();
        }
        one
    }

    fn admits_class(&self, class: Capacity) -> bool {
        let named = || self.values.iter().filter_map(|value| capacity(&self.key, value).flatten());
        match self.operator {
            Operator::In => named().any(|named| named == class),
            Operator::NotIn => !named().any(|named| named == class),
            // A label that only spot nodes have.
            Operator::Exists if self.key.ends_with("gke-spot") || self.key.ends_with("gke-preemptible") => {
                class == Capacity::Spot
            }
            Operator::DoesNotExist => class == Capacity::OnDemand,
            _ => true,
        }
    }
}

/// Regions with their cloud, where it is known.
fn qualified(places: Vec<String>, cloud: Option<&str>) -> Vec<String> {
    if let Some(cloud) = cloud {
        return places.into_iter().map(|place| format!("{cloud}/{place}")).collect();
    }
    let known = |place: String| {
        let named = regions_named(&place).map(|region| format!("{}/{}", region.cloud, region.name));
        let named: Vec<String> = named.collect();
        if named.is_empty() { vec![place] } else { named }
    };
    places.into_iter().flat_map(known).collect()
}
