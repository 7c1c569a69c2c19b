//! Own nodes and their sites, kinds of accelerators, instruction sets.

use serde_json::{Value, json};

use super::draw::{REGIONS, SIZES, fields, full, one_more, place, some};
use crate::{dice::Dice, instances::Instance};

pub(super) fn own_nodes(made: &mut Instance, dice: &mut Dice) {
    if made.estate.get("sites").is_some() {
        return;
    }
    let nodes = json!({
        "name": "box", "count": dice.int(1, 2), "accelerator": dice.pick(&["H100", "A100-80GB"]),
        "accelerators": dice.pick(&[2, 4, 8]), "cpu": 64, "memory": "512Gi",
        "hourly": dice.amount(0.0, 9.0, 4), "watts": dice.pick(&[2000, 6500]),
    });
    made.set("sites", json!([{ "name": "dc", "country": "DE", "nodes": [nodes] }]));
    if dice.chance(50) {
        made.estate["sites"][0]["carbon"] = json!({ "gramsPerKwh": dice.int(20, 500) });
    }
    if dice.chance(40) {
        made.estate["sites"][0]["pue"] = json!(1.4);
    }
}

pub(super) fn fractions(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    let nodes = &mut made.estate["sites"][0]["nodes"][0];
    nodes["accelerator"] = json!("H100");
    nodes["accelerators"] = json!(dice.int(1, 2));
    one_more(made, dice, 3);
    for index in some(made, dice, 80) {
        let spec = &mut made.workloads[index].1;
        spec["request"] = json!({ "accelerators": {
            "anyOf": ["H100"], "count": dice.pick(&[0.2, 0.25, 0.3, 0.5, 0.6, 0.75])
        }});
        spec["replicas"] = json!(dice.int(1, 3));
    }
}

pub(super) fn site_region(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    let region = dice.pick(&REGIONS);
    made.estate["sites"][0]["region"] =
        if dice.chance(60) { json!(full(region)) } else { json!("frankfurt") };
}

pub(super) fn near(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    made.estate["sites"][0]["near"] = json!(full(dice.pick(&REGIONS)));
    for _ in 0..dice.int(0, 2) {
        let from = place(made, dice);
        let to = place(made, dice);
        let ms = dice.amount(1.0, 60.0, 1);
        made.list("latency").push(json!({ "from": from, "to": to, "ms": ms }));
    }
    if dice.chance(50) {
        let region = place(made, dice);
        let grams = dice.int(10, 600);
        made.list("carbonIntensity").push(json!({ "region": region, "gramsPerKwh": grams }));
    }
}

pub(super) fn electricity(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    made.estate["sites"][0]["electricity"] = json!(dice.amount(0.05, 0.5, 4));
    if dice.chance(50) {
        made.estate["sites"][0]["nodes"][0]["hourly"] = json!(0);
    }
}

pub(super) fn shares(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    one_more(made, dice, 3);
    let second = json!({
        "name": "tin", "count": dice.int(1, 2), "cpu": dice.pick(&[8, 16]), "memory": "64Gi",
        "hourly": dice.amount(0.1, 2.0, 4), "watts": 400, "instanceType": "tin",
    });
    if let Some(groups) = made.estate["sites"][0]["nodes"].as_array_mut() {
        groups.push(second);
    }
    made.list("offers").push(json!({
        "name": "plain", "cloud": "aws", "region": "us-east-1", "instanceType": "c", "cpu": 16,
        "memory": "64Gi", "capacity": "on-demand", "hourly": 0.68, "watts": 250,
    }));
    for index in some(made, dice, 60) {
        let spec = &mut made.workloads[index].1;
        spec["request"] = json!({
            "cpu": dice.pick(&["1500m", "3", "5", "8"]), "memory": dice.pick(&["4Gi", "20Gi", "30Gi"])
        });
        spec["replicas"] = json!(dice.int(1, 4));
    }
}

pub(super) fn accelerators(made: &mut Instance, dice: &mut Dice) {
    made.list("offers").push(json!({
        "name": "card", "cloud": "aws", "region": "eu-west-1", "instanceType": "f", "accelerator": "X9",
        "acceleratorKind": "npu", "accelerators": 2, "cpu": 16, "memory": "64Gi", "capacity": "on-demand",
        "hourly": 1.65, "watts": 300,
    }));
    let at = dice.below(made.estate["offers"].as_array().map_or(1, Vec::len));
    if dice.chance(50) {
        made.estate["offers"][at]["acceleratorMemory"] = json!("40Gi");
    } else {
        fields(&mut made.estate["offers"][at]).remove("acceleratorMemory");
    }
    for index in some(made, dice, 60) {
        let count = dice.int(1, 2);
        made.workloads[index].1["request"] = match dice.int(0, 3) {
            0 => json!({ "accelerators": { "kind": "gpu", "count": count } }),
            1 => json!({ "accelerators": { "kind": "npu" }, "cpu": 2 }),
            2 => json!({ "accelerators": { "anyOf": ["h100", "x9", "a100-80gb"], "count": count } }),
            _ => {
                json!({ "accelerators": { "anyOf": ["H100", "A100-80GB"], "count": count, "memory": "60Gi" } })
            }
        };
    }
}

pub(super) fn second_site(made: &mut Instance, dice: &mut Dice) {
    own_nodes(made, dice);
    let mut site = made.estate["sites"][0].clone();
    site["name"] = json!("lab");
    site["country"] = json!("FR");
    let nodes = &mut site["nodes"][0];
    nodes["name"] = json!("rig");
    nodes["accelerators"] = json!(3);
    nodes["hourly"] = json!(dice.amount(0.0, 5.0, 4));
    if dice.chance(50) {
        let region = if dice.chance(50) { "frankfurt".into() } else { full(dice.pick(&REGIONS)) };
        site["region"] = json!(region);
        if dice.chance(60) {
            made.estate["sites"][0]["region"] = json!(region);
        }
    }
    if dice.chance(40) {
        let row = json!({ "from": dice.pick(&["lab", "dc", "*"]), "to": dice.pick(&["lab", "dc", "aws"]),
            "usdPerGb": dice.amount(0.0, 0.3, 3) });
        made.list("egress").push(row);
    }
    if let Some(sites) = made.estate["sites"].as_array_mut() {
        sites.push(site);
    }
    for index in some(made, dice, 40) {
        made.workloads[index].1["outputs"] = json!([{ "to": "lab", "size": dice.pick(&SIZES) }]);
    }
}

pub(super) fn architectures(made: &mut Instance, dice: &mut Dice) {
    let state = |machine: &mut Value, dice: &mut Dice| {
        if dice.chance(80) {
            machine["arch"] = dice.pick(&["amd64", "arm64"]).into();
        }
    };
    for offer in made.list("offers") {
        state(offer, dice);
    }
    for site in made.estate.get_mut("sites").and_then(Value::as_array_mut).into_iter().flatten() {
        site["nodes"].as_array_mut().into_iter().flatten().for_each(|nodes| state(nodes, dice));
    }
    for index in some(made, dice, 50) {
        made.workloads[index].1["request"]["arch"] = dice.pick(&["amd64", "arm64"]).into();
    }
}
