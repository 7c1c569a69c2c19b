//! A valid plan, corrupted in one place at a time: each corruption must be told, by its kind.

use indexmap::IndexMap;
use plimsoll_model::{
    AcceleratorCount, Arch, Capacity, Duration, GramsPerKwh, Inputs, PerHour, Plan, Usd, Watts,
    plan::{Assumption, Cause, Constraint, Flags, NodeUse, Placement, Price, Run, RunnerUp, Status},
};
use serde_json::{Value, json};

use crate::common::{self, at, batch, fine, flags, inputs, minutes, offer, on, through_json, usd};
use plimsoll_verify::{Decision, Kind, verify};

fn estate() -> Value {
    json!({
        "offers": [
            offer("o", json!({ "watts": 5000, "pue": 1.2, "count": 3, "asOf": "2026-11-01" })),
            offer("s", json!({ "watts": 5000, "capacity": "spot", "hourly": 4, "interruptionsPerHour": 0.05 })),
            offer("g", json!({ "cloud": "gcp", "region": "us-east4", "watts": 5200, "hourly": 9.5, "asOf": "2026-11-20" })),
            offer("dear", json!({ "watts": 5000, "hourly": 30 })),
            offer("old", json!({ "accelerator": "A100-80GB", "watts": 4000, "hourly": 7 }))
        ],
        "sites": [{ "name": "lab", "near": "aws/us-east-1", "country": "US", "pue": 1.4, "electricity": 0.11,
            "carbon": { "gramsPerKwh": 250 }, "nodes": [
            { "name": "a", "count": 2, "accelerator": "A100", "accelerators": 4, "cpu": 16, "hourly": 2, "watts": 1500 }] }],
        "prices": [{ "match": { "offer": "o" }, "multiply": 0.9 }],
        "reservations": [{ "offer": "o", "count": 1, "until": "2026-11-25T10:00:00Z" }],
        "quotas": [{ "match": { "cloud": "aws" }, "accelerators": 40 }],
        "budgets": [{ "team": "ml", "usd": 400 }],
        "carbonBudgets": [{ "team": "ml", "kg": 200 }],
        "datasets": [{ "name": "images", "size": "1000Gi", "at": ["azure/eastus"] }],
        "egress": [{ "from": "*", "to": "*", "usdPerGb": 0.02 }],
        "throughput": [{ "from": "*", "to": "*", "gbps": 8 }],
        "latency": [{ "from": "aws/us-west-2", "to": "aws", "ms": 62.5 }, { "from": "*", "to": "gcp", "ms": 30 }],
        "carbonIntensity": [{ "region": "*", "gramsPerKwh": 380 }, { "region": "aws", "series": "grid.csv" }]
    })
}

fn documents() -> Inputs {
    let service = json!({ "duration": null, "clients": [{ "region": "aws/us-west-2" }],
        "latency": { "p99": "80ms", "price": 0.001 }, "current": "gone", "moveCost": 3, "regions": ["aws", "gcp"] });
    let part = json!({ "request": { "accelerators": { "anyOf": ["A100"], "count": 0.5 }, "cpu": 1 }, "replicas": 3 });
    let mut inputs = inputs(
        estate(),
        &[
            ("train", batch(json!({ "inputs": [{ "dataset": "images" }], "team": "ml", "notIn": ["lab"] }))),
            (
                "tune",
                batch(
                    json!({ "inputs": [{ "dataset": "images", "size": "500Gi" }], "team": "ml", "deadline": "24h" }),
                ),
            ),
            ("eval", batch(json!({ "inputs": [{ "from": "train", "size": "50Gi" }], "maxCost": 80 }))),
            ("serve", batch(service)),
            (
                "pieces",
                batch(
                    json!({ "interruptible": true, "pausable": true, "deadline": "24h", "checkpoint": { "every": "1h", "restart": "5m" } }),
                ),
            ),
            ("part", batch(part)),
            (
                "whole",
                batch(
                    json!({ "request": { "accelerators": { "anyOf": ["A100"], "count": 2 } }, "duration": "100m" }),
                ),
            ),
            ("extra", batch(json!({ "value": 12.5 }))),
        ],
    );
    let hourly =
        |hour: u32, grams| (at(&format!("2026-11-25T{hour:02}:00:00Z")), GramsPerKwh::from_units(grams));
    inputs
        .series
        .insert("grid.csv".into(), (6..22).map(|hour| hourly(hour, 300 + 10 * i64::from(hour))).collect());
    inputs
}

fn flags_in_force() -> Flags {
    let mut flags = flags();
    flags.carbon_price = usd(100.0);
    flags.delay_price = usd(0.5);
    flags.budget = Some(usd(1000.0));
    flags
}

fn nodes(uses: &[(&str, u32, &[u32])]) -> Vec<NodeUse> {
    let used = |(node, replicas, devices): &(&str, u32, &[u32])| NodeUse {
        node: (*node).into(),
        replicas: *replicas,
        devices: Some(devices.to_vec()),
    };
    uses.iter().map(used).collect()
}

fn decisions() -> Vec<Decision> {
    let (mut train, mut eval, mut pieces) = (on(0, "o", 0), on(2, "g", 0), on(4, "s", 60));
    train.start = at("2026-11-25T06:17:54Z");
    eval.start = at("2026-11-25T12:18:48Z");
    pieces.runs = vec![(minutes(60), minutes(180)), (minutes(240), minutes(480))];
    let mut part = on(5, "lab/a/on-prem", 0);
    part.nodes = Some(nodes(&[("a/0", 2, &[0, 0]), ("a/1", 1, &[3])]));
    let mut whole = on(6, "lab/a/on-prem", 0);
    whole.nodes = Some(nodes(&[("a/0", 1, &[2, 3])]));
    vec![train, on(1, "o", 120), eval, on(3, "o", 0), pieces, part, whole]
}

/// The plan of decisions, with what it assumes and the offers that each constraint keeps from what is left
/// out, both by hand.
fn plan(inputs: &Inputs, flags: &Flags, decisions: &[Decision]) -> Plan {
    let mut plan = common::plan(inputs, flags, decisions);
    for unplaced in &mut plan.unplaced {
        // Of the six offers `lab/a` alone has A100; `old` and `lab/a` lack H100; of those that have it `s`
        // is spot, where only `pieces` may run. No deadline, count or quota stops a workload on its own.
        unplaced.filtered = match &*unplaced.workload {
            "part" | "whole" => IndexMap::from([(Constraint::Accelerator, 5)]),
            "pieces" => IndexMap::from([(Constraint::Accelerator, 2)]),
            _ => IndexMap::from([(Constraint::Accelerator, 2), (Constraint::Interruptible, 1)]),
        };
    }
    plan.assumptions = vec![Assumption {
        what: "carbon intensity of aws/us-east-1 outside of its series".into(),
        value: "the first value before 2026-11-25T06:00:00Z, the last one after 2026-11-25T21:00:00Z".into(),
        source: "grid.csv".into(),
        as_of: None,
    }];
    if plan.placements.iter().any(|placement| placement.workload == "serve") {
        plan.assumptions.push(common::horizon_of(&["serve"]));
    }
    plan
}

fn placed<'p>(plan: &'p mut Plan, workload: &str) -> &'p mut Placement {
    plan.placements.iter_mut().find(|placement| placement.workload == workload).unwrap()
}

/// Adds so many micro-dollars.
fn nudge(money: &mut Usd, micros: i128) {
    *money += Usd::from_micro(micros);
}

/// Adds micro-dollars to one part of a placement, and to every sum that counts it.
fn cook(
    plan: &mut Plan,
    workload: &str,
    part: fn(&mut Placement) -> &mut Usd,
    of_plan: fn(&mut Plan) -> &mut Usd,
) {
    let placement = placed(plan, workload);
    nudge(part(placement), 3);
    nudge(&mut placement.usd.total, 3);
    nudge(of_plan(plan), 3);
    nudge(&mut plan.objective.total_usd, 3);
    plan.objective.bound_usd = Some(plan.objective.total_usd);
}

fn runner_up<'p>(plan: &'p mut Plan, workload: &str) -> &'p mut RunnerUp {
    placed(plan, workload).runner_up.as_mut().unwrap()
}

#[test]
fn the_plan_itself_is_right() {
    let (inputs, flags) = (documents(), flags_in_force());
    fine(&inputs, &flags, &decisions());
    let plan = plan(&inputs, &flags, &decisions());
    assert_eq!(verify(&plan, &inputs), []);
    assert_eq!(verify(&through_json(&plan), &inputs), []);
    // It has something of everything to spoil.
    let parts = &plan.objective.parts;
    for part in [
        parts.compute,
        parts.egress,
        parts.carbon,
        parts.risk,
        parts.delay,
        parts.latency,
        parts.moving,
        parts.value_forgone,
    ] {
        assert!(part > Usd::ZERO, "{parts:?}");
    }
    assert_eq!(plan.placements.iter().filter(|placement| placement.runner_up.is_some()).count(), 5);
}

type Corruption = (&'static str, Kind, fn(&mut Plan));

const CORRUPTIONS: &[Corruption] = &[
    ("digest", Kind::Document, |plan| plan.inputs.digest = "d2".into()),
    ("catalogDate", Kind::Document, |plan| plan.inputs.catalog_date = Some("2026-11-02".into())),
    ("a placement dropped", Kind::Document, |plan| drop(plan.placements.remove(3))),
    ("a producer dropped", Kind::Constraint(Constraint::Producer), |plan| drop(plan.placements.remove(0))),
    ("a placement twice", Kind::Document, |plan| plan.placements.push(plan.placements[3].clone())),
    ("unplaced dropped", Kind::Document, |plan| plan.unplaced.clear()),
    ("out of order", Kind::Document, |plan| plan.placements.swap(3, 4)),
    ("unknown workload", Kind::Document, |plan| placed(plan, "serve").workload = "server".into()),
    ("unknown offer", Kind::Document, |plan| placed(plan, "serve").offer.name = Some("moon".into())),
    ("another offer", Kind::Constraint(Constraint::Accelerator), |plan| {
        placed(plan, "serve").offer.name = Some("old".into());
    }),
    ("region of the offer", Kind::Document, |plan| placed(plan, "serve").offer.region = "us-east-2".into()),
    ("class of the offer", Kind::Document, |plan| placed(plan, "serve").offer.capacity = Capacity::Reserved),
    ("architecture of the offer", Kind::Document, |plan| {
        placed(plan, "serve").offer.arch = Some(Arch::Arm64);
    }),
    ("accelerators of the offer", Kind::Document, |plan| {
        placed(plan, "serve").offer.accelerators = Some(AcceleratorCount(7999));
    }),
    ("count of the offer", Kind::Document, |plan| placed(plan, "serve").offer.count = None),
    ("watts of the offer", Kind::Document, |plan| {
        placed(plan, "serve").offer.watts = Some(Watts::from_units(1));
    }),
    ("rate of the offer", Kind::Document, |plan| {
        placed(plan, "pieces").offer.interruptions_per_hour = Some(PerHour::ZERO);
    }),
    ("price of the offer", Kind::Arithmetic, |plan| placed(plan, "serve").offer.hourly = usd(10.0)),
    ("list price of the offer", Kind::Arithmetic, |plan| {
        placed(plan, "serve").offer.list_hourly = Some(usd(9.0));
    }),
    ("list price left out", Kind::Arithmetic, |plan| placed(plan, "serve").offer.list_hourly = None),
    ("instances", Kind::Arithmetic, |plan| placed(plan, "part").instances = 1.0),
    ("replicas an instance", Kind::Arithmetic, |plan| placed(plan, "part").replicas_per_instance = 7),
    ("starts before its data", Kind::Precedence, |plan| placed(plan, "train").start = minutes(17)),
    ("starts before its producer", Kind::Precedence, |plan| placed(plan, "eval").start = minutes(360)),
    ("waits without a deadline", Kind::Schedule, |plan| placed(plan, "serve").start = minutes(60)),
    ("starts before now", Kind::Schedule, |plan| placed(plan, "serve").start = minutes(-60)),
    ("starts off the grid", Kind::Schedule, |plan| placed(plan, "tune").start = minutes(150)),
    ("misses its deadline", Kind::Constraint(Constraint::Deadline), |plan| {
        placed(plan, "tune").start = minutes(19 * 60);
    }),
    ("end", Kind::Arithmetic, |plan| placed(plan, "serve").end = minutes(1441)),
    ("end by a millisecond", Kind::Arithmetic, |plan| {
        let placement = placed(plan, "train");
        placement.end = placement.end + Duration::from_nanos(1_000_000);
    }),
    ("a pause forgotten", Kind::Arithmetic, |plan| placed(plan, "pieces").runs = None),
    ("a pause off the grid", Kind::Schedule, |plan| {
        placed(plan, "pieces").runs.as_mut().unwrap()[0].end = minutes(170);
    }),
    ("too much work in pieces", Kind::Schedule, |plan| {
        placed(plan, "pieces").runs.as_mut().unwrap()[0] = Run { start: minutes(60), end: minutes(480) };
    }),
    ("runs that begin later", Kind::Schedule, |plan| placed(plan, "pieces").start = minutes(0)),
    ("end of the last run", Kind::Arithmetic, |plan| {
        placed(plan, "pieces").runs.as_mut().unwrap()[1].end = minutes(500);
    }),
    ("compute, sums and all", Kind::Arithmetic, |plan| {
        cook(plan, "serve", |p| &mut p.usd.compute, |p| &mut p.objective.parts.compute);
    }),
    ("egress, sums and all", Kind::Arithmetic, |plan| {
        cook(plan, "train", |p| &mut p.usd.egress, |p| &mut p.objective.parts.egress);
    }),
    ("carbon, sums and all", Kind::Arithmetic, |plan| {
        cook(plan, "serve", |p| &mut p.usd.carbon, |p| &mut p.objective.parts.carbon);
    }),
    ("risk, sums and all", Kind::Arithmetic, |plan| {
        cook(plan, "pieces", |p| &mut p.usd.risk, |p| &mut p.objective.parts.risk);
    }),
    ("delay, sums and all", Kind::Arithmetic, |plan| {
        cook(plan, "train", |p| &mut p.usd.delay, |p| &mut p.objective.parts.delay);
    }),
    ("latency, sums and all", Kind::Arithmetic, |plan| {
        cook(plan, "serve", |p| &mut p.usd.latency, |p| &mut p.objective.parts.latency);
    }),
    ("move, sums and all", Kind::Arithmetic, |plan| {
        cook(plan, "serve", |p| &mut p.usd.moving, |p| &mut p.objective.parts.moving);
    }),
    ("one micro-dollar", Kind::Arithmetic, |plan| nudge(&mut placed(plan, "tune").usd.compute, 1)),
    ("total of a placement", Kind::Arithmetic, |plan| nudge(&mut placed(plan, "tune").usd.total, 1)),
    ("more than six decimals", Kind::Arithmetic, |plan| {
        placed(plan, "tune").usd.compute += Usd::from_pico(1);
    }),
    ("carbon of a placement", Kind::Arithmetic, |plan| placed(plan, "tune").carbon_kg = Some(1.0)),
    ("carbon unknown", Kind::Arithmetic, |plan| placed(plan, "tune").carbon_kg = None),
    ("carbon is no number", Kind::Arithmetic, |plan| placed(plan, "tune").carbon_kg = Some(f64::NAN)),
    ("a transfer dropped", Kind::Arithmetic, |plan| placed(plan, "tune").transfers.clear()),
    ("a transfer invented", Kind::Arithmetic, |plan| {
        let transfer = placed(plan, "tune").transfers[0].clone();
        placed(plan, "serve").transfers.push(transfer);
    }),
    ("a shared copy at its own size", Kind::Arithmetic, |plan| placed(plan, "train").transfers[0].size = 1),
    ("a transfer from elsewhere", Kind::Arithmetic, |plan| {
        placed(plan, "train").transfers[0].from = "aws/us-west-2".into();
    }),
    ("price of a transfer", Kind::Arithmetic, |plan| nudge(&mut placed(plan, "eval").transfers[0].usd, 1)),
    ("hours of a transfer", Kind::Arithmetic, |plan| placed(plan, "eval").transfers[0].hours = 1.0),
    ("nodes left out", Kind::Packing, |plan| placed(plan, "part").nodes = None),
    ("nodes on a cloud", Kind::Packing, |plan| {
        placed(plan, "serve").nodes = Some(nodes(&[("a/0", 1, &[0])]));
    }),
    ("a replica less", Kind::Packing, |plan| {
        placed(plan, "part").nodes = Some(nodes(&[("a/0", 2, &[0, 0])]));
    }),
    ("a device of another", Kind::Packing, |plan| {
        placed(plan, "part").nodes = Some(nodes(&[("a/0", 3, &[0, 0, 3])]));
    }),
    ("three halves on a device", Kind::Packing, |plan| {
        placed(plan, "part").nodes = Some(nodes(&[("a/1", 3, &[1, 1, 1])]));
    }),
    ("a node that is none", Kind::Packing, |plan| {
        placed(plan, "whole").nodes = Some(nodes(&[("a/2", 1, &[2, 3])]));
    }),
    ("a device that is none", Kind::Packing, |plan| {
        placed(plan, "whole").nodes = Some(nodes(&[("a/1", 1, &[0, 4])]));
    }),
    ("one device for two", Kind::Packing, |plan| {
        placed(plan, "whole").nodes = Some(nodes(&[("a/1", 1, &[0, 0])]));
    }),
    ("compute of the plan", Kind::Arithmetic, |plan| nudge(&mut plan.objective.parts.compute, 1)),
    ("value forgone", Kind::Arithmetic, |plan| plan.objective.parts.value_forgone = Usd::ZERO),
    ("total of the plan", Kind::Arithmetic, |plan| nudge(&mut plan.objective.total_usd, 1)),
    ("carbon of the plan", Kind::Arithmetic, |plan| plan.carbon_kg = plan.carbon_kg.map(|kg| kg * 1.000_001)),
    ("energy of the plan", Kind::Arithmetic, |plan| plan.energy_kwh = Some(0.0)),
    ("a bound above the total", Kind::Bound, |plan| nudge(plan.objective.bound_usd.as_mut().unwrap(), 1)),
    ("no bound, yet optimal", Kind::Bound, |plan| plan.objective.bound_usd = None),
    ("a gap too small", Kind::Bound, |plan| {
        plan.status = Status::Feasible;
        plan.objective.bound_usd = Some(usd(500.0));
        plan.objective.gap = Some(0.01);
    }),
    ("optimal with a gap", Kind::Bound, |plan| {
        let total = plan.objective.total_usd.to_f64();
        plan.objective.bound_usd = Some(usd(500.0));
        plan.objective.gap = Some((total - 500.0) / 500.0);
    }),
    ("feasible without a gap", Kind::Bound, |plan| plan.status = Status::Feasible),
    ("infeasible, though all are placed", Kind::Bound, |plan| plan.status = Status::Infeasible),
    ("a team's budget", Kind::Arithmetic, |plan| plan.inputs.flags.carbon_price = usd(50.0)),
    ("the plan's budget", Kind::Constraint(Constraint::Budget), |plan| {
        plan.inputs.flags.budget = Some(usd(100.0));
    }),
    ("another now", Kind::Schedule, |plan| plan.inputs.flags.now = minutes(1)),
    ("another horizon", Kind::Arithmetic, |plan| plan.inputs.flags.horizon = Duration::from_hours(25)),
    ("another current", Kind::Arithmetic, |plan| {
        plan.inputs.flags.previous = IndexMap::from([("pieces".to_owned(), "o".to_owned())]);
        plan.placements.iter_mut().for_each(|placement| placement.usd.moving = Usd::from_micro(1));
    }),
    ("another seed", Kind::Document, |plan| plan.solver.seed = 7),
    ("runner-up that is none", Kind::RunnerUp, |plan| runner_up(plan, "serve").offer = "moon".into()),
    ("runner-up is itself", Kind::RunnerUp, |plan| runner_up(plan, "serve").offer = "o".into()),
    ("runner-up not allowed", Kind::RunnerUp, |plan| runner_up(plan, "serve").offer = "old".into()),
    ("runner-up by a micro-dollar", Kind::RunnerUp, |plan| nudge(&mut runner_up(plan, "serve").extra_usd, 1)),
    ("runner-up's parts", Kind::RunnerUp, |plan| {
        let runner_up = runner_up(plan, "serve");
        nudge(&mut runner_up.extra_usd, 1);
        *runner_up.because.entry("compute".into()).or_default() += Usd::from_micro(1);
    }),
    ("runner-up's unknown part", Kind::RunnerUp, |plan| {
        runner_up(plan, "serve").because.insert("luck".into(), Usd::ZERO);
    }),
    ("no runner-up, though there is one", Kind::RunnerUp, |plan| placed(plan, "serve").runner_up = None),
    ("a price below 0", Kind::Arithmetic, |plan| {
        plan.prices.push(Price {
            constraint: Constraint::Quota,
            name: "aws".into(),
            usd_per_unit: -1.0,
            low: -2.0,
            high: 0.0,
        });
    }),
    ("a price out of its range", Kind::Arithmetic, |plan| {
        plan.prices.push(Price {
            constraint: Constraint::Quota,
            name: "aws".into(),
            usd_per_unit: 3.0,
            low: 0.0,
            high: 2.0,
        });
    }),
    ("a cause relaxed backwards", Kind::Arithmetic, |plan| {
        plan.unplaced[0].causes.push(cause(Some(-1.0), "usd"));
    }),
    ("a cause without a unit", Kind::Document, |plan| {
        plan.unplaced[0].causes.push(cause(Some(1.0), "bananas"));
    }),
    ("another value", Kind::Document, |plan| plan.unplaced[0].value_usd = Some(usd(12.0))),
    ("left out at less than its value", Kind::Bound, |plan| plan.unplaced[0].cost_usd = Some(usd(12.4))),
    ("one offer less excluded", Kind::Arithmetic, |plan| {
        *plan.unplaced[0].filtered.get_mut(&Constraint::Accelerator).unwrap() -= 1;
    }),
    ("the horizon not said", Kind::Document, |plan| drop(plan.assumptions.pop())),
    ("an assumption that nothing takes", Kind::Document, |plan| {
        plan.assumptions.push(Assumption {
            what: "power of H100".into(),
            value: "700 W each".into(),
            source: "a test".into(),
            as_of: None,
        });
    }),
    ("nearest offer that is none", Kind::Document, |plan| plan.unplaced[0].nearest = Some("moon".into())),
];

fn cause(relax_by: Option<f64>, unit: &str) -> Cause {
    Cause {
        constraint: Constraint::MaxCost,
        name: "extra".into(),
        needs: json!(60),
        has: json!(50),
        relax_by,
        unit: Some(unit.into()),
    }
}

#[test]
fn every_corruption_is_told() {
    let (inputs, flags) = (documents(), flags_in_force());
    let right = plan(&inputs, &flags, &decisions());
    for (name, kind, corrupt) in CORRUPTIONS {
        let mut wrong = right.clone();
        corrupt(&mut wrong);
        let found = verify(&wrong, &inputs);
        assert!(found.iter().any(|violation| violation.kind == *kind), "{name}: {found:#?}");
    }
    assert!(CORRUPTIONS.len() > 80);
}

type Change = fn(&mut Inputs);

#[test]
fn a_plan_is_held_against_the_documents_as_they_are_now() {
    let flags = flags_in_force();
    let plan = plan(&documents(), &flags, &decisions());
    let changes: &[(Kind, Change)] = &[
        (Kind::Constraint(Constraint::Count), |inputs| inputs.estate.offers[0].count = Some(2)),
        (Kind::Constraint(Constraint::Quota), |inputs| inputs.estate.quotas[0].accelerators = Some(24)),
        (Kind::Constraint(Constraint::Budget), |inputs| inputs.estate.budgets[0].usd = usd(10.0)),
        (Kind::Constraint(Constraint::CarbonBudget), |inputs| {
            inputs.estate.carbon_budgets[0].kg = plimsoll_model::Kg::from_units(1);
        }),
        (Kind::Constraint(Constraint::NotIn), |inputs| inputs.workloads[0].spec.not_in = vec!["US".into()]),
        (Kind::Constraint(Constraint::Size), |inputs| {
            let types = inputs.estate.offers.iter().filter_map(|offer| offer.instance_type.clone());
            inputs.workloads[0].spec.request.not_instance_type = types.collect();
        }),
        (Kind::Constraint(Constraint::Residency), |inputs| {
            inputs.estate.datasets[0].residency = vec!["EU".into()];
        }),
        (Kind::Constraint(Constraint::Interruptible), |inputs| {
            inputs.workloads[4].spec.interruptible = false;
        }),
        (Kind::Constraint(Constraint::MaxCost), |inputs| inputs.workloads[2].spec.max_cost = Some(usd(20.0))),
        (Kind::Arithmetic, |inputs| inputs.estate.reservations.clear()),
        (Kind::Arithmetic, |inputs| inputs.estate.prices.clear()),
        (Kind::Arithmetic, |inputs| inputs.estate.sites[0].electricity = None),
        (Kind::Bound, |inputs| {
            inputs.workloads[7].spec.value = None;
        }),
        (Kind::Document, |inputs| drop(inputs.workloads.remove(7))),
    ];
    for (kind, change) in changes {
        let mut inputs = documents();
        change(&mut inputs);
        let found = verify(&plan, &inputs);
        assert!(found.iter().any(|violation| violation.kind == *kind), "{kind}: {found:#?}");
    }
}

#[test]
fn a_required_workload_is_not_left_out_needlessly() {
    let (inputs, flags) = (documents(), flags_in_force());
    let without = |name: &str| -> Vec<Decision> {
        let index = inputs.workloads.iter().position(|workload| workload.metadata.name == name).unwrap();
        decisions().into_iter().filter(|decision| decision.workload != index).collect()
    };
    for name in ["serve", "tune", "whole", "part", "pieces"] {
        let found = verify(&plan(&inputs, &flags, &without(name)), &inputs);
        let told = |violation: &plimsoll_verify::Violation| {
            violation.kind == Kind::Bound && violation.subject == name
        };
        assert!(found.iter().any(told), "{name}: {found:#?}");
        assert!(found.iter().all(|violation| violation.kind == Kind::Bound), "{name}: {found:#?}");
    }
    // Where it does not fit, nothing is told.
    let mut full = documents();
    full.estate.sites[0].nodes[0].count = Some(1);
    let mut decisions = without("whole");
    decisions[5].nodes = Some(nodes(&[("a/0", 3, &[0, 1, 2])]));
    let plan = plan(&full, &flags, &decisions);
    assert_eq!(plan.status, Status::Infeasible);
    assert_eq!(verify(&plan, &full), []);
}
