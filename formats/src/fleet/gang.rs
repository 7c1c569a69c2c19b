//! Which pods run together or not at all: those of a group, of controllers whose pods work as one, and of those that
//! `plimsoll.dev/gang` names.

use plimsoll_model::{Diagnostic, read::View};

use super::{expand::label_of, owned::Owned, remarks::Remarks};
use crate::kubernetes::{group_of, object::Object};

/// On a controller or on pods: whether they are a gang.
const NAME: &str = "plimsoll.dev/gang";

/// The labels by which pods name the gang that made them, with the label of a part that is a gang by itself.
const GANGS: [(&str, Option<&str>); 4] = [
    ("leaderworkerset.sigs.k8s.io/name", Some("leaderworkerset.sigs.k8s.io/group-index")),
    ("jobset.sigs.k8s.io/jobset-name", None),
    ("training.kubeflow.org/job-name", None),
    ("volcano.sh/job-name", None),
];

/// The labels by which pods name their Job.
pub(super) const JOBS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

/// What is stated of an object or a template; `None` too where it cannot be read.
pub(super) fn stated(view: &View<'_>) -> Option<bool> {
    match view.at(&["metadata", "annotations", NAME])?.text() {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    }
}

/// Refuses what the annotation does not know.
pub(super) fn check(view: &View<'_>, problems: &mut Vec<Diagnostic>) {
    let annotation = view.at(&["metadata", "annotations", NAME]);
    if let Some(wrong) = annotation.filter(|_| stated(view).is_none()) {
        problems.push(
            wrong
                .problem(format!("`{NAME}`: expected \"true\" or \"false\""))
                .with_help("\"true\": its pods run all or none; \"false\": each for itself"),
        );
    }
}

/// The gang that a pod names, of itself alone.
pub(super) fn of_pod(pod: &Object<'_>) -> Option<String> {
    match stated(&pod.view) {
        Some(false) => None,
        Some(true) => labelled(pod).or_else(|| owner(pod)),
        None => labelled(pod),
    }
}

/// The gang of a pod among the controllers of the documents.
pub(super) fn of_live(pod: &Object<'_>, owned: &Owned<'_>, remarks: &mut Remarks) -> Option<String> {
    let present = owned.present(pod);
    let root = present.iter().find(|one| one.kind != "Pod" && !owned.is_made_by_another(one));
    let says = stated(&pod.view).or_else(|| present.iter().find_map(|one| stated(&one.view)));
    if says == Some(false) {
        return None;
    }
    let of_root = root.filter(|root| says == Some(true) || is_gang(root)).map(|root| root.name.to_owned());
    let gang = labelled(pod).or(of_root);
    if says != Some(true) {
        return gang;
    }
    let gang = gang.or_else(|| owner(pod));
    if gang.is_none() {
        let value = format!("`{NAME}` has no effect on a pod without an owner or a group");
        remarks.say("gangs", value, pod.name);
    }
    gang
}

/// The gang of pods that a controller would make, `name` being what they are together.
pub(super) fn of_template(object: &Object<'_>, template: &View<'_>, name: String) -> Option<String> {
    let label = |view: &View<'_>| {
        Some(view.at(&["metadata", "labels", "scheduling.x-k8s.io/pod-group"])?.text()?.to_owned())
    };
    let group = || label(template).or_else(|| label(&object.view));
    match stated(template).or_else(|| stated(&object.view)) {
        Some(false) => None,
        Some(true) => group().or(Some(name)),
        None => group().or_else(|| is_gang(object).then_some(name)),
    }
}

fn labelled(pod: &Object<'_>) -> Option<String> {
    let made = || {
        GANGS.iter().find_map(|(key, part)| {
            let name = label_of(pod, key)?;
            Some(match part.and_then(|part| label_of(pod, part)) {
                Some(part) => format!("{name}-{part}"),
                None => name.to_owned(),
            })
        })
    };
    let of_ray = || {
        label_of(pod, "ray.io/originated-from-crd").filter(|kind| *kind == "RayJob")?;
        label_of(pod, "ray.io/originated-from-cr-name").map(str::to_owned)
    };
    group_of(pod).map(str::to_owned).or_else(made).or_else(of_ray)
}

/// The Job of a pod, else its owner.
fn owner(pod: &Object<'_>) -> Option<String> {
    let job = JOBS.iter().find_map(|key| label_of(pod, key));
    job.or_else(|| pod.owner().map(|(_, name)| name)).map(str::to_owned)
}

/// Whether the pods of an object of this kind work as one. Those of a plain Job or a Deployment run each for itself.
fn is_gang(object: &Object<'_>) -> bool {
    match object.group {
        "jobset.x-k8s.io"
        | "kubeflow.org"
        | "trainer.kubeflow.org"
        | "leaderworkerset.x-k8s.io"
        | "batch.volcano.sh" => true,
        "ray.io" => object.kind == "RayJob",
        _ => false,
    }
}
