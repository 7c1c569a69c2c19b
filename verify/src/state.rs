//! Who is placed where and when: what every formula looks at.

use std::{collections::BTreeMap, rc::Rc};

use num_traits::Zero as _;
use plimsoll_model::{Duration, Time, plan::NodeUse};

use crate::{
    Checker,
    exact::{Rat, hours_between, nanos_between},
    fit::{Fit, fit},
    offer::Offer,
    reservation::billed,
};

/// One choice: this workload on this offer at this time.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The workload's index in the inputs.
    pub workload: usize,
    /// The offer's name.
    pub offer: String,
    /// When compute starts.
    pub start: Time,
    /// The pieces of a paused run; empty for one run. The end of the last follows from the work.
    pub runs: Vec<(Time, Time)>,
    /// The nodes used on own machines. `None`: the checker searches a packing itself, exactly.
    pub nodes: Option<Vec<NodeUse>>,
}

/// A decision with what follows from it alone.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) offer: Rc<Offer>,
    /// `None` when the offer holds no replica.
    pub(crate) fit: Option<Fit>,
    /// `None` when it does not run there.
    pub(crate) work: Option<Duration>,
    pub(crate) start: Time,
    pub(crate) runs: Vec<(Time, Time)>,
    pub(crate) nodes: Option<Vec<NodeUse>>,
}

impl Placed {
    pub(crate) fn end(&self) -> Time {
        self.runs.last().map_or(self.start, |(_, end)| *end)
    }

    /// Instance-hours that it holds.
    pub(crate) fn held_hours(&self) -> Rat {
        self.runs.iter().map(|(start, end)| hours_between(*start, *end)).sum::<Rat>() * self.n()
    }

    /// Instances; 0 when the offer holds no replica.
    pub(crate) fn n(&self) -> Rat {
        self.fit.as_ref().map_or_else(Rat::zero, |fit| fit.n.clone())
    }
}

/// Every workload's place, by index.
#[derive(Debug, Clone)]
pub(crate) struct State {
    placed: Vec<Option<Placed>>,
    /// By offer, in document order.
    holders: BTreeMap<String, Vec<usize>>,
    /// Instance-hours that are billed, of the workloads on offers with sunk reservations.
    billed: BTreeMap<usize, Rat>,
}

impl State {
    pub(crate) fn get(&self, workload: usize) -> Option<&Placed> {
        self.placed[workload].as_ref()
    }

    /// Everything placed, in document order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Placed)> {
        self.placed.iter().enumerate().filter_map(|(index, placed)| Some((index, placed.as_ref()?)))
    }

    /// Who is on an offer, in document order.
    pub(crate) fn on(&self, offer: &str) -> impl Iterator<Item = (usize, &Placed)> {
        let holders = self.holders.get(offer).map_or(&[][..], Vec::as_slice);
        holders.iter().filter_map(|index| Some((*index, self.placed[*index].as_ref()?)))
    }

    /// The instance-hours that a workload pays for.
    pub(crate) fn billed_hours(&self, workload: usize, placed: &Placed) -> Rat {
        self.billed.get(&workload).cloned().unwrap_or_else(|| placed.held_hours())
    }

    /// The offers that are used.
    pub(crate) fn offers(&self) -> impl Iterator<Item = &Rc<Offer>> {
        self.holders.values().filter_map(|holders| Some(&self.placed[*holders.first()?].as_ref()?.offer))
    }
}

impl Checker<'_> {
    /// Everything placed at once; one entry a workload.
    pub(crate) fn assemble(&self, placed: Vec<Option<Placed>>) -> State {
        let mut holders = BTreeMap::<String, Vec<usize>>::new();
        for (index, placed) in placed.iter().enumerate() {
            if let Some(placed) = placed {
                holders.entry(placed.offer.name.clone()).or_default().push(index);
            }
        }
        let offers: Vec<String> = holders.keys().cloned().collect();
        let mut state = State { placed, holders, billed: BTreeMap::new() };
        for offer in offers {
            self.bill(&mut state, &offer);
        }
        state
    }

    /// What follows from a decision alone. `None` when there is no such offer or workload.
    pub(crate) fn place(&self, decision: &Decision) -> Option<Placed> {
        self.inputs.workloads.get(decision.workload)?;
        Some(self.place_on(self.offer(&decision.offer)?, decision))
    }

    /// What follows from a decision for an offer that is known already.
    pub(crate) fn place_on(&self, offer: Rc<Offer>, decision: &Decision) -> Placed {
        let spec = &self.inputs.workloads[decision.workload].spec;
        let work = self.run_time(spec, &offer);
        let runs = pieces(decision.start, &decision.runs, work.unwrap_or_default());
        Placed {
            fit: fit(&self.way(spec, &offer), &offer),
            work,
            start: decision.start,
            runs,
            nodes: decision.nodes.clone(),
            offer,
        }
    }

    /// Puts a workload in its place, or takes it out, and reckons anew who uses the reservations.
    pub(crate) fn set(&self, state: &mut State, workload: usize, placed: Option<Placed>) -> Option<Placed> {
        let before = std::mem::replace(&mut state.placed[workload], placed);
        if let Some(before) = &before
            && let Some(holders) = state.holders.get_mut(&before.offer.name)
        {
            holders.retain(|holder| *holder != workload);
            if holders.is_empty() {
                state.holders.remove(&before.offer.name);
            }
        }
        let after = state.placed[workload].as_ref().map(|after| after.offer.name.clone());
        if let Some(name) = &after {
            let holders = state.holders.entry(name.clone()).or_default();
            let at = holders.partition_point(|holder| *holder < workload);
            holders.insert(at, workload);
        }
        state.billed.remove(&workload);
        for name in before.iter().map(|before| before.offer.name.clone()).chain(after) {
            self.bill(state, &name);
        }
        before
    }

    /// Reckons who uses the sunk reservations of an offer, and so what its holders pay for.
    fn bill(&self, state: &mut State, offer: &str) {
        let Some(reserved) = self.reservations.get(offer) else { return };
        let billed = billed(&state.on(offer).collect::<Vec<_>>(), reserved);
        state.billed.extend(billed);
    }
}

/// The pieces of a run with the end of the last as the work demands it.
fn pieces(start: Time, runs: &[(Time, Time)], work: Duration) -> Vec<(Time, Time)> {
    let Some(((last, shown), before)) = runs.split_last() else { return vec![(start, start + work)] };
    let left = before
        .iter()
        .fold(work.nanos(), |left, (start, end)| left.saturating_sub(nanos_between(*start, *end)));
    // Too much work before the last piece is a violation that the schedule reports.
    let end = if left > 0 { *last + Duration::from_nanos(left) } else { *shown };
    before.iter().copied().chain([(*last, end)]).collect()
}
