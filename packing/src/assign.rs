//! Names again: which pod of a class goes to which node of one, and to which devices.

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
