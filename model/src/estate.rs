//! Estates: where things can be placed, at what price, under which limits.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Bytes, Cpu, Duration, GbitPerSecond, GramsPerKwh, Kg, Match, Metadata, Millisecond, OfferSpec, OneOf,
    PerHour, Ratio, Time, Usd, Watts,
    document::{ApiVersion, Names, one_or_many},
    scenarios::Scenario,
};

/// `kind: Estate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum EstateKind {
    /// The only value.
    #[default]
    Estate,
}

/// Where workloads can be placed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Estate {
    /// The version of the format.
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: EstateKind,
    /// Its name.
    pub metadata: Metadata,
    /// What it holds.
    pub spec: EstateSpec,
}

/// Which built-in tables fill what the estate lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Defaults {
    /// The embedded tables, each use listed in the plan's assumptions.
    #[default]
    Embedded,
    /// None: a missing figure that a price needs is an error.
    None,
}

/// How data transfer between regions is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EgressModel {
    /// By pair of regions.
    #[default]
    Region,
    /// By source provider in tiers, nothing within a provider.
    Cloud,
}

macro_rules! spec {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}

spec! {
    /// What an estate holds.
    #[derive(Default)]
    pub struct EstateSpec {
        /// The planning moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub time: Option<Time>,
        /// How long services are planned for (24h).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub horizon: Option<Duration>,
        /// Where offers come from: `embedded` and files; by default `[embedded]`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub catalog: Option<Vec<String>>,
        /// Which built-in tables fill what the estate lacks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub defaults: Option<Defaults>,
        /// Offers stated here.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub offers: Vec<OfferSpec>,
        /// Own machines.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub sites: Vec<Site>,
        /// Which of the offers may be used; without entries all. Own machines are always there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub only: Vec<Only>,
        /// Regions the embedded table lacks, or knows otherwise.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub regions: Vec<Region>,
        /// Commitments already paid for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub reservations: Vec<Reservation>,
        /// Limits on what may be held at a time.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub quotas: Vec<Quota>,
        /// Money each team may spend.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub budgets: Vec<Budget>,
        /// Carbon each team may cause.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub carbon_budgets: Vec<CarbonBudget>,
        /// Data that workloads read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub datasets: Vec<Dataset>,
        /// Discounts and private prices, in order, each on the result of the one before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub prices: Vec<PriceRule>,
        /// Dollars a GB between places.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub egress: Vec<EgressRow>,
        /// How transfer is charged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub egress_model: Option<EgressModel>,
        /// Round-trip times between places.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub latency: Vec<LatencyRow>,
        /// Throughput between places.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub throughput: Vec<ThroughputRow>,
        /// Carbon intensity of places.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub carbon_intensity: Vec<CarbonRow>,
        /// Spot interruptions; the last match wins.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub interruptions: Vec<InterruptionRule>,
        /// What may come instead, for `plan --scenarios`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub scenarios: Vec<Scenario>,
    }
}

impl Estate {
    /// An empty estate.
    pub fn named(name: &str) -> Self {
        Self {
            api_version: ApiVersion::default(),
            kind: EstateKind::Estate,
            metadata: Metadata::named(name),
            spec: EstateSpec::default(),
        }
    }
}

/// The item of an estate's `catalog` that means the embedded one.
pub const EMBEDDED: &str = "embedded";

impl EstateSpec {
    /// Whether the embedded catalogue is part of it.
    pub fn has_embedded_catalog(&self) -> bool {
        self.catalog.as_ref().is_none_or(|list| list.iter().any(|item| item == EMBEDDED))
    }

    /// Adds the lists of another estate to this one's. What is stated here stands: single fields that
    /// are given, and offers, sites, regions and datasets of the same name.
    pub fn extend(&mut self, other: Self) {
        add_new(&mut self.offers, other.offers, OfferSpec::full_name);
        add_new(&mut self.sites, other.sites, |site| site.name.clone());
        add_new(&mut self.regions, other.regions, |region| region.name.clone());
        add_new(&mut self.datasets, other.datasets, |dataset| dataset.name.clone());
        add_new(&mut self.scenarios, other.scenarios, |scenario| scenario.name.clone());
        self.only.extend(other.only);
        self.reservations.extend(other.reservations);
        self.quotas.extend(other.quotas);
        self.budgets.extend(other.budgets);
        self.carbon_budgets.extend(other.carbon_budgets);
        self.prices.extend(other.prices);
        self.egress.extend(other.egress);
        self.latency.extend(other.latency);
        self.throughput.extend(other.throughput);
        self.carbon_intensity.extend(other.carbon_intensity);
        self.interruptions.extend(other.interruptions);
        self.time = self.time.or(other.time);
        self.horizon = self.horizon.or(other.horizon);
        self.catalog = self.catalog.take().or(other.catalog);
        self.defaults = self.defaults.or(other.defaults);
        self.egress_model = self.egress_model.or(other.egress_model);
    }
}

fn add_new<T>(list: &mut Vec<T>, more: Vec<T>, name: impl Fn(&T) -> String) {
    let known: BTreeSet<String> = list.iter().map(&name).collect();
    list.extend(more.into_iter().filter(|item| !known.contains(&name(item))));
}

spec! {
    /// Own machines in one place.
    pub struct Site {
        /// Its name, unique.
        pub name: String,
        /// The region it counts as; else its name is its place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub region: Option<String>,
        /// The cloud region whose network figures stand for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub near: Option<String>,
        /// ISO 3166 country.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub country: Option<String>,
        /// Power usage effectiveness.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pue: Option<Ratio>,
        /// Dollars a kWh, paid on top of the nodes' hourly price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub electricity: Option<Usd>,
        /// Carbon intensity of its electricity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub carbon: Option<SiteCarbon>,
        /// Its machines, by kind.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub nodes: Vec<NodeGroup>,
    }
}

spec! {
    /// Carbon intensity of a site: a grid zone of `carbonIntensity`, or a figure.
    pub struct SiteCarbon {
        /// The `zone` of a row of `carbonIntensity`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub zone: Option<String>,
        /// A constant figure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub grams_per_kwh: Option<GramsPerKwh>,
    }
}

spec! {
    /// Equal machines; nodes are named `NAME/0` to `NAME/(count − 1)`.
    pub struct NodeGroup {
        /// Its name, unique within the site.
        pub name: String,
        /// How many machines (1).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub count: Option<u32>,
        /// The accelerator's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub accelerator: Option<String>,
        /// Accelerators in one machine (1 when an accelerator is named).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub accelerators: Option<u32>,
        /// Its kind, when the embedded table does not know the accelerator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub accelerator_kind: Option<crate::AcceleratorKind>,
        /// Memory of each accelerator, when the embedded table does not know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub accelerator_memory: Option<Bytes>,
        /// Machine type, for `request.instanceType` and `speed`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instance_type: Option<String>,
        /// Cores of one machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cpu: Option<Cpu>,
        /// Memory of one machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub memory: Option<Bytes>,
        /// The instruction set of the machines.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub arch: Option<crate::Arch>,
        /// Dollars a machine-hour (depreciation, housing); 0 must be written out.
        pub hourly: Usd,
        /// Power of one machine under load.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub watts: Option<Watts>,
        /// Where the price comes from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub source: Option<String>,
        /// The date of the price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub as_of: Option<String>,
    }
}

spec! {
    /// A region.
    pub struct Region {
        /// `cloud/region` or a bare region.
        pub name: String,
        /// ISO 3166 country.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub country: Option<String>,
        /// Degrees north.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = -90, max = 90))]
        pub lat: Option<f64>,
        /// Degrees east.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = -180, max = 180))]
        pub lon: Option<f64>,
    }
}

spec! {
    /// Instances of an offer that are paid for already.
    pub struct Reservation {
        /// The offer's name.
        pub offer: String,
        /// How many instances.
        pub count: u32,
        /// Until when; absent: for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<Time>,
        /// Whether using it costs nothing (true). With false the entry changes no price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub sunk: Option<bool>,
    }
}

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Counts {
    /// Whole instances, as they are held; on own machines what is asked for.
    #[default]
    Held,
    /// What the replicas ask for, as Kubernetes and Kueue count it.
    Asked,
}

spec! {
    /// A limit on what the matching offers may hold at a time, over all of them. It limits one of
    /// accelerators, instances, cores and memory.
    #[derive(Default)]
    pub struct Quota {
        /// What to call it; by default its match.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        /// Which offers.
        #[serde(rename = "match", default)]
        pub matches: Match,
        /// Only workloads of these teams count, together; by default all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub team: Option<OneOf<String>>,
        /// At most so many accelerators.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub accelerators: Option<u32>,
        /// At most so many instances.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instances: Option<u32>,
        /// At most so many cores. An offer that does not state its own is not eligible.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cpu: Option<Cpu>,
        /// At most so much host memory. An offer that does not state its own is not eligible.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub memory: Option<Bytes>,
        /// What counts: what is held, or what is asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub counts: Option<Counts>,
    }
}

spec! {
    /// Offers that may be used. Entries without a team say what there is: an offer that none of them
    /// matches is out. Entries with a team confine that team further, to the offers that its entries match.
    /// Of both, a workload is held to those that are about it: with `accelerators` only to those about what
    /// it asks.
    #[derive(Default)]
    pub struct Only {
        /// What to call it: a node pool, a queue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        /// Which offers.
        #[serde(rename = "match", default)]
        pub matches: Match,
        /// For workloads of these teams; by default for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub team: Option<OneOf<String>>,
        /// For workloads that ask for accelerators (`true`), or for none (`false`); by default for both.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub accelerators: Option<bool>,
    }
}

spec! {
    /// Money a team may spend, over the plan.
    pub struct Budget {
        /// The team.
        pub team: String,
        /// Dollars of compute, egress and risk.
        pub usd: Usd,
    }
}

spec! {
    /// Carbon a team may cause, over the plan.
    pub struct CarbonBudget {
        /// The team.
        pub team: String,
        /// Kilograms of CO2 equivalent.
        pub kg: Kg,
    }
}

spec! {
    /// Data that workloads read.
    pub struct Dataset {
        /// Its name, unique.
        pub name: String,
        /// How large it is.
        pub size: Bytes,
        /// The regions or sites that hold a copy.
        #[serde(deserialize_with = "one_or_many")]
        #[schemars(with = "Names")]
        pub at: Vec<String>,
        /// Places its readers must run in.
        #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
        #[schemars(with = "Names")]
        pub residency: Vec<String>,
    }
}

spec! {
    /// A discount or a private price. It does one of the three.
    #[derive(Default)]
    pub struct PriceRule {
        /// Which offers.
        #[serde(rename = "match", default)]
        pub matches: Match,
        /// Multiplies the price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub multiply: Option<Ratio>,
        /// Replaces the price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hourly: Option<Usd>,
        /// Is added to the price, or taken from it when negative; a price does not go below 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub add: Option<Usd>,
    }
}

spec! {
    /// What data costs from a place to a place.
    pub struct EgressRow {
        /// A place or `*`.
        pub from: String,
        /// A place or `*`.
        pub to: String,
        /// Dollars a GB of 2^30 bytes.
        pub usd_per_gb: Usd,
    }
}

spec! {
    /// The round-trip time between two places; counts both ways.
    pub struct LatencyRow {
        /// A place or `*`.
        pub from: String,
        /// A place or `*`.
        pub to: String,
        /// Milliseconds.
        pub ms: Millisecond,
    }
}

spec! {
    /// The throughput from a place to a place.
    pub struct ThroughputRow {
        /// A place or `*`.
        pub from: String,
        /// A place or `*`.
        pub to: String,
        /// Gigabits a second.
        pub gbps: GbitPerSecond,
    }
}

spec! {
    /// Carbon intensity of a region or of a grid zone.
    pub struct CarbonRow {
        /// A place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub region: Option<String>,
        /// A grid zone, as sites name it in `carbon.zone`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub zone: Option<String>,
        /// A constant figure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub grams_per_kwh: Option<GramsPerKwh>,
        /// A CSV file `time,gramsPerKwh`; a value holds until the next row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub series: Option<String>,
    }
}

spec! {
    /// Spot interruptions of the matching offers.
    pub struct InterruptionRule {
        /// Which offers.
        #[serde(rename = "match", default)]
        pub matches: Match,
        /// Expected an instance-hour.
        pub per_hour: PerHour,
    }
}
