//! Names again: which pod of a class goes to which node of one, and to which devices.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    classes::{Classes, PodClass, device_order},
    confine::settled,
    dive::Rounded,
    fleet::{Ask, Cluster, DEVICE, Hold, Placement, Request, State},
    instance::Instance,
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
            let order = device_order(&states[*node]);
            let mut free: Vec<usize> = order.clone();
            for (_, rank, _) in &it.pattern.holds {
                free.retain(|index| *index != order[usize::from(*rank)]);
            }
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
                        let held = holds(request, hold, &order, &free);
                        let enough = match request.devices {
                            Ask::Whole(count) => held.len() == usize::from(count),
                            _ => true,
                        };
                        if enough && states[*node].take(request, &held).is_ok() {
                            if matches!(request.devices, Ask::Whole(_)) {
                                free.retain(|index| {
                                    held.iter().all(|hold| usize::from(hold.index) != *index)
                                });
                            }
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

/// The devices that a request holds: those of its pattern, or the first that are free for whole ones.
pub(crate) fn holds(
    request: &Request,
    hold: Option<&(u32, u16, u8)>,
    order: &[usize],
    free: &[usize],
) -> Vec<Hold> {
    match (request.devices, hold) {
        (Ask::Share(milli), Some((_, rank, _))) => {
            vec![Hold { index: order[usize::from(*rank)] as u16, milli, parts: 0 }]
        }
        (Ask::Slice(_), Some((_, rank, parts))) => {
            vec![Hold { index: order[usize::from(*rank)] as u16, milli: 0, parts: *parts }]
        }
        (Ask::Whole(count), _) => {
            let mut indices: Vec<usize> = free.iter().copied().take(usize::from(count)).collect();
            indices.sort_unstable();
            indices.iter().map(|index| Hold { index: *index as u16, milli: DEVICE, parts: 0 }).collect()
        }
        _ => Vec::new(),
    }
}
