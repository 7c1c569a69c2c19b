//! Plans: what was decided, what it costs, how good it provably is, and why.
//!
//! Money in a plan is dollars at six decimals: each part of each placement is computed in full
//! precision and rounded once (half to even); everything else is added from those.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Changes, Duration, OfferSpec, Time, Usd, Workload, document::ApiVersion, estate::EstateSpec,
    inputs::Series, read::Places, scenarios::Outlook,
};

/// `kind: Plan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum PlanKind {
    /// The only value.
    #[default]
    Plan,
}

/// How good the plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Proven best: the gap is at most 1e-6.
    Optimal,
    /// All required workloads are placed.
    Feasible,
    /// A required workload is left out.
    Infeasible,
}

macro_rules! document {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}
pub(crate) use document;

document! {
    /// The answer of `plimsoll plan`.
    pub struct Plan {
        /// The version of the format.
        pub api_version: ApiVersion,
        /// The kind of document.
        pub kind: PlanKind,
        /// How good the plan is.
        pub status: Status,
        /// Whether the same inputs and flags give the same bytes again.
        pub reproducible: bool,
        /// What was minimised, and the proof.
        pub objective: Objective,
        /// Carbon of all placements, kg CO2e; null when a figure is missing that nothing needed.
        pub carbon_kg: Option<f64>,
        /// Energy of all placements, kWh; null when a figure is missing that nothing needed.
        pub energy_kwh: Option<f64>,
        /// Where each placed workload runs, in document order.
        pub placements: Vec<Placement>,
        /// What is left out, in document order.
        pub unplaced: Vec<Unplaced>,
        /// What is lacking of which limits for everything required to fit, when something is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub shortfall: Option<Shortfall>,
        /// What one more unit of a binding limit would save.
        pub prices: Vec<Price>,
        /// Figures that no document stated.
        pub assumptions: Vec<Assumption>,
        /// What it changes of the plan that `--previous` named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub changes: Option<Changes>,
        /// What it costs in the estate's scenarios, with `--scenarios`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub scenarios: Option<Outlook>,
        /// What the plan was made from.
        pub inputs: Inputs,
        /// How it was made.
        pub solver: SolverReport,
    }
}

document! {
    /// What was minimised, and how far it is from the best possible.
    pub struct Objective {
        /// The sum of the parts.
        pub total_usd: Usd,
        /// No plan costs less; null when nothing is proven.
        pub bound_usd: Option<Usd>,
        /// (total − bound) / bound.
        pub gap: Option<f64>,
        /// The total by part.
        pub parts: ObjectiveParts,
    }
}

document! {
    /// The total by part.
    #[derive(Default)]
    pub struct ObjectiveParts {
        /// Instances and electricity.
        pub compute: Usd,
        /// Data moved between regions.
        pub egress: Usd,
        /// Emissions at the carbon price.
        pub carbon: Usd,
        /// Expected rework on spot.
        pub risk: Usd,
        /// Time until done at the delay price.
        pub delay: Usd,
        /// Round-trip time at the workloads' prices.
        pub latency: Usd,
        /// Leaving current offers.
        #[serde(rename = "move")]
        pub moving: Usd,
        /// The value of optional workloads left out.
        pub value_forgone: Usd,
    }
}

document! {
    /// What a placement costs, by part.
    #[derive(Default)]
    pub struct PlacementUsd {
        /// Instances and electricity.
        pub compute: Usd,
        /// Data moved between regions.
        pub egress: Usd,
        /// Emissions at the carbon price.
        pub carbon: Usd,
        /// Expected rework on spot.
        pub risk: Usd,
        /// Time until done at the delay price.
        pub delay: Usd,
        /// Round-trip time at the workload's price.
        pub latency: Usd,
        /// Leaving the current offer.
        #[serde(rename = "move")]
        pub moving: Usd,
        /// The sum of the parts.
        pub total: Usd,
    }
}

document! {
    /// Where, when and at what cost one workload runs.
    pub struct Placement {
        /// The workload's name.
        pub workload: String,
        /// The offer it runs on, with the price in force.
        pub offer: OfferSpec,
        /// Instances used; a fraction of the nodes on own machines.
        pub instances: f64,
        /// Replicas that one instance holds.
        pub replicas_per_instance: u32,
        /// Which nodes and devices, on own machines.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub nodes: Option<Vec<NodeUse>>,
        /// When compute starts.
        pub start: Time,
        /// When it ends.
        pub end: Time,
        /// The pieces, when it runs in more than one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub runs: Option<Vec<Run>>,
        /// What it costs.
        pub usd: PlacementUsd,
        /// Its emissions, kg CO2e.
        pub carbon_kg: Option<f64>,
        /// Data it moves between regions.
        pub transfers: Vec<Transfer>,
        /// The best other offer with all else as it is.
        pub runner_up: Option<RunnerUp>,
        /// Why it runs there, in a sentence.
        pub reason: String,
    }
}

impl Placement {
    /// How long it runs, pauses left out.
    pub fn run(&self) -> Duration {
        let whole = || self.end.nanos().saturating_sub(self.start.nanos());
        let pieces = |runs: &Vec<Run>| {
            runs.iter()
                .fold(0_i64, |sum, run| sum.saturating_add(run.end.nanos().saturating_sub(run.start.nanos())))
        };
        Duration::from_nanos(self.runs.as_ref().map_or_else(whole, pieces))
    }
}

document! {
    /// Replicas on one node.
    pub struct NodeUse {
        /// The node, as `NAME/INDEX`.
        pub node: String,
        /// How many replicas.
        pub replicas: u32,
        /// Indices of the devices, one entry for each device that a replica uses (whole or in part).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub devices: Option<Vec<u32>>,
    }
}

document! {
    /// A piece of a run.
    #[derive(Copy, Eq)]
    pub struct Run {
        /// When it begins.
        pub start: Time,
        /// When it ends.
        pub end: Time,
    }
}

document! {
    /// Data moved between regions.
    pub struct Transfer {
        /// The dataset, the producing workload, or `output`.
        pub what: String,
        /// The place it comes from.
        pub from: String,
        /// The place it goes to.
        pub to: String,
        /// Bytes.
        pub size: u64,
        /// What it costs; 0 for a copy that another reader pays.
        pub usd: Usd,
        /// How long it takes.
        pub hours: f64,
    }
}

document! {
    /// The best other offer for a workload.
    pub struct RunnerUp {
        /// Its name.
        pub offer: String,
        /// What it would cost more.
        pub extra_usd: Usd,
        /// The difference by part.
        pub because: IndexMap<String, Usd>,
    }
}

document! {
    /// A workload that is left out.
    pub struct Unplaced {
        /// Its name.
        pub workload: String,
        /// Why, in a sentence.
        pub reason: String,
        /// Each limit that alone, relaxed, would place it; else the smallest set that together would.
        pub causes: Vec<Cause>,
        /// Whether it takes all causes together to place it; else any one of them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub together: bool,
        /// What placing an optional workload would add to the total where it fits, else where limits give.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cost_usd: Option<Usd>,
        /// What placing an optional workload is worth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub value_usd: Option<Usd>,
        /// How many offers each constraint excludes.
        pub filtered: IndexMap<Constraint, u64>,
        /// The offer that comes nearest.
        pub nearest: Option<String>,
    }
}

document! {
    /// What is lacking for everything required to fit: in the linear relaxation, so that a plan may need more
    /// and never less. Counts, quotas, budgets and carbon budgets may give, by the least share of each in all.
    pub struct Shortfall {
        /// The limits that lack something, or cannot be kept together.
        pub limits: Vec<Lacking>,
        /// Required workloads that no more of these limits would place.
        pub beyond: Vec<String>,
    }
}

document! {
    /// A limit that lacks something.
    pub struct Lacking {
        /// Which constraint.
        pub constraint: Constraint,
        /// Which one of them.
        pub name: String,
        /// How much more of it is needed at least beside the others; 0 where it only conflicts with them.
        pub by: f64,
        /// The unit of `by`: usd, accelerators, instances, cores, bytes, kg.
        pub unit: String,
        /// Whether it is one of a set of limits that no plan keeps together, each of which is needed for that.
        pub conflicts: bool,
    }
}

/// The constraints a placement can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Constraint {
    /// Another accelerator is asked for.
    Accelerator,
    /// Count, cpu, host memory or instance type.
    Size,
    /// Memory of the accelerator.
    Memory,
    /// The capacity class is not allowed.
    Capacity,
    /// Spot, and the workload is not interruptible.
    Interruptible,
    /// The instances that can be had.
    Count,
    /// A quota of the estate.
    Quota,
    /// A team's budget, or the plan's.
    Budget,
    /// A team's carbon budget.
    CarbonBudget,
    /// The workload's `maxHourly`.
    MaxHourly,
    /// The workload's `maxCost`.
    MaxCost,
    /// The workload's `deadline`.
    Deadline,
    /// The workload's latency bound.
    Latency,
    /// Residency of the workload or of a dataset.
    Residency,
    /// Regions, clouds, zones.
    Region,
    /// A forbidden place.
    NotIn,
    /// The estate's `only` leaves it out.
    Only,
    /// Others that it is kept `together` with are elsewhere.
    Together,
    /// `speed` lacks it.
    Speed,
    /// A producer is left out, or comes too late.
    Producer,
    /// Expected rework beyond reason.
    Risk,
}

impl Constraint {
    /// The name in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accelerator => "accelerator",
            Self::Size => "size",
            Self::Memory => "memory",
            Self::Capacity => "capacity",
            Self::Interruptible => "interruptible",
            Self::Count => "count",
            Self::Quota => "quota",
            Self::Budget => "budget",
            Self::CarbonBudget => "carbonBudget",
            Self::MaxHourly => "maxHourly",
            Self::MaxCost => "maxCost",
            Self::Deadline => "deadline",
            Self::Latency => "latency",
            Self::Residency => "residency",
            Self::Region => "region",
            Self::NotIn => "notIn",
            Self::Only => "only",
            Self::Together => "together",
            Self::Speed => "speed",
            Self::Producer => "producer",
            Self::Risk => "risk",
        }
    }
}

impl std::fmt::Display for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

document! {
    /// A limit that stands in the way.
    pub struct Cause {
        /// Which constraint.
        pub constraint: Constraint,
        /// Which one of them: the team, the quota, the offer, the workload.
        pub name: String,
        /// What the placement needs.
        pub needs: serde_json::Value,
        /// What there is.
        pub has: serde_json::Value,
        /// The least change of this limit that places the workload; null where no unit fits.
        pub relax_by: Option<f64>,
        /// The unit of `relaxBy`: usd, accelerators, instances, h, ms, kg, bytes.
        pub unit: Option<String>,
    }
}

document! {
    /// What one more unit of a limit would save.
    pub struct Price {
        /// Which constraint.
        pub constraint: Constraint,
        /// Which one of them.
        pub name: String,
        /// Dollars a unit, at least 0.
        pub usd_per_unit: f64,
        /// The least it may be.
        pub low: f64,
        /// The most it may be.
        pub high: f64,
    }
}

document! {
    /// A figure that no document stated.
    #[derive(Eq)]
    pub struct Assumption {
        /// What it is about.
        pub what: String,
        /// The value used, with its unit.
        pub value: String,
        /// Where it comes from.
        pub source: String,
        /// The date of the source, when known.
        pub as_of: Option<String>,
    }
}

document! {
    /// What the plan was made from.
    pub struct Inputs {
        /// SHA-256 over the documents and files read.
        pub digest: String,
        /// The newest price among the offers.
        pub catalog_date: Option<String>,
        /// Every flag with its value in force.
        pub flags: Flags,
        /// The documents themselves, so that a plan alone can be explained; absent where they name
        /// catalogue files, whose offers are too many to carry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub documents: Option<Documents>,
    }
}

document! {
    /// What the files said: other programs' documents as the workloads they were read as.
    pub struct Documents {
        /// The workloads, in document order.
        pub workloads: Vec<Workload>,
        /// The estate.
        pub estate: EstateSpec,
        /// The carbon series that the estate names, by path as written.
        pub series: BTreeMap<String, Series>,
    }
}

impl Inputs {
    /// Everything that the plan was made from, where it carries that.
    pub fn carried(&self) -> Option<crate::Inputs> {
        let documents = self.documents.as_ref()?;
        Some(crate::Inputs {
            workloads: documents.workloads.clone(),
            estate: documents.estate.clone(),
            embedded_catalog: documents.estate.has_embedded_catalog(),
            file_offers: Vec::new(),
            series: documents.series.clone(),
            assumptions: Vec::new(),
            places: Places::default(),
            digest: self.digest.clone(),
        })
    }
}

impl Documents {
    /// The documents of `inputs`, if a plan can carry them.
    pub fn of(inputs: &crate::Inputs) -> Option<Self> {
        inputs.file_offers.is_empty().then(|| Self {
            workloads: inputs.workloads.clone(),
            estate: inputs.estate.clone(),
            series: inputs.series.clone(),
        })
    }
}

document! {
    /// Every flag of `plan` that bears on the result, with its value in force.
    pub struct Flags {
        /// Dollars a tonne CO2e.
        pub carbon_price: Usd,
        /// Dollars a workload-hour until done.
        pub delay_price: Usd,
        /// The preset the prices came from.
        pub objective: String,
        /// Dollars that the whole plan may spend.
        pub budget: Option<Usd>,
        /// How long services are planned for.
        pub horizon: Duration,
        /// The gap at which the search may stop.
        pub gap: f64,
        /// Work units allowed.
        pub effort: u64,
        /// Wall-clock limit.
        pub time_limit: Option<Duration>,
        /// The planning moment.
        pub now: Time,
        /// The seed of the search.
        pub seed: u64,
        /// Whether HiGHS was left out.
        pub no_lp: bool,
        /// `currents` taken from a previous plan, workload to offer.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        pub previous: IndexMap<String, String>,
    }
}

document! {
    /// How the plan was made.
    pub struct SolverReport {
        /// The seed of the search.
        pub seed: u64,
        /// Work units spent.
        pub effort: u64,
        /// The phases, in order.
        pub phases: Vec<Phase>,
    }
}

document! {
    /// One phase of the solver.
    pub struct Phase {
        /// Its name.
        pub name: String,
        /// The best total after it, when there is a plan.
        pub total_usd: Option<f64>,
        /// The best proven bound after it.
        pub bound_usd: Option<f64>,
        /// What it counted: columns removed, iterations, nodes.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        pub counts: IndexMap<String, u64>,
    }
}
