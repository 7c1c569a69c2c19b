//! Offers with the prices and rates in force.
//!
//! An offer is found by name, lazily: the site's nodes, the estate's own offers, the catalogue files
//! (a later row before an earlier one), then the embedded catalogue. `prices` rules apply in order,
//! each on the result of the one before; a rule that states several sets `hourly`, then multiplies, then
//! adds, not below 0. The last matching `interruptions` rule wins over the offer's own rate, which wins over the table's.
//!
//! *Own nodes* are the nodes of the estate's sites. An offer written in `offers` with `capacity:
//! on-prem` is priced like a cloud's: whole instances, no nodes. An offer's accelerator memory is what
//! it states; a site's nodes, which need not state it, have what the table knows of the accelerator.
//!
//! Power by the tables is the accelerators' plus the host's by its cpu and memory; of these, what an
//! offer does not state adds nothing, and an offer that states none of the three has no power. The
//! tables speak of own nodes as of no cloud, whatever region a site counts as.

use std::{collections::BTreeMap, rc::Rc};

use num_traits::Zero as _;
use plimsoll_model::{
    AcceleratorCount, AcceleratorKind, Bytes, Capacity, Match, OfferSpec, OneOf, PerHour, Usd, Watts,
    estate::{NodeGroup, PriceRule, Site},
};

use crate::{
    Checker,
    exact::{Rat, int, pico, usd},
    place::Location,
    violation::Missing,
};

/// Where an offer of the documents is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Written {
    Node { site: usize, group: usize },
    Estate(usize),
    File(usize),
}

/// The nodes behind an offer of a site.
#[derive(Debug, Clone)]
pub(crate) struct OwnNodes {
    /// The group's name; nodes are `GROUP/0` to `GROUP/(count − 1)`.
    pub(crate) group: String,
    pub(crate) count: u32,
    /// Dollars a kWh.
    pub(crate) electricity: Option<Rat>,
}

/// An offer with what is in force.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) name: String,
    /// As stated; figures in force are beside it.
    pub(crate) spec: OfferSpec,
    pub(crate) location: Location,
    /// The accelerator's name after aliases.
    pub(crate) accelerator: Option<String>,
    pub(crate) kind: Option<AcceleratorKind>,
    /// Thousandths of accelerators in one instance.
    pub(crate) accelerators_milli: u64,
    pub(crate) accelerator_memory: Option<Bytes>,
    /// Dollars an instance-hour before and after the estate's price rules.
    pub(crate) list: Rat,
    pub(crate) hourly: Rat,
    pub(crate) own: Option<OwnNodes>,
    /// The estate's quotas that count it.
    pub(crate) quotas: Vec<usize>,
}

impl Offer {
    /// Whole devices of one instance.
    pub(crate) fn devices(&self) -> u64 {
        self.accelerators_milli / 1000
    }

    /// Whose building it is in, for power: a cloud's, or with `None` one's own.
    pub(crate) fn building(&self) -> Option<&str> {
        self.location.cloud.as_deref().filter(|_| self.own.is_none())
    }

    pub(crate) fn is_spot(&self) -> bool {
        self.spec.capacity == Capacity::Spot
    }
}

impl Checker<'_> {
    /// Where each offer of the documents is written, by name.
    pub(crate) fn index_offers(&self) -> BTreeMap<String, Written> {
        let mut index = BTreeMap::new();
        for (at, offer) in self.inputs.file_offers.iter().enumerate() {
            index.insert(offer.full_name(), Written::File(at));
        }
        for (at, offer) in self.inputs.estate.offers.iter().enumerate() {
            index.insert(offer.full_name(), Written::Estate(at));
        }
        for (site, of) in self.inputs.estate.sites.iter().enumerate() {
            for (group, nodes) in of.nodes.iter().enumerate() {
                index.insert(node_offer_name(of, nodes), Written::Node { site, group });
            }
        }
        index
    }

    /// The offer of a name, if there is one.
    pub(crate) fn offer(&self, name: &str) -> Option<Rc<Offer>> {
        if let Some(known) = self.offers.borrow().get(name) {
            return known.clone();
        }
        let found = match self.written.get(name) {
            Some(Written::Node { site, group }) => Some(self.node_offer(*site, *group)),
            Some(Written::Estate(at)) => Some(self.stated_offer(self.inputs.estate.offers[*at].clone())),
            Some(Written::File(at)) => Some(self.stated_offer(self.inputs.file_offers[*at].clone())),
            None if self.inputs.embedded_catalog => self.tables.offer(name).map(|of| self.table_offer(of)),
            None => None,
        };
        let found = found.map(Rc::new);
        self.offers.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    /// Every offer of the estate, by name, without keeping them.
    pub(crate) fn all_offers(&self) -> Vec<Rc<Offer>> {
        let mut all = BTreeMap::new();
        if self.inputs.embedded_catalog {
            for offer in self.tables.offers() {
                let offer = self.table_offer(offer);
                all.insert(offer.name.clone(), Rc::new(offer));
            }
        }
        for name in self.written.keys() {
            if let Some(offer) = self.offer(name) {
                all.insert(name.clone(), offer);
            }
        }
        all.into_values().collect()
    }

    fn node_offer(&self, site: usize, group: usize) -> Offer {
        let of = &self.inputs.estate.sites[site];
        let nodes = &of.nodes[group];
        let location = self.sites[site].0.clone();
        let known = nodes.accelerator.as_deref().and_then(|name| self.tables.accelerator(name));
        let spec = OfferSpec {
            name: Some(node_offer_name(of, nodes)),
            cloud: location.cloud.clone(),
            region: location.region.clone(),
            zone: None,
            instance_type: nodes.instance_type.clone(),
            accelerator: nodes.accelerator.clone(),
            accelerator_kind: nodes.accelerator_kind,
            accelerators: nodes.accelerators.map(|count| AcceleratorCount::whole(count.into())),
            accelerator_memory: nodes.accelerator_memory.or_else(|| known.and_then(|known| known.memory)),
            cpu: nodes.cpu,
            memory: nodes.memory,
            arch: nodes.arch,
            capacity: Capacity::OnPrem,
            hourly: nodes.hourly,
            list_hourly: None,
            count: Some(nodes.count.unwrap_or(1)),
            watts: nodes.watts,
            pue: of.pue,
            interruptions_per_hour: None,
            source: nodes.source.clone(),
            as_of: nodes.as_of.clone(),
        };
        let own = OwnNodes {
            group: nodes.name.clone(),
            count: nodes.count.unwrap_or(1),
            electricity: of.electricity.map(usd),
        };
        self.resolve(spec, location, Some(own))
    }

    fn stated_offer(&self, spec: OfferSpec) -> Offer {
        let location = self.offer_location(spec.cloud.as_deref(), &spec.region, spec.zone.as_deref());
        self.resolve(spec, location, None)
    }

    fn table_offer(&self, mut spec: OfferSpec) -> Offer {
        if spec.capacity == Capacity::Reserved {
            // The table's price of a commitment is for those who made it: so many can be had as the
            // estate reserves.
            let name = spec.full_name();
            let reserved = self.inputs.estate.reservations.iter().filter(|reserved| reserved.offer == name);
            spec.count = Some(reserved.fold(0, |sum, reserved| sum.saturating_add(reserved.count)));
        }
        self.stated_offer(spec)
    }

    fn resolve(&self, spec: OfferSpec, location: Location, own: Option<OwnNodes>) -> Offer {
        let known = spec.accelerator.as_deref().and_then(|name| self.tables.accelerator(name));
        let mut offer = Offer {
            name: spec.full_name(),
            accelerator: spec.accelerator.as_deref().map(|name| self.canonical(name)),
            kind: spec.accelerator_kind.or(known.map(|known| known.kind)),
            accelerators_milli: spec.accelerator.as_ref().map_or(0, |_| spec.accelerators_milli()),
            accelerator_memory: spec.accelerator_memory,
            list: usd(spec.hourly),
            hourly: usd(spec.hourly),
            location,
            own,
            quotas: Vec::new(),
            spec,
        };
        let quotas = self.inputs.estate.quotas.iter().enumerate();
        offer.quotas = quotas
            .filter(|(_, quota)| self.matches(&quota.matches, &offer))
            .map(|(index, _)| index)
            .collect();
        for rule in &self.inputs.estate.prices {
            if self.matches(&rule.matches, &offer) {
                apply(rule, &mut offer.hourly);
            }
        }
        self.price_in_scenario(&mut offer);
        offer
    }

    /// The name that an accelerator's aliases lead to; an unknown one without case, spaces and `_`.
    pub(crate) fn canonical(&self, accelerator: &str) -> String {
        let fold = |letter: char| if matches!(letter, ' ' | '_') { '-' } else { letter.to_ascii_lowercase() };
        match self.tables.accelerator(accelerator) {
            Some(known) => known.name,
            None => accelerator.trim().chars().map(fold).collect(),
        }
    }

    /// Whether an offer is one of those a rule is about.
    pub(crate) fn matches(&self, rule: &Match, offer: &Offer) -> bool {
        let Location { cloud, region, zone, .. } = &offer.location;
        let agrees = |wanted: &Option<OneOf<String>>, has: Option<&str>| match wanted {
            Some(wanted) => wanted.values().iter().any(|wanted| Some(&**wanted) == has),
            None => true,
        };
        let here = offer.location.text();
        let accelerator = offer.accelerator.as_ref();
        agrees(&rule.cloud, cloud.as_deref())
            && (agrees(&rule.region, Some(region)) || agrees(&rule.region, Some(&here)))
            && agrees(&rule.zone, zone.as_deref())
            && rule.capacity.as_ref().is_none_or(|wanted| wanted.values().contains(&offer.spec.capacity))
            && agrees(&rule.instance_type, offer.spec.instance_type.as_deref())
            && agrees(&rule.offer, Some(&offer.name))
            && rule.accelerator.as_ref().is_none_or(|wanted| {
                wanted.values().iter().any(|wanted| accelerator == Some(&self.canonical(wanted)))
            })
    }

    /// Expected interruptions an instance-hour of a spot offer.
    pub(crate) fn interruptions(&self, offer: &Offer) -> Result<Rat, Missing> {
        if !offer.is_spot() {
            return Ok(Rat::zero());
        }
        let rate = self.stated_interruptions(offer).or_else(|| self.default(|tables| tables.interruptions()));
        rate.map(|rate| self.rate_in_scenario(offer, pico(rate.pico())))
            .ok_or_else(|| Missing(format!("nothing states the interruptions of spot offer {}", offer.name)))
    }

    /// What the documents, or the offer's own row of the catalogue, state.
    pub(crate) fn stated_interruptions(&self, offer: &Offer) -> Option<PerHour> {
        let mut rules = self.inputs.estate.interruptions.iter().rev();
        let rule = rules.find(|rule| self.matches(&rule.matches, offer)).map(|rule| rule.per_hour);
        rule.or(offer.spec.interruptions_per_hour)
    }

    /// Power of one instance under load: stated, else accelerators and host from the tables.
    pub(crate) fn watts(&self, offer: &Offer) -> Result<Rat, Missing> {
        let tabled = || -> Option<Rat> {
            let OfferSpec { cpu, memory, .. } = offer.spec;
            if cpu.is_none() && memory.is_none() && offer.accelerator.is_none() {
                return None;
            }
            let (cpu, memory) = (cpu.unwrap_or_default(), memory.unwrap_or_default());
            let host = self.default(|tables| tables.host_watts(offer.building(), cpu, memory))?;
            let Some(accelerator) = &offer.spec.accelerator else { return Some(watts(host)) };
            let each = self.default(|tables| tables.accelerator(accelerator)?.watts)?;
            Some(watts(host) + watts(each) * int(offer.accelerators_milli) / int(1000))
        };
        offer
            .spec
            .watts
            .map(watts)
            .or_else(tabled)
            .ok_or_else(|| Missing(format!("nothing states the watts of offer {}", offer.name)))
    }

    /// Power usage effectiveness; 1 when nothing states it.
    pub(crate) fn pue(&self, offer: &Offer) -> Rat {
        let tabled = || self.default(|tables| tables.pue(offer.building()));
        offer.spec.pue.or_else(tabled).map_or_else(|| int(1), |pue| pico(pue.pico()))
    }
}

fn watts(watts: Watts) -> Rat {
    pico(watts.pico())
}

/// A price after a rule.
pub(crate) fn apply(rule: &PriceRule, price: &mut Rat) {
    if let Some(hourly) = rule.hourly {
        *price = usd(hourly);
    }
    if let Some(multiply) = rule.multiply {
        *price *= pico(multiply.pico());
    }
    if let Some(more) = rule.add {
        *price += usd(more);
        if *price < Rat::zero() {
            *price = Rat::zero();
        }
    }
}

/// The hourly price as a plan shows it.
pub(crate) fn shown(hourly: &Rat) -> Usd {
    use num_traits::ToPrimitive as _;
    let count = (hourly * int(1_000_000_000_000_i64)).round().to_integer();
    Usd::from_pico(count.to_i128().unwrap_or(i128::MAX))
}

fn node_offer_name(site: &Site, nodes: &NodeGroup) -> String {
    format!("{}/{}/on-prem", site.name, nodes.name)
}
