//! What nodes cost by the hour.

use plimsoll_model::{
    Document, Grams, Inputs, Time, Usd,
    fleet::{Devices, Node},
    quantity::decimal::parse_pico,
    read,
};

use crate::cluster::Rates;

fn pico(text: &str) -> i128 {
    parse_pico(text).expect("a number")
}

fn now() -> Time {
    "2026-11-25T12:00:00Z".parse().expect("a time")
}

fn node(labels: &[(&str, &str)], devices: Option<(&str, u16)>) -> Node {
    Node {
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        devices: devices.map(|(model, count)| Devices {
            resource: "nvidia.com/gpu".to_owned(),
            model: model.to_owned(),
            count,
        }),
        ..Node::default()
    }
}

/// By the catalogue, whose prices the expected ones are read from.
#[test]
fn nodes_cost_what_the_catalogue_says() {
    let rates = Rates::embedded(now()).expect("the catalogue");
    let priced = |machine: &str, class: &str| {
        let name = format!("aws/us-east-1/{machine}/{class}");
        let offer = plimsoll_catalog::offers_of("aws").iter().find(|offer| offer.name() == name);
        i128::from(offer.expect("an offer").hourly_nano_usd) * 1000
    };
    let labels = |machine: &'static str| {
        vec![
            ("topology.kubernetes.io/region", "us-east-1"),
            ("node.kubernetes.io/instance-type", machine),
            ("eks.amazonaws.com/nodegroup", "g"),
        ]
    };
    let mut spot = labels("p4d.24xlarge");
    spot.push(("karpenter.sh/capacity-type", "spot"));
    for (labels, machine, class) in [
        (labels("p4d.24xlarge"), "p4d.24xlarge", "on-demand"),
        (spot, "p4d.24xlarge", "spot"),
        (labels("m5.large"), "m5.large", "on-demand"),
    ] {
        let devices = machine.starts_with("p4d").then_some(("A100", 8));
        let rate = rates.of_node(&node(&labels, devices)).expect("a rate");
        assert_eq!(rate.usd.pico(), priced(machine, class), "{machine} {class}");
        assert!(rate.grams.is_some_and(|grams| grams.pico() > 0), "{machine}: {rate:?}");
    }
    // Eight A100 draw kilowatts: in Virginia that is more than a kilogram an hour, and less than ten.
    let grams = rates.of_node(&node(&labels("p4d.24xlarge"), None)).and_then(|rate| rate.grams);
    assert!(grams.is_some_and(|grams| (1_000.0..10_000.0).contains(&grams.to_f64())), "{grams:?}");
}

#[test]
fn what_goes_into_a_machine_is_told_apart_and_own_nodes_have_no_price() {
    let rates = Rates::embedded(now()).expect("the catalogue");
    let price = |machine: &str, devices| {
        let labels = [
            ("topology.kubernetes.io/region", "us-central1"),
            ("node.kubernetes.io/instance-type", machine),
            ("cloud.google.com/gke-nodepool", "p"),
        ];
        rates.of_node(&node(&labels, devices)).map(|rate| rate.usd)
    };
    let [plain, t4, v100] =
        [None, Some(("T4", 1)), Some(("V100", 1))].map(|devices| price("n1-highmem-8", devices));
    assert!(plain < t4 && t4 < v100 && plain.is_some(), "{plain:?} {t4:?} {v100:?}");
    assert_eq!(price("n1-highmem-8", Some(("T4", 2))), None, "no list has such a one");
    assert!(price("n1-standard-8", None).is_some());
    assert_eq!(price("n1-standard-8", Some(("T4", 1))), None, "the price of the host alone would be too low");
    assert_eq!(rates.of_node(&node(&[("kubernetes.io/hostname", "h100-0")], Some(("H100", 8)))), None);
}

/// The rates of an estate without offers of clouds.
fn own(spec: &str) -> Rates {
    let text =
        format!("apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec: {spec}\n");
    let mut all = read::documents("estate.yaml", text.as_bytes()).expect("an estate");
    let (document, _) = all.pop().expect("one").split();
    let Document::Estate(estate) = document else { unreachable!("it is an Estate") };
    let inputs = Inputs {
        workloads: Vec::new(),
        embedded_catalog: estate.spec.has_embedded_catalog(),
        estate: estate.spec,
        file_offers: Vec::new(),
        series: std::collections::BTreeMap::new(),
        assumptions: Vec::new(),
        places: read::Places::default(),
        digest: String::new(),
    };
    Rates::of(&inputs, now()).expect("no contradictions")
}

/// Eight H100 in a machine of 10.2 kW, with a PUE of 1.5 at 200 g and 20 ct a kWh: 3,060 g, and $3.06 beside $12.
#[test]
fn own_machines_cost_what_the_estate_says_and_the_power_that_it_pays_for() {
    let rates = own("{sites: [{name: fra1, country: DE, pue: 1.5, electricity: 0.20, carbon: {gramsPerKwh: 200},
        nodes: [{name: h100, count: 4, accelerator: H100, accelerators: 8, cpu: 128, memory: 1Ti, hourly: 12, watts: 10200},
                {name: plain, hourly: 0.5, watts: 400}]}]}");
    let site = ("topology.kubernetes.io/region", "fra1");
    let rate = rates.of_node(&node(&[site], Some(("H100", 8)))).expect("a rate");
    assert_eq!((rate.usd, rate.grams), (Usd::from_pico(pico("15.06")), Some(Grams::from_pico(pico("3060")))));
    let rate = rates.of_node(&node(&[site], None)).expect("a rate");
    assert_eq!((rate.usd, rate.grams), (Usd::from_pico(pico("0.62")), Some(Grams::from_pico(pico("120")))));
    assert_eq!(rates.of_node(&node(&[site], Some(("A100-80GB", 8)))), None, "the site has no such machine");
    assert_eq!(rates.of_node(&node(&[("topology.kubernetes.io/region", "fra2")], Some(("H100", 8)))), None);
}

/// A site by the node's own word, by its labels, or because there is no other; a machine by name, accelerators and room.
#[test]
fn a_node_is_found_among_own_machines_by_what_it_says() {
    let rates = own("{sites: [{name: rz1, nodes: [{name: a, accelerator: H100, accelerators: 8, hourly: 1},
            {name: a-new, accelerator: H100, accelerators: 8, hourly: 2}, {name: half, accelerator: H100, accelerators: 4, hourly: 3}]},
        {name: rz2, region: aws/us-east-1, nodes: [{name: big, cpu: 64, hourly: 4}, {name: huge, cpu: 128, hourly: 5},
            {name: twin, cpu: 128, hourly: 5}, {name: typed, instanceType: p4d.24xlarge, accelerator: A100, accelerators: 8, hourly: 6}]}]}");
    let price = |node: &Node| rates.of_node(node).map(|rate| rate.usd.pico() / 1_000_000_000_000);
    let at = |site: &str, name: &str, devices| {
        let it = node(&[], devices);
        Node { name: name.to_owned(), site: Some(site.to_owned()), ..it }
    };
    let h100 = |count| Some(("H100", count));
    assert_eq!(price(&at("rz1", "a-3", h100(8))), Some(1));
    assert_eq!(price(&at("rz1", "a-new-3", h100(8))), Some(2), "the longer name");
    assert_eq!(price(&at("rz1", "x", h100(4))), Some(3), "by the number of accelerators");
    assert_eq!(price(&at("rz1", "x", h100(8))), None, "it may be either, and they have not one price");
    assert_eq!(price(&at("rz1", "a-3", h100(7))), Some(1), "one is broken");
    assert_eq!(price(&at("rz1", "a-3", Some(("unnamed gpu", 8)))), Some(1), "nothing says what it has");
    assert_eq!(price(&at("rz3", "a-3", h100(8))), None);
    // Labels, of a pool and of a region.
    let pool = node(&[("topology.kubernetes.io/zone", "rz1"), ("karpenter.sh/nodepool", "a-new")], h100(8));
    assert_eq!(price(&pool), Some(2));
    let cores = |cores: u64| [("cpu".to_owned(), cores * 1000)].into();
    let plain = |room| Node { room, ..at("rz2", "x", None) };
    assert_eq!(price(&plain(cores(100))), Some(5), "two kinds, and one price");
    assert_eq!(price(&plain(cores(60))), None, "any of the three, and they have not one price");
    // Labels say nothing, and there are two sites.
    assert_eq!(price(&node(&[], h100(4))), None);
    let only =
        own("{sites: [{name: rz1, nodes: [{name: a, accelerator: H100, accelerators: 8, hourly: 1}]}]}");
    assert!(only.of_node(&node(&[], h100(8))).is_some());
    assert!(only.of_node(&node(&[("topology.kubernetes.io/region", "elsewhere")], h100(8))).is_none());

    // A region of a cloud may have rented machines too: a node is one of those unless it says that it is not.
    let rates = own("{catalog: [embedded], sites: [{name: rz2, region: aws/us-east-1, nodes:
        [{name: typed, instanceType: p4d.24xlarge, accelerator: A100, accelerators: 8, hourly: 6}]}]}");
    let mut it = node(
        &[
            ("topology.kubernetes.io/region", "us-east-1"),
            ("node.kubernetes.io/instance-type", "p4d.24xlarge"),
            ("eks.amazonaws.com/nodegroup", "g"),
        ],
        Some(("A100", 8)),
    );
    let rented = Rates::embedded(now()).expect("the catalogue").of_node(&it);
    assert!(rented.is_some() && rates.of_node(&it).map(|rate| rate.usd) == rented.map(|rate| rate.usd));
    it.site = Some("rz2".to_owned());
    assert_eq!(rates.of_node(&it).map(|rate| rate.usd), Some(Usd::from_pico(pico("6"))));
}
