//! What no packing is worth more than: beside pods that stay, or with all that may move placed anew.

use std::collections::BTreeSet;

use crate::{
    classes::{Classes, Invalid, states},
    fleet::{ACCELERATOR, Cluster, Placement, Pod, State},
    generate::{Generated, Memory, Prices, Stop, generate},
    instance::{Instance, Sizes},
    marginal,
    master::{Form, Master},
    nearly,
    pack::{Params, SMALL, total},
};

/// Where classes are of what is only nearly alike, no nearer than this.
pub(crate) const NEARLY: f64 = 2e-3;

/// The prices of a bound, and the bound.
#[derive(Debug)]
pub(crate) struct Proof {
    pub bound: u64,
    /// See [`crate::Packing::prices`].
    pub prices: Vec<f64>,
    /// See [`crate::Packing::one_more`].
    pub one_more: Vec<f64>,
}

/// What patterns prove of which none holds more pods of a kind than there are: on few nodes that is often what leaves a gap.
/// Their prices are further from exact, so that neither bound is below the other.
pub(crate) fn at_most_all(cluster: &Cluster, instance: &Instance, params: &Params, stop: Stop) -> u64 {
    let (all, running) = (total(cluster, |_| true), total(cluster, |pod| pod.running.is_some()));
    let mut master = Master::within(instance, Form::Admit, params.time_left);
    let stop = Stop { capped: true, ..stop };
    let generated = generate(instance, &mut master, &mut Memory::default(), stop);
    generated.map_or(all, |generated| all.min(running.saturating_add(whole_worth(generated.bound))))
}

/// What column generation proves, with the running pods.
///
/// Where classes are of pods that are only nearly alike, each pod has a price of its own there ([`nearly`]). Where
/// those of nodes are, the proof needs the most that they have: the patterns at hand are good ones there too, and
/// some rounds more give it prices of its own.
pub(crate) fn proven(
    cluster: &Cluster,
    classes: &Classes,
    instance: &Instance,
    master: &Master,
    memory: &Memory,
    generated: Option<&Generated>,
    params: &Params,
) -> u64 {
    let (all, running) = (total(cluster, |_| true), total(cluster, |pod| pod.running.is_some()));
    let Some(generated) = generated else { return all };
    let mut waiting = generated.bound;
    if classes.bucketed_pods() {
        waiting = nearly::bound(cluster, classes, instance, master, memory, generated);
    } else if classes.bucketed() {
        let instance = Instance::new(classes, Sizes::Least);
        let mut roomy = Master::within(&instance, Form::Admit, params.time_left);
        for (bin, pattern) in &master.patterns {
            roomy.add(&instance, *bin, pattern.clone());
        }
        let stop = Stop { gap: params.gap.max(NEARLY), rounds: params.rounds, hardest: 1, capped: false };
        let Some(generated) = generate(&instance, &mut roomy, &mut Memory::default(), stop) else {
            return all;
        };
        waiting = generated.bound;
    }
    all.min(running.saturating_add(whole_worth(waiting)))
}

/// A bound in millionths of an accelerator. Worths are whole, so only more than what sums can be off is added before
/// the rest is cut off.
pub(crate) fn whole_worth(bound: f64) -> u64 {
    (bound * ACCELERATOR as f64 * (1.0 + 1e-9)).floor().max(0.0) as u64
}

/// The proof when as many running pods as one likes may move: all that can move are placed anew.
///
/// Where one runs that its node would not let in again, no place for it may be left: it is passed over, and
/// counts. That the others must all have a place is put into their worth, whatever more than that is taken
/// off again.
pub(crate) fn with_moves(
    cluster: &Cluster,
    placements: &[Option<Placement>],
    params: &Params,
) -> Result<Proof, Invalid> {
    let stays_only = |pod: &Pod| {
        pod.running.as_ref().filter(|_| !pod.fixed).is_some_and(|running| {
            let node = &cluster.nodes[running.node];
            let over_groups = State::empty(node).joins(&pod.request)
                && running.devices.iter().any(|hold| {
                    hold.index / node.group.max(1) != running.devices[0].index / node.group.max(1)
                });
            !pod.request.allows(node) || !cluster.counts(pod, node) || over_groups
        })
    };
    let over = total(cluster, stays_only);
    let kept: Vec<usize> = (0..cluster.pods.len()).filter(|pod| !stays_only(&cluster.pods[*pod])).collect();
    let waits = |pod: &&Pod| pod.running.is_none();
    let extra = 2 * cluster.pods.iter().filter(waits).map(|pod| pod.worth).max().unwrap_or(0);
    // What stays where it runs breaks no rule there: so nothing is counted of spreads with pods that may move.
    let may_move = |pod: &&Pod| pod.running.is_some() && !pod.fixed;
    let loose: BTreeSet<u32> = cluster.pods.iter().filter(may_move).filter_map(|pod| pod.spread).collect();
    let anew = |pod: &Pod| {
        let mut pod = Pod { spread: pod.spread.filter(|spread| !loose.contains(spread)), ..pod.clone() };
        if may_move(&&pod) {
            (pod.running, pod.gang, pod.confine) = (None, None, None);
            pod.worth = pod.worth.saturating_add(extra);
        }
        pod
    };
    let waiting =
        Cluster { pods: kept.iter().map(|pod| anew(&cluster.pods[*pod])).collect(), ..cluster.clone() };
    let (with, without) = (total(&waiting, |_| true), total(cluster, |pod| !stays_only(pod)));
    let params = &Params { gap: params.gap * without as f64 / (with as f64).max(1.0), ..params.clone() };
    let states = states(&waiting)?;
    let classes = Classes::of(&waiting, &states)?;
    let instance = Instance::of(&classes);
    let mut master = Master::within(&instance, Form::Admit, params.time_left);
    let stop = Stop { gap: params.gap, rounds: params.rounds, hardest: 2, capped: false };
    let mut memory = Memory::default();
    let generated = generate(&instance, &mut master, &mut memory, stop);
    let mut bound = proven(&waiting, &classes, &instance, &master, &memory, generated.as_ref(), params);
    if !classes.bucketed() && cluster.nodes.len() <= SMALL {
        bound = bound.min(at_most_all(&waiting, &instance, params, stop));
    }
    let bound = over.saturating_add(bound).saturating_sub(with - without);
    let of_items = generated.map_or_else(|| Prices::none(&instance), |generated| generated.prices);
    let of_classes = of_items.of_classes(&instance);
    let placed: Vec<Option<Placement>> = kept.iter().map(|pod| placements[*pod].clone()).collect();
    let mut prices = vec![0.0; cluster.pods.len()];
    for (pod, price) in kept.iter().zip(marginal::of_pods(&waiting, &classes, &placed, &of_classes)) {
        prices[*pod] = price;
    }
    let one_more = marginal::of_nodes(&waiting, &classes, &instance, &of_items.items);
    Ok(Proof { bound, prices, one_more })
}
