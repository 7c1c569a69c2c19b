//! A second object beside the user's: of a service that is split, the replicas that are never on spot.
//!
//! A pod template selects the same nodes for all its replicas, so where the two kinds of them belong on different
//! offers the object becomes two. Each says in annotations what it is, so that what is written reads as two workloads,
//! the same that the split made, and planning again changes nothing. The pods of both have the labels that
//! Services select. The selector of the user's object cannot be changed once it runs and stays; controllers tell pods apart
//! by their owners, and the second object's selector has one label more.

use std::collections::BTreeSet;

use plimsoll_model::{
    Workload,
    read::View,
    yaml::{Change, in_flow},
};
use serde_json::{Value, json};

use super::{
    assemble::{Assembly, PREFIX},
    object::Object,
    seat::{BASE_FIELD, fields},
};

/// The label that the second object's pods have beside those of the first.
const LABEL: &str = "plimsoll.dev/part";
const PART: &str = "on-demand";

/// What an object is besides the pods, as itself and as the second one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Twin {
    /// The path of the object in its document; empty where it is the document.
    pub(super) object: String,
    /// What it says, where it is an item of a list.
    pub(super) item: Option<Value>,
    /// The changes of the user's object, from it on.
    pub(super) first: Change,
    /// And those that make a copy of it the second.
    pub(super) second: Change,
    /// Replicas of each, for people: `3 replicas`.
    pub(super) replicas: [u32; 2],
    /// `Deployment`
    pub(super) kind: String,
}

/// What else there is in the same files, as far as it bears on it.
#[derive(Debug, Default)]
pub(super) struct Beside<'a> {
    objects: BTreeSet<(&'a str, &'a str, &'a str)>,
    /// What the workloads are called.
    workloads: BTreeSet<String>,
    /// What scales what: a kind, a namespace and a name, and the title of the autoscaler.
    scalers: Vec<(&'a str, &'a str, &'a str, String)>,
}

impl<'a> Beside<'a> {
    pub(super) fn of(objects: &[Object<'a>]) -> Self {
        let scales = |object: &Object<'a>| {
            let target = object.at(&["spec", "scaleTargetRef"])?;
            let text = |field| target.field(field).and_then(|view| view.text());
            let kind = text("kind").unwrap_or("Deployment");
            Some((kind, object.namespace(), text("name")?, object.title()))
        };
        Self {
            objects: objects.iter().map(|object| (object.kind, object.namespace(), object.name)).collect(),
            scalers: objects.iter().filter_map(scales).collect(),
            workloads: BTreeSet::new(),
        }
    }

    /// The names of all workloads.
    pub(super) fn name(&mut self, workloads: &[String]) {
        self.workloads = workloads.iter().cloned().collect();
    }

    /// Whether a workload has this name.
    pub(super) fn runs(&self, name: &str) -> bool {
        self.workloads.contains(name)
    }

    pub(super) fn has(&self, object: &Object<'_>, name: &str) -> bool {
        self.objects.contains(&(object.kind, object.namespace(), name))
    }

    fn scaler(&self, object: &Object<'_>) -> Option<&str> {
        let is_it = |&&(kind, namespace, name, _): &&(&str, &str, &str, String)| {
            (kind, namespace, name) == (object.kind, object.namespace(), object.name)
        };
        self.scalers.iter().find(is_it).map(|(_, _, _, title)| &**title)
    }
}

impl<'a> Assembly<'a, '_> {
    /// The two objects that replace the one where its parts belong on different nodes, or why there are none.
    pub(super) fn twin(&self, one: &Workload, kept: &Workload) -> Result<Twin, String> {
        let object = &self.unit.object;
        let size = self.group_size()?;
        let second = format!("{}{}", object.name, self.base_suffix());
        if object.at(&["metadata", "name"]).is_none() {
            return Err("it has no name of its own (`generateName`)".to_owned());
        }
        if let Some((kind, name)) = object.owner() {
            return Err(format!("{kind} {name} makes it, and says how many replicas it has"));
        }
        if object.at(&["spec", "replicas"]).is_none() || self.states("replicas").is_some() {
            return Err("its `spec.replicas` does not say how many there are".to_owned());
        }
        if let Some(scaler) = self.beside.scaler(object) {
            return Err(format!(
                "{scaler} scales it by the pods that its selector matches, which the second's would be"
            ));
        }
        if self.part.template.at(&["metadata", "labels", LABEL]).is_some() {
            return Err(format!("it is such a part itself (label `{LABEL}`)"));
        }
        let (rest, base) = (one.spec.replicas, kept.spec.replicas);
        if rest + base != self.part.pods {
            return Err("several of its pods are one replica".to_owned());
        }
        Ok(Twin {
            object: object.view.path().to_owned(),
            item: if object.view.path().is_empty() { None } else { object.view.read().ok() },
            first: self.as_part(rest / size, true, None),
            second: self.as_part(base / size, false, Some(&second)),
            replicas: [rest / size, base / size],
            kind: object.kind.to_owned(),
        })
    }

    /// Pods of one of its groups, where its replicas are groups.
    pub(super) fn group_of_pods(&self) -> Option<u32> {
        let object = &self.unit.object;
        let size = object.at(&["spec", "leaderWorkerTemplate", "size"]).and_then(|size| size.integer());
        let size = size.and_then(|size| u32::try_from(size).ok()).unwrap_or(1).max(1);
        (object.kind == "LeaderWorkerSet").then_some(size)
    }

    /// Pods of one of its replicas, of a kind of which a second object is as good as more replicas.
    fn group_size(&self) -> Result<u32, String> {
        let object = &self.unit.object;
        if self.unit.components.len() != 1 {
            return Err("its pods have several templates, which belong together".to_owned());
        }
        match object.kind {
            "Deployment" | "ReplicaSet" | "CloneSet" | "ReplicationController" | "DeploymentConfig" => Ok(1),
            "LeaderWorkerSet" => Ok(self.group_of_pods().unwrap_or(1)),
            "StatefulSet" => {
                Err("its replicas have names and volumes of their own, which those of a second \
                                  StatefulSet would not have: make two where they need not know each other"
                    .to_owned())
            }
            "Rollout" => Err("its controller leads Services from one version to the next, and a second \
                              Rollout would lead the same ones"
                .to_owned()),
            "Service" | "InferenceService" => {
                Err(format!("a second {} would have an address of its own", object.kind))
            }
            kind => Err(format!("a second {kind} would not be part of it")),
        }
    }

    /// An annotation of ours, where it counts: the template's word is the last.
    fn states(&self, field: &str) -> Option<View<'a>> {
        let key = format!("{PREFIX}{field}");
        let of = |view: &View<'a>| view.at(&["metadata", "annotations", &key]);
        of(&self.part.template).or_else(|| of(&self.unit.object.view))
    }

    /// What makes the object one of the two: `second` is the name of the other one.
    fn as_part(&self, replicas: u32, interruptible: bool, second: Option<&str>) -> Change {
        let object = &self.unit.object.view;
        let template = self.template_path();
        let object_name = self.unit.object.name;
        let mut change = Change::at("spec.replicas", Change::Put(json!(replicas)));
        let is_in_template = self.base().is_some_and(|at| at.path().starts_with(self.part.template.path()));
        let holder = if is_in_template { &*template } else { "" };
        let mut annotate = |field: &str, value: Option<Value>| {
            let key = format!("{PREFIX}{field}");
            let stated = |view: &View<'a>| view.at(&["metadata", "annotations", &key]);
            let (in_template, in_object) = (stated(&self.part.template), stated(object));
            let mut put = |at: &str, value: Change| {
                change.and(Change::at(at, fields(&["metadata", "annotations", &key], value)));
            };
            match value {
                Some(value) => {
                    let known = in_template.as_ref().or(in_object.as_ref()).and_then(View::text);
                    if known != value.as_str() {
                        put(if in_template.is_some() { &template } else { holder }, Change::Put(value));
                    }
                }
                None => {
                    for (at, _) in
                        [(&*template, in_template), ("", in_object)].iter().filter(|(_, at)| at.is_some())
                    {
                        put(at, Change::Gone);
                    }
                }
            }
        };
        annotate(BASE_FIELD, None);
        annotate("interruptible", Some(json!(interruptible.to_string())));
        if self.states("together").is_none() {
            // As `name` reads it again, with the namespace.
            annotate("together", Some(json!(format!("{{name: {}}}", in_flow(object_name)))));
        }
        if let Some(name) = second {
            annotate("current", None);
            change.and(Change::at("metadata.name", Change::Put(json!(name))));
            change.and(self.apart(&template));
        }
        change
    }

    /// What tells the second object from the first: a label, and nothing that a cluster has said of the first.
    fn apart(&self, template: &str) -> Change {
        let object = &self.unit.object;
        let label = || fields(&[LABEL], Change::Put(json!(PART)));
        let mut change = Change::at(template, fields(&["metadata", "labels"], label()));
        // One that is not there is made of all the labels.
        if object.at(&["spec", "selector"]).is_some_and(|selector| !selector.entries().is_empty()) {
            let is_plain = matches!(object.kind, "ReplicationController" | "DeploymentConfig");
            let path: &[&str] =
                if is_plain { &["spec", "selector"] } else { &["spec", "selector", "matchLabels"] };
            change.and(fields(path, label()));
        }
        let gone: [&[&str]; 9] = [
            &["status"],
            &["metadata", "uid"],
            &["metadata", "resourceVersion"],
            &["metadata", "creationTimestamp"],
            &["metadata", "generation"],
            &["metadata", "managedFields"],
            &["metadata", "selfLink"],
            &["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"],
            &["metadata", "annotations", "deployment.kubernetes.io/revision"],
        ];
        for path in gone.into_iter().filter(|path| object.at(path).is_some()) {
            change.and(fields(path, Change::Gone));
        }
        change
    }

    /// The path of the pod template within the object.
    fn template_path(&self) -> String {
        within(self.part.template.path(), self.unit.object.view.path())
    }
}

/// A path from an object on.
pub(super) fn within(path: &str, object: &str) -> String {
    let rest = path.strip_prefix(object).unwrap_or(path);
    rest.strip_prefix('.').unwrap_or(rest).to_owned()
}
