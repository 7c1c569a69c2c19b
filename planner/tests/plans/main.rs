//! Plans of small hand-made estates, figures reckoned by hand, each held against the checker.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

#[path = "../common/mod.rs"]
mod common;
mod lacking;
mod together;

use plimsoll_model::{Inputs, Plan, plan::Status};
use plimsoll_planner::Settings;

fn inputs(yaml: &str) -> Inputs {
    common::load(yaml).unwrap_or_else(|e| panic!("{e}"))
}

fn plan(yaml: &str, change: impl FnOnce(&mut Settings)) -> Plan {
    let inputs = inputs(yaml);
    let mut settings = Settings::of(&inputs);
    change(&mut settings);
    let plan =
        plimsoll_planner::plan(&inputs, &settings, None, &mut |_| {}).unwrap_or_else(|e| panic!("{e}"));
    let violations = plimsoll_verify::verify(&plan, &inputs);
    assert!(violations.is_empty(), "{violations:#?}\n{}", serde_json::to_string_pretty(&plan).unwrap());
    plan
}

const ESTATE: &str = "
apiVersion: plimsoll.dev/v1alpha1
kind: Estate
metadata: {name: e}
spec:
  time: 2026-01-01T00:00:00Z
  catalog: []
  defaults: none
  offers:
  - {cloud: aws, region: us-east-1, instanceType: p4, accelerator: A100, accelerators: 8, cpu: 96, memory: 1152Gi, capacity: on-demand, hourly: 32.77}
  - {cloud: aws, region: us-east-1, instanceType: p4, accelerator: A100, accelerators: 8, cpu: 96, memory: 1152Gi, capacity: spot, hourly: 12.5, interruptionsPerHour: 0.02}
  - {cloud: gcp, region: us-central1, instanceType: a2, accelerator: A100, accelerators: 8, cpu: 96, memory: 680Gi, capacity: on-demand, hourly: 29.38, count: 1}
  datasets:
  - {name: d, size: 1000Gi, at: [aws/us-east-1]}
  egress:
  - {from: aws/us-east-1, to: '*', usdPerGb: 0.02}
  throughput:
  - {from: '*', to: '*', gbps: 10}
";

#[test]
fn the_cheaper_offer_wins_when_nothing_else_counts() {
    let plan = plan(
        &format!(
            "{ESTATE}\n---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: w}}\nspec:\n  duration: 10h\n  request: {{accelerators: {{anyOf: [A100], count: 8}}}}\n"
        ),
        |_| {},
    );
    assert_eq!(plan.status, Status::Optimal);
    assert_eq!(plan.placements[0].offer.full_name(), "gcp/us-central1/a2/on-demand");
    assert_eq!(plan.objective.total_usd.to_string(), "293.8");
    let runner = plan.placements[0].runner_up.as_ref().unwrap();
    assert_eq!(
        (runner.offer.as_str(), runner.extra_usd.to_string()),
        ("aws/us-east-1/p4/on-demand", "33.9".into())
    );
}

#[test]
fn data_draws_the_work_to_it() {
    let workload = "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec:\n  duration: 5h\n  inputs: [{dataset: d}]\n  request: {accelerators: {anyOf: [A100], count: 8}}\n";
    let plan = plan(&format!("{ESTATE}\n---\n{workload}"), |_| {});
    // 5 h × 29.38 + 1000 GB × 0.02 = 166.9 against 163.85.
    assert_eq!(plan.objective.total_usd.to_string(), "163.85");
}

#[test]
fn spot_is_charged_for_its_risk() {
    let workload = "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec:\n  duration: 10h\n  interruptible: true\n  request: {accelerators: {anyOf: [A100], count: 8}}\n";
    let plan = plan(&format!("{ESTATE}\n---\n{workload}"), |_| {});
    let parts = &plan.objective.parts;
    // 125 × ((e^0.2 − 1)/0.2 − 1)
    assert_eq!(parts.compute.to_string(), "125");
    assert_eq!(parts.risk.to_string(), "13.376724");
}

#[test]
fn a_count_sends_the_second_elsewhere() {
    let one = "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: NAME}\nspec:\n  duration: 10h\n  request: {accelerators: {anyOf: [A100], count: 8}}\n";
    let two = format!("{ESTATE}\n---\n{}\n---\n{}", one.replace("NAME", "a"), one.replace("NAME", "b"));
    let plan = plan(&two, |_| {});
    assert_eq!(plan.objective.total_usd.to_string(), "621.5");
    assert_eq!(plan.status, Status::Optimal);
}

#[test]
fn what_fits_nowhere_is_explained() {
    let workload = "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec:\n  duration: 10h\n  deadline: 8h\n  request: {accelerators: {anyOf: [A100], count: 8}}\n";
    let plan = plan(&format!("{ESTATE}\n---\n{workload}"), |_| {});
    assert_eq!(plan.status, Status::Infeasible);
    let causes = &plan.unplaced[0].causes;
    assert_eq!(causes.len(), 1);
    assert_eq!((causes[0].constraint.as_str(), causes[0].relax_by), ("deadline", Some(2.0)));
}

/// An accelerator that no offer has is not explained by whatever other machine would be cheapest.
#[test]
fn the_nearest_name_of_an_accelerator_is_suggested() {
    let cheap = "  - {cloud: aws, region: us-east-1, instanceType: g6, accelerator: L4, accelerators: 8, cpu: 96, memory: 99Gi, capacity: on-demand, hourly: 5}\n  datasets:";
    let estate = ESTATE.replace("  datasets:", cheap);
    for (names, reason, has, nearest) in [
        (
            "[A1001]",
            "no offer has the accelerator `A1001`; did you mean `A100`?",
            serde_json::json!("A100"),
            true,
        ),
        ("[Foo9]", "no offer has the accelerator `Foo9`", serde_json::json!(null), false),
        (
            "[Foo9, A1001]",
            "no offer has the accelerator `Foo9` or `A1001`; did you mean `A100`?",
            serde_json::json!("A100"),
            true,
        ),
    ] {
        let workload = format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: w}}\nspec:\n  duration: 10h\n  request: {{accelerators: {{anyOf: {names}, count: 8}}}}\n"
        );
        let plan = plan(&format!("{estate}\n---\n{workload}"), |_| {});
        let unplaced = &plan.unplaced[0];
        assert_eq!(unplaced.reason, reason);
        let [cause] = &unplaced.causes[..] else { panic!("{unplaced:?}") };
        assert_eq!((cause.constraint.as_str(), &cause.has), ("accelerator", &has));
        assert_eq!(unplaced.nearest.is_some(), nearest);
    }
}

#[test]
fn what_is_left_out_for_its_price_says_so_and_names_only_limits_that_would_change_that() {
    let optional = |name: &str, spec: &str| {
        format!(
            "\n---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{duration: 10h, request: {{cpu: 96}}, {spec}}}\n"
        )
    };
    // 163.85 to 327.7 a run on demand, 125 + 13.38 on spot.
    let documents = [
        optional("dear", "value: 100, interruptible: true, clouds: [gcp]"),
        optional("steady", "value: 140, clouds: [aws]"),
        optional("nowhere", "value: 100, interruptible: true, clouds: [azure]"),
        optional("far", "value: 140, clouds: [azure]"),
        optional("close", "value: 293.799, clouds: [gcp]"),
    ]
    .concat();
    let plan = plan(&format!("{ESTATE}{documents}"), |_| {});
    let said = |index: usize| {
        let unplaced = &plan.unplaced[index];
        let causes = unplaced.causes.iter().map(|cause| cause.constraint.as_str()).collect::<Vec<_>>();
        let cost = unplaced.cost_usd.map(|usd| usd.to_string());
        (&*unplaced.workload, &*unplaced.reason, causes, unplaced.together, cost)
    };
    let cost = |usd: &str| Some(usd.to_owned());
    let price = "it costs $293.80 and is worth $100.00";
    assert_eq!(said(0), ("dear", price, vec![], false, cost("293.8")));
    let price = "where it fits it costs $327.70 and is worth $140.00";
    assert_eq!(said(1), ("steady", price, vec!["interruptible"], false, cost("327.7")));
    let price = "it would cost $138.38 even without limits and is worth $100.00";
    assert_eq!(said(2), ("nowhere", price, vec![], false, cost("138.376724")));
    let price = "it would fit if 2 limits gave together";
    assert_eq!(said(3), ("far", price, vec!["interruptible", "region"], true, None));
    let price = "it costs $293.8 and is worth $293.799";
    assert_eq!(said(4), ("close", price, vec![], false, cost("293.8")));
}

#[test]
fn an_offer_is_judged_by_the_first_way_that_admits_it() {
    let run = |spec: &str| {
        plan(
            &format!(
                "{ESTATE}\n---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: w}}\nspec:\n  duration: 10h\n  replicas: 2\n{spec}"
            ),
            |_| {},
        )
    };
    // Four cards on Google's, or eight on Amazon's: half of a machine each, or a machine each.
    let four = "  request: {accelerators: {anyOf: [A100], count: 4}}\n  clouds: gcp\n";
    let eight = "  alternatives:\n  - {request: {accelerators: {anyOf: [A100], count: 8}}, clouds: aws}\n";
    let placed = run(&format!("{four}{eight}")).placements.remove(0);
    assert_eq!(
        (&*placed.offer.full_name(), placed.replicas_per_instance),
        ("gcp/us-central1/a2/on-demand", 2)
    );
    assert!((placed.instances - 1.0).abs() < 1e-9);
    let there = run(&format!("{four}  notIn: gcp\n{eight}")).placements.remove(0);
    assert_eq!((&*there.offer.full_name(), there.replicas_per_instance), ("aws/us-east-1/p4/on-demand", 1));
    assert!((there.instances - 2.0).abs() < 1e-9);
    // One replica an instance: Google has one instance only, so that two machines of Amazon's it is.
    let apart = run(&format!("  perInstance: 1\n{four}{eight}")).placements.remove(0);
    assert_eq!(&*apart.offer.full_name(), "aws/us-east-1/p4/on-demand");
}

#[test]
fn an_edge_that_moves_nothing_needs_no_price() {
    let task = |name: &str, cloud: &str, inputs: &str| {
        format!(
            "\n---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec:\n  duration: 1h\n  clouds: {cloud}\n  request: {{cpu: 96}}\n{inputs}"
        )
    };
    let estate =
        ESTATE.replace("  - {from: aws/us-east-1, to: '*', usdPerGb: 0.02}\n", "").replace("  egress:\n", "");
    let edge = |size| format!("  inputs: [{{from: a, size: {size}}}]\n");
    let plan = plan(&format!("{estate}{}{}", task("a", "aws", ""), task("b", "gcp", &edge(0))), |_| {});
    assert!(plan.placements[1].usd.egress.is_zero());
    let inputs = inputs(&format!("{estate}{}{}", task("a", "aws", ""), task("b", "gcp", &edge(1))));
    let refused = plimsoll_planner::plan(&inputs, &Settings::of(&inputs), None, &mut |_| {}).unwrap_err();
    assert!(
        refused.to_string().contains("no egress price from aws/us-east-1 to gcp/us-central1"),
        "{refused}"
    );
}

#[test]
fn a_producer_stays_off_places_that_nothing_says_how_to_leave() {
    let text = "
apiVersion: plimsoll.dev/v1alpha1
kind: Workload
metadata: {name: a}
spec: {duration: 1h, request: {accelerators: {anyOf: [H100], count: 8}}, regions: [nebius, aws]}
---
apiVersion: plimsoll.dev/v1alpha1
kind: Workload
metadata: {name: b}
spec: {duration: 1h, request: {cpu: 4}, regions: [aws], inputs: [{from: a, size: 1Gi}]}
";
    let placed = |text: &str| plan(text, |_| {}).placements.remove(0).offer.cloud.unwrap();
    // Nothing states what data costs that leaves Nebius, which is cheaper.
    assert_eq!(placed(text), "aws");
    assert_eq!(placed(&text.replace("1Gi", "0")), "nebius");
}

#[test]
fn a_part_of_a_card_holds_no_whole_one_and_counts_as_what_it_is() {
    let estate = "
apiVersion: plimsoll.dev/v1alpha1
kind: Estate
metadata: {name: e}
spec:
  time: 2026-01-01T00:00:00Z
  catalog: []
  offers:
  - {cloud: azure, region: eastus, instanceType: NV6, accelerator: A10, accelerators: 0.167, cpu: 6, capacity: on-demand, hourly: 0.5}
  - {cloud: azure, region: eastus, instanceType: NV36, accelerator: A10, cpu: 36, capacity: on-demand, hourly: 4}
  - {cloud: azure, region: eastus, instanceType: NV90, accelerator: A10, accelerators: 2.5, cpu: 90, capacity: on-demand, hourly: 9}
  quotas: [{match: {instanceType: NV6}, accelerators: 1}]
";
    let workload = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{duration: 1h, {spec}}}\n"
        )
    };
    let whole = workload("whole", "request: {accelerators: {kind: gpu}}");
    let two = workload("two", "replicas: 2, request: {accelerators: {kind: gpu}, cpu: 40}");
    let desks = workload("desks", "replicas: 5, request: {instanceType: NV6, cpu: 6}");
    let planned = plan(&[estate, &whole, &two, &desks].concat(), |_| {});
    let offers: Vec<String> = planned.placements.iter().map(|placed| placed.offer.full_name()).collect();
    let name = |machine: &str| format!("azure/eastus/{machine}/on-demand");
    assert_eq!(offers, [name("NV36"), name("NV90"), name("NV6")]);
    let counts =
        planned.placements.iter().map(|placed| serde_json::to_value(placed.offer.accelerators).unwrap());
    assert_eq!(counts.collect::<Vec<_>>(), [serde_json::json!(1), 2.5.into(), 0.167.into()]);
    // Six of them are 1.002 cards.
    let planned = plan(&[estate, &desks.replace("replicas: 5", "replicas: 6")].concat(), |_| {});
    let mut causes = planned.unplaced[0].causes.iter();
    let quota = causes.find(|cause| cause.constraint.as_str() == "quota").unwrap();
    assert_eq!(quota.relax_by, Some(0.002));
}

#[test]
fn arm_machines_are_told_apart() {
    let estate = "
apiVersion: plimsoll.dev/v1alpha1
kind: Estate
metadata: {name: e}
spec:
  time: 2026-01-01T00:00:00Z
  catalog: []
  offers:
  - {cloud: c, region: r, instanceType: unknown, cpu: 8, capacity: on-demand, hourly: 0.1, count: 0}
  - {cloud: c, region: r, instanceType: arm, cpu: 8, arch: arm64, capacity: on-demand, hourly: 1}
  - {cloud: c, region: r, instanceType: x86, cpu: 8, arch: amd64, capacity: on-demand, hourly: 2}
";
    let workload = |name: &str, arch: &str| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{duration: 1h, request: {{cpu: 8{arch}}}}}\n"
        )
    };
    let documents =
        [workload("either", ""), workload("arm", ", arch: arm64"), workload("x86", ", arch: amd64")];
    let planned = plan(&format!("{estate}{}", documents.concat()), |_| {});
    let machines = planned.placements.iter().map(|placed| placed.offer.instance_type.as_deref());
    assert_eq!(machines.collect::<Vec<_>>(), [Some("arm"), Some("arm"), Some("x86")]);
    let assumed = planned.assumptions.iter().filter(|a| a.what.starts_with("architecture"));
    let assumed: Vec<_> = assumed.map(|a| (&*a.what, &*a.value)).collect();
    assert_eq!(assumed, [("architecture of either", "arm64")]);
    let other = workload("w", ", arch: amd64").replace("cpu: 8", "instanceType: arm");
    let planned = plan(&format!("{estate}{other}"), |_| {});
    let causes = &planned.unplaced[0].causes;
    assert_eq!(
        (causes[0].constraint.as_str(), &*causes[0].name, &causes[0].has),
        ("size", "arch", &"arm64".into())
    );
}

/// Plans three workloads anew that ran somewhere; where each runs then, in document order.
fn replanned(offers: &str, specs: [&str; 3], before: [&str; 3]) -> Vec<String> {
    let names = ["a", "b", "c"];
    let document = |kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
        )
    };
    let machine = "cloud: aws, region: us-east-1, capacity: on-demand, accelerator: H100, accelerators: 8";
    let offers: Vec<String> = offers.lines().map(|offer| format!("{{{machine}, {offer}}}")).collect();
    let offers = offers.join(", ");
    let estate = format!("time: 2026-01-01T00:00:00Z, catalog: [], defaults: none, offers: [{offers}]");
    let request = "request: {accelerators: {anyOf: [H100], count: 8}}, duration: 2h";
    let workload = |(name, spec): (&&str, &str)| document("Workload", name, &format!("{request}{spec}"));
    let mut documents = vec![document("Estate", "e", &estate)];
    documents.extend(names.iter().zip(specs).map(workload));
    let yaml = documents.join("---\n");
    let plan = plan(&yaml, |settings| {
        let ran = names.iter().zip(before).filter(|(_, offer)| !offer.is_empty());
        settings.previous = ran.map(|(name, offer)| ((*name).to_owned(), offer.to_owned())).collect();
    });
    assert_eq!(plan.status, Status::Optimal);
    let on = |name: &&str| {
        let placed = plan.placements.iter().find(|p| p.workload == **name);
        placed.map_or_else(String::new, |p| p.offer.full_name())
    };
    names.iter().map(on).collect()
}

const THREE: &str = "instanceType: x, name: x, hourly: 1, count: 1
instanceType: y, name: y, hourly: 2, count: 1
instanceType: z, name: z, hourly: 3, count: 1";

#[test]
fn whoever_runs_stays_where_moving_saves_nothing() {
    // Any order of equal workloads costs the same.
    for before in [["x", "y", "z"], ["z", "y", "x"], ["y", "z", "x"], ["z", "x", "y"]] {
        assert_eq!(replanned(THREE, [""; 3], before), before);
    }
    // Of three that are equal and uncounted, also one that the names of two come before.
    let equal = "instanceType: x, name: x, hourly: 1
instanceType: y, name: y, hourly: 1
instanceType: z, name: z, hourly: 1";
    assert_eq!(replanned(equal, [""; 3], ["z", "y", "z"]), ["z", "y", "z"]);
    // Who came later in the document keeps the one place that two are equally worth.
    let optional = [", value: 2", ", value: 2", ", value: 2"];
    assert_eq!(
        replanned("instanceType: x, name: x, hourly: 0.5, count: 1", optional, ["", "x", ""]),
        ["", "x", ""]
    );
    // One moves to what is cheaper now; the other two stay.
    assert_eq!(replanned(THREE, [""; 3], ["gone", "z", "y"]), ["x", "z", "y"]);
    // Money comes first.
    let cheap = THREE.replace("hourly: 1, count: 1", "hourly: 1, count: 2");
    assert_eq!(replanned(&cheap, [""; 3], ["z", "x", "y"]), ["x", "x", "y"]);
    // And then the fewest moves, which are not those of the first in the document.
    assert_eq!(replanned(&cheap, [""; 3], ["y", "x", "z"]), ["y", "x", "x"]);
}

/// Workloads that want the dear A100 on demand at Amazon, else at Google, else on spot.
fn in_order(names: &[&str], ordered: bool) -> String {
    let one = |name: &&str| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec:\n  duration: 1h\n  interruptible: true\n  request: {{accelerators: {{anyOf: [A100], count: 8}}}}\n  clouds: gcp\n  capacity: [on-demand]\n  alternatives: [{{clouds: aws}}, {{clouds: aws, capacity: [spot]}}]\n  ordered: {ordered}\n"
        )
    };
    names.iter().map(one).collect()
}

#[test]
fn a_later_way_is_taken_only_where_an_earlier_is_not_free() {
    let offers = |plan: &Plan| {
        let named = |placement: &plimsoll_model::plan::Placement| placement.offer.full_name();
        plan.placements.iter().map(named).collect::<Vec<_>>()
    };
    let (gcp, aws, spot) =
        ("gcp/us-central1/a2/on-demand", "aws/us-east-1/p4/on-demand", "aws/us-east-1/p4/spot");
    // By dollars alone everybody is on spot.
    assert_eq!(offers(&plan(&format!("{ESTATE}{}", in_order(&["a", "b"], false)), |_| {})), [spot, spot]);
    let one = plan(&format!("{ESTATE}{}", in_order(&["a"], true)), |_| {});
    assert_eq!(one.status, Status::Optimal);
    assert_eq!(offers(&one), [gcp]);
    // The runner-up is of the next way, not the cheapest.
    assert_eq!(one.placements[0].runner_up.as_ref().unwrap().offer, aws);
    assert_eq!(
        one.placements[0].reason,
        "next in its order comes aws/us-east-1/p4/on-demand (alternative 1), which would cost $3.39 more"
    );
    // Of Google's there is one instance: who is not on it takes the next way, and nobody the cheap last one.
    let three = plan(&format!("{ESTATE}{}", in_order(&["a", "b", "c"], true)), |_| {});
    assert_eq!(three.status, Status::Optimal);
    // What tolls are equal by counts as dollars.
    let hair = three.objective.total_usd.to_f64() - three.objective.bound_usd.unwrap().to_f64();
    assert!((0.0..1e-5).contains(&hair), "{hair}");
    let mut all = offers(&three);
    all.sort_unstable();
    assert_eq!(all, [aws, aws, gcp]);
    let later = three.placements.iter().find(|placement| placement.offer.full_name() == aws).unwrap();
    assert_eq!(
        later.reason,
        "next in its order comes aws/us-east-1/p4/spot (alternative 2), which would cost $20.14 less; alternative 1 in its order, as no offer has room for the way before it"
    );
    // A filter opens the next way as well.
    let budget = format!("{ESTATE}{}", in_order(&["a"], true)).replace("clouds: gcp\n", "clouds: azure\n");
    let filtered = plan(&budget, |_| {});
    assert_eq!(offers(&filtered), [aws]);
    assert!(filtered.placements[0].reason.ends_with("as no offer passes every filter of the way before it"));
    // So does a budget.
    let poor = plan(&format!("{ESTATE}{}", in_order(&["a"], true)), |settings| {
        settings.budget = Some(plimsoll_model::Usd::from_units(20));
    });
    assert_eq!(offers(&poor), [spot]);
}

#[test]
fn the_checker_tells_a_later_way_that_is_taken_for_dollars() {
    let (by_dollars, in_order) = (in_order(&["a"], false), in_order(&["a"], true));
    let mut cheap = plan(&format!("{ESTATE}{by_dollars}"), |_| {});
    let inputs = inputs(&format!("{ESTATE}{in_order}"));
    cheap.inputs.digest.clone_from(&inputs.digest);
    cheap.inputs.documents = None;
    let found: Vec<String> =
        plimsoll_verify::verify(&cheap, &inputs).iter().map(ToString::to_string).collect();
    assert_eq!(
        found[0],
        "a (ordered): takes alternative 2 of its ways in order, an earlier one is free on aws/us-east-1/p4/on-demand at 2026-01-01T00:00:00Z"
    );
}

/// An estate of offers, and workloads that each state a request and more.
fn of(offers: &str, workloads: &[(&str, &str)]) -> String {
    let one = |(name, spec): &(&str, &str)| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{duration: 1h, {spec}}}\n"
        )
    };
    let all: String = workloads.iter().map(one).collect();
    format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec:\n  catalog: []\n  defaults: none\n  offers:\n{offers}{all}"
    )
}

#[test]
fn what_asks_for_no_accelerators_is_not_put_on_a_slice_of_several_machines() {
    let offers = "
  - {cloud: gcp, region: r, instanceType: slice, accelerator: tpu-v5p-16, accelerators: 1, cpu: 416, memory: 896Gi, capacity: on-demand, hourly: 1}
  - {cloud: gcp, region: r, instanceType: one, accelerator: tpu-v5p-8, accelerators: 1, cpu: 208, memory: 448Gi, capacity: on-demand, hourly: 9}
";
    let workloads = [
        ("small", "request: {cpu: 32}"),
        ("large", "request: {cpu: 400}"),
        ("slice", "request: {accelerators: {anyOf: [tpu-v5p-16]}, cpu: 400}"),
    ];
    let plan = plan(&of(offers, &workloads), |_| {});
    let on: Vec<_> = plan.placements.iter().map(|it| (&*it.workload, it.offer.full_name())).collect();
    assert_eq!(
        on,
        [("small", "gcp/r/one/on-demand".to_owned()), ("slice", "gcp/r/slice/on-demand".to_owned())]
    );
    assert_eq!(plan.unplaced[0].causes[0].name, "cpu", "{:?}", plan.unplaced);
}

#[test]
fn a_smaller_request_is_no_cause_where_the_rest_of_the_group_is_elsewhere() {
    let offers = "
  - {cloud: aws, region: here, instanceType: part, accelerator: L4, accelerators: 0.25, capacity: on-demand, hourly: 1}
  - {cloud: gcp, region: there, instanceType: whole, accelerator: L4, accelerators: 1, capacity: on-demand, hourly: 2}
";
    let l4 = "together: {name: g}, request: {accelerators: {anyOf: [L4]}}";
    let (a, b) = (format!("{l4}, regions: aws/here"), format!("{l4}, regions: gcp/there"));
    let plan = plan(&of(offers, &[("a", &a), ("b", &b)]), |_| {});
    let causes: Vec<_> = plan.unplaced[0].causes.iter().map(|cause| cause.constraint.as_str()).collect();
    assert_eq!(causes, ["region"], "{:?}", plan.unplaced);
}

/// An instruction set that will not do is left out; what states none may do.
#[test]
fn a_forbidden_instruction_set_is_left_out() {
    let text = |offers: &str, asks: &str| {
        let offer = |arch: &str, hourly: u32| {
            format!(
                "  - {{cloud: aws, region: us-east-1, instanceType: c{hourly}, cpu: 4, memory: 8Gi, capacity: on-demand, hourly: {hourly}{arch}}}\n"
            )
        };
        let offers: String = offers
            .chars()
            .map(|kind| match kind {
                'a' => offer(", arch: arm64", 1),
                'x' => offer(", arch: amd64", 2),
                _ => offer("", 3),
            })
            .collect();
        format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec:\n  time: 2026-01-01T00:00:00Z\n  catalog: []\n  offers:\n{offers}---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: w}}\nspec: {{duration: 1h, request: {{cpu: 1{asks}}}}}\n"
        )
    };
    let not_arm = ", notArch: arm64";
    for (offers, asks, on) in [("axo", "", "c1"), ("axo", not_arm, "c2"), ("ao", not_arm, "c3")] {
        let plan = plan(&text(offers, asks), |_| {});
        assert_eq!(plan.placements[0].offer.instance_type.as_deref(), Some(on), "{offers}{asks}");
    }
    let unplaced = plan(&text("a", not_arm), |_| {}).unplaced.pop().unwrap();
    assert_eq!(unplaced.causes.len(), 1);
    assert_eq!(unplaced.causes[0].name, "notArch");
    let on_arm = plan(&text("axo", ""), |_| {});
    let violations = plimsoll_verify::verify(&on_arm, &inputs(&text("axo", not_arm)));
    let said =
        |violation: &plimsoll_verify::Violation| violation.to_string().contains("must not be on arm64");
    assert!(violations.iter().any(said), "{violations:#?}");
}
