//! Classes of what is only nearly alike, where there would be too many of what is alike.
//!
//! Sizes fall into buckets, and the widths double until few enough classes are left. A class of pods then
//! asks for the most that any of its members asks, and a class of nodes has the least that any of its
//! members has: what packs the classes packs the members. For the bound it is the other way round. A class
//! takes the sizes of its members, not the edges of its bucket (but for shares), so that nothing is lost
//! where all are alike.

use std::collections::BTreeMap;

use crate::{
    classes::{Classes, NodeClass, PodClass},
    fleet::{Ask, DEVICE, Device, Request, State},
};

/// More classes of pods than this are put into buckets,
const PODS: usize = 500;
/// of which there are then at most so many, where sizes are all that differs.
const POD_BUCKETS: usize = 300;
/// More classes of nodes than this are put into buckets.
const NODES: usize = 60;

/// The widest buckets: 2^16 times the narrowest.
const DOUBLINGS: u32 = 16;

/// Puts nearly equal classes together where there are too many.
pub fn bucket(classes: &mut Classes) {
    if classes.pods.len() > PODS {
        let exact = std::mem::take(&mut classes.pods);
        classes.pods = narrowest(&exact, POD_BUCKETS, join_pods);
    }
    if classes.nodes.len() > NODES {
        let exact = std::mem::take(&mut classes.nodes);
        classes.nodes = narrowest(&exact, NODES, join_nodes);
    }
}

/// The classes of the narrowest buckets that leave few enough, or else of the widest.
fn narrowest<T>(exact: &[T], most: usize, join: impl Fn(&[T], u32) -> Vec<T>) -> Vec<T> {
    let mut joined = join(exact, 0);
    for doublings in 1..=DOUBLINGS {
        if joined.len() <= most {
            break;
        }
        joined = join(exact, doublings);
    }
    joined
}

/// The buckets of CPU (from 250 thousandths of a core), memory (from 1 GiB) and shares (from 10 milli).
/// Shares are what packings are made of: their buckets stay narrow for longest.
fn widths(doublings: u32) -> (u64, u64, u16) {
    (250 << doublings, 1024 << doublings, 10 << doublings.saturating_sub(6).min(4))
}

fn join_pods(exact: &[PodClass], doublings: u32) -> Vec<PodClass> {
    let (cpu, memory, milli) = widths(doublings);
    let mut buckets: BTreeMap<_, Vec<&PodClass>> = BTreeMap::new();
    for class in exact {
        let it = &class.request;
        let (kind, share) = match it.devices {
            Ask::Share(share) => (Ask::Share(0), share.div_ceil(milli)),
            ask => (ask, 0),
        };
        let sizes = (it.cpu_milli.div_ceil(cpu), it.memory_mib.div_ceil(memory), share);
        let extras: Vec<u64> = it.extras.iter().map(|extra| extra.next_power_of_two() >> doublings).collect();
        let key = (kind, &it.models, &it.pools, it.apart, class.spread, sizes, extras);
        buckets.entry(key).or_default().push(class);
    }
    buckets.into_values().map(|members| joined_pods(&members, milli)).collect()
}

fn joined_pods(members: &[&PodClass], milli: u16) -> PodClass {
    let first = members[0];
    let mut request: Request = first.request.clone();
    let (mut least, mut least_share) = (first.least, first.least_share);
    let (mut pods, mut worth) = (Vec::new(), 0_u128);
    for class in members {
        request.cpu_milli = request.cpu_milli.max(class.request.cpu_milli);
        request.memory_mib = request.memory_mib.max(class.request.memory_mib);
        for (index, extra) in class.request.extras.iter().enumerate() {
            match request.extras.get_mut(index) {
                Some(most) => *most = (*most).max(*extra),
                None => request.extras.push(*extra),
            }
        }
        if let (Ask::Share(most), Ask::Share(milli)) = (&mut request.devices, class.request.devices) {
            *most = (*most).max(milli);
        }
        for (least, amount) in least.iter_mut().zip(&class.least) {
            *least = (*least).min(*amount);
        }
        least_share = least_share.min(class.least_share);
        worth += u128::from(class.worth) * class.pods.len() as u128;
        pods.extend(class.pods.iter().map(|pod| (std::cmp::Reverse(class.worth), *pod)));
    }
    // Shares go to the edges of the bucket: patterns are found over the multiples of what divides them all.
    if let Ask::Share(most) = &mut request.devices
        && members.len() > 1
    {
        let edge = most.next_multiple_of(milli);
        *most = if edge < DEVICE { edge } else { *most };
        least_share = (least_share / milli * milli).max(least_share.min(milli));
    }
    // Members keep their order within a worth.
    pods.sort_by_key(|(worth, _)| *worth);
    let count = pods.len().max(1) as u128;
    PodClass {
        request,
        least,
        least_share,
        worth: u64::try_from(worth / count).unwrap_or(u64::MAX),
        spread: first.spread,
        pods: pods.into_iter().map(|(_, pod)| pod).collect(),
    }
}

fn join_nodes(exact: &[NodeClass], doublings: u32) -> Vec<NodeClass> {
    let (cpu, memory, _) = widths(doublings);
    let milli = 10_u16 << doublings.min(6);
    let mut buckets: BTreeMap<_, Vec<&NodeClass>> = BTreeMap::new();
    for class in exact {
        let state = &class.state;
        let device = |device: &Device| match device {
            Device { free, taken: 0 } if !device.is_whole() => (free.div_ceil(milli), 0),
            Device { free, taken } => (*free, *taken),
        };
        let devices: Vec<(u16, u8)> = state.devices.iter().map(device).collect();
        let extras: Vec<u64> = state.extras.iter().map(|extra| extra >> doublings).collect();
        let sizes = (state.cpu_milli / cpu, state.memory_mib / memory);
        let key = (class.model, class.pool, class.zone, devices, sizes, extras, &state.apart);
        buckets.entry(key).or_default().push(class);
    }
    buckets.into_values().map(|members| joined_nodes(&members)).collect()
}

fn joined_nodes(members: &[&NodeClass]) -> NodeClass {
    let mut joined = members[0].clone();
    for class in &members[1..] {
        joined.state = merged(&joined.state, &class.state, u64::min, u16::min);
        joined.most = merged(&joined.most, &class.most, u64::max, u16::max);
        joined.nodes.extend(&class.nodes);
    }
    joined
}

/// Each amount of two states, whose devices are sorted and have the same parts taken.
fn merged(a: &State, b: &State, amount: fn(u64, u64) -> u64, share: fn(u16, u16) -> u16) -> State {
    let device = |(a, b): (&Device, &Device)| Device { free: share(a.free, b.free), taken: a.taken };
    State {
        cpu_milli: amount(a.cpu_milli, b.cpu_milli),
        memory_mib: amount(a.memory_mib, b.memory_mib),
        devices: a.devices.iter().zip(&b.devices).map(device).collect(),
        extras: a.extras.iter().zip(&b.extras).map(|(a, b)| amount(*a, *b)).collect(),
        apart: a.apart.clone(),
    }
}
