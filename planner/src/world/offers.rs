//! Offers of every origin in one form, with the price in force.

use std::borrow::Cow;

use num_bigint::BigInt;
use num_traits::ToPrimitive as _;
use plimsoll_catalog as catalog;
use plimsoll_model::{
    AcceleratorCount, AcceleratorKind, Arch, Bytes, Capacity, Cpu, Match, OfferSpec, OneOf, PerHour, Ratio,
    Usd, Watts,
    estate::{NodeGroup, PriceRule, Site},
};

use super::{
    World,
    place::{Location, LocationIx, PlaceIx, split},
};
use crate::error::PlanError;

/// Index of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferIx(pub u32);

/// Index of an accelerator's canonical name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AcceleratorIx(pub u16);

type Text = Cow<'static, str>;

/// One kind of instance, in one place, in one capacity class, at one price.
#[derive(Debug, Clone)]
pub struct Offer {
    stated_name: Option<String>,
    /// Whether it comes from the embedded catalogue.
    pub embedded: bool,
    /// The provider; none for own nodes.
    pub cloud: Option<Text>,
    /// The region; for own nodes the site's.
    pub region: Text,
    /// The zone.
    pub zone: Option<String>,
    /// Where it is.
    pub location: LocationIx,
    /// Where its data is.
    pub place: PlaceIx,
    /// (site, node group), for own nodes.
    pub nodes: Option<(usize, usize)>,
    /// The machine type.
    pub instance_type: Option<Text>,
    /// The accelerator.
    pub accelerator: Option<AcceleratorIx>,
    /// The accelerator's name as stated.
    pub accelerator_name: Option<Text>,
    /// Its kind.
    pub kind: Option<AcceleratorKind>,
    /// Thousandths of accelerators in one instance.
    pub accelerators: u64,
    /// Memory of each accelerator.
    pub accelerator_memory: Option<Bytes>,
    /// Cores.
    pub cpu: Option<Cpu>,
    /// Host memory.
    pub memory: Option<Bytes>,
    /// Instruction set.
    pub arch: Option<Arch>,
    /// The capacity class.
    pub capacity: Capacity,
    /// Dollars an hour before price rules.
    pub list_hourly: Usd,
    /// Dollars an hour.
    pub hourly: Usd,
    /// Instances that can be had; for own nodes the machines.
    pub count: Option<u32>,
    /// Power of one instance under load, when stated.
    pub watts: Option<Watts>,
    /// PUE, when stated.
    pub pue: Option<Ratio>,
    /// Interruptions an instance-hour, when stated.
    pub interruptions: Option<PerHour>,
    /// Where the price comes from.
    pub source: Option<Text>,
    /// The date of the price.
    pub as_of: Option<Text>,
}

impl Offer {
    /// Its name.
    pub fn name(&self) -> String {
        if let Some(name) = &self.stated_name {
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

    /// Whether that is its name.
    pub fn is_named(&self, name: &str) -> bool {
        self.name_bytes().eq(name.bytes())
    }

    /// Compares names.
    pub fn cmp_name(&self, other: &Self) -> std::cmp::Ordering {
        self.name_bytes().cmp(other.name_bytes())
    }

    /// Its name, without making it.
    fn name_bytes(&self) -> impl Iterator<Item = u8> {
        let stated = self.stated_name.as_deref();
        let parts = [
            self.cloud.as_deref(),
            Some(&*self.region),
            self.instance_type.as_deref(),
            Some(self.capacity.as_str()),
        ];
        let parts = parts.into_iter().flatten().filter(move |_| stated.is_none()).enumerate();
        let joined = parts.flat_map(|(at, part)| (at > 0).then_some(b'/').into_iter().chain(part.bytes()));
        stated.into_iter().flat_map(str::bytes).chain(joined)
    }

    /// As a document states it, with the price in force and the one before price rules.
    pub fn to_spec(&self) -> OfferSpec {
        let text = |t: &Option<Text>| t.as_deref().map(str::to_owned);
        OfferSpec {
            name: Some(self.name()),
            cloud: text(&self.cloud),
            region: self.region.clone().into_owned(),
            zone: self.zone.clone(),
            instance_type: text(&self.instance_type),
            accelerator: text(&self.accelerator_name),
            accelerator_kind: self.kind,
            accelerators: self.accelerator.map(|_| AcceleratorCount(self.accelerators)),
            accelerator_memory: self.accelerator_memory,
            cpu: self.cpu,
            memory: self.memory,
            arch: self.arch,
            capacity: self.capacity,
            hourly: self.hourly,
            list_hourly: Some(self.list_hourly),
            count: self.count,
            watts: self.watts,
            pue: self.pue,
            interruptions_per_hour: self.interruptions,
            source: text(&self.source),
            as_of: text(&self.as_of),
        }
    }
}

impl World<'_> {
    /// The index of an accelerator's canonical name.
    pub fn accelerator(&mut self, name: &str) -> AcceleratorIx {
        let canonical = catalog::canonical(name);
        if let Some(at) = self.accelerators.iter().position(|a| *a == canonical) {
            return AcceleratorIx(at as u16);
        }
        self.accelerators.push(canonical.into_owned());
        AcceleratorIx(self.accelerators.len() as u16 - 1)
    }

    /// The index of an accelerator's name, if any offer has it.
    pub fn known_accelerator(&self, name: &str) -> Option<AcceleratorIx> {
        let canonical = catalog::canonical(name);
        self.accelerators.iter().position(|a| *a == canonical).map(|at| AcceleratorIx(at as u16))
    }

    /// Collects every offer.
    pub(super) fn gather(&mut self) -> Result<(), PlanError> {
        let inputs = self.inputs;
        let estate = &inputs.estate;
        let mut own: indexmap::IndexMap<String, &OfferSpec> = indexmap::IndexMap::new();
        for spec in inputs.file_offers.iter().chain(&estate.offers) {
            own.insert(spec.full_name(), spec);
        }
        if inputs.embedded_catalog {
            self.embedded();
            let replaced: std::collections::BTreeSet<&String> = own.keys().collect();
            if !replaced.is_empty() {
                let clouds: std::collections::BTreeSet<&str> =
                    own.keys().filter_map(|n| n.split('/').next()).collect();
                self.offers.retain(|o| {
                    !o.cloud.as_deref().is_some_and(|c| clouds.contains(c)) || !replaced.contains(&o.name())
                });
            }
        }
        for (name, spec) in own {
            self.by_name.insert(name, OfferIx(self.offers.len() as u32));
            self.stated(spec);
        }
        for (s, site) in estate.sites.iter().enumerate() {
            for (g, group) in site.nodes.iter().enumerate() {
                let name = format!("{}/{}/on-prem", site.name, group.name);
                if self.by_name.insert(name.clone(), OfferIx(self.offers.len() as u32)).is_some() {
                    return Err(PlanError::at(
                        self.inputs.places.estate.as_ref(),
                        &format!("spec.sites[{s}].nodes[{g}].name"),
                        format!("two offers are named `{name}`"),
                        "rename the site or the nodes",
                    ));
                }
                self.node_group(s, site, g, group, name);
            }
        }
        self.price_rules();
        for (index, reservation) in estate.reservations.iter().enumerate() {
            let found = self.named(&reservation.offer);
            if let Some(OfferIx(ix)) = found {
                let offer = &mut self.offers[ix as usize];
                if offer.embedded && offer.capacity == Capacity::Reserved {
                    offer.count = Some(offer.count.unwrap_or(0).saturating_add(reservation.count));
                }
            }
            if found.is_none() {
                return Err(PlanError::at(
                    self.inputs.places.estate.as_ref(),
                    &format!("spec.reservations[{index}].offer"),
                    format!("there is no offer `{}`", reservation.offer),
                    "list the offers' names with `plimsoll offers`, or state the offer in `spec.offers`",
                ));
            }
        }
        Ok(())
    }

    fn embedded(&mut self) {
        let all = catalog::offers();
        self.offers.reserve(all.len());
        let mut regions: Vec<(*const catalog::Region, LocationIx)> = Vec::new();
        let mut accelerators: Vec<(*const catalog::Accelerator, AcceleratorIx)> = Vec::new();
        for offer in all {
            let key: *const catalog::Region = offer.region;
            let location = if let Some(found) = regions.iter().rev().find(|r| r.0 == key) {
                found.1
            } else {
                {
                    let location = self.places.intern(Location {
                        cloud: Some(offer.region.cloud.to_owned()),
                        region: offer.region.name.to_owned(),
                        zone: None,
                        site: None,
                    });
                    regions.push((key, location));
                    location
                }
            };
            let accelerator = offer.instance.accelerator.map(|a| {
                let key: *const catalog::Accelerator = a;
                if let Some(found) = accelerators.iter().find(|x| x.0 == key) {
                    found.1
                } else {
                    {
                        let ix = self.accelerator(a.name);
                        accelerators.push((key, ix));
                        ix
                    }
                }
            });
            let hourly = Usd::from_pico(i128::from(offer.hourly_nano_usd) * 1000);
            self.offers.push(Offer {
                stated_name: None,
                embedded: true,
                cloud: Some(Cow::Borrowed(offer.cloud())),
                region: Cow::Borrowed(offer.region_name()),
                zone: None,
                location,
                place: self.places.place(location),
                nodes: None,
                instance_type: Some(Cow::Borrowed(offer.instance_type())),
                accelerator,
                accelerator_name: offer.accelerator().map(Cow::Borrowed),
                kind: offer.kind().map(kind),
                accelerators: u64::from(offer.instance.accelerators_milli),
                accelerator_memory: offer.accelerator_memory_bytes().map(Bytes),
                cpu: offer.instance.cpu_milli.map(Cpu),
                memory: offer.instance.memory_bytes.map(Bytes),
                arch: Some(arch(offer.instance.arch)),
                capacity: capacity(offer.capacity),
                list_hourly: hourly,
                hourly,
                // A commitment's price needs the commitment: only what the estate reserves can be had.
                count: (offer.capacity == catalog::Capacity::Reserved).then_some(0),
                watts: None,
                pue: None,
                interruptions: offer.interruptions_per_hour.and_then(|l| PerHour::from_f64(l).ok()),
                source: Some(Cow::Borrowed(offer.source())),
                as_of: Some(Cow::Borrowed(offer.as_of())),
            });
        }
    }

    fn stated(&mut self, spec: &OfferSpec) {
        // The region may be written with its cloud.
        let (cloud, region) = match &spec.cloud {
            Some(cloud) => (Some(cloud.clone()), spec.region.clone()),
            None => split(&spec.region),
        };
        let location = self.places.intern(Location {
            cloud: cloud.clone(),
            region: region.clone(),
            zone: spec.zone.clone(),
            site: None,
        });
        let owned = |text: &Option<String>| text.clone().map(Cow::Owned);
        let known = known(spec.accelerator.as_deref());
        let accelerator = spec.accelerator.as_deref().map(|a| self.accelerator(a));
        self.offers.push(Offer {
            stated_name: Some(spec.full_name()),
            embedded: false,
            cloud: cloud.map(Cow::Owned),
            region: Cow::Owned(region),
            zone: spec.zone.clone(),
            location,
            place: self.places.place(location),
            nodes: None,
            instance_type: owned(&spec.instance_type),
            accelerator,
            accelerator_name: owned(&spec.accelerator),
            kind: spec.accelerator_kind.or_else(|| known.map(|k| kind(k.kind))),
            accelerators: spec.accelerators_milli(),
            // What an offer does not state it is not eligible by.
            accelerator_memory: spec.accelerator_memory,
            cpu: spec.cpu,
            memory: spec.memory,
            arch: spec.arch,
            capacity: spec.capacity,
            list_hourly: spec.hourly,
            hourly: spec.hourly,
            count: spec.count,
            watts: spec.watts,
            pue: spec.pue,
            interruptions: spec.interruptions_per_hour,
            source: owned(&spec.source),
            as_of: owned(&spec.as_of),
        });
    }

    fn node_group(&mut self, site_ix: usize, site: &Site, group_ix: usize, group: &NodeGroup, name: String) {
        let location = LocationIx(site_ix as u32);
        let known = known(group.accelerator.as_deref());
        let accelerator = group.accelerator.as_deref().map(|a| self.accelerator(a));
        let region = self.places.location(location).region.clone();
        self.offers.push(Offer {
            stated_name: Some(name),
            embedded: false,
            cloud: self.places.location(location).cloud.clone().map(Cow::Owned),
            region: Cow::Owned(region),
            zone: None,
            location,
            place: self.places.place(location),
            nodes: Some((site_ix, group_ix)),
            instance_type: group.instance_type.clone().map(Cow::Owned),
            accelerator,
            accelerator_name: group.accelerator.clone().map(Cow::Owned),
            kind: group.accelerator_kind.or_else(|| known.map(|k| kind(k.kind))),
            accelerators: 1000
                * u64::from(group.accelerators.unwrap_or(u32::from(group.accelerator.is_some()))),
            accelerator_memory: group.accelerator_memory.or_else(|| known.map(|k| Bytes(k.memory_bytes))),
            cpu: group.cpu,
            memory: group.memory,
            arch: group.arch,
            capacity: Capacity::OnPrem,
            list_hourly: group.hourly,
            hourly: group.hourly,
            count: Some(group.count.unwrap_or(1)),
            watts: group.watts,
            pue: site.pue,
            interruptions: None,
            source: group.source.clone().map(Cow::Owned),
            as_of: group.as_of.clone().map(Cow::Owned),
        });
    }

    fn price_rules(&mut self) {
        let rules: Vec<(Matcher, &PriceRule)> =
            self.inputs.estate.prices.iter().map(|rule| (Matcher::new(&rule.matches, self), rule)).collect();
        if rules.is_empty() {
            return;
        }
        for offer in &mut self.offers {
            let mut price = Price::of(offer.list_hourly);
            for (_, rule) in rules.iter().filter(|(matcher, _)| matcher.matches(offer)) {
                price.apply(rule);
            }
            offer.hourly = price.rounded();
        }
    }

    /// Interruptions an instance-hour of a spot offer: the last rule that matches, else its own, else
    /// the embedded default (noted).
    pub fn interruption_rules(&self) -> Vec<(Matcher, PerHour)> {
        self.inputs
            .estate
            .interruptions
            .iter()
            .map(|rule| (Matcher::new(&rule.matches, self), rule.per_hour))
            .collect()
    }
}

/// A [`Match`] with its accelerator looked up.
#[derive(Debug, Clone)]
pub struct Matcher {
    rule: Match,
    /// The accelerators named, those that any offer has.
    accelerators: Vec<AcceleratorIx>,
    /// The machine types, sorted: a node pool may name hundreds.
    types: Vec<String>,
}

impl Matcher {
    /// Prepares a match.
    pub fn new(rule: &Match, world: &World<'_>) -> Self {
        let named = rule.accelerator.iter().flat_map(OneOf::values);
        let accelerators = named.filter_map(|name| world.known_accelerator(name)).collect();
        let mut types = rule.instance_type.as_ref().map_or_else(Vec::new, |types| types.values().to_vec());
        types.sort_unstable();
        Self { rule: rule.clone(), accelerators, types }
    }

    /// Whether all that is given agrees with the offer.
    pub fn matches(&self, offer: &Offer) -> bool {
        let rule = &self.rule;
        let same = |wanted: &Option<OneOf<String>>, has: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| has.is_some_and(|has| wanted.has(has)))
        };
        let in_region = |wanted: &String| {
            *wanted == offer.region
                || wanted.split_once('/').is_some_and(|(cloud, region)| {
                    offer.cloud.as_deref() == Some(cloud) && offer.region == region
                })
        };
        same(&rule.cloud, offer.cloud.as_deref())
            && rule.region.as_ref().is_none_or(|wanted| wanted.values().iter().any(in_region))
            && same(&rule.zone, offer.zone.as_deref())
            && rule.capacity.as_ref().is_none_or(|wanted| wanted.has(&offer.capacity))
            && (rule.accelerator.is_none()
                || offer.accelerator.is_some_and(|a| self.accelerators.contains(&a)))
            && (rule.instance_type.is_none()
                || offer
                    .instance_type
                    .as_deref()
                    .is_some_and(|of| self.types.binary_search_by(|wanted| (**wanted).cmp(of)).is_ok()))
            && rule.offer.as_ref().is_none_or(|wanted| wanted.has(&offer.name()))
    }
}

/// A price under rules, exact until it is rounded once: `over` / 10^(12 × `scale`) pico-dollars.
pub(super) struct Price {
    over: BigInt,
    scale: u32,
}

impl Price {
    pub(super) fn of(hourly: Usd) -> Self {
        Self { over: BigInt::from(hourly.pico()), scale: 0 }
    }

    pub(super) fn apply(&mut self, rule: &PriceRule) {
        if let Some(hourly) = rule.hourly {
            *self = Self::of(hourly);
        }
        if let Some(factor) = rule.multiply {
            self.over *= factor.pico();
            self.scale += 1;
        }
        if let Some(more) = rule.add {
            self.over += self.one() * more.pico();
            self.over = self.over.clone().max(BigInt::ZERO);
        }
    }

    fn one(&self) -> BigInt {
        BigInt::from(plimsoll_model::quantity::decimal::SCALE).pow(self.scale)
    }

    /// To 10^-12 dollars.
    pub(super) fn rounded(&self) -> Usd {
        let under = self.one();
        let rounded: BigInt = (&self.over * 2 + &under) / (under * 2);
        Usd::from_pico(rounded.to_i128().unwrap_or(i128::MAX))
    }
}

/// What is known of an accelerator by its name, whatever `defaults`: like aliases, this is no figure
/// that a price is made from.
fn known(name: Option<&str>) -> Option<&'static catalog::Accelerator> {
    name.and_then(catalog::accelerator)
}

const fn kind(kind: catalog::Kind) -> AcceleratorKind {
    match kind {
        catalog::Kind::Gpu => AcceleratorKind::Gpu,
        catalog::Kind::Tpu => AcceleratorKind::Tpu,
        catalog::Kind::Npu => AcceleratorKind::Npu,
        catalog::Kind::Fpga => AcceleratorKind::Fpga,
    }
}

const fn arch(arch: catalog::Arch) -> Arch {
    match arch {
        catalog::Arch::Amd64 => Arch::Amd64,
        catalog::Arch::Arm64 => Arch::Arm64,
    }
}

const fn capacity(capacity: catalog::Capacity) -> Capacity {
    match capacity {
        catalog::Capacity::Spot => Capacity::Spot,
        catalog::Capacity::OnDemand => Capacity::OnDemand,
        catalog::Capacity::Reserved => Capacity::Reserved,
        catalog::Capacity::OnPrem => Capacity::OnPrem,
    }
}
