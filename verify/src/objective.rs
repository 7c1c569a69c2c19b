//! The plan as a whole: its lists, its sums, its status and its proof.
//!
//! - A required workload unplaced: `infeasible`, bound and gap null. Otherwise gap = (total − bound) /
//!   bound, 0 when they are equal, null when the bound is not positive; `optimal` exactly when the gap
//!   is at most 10^-6.
//! - The gap follows from the figures that the plan shows, to 10^-9.

use num_traits::{ToPrimitive as _, Zero as _};
use plimsoll_model::{
    Plan, Usd,
    plan::{Constraint, Lacking, ObjectiveParts, Status, Unplaced},
};

use crate::{
    Checker,
    compare::Findings,
    evaluate::{Assessed, add, objective_parts, total},
    exact::{Rat, usd},
    violation::{Kind, Violation},
};

/// The units of `relaxBy`.
const UNITS: [&str; 8] = ["usd", "accelerators", "instances", "cores", "h", "ms", "kg", "bytes"];

impl Checker<'_> {
    /// Placements and unplaced workloads: each workload once, in document order, and well formed.
    pub(crate) fn compare_lists(&self, plan: &Plan, found: &mut Vec<Violation>) {
        let placed: Vec<usize> = plan
            .placements
            .iter()
            .filter_map(|placement| self.names.get(&*placement.workload).copied())
            .collect();
        let left: Vec<usize> = plan
            .unplaced
            .iter()
            .filter_map(|unplaced| self.names.get(&*unplaced.workload).copied())
            .collect();
        for (index, workload) in self.inputs.workloads.iter().enumerate() {
            let times = placed.iter().chain(&left).filter(|listed| **listed == index).count();
            if times != 1 {
                let message = format!("stands {times} times among placements and unplaced, once is right");
                found.push(Violation::new(Kind::Document, &*workload.metadata.name, message));
            }
        }
        for (list, what) in [(&placed, "placements"), (&left, "unplaced")] {
            if !list.is_sorted() {
                found.push(Violation::new(Kind::Document, what, "are not in document order"));
            }
        }
        for unplaced in &plan.unplaced {
            self.check_unplaced(plan, unplaced, found);
        }
        self.check_shortfall(plan, found);
        let mut plan_wide = Findings { subject: "prices", found };
        for price in &plan.prices {
            let figures = [price.low, price.usd_per_unit, price.high];
            if price.usd_per_unit < 0.0
                || !figures.is_sorted()
                || figures.iter().any(|figure| !figure.is_finite())
            {
                plan_wide.add(
                    Kind::Arithmetic,
                    format!(
                        "a unit of {} {} saves ${}, at least 0 and within {} to {}",
                        price.constraint, price.name, price.usd_per_unit, price.low, price.high
                    ),
                );
            }
        }
    }

    /// A shortfall is there only where something required is left out, and says amounts of limits that there
    /// are. That it is the least is not checked.
    fn check_shortfall(&self, plan: &Plan, found: &mut Vec<Violation>) {
        let Some(shortfall) = &plan.shortfall else { return };
        let mut findings = Findings { subject: "shortfall", found };
        if plan.status != Status::Infeasible {
            findings.add(Kind::Document, "nothing required is left out");
        }
        for lacking in &shortfall.limits {
            let units: &[&str] = match lacking.constraint {
                Constraint::Count => &["instances"],
                Constraint::Quota => &["accelerators", "instances", "cores", "bytes"],
                Constraint::Budget => &["usd"],
                Constraint::CarbonBudget => &["kg"],
                _ => &[],
            };
            if !units.contains(&&*lacking.unit) || !lacking.by.is_finite() || lacking.by < 0.0 {
                let Lacking { constraint, name, by, unit, .. } = lacking;
                findings.add(Kind::Document, format!("{constraint} {name} cannot lack {by} {unit}"));
            }
        }
        for name in &shortfall.beyond {
            let required = |index: &usize| self.inputs.workloads[*index].spec.is_required();
            if !self.names.get(&**name).is_some_and(required) {
                findings.add(Kind::Document, format!("{name} is no required workload"));
            }
        }
    }

    fn check_unplaced(&self, plan: &Plan, unplaced: &Unplaced, found: &mut Vec<Violation>) {
        let mut findings = Findings { subject: &unplaced.workload, found };
        let Some(index) = self.names.get(&*unplaced.workload) else {
            findings.add(Kind::Document, "is no workload of the documents");
            return;
        };
        let value = self.inputs.workloads[*index].spec.value;
        if unplaced.value_usd.is_some() && unplaced.value_usd != value {
            findings.add(Kind::Document, "valueUsd is not the `value` of the documents");
        }
        if let Some((cost, value)) = unplaced.cost_usd.zip(value)
            && plan.status == Status::Optimal
            && (value - cost).to_f64() > 1e-5 + 2e-6 * plan.objective.total_usd.to_f64().abs()
        {
            findings.add(Kind::Bound, format!("is left out of an optimal plan, at ${cost} for ${value}"));
        }
        for cause in &unplaced.causes {
            if cause.relax_by.is_some_and(|by| !by.is_finite() || by < 0.0) {
                findings.add(
                    Kind::Arithmetic,
                    format!("{} cannot be relaxed by {:?}", cause.constraint, cause.relax_by),
                );
            }
            if cause.unit.as_deref().is_some_and(|unit| !UNITS.contains(&unit)) {
                findings.add(Kind::Document, format!("{:?} is no unit of `relaxBy`", cause.unit));
            }
        }
        if let Some(offer) = unplaced.nearest.as_deref().filter(|offer| self.offer(offer).is_none()) {
            findings.add(Kind::Document, format!("its nearest offer {offer} does not exist"));
        }
    }

    /// The sums of the objective, and what it says of the proof.
    pub(crate) fn compare_objective(&self, plan: &Plan, assessed: &Assessed<'_>, found: &mut Vec<Violation>) {
        let mut findings = Findings { subject: "objective", found };
        let mut sums = ObjectiveParts::default();
        for placement in &plan.placements {
            add(&mut sums, &placement.usd);
        }
        sums.value_forgone = self.value_forgone(&assessed.state);
        let shown = objective_parts(&plan.objective.parts);
        for ((part, shown), (_, sum)) in shown.into_iter().zip(objective_parts(&sums)) {
            if shown != sum {
                findings.add(Kind::Arithmetic, format!("{part} is ${sum}, the plan says ${shown}"));
            }
        }
        let sum = total(&plan.objective.parts);
        if plan.objective.total_usd != sum {
            findings.add(
                Kind::Arithmetic,
                format!("totalUsd is ${sum}, the plan says ${}", plan.objective.total_usd),
            );
        }
        let of = |figure: fn(&crate::price::Priced) -> Option<&Rat>| {
            let placed = assessed.state.iter().filter_map(|(index, _)| assessed.priced[index].as_ref());
            placed.map(figure).try_fold(Rat::zero(), |sum, one| Some(sum + one?))
        };
        findings.float("carbonKg", plan.carbon_kg, of(|priced| priced.carbon_kg.as_ref()).as_ref());
        findings.float("energyKwh", plan.energy_kwh, of(|priced| priced.kwh.as_ref()).as_ref());
        let left_out = self.left_out(&assessed.state).values().sum();
        check_proof(plan, left_out, &mut findings);
        self.check_date(plan, &mut findings);
        check_flags(plan, &mut findings);
        if plan.solver.seed != plan.inputs.flags.seed {
            findings.add(
                Kind::Document,
                format!("solver.seed is {}, the flag {}", plan.solver.seed, plan.inputs.flags.seed),
            );
        }
    }
}

impl Checker<'_> {
    /// `catalogDate` is the day of the newest price among the offers.
    fn check_date(&self, plan: &Plan, findings: &mut Findings<'_>) {
        let estate = &self.inputs.estate;
        let stated =
            estate.offers.iter().chain(&self.inputs.file_offers).filter_map(|offer| offer.as_of.clone());
        let nodes = estate.sites.iter().flat_map(|site| &site.nodes).filter_map(|nodes| nodes.as_of.clone());
        let embedded = self.inputs.embedded_catalog.then(|| self.tables.newest_price());
        // A date or a time: its first ten characters are the day either way.
        let day = |date: &str| date.get(..10).unwrap_or(date).to_owned();
        let newest = stated.chain(nodes).chain(embedded).map(|date| day(&date)).max();
        let shown = plan.inputs.catalog_date.as_deref().map(day);
        if shown != newest {
            findings
                .add(Kind::Document, format!("the newest price is of {newest:?}, catalogDate is {shown:?}"));
        }
    }
}

/// What the flags say of each other and of the plan. How the search was told to go (`gap`, `effort`,
/// `noLp`) leaves no trace that could be recomputed.
fn check_flags(plan: &Plan, findings: &mut Findings<'_>) {
    let flags = &plan.inputs.flags;
    let interrupted = plan.solver.phases.iter().any(|phase| phase.name == "interrupted");
    if plan.reproducible == (flags.time_limit.is_some() || interrupted) {
        let limit = flags.time_limit.map_or("none".to_owned(), |limit| limit.to_string());
        let search = if interrupted { "an interrupted" } else { "a whole" };
        let message =
            format!("reproducible is {} of {search} search with a time limit of {limit}", plan.reproducible);
        findings.add(Kind::Document, message);
    }
    // A preset is in force only where its price is: an explicit price wins.
    let preset = match &*flags.objective {
        "cost" => None,
        "carbon" => Some(("carbonPrice", flags.carbon_price, Usd::from_units(10_000))),
        "time" => Some(("delayPrice", flags.delay_price, Usd::from_units(1_000))),
        other => {
            findings.add(Kind::Document, format!("`{other}` is no objective"));
            None
        }
    };
    if let Some((price, shown, right)) = preset.filter(|(_, shown, right)| shown != right) {
        let message =
            format!("with the objective {} {price} is ${right}, the plan says ${shown}", flags.objective);
        findings.add(Kind::Document, message);
    }
    if !flags.gap.is_finite() || flags.gap < 0.0 {
        findings.add(Kind::Document, format!("{} is no gap at which to stop", flags.gap));
    }
}

fn check_proof(plan: &Plan, left_out: usize, findings: &mut Findings<'_>) {
    let objective = &plan.objective;
    if left_out > 0 {
        if plan.status != Status::Infeasible {
            findings.add(
                Kind::Bound,
                format!("{left_out} required workloads are left out, the status is {:?}", plan.status),
            );
        }
        if objective.bound_usd.is_some() || objective.gap.is_some() {
            findings.add(Kind::Bound, "a plan that leaves out required workloads has neither bound nor gap");
        }
        return;
    }
    if let Some(bound) = objective.bound_usd.filter(|bound| *bound > objective.total_usd) {
        findings.add(Kind::Bound, format!("the bound ${bound} exceeds the total ${}", objective.total_usd));
    }
    let gap = gap(objective.total_usd, objective.bound_usd);
    let agrees = match (objective.gap, gap) {
        (Some(shown), Some(exact)) => (shown - exact).abs() <= 1e-9 * exact.abs().max(1.0),
        (shown, exact) => shown.is_none() && exact.is_none(),
    };
    if !agrees {
        findings.add(Kind::Bound, format!("the gap is {gap:?}, the plan says {:?}", objective.gap));
    }
    let status = if gap.is_some_and(|gap| gap <= 1e-6) { Status::Optimal } else { Status::Feasible };
    if plan.status != status {
        findings.add(
            Kind::Bound,
            format!("with a gap of {gap:?} the status is {status:?}, not {:?}", plan.status),
        );
    }
}

/// (total − bound) / bound; 0 when they are equal, before all else.
fn gap(total: Usd, bound: Option<Usd>) -> Option<f64> {
    let bound = bound?;
    if bound == total {
        return Some(0.0);
    }
    if bound <= Usd::ZERO {
        return None;
    }
    ((usd(total) - usd(bound)) / usd(bound)).to_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_relative_to_the_bound() {
        let dollars = Usd::from_units;
        assert_eq!(gap(dollars(11), Some(dollars(10))), Some(0.1));
        assert_eq!(gap(dollars(0), Some(dollars(0))), Some(0.0));
        assert_eq!(gap(dollars(-3), Some(dollars(-3))), Some(0.0));
        assert_eq!(gap(dollars(1), Some(dollars(0))), None);
        assert_eq!(gap(dollars(1), None), None);
    }
}
