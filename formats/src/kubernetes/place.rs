//! A plan's placements as changes of the manifests: the labels and tolerations that bring pods to the
//! nodes of an offer, in the dialect of its cloud.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use plimsoll_model::{
    Arch, Capacity, OfferSpec, Plan,
    estate::EstateSpec,
    plan::{NodeUse, Placement},
    yaml::Change,
};
use serde_json::{Value, json};

use super::{
    seat::{PLACED, Placed, PodPlace, Seat},
    twin::Twin,
};
use crate::{
    cluster::{Host, Hosts, PoolSeat, Taint},
    labels::{
        HOST,
        machine::{gke_name, of_nodes},
    },
};

/// What is written of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The changes of its document.
    pub change: Change,
    /// Those of a copy of the document, which stands behind it.
    pub copy: Option<Change>,
    /// What is to be said of it.
    pub remark: Option<String>,
}

/// The machines that there are.
#[derive(Debug, Clone, Copy)]
pub struct Machines<'a> {
    /// Own ones, by group.
    pub estate: &'a EstateSpec,
    /// Own ones, by name.
    pub hosts: &'a Hosts,
    /// What launches others.
    pub pools: &'a [&'a PoolSeat],
}

/// What is written into a workload's manifest, or why it is left as it is.
///
/// # Errors
/// Why the manifest is left as it is.
pub fn changes(seat: &Seat, plan: &Plan, machines: Machines<'_>) -> Result<Written, String> {
    let placed = |name: &str| plan.placements.iter().find(|placement| placement.workload == name);
    let base = seat.base.as_deref().map(placed);
    let (Some(placement), None | Some(Some(_))) = (placed(&seat.workload), base) else {
        return Err("it is left as it is, since it has no place in the plan".to_owned());
    };
    let base = base.flatten();
    let other = base.filter(|base| base.offer.full_name() != placement.offer.full_name());
    if let (Some(other), Some(Ok(twin)), [pod]) = (other, &seat.twin, &seat.pods[..]) {
        let [one, two] = [placement, other].map(|placement| Wanted::of(placement, pod, machines));
        return Ok(apart(twin, seat, pod, &one, &two, other));
    }
    let mut all: Option<Change> = None;
    let mut excluded = BTreeSet::new();
    for pod in &seat.pods {
        let mut wanted = Wanted::of(placement, pod, machines);
        excluded.append(&mut wanted.excluded.drain(..).collect());
        if let Some(base) = base {
            wanted.share(Wanted::of(base, pod, machines));
        }
        for change in wanted.changes(pod) {
            match &mut all {
                Some(all) => all.and(change),
                None => all = Some(change),
            }
        }
    }
    let excluded = (!excluded.is_empty()).then(|| {
        let names = excluded.into_iter().collect::<Vec<_>>().join(", ");
        format!(
            "{}: the plan has it on {names}, which its own node affinity excludes: not named",
            seat.workload
        )
    });
    let remark = other.map(|other| {
        let why = seat.twin.as_ref().and_then(|twin| twin.as_ref().err());
        format!(
            "{}: of its replicas those of {} belong on {}, the others on {}; a pod template selects the same nodes for all, so what the two have in common is written, and no second object: {}",
            seat.workload,
            other.workload,
            other.offer.full_name(),
            placement.offer.full_name(),
            why.map_or("it has several templates", |why| &**why),
        )
    });
    let remark = remark.or(excluded);
    Ok(Written { change: all.unwrap_or(Change::Fields(IndexMap::new())), copy: None, remark })
}

/// An object written as two: itself with some of its replicas, and a second one with the others.
fn apart(twin: &Twin, seat: &Seat, pod: &PodPlace, one: &Wanted, two: &Wanted, other: &Placement) -> Written {
    let pod = pod.within(&twin.object);
    let with = |wanted: &Wanted, change: &Change| {
        let mut all = change.clone();
        wanted.changes(&pod).into_iter().for_each(|change| all.and(change));
        all
    };
    let (first, second) = (with(one, &twin.first), with(two, &twin.second));
    let mut change = Change::at(&twin.object, first);
    let list = twin.object.rfind('[').map(|at| &twin.object[..at]);
    let item = list.and_then(|list| Some((list, second.applied(twin.item.clone())?)));
    let copy = match item {
        Some((list, item)) => {
            change.and(Change::at(list, Change::Items(BTreeMap::new(), vec![item])));
            None
        }
        None => Some(second),
    };
    let [rest, base] = twin.replicas;
    let remark = format!(
        "{}: its replicas are on two offers, so it is written as two objects of kind {}: {rest} on {}, and {base} on {} as {}",
        seat.workload, twin.kind, one.offer, two.offer, other.workload
    );
    Written { change, copy, remark: Some(remark) }
}

/// What a pod spec is to say of nodes.
struct Wanted {
    offer: String,
    /// The offer of those of its replicas that are never on spot.
    base: String,
    instances: String,
    labels: IndexMap<String, String>,
    /// Machines by name, where there are several.
    hosts: Vec<String>,
    /// Machines of the plan that the pod's own affinity excludes.
    excluded: Vec<String>,
    tolerations: Vec<Taint>,
}

impl Wanted {
    fn of(placement: &Placement, pod: &PodPlace, machines: Machines<'_>) -> Self {
        let offer = &placement.offer;
        let mut wanted = Self {
            offer: offer.full_name(),
            base: String::new(),
            instances: placement.instances.to_string(),
            labels: IndexMap::new(),
            hosts: Vec::new(),
            excluded: Vec::new(),
            tolerations: Vec::new(),
        };
        if offer.capacity == Capacity::OnPrem {
            wanted.own(placement, pod, machines);
            return wanted;
        }
        wanted.label("topology.kubernetes.io/region", &offer.region);
        if let Some(zone) = &offer.zone {
            wanted.label("topology.kubernetes.io/zone", zone);
        }
        let is_tpu = offer.accelerator.as_deref().is_some_and(|name| name.starts_with("tpu-"));
        if let Some(instance_type) = offer.instance_type.as_ref().filter(|_| !is_tpu) {
            wanted.label("node.kubernetes.io/instance-type", of_nodes(instance_type));
        }
        if offer.arch == Some(Arch::Arm64) {
            wanted.label("kubernetes.io/arch", "arm64");
        }
        let spot = offer.capacity == Capacity::Spot;
        let pool = the_pool(offer, pod, machines.pools);
        wanted.tolerations.extend(pool.into_iter().flat_map(|pool| pool.taints.iter().cloned()));
        match (offer.cloud.as_deref(), pool) {
            (Some("aws"), _) if pod.uses_eks_labels => {
                wanted.label("eks.amazonaws.com/capacityType", if spot { "SPOT" } else { "ON_DEMAND" });
            }
            (_, Some(pool)) => wanted.label("karpenter.sh/capacity-type", pool.class(offer.capacity)),
            (Some("aws"), None) => {
                wanted.label("karpenter.sh/capacity-type", if spot { "spot" } else { "on-demand" });
            }
            (Some("gcp"), None) => wanted.gke(offer, spot),
            (Some("azure"), None) if spot => {
                wanted.label("kubernetes.azure.com/scalesetpriority", "spot");
                wanted.tolerate("kubernetes.azure.com/scalesetpriority", "spot");
            }
            _ => {}
        }
        wanted
    }

    /// The own machines that it lies on, and what they do not let every pod onto.
    fn own(&mut self, placement: &Placement, pod: &PodPlace, machines: Machines<'_>) {
        let Some(hosts) = hosts(placement, machines) else { return };
        self.also_tolerate(hosts.iter().flat_map(|host| host.taints.iter().cloned()));
        // Named beside what excludes them, there would be no node for the pods at all.
        let (out, hosts): (Vec<Host>, _) = hosts.into_iter().partition(|host| pod.affinity.excludes(host));
        let names = |hosts: Vec<Host>| hosts.into_iter().map(|host| host.name).collect();
        self.excluded = names(out);
        match &hosts[..] {
            [host] => self.label(HOST, &host.name),
            _ => self.hosts = names(hosts),
        }
    }

    /// Keeps what holds for some other replicas of the same pods too.
    fn share(&mut self, base: Self) {
        self.labels.retain(|key, value| base.labels.get(key) == Some(value));
        if self.hosts != base.hosts {
            self.hosts.clear();
        }
        self.also_tolerate(base.tolerations);
        self.base = base.offer;
    }

    fn also_tolerate(&mut self, taints: impl IntoIterator<Item = Taint>) {
        for taint in taints {
            if !self.tolerations.contains(&taint) {
                self.tolerations.push(taint);
            }
        }
    }

    fn gke(&mut self, offer: &OfferSpec, spot: bool) {
        if spot {
            self.label("cloud.google.com/gke-spot", "true");
            self.tolerate("cloud.google.com/gke-spot", "true");
        } else {
            self.label("cloud.google.com/gke-provisioning", "standard");
        }
        let Some(accelerator) = offer.accelerator.as_deref() else { return };
        if let Some((chips, topology)) = super::tpu::labels(accelerator) {
            self.label("cloud.google.com/gke-tpu-accelerator", chips);
            self.label("cloud.google.com/gke-tpu-topology", topology);
        } else if let Some(name) = gke_name(accelerator, offer.instance_type.as_deref().unwrap_or_default()) {
            self.label("cloud.google.com/gke-accelerator", name);
        }
    }

    fn label(&mut self, key: &str, value: &str) {
        self.labels.insert(key.to_owned(), value.to_owned());
    }

    fn tolerate(&mut self, key: &str, value: &str) {
        self.tolerations.push(Taint {
            key: key.to_owned(),
            value: Some(value.to_owned()),
            effect: "NoSchedule".to_owned(),
        });
    }

    /// The changes of a pod spec and of its annotations; none when it says all this already.
    fn changes(&self, pod: &PodPlace) -> Vec<Change> {
        let mut changes = Vec::new();
        // Its own labels stay: the plan was held to them, or they say the same in other words.
        let ours = |key: &&String| pod.placed.labels.contains(key) || !pod.node_selector.contains_key(*key);
        let labels: Vec<String> = self.labels.keys().filter(ours).cloned().collect();
        let stale = pod.placed.labels.iter().filter(|key| !self.labels.contains_key(*key));
        let mut fields: IndexMap<String, Change> = IndexMap::new();
        for key in stale.filter(|key| pod.node_selector.contains_key(*key)) {
            fields.insert(key.clone(), Change::Gone);
        }
        let left = pod.node_selector.len() - fields.len();
        for (key, value) in &self.labels {
            if labels.contains(key) && pod.node_selector.get(key) != Some(value) {
                fields.insert(key.clone(), Change::Put(json!(value)));
            }
        }
        let field = |name: &str, change| Change::Fields(IndexMap::from([(name.to_owned(), change)]));
        let mut of_spec: Vec<Change> = Vec::new();
        if left == 0 && self.labels.is_empty() && !fields.is_empty() {
            of_spec.push(field("nodeSelector", Change::Gone));
        } else if !fields.is_empty() {
            of_spec.push(field("nodeSelector", Change::Fields(fields)));
        }
        let (tolerations, change) = self.tolerations(pod);
        of_spec.extend(change.map(|change| field("tolerations", change)));
        let (affinity, change) = self.affinity(pod);
        of_spec.extend(change);
        let of_spec = of_spec.into_iter().reduce(|mut all, change| {
            all.and(change);
            all
        });
        changes.extend(of_spec.map(|change| match &pod.entry {
            Some(entry) => entry.change(&pod.spec, change),
            None => Change::at(&pod.spec, change),
        }));
        let placed = Placed {
            offer: self.offer.clone(),
            instances: self.instances.clone(),
            base: self.base.clone(),
            labels,
            tolerations,
            affinity,
        };
        let record = placed.write();
        if pod.record.as_ref() != Some(&record) {
            let annotations = field("annotations", field(PLACED, Change::Put(json!(record))));
            changes.push(Change::at(&pod.template, field("metadata", annotations)));
        }
        changes
    }

    /// The keys that are ours of the node affinity, and its change.
    fn affinity(&self, pod: &PodPlace) -> (Vec<String>, Option<Change>) {
        let ours = pod.placed.affinity.iter().any(|key| key == HOST);
        let is_theirs = |key: &str| {
            pod.node_selector.contains_key(key) && !pod.placed.labels.iter().any(|ours| ours == key)
        };
        // Its own names stay, as labels do.
        let hosts = if pod.affinity.names_hosts(ours) || is_theirs(HOST) { &[][..] } else { &self.hosts };
        let keys = if hosts.is_empty() { Vec::new() } else { vec![HOST.to_owned()] };
        (keys, pod.affinity.change(hosts, ours))
    }

    /// The keys of the tolerations that are ours, and the change of the list.
    fn tolerations(&self, pod: &PodPlace) -> (Vec<String>, Option<Change>) {
        let is_ours = |key: &str| pod.placed.tolerations.iter().any(|ours| ours == key);
        // One without a key tolerates everything.
        let theirs = |taint: &&Taint| {
            let mut keys = pod.tolerations.iter().map(|(key, _)| key);
            !is_ours(&taint.key) && keys.any(|key| *key == taint.key || key.is_empty())
        };
        let ours: Vec<&Taint> = self.tolerations.iter().filter(|taint| !theirs(taint)).collect();
        let mut gone = BTreeMap::new();
        let mut kept = BTreeSet::new();
        for (index, (key, value)) in pod.tolerations.iter().enumerate().filter(|(_, (key, _))| is_ours(key)) {
            match ours.iter().position(|taint| taint.key == *key && taint.value == *value) {
                Some(at) => _ = kept.insert(at),
                None => _ = gone.insert(index, Change::Gone),
            }
        }
        let new = ours.iter().enumerate().filter(|(at, _)| !kept.contains(at));
        let new: Vec<Value> = new.map(|(_, taint)| toleration(taint)).collect();
        let change = match (gone.len(), new.is_empty()) {
            (0, true) => None,
            (all, true) if all == pod.tolerations.len() => Some(Change::Gone),
            _ => Some(Change::Items(gone, new)),
        };
        (ours.into_iter().map(|taint| taint.key.clone()).collect(), change)
    }
}

fn toleration(taint: &Taint) -> Value {
    let Taint { key, value, effect } = taint;
    match value {
        Some(value) => json!({"key": key, "operator": "Equal", "value": value, "effect": effect}),
        None => json!({"key": key, "operator": "Exists", "effect": effect}),
    }
}

/// The pool that launches the nodes: the one that the pods select, else the first that may.
fn the_pool<'p>(offer: &OfferSpec, pod: &PodPlace, pools: &[&'p PoolSeat]) -> Option<&'p PoolSeat> {
    let selected = pod.node_selector.get("karpenter.sh/nodepool");
    let may = || pools.iter().filter(|pool| pool.allows(offer));
    may().find(|pool| Some(&pool.name) == selected).or_else(|| may().next()).copied()
}

/// The own machines that a workload lies on, if all of them are known by name: a node list names them, and a group of
/// one machine has its name.
fn hosts(placement: &Placement, machines: Machines<'_>) -> Option<Vec<Host>> {
    let listed = machines.hosts.get(&placement.offer.full_name());
    let host = |used: &NodeUse| {
        let (group, index) = used.node.rsplit_once('/')?;
        if let Some(listed) = listed {
            return listed.get(index.parse::<usize>().ok()?).cloned();
        }
        let groups = machines.estate.sites.iter().flat_map(|site| &site.nodes);
        let mut groups = groups.filter(|node| node.name == group);
        let is_one = groups.next()?.count.unwrap_or(1) == 1 && groups.next().is_none();
        is_one.then(|| Host { name: group.to_owned(), node: group.to_owned(), taints: Vec::new() })
    };
    placement
        .nodes
        .as_ref()?
        .iter()
        .map(host)
        .collect::<Option<Vec<Host>>>()
        .filter(|hosts| !hosts.is_empty())
}
