//! Data that moves: which copy is read, who pays for it, when it arrives.
//!
//! A dataset is paid once for each region that reads it, at the largest size read there, by its first
//! placed reader in document order; the other readers list their own read at 0. Every reader waits for
//! its own read. Edges and outputs are each paid on their own. Only what crosses regions is listed.
//!
//! Where the contract is silent:
//! - Each entry of `inputs` is a reader of its own.
//! - The cheapest copy is the one of the least price a GB; with `egressModel: cloud`, of the least
//!   price for what is moved: for whoever pays the largest size read there, for all others and for
//!   when a run may start their own. Of equals the one of the highest throughput, then the first
//!   listed. A copy whose price nothing states counts only when no other has one.
//! - An edge without `size` hands over nothing: it orders, and moves no byte.

use num_traits::Zero as _;
use plimsoll_model::{
    Time,
    estate::{Dataset, EgressModel},
    workload::Input,
};

use crate::{
    Checker,
    exact::{GB, Rat, after},
    place::Location,
    state::{Placed, State},
    violation::Missing,
};

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A dataset, on its way from now on.
    Dataset,
    /// What this producer hands over at its end.
    Edge(usize),
    /// A result, which nobody waits for.
    Output,
}

/// Data on its way to or from a workload, across regions.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) sort: Sort,
    /// The dataset, the producing workload, or `output`.
    pub(crate) what: String,
    pub(crate) from: Location,
    pub(crate) to: Location,
    /// What is shown: for the payer of a shared copy the largest read.
    pub(crate) size: u64,
    pub(crate) usd: Rat,
    /// Seconds for `size`, and for what this workload itself reads.
    pub(crate) seconds: Rat,
    pub(crate) own_seconds: Rat,
}

/// The moment before which a run cannot start, and why.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    /// Rounded up to the whole second.
    pub(crate) time: Time,
    /// What it waits for last, when that is data.
    pub(crate) arrival: Option<String>,
}

impl Checker<'_> {
    /// Everything a workload moves across regions, in document order: inputs, then outputs.
    pub(crate) fn moves(&self, state: &State, workload: usize, placed: &Placed) -> (Vec<Move>, Vec<Missing>) {
        let here = &placed.offer.location;
        let spec = &self.inputs.workloads[workload].spec;
        let (mut moves, mut missing) = (Vec::new(), Vec::new());
        let mut add = |found: Result<Option<Move>, Missing>| match found {
            Ok(found) => moves.extend(found),
            Err(gap) => missing.push(gap),
        };
        for (entry, input) in spec.inputs.iter().enumerate() {
            if let Some(dataset) = input.dataset.as_ref().and_then(|name| self.datasets.get(&**name)) {
                add(self.read(state, (workload, entry), dataset, input, here));
            }
            if let Some((index, producer)) = self.producer(state, input) {
                let bytes = input.size.unwrap_or_default().0;
                let name = &self.inputs.workloads[index].metadata.name;
                add(self.one_move((Sort::Edge(index), name), &producer.offer.location, here, bytes));
            }
        }
        for output in &spec.outputs {
            add(self.one_move((Sort::Output, "output"), here, &self.locate(&output.to), output.size.0));
        }
        (moves, missing)
    }

    fn one_move(
        &self,
        (sort, what): (Sort, &str),
        from: &Location,
        to: &Location,
        bytes: u64,
    ) -> Result<Option<Move>, Missing> {
        if from.same_region(to) {
            return Ok(None);
        }
        let seconds = self.transfer_seconds(from, to, bytes)?;
        Ok(Some(Move {
            sort,
            what: what.to_owned(),
            from: from.clone(),
            to: to.clone(),
            size: bytes,
            usd: self.egress(from, to, bytes)?,
            own_seconds: seconds.clone(),
            seconds,
        }))
    }

    /// One entry of `inputs` that reads a dataset, with the price for whoever pays.
    fn read(
        &self,
        state: &State,
        reader: (usize, usize),
        dataset: &Dataset,
        input: &Input,
        here: &Location,
    ) -> Result<Option<Move>, Missing> {
        let own = input.size.unwrap_or(dataset.size).0;
        let others = self.readers.get(&*dataset.name).map_or(&[][..], Vec::as_slice).iter();
        let sharing = others.filter(|other| {
            other.workload == reader.0
                || state.get(other.workload).is_some_and(|placed| placed.offer.location.key() == here.key())
        });
        let (mut largest, mut payer) = (own, reader);
        for other in sharing {
            largest = largest.max(other.bytes);
            payer = payer.min((other.workload, other.entry));
        }
        let pays = payer == reader;
        let size = if pays { largest } else { own };
        let Some(copy) = self.cheapest_copy(dataset, here, size)? else { return Ok(None) };
        let Some(mut shown) = self.one_move((Sort::Dataset, &dataset.name), &copy, here, size)? else {
            return Ok(None);
        };
        if let Some(copy) = self.cheapest_copy(dataset, here, own)? {
            shown.own_seconds = self.transfer_seconds(&copy, here, own)?;
        }
        if !pays {
            shown.usd = Rat::zero();
        }
        Ok(Some(shown))
    }

    /// The copy that a region reads; `None` when the dataset has none.
    fn cheapest_copy(
        &self,
        dataset: &Dataset,
        here: &Location,
        bytes: u64,
    ) -> Result<Option<Location>, Missing> {
        let by_cloud = self.inputs.estate.egress_model == Some(EgressModel::Cloud);
        let mut best: Option<((Rat, Rat), Location)> = None;
        let mut unknown = None;
        for place in &dataset.at {
            let from = self.locate(place);
            let price = if from.same_region(here) {
                Ok(Rat::zero())
            } else if by_cloud {
                self.egress(&from, here, bytes)
            } else {
                self.usd_per_gb(&from, here)
            };
            match (price, self.transfer_seconds(&from, here, GB)) {
                (Ok(price), Ok(seconds)) => {
                    let cost = (price, seconds);
                    if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                        best = Some((cost, from));
                    }
                }
                (Err(gap), _) | (_, Err(gap)) => unknown = Some(gap),
            }
        }
        match (best, unknown) {
            (None, Some(gap)) => Err(gap),
            (best, _) => Ok(best.map(|(_, from)| from)),
        }
    }

    /// The producer that an input names, when it is placed.
    pub(crate) fn producer<'s>(&self, state: &'s State, input: &Input) -> Option<(usize, &'s Placed)> {
        let index = *self.names.get(input.from.as_deref()?)?;
        Some((index, state.get(index)?))
    }

    /// The first possible moment of a workload on an offer: now, `earliest`, every dataset (on its way
    /// from now on) and every edge (from its producer's end on).
    pub(crate) fn ready(&self, state: &State, workload: usize, placed: &Placed) -> Ready {
        let spec = &self.inputs.workloads[workload].spec;
        let mut latest = self.not_before(spec);
        let mut arrival = None;
        let mut wait = |moment: Option<Time>, what: &str| {
            // A moment beyond the calendar never comes.
            let moment = moment.unwrap_or(NEVER);
            if moment > latest {
                latest = moment;
                arrival = Some(what.to_owned());
            }
        };
        for input in &spec.inputs {
            if let Some((index, producer)) = self.producer(state, input) {
                wait(Some(producer.end()), &self.inputs.workloads[index].metadata.name);
            }
        }
        for moved in self.moves(state, workload, placed).0 {
            let since = match moved.sort {
                Sort::Output => continue,
                Sort::Dataset => Some(self.flags.now),
                Sort::Edge(producer) => state.get(producer).map(Placed::end),
            };
            wait(since.and_then(|since| after(since, &moved.own_seconds)), &moved.what);
        }
        Ready { time: latest.ceil_second(), arrival }
    }
}

/// Later than every time a document can state, and far enough from the last that a time can say.
const NEVER: Time = Time::from_nanos(i64::MAX - 1_000_000_000);
