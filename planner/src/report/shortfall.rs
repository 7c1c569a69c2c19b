//! What is lacking in all for everything required to fit, beside what each workload meets.

use plimsoll_model::plan::{Lacking, Shortfall};
use plimsoll_solver::{
    outcome::Priced,
    shortfall::{Short, shortfall},
};

use super::limit;
use crate::build::Build;

/// What is lacking; nothing without HiGHS, or where it is not known.
pub(super) fn of(build: &Build<'_>, time_left: Option<fn() -> f64>) -> Option<Shortfall> {
    let found = (!build.settings().no_lp).then(|| shortfall(&build.problem, time_left)).flatten()?;
    let beyond = found.beyond.iter();
    Some(Shortfall {
        limits: found.limits.iter().map(|short| lacking(build, short)).collect(),
        beyond: beyond.map(|task| build.prospects[*task as usize].workload.metadata.name.clone()).collect(),
    })
}

fn lacking(build: &Build<'_>, short: &Short) -> Lacking {
    let (constraint, name) = limit(build, short.limit);
    let (by, unit) = match short.limit {
        Priced::Count(_) => (short.by, "instances"),
        Priced::Quota(quota) => {
            let quota = &build.rules().quotas[quota as usize];
            let parts = (short.by * quota.unit as f64 - 1e-6).ceil();
            (quota.amount(parts as i64), quota.unit_name())
        }
        Priced::Budget(_) => (short.by, "usd"),
        Priced::Carbon(_) => (short.by, "kg"),
    };
    // Rounded up: less would not do.
    let by = if by > 1e-9 { ((by - 1e-9) * 1e6).ceil() / 1e6 } else { 0.0 };
    Lacking { constraint, name, by, unit: unit.to_owned(), conflicts: short.conflicts }
}
