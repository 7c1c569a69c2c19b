//! Laws over random documents and decisions.

use indexmap::IndexMap;
use plimsoll_model::{
    Duration, Inputs, Plan, Ratio, Usd, When,
    plan::{Assumption, Constraint, Flags},
    workload::WorkloadSpec,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{batch, flags, horizon_of, inputs, offer, on, plan, through_json, usd};
use plimsoll_verify::{Checker, Decision, Kind, Violation, evaluate, verify};

/// A few workloads, each with an offer and a choice among its possible starts.
#[derive(Debug, Clone)]
struct Case {
    inputs: Inputs,
    flags: Flags,
    decisions: Vec<Decision>,
}

impl Case {
    fn spec(&self, name: &str) -> &WorkloadSpec {
        &self.inputs.workloads.iter().find(|workload| workload.metadata.name == name).unwrap().spec
    }
}

const OFFERS: [&str; 5] = ["o", "s", "g", "free", "lab/a/on-prem"];

fn estate(reserved: u32, hourly: f64, quota: u32) -> Value {
    json!({
        "offers": [
            offer("o", json!({ "watts": 5123.4, "hourly": hourly })),
            offer("s", json!({ "watts": 777, "capacity": "spot", "hourly": 4.000_123, "interruptionsPerHour": 0.013 })),
            offer("g", json!({ "cloud": "gcp", "region": "us-east4", "watts": 5200, "pue": 1.1, "count": 2, "hourly": 9.513 })),
            offer("free", json!({ "cloud": "gcp", "region": "us-west1", "watts": 1, "hourly": 0 }))
        ],
        "sites": [{ "name": "lab", "near": "aws/us-east-1", "electricity": 0.113, "pue": 1.37, "nodes": [
            { "name": "a", "count": 2, "accelerator": "H100", "accelerators": 8, "cpu": 64, "memory": "512Gi", "hourly": 2.2, "watts": 1500 }] }],
        "reservations": [{ "offer": "o", "count": reserved, "until": "2026-11-25T09:17:00Z" }],
        "quotas": [{ "match": { "cloud": "aws" }, "accelerators": quota }],
        "datasets": [{ "name": "images", "size": "777Gi", "at": ["azure/eastus", "lab"] }],
        "egress": [{ "from": "*", "to": "*", "usdPerGb": 0.0213 }, { "from": "aws", "to": "gcp", "usdPerGb": 0.09 }],
        "throughput": [{ "from": "azure", "to": "*", "gbps": 3.3 }],
        "latency": [{ "from": "*", "to": "*", "ms": 41.7 }],
        "carbonIntensity": [{ "region": "*", "gramsPerKwh": 381.7 }, { "region": "gcp", "gramsPerKwh": 122 }]
    })
}

fn workload() -> impl Strategy<Value = Value> {
    let shape = (
        1_u32..4,
        prop_oneof![Just(1.0), Just(8.0), Just(0.5), Just(3.0)],
        1_u32..500,
        prop::option::of(0_u32..300),
    );
    let rest = (any::<bool>(), any::<bool>(), 0_u8..4, prop::option::of(10_u32..40), any::<bool>());
    (shape, rest).prop_map(|((replicas, count, minutes, earliest), (spot, reads, kind, deadline, edge))| {
        let mut spec = batch(json!({
            "request": { "accelerators": { "anyOf": ["H100"], "count": count }, "cpu": 3 },
            "replicas": replicas, "duration": format!("{minutes}m"), "interruptible": spot,
            "speed": { "H100": 1.3, "cpu": 1 }, "team": "ml"
        }));
        let fields = spec.as_object_mut().unwrap();
        if let Some(earliest) = earliest {
            fields.insert("earliest".into(), json!(format!("{earliest}m")));
        }
        if let Some(deadline) = deadline {
            fields.insert("deadline".into(), json!(format!("{deadline}h")));
        }
        let mut reading = Vec::new();
        if reads {
            reading.push(json!({ "dataset": "images", "size": format!("{}Gi", minutes) }));
        }
        if edge {
            reading.push(json!({ "from": "w0", "size": "13Gi" }));
        }
        fields.insert("inputs".into(), Value::Array(reading));
        match kind {
            0 => drop(fields.remove("duration")),
            1 => drop(fields.insert("outputs".into(), json!([{ "to": "mars", "size": "5Gi" }]))),
            2 => drop(fields.insert(
                "clients".into(),
                json!([{ "region": "x", "share": 0.3 }, { "region": "gcp/y", "share": 0.4 }]),
            )),
            _ => drop(fields.insert("checkpoint".into(), json!({ "every": "20m", "restart": "3m" }))),
        }
        fields.insert("latency".into(), json!({ "price": 0.000_7 }));
        spec
    })
}

fn case() -> impl Strategy<Value = Case> {
    let work = prop::collection::vec((workload(), 0_usize..5, 0_usize..6), 1..5);
    (work, 0_u32..4, 1_u32..20, 8_u32..60).prop_map(|(work, reserved, hourly, quota)| {
        let names = ["w0", "w1", "w2", "w3"];
        let mut specs: Vec<Value> = work.iter().map(|(spec, ..)| spec.clone()).collect();
        // The first is the producer of the others.
        specs[0]["inputs"].as_array_mut().unwrap().retain(|input| input["from"].is_null());
        let documents: Vec<(&str, Value)> = names.into_iter().zip(specs).collect();
        let inputs = inputs(estate(reserved, f64::from(hourly) * 0.777_1, quota), &documents);
        let mut flags = flags();
        flags.carbon_price = usd(97.3);
        flags.delay_price = usd(0.21);
        let checker = Checker::new(&inputs, &flags);
        let mut decisions: Vec<Decision> = Vec::new();
        for (index, (_, offer, start)) in work.iter().enumerate() {
            let starts = checker.possible_starts(&decisions, index, OFFERS[*offer]);
            let Some(start) = starts.get(start % starts.len().max(1)) else { continue };
            decisions.push(Decision { start: *start, ..on(index, OFFERS[*offer], 0) });
        }
        Case { inputs, flags, decisions }
    })
}

/// How many offers each constraint keeps from a workload alone, reckoned from what [`workload`] asks for.
fn filtered(case: &Case, spec: &WorkloadSpec) -> IndexMap<Constraint, u64> {
    let milli = spec.request.accelerators.as_ref().unwrap().count().milli();
    let shares_a_device = milli < 1000;
    // Of 8 accelerators and 64 cores: accelerators bind, three cores a replica.
    let instances = spec.replicas.div_ceil(u32::try_from(8000 / milli).unwrap().min(spec.replicas));
    let quota = case.inputs.estate.quotas[0].accelerators.unwrap();
    let nanos = |when| match when {
        Some(When::In(after)) => after.nanos(),
        _ => 0,
    };
    let room = nanos(spec.deadline) - nanos(spec.earliest);
    // A batch runs at 1.3 times its speed, a service for the horizon.
    let late = spec.deadline.is_some()
        && spec.duration.map_or(case.flags.horizon.nanos() > room, |time| 10 * time.nanos() > 13 * room);
    let excluded_by = |offer| match offer {
        "o" | "s" | "g" | "free" if shares_a_device => Some(Constraint::Size),
        "s" if !spec.interruptible => Some(Constraint::Interruptible),
        "g" if instances > 2 => Some(Constraint::Count),
        "o" | "s" if 8 * instances > quota => Some(Constraint::Quota),
        _ => late.then_some(Constraint::Deadline),
    };
    let mut counts = IndexMap::new();
    for by in OFFERS.into_iter().filter_map(excluded_by) {
        *counts.entry(by).or_default() += 1;
    }
    counts
}

/// What the placements of a plan take that the estate of [`estate`] does not state.
fn assumed(case: &Case, plan: &Plan) -> Vec<Assumption> {
    let mut all = Vec::new();
    let placed = plan.placements.iter().map(|placement| &*placement.workload);
    let services: Vec<&str> = placed.filter(|name| case.spec(name).duration.is_none()).collect();
    if !services.is_empty() {
        all.push(horizon_of(&services));
    }
    // `lab` is near us-east-1, and of throughput the estate states what leaves azure.
    let end = |place: &str| if place == "lab" { "aws/us-east-1".to_owned() } else { place.to_owned() };
    for transfer in plan.placements.iter().flat_map(|placement| &placement.transfers) {
        let (from, to) = (end(&transfer.from), end(&transfer.to));
        let what = format!("throughput from {from} to {to}");
        if from != "azure/eastus" && from != to && all.iter().all(|one| one.what != what) {
            let source = "default where nothing is measured".into();
            all.push(Assumption { what, value: "5 Gbit/s".into(), source, as_of: None });
        }
    }
    all
}

fn violations(case: &Case) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = evaluate(&case.inputs, &case.flags, &case.decisions)
        .violations
        .into_iter()
        .map(|one| one.kind)
        .collect();
    kinds.sort_unstable();
    kinds
}

fn micros(money: Usd) -> i128 {
    money.to_micro()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// A plan made of what the checker says of its decisions is wrong in nothing but the rules that the
    /// decisions break, also after it went through JSON.
    #[test]
    fn what_it_says_it_accepts(case in case()) {
        let mut plan = plan(&case.inputs, &case.flags, &case.decisions);
        for unplaced in &mut plan.unplaced {
            unplaced.filtered = filtered(&case, case.spec(&unplaced.workload));
        }
        plan.assumptions = assumed(&case, &plan);
        let plan = through_json(&plan);
        let own = case.decisions.iter().any(|decision| decision.offer.starts_with("lab"));
        // Why a workload was left out by chance is not the law's matter.
        let is_left_out = |one: &Violation| plan.unplaced.iter().any(|unplaced| unplaced.workload == one.subject);
        let by_chance = |one: &Violation| matches!(one.kind, Kind::Bound | Kind::Document) && is_left_out(one);
        let mut found = verify(&plan, &case.inputs);
        found.retain(|one| !by_chance(one));
        let breaks_a_rule = |kind| matches!(kind, Kind::Constraint(_) | Kind::Packing);
        prop_assert!(found.iter().all(|one| breaks_a_rule(one.kind)), "{found:#?}");
        if !own {
            let mut kinds: Vec<Kind> = found.into_iter().map(|one| one.kind).collect();
            kinds.sort_unstable();
            prop_assert_eq!(kinds, violations(&case));
        }
    }

    /// Everything a day and a night later costs the same.
    #[test]
    fn the_calendar_does_not_matter(case in case(), hours in -100_i64..100) {
        let by = Duration::from_hours(hours);
        let mut later = case.clone();
        later.flags.now = later.flags.now + by;
        for reservation in &mut later.inputs.estate.reservations {
            reservation.until = reservation.until.map(|until| until + by);
        }
        for workload in &mut later.inputs.workloads {
            if let Some(When::At(time)) = workload.spec.earliest {
                workload.spec.earliest = Some(When::At(time + by));
            }
        }
        for decision in &mut later.decisions {
            decision.start = decision.start + by;
        }
        let (now, then) = (evaluate(&case.inputs, &case.flags, &case.decisions), evaluate(&later.inputs, &later.flags, &later.decisions));
        prop_assert_eq!(now.parts, then.parts);
        prop_assert_eq!(now.violations.len(), then.violations.len());
    }

    /// Twice the price is twice the compute and the risk, to the rounding of each placement.
    #[test]
    fn prices_scale(case in case()) {
        let mut dear = case.clone();
        dear.inputs.estate.prices.push(plimsoll_model::estate::PriceRule {
            multiply: Some(Ratio::from_units(2)),
            ..Default::default()
        });
        for site in &mut dear.inputs.estate.sites {
            site.electricity = site.electricity.map(|price| price + price);
        }
        let (one, two) = (evaluate(&case.inputs, &case.flags, &case.decisions), evaluate(&dear.inputs, &dear.flags, &dear.decisions));
        for (one, two) in one.placements.iter().zip(&two.placements) {
            prop_assert!((2 * micros(one.usd.compute) - micros(two.usd.compute)).abs() <= 1);
            prop_assert!((2 * micros(one.usd.risk) - micros(two.usd.risk)).abs() <= 1);
            prop_assert_eq!(one.usd.egress, two.usd.egress);
            prop_assert_eq!(one.usd.carbon, two.usd.carbon);
        }
    }

    /// The order of documents decides who pays what is shared, never how much is paid.
    #[test]
    fn the_order_of_documents_does_not_matter_to_the_sum(case in case()) {
        let mut turned = case.clone();
        turned.inputs.workloads.reverse();
        for decision in &mut turned.decisions {
            decision.workload = case.inputs.workloads.len() - 1 - decision.workload;
        }
        let (one, two) = (evaluate(&case.inputs, &case.flags, &case.decisions), evaluate(&turned.inputs, &turned.flags, &turned.decisions));
        // Reserved instances move between placements, each rounded: two micro-dollars a placement.
        let slack = 2 * case.decisions.len() as i128;
        prop_assert!((micros(one.parts.compute) - micros(two.parts.compute)).abs() <= slack);
        prop_assert_eq!(one.parts.egress, two.parts.egress);
        prop_assert_eq!(one.parts.carbon, two.parts.carbon);
        prop_assert_eq!(one.parts.delay, two.parts.delay);
        prop_assert_eq!(one.left_out, two.left_out);
        prop_assert_eq!(violations(&case), violations(&turned));
    }

    /// A reservation saves at most what it covers, and never costs.
    #[test]
    fn reservations_only_save(case in case(), count in 0_u32..5) {
        let mut more = case.clone();
        more.inputs.estate.reservations.push(plimsoll_model::estate::Reservation {
            offer: "o".into(), count, until: None, sunk: None,
        });
        let (one, two) = (evaluate(&case.inputs, &case.flags, &case.decisions), evaluate(&more.inputs, &more.flags, &more.decisions));
        for (one, two) in one.placements.iter().zip(&two.placements) {
            prop_assert!(two.usd.compute <= one.usd.compute && two.usd.risk <= one.usd.risk);
            prop_assert_eq!(one.usd.carbon, two.usd.carbon);
        }
        if count == 0 {
            prop_assert_eq!(one.parts, two.parts);
        }
    }
}
