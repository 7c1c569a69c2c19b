//! Workloads: what is to run, what it needs, and what it may not do.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{
    AcceleratorCount, AcceleratorKind, Arch, Bytes, Capacity, Cpu, Duration, Metadata, Millisecond, Ratio,
    Usd, When,
    document::{ApiVersion, Names, maybe_one_or_many, one_or_many},
};

/// `kind: Workload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum WorkloadKind {
    /// The only value.
    #[default]
    Workload,
}

/// Something to place: a batch job (it states a `duration`) or a service (it does not).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workload {
    /// The version of the format.
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: WorkloadKind,
    /// Its name.
    pub metadata: Metadata,
    /// What it asks for.
    pub spec: WorkloadSpec,
}

/// What a workload asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadSpec {
    /// Equal instances of the request; all on one offer.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1))]
    pub replicas: u32,
    /// All replicas or none (the default for batch).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gang: Option<bool>,
    /// What each replica needs.
    pub request: Request,
    /// At most so many replicas on one instance of a cloud; own nodes are shared all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub per_instance: Option<u32>,
    /// Other ways to run it. An offer is judged by the workload itself, else by the first of these that
    /// admits it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// The ways to run it are in order of preference, the workload itself first: a later one is used only
    /// where no plan has room for more of the earlier ones.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ordered: bool,
    /// Run time at speed 1. Without it the workload is a service, which runs for the horizon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// Relative speed by accelerator, else instance type, else `cpu`. What it lacks is not eligible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<IndexMap<String, Ratio>>,
    /// Capacity classes allowed; all by default (spot only with `interruptible: true`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Vec<Capacity>>,
    /// Whether it survives an interruption.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interruptible: bool,
    /// How it saves its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// Whether it may run in pieces, at slot boundaries.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pausable: bool,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<When>,
    /// The end of the run lies not after. Only with a deadline may the start be deferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<When>,
    /// The grid of deferred starts (default 1h).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<Duration>,
    /// Data read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// Data written elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// Where its users are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Client>,
    /// A bound on, or a price of, the round-trip time to its users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyGoal>,
    /// Regions allowed (places).
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "Names")]
    pub regions: Vec<String>,
    /// Clouds allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "Names")]
    pub clouds: Vec<String>,
    /// Zones allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "Names")]
    pub zones: Vec<String>,
    /// Places forbidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "Names")]
    pub not_in: Vec<String>,
    /// Places required, usually jurisdictions: `EU`, `DE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "Names")]
    pub residency: Vec<String>,
    /// Workloads that name the same are in one region (cloud, zone), as far as they are placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<Together>,
    /// Bounds instances × hourly price, after discounts, before reservations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_hourly: Option<Usd>,
    /// Bounds compute + egress + risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<Usd>,
    /// Whose budget it draws on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Who is left out last when not everything fits; it has no other effect.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i64,
    /// Whether it must be placed (default true, false with `value`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// What placing it is worth; it may be left out when it costs more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Usd>,
    /// The offer on which it runs now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// What leaving `current` costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub move_cost: Option<Usd>,
}

/// The names of the fields of a [`WorkloadSpec`].
pub const FIELDS: [&str; 33] = [
    "replicas",
    "gang",
    "request",
    "perInstance",
    "alternatives",
    "ordered",
    "duration",
    "speed",
    "capacity",
    "interruptible",
    "checkpoint",
    "pausable",
    "earliest",
    "deadline",
    "slots",
    "inputs",
    "outputs",
    "clients",
    "latency",
    "regions",
    "clouds",
    "zones",
    "notIn",
    "residency",
    "together",
    "maxHourly",
    "maxCost",
    "team",
    "priority",
    "required",
    "value",
    "current",
    "moveCost",
];
impl Workload {
    /// A workload of this name.
    pub fn named(name: impl Into<String>, spec: WorkloadSpec) -> Self {
        Self {
            api_version: ApiVersion::default(),
            kind: WorkloadKind::Workload,
            metadata: Metadata::named(name),
            spec,
        }
    }
}

impl WorkloadSpec {
    /// One replica that asks for this and says nothing else: a service that may run anywhere.
    pub fn asking(request: Request) -> Self {
        Self {
            replicas: 1,
            gang: None,
            request,
            per_instance: None,
            alternatives: Vec::new(),
            ordered: false,
            duration: None,
            speed: None,
            capacity: None,
            interruptible: false,
            checkpoint: None,
            pausable: false,
            earliest: None,
            deadline: None,
            slots: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            clients: Vec::new(),
            latency: None,
            regions: Vec::new(),
            clouds: Vec::new(),
            zones: Vec::new(),
            not_in: Vec::new(),
            residency: Vec::new(),
            together: None,
            max_hourly: None,
            max_cost: None,
            team: None,
            priority: 0,
            required: None,
            value: None,
            current: None,
            move_cost: None,
        }
    }

    /// Whether it must be placed.
    pub fn is_required(&self) -> bool {
        self.required.unwrap_or(self.value.is_none())
    }

    /// The ways to run it, each as a workload without alternatives: itself, then each alternative.
    pub fn ways(&self) -> Vec<Cow<'_, Self>> {
        if self.alternatives.is_empty() {
            return vec![Cow::Borrowed(self)];
        }
        let itself = Self { alternatives: Vec::new(), ordered: false, ..self.clone() };
        let others = self.alternatives.iter().map(|way| Cow::Owned(way.of(&itself))).collect::<Vec<_>>();
        std::iter::once(Cow::Owned(itself.clone())).chain(others).collect()
    }
}

/// Another way to run a workload: what is stated here stands in place of what the workload states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alternative {
    /// What each replica needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// Capacity classes allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Vec<Capacity>>,
    /// Regions allowed (places); an empty list allows all.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_one_or_many")]
    #[schemars(with = "Option<Names>")]
    pub regions: Option<Vec<String>>,
    /// Clouds allowed; an empty list allows all.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_one_or_many")]
    #[schemars(with = "Option<Names>")]
    pub clouds: Option<Vec<String>>,
    /// Zones allowed; an empty list allows all.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_one_or_many")]
    #[schemars(with = "Option<Names>")]
    pub zones: Option<Vec<String>>,
    /// Places forbidden; an empty list forbids none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_one_or_many")]
    #[schemars(with = "Option<Names>")]
    pub not_in: Option<Vec<String>>,
    /// Bounds instances × hourly price, after discounts, before reservations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_hourly: Option<Usd>,
}

impl Alternative {
    /// The workload run this way.
    fn of(&self, spec: &WorkloadSpec) -> WorkloadSpec {
        let list =
            |own: &Option<Vec<String>>, other: &[String]| own.clone().unwrap_or_else(|| other.to_vec());
        WorkloadSpec {
            request: self.request.clone().unwrap_or_else(|| spec.request.clone()),
            capacity: self.capacity.clone().or_else(|| spec.capacity.clone()),
            regions: list(&self.regions, &spec.regions),
            clouds: list(&self.clouds, &spec.clouds),
            zones: list(&self.zones, &spec.zones),
            not_in: list(&self.not_in, &spec.not_in),
            max_hourly: self.max_hourly.or(spec.max_hourly),
            ..spec.clone()
        }
    }
}

/// What each replica needs; at least one of the fields is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// Accelerators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerators: Option<AcceleratorRequest>,
    /// Cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Host memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Machine types allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "Names")]
    pub instance_type: Vec<String>,
    /// Machine types forbidden; an offer without a type is none of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "Names")]
    pub not_instance_type: Vec<String>,
    /// The instruction set of the host; an offer that does not state it is not eligible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<Arch>,
    /// The instruction set that the host must not have; an offer that does not state its own may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_arch: Option<Arch>,
}

/// Accelerators of one replica: any of the names, or any of the kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceleratorRequest {
    /// Names or aliases, any of which will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "Names")]
    pub any_of: Vec<String>,
    /// A kind; alone it means any accelerator of that kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AcceleratorKind>,
    /// How many (1): a whole number, or a fraction of one, which only own nodes have.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "whole_or_part_of_one")]
    pub count: Option<AcceleratorCount>,
    /// Least memory of each; an offer that does not state it is not eligible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
}

impl AcceleratorRequest {
    /// How many: the stated count, else 1.
    pub fn count(&self) -> AcceleratorCount {
        self.count.unwrap_or(AcceleratorCount::whole(1))
    }
}

/// How a workload saves its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// The interval between checkpoints.
    pub every: Duration,
    /// What a restart costs (0s).
    #[serde(default)]
    pub restart: Duration,
}

/// Data read: a dataset of the estate, or what another workload hands over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// A dataset of the estate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// A workload whose output this reads, after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// How much; for a dataset the default is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
}

/// Data written to a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Output {
    /// The region or site it goes to.
    pub to: String,
    /// How much.
    pub size: Bytes,
}

/// Users of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// The region or site they are in.
    pub region: String,
    /// Their part of the requests (1); shares are normalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
}

/// A group of workloads that are kept together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Together {
    /// What the group is called; it has nothing to do with names of workloads.
    pub name: String,
    /// What they share (`region`); a site counts as the region it lies in, else as one of its own.
    #[serde(rename = "in", default, skip_serializing_if = "Area::is_region")]
    pub area: Area,
}

/// What a group of workloads shares.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Area {
    /// One region.
    #[default]
    Region,
    /// One cloud, or one site.
    Cloud,
    /// One zone; what states no zone counts as a zone of its own in its region.
    Zone,
}

impl Area {
    /// The name in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Cloud => "cloud",
            Self::Zone => "zone",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    const fn is_region(&self) -> bool {
        matches!(self, Self::Region)
    }
}

/// A bound on the round-trip time, or a price of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LatencyGoal {
    /// The round-trip time that every client with a share keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<Duration>,
    /// Dollars a millisecond and hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Usd>,
}

impl LatencyGoal {
    /// The bound in milliseconds.
    pub fn bound(&self) -> Option<Millisecond> {
        // A nanosecond is 10^-6 ms, so the conversion is exact.
        self.p99.map(|bound| Millisecond::from_pico(i128::from(bound.nanos()) * 1_000_000))
    }
}

/// A count of devices, or a part of one.
fn whole_or_part_of_one<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<AcceleratorCount>, D::Error> {
    let count = Option::<AcceleratorCount>::deserialize(deserializer)?;
    if count.is_some_and(|count| count > AcceleratorCount::whole(1) && count.is_fraction()) {
        return Err(de::Error::custom(
            "a fraction above 1 lies on no device: use a whole number, or a fraction of one",
        ));
    }
    Ok(count)
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(value: &u32) -> bool {
    *value == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(value: &i64) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_fields_are_those_of_the_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(WorkloadSpec)).unwrap();
        let mut fields: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut named = FIELDS.to_vec();
        fields.sort_unstable();
        named.sort_unstable();
        assert_eq!(fields, named);
    }
}
