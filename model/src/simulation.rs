//! The result of a simulation.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{document::ApiVersion, plan::document};

/// `kind: Simulation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum SimulationKind {
    /// The only value.
    #[default]
    Simulation,
}

document! {
    /// The answer of `plimsoll simulate`.
    pub struct Simulation {
        /// The version of the format.
        pub api_version: ApiVersion,
        /// The kind of document.
        pub kind: SimulationKind,
        /// What was simulated.
        pub scenario: ScenarioDigest,
        /// What the scenario and the trace do not say, what was left out of the trace, and why.
        pub assumptions: Vec<String>,
        /// By point, policy and seed.
        pub runs: Vec<SimulationRun>,
        /// Policies against each other, over the seeds that both ran with.
        pub comparisons: Vec<Comparison>,
    }
}

document! {
    /// What was simulated.
    #[derive(Eq)]
    pub struct ScenarioDigest {
        /// SHA-256 of the scenario with its settings and of the files that it names.
        pub digest: String,
    }
}

document! {
    /// One policy, one seed, one point.
    pub struct SimulationRun {
        /// The keys of `[vary]` with their values; empty without.
        pub point: IndexMap<String, Value>,
        /// The policy's label, else its name.
        pub policy: String,
        /// The seed.
        pub seed: u64,
        /// Jobs that arrived.
        pub jobs: u64,
        /// Rows of the event log, written or not.
        pub events: u64,
        /// By name; what is measured by arrived load by level.
        pub metrics: IndexMap<String, Metric>,
        /// SHA-256 of the event log's rows.
        pub events_digest: String,
        /// Whether this bounds what is possible and is no schedule.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub bound: bool,
        /// Means over intervals, where the scenario asks for them.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        pub series: IndexMap<String, Vec<f64>>,
    }
}

/// A figure, or one for each level of arrived load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Metric {
    /// Of the whole run.
    Number(f64),
    /// By level.
    ByLevel(IndexMap<String, f64>),
}

document! {
    /// A policy against another: the mean difference over seeds, with the interval that holds the true mean with 95 %
    /// (Student's t over the differences of equal seeds).
    pub struct Comparison {
        /// The keys of `[vary]` with their values.
        pub point: IndexMap<String, Value>,
        /// The metric.
        pub metric: String,
        /// The level of arrived load, for metrics by level.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub level: Option<String>,
        /// The policy.
        pub policy: String,
        /// What it is compared with; the difference is the policy's figure less this one's.
        pub against: String,
        /// The mean difference.
        pub mean: f64,
        /// The lower end; nothing with a single seed, which says nothing about spread.
        pub low: Option<f64>,
        /// The upper end.
        pub high: Option<f64>,
        /// Whether the same seeds are paired: always.
        pub paired: bool,
    }
}
