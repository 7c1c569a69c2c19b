//! Pods that claim devices.

use super::*;
use crate::cluster::tests::{
    claims::{TEMPLATE, claiming, listed, template},
    object, on,
};

fn gated_claim(name: &str, claim: &str) -> Value {
    let mut it = claiming(name, TEMPLATE, claim);
    it["metadata"]["creationTimestamp"] = clock::text(NOW).into();
    it["spec"]["schedulingGates"] = json!([{"name": names::GATE}]);
    it
}

/// The patches and events of a look.
fn said(
    controller: &mut Controller,
    known: &mut Cluster,
    now: Millis,
) -> (Vec<&'static str>, Vec<String>, Millis) {
    let decision = controller.decide(known, &Settings::default(), now, false);
    let texts = decision.actions.iter().filter_map(|action| match action {
        Action::Event { reason, text, .. } => Some(format!("{reason}: {text}")),
        _ => None,
    });
    let texts = texts.collect();
    let patches =
        decision.actions.iter().filter(|action| action.changes().is_some()).map(Action::name).collect();
    (patches, texts, decision.next)
}

#[test]
fn a_pod_whose_claim_is_not_understood_is_let_go_with_the_reason() {
    let mut known = listed(1);
    let odd = json!({"spec": {"spec": {"devices": {"requests": [{"name": "r", "exactly": {
        "deviceClassName": "gpu.example.com", "allocationMode": "All"}}]}}}});
    let source = crate::cluster::Source::ResourceClaimTemplates;
    known.apply_object(source, (Some("default"), "all"), &odd);
    known.apply_pod(&object(gated_claim("a", "all")));
    let (patches, texts, _) = said(&mut Controller::default(), &mut known, NOW);
    assert_eq!(patches, ["open"]);
    let expected =
        "LeftToScheduler: left to the scheduler: `allocationMode: All` of claim all cannot be held";
    assert!(texts.len() == 1 && texts[0].starts_with(expected), "{texts:?}");
    // One that never had the gate is told the same, once.
    let mut open = gated_claim("b", "all");
    open["spec"]["schedulingGates"] = json!([]);
    let mut known = listed(1);
    known.apply_object(source, (Some("default"), "all"), &odd);
    known.apply_pod(&object(open));
    let mut controller = Controller::default();
    let (patches, texts, _) = said(&mut controller, &mut known, NOW);
    assert!(patches.is_empty() && texts.len() == 1 && texts[0].starts_with(expected), "{texts:?}");
    assert_eq!(said(&mut controller, &mut known, NOW + 1_000).1, Vec::<String>::new());
}

/// Watches bring the pod before what it claims, or the other way round.
#[test]
fn a_claim_is_waited_for_a_moment() {
    let mut known = listed(1);
    known.apply_pod(&object(gated_claim("a", "t")));
    let mut controller = Controller::default();
    let (patches, texts, next) = said(&mut controller, &mut known, NOW + 10);
    assert!(patches.is_empty() && texts.is_empty() && next <= NOW + 1_000, "{texts:?}");
    let mut late = known.clone();
    let (patches, texts, _) = said(&mut Controller::default(), &mut late, NOW + 1_000);
    assert!(patches == ["open"] && texts[0].contains("ResourceClaimTemplate t is not known"), "{texts:?}");
    template(&mut known, "t", 1);
    assert!(said(&mut controller, &mut known, NOW + 20).0.is_empty(), "it waits for a plan");
    assert!(known.is_planned(&known.pods()["uid-a"]));
}

/// Where claims may not be read, or are served in versions that nobody here reads, waiting brings nothing.
#[test]
fn a_claim_that_nobody_sees_is_not_waited_for() {
    let mut known = listed(1);
    known.sees(crate::cluster::Source::ResourceClaimTemplates, false);
    known.apply_pod(&object(gated_claim("a", "t")));
    let (patches, texts, _) = said(&mut Controller::default(), &mut known, NOW + 10);
    assert!(patches == ["open"] && texts[0].starts_with("LeftToScheduler"), "{texts:?}");
}

/// Two of three devices on n0 have a claim of which no pod runs; one pod runs on n1.
#[test]
fn claimed_devices_are_room_for_nobody_else() {
    let mut known = listed(2);
    template(&mut known, "two", 2);
    template(&mut known, "three", 3);
    let results: Vec<Value> = (0..2).map(|_| json!({"driver": "gpu.example.com"})).collect();
    let field = json!({"key": "metadata.name", "operator": "In", "values": ["n0"]});
    let claim = json!({"status": {"allocation": {"devices": {"results": results},
        "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [field]}]}}, "reservedFor": []}});
    known.apply_object(crate::cluster::Source::ResourceClaims, (Some("default"), "c"), &claim);
    known.apply_pod(&object(on(claiming("runs", TEMPLATE, "two"), "n1")));
    for name in ["a", "b", "c"] {
        known.apply_pod(&object(gated_claim(name, "two")));
    }
    known.apply_pod(&object(gated_claim("d", "three")));
    known.refresh();
    let question = Question {
        wanted: ["a", "b", "c", "d"].map(|name| format!("uid-{name}")).to_vec(),
        cluster: known,
        extra: BTreeSet::new(),
        sent: BTreeMap::new(),
        now: NOW,
        bound: 300_000,
    };
    let plan = question.answer(&mut PackingPlanner::default()).expect("a plan");
    let mut nodes: Vec<&str> = plan.assignments.values().map(|node| &**node).collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["n0", "n1"], "{plan:?}");
    assert!(plan.waiting["uid-d"].contains("gpu.example.com"), "{:?}", plan.waiting);
}
