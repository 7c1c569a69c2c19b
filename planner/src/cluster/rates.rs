//! What the nodes of a cluster cost by the hour, and what they emit: by the prices, watts and carbon intensities that
//! plans of workloads go by.

use std::collections::BTreeMap;

use plimsoll_formats::Rented;
use plimsoll_model::{Capacity, Grams, Inputs, Usd, estate::EstateSpec, fleet::Node, read::Places};

use crate::{
    error::PlanError,
    flags::Settings,
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

/// The rates of all machines on offer, by what nodes say that they are.
#[derive(Debug, Default)]
pub struct Rates(BTreeMap<Rented, Vec<Rated>>);

impl Rates {
    /// Of the embedded catalogue alone.
    ///
    /// # Errors
    /// None: of a catalogue that holds an offer twice there would be no program.
    pub fn embedded() -> Result<Self, PlanError> {
        Self::of(&Inputs {
            workloads: Vec::new(),
            estate: EstateSpec::default(),
            embedded_catalog: true,
            file_offers: Vec::new(),
            series: BTreeMap::new(),
            assumptions: Vec::new(),
            places: Places::default(),
            digest: String::new(),
        })
    }

    /// Of the embedded catalogue and an estate.
    ///
    /// # Errors
    /// When the estate's offers contradict each other.
    pub fn of(inputs: &Inputs) -> Result<Self, PlanError> {
        let world = World::new(inputs, Settings::of(inputs).now)?;
        let mut rates = Self::default();
        for offer in &world.offers {
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
            rates.0.entry(rented).or_default().push(Rated {
                accelerator: offer.accelerator_name.as_deref().map(str::to_owned),
                milli: offer.accelerators,
                rate: Rate { usd: offer.hourly, grams: grams(&world, offer) },
            });
        }
        Ok(rates)
    }

    /// Of a node; nothing where nobody rents it out, as far as is known.
    pub fn of_node(&self, node: &Node) -> Option<Rate> {
        let rented = Rented::of(node)?;
        if rented.capacity == Capacity::OnPrem {
            return None;
        }
        match &self.0.get(&rented)?[..] {
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

/// What a machine emits in an hour under load, now.
fn grams(world: &World<'_>, offer: &Offer) -> Option<Grams> {
    let mut ignored = Assumptions::ignored();
    let watts = world.watts(offer, &mut ignored)?;
    let pue = world.pue(offer, &mut ignored);
    let intensity = world.intensity(offer.location, world.now, &mut ignored)?;
    let at = intensity.0.partition_point(|(from, _)| *from <= world.now).saturating_sub(1);
    let (_, grams) = intensity.0.get(at)?;
    // Watts are thousandths of kilowatts.
    Some(Grams::from_pico(watts.pico() * pue.pico() / PICO * grams.pico() / PICO / 1000))
}
