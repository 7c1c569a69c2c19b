//! The estate as the planner sees it: offers with prices in force, places with what lies between them,
//! power and carbon. Documents state, this module interprets; every figure taken from an embedded
//! table is noted as an assumption.

mod carbon;
mod network;
mod offers;
mod outlook;
mod place;
mod power;

pub use carbon::Intensity;
pub use network::Network;
pub use offers::{AcceleratorIx, Matcher, Offer, OfferIx};
pub use outlook::Outlook;
pub use place::{LocationIx, PlaceIx, Places};

use std::collections::BTreeMap;

use plimsoll_model::{Inputs, Time, Usd, estate::Defaults, plan::Assumption};

use crate::error::PlanError;

/// The interpreted estate.
#[derive(Debug)]
pub struct World<'a> {
    /// What was read.
    pub inputs: &'a Inputs,
    /// The planning moment.
    pub now: Time,
    /// Every offer, in catalogue order: embedded, files, inline, sites.
    pub offers: Vec<Offer>,
    /// Regions, zones and sites.
    pub places: Places,
    /// Names of accelerators, canonical, by index.
    pub accelerators: Vec<String>,
    by_name: BTreeMap<String, OfferIx>,
    /// Datasets and workloads by name, of equal names the first.
    datasets: BTreeMap<&'a str, usize>,
    workloads: BTreeMap<&'a str, usize>,
    /// Offers by accelerator, ascending.
    by_accelerator: Vec<Vec<OfferIx>>,
    /// The same, cheapest first; sorted when they are asked for.
    cheapest_first: Vec<std::sync::OnceLock<Vec<OfferIx>>>,
    by_price: std::sync::OnceLock<(Vec<OfferIx>, Vec<OfferIx>)>,
    /// The copies of each dataset, by dataset.
    pub copies: Vec<Vec<LocationIx>>,
    /// Where each workload's outputs go, by workload.
    pub outputs: Vec<Vec<LocationIx>>,
    /// Where each workload's clients are, by workload.
    pub clients: Vec<Vec<LocationIx>>,
}

impl<'a> World<'a> {
    /// Interprets the estate of `inputs`.
    ///
    /// # Errors
    /// When an offer is named twice, or a rule names an offer that does not exist.
    pub fn new(inputs: &'a Inputs, now: Time) -> Result<Self, PlanError> {
        let mut world = Self {
            inputs,
            now,
            offers: Vec::new(),
            places: Places::new(&inputs.estate, &inputs.file_offers),
            accelerators: Vec::new(),
            by_name: BTreeMap::new(),
            datasets: positions(inputs.estate.datasets.iter().map(|d| &*d.name)),
            workloads: positions(inputs.workloads.iter().map(|w| &*w.metadata.name)),
            by_accelerator: Vec::new(),
            cheapest_first: Vec::new(),
            by_price: std::sync::OnceLock::new(),
            copies: Vec::new(),
            outputs: Vec::new(),
            clients: Vec::new(),
        };
        world.gather()?;
        world.by_accelerator = vec![Vec::new(); world.accelerators.len()];
        world.cheapest_first = vec![std::sync::OnceLock::new(); world.accelerators.len()];
        for (ix, offer) in (0..).zip(&world.offers) {
            if let Some(AcceleratorIx(a)) = offer.accelerator {
                world.by_accelerator[usize::from(a)].push(OfferIx(ix));
            }
        }
        let places = &mut world.places;
        let mut find = |names: Vec<&String>| names.into_iter().map(|n| places.find(n)).collect();
        world.copies = inputs.estate.datasets.iter().map(|d| find(d.at.iter().collect())).collect();
        let specs = || inputs.workloads.iter().map(|w| &w.spec);
        world.outputs = specs().map(|s| find(s.outputs.iter().map(|o| &o.to).collect())).collect();
        world.clients = specs().map(|s| find(s.clients.iter().map(|c| &c.region).collect())).collect();
        Ok(world)
    }

    /// The dataset of a name, among the estate's.
    pub fn dataset(&self, name: &str) -> Option<usize> {
        self.datasets.get(name).copied()
    }

    /// The workload of a name.
    pub fn workload(&self, name: &str) -> Option<usize> {
        self.workloads.get(name).copied()
    }

    /// Every offer, cheapest first: those without limit, and those of which only so many can be had.
    pub fn by_price(&self) -> &(Vec<OfferIx>, Vec<OfferIx>) {
        self.by_price.get_or_init(|| {
            let mut all: Vec<OfferIx> = (0..self.offers.len() as u32).map(OfferIx).collect();
            all.sort_unstable_by_key(|ix| (self.offer(*ix).hourly, *ix));
            all.into_iter().partition(|ix| self.offer(*ix).count.is_none())
        })
    }

    /// The offers with an accelerator, cheapest first, of equals ascending.
    pub fn with_accelerator(&self, accelerator: AcceleratorIx) -> &[OfferIx] {
        let at = usize::from(accelerator.0);
        self.cheapest_first[at].get_or_init(|| {
            let mut list = self.by_accelerator[at].clone();
            list.sort_unstable_by_key(|ix| (self.offer(*ix).hourly, *ix));
            list
        })
    }

    /// Whether embedded tables may fill what the estate lacks.
    pub fn embedded_defaults(&self) -> bool {
        self.inputs.estate.defaults.unwrap_or_default() == Defaults::Embedded
    }

    /// An offer.
    pub fn offer(&self, ix: OfferIx) -> &Offer {
        &self.offers[ix.0 as usize]
    }

    /// The offer of a name.
    pub fn named(&self, name: &str) -> Option<OfferIx> {
        self.by_name.get(name).copied().or_else(|| {
            // Embedded offers are not indexed by name: most plans never look one up.
            let start = name.split('/').next()?;
            let found = self
                .offers
                .iter()
                .position(|o| o.embedded && o.cloud.as_deref() == Some(start) && o.name() == name);
            found.map(|at| OfferIx(at as u32))
        })
    }
}

/// Where each name is first.
fn positions<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut positions = BTreeMap::new();
    for (at, name) in names.enumerate() {
        positions.entry(name).or_insert(at);
    }
    positions
}

/// Figures taken from embedded tables or other defaults, without repetition, in order of `what`.
#[derive(Debug, Default)]
pub struct Assumptions {
    wanted: bool,
    list: BTreeMap<String, Assumption>,
}

impl Assumptions {
    /// Notes everything.
    pub fn wanted() -> Self {
        Self { wanted: true, list: BTreeMap::new() }
    }

    /// Notes nothing: for figures that are only compared.
    pub fn ignored() -> Self {
        Self::default()
    }

    /// Whether anything is noted, so that no text is made for nothing.
    pub const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Notes one; the first of equal subjects stays.
    pub fn note(&mut self, what: String, value: String, source: &str, as_of: Option<&str>) {
        let as_of = as_of.filter(|d| !d.is_empty()).map(str::to_owned);
        self.list.entry(what.clone()).or_insert_with(|| Assumption {
            what,
            value,
            source: source.to_owned(),
            as_of,
        });
    }

    /// All of them.
    pub fn into_list(self) -> Vec<Assumption> {
        self.list.into_values().collect()
    }
}

/// Notes an assumption without making its text when nobody wants it.
macro_rules! note {
    ($notes:expr, $($argument:expr),* $(,)?) => {
        if $notes.is_wanted() {
            $notes.note($($argument),*);
        }
    };
}
pub(crate) use note;

/// A dollar amount for a message: two decimals, or more when it is small.
pub fn dollars(usd: Usd) -> String {
    let value = usd.to_f64();
    if value.abs() >= 0.01 || usd.is_zero() { format!("${value:.2}") } else { format!("${value:.6}") }
}
