//! Laws of plans over random instances: what may not change a plan, and what may only make it better.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use plimsoll_model::{Inputs, Plan, plan::Status};
use plimsoll_planner::{Settings, plan};
use plimsoll_tests::{
    brute::Score,
    features::Feature,
    instances::Instance,
    laws::{config, instances},
};
use plimsoll_verify::verify;
use proptest::prelude::*;
use serde_json::{Value, json};

fn planned(made: &Instance) -> (Inputs, Plan) {
    let inputs = made.inputs();
    let plan = plan(&inputs, &made.settings(&inputs), None, &mut |_| {}).unwrap();
    (inputs, plan)
}

fn score(made: &Instance) -> Score {
    let (inputs, plan) = planned(made);
    Score::of(&plan, &inputs)
}

/// The same but for so many micro-dollars of roundings.
fn same(a: &Score, b: &Score, micros: i128) -> bool {
    a.compare_first(b).is_eq() && (a.total.to_micro() - b.total.to_micro()).abs() <= micros
}

fn each(list: &mut Value, fields: &[&str], change: &mut impl FnMut(&mut Value)) {
    for item in list.as_array_mut().into_iter().flatten() {
        for field in fields {
            if let Some(value) = item.get_mut(*field) {
                change(value);
            }
        }
    }
}

/// Everything that states an amount of dollars.
fn money(made: &mut Instance, change: &mut impl FnMut(&mut Value)) {
    each(&mut made.estate["offers"], &["hourly"], change);
    each(&mut made.estate["prices"], &["hourly", "add"], change);
    each(&mut made.estate["egress"], &["usdPerGb"], change);
    each(&mut made.estate["budgets"], &["usd"], change);
    each(&mut made.estate["sites"], &["electricity"], change);
    for site in made.estate["sites"].as_array_mut().into_iter().flatten() {
        each(&mut site["nodes"], &["hourly"], change);
    }
    for (_, spec) in &mut made.workloads {
        for field in ["maxHourly", "maxCost", "value", "moveCost"] {
            if let Some(value) = spec.get_mut(field) {
                change(value);
            }
        }
        if let Some(price) = spec.get_mut("latency").and_then(|goal| goal.get_mut("price")) {
            change(price);
        }
    }
    for flag in ["carbonPrice", "delayPrice", "budget"] {
        if let Some(value) = made.flags.get_mut(flag) {
            change(value);
        }
    }
}

/// Indexing a missing field with `[]` makes it null; documents must not have those.
fn without_nulls(made: &mut Instance) {
    if let Some(fields) = made.estate.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}

/// Replaces every text that is `old`, also as a key.
fn rename(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, old, new)),
        Value::Object(fields) => {
            let renamed = fields.iter().map(|(key, item)| {
                let mut item = item.clone();
                rename(&mut item, old, new);
                (if key == old { new.to_owned() } else { key.clone() }, item)
            });
            *fields = renamed.collect();
        }
        _ => {}
    }
}

fn rename_all(made: &mut Instance, old: &str, new: &str) {
    rename(&mut made.estate, old, new);
    let mut flags = Value::Object(made.flags.clone());
    rename(&mut flags, old, new);
    made.flags.clone_from(flags.as_object().unwrap());
    for (name, spec) in &mut made.workloads {
        if name == old {
            new.clone_into(name);
        }
        rename(spec, old, new);
    }
}

/// Where the order of documents decides who pays or who has the reserved instances, and that decides
/// more than who: limits on a team's or a workload's money, prices by place, risk.
fn order_decides(made: &Instance) -> bool {
    let has = |feature| made.features.contains(&feature);
    let limits = [Feature::Budgets, Feature::PlanBudget, Feature::MaxCost].into_iter().any(has);
    let shares = made.estate.get("datasets").is_some() || has(Feature::Reservations);
    let places = [Feature::SiteRegion, Feature::SecondSite, Feature::Bare].into_iter().any(has);
    let risk = [Feature::Spot, Feature::Capacities].into_iter().any(has) && has(Feature::Reservations);
    shares && (limits || places) || risk
}

/// The same with every workload several times, no two equal.
fn enlarged(made: &Instance, times: usize) -> Instance {
    const DURATIONS: [&str; 5] = ["70m", "95m", "2h", "150m", "3h20m"];
    let mut large = made.clone();
    for copy in 1..times {
        for (index, (name, spec)) in made.workloads.iter().enumerate() {
            let mut spec = spec.clone();
            if spec.get("duration").is_some() {
                spec["duration"] = json!(DURATIONS[(copy * 3 + index) % DURATIONS.len()]);
            }
            for input in spec.get_mut("inputs").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(from) = input.get("from").and_then(Value::as_str) {
                    input["from"] = json!(format!("{from}-{copy}"));
                }
            }
            large.workloads.push((format!("{name}-{copy}"), spec));
        }
    }
    large
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn the_order_of_documents_does_not_matter(made in instances(5, &[]), turn in 0..4_usize) {
        prop_assume!(!order_decides(&made));
        let mut turned = made.clone();
        turned.workloads.reverse();
        let count = turned.workloads.len();
        turned.workloads.rotate_left(turn % count);
        let (before, after) = (score(&made), score(&turned));
        prop_assert!(same(&before, &after, 12), "{before:?} {after:?}\n{}", made.dump());
    }

    #[test]
    fn names_do_not_matter(made in instances(5, &[])) {
        let mut renamed = made.clone();
        for (index, name) in made.offer_names().iter().filter(|name| !name.contains('/')).enumerate() {
            rename_all(&mut renamed, name, &format!("offer{}", 50 - index));
        }
        for (index, (name, _)) in made.workloads.iter().enumerate() {
            rename_all(&mut renamed, name, &format!("work{}", 50 - index));
        }
        let (before, after) = (score(&made), score(&renamed));
        prop_assert!(same(&before, &after, 12), "{before:?} {after:?}\n{}", made.dump());
    }

    #[test]
    fn what_a_region_is_called_does_not_matter(made in instances(5, &[])) {
        let text = |value: &Value| -> Value {
            serde_json::from_str(&value.to_string().replace("westus2", "farwest7")).unwrap()
        };
        let mut renamed = made.clone();
        renamed.estate = text(&made.estate);
        for (_, spec) in &mut renamed.workloads {
            *spec = text(spec);
        }
        let stated = |region: &Value| region["name"] == "azure/farwest7";
        if !renamed.list("regions").iter().any(stated) {
            renamed.list("regions").push(json!({ "name": "azure/farwest7", "country": "US" }));
        }
        let (before, after) = (score(&made), score(&renamed));
        prop_assert!(same(&before, &after, 12), "{before:?} {after:?}\n{}", made.dump());
    }

    #[test]
    fn doubling_all_money_doubles_the_total(made in instances(5, &[Feature::EgressCloud])) {
        let mut doubled = made.clone();
        money(&mut doubled, &mut |value| *value = json!(value.as_f64().unwrap() * 2.0));
        without_nulls(&mut doubled);
        let (mut before, after) = (score(&made), score(&doubled));
        before.total = before.total + before.total;
        prop_assert!(same(&before, &after, 40), "{before:?} {after:?}\n{}", made.dump());
    }

    #[test]
    fn a_dominated_offer_changes_nothing(
        made in instances(5, &[Feature::Quotas, Feature::InstanceQuotas, Feature::PriceRules, Feature::Spot])
    ) {
        let mut more = made.clone();
        let copies: Vec<Value> = made.estate["offers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|offer| offer.get("count").is_none() && offer["hourly"].as_f64().unwrap() > 0.0)
            .map(|offer| {
                let mut copy = offer.clone();
                copy["name"] = json!(format!("a-{}", offer["name"].as_str().unwrap()));
                copy["hourly"] = json!(offer["hourly"].as_f64().unwrap() * 1.5);
                copy
            })
            .collect();
        more.list("offers").extend(copies);
        let (before, after) = (score(&made), score(&more));
        prop_assert!(same(&before, &after, 12), "{before:?} {after:?}\n{}", made.dump());
    }

    #[test]
    fn a_looser_limit_never_costs_more(made in instances(5, &[]), which in 0..8_usize) {
        let mut loose = made.clone();
        let more = |value: &mut Value| *value = json!(value.as_f64().unwrap() * 1.3 + 1.0);
        let one_more = |value: &mut Value| *value = json!(value.as_u64().unwrap() + 1);
        match which {
            0 => each(&mut loose.estate["quotas"], &["accelerators", "instances"], &mut { one_more }),
            1 => each(&mut loose.estate["offers"], &["count"], &mut { one_more }),
            2 => each(&mut loose.estate["budgets"], &["usd"], &mut { more }),
            3 => each(&mut loose.estate["carbonBudgets"], &["kg"], &mut { more }),
            4 => loose.set("quotas", json!([])),
            _ => {}
        }
        for (_, spec) in &mut loose.workloads {
            let fields = spec.as_object_mut().unwrap();
            match which {
                5 => ["maxCost", "maxHourly", "notIn"].iter().for_each(|field| drop(fields.remove(*field))),
                6 if fields.contains_key("deadline") => drop(fields.insert("deadline".into(), json!("9h"))),
                7 => ["regions", "clouds", "zones", "residency", "capacity"]
                    .iter()
                    .for_each(|field| drop(fields.remove(*field))),
                _ => {}
            }
        }
        if which == 2 && let Some(budget) = loose.flags.get_mut("budget") {
            more(budget);
        }
        without_nulls(&mut loose);
        let (before, after) = (score(&made), score(&loose));
        let worse = after.compare(&before).is_gt() && !same(&before, &after, 12);
        prop_assert!(!worse, "limit {which}: {before:?} {after:?}\n{}", made.dump());
    }

    #[test]
    fn equal_inputs_give_equal_bytes(made in instances(5, &[]), effort in prop::sample::select(vec![0, 30, 20_000])) {
        let inputs = made.inputs();
        let settings = Settings { effort, seed: 7, ..made.settings(&inputs) };
        let text = || {
            let plan = plan(&inputs, &settings, None, &mut |_| {}).unwrap();
            serde_json::to_string_pretty(&plan).unwrap()
        };
        let (first, again) = (text(), text());
        prop_assert_eq!(&first, &again);
        // What is written reads, verifies, and is written the same.
        let plan: Plan = plimsoll_model::read::plan("plan.json", first.as_bytes()).unwrap();
        prop_assert_eq!(&first, &serde_json::to_string_pretty(&plan).unwrap());
        let yaml = plimsoll_model::yaml::to_string(&plan).unwrap();
        let read = plimsoll_model::read::plan("plan.yaml", yaml.as_bytes()).unwrap();
        prop_assert_eq!(&plan, &read);
        let wrong = verify(&read, &inputs);
        let wrong: Vec<String> =
            wrong.iter().map(ToString::to_string).filter(|wrong| effort > 30 || !wrong.contains("yet fits")).collect();
        prop_assert!(wrong.is_empty(), "{wrong:?}\n{}", made.dump());
    }

    #[test]
    fn more_effort_is_never_worse(made in instances(5, &[]), no_lp in any::<bool>()) {
        let inputs = made.inputs();
        let by = |effort| {
            let settings = Settings { effort, no_lp, ..made.settings(&inputs) };
            let plan = plan(&inputs, &settings, None, &mut |_| {}).unwrap();
            (Score::of(&plan, &inputs), plan.status)
        };
        let scores: Vec<(Score, Status)> = [0, 20, 2_000, 20_000].into_iter().map(by).collect();
        for pair in scores.windows(2) {
            let worse = pair[1].0.compare(&pair[0].0).is_gt() && !same(&pair[0].0, &pair[1].0, 4);
            prop_assert!(!worse, "{scores:?}\n{}", made.dump());
        }
    }

    #[test]
    fn no_bound_exceeds_any_plan(made in instances(5, &[]), times in 2..4_usize) {
        // Too large for exhaustion: every effort's bound against every effort's plan.
        let large = enlarged(&made, times);
        let inputs = large.inputs();
        let by = |(effort, no_lp)| {
            let settings = Settings { effort, no_lp, ..large.settings(&inputs) };
            let plan = plan(&inputs, &settings, None, &mut |_| {}).unwrap();
            let wrong: Vec<String> = verify(&plan, &inputs).iter().map(ToString::to_string).collect();
            (effort, Score::of(&plan, &inputs), plan.objective.bound_usd, plan.status, wrong)
        };
        let plans: Vec<_> = [(0, false), (100, false), (4_000, false), (100, true)].into_iter().map(by).collect();
        for (effort, score, _, _, wrong) in &plans {
            let wrong: Vec<&String> = wrong.iter().filter(|wrong| !wrong.contains("yet fits")).collect();
            prop_assert!(wrong.is_empty(), "effort {effort}: {wrong:?}\n{}", large.dump());
            for (other, _, bound, status, _) in &plans {
                let above = bound.is_some_and(|bound| bound.to_micro() > score.total.to_micro() + 12);
                prop_assert!(
                    !(above && score.left_out.is_empty()),
                    "effort {other} proves {bound:?}, effort {effort} has {score:?}\n{}", large.dump()
                );
                let complete = score.left_out.is_empty();
                prop_assert!(
                    !(*status == Status::Infeasible && complete && *other >= 4_000),
                    "effort {other} leaves out what effort {effort} places\n{}", large.dump()
                );
            }
        }
    }

    #[test]
    fn equal_workloads_are_as_good_as_different_ones(made in instances(5, &[Feature::Workflow]), copies in 1..4_usize) {
        let mut equal = made.clone();
        let spec = made.workloads[0].1.clone();
        equal.workloads = (0..=copies).map(|index| (format!("w{index}"), spec.clone())).collect();
        let mut different = equal.clone();
        for (index, (_, spec)) in different.workloads.iter_mut().enumerate() {
            // Words without a meaning here, but not the same words.
            spec["gang"] = json!(index % 2 == 0);
            if spec.get("slots").is_none() && index > 1 {
                spec["slots"] = json!("60m");
            }
        }
        let (before, after) = (score(&equal), score(&different));
        prop_assert!(same(&before, &after, 12), "{before:?} {after:?}\n{}", equal.dump());
    }
}
