//! What runs for the horizon, and the latency to its clients.

use serde_json::json;

use super::draw::{fields, place, some};
use crate::{dice::Dice, instances::Instance};

pub(super) fn services(made: &mut Instance, dice: &mut Dice) {
    made.set("horizon", json!(dice.pick(&["24h", "5h", "90m"])));
    for index in some(made, dice, 60) {
        fields(&mut made.workloads[index].1).remove("duration");
    }
}

fn clients(made: &mut Instance, dice: &mut Dice, index: usize) {
    if dice.chance(60) {
        fields(&mut made.workloads[index].1).remove("duration");
    }
    let mut list = vec![json!({ "region": place(made, dice) })];
    if dice.chance(60) {
        list[0]["share"] = json!(dice.pick(&[0.7, 3.0, 0.35]));
        list.push(json!({ "region": place(made, dice), "share": dice.pick(&[0.3, 0.0, 1.0]) }));
    }
    made.workloads[index].1["clients"] = json!(list);
    for _ in 0..dice.int(1, 3) {
        let from = dice.pick(&["aws", "us-east-1", "aws/eu-west-1", "EU", "US", "*", "gcp", "IE"]);
        let to = dice.pick(&["gcp/europe-west4", "aws", "aws/us-east-1", "Europe", "*", "eu-west-1"]);
        let ms = dice.amount(1.0, 150.0, 2);
        made.list("latency").push(json!({ "from": from, "to": to, "ms": ms }));
    }
}

pub(super) fn latency_price(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 50) {
        clients(made, dice, index);
        made.workloads[index].1["latency"] = json!({ "price": dice.amount(0.001, 0.2, 4) });
    }
}

pub(super) fn latency_bound(made: &mut Instance, dice: &mut Dice) {
    for index in some(made, dice, 50) {
        clients(made, dice, index);
        made.workloads[index].1["latency"] = json!({ "p99": dice.pick(&["40ms", "60ms", "100ms", "12ms"]) });
    }
}
