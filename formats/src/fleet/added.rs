//! What a node of an offer would be among those of a cluster: labels, taints, room, devices.
//!
//! Where the cluster has a node of the same machine type, the new one is as that one is; where it has several that
//! differ in whom they let in, it may be as any of them. Else its labels are
//! those that a price list knows, with the spelling that pods ask for, and those in which all nodes with the
//! same devices agree; its room is that of the machine less what GKE keeps for the node, which is more than
//! others keep. What pods of the node itself (`DaemonSets`) take of like nodes is taken off.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_catalog::{Kind, accelerator, instance_types, regions_named};
use plimsoll_model::{
    Arch, Capacity, Fleet, OfferSpec,
    fleet::{Devices, Groups, Node, Rule, Taint, Test, ZONE},
};

use crate::labels::{
    ARCHES, HOST, REGIONS, TYPES, ZONES, arch, capacity, cloud_of, machine::Machine, machine::of_nodes,
    names_accelerator, product, region_of,
};

/// Pods that a node takes where nothing else is known.
const PODS: u64 = 110;

/// Where a cloud and a region are named by the labels of a cluster's nodes.
pub fn places(fleet: &Fleet) -> BTreeSet<(Option<String>, String)> {
    fleet.nodes.iter().filter_map(place).collect()
}

pub(super) fn place(node: &Node) -> Option<(Option<String>, String)> {
    let label = |keys: &[&str]| keys.iter().find_map(|key| node.labels.get(*key)).map(String::as_str);
    let region = label(&REGIONS).or_else(|| label(&ZONES).map(region_of))?;
    let by_label = node.labels.keys().find_map(|key| cloud_of(key));
    let by_type = || {
        let stated = label(&TYPES)?;
        instance_types().iter().find(|known| of_nodes(known.name) == stated).map(|known| known.cloud)
    };
    let by_region = || {
        let mut known = regions_named(region).map(|region| region.cloud);
        known.next().filter(|_| known.next().is_none())
    };
    let cloud = by_label.or_else(by_type).or_else(by_region).map(str::to_owned);
    Some((cloud, region.to_owned()))
}

/// What a node is rented as, by its labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rented {
    /// The cloud.
    pub cloud: String,
    /// The region.
    pub region: String,
    /// The machine type, as labels spell it ([`Rented::machine_of`]).
    pub machine: String,
    /// The class of capacity; on demand where no label says.
    pub capacity: Capacity,
}

impl Rented {
    /// What a node says that it is; nothing where its cloud, region or machine type is not known.
    pub fn of(node: &Node) -> Option<Self> {
        let (cloud, region) = place(node)?;
        let machine = TYPES.iter().find_map(|key| node.labels.get(*key))?.clone();
        let stated = node.labels.iter().find_map(|(key, value)| capacity(key, value).flatten());
        Some(Self { cloud: cloud?, region, machine, capacity: stated.unwrap_or(Capacity::OnDemand) })
    }

    /// A price list's machine type as labels spell it.
    pub fn machine_of(instance_type: &str) -> &str {
        of_nodes(instance_type)
    }

    /// Whether a node has the accelerators of a machine on offer: so many (in thousandths) of this name.
    pub fn has(node: &Node, accelerator: Option<&str>, milli: u64) -> bool {
        match (&node.devices, accelerator) {
            (Some(devices), Some(name)) => {
                u64::from(devices.count) * 1000 == milli && is_named(&devices.model, name)
            }
            (None, None) => true,
            _ => false,
        }
    }
}

/// A cluster to which nodes could be added.
#[derive(Debug)]
pub struct Ground<'f> {
    fleet: &'f Fleet,
    /// The nodes of each machine type.
    like: BTreeMap<&'f str, Vec<&'f Node>>,
    /// The labels that rules of waiting pods speak of, with the values that they name.
    wanted: BTreeMap<&'f str, BTreeSet<&'f str>>,
    /// The instruction sets of the cluster's nodes and those that pods name.
    arches: BTreeSet<Arch>,
    /// What pods of the nodes themselves take, by node.
    taken: BTreeMap<&'f str, BTreeMap<&'f str, u64>>,
}

/// A node that could be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNode {
    /// As the cluster would have it; its name is the offer's.
    pub node: Node,
    /// The node of the cluster that it is like.
    pub like: Option<String>,
}

impl<'f> Ground<'f> {
    /// Of a cluster.
    pub fn of(fleet: &'f Fleet) -> Self {
        let mut like: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in &fleet.nodes {
            let Some(stated) = TYPES.iter().find_map(|key| node.labels.get(*key)) else { continue };
            like.entry(stated).or_default().push(node);
        }
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for pod in fleet.pods.iter().filter(|pod| pod.on.is_none()) {
            for (key, value) in named(&pod.rule) {
                wanted.entry(key).or_default().extend(value);
            }
        }
        let mut taken: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for (pod, node) in fleet.pods.iter().filter_map(|pod| Some((pod, pod.on.as_deref()?))) {
            for (resource, need) in pod.needs.iter().filter(|_| pod.daemon) {
                *taken.entry(node).or_default().entry(resource).or_default() += need;
            }
        }
        let labels = fleet.nodes.iter().flat_map(|node| &node.labels);
        let labels = labels.map(|(key, value)| (&**key, &**value));
        let asked = wanted.iter().flat_map(|(key, values)| values.iter().map(|value| (*key, *value)));
        let arch_of = |(key, value): (&str, &str)| match key {
            _ if ARCHES.contains(&key) => arch(value),
            _ if TYPES.contains(&key) => {
                let known = instance_types().iter().find(|known| of_nodes(known.name) == value)?;
                arch(known.arch.name())
            }
            _ => None,
        };
        let mut arches: BTreeSet<Arch> = labels.chain(asked).filter_map(arch_of).collect();
        if arches.is_empty() {
            arches.insert(Arch::Amd64);
        }
        Self { fleet, like, wanted, arches, taken }
    }

    /// Whether pods ask for places inside of the cluster's region.
    pub fn asks_for_zones(&self) -> bool {
        ZONES.iter().any(|key| self.wanted.contains_key(key))
    }

    /// Whether pods ask for regions or zones.
    pub fn asks_for_places(&self) -> bool {
        self.asks_for_zones() || REGIONS.iter().any(|key| self.wanted.contains_key(key))
    }

    /// What a node of an offer would be, in a zone if that matters: one of each kind that the cluster has of it;
    /// nothing where too little is known of it, where it holds a part of a card or a slice of hosts, or where it has
    /// an instruction set that neither nodes nor pods name.
    pub fn nodes(&self, offer: &OfferSpec, zone: Option<&str>) -> Vec<NewNode> {
        if offer.arch.is_some_and(|arch| !self.arches.contains(&arch)) {
            return Vec::new();
        }
        let stated = offer.instance_type.as_deref().map(of_nodes);
        let of_type = stated.and_then(|stated| self.like.get(stated)).cloned();
        let like = self.unlike(of_type.unwrap_or_else(|| self.own(offer)));
        if like.is_empty() {
            return self.node(offer, zone, None).into_iter().collect();
        }
        like.into_iter().filter_map(|like| self.node(offer, zone, Some(like))).collect()
    }

    /// Of nodes that let the same pods in the largest.
    fn unlike(&self, nodes: Vec<&'f Node>) -> Vec<&'f Node> {
        let size = |node: &Node| {
            let room = |of: &str| node.room.get(of).copied().unwrap_or(0);
            let devices = node.devices.as_ref().map_or(0, |devices| devices.count);
            (devices, room("cpu"), room("memory"), std::cmp::Reverse(node.name.clone()))
        };
        // Places and classes of capacity are the offer's.
        let is_offers = |key: &&&str| ZONES.contains(*key) || REGIONS.contains(*key) || **key == HOST;
        let kept = self.wanted.iter().filter(|(key, values)| {
            !is_offers(key) && !values.iter().any(|value| capacity(key, value).is_some())
        });
        let kept: Vec<(&str, &BTreeSet<&str>)> = kept.map(|(key, values)| (*key, values)).collect();
        let mut kinds: BTreeMap<_, &Node> = BTreeMap::new();
        for node in nodes {
            // Values that no pod names are alike.
            let label = |(key, values): &(&str, &BTreeSet<&'f str>)| {
                node.labels.get(*key).map(|value| values.get(&**value).copied().unwrap_or_default())
            };
            let labels: Vec<Option<&str>> = kept.iter().map(label).collect();
            let taints = taints(&[node]).into_iter().map(|taint| (taint.key, taint.value, taint.effect));
            let model = node.devices.as_ref().map(|devices| (&*devices.resource, &*devices.model));
            let known = kinds.entry((labels, taints.collect::<BTreeSet<_>>(), model)).or_insert(node);
            if size(node) > size(known) {
                *known = node;
            }
        }
        kinds.into_values().collect()
    }

    /// The same like one of the cluster's nodes, or like none.
    fn node(&self, offer: &OfferSpec, zone: Option<&str>, like: Option<&'f Node>) -> Option<NewNode> {
        let devices = match like {
            Some(like) => like.devices.clone(),
            None => self.devices(offer)?,
        };
        let near: Vec<&Node> = match like {
            Some(like) => vec![like],
            None => self.with_devices(devices.as_ref()),
        };
        let mut room = match like {
            Some(like) => like.room.clone(),
            None => self.room(offer)?,
        };
        let all: Vec<&Node> = match like {
            Some(like) => self.fleet.nodes.iter().filter(|node| is_same_type(node, like)).collect(),
            None => self.fleet.nodes.iter().collect(),
        };
        for (resource, most) in &mut room {
            let of = |node: &&Node| self.taken.get(&*node.name)?.get(&**resource).copied();
            *most = most.saturating_sub(all.iter().filter_map(of).max().unwrap_or(0));
        }
        let labels = self.wanted.keys().filter_map(|key| {
            let value = self.label(key, offer, zone, like, &near)?;
            Some(((*key).to_owned(), value))
        });
        let node = Node {
            name: offer.full_name(),
            labels: labels.collect(),
            taints: taints(&near),
            room,
            devices,
            groups: like.map_or_else(Groups::default, |like| like.groups),
            site: None,
        };
        Some(NewNode { node, like: like.map(|like| like.name.clone()) })
    }

    /// The nodes that an own machine on offer is like.
    fn own(&self, offer: &OfferSpec) -> Vec<&'f Node> {
        let is_it = |node: &&Node| {
            let cores = |milli: u64| milli.div_ceil(1000);
            let cpu = node.room.get("cpu").copied().unwrap_or(0);
            let same_cpu = offer.cpu.is_some_and(|stated| cores(stated.milli()) == cores(cpu));
            let same_devices = match (&node.devices, &offer.accelerator) {
                (Some(devices), Some(name)) => {
                    is_named(&devices.model, name)
                        && u64::from(devices.count) * 1000 == offer.accelerators_milli()
                }
                (None, None) => true,
                _ => false,
            };
            same_cpu && same_devices
        };
        if offer.capacity != Capacity::OnPrem {
            return Vec::new();
        }
        self.fleet.nodes.iter().filter(is_it).collect()
    }

    /// The devices of a machine that the cluster has not.
    #[expect(clippy::option_option, reason = "not known, none, or some")]
    fn devices(&self, offer: &OfferSpec) -> Option<Option<Devices>> {
        let Some(name) = &offer.accelerator else { return Some(None) };
        let milli = offer.accelerators_milli();
        if milli == 0 || !milli.is_multiple_of(1000) {
            return None;
        }
        let count = u16::try_from(milli / 1000).ok()?;
        let known = self.fleet.nodes.iter().filter_map(|node| node.devices.as_ref());
        let mut known = known.filter(|devices| is_named(&devices.model, name));
        let resource = match accelerator(name) {
            Some(card) => match (card.kind, card.vendor) {
                (Kind::Gpu, "NVIDIA") => "nvidia.com/gpu",
                (Kind::Gpu, "AMD") => "amd.com/gpu",
                (Kind::Npu, "AWS") => "aws.amazon.com/neuron",
                (Kind::Npu, _) if card.name.starts_with("Gaudi") => "habana.ai/gaudi",
                _ => return None,
            },
            None => known.clone().map(|devices| &devices.resource).min()?,
        };
        let named = self.fleet.pods.iter().filter_map(|pod| pod.ask.as_ref()).flat_map(|ask| &ask.models);
        let of_nodes = known.by_ref().map(|devices| &devices.model);
        let model = of_nodes.chain(named).filter(|model| is_named(model, name)).min();
        let model = model.cloned().unwrap_or_else(|| product(name));
        Some(Some(Devices { resource: resource.to_owned(), model, count }))
    }

    /// The nodes with such devices, or without any.
    fn with_devices(&self, devices: Option<&Devices>) -> Vec<&'f Node> {
        let kind = |devices: &Devices| (devices.resource.clone(), devices.model.clone());
        let same = |node: &&Node| node.devices.as_ref().map(kind) == devices.map(kind);
        self.fleet.nodes.iter().filter(same).collect()
    }

    /// What pods can have of a machine that the cluster has not.
    fn room(&self, offer: &OfferSpec) -> Option<BTreeMap<String, u64>> {
        let (cpu, memory) = (offer.cpu?.milli(), offer.memory?.0);
        let mut room = BTreeMap::from([
            ("cpu".to_owned(), cpu.saturating_sub(kept_cpu(cpu))),
            ("memory".to_owned(), memory.saturating_sub(kept_memory(memory))),
            ("pods".to_owned(), PODS),
        ]);
        // Disks are attached as large as one likes.
        let disk = "ephemeral-storage";
        let disks = self.fleet.nodes.iter().filter_map(|node| node.room.get(disk)).max();
        room.extend(disks.map(|most| (disk.to_owned(), *most)));
        Some(room)
    }

    /// The value of a label of it.
    fn label(
        &self,
        key: &str,
        offer: &OfferSpec,
        zone: Option<&str>,
        like: Option<&Node>,
        near: &[&Node],
    ) -> Option<String> {
        let wanted = || self.wanted.get(key).into_iter().flatten().copied();
        if ZONES.contains(&key) {
            return offer.zone.as_deref().or(zone).map(str::to_owned);
        }
        if REGIONS.contains(&key) {
            return Some(offer.region.clone());
        }
        if key == HOST {
            return None;
        }
        if wanted().any(|value| capacity(key, value).is_some()) {
            let mut of_class = wanted().filter(|value| capacity(key, value) == Some(Some(offer.capacity)));
            return of_class.next().map(str::to_owned);
        }
        if let Some(like) = like {
            return like.labels.get(key).cloned();
        }
        let cloud = offer.cloud.as_deref().unwrap_or_default();
        let known = Machine::of_offer(cloud, offer.instance_type.as_deref().unwrap_or_default(), offer);
        if let Some(values) = known.label(key) {
            let names = names_accelerator(key);
            let is_it = |value: &&str| {
                values.iter().any(|own| if names { product(value) == *own } else { own == value })
            };
            return wanted().find(is_it).map(str::to_owned).or_else(|| values.first().cloned());
        }
        let mut of_near = near.iter().map(|node| node.labels.get(key));
        let first = of_near.next().flatten()?;
        of_near.all(|other| other == Some(first)).then(|| first.clone())
    }
}

/// Whether a cluster's name of a model is that of an offer's accelerator.
pub(super) fn is_named(model: &str, accelerator: &str) -> bool {
    product(model) == product(accelerator)
}

fn is_same_type(a: &Node, b: &Node) -> bool {
    let stated = |node: &Node| TYPES.iter().find_map(|key| node.labels.get(*key)).cloned();
    a.name == b.name || (stated(a).is_some() && stated(a) == stated(b))
}

/// The labels of a rule with the values that it names.
fn named(rule: &Rule) -> impl Iterator<Item = (&str, Vec<&str>)> {
    let labels = rule.labels.iter().map(|(key, value)| (&**key, vec![&**value]));
    let terms = rule.terms.iter().flatten().flatten().map(|one| {
        let values = match &one.test {
            Test::In(values) | Test::NotIn(values) => values.iter().map(String::as_str).collect(),
            Test::Exists | Test::DoesNotExist | Test::Above(_) | Test::Below(_) => Vec::new(),
        };
        (&*one.key, values)
    });
    labels.chain(terms)
}

/// The taints that all of some nodes have and a new one would have.
fn taints(nodes: &[&Node]) -> Vec<Taint> {
    let passes = |taint: &&Taint| {
        let (domain, _) = taint.key.split_once('/').unwrap_or(("", &taint.key));
        let of_state = domain == "node.kubernetes.io" || domain == "node.cloudprovider.kubernetes.io";
        let is_going = taint.key.starts_with("ToBeDeleted") || taint.key.starts_with("DeletionCandidate");
        !of_state && !is_going && taint.key != "karpenter.sh/disrupted"
    };
    let Some((first, others)) = nodes.split_first() else { return Vec::new() };
    let by_all = |taint: &&Taint| others.iter().all(|node| node.taints.contains(taint));
    first.taints.iter().filter(passes).filter(by_all).cloned().collect()
}

/// Thousandths of cores that GKE keeps for a node.
fn kept_cpu(milli: u64) -> u64 {
    in_steps(milli, &[(1000, 600), (1000, 100), (2000, 50), (u64::MAX, 25)])
}

/// Bytes that GKE keeps for a node, with what is held free before pods are evicted.
fn kept_memory(bytes: u64) -> u64 {
    const GIB: u64 = 1 << 30;
    let steps = [(4 * GIB, 2500), (4 * GIB, 2000), (8 * GIB, 1000), (112 * GIB, 600), (u64::MAX, 200)];
    in_steps(bytes, &steps) + (100 << 20)
}

/// Of an amount, of each step so many ten-thousandths.
fn in_steps(amount: u64, steps: &[(u64, u64)]) -> u64 {
    let (mut left, mut kept) = (amount, 0);
    for (width, part) in steps {
        let here = left.min(*width);
        kept += (u128::from(here) * u128::from(*part) / 10_000) as u64;
        left -= here;
    }
    kept
}

/// The zones of a cluster's nodes, each with its region.
pub fn zones(fleet: &Fleet) -> BTreeSet<(String, &str)> {
    fleet.nodes.iter().filter_map(|node| Some((place(node)?.1, node.labels.get(ZONE)?.as_str()))).collect()
}
