//! Gangs: placed whole, called back whole, held whole.

use serde_json::{Value, json};

use super::{NOW, gated, sized::asked};
use crate::{
    clock,
    cluster::{
        Cluster, Millis,
        tests::{cluster, node, object, on, planned, pod},
    },
    control::{Action, Controller, Decision, Settings, plan::FirstFit},
    names,
};

/// A pod of the one gang here.
pub(super) fn of_gang(mut pod: Value) -> Value {
    pod["metadata"]["labels"]["scheduling.x-k8s.io/pod-group"] = "g".into();
    pod
}

/// Our gate opens to what comes after it: while another's gate holds the pod there is nothing to come, and a plan that is
/// made once it is gone is in time. Of a gang all pods wait for that.
#[test]
fn a_gate_stays_while_another_holds_the_pod() {
    let settings = Settings::default();
    let it = of_gang(gated("a", 4, NOW));
    let mut sibling = gated("b", 4, NOW);
    sibling["metadata"]["labels"] = it["metadata"]["labels"].clone();
    sibling["spec"]["schedulingGates"] = json!([{"name": names::GATE}, {"name": "example.com/queue"}]);
    let mut known = cluster(&[node("n0", 8, "H100")], &[it.clone(), sibling.clone()]);
    let mut controller = Controller::default();
    let opened = |decision: &Decision| {
        let patches = decision.actions.iter().filter_map(|action| action.changes());
        patches.map(|target| target.name.clone()).collect::<Vec<_>>()
    };
    let decision = controller.decide(&mut known, &settings, NOW + 20_000, true);
    assert!(decision.question.is_none(), "half a gang is not planned");
    assert_eq!(opened(&decision), Vec::<String>::new());
    let decision = controller.decide(&mut known, &settings, NOW + 100_000, true);
    assert_eq!(opened(&decision), Vec::<String>::new(), "it would run alone");
    assert_eq!(Controller::overdue(&known, &settings, NOW + 100_000).len(), 0);

    sibling["spec"]["schedulingGates"] = json!([{"name": names::GATE}]);
    for mut pod in [it, sibling] {
        pod["metadata"]["resourceVersion"] = "2".into();
        known.apply_pod(&object(pod));
    }
    for (after, question, gone) in [(1_000, false, false), (1_500, true, false), (30_000, false, true)] {
        let now = NOW + 100_000 + after;
        let decision = controller.decide(&mut known, &settings, now, true);
        let asked = decision.question.as_ref().map_or(0, |question| question.wanted.len());
        assert_eq!(asked, if question { 2 } else { 0 }, "{after} ms after the other's gate");
        let both: Vec<String> = if gone { vec!["a".into(), "b".into()] } else { Vec::new() };
        assert_eq!(opened(&decision), both, "{after} ms after the other's gate");
    }
}

/// A gate that never opens is not to hold pods behind ours: they are let go, and go nowhere without it.
#[test]
fn a_gang_that_a_foreign_gate_tears_is_let_go_and_held() {
    let settings = Settings::default();
    let member = |name: &str, gates: Value| {
        let mut it = of_gang(gated(name, 4, NOW));
        it["spec"]["schedulingGates"] = gates;
        it
    };
    let (ours, both) =
        (json!([{"name": names::GATE}]), json!([{"name": names::GATE}, {"name": "example.com/queue"}]));
    let mut known =
        cluster(&[node("n0", 8, "H100")], &[member("a", ours.clone()), member("b", both.clone())]);
    let mut controller = Controller::default();
    let patches = |decision: &Decision| -> Vec<(String, &'static str, Value)> {
        let changes = decision.actions.iter().filter_map(|action| match action {
            Action::Patch(patch) => {
                let held = patch.body["metadata"]["annotations"][names::HELD_AT].clone();
                Some((patch.pod.name.clone(), patch.what, held))
            }
            _ => None,
        });
        changes.collect()
    };
    let mut look = |known: &mut Cluster, after: Millis| {
        let decision = controller.decide(known, &settings, NOW + after, true);
        assert!(decision.question.is_none(), "half a gang is not planned");
        (patches(&decision), decision.next - NOW)
    };
    assert_eq!(look(&mut known, 1_000), (vec![], 3_000));
    assert_eq!(look(&mut known, 300_500), (vec![], 301_000), "it looks again when that is over");
    let at = |after| Value::from(clock::text(NOW + after));
    assert_eq!(look(&mut known, 301_000).0, [("a".to_owned(), "open", at(301_000))]);
    let overdue = |known: &Cluster, after| Controller::overdue(known, &settings, NOW + after).len();
    assert_eq!((overdue(&known, 329_000), overdue(&known, 331_000)), (0, 1));

    // Whoever answers the scheduler refuses it all nodes, and goes on doing so.
    let mut open = member("a", json!([]));
    open["metadata"]["annotations"][names::HELD_AT] = at(301_000);
    open["metadata"]["resourceVersion"] = "2".into();
    known.apply_pod(&object(open.clone()));
    assert_eq!(look(&mut known, 302_000).0, []);
    assert!(known.held_gangs(NOW + 302_000, settings.bound).contains_key("default/g"));
    assert_eq!(look(&mut known, 451_000).0, [("a".to_owned(), "hold", at(451_000))]);
    open["metadata"]["annotations"][names::HELD_AT] = at(451_000);
    open["metadata"]["resourceVersion"] = "3".into();
    known.apply_pod(&object(open));

    // Once the other's gate opens all of it is planned.
    let mut freed = member("b", ours);
    freed["metadata"]["resourceVersion"] = "2".into();
    known.apply_pod(&object(freed));
    let plan = asked(&mut controller, &mut known, (NOW + 460_000, NOW + 460_500))
        .expect("it is time")
        .answer(&mut FirstFit);
    let actions = controller.answered(&mut known, &settings, NOW + 460_500, plan);
    let placed: Vec<&str> =
        actions.iter().filter(|action| action.changes().is_some()).map(Action::name).collect();
    assert_eq!(placed, ["replan", "place"]);
}

/// What could not be carried out is tried again with the same nodes; where one of them is gone by then, no pod of the gang
/// is placed alone.
#[test]
fn a_gang_that_loses_a_node_while_it_is_placed_is_planned_anew() {
    for failures in [1, 4] {
        let member = |name: &str| of_gang(gated(name, 8, NOW));
        let nodes = [node("n0", 8, "H100"), node("n1", 8, "H100")];
        let mut known = cluster(&nodes, &[member("a"), member("b")]);
        let (mut controller, settings) = (Controller::default(), Settings::default());
        controller.decide(&mut known, &settings, NOW, true);
        let decision = controller.decide(&mut known, &settings, NOW + 400, true);
        let plan = decision.question.expect("it is time").answer(&mut FirstFit);
        let placed = |actions: &[Action]| actions.iter().filter(|action| action.name() == "place").count();
        assert_eq!(placed(&controller.answered(&mut known, &settings, NOW + 500, plan)), 2);
        controller.failed("uid-a", NOW + 510);
        for _ in 0..failures {
            controller.failed("uid-b", NOW + 510);
        }
        known.delete_node("n1");
        let (mut now, mut answer) = (NOW + 700, None);
        while now < NOW + 20_000 {
            let mut actions = Vec::new();
            if let Some(answer) = answer.take() {
                actions = controller.answered(&mut known, &settings, now, answer);
            }
            let decision = controller.decide(&mut known, &settings, now, true);
            actions.extend(decision.actions);
            assert_eq!(placed(&actions), 0, "after {} ms, b failed {failures} times", now - NOW);
            answer = decision.question.map(|question| question.answer(&mut FirstFit));
            now += 100;
        }
        // And it is whole once there is room again.
        known.apply_node(&node("n2", 8, "H100"));
        let plan = (0..30).find_map(|_| {
            now += 100;
            controller.decide(&mut known, &settings, now, true).question
        });
        let plan = plan.expect("there may be room").answer(&mut FirstFit);
        assert_eq!(placed(&controller.answered(&mut known, &settings, now + 10, plan)), 2);
    }
}

/// A plan lets go of no gang that it was not asked about.
#[test]
fn a_gang_stays_held_until_a_plan_is_asked_about_it() {
    let member = |name: &str, gates: Value| {
        let mut it = of_gang(gated(name, 8, NOW));
        it["metadata"]["annotations"][names::HELD_AT] = clock::text(NOW).into();
        it["spec"]["schedulingGates"] = gates;
        it
    };
    let queued = json!([{"name": "example.com/queue"}]);
    let pods = [member("a", json!([])), member("b", queued), gated("c", 8, NOW)];
    let mut known = cluster(&[node("n0", 8, "H100")], &pods);
    let (mut controller, settings) = (Controller::default(), Settings::default());
    let mut released = |known: &mut Cluster, now: Millis| {
        let question = asked(&mut controller, known, (now, now + 500)).expect("it is time");
        let wanted = question.wanted.clone();
        let plan = question.answer(&mut FirstFit);
        let actions = controller.answered(known, &settings, now + 500, plan);
        let released = actions.iter().filter(|action| action.name() == "release");
        (wanted, released.count())
    };
    assert_eq!(released(&mut known, NOW), (vec!["uid-c".to_owned()], 0));
    known.delete_pod("uid-b");
    assert!(
        released(&mut known, NOW + 20_000).0.contains(&"uid-a".to_owned()),
        "it waits for no other any more"
    );
}

/// A gang that was held past its gate is placed by one patch a pod: that lets go of it too.
#[test]
fn a_held_gang_is_placed_by_one_patch_a_pod() {
    let member = |name: &str| {
        let mut it = of_gang(gated(name, 8, NOW));
        it["metadata"]["annotations"][names::HELD_AT] = clock::text(NOW).into();
        it["spec"]["schedulingGates"] = json!([]);
        it
    };
    let nodes = [node("n0", 8, "H100"), node("n1", 8, "H100")];
    let mut known = cluster(&nodes, &[member("a"), member("b")]);
    let (mut controller, settings) = (Controller::default(), Settings::default());
    let plan =
        asked(&mut controller, &mut known, (NOW, NOW + 500)).expect("it is time").answer(&mut FirstFit);
    let actions = controller.answered(&mut known, &settings, NOW + 500, plan);
    let changes: Vec<(&str, &str)> =
        actions.iter().filter_map(|it| Some((&*it.changes()?.uid, it.name()))).collect();
    assert_eq!(changes, [("uid-a", "replan"), ("uid-b", "replan")]);
    for action in &actions {
        let Action::Patch(patch) = action else { continue };
        assert_eq!(patch.body["metadata"]["annotations"].get(names::HELD_AT), Some(&Value::Null));
    }
}

/// Two pods of a gang that are on their way, a to n0 and b to n1; and what is done when n1 goes.
#[test]
fn a_gang_that_loses_a_node_on_its_way_is_called_back_whole() {
    let member = |name: &str, node: &str| of_gang(planned(pod(name, 8), node, NOW));
    let both = [member("a", "n0"), member("b", "n1")];
    let done = |decision: &Decision| -> Vec<(String, &'static str)> {
        let it = decision.actions.iter().filter_map(|it| Some((it.changes()?.name.clone(), it.name())));
        it.collect()
    };
    let settings = Settings::default();
    let mut known = cluster(&[node("n0", 8, "H100")], &both);
    let mut controller = Controller::default();
    let decision = controller.decide(&mut known, &settings, NOW + 1_000, true);
    let mut forgotten = done(&decision);
    forgotten.sort();
    assert_eq!(forgotten, [("a".to_owned(), "forget"), ("b".to_owned(), "forget")]);
    for action in &decision.actions {
        let Action::Patch(patch) = action else { continue };
        assert_eq!(
            patch.body["metadata"]["annotations"][names::HELD_AT],
            clock::text(NOW + 1_000),
            "it goes nowhere alone"
        );
    }
    // One is seen before the other: nothing is planned without it.
    let back = |mut pod: Value| {
        let all = pod["metadata"]["annotations"].as_object_mut().expect("annotations");
        all.retain(|key, _| key != names::NODE && key != names::PLANNED_AT);
        all.insert(names::HELD_AT.to_owned(), clock::text(NOW + 1_000).into());
        pod["metadata"]["resourceVersion"] = "2".into();
        object(pod)
    };
    known.apply_pod(&back(both[1].clone()));
    for after in [1_100, 1_600, 2_100] {
        let decision = controller.decide(&mut known, &settings, NOW + after, true);
        assert!(decision.question.is_none() && done(&decision).is_empty(), "{decision:?}");
    }
    known.apply_pod(&back(both[0].clone()));
    known.apply_node(&node("n2", 8, "H100"));
    let question = asked(&mut controller, &mut known, (NOW + 2_200, NOW + 2_700)).expect("it is time");
    assert_eq!(question.wanted, ["uid-a", "uid-b"]);
    let plan = question.answer(&mut FirstFit);
    let placed = controller.answered(&mut known, &settings, NOW + 2_700, plan);
    assert_eq!(placed.iter().filter(|it| it.name() == "replan").count(), 2, "{placed:?}");

    // Where one runs the rest is planned beside it.
    let runs = on(both[0].clone(), "n0");
    let mut known = cluster(&[node("n0", 8, "H100")], &[runs, both[1].clone()]);
    let decision = Controller::default().decide(&mut known, &settings, NOW + 1_000, true);
    assert_eq!(done(&decision), [("b".to_owned(), "forget")]);
    let Some(Action::Patch(patch)) = decision.actions.iter().find(|it| it.changes().is_some()) else {
        panic!("a patch")
    };
    assert_eq!(patch.body["metadata"]["annotations"].get(names::HELD_AT), None);
}

/// The same before the placing of one is seen, and while that of the other fails.
#[test]
fn a_gang_that_loses_a_node_is_called_back_however_far_it_is() {
    let member = |name: &str| of_gang(gated(name, 8, NOW));
    let nodes = [node("n0", 8, "H100"), node("n1", 8, "H100")];
    let mut known = cluster(&nodes, &[member("a"), member("b")]);
    let (mut controller, settings) = (Controller::default(), Settings::default());
    controller.decide(&mut known, &settings, NOW, true);
    let question = controller.decide(&mut known, &settings, NOW + 400, true).question;
    let plan = question.expect("it is time").answer(&mut FirstFit);
    controller.answered(&mut known, &settings, NOW + 500, plan);
    // a goes to n0, which is not seen yet; b was to go to n1, and could not be changed.
    controller.failed("uid-b", NOW + 510);
    known.delete_node("n1");
    for after in [700, 1_100, 2_000] {
        let decision = controller.decide(&mut known, &settings, NOW + after, true);
        assert!(decision.question.is_none(), "b is not planned without a");
    }
    let mut placed = planned(member("a"), "n0", NOW + 500);
    placed["spec"]["schedulingGates"] = json!([]);
    placed["metadata"]["resourceVersion"] = "2".into();
    known.apply_pod(&object(placed));
    let decision = controller.decide(&mut known, &settings, NOW + 2_100, true);
    let names: Vec<&str> =
        decision.actions.iter().filter(|it| it.changes().is_some()).map(Action::name).collect();
    assert_eq!(names, ["forget"], "{decision:?}");
    assert!(decision.question.is_none());
}
