//! Controllers beside pods of theirs.

use super::{fleet, node, read};

/// An object of these lines.
fn object(version: &str, kind: &str, name: &str, rest: &str) -> String {
    format!("---\n{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}}}, {rest}}}\n")
}

/// A pod of an owner, with labels.
fn owned(name: &str, owner: &str, labels: &str) -> String {
    let (kind, of) = owner.split_once(' ').expect("a kind and a name");
    super::pod(
        name,
        "cpu: 1",
        &format!("labels: {{{labels}}}, ownerReferences: [{{kind: {kind}, name: {of}}}]"),
    )
}

const TEMPLATE: &str = "template: {spec: {containers: [{name: c}]}}";

fn names(text: &str) -> Vec<String> {
    let mut names: Vec<_> = fleet(text).pods.into_iter().map(|pod| pod.name).collect();
    names.sort();
    names
}

#[test]
fn pods_of_an_object_in_between_count_towards_the_controller() {
    let jobs = format!(
        "spec: {{replicatedJobs: [{{name: lead, template: {{spec: {{{TEMPLATE}}}}}}}, {{name: s, replicas: 2, \
         template: {{spec: {{{TEMPLATE}}}}}}}]}}"
    );
    let set = object("jobset.x-k8s.io/v1alpha2", "JobSet", "js", &jobs);
    let label = |role: &str, job: u32| {
        format!(
            "jobset.sigs.k8s.io/jobset-name: js, jobset.sigs.k8s.io/replicatedjob-name: {role}, \
             jobset.sigs.k8s.io/job-index: '{job}', job-name: js-{role}-{job}"
        )
    };
    let ray = format!(
        "spec: {{rayClusterSpec: {{headGroupSpec: {{{TEMPLATE}}}, workerGroupSpecs: [{{groupName: w, replicas: 2, \
         {TEMPLATE}}}]}}}}"
    );
    let job = object("ray.io/v1", "RayJob", "r", &ray);
    let told = job.replace("spec: {rayCluster", "status: {rayClusterName: r-x}, spec: {rayCluster");
    let head = "ray.io/cluster: r-x, ray.io/node-type: head, ray.io/group: headgroup";
    let origin = "ray.io/originated-from-cr-name: r, ray.io/originated-from-crd: RayJob, ray.io/group: w";
    let cluster = "---\n{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: r-x, ownerReferences: [{kind: RayJob, \
                   name: r}]}, spec: {}}\n";
    let sets = format!(
        "spec: {{replicas: 2, leaderWorkerTemplate: {{size: 2, worker{}}}}}",
        TEMPLATE.replace("template", "Template")
    );
    let sets = object("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "l", &sets);
    let group = |group: u32, worker: u32| {
        format!(
            "leaderworkerset.sigs.k8s.io/name: l, leaderworkerset.sigs.k8s.io/group-index: '{group}', \
             leaderworkerset.sigs.k8s.io/worker-index: '{worker}'"
        )
    };
    for (text, expected) in [
        (
            set.clone() + &owned("js-s-1-0-x", "Job js-s-1", &label("s", 1)),
            vec!["js-lead-0", "js-s-0", "js-s-1-0-x"],
        ),
        (
            set + &owned("js-lead-0-0-x", "Job js-lead-0", &label("lead", 0)),
            vec!["js-lead-0-0-x", "js-s-0", "js-s-1"],
        ),
        (told + &owned("r-x-head", "RayCluster r-x", head), vec!["r-w-0", "r-w-1", "r-x-head"]),
        (job.clone() + &owned("r-x-w", "RayCluster r-x", origin), vec!["r-head-0", "r-w-1", "r-x-w"]),
        (job + cluster + &owned("r-x-head", "RayCluster r-x", head), vec!["r-w-0", "r-w-1", "r-x-head"]),
        (
            sets + &owned("l-1", "StatefulSet l", &group(1, 0))
                + &owned("l-1-1", "StatefulSet l-1", &group(1, 1)),
            vec!["l-0", "l-1", "l-1-1", "l-2"],
        ),
    ] {
        assert_eq!(names(&text), expected, "{text}");
    }
}

#[test]
fn a_waiting_set_of_workers_is_with_those_of_its_own_group() {
    let sets = "spec: {replicas: 2, leaderWorkerTemplate: {size: 2, workerTemplate: {spec: {containers: [{name: c}]}}}}";
    let group = "leaderworkerset.sigs.k8s.io/name: l, leaderworkerset.sigs.k8s.io/group-index: '0'";
    let text = object("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "l", sets)
        + &owned("l-0", "StatefulSet l", group)
        + &owned("l-0-1", "StatefulSet l-0", group);
    let fleet = fleet(&text);
    let gang = |at: &usize| fleet.pods[*at].gang.map(|gang| fleet.gangs[gang as usize].clone());
    let gangs: Vec<_> = (0..4).collect::<Vec<_>>().iter().map(|at| gang(at).unwrap_or_default()).collect();
    assert_eq!(gangs, ["l-1", "l-1", "l-0", "l-0"]);
}

#[test]
fn a_set_makes_the_pods_whose_names_are_free() {
    let set = object("apps/v1", "StatefulSet", "s", &format!("spec: {{replicas: 3, {TEMPLATE}}}"));
    assert_eq!(names(&(set.clone() + &owned("s-1", "StatefulSet s", ""))), ["s-0", "s-1", "s-2"]);
    let late = set.replace("replicas: 3", "ordinals: {start: 5}, replicas: 2");
    assert_eq!(names(&late), ["s-5", "s-6"]);
    // A name that is another's.
    let other = owned("s-0", "Job x", "");
    assert_eq!(read(&(set + &other + &node("n", "", ""))).1.len(), 0);
}

#[test]
fn work_that_is_done_makes_no_pods() {
    let job = |status: &str| {
        let spec = format!("spec: {{parallelism: 3, completions: 10, {TEMPLATE}}}, status: {{{status}}}");
        object("batch/v1", "Job", "j", &spec)
    };
    let queue = job("succeeded: 1, active: 2").replace("completions: 10, ", "");
    let condition = |name: &str| format!("conditions: [{{type: {name}, status: 'True'}}]");
    let set = |status: &str| {
        let spec = format!(
            "spec: {{replicatedJobs: [{{name: s, template: {{spec: {{{TEMPLATE}}}}}}}]}}, status: {{{status}}}"
        );
        object("jobset.x-k8s.io/v1alpha2", "JobSet", "s", &spec)
    };
    let training = |status: &str| {
        let spec = format!(
            "spec: {{pytorchReplicaSpecs: {{Worker: {{replicas: 2, {TEMPLATE}}}}}}}, status: {{{status}}}"
        );
        object("kubeflow.org/v1", "PyTorchJob", "t", &spec)
    };
    let volcano = |status: &str| {
        let spec = format!("spec: {{tasks: [{{name: t, replicas: 2, {TEMPLATE}}}]}}, status: {{{status}}}");
        object("batch.volcano.sh/v1alpha1", "Job", "v", &spec)
    };
    let ray = |status: &str| {
        let spec =
            format!("spec: {{rayClusterSpec: {{headGroupSpec: {{{TEMPLATE}}}}}}}, status: {{{status}}}");
        object("ray.io/v1", "RayJob", "r", &spec)
    };
    let running = owned("j-x", "Job j", "");
    for (text, count) in [
        (job(""), 3),
        (job(&condition("Complete")), 0),
        (job(&condition("Failed")), 0),
        (job(&condition("Suspended")), 3),
        (job("succeeded: 9"), 1),
        (job("succeeded: 10"), 0),
        (job("succeeded: 8, active: 1") + &running, 2),
        (job("succeeded: 9, active: 1") + &running, 1),
        (queue, 2),
        (set(""), 1),
        (set("terminalState: Completed"), 0),
        (set(&condition("Failed")), 0),
        (training(&condition("Running")), 2),
        (training(&condition("Succeeded")), 0),
        (volcano("state: {phase: Running}"), 2),
        (volcano("state: {phase: Completed}"), 0),
        (ray("jobStatus: RUNNING, jobDeploymentStatus: Running"), 1),
        (ray("jobStatus: FAILED, jobDeploymentStatus: Retrying"), 1),
        (ray("jobStatus: SUCCEEDED, jobDeploymentStatus: Complete"), 0),
    ] {
        assert_eq!(fleet(&text).pods.len(), count, "{text}");
    }
}

#[test]
fn the_annotation_says_which_pods_are_a_gang() {
    let gang = |word: &str| format!("annotations: {{plimsoll.dev/gang: '{word}'}}");
    let mine = |name: &str, metadata: &str| super::pod(name, "cpu: 1", metadata);
    let twice = |metadata: &str| mine("a", metadata) + &mine("b", metadata);
    let (of_job, group) = ("labels: {job-name: j}", "labels: {scheduling.x-k8s.io/pod-group: pg}");
    let replicas = "ownerReferences: [{kind: ReplicaSet, name: r}]";
    let job = object("batch/v1", "Job", "j", &format!("spec: {{parallelism: 2, {TEMPLATE}}}"));
    let all = job.replace("name: j}", &format!("name: j, {}}}", gang("true")));
    for (text, expected) in [
        (twice(of_job), [None, None]),
        (twice(&format!("{of_job}, {}", gang("true"))), [Some("j"), Some("j")]),
        (twice(&format!("{replicas}, {}", gang("true"))), [Some("r"), Some("r")]),
        (twice(group), [Some("pg"), Some("pg")]),
        (twice(&format!("{group}, {}", gang("false"))), [None, None]),
        (all + &owned("j-x", "Job j", ""), [Some("j"), Some("j")]),
        (job + &owned("j-x", "Job j", ""), [None, None]),
    ] {
        let fleet = fleet(&text);
        let gangs = fleet.pods.iter().map(|pod| pod.gang.map(|gang| &*fleet.gangs[gang as usize]));
        assert_eq!(gangs.collect::<Vec<_>>(), expected, "{text}");
    }
    let (_, problems) = read(&mine("a", &gang("yes")));
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].message, "`plimsoll.dev/gang`: expected \"true\" or \"false\"");
}

#[test]
fn a_gang_runs_with_as_many_pods_as_its_group_states() {
    let member = |name: &str, more: &str| {
        super::pod(name, "cpu: 1", "labels: {scheduling.x-k8s.io/pod-group: pg}")
            .replace("spec: {", &format!("{more}, spec: {{"))
    };
    let waits = |name: &str| member(name, "status: {phase: Pending}");
    let runs = |name: &str| {
        member(name, "status: {phase: Running}").replace("containers", "nodeName: n, containers")
    };
    let done = |name: &str| member(name, "status: {phase: Succeeded}");
    let group = |least: u32| {
        object("scheduling.x-k8s.io/v1alpha1", "PodGroup", "pg", &format!("spec: {{minMember: {least}}}"))
    };
    let three = waits("a") + &waits("b") + &waits("c");
    let cannot = "minMember is 4, and there are 3 pods: none that waits is placed";
    for (text, gang, note) in [
        (three.clone() + &group(3), true, None),
        (three.clone() + &group(2), true, Some("all or none of 3 pods, not minMember 2")),
        (three.clone() + &group(1), false, None),
        (three.clone() + &group(4), false, Some(cannot)),
        (three + &group(4) + &done("d"), true, None),
        (waits("a") + &waits("b") + &runs("c") + &group(1), false, None),
    ] {
        let fleet = fleet(&(node("n", "", "") + &text));
        assert_eq!(fleet.pods[0].gang.is_some(), gang, "{text}");
        let found = fleet.assumptions.iter().find(|one| one.what.starts_with("gangs"));
        assert_eq!(found.map(|one| &*one.value), note, "{text}");
        assert_eq!(fleet.pods[0].rule.terms.is_some(), note == Some(cannot), "{text}");
    }
    let volcano = format!("spec: {{minAvailable: 2, tasks: [{{name: t, replicas: 6, {TEMPLATE}}}]}}");
    let notes = fleet(&object("batch.volcano.sh/v1alpha1", "Job", "v", &volcano)).assumptions;
    assert!(notes.iter().any(|one| one.value == "all or none of 6 pods, not minAvailable 2"), "{notes:?}");
}

#[test]
fn what_means_nothing_as_it_is_written_is_refused() {
    let annotated = |text: &str| super::pod("a", "cpu: 1", &format!("annotations: {{{text}}}"));
    let many = object("apps/v1", "Deployment", "d", &format!("spec: {{replicas: 2000000000, {TEMPLATE}}}"));
    for (text, said) in [
        (annotated("plimsoll.dev/wroth: '2'"), "unknown annotation `plimsoll.dev/wroth`"),
        (
            node("n", "", "annotations: {plimsoll.dev/mig: static}"),
            "`plimsoll.dev/mig`: expected \"dynamic\"",
        ),
        (super::pod("a", "cpu: 1", "").replace("name: a, ", ""), "a pod without a name"),
        (
            super::pod("a", "cpu: 1", "").replace(
                "spec: {",
                "spec: {topologySpreadConstraints: [{maxSkew: 0, topologyKey: topology.kubernetes.io/zone, \
                 whenUnsatisfiable: DoNotSchedule, labelSelector: {}}], ",
            ),
            "`maxSkew`: expected a whole number of 1 or more",
        ),
        (many, "controllers with 2000000000 pods or more"),
    ] {
        let (_, problems) = read(&text);
        let said: Vec<&str> = [said].to_vec();
        assert_eq!(problems.iter().map(|one| &*one.message).collect::<Vec<_>>(), said, "{text}");
    }
    assert!(read(&annotated("plimsoll.dev/my-own-word: x")).1.is_empty());
}
