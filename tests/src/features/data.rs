//! Data that is read, sent on and handed from one to the next, and what moving it takes.

use serde_json::{Value, json};

use super::draw::{SIZES, fields, inputs, one_more, place, some};
use crate::{dice::Dice, instances::Instance};

pub(super) fn data(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for name in ["d1", "d2"] {
        if name == "d2" && dice.chance(50) {
            continue;
        }
        let mut at = vec![place(made, dice)];
        for _ in 0..dice.int(0, 2) {
            let copy = place(made, dice);
            if !at.contains(&copy) {
                at.push(copy);
            }
        }
        let size = dice.pick(&SIZES);
        made.list("datasets").push(json!({ "name": name, "size": size, "at": at }));
        for index in some(made, dice, 75) {
            let mut input = json!({ "dataset": name });
            if dice.chance(40) {
                input["size"] = json!(dice.pick(&["20Gi", "100Gi", "300Gi"]));
            }
            inputs(made, index).push(input);
        }
    }
}

pub(super) fn bare(made: &mut Instance, dice: &mut Dice) {
    let offers = made.estate["offers"].as_array().map_or(0, Vec::len);
    for index in 0..offers {
        let offer = &mut made.estate["offers"][index];
        match dice.int(0, 3) {
            0 => {
                fields(offer).remove("cloud");
                offer["region"] = json!(dice.pick(&["frankfurt", "lund"]));
            }
            1 => offer["zone"] = json!(format!("{}a", offer["region"].as_str().unwrap_or_default())),
            _ => {}
        }
    }
    made.set("regions", json!([{ "name": "frankfurt", "country": "DE" }]));
    for index in some(made, dice, 60) {
        let to = dice.pick(&["frankfurt", "eu-west-1", "lund", "westus2", "gcp/us-central1"]);
        let size = dice.pick(&SIZES);
        made.workloads[index].1["outputs"] = json!([{ "to": to, "size": size }]);
    }
    let at = dice.pick(&["us-east-1", "lund", "europe-west4"]);
    made.list("datasets").push(json!({ "name": "bare", "size": "80Gi", "at": [at, "frankfurt"] }));
    for index in some(made, dice, 50) {
        inputs(made, index).push(json!({ "dataset": "bare" }));
    }
    let names = ["us-east-1a", "frankfurt", "DE", "lund", "*", "eu-west-1", "azure"];
    for _ in 0..2 {
        let (from, to) = (dice.pick(&names), dice.pick(&names));
        let usd = dice.amount(0.0, 0.2, 4);
        made.list("egress").push(json!({ "from": from, "to": to, "usdPerGb": usd }));
    }
}

pub(super) fn residency(made: &mut Instance, dice: &mut Dice) {
    let places = [json!(["EU"]), json!(["IE", "NL"]), json!("US"), json!(["Europe"]), json!(["DE", "US"])];
    let at = places[dice.below(places.len())].clone();
    if made.estate["datasets"].is_array() && dice.chance(50) {
        made.estate["datasets"][0]["residency"] = at;
    } else {
        for index in some(made, dice, 50) {
            made.workloads[index].1["residency"] = at.clone();
        }
    }
    if dice.chance(30) {
        made.set("regions", json!([{ "name": "azure/westus2", "country": "NL" }]));
    }
}

pub(super) fn outputs(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        let list: Vec<Value> = (0..dice.int(1, 2))
            .map(|_| json!({ "to": place(made, dice), "size": dice.pick(&SIZES) }))
            .collect();
        made.workloads[index].1["outputs"] = json!(list);
    }
}

pub(super) fn workflow(made: &mut Instance, dice: &mut Dice) {
    while made.workloads.len() < 2 || made.workloads.len() < 4 && dice.chance(35) {
        one_more(made, dice, 4);
    }
    let count = made.workloads.len();
    for consumer in 1..count {
        let producers: Vec<usize> = match dice.int(0, 3) {
            0 => vec![0],
            1 if consumer > 1 => vec![consumer - 1, 0],
            _ => vec![consumer - 1],
        };
        for producer in producers {
            let from = made.workloads[producer].0.clone();
            let size = dice.pick(&["0", "10Gi", "120Gi", "700Gi"]);
            inputs(made, consumer).push(json!({ "from": from, "size": size }));
        }
    }
    if dice.chance(30) {
        made.workloads.reverse();
    }
}

pub(super) fn egress_rows(made: &mut Instance, dice: &mut Dice) {
    if made.estate.get("datasets").is_none() && dice.chance(80) {
        data(made, dice);
    }
    let names = ["aws", "us-east-1", "aws/eu-west-1", "EU", "US", "*", "gcp", "IE", "EEA", "Europe", "dc"];
    for _ in 0..dice.int(2, 4) {
        let row = json!({
            "from": dice.pick(&names), "to": dice.pick(&names), "usdPerGb": dice.amount(0.0, 0.2, 4)
        });
        made.list("egress").push(row);
    }
}

pub(super) fn egress_cloud(made: &mut Instance, dice: &mut Dice) {
    if made.estate.get("datasets").is_none() && dice.chance(70) {
        data(made, dice);
    }
    made.set("egressModel", json!("cloud"));
    if dice.chance(50) && made.estate["datasets"].is_array() {
        made.estate["datasets"][0]["size"] = json!(dice.pick(&["11Ti", "60Ti", "400Ti", "900Mi"]));
        made.list("throughput").push(json!({ "from": "*", "to": "*", "gbps": 400 }));
    }
}

pub(super) fn throughput(made: &mut Instance, dice: &mut Dice) {
    if made.estate.get("datasets").is_none() && dice.chance(60) {
        data(made, dice);
    }
    let names = ["aws", "us-east-1", "aws/eu-west-1", "EU", "*", "gcp", "dc"];
    for _ in 0..dice.int(1, 3) {
        let row = json!({
            "from": dice.pick(&names), "to": dice.pick(&names), "gbps": dice.pick(&[0.3, 1.0, 7.3, 25.0])
        });
        made.list("throughput").push(row);
    }
}
