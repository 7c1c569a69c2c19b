//! What a machine costs: discounts, reservations, interruptions, carbon, leaving what runs now.

use serde_json::json;

use super::draw::{matching, offer_name, one_more, some};
use crate::{dice::Dice, instances::Instance};

pub(super) fn spot(made: &mut Instance, dice: &mut Dice) {
    for index in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        if index == 0 || dice.chance(50) {
            let offer = &mut made.estate["offers"][index];
            offer["capacity"] = json!("spot");
            offer["interruptionsPerHour"] = json!(dice.pick(&[0.0, 0.01, 0.05, 0.4, 2.0, 30.0]));
        }
    }
    for index in some(made, dice, 75) {
        let spec = &mut made.workloads[index].1;
        spec["interruptible"] = json!(true);
        if dice.chance(60) {
            let every = dice.pick(&["10m", "30m", "2h"]);
            spec["checkpoint"] = json!({ "every": every, "restart": dice.pick(&["0s", "5m"]) });
        }
    }
    if dice.chance(40) {
        let rule = json!({ "match": matching(made, dice), "perHour": dice.pick(&[0.0, 0.1, 0.7]) });
        made.list("interruptions").push(rule);
    }
}

pub(super) fn carbon_series(made: &mut Instance, dice: &mut Dice) {
    if !made.flags.contains_key("carbonPrice") {
        let price = dice.pick(&[50.0, 185.5, 1000.0, 10_000.0]);
        made.flags.insert("carbonPrice".into(), json!(price));
    }
    for name in ["day.csv", "other.csv"] {
        if made.series.contains_key(name) || name == "other.csv" && dice.chance(40) {
            continue;
        }
        let mut at = dice.pick(&[-120, 0, 30]);
        let mut steps = Vec::new();
        for _ in 0..dice.int(2, 7) {
            steps.push((at, dice.int(20, 800)));
            at += dice.pick(&[60, 60, 60, 45, 100]);
        }
        made.series.insert(name.into(), steps);
        let region = dice.pick(&["aws", "aws/us-east-1", "eu-west-1", "gcp", "EU", "*", "US"]);
        made.list("carbonIntensity").push(json!({ "region": region, "series": name }));
    }
}

pub(super) fn carbon(made: &mut Instance, dice: &mut Dice) {
    carbon_series(made, dice);
    if made.estate.get("sites").is_some() && dice.chance(50) {
        made.list("carbonIntensity").push(json!({ "zone": "DE-grid", "series": "day.csv" }));
        made.estate["sites"][0]["carbon"] = json!({ "zone": "DE-grid" });
    }
}

pub(super) fn price_rules(made: &mut Instance, dice: &mut Dice) {
    for _ in 0..dice.int(1, 3) {
        let rule = if dice.chance(20) {
            json!({ "match": matching(made, dice), "add": dice.pick(&[-0.5, -30.0, 1.25]) })
        } else if dice.chance(60) {
            json!({ "match": matching(made, dice), "multiply": dice.pick(&[0.8, 0.731, 1.1, 0.333_333]) })
        } else {
            json!({ "match": matching(made, dice), "hourly": dice.amount(2.0, 20.0, 4) })
        };
        made.list("prices").push(rule);
    }
}

pub(super) fn reservations(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for _ in 0..dice.int(1, 3) {
        let mut reserved = json!({ "offer": offer_name(made, dice), "count": dice.int(1, 2) });
        if dice.chance(50) {
            reserved["until"] =
                json!(dice.pick(&["2026-11-25T07:30:00Z", "2026-11-25T09:00:00Z", "2026-11-25T05:00:00Z"]));
        }
        if dice.chance(20) {
            reserved["sunk"] = json!(dice.chance(30));
        }
        made.list("reservations").push(reserved);
    }
}

pub(super) fn moves(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        let name = if dice.chance(20) { "gone".into() } else { offer_name(made, dice) };
        if dice.chance(50) {
            made.workloads[index].1["current"] = json!(name);
        }
        if dice.chance(40) {
            let other = offer_name(made, dice);
            let workload = made.workloads[index].0.clone();
            let previous = made.flags.entry("previous").or_insert_with(|| json!({}));
            previous[workload] = json!(other);
        }
        made.workloads[index].1["moveCost"] = json!(dice.amount(0.5, 40.0, 2));
    }
}
