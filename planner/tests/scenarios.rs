//! Plans over scenarios, figures reckoned by hand.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod common;

use common::load;
use plimsoll_model::{
    Inputs, Plan, Usd,
    scenarios::{Aim, Aspect, Outlook},
};
use plimsoll_planner::{Settings, scenarios};
use plimsoll_verify::{Kind, verify};

/// Two workloads of an hour; `a` costs 10 and may cost 36, `b` costs 20.
fn estate(scenarios: &str) -> String {
    let workload = |name: &str| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{duration: 1h, request: {{cpu: 4}}}}\n"
        )
    };
    format!(
        "
apiVersion: plimsoll.dev/v1alpha1
kind: Estate
metadata: {{name: e}}
spec:
  time: 2026-01-01T00:00:00Z
  catalog: []
  defaults: none
  offers:
  - {{name: a, cloud: aws, region: r, instanceType: m, cpu: 4, memory: 8Gi, capacity: on-demand, hourly: 10}}
  - {{name: b, cloud: gcp, region: r, instanceType: m, cpu: 4, memory: 8Gi, capacity: on-demand, hourly: 20}}
  scenarios: {scenarios}
{}{}",
        workload("one"),
        workload("two")
    )
}

const DEARER: &str = "[{name: as stated}, {name: dear, prices: [{match: {cloud: aws}, multiply: 3.6}]}]";

fn over(yaml: &str, aim: Aim, no_lp: bool) -> (Inputs, Plan) {
    let inputs = load(yaml).unwrap_or_else(|e| panic!("{e}"));
    let settings = Settings { no_lp, ..Settings::of(&inputs) };
    let plan = scenarios::plan(&inputs, &settings, aim, None, &mut |_| {}).unwrap();
    let violations = verify(&plan, &inputs);
    assert!(violations.is_empty(), "{violations:#?}");
    (inputs, plan)
}

fn outlook(plan: &Plan) -> &Outlook {
    plan.scenarios.as_ref().unwrap()
}

fn usd(dollars: i64) -> Usd {
    Usd::from_units(dollars)
}

#[test]
fn the_cheapest_on_average_pays_more_for_the_forecast() {
    let (_, plan) = over(&estate(DEARER), Aim::Average, false);
    let found = outlook(&plan);
    // On a both cost (20 + 72) / 2 on average, on b 40.
    assert_eq!((found.expected_usd, found.bound_usd, found.gap), (usd(40), Some(usd(40)), Some(0.0)));
    assert_eq!(plan.objective.total_usd, usd(40));
    assert_eq!(plan.objective.bound_usd, Some(usd(20)));
    let forecast = &found.beside[0];
    assert_eq!((forecast.of, forecast.forecast_usd), (Aspect::Forecast, usd(20)));
    assert_eq!((forecast.expected_usd, forecast.max_regret_usd), (usd(46), usd(32)));
    assert_eq!(forecast.differs.len(), 2);
    assert_eq!(
        plan.placements[0].reason,
        "serves the average over the scenarios; for the forecast alone it would run on a"
    );
    // Five times as likely, the forecast decides again.
    let weighed = DEARER.replace("name: as stated", "name: as stated, weight: 5");
    let (_, plan) = over(&estate(&weighed), Aim::Average, false);
    assert_eq!(plan.objective.total_usd, usd(20));
    assert!(outlook(&plan).beside[0].differs.is_empty());
}

#[test]
fn the_least_regret_is_one_workload_on_each() {
    for no_lp in [false, true] {
        let (_, plan) = over(&estate(DEARER), Aim::Regret, no_lp);
        let found = outlook(&plan);
        // Both on a 32, both on b 20, one on each max(10, 16); no mixture of plans has less than 12.3.
        assert_eq!((found.max_regret_usd, found.bound_usd), (usd(16), Some(usd(16))));
        let regrets: Vec<Usd> = found.scenarios.iter().map(|one| one.regret_usd).collect();
        assert_eq!(regrets, [usd(10), usd(16)]);
    }
}

#[test]
fn a_limit_that_would_break_is_named() {
    let yaml = estate(DEARER)
        .replace("scenarios:", "budgets: [{team: t, usd: 45}]\n  scenarios:")
        .replace("spec: {duration", "spec: {team: t, duration");
    let (_, plan) = over(&yaml, Aim::Regret, false);
    let exceeds: Vec<usize> = outlook(&plan).scenarios.iter().map(|one| one.exceeds.len()).collect();
    assert_eq!(exceeds, [0, 1]);
    let exceeds = &outlook(&plan).scenarios[1].exceeds[0];
    assert_eq!((&*exceeds.name, exceeds.by, &*exceeds.unit), ("t", 11.0, "usd"));
}

#[test]
fn the_checker_finds_every_wrong_figure() {
    let (inputs, plan) = over(&estate(DEARER), Aim::Regret, false);
    let wrong = |kind: Kind, change: &dyn Fn(&mut Outlook)| {
        let mut corrupt = plan.clone();
        change(corrupt.scenarios.as_mut().unwrap());
        let found = verify(&corrupt, &inputs);
        assert!(found.iter().any(|violation| violation.kind == kind), "{found:?}");
    };
    let cent = Usd::from_micro(10_000);
    wrong(Kind::Arithmetic, &|outlook| outlook.expected_usd += cent);
    wrong(Kind::Arithmetic, &|outlook| outlook.max_regret_usd += cent);
    wrong(Kind::Arithmetic, &|outlook| outlook.scenarios[1].usd += cent);
    wrong(Kind::Arithmetic, &|outlook| outlook.scenarios[1].best_usd += cent);
    wrong(Kind::Arithmetic, &|outlook| outlook.scenarios[0].weight = 0.4);
    wrong(Kind::Arithmetic, &|outlook| outlook.beside[0].forecast_usd += cent);
    wrong(Kind::Arithmetic, &|outlook| *outlook.beside[0].usd.get_mut("dear").unwrap() += cent);
    wrong(Kind::Arithmetic, &|outlook| outlook.beside[0].differs.clear());
    wrong(Kind::Bound, &|outlook| outlook.bound_usd = Some(usd(17)));
    wrong(Kind::Bound, &|outlook| outlook.gap = Some(0.5));
    wrong(Kind::Bound, &|outlook| outlook.aim = Aim::Average);
    wrong(Kind::Document, &|outlook| outlook.scenarios[0].name = "other".into());
}

#[test]
fn scenarios_that_say_nothing_are_refused() {
    for (scenarios, message) in [
        ("[{name: x, prices: [{match: {cloud: aws}}]}]", "`spec.scenarios[0].prices[0]`: changes nothing"),
        (
            "[{name: x, prices: [{multiply: -1}]}]",
            "`spec.scenarios[0].prices[0].multiply`: must not be negative",
        ),
        ("[{name: x, interruptions: [{multiply: 2, perHour: 1}]}]", "has both `multiply` and `perHour`"),
        ("[{name: x, carbonIntensity: [{multiply: 2}]}]", "says not where"),
        ("[{name: x}, {name: x}]", "a second scenario `x`"),
        ("[{name: x, weight: 0}]", "all have the weight 0"),
        ("[{name: x, price: []}]", "did you mean `prices`"),
        ("[{name: x, prices: [{match: {cloud: AWS}, multiply: 2}]}]", "there is no place `AWS`"),
    ] {
        let error = load(&estate(scenarios)).unwrap_err();
        assert!(error.contains(message), "{scenarios}: {error}");
    }
    let inputs = load(&estate("[]")).unwrap();
    let none = scenarios::plan(&inputs, &Settings::of(&inputs), Aim::Average, None, &mut |_| {});
    assert!(none.unwrap_err().to_string().contains("the estate has no scenarios"));
}

#[test]
fn an_order_of_preference_is_refused() {
    let ordered = "spec: {ordered: true, alternatives: [{clouds: [gcp]}], duration: 1h,";
    let inputs = load(&estate(DEARER).replacen("spec: {duration: 1h,", ordered, 1)).unwrap();
    let refused = scenarios::plan(&inputs, &Settings::of(&inputs), Aim::Average, None, &mut |_| {});
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("order of preference, and one has one"), "{message}");
}
