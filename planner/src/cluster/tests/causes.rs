//! What is said to be in the way, node by node, and of how much too little is free.

use plimsoll_model::{
    fleet::{Pod, Rule, Taint},
    packing::Obstacle,
};

use super::*;

fn bare(name: &str, cpu: u64) -> Node {
    Node { name: name.into(), room: room(cpu, 32, 10), ..Node::default() }
}

fn tainted(name: &str, key: &str) -> Node {
    let taint = Taint { key: key.into(), value: String::new(), effect: "NoSchedule".into() };
    Node { taints: vec![taint], ..bare(name, 8) }
}

fn waiting(name: &str, label: Option<&str>) -> Pod {
    let labels = label.map(|key| (key.to_owned(), "x".to_owned())).into_iter().collect();
    Pod {
        name: name.into(),
        needs: room(4, 1, 1),
        rule: Rule { labels, ..Rule::default() },
        worth: 80_000,
        ..Pod::default()
    }
}

/// What is in the way of each pod that waits, and on how many nodes.
fn causes(nodes: Vec<Node>, pods: Vec<Pod>) -> Vec<Vec<(Obstacle, String, u64)>> {
    let fleet = Fleet { nodes, pods, ..Fleet::default() };
    let packing = packed(&fleet);
    assert_eq!(verified(&packing, &fleet), []);
    let of = |one: &plimsoll_model::packing::Unplaced| {
        one.causes.iter().map(|cause| (cause.constraint, cause.name.clone(), cause.nodes)).collect()
    };
    packing.unplaced.iter().map(of).collect()
}

#[test]
fn each_taint_counts_for_the_nodes_that_have_it() {
    let nodes = ["not-ready", "dedicated", "not-ready", "unschedulable"];
    let nodes = nodes.iter().enumerate().map(|(at, key)| tainted(&format!("n{at}"), key)).collect();
    let taint = |key: &str, nodes| (Obstacle::Taint, key.to_owned(), nodes);
    assert_eq!(
        causes(nodes, vec![waiting("p", None)]),
        [vec![taint("not-ready", 2), taint("dedicated", 1), taint("unschedulable", 1)]]
    );
}

#[test]
fn pods_that_no_node_lets_in_each_have_their_own_cause() {
    let pods = ["aaa", "bbb", "ccc"].map(|key| waiting(key, Some(key)));
    let label = |key: &str| vec![(Obstacle::Selector, key.to_owned(), 2)];
    assert_eq!(
        causes(vec![bare("n0", 8), bare("n1", 8)], pods.into()),
        [label("aaa"), label("bbb"), label("ccc")]
    );
}

#[test]
fn nodes_that_let_in_the_same_pods_and_keep_others_off_for_different_reasons_are_told_apart() {
    // Neither lets the pod in; one for its label, the other for its taint.
    let mut has_label = tainted("n0", "k");
    has_label.labels.insert("z".into(), "x".into());
    let found = causes(vec![has_label, bare("n1", 8), bare("n2", 8)], vec![waiting("p", Some("z"))]);
    assert_eq!(found, [vec![(Obstacle::Selector, "z".to_owned(), 2), (Obstacle::Taint, "k".to_owned(), 1)]]);
}

/// How many more of each class would fit.
fn more(nodes: Vec<Node>, pods: Vec<Pod>) -> Vec<u64> {
    let fleet = Fleet { nodes, pods, gangs: vec!["g".into()], ..Fleet::default() };
    let packing = packed(&fleet);
    assert_eq!(verified(&packing, &fleet), []);
    packing.classes.iter().map(|class| class.would_fit).collect()
}

#[test]
fn of_gangs_whole_ones_would_fit() {
    let gang = |count: usize| {
        (0..count).map(|at| Pod { gang: Some(0), ..waiting(&format!("p{at}"), None) }).collect::<Vec<_>>()
    };
    // Each node holds two of its pods.
    let nodes = |count: usize| (0..count).map(|at| bare(&format!("n{at}"), 8)).collect::<Vec<_>>();
    assert_eq!(more(nodes(1), gang(3)), [0], "two pods fit, and no gang");
    assert_eq!(more(nodes(5), gang(3)), [2], "three run, and seven fit");
    // A leader that takes a node, and a follower: five nodes hold three gangs.
    let mut unlike = gang(2);
    unlike[0].needs = room(8, 1, 1);
    assert_eq!(more(nodes(5), unlike), [2, 2]);
}

/// The first cause of the last pod: what it is, how much is needed and how much is free.
fn short(fleet: &Fleet) -> (Obstacle, Option<f64>, Option<f64>) {
    let packing = packed(fleet);
    assert_eq!(verified(&packing, fleet), []);
    let cause = &packing.unplaced.last().expect("it waits").causes[0];
    (cause.constraint, cause.needs, cause.has)
}

#[test]
fn of_a_resource_what_is_free_is_said() {
    let mut node = bare("n", 16);
    node.room.insert("ephemeral-storage".into(), 10 << 30);
    let needs = |name: &str, gib: u64| {
        let mut pod = waiting(name, None);
        pod.needs.insert("ephemeral-storage".into(), gib << 30);
        pod
    };
    let running = Pod { on: Some("n".into()), ..needs("a", 6) };
    let fleet = Fleet { nodes: vec![node], pods: vec![running, needs("b", 8)], ..Fleet::default() };
    let gib = |gib: u64| Some((gib << 30) as f64);
    assert_eq!(short(&fleet), (Obstacle::Resource, gib(8), gib(4)));
}

#[test]
fn half_a_card_that_is_free_in_the_wrong_place_is_said_to_be_free() {
    let devices = Devices { resource: "nvidia.com/mig".into(), model: "A100".into(), count: 1 };
    let node = Node { devices: Some(devices), ..bare("n", 16) };
    let slice = |name: &str, on: Option<&str>, starts| Pod {
        ask: Some(Ask {
            resource: "nvidia.com/mig".into(),
            models: Vec::new(),
            amount: Amount::Slice { length: 4, starts },
        }),
        accelerators_milli: 500,
        on: on.map(str::to_owned),
        ..waiting(name, None)
    };
    // The first half of the card is taken, where alone the second pod could be.
    let pods = vec![slice("a", Some("n"), 0b0000_0001), slice("b", None, 0b0000_0001)];
    let fleet = Fleet { nodes: vec![node], pods, ..Fleet::default() };
    assert_eq!(short(&fleet), (Obstacle::Devices, Some(0.5), Some(0.5)));
}

#[test]
fn nodes_that_are_shut_say_nothing_of_what_another_of_their_kind_would_bring() {
    let worth = |nodes: Vec<Node>| {
        let pods = vec![waiting("p", None), waiting("q", None), waiting("r", None)];
        let fleet = Fleet { nodes, pods, ..Fleet::default() };
        packed(&fleet).node_kinds[0].worth_of_one_more
    };
    let shut = |name: &str| tainted(name, "node.kubernetes.io/unschedulable");
    assert_eq!(worth(vec![shut("n0")]), None);
    assert!(worth(vec![shut("n0"), bare("n1", 8)]).is_some_and(|worth| worth > 0.0));
}
