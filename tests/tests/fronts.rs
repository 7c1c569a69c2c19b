//! Laws of fronts over random instances.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use plimsoll_model::{
    Front, Inputs, Ratio, Usd,
    front::{Axis, Point},
    plan::Status,
};
use plimsoll_planner::{Settings, front, plan};
use plimsoll_tests::{
    instances::Instance,
    laws::{config, instances},
};
use plimsoll_verify::verify;
use proptest::prelude::*;

const AXES: [&[Axis]; 3] =
    [&[Axis::Cost, Axis::Carbon], &[Axis::Cost, Axis::Time], &[Axis::Cost, Axis::Carbon, Axis::Time]];

fn settings(made: &Instance, inputs: &Inputs) -> Settings {
    Settings { carbon_price: Usd::ZERO, delay_price: Usd::ZERO, ..made.settings(inputs) }
}

/// The front, where the estate states all that it needs.
fn found(inputs: &Inputs, settings: &Settings, axes: &[Axis]) -> Option<Front> {
    front(inputs, settings, axes, 16, None, &mut |_| {}).ok()
}

fn along(axis: Axis, point: &Point) -> f64 {
    match axis {
        Axis::Cost => point.cost_usd.to_f64(),
        Axis::Carbon => point.carbon_kg.unwrap(),
        Axis::Time => point.hours,
    }
}

/// What any front is, however little was searched.
fn is_a_front(front: &Front, inputs: &Inputs) -> Result<(), TestCaseError> {
    prop_assert!(!front.points.is_empty());
    for point in &front.points {
        let violations = verify(&point.plan, inputs);
        prop_assert!(violations.is_empty(), "{violations:#?}");
        prop_assert_eq!(point.gap, point.plan.objective.gap);
        let parts = &point.plan.objective.parts;
        let cost = point.plan.objective.total_usd - parts.carbon - parts.delay;
        prop_assert_eq!(point.cost_usd, cost);
        // The part delay is what the hours cost, each placement's rounded.
        let delay = point.hours * point.plan.inputs.flags.delay_price.to_f64();
        let slack = 1e-6 * (1.0 + point.plan.placements.len() as f64 + delay.abs());
        prop_assert!((delay - parts.delay.to_f64()).abs() <= slack, "{delay} {:?}", parts.delay);
    }
    for (i, a) in front.points.iter().enumerate() {
        for b in &front.points[..i] {
            let none_worse = |a, b| front.axes.iter().all(|axis| along(*axis, a) <= along(*axis, b));
            prop_assert!(!none_worse(a, b) && !none_worse(b, a), "one dominates the other");
        }
    }
    if let [_, axis] = front.axes[..] {
        for pair in front.points.windows(2) {
            prop_assert!(pair[0].cost_usd < pair[1].cost_usd);
            prop_assert!(along(axis, &pair[0]) > along(axis, &pair[1]));
            // Convex: the next unit costs more than the one before.
            let (here, next) = (pair[0].best.unwrap(), pair[1].best.unwrap());
            prop_assert_eq!(here.to, Some(next.from));
            prop_assert_eq!(pair[0].next.unwrap().usd_per_unit, next.from);
            prop_assert!(here.from <= next.from);
        }
        prop_assert!(front.points.last().unwrap().next.is_none());
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(40))]

    /// No dominated points, a convex front, and every point a plan that the checker accepts.
    #[test]
    fn a_front_is_monotone_and_each_point_a_plan(made in instances(4, &[]), axes in prop::sample::select(&AXES[..])) {
        let inputs = made.inputs();
        if let Some(front) = found(&inputs, &settings(&made, &inputs), axes) {
            is_a_front(&front, &inputs)?;
        }
    }

    /// So it is when every search stops at once, or at a wide gap.
    #[test]
    fn a_front_of_stopped_searches_is_a_front(
        made in instances(4, &[]),
        axes in prop::sample::select(&AXES[..]),
        (effort, gap) in prop::sample::select(vec![(0, 0.0), (50, 0.0), (20_000, 0.5)]),
    ) {
        let inputs = made.inputs();
        let settings = Settings { effort, gap: Ratio::from_f64(gap).unwrap(), ..settings(&made, &inputs) };
        if let Some(front) = found(&inputs, &settings, axes) {
            is_a_front(&front, &inputs)?;
        }
    }

    /// A front that says it is complete has the best plan at any price.
    #[test]
    fn a_complete_front_has_the_best_plan_at_any_price(
        made in instances(4, &[]),
        axes in prop::sample::select(&AXES[..]),
        (carbon, delay) in (prop::sample::select(vec![1, 30, 300, 5_000, 100_000]), prop::sample::select(vec![1, 7, 200])),
    ) {
        let inputs = made.inputs();
        let free = settings(&made, &inputs);
        let Some(front) = found(&inputs, &free, axes).filter(|front| front.complete) else { return Ok(()) };
        let priced = |axis, usd| if axes.contains(&axis) { Usd::from_units(usd) } else { Usd::ZERO };
        let at = Settings {
            carbon_price: priced(Axis::Carbon, carbon),
            delay_price: priced(Axis::Time, delay),
            ..free
        };
        let one = plan(&inputs, &at, None, &mut |_| {}).unwrap();
        let worth = |point: &Point| {
            let kg = if axes.contains(&Axis::Carbon) { point.carbon_kg.unwrap() } else { 0.0 };
            point.cost_usd.to_f64() + kg * at.carbon_price.to_f64() / 1000.0 + point.hours * at.delay_price.to_f64()
        };
        let best = front.points.iter().map(worth).fold(f64::INFINITY, f64::min);
        let total = one.objective.total_usd.to_f64();
        prop_assert_eq!(one.status, Status::Optimal);
        prop_assert!((best - total).abs() <= 1e-5 + 1e-6 * total.abs(), "front {best}, plan {total}\n{}", made.dump());
    }
}
