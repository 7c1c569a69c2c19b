//! `TrainJob`s of Kubeflow's trainer: what they say of the pods of their nodes.
//!
//! A `TrainJob` has no pod template, it patches that of its runtime. Its field for that has changed with the
//! releases: `podSpecOverrides` (2.0), `podTemplateOverrides` (2.1), `runtimePatches` (from 2.2 on). Read are all
//! three, written is the one that is there, else the newest.

use std::collections::BTreeMap;

use plimsoll_model::{read::View, yaml::Change};
use serde_json::{Value, json};

use super::object::Object;

/// The job of a runtime that trains, in all of Kubeflow's own.
const NODE: &str = "node";

/// Whose patch it is that a plan adds.
const MANAGER: &str = "plimsoll.dev/plan";

/// Fields that patch a runtime, the newest first.
const FORMS: [(&str, Form); 3] = [
    ("runtimePatches", Form::Patch),
    ("podTemplateOverrides", Form::Template),
    ("podSpecOverrides", Form::Spec),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The pod's fields beside `targetJobs`.
    Spec,
    /// `spec` beside it.
    Template,
    /// A job's template, many fields deep.
    Patch,
}

/// The entry of a `TrainJob` that patches the pods of its nodes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    form: Form,
    /// The path of the list that it is in.
    list: String,
    /// Items of that list; none where it is not there.
    items: Option<usize>,
    /// Its index, where it is there.
    index: Option<usize>,
    /// What its pod spec holds.
    fields: Vec<String>,
}

/// The pod specs that a `TrainJob` patches its nodes' with, in order.
pub(super) fn patches<'a>(job: &Object<'a>) -> Vec<(View<'a>, Entry)> {
    let mut found = Vec::new();
    for (name, form) in FORMS {
        let Some(list) = job.at(&["spec", name]).filter(View::is_list) else { continue };
        let items = list.items();
        for (index, item) in items.iter().enumerate() {
            let Some(spec) = pods_of(item, form) else { continue };
            let entry = Entry {
                form,
                list: list.path().to_owned(),
                items: Some(items.len()),
                index: Some(index),
                fields: spec.entries().into_iter().map(|(key, _)| key.to_owned()).collect(),
            };
            found.push((spec, entry));
        }
    }
    found
}

/// Where a patch would be added.
pub(super) fn new_patch(job: &Object<'_>) -> Entry {
    let there = FORMS.iter().find(|(name, _)| job.at(&["spec", name]).is_some_and(|list| list.is_list()));
    let (name, form) = *there.unwrap_or(&FORMS[0]);
    let list = job.at(&["spec", name]).filter(View::is_list);
    // `spec` is there: it states the trainer.
    let path = job.at(&["spec"]).map_or_else(String::new, |spec| spec.path().to_owned());
    Entry {
        form,
        list: format!("{path}.{name}"),
        items: list.map(|list| list.items().len()),
        index: None,
        fields: Vec::new(),
    }
}

/// The pod spec of an item that is about the nodes.
fn pods_of<'a>(item: &View<'a>, form: Form) -> Option<View<'a>> {
    let named = |view: &View<'a>| view.field("name").and_then(|name| name.text()) == Some(NODE);
    if form == Form::Patch {
        // Kueue's is its own affair.
        let manager = item.field("manager").and_then(|manager| manager.text());
        let jobs = item.at(&["trainingRuntimeSpec", "template", "spec", "replicatedJobs"]);
        let job =
            jobs.filter(|_| manager != Some("kueue.x-k8s.io/manager"))?.items().into_iter().find(named)?;
        return job.at(&["template", "spec", "template", "spec"]);
    }
    item.field("targetJobs")?.items().iter().any(named).then_some(())?;
    if form == Form::Spec { Some(item.clone()) } else { item.field("spec") }
}

impl Entry {
    /// A change of the pod spec, which is at this path if it is there.
    pub(super) fn change(&self, spec: &str, change: Change) -> Change {
        match self.index {
            Some(index) if self.is_emptied(&change) => {
                if self.items == Some(1) {
                    Change::at(&self.list, Change::Gone)
                } else {
                    Change::at(&self.list, Change::Items(BTreeMap::from([(index, Change::Gone)]), Vec::new()))
                }
            }
            Some(_) => Change::at(spec, change),
            None => {
                let item = self.item(change.applied(None).unwrap_or_default());
                let change = match self.items {
                    Some(_) => Change::Items(BTreeMap::new(), vec![item]),
                    None => Change::Put(json!([item])),
                };
                Change::at(&self.list, change)
            }
        }
    }

    /// Whether nothing is left of the pod spec.
    fn is_emptied(&self, change: &Change) -> bool {
        let Change::Fields(changes) = change else { return false };
        let stays = |field: &String| field != "targetJobs" && changes.get(field) != Some(&Change::Gone);
        !self.fields.iter().any(stays) && changes.values().all(|change| *change == Change::Gone)
    }

    /// An item with this pod spec.
    fn item(&self, spec: Value) -> Value {
        match self.form {
            Form::Template => json!({"targetJobs": [{"name": NODE}], "spec": spec}),
            Form::Spec => {
                let mut item = json!({"targetJobs": [{"name": NODE}]});
                if let (Some(item), Value::Object(spec)) = (item.as_object_mut(), spec) {
                    item.extend(spec);
                }
                item
            }
            Form::Patch => {
                let job = json!({"name": NODE, "template": {"spec": {"template": {"spec": spec}}}});
                json!({"manager": MANAGER, "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [job]}}}})
            }
        }
    }
}
