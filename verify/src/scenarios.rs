//! What a plan says of scenarios: what it and the plans beside it cost in each.
//!
//! A scenario changes what is in force: its `prices` apply after the estate's, its changes of interruptions
//! and carbon intensity in order, each on the result of the one before. A change of carbon covers a place by
//! any of the names that a row could have for it, a site also by its `near` unless it states `carbon` of its
//! own, and by the zone that this names.
//!
//! Every plan is priced again in every scenario, those beside from where they differ; they must keep every
//! rule. Regrets, means and bests are then taken from the figures shown. That a bound is one is not checked,
//! only that nothing shown is below it.

use std::collections::BTreeMap;

use num_traits::Zero as _;
use plimsoll_model::{
    Plan, Usd,
    plan::Constraint,
    scenarios::{Aim, Aspect, Beside, CarbonChange, Outlook, Scenario},
};

use crate::{
    Checker, Decision, Kind, Violation,
    compare::{Findings, near_tie},
    evaluate::Assessed,
    exact::{Rat, float, micro, pico, usd},
    offer::Offer,
};

impl<'a> Checker<'a> {
    /// The same documents in a scenario of theirs.
    pub fn in_scenario(&self, scenario: &'a Scenario) -> Self {
        let mut checker = Self::with(self.inputs, self.flags, self.tables);
        checker.scenario = Some(scenario);
        checker
    }

    /// An hourly price as the scenario has it.
    pub(crate) fn price_in_scenario(&self, offer: &mut Offer) {
        for rule in self.scenario.iter().flat_map(|scenario| &scenario.prices) {
            if self.matches(&rule.matches, offer) {
                crate::offer::apply(rule, &mut offer.hourly);
            }
        }
    }

    /// A rate of interruptions as the scenario has it.
    pub(crate) fn rate_in_scenario(&self, offer: &Offer, stated: Rat) -> Rat {
        let mut rate = stated;
        for change in self.scenario.iter().flat_map(|scenario| &scenario.interruptions) {
            if self.matches(&change.matches, offer) {
                rate = change.per_hour.map_or(rate, |per_hour| pico(per_hour.pico()));
                rate *= change.multiply.map_or_else(|| pico(ONE), |factor| pico(factor.pico()));
            }
        }
        rate
    }

    /// An integral of carbon intensity over a run of so many hours as the scenario has it.
    pub(crate) fn carbon_in_scenario(&self, offer: &Offer, stated: Rat, hours: &Rat) -> Rat {
        let mut integral = stated;
        for change in self.scenario.iter().flat_map(|scenario| &scenario.carbon_intensity) {
            if self.covers(change, offer) {
                integral = change.grams_per_kwh.map_or(integral, |grams| pico(grams.pico()) * hours);
                integral *= change.multiply.map_or_else(|| pico(ONE), |factor| pico(factor.pico()));
            }
        }
        integral
    }

    fn covers(&self, change: &CarbonChange, offer: &Offer) -> bool {
        let site = offer.location.site.map(|site| &self.inputs.estate.sites[site]);
        let own = site.and_then(|site| site.carbon.as_ref());
        match (&change.region, &change.zone) {
            (Some(region), _) => {
                let near = self.near(&offer.location).filter(|_| own.is_none());
                std::iter::once(&offer.location).chain(near).any(|at| self.rank(region, at).is_some())
            }
            (None, Some(zone)) => own.is_some_and(|own| own.zone.as_ref() == Some(zone)),
            (None, None) => false,
        }
    }

    /// Everything that is wrong with what a plan says of scenarios.
    pub(crate) fn check_scenarios(&self, plan: &Plan, decisions: &[Decision], found: &mut Vec<Violation>) {
        let Some(outlook) = &plan.scenarios else { return };
        let scenarios = &self.inputs.estate.scenarios;
        let mut findings = Findings { subject: "scenarios", found };
        let names: Vec<&str> = scenarios.iter().map(|scenario| &*scenario.name).collect();
        let shown: Vec<&str> = outlook.scenarios.iter().map(|one| &*one.name).collect();
        if names != shown {
            let message = format!("the estate has the scenarios {names:?}, the plan {shown:?}");
            return findings.add(Kind::Document, message);
        }
        let checkers: Vec<Self> = scenarios.iter().map(|scenario| self.in_scenario(scenario)).collect();
        let left_out = self.assessed_left_out(decisions);
        check_own(outlook, &checkers, decisions, &mut findings);
        for beside in &outlook.beside {
            let Some(theirs) = self.decisions_beside(plan, decisions, beside, &mut findings) else {
                continue;
            };
            let what = beside.scenario.clone().unwrap_or_else(|| format!("{:?}", beside.of).to_lowercase());
            let assessed = self.assess(&theirs);
            for violation in &assessed.violations {
                findings.add(violation.kind, format!("the plan for {what}: {violation}"));
            }
            if self.left_out(&assessed.state) != left_out {
                findings.add(Kind::Document, format!("the plan for {what} leaves out other required work"));
            }
            let total = |checker: &Self| checker.total_of(&checker.assess(&theirs));
            money(&mut findings, &format!("forecastUsd of {what}"), beside.forecast_usd, total(self));
            let named: Vec<&str> = beside.usd.keys().map(String::as_str).collect();
            if named != names {
                findings.add(Kind::Document, format!("the plan for {what} is priced in {named:?}"));
                continue;
            }
            for (shown, checker) in beside.usd.iter().zip(&checkers) {
                money(&mut findings, &format!("usd of {what} in {}", shown.0), *shown.1, total(checker));
            }
        }
        self.check_sums(plan, outlook, &mut findings);
    }

    fn assessed_left_out(&self, decisions: &[Decision]) -> BTreeMap<i64, usize> {
        self.left_out(&self.assess(decisions).state)
    }

    /// The decisions of a plan beside this one.
    fn decisions_beside(
        &self,
        plan: &Plan,
        decisions: &[Decision],
        beside: &Beside,
        findings: &mut Findings<'_>,
    ) -> Option<Vec<Decision>> {
        let mut theirs: BTreeMap<usize, Decision> =
            decisions.iter().map(|decision| (decision.workload, decision.clone())).collect();
        for differs in &beside.differs {
            let Some(workload) = self.names.get(&*differs.workload).copied() else {
                findings.add(Kind::Document, format!("{} is no workload of the documents", differs.workload));
                return None;
            };
            let new = differs.offer.as_ref().map(|offer| Decision {
                workload,
                offer: offer.clone(),
                start: differs.start.unwrap_or(plan.inputs.flags.now),
                runs: differs.runs.iter().flatten().map(|run| (run.start, run.end)).collect(),
                nodes: differs.nodes.clone(),
            });
            if new.as_ref() == theirs.get(&workload) {
                findings.add(Kind::Document, format!("{} does not differ", differs.workload));
            }
            match new {
                Some(decision) => theirs.insert(workload, decision),
                None => theirs.remove(&workload),
            };
        }
        Some(theirs.into_values().collect())
    }

    /// The whole cost, and by how many micro-dollars roundings of floats may differ.
    fn total_of(&self, assessed: &Assessed<'_>) -> (Usd, i128) {
        let (mut total, mut slack) = (self.value_forgone(&assessed.state), 0);
        for (index, _) in assessed.state.iter() {
            if let Some(priced) = &assessed.priced[index] {
                total += priced.usd.total;
                let parts = [&priced.exact.risk, &priced.exact.carbon, &priced.exact.latency];
                slack += parts.into_iter().filter(|part| near_tie(part)).count() as i128;
            }
        }
        (total, slack)
    }

    /// Means, bests, regrets and what is proven, from the figures shown.
    fn check_sums(&self, plan: &Plan, outlook: &Outlook, findings: &mut Findings<'_>) {
        let weights: Vec<Rat> =
            self.inputs.estate.scenarios.iter().map(|scenario| pico(scenario.weight().pico())).collect();
        let all: Rat = weights.iter().sum();
        if all.is_zero() {
            return findings.add(Kind::Document, "the weights of all scenarios are 0");
        }
        let own: Vec<Usd> = outlook.scenarios.iter().map(|one| one.usd).collect();
        let others = outlook.beside.iter().map(|beside| beside.usd.values().copied().collect::<Vec<Usd>>());
        let plans: Vec<Vec<Usd>> =
            others.chain([own.clone()]).filter(|costs| costs.len() == own.len()).collect();
        let best: Vec<Usd> =
            (0..own.len()).filter_map(|at| plans.iter().map(|costs| costs[at]).min()).collect();
        let mean = |costs: &[Usd]| {
            micro(&(costs.iter().zip(&weights).map(|(cost, weight)| usd(*cost) * weight).sum::<Rat>() / &all))
        };
        let regret = |costs: &[Usd]| costs.iter().zip(&best).map(|(cost, best)| *cost - *best).max();
        let mut same = |what: &str, shown: Usd, right: Usd| money(findings, what, shown, (right, 0));
        same("expectedUsd", outlook.expected_usd, mean(&own));
        same("maxRegretUsd", outlook.max_regret_usd, regret(&own).unwrap_or(Usd::ZERO));
        for (shown, best) in outlook.scenarios.iter().zip(&best) {
            same(&format!("bestUsd in {}", shown.name), shown.best_usd, *best);
            same(&format!("regretUsd in {}", shown.name), shown.regret_usd, shown.usd - *best);
        }
        for (shown, weight) in outlook.scenarios.iter().zip(&weights) {
            let right = float(&(weight / &all));
            if (shown.weight - right).abs() > 1e-9 {
                findings
                    .add(Kind::Arithmetic, format!("{} weighs {right}, not {}", shown.name, shown.weight));
            }
            if shown.best_bound_usd.is_some_and(|bound| bound > shown.best_usd) {
                findings.add(Kind::Bound, format!("bestBoundUsd in {} is above bestUsd", shown.name));
            }
        }
        let aimed = |costs: &[Usd]| match outlook.aim {
            Aim::Average => mean(costs),
            Aim::Regret => regret(costs).unwrap_or(Usd::ZERO),
        };
        for beside in &outlook.beside {
            let costs: Vec<Usd> = beside.usd.values().copied().collect();
            if costs.len() != own.len() {
                continue;
            }
            let what = beside.scenario.clone().unwrap_or_else(|| format!("{:?}", beside.of).to_lowercase());
            money(findings, &format!("expectedUsd of {what}"), beside.expected_usd, (mean(&costs), 0));
            let largest = regret(&costs).unwrap_or(Usd::ZERO);
            money(findings, &format!("maxRegretUsd of {what}"), beside.max_regret_usd, (largest, 0));
            // What the solver takes for equal in floats may differ by roundings.
            let scale = own.iter().map(|cost| cost.to_f64().abs()).fold(1.0, f64::max);
            let slack = 2e-8 * scale + 1e-6 * plan.placements.len() as f64;
            if aimed(&costs).to_f64() + slack < aimed(&own).to_f64() {
                findings.add(Kind::Bound, format!("the plan for {what} is better in what is aimed at"));
            }
        }
        let forecast = outlook.beside.first().filter(|beside| beside.of == Aspect::Forecast);
        if forecast.is_none() {
            findings.add(Kind::Document, "the plan for the forecast is not the first beside it");
        }
        let own = aimed(&own);
        let gap = outlook.bound_usd.and_then(|bound| match bound {
            bound if bound == own => Some(0.0),
            bound if bound <= Usd::ZERO => None,
            bound => Some((own.to_f64() - bound.to_f64()) / bound.to_f64()),
        });
        if outlook.bound_usd.is_some_and(|bound| bound > own) {
            findings.add(Kind::Bound, "boundUsd is above what it bounds");
        }
        let agrees = match (gap, outlook.gap) {
            (Some(right), Some(shown)) => (right - shown).abs() <= 1e-9 * right.abs().max(1.0),
            (right, shown) => right.is_none() && shown.is_none(),
        };
        if !agrees {
            findings.add(Kind::Bound, format!("gap is {gap:?}, the plan says {:?}", outlook.gap));
        }
    }
}

/// 1 in 10^-12.
const ONE: i128 = 1_000_000_000_000;

/// The plan itself in every scenario.
fn check_own(
    outlook: &Outlook,
    checkers: &[Checker<'_>],
    decisions: &[Decision],
    findings: &mut Findings<'_>,
) {
    for (shown, checker) in outlook.scenarios.iter().zip(checkers) {
        let assessed = checker.assess(decisions);
        let what = format!("usd in {}", shown.name);
        money(findings, &what, shown.usd, checker.total_of(&assessed));
        let kg = assessed
            .state
            .iter()
            .filter_map(|(index, _)| assessed.priced[index].as_ref())
            .try_fold(Rat::zero(), |sum, priced| Some(sum + priced.carbon_kg.as_ref()?));
        findings.float(&format!("carbonKg in {}", shown.name), shown.carbon_kg, kg.as_ref());
        let mut broken: Vec<(Constraint, String)> = assessed
            .violations
            .iter()
            .filter_map(|violation| match violation.kind {
                Kind::Constraint(
                    by @ (Constraint::Budget | Constraint::CarbonBudget | Constraint::MaxCost),
                ) => Some((by, violation.subject.replace("--budget", "plan"))),
                _ => None,
            })
            .collect();
        let mut stated: Vec<(Constraint, String)> =
            shown.exceeds.iter().map(|one| (one.constraint, one.name.clone())).collect();
        broken.sort();
        stated.sort();
        if broken != stated {
            let message = format!("in {} it breaks {broken:?}, the plan says {stated:?}", shown.name);
            findings.add(Kind::Arithmetic, message);
        }
    }
}

fn money(findings: &mut Findings<'_>, what: &str, shown: Usd, (right, slack): (Usd, i128)) {
    if (shown - right).to_micro().abs() > slack {
        findings.add(Kind::Arithmetic, format!("{what} is ${right}, the plan says ${shown}"));
    }
}
