//! Spreads over zones as the scheduler counts them: zones count whether there is room in them or not.

use plimsoll_model::{
    Packing,
    fleet::{Amount, Ask, Devices},
};

use super::*;

const GPU: &str = "nvidia.com/gpu";

/// Two zones with accelerators, whose nodes are tainted, and one without.
fn nodes() -> Vec<Node> {
    let node = |name: &str, zone: &str, devices: u16| Node {
        name: name.into(),
        labels: [(ZONE.to_owned(), zone.to_owned()), ("gpu".to_owned(), (devices > 0).to_string())].into(),
        taints: if devices > 0 { vec![taint()] } else { Vec::new() },
        room: room(64, 64, 100),
        devices: (devices > 0).then(|| Devices { resource: GPU.into(), model: "T4".into(), count: devices }),
        ..Node::default()
    };
    vec![node("a", "z0", 8), node("b", "z1", 8), node("c", "z2", 0)]
}

fn taint() -> Taint {
    Taint { key: GPU.into(), value: String::new(), effect: "NoSchedule".into() }
}

/// Six pods of a spread.
fn fleet(spread: Spread, rule: Rule, tolerates: bool) -> Fleet {
    let mut rule = rule;
    if tolerates {
        rule.tolerations = vec![Toleration { key: Some(GPU.into()), value: None, effect: None }];
    }
    rule.and(Requirement { key: ZONE.to_owned(), test: Test::Exists });
    let pod = |index: u32| Pod {
        name: format!("p{index}"),
        needs: room(1, 1, 1),
        ask: tolerates.then(|| Ask { resource: GPU.into(), models: Vec::new(), amount: Amount::Whole(1) }),
        rule: rule.clone(),
        worth: 1_000_000,
        spread: Some(0),
        ..Pod::default()
    };
    Fleet { nodes: nodes(), pods: (0..6).map(pod).collect(), spreads: vec![spread], ..Fleet::default() }
}

fn placed(fleet: &Fleet) -> (usize, Packing) {
    let packing = packed(fleet);
    assert_eq!(plimsoll_verify::verify_packing(&packing, fleet, &inputs()), []);
    (packing.assignments.len(), packing)
}

#[test]
fn a_zone_without_room_holds_the_others_back() {
    let spread = Spread { name: "s".into(), skew: 1, ..Spread::default() };
    let chosen = || Rule { labels: [("gpu".to_owned(), "true".to_owned())].into(), ..Rule::default() };
    for (spread, rule, tolerates, count) in [
        // One in each of the two zones: the third stays empty.
        (spread.clone(), Rule::default(), true, 2),
        // The selector keeps the third from counting, unless selectors do not matter.
        (spread.clone(), chosen(), true, 6),
        (Spread { ignores_affinity: true, ..spread.clone() }, chosen(), true, 2),
        // Nodes that are tainted count, unless taints matter.
        (spread.clone(), Rule::default(), false, 1),
        (Spread { honors_taints: true, ..spread.clone() }, Rule::default(), false, 6),
        // Of fewer zones than asked for the emptiest is taken to be empty.
        (Spread { fewest: 2, ..spread.clone() }, chosen(), true, 6),
        (Spread { fewest: 3, ..spread.clone() }, chosen(), true, 2),
        // Pods of others count where they are.
        (
            Spread { skew: 2, fewest: 3, others: [("a".to_owned(), 2)].into(), ..spread.clone() },
            chosen(),
            true,
            2,
        ),
        // On a node that does not count they do not.
        (
            Spread { honors_taints: true, others: [("a".to_owned(), 2)].into(), ..spread },
            Rule::default(),
            false,
            6,
        ),
    ] {
        let fleet = fleet(spread.clone(), rule, tolerates);
        let (found, packing) = placed(&fleet);
        assert_eq!((found, packing.objective.gap.to_bits()), (count, 0.0_f64.to_bits()), "{spread:?}");
    }
}

/// New nodes are in zones that count, and hold no more there than the skew allows.
#[test]
fn nodes_to_add_keep_the_spread() {
    let spread = Spread { name: "s".into(), skew: 1, fewest: 4, ..Spread::default() };
    let mut fleet = fleet(spread, Rule::default(), false);
    fleet.nodes.iter_mut().for_each(|node| node.room = room(0, 0, 100));
    let packing = packed_with(&fleet, 0, &Capacity::ALL);
    assert_eq!(plimsoll_verify::verify_packing(&packing, &fleet, &inputs()), []);
    let added: usize = packing.add.iter().map(|one| one.assignments.len()).sum();
    let left = packing.adding.as_ref().map_or(0, |adding| adding.left.len());
    assert!(added <= 3 && added + left == 6, "{added} {left}");
}

/// Where a pod that was to go to one zone is left out, others do not get ahead.
#[test]
fn no_zone_gets_ahead_of_pods_that_nothing_on_offer_holds() {
    let spread =
        Spread { name: "s".into(), skew: 1, others: [("a".to_owned(), 1)].into(), ..Spread::default() };
    let mut fleet = fleet(spread, Rule::default(), false);
    fleet.nodes.pop();
    fleet.nodes.iter_mut().for_each(|node| node.room = room(0, 0, 100));
    // Nothing on offer is that large: it was to be in z1.
    fleet.pods[0].needs = room(1_000, 1, 1);
    fleet.pods.truncate(2);
    let packing = packed_with(&fleet, 0, &Capacity::ALL);
    assert_eq!(plimsoll_verify::verify_packing(&packing, &fleet, &inputs()), []);
}

#[test]
fn a_plan_that_counts_fewer_zones_is_found_wrong() {
    let spread = Spread { name: "s".into(), skew: 1, ..Spread::default() };
    let without = Spread { honors_taints: true, ..spread.clone() };
    let packing = placed(&fleet(without, Rule::default(), false)).1;
    let found = plimsoll_verify::verify_packing(&packing, &fleet(spread, Rule::default(), false), &inputs());
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|one| one.contains("6 pods in z2, 0 in another zone")), "{found:?}");
}
