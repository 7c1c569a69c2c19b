//! Pods whose whole devices must be of one group of their node.

use plimsoll_packing::{
    Params,
    check::{Violation, check},
    classes::Invalid,
    fleet::{Ask, Cluster, DEVICE, Hold, Model, Node, Placement, Pod, Request, State},
    pack,
};
use proptest::prelude::*;

use crate::exhaustion::{Least, lies_between, most, mostly, no_moves_reach_above, packed, run};

fn node(name: &str, devices: u16, group: u16, strict: bool) -> Node {
    Node {
        name: name.into(),
        cpu_milli: 16_000,
        memory_mib: 64 << 10,
        model: (devices > 0).then_some(Model(0)),
        devices,
        group,
        strict,
        ..Node::default()
    }
}

fn pod(name: &str, devices: Ask, joined: bool) -> Pod {
    let request = Request { cpu_milli: 1_000, memory_mib: 1 << 10, devices, joined, ..Request::default() };
    Pod::new(name, request)
}

fn of(nodes: Vec<Node>, pods: Vec<Pod>) -> Cluster {
    Cluster { models: vec!["T4".into()], nodes, pods, ..Cluster::default() }
}

/// The ways in which a request can hold devices: devices of a group that are alike are one.
fn ways(request: &Request, state: &State) -> Vec<Vec<Hold>> {
    let hold = |index: usize, milli: u16| Hold { index: index as u16, milli, parts: 0 };
    match request.devices {
        Ask::Share(milli) => {
            let free = state.devices.iter().enumerate().filter(|(_, device)| device.free >= milli);
            free.map(|(index, _)| vec![hold(index, milli)]).collect()
        }
        Ask::Whole(count) => {
            let mut ways = vec![Vec::new()];
            for group in state.groups() {
                let more = ways.iter().flat_map(|way: &Vec<usize>| {
                    (0..=group.len())
                        .map(|take| way.iter().chain(&group[..take]).copied().collect::<Vec<_>>())
                });
                ways = more.collect();
            }
            let joined = state.joins(request);
            let is_one = |way: &Vec<usize>| {
                way.iter().all(|at| {
                    at / usize::from(state.group.max(1)) == way[0] / usize::from(state.group.max(1))
                })
            };
            ways.retain(|way| way.len() == usize::from(count) && (!joined || is_one(way)));
            ways.iter().map(|way| way.iter().map(|at| hold(*at, DEVICE)).collect()).collect()
        }
        _ => vec![Vec::new()],
    }
}

fn best(cluster: &Cluster) -> u64 {
    most(cluster, ways)
}

#[test]
fn devices_of_one_group_are_held_by_who_asks_for_it() {
    // Two quads: 3 + 3 within them, and one is left in each.
    let joined = |name: &str, count| pod(name, Ask::Whole(count), true);
    let three = vec![joined("a", 3), joined("b", 3), joined("c", 2)];
    let packing = packed(&of(vec![node("n", 8, 4, false)], three.clone()));
    assert_eq!(packing.placements.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
    // Who does not ask takes what is left of both.
    let mut loose = three.clone();
    loose[2].request.joined = false;
    let packing = packed(&of(vec![node("n", 8, 4, false)], loose));
    assert_eq!(packing.placements.iter().flatten().count(), 3);
    // Without groups a node is one.
    let packing = packed(&of(vec![node("n", 8, 0, false)], three));
    assert_eq!(packing.placements.iter().flatten().count(), 3);
}

#[test]
fn a_node_that_keeps_pods_to_groups_takes_none_that_is_larger() {
    let large = |strict| of(vec![node("n", 8, 4, strict)], vec![pod("p", Ask::Whole(6), false)]);
    assert_eq!(packed(&large(true)).placements, [None]);
    assert_eq!(packed(&large(true)).bound, 0);
    assert!(packed(&large(false)).placements[0].is_some());
}

#[test]
fn a_node_with_many_groups_is_filled_and_proven_full() {
    let pairs = (0..17).map(|index| pod(&format!("p{index}"), Ask::Whole(2), true)).collect();
    let mut node = node("n", 32, 2, false);
    node.cpu_milli = 64_000;
    let packing = packed(&of(vec![node], pairs));
    assert_eq!(packing.placements.iter().flatten().count(), 16);
    assert_eq!(packing.bound, packing.worth, "a seventeenth has no devices");
}

#[test]
fn one_more_node_brings_nothing_for_pods_larger_than_its_groups() {
    let one_more = |strict| {
        let cluster = of(
            vec![node("n", 8, 2, strict)],
            vec![pod("p", Ask::Whole(9), false), pod("q", Ask::Whole(3), false)],
        );
        packed(&cluster).one_more[0]
    };
    assert_eq!(one_more(true).to_bits(), 0.0_f64.to_bits());
    let full = |strict| {
        let pods = (0..3).map(|index| pod(&format!("p{index}"), Ask::Whole(3), false)).collect();
        packed(&of(vec![node("n", 8, 4, strict)], pods)).one_more[0]
    };
    assert!(full(true) > 0.0 && full(false) > 0.0);
}

#[test]
fn who_runs_over_several_groups_stays_and_counts() {
    let hold = |index| Hold { index, milli: DEVICE, parts: 0 };
    let mut cluster = of(vec![node("n", 4, 2, true)], vec![pod("p", Ask::Whole(3), false)]);
    cluster.pods[0].running = Some(Placement { node: 0, devices: vec![hold(0), hold(1), hold(2)] });
    let packing = pack(&cluster, &Params { moves: 3, ..Params::default() }).unwrap();
    assert_eq!((packing.worth, packing.bound), (cluster.pods[0].worth, cluster.pods[0].worth));
}

#[test]
fn shares_go_where_they_break_the_fewest_groups() {
    // 4, 2 and 2 of quads beside two halves: the halves must share a device of the pairs' quad or be none.
    let pods = vec![
        pod("a", Ask::Whole(4), true),
        pod("b", Ask::Whole(3), true),
        pod("c", Ask::Share(500), false),
        pod("d", Ask::Share(500), false),
    ];
    let packing = packed(&of(vec![node("n", 8, 4, false)], pods));
    assert_eq!(packing.placements.iter().flatten().count(), 4);
}

#[test]
fn what_is_of_two_groups_is_found() {
    let cluster = of(vec![node("n", 4, 2, false)], vec![pod("p", Ask::Whole(2), true)]);
    let hold = |index| Hold { index, milli: DEVICE, parts: 0 };
    let place = |a, b| vec![Some(Placement { node: 0, devices: vec![hold(a), hold(b)] })];
    assert_eq!(check(&cluster, &place(2, 3)), []);
    assert_eq!(check(&cluster, &place(1, 2)), [Violation::Holds { pod: 0 }]);
    let large = of(vec![node("n", 32, 16, false)], Vec::new());
    assert_eq!(pack(&large, &Params::default()), Err(Invalid::Node { node: 0 }));
    let large = of(vec![node("n", 512, 2, false)], Vec::new());
    assert_eq!(pack(&large, &Params::default()), Err(Invalid::Node { node: 0 }));
}

/// Few nodes with pairs and quads, some of which keep all pods to them; some pods run.
fn any_cluster() -> impl Strategy<Value = Cluster> {
    let nodes = proptest::collection::vec((0..7_u16, 0..4_u16, any::<bool>()), 1..=2);
    let ask = prop_oneof![
        1 => Just(Ask::None),
        2 => Just(Ask::Share(500)),
        4 => (1..5_u16).prop_map(Ask::Whole),
    ];
    let any = (ask, 0..3_u64, any::<bool>(), 0..6_u8);
    (nodes, proptest::collection::vec(any, 0..=6)).prop_map(|(nodes, pods)| {
        let nodes: Vec<Node> = (0..)
            .zip(nodes)
            .map(|(i, (devices, group, strict)): (i32, _)| {
                node(&format!("n{i}"), devices, group, strict && i == 0)
            })
            .collect();
        let mut states: Vec<State> = nodes.iter().map(State::empty).collect();
        let mut cluster = of(nodes, Vec::new());
        for (index, (ask, cpu, joined, runs)) in pods.into_iter().enumerate() {
            let mut pod = pod(&format!("p{index}"), ask, joined);
            pod.request.cpu_milli = 1_000 + 5_000 * cpu;
            pod.worth = pod.request.worth();
            if runs == 0 {
                run(&mut pod, &mut states);
            }
            cluster.pods.push(pod);
        }
        cluster
    })
}

proptest! {
    #![proptest_config(crate::config(96))]

    #[test]
    fn between_the_worth_and_the_bound_lies_the_best(cluster in any_cluster()) {
        lies_between(&cluster, best(&cluster))?;
    }

    /// Where running pods may move too.
    #[test]
    fn no_moves_reach_above_the_bound(cluster in any_cluster()) {
        no_moves_reach_above(&cluster, best(&cluster))?;
    }
}

#[test]
fn the_best_is_mostly_found_and_proven() {
    mostly(&any_cluster(), best, &Least { found: 198, proven: 185, worth: 995, bound: 101 });
}
