//! Documents from JSON, and plans from decisions.

use std::collections::BTreeMap;

use plimsoll_model::{
    Duration, Inputs, OfferSpec, Plan, Time, Usd, Workload,
    estate::EstateSpec,
    plan::{self, Assumption, Flags, Objective, Placement, SolverReport, Status},
};
use plimsoll_verify::{Checker, Decision, Evaluation, Kind, Violation, evaluate};
use serde_json::{Value, json};

/// The planning moment of every test: a Wednesday, on the hour.
pub(crate) const NOW: &str = "2026-11-25T06:00:00Z";

pub(crate) fn at(text: &str) -> Time {
    text.parse().unwrap()
}

/// So many minutes after [`NOW`].
pub(crate) fn minutes(minutes: i64) -> Time {
    at(NOW) + Duration::from_secs(60 * minutes)
}

/// Documents without any embedded table.
pub(crate) fn inputs(estate: Value, workloads: &[(&str, Value)]) -> Inputs {
    let mut estate = estate;
    let spec = estate.as_object_mut().unwrap();
    spec.entry("defaults").or_insert(json!("none"));
    let estate: EstateSpec = serde_json::from_value(estate).unwrap();
    let workloads = workloads.iter().map(|(name, spec)| workload(name, spec)).collect();
    Inputs {
        workloads,
        estate,
        assumptions: Vec::new(),
        embedded_catalog: false,
        file_offers: Vec::new(),
        series: BTreeMap::new(),
        places: plimsoll_model::read::Places::default(),
        digest: "d1".into(),
    }
}

fn workload(name: &str, spec: &Value) -> Workload {
    let document = json!({
        "apiVersion": "plimsoll.dev/v1alpha1", "kind": "Workload",
        "metadata": { "name": name }, "spec": spec
    });
    serde_json::from_value(document).unwrap()
}

pub(crate) fn flags() -> Flags {
    Flags {
        carbon_price: Usd::ZERO,
        delay_price: Usd::ZERO,
        objective: "cost".into(),
        budget: None,
        horizon: Duration::from_hours(24),
        gap: 0.0,
        effort: 1,
        time_limit: None,
        now: at(NOW),
        seed: 0,
        no_lp: false,
        previous: indexmap::IndexMap::new(),
    }
}

/// A workload on an offer, so many minutes after now, in one run.
pub(crate) fn on(workload: usize, offer: &str, start: i64) -> Decision {
    Decision { workload, offer: offer.into(), start: minutes(start), runs: Vec::new(), nodes: None }
}

/// The plan that says what the decisions cost, with the best runner-ups and a bound equal to the total.
pub(crate) fn plan(inputs: &Inputs, flags: &Flags, decisions: &[Decision]) -> Plan {
    let names: Vec<String> = Checker::new(inputs, flags).offers().iter().map(OfferSpec::full_name).collect();
    plan_among(inputs, flags, decisions, &names)
}

/// The same, with the runner-ups among these offers.
pub(crate) fn plan_among(inputs: &Inputs, flags: &Flags, decisions: &[Decision], among: &[String]) -> Plan {
    let checker = Checker::new(inputs, flags);
    let evaluation = checker.evaluate(decisions);
    let offers = checker.offers();
    let runner_ups = checker.runner_ups(decisions, among);
    let placements: Vec<Placement> = evaluation
        .placements
        .iter()
        .map(|placed| {
            let decision = decisions.iter().find(|decision| decision.workload == placed.workload).unwrap();
            Placement {
                workload: inputs.workloads[placed.workload].metadata.name.clone(),
                offer: named(&offers, &placed.offer),
                instances: placed.instances,
                replicas_per_instance: placed.replicas_per_instance,
                nodes: decision.nodes.clone(),
                start: placed.start,
                end: placed.end,
                runs: (placed.runs.len() > 1).then(|| {
                    placed.runs.iter().map(|(start, end)| plan::Run { start: *start, end: *end }).collect()
                }),
                usd: placed.usd.clone(),
                carbon_kg: placed.carbon_kg,
                transfers: placed.transfers.clone(),
                runner_up: runner_ups.get(&placed.workload).cloned(),
                reason: "a test".into(),
            }
        })
        .collect();
    let is_placed = |name: &str| placements.iter().any(|placement| placement.workload == name);
    let unplaced = inputs.workloads.iter().filter(|workload| !is_placed(&workload.metadata.name));
    let unplaced = unplaced
        .map(|workload| plan::Unplaced {
            workload: workload.metadata.name.clone(),
            reason: "a test".into(),
            causes: Vec::new(),
            together: false,
            cost_usd: None,
            value_usd: None,
            filtered: indexmap::IndexMap::new(),
            nearest: None,
        })
        .collect();
    let infeasible = !evaluation.left_out.is_empty();
    Plan {
        api_version: plimsoll_model::document::ApiVersion::default(),
        kind: plan::PlanKind::Plan,
        status: if infeasible { Status::Infeasible } else { Status::Optimal },
        reproducible: true,
        objective: Objective {
            total_usd: evaluation.total_usd,
            bound_usd: (!infeasible).then_some(evaluation.total_usd),
            gap: (!infeasible).then_some(0.0),
            parts: evaluation.parts.clone(),
        },
        carbon_kg: evaluation.carbon_kg,
        energy_kwh: evaluation.energy_kwh,
        placements,
        unplaced,
        prices: Vec::new(),
        assumptions: Vec::new(),
        changes: None,
        scenarios: None,
        shortfall: None,
        inputs: plan::Inputs {
            digest: inputs.digest.clone(),
            catalog_date: newest(&offers),
            flags: flags.clone(),
            documents: None,
        },
        solver: SolverReport { seed: flags.seed, effort: 1, phases: Vec::new() },
    }
}

/// What a plan with these services assumes of how long they run.
pub(crate) fn horizon_of(services: &[&str]) -> Assumption {
    Assumption {
        what: format!("horizon of the services {}", services.join(", ")),
        value: "1d".into(),
        source: "`--horizon`, else the estate's `horizon`, else 24h".into(),
        as_of: None,
    }
}

fn named(offers: &[OfferSpec], name: &str) -> OfferSpec {
    offers.iter().find(|offer| offer.full_name() == name).unwrap().clone()
}

fn newest(offers: &[OfferSpec]) -> Option<String> {
    offers.iter().filter_map(|offer| offer.as_of.clone()).max()
}

/// The plan as a reader sees it: written as JSON and read again.
pub(crate) fn through_json(plan: &Plan) -> Plan {
    serde_json::from_str(&serde_json::to_string(plan).unwrap()).unwrap()
}

/// The evaluation of decisions that break no rule.
pub(crate) fn fine(inputs: &Inputs, flags: &Flags, decisions: &[Decision]) -> Evaluation {
    let evaluation = evaluate(inputs, flags, decisions);
    assert_eq!(evaluation.violations, Vec::<Violation>::new());
    evaluation
}

/// Dollars, as tests write them.
pub(crate) fn usd(dollars: f64) -> Usd {
    Usd::from_f64(dollars).unwrap()
}

/// An offer of 8 H100 in `aws/us-east-1` at $10, with some fields otherwise; null removes one.
pub(crate) fn offer(name: &str, changes: Value) -> Value {
    let base = json!({
        "name": name, "cloud": "aws", "region": "us-east-1", "instanceType": "p5", "accelerator": "H100",
        "accelerators": 8, "acceleratorMemory": "80Gi", "cpu": 64, "memory": "512Gi",
        "capacity": "on-demand", "hourly": 10
    });
    merged(base, changes)
}

/// A batch of one replica of 8 H100 for 6 hours, with some fields otherwise; null removes one.
pub(crate) fn batch(changes: Value) -> Value {
    let base = json!({ "request": { "accelerators": { "anyOf": ["H100"], "count": 8 } }, "duration": "6h" });
    merged(base, changes)
}

fn merged(mut base: Value, changes: Value) -> Value {
    let fields = base.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(key);
        } else {
            fields.insert(key.clone(), value.clone());
        }
    }
    base
}

/// The kinds of what is wrong with decisions, once each.
pub(crate) fn kinds(inputs: &Inputs, flags: &Flags, decisions: &[Decision]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> =
        evaluate(inputs, flags, decisions).violations.into_iter().map(|violation| violation.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}
