//! Moves let pods in, in an order that can be carried out; covers hold what they say.

use plimsoll_packing::{
    Packing, Params,
    check::{Violation, check, moved},
    classes::states,
    cover::{Offer, cover},
    fleet::{Ask, Cluster, Model, Node, Placement, Pod, Request, State},
    instance::Limit,
    pack, pack_seen,
};
use proptest::prelude::*;

fn gpu_node(name: String, devices: u16) -> Node {
    Node { name, cpu_milli: 32_000, memory_mib: 1 << 16, model: Some(Model(0)), devices, ..Node::default() }
}

fn pod(name: String, devices: Ask) -> Pod {
    Pod::new(name, Request { cpu_milli: 1000, memory_mib: 1024, devices, ..Request::default() })
}

/// Nodes with shares of devices running on them, and whole ones waiting.
fn fragmented(nodes: &[Vec<u16>], waiting: &[u16]) -> Cluster {
    let mut cluster = Cluster { models: vec!["a".into()], ..Cluster::default() };
    for (index, shares) in nodes.iter().enumerate() {
        cluster.nodes.push(gpu_node(format!("n{index}"), shares.len() as u16));
        let mut state = State::empty(&cluster.nodes[index]);
        for (at, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0) {
            let mut runs = pod(format!("runs{index}-{at}"), Ask::Share(*share));
            let holds = [plimsoll_packing::fleet::Hold { index: at as u16, milli: *share, parts: 0 }];
            state.take(&runs.request, &holds).unwrap();
            runs.running = Some(Placement { node: index, devices: holds.to_vec() });
            cluster.pods.push(runs);
        }
    }
    for (index, count) in waiting.iter().enumerate() {
        cluster.pods.push(pod(format!("waits{index}"), Ask::Whole(*count)));
    }
    cluster
}

#[test]
fn one_move_frees_a_node() {
    let cluster = fragmented(&[vec![0, 300], vec![400, 0]], &[2]);
    let stay = pack(&cluster, &Params::default()).unwrap();
    let placed = |packing: &Packing| packing.placements.iter().flatten().count();
    assert_eq!(placed(&stay), 2);
    let one = pack(&cluster, &Params { moves: 1, ..Params::default() }).unwrap();
    assert_eq!(placed(&one), 3);
    assert_eq!(one.moves.len(), 1);
    assert_eq!(one.moves[0].pod, 0, "the smaller one moves");
    assert_eq!(one.bound, one.worth);
    // Nothing waits: no room and no node is worth anything.
    assert!(one.prices.iter().chain(&one.one_more).all(|worth| *worth < 1e-9), "{one:?}");
    assert!(stay.prices[2] > 1.0 && stay.one_more[0] > 1.0, "{stay:?}");
    // With one more that waits, a node would still bring it.
    let cluster = fragmented(&[vec![0, 300], vec![400, 0]], &[2, 2]);
    let one = pack(&cluster, &Params { moves: 1, ..Params::default() }).unwrap();
    assert_eq!((placed(&one), one.moves.len()), (3, 1));
    // Who runs is not given up for those that wait: both of these would be worth more.
    assert!(one.bound < 2 * 2_020_000, "{}", one.bound);
    assert!((one.one_more[0] - 2.02).abs() < 1e-6 && one.prices[3] > 1.0, "{one:?}");
}

/// Pods that do not run yet give way to worthier ones, elsewhere if they can.
#[test]
fn who_does_not_run_yet_gives_way() {
    // One device of four is in use, so that the four fit nowhere; small ones take what is left of the node.
    let mut cluster = fragmented(&[vec![300, 0, 0, 0], vec![300, 0]], &[4]);
    cluster.pods.extend((0..40).map(|at| {
        let request = Request { cpu_milli: 1000, memory_mib: 1024, ..Request::default() };
        Pod::new(format!("cpu{at}"), request)
    }));
    let placed = |packing: &Packing, name: &str| {
        let pods = cluster.pods.iter().zip(&packing.placements);
        pods.filter(|(pod, place)| pod.name.starts_with(name) && place.is_some()).count()
    };
    let stay = pack(&cluster, &Params::default()).unwrap();
    assert_eq!((placed(&stay, "waits"), placed(&stay, "cpu")), (0, 40));
    let one = pack(&cluster, &Params { moves: 1, ..Params::default() }).unwrap();
    assert_eq!((placed(&one, "waits"), placed(&one, "cpu")), (1, 40));
    assert_eq!((one.moves.len(), one.bound), (1, one.worth));
    // Where they have no room beside it, as many wait as must.
    let mut tight = cluster.clone();
    tight.nodes.iter_mut().for_each(|node| node.cpu_milli = 21_000);
    let one = pack(&tight, &Params { moves: 1, ..Params::default() }).unwrap();
    assert_eq!((placed(&one, "waits"), one.moves.len()), (1, 1));
    assert_eq!(placed(&one, "cpu"), 39);
}

proptest! {
    #![proptest_config(crate::config(64))]

    /// Step by step nothing is overfull, only the named pods move, no more than may, and nothing is lost.
    #[test]
    fn moves_can_be_carried_out_in_their_order(
        nodes in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![Just(0_u16), 100..900_u16], 1..4), 1..6),
        waiting in proptest::collection::vec(1..4_u16, 0..5),
        most in 0..5_usize,
    ) {
        let cluster = fragmented(&nodes, &waiting);
        let params = Params { turns: 1, ..Params::default() };
        let stay = pack(&cluster, &params).unwrap();
        let packing = pack(&cluster, &Params { moves: most, ..params }).unwrap();
        prop_assert_eq!(check(&cluster, &packing.placements), []);
        prop_assert!(packing.worth >= stay.worth && packing.worth <= packing.bound);
        prop_assert!(packing.moves.len() <= most);
        let mut went: Vec<Violation> =
            packing.moves.iter().map(|step| Violation::Moved { pod: step.pod }).collect();
        went.sort();
        prop_assert_eq!(moved(&cluster, &packing.placements), went);
        let mut now = states(&cluster).unwrap();
        for (at, step) in packing.moves.chunk_by(|a, b| a.step == b.step).enumerate() {
            // The new places are held before the old ones are given up.
            for one in step {
                prop_assert_eq!(one.step as usize, at + 1);
                prop_assert!(now[one.to.node].take(&cluster.pods[one.pod].request, &one.to.devices).is_ok());
            }
            for one in step {
                now[one.from.node].release(&cluster.pods[one.pod].request, &one.from.devices);
            }
        }
    }

    /// New nodes hold every pod that some offer can hold, at no less than the bound.
    #[test]
    fn a_cover_holds_what_can_be_held(
        asks in proptest::collection::vec(prop_oneof![
            (1..1000_u16).prop_map(Ask::Share), (1..5_u16).prop_map(Ask::Whole), Just(Ask::None)], 0..20),
        costs in proptest::collection::vec(1..1_000_000_u64, 2),
    ) {
        let pods: Vec<Pod> = asks.iter().enumerate().map(|(i, ask)| pod(format!("p{i}"), *ask)).collect();
        let cluster = Cluster { models: vec!["a".into()], pods, ..Cluster::default() };
        let offers = [
            Offer { node: gpu_node("small".into(), 1), cost: costs[0] },
            Offer { node: gpu_node("large".into(), 3), cost: costs[1] },
        ];
        let all: Vec<usize> = (0..cluster.pods.len()).collect();
        let covered = cover(&cluster, &all, &offers, &[], &Params::default()).unwrap();
        for pod in &covered.left {
            prop_assert_eq!(cluster.pods[*pod].request.devices, Ask::Whole(4));
        }
        // Each new node holds its pods.
        let mut placed = 0;
        for (offer, pods) in &covered.nodes {
            let mut state = State::empty(&offers[*offer].node);
            placed += pods.len();
            prop_assert!(!pods.is_empty());
            for (pod, holds) in pods {
                prop_assert!(state.take(&cluster.pods[*pod].request, holds).is_ok());
            }
        }
        prop_assert_eq!(placed + covered.left.len(), cluster.pods.len());
        let cost: u64 = covered.add.iter().map(|(offer, count)| costs[*offer] * u64::from(*count)).sum();
        prop_assert_eq!(cost, covered.cost);
        prop_assert!(covered.bound <= covered.cost);
    }

    /// The nodes for pods of a device each cost no more than the least, by how many are held, that exhaustion finds.
    #[test]
    fn like_pods_get_the_cheapest_nodes(
        count in 1..12_usize,
        on_offer in proptest::collection::vec((1..9_u16, 1..30_u64, proptest::option::of(1..4_u64)), 1..4),
    ) {
        let pods = (0..count).map(|i| pod(format!("p{i}"), Ask::Whole(1))).collect();
        let cluster = Cluster { models: vec!["a".into()], pods, ..Cluster::default() };
        let all: Vec<usize> = (0..count).collect();
        let node = |(at, (devices, cost, _)): (usize, &(u16, u64, Option<u64>))| Offer {
            node: gpu_node(format!("n{at}"), *devices),
            cost: *cost,
        };
        let offers: Vec<Offer> = on_offer.iter().enumerate().map(node).collect();
        let limits: Vec<Limit> = (0..)
            .zip(&on_offer)
            .filter_map(|(at, (.., most))| Some(Limit { most: (*most)?, takes: vec![(at, 1)] }))
            .collect();
        let covered = cover(&cluster, &all, &offers, &limits, &Params::default()).unwrap();
        let mut least = vec![Some(0); 1];
        least.resize(count + 1, None);
        for (devices, cost, most) in &on_offer {
            let before = least.clone();
            for held in 1..=count {
                let of = |copies: usize| {
                    Some(before[held.saturating_sub(copies * usize::from(*devices))]? + copies as u64 * cost)
                };
                let most = most.map_or(count, |most| most as usize);
                least[held] = (0..=most).filter_map(of).min();
            }
        }
        let held = count - covered.left.len();
        prop_assert_eq!(Some(&Some(covered.cost)), least.iter().rev().find(|cost| cost.is_some()));
        prop_assert_eq!(least[held + 1..].iter().flatten().count(), 0);
    }
}

#[test]
fn the_cheapest_nodes_are_added_and_proven() {
    let pods: Vec<Pod> = (0..6).map(|i| pod(format!("p{i}"), Ask::Share(500))).collect();
    let cluster = Cluster { models: vec!["a".into()], pods, ..Cluster::default() };
    let offer = |name: &str, devices, cost| Offer { node: gpu_node(name.into(), devices), cost };
    let all: Vec<usize> = (0..6).collect();
    // Three devices are needed: the one reserved node of two, and one of one.
    let offers = [offer("spot", 1, 100), offer("reserved", 2, 150), offer("dear", 4, 1000)];
    let limits = [Limit { most: 1, takes: vec![(1, 1)] }];
    let covered = cover(&cluster, &all, &offers, &limits, &Params::default()).unwrap();
    assert_eq!(covered.add, [(0, 1), (1, 1)]);
    assert_eq!((covered.cost, covered.left.len()), (250, 0));
    assert_eq!(covered.bound, 250);
    let none = cover(&cluster, &all, &[], &[], &Params::default()).unwrap();
    assert_eq!((none.left.len(), none.cost, none.bound), (6, 0, 0));
}

#[test]
fn offers_share_a_limit() {
    let pods: Vec<Pod> = (0..5).map(|i| pod(format!("p{i}"), Ask::Whole(1))).collect();
    let cluster = Cluster { models: vec!["a".into()], pods, ..Cluster::default() };
    let offer = |name: &str, devices, cost| Offer { node: gpu_node(name.into(), devices), cost };
    let all: Vec<usize> = (0..5).collect();
    // One machine in two zones, of which three can be had together, and a dear one.
    let offers = [offer("zone a", 1, 10), offer("zone b", 1, 10), offer("dear", 1, 40)];
    let limits = [Limit { most: 3, takes: vec![(0, 1), (1, 1)] }];
    let covered = cover(&cluster, &all, &offers, &limits, &Params::default()).unwrap();
    assert_eq!((covered.cost, covered.bound, covered.left.len()), (110, 110, 0));
    // Quotas of devices over machines of unlike size: two large ones take all of it.
    let offers = [offer("large", 2, 15), offer("small", 1, 10), offer("dear", 1, 40)];
    let limits = [Limit { most: 4000, takes: vec![(0, 2000), (1, 1000)] }];
    let covered = cover(&cluster, &all, &offers, &limits, &Params::default()).unwrap();
    assert_eq!((covered.cost, covered.bound, covered.left.len()), (70, 70, 0));
    // Too few for all of them.
    let covered = cover(&cluster, &all, &offers[..2], &limits, &Params::default()).unwrap();
    assert_eq!((covered.cost, covered.left.len()), (30, 1));
}

#[test]
fn fewer_pods_than_a_node_holds_may_still_want_it() {
    /// Devices, cost, and how many can be had.
    type OnOffer = (u16, u64, Option<u64>);
    // Pods of one device each, what is on offer, and the least cost.
    let cases: [(usize, [OnOffer; 2], u64); 3] = [
        (5, [(8, 10, None), (4, 9, None)], 10),
        (3, [(8, 15, None), (1, 15, None)], 15),
        (4, [(8, 1, Some(1)), (4, 17, None)], 1),
    ];
    let covered = cases.map(|(count, on_offer, _)| {
        let pods = (0..count).map(|i| pod(format!("p{i}"), Ask::Whole(1))).collect();
        let cluster = Cluster { models: vec!["a".into()], pods, ..Cluster::default() };
        let all: Vec<usize> = (0..count).collect();
        let offers =
            on_offer.map(|(devices, cost, _)| Offer { node: gpu_node(format!("n{devices}"), devices), cost });
        let limits: Vec<Limit> = (0..)
            .zip(on_offer)
            .filter_map(|(at, (.., most))| Some(Limit { most: most?, takes: vec![(at, 1)] }))
            .collect();
        let covered = cover(&cluster, &all, &offers, &limits, &Params::default()).unwrap();
        (covered.cost, covered.bound, covered.left.len())
    });
    assert_eq!(covered, cases.map(|(.., least)| (least, least, 0)));
}

/// A pod that only what is limited holds is worth no more than others that could be elsewhere.
#[test]
fn who_has_no_other_place_gets_what_is_limited() {
    let covered = |asks: &[u16], offers: &[(u16, u64)], limits: &[Limit]| {
        let pods =
            asks.iter().enumerate().map(|(i, count)| pod(format!("p{i}"), Ask::Whole(*count))).collect();
        let cluster = Cluster { models: vec!["a".into()], pods, ..Cluster::default() };
        let all: Vec<usize> = (0..asks.len()).collect();
        let offer = |(devices, cost): &(u16, u64)| Offer {
            node: gpu_node(format!("n{devices}"), *devices),
            cost: *cost,
        };
        let offers: Vec<Offer> = offers.iter().map(offer).collect();
        let covered = cover(&cluster, &all, &offers, limits, &Params::default()).unwrap();
        assert!(covered.bound <= covered.cost);
        (covered.cost, covered.left.len())
    };
    let one = [Limit { most: 1, takes: vec![(1, 1)] }];
    assert_eq!(covered(&[2, 2, 2, 1, 4], &[(1, 1), (8, 9), (2, 18)], &one), (28, 0));
    let four = [Limit { most: 4, takes: vec![(0, 4), (2, 8)] }];
    assert_eq!(covered(&[1, 2, 1, 2], &[(4, 19), (1, 17), (8, 12)], &four), (53, 0));
}

#[test]
fn unlike_pods_are_proven_by_as_many_as_there_are() {
    // Pods of 5, 7, 6 and 2 cores: of nodes of 16, no two hold all of them twice over.
    let cores = [5, 7, 6, 2];
    let alone = |(i, cores): (usize, &u64)| {
        let request = Request { cpu_milli: cores * 1000, ..Request::default() };
        Pod::new(format!("p{i}"), request)
    };
    let pods: Vec<Pod> = cores.iter().enumerate().map(alone).collect();
    let cluster = Cluster { pods, ..Cluster::default() };
    let offer = |name: &str, cores: u64, cost| {
        let node = Node { name: name.into(), cpu_milli: cores * 1000, memory_mib: 1000, ..Node::default() };
        Offer { node, cost }
    };
    let offers = [offer("small", 15, 770_000), offer("large", 35, 1_530_000)];
    let covered = cover(&cluster, &[0, 1, 2, 3], &offers, &[], &Params::default()).unwrap();
    assert_eq!((covered.cost, covered.left.len()), (1_530_000, 0));
    assert!(covered.bound >= 1_155_000, "{}", covered.bound);
}

#[test]
fn without_time_there_is_a_packing_and_a_bound_that_holds() {
    let asks =
        [Ask::Whole(2), Ask::Share(600), Ask::Share(500), Ask::Share(400), Ask::Whole(1), Ask::Whole(2)];
    let pods: Vec<Pod> = asks.iter().enumerate().map(|(i, ask)| pod(format!("p{i}"), *ask)).collect();
    let nodes = vec![gpu_node("a".into(), 2), gpu_node("b".into(), 3)];
    let cluster = Cluster { models: vec!["a".into()], nodes, pods, ..Cluster::default() };
    let best = pack(&cluster, &Params::default()).unwrap();
    for moves in [0, 2] {
        let mut seen = Vec::new();
        let params = Params { moves, time_left: Some(|| 0.0), ..Params::default() };
        let hasty = pack_seen(&cluster, &params, &mut |now| seen.push(now)).unwrap();
        assert!(hasty.worth > 0 && hasty.worth <= best.worth && best.worth <= hasty.bound);
        assert_eq!(seen.last().and_then(|seen| seen.worth), Some(hasty.worth));
    }
    let offers = [
        Offer { node: gpu_node("small".into(), 2), cost: 10 },
        Offer { node: gpu_node("large".into(), 4), cost: 15 },
    ];
    let all: Vec<usize> = (0..cluster.pods.len()).collect();
    let params = Params { time_left: Some(|| 0.0), ..Params::default() };
    let (hasty, best) = (
        cover(&cluster, &all, &offers, &[], &params).unwrap(),
        cover(&cluster, &all, &offers, &[], &Params::default()).unwrap(),
    );
    assert_eq!((hasty.left.len(), best.left.len()), (0, 0));
    assert!(hasty.bound <= best.cost && best.cost <= hasty.cost);
}
