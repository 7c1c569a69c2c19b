//! Limits on sums and own machines, and reservations.

use plimsoll_model::{Time, estate, plan::Constraint};
use plimsoll_solver::problem::{NodeGroup, Reservation};

use super::Build;
use crate::world::OfferIx;

/// A limit on a sum of money or carbon, with whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The team, or `plan`.
    pub name: String,
}

impl Build<'_> {
    pub(super) fn limits(&mut self) {
        let estate = &self.world.inputs.estate;
        if let Some(budget) = self.settings.budget {
            self.problem.budgets.push(budget.to_f64());
            self.budgets.push(Named { name: "plan".into() });
        }
        for budget in &estate.budgets {
            self.problem.budgets.push(budget.usd.to_f64());
            self.budgets.push(Named { name: budget.team.clone() });
        }
        for budget in &estate.carbon_budgets {
            self.problem.carbon_budgets.push(budget.kg.to_f64());
            self.carbon_budgets.push(Named { name: budget.team.clone() });
        }
        for site in &estate.sites {
            for group in &site.nodes {
                self.problem.groups.push(NodeGroup {
                    nodes: group.count.unwrap_or(1),
                    devices: group.accelerators.unwrap_or(u32::from(group.accelerator.is_some())),
                    cpu: group.cpu.map(plimsoll_model::Cpu::milli),
                    memory: group.memory.map(|m| m.0),
                });
            }
        }
    }

    /// The group index of own nodes.
    pub(super) fn group(&self, (site, group): (usize, usize)) -> u32 {
        let before: usize = self.world.inputs.estate.sites[..site].iter().map(|s| s.nodes.len()).sum();
        (before + group) as u32
    }

    pub(super) fn reservations(&mut self) {
        for reservation in &self.world.inputs.estate.reservations {
            let ix = self.world.named(&reservation.offer);
            if let Some(local) = ix.and_then(|ix| self.known_offer(ix)) {
                let reserved = reserved_as(reservation, local);
                self.problem.reservations.extend(reserved);
            }
        }
    }

    /// The sunk reservations of an offer that the problem knows as `local`.
    pub fn reservations_of(&self, ix: OfferIx, local: u32) -> Vec<Reservation> {
        if !self.reserved.contains(&ix) {
            return Vec::new();
        }
        let of_it = self.world.inputs.estate.reservations.iter();
        let of_it = of_it.filter(|stated| self.world.named(&stated.offer) == Some(ix));
        of_it.filter_map(|stated| reserved_as(stated, local)).collect()
    }

    /// The constraint under which money or carbon limits are named.
    pub const fn budget_constraint(carbon: bool) -> Constraint {
        if carbon { Constraint::CarbonBudget } else { Constraint::Budget }
    }
}

/// A reservation as the problem has it, when it is sunk.
fn reserved_as(stated: &estate::Reservation, offer: u32) -> Option<Reservation> {
    stated.sunk.unwrap_or(true).then(|| Reservation {
        offer,
        count: f64::from(stated.count),
        until: stated.until.map_or(i64::MAX, Time::nanos),
    })
}
