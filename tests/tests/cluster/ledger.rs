//! The laws: no pod is lost, none is bound twice, none stays behind a gate, no
//! node is overfilled at any moment. (That no reservation is left behind is
//! shown by filling the cluster: [`crate::site::Site::check`].)
//!
//! One watch sees every change of every pod in the API server's own order, so
//! that "at any moment" is meant: usage is counted after each change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt as _};
use plimsoll_control_plane::audit::Binding;
use plimsoll_control_plane::nodes::Profile;
use tokio::task::JoinHandle;

use crate::site::{GPU, is_gated, node_of};

#[derive(Default)]
struct Seen {
    /// Names that were submitted.
    expected: BTreeSet<String>,
    /// Devices in use by node, by pod's unique id.
    usage: BTreeMap<String, BTreeMap<String, u32>>,
    /// What was against the law when it happened.
    violations: Vec<String>,
}

pub(crate) struct Ledger {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Ledger {
    pub(crate) fn start(client: Client, fleet: &[Profile]) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let capacity = fleet.iter().flat_map(|profile| {
            let devices = profile.accelerators.as_ref().filter(|a| a.resource == GPU);
            let devices = devices.map_or(0, |a| a.count);
            (0..profile.count).map(move |index| (format!("{}-{index}", profile.name), devices))
        });
        let task = tokio::spawn(watch(client, Arc::clone(&seen), capacity.collect()));
        Self { seen, task }
    }

    /// A pod of this name must be there from now on, whatever happens.
    pub(crate) fn expect(&self, name: &str) {
        self.seen.lock().unwrap().expected.insert(name.to_owned());
    }

    /// The pods that were expected may go.
    pub(crate) fn release(&self) {
        self.seen.lock().unwrap().expected.clear();
    }

    /// Holds what is there, and what has been, against the laws.
    pub(crate) fn check(&self, pods: &[Pod], bindings: &[Binding]) {
        assert!(!self.task.is_finished(), "the watch broke: nothing was seen since");
        let seen = self.seen.lock().unwrap();
        assert_eq!(seen.violations, Vec::<String>::new());
        let there = pods.iter().map(Pod::name_any).collect();
        let lost: Vec<_> = seen.expected.difference(&there).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        let gated: Vec<_> = pods.iter().filter(|pod| is_gated(pod)).map(Pod::name_any).collect();
        assert!(gated.is_empty(), "gated for good: {gated:?}");
        let mut bound = BTreeMap::<&str, u32>::new();
        for binding in bindings.iter().filter(|binding| binding.accepted()) {
            *bound.entry(binding.uid.as_deref().expect("bindings name the pod's id")).or_default() += 1;
        }
        let twice: Vec<_> = bound.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "bound twice: {twice:?}");
        for pod in pods {
            assert!(bound.contains_key(&*pod.uid().unwrap()), "{} is not bound", pod.name_any());
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(client: Client, seen: Arc<Mutex<Seen>>, capacity: BTreeMap<String, u32>) {
    let api: Api<Pod> = Api::all(client);
    // From the beginning, and from where the last watch ended.
    let mut version = "0".to_owned();
    loop {
        let Ok(stream) = api.watch(&WatchParams::default().timeout(290), &version).await else {
            return;
        };
        let mut stream = stream.boxed();
        while let Some(event) = stream.next().await {
            let (pod, is_gone) = match event {
                Ok(WatchEvent::Added(pod) | WatchEvent::Modified(pod)) => (pod, false),
                Ok(WatchEvent::Deleted(pod)) => (pod, true),
                Ok(WatchEvent::Bookmark(_)) => continue,
                Ok(WatchEvent::Error(_)) | Err(_) => return,
            };
            version = pod.resource_version().unwrap();
            note(&mut seen.lock().unwrap(), &pod, is_gone, &capacity);
        }
    }
}

fn note(seen: &mut Seen, pod: &Pod, is_gone: bool, capacity: &BTreeMap<String, u32>) {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let is_over = is_gone || matches!(phase, Some("Succeeded" | "Failed"));
    let Some(node) = node_of(pod) else { return };
    let usage = seen.usage.entry(node.to_owned()).or_default();
    let uid = pod.uid().unwrap();
    if is_over {
        usage.remove(&uid);
        return;
    }
    usage.insert(uid, devices(pod));
    let (used, most) = (usage.values().sum::<u32>(), capacity.get(node).copied().unwrap_or(0));
    if used > most {
        seen.violations.push(format!("{node} has {used} of {most} devices in use"));
    }
}

fn devices(pod: &Pod) -> u32 {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let limits = containers.filter_map(|c| c.resources.as_ref()?.limits.as_ref()?.get(GPU));
    limits.map(|quantity| quantity.0.parse::<u32>().unwrap()).sum()
}
