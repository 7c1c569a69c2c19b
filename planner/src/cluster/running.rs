//! Where running pods are: on their nodes, on devices that documents do not name.
//!
//! Which devices a pod holds is known to its node alone; largest first, each is given those on which it
//! leaves least. A node whose pods ask for more than it has (its allocatable shrank) counts as full.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Fleet, plan::Assumption};
use plimsoll_packing::fleet::{Ask, Cluster, Placement, State};

use crate::PlanError;

/// Places the running pods of a cluster; nodes that are too small for theirs grow to be full, and keep them.
pub(super) fn place(fleet: &Fleet, cluster: &mut Cluster) -> Result<Vec<Assumption>, PlanError> {
    let at: BTreeMap<&str, usize> =
        fleet.nodes.iter().enumerate().map(|(at, node)| (&*node.name, at)).collect();
    let mut on: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (pod, it) in fleet.pods.iter().enumerate() {
        if let Some(node) = it.on.as_deref().and_then(|name| at.get(name)) {
            on.entry(*node).or_default().push(pod);
        }
    }
    let mut notes = Vec::new();
    let mut has_devices = false;
    for (node, mut pods) in on {
        let by_size = |pod: &usize| {
            let it = &cluster.pods[*pod];
            let rank = match it.request.devices {
                Ask::Whole(_) => 2,
                Ask::Slice(_) | Ask::Share(_) => 1,
                Ask::None => 0,
            };
            (std::cmp::Reverse((rank, it.request.milli())), it.name.clone())
        };
        pods.sort_by_key(by_size);
        has_devices |= pods.iter().any(|pod| cluster.pods[*pod].request.devices != Ask::None);
        grow(cluster, node, &pods, &mut notes);
        seat(cluster, node, &pods)?;
    }
    if has_devices {
        notes.push(note(
            "devices of running pods".to_owned(),
            "each is taken to hold those on which it leaves least",
        ));
    }
    Ok(notes)
}

fn note(what: String, value: &str) -> Assumption {
    Assumption { what, value: value.to_owned(), source: "the cluster's documents".to_owned(), as_of: None }
}

/// Makes a node as large as what runs there.
fn grow(cluster: &mut Cluster, node: usize, pods: &[usize], notes: &mut Vec<Assumption>) {
    let requests = || pods.iter().map(|pod| &cluster.pods[*pod].request);
    let cpu: u64 = requests().map(|request| request.cpu_milli).sum();
    let memory: u64 = requests().map(|request| request.memory_mib).sum();
    let whole: u64 = requests()
        .map(|request| match request.devices {
            Ask::Whole(count) => u64::from(count),
            _ => 0,
        })
        .sum();
    let extras: Vec<u64> = (0..cluster.resources.len())
        .map(|at| requests().map(|request| request.extras.get(at).copied().unwrap_or(0)).sum())
        .collect();
    let whole = u16::try_from(whole).unwrap_or(u16::MAX);
    let it = &mut cluster.nodes[node];
    let before = it.clone();
    it.cpu_milli = it.cpu_milli.max(cpu);
    it.memory_mib = it.memory_mib.max(memory);
    it.devices = it.devices.max(whole);
    for (has, used) in it.extras.iter_mut().zip(extras) {
        *has = (*has).max(used);
    }
    if *it != before {
        let what = format!("room on node {}", it.name);
        notes.push(note(what, "its pods ask for more than is allocatable: it counts as full, and they stay"));
        for pod in pods {
            cluster.pods[*pod].fixed = true;
        }
    }
}

/// Gives each pod its devices.
fn seat(cluster: &mut Cluster, node: usize, pods: &[usize]) -> Result<(), PlanError> {
    let mut state = State::empty(&cluster.nodes[node]);
    let zone = cluster.nodes[node].zone;
    let mut groups = BTreeSet::new();
    for pod in pods {
        let it = &mut cluster.pods[*pod];
        // What kept them apart may have come after they ran.
        it.request.apart = it.request.apart.filter(|group| groups.insert(*group));
        it.spread = it.spread.filter(|_| zone.is_some());
        let devices = state.place(&it.request).map_err(|overfull| {
            PlanError::input(
                format!(
                    "the pods on node {} do not fit there: {overfull} by {}",
                    cluster.nodes[node].name, it.name
                ),
                "nodes and pods must be of one moment: kubectl get nodes,pods -A -o yaml",
            )
        })?;
        it.running = Some(Placement { node, devices });
    }
    Ok(())
}
