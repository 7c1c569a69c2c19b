//! The pods of the documents: those that run or wait, and those that controllers would still make.
//!
//! A controller's pods are numbered: `NAME-0`, with the part between where it has several (`NAME-worker-0`).
//! Pods of it that the documents hold already count towards its number.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Diagnostic, read::View};

use super::remarks::Remarks;
use crate::kubernetes::{
    group_of,
    kinds::{self, Component, Reading, Unit},
    object::Object,
};

/// A pod before it is read.
#[derive(Debug, Clone)]
pub(super) struct Draft<'a> {
    pub(super) object: Object<'a>,
    pub(super) name: String,
    pub(super) spec: View<'a>,
    /// With the labels and annotations.
    pub(super) template: View<'a>,
    pub(super) extra: Vec<View<'a>>,
    /// Whether it is there already, running or waiting.
    pub(super) is_live: bool,
    /// What it runs together with or not at all.
    pub(super) gang: Option<String>,
    /// Its part in what made it: `worker`; empty where there is one part.
    pub(super) role: String,
    /// The Job that it is of, of those of a JobSet.
    pub(super) part: Option<String>,
}

impl Draft<'_> {
    /// Whether it runs on a node.
    pub(super) fn runs(&self) -> bool {
        self.is_live && self.spec.field("nodeName").is_some()
    }

    /// Whether it is being deleted.
    pub(super) fn is_going(&self) -> bool {
        self.is_live && self.object.at(&["metadata", "deletionTimestamp"]).is_some()
    }
}

/// All pods, in document order.
pub(super) fn drafts<'a>(
    objects: &[Object<'a>],
    remarks: &mut Remarks,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Draft<'a>> {
    let present: BTreeSet<(&str, &str, &str)> =
        objects.iter().map(|object| (object.namespace(), object.kind, object.name)).collect();
    let live = live(objects);
    let mut found = Vec::new();
    for object in objects {
        let is_pod = object.group.is_empty() && object.kind == "Pod";
        let owner = object.owner().filter(|(kind, name)| {
            !is_pod && *kind != object.kind && present.contains(&(object.namespace(), *kind, *name))
        });
        if owner.is_some() {
            // Its owner says how many there are to be.
            continue;
        }
        match kinds::read(object, problems) {
            Reading::Unit(unit) if is_pod => {
                found.extend(unit.components.first().map(|one| own(object, one)));
            }
            Reading::Unit(unit) => expand(&unit, &live, &mut found, remarks),
            Reading::PassedOver(why) => {
                remarks.say("passed over", format!("{}: {why}", object.kind), object.name);
            }
            Reading::ReferredTo | Reading::Broken => {}
        }
    }
    found
}

/// A pod as it is.
fn own<'a>(object: &Object<'a>, component: &Component<'a>) -> Draft<'a> {
    Draft {
        object: object.clone(),
        name: object.name.to_owned(),
        spec: component.spec.clone(),
        template: component.template.clone(),
        extra: Vec::new(),
        is_live: object.at(&["status", "phase"]).is_some() || component.spec.field("nodeName").is_some(),
        gang: gang_of_pod(object),
        role: label_of(object, "kueue.x-k8s.io/podset").unwrap_or_default().to_owned(),
        part: JOBS.iter().find_map(|key| label_of(object, key)).map(str::to_owned),
    }
}

/// The labels by which pods name their Job.
const JOBS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

fn label_of<'a>(object: &Object<'a>, key: &str) -> Option<&'a str> {
    object.at(&["metadata", "labels", key])?.text()
}

/// How many Jobs of a JobSet a component is.
fn jobs(unit: &Unit<'_>, role: &str) -> Option<u32> {
    let jobs = unit.object.at(&["spec", "replicatedJobs"]).filter(|_| unit.object.kind == "JobSet")?;
    let is_it = |job: &View<'_>| {
        let name = job.field("name").and_then(|name| name.text().map(str::to_ascii_lowercase));
        name.as_deref().unwrap_or("job") == role
    };
    let replicas = jobs.items().into_iter().find(is_it)?.field("replicas").and_then(|view| view.integer());
    Some(replicas.and_then(|count| u32::try_from(count).ok()).unwrap_or(1).max(1))
}

/// The labels by which pods name the gang that made them, with the label of a part that is a gang by itself.
const GANGS: [(&str, Option<&str>); 4] = [
    ("leaderworkerset.sigs.k8s.io/name", Some("leaderworkerset.sigs.k8s.io/group-index")),
    ("jobset.sigs.k8s.io/jobset-name", None),
    ("training.kubeflow.org/job-name", None),
    ("volcano.sh/job-name", None),
];

/// The gang that a pod names.
pub(super) fn gang_of_pod(object: &Object<'_>) -> Option<String> {
    let label = |key: &str| object.at(&["metadata", "labels", key])?.text();
    let made = GANGS.iter().find_map(|(key, part)| {
        let name = label(key)?;
        Some(match part.and_then(label) {
            Some(part) => format!("{name}-{part}"),
            None => name.to_owned(),
        })
    });
    group_of(object).map(str::to_owned).or(made)
}

/// The pods that are there, by namespace and controller; those of a Deployment go by its replica sets.
fn live<'a>(objects: &[Object<'a>]) -> BTreeMap<(&'a str, &'a str, &'a str), u32> {
    let mut live = BTreeMap::new();
    for object in objects.iter().filter(|object| object.group.is_empty() && object.kind == "Pod") {
        let phase = object.at(&["status", "phase"]).and_then(|phase| phase.text());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            continue;
        }
        let Some((kind, name)) = object.owner() else { continue };
        *live.entry((object.namespace(), kind, name)).or_default() += 1;
        if let Some((deployment, _)) = name.rsplit_once('-').filter(|_| kind == "ReplicaSet") {
            *live.entry((object.namespace(), "Deployment", deployment)).or_default() += 1;
        }
    }
    live
}

/// The pods that a controller would still make.
fn expand<'a>(
    unit: &Unit<'a>,
    live: &BTreeMap<(&str, &str, &str), u32>,
    found: &mut Vec<Draft<'a>>,
    remarks: &mut Remarks,
) {
    let object = &unit.object;
    let there = live.get(&(object.namespace(), object.kind, object.name)).copied().unwrap_or(0);
    if there > 0 {
        let value = "its pods that are there count towards its number";
        remarks.say("controller with pods", value, format!("{} {}", object.kind, object.name));
    }
    let groups = groups(unit);
    let is_gang = is_gang(unit);
    let mut skip = there;
    for component in &unit.components {
        for index in 0..component.pods {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let name = match &*component.role {
                "" => format!("{}-{index}", object.name),
                role => format!("{}-{role}-{index}", object.name),
            };
            let part = jobs(unit, &component.role).map(|jobs| {
                let job = index / (component.pods / jobs).max(1);
                format!("{}-{}-{job}", object.name, component.role)
            });
            // Equal parts of each group of a component, in a row.
            let group = index / (component.pods / groups).max(1);
            let gang = is_gang.then(|| match groups {
                1 => object.name.to_owned(),
                _ => format!("{}-{group}", object.name),
            });
            found.push(Draft {
                object: object.clone(),
                name,
                spec: component.spec.clone(),
                template: component.template.clone(),
                extra: component.extra.clone(),
                is_live: false,
                gang: gang_of_template(object, &component.template).or(gang),
                role: component.role.clone(),
                part,
            });
        }
    }
}

/// The pod group that a template names.
fn gang_of_template(object: &Object<'_>, template: &View<'_>) -> Option<String> {
    let label = template.at(&["metadata", "labels", "scheduling.x-k8s.io/pod-group"]);
    let own = || object.at(&["metadata", "labels", "scheduling.x-k8s.io/pod-group"]);
    label.or_else(own)?.text().map(str::to_owned)
}

/// How many gangs a unit is: each replica of a LeaderWorkerSet is one.
fn groups(unit: &Unit<'_>) -> u32 {
    if unit.object.kind != "LeaderWorkerSet" {
        return 1;
    }
    let replicas = unit.object.at(&["spec", "replicas"]).and_then(|view| view.integer());
    replicas.and_then(|count| u32::try_from(count).ok()).unwrap_or(1).max(1)
}

/// Whether all of its pods run, or none: kinds whose pods work as one, unless `plimsoll.dev/gang` says
/// otherwise. The pods of a plain Job or a Deployment run each for itself.
fn is_gang(unit: &Unit<'_>) -> bool {
    let object = &unit.object;
    let stated = object.at(&["metadata", "annotations", "plimsoll.dev/gang"]).and_then(|view| view.text());
    match stated {
        Some("true") => true,
        Some("false") => false,
        _ => match object.group {
            "jobset.x-k8s.io"
            | "kubeflow.org"
            | "trainer.kubeflow.org"
            | "leaderworkerset.x-k8s.io"
            | "batch.volcano.sh" => true,
            "ray.io" => object.kind == "RayJob",
            _ => false,
        },
    }
}
