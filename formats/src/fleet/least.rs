//! How many pods of a gang must run for any to run: `minMember` of pod groups, `minAvailable` of jobs.

use std::collections::BTreeMap;

use super::gang;
use crate::kubernetes::object::Object;

/// What is stated of a gang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Least {
    pub(super) field: &'static str,
    pub(super) pods: usize,
}

/// The sizes that the documents state, by namespace and gang.
#[derive(Debug, Default)]
pub(super) struct Sizes<'a> {
    stated: BTreeMap<(&'a str, &'a str), Least>,
    /// Pods that have ended, which count as members.
    ended: BTreeMap<(&'a str, String), usize>,
}

impl<'a> Sizes<'a> {
    pub(super) fn of(objects: &[Object<'a>]) -> Self {
        let mut found = Self::default();
        for object in objects {
            if let Some(least) = least(object) {
                found.stated.insert((object.namespace(), object.name), least);
            }
        }
        let pods = objects.iter().filter(|object| object.group.is_empty() && object.kind == "Pod");
        for pod in pods.filter(|_| !found.stated.is_empty()) {
            let phase = pod.at(&["status", "phase"]).and_then(|phase| phase.text());
            if let Some(gang) = gang::of_pod(pod).filter(|_| phase == Some("Succeeded")) {
                *found.ended.entry((pod.namespace(), gang)).or_default() += 1;
            }
        }
        found
    }

    /// How many of a gang's pods must run that have not ended, with the field that says so.
    pub(super) fn least(&self, namespace: &str, gang: &str) -> Option<Least> {
        let stated = self.stated.get(&(namespace, gang))?;
        let ended = self.ended.get(&(namespace, gang.to_owned())).copied().unwrap_or(0);
        Some(Least { pods: stated.pods.saturating_sub(ended), ..*stated })
    }
}

fn least(object: &Object<'_>) -> Option<Least> {
    let (path, field): (&[&str], _) = match (object.group, object.kind) {
        ("scheduling.x-k8s.io" | "scheduling.volcano.sh" | "scheduling.sigs.k8s.io", "PodGroup") => {
            (&["spec", "minMember"], "minMember")
        }
        ("scheduling.k8s.io", "PodGroup") => (&["spec", "schedulingPolicy", "gang", "minCount"], "minCount"),
        ("batch.volcano.sh", "Job") => (&["spec", "minAvailable"], "minAvailable"),
        ("kubeflow.org", _) => (&["spec", "runPolicy", "schedulingPolicy", "minAvailable"], "minAvailable"),
        _ => return None,
    };
    let pods = usize::try_from(object.at(path)?.integer()?).ok()?;
    Some(Least { field, pods })
}
