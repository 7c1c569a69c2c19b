//! Why a workload is left out: each stated cause, relaxed by what it says, places the workload beside the others as
//! placed; by slightly less it does not. Where none does alone, all together do. A place for what may be left out is
//! one that costs less than it is worth.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::collections::BTreeMap;

use plimsoll_model::{
    Bytes, Cpu, Duration, Inputs, Kg, Plan, Usd, When,
    estate::Quota,
    plan::{Cause, Constraint, Flags},
};
use plimsoll_planner::plan;
use plimsoll_tests::{
    brute,
    dice::Dice,
    features::Feature,
    instances::{Instance, instance},
    laws::times,
};

/// Limits over several workloads and of one, which leave workloads out.
const TIGHT: [Feature; 11] = [
    Feature::Counts,
    Feature::Quotas,
    Feature::InstanceQuotas,
    Feature::ShareQuotas,
    Feature::Budgets,
    Feature::PlanBudget,
    Feature::CarbonBudgets,
    Feature::MaxHourly,
    Feature::MaxCost,
    Feature::LatencyBound,
    Feature::Overload,
];

#[test]
fn a_cause_relaxed_by_what_it_says_places_the_workload() {
    #[expect(clippy::disallowed_methods, reason = "a test may be made longer")]
    let only = std::env::var("PLIMSOLL_ONLY").map_or(None, |seed| seed.parse::<u64>().ok());
    let mut tally: BTreeMap<Constraint, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for seed in 0..400 * u64::from(times()) {
        if only.is_some_and(|only| only != seed) {
            continue;
        }
        let mut dice = Dice::new(seed, &[Feature::Counts]);
        let mut features: Vec<Feature> = (0..dice.int(0, 3)).map(|_| dice.pick(Feature::ALL)).collect();
        features.push(dice.pick(&TIGHT));
        features.push(dice.pick(&TIGHT));
        let made = instance(seed, &features);
        if let Err(what) = check(&made, &mut tally) {
            failures.push(format!("{what}\n{}", if only.is_some() { made.dump() } else { String::new() }));
        }
    }
    println!("{tally:?}");
    let total = failures.len();
    failures.truncate(20);
    assert!(failures.is_empty(), "{total} are wrong:\n{}", failures.join("\n"));
    for constraint in [
        Constraint::Count,
        Constraint::Quota,
        Constraint::Budget,
        Constraint::CarbonBudget,
        Constraint::MaxHourly,
        Constraint::MaxCost,
        Constraint::Deadline,
        Constraint::Latency,
    ] {
        assert!(tally.contains_key(&constraint), "{constraint} was never a cause");
    }
}

fn check(made: &Instance, tally: &mut BTreeMap<Constraint, usize>) -> Result<(), String> {
    let inputs = made.inputs();
    let plan = plan(&inputs, &made.settings(&inputs), None, &mut |_| {}).unwrap();
    let flags = &plan.inputs.flags;
    let wrong = plimsoll_verify::verify(&plan, &inputs);
    if !wrong.is_empty() {
        return Err(format!("seed {} {:?}: the checker says {wrong:?}", made.seed, made.features));
    }
    let others = brute::decisions(&plan, &inputs);
    let place = |about: &str| format!("seed {} {:?}: {about}", made.seed, made.features);
    for unplaced in &plan.unplaced {
        let workload =
            inputs.workloads.iter().position(|one| one.metadata.name == unplaced.workload).unwrap();
        if unplaced.causes.iter().any(|cause| cause.constraint == Constraint::Producer) {
            continue;
        }
        if unplaced.causes.is_empty() {
            if inputs.workloads[workload].spec.is_required() {
                return Err(place(&format!("{} has no cause", unplaced.workload)));
            }
            continue;
        }
        let fits = |causes: &[(&Cause, f64)]| {
            let (mut inputs, mut flags) = (inputs.clone(), flags.clone());
            for (cause, by) in causes {
                relax(&mut inputs, &mut flags, workload, cause, *by);
            }
            brute::has_place_beside(&inputs, &flags, &others, workload)
        };
        let full = |cause: &Cause| cause.relax_by.unwrap_or(0.0);
        // To what a request may shrink, or which accelerator it may ask for instead, has no one answer.
        let (vague, clear): (Vec<&Cause>, Vec<&Cause>) = unplaced.causes.iter().partition(|cause| {
            matches!(cause.constraint, Constraint::Size | Constraint::Accelerator | Constraint::Risk)
        });
        let mut alone = 0;
        for cause in &clear {
            *tally.entry(cause.constraint).or_default() += 1;
            if !fits(&[(*cause, full(cause))]) {
                continue;
            }
            alone += 1;
            if let Some(less) = slightly_less(cause)
                && fits(&[(*cause, less)])
            {
                return Err(place(&format!("{}: already {less} of {cause:?} is enough", unplaced.workload)));
            }
        }
        let all: Vec<(&Cause, f64)> = clear.iter().map(|cause| (*cause, full(cause))).collect();
        if alone == 0 && vague.is_empty() && !fits(&all) {
            let about = format!("{}: not even all of {:?} place it", unplaced.workload, unplaced.causes);
            return Err(place(&about));
        }
        for limit in limits(&inputs, flags, workload) {
            let known = |cause: &Cause| (cause.constraint, &cause.name) == (limit.constraint, &limit.name);
            // More than any of these instances lacks.
            let much = match limit.constraint {
                Constraint::Count => 6.0,
                Constraint::Deadline => 10.0,
                _ => 10_000.0,
            };
            if !unplaced.causes.iter().any(known) && fits(&[(&limit, much)]) {
                let about = format!("{}: {limit:?} is no cause, but gives way", unplaced.workload);
                return Err(place(&about));
            }
        }
        if alone > 0 && alone < all.len() {
            let about = format!("{}: only {alone} of {:?} place it", unplaced.workload, unplaced.causes);
            return Err(place(&about));
        }
    }
    minimal(made, &plan, &inputs, &others).map_err(|about| place(&about))
}

/// Every limit with an amount that bears on a workload, as causes name it.
fn limits(inputs: &Inputs, flags: &Flags, workload: usize) -> Vec<Cause> {
    let (estate, spec) = (&inputs.estate, &inputs.workloads[workload].spec);
    let name = &inputs.workloads[workload].metadata.name;
    let limit = |constraint, name: &str, has: f64| Cause {
        constraint,
        name: name.to_owned(),
        needs: serde_json::Value::Null,
        has: has.into(),
        relax_by: None,
        unit: None,
    };
    let mut list = Vec::new();
    for offer in estate.offers.iter().filter(|offer| offer.count.is_some()) {
        list.push(limit(Constraint::Count, &offer.full_name(), 0.0));
    }
    for site in &estate.sites {
        for nodes in &site.nodes {
            list.push(limit(Constraint::Count, &format!("{}/{}/on-prem", site.name, nodes.name), 0.0));
        }
    }
    for (index, quota) in (1..).zip(&estate.quotas) {
        if quota.team.as_ref().is_none_or(|teams| spec.team.as_ref().is_some_and(|team| teams.has(team))) {
            let has = quota_limit(quota).unwrap_or(0.0);
            list.push(limit(Constraint::Quota, &quota_name(index, quota), has));
        }
    }
    list.extend(flags.budget.map(|budget| limit(Constraint::Budget, "plan", budget.to_f64())));
    for budget in estate.budgets.iter().filter(|budget| spec.team.as_ref() == Some(&budget.team)) {
        list.push(limit(Constraint::Budget, &budget.team, budget.usd.to_f64()));
    }
    for budget in estate.carbon_budgets.iter().filter(|budget| spec.team.as_ref() == Some(&budget.team)) {
        list.push(limit(Constraint::CarbonBudget, &budget.team, budget.kg.to_f64()));
    }
    list.extend(spec.max_hourly.map(|_| limit(Constraint::MaxHourly, "maxHourly", 0.0)));
    list.extend(spec.max_cost.map(|_| limit(Constraint::MaxCost, name, 0.0)));
    list.extend(spec.deadline.map(|_| limit(Constraint::Deadline, "deadline", 0.0)));
    list
}

/// A set of causes is the smallest: no limit left out of it places the workload alone.
fn minimal(
    _made: &Instance,
    plan: &Plan,
    inputs: &Inputs,
    others: &[plimsoll_verify::Decision],
) -> Result<(), String> {
    for unplaced in &plan.unplaced {
        let workload =
            inputs.workloads.iter().position(|one| one.metadata.name == unplaced.workload).unwrap();
        if brute::has_place_beside(inputs, &plan.inputs.flags, others, workload) {
            return Err(format!("{} has a place as it is", unplaced.workload));
        }
    }
    Ok(())
}

/// A little less than the cause asks for: a unit where units are whole.
fn slightly_less(cause: &Cause) -> Option<f64> {
    let by = cause.relax_by?;
    Some(match cause.unit.as_deref()? {
        "accelerators" | "instances" => by.ceil() - 1.0,
        "cores" => by - 0.001,
        "bytes" => by - 1.0,
        "h" => by - 1.0 / 3600.0,
        _ => by - 0.00001_f64.max(by * 1e-6),
    })
}

fn quota_name(position: usize, quota: &Quota) -> String {
    let words = quota.name.clone().unwrap_or_else(|| quota.matches.to_string());
    if words.is_empty() { format!("quota {position}") } else { words }
}

/// What a quota allows, in the unit of its causes.
fn quota_limit(quota: &Quota) -> Option<f64> {
    let whole = quota.accelerators.or(quota.instances).map(f64::from);
    let cores = quota.cpu.map(|cpu| cpu.milli() as f64 / 1000.0);
    whole.or(cores).or(quota.memory.map(|memory| memory.0 as f64))
}

fn usd(by: f64) -> Usd {
    Usd::from_micro((by * 1e6).round() as i128)
}

fn relax(inputs: &mut Inputs, flags: &mut Flags, workload: usize, cause: &Cause, by: f64) {
    let has = cause.has.as_f64();
    let spec = &mut inputs.workloads[workload].spec;
    let estate = &mut inputs.estate;
    let now = flags.now;
    match cause.constraint {
        Constraint::Count => {
            for offer in estate.offers.iter_mut().filter(|offer| offer.full_name() == cause.name) {
                offer.count = offer.count.map(|count| count + by.ceil() as u32);
            }
            for site in &mut estate.sites {
                for nodes in &mut site.nodes {
                    if format!("{}/{}/on-prem", site.name, nodes.name) == cause.name {
                        nodes.count = Some(nodes.count.unwrap_or(1) + by.ceil() as u32);
                    }
                }
            }
        }
        Constraint::Quota => {
            for (index, quota) in (1..).zip(&mut estate.quotas) {
                let name = quota_name(index, quota);
                if name == cause.name && quota_limit(quota) == has {
                    quota.accelerators = quota.accelerators.map(|most| most + by.ceil() as u32);
                    quota.instances = quota.instances.map(|most| most + by.ceil() as u32);
                    quota.cpu = quota.cpu.map(|most| Cpu(most.0 + (by * 1000.0).ceil() as u64));
                    quota.memory = quota.memory.map(|most| Bytes(most.0 + by.ceil() as u64));
                }
            }
        }
        Constraint::Budget => {
            let plan_wide = flags.budget.map(Usd::to_f64) == has && cause.name == "plan";
            match estate.budgets.iter_mut().find(|budget| budget.team == cause.name) {
                Some(budget) if !plan_wide => budget.usd += usd(by),
                _ => flags.budget = flags.budget.map(|budget| budget + usd(by)),
            }
        }
        Constraint::CarbonBudget => {
            for budget in estate.carbon_budgets.iter_mut().filter(|budget| budget.team == cause.name) {
                budget.kg += Kg::from_pico((by * 1e12).round() as i128);
            }
        }
        Constraint::MaxHourly => spec.max_hourly = spec.max_hourly.map(|most| most + usd(by)),
        Constraint::MaxCost => {
            let named = inputs.workloads.iter_mut().find(|one| one.metadata.name == cause.name);
            let spec = &mut named.unwrap().spec;
            spec.max_cost = spec.max_cost.map(|most| most + usd(by));
        }
        Constraint::Deadline => {
            let later = Duration::from_nanos((by * 3.6e12).round() as i64);
            spec.deadline = spec.deadline.map(|deadline| When::At(deadline.resolve(now) + later));
        }
        Constraint::Latency => {
            if let Some(bound) = spec.latency.as_mut().and_then(|goal| goal.p99.as_mut()) {
                *bound = *bound + Duration::from_nanos((by * 1e6).round() as i64);
            }
        }
        Constraint::Memory => {
            if let Some(least) = spec.request.accelerators.as_mut().and_then(|asked| asked.memory.as_mut()) {
                *least = Bytes(least.0.saturating_sub(by as u64));
            }
            if cause.relax_by.is_none() {
                spec.request.accelerators.as_mut().unwrap().memory = None;
            }
        }
        Constraint::Capacity => spec.capacity = None,
        Constraint::Interruptible => spec.interruptible = true,
        Constraint::Residency => {
            spec.residency.clear();
            estate.datasets.iter_mut().for_each(|dataset| dataset.residency.clear());
        }
        Constraint::Region => {
            spec.regions.clear();
            spec.clouds.clear();
            spec.zones.clear();
        }
        Constraint::NotIn => spec.not_in.clear(),
        Constraint::Only => estate.only.clear(),
        Constraint::Together => spec.together = None,
        Constraint::Speed => spec.speed = None,
        Constraint::Accelerator => {
            if let Some(asked) = &mut spec.request.accelerators {
                asked.any_of.clear();
                asked.kind = None;
            }
        }
        Constraint::Size => {
            spec.request.cpu = None;
            spec.request.memory = None;
            spec.request.instance_type.clear();
            spec.request.not_instance_type.clear();
            spec.request.not_arch = None;
            if let Some(asked) = &mut spec.request.accelerators {
                asked.count = None;
            }
        }
        Constraint::Producer | Constraint::Risk => {}
    }
}
