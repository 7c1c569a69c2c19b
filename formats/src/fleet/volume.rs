//! Where the volumes of a pod can be mounted, as a part of its rule.
//!
//! A volume that is there says which nodes reach it; a claim that waits for its first consumer says where its class makes
//! volumes. What is not among the objects narrows nothing.

use std::collections::BTreeMap;

use plimsoll_model::{
    Diagnostic,
    fleet::{NODE_NAME, Requirement, Rule, Test},
    read::View,
};

use super::{expand::Draft, rule};
use crate::{
    kubernetes::object::Object,
    labels::{REGIONS, ZONES},
};

/// Alternatives of a rule, at most.
const MOST: usize = 64;

/// The class of this provisioner has volumes that somebody made by hand.
const BY_HAND: &str = "kubernetes.io/no-provisioner";
/// Where the scheduler has decided to make a volume.
const SELECTED: &str = "volume.kubernetes.io/selected-node";

/// The claims, volumes and classes among the objects.
#[derive(Debug, Default)]
pub(super) struct Volumes<'a> {
    claims: BTreeMap<(&'a str, &'a str), Object<'a>>,
    bound: BTreeMap<&'a str, Object<'a>>,
    classes: BTreeMap<&'a str, Object<'a>>,
}

/// What was found of a pod's volumes.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Whether one of them is not among the objects.
    pub(super) is_partly: bool,
    /// Why where they can be mounted cannot be told, in words.
    pub(super) left: Option<String>,
}

impl<'a> Volumes<'a> {
    pub(super) fn of(objects: &[Object<'a>]) -> Self {
        let mut found = Self::default();
        for object in objects {
            match (object.group, object.kind) {
                ("", "PersistentVolumeClaim") => {
                    found.claims.insert((object.namespace(), object.name), object.clone());
                }
                ("", "PersistentVolume") => _ = found.bound.insert(object.name, object.clone()),
                ("storage.k8s.io", "StorageClass") => _ = found.classes.insert(object.name, object.clone()),
                _ => {}
            }
        }
        found
    }

    /// Narrows the rule of a pod to where its volumes can be mounted.
    pub(super) fn narrow(&self, draft: &Draft<'a>, rule: &mut Rule, problems: &mut Vec<Diagnostic>) -> Found {
        let mut found = Found::default();
        for volume in draft.spec.field("volumes").map_or_else(Vec::new, |volumes| volumes.items()) {
            let named = volume.at(&["persistentVolumeClaim", "claimName"]).and_then(|view| view.text());
            let made = || {
                volume.field("ephemeral")?;
                Some(format!("{}-{}", draft.name, volume.field("name")?.text()?))
            };
            let Some(name) = named.map(str::to_owned).or_else(made) else { continue };
            let key = (draft.object.namespace(), &*name);
            let Some(claim) = self.claims.get(&key) else {
                found.is_partly = true;
                continue;
            };
            self.claim(claim, rule, problems, &mut found);
        }
        self.of_set(draft, rule, problems, &mut found);
        found
    }

    fn claim(&self, claim: &Object<'a>, rule: &mut Rule, problems: &mut Vec<Diagnostic>, found: &mut Found) {
        match claim.at(&["spec", "volumeName"]).and_then(|view| view.text()) {
            Some(volume) => match self.bound.get(volume) {
                Some(volume) => found.is_partly |= !bound(volume, rule, problems),
                None => found.is_partly = true,
            },
            None => self.unbound(&claim.view, claim.name, rule, found),
        }
    }

    /// The claims that a set makes for a pod of it: those that an earlier pod of this name has left, or new ones.
    fn of_set(&self, draft: &Draft<'a>, rule: &mut Rule, problems: &mut Vec<Diagnostic>, found: &mut Found) {
        if draft.is_live || draft.object.kind != "StatefulSet" {
            return;
        }
        let templates = draft.object.at(&["spec", "volumeClaimTemplates"]);
        for template in templates.map_or_else(Vec::new, |all| all.items()) {
            let Some(name) = template.at(&["metadata", "name"]).and_then(|view| view.text()) else {
                continue;
            };
            let name = format!("{name}-{}", draft.name);
            match self.claims.get(&(draft.object.namespace(), &*name)) {
                Some(claim) => self.claim(claim, rule, problems, found),
                None => self.unbound(&template, &name, rule, found),
            }
        }
    }

    fn unbound(&self, claim: &View<'a>, name: &str, rule: &mut Rule, found: &mut Found) {
        if let Some(node) = claim.at(&["metadata", "annotations", SELECTED]).and_then(|view| view.text()) {
            rule.and(Requirement { key: NODE_NAME.to_owned(), test: Test::In(vec![node.to_owned()]) });
            return;
        }
        let class = claim.at(&["spec", "storageClassName"]).and_then(|view| view.text());
        let Some(class) = class.and_then(|class| self.classes.get(class)) else {
            found.is_partly = true;
            return;
        };
        let text = |field: &str| class.at(&[field]).and_then(|view| view.text());
        if text("volumeBindingMode") != Some("WaitForFirstConsumer") {
            // It will be bound before the scheduler looks at the pod, nobody knows where.
            found.is_partly = true;
            return;
        }
        if text("provisioner") == Some(BY_HAND) {
            found.left = Some(format!(
                "the volumes of class {}, of which its claim {} wants one, are made by hand: the scheduler chooses",
                class.name, name
            ));
            return;
        }
        let terms = class.at(&["allowedTopologies"]).map_or_else(Vec::new, |terms| terms.items());
        let term = |term: &View<'_>| -> Vec<Requirement> {
            let all = term.field("matchLabelExpressions").map_or_else(Vec::new, |list| list.items());
            let one = |one: &View<'_>| {
                let values = one.field("values").map_or_else(Vec::new, |values| values.items());
                let values = values.iter().filter_map(|value| value.text().map(str::to_owned)).collect();
                Some(Requirement { key: one.field("key")?.text()?.to_owned(), test: Test::In(values) })
            };
            all.iter().filter_map(one).collect()
        };
        if !terms.is_empty() {
            found.is_partly |= !narrowed(rule, terms.iter().map(term).collect());
        }
    }
}

/// A volume that is there; whether it could be held.
fn bound(volume: &Object<'_>, rule: &mut Rule, problems: &mut Vec<Diagnostic>) -> bool {
    let terms = volume.at(&["spec", "nodeAffinity", "required", "nodeSelectorTerms"]);
    let terms = terms.map_or_else(Vec::new, |terms| terms.items());
    if !terms.is_empty() {
        return narrowed(rule, terms.iter().map(|term| rule::alternative(term, problems)).collect());
    }
    let labels = volume.at(&["metadata", "labels"]);
    let mut is_held = true;
    for key in ZONES.iter().chain(&REGIONS) {
        let Some(value) = labels.as_ref().and_then(|labels| labels.field(key)?.text()) else { continue };
        // A volume in several zones names them all; a node that names none is not held against it.
        let values = value.split("__").map(str::to_owned).collect();
        let requirement = |test| vec![Requirement { key: (*key).to_owned(), test }];
        is_held &= narrowed(rule, vec![requirement(Test::In(values)), requirement(Test::DoesNotExist)]);
    }
    is_held
}

/// Adds alternatives to a rule, as long as it does not grow beyond measure.
fn narrowed(rule: &mut Rule, alternatives: Vec<Vec<Requirement>>) -> bool {
    let is_small = rule.terms.as_ref().map_or(1, Vec::len).saturating_mul(alternatives.len()) <= MOST;
    if is_small {
        rule.and_any(alternatives);
    }
    is_small
}
