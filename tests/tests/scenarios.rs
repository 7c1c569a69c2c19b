//! Laws of plans over scenarios, and equality with exhaustion over random small instances.
//!
//! `PLIMSOLL_CASES=20` tries twenty times as many.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use plimsoll_model::{
    Inputs, Plan, Usd,
    plan::{Flags, Status},
    scenarios::{Aim, Aspect, Beside, Outlook, Scenario},
};
use plimsoll_planner::{Settings, plan, scenarios};
use plimsoll_tests::{
    dice::Dice,
    features::Feature,
    instances::{Instance, instance},
    laws::config,
};
use plimsoll_verify::{Checker, Decision, verify};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Features whose plans exhaustion can list: without times to choose from.
const LISTED: [Feature; 13] = [
    Feature::Spot,
    Feature::Data,
    Feature::Workflow,
    Feature::Carbon,
    Feature::PriceRules,
    Feature::Counts,
    Feature::Quotas,
    Feature::Reservations,
    Feature::Budgets,
    Feature::PlanBudget,
    Feature::MaxCost,
    Feature::Replicas,
    Feature::Electricity,
];

fn instances(of: &'static [Feature]) -> impl Strategy<Value = Instance> {
    (0..1_000_000_u64, prop::collection::vec(prop::sample::select(of), 1..=4)).prop_map(|(seed, features)| {
        let mut made = instance(seed, &features);
        let mut dice = Dice::new(seed, &[]);
        let scenarios: Vec<Value> = (0..dice.int(2, 4)).map(|at| scenario(&made, &mut dice, at)).collect();
        made.set("scenarios", json!(scenarios));
        made
    })
}

/// Some prices, rates and intensities, up or down.
fn scenario(made: &Instance, dice: &mut Dice, at: i64) -> Value {
    let names = made.offer_names();
    let matches = |dice: &mut Dice| match dice.int(0, 3) {
        0 => json!({ "capacity": "spot" }),
        1 => json!({ "capacity": "on-demand" }),
        _ => json!({ "offer": names[dice.below(names.len())] }),
    };
    let mut prices = Vec::new();
    for _ in 0..dice.int(0, 3) {
        let matches = matches(dice);
        prices.push(if dice.chance(80) {
            json!({ "match": matches, "multiply": dice.amount(0.3, 3.0, 2) })
        } else {
            json!({ "match": matches, "hourly": dice.amount(0.5, 6.0, 2) })
        });
    }
    let mut interruptions = Vec::new();
    for _ in 0..dice.int(0, 2) {
        let matches = matches(dice);
        interruptions.push(if dice.chance(50) {
            json!({ "match": matches, "multiply": dice.amount(0.0, 4.0, 2) })
        } else {
            json!({ "match": matches, "perHour": dice.amount(0.0, 0.3, 3) })
        });
    }
    let mut carbon = Vec::new();
    if dice.chance(50) {
        carbon.push(json!({ "region": "*", "multiply": dice.amount(0.2, 3.0, 2) }));
    }
    json!({
        "name": format!("s{at}"), "weight": dice.int(1, 4), "prices": prices,
        "interruptions": interruptions, "carbonIntensity": carbon
    })
}

fn over(inputs: &Inputs, settings: &Settings, aim: Aim) -> Option<Plan> {
    scenarios::plan(inputs, settings, aim, None, &mut |_| {}).ok()
}

fn outlook(plan: &Plan) -> &Outlook {
    plan.scenarios.as_ref().unwrap()
}

fn beside(plan: &Plan, aspect: Aspect) -> &Beside {
    outlook(plan).beside.iter().find(|beside| beside.of == aspect).unwrap()
}

/// Required workloads left out, by priority, and costs by scenario.
type Listing = (Vec<(i64, usize)>, Vec<Usd>);

/// The least mean and the least largest regret of all plans that keep every rule and leave out as little of
/// what is required as can be; none where there are too many.
struct Listed<'i> {
    inputs: &'i Inputs,
    forecast: Checker<'i>,
    scenarios: Vec<Checker<'i>>,
    offers: Vec<String>,
    most: u64,
    plans: Vec<Listing>,
}

impl Listed<'_> {
    fn visit(&mut self, workload: usize, decided: &mut Vec<Decision>) -> Option<()> {
        self.most = self.most.checked_sub(1)?;
        if workload == self.inputs.workloads.len() {
            let found = self.forecast.evaluate(decided);
            if found.violations.is_empty() {
                let left = found.left_out.iter().rev().map(|(p, count)| (*p, *count)).collect();
                let costs = self.scenarios.iter().map(|there| there.evaluate(decided).total_usd).collect();
                self.plans.push((left, costs));
            }
            return Some(());
        }
        for offer in self.offers.clone() {
            for start in self.forecast.possible_starts(decided, workload, &offer) {
                decided.push(Decision {
                    workload,
                    offer: offer.clone(),
                    start,
                    runs: Vec::new(),
                    nodes: None,
                });
                // What already breaks a rule of its own is not mended by others.
                let starts = self.visit(workload + 1, decided);
                decided.pop();
                starts?;
            }
        }
        self.visit(workload + 1, decided)
    }
}

fn listed<'i>(inputs: &'i Inputs, flags: &'i Flags) -> Option<Vec<Vec<Usd>>> {
    // Producers come first in the instances, or the start of a consumer would not be known.
    let place = |name: &str| inputs.workloads.iter().position(|workload| workload.metadata.name == name);
    let in_order = inputs.workloads.iter().enumerate().all(|(at, workload)| {
        let mut producers = workload.spec.inputs.iter().filter_map(|input| place(input.from.as_deref()?));
        producers.all(|producer| producer < at)
    });
    let timed = inputs.workloads.iter().any(|workload| workload.spec.pausable);
    if !in_order || timed {
        return None;
    }
    let forecast = Checker::new(inputs, flags);
    let of = |scenario: &'i Scenario| Checker::new(inputs, flags).in_scenario(scenario);
    let offers = forecast.offers().into_iter().map(|offer| offer.full_name()).collect();
    let scenarios = inputs.estate.scenarios.iter().map(of).collect();
    let mut listed = Listed { inputs, forecast, scenarios, offers, most: 4_000, plans: Vec::new() };
    listed.visit(0, &mut Vec::new())?;
    let least = listed.plans.iter().map(|plan| plan.0.clone()).min()?;
    Some(listed.plans.into_iter().filter(|plan| plan.0 == least).map(|plan| plan.1).collect())
}

proptest! {
    #![proptest_config(config(150))]

    /// The best of all plans, by the checker's own prices, is what the planner finds and proves.
    #[test]
    fn exhaustion_finds_no_better_plan(made in instances(&LISTED)) {
        let inputs = made.inputs();
        let settings = made.settings(&inputs);
        let Some(average) = over(&inputs, &settings, Aim::Average) else { return Ok(()) };
        let Some(plans) = listed(&inputs, &average.inputs.flags) else { return Ok(()) };
        let weights: Vec<f64> = outlook(&average).scenarios.iter().map(|one| one.weight).collect();
        let slack = 1e-5;
        let mean = |costs: &Vec<Usd>| -> f64 {
            costs.iter().zip(&weights).map(|(cost, weight)| cost.to_f64() * weight).sum()
        };
        let least = plans.iter().map(mean).fold(f64::INFINITY, f64::min);
        let found = outlook(&average).expected_usd.to_f64();
        let complete = average.status != Status::Infeasible;
        if complete {
            prop_assert!((found - least).abs() <= slack, "average {found}, exhaustion {least}");
            prop_assert!(outlook(&average).gap.unwrap_or(0.0) <= 1e-6);
        }
        let regret = over(&inputs, &settings, Aim::Regret).unwrap();
        let best: Vec<Usd> = (0..weights.len()).map(|s| plans.iter().map(|p| p[s]).min().unwrap()).collect();
        let largest = |costs: &Vec<Usd>| -> f64 {
            costs.iter().zip(&best).map(|(cost, best)| (*cost - *best).to_f64()).fold(0.0, f64::max)
        };
        let least = plans.iter().map(largest).fold(f64::INFINITY, f64::min);
        let found = outlook(&regret).max_regret_usd.to_f64();
        if complete {
            prop_assert!((found - least).abs() <= slack, "regret {found}, exhaustion {least}");
            let bound = outlook(&regret).bound_usd.unwrap().to_f64();
            prop_assert!(bound <= least + slack, "bound {bound}, exhaustion {least}");
        }
    }
}

proptest! {
    #![proptest_config(config(120))]

    /// Each aim is served at least as well as by any plan beside it, and the checker finds nothing wrong.
    #[test]
    fn no_plan_beside_serves_the_aim_better(made in instances(Feature::ALL), no_lp in any::<bool>()) {
        let inputs = made.inputs();
        let settings = Settings { no_lp, ..made.settings(&inputs) };
        let Some(average) = over(&inputs, &settings, Aim::Average) else { return Ok(()) };
        let regret = over(&inputs, &settings, Aim::Regret).unwrap();
        let alone = plan(&inputs, &settings, None, &mut |_| {}).unwrap();
        prop_assume!(verify(&alone, &inputs).is_empty());
        let slack = |plan: &Plan| {
            let scale = outlook(plan).scenarios.iter().map(|one| one.usd.to_f64()).fold(1.0, f64::max);
            Usd::from_f64((scale * 2e-8 * 1e6).round() / 1e6).unwrap() + Usd::from_micro(10)
        };
        for plan in [&average, &regret] {
            let violations = verify(plan, &inputs);
            prop_assert!(violations.is_empty(), "{violations:#?}");
        }
        let forecast = beside(&average, Aspect::Forecast);
        prop_assert!(outlook(&average).expected_usd <= forecast.expected_usd + slack(&average));
        for aspect in [Aspect::Forecast, Aspect::Average] {
            let other = beside(&regret, aspect);
            prop_assert!(outlook(&regret).max_regret_usd <= other.max_regret_usd + slack(&regret));
        }
        if alone.status != Status::Infeasible {
            let difference = (alone.objective.total_usd - forecast.forecast_usd).to_f64().abs();
            let gap = alone.objective.gap.unwrap_or(1.0) * alone.objective.total_usd.to_f64().abs();
            prop_assert!(difference <= gap + 1e-5, "{difference}");
        }
    }

    /// One scenario that changes nothing is the plain plan, whatever is aimed at.
    #[test]
    fn a_scenario_without_changes_is_the_forecast(made in instances(Feature::ALL)) {
        let mut made = made;
        made.set("scenarios", json!([{ "name": "as stated" }]));
        let inputs = made.inputs();
        let settings = made.settings(&inputs);
        let Ok(alone) = plan(&inputs, &settings, None, &mut |_| {}) else { return Ok(()) };
        for aim in [Aim::Average, Aim::Regret] {
            let Some(plan) = over(&inputs, &settings, aim) else { return Ok(()) };
            let found = outlook(&plan);
            prop_assert_eq!(found.expected_usd, plan.objective.total_usd);
            prop_assert_eq!(found.max_regret_usd, Usd::ZERO);
            prop_assert_eq!(plan.status, alone.status);
            if alone.status == Status::Optimal {
                let difference = (alone.objective.total_usd - plan.objective.total_usd).to_f64().abs();
                prop_assert!(difference <= 1e-5, "{difference}");
            }
        }
    }
}
