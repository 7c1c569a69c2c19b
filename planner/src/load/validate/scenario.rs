//! Scenarios: what each changes.

use plimsoll_model::{
    Ratio,
    scenarios::{CarbonChange, InterruptionChange, Scenario},
};

use super::{Scope, estate::price, name, offer};

pub(super) fn check_all(scope: &mut Scope<'_>, scenarios: &[Scenario]) {
    for (index, scenario) in scenarios.iter().enumerate() {
        check(&mut scope.item(index), scenario);
    }
    name::unique(scope, "scenario", "name", scenarios.iter().map(|scenario| &*scenario.name));
    if !scenarios.is_empty() && scenarios.iter().all(|scenario| scenario.weight() <= Ratio::ZERO) {
        scope.report_help("all have the weight 0", "give at least one of them a `weight` above 0");
    }
}

fn check(scope: &mut Scope<'_>, scenario: &Scenario) {
    name::name(&mut scope.field("name"), &scenario.name);
    if scenario.weight() < Ratio::ZERO {
        scope.field("weight").report("must not be negative");
    }
    for (index, rule) in scenario.prices.iter().enumerate() {
        price(&mut scope.field("prices").item(index), rule);
        multiply(&mut scope.field("prices").item(index), rule.multiply);
    }
    for (index, change) in scenario.interruptions.iter().enumerate() {
        interruption(&mut scope.field("interruptions").item(index), change);
    }
    for (index, change) in scenario.carbon_intensity.iter().enumerate() {
        carbon(&mut scope.field("carbonIntensity").item(index), change);
    }
}

fn interruption(scope: &mut Scope<'_>, change: &InterruptionChange) {
    one_of(scope, ("multiply", change.multiply.is_some()), ("perHour", change.per_hour.is_some()));
    multiply(scope, change.multiply);
    offer::matches(&mut scope.field("match"), &change.matches);
}

fn carbon(scope: &mut Scope<'_>, change: &CarbonChange) {
    match (&change.region, &change.zone) {
        (Some(_), Some(_)) => scope.report("has both `region` and `zone`: a change is about one of them"),
        (None, None) => scope.report_help("says not where", "state `region` (`*` is everywhere) or `zone`"),
        _ => {}
    }
    one_of(scope, ("multiply", change.multiply.is_some()), ("gramsPerKwh", change.grams_per_kwh.is_some()));
    multiply(scope, change.multiply);
    name::maybe(&mut scope.field("region"), change.region.as_deref());
    name::maybe(&mut scope.field("zone"), change.zone.as_deref());
}

fn one_of(scope: &mut Scope<'_>, (first, has_first): (&str, bool), (second, has_second): (&str, bool)) {
    if has_first && has_second {
        let message = format!("has both `{first}` and `{second}`: a change does one of them");
        scope.report_help(message, "write two; each works on the result of the one before");
    } else if !has_first && !has_second {
        scope.report_help("changes nothing", format!("state `{first}` or `{second}`"));
    }
}

fn multiply(scope: &mut Scope<'_>, factor: Option<Ratio>) {
    if factor.is_some_and(|factor| factor < Ratio::ZERO) {
        scope.field("multiply").report("must not be negative");
    }
}
