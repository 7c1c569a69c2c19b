//! Clusters small enough to know the answer.

use plimsoll_packing::{
    Packing, Params,
    check::check,
    classes::Invalid,
    fleet::{Ask, Cluster, Hold, Model, Node, Placement, Pod, Request, Slice, Spread},
    pack,
};

fn gpu_node(name: &str, devices: u16) -> Node {
    Node {
        name: name.into(),
        cpu_milli: 16_000,
        memory_mib: 1 << 16,
        model: Some(Model(0)),
        devices,
        ..Node::default()
    }
}

fn pod(name: &str, devices: Ask) -> Pod {
    Pod::new(name, Request { cpu_milli: 1000, memory_mib: 1024, devices, ..Request::default() })
}

fn packed(nodes: Vec<Node>, pods: Vec<Pod>) -> (Cluster, Packing) {
    let gangs = vec!["gang".into()];
    let cluster =
        Cluster { models: vec!["T4".into(), "A100".into()], nodes, pods, gangs, ..Cluster::default() };
    let packing = pack(&cluster, &Params::default()).unwrap();
    assert_eq!(check(&cluster, &packing.placements), []);
    (cluster, packing)
}

#[test]
fn a_share_that_fits_on_no_one_device_waits_and_is_proven_to() {
    let shares = (0..3).map(|i| pod(&format!("share{i}"), Ask::Share(600)));
    let (_, packing) = packed(vec![gpu_node("a", 2)], shares.collect());
    assert_eq!(packing.placements.iter().flatten().count(), 2);
    assert_eq!(packing.bound, packing.worth);
}

#[test]
fn a_pod_larger_than_every_node_is_proven_so() {
    let (_, packing) = packed(vec![gpu_node("a", 2), gpu_node("b", 1)], vec![pod("big", Ask::Whole(4))]);
    assert_eq!((packing.bound, packing.placements), (0, vec![None]));
}

/// Two pods of one device each would be worth more than one of two, and there is one.
#[test]
fn a_node_is_not_thought_to_hold_more_of_a_kind_than_there_is() {
    let pods = vec![pod("two", Ask::Whole(2)), pod("one", Ask::Whole(1))];
    let (_, packing) = packed(vec![gpu_node("a", 2)], pods);
    assert_eq!((packing.worth, packing.bound), (2_020_000, 2_020_000));
    // Seven of the smallest slice would be worth more beside one of the half than another half.
    let slice = |name, length, starts| pod(name, Ask::Slice(Slice { length, starts }));
    let pods = vec![slice("3g", 4, 0b1_0001), slice("also 3g", 4, 0b1_0001), slice("1g", 1, 0b111_1111)];
    let (_, packing) = packed(vec![gpu_node("a", 1)], pods);
    assert_eq!(packing.bound, packing.worth);
}

#[test]
fn models_keep_pods_out() {
    let mut wants = pod("wants", Ask::Whole(1));
    wants.request.models = vec![Model(1)];
    let (_, packing) = packed(vec![gpu_node("a", 2)], vec![wants]);
    assert_eq!(packing.placements, [None]);
}

#[test]
fn one_more_node_is_worth_what_waits_and_one_more_pod_what_it_displaces() {
    let pods = (0..6).map(|i| pod(&format!("p{i}"), Ask::Whole(1))).collect();
    let (_, packing) = packed(vec![gpu_node("a", 2), gpu_node("b", 2)], pods);
    assert_eq!(packing.placements.iter().flatten().count(), 4);
    assert!(packing.one_more.iter().all(|worth| (worth - 2.04).abs() < 1e-6), "{:?}", packing.one_more);
    assert!(packing.prices.iter().all(|price| (price - 1.02).abs() < 1e-6), "{:?}", packing.prices);
}

#[test]
fn where_all_are_placed_nothing_more_is_worth_anything() {
    let (_, packing) = packed(vec![gpu_node("a", 2)], vec![pod("p", Ask::Share(300))]);
    assert!(packing.prices[0].abs() < 1e-9);
    assert!(packing.one_more[0].abs() < 1e-9);
}

#[test]
fn a_gang_that_does_not_fit_whole_makes_room() {
    let mut pods: Vec<Pod> = (0..5).map(|i| pod(&format!("gang{i}"), Ask::Whole(1))).collect();
    for pod in &mut pods {
        pod.gang = Some(0);
    }
    pods.push(pod("single", Ask::Whole(1)));
    let (_, packing) = packed(vec![gpu_node("a", 2), gpu_node("b", 2)], pods);
    assert_eq!(
        packing.placements.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, false, false, false, false, true]
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let cluster = |nodes: Vec<Node>, pods: Vec<Pod>| Cluster { nodes, pods, ..Cluster::default() };
    let refused = |cluster: &Cluster| pack(cluster, &Params::default()).unwrap_err();
    let share = pod("a", Ask::Share(1000));
    assert_eq!(refused(&cluster(vec![], vec![share])), Invalid::Ask { pod: 0 });
    let twins = vec![pod("a", Ask::None), pod("a", Ask::None)];
    assert_eq!(refused(&cluster(vec![], twins)), Invalid::PodName { pod: 1 });
    let huge = Node { cpu_milli: u64::MAX, ..gpu_node("a", 1) };
    assert_eq!(refused(&cluster(vec![huge], vec![])), Invalid::Node { node: 0 });
    let mut lost = pod("a", Ask::None);
    lost.gang = Some(3);
    assert_eq!(refused(&cluster(vec![], vec![lost])), Invalid::Group { pod: 0 });
}

#[test]
fn a_node_without_room_and_a_pod_without_end_are_packed() {
    let nothing = Node { name: "nothing".into(), ..Node::default() };
    let endless =
        Pod::new("endless", Request { cpu_milli: u64::MAX, memory_mib: u64::MAX, ..Request::default() });
    let (_, packing) = packed(vec![nothing], vec![endless, Pod::new("free", Request::default())]);
    assert!(packing.placements[0].is_none() && packing.placements[1].is_some());
}

/// What ran askew already stays, and hides no other rule: a gang that patterns tear is still taken back.
#[test]
fn what_runs_askew_stays_and_the_rest_is_mended() {
    let zoned = |name: &str, zone| Node { zone: Some(zone), ..gpu_node(name, 4) };
    let mut nodes = vec![zoned("a", 0), zoned("b", 1)];
    nodes[1].devices = 1;
    let mut pods: Vec<Pod> = (0..3).map(|i| pod(&format!("runs{i}"), Ask::Whole(1))).collect();
    for (index, pod) in (0_u16..).zip(&mut pods) {
        pod.spread = Some(0);
        pod.running = Some(Placement { node: 0, devices: vec![Hold { index, milli: 1000, parts: 0 }] });
    }
    pods.extend((0..2).map(|i| Pod { spread: Some(0), ..pod(&format!("more{i}"), Ask::Whole(1)) }));
    pods.extend((0..2).map(|i| Pod { gang: Some(0), ..pod(&format!("gang{i}"), Ask::Whole(1)) }));
    let cluster = Cluster {
        models: vec!["T4".into()],
        zones: vec!["x".into(), "y".into()],
        gangs: vec!["gang".into()],
        spreads: vec![Spread { name: "s".into(), skew: 1, zones: [(0, 0), (1, 0)].into(), fewest: 0 }],
        nodes,
        pods,
        ..Cluster::default()
    };
    let packing = pack(&cluster, &Params::default()).unwrap();
    assert_eq!(check(&cluster, &packing.placements), []);
    // One more goes to the other zone, or the gang to both.
    let places: Vec<Option<usize>> =
        packing.placements.iter().map(|at| at.as_ref().map(|at| at.node)).collect();
    assert_eq!(places[..3], [Some(0); 3]);
    assert!(places[3..].iter().flatten().count() >= 1, "{places:?}");
}
