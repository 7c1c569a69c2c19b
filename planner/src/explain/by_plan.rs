//! Why a workload is not on an offer, as far as the plan alone gives it.

use std::collections::BTreeMap;

use plimsoll_model::{
    Inputs, Plan,
    estate::EstateSpec,
    explanation::{AboutWorkload, Barrier, Verdict, WhyNot},
    plan::{Constraint, RunnerUp},
    yaml::nearest,
};

use super::{compared, nothing_known};
use crate::{error::PlanError, world::World};

/// The answer as far as the plan alone gives it.
pub(super) fn why_not(plan: &Plan, about: &AboutWorkload, offer: &str) -> Result<WhyNot, PlanError> {
    let mut answer = nothing_known(offer);
    if let Some(placement) = &about.placement {
        if placement.offer.full_name() == offer {
            answer.verdict = Verdict::Chosen;
        } else if let Some(RunnerUp { extra_usd, because, .. }) =
            placement.runner_up.as_ref().filter(|runner_up| runner_up.offer == offer)
        {
            // With other ways to run it in order, a cheaper offer may be one of a later way.
            answer.verdict = match compared(*extra_usd) {
                Verdict::Cheaper if is_ordered(plan, &placement.workload) => Verdict::Later,
                verdict => verdict,
            };
            answer.extra_usd = Some(*extra_usd);
            answer.because.clone_from(because);
        }
    }
    let causes = about.unplaced.iter().flat_map(|unplaced| &unplaced.causes);
    for cause in causes.filter(|cause| cause.constraint == Constraint::Count && cause.name == offer) {
        answer.verdict = Verdict::Blocked;
        answer.barriers.push(Barrier {
            constraint: cause.constraint,
            name: cause.name.clone(),
            needs: cause.needs.clone(),
            has: cause.has.clone(),
            relax_by: cause.relax_by,
            unit: cause.unit.clone(),
            held_by: Vec::new(),
        });
    }
    if answer.verdict == Verdict::Unknown {
        look_up(plan, &mut answer)?;
    }
    Ok(answer)
}

fn is_ordered(plan: &Plan, name: &str) -> bool {
    let documents = plan.inputs.documents.iter().flat_map(|documents| &documents.workloads);
    documents.into_iter().any(|workload| workload.metadata.name == name && workload.spec.ordered)
}

/// Finds the offer's list price in the catalogue; refuses a name that looks like a mistyped one. An offer of
/// an estate is known only with the documents.
fn look_up(plan: &Plan, answer: &mut WhyNot) -> Result<(), PlanError> {
    let nothing = Inputs {
        workloads: Vec::new(),
        estate: EstateSpec::default(),
        file_offers: Vec::new(),
        embedded_catalog: true,
        series: BTreeMap::new(),
        assumptions: Vec::new(),
        places: plimsoll_model::read::Places::default(),
        digest: String::new(),
    };
    let world = World::new(&nothing, plan.inputs.flags.now)?;
    if let Some(ix) = world.named(&answer.offer) {
        answer.hourly = Some(world.offer(ix).hourly);
        return Ok(());
    }
    let runners_up = plan.placements.iter().filter_map(|p| p.runner_up.as_ref()).map(|r| r.offer.clone());
    let planned = plan.placements.iter().map(|p| p.offer.full_name());
    let own: Vec<String> = planned.chain(runners_up).collect();
    if own.contains(&answer.offer) {
        return Ok(());
    }
    let embedded: Vec<String> = world.offers.iter().map(crate::world::Offer::name).collect();
    let names = own.iter().chain(&embedded).map(String::as_str);
    match nearest(&answer.offer, names) {
        None => Ok(()),
        Some(near) => Err(PlanError::input(
            format!("neither the plan nor the catalogue has an offer `{}`", answer.offer),
            format!("did you mean `{near}`? Offers of an estate are known with -f and -e"),
        )),
    }
}
