//! A plan's placements as changes of the manifests: the labels and tolerations that bring pods to the
//! nodes of an offer, in the dialect of its cloud.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use plimsoll_model::{Arch, Capacity, OfferSpec, Plan, estate::EstateSpec, plan::Placement, yaml::Change};
use serde_json::{Value, json};

use super::seat::{PLACED, Placed, PodPlace, Seat};
use crate::{
    cluster::{PoolSeat, Taint},
    labels::machine::{gke_name, of_nodes},
};

/// The changes of a workload's manifest, or why there are none. `pools`: what launches the nodes.
///
/// # Errors
/// Why the manifest is left as it is.
pub fn changes(seat: &Seat, plan: &Plan, estate: &EstateSpec, pools: &[&PoolSeat]) -> Result<Change, String> {
    let placed = |name: &str| plan.placements.iter().find(|placement| placement.workload == name);
    let base = seat.base.as_deref().map(placed);
    let (Some(placement), None | Some(Some(_))) = (placed(&seat.workload), base) else {
        return Err("it is left as it is, since it has no place in the plan".to_owned());
    };
    let base = base.flatten();
    let mut all: Option<Change> = None;
    for pod in &seat.pods {
        if !pod.takes_selectors {
            return Err("it is left as it is: its kind has no pod spec to select nodes in".to_owned());
        }
        let mut wanted = Wanted::of(placement, pod, estate, pools);
        if let Some(base) = base {
            wanted.share(Wanted::of(base, pod, estate, pools));
        }
        for change in wanted.changes(pod) {
            match &mut all {
                Some(all) => all.and(change),
                None => all = Some(change),
            }
        }
    }
    Ok(all.unwrap_or(Change::Fields(IndexMap::new())))
}

/// What of a placement no pod template can say: that some replicas are on other nodes than the rest.
pub fn remark(seat: &Seat, plan: &Plan) -> Option<String> {
    let placed = |name: &str| plan.placements.iter().find(|placement| placement.workload == name);
    let (rest, base) = (placed(&seat.workload)?, placed(seat.base.as_deref()?)?);
    let (one, other) = (rest.offer.full_name(), base.offer.full_name());
    (one != other).then(|| {
        format!(
            "{}: of its replicas those of {} belong on {other}, the others on {one}; a pod template selects the same nodes for all, so what the two have in common is written: two objects would say the rest",
            seat.workload, base.workload
        )
    })
}

/// What a pod spec is to say of nodes.
struct Wanted {
    offer: String,
    /// The offer of those of its replicas that are never on spot.
    base: String,
    instances: String,
    labels: IndexMap<String, String>,
    tolerations: Vec<Taint>,
}

impl Wanted {
    fn of(placement: &Placement, pod: &PodPlace, estate: &EstateSpec, pools: &[&PoolSeat]) -> Self {
        let offer = &placement.offer;
        let mut wanted = Self {
            offer: offer.full_name(),
            base: String::new(),
            instances: placement.instances.to_string(),
            labels: IndexMap::new(),
            tolerations: Vec::new(),
        };
        if offer.capacity == Capacity::OnPrem {
            if let Some(node) = the_node(placement, estate) {
                wanted.label("kubernetes.io/hostname", &node);
            }
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
        let pool = the_pool(offer, pod, pools);
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

    /// Keeps what holds for some other replicas of the same pods too.
    fn share(&mut self, base: Self) {
        self.labels.retain(|key, value| base.labels.get(key) == Some(value));
        for taint in base.tolerations {
            if !self.tolerations.contains(&taint) {
                self.tolerations.push(taint);
            }
        }
        self.base = base.offer;
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
        if left == 0 && self.labels.is_empty() && !fields.is_empty() {
            changes.push(Change::at(&pod.spec, field("nodeSelector", Change::Gone)));
        } else if !fields.is_empty() {
            changes.push(Change::at(&pod.spec, field("nodeSelector", Change::Fields(fields))));
        }
        let (tolerations, change) = self.tolerations(pod);
        changes.extend(change.map(|change| Change::at(&pod.spec, field("tolerations", change))));
        let placed = Placed {
            offer: self.offer.clone(),
            instances: self.instances.clone(),
            base: self.base.clone(),
            labels,
            tolerations,
        };
        let record = placed.write();
        if pod.record.as_ref() != Some(&record) {
            let annotations = field("annotations", field(PLACED, Change::Put(json!(record))));
            changes.push(Change::at(&pod.template, field("metadata", annotations)));
        }
        changes
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

/// The one machine of own nodes that a workload lies on, if its name is that of a host.
fn the_node(placement: &Placement, estate: &EstateSpec) -> Option<String> {
    let [used] = &placement.nodes.as_ref()?[..] else { return None };
    let (group, _) = used.node.rsplit_once('/')?;
    let mut groups = estate.sites.iter().flat_map(|site| &site.nodes).filter(|node| node.name == group);
    let single = groups.next()?.count.unwrap_or(1) == 1;
    (single && groups.next().is_none()).then(|| group.to_owned())
}
