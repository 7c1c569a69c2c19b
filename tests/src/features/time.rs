//! When workloads run: not before, until, in pieces, and what waiting costs.

use serde_json::json;

use super::{draw::some, prices::carbon_series};
use crate::{dice::Dice, instances::Instance};

pub(super) fn earliest(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 60) {
        made.workloads[index].1["earliest"] =
            json!(dice.pick(&["45m", "2h", "2026-11-25T07:10:30Z", "2026-11-25T05:15:00Z"]));
    }
}

pub(super) fn deferral(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 80) {
        let spec = &mut made.workloads[index].1;
        spec["deadline"] = json!(dice.pick(&["5h", "7h", "8h30m", "2026-11-25T12:20:00Z"]));
        if dice.chance(60) {
            spec["slots"] = json!(dice.pick(&["1h", "90m", "2h"]));
        }
    }
}

pub(super) fn pausing(made: &mut Instance, dice: &mut Dice) {
    carbon_series(made, dice);
    for index in some(made, dice, 50) {
        let spec = &mut made.workloads[index].1;
        if spec.get("duration").is_none() {
            continue;
        }
        spec["pausable"] = json!(true);
        spec["duration"] = json!(dice.pick(&["2h", "90m", "150m", "3h"]));
        spec["deadline"] = json!(dice.pick(&["5h", "6h", "6h30m"]));
        if dice.chance(40) {
            spec["slots"] = json!("90m");
        }
    }
}

pub(super) fn delay_price(made: &mut Instance, dice: &mut Dice) {
    let price = dice.amount(0.1, 20.0, 2);
    made.flags.insert("delayPrice".into(), json!(price));
}
