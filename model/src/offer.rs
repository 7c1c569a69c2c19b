//! Offers: one kind of instance, in one place, in one capacity class, at one price.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AcceleratorCount, Bytes, Cpu, OneOf, PerHour, Ratio, Usd, Watts};

/// How capacity is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// Cheaper, and can be taken back at any moment.
    Spot,
    /// By the hour.
    OnDemand,
    /// Committed to for a term.
    Reserved,
    /// Machines of one's own.
    OnPrem,
}

impl Capacity {
    /// Every class, in the order in which tables list them.
    pub const ALL: [Self; 4] = [Self::Spot, Self::OnDemand, Self::Reserved, Self::OnPrem];

    /// The name in documents: `spot`, `on-demand`, `reserved`, `on-prem`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::OnDemand => "on-demand",
            Self::Reserved => "reserved",
            Self::OnPrem => "on-prem",
        }
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Capacity {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|c| c.as_str() == text)
            .ok_or_else(|| format!("`{text}` is none of spot, on-demand, reserved, on-prem"))
    }
}

/// The kind of an accelerator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AcceleratorKind {
    /// Graphics processors.
    Gpu,
    /// Google's tensor processors.
    Tpu,
    /// Other neural processors: Trainium, Inferentia, Gaudi.
    Npu,
    /// Programmable logic.
    Fpga,
}

impl AcceleratorKind {
    /// The name in documents: `gpu`, `tpu`, `npu`, `fpga`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::Tpu => "tpu",
            Self::Npu => "npu",
            Self::Fpga => "fpga",
        }
    }
}

impl fmt::Display for AcceleratorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The instruction set of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// x86-64.
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

impl Arch {
    /// The name in documents, and as Kubernetes labels nodes: `amd64`, `arm64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An offer as a document states it. What is absent is unknown, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Offer")]
pub struct OfferSpec {
    /// Unique; by default `cloud/region/instanceType/capacity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<String>,
    /// The region, without the cloud's name.
    pub region: String,
    /// The zone, where the offer is bound to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The provider's name for the machine type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// The accelerator's name; absent for plain machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<String>,
    /// Its kind; by default what the embedded table knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator_kind: Option<AcceleratorKind>,
    /// Accelerators in one instance (1 when an accelerator is named); 0.5 for half a card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerators: Option<AcceleratorCount>,
    /// Memory of each accelerator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator_memory: Option<Bytes>,
    /// Cores of one instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Host memory of one instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// The instruction set of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<Arch>,
    /// The capacity class.
    pub capacity: Capacity,
    /// Dollars an instance-hour. In a plan: after the estate's price rules.
    pub hourly: Usd,
    /// In a plan: dollars an instance-hour before the estate's price rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_hourly: Option<Usd>,
    /// How many instances can be had at a time; 0 none, absent without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Power of one instance under load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<Watts>,
    /// Power usage effectiveness of the building.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pue: Option<Ratio>,
    /// Spot interruptions expected an instance-hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruptions_per_hour: Option<PerHour>,
    /// Where the price comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The date of the price: `2026-08-03` or a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

impl OfferSpec {
    /// Thousandths of accelerators in one instance: the stated count, else one of the accelerator named.
    pub fn accelerators_milli(&self) -> u64 {
        let one = AcceleratorCount::whole(u64::from(self.accelerator.is_some()));
        self.accelerators.unwrap_or(one).milli()
    }

    /// The stated name, else `cloud/region/instanceType/capacity` without what is absent.
    pub fn full_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let parts = [
            self.cloud.as_deref(),
            Some(&*self.region),
            self.instance_type.as_deref(),
            Some(self.capacity.as_str()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    }
}

/// Which offers a rule is about: all that is given must agree, any value of a list will do; an empty match
/// is about every offer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Match {
    /// The provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<OneOf<String>>,
    /// The region, bare or as `cloud/region`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<OneOf<String>>,
    /// The zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<OneOf<String>>,
    /// The accelerator's name or an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<OneOf<String>>,
    /// The capacity class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<OneOf<Capacity>>,
    /// The machine type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<OneOf<String>>,
    /// The offer's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<OneOf<String>>,
}

impl fmt::Display for Match {
    /// What it is about in words; nothing for an empty match.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.capacity.as_ref().map(ToString::to_string);
        let texts =
            [&self.offer, &self.cloud, &self.region, &self.zone, &self.instance_type, &self.accelerator];
        let words = texts.into_iter().flatten().map(ToString::to_string).chain(capacity);
        f.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}
