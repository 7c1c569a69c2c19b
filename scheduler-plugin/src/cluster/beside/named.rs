//! The objects that pods name, and which pods are to be read again when one changes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1;

use super::super::{Source, facts};

/// An object that a pod names: what it needs hangs on that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cluster) struct Ref {
    pub(super) source: Source,
    /// `namespace/name`, or the name.
    pub(super) key: Box<str>,
    /// Whether other pods may name it too.
    pub(super) is_shared: bool,
}

impl Ref {
    /// Whether it is about devices.
    pub(in crate::cluster) fn is_of_devices(&self) -> bool {
        self.source != Source::VolumeClaims
    }

    /// Those of a pod.
    pub(in crate::cluster) fn of(pod: &v1::Pod) -> Box<[Self]> {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
        let new = |source, name: &String, is_shared| Self {
            source,
            key: format!("{namespace}/{name}").into(),
            is_shared,
        };
        let made = pod.status.iter().flat_map(|status| status.resource_claim_statuses.iter().flatten());
        let claims = pod.spec.iter().flat_map(|spec| spec.resource_claims.iter().flatten());
        let mut refs: Vec<Self> = claims
            .flat_map(|claim| {
                let template = claim.resource_claim_template_name.as_ref();
                let named = claim.resource_claim_name.as_ref();
                [
                    template.map(|name| new(Source::ResourceClaimTemplates, name, false)),
                    named.map(|name| new(Source::ResourceClaims, name, true)),
                ]
            })
            .flatten()
            .collect();
        let made = made.filter_map(|status| status.resource_claim_name.as_ref());
        refs.extend(made.map(|name| new(Source::ResourceClaims, name, false)));
        // One that runs has its volumes.
        let waiting = pod.spec.iter().filter(|spec| spec.node_name.is_none());
        let volumes = waiting.flat_map(|spec| spec.volumes.iter().flatten());
        let volumes = volumes.filter_map(|volume| facts::claim_of(pod, volume));
        refs.extend(volumes.map(|name| new(Source::VolumeClaims, &name, false)));
        refs.into()
    }
}

/// Marks the pods that name an object to be read again.
#[derive(Debug, Clone, Default)]
pub(in crate::cluster) struct Unread {
    keys: BTreeSet<(Source, Box<str>)>,
    /// All that claim devices.
    devices: bool,
    /// All that mount claims of volumes.
    volumes: bool,
    /// Namespaces whose budgets are of other pods than before.
    budgets: BTreeSet<Box<str>>,
}

impl Unread {
    pub(in crate::cluster) fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.devices && !self.volumes && self.budgets.is_empty()
    }

    pub(in crate::cluster) fn add(&mut self, source: Source, key: &str) {
        match source {
            Source::DeviceClasses => self.devices = true,
            // Which claim a volume is bound to, and of which class one is, stands in the claim alone.
            Source::StorageClasses | Source::Volumes => self.volumes = true,
            Source::DisruptionBudgets => {
                self.budgets.extend(key.split_once('/').map(|(namespace, _)| namespace.into()));
            }
            _ => _ = self.keys.insert((source, key.into())),
        }
    }

    /// Whether the budgets of the pods of a namespace are to be found again.
    pub(in crate::cluster) fn has_budgets(&self, namespace: &str) -> bool {
        self.budgets.contains(namespace)
    }

    /// Whether a pod that names these is to be read again.
    pub(in crate::cluster) fn has(&self, refs: &[Ref]) -> bool {
        refs.iter().any(|one| {
            let all = if one.is_of_devices() { self.devices } else { self.volumes };
            all || self.keys.contains(&(one.source, one.key.clone()))
        })
    }
}
