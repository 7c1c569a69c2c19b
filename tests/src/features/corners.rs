//! Ties, zeros, figures that are missing.

use serde_json::{Value, json};

use super::draw::{fields, some};
use crate::{dice::Dice, instances::Instance};

pub(super) fn ties(made: &mut Instance, dice: &mut Dice) {
    let mut twin = made.estate["offers"][0].clone();
    twin["name"] = json!("twin");
    if dice.chance(50) {
        twin["region"] = json!("eu-west-1");
        twin["cloud"] = json!("aws");
    }
    made.list("offers").push(twin);
    if made.workloads.len() < 4 {
        let spec = made.workloads[0].1.clone();
        made.workloads.push((format!("w{}", made.workloads.len()), spec));
    }
}

pub(super) fn zeros(made: &mut Instance, dice: &mut Dice) {
    let offers = made.estate["offers"].as_array().map_or(1, Vec::len);
    made.estate["offers"][dice.below(offers)]["hourly"] = json!(0);
    if dice.chance(20) {
        made.estate["offers"][dice.below(offers)]["watts"] = json!(0);
    }
    for index in some(made, dice, 40) {
        let spec = &mut made.workloads[index].1;
        match dice.int(0, 5) {
            0 => spec["maxCost"] = json!(0),
            1 => spec["deadline"] = json!("2026-11-25T05:00:00Z"),
            2 => spec["value"] = json!(0),
            3 => spec["duration"] = json!("1s"),
            4 => spec["moveCost"] = json!(0),
            _ => spec["maxHourly"] = json!(0),
        }
    }
    if let Some(budget) = made.estate.get_mut("budgets").filter(|_| dice.chance(50)) {
        budget[0]["usd"] = json!(0);
    }
    // The same data twice, in parts.
    for (_, spec) in &mut made.workloads {
        if let Some(list) = spec.get_mut("inputs").and_then(Value::as_array_mut)
            && list[0].get("dataset").is_some()
            && dice.chance(50)
        {
            let mut again = list[0].clone();
            again["size"] = json!("300Gi");
            list.push(again);
        }
    }
}

pub(super) fn missing(made: &mut Instance, dice: &mut Dice) {
    // Only where no price needs them.
    let needed = made.flags.contains_key("carbonPrice") || made.estate.get("carbonBudgets").is_some();
    if needed {
        return;
    }
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        let offer = fields(&mut made.estate["offers"][offer]);
        if dice.chance(50) {
            offer.remove("watts");
        }
        if dice.chance(50) {
            offer.remove("pue");
        }
    }
    made.set("carbonIntensity", json!([{ "region": "aws", "gramsPerKwh": 300 }]));
    for site in made.estate.get_mut("sites").and_then(Value::as_array_mut).into_iter().flatten() {
        fields(site).remove("carbon");
    }
}
