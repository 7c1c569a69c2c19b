//! Laws of packings: whatever the cluster, the independent checker finds nothing wrong.

mod added;
mod causes;
mod rates;
mod required;
mod running;
mod spread;

use std::collections::BTreeMap;

use plimsoll_model::{
    AcceleratorCount, Bytes, Capacity, Cpu, Fleet, Inputs, OfferSpec, Packing, Usd,
    estate::EstateSpec,
    fleet::{
        Amount, Ask, Devices, Groups, NODE_NAME, Node, Pod, Requirement, Rule, Spread, Stays, Taint, Test,
        Toleration, ZONE,
    },
    plan::Status,
    read::Places,
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{Market, Settings, plan, rules::refusal};

fn packed(fleet: &Fleet) -> Packing {
    packed_with(fleet, 0, &[])
}

/// With so many moves, and nodes of these classes to add.
fn packed_with(fleet: &Fleet, moves: u32, add: &[Capacity]) -> Packing {
    let market =
        (!add.is_empty()).then(|| Market::of(fleet, &inputs(), add).expect("the offers are one by one"));
    match plan(fleet, &Settings { moves, ..Settings::default() }, market.as_ref(), None, &mut |_| {}) {
        Ok(packing) => packing,
        Err(error) => panic!("{error}: {}", error.help()),
    }
}

/// Own machines and rented ones, of some of which only few can be had.
fn inputs() -> Inputs {
    let offer =
        |name: &str, devices: Option<(&str, u64)>, (cpu, memory): (u64, u64), capacity, hourly| OfferSpec {
            name: Some(name.to_owned()),
            cloud: None,
            region: "here".to_owned(),
            zone: None,
            instance_type: None,
            accelerator: devices.map(|(name, _)| name.to_owned()),
            accelerator_kind: None,
            accelerators: devices.map(|(_, count)| AcceleratorCount::whole(count)),
            accelerator_memory: None,
            cpu: Some(Cpu(cpu * 1000)),
            memory: Some(Bytes(memory << 30)),
            arch: None,
            capacity,
            hourly: Usd::from_units(hourly),
            list_hourly: None,
            count: (hourly == 3).then_some(1),
            watts: None,
            pue: None,
            interruptions_per_hour: None,
            source: None,
            as_of: None,
        };
    let offers = vec![
        offer("h100", Some(("H100", 4)), (12, 32), Capacity::OnPrem, 9),
        offer("h100-large", Some(("H100", 8)), (64, 256), Capacity::OnDemand, 17),
        offer("l4", Some(("L4", 1)), (8, 32), Capacity::OnDemand, 2),
        offer("l4-spot", Some(("L4", 4)), (16, 64), Capacity::Spot, 2),
        offer("l4-few", Some(("L4", 4)), (16, 64), Capacity::Reserved, 3),
        offer("cpu", None, (8, 16), Capacity::OnDemand, 1),
        offer("no-size", None, (0, 0), Capacity::OnDemand, 0),
    ];
    Inputs {
        workloads: Vec::new(),
        estate: EstateSpec { offers, ..EstateSpec::default() },
        assumptions: Vec::new(),
        embedded_catalog: false,
        file_offers: Vec::new(),
        series: BTreeMap::new(),
        places: Places::default(),
        digest: String::new(),
    }
}

fn verified(packing: &Packing, fleet: &Fleet) -> Vec<plimsoll_verify::Violation> {
    plimsoll_verify::verify_packing(packing, fleet, &inputs())
}

fn room(cpu: u64, memory_gib: u64, pods: u64) -> BTreeMap<String, u64> {
    BTreeMap::from([
        ("cpu".to_owned(), cpu * 1000),
        ("memory".to_owned(), memory_gib << 30),
        ("pods".to_owned(), pods),
    ])
}

fn node(index: usize, kind: u8, zone: u8, tainted: bool, pods: u64) -> Node {
    let name = format!("n{index}");
    let labels = [("kubernetes.io/hostname", &*name), ("pool", ["a", "b"][usize::from(kind) % 2])];
    let mut labels: BTreeMap<String, String> =
        labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    labels.extend((zone < 2).then(|| (ZONE.to_owned(), format!("z{zone}"))));
    let taint = Taint { key: "gpu".into(), value: "yes".into(), effect: "NoSchedule".into() };
    let devices = [
        None,
        Some(("nvidia.com/gpu", "H100", 4)),
        Some(("nvidia.com/gpu", "L4", 2)),
        Some(("nvidia.com/mig", "H100", 2)),
    ];
    Node {
        name,
        labels,
        taints: if tainted { vec![taint] } else { Vec::new() },
        room: room(8 + u64::from(kind) * 4, 32, pods),
        groups: Groups { size: if kind == 1 { 2 } else { 0 }, strict: zone == 1 },
        site: None,
        devices: devices[usize::from(kind)].map(|(resource, model, count)| Devices {
            resource: resource.into(),
            model: model.into(),
            count,
        }),
    }
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let one = (0..4_u8, 0..3_u8, any::<bool>(), select(vec![2_u64, 110]));
    vec(one, 1..6).prop_map(|all| {
        all.into_iter()
            .enumerate()
            .map(|(index, (kind, zone, tainted, pods))| node(index, kind, zone, tainted, pods))
            .collect()
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let tolerates = vec![Toleration { key: Some("gpu".into()), value: None, effect: None }];
    let term = |key: &str, test| Some(vec![vec![Requirement { key: key.into(), test }]]);
    let free = Rule { tolerations: tolerates, ..Rule::default() };
    select(vec![
        Rule::default(),
        free.clone(),
        Rule { labels: BTreeMap::from([("pool".into(), "a".into())]), ..free.clone() },
        Rule { terms: term("pool", Test::NotIn(vec!["a".into()])), ..free.clone() },
        Rule { terms: term(NODE_NAME, Test::In(vec!["n0".into()])), ..free },
    ])
}

fn ask() -> impl Strategy<Value = Option<Ask>> {
    let of = |resource: &str, models: &[&str], amount| {
        let models = models.iter().map(|model| (*model).to_owned()).collect();
        Some(Ask { resource: resource.into(), models, amount })
    };
    select(vec![
        None,
        of("nvidia.com/gpu", &[], Amount::Whole(1)),
        of("nvidia.com/gpu", &[], Amount::Whole(3)),
        of("nvidia.com/gpu", &["L4"], Amount::Whole(1)),
        of("nvidia.com/gpu", &[], Amount::Share(400)),
        of("nvidia.com/gpu", &["H100"], Amount::Share(650)),
        of("nvidia.com/mig", &["H100"], Amount::Slice { length: 1, starts: 0b0111_1111 }),
        of("nvidia.com/mig", &["H100"], Amount::Slice { length: 4, starts: 0b0001_0001 }),
        of("nvidia.com/none", &[], Amount::Whole(1)),
    ])
}

fn pod(gangs: bool) -> impl Strategy<Value = Pod> {
    let group = move |of: u32| {
        let most = if gangs { of } else { 0 };
        prop_oneof![3 => Just(None), 1 => (0..=most).prop_map(move |group| (group < most).then_some(group))]
    };
    let groups = (group(2), group(2), group(1));
    (ask(), 0..7_u64, 0..9_u64, rule(), groups, any::<bool>()).prop_map(
        |(ask, cpu, memory, mut rule, (gang, apart, spread), required)| {
            if spread.is_some() {
                rule.and(Requirement { key: ZONE.into(), test: Test::Exists });
            }
            let milli = match ask.as_ref().map(|ask| ask.amount) {
                None => 0,
                Some(Amount::Whole(count)) => u64::from(count) * 1000,
                Some(Amount::Share(milli)) => u64::from(milli),
                Some(Amount::Slice { length, .. }) => u64::from(length) * 125,
            };
            let needs = room(cpu, memory, 1);
            let worth = milli * 1000 + cpu * 20_000;
            Pod {
                needs,
                ask,
                rule,
                gang,
                apart,
                spread,
                accelerators_milli: milli,
                worth,
                required,
                interruptible: cpu % 2 == 0,
                joined: cpu % 3 == 0,
                ..Pod::default()
            }
        },
    )
}

/// A fleet of which the first so many pods run where a first packing puts them.
fn fleets() -> impl Strategy<Value = Fleet> {
    let spread = (0..4_u32, any::<bool>(), any::<bool>(), 0..3_u32).prop_map(
        |(fewest, ignores_affinity, honors_taints, others)| Spread {
            fewest,
            ignores_affinity,
            honors_taints,
            others: [("n0".to_owned(), others)].into(),
            ..Spread::default()
        },
    );
    (nodes(), vec(pod(true), 1..14), 0..8_usize, spread).prop_map(|(nodes, mut pods, running, spread)| {
        for (index, pod) in pods.iter_mut().enumerate() {
            pod.name = format!("p{index}");
        }
        let mut fleet = Fleet {
            nodes,
            pods,
            gangs: vec!["g0".into(), "g1".into()],
            aparts: vec!["a0".into(), "a1".into()],
            spreads: vec![Spread { name: "s0".into(), skew: 1, ..spread }],
            ..Fleet::default()
        };
        let first: BTreeMap<String, String> =
            packed(&fleet).assignments.into_iter().map(|one| (one.pod, one.node)).collect();
        for pod in fleet.pods.iter_mut().take(running) {
            pod.on = first.get(&pod.name).cloned();
            pod.gang = pod.gang.filter(|_| pod.on.is_none());
            pod.stays = pod.required.then_some(Stays::Asked);
            pod.daemon = pod.required && pod.interruptible;
        }
        fleet
    })
}

/// The same draws every time: what a change breaks is its own.
fn config() -> ProptestConfig {
    let rng_seed = proptest::test_runner::RngSeed::Fixed(20_261_126);
    ProptestConfig { cases: 96, rng_seed, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_checker_finds_nothing_wrong(
        fleet in fleets(),
        moves in 0..3_u32,
        add in proptest::sample::subsequence(Capacity::ALL.to_vec(), 0..=4),
    ) {
        let packing = packed_with(&fleet, moves, &add);
        let violations = verified(&packing, &fleet);
        prop_assert!(violations.is_empty(), "{:#?}\n{packing:#?}", violations);
    }

    /// Names and order change nothing but names and order.
    #[test]
    fn the_order_of_nodes_and_pods_changes_no_figure(fleet in fleets()) {
        let mut turned = fleet.clone();
        turned.nodes.reverse();
        turned.pods.reverse();
        let (a, b) = (packed(&fleet), packed(&turned));
        prop_assert_eq!(a.objective, b.objective);
        prop_assert_eq!(a.node_kinds, b.node_kinds);
    }

    /// What is changed in a packing that holds is found.
    #[test]
    fn corruptions_are_found(fleet in fleets(), at in any::<prop::sample::Index>(), how in 0..15_u8) {
        let mut packing = packed_with(&fleet, 0, &Capacity::ALL);
        prop_assume!(!packing.assignments.is_empty() && (how < 9 || !packing.add.is_empty()));
        let at = at.index(packing.assignments.len());
        match how {
            0 => _ = packing.assignments.remove(at),
            1 => packing.assignments[at].node = "elsewhere".into(),
            2 => packing.objective.worth += 0.5,
            3 => packing.objective.bound_worth = packing.objective.worth - 0.01,
            4 => packing.placed.cpu += 1.0,
            5 => {
                let hold = plimsoll_model::packing::Hold { index: 63, milli: 1000, parts: None };
                packing.assignments[at].devices.push(hold);
            }
            6 => packing.node_kinds[0].nodes += 1,
            7 => packing.assignments.push(packing.assignments[at].clone()),
            9 => packing.add[0].usd += Usd::from_units(1),
            10 => packing.add[0].count += 1,
            11 => _ = packing.add[0].assignments.pop(),
            12 => _ = packing.add[0].node.room.insert("cpu".into(), 1_000_000),
            13 => packing.adding = None,
            14 => packing.add[0].offer = "no-size".into(),
            _ => {
                packing.status = if packing.status == Status::Optimal { Status::Feasible } else { Status::Optimal };
            }
        }
        prop_assert!(!verified(&packing, &fleet).is_empty(), "{how} {packing:#?}");
    }
}

#[test]
fn the_cheapest_nodes_are_added_that_each_pod_may_use() {
    let l4 = Ask { resource: "nvidia.com/gpu".into(), models: vec!["L4".into()], amount: Amount::Whole(1) };
    let pod = |index: usize, interruptible: bool| Pod {
        name: format!("p{index}"),
        needs: room(2, 4, 1),
        ask: Some(l4.clone()),
        accelerators_milli: 1000,
        worth: 1_040_000,
        interruptible,
        ..Pod::default()
    };
    let waiting = |spot: usize, other: usize| Fleet {
        nodes: vec![node(0, 0, 2, false, 10)],
        pods: (0..spot + other).map(|index| pod(index, index < spot)).collect(),
        ..Fleet::default()
    };
    let added = |fleet: &Fleet, add: &[Capacity]| {
        let packing = packed_with(fleet, 0, add);
        assert_eq!(verified(&packing, fleet), []);
        let offers: Vec<(String, u64)> =
            packing.add.iter().map(|one| (one.offer.clone(), one.count)).collect();
        let adding = packing.adding.expect("pods wait");
        (offers, adding.usd.to_f64(), adding.bound_usd.map(Usd::to_f64), adding.left.len())
    };
    let named = |offers: &[(&str, u64)]| {
        offers.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>()
    };
    let all = &Capacity::ALL;
    // Eight that may be interrupted: two spot nodes of four at 2, or two reserved at 3 if there were two.
    assert_eq!(added(&waiting(8, 0), all), (named(&[("l4-spot", 2)]), 4.0, Some(4.0), 0));
    // Without spot: the one reserved node, and four small ones.
    assert_eq!(added(&waiting(0, 8), all), (named(&[("l4", 4), ("l4-few", 1)]), 11.0, Some(11.0), 0));
    // Mixed: the reserved node takes those that may not be interrupted.
    assert_eq!(added(&waiting(4, 4), all), (named(&[("l4-spot", 1), ("l4-few", 1)]), 5.0, Some(5.0), 0));
    let rented = [Capacity::OnDemand];
    assert_eq!(added(&waiting(8, 0), &rented), (named(&[("l4", 8)]), 16.0, Some(16.0), 0));
    assert_eq!(added(&waiting(1, 0), &[Capacity::OnPrem]), (Vec::new(), 0.0, Some(0.0), 1));
    // A gang of which one finds no node is left whole.
    let mut fleet = waiting(0, 3);
    fleet.gangs.push("g".into());
    fleet.pods[0].gang = Some(0);
    fleet.pods[1].gang = Some(0);
    fleet.pods[1].ask = Some(Ask { amount: Amount::Whole(5), ..l4.clone() });
    assert_eq!(added(&fleet, &rented), (named(&[("l4", 1)]), 2.0, Some(2.0), 2));
    // Pods of the node itself take some of each new one that is like it: one less fits.
    let mut fleet = waiting(8, 0);
    fleet.nodes[0] = node(0, 1, 2, false, 10);
    for pod in &mut fleet.pods {
        pod.ask = Some(Ask { models: vec!["H100".into()], ..l4.clone() });
    }
    let daemon = Pod {
        name: "d".into(),
        needs: room(5, 1, 1),
        ask: None,
        on: Some("n0".into()),
        daemon: true,
        ..pod(9, false)
    };
    let with = Fleet { pods: fleet.pods.iter().cloned().chain([daemon]).collect(), ..fleet.clone() };
    let (without, with) = (added(&fleet, &[Capacity::OnPrem]), added(&with, &[Capacity::OnPrem]));
    assert_eq!((without.0, with.0), (named(&[("h100", 1)]), named(&[("h100", 2)])));
}

#[test]
fn rules_are_evaluated_as_kubernetes_does() {
    let labels = [("gpu", "h100"), ("n", "7"), ("word", "seven")];
    let labels: BTreeMap<String, String> =
        labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let taint = Taint { key: "k".into(), value: "v".into(), effect: "NoExecute".into() };
    let node = Node { name: "n0".into(), labels, ..Node::default() };
    let tainted = Node { taints: vec![taint], ..node.clone() };
    let one = |key: &str, test: Test| Rule {
        terms: Some(vec![vec![Requirement { key: key.into(), test }]]),
        ..Rule::default()
    };
    let many = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    for (rule, allowed) in [
        (one("gpu", Test::In(many(&["a100", "h100"]))), true),
        (one("gpu", Test::NotIn(many(&["h100"]))), false),
        (one("none", Test::NotIn(many(&["h100"]))), true),
        (one("none", Test::Exists), false),
        (one("none", Test::DoesNotExist), true),
        (one("n", Test::Above(6)), true),
        (one("n", Test::Above(7)), false),
        (one("n", Test::Below(8)), true),
        (one("word", Test::Above(0)), false),
        (one("none", Test::Below(8)), false),
        (one(NODE_NAME, Test::In(many(&["n0"]))), true),
        (one(NODE_NAME, Test::In(many(&["n1"]))), false),
        // No term, and a term without requirements, are met by no node.
        (Rule { terms: Some(Vec::new()), ..Rule::default() }, false),
        (Rule { terms: Some(vec![Vec::new()]), ..Rule::default() }, false),
        (
            Rule {
                terms: Some(vec![Vec::new(), vec![Requirement { key: "n".into(), test: Test::Exists }]]),
                ..Rule::default()
            },
            true,
        ),
    ] {
        assert_eq!(refusal(&rule, &node).is_none(), allowed, "{rule:?}");
    }
    let bears = |key: Option<&str>, value: Option<&str>, effect: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let tolerations = vec![Toleration { key: own(key), value: own(value), effect: own(effect) }];
        refusal(&Rule { tolerations, ..Rule::default() }, &tainted).is_none()
    };
    assert!(refusal(&Rule::default(), &tainted).is_some());
    assert!(
        bears(None, None, None)
            && bears(Some("k"), None, None)
            && bears(Some("k"), Some("v"), Some("NoExecute"))
    );
    assert!(
        !bears(Some("k"), Some("w"), None)
            && !bears(Some("k"), None, Some("NoSchedule"))
            && !bears(Some("x"), None, None)
    );
}

#[test]
fn memory_is_counted_without_loss() {
    // Eleven tenths of a GB each: a tenth of a GB is the unit, and four fit where five are asked.
    let pod = |index: usize| Pod {
        name: format!("p{index}"),
        needs: BTreeMap::from([("memory".to_owned(), 1_100_000_000)]),
        worth: 1,
        ..Pod::default()
    };
    let node = Node {
        name: "n".into(),
        room: BTreeMap::from([("cpu".to_owned(), 1), ("memory".to_owned(), 4_400_000_000)]),
        ..Node::default()
    };
    let fleet = Fleet { nodes: vec![node], pods: (0..5).map(pod).collect(), ..Fleet::default() };
    let packing = packed(&fleet);
    assert_eq!((packing.placed.pods, packing.status), (4, Status::Optimal));
    assert_eq!(verified(&packing, &fleet), []);
}

#[test]
fn a_node_that_runs_more_than_it_has_is_full_and_says_so() {
    let pod = |name: &str, on: Option<&str>| Pod {
        name: name.into(),
        needs: room(5, 1, 1),
        worth: 100_000,
        on: on.map(str::to_owned),
        ..Pod::default()
    };
    let node = Node { name: "n".into(), room: room(8, 32, 10), ..Node::default() };
    let pods = vec![pod("a", Some("n")), pod("b", Some("n")), pod("c", None)];
    let fleet = Fleet { nodes: vec![node], pods, ..Fleet::default() };
    let packing = packed(&fleet);
    assert_eq!((packing.placed.pods, packing.unplaced.len()), (2, 1));
    assert!(packing.assumptions.iter().any(|note| note.value.contains("counts as full")));
    assert_eq!(verified(&packing, &fleet), []);
}
