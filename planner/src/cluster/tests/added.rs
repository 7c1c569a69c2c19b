//! Nodes to add: as many as can be had, where they are offered.

use plimsoll_model::{
    Capacity, Fleet, Inputs, Match, Packing,
    estate::{Counts, NodeGroup, Quota, Reservation, Site},
    fleet::Pod,
};

use super::*;

/// The regions of the cluster's two zones.
const REGION: &str = "topology.kubernetes.io/region";

/// Two nodes too small for anyone, in zones `r-a` and `s-a` of regions `r` and `s`, and as many pods for each zone
/// as stated.
fn fleet(pods: &[(&str, usize)]) -> Fleet {
    let small = |name: &str, region: &str| {
        let zone = format!("{region}-a");
        let labels = [(REGION.to_owned(), region.to_owned()), (ZONE.to_owned(), zone)];
        Node { name: name.into(), labels: labels.into(), room: room(1, 1, 10), ..Node::default() }
    };
    let pod = |zone: &str, index: usize| Pod {
        name: format!("{zone}-{index}"),
        needs: room(8, 16, 1),
        rule: Rule { labels: BTreeMap::from([(ZONE.to_owned(), zone.to_owned())]), ..Rule::default() },
        worth: 160_000,
        ..Pod::default()
    };
    let pods = pods.iter().flat_map(|(zone, count)| (0..*count).map(|index| pod(zone, index)));
    Fleet { nodes: vec![small("one", "r"), small("two", "s")], pods: pods.collect(), ..Fleet::default() }
}

/// A machine that holds one of them.
fn machine(cloud: Option<&str>, region: &str, zone: Option<&str>, count: Option<u32>) -> OfferSpec {
    OfferSpec {
        name: Some("machine".into()),
        cloud: cloud.map(str::to_owned),
        region: region.into(),
        zone: zone.map(str::to_owned),
        cpu: Some(Cpu(10_000)),
        memory: Some(Bytes(24 << 30)),
        count,
        ..inputs().estate.offers[5].clone()
    }
}

fn estate(offers: Vec<OfferSpec>, quotas: Vec<Quota>) -> Inputs {
    Inputs { estate: EstateSpec { offers, quotas, ..EstateSpec::default() }, ..inputs() }
}

fn packed_of(fleet: &Fleet, inputs: &Inputs) -> Packing {
    let market = Market::of(fleet, inputs, &Capacity::ALL).expect("the offers are one by one");
    plan(fleet, &Settings::default(), Some(&market), None, &mut |_| {}).expect("the fleet makes sense")
}

/// The counts of the nodes to add, and the pods that are left, of a packing that the checker lets pass.
fn added(fleet: &Fleet, inputs: &Inputs) -> (Vec<u64>, usize) {
    let packing = packed_of(fleet, inputs);
    assert_eq!(plimsoll_verify::verify_packing(&packing, fleet, inputs), []);
    let left = packing.adding.expect("pods wait").left.len();
    (packing.add.iter().map(|one| one.count).collect(), left)
}

/// What the checker says of a packing beside another estate.
fn wrong(packing: &Packing, fleet: &Fleet, inputs: &Inputs) -> Vec<String> {
    let found = plimsoll_verify::verify_packing(packing, fleet, inputs);
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn no_more_of_an_offer_are_added_than_can_be_had_over_all_zones() {
    let fleet = fleet(&[("r-a", 1), ("s-a", 1)]);
    let own = |count| estate(vec![machine(None, "here", None, count)], Vec::new());
    assert_eq!(added(&fleet, &own(Some(1))), (vec![1], 1));
    assert_eq!(added(&fleet, &own(Some(2))), (vec![1, 1], 0));
    let found = wrong(&packed_of(&fleet, &own(None)), &fleet, &own(Some(1)));
    assert!(found.iter().any(|it| it.contains("2 are added, and 1 can be had")), "{found:#?}");
}

#[test]
fn no_more_machines_of_a_site_are_added_than_it_counts() {
    let fleet = fleet(&[("r-a", 2), ("s-a", 1)]);
    let site = |count: u32| {
        let group = NodeGroup {
            name: "rack".into(),
            count: Some(count),
            accelerator: None,
            accelerators: None,
            accelerator_kind: None,
            accelerator_memory: None,
            instance_type: None,
            cpu: Some(Cpu(10_000)),
            memory: Some(Bytes(24 << 30)),
            arch: None,
            hourly: Usd::from_units(1),
            watts: None,
            source: None,
            as_of: None,
        };
        let (region, near, country, pue, electricity, carbon) = (None, None, None, None, None, None);
        let site =
            Site { name: "dc".into(), region, near, country, pue, electricity, carbon, nodes: vec![group] };
        let spec = EstateSpec { sites: vec![site], ..EstateSpec::default() };
        Inputs { estate: spec, ..inputs() }
    };
    let machines = |count| {
        let (counts, left) = added(&fleet, &site(count));
        (counts.iter().sum::<u64>(), left)
    };
    assert_eq!((machines(0), machines(1), machines(3)), ((0, 3), (1, 2), (3, 0)));
    let found = wrong(&packed_of(&fleet, &site(3)), &fleet, &site(1));
    assert!(found.iter().any(|it| it.contains("3 are added, and 1 can be had")), "{found:#?}");
}

#[test]
fn that_reservations_make_no_node_cheaper_is_said_where_they_are_of_an_offer() {
    let fleet = fleet(&[("r-a", 1)]);
    let notes = |offer: &str, sunk| {
        let mut inputs = estate(vec![machine(None, "here", None, None)], Vec::new());
        let reserved = Reservation { offer: offer.into(), count: 1, until: None, sunk };
        inputs.estate.reservations = vec![reserved];
        let notes = packed_of(&fleet, &inputs).assumptions;
        notes
            .iter()
            .any(|note| note.what == "reservations of machine" && note.value.contains("no node to add"))
    };
    assert!(notes("machine", None) && notes("machine", Some(true)));
    assert!(!notes("machine", Some(false)));
}

#[test]
fn nodes_to_add_keep_to_quotas() {
    let fleet = fleet(&[("r-a", 3), ("s-a", 1)]);
    let with = |quota: Quota| estate(vec![machine(None, "here", None, None)], vec![quota]);
    let all = Match::default();
    for quota in [
        Quota { instances: Some(2), matches: all.clone(), ..Quota::default() },
        Quota { cpu: Some(Cpu(29_000)), matches: all.clone(), ..Quota::default() },
        Quota { memory: Some(Bytes(48 << 30)), matches: all.clone(), ..Quota::default() },
    ] {
        let (counts, left) = added(&fleet, &with(quota.clone()));
        assert_eq!((counts.iter().sum::<u64>(), left), (2, 2), "{quota:?}");
        let found = wrong(&packed_of(&fleet, &with(Quota::default())), &fleet, &with(quota));
        assert!(found.iter().any(|it| it.contains("the nodes to add take")), "{found:#?}");
    }
    // Those of a team and on what is asked for are not held, which is said.
    let quota = Quota { cpu: Some(Cpu(1)), counts: Some(Counts::Asked), ..Quota::default() };
    assert_eq!(added(&fleet, &with(quota.clone())).1, 0);
    let notes = packed_of(&fleet, &with(quota)).assumptions;
    assert!(notes.iter().any(|note| note.value.starts_with("not held")), "{notes:#?}");
}

#[test]
fn a_quota_is_used_up_when_nodes_that_are_added_leave_no_room_for_another() {
    let large = OfferSpec {
        name: Some("large".into()),
        cpu: Some(Cpu(40_000)),
        memory: Some(Bytes(96 << 30)),
        hourly: Usd::from_units(100),
        ..machine(None, "here", None, None)
    };
    let said = |pods: usize, name: &str, cores: u64| {
        let matches = Match { offer: Some(name.into()), ..Match::default() };
        let quota =
            Quota { name: Some("q".into()), matches, cpu: Some(Cpu(cores * 1000)), ..Quota::default() };
        let offers = vec![machine(None, "here", None, None), large.clone()];
        let notes = packed_of(&fleet(&[("r-a", pods)]), &estate(offers, vec![quota])).assumptions;
        let note = notes.into_iter().find(|note| note.what == "counts and quotas");
        note.expect("an offer draws on the quota").value.ends_with("; used up: q")
    };
    // Small nodes are added, and the quota is of large ones.
    assert!(!said(1, "large", 20));
    assert!(said(2, "machine", 20));
    assert!(said(2, "machine", 29));
    assert!(!said(1, "machine", 20));
}

#[test]
fn a_node_is_added_only_in_a_zone_that_its_offer_is_in() {
    let fleet = fleet(&[("r-a", 1), ("s-a", 1)]);
    let of = |cloud, region, zone| estate(vec![machine(cloud, region, zone, None)], Vec::new());
    // Own machines may be anywhere; rented ones where they are rented.
    assert_eq!(added(&fleet, &of(None, "here", None)), (vec![1, 1], 0));
    assert_eq!(added(&fleet, &of(None, "here", Some("s-a"))), (vec![1], 1));
    assert_eq!(added(&fleet, &of(Some("c"), "r", None)), (vec![1], 1));
    assert_eq!(added(&fleet, &of(Some("c"), "r", Some("r-b"))), (Vec::new(), 2));
    let everywhere = packed_of(&fleet, &of(None, "here", None));
    for other in [of(Some("c"), "r", None), of(None, "here", Some("s-a"))] {
        let found = wrong(&everywhere, &fleet, &other);
        assert!(found.iter().any(|it| it.contains("is not offered in")), "{found:#?}");
    }
}

#[test]
fn a_count_that_cannot_be_is_an_error_and_not_a_crash() {
    let fleet = fleet(&[("r-a", 1), ("s-a", 1)]);
    let inputs = estate(vec![machine(None, "here", None, None)], Vec::new());
    for count in [0, 2, 3_000_000_000, u64::MAX] {
        let mut packing = packed_of(&fleet, &inputs);
        packing.add[0].count = count;
        packing.node_kinds[0].nodes = u64::MAX;
        packing.node_kinds.extend(packing.node_kinds.clone());
        packing.classes[0].pods = u64::MAX;
        packing.classes.extend(packing.classes.clone());
        let found = wrong(&packing, &fleet, &inputs);
        assert!(found.iter().any(|it| it.contains(&format!("counts {count} nodes"))), "{found:#?}");
    }
}

#[test]
fn a_node_may_be_like_any_of_its_type() {
    let kind = "node.kubernetes.io/instance-type";
    let own = |name: &str, pool: &str| {
        let labels = [(kind.to_owned(), "m".to_owned()), ("pool".to_owned(), pool.to_owned())];
        Node { name: name.into(), labels: labels.into(), room: room(8, 16, 10), ..Node::default() }
    };
    let pod = |name: &str, on: Option<&str>, pool: Option<&str>| Pod {
        name: name.into(),
        on: on.map(str::to_owned),
        needs: room(8, 16, 1),
        rule: Rule {
            labels: pool.map(|pool| ("pool".to_owned(), pool.to_owned())).into_iter().collect(),
            ..Rule::default()
        },
        worth: 160_000,
        ..Pod::default()
    };
    let nodes = ["x", "y", "z"].map(|pool| own(&format!("n-{pool}"), pool));
    let mut pods: Vec<Pod> =
        nodes.iter().map(|node| pod(&format!("on-{}", node.name), Some(&node.name), None)).collect();
    pods.push(pod("q", None, Some("y")));
    let fleet = Fleet { nodes: nodes.into(), pods, ..Fleet::default() };
    let offer = OfferSpec { instance_type: Some("m".into()), ..machine(None, "here", None, None) };
    let inputs = estate(vec![offer], Vec::new());
    assert_eq!(added(&fleet, &inputs), (vec![1], 0));
    assert_eq!(packed_of(&fleet, &inputs).add[0].node.like.as_deref(), Some("n-y"));
}

#[test]
fn a_zone_is_not_of_a_region_whose_name_begins_it() {
    // As clouds name them, without a label of the region.
    let small = |zone: &str| Node {
        name: zone.into(),
        labels: BTreeMap::from([(ZONE.to_owned(), zone.to_owned())]),
        room: room(1, 1, 10),
        ..Node::default()
    };
    let zones = ["eastus-1", "eastus2-1", "us-east-1a", "us-central1-b"];
    let mut fleet = fleet(&zones.map(|zone| (zone, 1)));
    fleet.nodes = zones.map(small).into();
    let of = |region: &str| estate(vec![machine(Some("c"), region, None, None)], Vec::new());
    let everywhere = packed_of(&fleet, &estate(vec![machine(None, "here", None, None)], Vec::new()));
    assert_eq!(everywhere.add.len(), 4, "{everywhere:#?}");
    for (region, zone) in [
        ("eastus", "eastus-1"),
        ("eastus2", "eastus2-1"),
        ("us-east-1", "us-east-1a"),
        ("us-central1", "us-central1-b"),
    ] {
        let found = wrong(&everywhere, &fleet, &of(region));
        let outside = zones
            .iter()
            .filter(|other| found.iter().any(|it| it.contains(&format!("is not offered in {other},"))));
        let outside: Vec<&str> = outside.copied().collect();
        let others: Vec<&str> = zones.into_iter().filter(|other| *other != zone).collect();
        assert_eq!(outside, others, "{region}: {found:#?}");
    }
}
