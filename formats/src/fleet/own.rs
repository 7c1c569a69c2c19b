//! Which of an estate's own machines a node of a cluster is.

use plimsoll_model::{
    estate::{NodeGroup, Site},
    fleet::Node,
};

use super::{
    added::{is_named, place},
    device::UNNAMED,
};
use crate::labels::{POOLS, TYPES, ZONES, machine::of_nodes};

/// The own machines that a node may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Own {
    /// Groups of machines, each as its site and its place among the nodes of that; several where nothing tells them apart.
    pub groups: Vec<(usize, usize)>,
    /// Whether the node itself names the site: by its annotation, or by a label of region or zone that is the site's name.
    pub is_stated: bool,
}

impl Own {
    /// What a node may be among the machines of these sites.
    ///
    /// Its site is the one that `plimsoll.dev/site` on it names; else those of the name, or in the region, that its labels
    /// of region and zone say; else, where they say nothing, the only one. Machines are its, where they have its
    /// accelerators and do not state another machine type. Of several those count that are named as its pool, its
    /// machine type or, up to a dash, itself; of these those with as many accelerators, and with room for what it has.
    pub fn of(node: &Node, sites: &[Site]) -> Self {
        let (at, is_stated) = sites_of(node, sites);
        let groups = at.into_iter().flat_map(|at| sites[at].nodes.iter().enumerate().map(move |it| (at, it)));
        let mut found: Vec<(usize, (usize, &NodeGroup))> =
            groups.filter(|(_, (_, group))| may_be(node, group)).collect();
        let longest = found.iter().map(|(_, (_, group))| named(node, group)).max().unwrap_or(0);
        found.retain(|(_, (_, group))| named(node, group) == longest);
        narrow(&mut found, |group| {
            count(group) == node.devices.as_ref().map_or(0, |devices| devices.count.into())
        });
        narrow(&mut found, |group| has_room(node, group));
        Self { groups: found.into_iter().map(|(site, (group, _))| (site, group)).collect(), is_stated }
    }
}

/// Keeps those that are so, where any is.
fn narrow(found: &mut Vec<(usize, (usize, &NodeGroup))>, is_so: impl Fn(&NodeGroup) -> bool) {
    if found.iter().any(|(_, (_, group))| is_so(group)) {
        found.retain(|(_, (_, group))| is_so(group));
    }
}

fn label<'n>(node: &'n Node, keys: &[&str]) -> Option<&'n str> {
    keys.iter().find_map(|key| node.labels.get(*key)).map(String::as_str)
}

/// The sites that a node may be at, and whether it names them.
fn sites_of(node: &Node, sites: &[Site]) -> (Vec<usize>, bool) {
    let such = |is_it: &dyn Fn(&Site) -> bool| -> Vec<usize> {
        (0..).zip(sites).filter(|(_, site)| is_it(site)).map(|(at, _)| at).collect()
    };
    if let Some(stated) = &node.site {
        return (such(&|site| site.name == *stated), true);
    }
    let zone = label(node, &ZONES);
    let (cloud, region) = place(node).unzip();
    let of_cloud = cloud.flatten().zip(region.as_ref());
    let full = of_cloud.map(|(cloud, region)| [format!("{cloud}/{region}"), format!("{cloud}-{region}")]);
    let says = |name: &str| {
        zone == Some(name)
            || region.as_deref() == Some(name)
            || full.as_ref().is_some_and(|full| full.iter().any(|one| one == name))
    };
    let named = such(&|site| says(&site.name));
    if !named.is_empty() {
        return (named, true);
    }
    if zone.is_none() && region.is_none() {
        return (if sites.len() == 1 { vec![0] } else { Vec::new() }, false);
    }
    (such(&|site| site.region.as_deref().is_some_and(says)), false)
}

/// Whether machines of a group have the accelerators of a node, and are of its type.
fn may_be(node: &Node, group: &NodeGroup) -> bool {
    let has_devices = match (&node.devices, &group.accelerator) {
        // Devices of which nothing says what they are may be any.
        (Some(devices), Some(name)) => devices.model.starts_with(UNNAMED) || is_named(&devices.model, name),
        (None, None) => true,
        _ => false,
    };
    let stated = group.instance_type.as_deref().zip(label(node, &TYPES));
    has_devices && stated.is_none_or(|(group, node)| of_nodes(group) == node)
}

/// How many letters of a node's names name a group.
fn named(node: &Node, group: &NodeGroup) -> usize {
    let name = &*group.name;
    let begins = || node.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    let labels = || [label(node, &POOLS), label(node, &TYPES)].contains(&Some(name));
    if labels() || begins() { name.len() } else { 0 }
}

/// How many accelerators a machine has.
fn count(group: &NodeGroup) -> u32 {
    group.accelerators.unwrap_or(u32::from(group.accelerator.is_some()))
}

/// Whether a machine has what a node can give pods.
fn has_room(node: &Node, group: &NodeGroup) -> bool {
    let of = |resource: &str| node.room.get(resource).copied().unwrap_or(0);
    group.cpu.is_none_or(|cpu| of("cpu") <= cpu.milli())
        && group.memory.is_none_or(|memory| of("memory") <= memory.0)
}
