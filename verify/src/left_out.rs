//! Required workloads that are left out, though they would fit; and later ways taken, though an earlier is
//! free.
//!
//! A plan minimises first the required workloads left out, so one that fits somewhere beside the others
//! as they are placed is a fault, whatever its bound says. Looked for where that takes at most
//! [`SEARCH`] tries of an offer and a start, in one run without pauses. So is an earlier way, of a workload
//! whose ways are in order, that is free for it beside the others.

use plimsoll_model::{Plan, Time};

use crate::{
    Checker,
    evaluate::Assessed,
    runner_up::SEARCH,
    state::Decision,
    violation::{Kind, Violation},
};

impl<'a> Checker<'a> {
    pub(crate) fn check_left_out(
        &self,
        plan: &Plan,
        assessed: &mut Assessed<'a>,
        found: &mut Vec<Violation>,
    ) {
        if self.inputs.embedded_catalog || !found.is_empty() {
            return;
        }
        let mut tries = SEARCH;
        for unplaced in &plan.unplaced {
            let Some(index) = self.names.get(&*unplaced.workload).copied() else { continue };
            let spec = &self.inputs.workloads[index].spec;
            let producers = spec.inputs.iter().filter(|input| input.from.is_some());
            let waits = producers.into_iter().any(|input| self.producer(&assessed.state, input).is_none());
            if !spec.is_required() || waits {
                continue;
            }
            let all = self.written.keys().cloned();
            if let Some((offer, start)) = self.place_beside(assessed, index, all, &mut tries) {
                let message = format!("is left out, yet fits on {offer} at {start} beside the others");
                found.push(Violation::new(Kind::Bound, &*unplaced.workload, message));
            }
        }
    }

    pub(crate) fn check_order(&self, assessed: &mut Assessed<'a>, found: &mut Vec<Violation>) {
        if !found.is_empty() {
            return;
        }
        let mut tries = SEARCH;
        for (index, workload) in self.inputs.workloads.iter().enumerate() {
            let Some(placed) = assessed.state.get(index) else { continue };
            let taken = self.ways_before(&workload.spec, &placed.offer);
            if taken == 0 {
                continue;
            }
            let offers = self.all_offers();
            let is_earlier = |offer: &&std::rc::Rc<crate::offer::Offer>| {
                self.ways_before(&workload.spec, offer) < taken
                    && self.filtered(&workload.spec, offer).by.is_empty()
            };
            let earlier = offers.iter().filter(is_earlier).map(|offer| offer.name.clone());
            if let Some((offer, start)) = self.place_beside(assessed, index, earlier, &mut tries) {
                let message = format!(
                    "takes alternative {taken} of its ways in order, an earlier one is free on {offer} at {start}"
                );
                found.push(Violation::new(Kind::Order, &*workload.metadata.name, message));
            }
        }
    }

    /// An offer and a start at which a workload breaks no rule, with all else as it is.
    fn place_beside(
        &self,
        assessed: &mut Assessed<'a>,
        workload: usize,
        offers: impl Iterator<Item = String>,
        tries: &mut usize,
    ) -> Option<(String, Time)> {
        for offer in offers {
            let nodes = self.offer(&offer)?.own.is_some().then(Vec::new);
            let start = self.flags.now;
            let mut decision = Decision { workload, offer, start, runs: Vec::new(), nodes };
            let probe = self.place(&decision)?;
            if !self.filtered(&self.inputs.workloads[workload].spec, &probe.offer).by.is_empty() {
                continue;
            }
            for start in self.starts(&assessed.state, workload, &probe) {
                *tries = tries.checked_sub(1)?;
                decision.start = start;
                let moved = self.with_all_else_as_it_is(assessed, workload, &self.place(&decision)?);
                if moved.is_some_and(|moved| moved.broken.is_none()) {
                    return Some((decision.offer, start));
                }
            }
        }
        None
    }
}
