//! The embedded catalogue and tables: figures by hand, and a large plan.

use plimsoll_model::{GramsPerKwh, Inputs, plan::Assumption};
use serde_json::{Value, json};

use crate::common::{batch, fine, flags, inputs, on, plan_among, through_json, usd};
use plimsoll_verify::{Checker, Decision, verify};

fn embedded(estate: Value, workloads: &[(&str, Value)]) -> Inputs {
    let mut estate = estate;
    estate["defaults"] = json!("embedded");
    Inputs { embedded_catalog: true, ..inputs(estate, workloads) }
}

#[test]
fn the_tables_fill_what_the_estate_lacks() {
    let offer = "aws/us-east-1/p4d.24xlarge/on-demand";
    let out = json!([{ "to": "aws/us-east-2", "size": "100Gi" }, { "to": "aws/eu-west-1", "size": "100Gi" }]);
    let spec = batch(json!({
        "request": { "accelerators": { "anyOf": ["A100"], "count": 8 } }, "duration": "1h", "outputs": out
    }));
    let inputs = embedded(json!({}), &[("w", spec)]);
    let mut flags = flags();
    flags.carbon_price = usd(1000.0);
    let placed = &fine(&inputs, &flags, &[on(0, offer, 0)]).placements[0];
    // 8 × 400 W and the host: 96 vCPU at 1.69 W, 1152 GiB at 0.392 W; PUE 1.135; PJM's 379.07 g/kWh in
    // November between 06:00 and 07:00 UTC.
    let kwh = (8.0 * 400.0 + 96.0 * 1.69 + 1152.0 * 0.392) * 1.135 / 1000.0;
    assert!((placed.energy_kwh.unwrap() - kwh).abs() < 1e-9, "{placed:?}");
    let grams = plimsoll_catalog::carbon("aws", "us-east-1").unwrap();
    let grams = grams.grams_per_kwh * grams.shape.unwrap()[10][6];
    assert!((placed.carbon_kg.unwrap() - kwh * grams / 1000.0).abs() < 1e-9, "{placed:?}");
    assert!((placed.usd.carbon.to_f64() - kwh * grams / 1000.0).abs() < 1e-6);
    assert_eq!(placed.usd.egress, usd(1.0 + 2.0));
    assert!(grams > 200.0 && grams < 600.0 && GramsPerKwh::from_f64(grams).is_ok());
}

#[test]
fn with_none_the_catalogue_has_offers_and_the_tables_say_nothing() {
    let spec = batch(json!({ "request": { "cpu": 2 }, "duration": "1h" }));
    let mut inputs = embedded(json!({}), &[("w", spec)]);
    inputs.estate.defaults = Some(plimsoll_model::estate::Defaults::None);
    let evaluation = fine(&inputs, &flags(), &[on(0, "aws/us-east-1/p4d.24xlarge/on-demand", 0)]);
    assert_eq!((evaluation.energy_kwh, evaluation.carbon_kg), (None, None));
}

/// What g5.48xlarge in these regions of AWS take from the tables, when they read from us-east-1.
fn assumed(regions: &[&str]) -> Vec<Assumption> {
    let one = |what: &str, value: String, source: &str, as_of: &str| Assumption {
        what: what.into(),
        value,
        source: source.into(),
        as_of: Some(as_of.into()),
    };
    let power = &plimsoll_catalog::accelerator("A10G").unwrap().watts;
    let host = plimsoll_catalog::host_watts("aws", 0.0, 0);
    let pue = plimsoll_catalog::pue(Some("aws"));
    assert!(!power.estimate && !pue.estimate);
    let mut all = vec![
        one("power of A10G", format!("{} W each", power.value), power.source, power.as_of),
        one("power of hosts of aws", "by vCPU and GiB".into(), host.source, host.as_of),
        one("PUE of aws", pue.value.to_string(), pue.source, pue.as_of),
    ];
    for region in regions {
        let carbon = plimsoll_catalog::carbon("aws", region).unwrap();
        // In the United States by the hour of each grid, in Europe by the year.
        let by_hour = if region.starts_with("us") { ", by month and hour" } else { "" };
        let value = format!("{} g/kWh{by_hour}", carbon.grams_per_kwh);
        all.push(one(&format!("carbon intensity of aws/{region}"), value, carbon.source, carbon.as_of));
        if *region == "us-east-1" {
            continue;
        }
        let (from, to) = (("aws", "us-east-1"), ("aws", *region));
        let between = format!("from aws/us-east-1 to aws/{region}");
        let egress = plimsoll_catalog::egress(from, to).unwrap();
        all.push(one(&format!("egress {between}"), "0.02 $/GB".into(), egress.source, egress.as_of));
        let throughput = plimsoll_catalog::throughput_gbps(from, to).unwrap();
        let value = format!("{} Gbit/s", throughput.value);
        all.push(one(&format!("throughput {between}"), value, throughput.source, throughput.as_of));
    }
    all
}

#[test]
fn many_workloads_over_the_whole_catalogue() {
    let regions = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"];
    let offers: Vec<String> = regions.iter().map(|region| format!("aws/{region}/g5.48xlarge/spot")).collect();
    let spec = json!({
        "request": { "accelerators": { "kind": "gpu", "count": 8 } }, "duration": "30h", "interruptible": true,
        "checkpoint": { "every": "1h" }, "deadline": "96h", "inputs": [{ "dataset": "images" }], "team": "ml"
    });
    let names: Vec<String> = (0..200).map(|index| format!("w{index}")).collect();
    let work: Vec<(&str, Value)> = names.iter().map(|name| (&**name, spec.clone())).collect();
    let estate = json!({
        "datasets": [{ "name": "images", "size": "1Ti", "at": ["aws/us-east-1", "gcp/us-east4"] }],
        "quotas": [{ "match": { "cloud": "aws" }, "accelerators": 1800 }],
        "carbonBudgets": [{ "team": "ml", "kg": 1_000_000_000 }]
    });
    let inputs = embedded(estate, &work);
    let mut flags = flags();
    flags.carbon_price = usd(100.0);
    let checker = Checker::new(&inputs, &flags);
    let starts: Vec<_> = offers.iter().map(|offer| checker.possible_starts(&[], 0, offer)).collect();
    let decisions: Vec<Decision> = (0..200)
        .map(|index| Decision { start: starts[index % 4][index % 60], ..on(index, &offers[index % 4], 0) })
        .collect();
    let mut plan = plan_among(&inputs, &flags, &decisions, &offers[..2]);
    plan.assumptions = assumed(&regions);
    assert_eq!(plan.placements.iter().filter(|placement| placement.runner_up.is_some()).count(), 200);
    assert_eq!(verify(&through_json(&plan), &inputs), []);
}
