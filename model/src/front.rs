//! Fronts: plans of which none is better than another in every respect.
//!
//! A front holds plans between the cheapest and the cleanest (or the soonest), each the best at some
//! price of carbon (or of delay). Money is dollars at six decimals, as in plans.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Plan, Usd,
    document::ApiVersion,
    plan::{Inputs, Status, document},
};

/// `kind: Front`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum FrontKind {
    /// The only value.
    #[default]
    Front,
}

/// What plans of a front are held against each other by. Less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Dollars: the total without the parts carbon and delay.
    Cost,
    /// Kilograms CO2e.
    Carbon,
    /// Workload-hours until done.
    Time,
}

impl Axis {
    /// The name in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Carbon => "carbon",
            Self::Time => "time",
        }
    }
}

document! {
    /// The answer of `plimsoll plan --pareto`.
    pub struct Front {
        /// The version of the format.
        pub api_version: ApiVersion,
        /// The kind of document.
        pub kind: FrontKind,
        /// The worst status of the points' plans.
        pub status: Status,
        /// Whether the same inputs and flags give the same bytes again.
        pub reproducible: bool,
        /// What plans are held against each other by; cost is the first.
        pub axes: Vec<Axis>,
        /// Whether every plan is a point that is the only best one at some price. Else the search ended
        /// before: at its limit of points, of effort, or at a gap.
        pub complete: bool,
        /// The point beyond which more costs most: its index in `points`, from 0. Null with fewer than
        /// three points, or where all lie on the chord.
        pub knee: Option<u64>,
        /// The points, cheapest first.
        pub points: Vec<Point>,
        /// Plans that were searched for to find these.
        pub solves: u64,
        /// What the front was made from. The prices of carbon and delay in `flags` are 0; each point's
        /// plan has its own.
        pub inputs: Inputs,
    }
}

document! {
    /// A plan of a front, and where it lies.
    pub struct Point {
        /// Dollars: the total without the parts carbon and delay.
        pub cost_usd: Usd,
        /// Kilograms CO2e.
        pub carbon_kg: Option<f64>,
        /// Workload-hours until done: of each placed workload from the later of now and its earliest
        /// start to its end (a service: to its start).
        pub hours: f64,
        /// With two axes: the prices between which this is the best of the points, in dollars a tonne
        /// CO2e or a workload-hour.
        pub best: Option<PriceRange>,
        /// With two axes: what the next point has less of, and what that costs.
        pub next: Option<Step>,
        /// How far the plan may be from the best at its own prices; null when nothing is proven.
        pub gap: Option<f64>,
        /// The plan. The prices that it is a best one at are in its `inputs.flags`.
        pub plan: Plan,
    }
}

document! {
    /// Prices from one to another.
    #[derive(Copy, Eq)]
    pub struct PriceRange {
        /// Dollars a unit.
        pub from: Usd,
        /// Dollars a unit; null when it is the best at any price beyond.
        pub to: Option<Usd>,
    }
}

document! {
    /// From a point to the next.
    #[derive(Copy)]
    pub struct Step {
        /// Dollars more.
        pub extra_usd: Usd,
        /// Kilograms CO2e less, on an axis of carbon.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub saves_kg: Option<f64>,
        /// Workload-hours less, on an axis of time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub saves_hours: Option<f64>,
        /// Dollars a tonne CO2e, or a workload-hour.
        pub usd_per_unit: Usd,
    }
}
