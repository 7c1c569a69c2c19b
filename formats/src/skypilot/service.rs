//! `service` and `pool`: how many replicas, and how many of them not on spot.

use plimsoll_model::{Duration, diagnostic::shown, read::View};

use super::{Findings, fields};

const SERVICE: [&str; 9] = [
    "readiness_probe",
    "replica_policy",
    "replicas",
    "workers",
    "ports",
    "load_balancer",
    "load_balancing_policy",
    "pool",
    "tls",
];
const POLICY: [&str; 9] = [
    "min_replicas",
    "max_replicas",
    "num_overprovision",
    "target_qps_per_replica",
    "dynamic_ondemand_fallback",
    "base_ondemand_fallback_replicas",
    "spot_placer",
    "upscale_delay_seconds",
    "downscale_delay_seconds",
];
const POOL: [&str; 6] = [
    "workers",
    "min_workers",
    "max_workers",
    "queue_length_threshold",
    "upscale_delay_seconds",
    "downscale_delay_seconds",
];

/// How long SkyPilot waits for a new replica unless the probe says otherwise.
const INITIAL_DELAY: Duration = Duration::from_secs(1200);

/// How a service or pool is to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// Replicas at the least load.
    pub(super) least: u32,
    /// Replicas at the greatest, where there is more than one load.
    pub(super) most: Option<u32>,
    /// Spot replicas beyond the target.
    pub(super) beyond: u32,
    /// Of the target, replicas that are never on spot.
    pub(super) on_demand: u32,
    /// Whether on-demand replicas stand in for missing spot ones.
    pub(super) stand_in: bool,
    /// How long until a new replica serves.
    pub(super) start: Duration,
    /// Whether the document states it.
    pub(super) start_stated: bool,
    /// What its replicas are called: `replicas` or `workers`.
    pub(super) called: &'static str,
}

/// Reads `service` or `pool`, if there is one.
pub(super) fn read(root: &View<'_>, findings: &mut Findings) -> Option<Service> {
    match (root.field("service"), root.field("pool")) {
        (Some(_), Some(pool)) => {
            findings.wrong(&pool, "contradicts `service`: a task is one or the other");
            None
        }
        (Some(service), None) => of_service(&service, findings),
        (None, Some(pool)) => of_pool(&pool, findings),
        (None, None) => None,
    }
}

fn of_service(view: &View<'_>, findings: &mut Findings) -> Option<Service> {
    if !fields::is_mapping(view, findings) {
        return None;
    }
    fields::refuse_unknown(view, &SERVICE, findings);
    let mut service = Service {
        least: 1,
        most: None,
        beyond: 0,
        on_demand: 0,
        stand_in: false,
        start: INITIAL_DELAY,
        start_stated: false,
        called: "replicas",
    };
    if let Some(delay) = view.at(&["readiness_probe", "initial_delay_seconds"]) {
        match delay.integer().filter(|seconds| (0..=1_000_000).contains(seconds)) {
            Some(seconds) => (service.start, service.start_stated) = (Duration::from_secs(seconds), true),
            None => findings.wrong(&delay, "expected a whole number of seconds"),
        }
    }
    let policy = view.field("replica_policy");
    let replicas = view.field("replicas").or_else(|| view.field("workers"));
    match (replicas, policy) {
        (Some(_), Some(policy)) => {
            findings.wrong(&policy, "contradicts `replicas`: SkyPilot takes one of them");
        }
        (Some(replicas), None) => service.least = fields::count(&replicas, 0, findings)?,
        (None, Some(policy)) => read_policy(&policy, &mut service, findings)?,
        (None, None) => {}
    }
    Some(service)
}

fn read_policy(view: &View<'_>, service: &mut Service, findings: &mut Findings) -> Option<()> {
    if !fields::is_mapping(view, findings) {
        return None;
    }
    fields::refuse_unknown(view, &POLICY, findings);
    let mut number = |name: &str| {
        let view = view.field(name)?;
        let number = fields::count(&view, 0, findings)?;
        Some((view, number))
    };
    let (least, most) = (number("min_replicas"), number("max_replicas"));
    let (beyond, base) = (number("num_overprovision"), number("base_ondemand_fallback_replicas"));
    let Some((_, least)) = least else {
        if view.field("min_replicas").is_none() {
            findings.wrong_help(
                view,
                "missing field `min_replicas`",
                "say how many replicas there are at least",
            );
        }
        return None;
    };
    service.least = least;
    if let Some((view, most)) = most {
        if most < least {
            findings.wrong(&view, format!("`{most}` is below `min_replicas`, which is {least}"));
        }
        service.most = Some(most).filter(|most| *most > least);
    }
    service.beyond = beyond.map_or(0, |(_, beyond)| beyond);
    service.on_demand = base.map_or(0, |(_, base)| base);
    service.stand_in =
        view.field("dynamic_ondemand_fallback").and_then(|view| fields::boolean(&view, findings))
            == Some(true);
    Some(())
}

fn of_pool(view: &View<'_>, findings: &mut Findings) -> Option<Service> {
    if !fields::is_mapping(view, findings) {
        return None;
    }
    fields::refuse_unknown(view, &POOL, findings);
    let mut number = |name: &str| {
        let view = view.field(name)?;
        let number = fields::count(&view, 0, findings)?;
        Some((view, number))
    };
    let (workers, least, most) = (number("workers"), number("min_workers"), number("max_workers"));
    let Some((_, first)) = least.or(workers) else {
        findings.wrong_help(view, "says not how many workers there are", "state `workers`");
        return None;
    };
    if let Some((view, most)) = most.as_ref().filter(|(_, most)| *most < first) {
        findings
            .wrong(view, format!("`{}` is below `min_workers`, which is {first}", shown(&most.to_string())));
    }
    Some(Service {
        least: first,
        most: most.map(|(_, most)| most).filter(|most| *most > first),
        beyond: 0,
        on_demand: 0,
        stand_in: false,
        start: INITIAL_DELAY,
        start_stated: false,
        called: "workers",
    })
}
