//! Pods without which a packing is none come before all others.
//!
//! Where the worthiest packing leaves one out, everything is packed again with each required pod worth more than all that
//! are not. What is then above that extra is a packing of the others beside them, and its bound one for all packings that
//! leave no required pod out.

use plimsoll_model::Fleet;
use plimsoll_packing::{Packing, Params, Seen, classes::Invalid, fleet::Cluster, pack_seen};

/// A packing that leaves no required pod out, where one is found.
pub(super) fn packed(
    fleet: &Fleet,
    cluster: &Cluster,
    params: &Params,
    observe: &mut dyn FnMut(Seen),
) -> Result<Packing, Invalid> {
    let first = pack_seen(cluster, params, observe)?;
    let left_out = |packed: &Packing| {
        let pods = fleet.pods.iter().zip(&packed.placements);
        pods.filter(|(pod, place)| pod.required && place.is_none()).count()
    };
    if left_out(&first) == 0 {
        return Ok(first);
    }
    let is_required = |at: usize| fleet.pods[at].required && cluster.pods[at].running.is_none();
    let others = (0..fleet.pods.len()).filter(|at| !is_required(*at)).map(|at| cluster.pods[at].worth);
    let extra = others.fold(1, u64::saturating_add);
    let mut anew = cluster.clone();
    let mut extras = 0_u64;
    for (at, pod) in anew.pods.iter_mut().enumerate().filter(|(at, _)| is_required(*at)) {
        pod.worth = pod.worth.saturating_add(extra);
        extras = extras.saturating_add(pod.worth - cluster.pods[at].worth);
    }
    let all = |cluster: &Cluster| cluster.pods.iter().fold(0, |sum: u64, pod| sum.saturating_add(pod.worth));
    // As near to the bound of what is not extra.
    let gap = params.gap * all(cluster) as f64 / all(&anew).max(1) as f64;
    let second = pack_seen(&anew, &Params { gap, ..params.clone() }, &mut |_| {})?;
    if left_out(&second) >= left_out(&first) {
        return Ok(first);
    }
    let placed = cluster.pods.iter().zip(&second.placements).filter(|(_, place)| place.is_some());
    let worth = placed.map(|(pod, _)| pod.worth).sum();
    let bound = if left_out(&second) == 0 { second.bound.saturating_sub(extras) } else { first.bound };
    // What more would bring is asked of the cluster as it is.
    let Packing { prices, one_more, .. } = first;
    Ok(Packing { worth, bound: bound.min(first.bound).max(worth), prices, one_more, ..second })
}
