//! What a cluster says of work that has been done already.

use plimsoll_model::read::View;

use super::object::Object;

/// Whether an object makes no more pods, because its work is done or has failed.
pub(super) fn has_ended(object: &Object<'_>) -> bool {
    let text = |path: &[&str]| object.at(path).and_then(|view| view.text());
    let is_true = |names: &[&str]| {
        let all = object.at(&["status", "conditions"]).map_or_else(Vec::new, |all| all.items());
        all.iter().any(|one| {
            let text = |field: &str| one.field(field).and_then(|view| view.text());
            text("type").is_some_and(|name| names.contains(&name)) && text("status") == Some("True")
        })
    };
    match (object.group, object.kind) {
        ("batch", "Job") => {
            object.at(&["status", "completionTime"]).is_some() || is_true(&["Complete", "Failed"])
        }
        ("jobset.x-k8s.io", "JobSet") => {
            text(&["status", "terminalState"]).is_some_and(|state| !state.is_empty())
                || is_true(&["Completed", "Failed"])
        }
        ("trainer.kubeflow.org", "TrainJob") => is_true(&["Complete", "Failed"]),
        ("kubeflow.org", _) => is_true(&["Succeeded", "Failed"]),
        ("batch.volcano.sh", "Job") => {
            let phase = text(&["status", "state", "phase"]);
            matches!(phase, Some("Completed" | "Completing" | "Failed" | "Terminated" | "Terminating"))
        }
        // A job that failed may be tried again; its deployment says so.
        ("ray.io", "RayJob") => match text(&["status", "jobDeploymentStatus"]) {
            Some("Complete" | "Failed") => true,
            Some("Retrying") => false,
            _ => matches!(text(&["status", "jobStatus"]), Some("SUCCEEDED" | "STOPPED")),
        },
        _ => false,
    }
}

/// How many pods of a Job still run at once, of so many: no more than completions are missing. Of one without a
/// number of completions the first success is the last pod to start.
pub(super) fn still_at_once(object: &Object<'_>, spec: &View<'_>, at_once: u32) -> u32 {
    let number = |view: Option<View<'_>>| u32::try_from(view?.integer()?).ok();
    let status = |field: &str| number(object.at(&["status", field])).unwrap_or(0);
    match (number(spec.field("completions")), status("succeeded")) {
        (Some(completions), succeeded) => at_once.min(completions.saturating_sub(succeeded)),
        (None, 0) => at_once,
        (None, _) => at_once.min(status("active")),
    }
}
