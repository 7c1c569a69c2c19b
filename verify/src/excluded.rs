//! How many offers each constraint excludes, for a workload that is left out.
//!
//! Each offer counts under the first constraint that excludes it, in the order of the filters
//! ([`Checker::first_filter`]), then count, quota and deadline where this placement alone, with nothing
//! else in the plan, exceeds them. The filters are those of the first alternative that all of them let
//! pass, else those of the workload itself.
//!
//! Workloads that ask for the same are counted once. What would take more than [`LOOKS`] looks at an offer
//! is not counted: of what is left, only the constraints and the sum are checked.

use std::rc::Rc;

use plimsoll_model::{
    Plan,
    plan::{Constraint, Unplaced},
    workload::WorkloadSpec,
};

use crate::{
    Checker,
    compare::Findings,
    exact::int,
    offer::Offer,
    state::{Decision, Placed},
    violation::{Kind, Violation},
};

/// Looks at an offer, over all workloads left out.
const LOOKS: usize = 1_000_000;

/// So many offers under each constraint.
type Counts = Vec<(Constraint, u64)>;

impl Checker<'_> {
    /// Compares what a plan says of the offers that its unplaced workloads cannot use.
    pub(crate) fn compare_filtered(&self, plan: &Plan, found: &mut Vec<Violation>) {
        if plan.unplaced.is_empty() {
            return;
        }
        let offers = self.all_offers();
        let mut looks = LOOKS;
        let mut known: Vec<(&WorkloadSpec, Counts)> = Vec::new();
        for unplaced in &plan.unplaced {
            let Some(index) = self.names.get(&*unplaced.workload).copied() else { continue };
            let spec = &self.inputs.workloads[index].spec;
            let mut findings = Findings { subject: &unplaced.workload, found };
            if !known.iter().any(|(of, _)| *of == spec) {
                let Some(left) = looks.checked_sub(offers.len()) else {
                    check_form(unplaced, offers.len(), &mut findings);
                    continue;
                };
                looks = left;
                known.push((spec, self.excluded(index, &offers)));
            }
            let Some((_, right)) = known.iter().find(|(of, _)| *of == spec) else { continue };
            let mut shown: Counts = unplaced.filtered.iter().map(|(by, count)| (*by, *count)).collect();
            shown.sort_unstable();
            if shown != *right {
                let message = format!("filtered is {}, the plan says {}", text(right), text(&shown));
                findings.add(Kind::Arithmetic, message);
            }
        }
    }

    fn excluded(&self, workload: usize, offers: &[Rc<Offer>]) -> Counts {
        let mut counts = std::collections::BTreeMap::new();
        for by in offers.iter().filter_map(|offer| self.excluded_by(workload, offer)) {
            *counts.entry(by).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }

    /// The first constraint that keeps a workload from an offer, were it alone.
    fn excluded_by(&self, workload: usize, offer: &Rc<Offer>) -> Option<Constraint> {
        let spec = &self.inputs.workloads[workload].spec;
        let first = match self.first_filter(spec, offer) {
            Some(by) if spec.alternatives.is_empty() => Some(by),
            None => None,
            Some(_) => self.first_filter(&self.way(spec, offer), offer),
        };
        first.or_else(|| self.exceeded_by(workload, offer))
    }

    /// Count, quota or deadline, where one placement alone exceeds it.
    fn exceeded_by(&self, workload: usize, offer: &Rc<Offer>) -> Option<Constraint> {
        let placed = self.placed(workload, offer);
        let count = offer.spec.count;
        let too_few = match offer.own {
            Some(_) => count == Some(0),
            None => count.is_some_and(|count| placed.n() > int(count)),
        };
        if too_few {
            return Some(Constraint::Count);
        }
        if offer.quotas.iter().any(|quota| self.alone_exceeds(*quota, workload, &placed)) {
            return Some(Constraint::Quota);
        }
        let spec = &self.inputs.workloads[workload].spec;
        let end = self.not_before(spec).ceil_second() + placed.work.unwrap_or_default();
        self.deadline(spec).is_some_and(|deadline| end > deadline).then_some(Constraint::Deadline)
    }

    fn placed(&self, workload: usize, offer: &Rc<Offer>) -> Placed {
        let (start, runs) = (self.flags.now, Vec::new());
        self.place_on(
            Rc::clone(offer),
            &Decision { workload, offer: String::new(), start, runs, nodes: None },
        )
    }
}

/// What can be told without counting: filters, and no more offers than there are.
fn check_form(unplaced: &Unplaced, offers: usize, findings: &mut Findings<'_>) {
    let sum = unplaced.filtered.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    if sum > offers as u64 {
        findings.add(Kind::Arithmetic, format!("filtered counts {sum} offers, there are {offers}"));
    }
}

fn text(counts: &Counts) -> String {
    let one = |(by, count): &(Constraint, u64)| format!("{by} {count}");
    if counts.is_empty() { "empty".into() } else { counts.iter().map(one).collect::<Vec<_>>().join(", ") }
}
