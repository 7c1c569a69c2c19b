//! The devices that drivers list (`ResourceSlices`), as devices of nodes.
//!
//! They go by their driver's name, or by the extended resource that a class gives them (`extendedResourceName`): a
//! pod that asks for a card by the resource of a device plugin is not let onto a node that has its cards by claims
//! alone, nor the other way round. A node has devices of one driver; a vendor that is known goes first.

use std::collections::BTreeMap;

use plimsoll_model::{Bytes, fleet::Devices, read::View};

use super::{node::Read, remarks::Remarks};
use crate::{
    kubernetes::{
        claimed::{Catalogue, is_beside, resource_of},
        object::Object,
    },
    labels::product,
};

/// The label under which a node, and a rule of a pod, name a driver whose devices go by an extended resource too.
pub(super) fn label(driver: &str) -> String {
    format!("resource.k8s.io/{driver}")
}

/// Devices of one model that a driver lists for a node.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    count: u16,
    /// Of the smallest.
    mebibytes: Option<u64>,
}

/// The devices of each node, by driver and model; no model where none is stated.
type Found = BTreeMap<String, BTreeMap<Option<String>, Group>>;

/// What the slices list.
#[derive(Debug, Default)]
pub(super) struct Slices<'a> {
    nodes: BTreeMap<&'a str, Found>,
    /// Extended resources by driver.
    pub(super) extended: BTreeMap<String, String>,
}

impl<'a> Slices<'a> {
    pub(super) fn of(objects: &[Object<'a>]) -> Self {
        let is_slice =
            |object: &&Object<'_>| object.group == "resource.k8s.io" && object.kind == "ResourceSlice";
        let slices: Vec<(Pool<'_>, View<'a>)> = objects
            .iter()
            .filter(is_slice)
            .filter_map(|object| {
                let spec = object.at(&["spec"])?;
                Some((Pool::of(&spec)?, spec))
            })
            .collect();
        // A driver writes a pool anew under a higher generation; what is left of older ones is gone.
        let mut newest: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for (pool, _) in &slices {
            let known = newest.entry((pool.driver, pool.name)).or_insert(pool.generation);
            *known = (*known).max(pool.generation);
        }
        let mut found = Self { extended: Catalogue::of(objects).extended(), ..Self::default() };
        for (pool, spec) in &slices {
            if newest.get(&(pool.driver, pool.name)) != Some(&pool.generation) || is_beside(pool.driver) {
                continue;
            }
            let own = spec.field("nodeName").and_then(|node| node.text());
            for device in spec.field("devices").map_or_else(Vec::new, |list| list.items()) {
                let node = own.or_else(|| device.field("nodeName")?.text());
                let Some(node) = node.filter(|_| is_whole(&device) && !is_tainted(&device)) else { continue };
                let models = found.nodes.entry(node).or_default().entry(pool.driver.to_owned()).or_default();
                let group = models.entry(model(&device)).or_default();
                group.count = group.count.saturating_add(1);
                group.mebibytes = match (group.mebibytes, mebibytes(&device)) {
                    (Some(known), Some(more)) => Some(known.min(more)),
                    (known, more) => known.or(more),
                };
            }
        }
        found
    }

    /// The resource by which a driver's devices go.
    pub(super) fn resource(&self, driver: &str) -> String {
        self.extended.get(driver).cloned().unwrap_or_else(|| driver.to_owned())
    }

    /// Gives a node that has no other whole accelerators those that are listed for it. `memory`: MiB of each model.
    pub(super) fn give(
        &self,
        node: &mut Read<'_>,
        has_others: bool,
        unnamed: impl FnOnce(&Read<'_>, &str) -> String,
        memory: &mut BTreeMap<String, u64>,
        remarks: &mut Remarks,
    ) {
        let Some(found) = self.nodes.get(&*node.node.name) else { return };
        let count = |models: &BTreeMap<Option<String>, Group>| -> u32 {
            models.values().map(|group| u32::from(group.count)).sum()
        };
        let first = found.iter().max_by_key(|(driver, models)| {
            (resource_of(driver).is_some(), count(models), std::cmp::Reverse(*driver))
        });
        let Some((driver, models)) = first else { return };
        if has_others || node.node.devices.is_some() {
            let value = format!("those of {driver}: the node counts accelerators as resources too");
            remarks.say("devices that can be claimed, not looked at", value, &*node.node.name);
            return;
        }
        for (other, _) in found.iter().filter(|(other, _)| *other != driver) {
            let value = format!("those of {other} beside {driver}: a node has devices of one kind");
            remarks.say("devices that can be claimed, not looked at", value, &*node.node.name);
        }
        let most = models.iter().max_by_key(|(model, group)| (group.count, std::cmp::Reverse(*model)));
        let Some((model, group)) = most else { return };
        if models.len() > 1 {
            let value = format!("devices of {driver} of several models; the most frequent counts");
            remarks.say("devices that can be claimed, not looked at", value, &*node.node.name);
        }
        let resource = self.resource(driver);
        let model = model.clone().unwrap_or_else(|| unnamed(node, resource_of(driver).unwrap_or(driver)));
        if let Some(mebibytes) = group.mebibytes {
            let known = memory.entry(model.clone()).or_insert(mebibytes);
            *known = (*known).min(mebibytes);
        }
        if resource != *driver {
            node.node.labels.insert(label(driver), "true".to_owned());
            node.node.room.remove(&resource);
        }
        node.node.devices = Some(Devices { resource, model, count: group.count });
    }
}

/// Where a slice belongs.
struct Pool<'a> {
    driver: &'a str,
    name: &'a str,
    generation: i64,
}

impl<'a> Pool<'a> {
    fn of(spec: &View<'a>) -> Option<Self> {
        let pool = spec.field("pool");
        let field = |name: &str| pool.as_ref().and_then(|pool| pool.field(name));
        Some(Self {
            driver: spec.field("driver")?.text()?,
            name: field("name").and_then(|view| view.text()).unwrap_or_default(),
            generation: field("generation").and_then(|view| view.integer()).unwrap_or(0),
        })
    }
}

/// The value of an attribute, by its name with or without its domain.
fn attribute<'a>(device: &View<'a>, name: &str) -> Option<&'a str> {
    let attributes = device.field("attributes").map_or_else(Vec::new, |all| all.entries());
    let is_it = |key: &str| key.rsplit('/').next() == Some(name);
    attributes.into_iter().find(|(key, _)| is_it(key))?.1.field("string")?.text()
}

/// Whether a device is a card rather than a partition of one, or a card in another guise (`vfio`).
fn is_whole(device: &View<'_>) -> bool {
    !matches!(attribute(device, "type"), Some("mig" | "vfio"))
}

/// Whether the driver keeps claims off it.
fn is_tainted(device: &View<'_>) -> bool {
    let taints = device.field("taints").map_or_else(Vec::new, |list| list.items());
    let effect = |taint: &View<'_>| taint.field("effect").and_then(|view| view.text().map(str::to_owned));
    taints.iter().any(|taint| matches!(effect(taint).as_deref(), Some("NoSchedule" | "NoExecute")))
}

fn model(device: &View<'_>) -> Option<String> {
    let stated = ["productName", "model", "deviceName"].iter().find_map(|name| attribute(device, name))?;
    Some(product(&stated.replace(' ', "-")))
}

fn mebibytes(device: &View<'_>) -> Option<u64> {
    let capacity = device.field("capacity").map_or_else(Vec::new, |all| all.entries());
    let is_it = |key: &str| key.rsplit('/').next() == Some("memory");
    let stated = capacity.into_iter().find(|(key, _)| is_it(key))?.1.field("value")?;
    let bytes: Bytes = stated.text()?.parse().ok()?;
    Some(bytes.0 >> 20)
}
