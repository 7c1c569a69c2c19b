//! Scenarios: a trace, a cluster, a market and policies to be simulated.
//!
//! A scenario is TOML; field names are those of the file. What depends on more than one field (a trace without nodes
//! needs a cluster) is checked where a scenario is prepared, not here. Paths are relative to the scenario's file.

mod market;
mod policy;
mod report;
mod values;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bytes, Cpu, Duration, document::one_or_many};

pub use market::{Availability, Forecast, Gaps, Market, MarketOffer, Noise, PriceSeries, SeriesFile, Spot};
pub use policy::PolicySpec;
pub use report::{CommitmentsUntil, Report, SeriesOut};
pub use values::{Count, Limit, Moment, Range, Seeds, Values};

macro_rules! section {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case", default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(skip_serializing_if = "values::is_default")] pub $field: $type,)*
        }
    };
}
pub(crate) use section;

section! {
    /// What is simulated.
    pub struct Scenario {
        /// What it is called in reports; of no effect.
        pub name: Option<String>,
        /// What it shows; of no effect.
        pub description: Option<String>,
        /// What arrives.
        pub trace: Trace,
        /// The machines, where the trace brings none.
        pub cluster: Option<ClusterSpec>,
        /// An Estate with the machines, in place of `cluster`.
        pub estate: Option<String>,
        /// When decisions are made.
        pub engine: Engine,
        /// In which order and how fast jobs arrive.
        pub arrivals: Arrivals,
        /// What jobs get that the trace lacks.
        pub jobs: Jobs,
        /// Prices, carbon, and what can be rented.
        pub market: Market,
        /// What machines draw.
        pub power: Option<PowerSpec>,
        /// Which policies run, with which seeds.
        pub run: Run,
        /// Keys of this file (`"market.carbon_price"`) with the values that each takes; all combinations run.
        pub vary: IndexMap<String, Values>,
        /// What is measured and written.
        pub report: Report,
    }
}

/// The format of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TraceFormat {
    /// Alibaba's GPU cluster of 2023: a list of nodes and one of pods.
    Openb,
    /// Microsoft Philly, reduced to submission, duration, GPUs and virtual cluster.
    Philly,
    /// `SenseTime` Helios.
    Helios,
    /// Gavel's job lists.
    Gavel,
    /// Shockwave's job lists.
    Shockwave,
    /// Tiresias' job lists.
    Tiresias,
    /// Alibaba PAI, and GAIA's reductions of it.
    Pai,
    /// Azure's VMs, as GAIA reduced them.
    AzureVm,
    /// Google's Borg.
    Borg,
    /// The standard workload format of parallel machines.
    Swf,
    /// Dumps of a cluster.
    Kubernetes,
    /// Plimsoll's own.
    Native,
    /// Made up: calibrated to public statistics, from the seed.
    Generated,
}

impl TraceFormat {
    /// The name in scenarios.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openb => "openb",
            Self::Philly => "philly",
            Self::Helios => "helios",
            Self::Gavel => "gavel",
            Self::Shockwave => "shockwave",
            Self::Tiresias => "tiresias",
            Self::Pai => "pai",
            Self::AzureVm => "azure-vm",
            Self::Borg => "borg",
            Self::Swf => "swf",
            Self::Kubernetes => "kubernetes",
            Self::Native => "native",
            Self::Generated => "generated",
        }
    }
}

section! {
    /// What arrives.
    pub struct Trace {
        /// The format of its files.
        pub format: Option<TraceFormat>,
        /// The file of machines.
        pub nodes: Option<String>,
        /// The file of jobs.
        pub jobs: Option<String>,
        /// Steps per second by kind of accelerator, job type and scale.
        pub throughputs: Option<String>,
        /// The same for two jobs on one accelerator.
        pub colocated: Option<String>,
        /// What is made up, for `format = "generated"`.
        pub generate: Option<Generate>,
    }
}

section! {
    /// A made-up trace.
    pub struct Generate {
        /// The cluster whose published statistics it follows: `mixed` (default), `openb`, `philly`, `seren`, `kalos`,
        /// `helios`, `pai`.
        pub profile: Option<String>,
        /// How many jobs; default: as many as the span and the load ask for.
        pub count: Option<u64>,
        /// Over which time they arrive; default 7d.
        pub span: Option<Duration>,
        /// Which part of the cluster's accelerators they keep busy on average; default 0.8.
        pub load: Option<f64>,
    }
}

section! {
    /// The machines.
    pub struct ClusterSpec {
        /// Kinds of machines, each with how many.
        pub nodes: Vec<NodeSpec>,
        /// How gangs sit on machines; default `nodes`.
        pub placement: Option<PlacementRule>,
        /// What a job's cluster or queue in the trace means; default `from-trace`.
        pub partitions: Option<Partitions>,
        /// An Estate with the machines, in place of `nodes`.
        pub estate: Option<String>,
    }
}

/// How gangs sit on machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlacementRule {
    /// Devices of a kind are one pool; gangs may span nodes.
    Count,
    /// Each part of a gang fits on a node.
    Nodes,
    /// As `nodes`, on as few nodes as can be.
    Consolidated,
}

/// What the cluster or queue that a trace names for a job means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Partitions {
    /// The job runs only on machines of that partition.
    FromTrace,
    /// Nothing.
    Ignore,
}

section! {
    /// Machines of a kind.
    pub struct NodeSpec {
        /// The kind; machines are `NAME/0`, `NAME/1`, ….
        pub name: String,
        /// How many; default 1.
        pub count: Option<u64>,
        /// The kind of accelerator.
        pub accelerator: Option<String>,
        /// Accelerators of each; default 0.
        pub accelerators: Option<u64>,
        /// Cores; without it they are no limit.
        pub cpu: Option<Cpu>,
        /// Memory; without it it is no limit.
        pub memory: Option<Bytes>,
        /// The partition that it belongs to.
        pub partition: Option<String>,
        /// Where it is.
        pub zone: Option<String>,
        /// What one costs an hour, used or not, in $.
        pub hourly: Option<f64>,
    }
}

section! {
    /// When decisions are made.
    pub struct Engine {
        /// Only at the ends of rounds this long; without it at every event.
        pub rounds: Option<Duration>,
        /// The grid that times are rounded down to.
        pub tick: Option<Duration>,
        /// What each start after a stop or a move loses, where the job names nothing.
        pub restart: Option<Duration>,
    }
}

/// Whether time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Jobs come one by one and never leave; there is no clock.
    Sequence,
    /// Jobs come and leave when the trace says.
    #[default]
    Timed,
    /// All jobs come at time 0.
    AtOnce,
}

/// The order of arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// As in the file.
    #[default]
    File,
    /// Drawn for each seed.
    Shuffle,
}

section! {
    /// In which order and how fast jobs arrive.
    pub struct Arrivals {
        /// Whether time passes; default `timed`.
        pub mode: Option<Mode>,
        /// The order, in a sequence; default `file`.
        pub order: Option<Order>,
        /// Up to this multiple of the cluster's accelerators jobs drawn from the trace are appended.
        pub inflate: Option<f64>,
        /// Only what arrives in [from, to): dates, or durations from the first arrival.
        pub window: Option<[Limit; 2]>,
        /// Only the first so many.
        pub first: Option<u64>,
        /// The wall-clock time of time 0 of the trace.
        pub start: Option<Moment>,
        /// How many jobs an hour, for traces whose arrivals are in mean gaps.
        pub rate_per_hour: Option<f64>,
        /// How many times as fast they arrive as the trace says.
        pub speed: Option<f64>,
    }
}

section! {
    /// What jobs get that the trace lacks; the trace's own columns win.
    pub struct Jobs {
        /// Whether they survive being stopped.
        pub interruptible: Option<bool>,
        /// What of their work survives.
        pub checkpoint: Option<Checkpoint>,
        /// They start, stop and resume only on this grid.
        pub slots: Option<Duration>,
        /// Classes by duration, each with how long its jobs may wait.
        pub queues: Vec<Queue>,
        /// How they use reserved instances: `whole` for all of their CPUs or none, `any` (default) for what is free.
        pub split: Option<Split>,
        /// The latest finish, from the arrival.
        pub deadline: Option<Duration>,
        /// The latest finish, as a multiple of the duration from the arrival.
        pub deadline_factor: Option<f64>,
        /// What a stopped job saves and loses is charged to whom; of no effect on the schedule.
        pub team: Option<String>,
        /// The priority of each; larger first.
        pub priority: Option<i64>,
    }
}

/// How a job may be divided between reserved and other instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// All or none.
    Whole,
    /// As much as is free.
    Any,
}

section! {
    /// What of a job's work survives a stop.
    pub struct Checkpoint {
        /// How often it is saved; `0s`: nothing done is ever lost.
        pub every: Option<Duration>,
        /// What a start after a stop costs.
        pub restart: Option<Duration>,
    }
}

section! {
    /// A class of jobs by duration.
    pub struct Queue {
        /// What it is called.
        pub name: String,
        /// Its jobs are shorter than this; the last queue takes all others.
        pub shorter_than: Option<Duration>,
        /// The longest wait.
        pub wait_up_to: Option<Duration>,
    }
}

section! {
    /// What machines draw.
    pub struct PowerSpec {
        /// Watts of a device by kind, idle and busy; a device with any work is busy.
        pub accelerators: IndexMap<String, [f64; 2]>,
        /// Watts of processors, by whole sockets.
        pub cpu: Option<CpuPower>,
        /// Watts of each requested CPU while its job runs.
        pub watts_per_cpu: Option<f64>,
        /// Energy of the site for each unit that machines draw; default 1.
        pub pue: Option<f64>,
    }
}

section! {
    /// Watts of processors.
    pub struct CpuPower {
        /// Cores of a socket.
        pub cores_per_socket: u32,
        /// Threads (CPUs) of a core; default 1.
        pub threads_per_core: Option<u32>,
        /// Watts of a socket, idle and busy.
        pub watts: [f64; 2],
    }
}

section! {
    /// Which policies run, with which seeds.
    pub struct Run {
        /// Names, or tables with a name and settings.
        #[serde(deserialize_with = "one_or_many")]
        pub policies: Vec<PolicySpec>,
        /// A seed, a list, or a range with both ends (`"42..51"`); default 0.
        pub seeds: Option<Seeds>,
        /// When the run is cut: a date, or a duration from time 0.
        pub until: Option<Limit>,
        /// How many runs are made at a time; default: as many as the machine has cores.
        pub cores: Option<u32>,
    }
}
