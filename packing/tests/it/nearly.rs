//! Pods that are only nearly alike: who goes where, and who gives way to whom.

use plimsoll_packing::{
    buckets::Cuts,
    check::check,
    classes::{Classes, states},
    dive::{Rounded, Use},
    fleet::{Ask, Cluster, Model, Node, Placement, Pod, Request},
    instance::{Instance, Pattern},
    seat::seat,
    swap::swap,
};

fn node(name: &str, cpu_milli: u64, memory_mib: u64, devices: u16) -> Node {
    let model = (devices > 0).then_some(Model(0));
    Node { name: name.into(), cpu_milli, memory_mib, model, devices, ..Node::default() }
}

fn pod(name: &str, cpu_milli: u64, memory_mib: u64, devices: Ask) -> Pod {
    Pod::new(name, Request { cpu_milli, memory_mib, devices, ..Request::default() })
}

#[test]
fn members_are_seated_so_that_every_node_is_full() {
    // Sixteen pods of 900 to 1,100 on four nodes that hold four of the mean, to the last thousandth.
    let mut cluster = Cluster { models: vec!["a".into()], ..Cluster::default() };
    for index in 0..4 {
        cluster.nodes.push(node(&format!("n{index}"), 4_000, 4_000, 0));
    }
    for (index, off) in [100, 80, 60, 40, 30, 20, 10, 5].into_iter().enumerate() {
        cluster.pods.push(pod(&format!("l{index}"), 1_000 + off, 1_000 - off, Ask::None));
        cluster.pods.push(pod(&format!("s{index}"), 1_000 - off, 1_000 + off, Ask::None));
    }
    let mut states = states(&cluster).unwrap();
    let classes = Classes::cut(&cluster, &states, &Cuts { from: 0, most: 1, nodes: &[] }).unwrap();
    assert_eq!(classes.pods.len(), 1);
    let instance = Instance::of(&classes);
    let pattern = Pattern::of((0..4).map(|_| (0, None)));
    let uses = vec![Use { bin: 0, pattern, copies: 4 }];
    let rounded = Rounded { uses, ..Rounded::default() };
    let mut placements = vec![None; cluster.pods.len()];
    seat(&cluster, &classes, &instance, &rounded, &[1e-5; 6], &mut states, &mut placements);
    assert_eq!(check(&cluster, &placements), []);
    // In any order nodes get four large ones, or four small.
    let seated = placements.iter().flatten().count();
    assert!(seated >= 15, "{seated} of 16");
}

#[test]
fn a_pod_gives_way_to_one_that_fits_in_its_place_and_is_worth_more() {
    let mut cluster = Cluster { models: vec!["a".into()], ..Cluster::default() };
    cluster.nodes.push(node("n", 10_000, 10_000, 1));
    cluster.pods.push(pod("placed", 6_000, 1_000, Ask::Share(500)));
    cluster.pods.push(pod("larger", 9_000, 1_000, Ask::Share(500)));
    cluster.pods.push(pod("too much memory", 9_500, 11_000, Ask::Share(500)));
    cluster.pods.push(pod("too large", 11_000, 1_000, Ask::Share(500)));
    cluster.pods.push(pod("another kind", 9_900, 1_000, Ask::Whole(1)));
    let mut states = states(&cluster).unwrap();
    let classes = Classes::of(&cluster, &states).unwrap();
    let devices = states[0].place(&cluster.pods[0].request).unwrap();
    let mut placements = vec![None; cluster.pods.len()];
    placements[0] = Some(Placement { node: 0, devices });
    assert!(swap(&cluster, &classes, 0, &mut states, &mut placements));
    assert_eq!(check(&cluster, &placements), []);
    let placed: Vec<usize> = (0..placements.len()).filter(|pod| placements[*pod].is_some()).collect();
    assert_eq!(placed, [1]);
    assert_eq!((states[0].cpu_milli, states[0].memory_mib, states[0].devices[0].free), (1_000, 9_000, 500));
    assert!(!swap(&cluster, &classes, 0, &mut states, &mut placements), "nothing better waits");
}

#[test]
fn pods_with_company_stay_where_they_are() {
    let mut cluster = Cluster { gangs: vec!["g".into()], ..Cluster::default() };
    cluster.nodes.push(node("n", 10_000, 10_000, 0));
    cluster.pods.push(pod("apart", 1_000, 1_000, Ask::None));
    cluster.pods[0].request.apart = Some(0);
    cluster.pods.push(pod("of a gang", 1_000, 1_000, Ask::None));
    cluster.pods[1].gang = Some(0);
    cluster.pods.push(pod("waits", 8_000, 1_000, Ask::None));
    let mut states = states(&cluster).unwrap();
    let classes = Classes::of(&cluster, &states).unwrap();
    let mut placements = vec![None; 3];
    for (pod, placement) in placements.iter_mut().enumerate().take(2) {
        let devices = states[0].place(&cluster.pods[pod].request).unwrap();
        *placement = Some(Placement { node: 0, devices });
    }
    assert!(!swap(&cluster, &classes, 0, &mut states, &mut placements));
    assert!(placements[0].is_some() && placements[1].is_some());
}
