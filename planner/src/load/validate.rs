//! What documents that read well may still get wrong: limits, contradictions, names.
//!
//! One small function a rule, grouped by what it is about; each says which field, what is wrong with
//! it, and where possible what to do. Rules here look at documents alone, those of places also at the
//! names of known regions. What needs the catalogue (an
//! offer that a reservation names) or the clock (a deadline in the past) belongs to the planner.

mod estate;
mod name;
mod network;
mod offer;
mod place;
mod run;
mod scenario;
mod scope;
mod site;
mod workflow;
mod workload;

use plimsoll_model::{Diagnostic, Estate, OfferSpec, Workload, read::Located};

pub(super) use place::check as places;

use scope::Scope;

/// Everything that is wrong with the documents of a plan, in their order.
pub fn validate(workloads: &[Located<Workload>], estate: Option<&Located<Estate>>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for workload in workloads {
        let mut scope = Scope::new(workload, &mut problems);
        name::metadata(&mut scope, &workload.value.metadata);
        workload::check(&mut scope.field("spec"), &workload.value.spec);
    }
    workflow::names(workloads, &mut problems);
    workflow::edges(workloads, &mut problems);
    workflow::groups(workloads, &mut problems);
    workflow::datasets(workloads, estate, &mut problems);
    if let Some(estate) = estate {
        let mut scope = Scope::new(estate, &mut problems);
        name::metadata(&mut scope, &estate.value.metadata);
        estate::check(&mut scope.field("spec"), &estate.value.spec);
    }
    problems
}

/// Everything that is wrong with the offers of a catalogue document.
pub(super) fn catalog(offers: &Located<Vec<OfferSpec>>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut scope = Scope::new(offers, &mut problems);
    offer::check_all(&mut scope.field("spec").field("offers"), &offers.value, &[]);
    problems
}

#[cfg(test)]
mod tests;
