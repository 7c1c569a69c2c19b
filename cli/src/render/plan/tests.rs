//! What plans of the test data do not show: gaps, prices of limits, pieces, awkward names.

use std::path::Path;

use plimsoll_model::{
    Changes, Duration, Plan, Time, Usd,
    changes::{Action, Change, Repriced, Spot},
    explanation::{Barrier, Holder, Verdict, WhyNot},
    plan::{Assumption, Cause, Constraint, Placement, Price, Run, Status, Unplaced},
};
use plimsoll_planner::{Settings, load};
use serde_json::json;

fn base() -> Plan {
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/small");
    let args = load::LoadArgs { files: vec![small], ..load::LoadArgs::default() };
    let inputs = load::inputs(&args, &mut std::io::empty()).unwrap();
    plimsoll_planner::plan(&inputs, &Settings::of(&inputs), None, &mut |_| ()).unwrap()
}

fn plain(plan: &Plan, width: usize) -> String {
    anstream::adapter::strip_str(&super::plan(plan, width)).to_string()
}

fn first_line(plan: &Plan) -> String {
    plain(plan, 100).lines().next().unwrap().to_owned()
}

#[test]
fn the_headline_says_how_good_the_plan_is() {
    let mut plan = base();
    plan.status = Status::Feasible;
    plan.objective.bound_usd = Some(Usd::from_units(210));
    plan.objective.gap = Some(0.021_15);
    let mut lines = vec![first_line(&plan)];
    plan.objective.gap = None;
    lines.push(first_line(&plan));
    plan.objective.bound_usd = None;
    lines.push(first_line(&plan));
    plan.status = Status::Infeasible;
    lines.push(first_line(&plan));
    insta::assert_snapshot!(lines.join("\n"), @r"
    5 of 6 workloads placed, $214.44 in all: at most 2.1% ($4.44) above the best possible plan
    5 of 6 workloads placed, $214.44 in all: at most $4.44 above the best possible plan
    5 of 6 workloads placed, $214.44 in all: how far from the best possible plan is not known
    5 of 6 workloads placed, $214.44 in all: not everything that must run could be placed
    ");
}

#[test]
fn limits_that_bind_say_what_more_of_them_would_save() {
    let mut plan = base();
    let price = |constraint, name: &str, usd_per_unit, low, high| Price {
        constraint,
        name: name.into(),
        usd_per_unit,
        low,
        high,
    };
    plan.prices = vec![
        price(Constraint::Budget, "red", 0.31, 0.31, 0.31),
        price(Constraint::Quota, "aws H100", 12.5, 10.0, 15.0),
        price(Constraint::Count, "cellar/old/on-prem", 4.0, 4.0, 4.0),
        price(Constraint::CarbonBudget, "red", 0.05, 0.0, 0.1),
        price(Constraint::Quota, "not binding", 0.0, 0.0, 0.0),
    ];
    insta::assert_snapshot!(super::limits::lines(&plan, 100).join("\n"), @r"
      - one more unit of the quota aws H100 would save $12.50 (between $10.00 and $15.00)
      - one more instance of cellar/old/on-prem would save $4.00
      - one more dollar of the budget red would save $0.31
      - one more kilogram of the carbon budget red would save $0.05 (between $0.00 and $0.10)
    ");
}

#[test]
fn a_run_in_pieces_is_a_decision() {
    let mut plan = base();
    let time = |text: &str| -> Time { text.parse().unwrap() };
    let run = |start, end| Run { start: time(start), end: time(end) };
    let tune = &mut plan.placements[4];
    tune.end = time("2026-03-01T12:00:00Z");
    tune.runs = Some(vec![
        run("2026-03-01T06:00:00Z", "2026-03-01T07:00:00Z"),
        run("2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z"),
    ]);
    let text = plain(&plan, 100);
    assert!(text.contains("at once, 3h in 2 pieces"), "{text}");
    assert!(text.contains("tune runs in 2 pieces over 6h, in the hours that cost it least."), "{text}");
}

#[test]
fn what_stands_in_the_way_is_said_in_words() {
    let mut plan = base();
    let cause = |constraint, name: &str, needs, has, relax: Option<(f64, &str)>| Cause {
        constraint,
        name: name.into(),
        needs,
        has,
        relax_by: relax.map(|r| r.0),
        unit: relax.map(|r| r.1.into()),
    };
    plan.unplaced = vec![Unplaced {
        workload: "blocked".into(),
        reason: "it would fit if 13 limits gave together".into(),
        causes: vec![
            cause(Constraint::Count, "a/b/c/spot", json!(3), json!(2), Some((1.0, "instances"))),
            cause(Constraint::Quota, "aws H100", json!(16), json!(8), Some((8.0, "accelerators"))),
            cause(Constraint::Budget, "red", json!(120.5), json!(100.0), Some((20.5, "usd"))),
            cause(Constraint::CarbonBudget, "red", json!(12.25), json!(10.0), Some((2.25, "kg"))),
            cause(Constraint::MaxHourly, "blocked", json!(4.5), json!(4.0), Some((0.5, "usd"))),
            cause(Constraint::MaxCost, "blocked", json!(45), json!(40), Some((5.0, "usd"))),
            cause(
                Constraint::Deadline,
                "deadline",
                json!("2026-03-01T10:00:00Z"),
                json!("2026-03-01T08:30:00Z"),
                Some((1.5, "h")),
            ),
            cause(Constraint::Latency, "aws/eu-west-1", json!(72.5), json!(60.0), Some((12.5, "ms"))),
            cause(Constraint::Memory, "memory", json!("80Gi"), json!("40Gi"), None),
            cause(Constraint::Capacity, "capacity", json!("on-demand"), json!(["spot"]), None),
            cause(Constraint::Residency, "residency", json!("aws/us-east-1"), json!("EU"), None),
            cause(Constraint::Region, "regions", json!("aws/us-east-1"), json!(["gcp", "DE"]), None),
            cause(Constraint::NotIn, "notIn", json!("aws/us-east-1"), json!(["US"]), None),
        ],
        together: true,
        cost_usd: None,
        value_usd: None,
        filtered: [(Constraint::Accelerator, 94_000), (Constraint::Region, 1)].into_iter().collect(),
        nearest: None,
    }];
    let text = super::left_out::lines(&plan, 100).join("\n");
    insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
    let unplaced = &mut plan.unplaced[0];
    unplaced.reason = "where it fits it costs $16.00 and is worth $5.00".into();
    unplaced.causes.truncate(2);
    (unplaced.together, unplaced.cost_usd) = (false, Some(plimsoll_model::Usd::from_units(16)));
    let text = super::left_out::lines(&plan, 120).join("\n");
    let dear =
        "blocked: where it fits it costs $16.00 and is worth $5.00; it could be placed with any one of\n";
    assert!(anstream::adapter::strip_str(&text).to_string().contains(dear), "{text}");
}

#[test]
fn awkward_names_keep_the_layout() {
    let mut plan = base();
    plan.placements[0].workload = "an-uncommonly-long-name-of-a-workload-that-goes-on-and-on".into();
    plan.placements[1].offer.name =
        Some("cloud/region/a-machine-type-with-a-name-of-more-than-sixty-letters/on-demand".into());
    let text = plain(&plan, 100);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(text.contains("an-uncommonl…s-on-and-on"), "{text}");
}

#[test]
fn many_assumptions_are_cut_to_a_dozen_lines() {
    let mut plan = base();
    let kind = plan.assumptions[0].clone();
    plan.assumptions = (0..400)
        .map(|at| Assumption {
            what: format!("figure {} of place-{at}", at % 20),
            value: format!("{} units", at % 3),
            ..kind.clone()
        })
        .collect();
    let lines = super::assumptions::lines(&plan, 100);
    assert_eq!(lines.len(), 13);
    assert!(lines.iter().all(|line| anstream::adapter::strip_str(line).to_string().chars().count() <= 100));
    // Seven of the twenty figures of a kind are said to be the same, thirteen are not said.
    assert_eq!(lines[0], "  figure 0: 0 units for place-0, place-60, place-120 and 4 more; 13 more");
    assert!(lines[12].contains("and 316 more"), "{}", lines[12]);
}

#[test]
fn every_document_that_is_broken_is_named() {
    let mut plan = base();
    let broken = |line: usize| Assumption {
        what: format!("passed over: many.yaml:{line}"),
        value: "unclosed bracket".into(),
        source: "--tolerate".into(),
        as_of: None,
    };
    plan.assumptions.extend((1..=14).map(broken));
    let lines = super::assumptions::lines(&plan, 100);
    assert_eq!(lines[0], "  passed over: many.yaml:1: unclosed bracket");
    assert_eq!(lines[11], "  passed over: many.yaml:12: unclosed bracket");
    assert!(lines.last().is_some_and(|last| last.contains("and 2 more")), "{lines:?}");
}

#[test]
fn what_a_thousand_share_is_a_line() {
    let mut plan = base();
    let one = plan.assumptions[0].clone();
    let names: Vec<String> = (1..=1000).map(|at| format!("a-workload-with-a-long-name-{at}")).collect();
    let each = names.iter().map(|name| Assumption {
        what: format!("accelerator (plimsoll.dev/request) of {name}"),
        value: "A100".into(),
        ..one.clone()
    });
    let all = Assumption {
        what: format!("horizon of the services {}", names.join(", ")),
        value: "1d".into(),
        ..one.clone()
    };
    plan.assumptions = each.chain([all]).collect();
    let lines: Vec<String> = super::assumptions::lines(&plan, 100)
        .iter()
        .map(|line| anstream::adapter::strip_str(line).to_string())
        .collect();
    assert_eq!(
        lines,
        [
            "  accelerator (plimsoll.dev/request): A100 for a-workload-with-a-long-name-1 and 999 more",
            "  services run for: 1d for a-workload-with-a-long-name-1 and 999 more",
            "  each with its source and date: -o json",
        ]
    );

    // Where there is room for no name, their number is said.
    let narrow = super::assumptions::lines(&plan, 70);
    assert_eq!(narrow[0], "  accelerator (plimsoll.dev/request): A100, 1,000 times");

    for placement in &mut plan.placements {
        placement.offer.source = Some("a list".into());
    }
    let one = plan.placements[0].clone();
    plan.placements = names.iter().map(|name| Placement { workload: name.clone(), ..one.clone() }).collect();
    let prices = super::assumptions::price_sources(&plan, 100).join(" ");
    assert!(prices.contains("a-workload-with-a-long-name-3 and 997 more"), "{prices}");
    assert!(!prices.contains("name-4"), "{prices}");
}

#[test]
fn every_change_against_a_plan_in_force_has_a_line() {
    let time = |text: &str| -> Time { text.parse().unwrap() };
    let spot = |offer: &str, usd: i64, start: &str, instances: f64| Spot {
        offer: offer.into(),
        instances,
        start: time(start),
        run: Some(Duration::from_nanos(usd * 3_600_000_000_000)),
        usd: Usd::from_units(usd),
    };
    let (early, late) = ("2026-03-01T06:00:00Z", "2026-03-01T10:30:00Z");
    let one = |action: Action, workload: &str| Change {
        workload: workload.into(),
        action,
        before: (action != Action::Add).then(|| spot("east/e1/gpu8/on-demand", 72, early, 1.0)),
        after: (action != Action::Remove).then(|| spot("cellar/old/on-prem", 3, late, 0.5)),
        move_usd: Usd::ZERO,
        staying: None,
        left_out: None,
    };
    let stay = |verdict: Verdict, move_usd: i64, extra: Option<i64>| {
        let name = format!("{verdict:?}").to_lowercase();
        let quota = Barrier {
            constraint: Constraint::Quota,
            name: "east A100".into(),
            needs: json!(16.0),
            has: json!(8.0),
            relax_by: Some(8.0),
            unit: Some("accelerators".into()),
            held_by: vec![Holder { workload: "train".into(), amount: 8.0 }],
        };
        Change {
            move_usd: Usd::from_units(move_usd),
            staying: Some(WhyNot {
                offer: "east/e1/gpu8/on-demand".into(),
                hourly: None,
                verdict,
                barriers: vec![quota],
                lacks: None,
                start: None,
                end: None,
                instances: None,
                usd: None,
                extra_usd: extra.map(Usd::from_units),
                because: indexmap::IndexMap::new(),
                instead: None,
            }),
            ..one(Action::Move, &name)
        }
    };
    let mut changes = Changes {
        to_add: 1,
        to_move: 8,
        to_change: 1,
        to_remove: 2,
        unchanged: 9,
        before_usd: Usd::from_units(100),
        after_usd: Usd::from_units(90),
        other_terms: false,
        move_usd: Usd::from_units(4),
        changes: vec![
            one(Action::Add, "fresh"),
            stay(Verdict::Dearer, 2, Some(67)),
            stay(Verdict::Dearer, 0, Some(67)),
            stay(Verdict::Same, 0, Some(0)),
            stay(Verdict::Cheaper, 1, Some(-3)),
            stay(Verdict::Excluded, 1, None),
            stay(Verdict::Blocked, 0, Some(5)),
            stay(Verdict::NoOffer, 0, None),
            stay(Verdict::NoPrice, 0, None),
            one(Action::Change, "later"),
            one(Action::Remove, "finished"),
            Change { left_out: Some("no offer is left".into()), ..one(Action::Remove, "squeezed") },
        ],
        repriced: vec![
            Repriced {
                workload: "serve".into(),
                offer: "west/reserved".into(),
                before_hourly: Usd::from_f64(0.5).unwrap(),
                after_hourly: Usd::from_f64(0.4).unwrap(),
            };
            7
        ],
    };
    let text = |changes: &Changes| {
        let text = super::changes::lines(changes, 100).join("\n");
        anstream::adapter::strip_str(&text).to_string()
    };
    insta::assert_snapshot!(text(&changes));
    let mut last = Vec::new();
    changes.after_usd = Usd::from_units(100);
    changes.move_usd = Usd::ZERO;
    last.push(text(&changes).lines().last().unwrap().trim().to_owned());
    changes.changes.clear();
    changes.repriced.clear();
    (changes.to_add, changes.to_move, changes.to_change, changes.to_remove) = (0, 0, 0, 0);
    last.push(text(&changes).trim().to_owned());
    changes.after_usd = Usd::from_units(103);
    changes.other_terms = true;
    last.push(text(&changes).trim().to_owned());
    insta::assert_snapshot!(last.join("\n"), @r"
    Plan: 1 to add, 8 to move, 1 to change, 2 to remove, 9 unchanged; at the same cost.
    No changes: 9 unchanged; at the same cost.
    No changes: 9 unchanged; $3.00 dearer, but at another carbon price, delay price or horizon.
    ");
}
