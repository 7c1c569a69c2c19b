//! Laws of plans that start from another: over random estates that change, or are altogether different.
//!
//! `PLIMSOLL_CASES=20` tries twenty times as many.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use plimsoll_model::{Inputs, Plan, Ratio};
use plimsoll_planner::{Settings, plan, plan_again};
use plimsoll_tests::{
    brute::Score,
    instances::Instance,
    laws::{config, instances},
};
use plimsoll_verify::verify;
use proptest::prelude::*;

/// Plans from a plan in force, as `--previous` does; holds it against planning anew with the same hints.
fn follow(made: &Instance, inputs: &Inputs, before: &Plan) -> Result<Plan, TestCaseError> {
    let previous = before.placements.iter().map(|p| (p.workload.clone(), p.offer.full_name())).collect();
    let settings = Settings { previous, ..made.settings(inputs) };
    let mut told = Vec::new();
    let after = plan_again(inputs, &settings, before, None, &mut |phase| told.push(phase.clone())).unwrap();
    let faults = verify(&after, inputs);
    prop_assert!(faults.is_empty(), "{faults:?}");
    let anew = plan(inputs, &settings, None, &mut |_| {}).unwrap();
    let (again, anew) = (Score::of(&after, inputs), Score::of(&anew, inputs));
    prop_assert!(again.compare_left_out(&anew).is_eq());
    let slack = (anew.total.to_micro().abs() / 100).max(10);
    prop_assert!(again.total.to_micro() - anew.total.to_micro() <= slack, "{again:?} {anew:?}");
    // The first plan is there before anything else, and no later one is dearer.
    if let Some(first) = told.first().filter(|phase| phase.name == "repair")
        && let Some(total) = first.total
    {
        prop_assert!(after.objective.total_usd.to_f64() <= total + 1e-5);
    }
    Ok(after)
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn a_plan_of_another_estate_is_followed_by_a_valid_one(a in instances(5, &[]), b in instances(5, &[])) {
        let before = a.inputs();
        let before = plan(&before, &a.settings(&before), None, &mut |_| {}).unwrap();
        follow(&b, &b.inputs(), &before)?;
    }

    #[test]
    fn prices_that_change_and_revert_leave_the_plan(
        made in instances(5, &[]), factors in prop::collection::vec(50_u32..200, 1..4),
    ) {
        let usual = made.inputs();
        let before = plan(&usual, &made.settings(&usual), None, &mut |_| {}).unwrap();
        let mut spiked = usual.clone();
        let offers = spiked.file_offers.iter_mut().chain(&mut spiked.estate.offers);
        for (offer, factor) in offers.zip(factors.iter().cycle()) {
            let factor = Ratio::from_f64(f64::from(*factor) / 100.0).unwrap();
            offer.hourly = plimsoll_model::Usd::from_f64(offer.hourly.to_f64() * factor.to_f64()).unwrap();
        }
        let there = follow(&made, &spiked, &before)?;
        let back = follow(&made, &usual, &there)?;
        let settled = follow(&made, &usual, &back)?;
        // Once the prices are the usual ones again nothing moves any more.
        let runs = |plan: &Plan| -> Vec<(String, String)> {
            plan.placements.iter().map(|p| (p.workload.clone(), p.offer.full_name())).collect()
        };
        prop_assert_eq!(runs(&back), runs(&settled));
    }
}
