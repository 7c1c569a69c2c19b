//! What nodes cost by the hour.

use plimsoll_model::fleet::{Devices, Node};

use crate::cluster::Rates;

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
    let rates = Rates::embedded().expect("the catalogue");
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
    let rates = Rates::embedded().expect("the catalogue");
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
