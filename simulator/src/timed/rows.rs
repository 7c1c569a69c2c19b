//! Rows of the log: machines that come and go, and jobs that start on them.

use plimsoll_packing::fleet::{Ask, DEVICE, Hold, Node};

use super::{
    cluster::{Cluster, Part, UNLIMITED},
    job::Job,
    market::{Market, Rent},
};
use crate::events::{Event, Log, Row};

/// So many devices, of each so many thousandths.
fn devices(count: u64, milli: u16) -> Vec<Hold> {
    let indices = (0..=u16::MAX).take(usize::try_from(count).unwrap_or(usize::MAX));
    indices.map(|index| Hold { index, milli, parts: 0 }).collect()
}

/// A machine of one's own, with all that it has.
pub(super) fn machine(log: &mut Log<'_>, node: &Node) {
    log.add(&Row {
        node: &node.name,
        cpu_milli: node.cpu_milli,
        memory_mib: node.memory_mib,
        devices: &devices(node.devices.into(), DEVICE),
        ..Row::new(0, Event::NodeUp)
    });
}

/// What is rented comes: the instances of a rent as one node, with all that they have.
pub(super) fn rented(log: &mut Log<'_>, market: &Market<'_>, rent: Rent, now: u64) {
    let offer = &market.offers[usize::from(rent.offer)];
    let all = |each: Option<u64>| each.map_or(UNLIMITED, |each| each.saturating_mul(rent.instances));
    log.add(&Row {
        node: &market.node(rent),
        cpu_milli: all(Some(offer.cpu_milli).filter(|each| *each > 0)),
        memory_mib: all(offer.memory_mib),
        devices: &devices(offer.devices.saturating_mul(rent.instances), DEVICE),
        ..Row::new(now, Event::NodeUp)
    });
}

/// What was rented is gone.
pub(super) fn returned(log: &mut Log<'_>, market: &Market<'_>, rent: Rent, now: u64) {
    log.add(&Row { node: &market.node(rent), ..Row::new(now, Event::NodeDown) });
}

/// A job starts: a row for each node.
pub(super) fn started(
    log: &mut Log<'_>,
    cluster: &Cluster,
    market: &Market<'_>,
    job: &Job,
    (parts, rents): (&[Part], &[Rent]),
    now: u64,
) {
    let ask = &job.ask;
    let row = Row { job: &job.name, ..Row::new(now, Event::Start) };
    for part in parts {
        log.add(&Row {
            node: &cluster.nodes[part.node as usize].name,
            cpu_milli: part.cpu_milli,
            memory_mib: part.memory_mib,
            devices: &part.devices,
            ..row
        });
    }
    let held = match ask.devices {
        Ask::Share(milli) => devices(1, milli),
        _ => devices(job.devices(), DEVICE),
    };
    for rent in rents {
        // Only CPUs are divided between rents, and memory goes with them.
        let memory_mib = match (rents.len(), ask.cpu_milli) {
            (1, _) | (_, 0) => ask.memory_mib,
            (_, all) => ask.memory_mib.saturating_mul(rent.cpu_milli).div_ceil(all),
        };
        let node = &market.node(*rent);
        log.add(&Row { node, cpu_milli: rent.cpu_milli, memory_mib, devices: &held, ..row });
    }
    if parts.is_empty() && rents.is_empty() {
        // Without machines and offers it runs nowhere in particular, but it does start.
        log.add(&Row { cpu_milli: ask.cpu_milli, memory_mib: ask.memory_mib, ..row });
    }
}
