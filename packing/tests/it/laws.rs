//! What holds of every packing: it is feasible, no better than the best, and its bound no lower.

use std::collections::BTreeMap;

use plimsoll_packing::{
    Params,
    buckets::Cuts,
    check::{check, moved},
    classes::{Classes, RESOURCES},
    fleet::{Ask, Cluster, DEVICE, Model, Node, Placement, Pod, Request, Slice, Spread, State},
    generate::{Memory, Stop, generate},
    inside::Effort,
    instance::Instance,
    master::{Form, Master},
    nearly, pack,
    price::price,
};
use proptest::prelude::*;

use crate::exhaustion;

fn node(index: usize, cpu_milli: u64, devices: u16, model: u16) -> Node {
    Node {
        name: format!("n{index}"),
        cpu_milli,
        memory_mib: 64 << 10,
        model: (devices > 0).then_some(Model(model)),
        devices,
        ..Node::default()
    }
}

fn any_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        1 => Just(Ask::None),
        4 => prop_oneof![Just(200), Just(250), Just(330), Just(500), Just(700)].prop_map(Ask::Share),
        2 => (1..4_u16).prop_map(Ask::Whole),
        1 => prop_oneof![Just((1, 0x7f)), Just((2, 0x15)), Just((4, 0x11))]
            .prop_map(|(length, starts)| Ask::Slice(Slice { length, starts })),
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    (
        any_ask(),
        prop_oneof![Just(0), Just(1000), Just(4000), Just(7500)],
        prop_oneof![Just(0), Just(1 << 10), Just(30 << 10)],
        prop_oneof![3 => Just(vec![]), 1 => Just(vec![Model(0)]), 1 => Just(vec![Model(0), Model(1)])],
        prop_oneof![4 => Just(None), 1 => (0..2_u32).prop_map(|group| Some(64 * group))],
    )
        .prop_map(|(devices, cpu_milli, memory_mib, models, apart)| Request {
            cpu_milli,
            memory_mib,
            devices,
            models,
            apart,
            ..Request::default()
        })
}

/// A cluster with some of its pods running already, each where it was put first.
fn any_cluster(nodes: usize, pods: usize) -> impl Strategy<Value = Cluster> {
    let nodes = proptest::collection::vec((4_000..20_000_u64, 0..4_u16, 0..2_u16), 1..=nodes);
    let pods = proptest::collection::vec((any_request(), 1..3_u64, any::<bool>()), 0..=pods);
    (nodes, pods).prop_map(|(nodes, pods)| {
        let nodes: Vec<Node> = nodes
            .into_iter()
            .enumerate()
            .map(|(i, (cpu, devices, model))| node(i, cpu, devices, model))
            .collect();
        let mut states: Vec<State> = nodes.iter().map(State::empty).collect();
        let pods = pods
            .into_iter()
            .enumerate()
            .map(|(index, (request, factor, runs))| {
                let mut pod = Pod::new(format!("p{index}"), request);
                pod.worth = pod.worth * factor + 1;
                if runs && index % 3 == 0 {
                    pod.running = (0..nodes.len()).filter(|n| pod.request.allows(&nodes[*n])).find_map(|n| {
                        let devices = states[n].place(&pod.request).ok()?;
                        Some(Placement { node: n, devices })
                    });
                }
                pod
            })
            .collect();
        Cluster { models: vec!["a".into(), "b".into()], nodes, pods, ..Cluster::default() }
    })
}

/// The same with zones, pools, gangs and spreads; what runs may break any rule where it runs.
fn joined(mut cluster: Cluster, draws: &[(u32, u32, u32)]) -> Cluster {
    cluster.zones = vec!["x".into(), "y".into()];
    cluster.gangs = vec!["g0".into(), "g1".into()];
    for (node, (zone, pool, _)) in cluster.nodes.iter_mut().zip(draws) {
        node.zone = Some(zone % 5).map(|zone| zone / 2).filter(|zone| *zone < 2);
        node.pool = pool % 2;
    }
    let zones: BTreeMap<u32, u32> = cluster.nodes.iter().filter_map(|node| Some((node.zone?, 0))).collect();
    let spread = |skew| Spread { name: format!("s{skew}"), skew, zones: zones.clone(), fewest: 0 };
    cluster.spreads = (1..3).map(spread).collect();
    for (pod, (gang, spread, pool)) in cluster.pods.iter_mut().zip(draws) {
        pod.gang = (*gang < 2).then_some(*gang);
        pod.spread = (*spread < 2).then_some(*spread);
        pod.request.pools = if *pool < 2 { vec![*pool] } else { Vec::new() };
        pod.fixed = gang % 3 == 0;
    }
    cluster
}

fn any_joined() -> impl Strategy<Value = Cluster> {
    let draws = proptest::collection::vec((0..8_u32, 0..5_u32, 0..6_u32), 20);
    (any_cluster(5, 20), draws).prop_map(|(cluster, draws)| joined(cluster, &draws))
}

/// The ways that a request can hold devices, equal devices once.
fn ways(request: &Request, state: &State) -> Vec<Vec<plimsoll_packing::fleet::Hold>> {
    use plimsoll_packing::fleet::Hold;
    let devices = || (0_u16..).zip(&state.devices);
    match request.devices {
        Ask::Share(milli) => {
            let mut seen = Vec::new();
            devices()
                .filter(|(_, device)| {
                    let new = !seen.contains(device);
                    seen.push(*device);
                    new
                })
                .map(|(index, _)| vec![Hold { index, milli, parts: 0 }])
                .collect()
        }
        Ask::Slice(slice) => devices()
            .flat_map(|(index, device)| {
                slice.masks(device.taken).map(move |parts| vec![Hold { index, milli: 0, parts }])
            })
            .collect(),
        _ => state.choose(request).into_iter().collect(),
    }
}

/// One rounding.
fn quick() -> Params {
    Params { turns: 1, ..Params::default() }
}

fn running_states(cluster: &Cluster) -> Vec<State> {
    plimsoll_packing::classes::states(cluster).unwrap()
}

proptest! {
    #![proptest_config(crate::config(1_000))]

    /// What a node with room for more of a kind than there are is said to bring at most is what it can, however hard is looked:
    /// what takes the last of a kind takes it from what comes later.
    #[test]
    fn a_bin_brings_no_more_than_is_said(cluster in any_cluster(1, 8), effort in 0..4_usize) {
        let states = running_states(&cluster);
        let instance = Instance::of(&Classes::of(&cluster, &states).unwrap());
        let values: Vec<f64> = instance.items.iter().map(|item| item.worth).collect();
        let effort = Effort { beam: [1, 3, 8, 3000][effort], level: [1, 2, 4, 300][effort], capped: true };
        let said: f64 = instance
            .bins
            .iter()
            .map(|bin| price(&instance, bin, &values, &[0.0; RESOURCES], 0.0, Some(effort)).bound)
            .sum();
        let running: u64 =
            cluster.pods.iter().filter(|pod| pod.running.is_some()).map(|pod| pod.worth).sum();
        let best = exhaustion::most(&cluster, ways) - running;
        prop_assert!(said * 1e6 * (1.0 + 1e-9) >= best as f64, "bound {said} under {best}");
    }
}

proptest! {
    #![proptest_config(crate::config(64))]

    /// On clusters small enough to try every place: the packing holds, no running pod moves, its worth is
    /// at most the best, its bound at least.
    #[test]
    fn between_the_worth_and_the_bound_lies_the_best(cluster in any_cluster(2, 6)) {
        let packing = pack(&cluster, &quick()).unwrap();
        prop_assert_eq!(check(&cluster, &packing.placements), []);
        prop_assert_eq!(moved(&cluster, &packing.placements), []);
        let best = exhaustion::most(&cluster, ways);
        prop_assert!(packing.worth <= best, "worth {} of at most {best}", packing.worth);
        prop_assert!(packing.bound >= best, "bound {} under {best}", packing.bound);
    }

    /// The same where pods are put together that are only nearly alike, however few classes are left.
    #[test]
    fn nearly_alike_pods_are_bounded_too(cluster in any_cluster(2, 6), most in 1..4_usize) {
        let states = running_states(&cluster);
        let classes = Classes::cut(&cluster, &states, &Cuts { from: 0, most, nodes: &[] }).unwrap();
        let instance = Instance::of(&classes);
        let mut master = Master::new(&instance, Form::Admit);
        let mut memory = Memory::default();
        let stop = Stop { gap: 1e-3, rounds: 40, hardest: 1, capped: false };
        prop_assume!(!instance.items.is_empty());
        let generated = generate(&instance, &mut master, &mut memory, stop).unwrap();
        let bound = nearly::bound(&cluster, &classes, &instance, &master, &memory, &generated);
        let running: u64 =
            cluster.pods.iter().filter(|pod| pod.running.is_some()).map(|pod| pod.worth).sum();
        let best = exhaustion::most(&cluster, ways) - running;
        prop_assert!(bound * 1e6 * (1.0 + 1e-9) >= best as f64, "bound {bound} under {best}");
    }

    /// The same where running pods may move: nothing that could be reached is above the bound.
    #[test]
    fn no_moves_reach_above_the_bound(cluster in any_cluster(2, 6), fixed in any::<u8>()) {
        let mut cluster = cluster;
        for (index, pod) in cluster.pods.iter_mut().enumerate() {
            pod.fixed = fixed >> index & 1 == 1;
        }
        let packing = pack(&cluster, &Params { moves: 9, ..quick() }).unwrap();
        // Whoever ran must have a place: it is worth more than all the others.
        let more = cluster.pods.iter().map(|pod| pod.worth).sum::<u64>() + 1;
        let mut off = 0;
        for pod in cluster.pods.iter_mut().filter(|pod| !pod.fixed && pod.running.is_some()) {
            (pod.running, pod.worth, off) = (None, pod.worth + more, off + more);
        }
        let best = exhaustion::most(&cluster, ways) - off;
        prop_assert!(packing.worth <= best && best <= packing.bound, "{best} {}", packing.bound);
    }

    /// Larger ones: the packing holds, and nothing that waits fits any more.
    #[test]
    fn nothing_that_fits_is_left_out(cluster in any_cluster(6, 40)) {
        let packing = pack(&cluster, &quick()).unwrap();
        prop_assert_eq!(check(&cluster, &packing.placements), []);
        for (pod, placement) in cluster.pods.iter().zip(&packing.placements) {
            if placement.is_none() {
                let fits = cluster
                    .nodes
                    .iter()
                    .zip(&packing.states)
                    .any(|(node, state)| pod.request.allows(node) && state.fits(&pod.request));
                prop_assert!(!fits, "{} waits though it fits", pod.name);
            }
        }
    }

    /// Gangs run whole or not at all, zones stay even, and nobody is where it may not be, whatever runs
    /// already and moves.
    #[test]
    fn gangs_and_spreads_hold(cluster in any_joined(), moves in 0..4_usize) {
        let packing = pack(&cluster, &Params { moves, ..quick() }).unwrap();
        prop_assert_eq!(check(&cluster, &packing.placements), []);
        let went = moved(&cluster, &packing.placements);
        prop_assert_eq!(went.len(), packing.moves.len());
        prop_assert!(packing.moves.len() <= moves);
        prop_assert!(packing.moves.iter().all(|step| !cluster.pods[step.pod].fixed));
        prop_assert!(packing.worth <= packing.bound);
    }

    /// The order of nodes and pods changes nothing: by name, everything is where it was.
    #[test]
    fn the_order_of_the_input_changes_nothing(cluster in any_cluster(5, 20), turn in 1..7_usize) {
        let mut turned = cluster.clone();
        for pod in &mut turned.pods {
            pod.running = None;
        }
        let cluster = turned.clone();
        let by = turn % turned.nodes.len();
        turned.nodes.rotate_left(by);
        turned.pods.reverse();
        let names = |cluster: &Cluster| {
            let packing = pack(cluster, &quick()).unwrap();
            let mut placed: Vec<_> = cluster
                .pods
                .iter()
                .zip(packing.placements)
                .map(|(pod, p)| (pod.name.clone(), p.map(|p| (cluster.nodes[p.node].name.clone(), p.devices))))
                .collect();
            placed.sort();
            (placed, packing.worth, packing.bound)
        };
        prop_assert_eq!(names(&cluster), names(&turned));
    }

    /// A class of n is as n classes of one: groups that hold a single pod make each pod its own class and
    /// forbid nothing.
    #[test]
    fn a_class_is_as_its_members(cluster in any_cluster(4, 12)) {
        let mut plain = cluster;
        for pod in &mut plain.pods {
            pod.request.apart = None;
            pod.running = None;
        }
        let mut single = plain.clone();
        for (group, pod) in (0..).zip(&mut single.pods) {
            pod.request.apart = Some(group);
        }
        let plain = pack(&plain, &quick()).unwrap();
        let single = pack(&single, &quick()).unwrap();
        prop_assert!(plain.worth <= single.bound && single.worth <= plain.bound);
    }

    /// Shares cut from whole devices fit back whole, CPU to the last thousandth.
    #[test]
    fn nodes_cut_into_pods_are_packed_whole(
        cuts in proptest::collection::vec(proptest::collection::vec(1..10_u16, 1..4), 2..12),
    ) {
        let mut cluster = Cluster { models: vec!["a".into()], ..Cluster::default() };
        for (index, cuts) in cuts.iter().enumerate() {
            cluster.nodes.push(node(index, 8_000, 1, 0));
            let parts: u16 = cuts.iter().sum::<u16>().max(1);
            let (mut milli_left, mut cpu_left) = (DEVICE, 8_000);
            for (at, cut) in cuts.iter().enumerate() {
                let last = at + 1 == cuts.len();
                let milli = if last { milli_left } else { (DEVICE / parts * cut).min(milli_left - 1) / 50 * 50 };
                let cpu = if last { cpu_left } else { u64::from(milli) * 8 };
                (milli_left, cpu_left) = (milli_left - milli, cpu_left - cpu);
                let devices = match milli {
                    0 => Ask::None,
                    DEVICE => Ask::Whole(1),
                    milli => Ask::Share(milli),
                };
                let request = Request { cpu_milli: cpu, memory_mib: 1, devices, ..Request::default() };
                cluster.pods.push(Pod::new(format!("p{index}-{at}"), request));
            }
        }
        let packing = pack(&cluster, &Params { turns: 40, ..Params::default() }).unwrap();
        prop_assert_eq!(check(&cluster, &packing.placements), []);
        let all: u64 = cluster.pods.iter().map(|pod| pod.worth).sum();
        prop_assert_eq!(packing.bound, all, "they do fit");
        prop_assert_eq!(packing.worth, all);
    }
}

#[test]
fn an_empty_cluster_and_no_pods_are_packed_too() {
    let packing = pack(&Cluster::default(), &quick()).unwrap();
    assert_eq!((packing.worth, packing.bound), (0, 0));
    let nodes = Cluster { nodes: vec![node(0, 1000, 1, 0)], ..Cluster::default() };
    assert_eq!(pack(&nodes, &quick()).unwrap().bound, 0);
    let pods = Cluster { pods: vec![Pod::new("p", Request::default())], ..Cluster::default() };
    let packing = pack(&pods, &quick()).unwrap();
    assert_eq!(packing.placements, [None]);
}

/// Pods that all differ become few classes, and the bound stays a bound: they were cut from the nodes.
#[test]
fn pods_that_all_differ_are_packed_by_buckets() {
    let mut cluster = Cluster { models: vec!["a".into()], ..Cluster::default() };
    let mut state = 7_u64;
    let mut draw = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    for index in 0..34 {
        cluster.nodes.push(Node { memory_mib: 1 << 17, ..node(index, 96_000, 4, 0) });
        let (mut cpu, mut memory) = (96_000, 1 << 17);
        for device in 0..4 {
            let mut milli = u64::from(DEVICE);
            for at in 0..4 {
                let share = if at == 3 { milli } else { 100 + draw(200) };
                let (c, m) = (4_000 + draw(2_000), 6_000 + draw(2_000));
                (milli, cpu, memory) = (milli - share, cpu - c, memory - m);
                let devices = Ask::Share(share as u16);
                let request = Request { cpu_milli: c, memory_mib: m, devices, ..Request::default() };
                cluster.pods.push(Pod::new(format!("p{index}-{device}-{at}"), request));
            }
        }
    }
    let packing = pack(&cluster, &Params { rounds: 40, gap: 1e-2, ..quick() }).unwrap();
    assert_eq!(check(&cluster, &packing.placements), []);
    let all: u64 = cluster.pods.iter().map(|pod| pod.worth).sum();
    assert!(packing.stats.pod_classes <= 300, "{} classes", packing.stats.pod_classes);
    assert_eq!(packing.bound, all, "they do fit");
    assert!(packing.worth as f64 >= 0.96 * all as f64, "{} of {all}", packing.worth);
}

/// Nodes that are all filled a little differently become few classes too.
#[test]
fn nodes_in_many_states_are_packed_by_buckets() {
    let mut cluster = Cluster { models: vec!["a".into()], ..Cluster::default() };
    for index in 0..120_usize {
        cluster.nodes.push(node(index, 16_000, 2, 0));
        let request = Request {
            cpu_milli: 1_000 + 7 * index as u64,
            memory_mib: 1_000 + 11 * index as u64,
            devices: Ask::Share(100 + 2 * index as u16),
            ..Request::default()
        };
        let mut pod = Pod::new(format!("runs{index}"), request);
        let devices =
            vec![plimsoll_packing::fleet::Hold { index: 1, milli: 100 + 2 * index as u16, parts: 0 }];
        pod.running = Some(Placement { node: index, devices });
        cluster.pods.push(pod);
        for (at, milli) in [600, 400, 500].into_iter().enumerate() {
            let request = Request { cpu_milli: 2_000, devices: Ask::Share(milli), ..Request::default() };
            cluster.pods.push(Pod::new(format!("waits{index}-{at}"), request));
        }
    }
    let packing = pack(&cluster, &quick()).unwrap();
    assert_eq!(check(&cluster, &packing.placements), []);
    assert_eq!(moved(&cluster, &packing.placements), []);
    assert!(packing.stats.node_classes <= 60, "{} classes", packing.stats.node_classes);
    assert!(packing.gap() < 0.02, "gap {}", packing.gap());
}
