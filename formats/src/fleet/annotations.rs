//! Annotations under `plimsoll.dev/` that mean nothing as they are written.

use plimsoll_model::{Diagnostic, read::View, shown, workload, yaml::nearest};

const PREFIX: &str = "plimsoll.dev/";

/// What is read of pods, their controllers and nodes beside the fields of a Workload, and what planning writes.
const KNOWN: &[&str] = &[
    "device-group",
    "exit-code",
    "gang",
    "held-at",
    "hourly",
    "interruptible",
    "mig",
    "node",
    "onDemandReplicas",
    "part",
    "place",
    "placed",
    "placement",
    "plan",
    "planned-at",
    "request",
    "required",
    "retry",
    "site",
    "spot",
    "topology",
    "traceparent",
    "watts",
    "worth",
];

/// Refuses names that are nearly one that is read, and words that `plimsoll.dev/mig` does not know.
pub(super) fn check(view: &View<'_>, problems: &mut Vec<Diagnostic>) {
    let all = view.at(&["metadata", "annotations"]).map_or_else(Vec::new, |all| all.entries());
    for (key, value) in all {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        if name == "mig" && value.text() != Some("dynamic") {
            let problem = value.problem(format!("`{key}`: expected \"dynamic\""));
            problems
                .push(problem.with_help("without the annotation cards keep the partitions that they have"));
        }
        let known = || KNOWN.iter().copied().chain(workload::FIELDS);
        if known().any(|one| one == name) {
            continue;
        }
        if let Some(near) = nearest(name, known()) {
            let problem = value.problem(format!("unknown annotation `{PREFIX}{}`", shown(name)));
            problems.push(problem.with_help(format!("did you mean `{PREFIX}{near}`?")));
        }
    }
}
