//! Instances, compute, reservations, risk, delay, latency, moves: against figures made by hand.

use plimsoll_model::Duration;
use serde_json::{Value, json};

use crate::common::{batch, fine, flags, inputs, kinds, minutes, offer, on, usd};
use plimsoll_verify::{Kind, evaluate};

/// A request, what one instance has, replicas; then k and n.
#[test]
fn replicas_fit_by_accelerators_cpu_and_memory() {
    let eight = json!({ "accelerators": { "anyOf": ["h100"], "count": 8 } });
    let two = json!({ "accelerators": { "kind": "gpu", "count": 2 }, "cpu": 20, "memory": "64Gi" });
    let cpu = json!({ "cpu": "500m", "memory": "300Gi" });
    let kind_of_machine = json!({ "instanceType": "p5" });
    let cases = [
        (&eight, json!({}), 4, 1, 4.0),
        (&eight, json!({ "accelerators": 17 }), 5, 2, 3.0),
        (&two, json!({ "acceleratorKind": "gpu" }), 7, 3, 3.0),
        (&two, json!({ "acceleratorKind": "gpu", "cpu": 200 }), 7, 4, 2.0),
        (&two, json!({ "acceleratorKind": "gpu", "cpu": 200 }), 3, 3, 1.0),
        (&cpu, json!({}), 2, 1, 2.0),
        (&cpu, json!({ "memory": "1Ti" }), 100, 3, 34.0),
        (&kind_of_machine, json!({}), 9, 9, 1.0),
    ];
    for (request, changes, replicas, k, n) in cases {
        let inputs = inputs(
            json!({ "offers": [offer("o", changes)] }),
            &[("w", batch(json!({ "request": request, "replicas": replicas })))],
        );
        let evaluation = fine(&inputs, &flags(), &[on(0, "o", 0)]);
        let placed = &evaluation.placements[0];
        assert_eq!((placed.replicas_per_instance, placed.instances), (k, n), "{request} × {replicas}");
        assert_eq!(placed.usd.compute, usd(n * 10.0 * 6.0), "{request} × {replicas}");
    }
}

#[test]
fn own_nodes_are_shared_by_the_largest_share() {
    let node = json!({ "name": "a", "count": 4, "accelerator": "A100", "accelerators": 8, "cpu": 64,
        "memory": "512Gi", "hourly": 4, "watts": 3000 });
    let site = |electricity: Value| json!({ "sites": [{ "name": "lab", "pue": 1.5, "electricity": electricity, "nodes": [node] }] });
    let cases = [
        // Share by accelerators 3/8, by cpu 1/4; 4 × 3/8 = 1.5 nodes; two fit on a node.
        (json!({ "accelerators": { "anyOf": ["A100"], "count": 3 }, "cpu": 16 }), 4, 2, 1.5),
        // By cpu 1/2.
        (json!({ "accelerators": { "anyOf": ["A100-40GB"], "count": 1 }, "cpu": 32 }), 1, 1, 0.5),
        // 0.3 on 8 devices: 24 fit, each has 0.3/8 of the node.
        (json!({ "accelerators": { "anyOf": ["A100"], "count": 0.3 } }), 30, 24, 1.125),
        (json!({ "memory": "128Gi" }), 2, 2, 0.5),
    ];
    for (request, replicas, k, n) in cases {
        for electricity in [Value::Null, json!(0.2)] {
            let inputs = inputs(
                site(electricity.clone()),
                &[("w", batch(json!({ "request": request, "replicas": replicas })))],
            );
            let evaluation = fine(&inputs, &flags(), &[on(0, "lab/a/on-prem", 0)]);
            let placed = &evaluation.placements[0];
            assert_eq!((placed.replicas_per_instance, placed.instances), (k, n), "{request}");
            // n × 3 kW × 1.5 × 6 h = 27 n kWh.
            assert_eq!(placed.energy_kwh, Some(27.0 * n), "{request}");
            let power = if electricity.is_null() { 0.0 } else { 27.0 * n * 0.2 };
            assert_eq!(placed.usd.compute, usd(n * 4.0 * 6.0 + power), "{request}");
        }
    }
}

#[test]
fn a_run_is_as_long_as_its_speed_says() {
    let offers = json!({ "offers": [
        offer("h", json!({})),
        offer("a", json!({ "accelerator": "nvidia-a100-80gb", "instanceType": "p4de" })),
        offer("c", json!({ "accelerator": null, "accelerators": null, "instanceType": "m7" })),
        offer("d", json!({ "accelerator": null, "accelerators": null, "instanceType": "c7" }))
    ]});
    let speed = json!({ "H100": 2.5, "A100-80GB": 0.7, "p4de": 9, "c7": 0.25, "cpu": 0.5 });
    let spec = batch(json!({ "request": { "cpu": 4 }, "speed": speed, "duration": "7h" }));
    let inputs = inputs(offers, &[("w", spec)]);
    for (name, hours) in [("h", 2.8), ("a", 10.0), ("c", 14.0), ("d", 28.0)] {
        let evaluation = fine(&inputs, &flags(), &[on(0, name, 0)]);
        assert_eq!(evaluation.placements[0].usd.compute, usd(10.0 * hours), "{name}");
        let work = Duration::from_secs((hours * 3600.0) as i64);
        assert_eq!(evaluation.placements[0].end, minutes(0) + work, "{name}");
    }
}

#[test]
fn price_rules_apply_in_order() {
    let estate = json!({
        "offers": [offer("o", json!({ "hourly": 10 })), offer("p", json!({ "cloud": "gcp" }))],
        "prices": [
            { "match": { "accelerator": "h100-80gb" }, "multiply": 0.9 },
            { "match": { "cloud": "aws", "region": "aws/us-east-1" }, "multiply": 0.5 },
            { "match": { "offer": "p" }, "hourly": 2.1 },
            { "match": { "capacity": "spot" }, "multiply": 100 },
            { "match": { "offer": "p", "instanceType": "p5", "region": "us-east-1" }, "multiply": 0.3 }
        ]
    });
    let inputs = inputs(estate, &[("w", batch(json!({})))]);
    for (name, hourly) in [("o", 4.5), ("p", 0.63)] {
        let evaluation = fine(&inputs, &flags(), &[on(0, name, 0)]);
        assert_eq!(evaluation.placements[0].usd.compute, usd(6.0 * hourly), "{name}");
    }
}

#[test]
fn money_is_rounded_once_and_half_to_even() {
    // A third of an hour at 0.000_015 is 0.000005; half of a micro-dollar goes to the even one.
    for (hourly, duration, micros) in
        [(0.000_015, "6m", 2), (0.000_025, "6m", 2), (0.000_01, "20m", 3), (1.0, "1s", 278)]
    {
        let inputs = inputs(
            json!({ "offers": [offer("o", json!({ "hourly": hourly }))] }),
            &[("w", batch(json!({ "duration": duration })))],
        );
        let evaluation = fine(&inputs, &flags(), &[on(0, "o", 0)]);
        assert_eq!(evaluation.total_usd.to_micro(), micros, "{hourly} {duration}");
    }
}

#[test]
fn sunk_reservations_go_to_the_first_in_document_order_at_every_instant() {
    let estate =
        |reservations: Value| json!({ "offers": [offer("o", json!({}))], "reservations": reservations });
    let work = [
        ("a", batch(json!({ "replicas": 2, "duration": "4h" }))),
        ("b", batch(json!({ "replicas": 3, "duration": "4h", "earliest": "2h" }))),
    ];
    // a holds 2 over [0, 4), b holds 3 over [2, 6).
    let cases = [
        (json!([]), 80.0, 120.0),
        // Three are free: a has 2 of them; b 1 over [2, 4) and 3 over [4, 6).
        (json!([{ "offer": "o", "count": 3 }]), 0.0, 40.0),
        // Until 09:00, 3 h from now: of a 1 hour is paid, of b 3 hours; b has 1 over [2, 3).
        (json!([{ "offer": "o", "count": 3, "until": "2026-11-25T09:00:00Z" }]), 20.0, 110.0),
        // Two entries add up while both last.
        (
            json!([{ "offer": "o", "count": 1 }, { "offer": "o", "count": 4, "until": "2026-11-25T10:00:00Z" }]),
            0.0,
            40.0,
        ),
        (json!([{ "offer": "o", "count": 5, "sunk": false }]), 80.0, 120.0),
        (json!([{ "offer": "p", "count": 5 }]), 80.0, 120.0),
    ];
    for (reservations, a, b) in cases {
        let inputs = inputs(estate(reservations.clone()), &work);
        let evaluation = fine(&inputs, &flags(), &[on(1, "o", 120), on(0, "o", 0)]);
        let paid: Vec<_> = evaluation.placements.iter().map(|placed| placed.usd.compute).collect();
        assert_eq!(paid, [usd(a), usd(b)], "{reservations}");
    }
}

#[test]
fn reserved_own_nodes_still_pay_their_electricity() {
    let estate = json!({
        "sites": [{ "name": "lab", "electricity": 0.5, "nodes": [
            { "name": "a", "accelerator": "H100", "accelerators": 8, "hourly": 3, "watts": 1000 }] }],
        "reservations": [{ "offer": "lab/a/on-prem", "count": 1 }]
    });
    let half = batch(json!({ "request": { "accelerators": { "anyOf": ["H100"], "count": 4 } } }));
    let inputs = inputs(estate, &[("w", half)]);
    assert_eq!(fine(&inputs, &flags(), &[on(0, "lab/a/on-prem", 0)]).total_usd, usd(0.5 * 6.0 * 0.5));
}

#[test]
fn risk_is_expected_rework_on_what_is_billed() {
    let spot = json!({ "capacity": "spot", "interruptionsPerHour": 0.05 });
    let estate = |changes: Value| {
        let mut estate = json!({ "offers": [offer("o", spot.clone())] });
        estate.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        estate
    };
    // (e^x − 1)/x − 1 with x = λ n p.
    let factor = |x: f64| x.exp_m1() / x - 1.0;
    let half_hour = json!({ "every": "30m", "restart": "6m" });
    let cases = [
        (json!({}), json!({}), 60.0 * factor(0.3)),
        (json!({}), json!({ "replicas": 4 }), 240.0 * factor(1.2)),
        (json!({}), json!({ "checkpoint": half_hour }), 60.0 * factor(0.03)),
        (json!({}), json!({ "duration": "12m", "checkpoint": half_hour }), 2.0 * factor(0.01)),
        // Half is reserved: the factor of all instances on the compute that is billed.
        (
            json!({ "reservations": [{ "offer": "o", "count": 2 }] }),
            json!({ "replicas": 4 }),
            120.0 * factor(1.2),
        ),
        (
            json!({ "interruptions": [{ "match": {}, "perHour": 7 }, { "match": { "capacity": "spot" }, "perHour": 0.1 },
            { "match": { "cloud": "gcp" }, "perHour": 9 }] }),
            json!({}),
            60.0 * factor(0.6),
        ),
        (json!({ "interruptions": [{ "match": {}, "perHour": 0 }] }), json!({}), 0.0),
    ];
    for (changes, spec, risk) in cases {
        let mut spec = batch(spec);
        spec["interruptible"] = json!(true);
        let inputs = inputs(estate(changes.clone()), &[("w", spec.clone())]);
        let shown = fine(&inputs, &flags(), &[on(0, "o", 0)]).placements[0].usd.risk;
        assert!((shown.to_f64() - risk).abs() < 1e-6, "{changes} {spec}: {shown} {risk}");
    }
}

#[test]
fn delay_counts_from_earliest_to_the_end_and_for_services_to_the_start() {
    let estate = json!({ "offers": [offer("o", json!({}))] });
    let mut flags = flags();
    flags.delay_price = usd(2.0);
    let service = json!({ "duration": null, "deadline": "72h" });
    for (spec, start, delay) in [
        (json!({}), 0, 12.0),
        (json!({ "earliest": "90m" }), 90, 12.0),
        (json!({ "earliest": "2026-11-25T05:00:00Z", "deadline": "20h" }), 60, 14.0),
        (json!({ "deadline": "20h" }), 120, 16.0),
        (service, 180, 6.0),
    ] {
        let inputs = inputs(estate.clone(), &[("w", batch(spec.clone()))]);
        let evaluation = fine(&inputs, &flags, &[on(0, "o", start)]);
        assert_eq!(evaluation.placements[0].usd.delay, usd(delay), "{spec}");
    }
}

#[test]
fn leaving_the_current_offer_costs_and_a_document_wins_over_a_previous_plan() {
    let estate = json!({ "offers": [offer("o", json!({}))] });
    for (current, previous, moving) in [
        (Some("o"), None, 0.0),
        (Some("gone"), None, 5.5),
        (None, None, 0.0),
        (None, Some("p"), 5.5),
        (Some("o"), Some("p"), 0.0),
    ] {
        let mut flags = flags();
        flags.previous.extend(previous.map(|offer| ("w".to_owned(), offer.to_owned())));
        let inputs = inputs(estate.clone(), &[("w", batch(json!({ "current": current, "moveCost": 5.5 })))]);
        let evaluation = fine(&inputs, &flags, &[on(0, "o", 0)]);
        assert_eq!(evaluation.placements[0].usd.moving, usd(moving), "{current:?} {previous:?}");
    }
}

#[test]
fn latency_is_priced_over_normalised_shares() {
    let estate = json!({ "offers": [offer("o", json!({}))], "latency": [
        { "from": "aws/eu-west-1", "to": "aws/us-east-1", "ms": 70 },
        { "from": "us-west-2", "to": "aws", "ms": 62.5 }
    ]});
    let clients = json!([
        { "region": "aws/eu-west-1", "share": 0.6 }, { "region": "aws/us-west-2", "share": 0.2 },
        { "region": "moon", "share": 0 }
    ]);
    let spec = json!({ "duration": null, "clients": clients, "latency": { "price": 0.01 } });
    let inputs = inputs(estate, &[("w", batch(spec))]);
    // (0.6 × 70 + 0.2 × 62.5) / 0.8 = 68.125 ms over 24 h.
    assert_eq!(
        fine(&inputs, &flags(), &[on(0, "o", 0)]).placements[0].usd.latency,
        usd(0.01 * 68.125 * 24.0)
    );
}

#[test]
fn a_missing_figure_that_a_price_needs_is_named() {
    let estate = |changes: Value| json!({ "offers": [offer("o", changes)] });
    let spot = json!({ "interruptible": true });
    let dear_carbon = {
        let mut flags = flags();
        flags.carbon_price = usd(100.0);
        flags
    };
    let away = json!({ "outputs": [{ "to": "gcp/us-east4", "size": "1Gi" }] });
    let slow = json!({ "clients": [{ "region": "gcp/x" }], "latency": { "price": 1 } });
    for (changes, spec, flags) in [
        (json!({ "capacity": "spot" }), spot, flags()),
        (json!({}), json!({}), dear_carbon),
        (json!({}), away, flags()),
        (json!({}), slow, flags()),
    ] {
        let inputs = inputs(estate(changes), &[("w", batch(spec.clone()))]);
        assert_eq!(kinds(&inputs, &flags, &[on(0, "o", 0)]), [Kind::Document], "{spec}");
    }
}

#[test]
fn the_objective_puts_required_workloads_first_by_priority() {
    let estate = json!({ "offers": [offer("o", json!({ "count": 1 }))] });
    let work = [
        ("low", batch(json!({ "priority": 1 }))),
        ("also-low", batch(json!({ "priority": 1 }))),
        ("high", batch(json!({ "priority": 5 }))),
        ("extra", batch(json!({ "value": 40.5 }))),
    ];
    let inputs = inputs(estate, &work);
    let low = evaluate(&inputs, &flags(), &[on(0, "o", 0)]);
    let high = evaluate(&inputs, &flags(), &[on(2, "o", 0)]);
    let extra = evaluate(&inputs, &flags(), &[on(3, "o", 0)]);
    assert_eq!(low.left_out.clone().into_iter().collect::<Vec<_>>(), [(1, 1), (5, 1)]);
    assert!(high.cmp_objective(&low).is_lt() && low.cmp_objective(&extra).is_lt());
    assert_eq!((low.total_usd, extra.total_usd), (usd(100.5), usd(60.0)));
    assert_eq!(low.parts.value_forgone, usd(40.5));
}
