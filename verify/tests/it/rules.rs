//! Filters, limits, schedules, packing: each rule kept, and broken by a hair.

use plimsoll_model::plan::{Constraint, NodeUse};
use serde_json::{Value, json};

use crate::common::{at, batch, fine, flags, inputs, kinds, minutes, offer, on, usd};
use plimsoll_verify::{Checker, Decision, Kind};

/// What one workload may not do on one offer, from the fields of each.
#[test]
fn static_filters() {
    use Constraint::{
        Accelerator, Capacity, Interruptible, Latency, MaxHourly, Memory, NotIn, Region, Residency, Risk,
        Size, Speed,
    };
    let asks = |accelerators: Value| json!({ "request": { "accelerators": accelerators } });
    let client = |latency: Value| json!({ "clients": [{ "region": "aws/us-west-2" }, { "region": "mars", "share": 0 }], "latency": latency });
    let spot = |rate: f64| json!({ "capacity": "spot", "interruptionsPerHour": rate });
    let none = json!({});
    let table: Vec<(Value, Value, &[Constraint])> = vec![
        (none.clone(), none.clone(), &[]),
        (none.clone(), asks(json!({ "anyOf": ["A100", "nvidia_h100"] })), &[]),
        (none.clone(), asks(json!({ "anyOf": ["A100"] })), &[Accelerator]),
        (none.clone(), asks(json!({ "kind": "gpu" })), &[]),
        (none.clone(), asks(json!({ "kind": "tpu" })), &[Accelerator]),
        (none.clone(), asks(json!({ "anyOf": ["H100"], "kind": "fpga" })), &[Accelerator]),
        (
            json!({ "accelerator": "Zeta 9", "acceleratorKind": "npu" }),
            asks(json!({ "anyOf": ["zeta_9"], "kind": "npu" })),
            &[],
        ),
        (json!({ "accelerator": null, "accelerators": null }), none.clone(), &[Accelerator, Size]),
        (none.clone(), asks(json!({ "memory": "80Gi" })), &[]),
        (none.clone(), asks(json!({ "memory": "81Gi" })), &[Memory]),
        (json!({ "acceleratorMemory": null }), asks(json!({ "memory": "1Gi" })), &[Memory]),
        (none.clone(), asks(json!({ "count": 9 })), &[Size]),
        (none.clone(), asks(json!({ "count": 0.5 })), &[Size]),
        (none.clone(), json!({ "request": { "cpu": 64, "memory": "512Gi" } }), &[]),
        (none.clone(), json!({ "request": { "cpu": "64001m" } }), &[Size]),
        (json!({ "cpu": null }), json!({ "request": { "cpu": 1 } }), &[Size]),
        (none.clone(), json!({ "request": { "instanceType": ["p4", "p5"] } }), &[]),
        (none.clone(), json!({ "request": { "instanceType": ["p4"] } }), &[Size]),
        (none.clone(), json!({ "request": { "cpu": 1, "arch": "amd64" } }), &[Size]),
        (json!({ "arch": "amd64" }), json!({ "request": { "cpu": 1, "arch": "amd64" } }), &[]),
        (json!({ "arch": "arm64" }), json!({ "request": { "cpu": 1, "arch": "amd64" } }), &[Size]),
        (json!({ "arch": "arm64" }), none.clone(), &[]),
        (none.clone(), json!({ "speed": { "A100": 1, "cpu": 1 } }), &[Speed]),
        (none.clone(), json!({ "speed": { "H100": 0 } }), &[Speed]),
        (none.clone(), json!({ "duration": null, "speed": { "A100": 1 } }), &[Speed]),
        (none.clone(), json!({ "capacity": ["spot", "reserved"] }), &[Capacity]),
        (none.clone(), json!({ "capacity": ["on-demand"] }), &[]),
        (spot(0.0), none.clone(), &[Interruptible]),
        (spot(0.0), json!({ "capacity": ["spot"] }), &[Interruptible]),
        (spot(2.8), json!({ "interruptible": true }), &[Risk]),
        (spot(2.7), json!({ "interruptible": true }), &[]),
        (spot(2.8), json!({ "interruptible": true, "checkpoint": { "every": "3h" } }), &[]),
        (none.clone(), json!({ "regions": ["aws/us-east-1"] }), &[]),
        (none.clone(), json!({ "regions": ["us-east-2", "EU"] }), &[Region]),
        (none.clone(), json!({ "regions": ["US"] }), &[]),
        (none.clone(), json!({ "clouds": ["gcp"] }), &[Region]),
        (none.clone(), json!({ "zones": ["us-east-1a"] }), &[Region]),
        (json!({ "zone": "us-east-1a" }), json!({ "zones": ["us-east-1a"] }), &[]),
        (none.clone(), json!({ "notIn": ["gcp", "us-east-2"] }), &[]),
        (none.clone(), json!({ "notIn": ["north america"] }), &[NotIn]),
        (none.clone(), json!({ "residency": ["EU", "US"] }), &[]),
        (none.clone(), json!({ "residency": "EEA" }), &[Residency]),
        (json!({ "cloud": "moon", "region": "base" }), json!({ "residency": "US" }), &[Residency]),
        (none.clone(), json!({ "inputs": [{ "dataset": "swiss" }] }), &[Residency]),
        (none.clone(), client(json!({ "p99": "62.5ms" })), &[]),
        (none.clone(), client(json!({ "p99": "62.4ms" })), &[Latency]),
        (none.clone(), json!({ "maxHourly": 10 }), &[]),
        (none.clone(), json!({ "maxHourly": 9.999 }), &[MaxHourly]),
        (none.clone(), json!({ "maxHourly": 19, "replicas": 2 }), &[MaxHourly]),
        (none.clone(), json!({ "maxCost": 60 }), &[]),
        (none.clone(), json!({ "maxCost": 59.999_999 }), &[Constraint::MaxCost]),
        (none.clone(), json!({ "deadline": "6h" }), &[]),
        (none.clone(), json!({ "deadline": "359m" }), &[Constraint::Deadline]),
        (json!({ "count": 2 }), json!({ "replicas": 2 }), &[]),
        (json!({ "count": 1 }), json!({ "replicas": 2 }), &[Constraint::Count]),
        (json!({ "count": 0 }), none.clone(), &[Constraint::Count]),
    ];
    for (of_offer, spec, broken) in table {
        let estate = json!({
            "offers": [offer("o", of_offer.clone())],
            "latency": [{ "from": "aws/us-west-2", "to": "aws/us-east-1", "ms": 62.5 }],
            "datasets": [{ "name": "swiss", "size": "1Gi", "at": ["aws/us-east-1"], "residency": ["CH"] }]
        });
        let inputs = inputs(estate, &[("w", batch(spec.clone()))]);
        let expected: Vec<Kind> = broken.iter().map(|constraint| Kind::Constraint(*constraint)).collect();
        assert_eq!(kinds(&inputs, &flags(), &[on(0, "o", 0)]), expected, "{of_offer} {spec}");
    }
}

#[test]
fn counts_and_quotas_hold_at_every_instant() {
    let estate = |limits: Value| {
        let mut estate = json!({
            "offers": [offer("o", limits["offer"].clone()), offer("q", json!({ "cloud": "gcp" }))],
            "sites": [{ "name": "lab", "nodes": [
                { "name": "a", "count": 4, "accelerator": "H100", "accelerators": 8, "hourly": 1 }] }]
        });
        estate["quotas"] = limits["quotas"].clone();
        estate
    };
    let work = |earliest: &str, replicas: u32| batch(json!({ "earliest": earliest, "replicas": replicas }));
    // a over [0, 6), b over [6, 12), c over [5, 11).
    let work = [("a", work("0s", 2)), ("b", work("6h", 2)), ("c", work("5h", 1))];
    let (a, b, c) = (on(0, "o", 0), on(1, "o", 360), on(2, "o", 300));
    let count = |count: u32| json!({ "offer": { "count": count }, "quotas": [] });
    let quota = |quota: Value| json!({ "offer": {}, "quotas": [quota] });
    let too_many = [Kind::Constraint(Constraint::Count)];
    let over = [Kind::Constraint(Constraint::Quota)];
    let on_q = |decision: &Decision| Decision { offer: "q".into(), ..decision.clone() };
    let cases: Vec<(Value, Vec<Decision>, &[Kind])> = vec![
        (count(2), vec![a.clone(), b.clone()], &[]),
        (count(2), vec![a.clone(), b.clone(), c.clone()], &too_many),
        (count(3), vec![a.clone(), b.clone(), c.clone()], &[]),
        (quota(json!({ "accelerators": 16 })), vec![a.clone(), b.clone()], &[]),
        (quota(json!({ "accelerators": 23 })), vec![a.clone(), b.clone(), c.clone()], &over),
        (quota(json!({ "accelerators": 24 })), vec![a.clone(), b.clone(), c.clone()], &[]),
        (quota(json!({ "accelerators": 23 })), vec![a.clone(), b.clone(), on_q(&c)], &over),
        (
            quota(json!({ "match": { "cloud": "aws" }, "accelerators": 16 })),
            vec![a.clone(), b.clone(), on_q(&c)],
            &[],
        ),
        (
            quota(json!({ "match": { "cloud": "aws", "accelerator": "a100" }, "instances": 0 })),
            vec![a.clone()],
            &[],
        ),
        (
            quota(json!({ "match": { "cloud": "aws", "accelerator": "h100-80gb" }, "instances": 1 })),
            vec![a.clone()],
            &over,
        ),
        (
            quota(json!({ "match": { "region": "us-east-1" }, "instances": 2, "accelerators": 15 })),
            vec![a.clone()],
            &over,
        ),
        (quota(json!({ "match": { "cloud": ["gcp", "aws"] }, "instances": 1 })), vec![a.clone()], &over),
        (quota(json!({ "team": "t", "accelerators": 0 })), vec![a.clone()], &[]),
        // Two instances of 64 cores and 512 GiB; nobody asks for cores.
        (quota(json!({ "cpu": 128 })), vec![a.clone()], &[]),
        (quota(json!({ "cpu": "127999m" })), vec![a.clone()], &over),
        (quota(json!({ "memory": "1Ti" })), vec![a.clone()], &[]),
        (quota(json!({ "memory": "1023Gi" })), vec![a.clone()], &over),
        (quota(json!({ "cpu": 0, "counts": "asked" })), vec![a.clone()], &[]),
        (quota(json!({ "accelerators": 15, "counts": "asked" })), vec![a.clone()], &over),
        (quota(json!({ "accelerators": 16, "counts": "asked" })), vec![a.clone()], &[]),
    ];
    for (limits, decisions, expected) in cases {
        let inputs = inputs(estate(limits.clone()), &work);
        assert_eq!(kinds(&inputs, &flags(), &decisions), expected, "{limits} {decisions:?}");
    }
    // On own nodes a quota counts what is asked for: 4 × 0.3 accelerators.
    let part =
        batch(json!({ "request": { "accelerators": { "anyOf": ["H100"], "count": 0.3 } }, "replicas": 4 }));
    for (limit, expected) in [(1, &over[..]), (2, &[])] {
        let inputs = inputs(
            estate(quota(json!({ "match": { "region": "lab" }, "accelerators": limit }))),
            &[("w", part.clone())],
        );
        assert_eq!(kinds(&inputs, &flags(), &[on(0, "lab/a/on-prem", 0)]), expected);
    }
}

#[test]
fn budgets_bound_compute_egress_and_risk_of_a_team_and_of_the_plan() {
    let estate = |more: Value| {
        let mut estate = json!({
            "offers": [offer("o", json!({ "watts": 1000 }))],
            "egress": [{ "from": "*", "to": "*", "usdPerGb": 0.01 }],
            "carbonIntensity": [{ "region": "*", "gramsPerKwh": 500 }]
        });
        estate.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        estate
    };
    let ml = batch(json!({ "team": "ml", "outputs": [{ "to": "mars", "size": "100Gi" }] }));
    let work = [("a", ml.clone()), ("b", ml), ("c", batch(json!({ "team": "web" })))];
    let all = [on(0, "o", 0), on(1, "o", 0), on(2, "o", 0)];
    let broken = |constraint| vec![Kind::Constraint(constraint)];
    // Each of a and b costs 60 + 1, all three 182; each emits 3 kg.
    for (more, budget, expected) in [
        (json!({ "budgets": [{ "team": "ml", "usd": 122 }] }), None, vec![]),
        (json!({ "budgets": [{ "team": "ml", "usd": 121.999_999 }] }), None, broken(Constraint::Budget)),
        (
            json!({ "budgets": [{ "team": "ml", "usd": 500 }, { "team": "ml", "usd": 100 }] }),
            None,
            broken(Constraint::Budget),
        ),
        (json!({}), Some(182.0), vec![]),
        (json!({}), Some(181.9), broken(Constraint::Budget)),
        (json!({ "carbonBudgets": [{ "team": "ml", "kg": 6 }, { "team": "web", "kg": 3 }] }), None, vec![]),
        (json!({ "carbonBudgets": [{ "team": "ml", "kg": 5.99 }] }), None, broken(Constraint::CarbonBudget)),
    ] {
        let inputs = inputs(estate(more.clone()), &work);
        let mut flags = flags();
        flags.budget = budget.map(usd);
        assert_eq!(kinds(&inputs, &flags, &all), expected, "{more} {budget:?}");
    }
}

#[test]
fn starts_lie_at_the_first_possible_moment_or_on_the_grid() {
    let estate = json!({ "offers": [offer("o", json!({}))] });
    let starts = |spec: Value| -> Vec<String> {
        let inputs = inputs(estate.clone(), &[("w", batch(spec))]);
        let starts = Checker::new(&inputs, &flags()).possible_starts(&[], 0, "o");
        for start in &starts {
            let mut decision = on(0, "o", 0);
            decision.start = *start;
            fine(&inputs, &flags(), &[decision]);
        }
        starts.iter().map(|start| start.to_string()[11..19].to_owned()).collect()
    };
    assert_eq!(starts(json!({})), ["06:00:00"]);
    assert_eq!(starts(json!({ "earliest": "90m" })), ["07:30:00"]);
    assert_eq!(starts(json!({ "earliest": "2026-11-25T06:00:00.2Z" })), ["06:00:01"]);
    assert_eq!(starts(json!({ "deadline": "8h" })), ["06:00:00", "07:00:00", "08:00:00"]);
    assert_eq!(starts(json!({ "deadline": "7h59m", "slots": "45m" })), ["06:00:00", "06:45:00", "07:30:00"]);
    assert_eq!(starts(json!({ "deadline": "5h" })), Vec::<String>::new());
    // The grid hangs on `earliest`, also on one before now.
    assert_eq!(
        starts(json!({ "earliest": "2026-11-25T05:10:00Z", "deadline": "8h" })),
        ["06:00:00", "06:10:00", "07:10:00"]
    );
    assert_eq!(
        starts(json!({ "earliest": "2026-11-25T06:10:00.5Z", "deadline": "8h" })),
        ["06:10:01", "07:10:01"]
    );
    // A service runs for the horizon.
    assert_eq!(starts(json!({ "duration": null, "deadline": "25h" })), ["06:00:00", "07:00:00"]);
}

#[test]
fn a_wrong_start_is_told() {
    let estate = json!({ "offers": [offer("o", json!({}))] });
    let of = |spec: Value, start: i64| {
        kinds(&inputs(estate.clone(), &[("w", batch(spec))]), &flags(), &[on(0, "o", start)])
    };
    assert_eq!(of(json!({}), 60), [Kind::Schedule]);
    assert_eq!(of(json!({}), -60), [Kind::Schedule]);
    assert_eq!(of(json!({ "earliest": "3h", "deadline": "30h" }), 120), [Kind::Schedule]);
    assert_eq!(of(json!({ "deadline": "30h" }), 90), [Kind::Schedule]);
    assert_eq!(of(json!({ "deadline": "30h", "slots": "30m" }), 90), []);
    assert_eq!(of(json!({ "deadline": "12h" }), 420), [Kind::Constraint(Constraint::Deadline)]);
}

#[test]
fn pauses_need_leave_a_deadline_and_the_grid() {
    let estate = json!({ "offers": [offer("o", json!({}))] });
    let paused = json!({ "duration": "150m", "pausable": true, "deadline": "12h", "earliest": "30m" });
    let of = |change: Value, runs: &[(i64, i64)]| {
        let mut spec = paused.clone();
        spec.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let inputs = inputs(estate.clone(), &[("w", batch(spec))]);
        let mut decision = on(0, "o", runs[0].0);
        decision.runs = runs.iter().map(|(start, end)| (minutes(*start), minutes(*end))).collect();
        kinds(&inputs, &flags(), &[decision])
    };
    let schedule = [Kind::Schedule];
    // The grid is 06:30, 07:30, …
    assert_eq!(of(json!({}), &[(30, 90), (150, 210), (270, 300)]), []);
    assert_eq!(of(json!({}), &[(30, 90), (90, 180)]), []);
    assert_eq!(of(json!({ "pausable": false }), &[(30, 90), (150, 240)]), schedule);
    assert_eq!(of(json!({ "deadline": null }), &[(30, 90), (150, 240)]), schedule);
    assert_eq!(of(json!({}), &[(30, 60), (150, 270)]), schedule);
    assert_eq!(of(json!({}), &[(30, 90), (160, 250)]), schedule);
    assert_eq!(of(json!({}), &[(90, 150), (30, 120)]), schedule);
    assert_eq!(of(json!({}), &[(30, 270), (330, 390)]), schedule);
    assert_eq!(of(json!({ "deadline": "4h" }), &[(30, 90), (150, 240)]), []);
    assert_eq!(
        of(json!({ "deadline": "239m" }), &[(30, 90), (150, 240)]),
        [Kind::Constraint(Constraint::Deadline)]
    );
}

fn used(node: &str, replicas: u32, devices: &[u32]) -> NodeUse {
    NodeUse { node: node.into(), replicas, devices: (!devices.is_empty()).then(|| devices.to_vec()) }
}

#[test]
fn no_node_or_device_is_overfilled_at_any_instant() {
    let estate = json!({ "sites": [{ "name": "lab", "nodes": [{ "name": "a", "count": 2, "accelerator": "A100",
        "accelerators": 4, "cpu": 16, "memory": "64Gi", "hourly": 1 }] }], "offers": [offer("o", json!({}))] });
    let asks = |count: f64, cpu: u32, more: Value| {
        let mut spec = batch(
            json!({ "request": { "accelerators": { "anyOf": ["A100"], "count": count }, "cpu": cpu } }),
        );
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let work = [
        ("two", asks(2.0, 4, json!({ "replicas": 2 }))),
        ("part", asks(0.5, 1, json!({ "replicas": 3 }))),
        ("late", asks(4.0, 8, json!({ "earliest": "6h" }))),
        ("cores", batch(json!({ "request": { "cpu": 10 } }))),
    ];
    let inputs = inputs(estate, &work);
    let own = |workload: usize, start: i64, nodes: &[NodeUse]| Decision {
        nodes: Some(nodes.to_vec()),
        ..on(workload, "lab/a/on-prem", start)
    };
    let of = |decisions: &[Decision]| kinds(&inputs, &flags(), decisions);
    let packing = [Kind::Packing];
    let two = own(0, 0, &[used("a/0", 1, &[0, 1]), used("a/1", 1, &[2, 3])]);
    assert_eq!(of(std::slice::from_ref(&two)), []);
    assert_eq!(of(&[two.clone(), own(1, 0, &[used("a/0", 3, &[2, 2, 3])])]), []);
    assert_eq!(of(&[two.clone(), own(1, 0, &[used("a/0", 1, &[2]), used("a/1", 2, &[0, 0])])]), []);
    // Over a whole device, over a part, three halves on one.
    assert_eq!(of(&[two.clone(), own(1, 0, &[used("a/0", 3, &[1, 2, 3])])]), packing);
    assert_eq!(of(&[own(1, 0, &[used("a/0", 3, &[2, 2, 2])])]), packing);
    assert_eq!(of(&[own(0, 0, &[used("a/0", 2, &[0, 1, 1, 2])])]), packing);
    // What starts when the others end has the node; a minute earlier it would not.
    assert_eq!(of(&[two.clone(), own(2, 360, &[used("a/0", 1, &[0, 1, 2, 3])])]), []);
    // Cores: 4 + 10 fit into 16, 8 + 10 do not.
    assert_eq!(of(&[two.clone(), own(3, 0, &[used("a/0", 1, &[])])]), []);
    assert_eq!(
        of(&[own(0, 0, &[used("a/0", 2, &[0, 1, 2, 3])]), own(3, 0, &[used("a/0", 1, &[])])]),
        packing
    );
    // Shapes: another number of replicas, devices, nodes, names.
    assert_eq!(of(&[own(0, 0, &[used("a/0", 1, &[0, 1])])]), packing);
    assert_eq!(of(&[own(0, 0, &[used("a/0", 2, &[0, 1, 2])])]), packing);
    assert_eq!(of(&[own(0, 0, &[used("a/0", 1, &[0, 1]), used("a/1", 1, &[3, 4])])]), packing);
    for name in ["a/2", "a/00", "a", "b/0", "a/+1", "lab/a/0", "a/"] {
        assert_eq!(of(&[own(0, 0, &[used("a/0", 1, &[0, 1]), used(name, 1, &[0, 1])])]), packing, "{name}");
    }
    let elsewhere = of(&[Decision { offer: "o".into(), ..two }]);
    assert_eq!(elsewhere, [Kind::Constraint(Constraint::Accelerator), Kind::Packing]);
}

#[test]
fn without_nodes_the_checker_searches_a_packing_exactly() {
    let estate = |count: u32| {
        json!({ "sites": [{ "name": "lab", "nodes": [{ "name": "a", "count": count,
        "accelerator": "A100", "accelerators": 4, "cpu": 16, "hourly": 1 }] }] })
    };
    let asks = |count: f64, cpu: u32, replicas: u32, earliest: &str, duration: &str| {
        batch(json!({ "request": { "accelerators": { "anyOf": ["A100"], "count": count }, "cpu": cpu },
            "replicas": replicas, "earliest": earliest, "duration": duration }))
    };
    let of = |nodes: u32, work: &[Value], starts: &[i64]| {
        let named: Vec<(&str, Value)> = ["a", "b", "c", "d"].into_iter().zip(work.iter().cloned()).collect();
        let decisions: Vec<Decision> =
            starts.iter().enumerate().map(|(at, start)| on(at, "lab/a/on-prem", *start)).collect();
        kinds(&inputs(estate(nodes), &named), &flags(), &decisions).is_empty()
    };
    let whole = |count: f64, replicas| asks(count, 1, replicas, "0s", "6h");
    // Three threes do not fit on two nodes of four, though nine is not the trouble: two threes and a two are.
    assert!(of(2, &[whole(3.0, 2), whole(1.0, 2)], &[0, 0]));
    assert!(!of(2, &[whole(3.0, 2), whole(2.0, 1)], &[0, 0]));
    assert!(of(3, &[whole(3.0, 2), whole(2.0, 2)], &[0, 0]));
    // 0.6 leaves 0.4 on each device: eight of the one, eight of the other, not nine.
    assert!(of(2, &[whole(0.6, 8), whole(0.4, 8)], &[0, 0]));
    assert!(!of(2, &[whole(0.6, 8), whole(0.4, 9)], &[0, 0]));
    assert!(!of(2, &[whole(0.6, 8), whole(0.3, 9)], &[0, 0]));
    // By cores: 16 hold two of 7 beside nothing of 3.
    assert!(of(1, &[asks(1.0, 7, 2, "0s", "6h"), asks(1.0, 2, 1, "0s", "6h")], &[0, 0]));
    assert!(!of(1, &[asks(1.0, 7, 2, "0s", "6h"), asks(1.0, 3, 1, "0s", "6h")], &[0, 0]));
    // Over time: b follows a on the same devices; c bridges the change and needs its own.
    let a = asks(2.0, 1, 1, "0s", "2h");
    let b = asks(2.0, 1, 1, "2h", "2h");
    let c = asks(2.0, 1, 1, "1h", "2h");
    let d = asks(1.0, 1, 1, "90m", "1h");
    assert!(of(1, &[a.clone(), b.clone(), c.clone()], &[0, 120, 60]));
    assert!(!of(1, &[a, b, c, d], &[0, 120, 60, 90]));
    assert_eq!(minutes(0), at("2026-11-25T06:00:00Z"));
}
