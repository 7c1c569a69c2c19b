//! Priorities.

use super::*;
use crate::cluster::{
    Source,
    tests::{object, on},
};

fn with_priority(name: &str, gpus: u32, priority: i32, gang: Option<&str>) -> Value {
    let mut it = gated(name, gpus, NOW);
    it["spec"]["priority"] = priority.into();
    if let Some(gang) = gang {
        it["metadata"]["labels"]["scheduling.x-k8s.io/pod-group"] = gang.into();
    }
    it
}

fn plan(known: &Cluster) -> Plan {
    let waiting = known.pods().iter().filter(|(_, pod)| pod.facts.is_waiting());
    let question = Question {
        wanted: waiting.map(|(uid, _)| uid.clone()).collect(),
        cluster: known.clone(),
        extra: BTreeSet::new(),
        sent: BTreeMap::new(),
        now: NOW,
        bound: 300_000,
    };
    question.answer(&mut PackingPlanner::default()).expect("a plan")
}

fn placed(plan: &Plan) -> Vec<&str> {
    plan.assignments.keys().map(String::as_str).collect()
}

#[test]
fn pods_of_higher_priority_are_placed_first_though_others_are_worth_more() {
    let pods = [
        with_priority("large", 8, 0, None),
        with_priority("small", 4, 100, None),
        with_priority("rest", 3, -5, None),
    ];
    let known = cluster(&[node("n0", 8, "H100")], &pods);
    let plan = plan(&known);
    assert_eq!(placed(&plan), ["uid-rest", "uid-small"]);
    assert!(plan.waiting["uid-large"].contains("nvidia.com/gpu"), "{:?}", plan.waiting);
    // None that places the important first is worth more.
    assert!((plan.worth - 7.0).abs() < 0.1, "{plan:?}");
    assert!((plan.worth..plan.worth + 0.1).contains(&plan.bound) && plan.gap < 0.02, "{plan:?}");
    // What runs counts once, on however many levels others wait.
    let pods = [on(pod("runs", 1), "n0"), pods[1].clone(), pods[2].clone()];
    let plan = self::plan(&cluster(&[node("n0", 8, "H100")], &pods));
    assert_eq!(placed(&plan), ["uid-rest", "uid-small"]);
    assert!((plan.worth - 8.0).abs() < 0.1 && (plan.bound - 8.0).abs() < 0.1, "{plan:?}");
    // However many priorities there are.
    let many: Vec<Value> = (0..20).map(|at| with_priority(&format!("p{at:02}"), 1, at, None)).collect();
    let known = cluster(&[node("n0", 8, "H100")], &many);
    let plan = self::plan(&known);
    assert_eq!(plan.assignments.len() + plan.waiting.len(), 20);
    assert!((13..20).all(|at| plan.assignments.contains_key(&format!("uid-p{at:02}"))), "{plan:?}");
}

#[test]
fn a_gang_has_the_priority_that_its_pod_group_states() {
    let pods = [
        with_priority("a", 4, 0, Some("g")),
        with_priority("b", 4, 0, Some("g")),
        with_priority("other", 8, 10, None),
    ];
    let mut known = cluster(&[node("n0", 8, "H100")], &pods);
    assert_eq!(placed(&plan(&known)), ["uid-other"]);
    known.apply_object(Source::PriorityClasses, (None, "urgent"), &json!({"value": 1000}));
    let group = |spec: Value| json!({"spec": spec});
    let named = (Some("default"), "g");
    known.apply_object(
        Source::VolcanoPodGroups,
        named,
        &group(json!({"minMember": 2, "priorityClassName": "urgent"})),
    );
    assert_eq!(placed(&plan(&known)), ["uid-a", "uid-b"]);
    known.delete_object(Source::PriorityClasses, "urgent");
    assert_eq!(placed(&plan(&known)), ["uid-other"], "nobody knows that name");
    let stated = json!({"schedulingPolicy": {"gang": {"minCount": 2}}, "priority": 11});
    known.apply_object(Source::PodGroups, named, &group(stated));
    assert_eq!(placed(&plan(&known)), ["uid-a", "uid-b"]);
    // Without a group the most important of its pods speaks for all.
    let mut known = cluster(&[node("n0", 8, "H100")], &pods);
    known.apply_pod(&object(with_priority("b", 4, 20, Some("g"))));
    assert_eq!(placed(&plan(&known)), ["uid-a", "uid-b"]);
}
