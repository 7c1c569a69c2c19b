//! Objects as the API server sends them, and what is kept of them.

pub(crate) mod claims;
mod volumes;

use k8s_openapi::api::core::v1;
use serde_json::{Value, json};

use super::*;
use crate::names;

/// A node with so many H100 (or another model).
pub(crate) fn node(name: &str, gpus: u32, model: &str) -> v1::Node {
    let mut room = json!({"cpu": "64", "memory": "512Gi", "pods": "110"});
    if gpus > 0 {
        room["nvidia.com/gpu"] = gpus.to_string().into();
    }
    object(json!({
        "metadata": {"name": name, "labels": {"nvidia.com/gpu.product": model, "kubernetes.io/hostname": name}},
        "status": {"allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]},
    }))
}

/// A pod that waits for so many GPUs.
pub(crate) fn pod(name: &str, gpus: u32) -> Value {
    let mut resources = json!({"cpu": "1", "memory": "1Gi"});
    if gpus > 0 {
        resources["nvidia.com/gpu"] = gpus.to_string().into();
    }
    json!({
        "metadata": {
            "name": name, "namespace": "default", "uid": format!("uid-{name}"), "resourceVersion": "1",
            "creationTimestamp": "2026-11-22T10:00:00Z", "annotations": {}, "labels": {},
        },
        "spec": {"containers": [{"name": "c", "resources": {"requests": resources.clone(), "limits": resources}}]},
        "status": {"phase": "Pending"},
    })
}

/// The pod bound to a node.
pub(crate) fn on(mut pod: Value, node: &str) -> Value {
    pod["spec"]["nodeName"] = node.into();
    pod["status"]["phase"] = "Running".into();
    pod
}

/// The pod, which is one that we plan, planned on a node.
pub(crate) fn planned(mut pod: Value, node: &str, at: Millis) -> Value {
    pod["metadata"]["annotations"][names::PLACE] = "true".into();
    pod["metadata"]["annotations"][names::NODE] = node.into();
    pod["metadata"]["annotations"][names::PLANNED_AT] = crate::clock::text(at).into();
    pod
}

pub(crate) fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the test's object is one of the API")
}

/// A cluster of these.
pub(crate) fn cluster(nodes: &[v1::Node], pods: &[Value]) -> Cluster {
    let mut cluster = Cluster::default();
    for node in nodes {
        cluster.apply_node(node);
    }
    cluster.refresh();
    for pod in pods {
        cluster.apply_pod(&object(pod.clone()));
    }
    cluster
}

#[test]
fn a_heartbeat_is_no_change() {
    let mut cluster = cluster(&[node("n0", 8, "H100")], &[pod("a", 1)]);
    let before = cluster.version();
    let mut again = node("n0", 8, "H100");
    again.metadata.resource_version = Some("99".into());
    again.metadata.managed_fields = Some(vec![]);
    assert!(!cluster.apply_node(&again));
    let mut same = pod("a", 1);
    same["metadata"]["resourceVersion"] = "7".into();
    assert!(!cluster.apply_pod(&object(same)));
    assert_eq!(cluster.version(), before);
    assert_eq!(cluster.pods()["uid-a"].facts.resource_version, "7", "patches are made against the newest");
}

#[test]
fn tolerations_are_kept_of_pods_that_wait_alone() {
    let mut waits = pod("a", 1);
    waits["spec"]["tolerations"] = json!([{"key": "nvidia.com/gpu", "operator": "Exists"}]);
    let tolerates = |pod: Value| {
        let cluster = cluster(&[node("n1", 8, "NVIDIA-H100-80GB-HBM3")], &[pod]);
        let pod = cluster.pods().values().next().expect("it is there").clone();
        assert!(pod.is_ours());
        let needs = pod.needs.clone().expect("it can be read");
        assert_eq!(pod.text.contains("tolerations"), !needs.rule.tolerations.is_empty());
        !needs.rule.tolerations.is_empty()
    };
    assert!(tolerates(waits.clone()));
    assert!(!tolerates(on(waits, "n1")));
}

#[test]
fn a_pod_that_is_over_is_forgotten() {
    let mut cluster = cluster(&[node("n0", 8, "H100")], &[on(pod("a", 1), "n0")]);
    let mut over = on(pod("a", 1), "n0");
    over["status"]["phase"] = "Succeeded".into();
    assert!(cluster.apply_pod(&object(over)));
    assert!(cluster.pods().is_empty());
}

#[test]
fn what_annotations_cannot_mean_is_said_and_passed_over() {
    let mut odd = pod("a", 1);
    odd["metadata"]["annotations"]["plimsoll.dev/request"] = "{accelerators: {count: 1.5}}".into();
    let cluster = cluster(&[node("n0", 8, "H100")], &[odd]);
    let pod = &cluster.pods()["uid-a"];
    let fault = pod.fault().expect("a fault");
    assert!(fault.contains("plimsoll.dev/request") && fault.contains("a fraction above 1"), "{fault}");
    let ask = pod.needs.as_ref().and_then(|needs| needs.ask.clone()).expect("its resources still count");
    assert_eq!(ask.amount, plimsoll_model::fleet::Amount::Whole(1));
}

/// What is said of one annotation goes when that is mended, and comes when another is written wrong.
#[test]
fn what_is_wrong_is_what_is_wrong_now() {
    let placed = |placement: Option<&str>| {
        let mut it = pod("a", 1);
        it["metadata"]["annotations"][names::PLACEMENT] = placement.into();
        if placement.is_none() {
            it["metadata"]["annotations"] = json!({});
        }
        it
    };
    let mut cluster = cluster(&[node("n0", 8, "H100")], &[placed(None)]);
    let fault = |cluster: &Cluster| cluster.pods()["uid-a"].fault().map(str::to_owned);
    assert_eq!(fault(&cluster), None);
    assert!(cluster.apply_pod(&object(placed(Some("firm")))));
    assert!(fault(&cluster).is_some_and(|fault| fault.contains("firm")), "{:?}", fault(&cluster));
    assert!(cluster.apply_pod(&object(placed(Some("hard")))));
    assert_eq!(fault(&cluster), None);
    assert_eq!(cluster.pods()["uid-a"].facts.placing, Some(Placing::Hard));
}

/// What waits together here is what is planned together.
#[test]
fn gangs_are_those_that_are_planned() {
    const INDEX: &str = "leaderworkerset.sigs.k8s.io/group-index";
    for (labels, gang) in [
        (json!({}), None),
        (json!({"scheduling.x-k8s.io/pod-group": "g", "volcano.sh/job-name": "v"}), Some("g")),
        (json!({"pod-group.scheduling.sigs.k8s.io/name": "g"}), Some("g")),
        (json!({"jobset.sigs.k8s.io/jobset-name": "j"}), Some("j")),
        (json!({"leaderworkerset.sigs.k8s.io/name": "l", INDEX: "2"}), Some("l-2")),
        (json!({"leaderworkerset.sigs.k8s.io/name": "l"}), Some("l")),
    ] {
        let pods = ["a", "b"].map(|name| {
            let mut it = pod(name, 1);
            it["metadata"]["labels"] = labels.clone();
            it
        });
        let cluster = cluster(&[node("n0", 8, "H100")], &pods);
        let documents: Vec<Foreign> = cluster.pods().values().filter_map(|pod| pod.document(None)).collect();
        let (fleet, problems) =
            cluster.hardware().pods(&documents.iter().collect::<Vec<_>>(), plimsoll_model::Fleet::default());
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(fleet.gangs, gang.into_iter().collect::<Vec<_>>(), "{labels}");
        let named = gang.map(|gang| format!("default/{gang}"));
        assert!(cluster.pods().values().all(|pod| pod.facts.gang == named), "{labels}");
    }
}

#[test]
fn pods_are_read_again_when_the_hardware_reads_them_differently() {
    let mut cluster = Cluster::default();
    let mut mig = pod("a", 0);
    mig["spec"]["containers"][0]["resources"] = json!({"limits": {"nvidia.com/mig-1g.10gb": "1"}});
    cluster.apply_pod(&object(mig));
    let ask = |cluster: &Cluster| cluster.pods()["uid-a"].needs.as_ref().and_then(|needs| needs.ask.clone());
    assert_eq!(ask(&cluster), None);
    let mut cut: v1::Node = node("n0", 8, "NVIDIA-H100-80GB-HBM3");
    let labels = cut.metadata.labels.get_or_insert_default();
    labels.insert("nvidia.com/gpu.count".into(), "8".into());
    cut.metadata.annotations = Some([("plimsoll.dev/mig".to_owned(), "dynamic".to_owned())].into());
    cluster.apply_node(&cut);
    cluster.refresh();
    assert!(matches!(ask(&cluster).map(|ask| ask.amount), Some(plimsoll_model::fleet::Amount::Slice { .. })));
}

/// What takes long is done on a copy, while watches go on changing what it is a copy of.
#[test]
fn what_a_copy_has_read_is_taken_over_unless_nodes_have_changed_since() {
    let mut mig = pod("a", 0);
    mig["spec"]["containers"][0]["resources"] = json!({"limits": {"nvidia.com/mig-1g.10gb": "1"}});
    let mut cut: v1::Node = node("n0", 8, "NVIDIA-H100-80GB-HBM3");
    cut.metadata.labels.get_or_insert_default().insert("nvidia.com/gpu.count".into(), "8".into());
    cut.metadata.annotations = Some([("plimsoll.dev/mig".to_owned(), "dynamic".to_owned())].into());
    let reads = |cluster: &Cluster, name: &str| {
        let pod = &cluster.pods()[&format!("uid-{name}")];
        pod.needs.as_ref().is_some_and(|needs| needs.ask.is_some())
    };
    let mut cluster = cluster(&[], &[mig.clone()]);
    cluster.apply_node(&cut);
    let mut copy = cluster.clone();
    assert!(copy.refresh());
    // Meanwhile one pod changes, and another comes.
    mig["metadata"]["labels"]["x"] = "y".into();
    cluster.apply_pod(&object(mig.clone()));
    mig["metadata"]["name"] = "b".into();
    mig["metadata"]["uid"] = "uid-b".into();
    cluster.apply_pod(&object(mig));
    assert!(!reads(&cluster, "a") && !reads(&cluster, "b"));
    cluster.adopt(&copy);
    assert!(reads(&cluster, "a") && reads(&cluster, "b"));
    assert!(!cluster.refresh(), "there is nothing left to read");

    cluster.apply_node(&node("n1", 8, "H100"));
    let mut copy = cluster.clone();
    copy.refresh();
    cluster.apply_node(&node("n2", 8, "H100"));
    cluster.adopt(&copy);
    assert!(cluster.refresh(), "n2 is not in what the copy has read");
    assert_eq!(cluster.hardware().nodes.len(), 3);
}

#[test]
fn which_pods_are_planned_is_asked_of_pod_and_namespace() {
    let mut cluster = cluster(&[node("n0", 8, "H100")], &[pod("a", 1), pod("cpu", 0)]);
    let is = |cluster: &Cluster, name: &str| cluster.is_planned(&cluster.pods()[&format!("uid-{name}")]);
    assert!(!is(&cluster, "a"));
    cluster
        .apply_namespace(&object(json!({"metadata": {"name": "default", "labels": {names::PLACE: "true"}}})));
    assert!(is(&cluster, "a") && !is(&cluster, "cpu"));
    let mut out = pod("a", 1);
    out["metadata"]["annotations"][names::PLACE] = "false".into();
    cluster.apply_pod(&object(out));
    assert!(!is(&cluster, "a"));
}

#[test]
fn affinity_pins_only_to_the_node_it_names() {
    let mut hard = planned(pod("a", 1), "n0", 0);
    let term =
        |node: &str| json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]});
    let affinity = |terms: Value| json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
    for (terms, pinned) in
        [(json!([term("n0")]), true), (json!([term("n1")]), false), (json!([term("n0"), term("n1")]), false)]
    {
        hard["spec"]["affinity"] = affinity(terms);
        assert_eq!(Facts::of(&object(hard.clone())).expect("facts").is_pinned, pinned);
    }
}
