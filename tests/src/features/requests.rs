//! What workloads ask for: replicas, speeds, types, places, capacity, other ways to run.

use serde_json::{Map, Value, json};

use super::{
    draw::{REGIONS, full, one_more, some},
    machines::own_nodes,
};
use crate::{dice::Dice, instances::Instance};

pub(super) fn replicas(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 70) {
        let spec = &mut made.workloads[index].1;
        spec["replicas"] = json!(dice.int(2, 5));
        if dice.chance(60) && spec["request"].get("accelerators").is_some_and(|a| a["count"] != 4) {
            spec["request"]["cpu"] = json!(dice.pick(&["7", "11", "16"]));
        }
    }
}

pub(super) fn speeds(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 70) {
        let mut speed = Map::new();
        speed.insert("h100".into(), json!(dice.pick(&[1.0, 1.7, 2.0, 3.0])));
        for key in ["A100-80GB", "small", "big", "cpu", "tin"] {
            if dice.chance(60) {
                speed.insert(key.into(), json!(dice.pick(&[1.0, 0.7, 0.33, 1.3])));
            }
        }
        made.workloads[index].1["speed"] = Value::Object(speed);
    }
}

pub(super) fn type_only(made: &mut Instance, dice: &mut Dice) {
    if dice.chance(50) {
        own_nodes(made, dice);
        made.estate["sites"][0]["nodes"][0]["instanceType"] = json!("big");
    }
    for index in some(made, dice, 50) {
        let spec = &mut made.workloads[index].1;
        spec["request"] = json!({ "instanceType": dice.pick(&["big", "small"]) });
        if dice.chance(40) {
            spec["replicas"] = json!(dice.int(1, 3));
        }
    }
}

pub(super) fn filters(made: &mut Instance, dice: &mut Dice) {
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        if dice.chance(40) {
            made.estate["offers"][offer]["zone"] = json!(dice.pick(&["us-east-1a", "z2"]));
        }
    }
    for index in some(made, dice, 70) {
        let region = full(dice.pick(&REGIONS));
        let spec = &mut made.workloads[index].1;
        match dice.int(0, 6) {
            0 => spec["regions"] = json!([region, "us-east-1", "dc"]),
            1 => spec["clouds"] = json!(["aws", "gcp"]),
            2 => spec["zones"] = json!(["us-east-1a", "z2"]),
            3 => spec["notIn"] = json!(dice.pick(&["aws", "eu", "us-east-1a", "gcp/europe-west4"])),
            4 => spec["regions"] = json!("EU"),
            5 => spec["request"]["notInstanceType"] = json!([dice.pick(&["big", "tin"]), "none"]),
            _ => spec["request"]["instanceType"] = json!(["big", "tin"]),
        }
    }
}

pub(super) fn capacities(made: &mut Instance, dice: &mut Dice) {
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        if dice.chance(50) {
            let offer = &mut made.estate["offers"][offer];
            offer["capacity"] = json!(dice.pick(&["reserved", "spot", "on-prem"]));
            offer["interruptionsPerHour"] = json!(0.07);
        }
    }
    for index in some(made, dice, 60) {
        let spec = &mut made.workloads[index].1;
        spec["interruptible"] = json!(dice.chance(60));
        if dice.chance(60) {
            spec["capacity"] = json!(["on-demand", dice.pick(&["reserved", "spot", "on-prem"])]);
        }
    }
}

pub(super) fn alternatives(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for index in some(made, dice, 80) {
        let ways: Vec<Value> = (0..dice.int(1, 3)).map(|_| another_way(dice)).collect();
        let spec = &mut made.workloads[index].1;
        spec["alternatives"] = json!(ways);
        if dice.chance(40) {
            // The workload's own way admits little.
            spec["regions"] = json!([full(dice.pick(&REGIONS))]);
        }
        if dice.chance(40) {
            spec["replicas"] = json!(dice.int(2, 4));
            spec["perInstance"] = json!(dice.int(1, 2));
        }
    }
}

pub(super) fn ordered(made: &mut Instance, dice: &mut Dice) {
    if dice.chance(70) {
        // So that not everyone has their first way.
        for index in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
            if dice.chance(60) {
                made.estate["offers"][index]["count"] = json!(dice.int(0, 2));
            }
        }
    }
    if made.workloads.iter().all(|(_, spec)| spec.get("alternatives").is_none()) {
        alternatives(made, dice);
    }
    for (_, spec) in &mut made.workloads {
        let optional = spec.get("value").is_some() || spec["required"] == json!(false);
        if spec.get("alternatives").is_some() && !optional && dice.chance(80) {
            spec["ordered"] = json!(true);
        }
    }
}

pub(super) fn together(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    let area = dice.pick(&["region", "region", "cloud", "zone"]);
    if area == "zone" {
        for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
            if dice.chance(60) {
                made.estate["offers"][offer]["zone"] = json!(dice.pick(&["us-east-1a", "z2"]));
            }
        }
    }
    let mut others = Vec::new();
    for index in some(made, dice, 80) {
        made.workloads[index].1["together"] = if area == "region" && dice.chance(50) {
            json!({ "name": "a" })
        } else {
            json!({ "name": "a", "in": area })
        };
        others.push(index);
    }
    if others.len() > 3 && dice.chance(50) {
        for index in &others[2..] {
            made.workloads[*index].1["together"] = json!({ "name": "b", "in": "cloud" });
        }
    }
}

fn another_way(dice: &mut Dice) -> Value {
    let mut way = json!({});
    let count = dice.pick(&[1, 2, 4]);
    match dice.int(0, 6) {
        0 => way["request"] = json!({ "accelerators": { "anyOf": ["H100"], "count": count } }),
        1 => way["request"] = json!({ "accelerators": { "kind": "gpu", "count": count }, "cpu": 7 }),
        2 => way["request"] = json!({ "cpu": dice.pick(&["500m", "3", "11"]), "memory": "20Gi" }),
        3 => way["request"] = json!({ "instanceType": ["big", "tin"] }),
        4 => way["request"] = json!({ "cpu": 3, "notInstanceType": ["big", "tin"] }),
        5 => way["notIn"] = json!(dice.pick(&["aws", "EU", "us-east-1", "dc"])),
        _ => way["regions"] = json!([]),
    }
    if dice.chance(40) {
        way["regions"] = json!(dice.pick(&["aws", "EU", "us-east-1", "dc"]));
    }
    if dice.chance(30) {
        way["capacity"] = json!(["on-demand", dice.pick(&["reserved", "spot", "on-prem"])]);
    }
    if dice.chance(20) {
        way["maxHourly"] = json!(dice.amount(1.0, 9.0, 2));
    }
    way
}
