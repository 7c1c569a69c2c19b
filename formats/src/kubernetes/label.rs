//! What a requirement on a label allows of offers.
//!
//! A label is one of four things: a property that offers have too (region, instance type, capacity,
//! accelerator); what follows from the machine type (its family, its cores); one that every node here has
//! (`linux`); or one that no offer can be held against (a node pool), which is said and ignored. A node
//! without the label meets `NotIn` and `DoesNotExist`, whatever its cloud.

use std::collections::BTreeSet;

use plimsoll_catalog::{accelerator, accelerators, canonical, instance_types, regions_named};
use plimsoll_model::{Bytes, Capacity, estate::EstateSpec};

use super::limits::{Choice, Limits, Property};
use crate::labels::{
    ARCHES, DEVICE_MEMORY, POOLS, REGIONS, SYSTEMS, TYPES, ZONES, capacity, cloud_of,
    machine::{Machine, attribute_of, gke_name, machines, of_nodes},
    names_accelerator, product, region_of,
    requirement::{Operator, Requirement},
};

const NO_OFFER: &str = "no offer says whether it has this label";
const WITHOUT: &str = "no offer says whether it has this label: taken as without it";
const POOL: &str = "names a pool of nodes, which no offer has";
const BY_REGION: &str = "prices are by region: any zone of it";
const OTHER_ZONES: &str = "prices are by region: any other zone of it";
const NOMINAL: &str = "held against the nominal memory, of which drivers report a little less";

/// What a requirement allows.
pub(super) fn limits<'a>(one: &Requirement<'a>, estate: Option<&EstateSpec>) -> Limits<'a> {
    let mut limits = Reader { one, estate }.limits();
    if let (Some(cloud), true) = (cloud_of(&one.key), one.needs_the_label()) {
        limits.choices.entry(Property::Cloud).or_insert_with(|| Choice {
            values: vec![cloud.to_owned()],
            label: one.words(),
            at: one.at.clone(),
        });
    }
    limits
}

struct Reader<'r, 'a> {
    one: &'r Requirement<'a>,
    estate: Option<&'r EstateSpec>,
}

impl<'a> Reader<'_, 'a> {
    fn limits(&self) -> Limits<'a> {
        let key = &*self.one.key;
        match key {
            _ if REGIONS.contains(&key) => self.places(Property::Region, |name| qualified(name, self.estate)),
            _ if ZONES.contains(&key) => self.zone(),
            _ if TYPES.contains(&key) => self.instance_type(),
            _ if ARCHES.contains(&key) => self.arch(),
            _ if SYSTEMS.contains(&key) => self.system(),
            _ if POOLS.contains(&key) => self.unheld(POOL),
            _ if DEVICE_MEMORY.contains(&key) => self.device_memory(),
            _ if capacity(key, "").is_some() => self.capacity(),
            "cloud.google.com/gke-tpu-accelerator" => self.tpu(Property::TpuChip),
            "cloud.google.com/gke-tpu-topology" => self.tpu(Property::TpuTopology),
            "nvidia.com/gpu.present" | "nvidia.com/gpu.deploy.driver" | "karpenter.sh/registered" => {
                if self.admits("true") { Limits::default() } else { self.unheld(NO_OFFER) }
            }
            _ if key.starts_with("node-role.kubernetes.io/") && !self.one.needs_the_label() => {
                Limits::default()
            }
            _ if names_accelerator(key) => self.accelerator(),
            _ => match attribute_of(key) {
                Some((_, "gpu-name" | "accelerator-name")) if self.one.operator == Operator::In => {
                    self.accelerator_of_types()
                }
                Some(_) => self.by_type(),
                None => self.by_value(),
            },
        }
    }

    fn chosen(&self, property: Property, values: Vec<String>) -> Limits<'a> {
        Limits::one(property, values, &self.one.words(), &self.one.at)
    }

    fn without(&self, property: Property, values: Vec<String>) -> Limits<'a> {
        Limits::without(property, values, &self.one.words(), &self.one.at)
    }

    /// What no offer can be held against.
    fn unheld(&self, why: &'static str) -> Limits<'a> {
        if self.one.needs_the_label() {
            Limits::unheld(&self.one.words(), why)
        } else {
            Limits::noted(&self.one.words(), if why == NO_OFFER { WITHOUT } else { why })
        }
    }

    fn admits(&self, value: &str) -> bool {
        self.one.admits(&[value.to_owned()])
    }

    fn values(&self) -> Vec<String> {
        self.one.values.clone()
    }

    fn places(&self, property: Property, of: impl Fn(&str) -> String) -> Limits<'a> {
        let mut places: Vec<String> = Vec::new();
        for place in self.one.values.iter().map(|value| of(value)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        match self.one.operator {
            Operator::In => self.chosen(property, places),
            Operator::NotIn => self.without(property, places),
            Operator::Exists => Limits::default(),
            // Nodes of clouds all have a region, and a zone.
            Operator::DoesNotExist => self.classes(&[Capacity::OnPrem]),
            Operator::Number { .. } => self.unheld(NO_OFFER),
        }
    }

    /// Price lists know regions: a zone stands for its region, unless the estate has offers in the zone.
    fn zone(&self) -> Limits<'a> {
        let known = |zone: &String| {
            self.estate
                .is_some_and(|estate| estate.offers.iter().any(|offer| offer.zone.as_ref() == Some(zone)))
        };
        if self.one.values.iter().any(known) {
            return self.places(Property::Zone, str::to_owned);
        }
        let why = match self.one.operator {
            Operator::In => BY_REGION,
            Operator::NotIn => return Limits::noted(&self.one.words(), OTHER_ZONES),
            _ => return self.places(Property::Zone, str::to_owned),
        };
        let mut limits = self.places(Property::Region, |zone| qualified(region_of(zone), self.estate));
        limits.ignored.push((self.one.words(), why));
        limits
    }

    fn instance_type(&self) -> Limits<'a> {
        // With accelerators a type may have another name in the price list.
        let mut types = self.values();
        let of_value =
            |name: &str| of_nodes(name) != name && self.one.values.iter().any(|v| v == of_nodes(name));
        let listed = instance_types().iter().map(|known| known.name).filter(|name| of_value(name));
        types.extend(listed.map(str::to_owned));
        match self.one.operator {
            Operator::In => self.chosen(Property::InstanceType, types),
            Operator::NotIn => self.without(Property::InstanceType, types),
            // Nodes of clouds all have a type.
            Operator::Exists if self.own_types().any(|own| own.is_none()) => self.classes(&CLOUDS),
            Operator::Exists => Limits::default(),
            Operator::DoesNotExist => {
                let typed = self.own_types().flatten().map(str::to_owned).collect();
                let mut limits = self.classes(&[Capacity::OnPrem]);
                limits.excluded = self.without(Property::InstanceType, typed).excluded;
                limits
            }
            Operator::Number { .. } => self.unheld(NO_OFFER),
        }
    }

    /// The types of the machines of one's own, as far as they state one.
    fn own_types(&self) -> impl Iterator<Item = Option<&str>> {
        self.estate.into_iter().flat_map(|estate| {
            let nodes = estate.sites.iter().flat_map(|site| &site.nodes).map(|nodes| &nodes.instance_type);
            let own = estate.offers.iter().filter(|offer| offer.capacity == Capacity::OnPrem);
            nodes.chain(own.map(|offer| &offer.instance_type)).map(Option::as_deref)
        })
    }

    fn classes(&self, classes: &[Capacity]) -> Limits<'a> {
        self.chosen(Property::Capacity, classes.iter().map(|class| class.as_str().to_owned()).collect())
    }

    fn capacity(&self) -> Limits<'a> {
        let (key, values) = (&*self.one.key, &self.one.values);
        let named: Vec<Capacity> = values.iter().filter_map(|value| capacity(key, value).flatten()).collect();
        let of_spot_alone = matches!(
            key,
            "cloud.google.com/gke-spot"
                | "cloud.google.com/gke-preemptible"
                | "kubernetes.azure.com/scalesetpriority"
        );
        // A node that a commitment pays for is labelled as on demand, unless its label says reserved.
        let is_named = |class: Capacity| {
            named.contains(&class) || class == Capacity::Reserved && named.contains(&Capacity::OnDemand)
        };
        match self.one.operator {
            Operator::In if named.is_empty() => self.unheld("is no capacity class that is known"),
            Operator::In => self.kept(is_named),
            // Own nodes have no such label.
            Operator::NotIn => self.kept(|class| !is_named(class)),
            Operator::Exists if of_spot_alone => self.classes(&[Capacity::Spot]),
            Operator::Exists => self.classes(&CLOUDS),
            Operator::DoesNotExist => {
                let mut limits = self.kept(|class| class != Capacity::Spot);
                if !of_spot_alone {
                    limits.ignored.push((self.one.words(), WITHOUT));
                }
                limits
            }
            Operator::Number { .. } => self.unheld(NO_OFFER),
        }
    }

    fn kept(&self, keep: impl Fn(Capacity) -> bool) -> Limits<'a> {
        let all = [Capacity::Spot, Capacity::OnDemand, Capacity::Reserved, Capacity::OnPrem];
        let kept: Vec<Capacity> = all.into_iter().filter(|class| keep(*class)).collect();
        if kept.len() == all.len() { Limits::default() } else { self.classes(&kept) }
    }

    fn arch(&self) -> Limits<'a> {
        let all = ["amd64", "arm64"];
        let allowed: Vec<String> =
            all.iter().filter(|arch| self.admits(arch)).map(|arch| (*arch).to_owned()).collect();
        match allowed.len() {
            0 => Limits::never(&self.one.words(), "all are amd64 or arm64", &self.one.at),
            1 => self.chosen(Property::Arch, allowed),
            // Who names both says that it runs on either.
            _ if self.one.operator == Operator::In => self.chosen(Property::Arch, allowed),
            _ => Limits::default(),
        }
    }

    fn system(&self) -> Limits<'a> {
        if self.admits("linux") {
            Limits::default()
        } else {
            Limits::unheld(&self.one.words(), "prices are of machines with Linux")
        }
    }

    fn tpu(&self, property: Property) -> Limits<'a> {
        match self.one.operator {
            Operator::In => self.chosen(property, self.values()),
            Operator::NotIn => self.without(property, self.values()),
            Operator::Exists => Limits::default(),
            Operator::DoesNotExist | Operator::Number { .. } => self.unheld(NO_OFFER),
        }
    }

    /// By the label's value in MiB. Drivers report up to a fifteenth less than a card's nominal memory.
    fn device_memory(&self) -> Limits<'a> {
        let amounts = || self.one.values.iter().filter_map(|value| value.parse::<u64>().ok());
        let is_of = |nominal: u64, amount: u64| {
            nominal >= amount - amount / 16 && nominal <= amount.saturating_add(amount / 8)
        };
        let admits = |nominal: u64| match self.one.operator {
            Operator::In => amounts().any(|amount| is_of(nominal, amount)),
            Operator::NotIn => !amounts().any(|amount| is_of(nominal, amount)),
            Operator::Number { .. } => self.admits(&nominal.to_string()),
            Operator::Exists | Operator::DoesNotExist => true,
        };
        let mut limits = match self.one.operator {
            Operator::In if amounts().next().is_none() => return self.unheld(NO_OFFER),
            Operator::Exists => return Limits::default(),
            Operator::DoesNotExist => return self.unheld(NO_OFFER),
            _ => Limits::noted(&self.one.words(), NOMINAL),
        };
        let others = self.memories().into_iter().filter(|(_, nominal)| !admits(*nominal));
        limits.excluded =
            self.without(Property::Accelerator, others.map(|(name, _)| name).collect()).excluded;
        let least = match self.one.operator {
            Operator::In => amounts().min().map(|least| least - least / 16),
            Operator::Number { above: true, .. } => amounts().min(),
            _ => None,
        };
        limits.device_memory = least.map(|least| (least.saturating_mul(1 << 20), self.one.at.clone()));
        limits
    }

    /// Accelerators with their nominal memory in MiB.
    fn memories(&self) -> Vec<(String, u64)> {
        let known = accelerators().iter().map(|known| (known.name.to_owned(), known.memory_bytes >> 20));
        let own = self.estate.into_iter().flat_map(|estate| {
            let offers = estate.offers.iter().map(|offer| (&offer.accelerator, offer.accelerator_memory));
            let nodes = estate.sites.iter().flat_map(|site| &site.nodes);
            offers.chain(nodes.map(|node| (&node.accelerator, node.accelerator_memory)))
        });
        let own = own.filter_map(|(name, memory)| {
            let name = name.as_ref().filter(|name| accelerator(name).is_none())?;
            let Bytes(memory) = memory?;
            Some((canonical(name).into_owned(), memory >> 20))
        });
        known.chain(own).collect()
    }

    fn accelerator(&self) -> Limits<'a> {
        let is_gke = self.one.key == "cloud.google.com/gke-accelerator";
        let names: Vec<String> = self.one.values.iter().map(|value| product(value)).collect();
        match self.one.operator {
            Operator::In => {
                let mut limits = self.chosen(Property::Accelerator, names);
                if is_gke {
                    limits.excluded = self.gke_types(false).excluded;
                }
                limits
            }
            Operator::NotIn if is_gke => self.gke_types(true),
            Operator::NotIn => self.without(Property::Accelerator, names),
            Operator::Exists => Limits::default(),
            Operator::DoesNotExist | Operator::Number { .. } => self.unheld(NO_OFFER),
        }
    }

    /// Excludes the types of GKE whose nodes the values name (`named`), or those whose nodes have another
    /// name for one of the same accelerators: H100 is `nvidia-h100-80gb` or `nvidia-h100-mega-80gb`.
    fn gke_types(&self, named: bool) -> Limits<'a> {
        let products: Vec<String> = self.one.values.iter().map(|value| product(value)).collect();
        let is_out = |machine: &&Machine| {
            let Some(accelerator) = machine.accelerator.as_deref() else { return false };
            let name = gke_name(accelerator, &machine.name);
            let is_named = name.is_some_and(|name| self.one.values.iter().any(|value| value == name));
            if named {
                is_named
            } else {
                !is_named && name.is_some() && products.iter().any(|product| product == accelerator)
            }
        };
        let all = machines(Some("gcp"), self.estate);
        let mut types: Vec<String> = all.iter().filter(is_out).map(|machine| machine.name.clone()).collect();
        types.dedup();
        // Names by which GKE does not label: the product is meant.
        if !named && !self.one.values.iter().all(|value| all.iter().any(|of| is_gke_name(of, value))) {
            types.clear();
        }
        self.without(Property::InstanceType, types)
    }

    /// The accelerators of the types whose nodes have the label.
    fn accelerator_of_types(&self) -> Limits<'a> {
        let all = machines(cloud_of(&self.one.key), self.estate);
        let meets =
            |machine: &&Machine| machine.label(&self.one.key).is_some_and(|label| self.one.admits(&label));
        let names: BTreeSet<String> =
            all.iter().filter(meets).filter_map(|machine| machine.accelerator.clone()).collect();
        if names.is_empty() {
            self.accelerator()
        } else {
            self.chosen(Property::Accelerator, names.into_iter().collect())
        }
    }

    /// Labels that follow from the machine type.
    fn by_type(&self) -> Limits<'a> {
        let key = &*self.one.key;
        let all: Vec<_> = machines(cloud_of(key), self.estate)
            .into_iter()
            .map(|machine| (machine.label(key), machine.name))
            .collect();
        if all.iter().all(|(label, _)| label.is_none()) {
            return self.unheld(NO_OFFER);
        }
        let needs = self.one.needs_the_label();
        let meets = |label: &Option<Vec<String>>| label.as_ref().is_some_and(|label| self.one.admits(label));
        let of = all.into_iter().filter(|(label, _)| meets(label) == needs);
        let types: Vec<String> = of.map(|(_, name)| name).collect();
        if !needs {
            return self.without(Property::InstanceType, types);
        }
        if types.is_empty() {
            // A family that the price list lacks: no type will do, and the plan says so.
            let attribute = key.rsplit('/').next().unwrap_or(key);
            let odd = self.one.values.iter().map(|value| format!("{attribute} {value}")).collect();
            return self.chosen(Property::InstanceType, odd);
        }
        self.chosen(Property::InstanceType, types)
    }

    /// Labels of the users' own: an accelerator if a value names one and the key sounds like it.
    fn by_value(&self) -> Limits<'a> {
        const HINTS: [&str; 8] = ["gpu", "accel", "tpu", "npu", "fpga", "card", "hardware", "device"];
        let key = self.one.key.to_ascii_lowercase();
        let hinted = HINTS.iter().any(|hint| key.contains(hint));
        let known = |value: &String| {
            let by_vendor = ["nvidia", "amd-", "tesla", "aws-", "tpu-"].iter().any(|v| value.starts_with(v));
            (hinted || by_vendor) && accelerator(&product(value)).is_some()
        };
        if self.one.values.iter().any(known) { self.accelerator() } else { self.unheld(NO_OFFER) }
    }
}

/// The classes that clouds sell.
const CLOUDS: [Capacity; 3] = [Capacity::Spot, Capacity::OnDemand, Capacity::Reserved];

fn is_gke_name(machine: &Machine, value: &str) -> bool {
    machine.accelerator.as_deref().and_then(|accelerator| gke_name(accelerator, &machine.name)) == Some(value)
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
