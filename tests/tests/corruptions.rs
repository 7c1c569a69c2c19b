//! Plans of real instances, corrupted in one place of their JSON at a time: `verify` must tell each.

use std::collections::BTreeMap;

use plimsoll_model::Plan;
use plimsoll_planner::plan;
use plimsoll_tests::{
    dice::Dice,
    features::Feature,
    instances::{Instance, instance},
};
use plimsoll_verify::verify;
use serde_json::{Value, json};

/// Changes a plan, or says that it has nothing to change.
type Corruption = fn(&mut Value, &Instance, &mut Dice) -> Option<()>;

const CORRUPTIONS: &[(&str, Corruption)] = &[
    ("compute is a micro-dollar more", |plan, _, dice| cook(plan, dice, "compute")),
    ("egress is a micro-dollar more", |plan, _, dice| cook(plan, dice, "egress")),
    ("carbon is two micro-dollars more", |plan, _, dice| cook(plan, dice, "carbon")),
    ("risk is two micro-dollars more", |plan, _, dice| cook(plan, dice, "risk")),
    ("delay is a micro-dollar more", |plan, _, dice| cook(plan, dice, "delay")),
    ("latency is two micro-dollars more", |plan, _, dice| cook(plan, dice, "latency")),
    ("move is a micro-dollar more", |plan, _, dice| cook(plan, dice, "move")),
    ("a part alone is more", |plan, _, dice| nudge(&mut placed(plan, dice)?["usd"]["compute"])),
    ("a total alone is more", |plan, _, dice| nudge(&mut placed(plan, dice)?["usd"]["total"])),
    ("the objective's total is more", |plan, _, _| nudge(&mut plan["objective"]["totalUsd"])),
    ("a part of the objective is more", |plan, _, _| nudge(&mut plan["objective"]["parts"]["compute"])),
    ("value forgone is more", |plan, _, _| {
        nudge(&mut plan["objective"]["parts"]["valueForgone"])?;
        shift_objective(plan)
    }),
    ("carbon of a placement", |plan, _, dice| scale(&mut placed(plan, dice)?["carbonKg"])),
    ("carbon of the plan", |plan, _, _| scale(&mut plan["carbonKg"])),
    ("energy of the plan", |plan, _, _| scale(&mut plan["energyKwh"])),
    ("carbon is null", |plan, _, dice| nullify(&mut placed(plan, dice)?["carbonKg"])),
    ("an instance more", |plan, _, dice| add(&mut placed(plan, dice)?["instances"], 1.0)),
    ("a replica more on an instance", |plan, _, dice| bump(&mut placed(plan, dice)?["replicasPerInstance"])),
    ("the start is a second later", |plan, _, dice| later(&mut placed(plan, dice)?["start"])),
    ("start and end are a second later", |plan, _, dice| {
        let placed = placed(plan, dice)?;
        placed.get("runs").is_none().then_some(())?;
        later(&mut placed["start"])?;
        later(&mut placed["end"])
    }),
    ("the end is a second later", |plan, _, dice| later(&mut placed(plan, dice)?["end"])),
    ("a run ends later", |plan, _, dice| later(&mut paused(plan, dice)?[0]["end"])),
    ("a run is missing", |plan, _, dice| paused(plan, dice)?.pop().map(drop)),
    ("the hourly price", |plan, _, dice| nudge(&mut placed(plan, dice)?["offer"]["hourly"])),
    ("the list price", |plan, _, dice| nudge(&mut placed(plan, dice)?["offer"]["listHourly"])),
    ("another region", |plan, _, dice| put(&mut placed(plan, dice)?["offer"]["region"], "mars")),
    ("another cloud", |plan, _, dice| put(&mut placed(plan, dice)?["offer"]["cloud"], "heaven")),
    ("another accelerator", |plan, _, dice| put(&mut placed(plan, dice)?["offer"]["accelerator"], "V100")),
    ("another machine type", |plan, _, dice| put(&mut placed(plan, dice)?["offer"]["instanceType"], "odd")),
    ("other watts", |plan, _, dice| add(&mut placed(plan, dice)?["offer"]["watts"], 1.0)),
    ("another count", |plan, _, dice| bump(&mut placed(plan, dice)?["offer"]["count"])),
    ("an offer that does not exist", |plan, _, dice| put(&mut placed(plan, dice)?["offer"]["name"], "none")),
    ("offers exchanged", |plan, _, _| {
        let list = plan["placements"].as_array_mut()?;
        let at = (1..list.len()).find(|at| list[*at]["offer"]["name"] != list[0]["offer"]["name"])?;
        let (first, other) = (list[0]["offer"].clone(), list[at]["offer"].clone());
        (list[0]["offer"], list[at]["offer"]) = (other, first);
        Some(())
    }),
    ("a workload that does not exist", |plan, _, dice| put(&mut placed(plan, dice)?["workload"], "nobody")),
    ("a placement is missing", |plan, _, dice| {
        let list = plan["placements"].as_array_mut().filter(|list| !list.is_empty())?;
        let at = dice.below(list.len());
        list.remove(at);
        Some(())
    }),
    ("a placement is there twice", |plan, _, _| {
        let list = plan["placements"].as_array_mut()?;
        let first = list.first()?.clone();
        list.insert(0, first);
        Some(())
    }),
    ("placements out of order", |plan, _, _| {
        let list = plan["placements"].as_array_mut().filter(|list| list.len() > 1)?;
        list.reverse();
        Some(())
    }),
    ("placed and unplaced", |plan, _, dice| {
        let name = placed(plan, dice)?["workload"].clone();
        let entry = json!({ "workload": name, "reason": "", "causes": [], "filtered": {}, "nearest": null });
        plan["unplaced"].as_array_mut()?.push(entry);
        Some(())
    }),
    ("left out without a word", |plan, _, _| plan["unplaced"].as_array_mut()?.pop().map(drop)),
    ("an unknown one is left out", |plan, _, _| {
        put(&mut plan["unplaced"].as_array_mut()?.first_mut()?["workload"], "nobody")
    }),
    ("the nearest offer does not exist", |plan, _, _| {
        plan["unplaced"].as_array_mut()?.first_mut()?["nearest"] = json!("none");
        Some(())
    }),
    ("no offer is nearest", |plan, _, _| {
        let unplaced = left_out(plan)?;
        unplaced["causes"].as_array()?.first()?["relaxBy"].as_f64()?;
        unplaced["nearest"] = Value::Null;
        Some(())
    }),
    ("it costs less than it does", |plan, made, _| {
        // Of some ways to run the checker tries not all.
        let untried = |feature: &Feature| matches!(feature, Feature::Alternatives | Feature::Pausing);
        (!made.features.iter().any(untried)).then_some(())?;
        let mut left_out = plan["unplaced"].as_array_mut()?.iter_mut();
        let unplaced =
            left_out.find(|one| one["reason"].as_str().is_some_and(|why| why.starts_with("it costs")))?;
        add(&mut unplaced["costUsd"], -0.01)
    }),
    ("all causes together or not", |plan, _, _| {
        let unplaced = left_out(plan)?;
        let amounts = unplaced["causes"].as_array()?.iter().all(|cause| !cause["relaxBy"].is_null());
        let together = unplaced["together"].as_bool().unwrap_or_default();
        (amounts && !unplaced["causes"].as_array()?.is_empty()).then_some(())?;
        unplaced["together"] = json!(!together);
        Some(())
    }),
    ("a cause gives a negative amount", |plan, _, _| {
        cause(plan)?["relaxBy"] = json!(-1);
        Some(())
    }),
    ("no causes", |plan, _, _| {
        let unplaced = left_out(plan)?;
        // Where it fits and costs too much, not every rule that keeps it from cheaper offers is tried.
        unplaced["costUsd"].is_null().then_some(())?;
        let causes = unplaced["causes"].as_array_mut()?;
        (!causes.is_empty()).then(|| causes.clear())
    }),
    ("a cause gives more", |plan, _, _| {
        let by = &mut cause(plan)?["relaxBy"];
        by.as_f64()?;
        add(by, 1.0)
    }),
    ("a cause gives and needs more", |plan, _, _| {
        let cause = cause(plan)?;
        cause["needs"].as_f64()?;
        (cause["unit"] != "bytes").then_some(())?;
        add(&mut cause["relaxBy"], 1.0)?;
        add(&mut cause["needs"], 1.0)
    }),
    ("a cause has another limit", |plan, _, _| {
        let cause = cause(plan)?;
        cause["relaxBy"].as_f64()?;
        add(&mut cause["has"], 1.0)
    }),
    ("a cause needs less", |plan, _, _| {
        let cause = cause(plan)?;
        cause["relaxBy"].as_f64()?;
        add(&mut cause["needs"], -0.01)
    }),
    ("a cause is about nothing", |plan, _, _| {
        let cause = cause(plan)?;
        cause["relaxBy"].as_f64()?;
        (cause["constraint"] == "count" || cause["constraint"] == "quota").then_some(())?;
        put(&mut cause["name"], "nothing")
    }),
    ("a producer that is placed", |plan, _, _| {
        let placed = plan["placements"].as_array()?.first()?["workload"].clone();
        let cause = cause(plan)?;
        *cause = json!({ "constraint": "producer", "name": placed, "needs": "placed", "has": "left out",
            "relaxBy": null, "unit": null });
        Some(())
    }),
    ("a cause in bananas", |plan, _, _| {
        cause(plan)?["unit"] = json!("bananas");
        Some(())
    }),
    ("an offer more is excluded", |plan, _, _| {
        let filtered = left_out(plan)?["filtered"].as_object_mut()?;
        bump(filtered.values_mut().next()?)
    }),
    ("nothing is excluded", |plan, _, _| {
        let filtered = left_out(plan)?["filtered"].as_object_mut()?;
        (!filtered.is_empty()).then(|| filtered.clear())
    }),
    ("excluded by another constraint", |plan, _, _| {
        let filtered = left_out(plan)?["filtered"].as_object_mut()?;
        let (by, count) = filtered.iter().next().map(|(by, count)| (by.clone(), count.clone()))?;
        let other = if filtered.contains_key("risk") { "notIn" } else { "risk" };
        filtered.insert(other.to_owned(), count);
        filtered.remove(&by).map(drop)
    }),
    ("an assumption is missing", |plan, _, dice| {
        let list = plan["assumptions"].as_array_mut()?;
        // Of what moves nothing, nothing has to be said.
        list.retain(|one| !one["what"].as_str().is_some_and(|what| what.contains(" from ")));
        let at = dice.below(list.len().max(1));
        (!list.is_empty()).then(|| drop(list.remove(at)))
    }),
    ("an assumption is stated twice", |plan, _, dice| {
        let list = plan["assumptions"].as_array_mut()?;
        let twice = list.get(dice.below(list.len().max(1)))?.clone();
        list.push(twice);
        Some(())
    }),
    ("an assumption of another value", |plan, _, dice| {
        let value = &mut assumption(plan, dice)?["value"];
        *value = json!(format!("1{}", value.as_str()?));
        Some(())
    }),
    ("an assumption from elsewhere", |plan, _, dice| put(&mut assumption(plan, dice)?["source"], "hearsay")),
    ("an assumption of another day", |plan, _, dice| {
        assumption(plan, dice)?["asOf"] = json!("1999-12-31");
        Some(())
    }),
    ("an assumption about something else", |plan, _, dice| {
        put(&mut assumption(plan, dice)?["what"], "PUE of the moon")
    }),
    ("a transfer is missing", |plan, _, dice| {
        // One of no bytes moves nothing.
        let list = transfers(plan, dice)?;
        let at = list.iter().position(|transfer| transfer["size"] != 0)?;
        list.remove(at);
        Some(())
    }),
    ("a transfer is dearer", |plan, _, dice| nudge(&mut transfers(plan, dice)?[0]["usd"])),
    ("a transfer is larger", |plan, _, dice| bump(&mut transfers(plan, dice)?[0]["size"])),
    ("a transfer takes longer", |plan, _, dice| scale(&mut transfers(plan, dice)?[0]["hours"])),
    ("a transfer comes from elsewhere", |plan, _, dice| put(&mut transfers(plan, dice)?[0]["from"], "mars")),
    ("a transfer of something else", |plan, _, dice| put(&mut transfers(plan, dice)?[0]["what"], "ether")),
    ("a node that does not exist", |plan, _, dice| put(&mut nodes(plan, dice)?[0]["node"], "box/77")),
    ("a replica more on a node", |plan, _, dice| bump(&mut nodes(plan, dice)?[0]["replicas"])),
    ("a device that does not exist", |plan, _, dice| {
        nodes(plan, dice)?[0].get_mut("devices")?[0] = json!(99);
        Some(())
    }),
    ("a device is missing", |plan, _, dice| {
        nodes(plan, dice)?[0].get_mut("devices")?.as_array_mut()?.pop().map(drop)
    }),
    ("no nodes on own machines", |plan, _, dice| {
        nodes(plan, dice)?.clear();
        Some(())
    }),
    ("another status", |plan, _, _| {
        let other = if plan["status"] == "optimal" { "feasible" } else { "optimal" };
        put(&mut plan["status"], other)
    }),
    ("a bound above the total", |plan, _, _| {
        plan["objective"]["boundUsd"].as_f64()?;
        plan["objective"]["boundUsd"] = json!(plan["objective"]["totalUsd"].as_f64()? + 1.0);
        Some(())
    }),
    ("another gap", |plan, _, _| {
        plan["objective"]["gap"].as_f64()?;
        plan["objective"]["gap"] = json!(0.25);
        Some(())
    }),
    ("a bound although required workloads are left out", |plan, _, _| {
        plan["objective"]["boundUsd"].is_null().then_some(())?;
        plan["objective"]["boundUsd"] = json!(0);
        Some(())
    }),
    ("another moment", |plan, _, _| {
        plan["placements"].as_array()?.first()?;
        later(&mut plan["inputs"]["flags"]["now"])
    }),
    ("a budget below what is spent", |plan, _, dice| {
        let spent = placed(plan, dice)?["usd"]["compute"].as_f64().filter(|usd| *usd > 0.0)?;
        plan["inputs"]["flags"]["budget"] = json!(spent / 2.0);
        Some(())
    }),
    ("reproducible or not", |plan, _, _| {
        plan["reproducible"] = json!(!plan["reproducible"].as_bool()?);
        Some(())
    }),
    ("a time limit", |plan, _, _| {
        plan["inputs"]["flags"]["timeLimit"] = json!("5s");
        Some(())
    }),
    ("another objective", |plan, _, _| put(&mut plan["inputs"]["flags"]["objective"], "time")),
    ("an unknown objective", |plan, _, _| put(&mut plan["inputs"]["flags"]["objective"], "fame")),
    ("another date of the catalogue", |plan, _, _| {
        plan["inputs"]["catalogDate"] = json!("1999-12-31");
        Some(())
    }),
    ("another seed", |plan, _, _| bump(&mut plan["solver"]["seed"])),
    ("other documents", |plan, _, _| put(&mut plan["inputs"]["digest"], "d2")),
    ("a runner-up that is dearer than it says", |plan, _, dice| {
        let second = placed(plan, dice)?.get_mut("runnerUp").filter(|second| second.is_object())?;
        nudge(&mut second["extraUsd"])
    }),
    ("a runner-up that is the offer itself", |plan, _, dice| {
        let placed = placed(plan, dice)?;
        let name = placed["offer"]["name"].clone();
        placed.get_mut("runnerUp").filter(|second| second.is_object())?["offer"] = name;
        Some(())
    }),
];

fn placed<'p>(plan: &'p mut Value, dice: &mut Dice) -> Option<&'p mut Value> {
    let list = plan["placements"].as_array_mut().filter(|list| !list.is_empty())?;
    let at = dice.below(list.len());
    Some(&mut list[at])
}

/// Some placement's list under a field, when one has it.
fn listed<'p>(plan: &'p mut Value, dice: &mut Dice, field: &str) -> Option<&'p mut Vec<Value>> {
    let list = plan["placements"].as_array_mut()?;
    let has =
        |placed: &Value| placed.get(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let with: Vec<usize> = (0..list.len()).filter(|at| has(&list[*at])).collect();
    let at = *with.get(dice.below(with.len().max(1)))?;
    list[at][field].as_array_mut()
}

fn transfers<'p>(plan: &'p mut Value, dice: &mut Dice) -> Option<&'p mut Vec<Value>> {
    listed(plan, dice, "transfers")
}

fn nodes<'p>(plan: &'p mut Value, dice: &mut Dice) -> Option<&'p mut Vec<Value>> {
    listed(plan, dice, "nodes")
}

fn paused<'p>(plan: &'p mut Value, dice: &mut Dice) -> Option<&'p mut Vec<Value>> {
    listed(plan, dice, "runs")
}

fn assumption<'p>(plan: &'p mut Value, dice: &mut Dice) -> Option<&'p mut Value> {
    let list = plan["assumptions"].as_array_mut()?;
    let at = dice.below(list.len().max(1));
    list.get_mut(at)
}

/// The first workload that is left out.
fn left_out(plan: &mut Value) -> Option<&mut Value> {
    plan["unplaced"].as_array_mut()?.first_mut()
}

fn cause(plan: &mut Value) -> Option<&mut Value> {
    plan["unplaced"].as_array_mut()?.iter_mut().find_map(|one| one["causes"].as_array_mut()?.first_mut())
}

fn add(value: &mut Value, by: f64) -> Option<()> {
    *value = json!(value.as_f64()? + by);
    Some(())
}

/// A micro-dollar more, in decimals as money is written.
fn nudge(value: &mut Value) -> Option<()> {
    let micros = (value.as_f64()? * 1e6).round() + 1.0;
    *value = json!(micros / 1e6);
    Some(())
}

fn bump(value: &mut Value) -> Option<()> {
    *value = json!(value.as_u64()? + 1);
    Some(())
}

/// A thousandth more.
fn scale(value: &mut Value) -> Option<()> {
    *value = json!(value.as_f64().filter(|figure| *figure > 0.0)? * 1.001);
    Some(())
}

fn nullify(value: &mut Value) -> Option<()> {
    value.as_f64()?;
    *value = Value::Null;
    Some(())
}

fn put(value: &mut Value, text: &str) -> Option<()> {
    value.as_str()?;
    *value = json!(text);
    Some(())
}

fn later(value: &mut Value) -> Option<()> {
    let time: plimsoll_model::Time = value.as_str()?.parse().ok()?;
    *value = json!(plimsoll_model::Time::from_nanos(time.nanos() + 1_000_000_000).to_string());
    Some(())
}

/// A micro-dollar more in a part, and in every sum that counts it.
fn cook(plan: &mut Value, dice: &mut Dice, part: &str) -> Option<()> {
    // What comes from floats may round either way at a tie.
    let times = if matches!(part, "carbon" | "risk" | "latency") { 2 } else { 1 };
    let at = dice.below(plan["placements"].as_array()?.len().max(1));
    for _ in 0..times {
        let usd = &mut plan["placements"].get_mut(at)?["usd"];
        nudge(&mut usd[part])?;
        nudge(&mut usd["total"])?;
        nudge(&mut plan["objective"]["parts"][part])?;
        shift_objective(plan)?;
    }
    Some(())
}

fn shift_objective(plan: &mut Value) -> Option<()> {
    nudge(&mut plan["objective"]["totalUsd"])?;
    if !plan["objective"]["boundUsd"].is_null() {
        nudge(&mut plan["objective"]["boundUsd"])?;
    }
    Some(())
}

#[test]
fn verify_tells_every_corruption_of_real_plans() {
    let mut applied: BTreeMap<&str, usize> = BTreeMap::new();
    let mut missed = Vec::new();
    for seed in 0..100 {
        let mut dice = Dice::new(seed, &[Feature::Ties]);
        let mut features: Vec<Feature> = (0..5).map(|_| dice.pick(Feature::ALL)).collect();
        if seed >= 60 {
            // Runs in pieces are rare enough to be asked for.
            features = vec![Feature::Pausing];
        }
        if seed >= 90 {
            // So are those that are left out because they cost too much.
            features = vec![Feature::Optional];
        }
        let made = instance(seed, &features);
        let inputs = made.inputs();
        let plan = plan(&inputs, &made.settings(&inputs), None, &mut |_| {}).unwrap();
        let whole = serde_json::to_value(&plan).unwrap();
        let read: Plan = serde_json::from_value(whole.clone()).unwrap();
        assert_eq!(verify(&read, &inputs), Vec::new(), "{}", made.dump());
        for &(name, corrupt) in CORRUPTIONS {
            let mut corrupted = whole.clone();
            if corrupt(&mut corrupted, &made, &mut dice).is_none() {
                continue;
            }
            *applied.entry(name).or_default() += 1;
            let told = match serde_json::from_value::<Plan>(corrupted) {
                Ok(read) => !verify(&read, &inputs).is_empty(),
                Err(_) => true,
            };
            if !told {
                missed.push(format!("seed {seed} {features:?}: {name}"));
            }
        }
    }
    let never: Vec<&str> =
        CORRUPTIONS.iter().map(|(name, _)| *name).filter(|name| !applied.contains_key(name)).collect();
    assert!(never.is_empty(), "no plan has anything for {never:?}");
    println!("{} corruptions of {} sorts", applied.values().sum::<usize>(), applied.len());
    let total = missed.len();
    missed.truncate(20);
    assert!(missed.is_empty(), "{total} are not told:\n{}", missed.join("\n"));
}
