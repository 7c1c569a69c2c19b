//! The parts of a cost: what people call them, which pattern stands for them.

use plimsoll_model::{
    Plan, Usd,
    plan::{ObjectiveParts, PlacementUsd},
};

/// A part of the total.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Which pattern and colour it has everywhere on the page.
    pub(super) pattern: usize,
    pub(super) name: &'static str,
    /// What it is, in a few words.
    pub(super) about: &'static str,
    /// Whether somebody sends a bill for it.
    pub(super) billed: bool,
    pub(super) of_plan: fn(&ObjectiveParts) -> Usd,
    pub(super) of_placement: fn(&PlacementUsd) -> Usd,
}

/// The part that no placement has.
pub(super) const LEFT_OUT: &str = "Left out";

/// All parts, in the order of documents.
const PARTS: [Part; 8] = [
    Part {
        pattern: 0,
        name: "Compute",
        about: "machines, and the electricity of your own",
        billed: true,
        of_plan: |parts| parts.compute,
        of_placement: |usd| usd.compute,
    },
    Part {
        pattern: 1,
        name: "Data",
        about: "moving data between regions",
        billed: true,
        of_plan: |parts| parts.egress,
        of_placement: |usd| usd.egress,
    },
    Part {
        pattern: 2,
        name: "Rework",
        about: "work that interruptions are expected to undo",
        billed: true,
        of_plan: |parts| parts.risk,
        of_placement: |usd| usd.risk,
    },
    Part {
        pattern: 3,
        name: "Carbon",
        about: "emissions, at the price put on them",
        billed: false,
        of_plan: |parts| parts.carbon,
        of_placement: |usd| usd.carbon,
    },
    Part {
        pattern: 4,
        name: "Waiting",
        about: "hours until done, at the price put on them",
        billed: false,
        of_plan: |parts| parts.delay,
        of_placement: |usd| usd.delay,
    },
    Part {
        pattern: 5,
        name: "Latency",
        about: "round trips to users, at the workloads' own prices",
        billed: false,
        of_plan: |parts| parts.latency,
        of_placement: |usd| usd.latency,
    },
    Part {
        pattern: 6,
        name: "Moving",
        about: "leaving where workloads run now",
        billed: false,
        of_plan: |parts| parts.moving,
        of_placement: |usd| usd.moving,
    },
    Part {
        pattern: 7,
        name: LEFT_OUT,
        about: "what the workloads left out are worth",
        billed: false,
        of_plan: |parts| parts.value_forgone,
        of_placement: |_| Usd::ZERO,
    },
];

/// The parts that a plan has something of; compute always.
pub(super) fn used(plan: &Plan) -> Vec<Part> {
    let any = |part: &Part| {
        part.pattern == 0
            || !(part.of_plan)(&plan.objective.parts).is_zero()
            || plan.placements.iter().any(|placement| !(part.of_placement)(&placement.usd).is_zero())
    };
    PARTS.into_iter().filter(any).collect()
}

/// What somebody sends a bill for.
pub(super) fn billed(plan: &Plan) -> Usd {
    PARTS.iter().filter(|part| part.billed).map(|part| (part.of_plan)(&plan.objective.parts)).sum()
}
