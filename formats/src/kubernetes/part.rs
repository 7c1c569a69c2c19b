//! The components of an object as parts that are placed: one workload lies on one offer.
//!
//! Components that ask for the same accelerators under the same selectors are one part, with the most
//! cores and memory that any of them needs. A single pod without accelerators beside others that have
//! them (a head, a launcher, a driver) rides along: its cores and memory are added to each of theirs,
//! so that any of their machines has room for it. What differs beyond that is a workload of its own.

use plimsoll_model::{Diagnostic, read::View};

use super::{
    claimed::{Claimed, Devices},
    claims,
    device::{Around, Asked},
    kinds::{Component, Unit},
    limits::Limits,
    needs::Needs,
    seat::{Placed, PodPlace},
    selector::Placement,
};

/// One way to run a part: nodes that it may run on, and what it asks of them.
#[derive(Debug, Clone)]
pub(super) struct Way<'a> {
    pub(super) limits: Limits<'a>,
    pub(super) asked: Option<(Asked, View<'a>)>,
}

impl Way<'_> {
    /// Pods that are one replica: those of a slice of several hosts.
    pub(super) fn pods(&self) -> u32 {
        self.asked.as_ref().map_or(1, |(asked, _)| asked.pods)
    }
}

/// Pods that are placed together.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    pub(super) role: String,
    pub(super) pods: u32,
    /// Of one pod.
    pub(super) needs: Needs<'a>,
    /// The ways to run it, any of which will do; at least one.
    pub(super) ways: Vec<Way<'a>>,
    /// Whether the first of them is wanted most.
    pub(super) ordered: bool,
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
    /// And those of its replicas that are never on spot.
    pub(super) current_base: Option<String>,
}

impl<'a> Part<'a> {
    fn of(
        component: &Component<'a>,
        overhead: Option<&View<'a>>,
        devices: &Devices<'a>,
        around: Around<'_>,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let needs = Needs::of_pod(&component.spec, &component.extra, overhead, problems);
        // Others may refer to the same claims.
        let new = devices.problems.iter().filter(|problem| !problems.contains(problem)).cloned();
        let new: Vec<Diagnostic> = new.collect();
        problems.extend(new);
        let placed = Placed::of(&component.template);
        let placement = Placement::of_pod(&component.spec, &placed, around.estate, problems);
        let ways = ways(&needs, devices, &placement, around, problems);
        Self {
            role: component.role.clone(),
            pods: component.pods,
            needs,
            ordered: devices.ways.len() > 1 && placement.ways.len() == 1,
            ways,
            placement,
            claims: claims::of_pod(&component.spec),
            template: component.template.clone(),
            spec: component.spec.clone(),
            at: component.at.clone(),
            riders: Vec::new(),
            levelled: false,
            places: vec![PodPlace::of(component)],
            current_base: Some(placed.base).filter(|offer| !offer.is_empty()),
            current: Some(placed.offer).filter(|offer| !offer.is_empty()),
        }
    }

    fn takes(&self, other: &Self) -> bool {
        let asked = |way: &Way<'a>| way.asked.as_ref().map(|(asked, _)| asked.clone());
        self.ways.len() == other.ways.len()
            && self
                .ways
                .iter()
                .zip(&other.ways)
                .all(|(a, b)| asked(a) == asked(b) && a.limits.same(&b.limits))
    }

    /// Whether it asks for accelerators.
    fn has_devices(&self) -> bool {
        self.ways.iter().any(|way| way.asked.is_some())
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

/// Why what an affinity offers beside other terms does not count.
const NOT_ITS: &str = "its devices are not those; another term of the affinity stands";

/// The ways to run a pod: what it asks for on each kind of node that it may run on, with each choice of what
/// it claims.
fn ways<'a>(
    needs: &Needs<'a>,
    devices: &Devices<'a>,
    placement: &Placement<'a>,
    around: Around<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Way<'a>> {
    let (mut ways, mut none): (Vec<Way<'a>>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    let claims: Vec<&[Claimed<'a>]> = match &devices.ways[..] {
        [] => vec![&[]],
        some => some.iter().map(Vec::as_slice).collect(),
    };
    let each = placement.ways.iter().flat_map(|limits| claims.iter().map(move |claims| (limits, *claims)));
    for (limits, claims) in each {
        let mut contradictions = Vec::new();
        let asked = Asked::of_pod(needs, claims, limits, around, &mut contradictions);
        if contradictions.is_empty() {
            ways.push(Way { limits: limits.clone(), asked });
        } else {
            contradictions.retain(|new| none.iter().all(|known| known.message != new.message));
            none.extend(contradictions);
        }
    }
    let Some(first) = ways.first_mut() else {
        problems.extend(none);
        return ways;
    };
    first.limits.also_ignore(devices.ignored.clone());
    first.limits.also_ignore(none.into_iter().map(|problem| (problem.message, NOT_ITS)).collect());
    let one = first.pods();
    if let Some((_, at)) = ways.iter().find(|way| way.pods() != one).and_then(|way| way.asked.as_ref()) {
        let problem = at.problem("the terms of the node affinity name slices of different numbers of hosts");
        problems.push(problem.with_help("the pods of one slice are one replica: keep one of the terms"));
    }
    ways
}

/// The parts of a unit; the first is the main one, which has the unit's name.
pub(super) fn parts<'a>(
    unit: &Unit<'a>,
    overhead: &dyn Fn(&View<'a>) -> Option<View<'a>>,
    devices: &dyn Fn(&View<'a>) -> Devices<'a>,
    around: Around<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Part<'a>> {
    let mut all = Vec::new();
    for component in &unit.components {
        let (overhead, devices) = (overhead(&component.spec), devices(&component.spec));
        all.push(Part::of(component, overhead.as_ref(), &devices, around, problems));
    }
    let has_devices = all.iter().any(Part::has_devices);
    let (riders, rest): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|part| has_devices && !part.has_devices() && part.pods == 1);
    let mut parts: Vec<Part<'a>> = Vec::new();
    for part in rest {
        match parts.iter_mut().find(|known| known.takes(&part)) {
            Some(known) => known.take(part),
            None => parts.push(part),
        }
    }
    // Those with accelerators first; the order is kept otherwise.
    parts.sort_by_key(|part| !part.has_devices());
    for rider in riders {
        if let Some(main) = parts.first_mut() {
            main.carry(rider);
        }
    }
    parts
}
