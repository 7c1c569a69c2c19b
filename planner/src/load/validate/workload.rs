//! One workload: what it asks for, where it may go, what it may cost.

use plimsoll_model::{
    Ratio, Usd,
    workload::{AcceleratorRequest, Alternative, Request, WorkloadSpec},
};

use super::{Scope, name, run};

pub(super) fn check(scope: &mut Scope<'_>, spec: &WorkloadSpec) {
    if spec.replicas == 0 {
        scope.field("replicas").report("must be at least 1");
    }
    request(&mut scope.field("request"), &spec.request);
    if spec.per_instance == Some(0) {
        scope.field("perInstance").report("must be at least 1");
    }
    for (index, other) in spec.alternatives.iter().enumerate() {
        alternative(&mut scope.field("alternatives").item(index), other);
    }
    if spec.ordered {
        ordered(&mut scope.field("ordered"), spec);
    }
    run::check(scope, spec);
    inputs(&mut scope.field("inputs"), spec);
    for (index, output) in spec.outputs.iter().enumerate() {
        name::name(&mut scope.field("outputs").item(index).field("to"), &output.to);
    }
    service(scope, spec);
    for (field, places) in places(spec) {
        name::list(&mut scope.field(field), places);
    }
    worth(scope, spec);
    if let Some(together) = &spec.together {
        name::name(&mut scope.field("together").field("name"), &together.name);
    }
    name::maybe(&mut scope.field("team"), spec.team.as_deref());
    name::maybe(&mut scope.field("current"), spec.current.as_deref());
}

/// The lists of places where it may and may not run, by field.
pub(super) fn places(spec: &WorkloadSpec) -> [(&'static str, &[String]); 5] {
    [
        ("regions", &spec.regions),
        ("clouds", &spec.clouds),
        ("zones", &spec.zones),
        ("notIn", &spec.not_in),
        ("residency", &spec.residency),
    ]
}

fn ordered(scope: &mut Scope<'_>, spec: &WorkloadSpec) {
    if spec.alternatives.is_empty() {
        scope.report_help("orders nothing", "state `alternatives`, the most wanted first");
    }
    if !spec.is_required() {
        scope.report_help(
            "is for what must be placed",
            "what has a `value` weighs its ways by dollars: remove one of the two",
        );
    }
}

fn alternative(scope: &mut Scope<'_>, other: &Alternative) {
    if *other == Alternative::default() {
        scope.report_help("changes nothing", "state what stands in place of the workload's own fields");
    }
    if let Some(wanted) = &other.request {
        request(&mut scope.field("request"), wanted);
    }
    run::capacity(scope, other.capacity.as_deref());
    for (field, places) in places_of(other) {
        name::list(&mut scope.field(field), places);
    }
    not_negative(&mut scope.field("maxHourly"), other.max_hourly);
}

/// The lists of places where it may run that way, by field.
pub(super) fn places_of(other: &Alternative) -> impl Iterator<Item = (&'static str, &[String])> {
    [
        ("regions", &other.regions),
        ("clouds", &other.clouds),
        ("zones", &other.zones),
        ("notIn", &other.not_in),
    ]
    .into_iter()
    .filter_map(|(field, places)| Some((field, places.as_deref()?)))
}

fn request(scope: &mut Scope<'_>, request: &Request) {
    let nothing = request.accelerators.is_none()
        && request.cpu.is_none_or(|cpu| cpu.milli() == 0)
        && request.memory.is_none_or(|memory| memory.0 == 0)
        && request.instance_type.is_empty();
    if nothing {
        scope.report_help("asks for nothing", "state accelerators, cpu, memory or instanceType");
    }
    if let Some(wanted) = &request.accelerators {
        accelerators(&mut scope.field("accelerators"), wanted);
    }
    name::list(&mut scope.field("instanceType"), &request.instance_type);
    name::list(&mut scope.field("notInstanceType"), &request.not_instance_type);
    if request.arch.is_some() && request.arch == request.not_arch {
        scope.field("notArch").report_help("forbids what `arch` asks for", "state one of the two");
    }
}

fn accelerators(scope: &mut Scope<'_>, request: &AcceleratorRequest) {
    if request.any_of.is_empty() && request.kind.is_none() {
        scope.report_help("says not which", "state `anyOf` (names) or `kind` (gpu, tpu, npu, fpga)");
    }
    name::list(&mut scope.field("anyOf"), &request.any_of);
    if request.count.is_some_and(|count| count.milli() == 0) {
        scope.field("count").report_help("must not be 0", "leave `accelerators` out to ask for none");
    }
}

fn inputs(scope: &mut Scope<'_>, spec: &WorkloadSpec) {
    for (index, input) in spec.inputs.iter().enumerate() {
        let mut scope = scope.item(index);
        match (&input.dataset, &input.from) {
            (Some(_), Some(_)) => scope.report("has both `dataset` and `from`: an input is one of them"),
            (None, None) => scope.report_help("says not what to read", "state `dataset` or `from`"),
            (None, Some(_)) if input.size.is_none() => {
                scope.report_help("missing field `size`", "say how much the other workload hands over");
            }
            _ => {}
        }
        name::maybe(&mut scope.field("dataset"), input.dataset.as_deref());
        name::maybe(&mut scope.field("from"), input.from.as_deref());
    }
}

fn service(scope: &mut Scope<'_>, spec: &WorkloadSpec) {
    for (index, client) in spec.clients.iter().enumerate() {
        name::name(&mut scope.field("clients").item(index).field("region"), &client.region);
    }
    let no_share = spec.clients.iter().all(|client| client.share.is_some_and(Ratio::is_zero));
    if !spec.clients.is_empty() && no_share {
        scope.field("clients").report("at least one `share` must be above 0");
    }
    let Some(goal) = &spec.latency else { return };
    let mut scope = scope.field("latency");
    match (goal.p99, goal.price) {
        (Some(_), Some(_)) => scope.report("has both `p99` and `price`: it is a bound or a price"),
        (None, None) => {
            scope.report_help("says nothing", "state `p99` (a bound) or `price` ($ per ms and hour)");
        }
        _ => {}
    }
    if spec.clients.is_empty() {
        scope.report_help("needs `clients`", "say where the users are: clients: [{region: aws/eu-west-1}]");
    }
    if goal.p99.is_some_and(|bound| bound.nanos() == 0) {
        scope.field("p99").report("must be above 0");
    }
    not_negative(&mut scope.field("price"), goal.price);
}

fn worth(scope: &mut Scope<'_>, spec: &WorkloadSpec) {
    match (spec.required, spec.value) {
        (Some(true), Some(_)) => scope
            .field("required")
            .report_help("contradicts `value`", "what has a value may be left out: remove one of the two"),
        (Some(false), None) => {
            scope.field("required").report_help("needs `value`", "say what placing it is worth, in dollars");
        }
        _ => {}
    }
    for (field, amount) in [
        ("value", spec.value),
        ("maxHourly", spec.max_hourly),
        ("maxCost", spec.max_cost),
        ("moveCost", spec.move_cost),
    ] {
        not_negative(&mut scope.field(field), amount);
    }
}

/// An amount of money that cannot be owed.
pub(super) fn not_negative(scope: &mut Scope<'_>, amount: impl Into<Option<Usd>>) {
    if amount.into().is_some_and(|amount| amount < Usd::ZERO) {
        scope.report("must not be negative");
    }
}
