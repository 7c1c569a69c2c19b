//! What the extender answers, row by row of what kube-scheduler does with it.

mod budgets;
mod claims;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    clock,
    cluster::{
        Cluster,
        tests::{cluster, node, object, on, planned, pod},
    },
    names,
    wire::{Args, Candidates, PreemptArgs},
};

const NOW: Millis = 1_800_000_000_000;

fn snapshot(cluster: &mut Cluster) -> Snapshot {
    Builder::default().snapshot(cluster, NOW, Bounds::default())
}

fn nodes(count: usize, gpus: u32, model: &str) -> Vec<v1::Node> {
    (0..count).map(|at| node(&format!("n{at}"), gpus, model)).collect()
}

fn body(pod: &Value, names: &[&str]) -> String {
    json!({"Pod": pod, "Nodes": null, "NodeNames": names}).to_string()
}

/// The reply to filter as kube-scheduler reads it.
fn filtered(snapshot: &Snapshot, body: &str, now: Millis) -> (Value, Answer) {
    let args = Args::read(body.as_bytes()).expect("a request");
    let (reply, answer) = filter(snapshot, &args, now);
    (serde_json::to_value(&reply).expect("a reply"), answer)
}

/// The reply to prioritize as kube-scheduler reads it: a node that is not in it has 0.
fn scores(snapshot: &Snapshot, body: &str) -> BTreeMap<String, i64> {
    let args = Args::read(body.as_bytes()).expect("a request");
    let (hosts, _) = prioritize(snapshot, &args, NOW);
    let Candidates::Names(names) = &args.candidates else { panic!("names") };
    let score = |name: &str| hosts.iter().find(|host| host.host == name).map_or(0, |host| host.score);
    names.iter().map(|name| (name.0.to_string(), score(&name.0))).collect()
}

#[test]
fn a_planned_pod_goes_to_its_node_and_the_others_say_why() {
    let it = planned(pod("a", 4), "n1", NOW - 1000);
    let mut known = cluster(&nodes(3, 8, "H100"), std::slice::from_ref(&it));
    let snapshot = snapshot(&mut known);
    let body = body(&it, &["n0", "n1", "n2"]);
    let (reply, answer) = filtered(&snapshot, &body, NOW);
    assert_eq!(reply["NodeNames"], json!(["n1"]));
    assert_eq!(reply["FailedAndUnresolvableNodes"], json!({"n0": "planned on n1", "n2": "planned on n1"}));
    assert_eq!((answer, reply["Error"].as_str()), (Answer::Judged, Some("")));
    let scores = scores(&snapshot, &body);
    assert_eq!(scores["n1"], 10);
    assert!(scores["n0"] < 10 && scores["n2"] < 10, "{scores:?}");
}

/// A scheduler of a large cluster shows part of the nodes: a pod whose node is not among them must not starve.
#[test]
fn a_planned_node_that_is_not_offered_leaves_the_others_to_compete() {
    let it = planned(pod("a", 4), "n1", NOW - 1000);
    let mut known = cluster(&nodes(3, 8, "H100"), std::slice::from_ref(&it));
    let (reply, answer) = filtered(&snapshot(&mut known), &body(&it, &["n0", "n2"]), NOW);
    assert_eq!(reply["NodeNames"], json!(["n0", "n2"]));
    assert_eq!(answer, Answer::Overridden);
}

#[test]
fn room_kept_for_planned_pods_is_refused_to_others_until_the_plan_is_too_old() {
    let kept = planned(pod("a", 8), "n0", NOW - 1000);
    let other = pod("b", 8);
    let mut known = cluster(&nodes(2, 8, "H100"), &[kept.clone(), other.clone()]);
    let taken = snapshot(&mut known);
    let body = body(&other, &["n0", "n1"]);
    let (reply, _) = filtered(&taken, &body, NOW);
    assert_eq!(reply["NodeNames"], json!(["n1"]));
    assert_eq!(
        reply["FailedAndUnresolvableNodes"],
        json!({"n0": "its free accelerators are kept for planned pods"})
    );
    assert_eq!(scores(&taken, &body)["n0"], 0);

    let bounds = Bounds::default();
    let later = NOW + bounds.plan;
    let old = Builder::default().snapshot(&mut known, later, bounds);
    assert_eq!(filtered(&old, &body, later).0["NodeNames"], json!(["n0", "n1"]));
    // Nor is there a ghost when the planned pod goes.
    known.delete_pod("uid-a");
    assert_eq!(filtered(&snapshot(&mut known), &body, NOW).0["NodeNames"], json!(["n0", "n1"]));
}

/// Annotations that anybody may have written keep no room, unless the pod is one that we plan, and not from times to come.
#[test]
fn room_is_kept_for_no_plan_but_ours() {
    let passes = |kept: Value| {
        let other = pod("b", 8);
        let mut known = cluster(&nodes(1, 8, "H100"), &[kept, other.clone()]);
        filtered(&snapshot(&mut known), &body(&other, &["n0"]), NOW).0["NodeNames"] == json!(["n0"])
    };
    let bound = Bounds::default().plan;
    let ours = planned(pod("a", 8), "n0", NOW - 1000);
    assert!(!passes(ours.clone()));
    assert!(!passes(planned(pod("a", 8), "n0", NOW + bound - 1)), "clocks are apart");
    assert!(passes(planned(pod("a", 8), "n0", NOW + bound)));
    let mut unasked = ours.clone();
    unasked["metadata"]["annotations"][names::PLACE] = "false".into();
    assert!(passes(unasked));
    let mut gated = ours;
    gated["spec"]["schedulingGates"] = json!([{"name": names::GATE}]);
    assert!(passes(gated), "what waits behind the gate is not planned yet");
}

#[test]
fn what_the_scheduler_counts_is_not_counted_again() {
    // Our view is behind: the scheduler knows that the pod on n0 has gone, and offers n0.
    let it = pod("b", 8);
    let mut known = cluster(&nodes(1, 8, "H100"), &[on(pod("a", 8), "n0"), it.clone()]);
    assert_eq!(filtered(&snapshot(&mut known), &body(&it, &["n0"]), NOW).0["NodeNames"], json!(["n0"]));
}

#[test]
fn the_wrong_accelerators_are_refused_for_good() {
    let mut it = pod("a", 1);
    it["metadata"]["annotations"]["plimsoll.dev/request"] = "{accelerators: {anyOf: [H100, B200]}}".into();
    let mut known =
        cluster(&[node("n0", 8, "A100-SXM4-80GB"), node("n1", 8, "H100")], std::slice::from_ref(&it));
    let (reply, _) = filtered(&snapshot(&mut known), &body(&it, &["n0", "n1"]), NOW);
    assert_eq!(reply["NodeNames"], json!(["n1"]));
    assert_eq!(reply["FailedAndUnresolvableNodes"], json!({"n0": "no B200 or H100"}));
}

#[test]
fn a_part_of_a_device_needs_a_device_with_so_much_left() {
    let share = |name: &str, part: &str| {
        let mut it = pod(name, 0);
        it["metadata"]["annotations"]["gpu-fraction"] = part.into();
        it
    };
    let it = share("c", "0.5");
    let running = [on(share("a", "0.6"), "n0"), on(share("b", "0.6"), "n0"), it.clone()];
    let mut known = cluster(&[node("n0", 2, "H100"), node("n1", 2, "H100")], &running);
    let (reply, _) = filtered(&snapshot(&mut known), &body(&it, &["n0", "n1"]), NOW);
    assert_eq!(reply["NodeNames"], json!(["n1"]));
    assert_eq!(reply["FailedAndUnresolvableNodes"], json!({"n0": "no device has so large a part free"}));
}

#[test]
fn a_pod_without_accelerators_passes_before_anything_is_known() {
    let nothing = Snapshot::default();
    let (reply, answer) = filtered(&nothing, &body(&pod("cpu", 0), &["n0", "n9"]), NOW);
    assert_eq!((&reply["NodeNames"], answer), (&json!(["n0", "n9"]), Answer::NotOurs));
    let (reply, answer) = filtered(&nothing, &body(&pod("gpu", 1), &["n0"]), NOW);
    assert_eq!(answer, Answer::NotReady);
    assert!(reply["Error"].as_str().is_some_and(|why| why.contains("not seen the whole cluster")));
    assert_eq!(reply["NodeNames"], Value::Null, "an empty list would say that no node will do");
}

#[test]
fn an_old_view_passes_everything() {
    let it = planned(pod("a", 4), "n1", NOW - 1000);
    let mut known = cluster(&nodes(2, 8, "H100"), std::slice::from_ref(&it));
    let snapshot = snapshot(&mut known);
    let (reply, answer) = filtered(&snapshot, &body(&it, &["n0", "n1"]), NOW + Bounds::default().view + 1);
    assert_eq!((&reply["NodeNames"], answer), (&json!(["n0", "n1"]), Answer::Stale));
}

#[test]
fn pods_of_a_gang_that_does_not_fit_are_held_with_the_reason() {
    let member = |name: &str| {
        let mut it = pod(name, 8);
        it["metadata"]["labels"]["scheduling.x-k8s.io/pod-group"] = "g".into();
        it
    };
    let held = |name: &str, at: Millis| {
        let mut it = member(name);
        it["metadata"]["annotations"][names::PLACE] = "true".into();
        it["metadata"]["annotations"][names::HELD_AT] = clock::text(at).into();
        it
    };
    let mut wanted = member("b");
    wanted["metadata"]["annotations"][names::PLACE] = "true".into();
    let bound = Bounds::default().plan;
    let passes = |pods: &[Value], asked: &str, now: Millis| {
        let mut known = cluster(&nodes(1, 8, "H100"), pods);
        let snapshot = Builder::default().snapshot(&mut known, now, Bounds::default());
        let it = pods.iter().find(|pod| pod["metadata"]["name"] == asked).expect("it is there");
        let (reply, _) = filtered(&snapshot, &body(it, &["n0"]), now);
        let why = &reply["FailedAndUnresolvableNodes"]["n0"];
        assert!(why.is_null() || why == "waits for its gang: not all of its pods fit", "{reply}");
        why.is_null()
    };
    // What the pods say is all that a replica needs: one that does not plan, or was started just now, holds them too.
    let both = [held("a", NOW - 1000), wanted];
    assert!(!passes(&both, "a", NOW));
    assert!(!passes(&both, "b", NOW), "one pod speaks for its gang");
    assert!(passes(&both, "a", NOW + bound), "a plan that is too old holds nothing");
    let mut runs = both.clone();
    runs[1] = on(runs[1].clone(), "n0");
    assert!(passes(&runs, "a", NOW), "its gang runs");
    let mut left = both.clone();
    left[0]["metadata"]["annotations"][names::PLACE] = "false".into();
    assert!(passes(&left, "a", NOW), "it is not planned any more");
}

#[test]
fn a_pod_that_was_never_watched_is_read_from_the_request() {
    let kept = planned(pod("a", 8), "n0", NOW - 1000);
    let mut known = cluster(&nodes(2, 8, "H100"), &[kept]);
    let snapshot = snapshot(&mut known);
    let body = body(&pod("new", 4), &["n0", "n1"]);
    assert_eq!(filtered(&snapshot, &body, NOW).0["NodeNames"], json!(["n1"]));
    // Scores are of the classes that were watched: until then the scheduler's own decide.
    let scores = scores(&snapshot, &body);
    assert_eq!((scores["n0"], scores["n1"]), (0, 0));
}

/// An autoscaler asks about nodes that do not exist: they are judged by themselves, and nothing changes.
#[test]
fn unknown_nodes_are_judged_from_the_objects_given() {
    let mut known = cluster(&nodes(1, 8, "H100"), &[]);
    let snapshot = snapshot(&mut known);
    let mut it = pod("new", 4);
    it["metadata"]["annotations"]["plimsoll.dev/request"] =
        "{accelerators: {anyOf: [H100], count: 4}}".into();
    let of = |name: &str, gpus, model| serde_json::to_value(node(name, gpus, model)).expect("a node");
    let items = [of("template-a", 8, "H100"), of("template-b", 2, "H100"), of("template-c", 8, "T4")];
    let body = json!({"Pod": it, "Nodes": {"items": items}}).to_string();
    let (reply, _) = filtered(&snapshot, &body, NOW);
    assert_eq!(reply["Nodes"]["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(reply["Nodes"]["items"][0], items[0], "what passes comes back as it came");
    assert_eq!(
        reply["FailedAndUnresolvableNodes"],
        json!({"template-b": "it has fewer accelerators than the pod asks for", "template-c": "no H100"})
    );
    assert_eq!(reply["NodeNames"], Value::Null);
    assert_eq!(snapshot.nodes(), 1);
}

/// kube-scheduler reads each entry of the list for each pod: what moves no pod is not sent.
#[test]
fn scores_that_decide_nothing_are_not_sent() {
    let it = pod("a", 1);
    let mut known = cluster(&nodes(3, 8, "H100"), &[on(pod("r", 7), "n1"), it.clone()]);
    let snapshot = snapshot(&mut known);
    let sent = |names: &[&str]| {
        let body = body(&it, names);
        let args = Args::read(body.as_bytes()).expect("a request");
        let (hosts, _) = prioritize(&snapshot, &args, NOW);
        hosts.iter().map(|host| (host.host.to_owned(), host.score)).collect::<Vec<_>>()
    };
    assert_eq!(sent(&["n0", "n2"]), []);
    assert_eq!(sent(&["n0", "n1", "n2"]), [("n1".to_owned(), 10)]);
}

#[test]
fn scores_keep_whole_nodes_whole() {
    let it = pod("a", 1);
    let mut known =
        cluster(&nodes(3, 8, "H100"), &[on(pod("r", 7), "n1"), on(pod("s", 4), "n2"), it.clone()]);
    let scores = scores(&snapshot(&mut known), &body(&it, &["n0", "n1", "n2"]));
    assert_eq!(scores["n1"], 10, "{scores:?}");
    assert!(scores["n0"] < scores["n1"], "{scores:?}");
}

/// As many whole nodes as gangs of several will need, by their part of the mix, are the last that others take.
#[test]
fn scores_keep_whole_nodes_back_for_gangs_of_several() {
    let member = |name: &str, gpus: u32| {
        let mut it = pod(name, gpus);
        it["metadata"]["labels"]["scheduling.x-k8s.io/pod-group"] = "g".into();
        it
    };
    let names = ["n0", "n1", "n2"];
    let single = pod("single", 8);
    let all = |score: i64| names.map(|name| (name.to_owned(), score)).into();
    let mut known = cluster(&nodes(3, 8, "H100"), &[member("a", 8), member("b", 8), single.clone()]);
    let of = |known: &mut Cluster, pod: &Value| scores(&snapshot(known), &body(pod, &names));
    let spared: BTreeMap<String, i64> =
        [("n0", 10), ("n1", 0), ("n2", 0)].map(|(name, score)| (name.to_owned(), score)).into();
    assert_eq!(of(&mut known, &single), spared);
    assert_eq!(of(&mut known, &member("a", 8)), all(0), "they are its own: all are alike");
    // Whoever is not known yet is scored as one of no gang.
    assert_eq!(of(&mut known, &pod("unseen", 8)), spared);
    // Where the gang has come nothing is kept for it any more.
    for (name, node) in [("a", "n1"), ("b", "n2")] {
        known.apply_pod(&object(on(member(name, 8), node)));
    }
    known.apply_node(&node("n3", 8, "H100"));
    let two = scores(&snapshot(&mut known), &body(&single, &["n0", "n3"]));
    assert_eq!(two, [("n0".to_owned(), 0), ("n3".to_owned(), 0)].into(), "all are alike");
    // A gang that one node holds needs no other.
    let mut known = cluster(&nodes(3, 8, "H100"), &[member("a", 4), member("b", 4), single.clone()]);
    assert_eq!(of(&mut known, &single), all(0));
}

fn preempted(snapshot: &Snapshot, pod: &Value, nodes: &Value) -> Value {
    let body = json!({"Pod": pod, "NodeNameToVictims": null, "NodeNameToMetaVictims": nodes}).to_string();
    let (reply, _) = preempt(snapshot, PreemptArgs::read(body.as_bytes()).expect("a request"), NOW);
    serde_json::to_value(&reply).expect("a reply")["NodeNameToMetaVictims"].clone()
}

fn victims(names: &[&str]) -> Value {
    let pods: Vec<Value> = names.iter().map(|name| json!({"UID": format!("uid-{name}")})).collect();
    json!({"Pods": pods, "NumPDBViolations": 0})
}

#[test]
fn preemption_spares_plan_members_that_stay_and_never_takes_nobody() {
    let mut required = on(planned(pod("stays", 8), "n0", NOW), "n0");
    required["metadata"]["annotations"]["plimsoll.dev/required"] = "true".into();
    let goes = on(pod("goes", 8), "n1");
    let it = pod("vip", 8);
    let mut known = cluster(&nodes(3, 8, "H100"), &[required, goes, it.clone()]);
    let snapshot = snapshot(&mut known);
    let asked = json!({"n0": victims(&["stays"]), "n1": victims(&["goes"]), "n2": victims(&[])});
    assert_eq!(preempted(&snapshot, &it, &asked), json!({"n1": victims(&["goes"])}));
    assert_eq!(preempted(&snapshot, &it, &json!({"n0": victims(&["stays"])})), json!({}));
}

/// The scheduler does not ask filter about these nodes.
#[test]
fn preemption_offers_no_node_that_filter_would_refuse_afterwards() {
    let mut it = pod("vip", 8);
    it["metadata"]["annotations"]["plimsoll.dev/request"] =
        "{accelerators: {anyOf: [H100], count: 8}}".into();
    let on_its_way = planned(pod("coming", 4), "n1", NOW);
    let running =
        [on(pod("x", 8), "n0"), on(pod("y", 4), "n1"), on(pod("z", 8), "n2"), on_its_way, it.clone()];
    let machines = [node("n0", 8, "T4"), node("n1", 8, "H100"), node("n2", 8, "H100")];
    let mut known = cluster(&machines, &running);
    let asked = json!({"n0": victims(&["x"]), "n1": victims(&["y"]), "n2": victims(&["z"])});
    assert_eq!(preempted(&snapshot(&mut known), &it, &asked), json!({"n2": victims(&["z"])}));
}

/// However many kinds of pods run, those that wait are scored.
#[test]
fn pods_that_wait_are_scored_before_those_that_run() {
    let mut pods: Vec<Value> = (0..80).map(|at| on(pod(&format!("r{at:02}"), 1), "n0")).collect();
    for (at, it) in pods.iter_mut().enumerate() {
        it["spec"]["containers"][0]["resources"]["requests"]["cpu"] = format!("{}m", at + 1).into();
    }
    pods.push(pod("z", 1));
    let snapshot = snapshot(&mut cluster(&nodes(4, 8, "H100"), &pods));
    let class = snapshot.pods["uid-z"].class.expect("a class") as usize;
    assert!(!snapshot.classes[class].table.is_empty());
    assert_eq!(snapshot.classes.iter().filter(|class| class.table.is_empty()).count(), 81 - 64);
}

#[test]
fn prices_of_the_mix_are_found_apart_and_taken_over() {
    let it = pod("a", 1);
    let running: Vec<Value> =
        (0..4).map(|at| on(pod(&format!("r{at}"), 2), "n0")).chain([it.clone()]).collect();
    let mut known = cluster(&nodes(4, 8, "H100"), &running);
    let mut builder = Builder::default();
    builder.snapshot(&mut known, NOW, Bounds::default());
    let unpriced = builder.unpriced().expect("the first mix has no prices");
    builder.accept(unpriced.solve());
    assert!(builder.unpriced().is_none());
    let snapshot = builder.snapshot(&mut known, NOW, Bounds::default());
    let scores = scores(&snapshot, &body(&it, &["n1", "n2"]));
    assert_eq!(scores["n1"], scores["n2"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each node offered passes or has one reason; scores are whole and from 0 to 10, one a node; asking changes nothing.
    #[test]
    fn every_node_has_an_answer(
        running in prop::collection::vec((0usize..6, 1u32..5), 0..10),
        on_their_way in prop::collection::vec((0usize..6, 1u32..9), 0..4),
        asked in prop::collection::btree_set(0usize..9, 0..9),
        gpus in 0u32..9,
    ) {
        let mut pods: Vec<Value> = running
            .iter()
            .enumerate()
            .map(|(at, (node, gpus))| on(pod(&format!("r{at}"), *gpus), &format!("n{node}")))
            .collect();
        pods.extend(on_their_way.iter().enumerate().map(|(at, (node, gpus))| {
            planned(pod(&format!("w{at}"), *gpus), &format!("n{node}"), NOW)
        }));
        let it = pod("it", gpus);
        pods.push(it.clone());
        let mut known = cluster(&nodes(6, 8, "H100"), &pods);
        let snapshot = snapshot(&mut known);
        let names: Vec<String> = asked.iter().map(|at| format!("n{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let body = body(&it, &names);
        let (reply, _) = filtered(&snapshot, &body, NOW);
        let mut seen: Vec<&str> =
            reply["NodeNames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for map in ["FailedNodes", "FailedAndUnresolvableNodes"] {
            for (node, reason) in reply[map].as_object().into_iter().flatten() {
                prop_assert!(reason.as_str().is_some_and(|reason| !reason.is_empty()));
                seen.push(node);
            }
        }
        seen.sort_unstable();
        prop_assert_eq!(&seen, &names);
        let marks = scores(&snapshot, &body);
        prop_assert_eq!(marks.len(), names.len());
        prop_assert!(marks.values().all(|score| (0..=10).contains(score)));
        prop_assert_eq!(filtered(&snapshot, &body, NOW).0, reply);
        prop_assert_eq!(scores(&snapshot, &body), marks);
    }

    /// What preempt gives back was in the request, has victims, and spares who stays.
    #[test]
    fn preempt_gives_back_a_part_of_what_was_asked(
        sizes in prop::collection::vec((0usize..5, any::<bool>()), 1..12),
        empty in prop::collection::btree_set(0usize..5, 0..3),
    ) {
        let mut pods = Vec::new();
        let mut asked: BTreeMap<String, Vec<String>> = empty.iter().map(|at| (format!("n{at}"), vec![])).collect();
        for (at, (node, stays)) in sizes.iter().enumerate() {
            let (name, node) = (format!("r{at}"), format!("n{node}"));
            let mut it = on(pod(&name, 1), &node);
            if *stays {
                it = planned(it, &node, NOW);
                it["metadata"]["annotations"]["plimsoll.dev/required"] = "true".into();
            }
            pods.push(it);
            asked.entry(node).or_default().push(name);
        }
        let it = pod("vip", 2);
        pods.push(it.clone());
        let mut known = cluster(&nodes(5, 8, "H100"), &pods);
        let lists = |names: &[String]| victims(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let request: BTreeMap<&String, Value> = asked.iter().map(|(node, names)| (node, lists(names))).collect();
        let reply = preempted(&snapshot(&mut known), &it, &json!(request));
        for (node, names) in &asked {
            let stays = names.iter().any(|name| sizes[name[1..].parse::<usize>().expect("a number")].1);
            let expected = (!names.is_empty() && !stays).then(|| lists(names));
            prop_assert_eq!(reply.get(node), expected.as_ref());
        }
    }
}

/// As the API server's objects come: through JSON and back.
#[test]
fn objects_survive_the_way_through_the_client() {
    let pod: v1::Pod = object(pod("a", 1));
    assert_eq!(object::<v1::Pod>(serde_json::to_value(&pod).expect("JSON")), pod);
}
