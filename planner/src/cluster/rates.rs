//! What the nodes of a cluster cost by the hour, and what they emit: by the prices, watts and carbon intensities that
//! plans of workloads go by.

use std::collections::BTreeMap;

use plimsoll_formats::{Own, Rented};
use plimsoll_model::{
    Capacity, Grams, Inputs, Time, Usd,
    estate::{EstateSpec, Site},
    fleet::Node,
    read::Places,
};

use crate::{
    error::PlanError,
    world::{Assumptions, Offer, World},
};

const PICO: i128 = 1_000_000_000_000;

/// Of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Dollars an hour.
    pub usd: Usd,
    /// Grams of CO2 equivalent an hour under load, where they are known.
    pub grams: Option<Grams>,
}

/// A machine on offer.
#[derive(Debug)]
struct Rated {
    accelerator: Option<String>,
    /// Thousandths of accelerators.
    milli: u64,
    rate: Rate,
}

/// The rates of all machines on offer, by what nodes say that they are, at a moment.
#[derive(Debug, Default)]
pub struct Rates {
    rented: BTreeMap<Rented, Vec<Rated>>,
    /// Own machines, and those of them that have a rate by site and group.
    sites: Vec<Site>,
    own: BTreeMap<(usize, usize), Rate>,
}

impl Rates {
    /// Of the embedded catalogue alone, at a moment.
    ///
    /// # Errors
    /// None: of a catalogue that holds an offer twice there would be no program.
    pub fn embedded(now: Time) -> Result<Self, PlanError> {
        let inputs = Inputs {
            workloads: Vec::new(),
            estate: EstateSpec::default(),
            embedded_catalog: true,
            file_offers: Vec::new(),
            series: BTreeMap::new(),
            assumptions: Vec::new(),
            places: Places::default(),
            digest: String::new(),
        };
        Self::of(&inputs, now)
    }

    /// Of an estate, and of the embedded catalogue where that names it, at a moment, whatever moment the estate plans for.
    ///
    /// # Errors
    /// When the estate's offers contradict each other.
    pub fn of(inputs: &Inputs, now: Time) -> Result<Self, PlanError> {
        let world = World::new(inputs, now)?;
        let mut rates = Self { sites: inputs.estate.sites.clone(), ..Self::default() };
        for offer in &world.offers {
            let rate = rate(&world, offer);
            if let Some(at) = offer.nodes {
                rates.own.insert(at, rate);
                continue;
            }
            let (Some(cloud), Some(machine)) = (offer.cloud.as_deref(), offer.instance_type.as_deref())
            else {
                continue;
            };
            let rented = Rented {
                cloud: cloud.to_owned(),
                region: offer.region.to_string(),
                machine: Rented::machine_of(machine).to_owned(),
                capacity: offer.capacity,
            };
            rates.rented.entry(rented).or_default().push(Rated {
                accelerator: offer.accelerator_name.as_deref().map(str::to_owned),
                milli: offer.accelerators,
                rate,
            });
        }
        Ok(rates)
    }

    /// Of a node; nothing where nobody rents it out and it is none of the estate's own, as far as is known.
    pub fn of_node(&self, node: &Node) -> Option<Rate> {
        let (own, is_stated) = self.of_own(node);
        own.filter(|_| is_stated).or_else(|| self.of_rented(node)).or(own)
    }

    /// Of one of the estate's own machines, where all that it may be have the same; whether it says that it is one.
    fn of_own(&self, node: &Node) -> (Option<Rate>, bool) {
        let Own { groups, is_stated } = Own::of(node, &self.sites);
        let mut rates = groups.iter().map(|at| self.own.get(at).copied());
        let first = rates.next().flatten();
        (first.filter(|_| rates.all(|rate| rate == first)), is_stated)
    }

    fn of_rented(&self, node: &Node) -> Option<Rate> {
        let rented = Rented::of(node)?;
        if rented.capacity == Capacity::OnPrem {
            return None;
        }
        match &self.rented.get(&rented)?[..] {
            // What a node says of its accelerators is theirs; where they are cut or shared it is another number.
            [only] if only.accelerator.is_some() || node.devices.is_none() => Some(only.rate),
            // Google's N1 machines are told apart by what is put into them.
            several => {
                let is_it = |one: &&Rated| Rented::has(node, one.accelerator.as_deref(), one.milli);
                several.iter().find(is_it).map(|one| one.rate)
            }
        }
    }
}

/// What a machine costs and emits in an hour under load, now: on sites that state the price of electricity, with that.
fn rate(world: &World<'_>, offer: &Offer) -> Rate {
    let mut ignored = Assumptions::ignored();
    let pue = world.pue(offer, &mut ignored);
    // Trillionths of watts of the building.
    let watts = world.watts(offer, &mut ignored).map(|watts| watts.pico() * pue.pico() / PICO);
    // Watts are thousandths of kilowatts.
    let hourly = |watts: i128, per_kwh: i128| watts * per_kwh / PICO / 1000;
    let electricity = offer.nodes.and_then(|(site, _)| world.inputs.estate.sites[site].electricity);
    let power = watts.zip(electricity).map_or(0, |(watts, price)| hourly(watts, price.pico()));
    let grams = || {
        let intensity = world.intensity(offer.location, world.now, &mut Assumptions::ignored())?;
        let at = intensity.0.partition_point(|(from, _)| *from <= world.now).saturating_sub(1);
        let (_, grams) = intensity.0.get(at)?;
        Some(Grams::from_pico(hourly(watts?, grams.pico())))
    };
    Rate { usd: Usd::from_pico(offer.hourly.pico() + power), grams: grams() }
}
