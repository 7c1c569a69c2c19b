//! Required workloads that are left out, though they would fit.
//!
//! A plan minimises first the required workloads left out, so one that fits somewhere beside the others
//! as they are placed is a fault, whatever its bound says. Looked for where that takes at most
//! [`SEARCH`] tries of an offer and a start, in one run without pauses.

use plimsoll_model::Plan;

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
            if let Some(place) = self.place_beside(assessed, index, &mut tries) {
                found.push(Violation::new(Kind::Bound, &*unplaced.workload, place));
            }
        }
    }

    /// An offer and a start at which a workload breaks no rule, with all else as it is.
    fn place_beside(
        &self,
        assessed: &mut Assessed<'a>,
        workload: usize,
        tries: &mut usize,
    ) -> Option<String> {
        for offer in self.written.keys() {
            let nodes = self.offer(offer)?.own.is_some().then(Vec::new);
            let (offer, start) = (offer.clone(), self.flags.now);
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
                    let offer = &decision.offer;
                    return Some(format!("is left out, yet fits on {offer} at {start} beside the others"));
                }
            }
        }
        None
    }
}
