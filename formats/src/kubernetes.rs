//! Kubernetes manifests: what runs in them as workloads, and the data that their claims name.
//!
//! Objects are taken out of documents and lists (`object`); each kind says where its pods are described
//! and how many there are (`kinds`); what a pod needs (`needs`), by which devices (`device`) and on which
//! nodes (`selector`, `label`) is read off its spec; components become parts that are placed together
//! (`part`), and each part a Workload (`assemble`), whose fields keep their places in the manifest.
//! Nothing is dropped silently: what is not planned and what was assumed is in the notes.

mod agree;
mod assemble;
pub(crate) mod claimed;
mod claims;
pub(crate) mod device;
mod ended;
mod hosts;
pub(crate) mod kinds;
mod label;
mod limits;
mod machine;
pub(crate) mod mig;
mod name;
pub(crate) mod needs;
mod notes;
pub(crate) mod object;
mod part;
mod place;
mod seat;
pub(crate) mod selector;
mod split;
mod tpu;
mod train;
mod twin;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Diagnostic, estate::EstateSpec, read::View};

use crate::{Documents, Translation};
use assemble::Assembly;
use claims::Claims;
use device::Around;
use kinds::{Reading, Unit};
use notes::Notes;
use object::Object;
use twin::Beside;

pub use place::{Machines, Written, changes};
pub use seat::Seat;

/// Translates the manifests, in order. `cluster`: what else a cluster says of itself; `own_nodes`: whether there
/// are own machines, among the estate's sites or other documents.
pub(crate) fn translate(
    documents: &Documents<'_>,
    cluster: &Documents<'_>,
    estate: Option<&EstateSpec>,
    own_nodes: bool,
) -> Translation {
    let mut problems = Vec::new();
    let objects = object::objects(documents, &mut problems);
    let mut context = Context {
        around: Around { estate, own_nodes },
        claims: Claims::of(&objects),
        beside: Beside::of(&objects),
        devices: claimed::Catalogue::of(&objects),
        overheads: named(&objects, "RuntimeClass", &["overhead", "podFixed"]),
        priorities: named(&objects, "PriorityClass", &["value"]),
        has_arm: machine::has_arm(&objects, estate)
            || machine::has_arm(&object::objects(cluster, &mut Vec::new()), None),
    };
    let mut translation = Translation::default();
    let mut notes = Notes::default();
    let units = units(&objects, &mut notes, &mut problems);
    let names = name::names(&units);
    context.beside.name(&names);
    for (unit, name) in units.iter().zip(names) {
        context.add(unit, &name, &mut translation, &mut notes, &mut problems);
    }
    translation.assumptions = notes.into_assumptions();
    translation.problems = problems;
    translation
}

/// A field of the objects of a kind, by name.
fn named<'a>(objects: &[Object<'a>], kind: &str, field: &[&str]) -> BTreeMap<&'a str, View<'a>> {
    let of_kind = objects.iter().filter(|object| object.kind == kind);
    of_kind.filter_map(|object| Some((object.name, object.at(field)?))).collect()
}

/// An object that runs pods, or the pods of a group.
struct Gathered<'a> {
    unit: Unit<'a>,
    /// The pod group, for pods that name one.
    group: Option<&'a str>,
}

/// The objects that run pods, pods of one group together.
fn units<'a>(objects: &[Object<'a>], notes: &mut Notes, problems: &mut Vec<Diagnostic>) -> Vec<Gathered<'a>> {
    let present: BTreeSet<(&str, &str)> = objects.iter().map(|object| (object.kind, object.name)).collect();
    let mut units: Vec<Gathered<'a>> = Vec::new();
    let mut groups: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for object in objects {
        if let Some(problem) = name::problem(object) {
            problems.push(problem);
            continue;
        }
        if let Some((kind, name)) = object.owner().filter(|owner| present.contains(owner)) {
            notes.pass_over(&object.title(), format!("belongs to {kind} {name}"));
            continue;
        }
        let unit = match kinds::read(object, problems) {
            Reading::Unit(unit) => *unit,
            Reading::PassedOver(why) => {
                notes.pass_over(&object.title(), why);
                continue;
            }
            Reading::ReferredTo | Reading::Broken => continue,
        };
        if let Some(at) = object.merge_key() {
            let problem = at.problem("a merge key (`<<`), which YAML 1.2 does not have");
            problems.push(problem.with_help("write its fields out: yq 'explode(.)' does"));
            continue;
        }
        let group = (object.kind == "Pod").then(|| group_of(object)).flatten();
        if let Some(group) = group {
            let key = (object.namespace(), group);
            if let Some(first) = groups.get(&key) {
                units[*first].unit.components.extend(unit.components);
                continue;
            }
            groups.insert(key, units.len());
        }
        units.push(Gathered { unit, group });
    }
    units
}

/// The group that a pod is scheduled with, in the dialects of the gang schedulers.
pub(crate) fn group_of<'a>(pod: &Object<'a>) -> Option<&'a str> {
    let paths: [&[&str]; 8] = [
        &["spec", "schedulingGroup", "podGroupName"],
        &["spec", "workloadRef", "podGroup"],
        &["metadata", "labels", "scheduling.x-k8s.io/pod-group"],
        &["metadata", "labels", "pod-group.scheduling.sigs.k8s.io"],
        &["metadata", "labels", "pod-group.scheduling.sigs.k8s.io/name"],
        &["metadata", "labels", "kueue.x-k8s.io/pod-group-name"],
        &["metadata", "annotations", "scheduling.k8s.io/group-name"],
        &["metadata", "annotations", "scheduling.volcano.sh/group-name"],
    ];
    paths.iter().find_map(|path| pod.at(path)?.text())
}

/// What objects refer to.
struct Context<'a, 'e> {
    around: Around<'e>,
    claims: Claims<'a>,
    beside: Beside<'a>,
    devices: claimed::Catalogue<'a>,
    overheads: BTreeMap<&'a str, View<'a>>,
    priorities: BTreeMap<&'a str, View<'a>>,
    /// Whether there are nodes, or pools of them, of that architecture.
    has_arm: bool,
}

impl<'a> Context<'a, '_> {
    /// Adds the workloads of an object.
    fn add(
        &self,
        gathered: &Gathered<'a>,
        name: &str,
        translation: &mut Translation,
        notes: &mut Notes,
        problems: &mut Vec<Diagnostic>,
    ) {
        let unit = &gathered.unit;
        let overhead = |spec: &View<'a>| self.overheads.get(spec.field("runtimeClassName")?.text()?).cloned();
        let devices = |spec: &View<'a>| self.devices.of_pod(spec, unit.object.namespace());
        let before = problems.len();
        let parts = part::parts(unit, &overhead, &devices, self.around, problems);
        if problems.len() > before {
            return;
        }
        for (index, part) in parts.iter().enumerate() {
            let is_main = index == 0;
            let assembly = Assembly {
                unit,
                part,
                name: if is_main { name.to_owned() } else { format!("{name}-{}", part.role) },
                is_main,
                gang: gathered.group.is_some(),
                priority: self.priority(&part.spec),
                claims: &self.claims,
                beside: &self.beside,
                estate: self.around.estate,
                has_arm: self.has_arm,
                group: (parts.len() > 1).then_some(name),
            };
            if let Some(workload) = assembly.workload(notes, &mut translation.estate, problems) {
                let workloads = assembly.split(workload, problems);
                let twin = match &workloads[..] {
                    [one, kept] => Some(assembly.twin(&one.value, &kept.value)),
                    _ => None,
                };
                if let Some(Err(why)) = &twin {
                    let what = "two kinds of replicas (plimsoll.dev/onDemandReplicas)";
                    let value = "priced each on its own offer, which no manifest of it can say";
                    notes.assume(what, &assembly.name, value, why);
                }
                let documents: BTreeSet<usize> = part.places.iter().map(|pod| pod.document).collect();
                translation.seats.extend(documents.into_iter().map(|document| Seat {
                    workload: assembly.name.clone(),
                    base: workloads.get(1).map(|base| base.value.metadata.name.clone()),
                    twin: twin.clone(),
                    document,
                    pods: part.places.iter().filter(|pod| pod.document == document).cloned().collect(),
                }));
                let document = unit.object.document;
                translation.workloads.extend(workloads.into_iter().map(|workload| (document, workload)));
            }
        }
    }

    fn priority(&self, spec: &View<'a>) -> Option<(i64, View<'a>)> {
        if let Some(at) = spec.field("priority") {
            return Some((at.integer()?, at));
        }
        let at = spec.field("priorityClassName")?;
        let value = self.priorities.get(at.text()?)?.integer()?;
        Some((value, at))
    }
}

#[cfg(test)]
mod tests;
