//! A front reckoned by hand.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod common;

use plimsoll_model::{Front, Inputs, Usd, front::Axis, plan::Status};
use plimsoll_planner::{Settings, front};

/// One workload of 100 hours. Energy is 100 kWh for each kilowatt, 1 kg a kWh: the offers cost and emit
///
/// | offer | cost | kg | |
/// | --- | --- | --- | --- |
/// | dirty | 100 | 500 | the cheapest |
/// | middle | 140 | 200 | 300 kg for $40: $133.33 a tonne |
/// | above | 190 | 150 | above the line from middle to clean, which passes 150 kg at $180 |
/// | clean | 220 | 100 | 100 kg for $80: $800 a tonne |
/// | worse | 230 | 120 | dominated |
const ESTATE: &str = "
apiVersion: plimsoll.dev/v1alpha1
kind: Estate
metadata: {name: e}
spec:
  time: 2026-01-01T00:00:00Z
  catalog: []
  defaults: none
  offers:
  - {cloud: c, region: r, instanceType: clean, cpu: 8, capacity: on-demand, hourly: 2.20, watts: 1000}
  - {cloud: c, region: r, instanceType: above, cpu: 8, capacity: on-demand, hourly: 1.90, watts: 1500}
  - {cloud: c, region: r, instanceType: middle, cpu: 8, capacity: on-demand, hourly: 1.40, watts: 2000}
  - {cloud: c, region: r, instanceType: worse, cpu: 8, capacity: on-demand, hourly: 2.30, watts: 1200}
  - {cloud: c, region: r, instanceType: dirty, cpu: 8, capacity: on-demand, hourly: 1.00, watts: 5000}
  carbonIntensity:
  - {region: c/r, gramsPerKwh: 1000}
---
apiVersion: plimsoll.dev/v1alpha1
kind: Workload
metadata: {name: w}
spec:
  request: {cpu: 8}
  duration: 100h
";

fn inputs(yaml: &str) -> Inputs {
    common::load(yaml).unwrap_or_else(|e| panic!("{e}"))
}

fn found(yaml: &str, axes: &[Axis], most: usize) -> Front {
    let inputs = inputs(yaml);
    front(&inputs, &Settings::of(&inputs), axes, most, None, &mut |_| {}).unwrap_or_else(|e| panic!("{e}"))
}

fn types(front: &Front) -> Vec<&str> {
    front.points.iter().map(|p| p.plan.placements[0].offer.instance_type.as_deref().unwrap()).collect()
}

#[test]
fn the_supported_points_and_what_lies_between_them() {
    let front = found(ESTATE, &[Axis::Cost, Axis::Carbon], 16);
    assert_eq!(types(&front), ["dirty", "middle", "clean"]);
    assert!(front.complete && front.reproducible && front.status == Status::Optimal);
    let [dirty, middle, clean] = &front.points[..] else { panic!("three points") };
    assert_eq!([dirty, middle, clean].map(|p| p.cost_usd), [100, 140, 220].map(Usd::from_units));
    assert_eq!([dirty, middle, clean].map(|p| p.carbon_kg.unwrap().round() as u32), [500, 200, 100]);
    assert_eq!([dirty, middle, clean].map(|p| p.hours.round() as u32), [100; 3]);
    let (first, second) = (dirty.next.unwrap(), middle.next.unwrap());
    assert_eq!((first.extra_usd, first.usd_per_unit), (Usd::from_units(40), Usd::from_micro(133_333_333)));
    assert_eq!((second.extra_usd, second.usd_per_unit), (Usd::from_units(80), Usd::from_units(800)));
    assert_eq!(first.saves_kg.map(f64::round), Some(300.0));
    assert_eq!(clean.best.unwrap().from, Usd::from_units(800));
    assert_eq!((clean.best.unwrap().to, clean.next), (None, None));
    // Where axes are as long as the front, middle lies at (1/3, 1/4): 5/12 below the chord's sum of 1.
    assert_eq!(front.knee, Some(1));
    // Ends and their slope, where middle is; the slopes of both halves, where nothing new is.
    assert_eq!(front.solves, 5);
    assert!(front.points.iter().all(|p| p.gap == Some(0.0)));
}

#[test]
fn few_points_are_the_ends_and_the_widest_gap_and_the_front_says_that_there_are_more() {
    let front = found(ESTATE, &[Axis::Cost, Axis::Carbon], 2);
    assert_eq!(types(&front), ["dirty", "clean"]);
    assert!(!front.complete && front.knee.is_none());
}

/// What takes longer is cheaper: time is hours until done.
#[test]
fn the_next_hour_costs_what_the_faster_machine_costs_more() {
    let speeds = ESTATE.replace("duration: 100h", "duration: 100h\n  speed: {dirty: 1, middle: 2, clean: 4}");
    let front = found(&speeds, &[Axis::Cost, Axis::Time], 16);
    // 100 h at $1.00, 50 h at $1.40, 25 h at $2.20: the fastest is the cheapest.
    assert_eq!(types(&front), ["clean"]);
    let dearer = speeds.replace("hourly: 2.20", "hourly: 8").replace("hourly: 1.40", "hourly: 2.50");
    let front = found(&dearer, &[Axis::Cost, Axis::Time], 16);
    assert_eq!(types(&front), ["dirty", "middle", "clean"]);
    let step = |at: usize| front.points[at].next.map(|step| (step.extra_usd, step.usd_per_unit));
    // From 100 h for $100 to 50 h for $125 to 25 h for $200.
    assert_eq!(step(0), Some((Usd::from_units(25), Usd::from_micro(500_000))));
    assert_eq!(step(1), Some((Usd::from_units(75), Usd::from_units(3))));
    assert_eq!(front.points.iter().map(|p| p.hours.round() as u32).collect::<Vec<_>>(), [100, 50, 25]);
}

/// Three axes: each point is the best at some prices, and what is best in none of the axes can be one.
#[test]
fn three_axes_have_points_that_no_two_have() {
    let text = ESTATE
        .replace("duration: 100h", "duration: 100h\n  speed: {dirty: 1, middle: 1.9, clean: 1, worse: 2}")
        .replace("hourly: 2.30, watts: 1200", "hourly: 8, watts: 20000")
        .replace("hourly: 1.40, watts: 2000", "hourly: 2.8, watts: 2500");
    // dirty: $100, 500 kg, 100 h; middle: $147.37, 132 kg, 52.6 h; clean: $220, 100 kg, 100 h; worse: $400,
    // 1000 kg, 50 h.
    let front = found(&text, &[Axis::Cost, Axis::Carbon, Axis::Time], 16);
    assert_eq!(types(&front), ["dirty", "middle", "clean", "worse"]);
    assert!(front.complete && front.points.iter().all(|p| p.next.is_none() && p.best.is_none()));
    assert_eq!(front.knee, Some(1));
}

/// An optional workload is left out where its carbon is worth more than it: the value counts as cost.
#[test]
fn work_that_is_left_out_costs_its_value() {
    let optional = ESTATE.replace("  request: {cpu: 8}", "  value: 300\n  request: {cpu: 8}");
    let front = found(&optional, &[Axis::Cost, Axis::Carbon], 16);
    let last = front.points.last().unwrap();
    assert_eq!((front.points.len(), last.plan.placements.len()), (4, 0));
    assert_eq!((last.cost_usd, last.carbon_kg), (Usd::from_units(300), Some(0.0)));
}

#[test]
fn what_must_run_and_cannot_makes_the_front_infeasible() {
    let impossible = format!(
        "{ESTATE}---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: x}}\nspec: {{request: {{cpu: 99}}, duration: 1h}}\n"
    );
    let front = found(&impossible, &[Axis::Cost, Axis::Carbon], 16);
    assert_eq!((front.status, front.complete, front.points.len()), (Status::Infeasible, false, 3));
    assert!(front.points.iter().all(|point| point.gap.is_none() && point.plan.unplaced.len() == 1));
}

/// A figure of carbon that an axis needs is a named error, as with a price on carbon.
#[test]
fn an_axis_of_carbon_needs_its_figures() {
    let inputs = inputs(&ESTATE.replace(", watts: 2000", ""));
    let axes = [Axis::Cost, Axis::Carbon];
    let error = front(&inputs, &Settings::of(&inputs), &axes, 16, None, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("`c/r/middle/on-demand` has no watts"), "{error}");
}
