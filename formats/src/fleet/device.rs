//! Which resource names are accelerators, decided over all nodes.
//!
//! What a node has of one accelerator resource are its devices: whole cards, chips of a TPU host, shells of
//! an FPGA, shares of a time-sliced card (each counts as a device of a model of its own, as the scheduler
//! counts them). A second accelerator resource of a node, and partitions of cards (MIG) as they are cut, are
//! counted beside them, which is what the scheduler does. Only where a node says that its cards may be cut
//! anew (`plimsoll.dev/mig: dynamic`) are slices placed by the geometry of the card.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_catalog::{accelerator, instance_types};
use plimsoll_model::fleet::{Devices, Node};

use super::{listed::Slices, node::Read, remarks::Remarks};
use crate::{
    kubernetes::{
        device::{Meaning, meaning},
        mig,
    },
    labels::{TYPES, names_accelerator, product},
};

/// The resource that stands for cards which may be cut anew.
pub(super) const SLICED: &str = "nvidia.com/mig";
/// The plain cards of NVIDIA.
pub(super) const NVIDIA: &str = "nvidia.com/gpu";
const NEURON: &str = "aws.amazon.com/neuron";
pub(super) const NEURON_CORE: &str = "aws.amazon.com/neuroncore";
const NEURON_DEVICE: &str = "aws.amazon.com/neurondevice";

/// What is known of the accelerators of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Resources that count devices of nodes.
    resources: BTreeSet<String>,
    /// The models that they count.
    models: BTreeSet<(String, String)>,
    /// Accelerator resources that are counted beside the devices.
    beside: BTreeSet<String>,
    /// Pods that one card is shared by, for resources of shares.
    pub(super) shares: BTreeMap<String, u64>,
    /// Cores of a Neuron device, where nodes state both.
    pub(super) cores: Option<u64>,
    /// The models whose cards may be cut anew.
    pub(super) sliced: BTreeSet<String>,
    /// Partitions that nodes have as they are cut.
    profiles: BTreeSet<String>,
    /// MiB of each model of NVIDIA's cards, and of devices that say it.
    pub(super) memory: BTreeMap<String, u64>,
    /// Extended resources by which devices of drivers go too.
    extended: BTreeMap<String, String>,
}

impl Known {
    /// The resource by which the devices of a driver go.
    pub(super) fn claimed<'d>(&'d self, driver: &'d str) -> &'d str {
        self.extended.get(driver).map_or(driver, String::as_str)
    }

    /// Whether a resource counts accelerators, as devices or beside them.
    pub(super) fn is_accelerator(&self, resource: &str) -> bool {
        self.resources.contains(resource) || rank(resource).is_some()
    }

    /// Whether what pods ask of it is counted, rather than held as devices.
    pub(super) fn is_counted(&self, resource: &str) -> bool {
        self.beside.contains(resource)
    }

    /// Whether some node has such a partition of a card already.
    pub(super) fn is_cut(&self, profile: &str) -> bool {
        self.profiles.contains(profile)
    }

    /// The models that a resource counts.
    pub(super) fn models(&self, resource: &str) -> impl Iterator<Item = &str> {
        let of_it = self.models.iter().filter(move |(of, _)| of == resource);
        of_it.map(|(_, model)| &**model)
    }

    /// The one resource that counts devices, if there is just one.
    pub(super) fn only(&self) -> Option<&str> {
        let mut all = self.resources.iter().filter(|resource| *resource != SLICED);
        let first = all.next()?;
        all.next().is_none().then_some(first)
    }
}

/// Whether who asks for a resource asks for accelerators, whatever nodes there are.
pub fn is_accelerator(resource: &str) -> bool {
    rank(resource).is_some()
        || matches!(meaning(resource), Meaning::Mig)
        || resource.starts_with("nvidia.com/gpu")
}

/// How much a resource looks like the devices of a node; less is more.
fn rank(resource: &str) -> Option<u8> {
    match meaning(resource) {
        Meaning::Whole(..) => Some(0),
        Meaning::Named(_) | Meaning::Tpu => Some(1),
        Meaning::NeuronCore => Some(2),
        Meaning::Shared(..) => Some(3),
        Meaning::Mig | Meaning::Beside => None,
        Meaning::Unknown => counts_devices(resource).then_some(4),
    }
}

/// Whether an extended resource that no table knows may be an accelerator: not of the node itself.
fn counts_devices(resource: &str) -> bool {
    let (domain, _) = resource.split_once('/').unwrap_or(("", resource));
    !domain.is_empty()
        && domain != "kubernetes.io"
        && !domain.ends_with(".kubernetes.io")
        && !resource.contains("attachable-volumes")
}

/// Takes the accelerators of nodes out of their other resources.
pub(super) fn resolve(
    nodes: &mut [Read<'_>],
    given: &[Node],
    slices: Slices<'_>,
    remarks: &mut Remarks,
) -> Known {
    let mut known = Known::default();
    for node in nodes.iter_mut() {
        prepare(node, &mut known, remarks);
        let room = &node.node.room;
        let has_others = room.iter().any(|(resource, amount)| *amount > 0 && rank(resource) == Some(0));
        slices.give(node, has_others, model, &mut known.memory, remarks);
    }
    known.extended = slices.extended;
    // Of two accelerator resources of a node the one of lower rank is counted beside, on all nodes.
    let mut chosen: BTreeSet<String> = nodes
        .iter()
        .flat_map(|node| node.node.room.iter())
        .filter(|(resource, amount)| rank(resource).is_some() && (1..=u64::from(u16::MAX)).contains(*amount))
        .map(|(resource, _)| resource.clone())
        .collect();
    for node in nodes.iter() {
        let mut here: Vec<(Option<u8>, &String)> = node
            .node
            .room
            .iter()
            .filter(|(resource, amount)| **amount > 0 && chosen.contains(*resource))
            .map(|(resource, _)| (rank(resource), resource))
            .collect();
        here.sort();
        let taken = usize::from(node.node.devices.is_none());
        let second: Vec<String> = here.iter().skip(taken).map(|(_, resource)| (*resource).clone()).collect();
        for resource in second {
            chosen.remove(&resource);
            remarks.say(
                "accelerators counted beside others",
                format!("`{resource}`: placed by number, without saying which device"),
                &*node.node.name,
            );
            known.beside.insert(resource);
        }
    }
    for node in nodes.iter_mut().filter(|node| node.node.devices.is_none()) {
        let own = node.node.room.iter().find(|(resource, amount)| **amount > 0 && chosen.contains(*resource));
        let Some((resource, amount)) = own.map(|(resource, amount)| (resource.clone(), *amount)) else {
            continue;
        };
        node.node.room.remove(&resource);
        let model = model(node, &resource);
        contradicted(node, &resource, remarks);
        note_memory(node, &model, &mut known);
        if rank(&resource) == Some(4) {
            remarks.say(
                "taken for an accelerator",
                format!("`{resource}`: no table knows it; one counts as one"),
                &*node.node.name,
            );
        }
        node.node.devices =
            Some(Devices { resource, model, count: u16::try_from(amount).unwrap_or(u16::MAX) });
    }
    let cut = nodes.iter().flat_map(|node| node.node.room.iter());
    let cut = cut.filter(|(resource, amount)| **amount > 0 && mig::profile(resource).is_some());
    known.profiles = cut.map(|(resource, _)| resource.clone()).collect();
    let devices = nodes.iter().map(|node| &node.node).chain(given).filter_map(|node| node.devices.as_ref());
    known.models = devices.map(|devices| (devices.resource.clone(), devices.model.clone())).collect();
    known.resources = known.models.iter().map(|(resource, _)| resource.clone()).collect();
    for devices in given.iter().filter_map(|node| node.devices.as_ref()) {
        if let Some(card) = accelerator(&devices.model) {
            known.memory.insert(devices.model.clone(), card.memory_bytes >> 20);
        }
    }
    known
}

/// Accelerators that several names or labels describe.
fn prepare(node: &mut Read<'_>, known: &mut Known, remarks: &mut Remarks) {
    // Devices and cores of Neuron are the same silicon.
    let neuron = node.node.room.get(NEURON).or_else(|| node.node.room.get(NEURON_DEVICE)).copied();
    if let Some(devices) = neuron.filter(|devices| *devices > 0) {
        node.node.room.insert(NEURON.to_owned(), devices);
        node.node.room.remove(NEURON_DEVICE);
        if let Some(cores) = node.node.room.remove(NEURON_CORE).map(|cores| (cores / devices).max(1)) {
            let known = known.cores.get_or_insert(cores);
            if *known != cores {
                *known = cores.min(*known);
                remarks.say(
                    "cores of a Neuron device",
                    "differ between nodes; the least of any node counts",
                    &*node.node.name,
                );
            }
        }
    }
    // HAMi lists each card many times over, and the cards themselves in an annotation.
    if let Some(cards) = hami_cards(node).filter(|_| node.node.room.contains_key(NVIDIA)) {
        node.node.room.insert(NVIDIA.to_owned(), cards);
    }
    let shares = node.label("nvidia.com/gpu.replicas").and_then(|text| text.parse::<u64>().ok());
    if let Some(shares) = shares.filter(|shares| *shares > 1) {
        let entry = known.shares.entry("nvidia.com/gpu.shared".to_owned()).or_insert(shares);
        *entry = (*entry).max(shares);
    }
    if !is_dynamic(node) {
        return;
    }
    let cards = node.label("nvidia.com/gpu.count").and_then(|count| count.parse::<u16>().ok());
    let name = model(node, NVIDIA);
    match (cards.filter(|cards| *cards > 0), mig::row(&name)) {
        (Some(count), Some((card, ..))) => {
            let name = if accelerator(&name).is_some() { name } else { (*card).to_owned() };
            node.node.room.retain(|resource, _| resource != NVIDIA && mig::profile(resource).is_none());
            known.sliced.insert(name.clone());
            node.node.devices = Some(Devices { resource: SLICED.to_owned(), model: name, count });
        }
        (Some(_), None) if !name.starts_with(UNNAMED) => remarks.say(
            "not cut anew",
            format!("`{name}` is not among the cards whose partitions are known"),
            &*node.node.name,
        ),
        _ => remarks.say(
            "not cut anew",
            "the labels `nvidia.com/gpu.count` and `nvidia.com/gpu.product` must say which cards the node has",
            &*node.node.name,
        ),
    }
}

/// Whether the node's cards may be partitioned as pods need them.
fn is_dynamic(node: &Read<'_>) -> bool {
    let annotation = node.object.at(&["metadata", "annotations", "plimsoll.dev/mig"]);
    annotation.and_then(|view| view.text()) == Some("dynamic")
        || node.label("nos.nebuly.com/gpu-partitioning") == Some("mig")
}

/// The cards in the register that `HAMi` keeps on a node: entries that end with `:`, or a list of JSON.
fn hami_cards(node: &Read<'_>) -> Option<u64> {
    let register = node.object.at(&["metadata", "annotations", "hami.io/node-nvidia-register"])?.text()?;
    let cards = match serde_json::from_str::<Vec<serde_json::Value>>(register) {
        Ok(cards) => cards.len(),
        Err(_) => register.split(':').filter(|card| card.split(',').count() >= 6).count(),
    };
    u64::try_from(cards).ok().filter(|cards| *cards > 0)
}

/// How the model of devices begins of which nothing says what they are.
pub(super) const UNNAMED: &str = "unnamed ";

/// The model of a node's devices: by a shell's name, by a product label, by the instance type.
fn model(node: &Read<'_>, resource: &str) -> String {
    let (vendor, plain) = resource.split_once('/').unwrap_or(("", resource));
    let by_label = || {
        let (_, value) = named(node, vendor).next()?;
        // Shares and partitions that go by the name of whole cards are models of their own.
        let kind = value.find("-MIG-").or_else(|| value.find("-SHARED")).map_or("", |at| &value[at..]);
        Some(format!("{}{kind}", product(value)))
    };
    if plain.starts_with("xilinx_") || plain.starts_with("fpga-") || vendor == "fpga.intel.com" {
        return plain.to_owned();
    }
    let tpu = || node.label("cloud.google.com/gke-tpu-accelerator").map(str::to_owned);
    let tpu = tpu().filter(|_| vendor == "google.com");
    let by_type = || Some(by_type(node)?.1.to_owned());
    tpu.or_else(by_label).or_else(by_type).unwrap_or_else(|| format!("{UNNAMED}{plain}"))
}

/// The labels that name the accelerators of a vendor.
fn named<'n>(node: &'n Read<'_>, vendor: &str) -> impl Iterator<Item = (&'n str, &'n str)> {
    let is_nvidia = vendor == "nvidia.com";
    let labels = node.node.labels.iter().map(|(key, value)| (&**key, &**value));
    labels.filter(move |(key, _)| names_accelerator(key) && (is_nvidia || !key.contains("nvidia.com/")))
}

/// The accelerator of a node's machine type, with the label that says the type.
fn by_type(node: &Read<'_>) -> Option<(&'static str, &'static str)> {
    let (key, stated) = TYPES.into_iter().find_map(|key| Some((key, node.label(key)?)))?;
    let of = instance_types().iter().find(|known| known.name == stated)?;
    Some((key, of.accelerator?.name))
}

/// Says where labels of a node name different accelerators. Of names that no list knows nobody can tell, and one that begins
/// with another is the same more exactly.
fn contradicted(node: &Read<'_>, resource: &str, remarks: &mut Remarks) {
    let vendor = resource.split_once('/').map_or("", |(vendor, _)| vendor);
    let labels = named(node, vendor).map(|(key, value)| (key, product(value)));
    let of_type = by_type(node).map(|(key, name)| (key, name.to_owned()));
    let mut known = labels.chain(of_type).filter(|(_, name)| accelerator(name).is_some());
    let Some((first, model)) = known.next() else { return };
    let differs = |(_, name): &(&str, String)| !name.starts_with(&*model) && !model.starts_with(&**name);
    if let Some((other, name)) = known.find(differs) {
        let value = format!("`{first}` says {model}, `{other}` {name}: {model} is taken");
        remarks.say("labels that contradict each other", value, &*node.node.name);
    }
}

fn note_memory(node: &Read<'_>, model: &str, known: &mut Known) {
    let labelled = node.label("nvidia.com/gpu.memory").and_then(|mib| mib.parse::<u64>().ok());
    let nominal = || accelerator(model).map(|card| card.memory_bytes >> 20);
    if let Some(mib) = labelled.or_else(nominal).filter(|mib| *mib > 0) {
        let entry = known.memory.entry(model.to_owned()).or_insert(mib);
        *entry = (*entry).min(mib);
    }
}
