//! What many share and what bounds each: counts, quotas, budgets, and who may be left out.

use serde_json::json;

use super::{
    draw::{REGIONS, full, matching, one_more, some},
    machines::own_nodes,
};
use crate::{dice::Dice, instances::Instance};

pub(super) fn counts(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        if dice.chance(70) {
            made.estate["offers"][offer]["count"] = json!(dice.pick(&[0, 1, 1, 2, 3]));
        }
    }
}

pub(super) fn quotas(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for _ in 0..dice.int(1, 3) {
        let quota = json!({ "match": matching(made, dice), "accelerators": dice.pick(&[4, 8, 12, 16, 20]) });
        made.list("quotas").push(quota);
    }
}

pub(super) fn instance_quotas(made: &mut Instance, dice: &mut Dice) {
    if dice.chance(50) {
        own_nodes(made, dice);
    }
    one_more(made, dice, 3);
    for _ in 0..dice.int(1, 2) {
        let quota = json!({ "match": matching(made, dice), "instances": dice.int(1, 3) });
        made.list("quotas").push(quota);
    }
}

pub(super) fn share_quotas(made: &mut Instance, dice: &mut Dice) {
    if dice.chance(50) {
        own_nodes(made, dice);
    }
    one_more(made, dice, 3);
    for index in some(made, dice, 70) {
        made.workloads[index].1["team"] = json!(dice.pick(&["a", "b"]));
    }
    for index in some(made, dice, 50) {
        made.workloads[index].1["request"]["cpu"] = json!(dice.pick(&["500m", "2", "4"]));
    }
    for _ in 0..dice.int(1, 3) {
        let mut quota = match dice.int(0, 2) {
            0 => json!({ "cpu": dice.pick(&["0", "4", "9500m", "32", "200"]) }),
            1 => json!({ "memory": dice.pick(&["8Gi", "64Gi", "100Gi", "1Ti"]) }),
            _ => json!({ "accelerators": dice.pick(&[1, 2, 4, 8]), "counts": "asked" }),
        };
        quota["match"] = matching(made, dice);
        if dice.chance(50) {
            quota["team"] = json!(dice.pick(&[&["a"][..], &["b"], &["a", "b"]]));
        }
        if dice.chance(40) {
            quota["counts"] = json!("asked");
        }
        made.list("quotas").push(quota);
    }
}

pub(super) fn only(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for index in some(made, dice, 60) {
        made.workloads[index].1["team"] = json!(dice.pick(&["a", "b"]));
    }
    for _ in 0..dice.int(1, 3) {
        let mut entry = json!({ "match": matching(made, dice) });
        if dice.chance(50) {
            entry["match"] = json!({ "cloud": ["aws", "gcp"] });
        }
        if dice.chance(50) {
            entry["team"] = json!(dice.pick(&[&["a"][..], &["a", "b"]]));
        }
        if dice.chance(40) {
            entry["accelerators"] = json!(dice.chance(60));
        }
        made.list("only").push(entry);
    }
}

fn teams(made: &mut Instance, dice: &mut Dice) {
    if made.workloads.iter().any(|(_, spec)| spec.get("team").is_some()) {
        return;
    }
    for (_, spec) in &mut made.workloads {
        if dice.chance(80) {
            spec["team"] = json!(dice.pick(&["red", "red", "plan"]));
        }
    }
}

pub(super) fn budgets(made: &mut Instance, dice: &mut Dice) {
    teams(made, dice);
    for team in ["red", "plan"] {
        let usd = dice.amount(10.0, 120.0, 2);
        made.list("budgets").push(json!({ "team": team, "usd": usd }));
    }
}

pub(super) fn plan_budget(made: &mut Instance, dice: &mut Dice) {
    let usd = dice.amount(20.0, 160.0, 2);
    made.flags.insert("budget".into(), json!(usd));
}

pub(super) fn carbon_budgets(made: &mut Instance, dice: &mut Dice) {
    teams(made, dice);
    let kg = dice.amount(0.5, 20.0, 2);
    made.list("carbonBudgets").push(json!({ "team": "red", "kg": kg }));
    let grams = dice.int(10, 300);
    let region = full(dice.pick(&REGIONS));
    made.list("carbonIntensity").push(json!({ "region": region, "gramsPerKwh": grams }));
}

pub(super) fn max_hourly(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        made.workloads[index].1["maxHourly"] = json!(dice.amount(5.0, 40.0, 2));
    }
}

pub(super) fn max_cost(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        made.workloads[index].1["maxCost"] = json!(dice.amount(10.0, 90.0, 2));
    }
}

pub(super) fn optional(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 3);
    for index in some(made, dice, 60) {
        let spec = &mut made.workloads[index].1;
        spec["value"] = json!(dice.amount(1.0, 90.0, 3));
        if dice.chance(30) {
            spec["required"] = json!(false);
        }
    }
}

pub(super) fn overload(made: &mut Instance, dice: &mut Dice) {
    one_more(made, dice, 4);
    one_more(made, dice, 4);
    for (_, spec) in &mut made.workloads {
        spec["priority"] = json!(dice.pick(&[0, 0, 1, 5, -2]));
    }
    for offer in 0..made.estate["offers"].as_array().map_or(0, Vec::len) {
        made.estate["offers"][offer]["count"] = json!(dice.int(0, 1));
    }
}
