//! Replicas of one object on spot and not: `plimsoll.dev/onDemandReplicas: "2"` keeps so many of a service's
//! replicas off spot, the others may be interrupted. Replicas of a LeaderWorkerSet are its groups.
//!
//! A workload lies on one offer, so the object becomes two: one of its name, and `NAME-on-demand`. They are
//! kept together in one region.

use plimsoll_model::{
    Capacity, Diagnostic, Workload,
    read::{Located, View},
    workload::{Area, Together},
};

use super::{
    assemble::{Assembly, PREFIX},
    part::Way,
    seat::BASE_FIELD,
};

/// Why an object is not split.
const HELP: &str = "a whole number from 1 to one less than its replicas";

impl<'a> Assembly<'a, '_> {
    /// The annotation that splits it.
    pub(super) fn base(&self) -> Option<View<'a>> {
        let field = format!("{PREFIX}{BASE_FIELD}");
        let of = |view: &View<'a>| view.at(&["metadata", "annotations", &field]);
        of(&self.part.template).or_else(|| self.is_main.then(|| of(&self.unit.object.view)).flatten())
    }

    /// The workloads that it is split into, the one with its name first.
    pub(super) fn split(
        &self,
        mut rest: Located<Workload>,
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<Located<Workload>> {
        let Some(at) = self.base() else { return vec![rest] };
        let mut refuse = |message: &str, help: &str| {
            problems.push(at.problem(format!("`{PREFIX}{BASE_FIELD}`: {message}")).with_help(help));
            Vec::new()
        };
        let spec = &rest.value.spec;
        let (size, of_what) = match self.group_of_pods() {
            Some(_) if self.group.is_some() => {
                let message =
                    "its leaders and its workers ask for different things, so a group would be torn";
                return refuse(message, "make two objects of it, each with its groups");
            }
            Some(pods) => (pods / self.part.ways.first().map_or(1, Way::pods), "groups"),
            None => (1, "replicas"),
        };
        if !spec.replicas.is_multiple_of(size) {
            let message = format!("its {} replicas are no whole number of groups", spec.replicas);
            return refuse(&message, "a replica is a slice of several hosts: make a group of whole slices");
        }
        let stated = at.text().and_then(|text| text.trim().parse::<u32>().ok());
        let Some(base) = stated.filter(|base| (1..spec.replicas / size).contains(base)) else {
            let all = spec.replicas / size;
            return refuse(&format!("not less than its {all} {of_what}, or no number of them"), HELP);
        };
        let base = base * size;
        if spec.duration.is_some() {
            return refuse("it is for services", "what ends runs all on one offer: remove it");
        }
        for (name, is_stated) in [
            ("value", spec.value.is_some()),
            ("maxHourly", spec.max_hourly.is_some()),
            ("maxCost", spec.max_cost.is_some()),
        ] {
            if is_stated {
                let message = format!("beside `{PREFIX}{name}`, which is about all replicas together");
                return refuse(&message, "state one of the two, or make two objects of it");
            }
        }
        let never_spot = |list: &[Capacity]| {
            list.iter().copied().filter(|class| *class != Capacity::Spot).collect::<Vec<_>>()
        };
        let capacity = spec.capacity.as_deref().map(never_spot);
        if capacity.as_ref().is_some_and(Vec::is_empty) {
            return refuse(
                "its selectors or `plimsoll.dev/capacity` allow spot alone",
                "allow on-demand beside it",
            );
        }
        let mut kept = rest.clone();
        let never = &mut kept.value;
        never.metadata.name = format!("{}{}", self.name, self.base_suffix());
        never.spec.replicas = base;
        never.spec.interruptible = false;
        never.spec.capacity = capacity;
        never.spec.current.clone_from(&self.part.current_base);
        for way in &mut never.spec.alternatives {
            way.capacity = way.capacity.as_deref().map(never_spot);
        }
        let one = &mut rest.value.spec;
        one.replicas -= base;
        one.interruptible = true;
        let group = || Together { name: self.name.clone(), area: Area::Region };
        for spec in [&mut *one, &mut kept.value.spec] {
            spec.together.get_or_insert_with(group);
        }
        vec![rest, kept]
    }

    /// What the name of the replicas that are never on spot has beside the object's: nothing else has it.
    pub(super) fn base_suffix(&self) -> String {
        let is_free = |suffix: &String| {
            let object = &self.unit.object;
            !self.beside.runs(&format!("{}{suffix}", self.name))
                && !self.beside.has(object, &format!("{}{suffix}", object.name))
        };
        let numbered = (2_u32..).map(|nth| format!("-on-demand-{nth}"));
        let mut suffixes = std::iter::once("-on-demand".to_owned()).chain(numbered);
        suffixes.find(is_free).unwrap_or_default()
    }
}
