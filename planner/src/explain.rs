//! Why a plan is as it is: each choice, what it was preferred to, what binds, what would change it.
//!
//! A plan alone says where workloads run, the next best offer of each, what limits are worth and why
//! something is left out ([`of_plan`]). With the documents it was made from any offer can be asked about, and
//! what each rule costs ([`of_documents`]): the placements are found again as decisions of the problem, their
//! bills must come out as the plan has them, and offers are tried one by one with all else as planned.

mod by_plan;
mod changes;
mod decisions;
mod instead;
mod limits;
mod savings;
mod seen;
mod trial;

use std::collections::BTreeSet;

use plimsoll_model::{
    Inputs, Plan, Time, Usd,
    document::ApiVersion,
    explanation::{
        AboutPlan, AboutWorkload, Basis, Decision, Explanation, ExplanationKind, OfferCount, PlanFacts,
        Saving, Spender, Verdict, WhyNot,
    },
    plan::{Constraint, Placement, Price},
    yaml::nearest,
};
use plimsoll_solver::Phase;

use crate::{
    build::{Build, Rules},
    error::PlanError,
    flags::Settings,
    report::usd,
    world::World,
};
use seen::Seen;
use trial::Trial;

pub use changes::changes;
pub use decisions::decisions;

/// Placements named as the dearest.
const DEAREST: usize = 5;
/// Workloads whose rules are priced when the whole plan is explained, the dearest.
const PRICED: usize = 30;
/// Savings told of the whole plan.
const SAVINGS: usize = 10;

/// What is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'q> {
    /// The workload; none asks about the plan as a whole.
    pub workload: Option<&'q str>,
    /// The offer that it might be on instead.
    pub why_not: Option<&'q str>,
}

/// Explains a plan from what it says itself.
///
/// # Errors
/// When the plan has no such workload.
pub fn of_plan(plan: &Plan, question: Question<'_>) -> Result<Explanation, PlanError> {
    check(plan, question)?;
    let mut explanation = empty(plan, Basis::Plan);
    match question.workload {
        None => explanation.whole = Some(whole(plan)),
        Some(name) => {
            let mut about = about(plan, name);
            let of_its_offers = |price: &&Price| {
                let runner_up = about.placement.as_ref().and_then(|p| p.runner_up.as_ref());
                let own = about.placement.as_ref().map(|p| p.offer.full_name());
                price.constraint == Constraint::Count
                    && (own.as_ref() == Some(&price.name)
                        || runner_up.is_some_and(|runner_up| runner_up.offer == price.name))
            };
            about.prices = plan.prices.iter().filter(of_its_offers).cloned().collect();
            about.why_not =
                question.why_not.map(|offer| by_plan::why_not(plan, &about, offer)).transpose()?;
            explanation.workload = Some(about);
        }
    }
    Ok(explanation)
}

/// Explains a plan with the documents it was made from. `time_left` and `observer` are those of planning: for
/// an offer asked about, the plan with the workload there is made too.
///
/// # Errors
/// When these are not the documents of the plan, or there is no such workload or offer.
pub fn of_documents(
    plan: &Plan,
    inputs: &Inputs,
    question: Question<'_>,
    time_left: Option<fn() -> f64>,
    observer: &mut dyn FnMut(&Phase),
) -> Result<Explanation, PlanError> {
    if plan.inputs.digest != inputs.digest {
        return Err(other_documents());
    }
    check(plan, question)?;
    let settings = Settings::of_flags(&plan.inputs.flags)?;
    let world = World::new(inputs, settings.now)?;
    let rules = Rules::of(&world);
    let mut build = Build::new(&world, &settings, &rules)?;
    let seen = Seen::of(&mut build, plan)?;
    let mut explanation = empty(plan, Basis::Documents);
    let Some(name) = question.workload else {
        let mut whole = whole(plan);
        whole.teams = Some(limits::teams(&build, &seen));
        whole.limits = Some(limits::used(&build, &seen));
        whole.would_save = Some(savings_of_all(&mut build, &seen));
        explanation.whole = Some(whole);
        return Ok(explanation);
    };
    let mut about = about(plan, name);
    let task = build.prospects.iter().position(|p| p.workload.metadata.name == name);
    let task = task.ok_or_else(other_documents)?;
    about.prices = limits::prices_of(&build, plan, task);
    about.offers = Some(offers(&build, task));
    about.would_save = Some(savings::of(&mut build, &seen, task));
    if let Some(offer) = question.why_not {
        let ix = world.named(offer).ok_or_else(|| unknown_offer(&world, offer))?;
        let trial = trial::try_on(&mut build, &seen, task, ix);
        let mut answer = why_not(&build, about.placement.as_ref(), task, offer, &trial);
        answer.hourly = Some(world.offer(ix).hourly);
        if let Some(choice) = trial.decision.as_ref().map(|decision| decision.choice)
            && trial.fits_alone
            && answer.verdict != Verdict::Chosen
        {
            answer.instead = instead::plan_with(&mut build, plan, task, choice, time_left, observer);
        }
        about.why_not = Some(answer);
    }
    explanation.workload = Some(about);
    Ok(explanation)
}

/// Refuses workloads that the plan does not know.
fn check(plan: &Plan, question: Question<'_>) -> Result<(), PlanError> {
    let placed = plan.placements.iter().map(|placement| &*placement.workload);
    let names: Vec<&str> = placed.chain(plan.unplaced.iter().map(|unplaced| &*unplaced.workload)).collect();
    match question.workload {
        Some(name) if !names.contains(&name) => {
            let help = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.len() <= 12 => format!("it has {}", names.join(", ")),
                None => format!(
                    "it has {} workloads: `plimsoll explain PLAN` without a name is about all",
                    names.len()
                ),
            };
            Err(PlanError::input(format!("the plan has no workload `{name}`"), help))
        }
        None if question.why_not.is_some() => Err(PlanError::input(
            "`--why-not` asks about one workload",
            format!(
                "name it before the flag: {}",
                names.iter().take(5).copied().collect::<Vec<_>>().join(", ")
            ),
        )),
        _ => Ok(()),
    }
}

fn other_documents() -> PlanError {
    PlanError::input(
        "the plan was made from other files than these",
        "give the files of that `plimsoll plan`, unchanged and in the same order; if they have changed since, \
         plan again first",
    )
}

fn unknown_offer(world: &World<'_>, name: &str) -> PlanError {
    let names: Vec<String> = world.offers.iter().map(crate::world::Offer::name).collect();
    let help = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`plimsoll offers` lists all, with -e those of an estate; a name is cloud/region/instanceType/capacity".into(),
    };
    PlanError::input(format!("there is no offer `{name}`"), help)
}

fn empty(plan: &Plan, basis: Basis) -> Explanation {
    Explanation {
        api_version: ApiVersion::default(),
        kind: ExplanationKind::Explanation,
        plan: PlanFacts {
            digest: plan.inputs.digest.clone(),
            now: plan.inputs.flags.now,
            status: plan.status,
            total_usd: plan.objective.total_usd,
            bound_usd: plan.objective.bound_usd,
            gap: plan.objective.gap,
            placed: plan.placements.len() as u64,
            left_out: plan.unplaced.len() as u64,
        },
        basis,
        workload: None,
        whole: None,
    }
}

/// What the plan says of a workload.
fn about(plan: &Plan, name: &str) -> AboutWorkload {
    let concerns = |decision: &Decision| decision.workload == name || decision.other.as_deref() == Some(name);
    AboutWorkload {
        name: name.to_owned(),
        placement: plan.placements.iter().find(|p| p.workload == name).cloned(),
        unplaced: plan.unplaced.iter().find(|u| u.workload == name).cloned(),
        decisions: decisions(plan).into_iter().filter(concerns).collect(),
        prices: Vec::new(),
        offers: None,
        would_save: None,
        why_not: None,
    }
}

/// What the plan says of itself.
fn whole(plan: &Plan) -> AboutPlan {
    let parts = plan.objective.parts.clone();
    let mut dearest: Vec<Spender> = plan
        .placements
        .iter()
        .filter(|placement| placement.usd.total > Usd::ZERO)
        .map(|placement| Spender {
            workload: placement.workload.clone(),
            offer: placement.offer.full_name(),
            usd: placement.usd.total,
        })
        .collect();
    dearest.sort_by_key(|spender| std::cmp::Reverse(spender.usd));
    dearest.truncate(DEAREST);
    AboutPlan {
        billed_usd: parts.compute + parts.egress + parts.risk,
        parts,
        dearest,
        teams: None,
        decisions: decisions(plan),
        prices: plan.prices.clone(),
        limits: None,
        would_save: None,
        unplaced: plan.unplaced.clone(),
        shortfall: plan.shortfall.clone(),
    }
}

fn nothing_known(offer: &str) -> WhyNot {
    WhyNot {
        offer: offer.to_owned(),
        hourly: None,
        verdict: Verdict::Unknown,
        barriers: Vec::new(),
        lacks: None,
        start: None,
        end: None,
        instances: None,
        usd: None,
        extra_usd: None,
        because: indexmap::IndexMap::new(),
        instead: None,
    }
}

/// The answer of a trial.
fn why_not(
    build: &Build<'_>,
    placement: Option<&Placement>,
    task: usize,
    offer: &str,
    trial: &Trial,
) -> WhyNot {
    let mut answer = nothing_known(offer);
    if placement.is_some_and(|placement| placement.offer.full_name() == offer) {
        answer.verdict = Verdict::Chosen;
        return answer;
    }
    answer.barriers = trial.rules.iter().chain(&trial.beside).cloned().collect();
    answer.lacks.clone_from(&trial.lacks);
    if let (Some(decision), Some((extra, because))) = (&trial.decision, &trial.extra) {
        answer.start = Some(Time::from_nanos(decision.start()));
        answer.end = Some(Time::from_nanos(decision.end()));
        answer.instances = Some(trial::terms(build, task, decision).instances.to_f64());
        answer.usd = trial.bill.as_ref().map(|bill| usd(&bill.parts));
        answer.extra_usd = Some(*extra);
        answer.because.clone_from(because);
        let value = build.prospects[task].spec().value.unwrap_or(Usd::ZERO);
        if placement.is_none() && !value.is_zero() {
            // Placing it, its value is no longer forgone.
            answer.extra_usd = Some(*extra - value);
            answer.because.insert("valueForgone".into(), Usd::ZERO - value);
        }
    }
    answer.verdict = if !trial.fits_alone {
        Verdict::Excluded
    } else if !trial.beside.is_empty() {
        Verdict::Blocked
    } else {
        match answer.extra_usd {
            None => Verdict::NoPrice,
            Some(_) if is_later(build, placement, task, trial) => Verdict::Later,
            Some(extra) if placement.is_none() && extra >= Usd::ZERO => Verdict::NotWorthIt,
            Some(extra) => compared(extra),
        }
    };
    answer
}

/// Whether an offer is one of a later way than the one taken, where ways are in order.
fn is_later(build: &Build<'_>, placement: Option<&Placement>, task: usize, trial: &Trial) -> bool {
    let choices = &build.problem.tasks[task].choices;
    let name = |offer: u32| build.world().offer(build.offers[offer as usize]).name();
    let taken = placement.map(|placement| placement.offer.full_name());
    let taken = taken.and_then(|taken| choices.iter().find(|choice| name(choice.offer) == taken));
    let there = trial.decision.as_ref().map(|decision| &choices[decision.choice]);
    taken.zip(there).is_some_and(|(taken, there)| there.way > taken.way)
}

fn compared(extra: Usd) -> Verdict {
    match extra.cmp(&Usd::ZERO) {
        std::cmp::Ordering::Greater => Verdict::Dearer,
        std::cmp::Ordering::Equal => Verdict::Same,
        std::cmp::Ordering::Less => Verdict::Cheaper,
    }
}

fn offers(build: &Build<'_>, task: usize) -> OfferCount {
    let (eligible, filtered) = build.prospects[task].eligible();
    OfferCount { all: build.world().offers.len() as u64, eligible: eligible.len() as u64, filtered }
}

/// What rules and limits cost, over the dearest workloads; one of equal workloads stands for all.
fn savings_of_all(build: &mut Build<'_>, seen: &Seen) -> Vec<Saving> {
    let mut tasks: Vec<usize> = seen.placed().map(|(task, _)| task).collect();
    tasks.sort_by_key(|task| (std::cmp::Reverse(seen.bills[task].parts.total()), *task));
    let mut classes = BTreeSet::new();
    tasks.retain(|task| classes.insert(build.problem.tasks[*task].class));
    let mut all: Vec<Saving> = Vec::new();
    for task in tasks.into_iter().take(PRICED) {
        all.extend(savings::of(build, seen, task));
    }
    all.sort_by_key(|saving| std::cmp::Reverse(saving.saves_usd));
    all.truncate(SAVINGS);
    all
}
