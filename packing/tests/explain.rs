//! What a packing says of itself, on clusters small enough to know the answer.

#![expect(clippy::unwrap_used, reason = "tests")]

use plimsoll_packing::{
    Packing, Params,
    check::check,
    classes::Invalid,
    explain::{Proof, Why},
    fleet::{Ask, Cluster, Model, Node, Overfull, Pod, Request},
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
fn what_is_free_in_pieces_is_called_a_fragment() {
    let shares = (0..2).map(|i| pod(&format!("share{i}"), Ask::Share(600)));
    let nodes = vec![gpu_node("a", 2)];
    let (_, packing) = packed(nodes, shares.chain([pod("share2", Ask::Share(600))]).collect());
    assert_eq!(packing.placed.pods, 2);
    let unplaced = &packing.unplaced[0];
    assert_eq!(unplaced.causes, [(Why::Fragment, 1)]);
    assert_eq!(unplaced.proof, Proof::Worth(600_000 + 20_000));
    assert_eq!(packing.bound, packing.worth);
}

#[test]
fn a_pod_larger_than_every_node_is_proven_so() {
    let (_, packing) = packed(vec![gpu_node("a", 2), gpu_node("b", 1)], vec![pod("big", Ask::Whole(4))]);
    let unplaced = &packing.unplaced[0];
    assert_eq!(unplaced.causes, [(Why::TooLarge(Overfull::Device), 2)]);
    assert_eq!(unplaced.proof, Proof::NoNode);
    assert_eq!(packing.bound, 0);
}

#[test]
fn models_keep_pods_out_by_name() {
    let mut wants = pod("wants", Ask::Whole(1));
    wants.request.models = vec![Model(1)];
    let (_, packing) = packed(vec![gpu_node("a", 2)], vec![wants]);
    assert_eq!(packing.unplaced[0].causes, [(Why::Model, 1)]);
}

#[test]
fn one_more_node_is_worth_what_waits_and_one_more_pod_what_it_displaces() {
    let pods = (0..6).map(|i| pod(&format!("p{i}"), Ask::Whole(1))).collect();
    let (_, packing) = packed(vec![gpu_node("a", 2), gpu_node("b", 2)], pods);
    assert_eq!(packing.placed.pods, 4);
    assert_eq!(packing.kinds.len(), 1);
    assert!((packing.kinds[0].one_more - 2.04).abs() < 1e-6, "{}", packing.kinds[0].one_more);
    assert!((packing.classes[0].price - 1.02).abs() < 1e-6, "{}", packing.classes[0].price);
    assert_eq!(packing.classes[0].would_fit, 0);
}

#[test]
fn what_would_fit_is_counted() {
    let (_, packing) = packed(vec![gpu_node("a", 2)], vec![pod("p", Ask::Share(300))]);
    assert_eq!(packing.classes[0].would_fit, 2 + 3);
    assert!(packing.classes[0].price.abs() < 1e-9);
    assert!(packing.kinds[0].one_more.abs() < 1e-9);
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
    assert!(
        packing.unplaced.iter().all(|unplaced| unplaced.causes == [(Why::Gang, 2)]),
        "{:?}",
        packing.unplaced
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
    assert_eq!(packing.placed.pods, 1);
    assert_eq!(packing.unplaced[0].proof, Proof::NoNode);
}
