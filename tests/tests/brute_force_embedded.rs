//! Workloads that share nothing, over the whole embedded catalogue and its tables: each on its best offer
//! by exhaustion.

use std::collections::BTreeMap;

use plimsoll_model::{Capacity, Time, Usd};
use plimsoll_planner::plan;
use plimsoll_tests::{
    dice::Dice,
    instances::{Instance, NOW},
    laws::times,
};
use plimsoll_verify::{Checker, Decision, verify};
use serde_json::{Map, Value, json};

const REGIONS: [&str; 6] =
    ["aws/us-east-1", "aws/eu-central-1", "gcp/europe-west4", "azure/westeurope", "gcp/us-central1", "lund"];

fn estate(dice: &mut Dice) -> Value {
    let mut estate = json!({ "time": NOW, "offers": [] });
    if dice.chance(60) {
        estate["sites"] = json!([{ "name": "dc", "near": dice.pick(&REGIONS[..5]), "country": "DE",
            "electricity": 0.21, "nodes": [{ "name": "box", "count": 2, "accelerator": "A100",
            "accelerators": 4, "cpu": 64, "memory": "512Gi", "hourly": dice.amount(1.0, 12.0, 3) }] }]);
    }
    if dice.chance(50) {
        estate["prices"] =
            json!([{ "match": { "cloud": dice.pick(&["aws", "gcp", "azure"]) }, "multiply": 0.7 }]);
    }
    if dice.chance(40) {
        estate["interruptions"] =
            json!([{ "match": { "capacity": "spot", "cloud": "aws" }, "perHour": 0.02 }]);
    }
    if dice.chance(40) {
        estate["egress"] = json!([{ "from": "EU", "to": "*", "usdPerGb": dice.amount(0.0, 0.1, 3) }]);
    }
    if dice.chance(40) {
        estate["regions"] = json!([{ "name": "lund", "country": "SE", "lat": 55.7, "lon": 13.2 },
            { "name": "dc", "lat": 50.1, "lon": 8.7 }]);
    }
    if dice.chance(30) {
        estate["egressModel"] = json!("cloud");
    }
    estate["datasets"] = json!([
        { "name": "images", "size": dice.pick(&["50Gi", "900Gi", "20Ti"]),
          "at": [dice.pick(&REGIONS[..5]), dice.pick(&REGIONS[..5])] }
    ]);
    estate
}

fn workload(dice: &mut Dice, reads: bool, lund: bool) -> Value {
    let accelerators = match dice.int(0, 5) {
        0 => json!({ "anyOf": ["H100"], "count": 8 }),
        1 => json!({ "anyOf": ["A100", "A100-80GB"], "count": dice.pick(&[1, 2, 4]) }),
        2 => json!({ "anyOf": ["L4", "T4", "a10g"] }),
        3 => json!({ "kind": "tpu" }),
        4 => json!({ "kind": "gpu", "count": 2, "memory": "70Gi" }),
        _ => json!({ "kind": dice.pick(&["fpga", "npu"]) }),
    };
    let mut spec = json!({
        "request": { "accelerators": accelerators },
        "duration": dice.pick(&["90m", "6h", "100m"]),
        "interruptible": dice.chance(60), "checkpoint": { "every": "30m", "restart": "5m" },
    });
    if dice.chance(25) {
        spec["request"] = json!({ "cpu": dice.pick(&["2", "16"]), "memory": "8Gi" });
    }
    if dice.chance(30) {
        spec["replicas"] = json!(dice.int(2, 5));
    }
    if reads {
        spec["inputs"] = json!([{ "dataset": "images" }]);
    }
    if dice.chance(30) {
        spec["outputs"] = json!([{ "to": dice.pick(&REGIONS), "size": "70Gi" }]);
    }
    if dice.chance(40) {
        let known = if lund { &REGIONS[..] } else { &REGIONS[..5] };
        spec["clients"] =
            json!([{ "region": dice.pick(known), "share": 0.7 }, { "region": dice.pick(known) }]);
        spec["latency"] = if dice.chance(50) {
            json!({ "p99": "90ms" })
        } else {
            json!({ "price": dice.amount(0.0, 0.02, 4) })
        };
    }
    if dice.chance(40) {
        spec["residency"] = json!(dice.pick(&["EU", "US", "EEA", "Asia"]));
    }
    if dice.chance(25) {
        spec["deadline"] = json!("11h");
    }
    if dice.chance(25) {
        spec["speed"] = json!({ "H100": 2.2, "A100": 1.0, "A100-80GB": 1.1, "L4": 0.4, "cpu": 1.0 });
    }
    spec
}

fn draw(seed: u64) -> Instance {
    let mut dice = Dice::new(seed, &[]);
    let estate = estate(&mut dice);
    let reads = dice.chance(70);
    let lund = estate.get("regions").is_some();
    let workloads = vec![
        ("one".into(), workload(&mut dice, reads, lund)),
        ("two".into(), workload(&mut dice, false, lund)),
    ];
    let mut flags = Map::new();
    if dice.chance(60) {
        flags.insert("carbonPrice".into(), json!(dice.pick(&[50, 400, 3000])));
    }
    if dice.chance(40) {
        flags.insert("delayPrice".into(), json!(dice.amount(0.1, 30.0, 2)));
    }
    Instance { seed, features: Vec::new(), estate, workloads, series: BTreeMap::new(), flags }
}

#[test]
fn every_workload_is_on_its_best_offer() {
    let mut failures = Vec::new();
    for seed in 0..2 * u64::from(times()) {
        let made = draw(seed);
        if let Err(what) = check(&made) {
            failures.push(format!("{what}\n{}", made.dump()));
        }
    }
    let total = failures.len();
    failures.truncate(5);
    assert!(failures.is_empty(), "{total} are wrong:\n{}", failures.join("\n"));
}

fn check(made: &Instance) -> Result<(), String> {
    let inputs = made.inputs();
    let plan =
        plan(&inputs, &made.settings(&inputs), None, &mut |_| {}).map_err(|error| error.to_string())?;
    let wrong: Vec<String> = verify(&plan, &inputs).iter().map(ToString::to_string).collect();
    if !wrong.is_empty() {
        return Err(wrong.join("; "));
    }
    let flags = &plan.inputs.flags;
    let checker = Checker::new(&inputs, flags);
    let offers = checker.offers();
    for (workload, document) in inputs.workloads.iter().enumerate() {
        let placed = plan.placements.iter().find(|placed| placed.workload == document.metadata.name);
        let hours = document.spec.duration.expect("every workload drawn has one").hours();
        let fastest =
            document.spec.speed.iter().flatten().map(|(_, speed)| speed.to_f64()).fold(1.0, f64::max);
        let mut best: Option<(Usd, String, Time)> = None;
        for (index, spec) in offers.iter().enumerate() {
            let offer = &spec.full_name();
            // A whole instance alone costs more than the plan; where nothing is placed some have to do.
            let dear = spec.capacity != Capacity::OnPrem
                && placed.is_some_and(|placed| {
                    spec.hourly.to_f64() * hours / fastest > placed.usd.total.to_f64() + 0.001
                });
            if dear || placed.is_none() && index % 7 > 0 {
                continue;
            }
            let starts = checker.possible_starts(&[], workload, offer);
            for start in starts {
                let decision =
                    Decision { workload, offer: offer.clone(), start, runs: Vec::new(), nodes: None };
                let evaluation = checker.evaluate(std::slice::from_ref(&decision));
                if !evaluation.violations.is_empty() {
                    break;
                }
                let total = evaluation.placements[0].usd.total;
                if best.as_ref().is_none_or(|best| total < best.0) {
                    best = Some((total, offer.clone(), start));
                }
            }
        }
        match (placed, &best) {
            (None, None) => {}
            (Some(placed), Some((total, ..)))
                if (placed.usd.total.to_micro() - total.to_micro()).abs() <= 2 => {}
            (placed, best) => {
                let shown = placed.map(|placed| (placed.offer.full_name(), placed.start, &placed.usd));
                return Err(format!("{} is on {shown:?}, the best is {best:?}", document.metadata.name));
            }
        }
    }
    Ok(())
}
