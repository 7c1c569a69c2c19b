//! Egress, transfers, shared datasets, round-trip times, places: against figures made by hand.

use serde_json::{Value, json};

use crate::common::{at, batch, fine, flags, inputs, kinds, minutes, offer, on, usd};
use plimsoll_model::{Bytes, Inputs};
use plimsoll_verify::{Checker, Kind};

const GIB: u64 = 1 << 30;

/// What moving 100 GiB out of an offer costs and takes, in dollars and hours.
fn output(estate: Value, offer_name: &str, to: &str) -> Option<(f64, f64)> {
    let spec = batch(json!({ "outputs": [{ "to": to, "size": "100Gi" }] }));
    let inputs = inputs(estate, &[("w", spec)]);
    let evaluation = fine(&inputs, &flags(), &[on(0, offer_name, 0)]);
    let transfer = evaluation.placements[0].transfers.first()?;
    assert_eq!(transfer.usd, evaluation.placements[0].usd.egress);
    assert_eq!(transfer.size, 100 * GIB);
    Some((transfer.usd.to_f64(), transfer.hours))
}

#[test]
fn the_most_specific_row_wins_from_before_to_and_the_last_of_equals() {
    let regions = json!([{ "name": "aws/us-east-1", "country": "US" }, { "name": "gcp/europe-west4", "country": "NL" }]);
    let offers = json!([offer("o", json!({ "zone": "us-east-1a" }))]);
    let ladder = [
        ("*", "*"),
        ("North America", "*"),
        ("North America", "EU"),
        ("US", "*"),
        ("US", "Europe"),
        ("US", "EEA"),
        ("US", "eu"),
        ("US", "NL"),
        ("aws", "*"),
        ("aws", "gcp"),
        ("us-east-1", "*"),
        ("us-east-1", "europe-west4"),
        ("us-east-1", "gcp/europe-west4"),
        ("aws/us-east-1", "*"),
        ("aws/us-east-1", "gcp"),
        ("us-east-1a", "*"),
        ("us-east-1a", "gcp/europe-west4"),
    ];
    // Each row more beats all before it, in whatever order they are written.
    for known in 1..=ladder.len() {
        let mut rows: Vec<Value> = ladder[..known]
            .iter()
            .enumerate()
            .map(|(at, (from, to))| json!({ "from": from, "to": to, "usdPerGb": (at + 1) as f64 / 100.0 }))
            .collect();
        rows.push(json!({ "from": "gcp/europe-west4", "to": "aws/us-east-1", "usdPerGb": 9 }));
        rows.push(json!({ "from": "mars", "to": "*", "usdPerGb": 9 }));
        for turn in 0..2 {
            let estate = json!({ "offers": offers, "regions": regions, "egress": rows });
            let found = output(estate, "o", "gcp/europe-west4").unwrap();
            assert!((found.0 - known as f64).abs() < 1e-9, "{turn} {:?} {found:?}", ladder[known - 1]);
            rows.reverse();
        }
    }
    let twice =
        json!([{ "from": "aws", "to": "*", "usdPerGb": 1 }, { "from": "aws", "to": "*", "usdPerGb": 2 }]);
    let found = output(json!({ "offers": offers, "egress": twice }), "o", "gcp/europe-west4");
    assert_eq!(found.map(|found| found.0), Some(200.0));
}

#[test]
fn throughput_is_the_estates_else_five_gigabits() {
    let egress = json!([{ "from": "*", "to": "*", "usdPerGb": 0 }]);
    let estate = |throughput: Value| json!({ "offers": [offer("o", json!({}))], "egress": egress, "throughput": throughput });
    let bits = 100.0 * GIB as f64 * 8.0;
    for (rows, gbps) in [
        (json!([]), 5.0),
        (json!([{ "from": "gcp", "to": "aws", "gbps": 1 }]), 5.0),
        (json!([{ "from": "aws", "to": "gcp", "gbps": 1.6 }]), 1.6),
    ] {
        let (_, hours) = output(estate(rows), "o", "gcp/us-east4").unwrap();
        assert!((hours - bits / (gbps * 1e9) / 3600.0).abs() < 1e-12);
    }
}

#[test]
fn a_site_is_its_near_unless_a_row_names_it() {
    let node = json!([{ "name": "a", "accelerator": "H100", "accelerators": 8, "hourly": 1 }]);
    let estate = |rows: Value| {
        json!({
            "sites": [
                { "name": "lab", "near": "aws/us-east-1", "country": "DE", "nodes": node },
                { "name": "hall", "region": "dc-2", "country": "DE", "nodes": node }
            ],
            "egress": rows
        })
    };
    let near = json!({ "from": "aws/us-east-1", "to": "*", "usdPerGb": 0.02 });
    let any = json!({ "from": "*", "to": "*", "usdPerGb": 0.09 });
    let country = json!({ "from": "DE", "to": "*", "usdPerGb": 0.05 });
    let lab = json!({ "from": "lab", "to": "*", "usdPerGb": 0.01 });
    let lab_home = json!({ "from": "lab", "to": "aws/us-east-1", "usdPerGb": 0.03 });
    let cases = [
        (json!([near, any, country]), "lab", "gcp/x", Some(2.0)),
        (json!([any]), "lab", "gcp/x", Some(9.0)),
        (json!([near, any, country, lab]), "lab", "gcp/x", Some(1.0)),
        (json!([near, any, country]), "hall", "gcp/x", Some(5.0)),
        (json!([any, { "from": "dc-2", "to": "*", "usdPerGb": 0.07 }]), "hall", "gcp/x", Some(7.0)),
        // Between a site and its near nothing is paid and no time passes, unless a row says so.
        (json!([near, any]), "lab", "aws/us-east-1", Some(0.0)),
        (json!([near, any, lab_home]), "lab", "aws/us-east-1", Some(3.0)),
        (json!([any]), "lab", "lab", None),
        (json!([any]), "hall", "dc-2", None),
        (json!([any]), "hall", "hall", None),
        (json!([near, any]), "hall", "lab", Some(9.0)),
        (json!([any, { "from": "*", "to": "lab", "usdPerGb": 0.04 }]), "hall", "lab", Some(4.0)),
    ];
    for (rows, site, to, dollars) in cases {
        let found = output(estate(rows.clone()), &format!("{site}/a/on-prem"), to);
        assert_eq!(found.map(|found| found.0), dollars, "{rows} {site} {to}");
        if dollars == Some(0.0) {
            assert_eq!(found.map(|found| found.1), Some(0.0));
        }
    }
}

#[test]
fn the_cloud_model_ignores_rows_and_counts_each_transfer_alone() {
    let offers = json!([
        offer("aws", json!({})),
        offer("gcp", json!({ "cloud": "gcp" })),
        offer("azure", json!({ "cloud": "azure" })),
        offer("other", json!({ "cloud": "lambda" }))
    ]);
    let estate = json!({ "offers": offers, "egressModel": "cloud", "egress": [{ "from": "*", "to": "*", "usdPerGb": 9 }] });
    for (from, to, dollars) in [
        ("aws", "gcp/x", 99.0 * 0.09),
        ("azure", "aws/y", 99.0 * 0.0875),
        ("gcp", "aws/y", 12.0),
        ("other", "aws/y", 0.0),
        ("aws", "aws/y", 0.0),
    ] {
        let found = output(estate.clone(), from, to).unwrap();
        assert!((found.0 - dollars).abs() < 1e-9, "{from} {to} {found:?}");
    }
}

fn shared(at: Value, extra: Value) -> Inputs {
    let mut estate = json!({
        "offers": [offer("o", json!({})), offer("q", json!({})), offer("g", json!({ "cloud": "gcp", "region": "us-east4" }))],
        "datasets": [{ "name": "images", "size": "1000Gi", "at": at }],
        "egress": [{ "from": "*", "to": "*", "usdPerGb": 0.02 }],
        "throughput": [{ "from": "*", "to": "*", "gbps": 8 }]
    });
    estate.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let reads = |size: Value| {
        let input = match size {
            Value::Null => json!({ "dataset": "images" }),
            size => json!({ "dataset": "images", "size": size }),
        };
        batch(json!({ "inputs": [input] }))
    };
    inputs(
        estate,
        &[("small", reads(json!("100Gi"))), ("all", reads(Value::Null)), ("half", reads(json!("500Gi")))],
    )
}

#[test]
fn a_dataset_is_paid_once_a_region_by_its_first_placed_reader() {
    let inputs = shared(json!(["azure/eastus"]), json!({}));
    // 100 GiB at 8 Gbit/s take 107.4 s, 500 GiB 536.9 s, 1000 GiB 1073.8 s: whole seconds up.
    let start = |name: usize, offer: &str| {
        let starts = Checker::new(&inputs, &flags()).possible_starts(&[], name, offer);
        starts[0]
    };
    assert_eq!(start(0, "o"), at("2026-11-25T06:01:48Z"));
    assert_eq!(start(1, "g"), at("2026-11-25T06:17:54Z"));
    assert_eq!(start(2, "q"), at("2026-11-25T06:08:57Z"));
    let place = |workload, offer: &str| {
        let mut decision = on(workload, offer, 0);
        decision.start = start(workload, offer);
        decision
    };
    let paid = |decisions: &[_]| -> Vec<(u64, f64)> {
        let evaluation = fine(&inputs, &flags(), decisions);
        let transfers = evaluation.placements.iter().map(|placed| placed.transfers[0].clone());
        transfers.map(|transfer| (transfer.size / GIB, transfer.usd.to_f64())).collect()
    };
    // One region: the first pays for the largest, and shows it; the others list their own read at 0.
    assert_eq!(paid(&[place(2, "o"), place(1, "q"), place(0, "o")]), [(1000, 20.0), (1000, 0.0), (500, 0.0)]);
    // Two regions: each is paid for.
    assert_eq!(paid(&[place(0, "o"), place(1, "g"), place(2, "o")]), [(500, 10.0), (1000, 20.0), (500, 0.0)]);
    // A reader that is left out pays nothing.
    assert_eq!(paid(&[place(2, "o")]), [(500, 10.0)]);
}

#[test]
fn the_cheapest_copy_is_read_of_equals_the_fastest_then_the_first() {
    let egress = |rows: Value| json!({ "egress": rows });
    let (a, b, c) = ("azure/eastus", "azure/westus", "gcp/us-west1");
    let flat = json!({ "from": "*", "to": "*", "usdPerGb": 0.02 });
    for (copies, extra, from) in [
        (json!([a, b, c]), json!({}), a),
        (json!([a, b, c]), egress(json!([flat, { "from": b, "to": "*", "usdPerGb": 0.01 }])), b),
        (json!([a, b, c]), json!({ "throughput": [{ "from": c, "to": "*", "gbps": 50 }] }), c),
        (json!([b, a, c]), json!({ "throughput": [{ "from": c, "to": "*", "gbps": 2 }] }), b),
    ] {
        let inputs = shared(copies.clone(), extra.clone());
        let starts = Checker::new(&inputs, &flags()).possible_starts(&[], 1, "o");
        let mut decision = on(1, "o", 0);
        decision.start = starts[0];
        let evaluation = fine(&inputs, &flags(), &[decision]);
        assert_eq!(evaluation.placements[0].transfers[0].from, from, "{copies} {extra}");
    }
    // A copy in the region itself, also by its bare name: nothing moves.
    for home in ["aws/us-east-1", "us-east-1"] {
        let inputs = shared(json!([a, home]), json!({}));
        assert!(fine(&inputs, &flags(), &[on(1, "o", 0)]).placements[0].transfers.is_empty());
    }
}

#[test]
fn edges_and_outputs_are_each_paid_and_edges_are_waited_for() {
    let estate = json!({
        "offers": [offer("o", json!({})), offer("g", json!({ "cloud": "gcp", "region": "us-east4" }))],
        "egress": [{ "from": "aws", "to": "*", "usdPerGb": 0.1 }, { "from": "gcp", "to": "*", "usdPerGb": 0.2 }],
        "throughput": [{ "from": "*", "to": "*", "gbps": 1 }]
    });
    let from = |size: &str| batch(json!({ "inputs": [{ "from": "make", "size": size }] }));
    let last = batch(json!({ "inputs": [{ "from": "make" }, { "from": "far", "size": "1Gi" }],
        "outputs": [{ "to": "gcp/us-east4", "size": "10Gi" }, { "to": "gcp/us-east4", "size": "20Gi" }, { "to": "us-east-1", "size": "1Gi" }] }));
    let inputs = inputs(
        estate,
        &[("make", batch(json!({}))), ("far", from("50Gi")), ("here", from("50Gi")), ("last", last)],
    );
    // 50 GiB × 8 / 10^9 = 429.5 s; 1 GiB 8.6 s.
    let mut far = on(1, "g", 0);
    far.start = at("2026-11-25T12:07:10Z");
    let mut last = on(3, "o", 0);
    last.start = at("2026-11-25T18:07:19Z");
    let decisions = [on(0, "o", 0), far.clone(), on(2, "o", 360), last.clone()];
    let evaluation = fine(&inputs, &flags(), &decisions);
    let egress: Vec<_> = evaluation.placements.iter().map(|placed| placed.usd.egress).collect();
    assert_eq!(egress, [usd(0.0), usd(5.0), usd(0.0), usd(0.2 + 1.0 + 2.0)]);
    let what: Vec<_> = evaluation.placements[3].transfers.iter().map(|moved| &*moved.what).collect();
    assert_eq!(what, ["far", "output", "output"]);
    // A second earlier, and the data is not there.
    far.start = at("2026-11-25T12:07:09Z");
    assert_eq!(kinds(&inputs, &flags(), &[on(0, "o", 0), far, on(2, "o", 360)]), [Kind::Precedence]);
    // Without its producer nobody runs.
    let producer = Kind::Constraint(plimsoll_model::plan::Constraint::Producer);
    assert_eq!(kinds(&inputs, &flags(), &[on(2, "o", 0)]), [producer]);
}

#[test]
fn latency_rows_count_both_ways_and_the_own_direction_first() {
    let estate =
        |rows: Value| json!({ "offers": [offer("o", json!({ "zone": "us-east-1a" }))], "latency": rows });
    let here = "aws/us-east-1";
    let row = |from: &str, to: &str, ms: f64| json!({ "from": from, "to": to, "ms": ms });
    for (client, rows, ms) in [
        ("gcp/x", json!([row(here, "gcp/x", 30.0)]), 30.0),
        ("gcp/x", json!([row("gcp/x", here, 20.0), row(here, "gcp/x", 30.0)]), 20.0),
        ("gcp/x", json!([row("gcp/x", here, 20.0), row("us-east-1a", "gcp/x", 30.0)]), 30.0),
        ("gcp/x", json!([row("gcp/x", here, 20.0), row("gcp/x", here, 25.0)]), 25.0),
        (here, json!([]), 0.0),
        (here, json!([row("aws", "*", 3.0)]), 3.0),
    ] {
        let spec = json!({ "clients": [{ "region": client }], "latency": { "price": 1 }, "duration": "1h" });
        let inputs = inputs(estate(rows.clone()), &[("w", batch(spec))]);
        let evaluation = fine(&inputs, &flags(), &[on(0, "o", 0)]);
        assert_eq!(evaluation.placements[0].usd.latency, usd(ms), "{rows}");
    }
}

#[test]
fn one_bare_name_in_two_clouds_is_two_regions() {
    let estate = json!({
        "offers": [offer("a", json!({})), offer("l", json!({ "cloud": "lambda" }))],
        "datasets": [{ "name": "d", "size": "100Gi", "at": ["aws/us-east-1"] }],
        "egress": [{ "from": "*", "to": "*", "usdPerGb": 0.02 }],
        "throughput": [{ "from": "*", "to": "*", "gbps": 1000 }]
    });
    let inputs = inputs(estate, &[("w", batch(json!({ "inputs": [{ "dataset": "d" }] })))]);
    assert_eq!(fine(&inputs, &flags(), &[on(0, "a", 0)]).parts.egress, usd(0.0));
    let mut away = on(0, "l", 0);
    away.start = at("2026-11-25T06:00:01Z");
    assert_eq!(fine(&inputs, &flags(), &[away]).parts.egress, usd(2.0));
    assert_eq!(minutes(0), at("2026-11-25T06:00:00Z"));
    assert_eq!(Bytes::gib(100).0, 100 * GIB);
}
