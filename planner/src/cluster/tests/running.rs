//! Pods that run already, on more or other devices than a plain guess gives them.

use plimsoll_model::{
    Packing,
    fleet::{Amount, Ask, Confine, Devices},
    packing::{Move, Obstacle},
};

use super::*;

const GPU: &str = "nvidia.com/gpu";

fn node(name: &str, devices: u16) -> Node {
    Node {
        name: name.into(),
        room: room(64, 64, 100),
        devices: (devices > 0).then(|| Devices { resource: GPU.into(), model: "T4".into(), count: devices }),
        ..Node::default()
    }
}

fn pod(name: &str, on: Option<&str>, amount: Amount) -> Pod {
    Pod {
        name: name.into(),
        on: on.map(str::to_owned),
        needs: room(1, 1, 1),
        ask: Some(Ask { resource: GPU.into(), models: Vec::new(), amount }),
        accelerators_milli: match amount {
            Amount::Whole(count) => u64::from(count) * 1000,
            Amount::Share(milli) => milli.into(),
            Amount::Slice { length, .. } => u64::from(length) * 125,
        },
        worth: 500_000,
        required: true,
        ..Pod::default()
    }
}

/// A packing that the checker lets pass.
fn packed(nodes: Vec<Node>, pods: Vec<Pod>, moves: u32) -> Packing {
    let fleet = Fleet { nodes, pods, ..Fleet::default() };
    let settings = Settings { moves, ..Settings::default() };
    let packing = plan(&fleet, &settings, None, None, &mut |_| {}).expect("the fleet makes sense");
    assert_eq!(plimsoll_verify::verify_packing(&packing, &fleet, &inputs()), []);
    packing
}

/// Whether the room of a node is said to be taken.
fn is_full(packing: &Packing, node: &str) -> bool {
    packing.assumptions.iter().any(|note| note.what == format!("room on node {node}"))
}

#[test]
fn a_node_that_lost_devices_counts_as_full_and_stops_nothing() {
    for (left, running) in [
        (0, vec![Amount::Whole(2)]),
        (1, vec![Amount::Whole(1), Amount::Whole(2)]),
        (1, vec![Amount::Share(600), Amount::Share(600)]),
        (1, vec![Amount::Whole(1), Amount::Share(300)]),
        (1, vec![Amount::Slice { length: 4, starts: 0b1_0001 }; 3]),
        (0, vec![Amount::Share(100)]),
    ] {
        for moves in [0, 9] {
            let mut pods: Vec<Pod> =
                (0..).zip(&running).map(|(i, it)| pod(&format!("r{i}"), Some("lost"), *it)).collect();
            pods.extend([pod("new", None, Amount::Share(100)), pod("second", None, Amount::Whole(1))]);
            let packing = packed(vec![node("lost", left), node("well", 2)], pods, moves);
            assert!(is_full(&packing, "lost") && !is_full(&packing, "well"), "{running:?}");
            let new = packing.assignments.iter().filter(|it| !it.running);
            assert!(new.clone().all(|it| it.node == "well") && new.count() == 2, "{running:?}");
        }
    }
}

#[test]
fn nobody_comes_to_devices_that_are_taken_to_be_held() {
    let running = [pod("a", Some("lost"), Amount::Share(600)), pod("b", Some("lost"), Amount::Share(600))];
    let pods = running.into_iter().chain([pod("new", None, Amount::Share(100))]).collect();
    let packing = packed(vec![node("lost", 1)], pods, 0);
    let cause = &packing.unplaced[0].causes[0];
    assert_eq!((packing.unplaced.len(), cause.constraint, cause.has), (1, Obstacle::Devices, Some(0.0)));
}

#[test]
fn shares_that_run_are_seated_whatever_way_it_takes() {
    // Largest first, each where it leaves least: 0.6 + 0.3, 0.5 + 0.2 + 0.2, and 0.2 finds no place. As they are:
    // 0.6 + 0.2 + 0.2 and 0.5 + 0.3 + 0.2.
    let shares = [600, 500, 300, 200, 200, 200];
    let running = (0..).zip(shares).map(|(i, milli)| pod(&format!("r{i}"), Some("n"), Amount::Share(milli)));
    let pods = running.chain([pod("whole", Some("n"), Amount::Whole(1))]).collect();
    let packing = packed(vec![node("n", 3)], pods, 0);
    assert!(!is_full(&packing, "n"));
    assert!(packing.assignments.iter().all(|it| it.running && it.devices.iter().all(|hold| hold.index < 3)));
}

/// They were seated by recursion, one level for each: the checker overflowed its stack.
#[test]
fn ten_thousand_shares_run_on_one_node() {
    let bare =
        |name: String, on, milli| Pod { needs: BTreeMap::new(), ..pod(&name, on, Amount::Share(milli)) };
    let running = (0..10_000).map(|at| bare(format!("r{at}"), Some("n"), 1 + at % 2));
    let packing = packed(vec![node("n", 16)], running.chain([bare("new".into(), None, 900)]).collect(), 0);
    assert!(!is_full(&packing, "n") && packing.unplaced.is_empty());
}

#[test]
fn a_pod_comes_to_what_running_shares_leave_in_some_way_only() {
    // Largest first, each where it leaves least: 0.6 + 0.3, 0.5 + 0.2 + 0.2, and 0.15 on a third. Of two devices
    // 0.6 + 0.2 + 0.2 and 0.5 + 0.3 + 0.15 leave 0.05.
    let shares = [600, 500, 300, 200, 200, 150];
    let running = (0..).zip(shares).map(|(i, milli)| pod(&format!("r{i}"), Some("n"), Amount::Share(milli)));
    let whole = pod("whole", Some("n"), Amount::Whole(1));
    let pods = running.chain([whole, pod("new", None, Amount::Share(50))]).collect();
    let packing = packed(vec![node("n", 3)], pods, 0);
    assert!(!is_full(&packing, "n") && packing.unplaced.is_empty());
}

/// What the checker finds in a packing after it was changed.
fn found(fleet: &Fleet, change: impl Fn(&mut Packing)) -> Vec<String> {
    let mut packing = packed_with(fleet, 9, &[]);
    change(&mut packing);
    verified(&packing, fleet).iter().map(ToString::to_string).collect()
}

#[test]
fn who_moves_comes_to_the_domain_of_the_others() {
    let nodes = ["a", "b", "c"].map(|name| {
        let labels = BTreeMap::from([("rack".to_owned(), name.to_owned())]);
        Node { labels, ..node(name, 1) }
    });
    let pods = ["r", "s"].map(|name| pod(name, Some("a"), Amount::Share(100)));
    let mut fleet = Fleet { nodes: nodes.into(), pods: pods.into(), ..Fleet::default() };
    let to = |to: [&'static str; 2]| {
        move |packing: &mut Packing| {
            for (assignment, node) in packing.assignments.iter_mut().zip(to) {
                (assignment.node, assignment.running) = (node.into(), node == "a");
                let (step, pod) = (1, assignment.pod.clone());
                if node != "a" {
                    packing.moves.push(Move { step, pod, from: "a".into(), to: node.into() });
                }
            }
        }
    };
    let torn = |fleet: &Fleet, nodes| {
        found(fleet, to(nodes)).iter().filter(|it| it.contains("they must be in one")).count()
    };
    assert_eq!(torn(&fleet, ["b", "c"]), 0);
    fleet.gangs.push("g".into());
    fleet.confines.push(Confine { name: "g".into(), key: "rack".into() });
    for pod in &mut fleet.pods {
        (pod.gang, pod.confine) = (Some(0), Some(0));
    }
    assert_eq!((torn(&fleet, ["b", "c"]), torn(&fleet, ["b", "b"]), torn(&fleet, ["a", "a"])), (1, 0, 0));
}

#[test]
fn a_bound_below_what_first_fit_places_in_one_group_is_found() {
    let groups = Groups { size: 2, strict: true };
    // One device is held, then one of each group. Each pod is worth a half.
    for held in [1, 2] {
        let nodes = vec![Node { groups, ..node("n", 4) }];
        let running = (0..held).map(|at| pod(&format!("r{at}"), Some("n"), Amount::Whole(1)));
        let new = Pod { required: false, ..pod("new", None, Amount::Whole(2)) };
        let pods = running.chain([new]).collect();
        let fleet = Fleet { nodes, pods, ..Fleet::default() };
        let found = found(&fleet, |packing| {
            packing.objective.bound_worth = 0.0;
            for assignment in packing.assignments.iter_mut().filter(|it| it.running) {
                assignment.devices[0].index = if assignment.pod == "r0" { 0 } else { 2 };
            }
        });
        assert!(found.iter().any(|it| it.ends_with("first fit places 1")), "{found:?}");
    }
}
