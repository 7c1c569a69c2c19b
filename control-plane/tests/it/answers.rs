//! What the unmodified kube-scheduler does with each possible answer of an
//! extender. The cluster side is built on these facts; when a new Kubernetes
//! changes one, a test here says so by name.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Affinity, Pod};
use kube::api::{DeleteParams, PostParams};
use plimsoll_control_plane::stub::Answer;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Kind, for_a_while, shared};
use crate::support::{create, node_of, phase, pod, pods, until};

const GPU: &str = "nvidia.com/gpu";

/// A pod that asks for GPUs of nodes of one kind.
fn pod_on(nodes: &str, name: &str, gpus: u32) -> Pod {
    let mut pod = pod(name, GPU, gpus);
    let selector = [("node.kubernetes.io/instance-type".to_owned(), nodes.to_owned())];
    pod.spec.as_mut().unwrap().node_selector = Some(selector.into());
    pod
}

/// A pod for the four common nodes that takes nothing another test would miss.
fn small(name: &str) -> Pod {
    let mut pod = pod_on("four", name, 1);
    pod.spec.as_mut().unwrap().containers[0].resources = None;
    pod
}

/// The names in a request.
fn names(body: &Value) -> Vec<String> {
    serde_json::from_value(body["NodeNames"].clone()).unwrap()
}

/// Every node dropped, each named in one map with one reason.
fn dropped(map: &str, body: &Value) -> Value {
    let reasons: serde_json::Map<String, Value> =
        names(body).into_iter().map(|name| (name, json!("not in plan"))).collect();
    json!({"NodeNames": [], map: reasons})
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_nodes_that_filter_lets_pass_are_scored() {
    let Some(cluster) = shared() else { return };
    cluster
        .submit(Kind::Strict, small("passes"), |verb, _| {
            (verb == "filter").then(|| Answer::json(&json!({"NodeNames": ["four-1", "four-2"]})))
        })
        .await;
    assert!(["four-1", "four-2"].contains(&cluster.bound("passes").await.as_str()));
    let asked = cluster.calls("passes", "filter");
    assert_eq!(names(&asked[0].body).len(), 4, "the other nodes are filtered in tree");
    let mut scored = names(&cluster.calls("passes", "prioritize")[0].body);
    scored.sort();
    assert_eq!(scored, ["four-1", "four-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prioritize_is_not_called_for_a_single_node() {
    let Some(cluster) = shared() else { return };
    cluster
        .submit(Kind::Strict, small("single"), |verb, _| {
            (verb == "filter").then(|| Answer::json(&json!({"NodeNames": ["four-3"]})))
        })
        .await;
    assert_eq!(cluster.bound("single").await, "four-3");
    assert!(cluster.calls("single", "prioritize").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn filter_is_not_called_without_a_feasible_node() {
    let Some(cluster) = shared() else { return };
    cluster.submit(Kind::Strict, pod_on("four", "hopeless", 9), |_, _| None).await;
    let (reason, message) = cluster.refused("hopeless").await;
    assert_eq!(reason, "Unschedulable");
    assert!(message.contains("Insufficient nvidia.com/gpu"), "{message}");
    assert!(cluster.calls("hopeless", "filter").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolvable_reason_is_counted_and_leaves_the_node_to_preemption() {
    let Some(cluster) = shared() else { return };
    occupy(cluster, "evict-a").await;
    cluster
        .submit(Kind::Strict, urgent("evict-a", "resolvable", 1), |verb, body| {
            (verb == "filter").then(|| Answer::json(&dropped("FailedNodes", body)))
        })
        .await;
    let message = cluster.event("resolvable", "FailedScheduling").await;
    assert!(message.contains("2 not in plan"), "{message}");
    // It looked for victims on both, and gave up only because the pod would fit beside them.
    for node in ["evict-a-0", "evict-a-1"] {
        let considered = format!("expected at least one victim pod on node \"{node}\"");
        assert!(message.contains(&considered), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unresolvable_reason_is_counted_and_nothing_is_evicted() {
    let Some(cluster) = shared() else { return };
    occupy(cluster, "evict-b").await;
    cluster
        .submit(Kind::Strict, urgent("evict-b", "unresolvable", 1), |verb, body| {
            (verb == "filter").then(|| Answer::json(&dropped("FailedAndUnresolvableNodes", body)))
        })
        .await;
    let message = cluster.event("unresolvable", "FailedScheduling").await;
    assert!(message.contains("2 not in plan"), "{message}");
    assert!(message.contains("18 Preemption is not helpful"), "{message}");
    for_a_while().await;
    assert!(cluster.calls("unresolvable", "preempt").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_dropped_without_a_word_are_unresolvable_and_unexplained() {
    let Some(cluster) = shared() else { return };
    for (name, body) in
        [("silent", json!({"NodeNames": []})), ("silent-empty", json!({})), ("silent-null", Value::Null)]
    {
        let answer = move |verb: &str, _: &Value| (verb == "filter").then(|| Answer::json(&body));
        cluster.submit(Kind::Strict, small(name), answer).await;
        let (reason, message) = cluster.refused(name).await;
        assert_eq!(reason, "Unschedulable", "{name}: not an error");
        // Of 18 nodes it explains the 14 that the selector excludes, and none of the four.
        let reasons = message.split(". ").next().unwrap();
        assert!(reasons.ends_with("14 node(s) didn't match Pod's node affinity/selector"), "{message}");
        assert!(reasons.starts_with("0/18 nodes are available: 14"), "{message}");
        assert!(message.contains("Preemption is not helpful"), "{message}");
    }
}

/// Answers to filter that are failures, each with words of it in the event.
fn failures() -> Vec<(&'static str, Answer, &'static str)> {
    vec![
        ("error", Answer::json(&json!({"Error": "no plan for you"})), "no plan for you"),
        ("status-500", Answer::status(500, "x"), "500"),
        ("status-201", Answer::status(201, "{}"), "201"),
        ("text", Answer::status(200, "not JSON"), "invalid character"),
        ("empty", Answer::status(200, ""), "EOF"),
        ("stranger", Answer::json(&json!({"NodeNames": ["nobody"]})), "nobody"),
        ("slow", Answer::json(&json!({})).after(Duration::from_secs(2)), "exceeded"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_filter_stop_the_pod_and_are_tried_again() {
    let Some(cluster) = shared() else { return };
    for (name, answer, words) in failures() {
        let name = format!("strict-{name}");
        let failing = move |verb: &str, _: &Value| (verb == "filter").then(|| answer.clone());
        cluster.submit(Kind::Strict, small(&name), failing).await;
        let (reason, message) = cluster.refused(&name).await;
        assert_eq!(reason, "SchedulerError", "{name}: {message}");
        assert!(message.contains(words), "{name}: {message}");
    }
    until("the first is tried again", || async { cluster.calls("strict-error", "filter").len() > 1 }).await;
    for (name, ..) in failures() {
        let params = DeleteParams::default();
        pods(&cluster.client()).delete(&format!("strict-{name}"), &params).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_an_ignorable_filter_are_passed_over() {
    let Some(cluster) = shared() else { return };
    for (name, answer, _) in failures() {
        let name = format!("ignorable-{name}");
        let failing = move |verb: &str, _: &Value| (verb == "filter").then(|| answer.clone());
        cluster.submit(Kind::Ignorable, small(&name), failing).await;
        assert!(cluster.bound(&name).await.starts_with("four-"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_is_no_failure_that_could_be_ignored() {
    let Some(cluster) = shared() else { return };
    let empty = |verb: &str, _: &Value| (verb == "filter").then(|| Answer::json(&json!({})));
    cluster.submit(Kind::Ignorable, small("ignorable-nothing"), empty).await;
    assert_eq!(cluster.refused("ignorable-nothing").await.0, "Unschedulable");
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_nodes_that_were_not_asked_about_are_believed() {
    let Some(cluster) = shared() else { return };
    // The node is not in the request, and the pod is not even allowed there.
    cluster
        .submit(Kind::WholeNodes, small("believed"), |_, body| {
            let mut node = body["Nodes"]["items"][0].clone();
            node["metadata"]["name"] = json!("evict-f-1");
            Some(Answer::json(&json!({"Nodes": {"items": [node]}})))
        })
        .await;
    assert_eq!(cluster.bound("believed").await, "evict-f-1");
    let asked = &cluster.calls("believed", "filter")[0].body;
    assert_eq!(asked["NodeNames"], Value::Null);
    assert_eq!(asked["Nodes"]["items"].as_array().map(Vec::len), Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_prioritize_are_passed_over_in_silence() {
    let Some(cluster) = shared() else { return };
    let slow = Answer::json(&json!([])).after(Duration::from_secs(2));
    for (name, answer) in [
        ("score-error", Answer::status(500, "x")),
        ("score-slow", slow),
        ("score-null", Answer::json(&Value::Null)),
        ("score-float", Answer::json(&json!([{"Host": "four-0", "Score": 5.5}]))),
        ("score-stranger", Answer::json(&json!([{"Host": "nobody", "Score": 10}]))),
    ] {
        let failing = move |verb: &str, _: &Value| (verb == "prioritize").then(|| answer.clone());
        cluster.submit(Kind::Strict, small(name), failing).await;
        assert!(cluster.bound(name).await.starts_with("four-"));
        assert_eq!(cluster.calls(name, "prioritize").len(), 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scores_are_not_clamped_and_an_absent_node_has_none() {
    let Some(cluster) = shared() else { return };
    // The preference is worth 200 points; ten of ours are worth 100 at weight 1.
    for (name, node, score, wins) in [("ten", "four-2", 10, "four-0"), ("fifty", "four-2", 50, "four-2")] {
        let mut pod = small(name);
        pod.spec.as_mut().unwrap().affinity = Some(preference("four-0"));
        let scores = json!([{"Host": node, "Score": score}]);
        let scoring = move |verb: &str, _: &Value| (verb == "prioritize").then(|| Answer::json(&scores));
        cluster.submit(Kind::Strict, pod, scoring).await;
        assert_eq!(cluster.bound(name).await, wins, "{name}");
    }
    let mut pod = small("minus-fifty");
    pod.spec.as_mut().unwrap().affinity = Some(preference("four-0"));
    let scores = json!([{"Host": "four-0", "Score": -50}]);
    let scoring = move |verb: &str, _: &Value| (verb == "prioritize").then(|| Answer::json(&scores));
    cluster.submit(Kind::Strict, pod, scoring).await;
    assert_ne!(cluster.bound("minus-fifty").await, "four-0");
}

fn preference(node: &str) -> Affinity {
    serde_json::from_value(json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
        "weight": 100,
        "preference": {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]},
    }]}}))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_bind_is_tried_again_and_an_ignorable_one_left_to_the_scheduler() {
    let Some(cluster) = shared() else { return };
    for (name, answer) in [
        ("bind-error", Answer::json(&json!({"Error": "not today"}))),
        ("bind-status", Answer::status(500, "x")),
    ] {
        let failing = answer.clone();
        let failing = move |_: &str, _: &Value| Some(failing.clone());
        cluster.submit(Kind::Binder, small(name), failing).await;
        assert_eq!(cluster.refused(name).await.0, "SchedulerError");
        until("it is tried again", || async { cluster.calls(name, "bind").len() > 1 }).await;
        assert_eq!(node_of(&cluster.client(), name).await, None);
        pods(&cluster.client()).delete(name, &DeleteParams::default()).await.unwrap();

        let name = format!("ignorable-{name}");
        let failing = move |_: &str, _: &Value| Some(answer.clone());
        cluster.submit(Kind::IgnorableBinder, small(&name), failing).await;
        cluster.bound(&name).await;
        assert_eq!(cluster.calls(&name, "bind").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bind_that_lies_holds_the_capacity_until_the_pod_is_deleted() {
    let Some(cluster) = shared() else { return };
    let client = cluster.client();
    for name in ["liar-0", "liar-1"] {
        cluster.submit(Kind::Binder, pod_on("ghost", name, 8), |_, _| Some(Answer::json(&json!({})))).await;
        cluster.event(name, "Scheduled").await;
    }
    // Nothing runs anywhere, but the scheduler believes that all is taken.
    cluster.submit(Kind::Binder, pod_on("ghost", "honest", 8), |_, _| None).await;
    let (_, message) = cluster.refused("honest").await;
    assert!(message.contains("Insufficient nvidia.com/gpu"), "{message}");
    assert_eq!(node_of(&client, "liar-0").await, None);
    pods(&client).delete("liar-0", &DeleteParams::default()).await.unwrap();
    until("its room is offered", || async { !cluster.calls("honest", "bind").is_empty() }).await;
    for name in ["liar-1", "honest"] {
        pods(&client).delete(name, &DeleteParams::default()).await.unwrap();
    }
}

/// Fills both nodes of a kind with pods that may be evicted.
async fn occupy(cluster: &Cluster, nodes: &str) {
    let client = cluster.client();
    for index in 0..2 {
        let mut pod = pod_on(nodes, &format!("{nodes}-tenant-{index}"), 6);
        let spec = pod.spec.as_mut().unwrap();
        spec.node_name = Some(format!("{nodes}-{index}"));
        spec.priority_class_name = None;
        create(&client, &pod).await;
    }
    for index in 0..2 {
        let name = format!("{nodes}-tenant-{index}");
        until("a tenant runs", || async { phase(&client, &name).await.as_deref() == Some("Running") }).await;
    }
}

/// A pod of a priority for which others are evicted.
fn urgent(nodes: &str, name: &str, gpus: u32) -> Pod {
    let mut pod = pod_on(nodes, name, gpus);
    let spec = pod.spec.as_mut().unwrap();
    spec.priority_class_name = Some("system-cluster-critical".into());
    pod
}

async fn survivors(cluster: &Cluster, nodes: &str) -> Vec<String> {
    let mut survivors = Vec::new();
    for index in 0..2 {
        let name = format!("{nodes}-tenant-{index}");
        let tenant = pods(&cluster.client()).get_opt(&name).await.unwrap();
        if tenant.is_some_and(|pod| pod.metadata.deletion_timestamp.is_none()) {
            survivors.push(name);
        }
    }
    survivors
}

#[tokio::test(flavor = "multi_thread")]
async fn preemption_takes_the_node_that_the_extender_leaves() {
    let Some(cluster) = shared() else { return };
    occupy(cluster, "evict-c").await;
    cluster
        .submit(Kind::Strict, urgent("evict-c", "takes-one", 8), |verb, body| {
            if verb != "preempt" {
                return None;
            }
            let victims = &body["NodeNameToMetaVictims"]["evict-c-1"];
            Some(Answer::json(&json!({"NodeNameToMetaVictims": {"evict-c-1": victims}})))
        })
        .await;
    assert_eq!(cluster.bound("takes-one").await, "evict-c-1");
    assert_eq!(survivors(cluster, "evict-c").await, ["evict-c-tenant-0"]);
    let asked = &cluster.calls("takes-one", "preempt")[0].body;
    assert_eq!(asked["NodeNameToVictims"], Value::Null);
    let victims = asked["NodeNameToMetaVictims"].as_object().unwrap();
    assert_eq!(victims.len(), 2);
    assert!(victims["evict-c-0"]["Pods"][0]["UID"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn preemption_stops_at_what_the_extender_refuses() {
    let Some(cluster) = shared() else { return };
    let no_victims = json!({"NodeNameToMetaVictims": {"evict-d-0": {"Pods": [], "NumPDBViolations": 0}}});
    occupy(cluster, "evict-d").await;
    for (name, answer, words) in [
        ("none-left", Answer::json(&json!({})), "no candidate node for preemption"),
        ("no-victims", Answer::json(&no_victims), "at least one victim"),
        ("failed", Answer::status(500, "x"), "preemption"),
    ] {
        let answer = move |verb: &str, _: &Value| (verb == "preempt").then(|| answer.clone());
        cluster.submit(Kind::Strict, urgent("evict-d", name, 8), answer).await;
        let (reason, message) = cluster.refused(name).await;
        until("preempt is called", || async { !cluster.calls(name, "preempt").is_empty() }).await;
        assert!(message.contains(words), "{name}: {reason}: {message}");
        pods(&cluster.client()).delete(name, &DeleteParams::default()).await.unwrap();
    }
    assert_eq!(survivors(cluster, "evict-d").await.len(), 2, "nothing is evicted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gated_pod_is_not_asked_about_and_one_patch_opens_it_onto_its_node() {
    let Some(cluster) = shared() else { return };
    let client = cluster.client();
    let mut gated = small("gated");
    gated.spec.as_mut().unwrap().scheduling_gates =
        Some(serde_json::from_value(json!([{"name": "plimsoll.dev/plan"}])).unwrap());
    cluster.submit(Kind::Strict, gated, |_, _| None).await;
    assert_eq!(cluster.refused("gated").await.0, "SchedulingGated");
    assert!(cluster.calls("gated", "filter").is_empty());

    let patch = json!({"spec": {
        "schedulingGates": [{"$patch": "delete", "name": "plimsoll.dev/plan"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["four-2"]}]},
        ]}}},
    }});
    let params = kube::api::PatchParams::default();
    pods(&client).patch("gated", &params, &kube::api::Patch::Strategic(patch)).await.unwrap();
    assert_eq!(cluster.bound("gated").await, "four-2");
    let asked = cluster.calls("gated", "filter");
    assert_eq!(names(&asked[0].body), ["four-2"], "PreFilter narrows before the extender is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_was_refused_is_asked_about_again_at_once_when_it_changes() {
    let Some(cluster) = shared() else { return };
    let client = cluster.client();
    cluster
        .submit(Kind::Strict, small("kicked"), |verb, body| {
            let ready = body.pointer("/Pod/metadata/annotations/ready").is_some();
            (verb == "filter" && !ready).then(|| Answer::json(&dropped("FailedNodes", body)))
        })
        .await;
    cluster.refused("kicked").await;
    let patch = json!({"metadata": {"annotations": {"ready": "yes"}}});
    let params = kube::api::PatchParams::default();
    pods(&client).patch("kicked", &params, &kube::api::Patch::Merge(patch)).await.unwrap();
    let soon = tokio::time::timeout(Duration::from_secs(30), cluster.bound("kicked"));
    soon.await.expect("without the event it would wait for five minutes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_binding_of_a_pod_is_refused_by_the_api_server() {
    let Some(cluster) = shared() else { return };
    let client = cluster.client();
    cluster.submit(Kind::Strict, small("once"), |_, _| None).await;
    cluster.bound("once").await;
    let again = json!({"metadata": {"name": "once"}, "target": {"kind": "Node", "name": "four-1"}});
    let params = PostParams::default();
    let pods = pods(&client);
    let answer: Result<Value, _> = pods.create_subresource("binding", "once", &params, &again).await;
    let Err(kube::Error::Api(status)) = answer else { panic!("it was accepted") };
    assert_eq!(status.code, 409);
}
