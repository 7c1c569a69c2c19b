//! Names again: which pod of a class goes to which node of one, and to which devices.

use std::cmp::Reverse;

use crate::{
    classes::{Classes, device_order},
    dive::Use,
    fleet::{Ask, Cluster, DEVICE, Hold, Placement, State},
};

/// Places the pods that patterns hold, members of classes in their order; states follow.
pub fn assign(
    cluster: &Cluster,
    classes: &Classes,
    uses: &[Use],
    states: &mut [State],
    placements: &mut [Option<Placement>],
) {
    let mut nodes: Vec<_> = classes.nodes.iter().map(|class| class.nodes.iter()).collect();
    let mut pods: Vec<_> = classes.pods.iter().map(|class| class.pods.iter()).collect();
    for it in uses {
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
                    let Some(pod) = pods[*item as usize].next() else { continue };
                    let request = &cluster.pods[*pod].request;
                    let holds = match (request.devices, hold) {
                        (Ask::Share(milli), Some((_, rank, _))) => {
                            vec![Hold { index: order[usize::from(*rank)] as u16, milli, parts: 0 }]
                        }
                        (Ask::Slice(_), Some((_, rank, parts))) => {
                            vec![Hold { index: order[usize::from(*rank)] as u16, milli: 0, parts: *parts }]
                        }
                        (Ask::Whole(count), _) => {
                            let count = usize::from(count).min(free.len());
                            let mut indices: Vec<usize> = free.drain(..count).collect();
                            indices.sort_unstable();
                            indices
                                .iter()
                                .map(|i| Hold { index: *i as u16, milli: DEVICE, parts: 0 })
                                .collect()
                        }
                        _ => Vec::new(),
                    };
                    let taken = states[*node].take(request, &holds);
                    debug_assert!(taken.is_ok(), "a pattern fits its class: {taken:?}");
                    if taken.is_ok() {
                        placements[*pod] = Some(Placement { node: *node, devices: holds });
                    }
                }
            }
        }
    }
}

/// Places what still fits, the worthiest first, each where it leaves least.
pub fn fill(
    cluster: &Cluster,
    classes: &Classes,
    states: &mut [State],
    placements: &mut [Option<Placement>],
) {
    let mut order: Vec<usize> = (0..classes.pods.len()).collect();
    order.sort_by_key(|class| Reverse(classes.pods[*class].worth));
    for class in order {
        let waiting: Vec<usize> =
            classes.pods[class].pods.iter().copied().filter(|pod| placements[*pod].is_none()).collect();
        let Some(first) = waiting.first() else { continue };
        let request = &cluster.pods[*first].request;
        let mut nodes: Vec<usize> = (0..states.len())
            .filter(|node| request.allows(&cluster.nodes[*node]) && states[*node].fits(request))
            .collect();
        nodes
            .sort_by_key(|node| (states[*node].milli(), states[*node].cpu_milli, &cluster.nodes[*node].name));
        let mut nodes = nodes.into_iter().peekable();
        for pod in waiting {
            let request = &cluster.pods[pod].request;
            while let Some(node) = nodes.peek().copied() {
                if let Ok(devices) = states[node].place(request) {
                    placements[pod] = Some(Placement { node, devices });
                    break;
                }
                nodes.next();
            }
        }
    }
}
