//! What instances are drawn from: offers, workloads, places, and who of them has a feature.

use serde_json::{Map, Value, json};

use crate::{dice::Dice, instances::Instance};

pub(super) const REGIONS: [(&str, &str); 4] =
    [("aws", "us-east-1"), ("aws", "eu-west-1"), ("gcp", "europe-west4"), ("azure", "westus2")];
pub(super) const SIZES: [&str; 6] = ["37Gi", "100Gi", "250Gi", "512Mi", "1200Gi", "3Ti"];
const DURATIONS: [&str; 8] = ["1h", "90m", "2h30m", "3h", "100m", "4h", "77m", "2h"];

pub(super) fn full(region: (&str, &str)) -> String {
    format!("{}/{}", region.0, region.1)
}

/// A few offers in a few regions and a few workloads that fit most of them.
pub(crate) fn base(made: &mut Instance, dice: &mut Dice) {
    made.estate = json!({
        "time": crate::instances::NOW, "catalog": [], "defaults": "none",
        "egress": [{ "from": "*", "to": "*", "usdPerGb": dice.amount(0.01, 0.12, 3) }],
        "latency": [{ "from": "*", "to": "*", "ms": dice.amount(5.0, 90.0, 1) }],
        "carbonIntensity": [{ "region": "*", "gramsPerKwh": dice.amount(30.0, 700.0, 1) }],
    });
    let offers = dice.int(2, 4);
    for index in 0..offers {
        let offer = offer(dice, &format!("o{index}"));
        made.list("offers").push(offer);
    }
    let workloads = dice.int(1, 3);
    for index in 0..workloads {
        let spec = batch(dice);
        made.workloads.push((format!("w{index}"), spec));
    }
}

fn offer(dice: &mut Dice, name: &str) -> Value {
    let region = dice.pick(&REGIONS);
    json!({
        "name": name, "cloud": region.0, "region": region.1,
        "instanceType": dice.pick(&["big", "small"]),
        "accelerator": dice.pick(&["H100", "H100", "A100-80GB"]), "accelerators": dice.pick(&[4, 8]),
        "acceleratorMemory": "80Gi", "cpu": dice.pick(&[32, 64]), "memory": "512Gi",
        "capacity": "on-demand", "hourly": dice.amount(4.0, 30.0, 4),
        "watts": dice.pick(&[3000, 5600, 10_200]), "pue": dice.pick(&[1.1, 1.25]),
    })
}

fn batch(dice: &mut Dice) -> Value {
    let any = if dice.chance(70) { json!(["H100", "A100-80GB"]) } else { json!(["H100"]) };
    let mut spec = json!({
        "request": { "accelerators": { "anyOf": any, "count": dice.pick(&[1, 2, 4, 4]) } },
        "duration": dice.pick(&DURATIONS),
    });
    if dice.chance(30) {
        spec["request"]["cpu"] = json!(dice.pick(&["500m", "8", "31", "32"]));
    }
    if dice.chance(20) {
        spec["request"]["memory"] = json!(dice.pick(&["64Gi", "300Gi", "512Gi"]));
    }
    spec
}

pub(super) fn fields(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("an object")
}

/// Adds one more workload when there is room for it.
pub(super) fn one_more(made: &mut Instance, dice: &mut Dice, most: usize) {
    if made.workloads.len() < most {
        let spec = batch(dice);
        made.workloads.push((format!("w{}", made.workloads.len()), spec));
    }
}

/// Each workload with this chance, the first in any case when none was drawn.
pub(super) fn some(made: &Instance, dice: &mut Dice, percent: i64) -> Vec<usize> {
    let drawn: Vec<usize> = (0..made.workloads.len()).filter(|_| dice.chance(percent)).collect();
    if drawn.is_empty() { vec![dice.below(made.workloads.len())] } else { drawn }
}

pub(super) fn offer_name(made: &Instance, dice: &mut Dice) -> String {
    let names = made.offer_names();
    names[dice.below(names.len())].clone()
}

/// Where offers are, and a place or two where none is.
pub(super) fn place(made: &Instance, dice: &mut Dice) -> String {
    let mut places: Vec<String> = REGIONS.iter().map(|region| full(*region)).collect();
    if made.estate.get("sites").is_some() {
        places.push("dc".into());
        places.push("dc".into());
    }
    places.push("eu-west-1".into());
    places[dice.below(places.len())].clone()
}

/// A rule's match: overlapping ones, often of all.
pub(super) fn matching(made: &Instance, dice: &mut Dice) -> Value {
    let region = dice.pick(&REGIONS);
    match dice.int(0, 9) {
        0 => json!({ "cloud": region.0 }),
        1 => json!({ "region": region.1 }),
        2 => json!({ "region": full(region) }),
        3 => json!({ "accelerator": "h100" }),
        4 => json!({ "capacity": dice.pick(&["on-demand", "spot", "on-prem"]) }),
        7 => json!({ "zone": "us-east-1a" }),
        5 => json!({ "offer": offer_name(made, dice) }),
        6 => json!({ "instanceType": "big", "cloud": region.0 }),
        _ => json!({}),
    }
}

pub(super) fn inputs(made: &mut Instance, workload: usize) -> &mut Vec<Value> {
    let spec = fields(&mut made.workloads[workload].1);
    spec.entry("inputs").or_insert_with(|| json!([])).as_array_mut().expect("a list")
}
