//! The independent checker behind `plimsoll verify`: recomputes the figures, the constraints and the
//! assumptions of a plan from the documents.
//!
//! It is written from the published contract alone and shares no code with what makes plans: its
//! independence is its worth. Arithmetic is exact (rationals; only e^x is a series, to sixty digits), so
//! a figure is right to the micro-dollar or it is reported. Where the contract is silent, each module
//! says in its first lines what was decided.
//!
//! Three ways in:
//! - [`verify`] takes a plan and the documents, and returns everything that is wrong with the plan.
//! - [`evaluate`] takes decisions (this workload on this offer at this time) and returns what they cost
//!   and which rules they break. Tests that search by brute force stand on it.
//! - [`offers`] and [`possible_starts`] list what can be decided.
//!
//! [`Checker`] does all of it over one set of documents, and keeps what it looked up.
//!
//! What is not checked, because the contract leaves it to the planner or the answer would take a search
//! as large as planning: that a bound is truly a bound, the sentences, and `prices` beyond their form.
//! That no better runner-up exists, and that no required workload is left out needlessly, is checked over
//! small estates only; causes are tried until a fixed amount of work is spent.

mod assumed;
mod carbon;
mod causes;
mod changes;
mod cluster;
mod compare;
mod data;
mod evaluate;
mod exact;
mod excluded;
mod filter;
mod fit;
mod left_out;
mod limits;
mod network;
mod objective;
mod offer;
mod packing;
mod place;
mod price;
mod relax;
mod reservation;
mod runner_up;
mod scenarios;
mod schedule;
mod state;
mod tables;
mod violation;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use plimsoll_model::{
    Inputs, OfferSpec, Plan, Time,
    estate::{Dataset, Defaults},
    plan::Flags,
    scenarios::Scenario,
};

pub use cluster::verify_packing;
pub use evaluate::{Evaluation, PlacementEvaluation};
pub use state::Decision;
pub use violation::{Kind, Violation};

use offer::{Offer, Written};
use place::Location;
use tables::{Embedded, Tables};

/// Everything that is wrong with a plan, by the flags that it records.
pub fn verify(plan: &Plan, inputs: &Inputs) -> Vec<Violation> {
    Checker::new(inputs, &plan.inputs.flags).verify(plan)
}

/// What decisions cost and which rules they break.
pub fn evaluate(inputs: &Inputs, flags: &Flags, decisions: &[Decision]) -> Evaluation {
    Checker::new(inputs, flags).evaluate(decisions)
}

/// Every offer of the estate, by name, with the price in force.
pub fn offers(inputs: &Inputs, flags: &Flags) -> Vec<OfferSpec> {
    Checker::new(inputs, flags).offers()
}

/// Every start that the contract allows a workload on an offer, with the others (producers, above all)
/// as decided. Empty when it does not run there or misses its deadline.
pub fn possible_starts(
    inputs: &Inputs,
    flags: &Flags,
    decisions: &[Decision],
    workload: usize,
    offer: &str,
) -> Vec<Time> {
    Checker::new(inputs, flags).possible_starts(decisions, workload, offer)
}

/// One entry of some workload's `inputs` that reads a dataset.
#[derive(Debug, Clone, Copy)]
struct Reader {
    workload: usize,
    entry: usize,
    bytes: u64,
}

/// Until when, and how many instances, cost nothing.
type Reserved = (Option<Time>, u32);

/// The checker over one set of documents and flags.
pub struct Checker<'a> {
    inputs: &'a Inputs,
    flags: &'a Flags,
    tables: &'a dyn Tables,
    /// What comes instead of what the estate states.
    scenario: Option<&'a Scenario>,
    /// Each site's location and its `near`.
    sites: Vec<(Location, Option<Location>)>,
    /// Workloads by name.
    names: BTreeMap<&'a str, usize>,
    datasets: BTreeMap<&'a str, &'a Dataset>,
    /// Who reads each dataset, in document order.
    readers: BTreeMap<&'a str, Vec<Reader>>,
    /// Who reads the output of each workload.
    consumers: Vec<Vec<usize>>,
    /// Sunk reservations by offer.
    reservations: BTreeMap<&'a str, Vec<Reserved>>,
    /// Where offers are written, by name.
    written: BTreeMap<String, Written>,
    /// Offers looked up so far.
    offers: RefCell<BTreeMap<String, Option<Rc<Offer>>>>,
}

impl<'a> Checker<'a> {
    /// Over documents and flags, with the embedded tables.
    pub fn new(inputs: &'a Inputs, flags: &'a Flags) -> Self {
        Self::with(inputs, flags, &Embedded)
    }

    fn with(inputs: &'a Inputs, flags: &'a Flags, tables: &'a dyn Tables) -> Self {
        let mut names = BTreeMap::new();
        let mut readers = BTreeMap::<_, Vec<Reader>>::new();
        let datasets: BTreeMap<&str, &Dataset> =
            inputs.estate.datasets.iter().map(|dataset| (&*dataset.name, dataset)).collect();
        for (workload, document) in inputs.workloads.iter().enumerate() {
            names.entry(&*document.metadata.name).or_insert(workload);
            for (entry, input) in document.spec.inputs.iter().enumerate() {
                if let Some(dataset) = input.dataset.as_deref().and_then(|name| datasets.get(name)) {
                    let bytes = input.size.unwrap_or(dataset.size).0;
                    readers.entry(&*dataset.name).or_default().push(Reader { workload, entry, bytes });
                }
            }
        }
        let mut consumers = vec![Vec::new(); inputs.workloads.len()];
        for (workload, document) in inputs.workloads.iter().enumerate() {
            for input in &document.spec.inputs {
                if let Some(producer) = input.from.as_deref().and_then(|name| names.get(name)) {
                    consumers[*producer].push(workload);
                }
            }
        }
        let mut reservations = BTreeMap::<_, Vec<Reserved>>::new();
        for reserved in inputs.estate.reservations.iter().filter(|reserved| reserved.sunk != Some(false)) {
            reservations.entry(&*reserved.offer).or_default().push((reserved.until, reserved.count));
        }
        let mut checker = Self {
            inputs,
            flags,
            tables,
            scenario: None,
            sites: Vec::new(),
            names,
            datasets,
            readers,
            consumers,
            reservations,
            written: BTreeMap::new(),
            offers: RefCell::default(),
        };
        checker.sites = checker.place_sites();
        checker.written = checker.index_offers();
        checker
    }

    /// A figure of the tables, when `defaults` lets them fill what the estate lacks.
    fn default<T>(&self, figure: impl FnOnce(&dyn Tables) -> Option<T>) -> Option<T> {
        match self.inputs.estate.defaults.unwrap_or_default() {
            Defaults::Embedded => figure(self.tables),
            Defaults::None => None,
        }
    }

    /// Every offer of the estate, by name, with the price in force.
    pub fn offers(&self) -> Vec<OfferSpec> {
        let priced = |offer: &Rc<Offer>| OfferSpec {
            name: Some(offer.name.clone()),
            hourly: offer::shown(&offer.hourly),
            list_hourly: Some(offer.spec.hourly),
            ..offer.spec.clone()
        };
        self.all_offers().iter().map(priced).collect()
    }

    /// Every start that the contract allows a workload on an offer, with the others as decided.
    pub fn possible_starts(&self, decisions: &[Decision], workload: usize, offer: &str) -> Vec<Time> {
        let others = decisions.iter().filter(|decision| decision.workload != workload);
        let mut placed = vec![None; self.inputs.workloads.len()];
        for decision in others {
            if let Some(slot) = placed.get_mut(decision.workload) {
                *slot = self.place(decision);
            }
        }
        let decision = Decision {
            workload,
            offer: offer.to_owned(),
            start: self.flags.now,
            runs: Vec::new(),
            nodes: None,
        };
        match self.place(&decision) {
            Some(one) => self.starts(&self.assemble(placed), workload, &one),
            None => Vec::new(),
        }
    }
}
