//! Every shape of a company's estate, planned the way of large components and checked independently.

use plimsoll_benches::company::{Shape, company};
use plimsoll_model::plan::Status;
use plimsoll_planner::{Settings, plan};
use plimsoll_verify::verify;

#[test]
fn plans_of_every_shape_hold() {
    // Without quotas a company falls into its datasets, each of them small; equal workloads are of few kinds.
    let small = [Shape::Free, Shape::Equal];
    for shape in Shape::ALL.into_iter().filter(|shape| !small.contains(shape)) {
        let inputs = company(7, 80, 3_000, shape);
        // A stage of prices and moves.
        let settings = Settings { effort: 700, ..Settings::of(&inputs) };
        let plan = plan(&inputs, &settings, None, &mut |_| {}).expect("the instance is sound");
        let name = shape.as_str();
        let violations = verify(&plan, &inputs);
        assert!(violations.is_empty(), "{name}: {violations:?}");
        let large = plan.solver.phases.iter().any(|phase| phase.name == "reduction");
        assert!(large, "{name} is not solved as a large one");
        let impossible = shape == Shape::Impossible;
        assert_eq!(plan.status == Status::Infeasible, impossible, "{name}");
        assert_eq!(plan.unplaced.len(), if impossible { 2 } else { 0 }, "{name}");
        if !impossible {
            let gap = plan.objective.gap.expect("a bound");
            assert!(gap < 0.08, "{name}: {gap}");
        }
    }
}

#[test]
fn an_instance_is_its_name_and_seed() {
    for shape in Shape::ALL {
        let draw = |seed| serde_json::to_string(&company(seed, 30, 100, shape).estate).unwrap_or_default();
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
