//! What a scenario measures and writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    section,
    values::{self, Limit},
};
use crate::Duration;

section! {
    /// What is measured and written.
    pub struct Report {
        /// Arrived load, in per cent of the cluster's accelerators, at which metrics of load are given.
        pub levels: Vec<f64>,
        /// Metrics cover only the jobs [from, to) in order of arrival.
        pub jobs: Option<[u64; 2]>,
        /// The metrics that are given; default: all that are known.
        pub metrics: Vec<String>,
        /// Time series that each run gives.
        pub series: Option<SeriesOut>,
        /// A page with charts.
        pub html: Option<String>,
        /// The log of all events: `.csv` or `.csv.gz`.
        pub events: Option<String>,
        /// A row for each run, as CSV.
        pub runs: Option<String>,
        /// The share of jobs that the typical shapes of fragmentation cover; default 0.95.
        pub typical: Option<f64>,
        /// Until when commitments are charged: `last-start`, or `end` (default).
        pub commitments_until: Option<CommitmentsUntil>,
    }
}

/// Until when commitments are charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CommitmentsUntil {
    /// The end of the run.
    End,
    /// The last start of a job.
    LastStart,
}

section! {
    /// Time series that each run gives: means over intervals.
    pub struct SeriesOut {
        /// The length of an interval.
        pub every: Option<Duration>,
        /// `nodes_active`, `gpus_running`, `jobs_running`, `jobs_waiting`.
        pub what: Vec<String>,
        /// Where the first interval begins; default: time 0.
        pub from: Option<Limit>,
    }
}
