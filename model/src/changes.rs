//! What a plan changes of the plan in force: added, moved, changed, removed, and what moving is worth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, Time, Usd, explanation::WhyNot, plan::document};

document! {
    /// What a plan changes of the one in force.
    pub struct Changes {
        /// Workloads placed now and not before.
        pub to_add: u64,
        /// Workloads on another offer.
        pub to_move: u64,
        /// Workloads on the same offer at another time, for another time, or on another number of instances.
        pub to_change: u64,
        /// Workloads placed before and not now.
        pub to_remove: u64,
        /// Workloads that stay as they are.
        pub unchanged: u64,
        /// What the plan in force cost in all when it was made.
        pub before_usd: Usd,
        /// What this plan costs in all.
        pub after_usd: Usd,
        /// Whether the plan in force was made with another carbon price, delay price or horizon: totals then
        /// do not compare.
        pub other_terms: bool,
        /// What the moves cost in all.
        pub move_usd: Usd,
        /// Each change: in document order, then what is removed.
        pub changes: Vec<Change>,
        /// Of those that stay as they are, the ones whose price an hour is another.
        pub repriced: Vec<Repriced>,
    }
}

/// What becomes of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It is placed now and was not before.
    Add,
    /// It moves to another offer.
    Move,
    /// It starts at another time, runs for another time, or takes another number of instances.
    Change,
    /// It was placed before and is not now.
    Remove,
}

document! {
    /// A change of one workload.
    pub struct Change {
        /// The workload.
        pub workload: String,
        /// What becomes of it.
        pub action: Action,
        /// Where it was.
        pub before: Option<Spot>,
        /// Where it is.
        pub after: Option<Spot>,
        /// What leaving where it was costs.
        pub move_usd: Usd,
        /// What staying would meet, or cost, beside the others as planned now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub staying: Option<WhyNot>,
        /// Why it is left out; absent when it is not asked for any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub left_out: Option<String>,
    }
}

document! {
    /// Where, when and at what cost a workload is placed.
    pub struct Spot {
        /// The offer.
        pub offer: String,
        /// Instances.
        pub instances: f64,
        /// When it starts.
        pub start: Time,
        /// How long it runs, pauses left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub run: Option<Duration>,
        /// What it costs.
        pub usd: Usd,
    }
}

document! {
    /// A workload that stays as it is at another price.
    #[derive(Eq)]
    pub struct Repriced {
        /// The workload.
        pub workload: String,
        /// The offer.
        pub offer: String,
        /// Dollars an hour before.
        pub before_hourly: Usd,
        /// Dollars an hour now.
        pub after_hourly: Usd,
    }
}

impl Changes {
    /// Whether anything is to be done.
    pub const fn is_none(&self) -> bool {
        self.to_add + self.to_move + self.to_change + self.to_remove == 0
    }
}
