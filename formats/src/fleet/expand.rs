//! The pods of the documents: those that run or wait, and those that controllers would still make.
//!
//! A controller's pods are numbered: `NAME-0`, with the part between where it has several (`NAME-worker-0`).
//! Pods of it that the documents hold already count towards its number, and keep their names.

use std::collections::BTreeMap;

use plimsoll_model::{Diagnostic, read::View};

use super::{annotations, gang, owned::Owned, remarks::Remarks, rule};
use crate::kubernetes::{
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

/// Pods that controllers may have, at most.
const MOST: u32 = 1_000_000;

/// All pods, in document order.
pub(super) fn drafts<'a>(
    objects: &[Object<'a>],
    remarks: &mut Remarks,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Draft<'a>> {
    let owned = Owned::of(objects);
    let mut found = Vec::new();
    let mut made = 0_u32;
    for object in objects {
        let is_pod = object.group.is_empty() && object.kind == "Pod";
        if !is_pod && owned.is_made_by_another(object) {
            continue;
        }
        annotations::check(&object.view, problems);
        match kinds::read(object, problems) {
            Reading::Unit(unit) if is_pod => {
                unit.components.iter().for_each(|one| rule::check_spreads(&one.spec, problems));
                if object.name.is_empty() {
                    let problem = object.view.problem("a pod without a name");
                    problems.push(problem.with_help("add `metadata.name`"));
                }
                gang::check(&object.view, problems);
                let gang = gang::of_live(object, &owned, remarks);
                found.extend(unit.components.first().map(|one| own(object, one, gang)));
            }
            Reading::Unit(unit) => {
                gang::check(&object.view, problems);
                let own = object.view.path();
                let templates = unit.components.iter().map(|component| &component.template);
                for template in templates.filter(|one| one.path() != own) {
                    annotations::check(template, problems);
                    gang::check(template, problems);
                }
                unit.components.iter().for_each(|one| rule::check_spreads(&one.spec, problems));
                made = unit.components.iter().fold(made, |sum, one| sum.saturating_add(one.pods));
                if made > MOST {
                    let at =
                        unit.components.iter().max_by_key(|one| one.pods).map_or(&object.view, |one| &one.at);
                    let problem = at.problem(format!("controllers with {made} pods or more"));
                    problems.push(problem.with_help(format!("{MOST} are packed at once, at most")));
                    return found;
                }
                expand(&unit, &owned, &mut found, remarks);
            }
            Reading::PassedOver(why) => {
                remarks.say("passed over", format!("{}: {why}", object.kind), object.name);
            }
            Reading::ReferredTo | Reading::Broken => {}
        }
    }
    found
}

/// A pod as it is.
fn own<'a>(object: &Object<'a>, component: &Component<'a>, gang: Option<String>) -> Draft<'a> {
    Draft {
        object: object.clone(),
        name: object.name.to_owned(),
        spec: component.spec.clone(),
        template: component.template.clone(),
        extra: Vec::new(),
        is_live: object.at(&["status", "phase"]).is_some() || component.spec.field("nodeName").is_some(),
        gang,
        role: label_of(object, "kueue.x-k8s.io/podset").unwrap_or_default().to_owned(),
        part: gang::JOBS.iter().find_map(|key| label_of(object, key)).map(str::to_owned),
    }
}

pub(super) fn label_of<'a>(object: &Object<'a>, key: &str) -> Option<&'a str> {
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

/// The pods that a controller would still make.
fn expand<'a>(unit: &Unit<'a>, owned: &Owned<'a>, found: &mut Vec<Draft<'a>>, remarks: &mut Remarks) {
    let object = &unit.object;
    let mut seats = owned.seats(object);
    if seats.count() > 0 {
        let value = "its pods that are there count towards its number";
        remarks.say("controller with pods", value, format!("{} {}", object.kind, object.name));
    }
    let gangs = groups(unit);
    let mut wanted = Vec::new();
    for component in &unit.components {
        let jobs = jobs(unit, &component.role);
        // Equal parts, in a row.
        let parts = jobs.unwrap_or(gangs).min(component.pods).max(1);
        let size = component.pods / parts;
        let is_only = (unit.components.len() == 1, parts == 1);
        for part in 0..parts {
            let rest = seats.rest(&component.role, part, size, is_only);
            wanted.push((component, jobs.is_some(), part, part * size, size, rest));
        }
    }
    // Pods of which nothing tells where they belong.
    let mut unseated = seats.count();
    let mut next = BTreeMap::new();
    for (component, is_job, part, first, size, rest) in wanted {
        let taken = rest.min(unseated);
        unseated -= taken;
        // A set names its pods by number; other controllers' names tell nothing of how many there are.
        let first = if object.kind == "StatefulSet" { first } else { first + (size - rest) + taken };
        for _ in taken..rest {
            let index: &mut u32 = next.entry(&*component.role).or_insert(0);
            *index = (*index).max(first);
            let mut name = named(object, &component.role, *index);
            while owned.is_taken(object.namespace(), &name) {
                *index += 1;
                name = named(object, &component.role, *index);
            }
            *index += 1;
            let gang = match gangs {
                1 => object.name.to_owned(),
                _ => format!("{}-{part}", object.name),
            };
            found.push(Draft {
                object: object.clone(),
                name,
                spec: component.spec.clone(),
                template: component.template.clone(),
                extra: component.extra.clone(),
                is_live: false,
                gang: gang::of_template(object, &component.template, gang),
                role: component.role.clone(),
                part: is_job.then(|| format!("{}-{}-{part}", object.name, component.role)),
            });
        }
    }
}

/// The name of a pod by its number.
fn named(object: &Object<'_>, role: &str, index: u32) -> String {
    let first = object.at(&["spec", "ordinals", "start"]).filter(|_| object.kind == "StatefulSet");
    let first = first.and_then(|view| u32::try_from(view.integer()?).ok()).unwrap_or(0);
    match role {
        "" => format!("{}-{}", object.name, first.saturating_add(index)),
        role => format!("{}-{role}-{index}", object.name),
    }
}

/// How many gangs a unit is: each replica of a LeaderWorkerSet is one.
fn groups(unit: &Unit<'_>) -> u32 {
    if unit.object.kind != "LeaderWorkerSet" {
        return 1;
    }
    let replicas = unit.object.at(&["spec", "replicas"]).and_then(|view| view.integer());
    replicas.and_then(|count| u32::try_from(count).ok()).unwrap_or(1).max(1)
}
