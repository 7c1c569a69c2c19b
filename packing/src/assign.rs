//! Names again: which pod of a class goes to which node of one, and to which devices.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    classes::{Classes, PodClass, device_order},
    confine::settled,
    dive::Rounded,
    fleet::{Ask, Cluster, DEVICE, Hold, Placement, Request, State},
    groups::seats,
    instance::{Bin, Instance, Pattern},
};

/// Places the pods that patterns hold, members of classes in their order, those of gangs that run first; states
/// follow.
pub fn assign(
    cluster: &Cluster,
    classes: &Classes,
    instance: &Instance,
    rounded: &Rounded,
    states: &mut [State],
    placements: &mut [Option<Placement>],
) {
    let mut nodes: Vec<_> = classes.nodes.iter().map(|class| class.nodes.iter()).collect();
    let mut pods = members(cluster, classes, rounded);
    for it in &rounded.uses {
        for node in nodes[it.bin as usize].by_ref().take(it.copies as usize) {
            let bin = &instance.bins[it.bin as usize];
            let mut devices = Devices::of(&states[*node], &it.pattern, bin, instance);
            let mut held = it.pattern.holds.iter().peekable();
            for (item, count) in &it.pattern.counts {
                for _ in 0..*count {
                    let hold = held.next_if(|hold| hold.0 == *item);
                    let it = &instance.items[*item as usize];
                    let Some(pods) = pods[it.class as usize].get_mut(&it.domain) else { continue };
                    // Where members are only nearly alike, the largest may be too large for what is left.
                    for at in [0, pods.len() / 2, pods.len().saturating_sub(1)] {
                        let Some(pod) = pods.get(at).copied() else { break };
                        let request = &cluster.pods[pod].request;
                        let joined = bin.joined(it);
                        let held = devices.holds(request, hold, joined);
                        let enough = match request.devices {
                            Ask::Whole(count) => held.len() == usize::from(count),
                            _ => true,
                        };
                        if enough && states[*node].take(request, &held).is_ok() {
                            devices.took(request, &held, joined);
                            placements[pod] = Some(Placement { node: *node, devices: held });
                            pods.remove(at);
                            break;
                        }
                    }
                }
            }
        }
    }
}

/// Of each class the pods that may be placed, by the domain that confines them: those of gangs that run, then those
/// that stand alone.
pub(crate) fn members(
    cluster: &Cluster,
    classes: &Classes,
    rounded: &Rounded,
) -> Vec<BTreeMap<Option<u32>, VecDeque<usize>>> {
    let run = classes.shapes.iter().zip(&rounded.gangs);
    let gangs: BTreeSet<u32> =
        run.flat_map(|(shape, run)| shape.gangs.iter().take(*run as usize).copied()).collect();
    let pods = |class: &PodClass| {
        let gang = |pod: &usize| cluster.pods[*pod].gang;
        let (alone, joined): (Vec<usize>, Vec<usize>) =
            class.pods.iter().partition(|pod| gang(pod).is_none());
        let joined = joined.into_iter().filter(|pod| gang(pod).is_some_and(|gang| gangs.contains(&gang)));
        joined.chain(alone).collect::<VecDeque<usize>>()
    };
    let within = settled(&classes.blocks, &rounded.confines, &gangs);
    let by_domain = |class: &PodClass| {
        let mut by_domain: BTreeMap<Option<u32>, VecDeque<usize>> = BTreeMap::new();
        for pod in pods(class) {
            let confine = cluster.pods[pod].confine;
            let domain = confine.and_then(|confine| within.get(&confine).copied());
            if confine.is_some() == domain.is_some() {
                by_domain.entry(domain).or_default().push_back(pod);
            }
        }
        by_domain
    };
    classes.pods.iter().map(by_domain).collect()
}

/// The devices of a node for a pattern.
pub(crate) struct Devices {
    /// In the order of the class.
    order: Vec<usize>,
    /// Those that no part is held of, for whole devices.
    free: Vec<usize>,
    /// For pods that must be within one group, by how many they have.
    joined: BTreeMap<usize, Vec<Vec<usize>>>,
}

impl Devices {
    pub(crate) fn of(state: &State, pattern: &Pattern, bin: &Bin, instance: &Instance) -> Self {
        let mut order = device_order(state);
        let mut joined: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
        let held: BTreeSet<usize> = pattern.holds.iter().map(|(_, rank, _)| usize::from(*rank)).collect();
        if bin.groups.is_empty() {
            let is_free = |(rank, index): (usize, &usize)| (!held.contains(&rank)).then_some(*index);
            return Self { free: order.iter().enumerate().filter_map(is_free).collect(), order, joined };
        }
        // Who must be within a group first, then parts and others in what groups have least left.
        let mut sizes: Vec<u16> = Vec::new();
        for (item, count) in &pattern.counts {
            if let Some(devices) = bin.joined(&instance.items[*item as usize]) {
                sizes.extend(std::iter::repeat_n(devices as u16, *count as usize));
            }
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let mut groups = state.groups();
        let free: Vec<u16> = groups.iter().map(|group| group.len() as u16).collect();
        for (size, group) in sizes.iter().zip(seats(&free, &sizes).unwrap_or_default()) {
            let devices: Vec<usize> = groups[group].drain(..usize::from(*size)).collect();
            joined.entry(usize::from(*size)).or_default().push(devices);
        }
        groups.sort_by_key(Vec::len);
        let mut rest = groups.into_iter().flatten();
        for rank in held.iter().filter(|rank| **rank < bin.whole) {
            if let Some(index) = rest.next() {
                order[*rank] = index;
            }
        }
        Self { order, free: rest.collect(), joined }
    }

    /// The devices that a request holds: those of its pattern, those of one group for so many, or the first that are
    /// free for whole ones.
    pub(crate) fn holds(
        &self,
        request: &Request,
        hold: Option<&(u32, u16, u8)>,
        joined: Option<usize>,
    ) -> Vec<Hold> {
        let index = |rank: u16| self.order[usize::from(rank)] as u16;
        match (request.devices, hold) {
            (Ask::Share(milli), Some((_, rank, _))) => vec![Hold { index: index(*rank), milli, parts: 0 }],
            (Ask::Slice(_), Some((_, rank, parts))) => {
                vec![Hold { index: index(*rank), milli: 0, parts: *parts }]
            }
            (Ask::Whole(count), _) => match joined {
                Some(devices) => {
                    let of = self.joined.get(&devices).and_then(|of| of.last());
                    of.map_or_else(Vec::new, |of| whole(of))
                }
                None => whole(&self.free[..self.free.len().min(usize::from(count))]),
            },
            _ => Vec::new(),
        }
    }

    /// A request has taken what it holds.
    pub(crate) fn took(&mut self, request: &Request, holds: &[Hold], joined: Option<usize>) {
        if let Some(devices) = joined {
            self.joined.entry(devices).and_modify(|of| _ = of.pop());
        } else if matches!(request.devices, Ask::Whole(_)) {
            self.free.retain(|index| holds.iter().all(|hold| usize::from(hold.index) != *index));
        }
    }
}

/// Some devices, held whole.
fn whole(devices: &[usize]) -> Vec<Hold> {
    let mut indices = devices.to_vec();
    indices.sort_unstable();
    indices.iter().map(|index| Hold { index: *index as u16, milli: DEVICE, parts: 0 }).collect()
}
