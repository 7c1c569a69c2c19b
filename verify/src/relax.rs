//! Documents in which one limit gives: what a cause says would place a workload.
//!
//! A cause names a limit by its constraint and its name, as the plan's `prices` do: an offer, a quota by
//! its name (else its match, else `quota` and its position), a team, `plan`, a workload. Which accelerator
//! a workload would have to ask for has no one answer, nor has how much less
//! may be at risk: these are not relaxed.

use plimsoll_model::{
    AcceleratorCount, Bytes, Cpu, Duration, Inputs, Kg, Time, Usd, When,
    estate::Quota,
    plan::{Cause, Constraint, Flags},
    workload::Request,
};

/// A limit with an amount that bears on a workload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Amount {
    /// What it allows, in its unit.
    pub(crate) has: f64,
    /// The unit in which it gives.
    pub(crate) unit: &'static str,
}

/// What the documents say of the limit that a cause is about; several where limits share a name.
pub(crate) fn stated(inputs: &Inputs, flags: &Flags, workload: usize, cause: &Cause) -> Vec<Amount> {
    let (estate, spec) = (&inputs.estate, &inputs.workloads[workload].spec);
    let usd = |usd: &Usd| Amount { has: usd.to_f64(), unit: "usd" };
    match cause.constraint {
        Constraint::Quota => {
            let named = (1..).zip(&estate.quotas).filter(|(at, quota)| quota_name(*at, quota) == cause.name);
            named.filter_map(|(_, quota)| quota_amount(quota)).collect()
        }
        Constraint::Budget => {
            let of_team = estate.budgets.iter().filter(|budget| budget.team == cause.name);
            let whole = flags.budget.iter().filter(|_| cause.name == "plan").map(usd);
            of_team.map(|budget| usd(&budget.usd)).chain(whole).collect()
        }
        Constraint::CarbonBudget => {
            let of_team = estate.carbon_budgets.iter().filter(|budget| budget.team == cause.name);
            of_team.map(|budget| Amount { has: budget.kg.to_f64(), unit: "kg" }).collect()
        }
        Constraint::MaxHourly => {
            let others = spec.alternatives.iter().filter_map(|other| other.max_hourly.as_ref());
            spec.max_hourly.iter().chain(others).map(usd).collect()
        }
        Constraint::MaxCost => {
            let named = inputs.workloads.iter().filter(|one| one.metadata.name == cause.name);
            named.filter_map(|one| one.spec.max_cost.as_ref()).map(usd).collect()
        }
        Constraint::Latency => {
            let bound = spec.latency.and_then(|goal| goal.bound());
            bound.iter().map(|ms| Amount { has: ms.to_f64(), unit: "ms" }).collect()
        }
        _ => Vec::new(),
    }
}

/// The limits over several workloads that bear on one, as causes of nothing yet.
pub(crate) fn limits(inputs: &Inputs, flags: &Flags, workload: usize) -> Vec<Cause> {
    let (estate, spec) = (&inputs.estate, &inputs.workloads[workload].spec);
    let team = spec.team.as_ref();
    let limit = |constraint, name: &str, amount: Amount| Cause {
        constraint,
        name: name.to_owned(),
        needs: serde_json::Value::Null,
        has: amount.has.into(),
        relax_by: None,
        unit: Some(amount.unit.to_owned()),
    };
    let mut list = Vec::new();
    for (at, quota) in (1..).zip(&estate.quotas) {
        let concerns = quota.team.as_ref().is_none_or(|teams| team.is_some_and(|team| teams.has(team)));
        let amount = quota_amount(quota).filter(|_| concerns);
        list.extend(amount.map(|amount| limit(Constraint::Quota, &quota_name(at, quota), amount)));
    }
    let usd = |usd: Usd| Amount { has: usd.to_f64(), unit: "usd" };
    list.extend(flags.budget.map(|budget| limit(Constraint::Budget, "plan", usd(budget))));
    for budget in estate.budgets.iter().filter(|budget| team == Some(&budget.team)) {
        list.push(limit(Constraint::Budget, &budget.team, usd(budget.usd)));
    }
    for budget in estate.carbon_budgets.iter().filter(|budget| team == Some(&budget.team)) {
        let amount = Amount { has: budget.kg.to_f64(), unit: "kg" };
        list.push(limit(Constraint::CarbonBudget, &budget.team, amount));
    }
    list.extend(spec.max_hourly.map(|most| limit(Constraint::MaxHourly, "maxHourly", usd(most))));
    let name = &inputs.workloads[workload].metadata.name;
    list.extend(spec.max_cost.map(|most| limit(Constraint::MaxCost, name, usd(most))));
    list
}

/// Whether a cause can be relaxed by an amount at all.
pub(crate) fn is_clear(cause: &Cause) -> bool {
    match cause.constraint {
        Constraint::Accelerator | Constraint::Risk | Constraint::Producer => false,
        Constraint::Size
        | Constraint::Count
        | Constraint::Quota
        | Constraint::Budget
        | Constraint::CarbonBudget
        | Constraint::MaxHourly
        | Constraint::MaxCost
        | Constraint::Deadline
        | Constraint::Latency => cause.relax_by.is_some(),
        _ => true,
    }
}

/// How many quotas have a name.
pub(crate) fn named_alike(inputs: &Inputs, name: &str) -> usize {
    (1..).zip(&inputs.estate.quotas).filter(|(at, quota)| quota_name(*at, quota) == name).count()
}

/// Relaxes the limit that a cause is about by so much, in the cause's unit.
pub(crate) fn relax(inputs: &mut Inputs, flags: &mut Flags, workload: usize, cause: &Cause, by: f64) {
    let Inputs { workloads, estate, file_offers, .. } = inputs;
    let is = |has: f64| cause.has.as_f64().is_some_and(|shown| near(shown, has));
    let more = |most: Option<u32>| most.map(|most| most.saturating_add(by.ceil() as u32));
    let Some(document) = workloads.get_mut(workload) else { return };
    let spec = &mut document.spec;
    match cause.constraint {
        Constraint::Count => {
            for offer in estate.offers.iter_mut().chain(file_offers) {
                if offer.full_name() == cause.name {
                    offer.count = more(offer.count);
                }
            }
            for site in &mut estate.sites {
                for nodes in &mut site.nodes {
                    if format!("{}/{}/on-prem", site.name, nodes.name) == cause.name {
                        nodes.count = more(Some(nodes.count.unwrap_or(1)));
                    }
                }
            }
        }
        Constraint::Quota => {
            for (at, quota) in (1..).zip(&mut estate.quotas) {
                let same = quota_amount(quota).is_some_and(|amount| is(amount.has));
                if same && quota_name(at, quota) == cause.name {
                    quota.accelerators = more(quota.accelerators);
                    quota.instances = more(quota.instances);
                    // Less a hair, so that a float that is a hair too large is not a thousandth more.
                    let milli = (by * 1000.0 - 1e-6).ceil() as u64;
                    quota.cpu = quota.cpu.map(|most| Cpu(most.0.saturating_add(milli)));
                    quota.memory = quota.memory.map(|most| Bytes(most.0.saturating_add(by.ceil() as u64)));
                }
            }
        }
        Constraint::Budget => {
            let of_team =
                estate.budgets.iter_mut().find(|budget| budget.team == cause.name && is(budget.usd.to_f64()));
            match of_team {
                Some(budget) => budget.usd += usd(by),
                None => flags.budget = flags.budget.map(|budget| budget + usd(by)),
            }
        }
        Constraint::CarbonBudget => {
            for budget in estate.carbon_budgets.iter_mut().filter(|budget| budget.team == cause.name) {
                budget.kg += Kg::from_pico((by * 1e12).round() as i128);
            }
        }
        Constraint::MaxHourly => spec.max_hourly = spec.max_hourly.map(|most| most + usd(by)),
        Constraint::MaxCost => {
            for one in workloads.iter_mut().filter(|one| one.metadata.name == cause.name) {
                one.spec.max_cost = one.spec.max_cost.map(|most| most + usd(by));
            }
        }
        Constraint::Deadline => {
            let later = Duration::from_nanos((by * 3.6e12).round() as i64);
            spec.deadline = spec.deadline.map(|deadline| When::At(deadline.resolve(flags.now) + later));
        }
        Constraint::Latency => {
            if let Some(bound) = spec.latency.as_mut().and_then(|goal| goal.p99.as_mut()) {
                *bound = *bound + Duration::from_nanos((by * 1e6).round() as i64);
            }
        }
        Constraint::Memory => {
            if let Some(asked) = &mut spec.request.accelerators {
                let least = asked.memory.filter(|_| cause.relax_by.is_some());
                asked.memory = least.map(|least| Bytes(least.0.saturating_sub(by.ceil() as u64)));
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
        Constraint::Size => {
            let alternatives = spec.alternatives.iter_mut().filter_map(|other| other.request.as_mut());
            for request in std::iter::once(&mut spec.request).chain(alternatives) {
                smaller(request, cause, by);
            }
        }
        Constraint::Accelerator | Constraint::Producer | Constraint::Risk => {}
    }
}

/// Asks for no more than what a cause about the size of a replica says that it needs, less so much.
fn smaller(request: &mut Request, cause: &Cause, by: f64) {
    let (number, text) = (cause.needs.as_f64(), cause.needs.as_str());
    let less = |needs: f64| ((needs - by) * 1000.0).round().max(0.0) as u64;
    match &*cause.name {
        "count" => {
            if let (Some(asked), Some(needs)) = (&mut request.accelerators, number) {
                asked.count = Some(AcceleratorCount(asked.count().milli().min(less(needs))));
            }
        }
        "cpu" => {
            let cores = text.and_then(|text| text.parse().ok()).map(|cpu: Cpu| cpu.milli() as f64 / 1000.0);
            let most = number.or(cores).map(|needs| Cpu(less(needs)));
            request.cpu = request.cpu.map(|cpu| most.map_or(cpu, |most| cpu.min(most)));
        }
        "memory" => {
            let needs = text.and_then(|text| text.parse().ok());
            let most = needs.map(|needs: Bytes| Bytes(needs.0.saturating_sub(by.ceil() as u64)));
            request.memory = request.memory.map(|memory| most.map_or(memory, |most| memory.min(most)));
        }
        _ => {}
    }
}

/// The deadline of a workload, as causes show it.
pub(crate) fn deadline(inputs: &Inputs, now: Time, workload: usize) -> Option<Time> {
    inputs.workloads[workload].spec.deadline.map(|deadline| deadline.resolve(now))
}

/// Equal but for the rounding of floats to six decimals.
pub(crate) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 3e-6 + 1e-9 * a.abs().max(b.abs())
}

fn quota_name(position: u32, quota: &Quota) -> String {
    let words = quota.name.clone().unwrap_or_else(|| quota.matches.to_string());
    if words.is_empty() { format!("quota {position}") } else { words }
}

fn quota_amount(quota: &Quota) -> Option<Amount> {
    let whole = |most: u32, unit| Amount { has: f64::from(most), unit };
    let instances = quota.instances.map(|most| whole(most, "instances"));
    let cores = quota.cpu.map(|cpu| Amount { has: cpu.milli() as f64 / 1000.0, unit: "cores" });
    let bytes = quota.memory.map(|memory| Amount { has: memory.0 as f64, unit: "bytes" });
    let accelerators = quota.accelerators.map(|most| whole(most, "accelerators"));
    instances.or(cores).or(bytes).or(accelerators)
}

fn usd(by: f64) -> Usd {
    Usd::from_micro((by * 1e6).round() as i128)
}
