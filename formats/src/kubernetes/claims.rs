//! Volume claims as data: what is known of a claim's size and place.
//!
//! A claim that the estate names as a dataset is one: its name is all that is needed. A claim that is
//! bound to a volume with a zone becomes a dataset there, of the claim's size. Of any other claim
//! nothing is known but its name; then no data is moved, and the plan says so.

use std::collections::BTreeMap;

use plimsoll_model::{Bytes, Diagnostic, estate::Dataset, read::View};

use super::{limits::Property, object::Object, selector::Placement};

/// The claims and volumes among the manifests.
#[derive(Debug, Default)]
pub(super) struct Claims<'a> {
    /// By (namespace, name).
    claims: BTreeMap<(&'a str, &'a str), View<'a>>,
    volumes: BTreeMap<&'a str, View<'a>>,
}

impl<'a> Claims<'a> {
    pub(super) fn of(objects: &[Object<'a>]) -> Self {
        let mut found = Self::default();
        for object in objects.iter().filter(|object| object.group.is_empty()) {
            match object.kind {
                "PersistentVolumeClaim" => {
                    found.claims.insert((object.namespace(), object.name), object.view.clone());
                }
                "PersistentVolume" => _ = found.volumes.insert(object.name, object.view.clone()),
                _ => {}
            }
        }
        found
    }

    /// What a claim asks for.
    pub(super) fn size(&self, namespace: &'a str, name: &'a str) -> Option<Bytes> {
        let claim = self.claims.get(&(namespace, name))?;
        claim.at(&["spec", "resources", "requests", "storage"])?.text()?.parse().ok()
    }

    /// The claim as a dataset, when its volume says where it lies.
    pub(super) fn dataset(&self, namespace: &'a str, name: &'a str) -> Option<Dataset> {
        let claim = self.claims.get(&(namespace, name))?;
        let volume = self.volumes.get(claim.at(&["spec", "volumeName"])?.text()?)?;
        let capacity = volume.at(&["spec", "capacity", "storage"]).and_then(|view| view.text()?.parse().ok());
        let size = self.size(namespace, name).or(capacity)?;
        let at = place_of(volume)?;
        Some(Dataset { name: name.to_owned(), size, at: vec![at], residency: Vec::new() })
    }
}

/// The region of a volume: by its node affinity, else by its labels.
fn place_of(volume: &View<'_>) -> Option<String> {
    const LABELS: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];
    // A volume's node affinity has the form of a pod's selectors.
    let mut problems: Vec<Diagnostic> = Vec::new();
    let region = |placement: Placement<'_>| match &placement.ways[..] {
        [limits] => match limits.values(Property::Region) {
            [region] => Some(region.clone()),
            _ => None,
        },
        _ => None,
    };
    let terms = volume.at(&["spec", "nodeAffinity", "required", "nodeSelectorTerms"]);
    let by_affinity = terms.and_then(|terms| region(Placement::of_terms(&terms, None, &mut problems)));
    let labels = volume.at(&["metadata", "labels"]);
    by_affinity.or_else(|| {
        LABELS.iter().find_map(|key| {
            let value = labels.as_ref()?.field(key)?;
            region(Placement::of_label(key, value.text()?, &value, None))
        })
    })
}

/// The claims that a pod mounts, in order, each once.
pub(super) fn of_pod<'a>(spec: &View<'a>) -> Vec<(&'a str, View<'a>)> {
    let mut claims: Vec<(&str, View<'a>)> = Vec::new();
    for volume in spec.field("volumes").map_or_else(Vec::new, |volumes| volumes.items()) {
        let Some(at) = volume.at(&["persistentVolumeClaim", "claimName"]) else { continue };
        let Some(name) = at.text() else { continue };
        if claims.iter().all(|(known, _)| *known != name) {
            claims.push((name, at));
        }
    }
    claims
}
