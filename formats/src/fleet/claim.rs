//! What pods claim of devices (dynamic resource allocation): of a claim that has devices those, of any other what it asks
//! for, as far as that can be held against the devices that nodes have. A pod whose claims cannot be held is not given
//! some other device: it is said not to be looked at.

use std::collections::BTreeMap;

use plimsoll_model::{Bytes, read::View};

use super::expand::Draft;
use crate::kubernetes::{
    claimed::{Catalogue, is_beside, resource_of},
    object::Object,
};

/// Devices of a driver that a pod takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) driver: String,
    pub(super) count: u16,
    /// The models that will do; none for any.
    pub(super) names: Vec<String>,
    /// Least memory of each, in bytes.
    pub(super) memory: Option<u64>,
}

/// The claims among the objects, and who names them.
#[derive(Debug, Default)]
pub(super) struct Claims<'a> {
    catalogue: Catalogue<'a>,
    /// Of claims that have devices: which, by (namespace, name).
    allocated: BTreeMap<(&'a str, &'a str), View<'a>>,
    /// The pods that name a claim: their places among the drafts, those that run first.
    sharers: BTreeMap<(&'a str, &'a str), Vec<(bool, usize)>>,
}

impl<'a> Claims<'a> {
    pub(super) fn of(objects: &[Object<'a>], drafts: &[Draft<'a>]) -> Self {
        let mut found = Self { catalogue: Catalogue::of(objects), ..Self::default() };
        let is_claim =
            |object: &&Object<'_>| object.group == "resource.k8s.io" && object.kind == "ResourceClaim";
        for claim in objects.iter().filter(is_claim) {
            if let Some(allocation) = claim.at(&["status", "allocation"]) {
                found.allocated.insert((claim.namespace(), claim.name), allocation);
            }
        }
        for (index, draft) in drafts.iter().enumerate() {
            for claim in draft.spec.field("resourceClaims").map_or_else(Vec::new, |list| list.items()) {
                let Some(name) = claim.field("resourceClaimName").and_then(|view| view.text()) else {
                    continue;
                };
                let key = (draft.object.namespace(), name);
                found.sharers.entry(key).or_default().push((is_waiting(draft), index));
            }
        }
        found.sharers.values_mut().for_each(|pods| pods.sort_unstable());
        found
    }

    /// What a pod takes; why it cannot be told, in words, otherwise.
    pub(super) fn of_pod(&self, draft: &Draft<'a>, index: usize) -> Result<Option<Taken>, String> {
        let mut taken: Option<Taken> = None;
        for claim in draft.spec.field("resourceClaims").map_or_else(Vec::new, |list| list.items()) {
            for more in self.one(draft, index, &claim)? {
                taken = Some(match taken {
                    None => more,
                    // One that runs has what it has: what counts are the accelerators.
                    Some(known) if !is_waiting(draft) && known.driver != more.driver => known.first(more),
                    Some(known) => known.and(&more)?,
                });
            }
        }
        Ok(taken)
    }

    fn one(&self, draft: &Draft<'a>, index: usize, claim: &View<'a>) -> Result<Vec<Taken>, String> {
        let text = |field: &str| claim.field(field).and_then(|view| view.text());
        let namespace = draft.object.namespace();
        let own = text("resourceClaimName");
        let there = own.or_else(|| generated(draft, text("name")?));
        if let Some(allocation) = there.and_then(|name| self.allocated.get(&(namespace, name))) {
            let name = there.unwrap_or_default();
            if is_waiting(draft) {
                return Err(format!(
                    "its ResourceClaim {name} has its devices already, and it goes where they are"
                ));
            }
            // Those that share a claim have its devices once.
            let is_first = own.is_none()
                || self.sharers.get(&(namespace, name)).and_then(|all| all.first()) == Some(&(false, index));
            return Ok(if is_first { allocated(allocation) } else { Vec::new() });
        }
        let (kind, name) = match (own, text("resourceClaimTemplateName")) {
            (Some(name), _) => ("ResourceClaim", name),
            (None, Some(name)) => ("ResourceClaimTemplate", name),
            _ => return Ok(Vec::new()),
        };
        let sharers = self.sharers.get(&(namespace, name)).map_or(0, Vec::len);
        if own.is_some() && sharers > 1 {
            return Err(format!(
                "{sharers} pods share its ResourceClaim {name}, which has no devices yet: the first that is scheduled \
                 chooses for all"
            ));
        }
        let Some(devices) = self.catalogue.of_claim(kind, namespace, name) else {
            return Err(format!("its {kind} {name} is not known"));
        };
        if let Some(problem) = devices.problems.first() {
            return Err(problem.message.clone());
        }
        if let Some((what, _)) = devices.ignored.first() {
            return Err(format!("{what} cannot be held against the devices of nodes"));
        }
        let mut ways = devices.ways.into_iter();
        let (first, second) = (ways.next(), ways.next());
        if second.is_some() {
            return Err(format!("`firstAvailable` of claim {name} leaves a choice between kinds of devices"));
        }
        let mut found = Vec::new();
        for one in first.into_iter().flatten() {
            if one.is_part {
                return Err(format!("{} asks for a partition of a device", one.said));
            }
            let count = u16::try_from(one.count).unwrap_or(u16::MAX);
            found.push(Taken { driver: one.driver, count, names: one.names, memory: one.memory });
        }
        Ok(found)
    }
}

impl Taken {
    /// The models that will do; none for any. `memory`: MiB of each.
    pub(super) fn models(&self, memory: &BTreeMap<String, u64>) -> Vec<String> {
        let mut models = self.names.clone();
        if let Some(least) = self.memory {
            let has = |model: &String| memory.get(model).is_some_and(|mib| mib << 20 >= least);
            if models.is_empty() {
                models = memory.keys().filter(|model| has(model)).cloned().collect();
            } else {
                models.retain(has);
            }
            if models.is_empty() {
                // What no node has, as people read it.
                models.push(format!("device of {}", Bytes(least)));
            }
        }
        models.sort();
        models.dedup();
        models
    }

    /// The one of the two that is an accelerator for sure, or the first.
    fn first(self, other: Self) -> Self {
        if resource_of(&self.driver).is_none() && resource_of(&other.driver).is_some() { other } else { self }
    }

    /// Both.
    fn and(self, other: &Self) -> Result<Self, String> {
        if self.driver != other.driver {
            return Err(format!("it claims devices of two drivers, {} and {}", self.driver, other.driver));
        }
        if self.names != other.names || self.memory != other.memory {
            return Err(format!("it claims devices of {} of two kinds", self.driver));
        }
        Ok(Self { count: self.count.saturating_add(other.count), ..self })
    }
}

fn is_waiting(draft: &Draft<'_>) -> bool {
    draft.spec.field("nodeName").is_none()
}

/// The claim that was made for a pod from a template, under the name that the pod gives it.
fn generated<'a>(draft: &Draft<'a>, name: &str) -> Option<&'a str> {
    let made = draft.object.at(&["status", "resourceClaimStatuses"])?.items();
    let is_it = |one: &&View<'_>| one.field("name").and_then(|view| view.text()) == Some(name);
    made.iter().find(is_it)?.field("resourceClaimName")?.text()
}

/// The devices of a claim, by driver. Who watches over devices takes none.
fn allocated(allocation: &View<'_>) -> Vec<Taken> {
    let mut counts: BTreeMap<&str, u16> = BTreeMap::new();
    for result in allocation.at(&["devices", "results"]).map_or_else(Vec::new, |list| list.items()) {
        let admin = result.field("adminAccess").and_then(|view| view.boolean()) == Some(true);
        let driver = result.field("driver").and_then(|view| view.text());
        let Some(driver) = driver.filter(|driver| !admin && !is_beside(driver)) else {
            continue;
        };
        *counts.entry(driver).or_default() += 1;
    }
    let taken = |(driver, count): (&str, u16)| Taken {
        driver: driver.to_owned(),
        count,
        names: Vec::new(),
        memory: None,
    };
    counts.into_iter().map(taken).collect()
}
