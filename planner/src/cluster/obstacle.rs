//! What stands in the way of a pod that waits, node by node, and what proves that it does.

use std::collections::BTreeMap;

use plimsoll_model::{
    fleet::{Amount, Ask as Asked, Node, Pod},
    packing::{Cause, Obstacle},
};
use plimsoll_packing::fleet::{Ask, Cluster, Device, Overfull, Request, State};

use super::rules::{Looks, Refusal, refusal};

/// Nodes of which the same is free.
pub(super) struct Seen<'a> {
    pub(super) state: &'a State,
    /// Whether all of their devices are held, whatever is left of them.
    pub(super) is_held: bool,
    /// How many there are of each of [`Looks`].
    pub(super) looks: BTreeMap<usize, u64>,
}

/// The first thing in the way on each node, most nodes first; a node on which nothing is in the way counts for
/// none.
pub(super) fn causes(
    cluster: &Cluster,
    memory_unit: u64,
    pod: &Pod,
    request: &Request,
    looks: &Looks<'_>,
    nodes: &[Seen<'_>],
) -> Vec<Cause> {
    let mut found: BTreeMap<(Obstacle, String), Cause> = BTreeMap::new();
    let mut count = |(constraint, name): (Obstacle, String), nodes: u64, (needs, has)| {
        let cause = found.entry((constraint, name.clone())).or_insert(Cause {
            constraint,
            name,
            nodes: 0,
            needs,
            has,
        });
        cause.nodes += nodes;
        cause.has = match (cause.has, has) {
            (Some(most), Some(has)) => Some(f64::max(most, has)),
            (most, has) => most.or(has),
        };
    };
    let bars: Vec<Option<(Obstacle, String)>> = looks.examples.iter().map(|node| barred(pod, node)).collect();
    let mut kept_off = vec![0; bars.len()];
    for seen in nodes {
        let mut open = 0;
        for (look, nodes) in &seen.looks {
            match &bars[*look] {
                Some(_) => kept_off[*look] += nodes,
                None => open += nodes,
            }
        }
        if let Some((constraint, name)) = short(cluster, pod, request, seen).filter(|_| open > 0) {
            let amounts = amounts(cluster, memory_unit, constraint, &name, pod, request, seen);
            count((constraint, name), open, amounts);
        }
    }
    for (bar, nodes) in bars.into_iter().zip(kept_off) {
        if let Some(bar) = bar.filter(|_| nodes > 0) {
            count(bar, nodes, (None, None));
        }
    }
    let mut causes: Vec<Cause> = found.into_values().collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.nodes));
    causes
}

/// What keeps a pod off a node however much of it is free: what it is, or lets in, or has at all.
fn barred(pod: &Pod, node: &Node) -> Option<(Obstacle, String)> {
    match refusal(&pod.rule, node) {
        Some(Refusal::Label(key)) => return Some((Obstacle::Selector, key.to_owned())),
        Some(Refusal::Affinity) => return Some((Obstacle::Selector, "node affinity".to_owned())),
        Some(Refusal::Taint(taint)) => return Some((Obstacle::Taint, taint.key.clone())),
        None => {}
    }
    let ask = pod.ask.as_ref().filter(|ask| !has_devices(ask, node))?;
    Some((Obstacle::Accelerator, devices_of(ask)))
}

/// Whether a node has devices as a pod asks for, free or not.
fn has_devices(ask: &Asked, node: &Node) -> bool {
    node.devices.as_ref().is_some_and(|devices| {
        devices.resource == ask.resource && (ask.models.is_empty() || ask.models.contains(&devices.model))
    })
}

/// The devices that a pod asks for, in words.
fn devices_of(ask: &Asked) -> String {
    if ask.models.is_empty() { ask.resource.clone() } else { ask.models.join(" or ") }
}

/// What too little is free of on a node that would let the pod in.
fn short(cluster: &Cluster, pod: &Pod, request: &Request, seen: &Seen<'_>) -> Option<(Obstacle, String)> {
    if let Some(ask) = pod.ask.as_ref().filter(|_| seen.is_held) {
        return Some((Obstacle::Devices, ask.resource.clone()));
    }
    Some(match seen.state.lacks(request)? {
        Overfull::Cpu => (Obstacle::Cpu, "cpu".to_owned()),
        Overfull::Memory => (Obstacle::Memory, "memory".to_owned()),
        Overfull::Device => {
            let resource = pod.ask.as_ref().map_or(String::new(), |ask| ask.resource.clone());
            // Where there are enough, and not in one group.
            let is_torn = seen.state.joins(request)
                && matches!(request.devices, Ask::Whole(count) if seen.state.whole() >= usize::from(count));
            (if is_torn { Obstacle::Group } else { Obstacle::Devices }, resource)
        }
        Overfull::Resource(at) => {
            (Obstacle::Resource, cluster.resources.get(at).cloned().unwrap_or_default())
        }
        Overfull::Apart(_) => (Obstacle::Apart, "kubernetes.io/hostname".to_owned()),
    })
}

/// What the pod needs of it, and what the node has free.
fn amounts(
    cluster: &Cluster,
    memory_unit: u64,
    constraint: Obstacle,
    name: &str,
    pod: &Pod,
    request: &Request,
    seen: &Seen<'_>,
) -> (Option<f64>, Option<f64>) {
    let state = seen.state;
    let (needs, has) = match constraint {
        Obstacle::Cpu => (pod.need("cpu") as f64 / 1000.0, state.cpu_milli as f64 / 1000.0),
        Obstacle::Memory => {
            let has = state.memory_mib.saturating_mul(memory_unit);
            (pod.need("memory") as f64, has as f64)
        }
        Obstacle::Devices => {
            let has = if seen.is_held { 0.0 } else { most(state, request.devices) };
            (pod.accelerators_milli as f64 / 1000.0, has)
        }
        Obstacle::Group => {
            let has = state.groups().iter().map(Vec::len).max().unwrap_or(0);
            (pod.accelerators_milli as f64 / 1000.0, has as f64)
        }
        Obstacle::Resource => {
            let at = cluster.resources.iter().position(|resource| resource == name);
            let has = at.and_then(|at| state.extras.get(at)).copied().unwrap_or(0);
            (pod.need(name) as f64, has as f64)
        }
        _ => return (None, None),
    };
    (Some(needs), Some(has))
}

/// The most that a pod with such an ask could have of the devices.
fn most(state: &State, ask: Ask) -> f64 {
    match ask {
        Ask::Whole(_) => state.whole() as f64,
        Ask::Share(_) => {
            f64::from(state.devices.iter().map(|device| device.free).max().unwrap_or(0)) / 1000.0
        }
        // Wherever it is free: where that is enough, it is in the wrong places.
        Ask::Slice(_) => {
            let free = |device: &Device| match (device.is_whole(), device.taken) {
                (false, 0) => 0,
                (_, taken) => taken.count_zeros(),
            };
            f64::from(state.devices.iter().map(free).max().unwrap_or(0)) / 8.0
        }
        Ask::None => 0.0,
    }
}

/// Why no packing holds a pod whatever else waits: no node is large enough, empty. Nothing when one is.
pub(super) fn never(
    memory_unit: u64,
    pod: &Pod,
    request: &Request,
    nodes: &[(&Node, State)],
) -> Option<String> {
    let open: Vec<&(&Node, State)> =
        nodes.iter().filter(|(node, _)| refusal(&pod.rule, node).is_none()).collect();
    if open.is_empty() {
        return Some("no node lets it in, by its selectors, affinities and tolerations".to_owned());
    }
    let with_devices: Vec<&&(&Node, State)> =
        open.iter().filter(|(node, _)| pod.ask.as_ref().is_none_or(|ask| has_devices(ask, node))).collect();
    if with_devices.is_empty() {
        let ask = pod.ask.as_ref().map_or(String::new(), devices_of);
        return Some(format!("no node that lets it in has {ask}"));
    }
    let empty = Request { apart: None, ..request.clone() };
    if with_devices.iter().any(|(_, state)| state.fits(&empty)) {
        return None;
    }
    let asked = asked(pod);
    let cores = with_devices.iter().map(|(_, state)| state.cpu_milli).max().unwrap_or(0) as f64 / 1000.0;
    let memory = with_devices.iter().map(|(_, state)| state.memory_mib).max().unwrap_or(0);
    let memory = memory.saturating_mul(memory_unit) >> 20;
    let devices = with_devices.iter().map(|(_, state)| state.devices.len()).max().unwrap_or(0);
    Some(format!(
        "no node is large enough even when empty: it asks for {asked}; of those that let it in the most of each is \
         {devices} accelerators, {cores} cores, {memory} MiB"
    ))
}

/// What a pod asks for, in words.
fn asked(pod: &Pod) -> String {
    let mut words = Vec::new();
    if let Some(ask) = &pod.ask {
        words.push(match ask.amount {
            Amount::Whole(count) => format!("{count} of {}", ask.resource),
            Amount::Share(milli) => format!("{} of one {}", f64::from(milli) / 1000.0, ask.resource),
            Amount::Slice { length, starts } => {
                let places: Vec<String> =
                    (0..8_u8).filter(|part| starts >> part & 1 == 1).map(|part| part.to_string()).collect();
                format!("a slice of {length} eighths of one card from part {}", places.join(" or "))
            }
        });
    }
    words.push(format!("{} cores", pod.need("cpu") as f64 / 1000.0));
    words.push(format!("{} MiB", pod.need("memory") >> 20));
    let further = pod.needs.iter().filter(|(name, _)| !matches!(&***name, "cpu" | "memory" | "pods"));
    words.extend(further.map(|(name, amount)| format!("{amount} {name}")));
    words.join(", ")
}
