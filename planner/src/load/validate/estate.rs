//! One estate: its limits and lists; machines and networks have files of their own.

use plimsoll_model::{
    Kg,
    estate::{Counts, Dataset, EstateSpec, Only, PriceRule, Quota},
};

use super::{Scope, name, network, offer, scenario, site, workload::not_negative};

pub(super) fn check(scope: &mut Scope<'_>, spec: &EstateSpec) {
    if spec.horizon.is_some_and(|horizon| horizon.nanos() == 0) {
        scope.field("horizon").report("must be above 0");
    }
    name::list(&mut scope.field("catalog"), spec.catalog.as_deref().unwrap_or_default());
    offer::check_all(&mut scope.field("offers"), &spec.offers, &spec.sites);
    site::check_all(&mut scope.field("sites"), spec);
    network::regions(&mut scope.field("regions"), &spec.regions);
    for (index, reservation) in spec.reservations.iter().enumerate() {
        name::name(&mut scope.field("reservations").item(index).field("offer"), &reservation.offer);
    }
    for (index, quota) in spec.quotas.iter().enumerate() {
        check_quota(&mut scope.field("quotas").item(index), quota);
    }
    for (index, only) in spec.only.iter().enumerate() {
        check_only(&mut scope.field("only").item(index), only);
    }
    budgets(scope, spec);
    datasets(&mut scope.field("datasets"), &spec.datasets);
    for (index, rule) in spec.prices.iter().enumerate() {
        price(&mut scope.field("prices").item(index), rule);
    }
    for (index, rule) in spec.interruptions.iter().enumerate() {
        offer::matches(&mut scope.field("interruptions").item(index).field("match"), &rule.matches);
    }
    scenario::check_all(&mut scope.field("scenarios"), &spec.scenarios);
    network::check(scope, spec);
}

fn check_quota(scope: &mut Scope<'_>, quota: &Quota) {
    let stated = [
        ("accelerators", quota.accelerators.is_some()),
        ("instances", quota.instances.is_some()),
        ("cpu", quota.cpu.is_some()),
        ("memory", quota.memory.is_some()),
    ];
    let stated: Vec<&str> =
        stated.into_iter().filter(|(_, stated)| *stated).map(|(field, _)| field).collect();
    match *stated {
        [] => scope.report_help("limits nothing", "state `accelerators`, `instances`, `cpu` or `memory`"),
        [_] => {}
        [first, second, ..] => scope.report_help(
            format!("has both `{first}` and `{second}`: a quota counts one of them"),
            "write two quotas",
        ),
    }
    if quota.instances.is_some() && quota.counts == Some(Counts::Asked) {
        scope.field("counts").report("`asked` does not go with `instances`: nobody asks for instances");
    }
    name::maybe(&mut scope.field("name"), quota.name.as_deref());
    offer::matches(&mut scope.field("match"), &quota.matches);
    offer::names(&mut scope.field("team"), quota.team.as_ref());
}

fn check_only(scope: &mut Scope<'_>, only: &Only) {
    name::maybe(&mut scope.field("name"), only.name.as_deref());
    offer::matches(&mut scope.field("match"), &only.matches);
    offer::names(&mut scope.field("team"), only.team.as_ref());
}

fn budgets(scope: &mut Scope<'_>, spec: &EstateSpec) {
    let mut money = scope.field("budgets");
    for (index, budget) in spec.budgets.iter().enumerate() {
        name::name(&mut money.item(index).field("team"), &budget.team);
        not_negative(&mut money.item(index).field("usd"), budget.usd);
    }
    name::unique(&mut money, "budget of team", "team", spec.budgets.iter().map(|budget| &*budget.team));
    let mut carbon = scope.field("carbonBudgets");
    for (index, budget) in spec.carbon_budgets.iter().enumerate() {
        name::name(&mut carbon.item(index).field("team"), &budget.team);
        if budget.kg < Kg::ZERO {
            carbon.item(index).field("kg").report("must not be negative");
        }
    }
    let teams = spec.carbon_budgets.iter().map(|budget| &*budget.team);
    name::unique(&mut carbon, "carbon budget of team", "team", teams);
}

fn datasets(scope: &mut Scope<'_>, datasets: &[Dataset]) {
    for (index, dataset) in datasets.iter().enumerate() {
        let mut scope = scope.item(index);
        name::name(&mut scope.field("name"), &dataset.name);
        if dataset.at.is_empty() {
            scope.field("at").report_help("lists no copy", "name the regions or sites that hold the data");
        }
        name::list(&mut scope.field("at"), &dataset.at);
        name::list(&mut scope.field("residency"), &dataset.residency);
    }
    name::unique(scope, "dataset", "name", datasets.iter().map(|dataset| &*dataset.name));
}

pub(super) fn price(scope: &mut Scope<'_>, rule: &PriceRule) {
    let stated = [
        ("multiply", rule.multiply.is_some()),
        ("hourly", rule.hourly.is_some()),
        ("add", rule.add.is_some()),
    ];
    let stated: Vec<&str> =
        stated.into_iter().filter(|(_, stated)| *stated).map(|(field, _)| field).collect();
    match *stated {
        [] => scope.report_help("changes nothing", "state `multiply`, `hourly` or `add`"),
        [_] => {}
        [first, second, ..] => scope.report_help(
            format!("has both `{first}` and `{second}`: a rule does one of them"),
            "write two rules; each works on the result of the one before",
        ),
    }
    not_negative(&mut scope.field("hourly"), rule.hourly);
    offer::matches(&mut scope.field("match"), &rule.matches);
}
