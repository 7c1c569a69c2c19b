//! What labels of nodes mean, in the dialects of the providers.
//!
//! A label is one of four things: a property that offers have too (region, instance type, capacity,
//! accelerator); one that tells the cloud and nothing else; one that every node here has (`linux`); or
//! one that no offer can be held against (a node pool), which is said and ignored.

use std::sync::OnceLock;

use plimsoll_catalog::{InstanceType, accelerator, instance_types, regions_named};
use plimsoll_model::{estate::EstateSpec, read::View};

use super::limits::{Limits, Property};

/// A requirement on one label.
#[derive(Debug, Clone)]
pub(super) struct Requirement<'a> {
    pub(super) key: &'a str,
    pub(super) operator: Operator,
    pub(super) values: Vec<&'a str>,
    pub(super) at: View<'a>,
}

/// How a label's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
}

impl Operator {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "In" => Self::In,
            "NotIn" => Self::NotIn,
            "Exists" => Self::Exists,
            "DoesNotExist" => Self::DoesNotExist,
            "Gt" => Self::Gt,
            "Lt" => Self::Lt,
            _ => return None,
        })
    }
}

const NO_OFFER: &str = "no offer says whether it has this label";
const POOL: &str = "names a pool of nodes, which no offer has";

impl<'a> Requirement<'a> {
    /// As people write it.
    pub(super) fn label(&self) -> String {
        let values = self.values.join(", ");
        match self.operator {
            Operator::In if self.values.len() == 1 => format!("{}: {values}", self.key),
            Operator::In => format!("{} in ({values})", self.key),
            Operator::NotIn => format!("{} not in ({values})", self.key),
            Operator::Exists => format!("{} exists", self.key),
            Operator::DoesNotExist => format!("no {}", self.key),
            Operator::Gt => format!("{} > {values}", self.key),
            Operator::Lt => format!("{} < {values}", self.key),
        }
    }

    /// What it allows.
    pub(super) fn limits(&self, estate: Option<&EstateSpec>) -> Limits<'a> {
        let mut limits = self.own(estate);
        let is_required = !matches!(self.operator, Operator::NotIn | Operator::DoesNotExist);
        if let (Some(cloud), true) = (cloud_of(self.key), is_required) {
            limits.choices.entry(Property::Cloud).or_insert_with(|| super::limits::Choice {
                values: vec![cloud.to_owned()],
                label: self.label(),
                at: self.at.clone(),
            });
        }
        limits
    }

    fn own(&self, estate: Option<&EstateSpec>) -> Limits<'a> {
        match self.key {
            "topology.kubernetes.io/region" | "failure-domain.beta.kubernetes.io/region" => {
                self.places(Property::Region, |name| qualified(name, estate))
            }
            "topology.kubernetes.io/zone"
            | "failure-domain.beta.kubernetes.io/zone"
            | "topology.gke.io/zone"
            | "topology.ebs.csi.aws.com/zone" => self.zone(estate),
            "node.kubernetes.io/instance-type" | "beta.kubernetes.io/instance-type" => {
                self.instance_type(estate)
            }
            "karpenter.sh/capacity-type" | "eks.amazonaws.com/capacityType" => self.capacity(capacity_type),
            "cloud.google.com/gke-spot" | "cloud.google.com/gke-preemptible" => {
                self.capacity(|value| (value == "true").then_some("spot"))
            }
            "cloud.google.com/gke-provisioning" => self.capacity(|value| match value {
                "spot" | "preemptible" => Some("spot"),
                "standard" => Some("on-demand"),
                _ => None,
            }),
            "kubernetes.azure.com/scalesetpriority" => self.capacity(|value| match value {
                "spot" => Some("spot"),
                "regular" => Some("on-demand"),
                _ => None,
            }),
            "kubernetes.io/arch" | "beta.kubernetes.io/arch" => self.arch(),
            "cloud.google.com/gke-tpu-accelerator" => {
                self.exact(Property::TpuChip, |value| Some(value.to_owned()))
            }
            "cloud.google.com/gke-tpu-topology" => {
                self.exact(Property::TpuTopology, |value| Some(value.to_owned()))
            }
            "nvidia.com/gpu.memory" | "karpenter.k8s.aws/instance-gpu-memory" => self.device_memory(1 << 20),
            "kubernetes.io/os" | "beta.kubernetes.io/os" if self.values == ["linux"] => Limits::default(),
            "kubernetes.io/os" | "beta.kubernetes.io/os" => {
                Limits::ignored(&self.label(), "prices are of machines with Linux")
            }
            "nvidia.com/gpu.present" | "nvidia.com/gpu.deploy.driver" | "karpenter.sh/registered" => {
                Limits::default()
            }
            "karpenter.sh/nodepool"
            | "eks.amazonaws.com/nodegroup"
            | "cloud.google.com/gke-nodepool"
            | "kubernetes.azure.com/agentpool"
            | "agentpool" => Limits::ignored(&self.label(), POOL),
            key => match key.strip_prefix("karpenter.k8s.aws/instance-") {
                Some(attribute) => self.aws_attribute(attribute),
                None if names_accelerators(key) => self.accelerator(),
                None => self.by_value(),
            },
        }
    }

    /// Allowed values of a property, as `of` reads them.
    fn exact(&self, property: Property, of: impl Fn(&str) -> Option<String>) -> Limits<'a> {
        let values: Vec<String> = self.values.iter().filter_map(|value| of(value)).collect();
        if self.operator == Operator::In && !values.is_empty() {
            Limits::one(property, values, &self.label(), &self.at)
        } else if self.operator == Operator::NotIn {
            Limits::ignored(&self.label(), "a request names what it allows, not what it does not")
        } else {
            Limits::ignored(&self.label(), NO_OFFER)
        }
    }

    fn instance_type(&self, estate: Option<&EstateSpec>) -> Limits<'a> {
        let (label, values) =
            (self.label(), || self.values.iter().map(|value| (*value).to_owned()).collect());
        match self.operator {
            Operator::In => Limits::one(Property::InstanceType, values(), &label, &self.at),
            Operator::NotIn => Limits::without(Property::InstanceType, values(), &label, &self.at),
            // Nodes of clouds all have a type.
            Operator::DoesNotExist => {
                let own = vec!["on-prem".to_owned()];
                Limits {
                    excluded: Limits::without(Property::InstanceType, own_types(estate), &label, &self.at)
                        .excluded,
                    ..Limits::one(Property::Capacity, own, &label, &self.at)
                }
            }
            _ => Limits::ignored(&label, NO_OFFER),
        }
    }

    fn places(&self, property: Property, of: impl Fn(&str) -> String) -> Limits<'a> {
        let places: Vec<String> = self.values.iter().map(|value| of(value)).collect();
        match self.operator {
            Operator::In => Limits::one(property, places, &self.label(), &self.at),
            Operator::NotIn => Limits::without(property, places, &self.label(), &self.at),
            Operator::Exists => Limits::default(),
            _ => Limits::ignored(&self.label(), NO_OFFER),
        }
    }

    /// Price lists know regions: a zone stands for its region, unless the estate has offers in the zone.
    fn zone(&self, estate: Option<&EstateSpec>) -> Limits<'a> {
        let known = |zone: &str| {
            estate.is_some_and(|estate| estate.offers.iter().any(|offer| offer.zone.as_deref() == Some(zone)))
        };
        if self.values.iter().any(|zone| known(zone)) {
            return self.places(Property::Zone, str::to_owned);
        }
        if self.operator == Operator::NotIn {
            return Limits::ignored(&self.label(), "prices are by region");
        }
        let mut limits = self.places(Property::Region, |zone| qualified(region_of_zone(zone), estate));
        if let Some(choice) = limits.choices.get_mut(&Property::Region) {
            choice.values.dedup();
            limits.ignored.push((self.label(), "prices are by region: any zone of it"));
        }
        limits
    }

    fn capacity(&self, class: impl Fn(&str) -> Option<&'static str>) -> Limits<'a> {
        let named: Vec<&str> = self.values.iter().filter_map(|value| class(value)).collect();
        let allowed = match self.operator {
            Operator::In => named.clone(),
            Operator::NotIn => {
                let mut rest = vec!["spot", "on-demand", "reserved"];
                rest.retain(|class| !named.contains(class));
                // A node that a commitment pays for is labelled as on demand.
                rest.retain(|class| *class != "reserved" || !named.contains(&"on-demand"));
                rest
            }
            // Only spot nodes have a label of their own that merely exists.
            Operator::Exists if self.key.ends_with("gke-spot") => vec!["spot"],
            Operator::DoesNotExist => vec!["on-demand"],
            Operator::Exists => return Limits::default(),
            _ => return Limits::ignored(&self.label(), NO_OFFER),
        };
        if allowed.is_empty() {
            return Limits::ignored(&self.label(), "is no capacity class that is known");
        }
        // A node that a commitment pays for is labelled as on demand.
        let mut classes: Vec<String> = allowed.iter().map(|class| (*class).to_owned()).collect();
        let is_out = self.operator == Operator::NotIn && named.contains(&"reserved");
        if allowed.contains(&"on-demand") && !allowed.contains(&"reserved") && !is_out {
            classes.push("reserved".to_owned());
        }
        Limits::one(Property::Capacity, classes, &self.label(), &self.at)
    }

    fn arch(&self) -> Limits<'a> {
        let all = ["amd64", "arm64"];
        let named = |arch: &&str| self.values.contains(arch);
        let allowed: Vec<String> = match self.operator {
            Operator::In => all.iter().filter(|arch| named(arch)).map(|arch| (*arch).to_owned()).collect(),
            Operator::NotIn => {
                all.iter().filter(|arch| !named(arch)).map(|arch| (*arch).to_owned()).collect()
            }
            Operator::Exists => return Limits::default(),
            _ => return Limits::ignored(&self.label(), NO_OFFER),
        };
        match allowed.len() {
            0 => Limits::ignored(&self.label(), "no offer has another than amd64 and arm64"),
            _ => Limits::one(Property::Arch, allowed, &self.label(), &self.at),
        }
    }

    fn device_memory(&self, unit: u64) -> Limits<'a> {
        let amounts: Vec<u64> = self.values.iter().filter_map(|value| value.parse().ok()).collect();
        let (Some(least), Operator::In | Operator::Gt) = (amounts.iter().min(), self.operator) else {
            return Limits::ignored(&self.label(), NO_OFFER);
        };
        // The driver reports a little less than a card's nominal memory.
        let least = if self.operator == Operator::In { least - least / 16 } else { *least };
        Limits { device_memory: Some((least.saturating_mul(unit), self.at.clone())), ..Limits::default() }
    }

    fn accelerator(&self) -> Limits<'a> {
        let names: Vec<String> = self.values.iter().map(|value| product(value)).collect();
        match self.operator {
            Operator::In => Limits::one(Property::Accelerator, names, &self.label(), &self.at),
            Operator::NotIn => {
                let excluded = |name: &&str| names.iter().any(|excluded| excluded == name);
                let all = plimsoll_catalog::accelerators().iter().map(|known| known.name);
                let rest = all.filter(|name| !excluded(name)).map(str::to_owned).collect();
                Limits::one(Property::Accelerator, rest, &self.label(), &self.at)
            }
            Operator::Exists => Limits::default(),
            _ => Limits::ignored(&self.label(), NO_OFFER),
        }
    }

    /// Labels of the users' own: an accelerator if a value names one and the key sounds like it.
    fn by_value(&self) -> Limits<'a> {
        const HINTS: [&str; 8] = ["gpu", "accel", "tpu", "npu", "fpga", "card", "hardware", "device"];
        let key = self.key.to_ascii_lowercase();
        let hinted = HINTS.iter().any(|hint| key.contains(hint));
        let known = |value: &&str| {
            let by_vendor = ["nvidia", "amd-", "tesla", "aws-", "tpu-"].iter().any(|v| value.starts_with(v));
            (hinted || by_vendor) && accelerator(&product(value)).is_some()
        };
        if self.operator == Operator::In && self.values.iter().any(known) {
            self.accelerator()
        } else {
            Limits::ignored(&self.label(), NO_OFFER)
        }
    }

    /// Karpenter's labels of AWS instance types: a list of types.
    fn aws_attribute(&self, attribute: &str) -> Limits<'a> {
        match attribute {
            "gpu-name" | "accelerator-name" => return self.accelerator(),
            "gpu-manufacturer"
            | "accelerator-manufacturer"
            | "hypervisor"
            | "encryption-in-transit-supported" => {
                return Limits::default();
            }
            _ => {}
        }
        let Some(value_of) = aws_value(attribute) else { return Limits::ignored(&self.label(), NO_OFFER) };
        // Nodes without the label will do too: these two exclude types, and no other cloud.
        if matches!(self.operator, Operator::NotIn | Operator::DoesNotExist) {
            let any = self.operator == Operator::DoesNotExist;
            let out = |held: &str| any || self.values.contains(&held);
            let types = aws_types().iter().filter(|t| value_of(t).is_some_and(|held| out(&held)));
            let types = types.map(|t| t.name.to_owned()).collect();
            return Limits::without(Property::InstanceType, types, &self.label(), &self.at);
        }
        let wanted = |held: Option<String>| {
            let number = |text: &str| text.parse::<u64>().ok();
            let bound = self.values.first().and_then(|value| number(value));
            match (self.operator, held) {
                (Operator::In, Some(held)) => self.values.contains(&&*held),
                (Operator::Exists, held) => held.is_some(),
                (Operator::Gt, Some(held)) => number(&held).zip(bound).is_some_and(|(held, b)| held > b),
                (Operator::Lt, Some(held)) => number(&held).zip(bound).is_some_and(|(held, b)| held < b),
                _ => false,
            }
        };
        let types: Vec<String> =
            aws_types().iter().filter(|t| wanted(value_of(t))).map(|t| t.name.to_owned()).collect();
        if types.is_empty() {
            // A family that the price list lacks: no type will do, and the plan says so.
            let odd = self.values.iter().map(|value| format!("{attribute} {value}")).collect();
            return Limits::one(Property::InstanceType, odd, &self.label(), &self.at);
        }
        Limits::one(Property::InstanceType, types, &self.label(), &self.at)
    }
}

type AwsValue = fn(&InstanceType) -> Option<String>;

/// How the value of a label is read off an instance type.
fn aws_value(attribute: &str) -> Option<AwsValue> {
    Some(match attribute {
        "family" => |t| t.name.split('.').next().map(str::to_owned),
        "size" => |t| t.name.split('.').nth(1).map(str::to_owned),
        "category" => |t| {
            let end = t.name.find(|c: char| !c.is_ascii_alphabetic())?;
            Some(t.name[..end].to_owned())
        },
        "generation" => |t| {
            let digits = t.name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            Some(digits.chars().take_while(char::is_ascii_digit).collect())
        },
        "cpu" => |t| t.cpu_milli.map(|milli| (milli / 1000).to_string()),
        // In MiB, as Karpenter has it.
        "memory" => |t| t.memory_bytes.map(|bytes| (bytes >> 20).to_string()),
        "gpu-count" | "accelerator-count" => |t| {
            t.accelerator.filter(|_| t.accelerators_milli >= 1000)?;
            Some((t.accelerators_milli / 1000).to_string())
        },
        _ => return None,
    })
}

/// The types of the machines of one's own that state one.
fn own_types(estate: Option<&EstateSpec>) -> Vec<String> {
    let types = estate.into_iter().flat_map(|estate| {
        let nodes = estate.sites.iter().flat_map(|site| &site.nodes).map(|nodes| &nodes.instance_type);
        nodes.chain(estate.offers.iter().map(|offer| &offer.instance_type)).flatten().cloned()
    });
    types.collect()
}

fn aws_types() -> &'static [&'static InstanceType] {
    static TYPES: OnceLock<Vec<&'static InstanceType>> = OnceLock::new();
    TYPES.get_or_init(|| instance_types().iter().filter(|t| t.cloud == "aws").collect())
}

/// The cloud whose nodes alone have this label.
fn cloud_of(key: &str) -> Option<&'static str> {
    let domain = key.split('/').next()?;
    let is_in = |suffix: &str| domain == suffix || domain.ends_with(&format!(".{suffix}"));
    [
        ("amazonaws.com", "aws"),
        ("karpenter.k8s.aws", "aws"),
        ("ebs.csi.aws.com", "aws"),
        ("cloud.google.com", "gcp"),
        ("gke.io", "gcp"),
        ("azure.com", "azure"),
    ]
    .into_iter()
    .find_map(|(suffix, cloud)| is_in(suffix).then_some(cloud))
}

/// Labels whose value is the name of an accelerator.
fn names_accelerators(key: &str) -> bool {
    matches!(
        key,
        "nvidia.com/gpu.product"
            | "amd.com/gpu.product-name"
            | "beta.amd.com/gpu.product-name"
            | "cloud.google.com/gke-accelerator"
            | "k8s.amazonaws.com/accelerator"
            | "karpenter.azure.com/sku-gpu-name"
            | "gpu.nvidia.com/class"
            | "gpu.nvidia.com/model"
    )
}

/// The accelerator that a product label names, without what sharing adds to it.
fn product(value: &str) -> String {
    let whole = value.split("-MIG-").next().unwrap_or(value).trim_end_matches("-SHARED");
    let plain = whole.trim_end_matches("_OAM");
    match accelerator(plain) {
        Some(known) => known.name.to_owned(),
        None => plain.to_owned(),
    }
}

fn capacity_type(value: &str) -> Option<&'static str> {
    Some(match &*value.to_ascii_lowercase() {
        "spot" => "spot",
        "on-demand" | "on_demand" => "on-demand",
        "reserved" | "capacity_block" => "reserved",
        _ => return None,
    })
}

/// `us-east-1a` is in `us-east-1`, `us-central1-b` in `us-central1`, Azure's `eastus-1` in `eastus`.
fn region_of_zone(zone: &str) -> &str {
    if regions_named(zone).next().is_some() {
        return zone;
    }
    let candidates =
        [zone.rsplit_once('-').map(|(region, _)| region), zone.get(..zone.len().saturating_sub(1))];
    candidates.into_iter().flatten().find(|region| regions_named(region).next().is_some()).unwrap_or(zone)
}

/// A region of the clouds that run Kubernetes themselves, with its cloud when there is but one.
fn qualified(region: &str, estate: Option<&EstateSpec>) -> String {
    let own = |estate: &EstateSpec| {
        estate.sites.iter().any(|site| site.name == region || site.region.as_deref() == Some(region))
            || estate.regions.iter().any(|known| known.name == region)
    };
    if estate.is_some_and(own) {
        return region.to_owned();
    }
    let clouds: Vec<&str> = regions_named(region)
        .map(|known| known.cloud)
        .filter(|cloud| matches!(*cloud, "aws" | "azure" | "gcp"))
        .collect();
    match clouds[..] {
        [cloud] => format!("{cloud}/{region}"),
        _ => region.to_owned(),
    }
}
