//! Limits over several workloads: counts and quotas at every instant, budgets over the plan.
//!
//! Where the contract is silent:
//! - A quota that states several limits means all. Instances of own nodes are fractions.
//! - Two budgets of one team both hold. A budget counts rounded parts, as a plan sums them.
//! - Carbon is compared with a tolerance of 10^-9 of the budget, as plans state it in floats.

use std::{
    collections::BTreeMap,
    ops::{AddAssign, SubAssign},
};

use num_traits::Zero;
use plimsoll_model::{
    Time, Usd,
    estate::{Counts, Quota},
    plan::Constraint,
};

use crate::{
    Checker,
    exact::{Rat, float, int, pico, ratio},
    price::Priced,
    state::{Placed, State},
    violation::{Kind, Violation},
};

/// The moment of the largest sum of what is held over [start, end), and that sum.
pub(crate) fn peak<'a, T>(held: impl Iterator<Item = (&'a [(Time, Time)], T)>) -> Option<(Time, T)>
where
    T: Clone + Zero + PartialOrd + AddAssign + SubAssign,
{
    // Ends sort before starts of the same moment: [start, end) is half open.
    let mut events: Vec<(Time, bool, T)> = held
        .flat_map(|(runs, amount)| {
            let starts = |(start, end): &(Time, Time)| [(*start, true), (*end, false)];
            let moments: Vec<_> = runs.iter().filter(|(start, end)| start < end).flat_map(starts).collect();
            moments.into_iter().map(move |(time, begins)| (time, begins, amount.clone()))
        })
        .collect();
    events.sort_by_key(|(time, begins, _)| (*time, *begins));
    let mut sum = T::zero();
    let mut most: Option<(Time, T)> = None;
    for (time, begins, amount) in events {
        if begins {
            sum += amount;
            if most.as_ref().is_none_or(|(_, most)| sum > *most) {
                most = Some((time, sum.clone()));
            }
        } else {
            sum -= amount;
        }
    }
    most
}

/// Whether an offer of a cloud is asked for more instances than can be had.
pub(crate) fn check_count(state: &State, offer: &str) -> Option<Violation> {
    let (_, first) = state.on(offer).next()?;
    let count = first.offer.spec.count.filter(|_| first.offer.own.is_none())?;
    let (time, most) = peak(state.on(offer).map(|(_, placed)| (&*placed.runs, placed.n())))?;
    (most > int(count)).then(|| {
        Violation::new(
            Kind::Constraint(Constraint::Count),
            offer,
            format!("{count} instances can be had, {} are held at {time}", float(&most)),
        )
    })
}

impl Checker<'_> {
    /// Whether a quota is exceeded.
    pub(crate) fn check_quota(&self, state: &State, index: usize) -> Vec<Violation> {
        let quota = &self.inputs.estate.quotas[index];
        let counted = |(at, placed): &(usize, &Placed)| {
            placed.offer.quotas.contains(&index) && self.concerns(quota, *at)
        };
        let under = || state.iter().filter(counted);
        let mut found = Vec::new();
        for (resource, limit) in limits_of(quota) {
            // An offer that does not say how much it has may hold any amount: it is not eligible.
            let takes = |(at, placed): (usize, &Placed)| self.takes(quota, resource, at, placed);
            if let Some((_, placed)) = under().find(|one| takes(*one).is_none()) {
                let message = format!("{} does not state its {}", placed.offer.name, resource.name());
                found.push(self.quota_violation(index, message));
                continue;
            }
            let most = peak(under().map(|one| (&*one.1.runs, takes(one).unwrap_or_else(Rat::zero))));
            if let Some((time, most)) = most.filter(|(_, most)| *most > limit) {
                let (limit, most, name) = (float(&limit), float(&most), resource.name());
                let message = format!("at most {limit} {name}, {most} are held at {time}");
                found.push(self.quota_violation(index, message));
            }
        }
        found
    }

    /// Whether a quota counts a workload.
    fn concerns(&self, quota: &Quota, workload: usize) -> bool {
        match (&quota.team, &self.inputs.workloads[workload].spec.team) {
            (None, _) => true,
            (Some(teams), Some(team)) => teams.values().contains(team),
            (Some(_), None) => false,
        }
    }

    /// Whether a placement alone takes more than a quota allows, or nobody knows how much.
    pub(crate) fn alone_exceeds(&self, index: usize, workload: usize, placed: &Placed) -> bool {
        let quota = &self.inputs.estate.quotas[index];
        let exceeds = |(resource, limit): (Resource, Rat)| {
            self.takes(quota, resource, workload, placed).is_none_or(|takes| takes > limit)
        };
        self.concerns(quota, workload) && limits_of(quota).into_iter().any(exceeds)
    }

    /// What a placement takes of what a quota limits; `None` where the offer does not state it.
    fn takes(&self, quota: &Quota, resource: Resource, workload: usize, placed: &Placed) -> Option<Rat> {
        let offer = &placed.offer;
        let spec = self.way(&self.inputs.workloads[workload].spec, offer);
        if resource == Resource::Instances {
            return Some(placed.n());
        }
        if offer.own.is_some() || quota.counts == Some(Counts::Asked) {
            let each = match resource {
                Resource::Cores => ratio(spec.request.cpu.map_or(0, |cpu| cpu.0), 1000),
                Resource::Bytes => int(spec.request.memory.map_or(0, |memory| memory.0)),
                _ => ratio(spec.request.accelerators.as_ref().map_or(0, |asked| asked.count().milli()), 1000),
            };
            return Some(each * int(spec.replicas));
        }
        let each = match resource {
            Resource::Cores => ratio(offer.spec.cpu?.0, 1000),
            Resource::Bytes => int(offer.spec.memory?.0),
            _ => ratio(offer.accelerators_milli, 1000),
        };
        Some(each * placed.n())
    }

    fn quota_violation(&self, index: usize, message: String) -> Violation {
        Violation::new(Kind::Constraint(Constraint::Quota), self.quota_name(index), message)
    }

    /// What a quota is about, as causes and prices name it.
    fn quota_name(&self, index: usize) -> String {
        let quota = &self.inputs.estate.quotas[index];
        let words = quota.name.clone().unwrap_or_else(|| quota.matches.to_string());
        if words.is_empty() { "every offer".into() } else { words }
    }

    /// Whether a placement exceeds the workload's own `maxCost`.
    pub(crate) fn check_max_cost(&self, workload: usize, priced: &Priced) -> Option<Violation> {
        let document = &self.inputs.workloads[workload];
        over(&document.metadata.name, Constraint::MaxCost, document.spec.max_cost?, priced.spent())
    }

    /// Whether sums of money or carbon exceed what a team or the plan may use.
    pub(crate) fn check_budgets(&self, ledger: &Ledger<'_>) -> Vec<Violation> {
        let mut found = Vec::new();
        for budget in &self.inputs.estate.budgets {
            let spent = ledger.spent.get(&*budget.team).copied().unwrap_or_default();
            found.extend(over(&budget.team, Constraint::Budget, budget.usd, spent));
        }
        if let Some(limit) = self.flags.budget {
            found.extend(over("--budget", Constraint::Budget, limit, ledger.total));
        }
        for budget in &self.inputs.estate.carbon_budgets {
            let Some(kg) = ledger.kg.get(&*budget.team) else { continue };
            let limit = pico(budget.kg.pico());
            if *kg > &limit + &limit * ratio(1, 1_000_000_000) {
                found.push(Violation::new(
                    Kind::Constraint(Constraint::CarbonBudget),
                    &*budget.team,
                    format!("at most {} kg CO2e, has {}", budget.kg, float(kg)),
                ));
            }
        }
        found
    }
}

fn over(subject: &str, constraint: Constraint, limit: Usd, spent: i128) -> Option<Violation> {
    let spent = Usd::from_micro(spent);
    (spent > limit).then(|| {
        Violation::new(
            Kind::Constraint(constraint),
            subject,
            format!("at most ${limit} of compute, egress and risk, has ${spent}"),
        )
    })
}

/// What a quota can limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Accelerators,
    Instances,
    Cores,
    Bytes,
}

impl Resource {
    const fn name(self) -> &'static str {
        match self {
            Self::Accelerators => "accelerators",
            Self::Instances => "instances",
            Self::Cores => "cores",
            Self::Bytes => "bytes of memory",
        }
    }
}

/// Everything that a quota limits.
fn limits_of(quota: &Quota) -> Vec<(Resource, Rat)> {
    let limits = [
        (Resource::Accelerators, quota.accelerators.map(int)),
        (Resource::Instances, quota.instances.map(int)),
        (Resource::Cores, quota.cpu.map(|cpu| ratio(cpu.0, 1000))),
        (Resource::Bytes, quota.memory.map(|memory| int(memory.0))),
    ];
    limits.into_iter().filter_map(|(resource, limit)| Some((resource, limit?))).collect()
}

/// What teams and the plan use, by the sums that budgets bound.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger<'a> {
    /// Micro-dollars of each team.
    spent: BTreeMap<&'a str, i128>,
    total: i128,
    /// Of the teams that have a carbon budget.
    kg: BTreeMap<&'a str, Rat>,
}

impl<'a> Ledger<'a> {
    /// Counts a placement in (`sign` 1) or out (−1).
    pub(crate) fn count(&mut self, checker: &Checker<'a>, workload: usize, priced: &Priced, sign: i8) {
        let spent = priced.spent() * i128::from(sign);
        self.total += spent;
        let Some(team) = checker.inputs.workloads[workload].spec.team.as_deref() else { return };
        *self.spent.entry(team).or_default() += spent;
        if let Some(kg) = &priced.carbon_kg
            && checker.inputs.estate.carbon_budgets.iter().any(|budget| budget.team == team)
        {
            *self.kg.entry(team).or_insert_with(Rat::zero) += kg * int(sign);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_at_a_moment_makes_room_for_what_starts_then() {
        let at = Time::from_nanos;
        let (a, b, c) = ([(at(0), at(10))], [(at(10), at(20))], [(at(5), at(7)), (at(12), at(15))]);
        let held = [(&a[..], 3), (&b[..], 4), (&c[..], 1)];
        assert_eq!(peak(held.into_iter()), Some((at(12), 5)));
        assert_eq!(peak(std::iter::empty::<(&[(Time, Time)], i32)>()), None);
    }
}
