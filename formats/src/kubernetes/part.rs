//! The components of an object as parts that are placed: one workload lies on one offer.
//!
//! Components that ask for the same accelerators under the same selectors are one part, with the most
//! cores and memory that any of them needs. A single pod without accelerators beside others that have
//! them (a head, a launcher, a driver) rides along: its cores and memory are added to each of theirs,
//! so that any of their machines has room for it. What differs beyond that is a workload of its own.

use plimsoll_model::{Diagnostic, read::View};

use super::{
    claims,
    device::{Around, Asked},
    kinds::{Component, Unit},
    needs::Needs,
    seat::{Placed, PodPlace},
    selector::Placement,
};

/// Pods that are placed together.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    pub(super) role: String,
    pub(super) pods: u32,
    /// Of one pod.
    pub(super) needs: Needs<'a>,
    pub(super) asked: Option<(Asked, View<'a>)>,
    pub(super) placement: Placement<'a>,
    pub(super) claims: Vec<(&'a str, View<'a>)>,
    /// With the annotations; the first component's.
    pub(super) template: View<'a>,
    pub(super) spec: View<'a>,
    pub(super) at: View<'a>,
    /// Single pods that ride along.
    pub(super) riders: Vec<String>,
    /// Whether components of different size were taken together.
    pub(super) levelled: bool,
    /// The pod specs of all components.
    pub(super) places: Vec<PodPlace>,
    /// The offer that an earlier plan placed it on.
    pub(super) current: Option<String>,
}

impl<'a> Part<'a> {
    fn of(
        component: &Component<'a>,
        overhead: Option<&View<'a>>,
        around: Around<'_>,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let needs = Needs::of_pod(&component.spec, &component.extra, overhead, problems);
        let placed = Placed::of(&component.template);
        let placement = Placement::of_pod(&component.spec, &placed, around.estate, problems);
        let asked = Asked::of_pod(&needs, &placement.limits, around, problems);
        Self {
            role: component.role.clone(),
            pods: component.pods,
            needs,
            asked,
            placement,
            claims: claims::of_pod(&component.spec),
            template: component.template.clone(),
            spec: component.spec.clone(),
            at: component.at.clone(),
            riders: Vec::new(),
            levelled: false,
            places: vec![PodPlace::of(&component.spec, &component.template)],
            current: Some(placed.offer).filter(|offer| !offer.is_empty()),
        }
    }

    fn takes(&self, other: &Self) -> bool {
        let asked = |part: &Self| part.asked.as_ref().map(|(asked, _)| asked.clone());
        asked(self) == asked(other) && self.placement.limits.same(&other.placement.limits)
    }

    fn take(&mut self, other: Self) {
        self.pods = self.pods.saturating_add(other.pods);
        self.levelled |= ["cpu", "memory"].iter().any(|name| self.needs.get(name) != other.needs.get(name));
        self.needs.at_least(&other.needs);
        self.places.extend(other.places);
        self.add_claims(other.claims);
    }

    fn carry(&mut self, rider: Self) {
        self.needs.add(&rider.needs);
        self.places.extend(rider.places);
        self.add_claims(rider.claims);
        self.riders.push(rider.role);
    }

    fn add_claims(&mut self, claims: Vec<(&'a str, View<'a>)>) {
        for claim in claims {
            if self.claims.iter().all(|(known, _)| *known != claim.0) {
                self.claims.push(claim);
            }
        }
    }
}

/// The parts of a unit; the first is the main one, which has the unit's name.
pub(super) fn parts<'a>(
    unit: &Unit<'a>,
    overhead: &dyn Fn(&View<'a>) -> Option<View<'a>>,
    around: Around<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Part<'a>> {
    let mut all = Vec::new();
    for component in &unit.components {
        all.push(Part::of(component, overhead(&component.spec).as_ref(), around, problems));
    }
    let has_devices = all.iter().any(|part| part.asked.is_some());
    let (riders, rest): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|part| has_devices && part.asked.is_none() && part.pods == 1);
    let mut parts: Vec<Part<'a>> = Vec::new();
    for part in rest {
        match parts.iter_mut().find(|known| known.takes(&part)) {
            Some(known) => known.take(part),
            None => parts.push(part),
        }
    }
    // Those with accelerators first; the order is kept otherwise.
    parts.sort_by_key(|part| part.asked.is_none());
    for rider in riders {
        if let Some(main) = parts.first_mut() {
            main.carry(rider);
        }
    }
    parts
}
