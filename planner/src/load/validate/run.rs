//! When and how long a workload runs.

use plimsoll_model::{Capacity, workload::WorkloadSpec};

use super::{Scope, name};

pub(super) fn check(scope: &mut Scope<'_>, spec: &WorkloadSpec) {
    if spec.duration.is_some_and(|duration| duration.nanos() == 0) {
        scope.field("duration").report_help("must be above 0", "leave it out for a service");
    }
    speed(scope, spec);
    if spec.slots.is_some_and(|slots| slots.nanos() == 0) {
        scope.field("slots").report("must be above 0");
    }
    if spec.pausable && spec.duration.is_none() {
        scope.field("pausable").report_help("needs `duration`", "a service cannot pause");
    }
    capacity(scope, spec.capacity.as_deref());
}

/// The classes allowed.
pub(super) fn capacity(scope: &mut Scope<'_>, allowed: Option<&[Capacity]>) {
    if allowed.is_some_and(<[Capacity]>::is_empty) {
        scope.field("capacity").report_help("allows nothing", "leave it out to allow every class");
    }
}

fn speed(scope: &mut Scope<'_>, spec: &WorkloadSpec) {
    let Some(speed) = &spec.speed else { return };
    let mut scope = scope.field("speed");
    if speed.is_empty() {
        scope.report_help("allows nothing", "leave it out to run at speed 1 everywhere");
    }
    for (key, factor) in speed {
        name::name(&mut scope.entry(key), key);
        if factor.is_zero() {
            scope.entry(key).report_help("must be above 0", "leave out what it cannot run on");
        }
    }
}
