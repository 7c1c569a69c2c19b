//! `plimsoll plan --pareto`: a front for people, for programs, and of plans that hold.

use plimsoll_model::{Usd, front::Axis, read};

use crate::run::{run, run_with_input};

#[test]
fn a_front_with_its_steps_and_a_chart() {
    insta::assert_snapshot!(run("plan front.yaml --pareto cost,carbon").all());
    insta::assert_snapshot!(run("plan front.yaml --pareto time,cost --points 3").all());
    insta::assert_snapshot!(run("plan front.yaml --pareto cost,carbon,time").out);
}

#[test]
fn one_plan_that_is_the_best_in_every_respect() {
    insta::assert_snapshot!(run("plan small --pareto cost,carbon").out);
}

/// Each point is a plan that the checker accepts, at the prices that it records.
#[test]
fn the_points_in_json_and_yaml_are_plans() {
    let json = run("plan front.yaml --pareto cost,carbon -o json");
    let front = read::front("front.json", json.out.as_bytes()).expect("a front");
    let yaml = run("plan front.yaml --pareto cost,carbon -o yaml");
    assert_eq!(read::front("front.yaml", yaml.out.as_bytes()).expect("a front"), front);
    assert_eq!(front.axes, [Axis::Cost, Axis::Carbon]);
    assert_eq!(front.inputs.flags.carbon_price, Usd::ZERO);
    assert!(front.points.len() > 3 && front.complete);
    for point in &front.points {
        let plan = serde_json::to_string(&point.plan).expect("a plan");
        let verified = run_with_input("verify - front.yaml", &plan);
        assert_eq!(verified.code, 0, "{}", verified.all());
    }
    // The cheapest point is the plan without a price on carbon.
    let plan = run("plan front.yaml -o json");
    let plan = read::plan("plan.json", plan.out.as_bytes()).expect("a plan");
    assert_eq!(plan.objective.total_usd, front.points[0].cost_usd);
}

#[test]
fn a_front_searches_over_the_prices_itself() {
    for args in [
        "--pareto cost,carbon --carbon-price 5",
        "--pareto cost,time --delay-price 5",
        "--pareto cost,carbon --objective carbon",
        "--pareto cost",
        "--pareto carbon,time",
        "--pareto cost,cost",
        "--pareto cost,beauty",
        "--pareto cost,carbon --points 1",
        "--points 5",
    ] {
        let run = run(&format!("plan front.yaml {args}"));
        assert_eq!((run.code, &*run.out), (2, ""), "{args}");
        assert!(!run.err.is_empty(), "{args}");
    }
    insta::assert_snapshot!(run("plan front.yaml --pareto cost,beauty").err);
    insta::assert_snapshot!(run("plan front.yaml --pareto cost,carbon --carbon-price 5").err);
}
