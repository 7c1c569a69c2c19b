//! Gangs all or nothing and spreads over zones, in the plan and in its proof.

use plimsoll_packing::fleet::{Ask, Cluster, Model, Node, Pod, Request, Spread, State};
use proptest::prelude::*;

use crate::exhaustion::{Least, lies_between, most_by_rules, mostly, no_moves_reach_above, packed, run};

fn node(name: &str, devices: u16, zone: u32) -> Node {
    Node {
        name: name.into(),
        cpu_milli: 16_000,
        memory_mib: 64 << 10,
        model: (devices > 0).then_some(Model(0)),
        devices,
        zone: Some(zone),
        ..Node::default()
    }
}

fn pod(name: &str, devices: Ask) -> Pod {
    Pod::new(name, Request { cpu_milli: 1_000, memory_mib: 1 << 10, devices, ..Request::default() })
}

/// A spread over the zones of some nodes.
fn over(nodes: &[Node], skew: u32) -> Spread {
    let zones = nodes.iter().filter_map(|node| Some((node.zone?, 0))).collect();
    Spread { name: format!("s{skew}"), skew, zones, fewest: 0 }
}

fn of(nodes: Vec<Node>, pods: Vec<Pod>, skew: u32) -> Cluster {
    Cluster {
        models: vec!["T4".into()],
        zones: vec!["x".into(), "y".into(), "z".into()],
        gangs: vec!["g0".into(), "g1".into()],
        spreads: vec![over(&nodes, skew)],
        nodes,
        pods,
        ..Cluster::default()
    }
}

/// Few nodes in three zones; pods of two gangs and two spreads, some of them running where they were put first,
/// whatever the rules. Whole devices and halves, so that the fullest device is always the best to use.
fn any_cluster() -> impl Strategy<Value = Cluster> {
    let nodes = proptest::collection::vec((0..3_u16, 0..7_u32), 1..=3);
    let ask = prop_oneof![Just(Ask::None), Just(Ask::Share(500)), Just(Ask::Whole(1)), Just(Ask::Whole(2))];
    let any = (ask, 0..3_u64, 0..5_u32, 0..4_u32, 0..5_u8);
    (nodes, proptest::collection::vec(any, 0..=7), (1..3_u32, 0..8_u32, 0..8_u32)).prop_map(
        |(nodes, pods, (skew, fewest, others))| {
            let nodes: Vec<Node> = (0..)
                .zip(nodes)
                .map(|(i, (devices, zone)): (i32, _)| Node {
                    // Now and then a node without a zone.
                    zone: Some(zone / 2).filter(|zone| *zone < 3),
                    ..node(&format!("n{i}"), devices, 0)
                })
                .collect();
            let mut cluster = of(nodes, Vec::new(), skew);
            // Too few zones, pods of no spread that count, and a zone without nodes, now and then.
            cluster.spreads[0].fewest = fewest / 2;
            cluster.spreads.push(over(&cluster.nodes, 1));
            if let Some(count) = cluster.spreads[1].zones.values_mut().next() {
                *count = others / 3;
            }
            if others == 7 {
                cluster.spreads[1].zones.insert(2, 1);
            }
            let mut states: Vec<State> = cluster.nodes.iter().map(State::empty).collect();
            for (index, (ask, cpu, gang, spread, runs)) in pods.into_iter().enumerate() {
                let mut pod = pod(&format!("p{index}"), ask);
                pod.request.cpu_milli = 1_000 + 5_000 * cpu;
                pod.worth = pod.request.worth();
                pod.gang = (gang < 2).then_some(gang);
                pod.spread = (spread < 2).then_some(spread);
                if runs == 0 {
                    run(&mut pod, &mut states);
                }
                cluster.pods.push(pod);
            }
            cluster
        },
    )
}

proptest! {
    #![proptest_config(crate::config(96))]

    #[test]
    fn between_the_worth_and_the_bound_lies_the_best(cluster in any_cluster()) {
        lies_between(&cluster, most_by_rules(&cluster))?;
    }

    /// Where running pods may move too.
    #[test]
    fn no_moves_reach_above_the_bound(cluster in any_cluster()) {
        no_moves_reach_above(&cluster, most_by_rules(&cluster))?;
    }
}

#[test]
fn the_best_is_mostly_found_and_proven() {
    mostly(&any_cluster(), most_by_rules, &Least { found: 198, proven: 185, worth: 995, bound: 102 });
}

#[test]
fn no_more_of_a_spread_is_promised_than_its_emptiest_zone_lets_in() {
    // Five devices in one zone, one in the other.
    let nodes = vec![node("a", 5, 0), node("b", 1, 1)];
    let pods = (0..6).map(|i| Pod { spread: Some(0), ..pod(&format!("p{i}"), Ask::Whole(1)) }).collect();
    let packing = packed(&of(nodes, pods, 1));
    assert_eq!(packing.placements.iter().flatten().count(), 3);
    assert_eq!(packing.bound, packing.worth);
}

#[test]
fn a_gang_with_a_member_that_fits_nowhere_is_worth_nothing() {
    let gang = |pod: Pod| Pod { gang: Some(0), ..pod };
    let mut pods: Vec<Pod> = (0..3).map(|i| gang(pod(&format!("worker{i}"), Ask::Whole(1)))).collect();
    pods.push(gang(pod("head", Ask::Whole(9))));
    let packing = packed(&of(vec![node("a", 4, 0)], pods, 1));
    assert_eq!((packing.worth, packing.bound), (0, 0));
}

/// The price of a gang's members together decides which of two runs, not that of each.
#[test]
fn the_gang_that_is_worth_more_as_a_whole_runs() {
    let mut pods: Vec<Pod> =
        (0..3).map(|i| Pod { gang: Some(0), ..pod(&format!("a{i}"), Ask::Whole(2)) }).collect();
    pods.extend((0..2).map(|i| Pod { gang: Some(1), ..pod(&format!("b{i}"), Ask::Whole(3)) }));
    pods[4].worth *= 3;
    let packing = packed(&of(vec![node("a", 4, 0), node("b", 3, 0)], pods, 1));
    let placed: Vec<bool> = packing.placements.iter().map(Option::is_some).collect();
    assert_eq!(placed, [false, false, false, true, true]);
}
