//! Gangs of a stated size.

use super::*;
use crate::cluster::{
    Source,
    tests::{object, on},
};

/// A pod of the gang, behind our gate, made so many milliseconds late.
fn member(name: &str, gpus: u32, late: Millis) -> Value {
    gangs::of_gang(gated(name, gpus, NOW + late))
}

fn sized(known: &mut Cluster, size: u32) -> bool {
    let group = json!({"spec": {"minMember": size}, "status": {"phase": "Pending"}});
    known.apply_object(Source::CoschedulingPodGroups, (Some("default"), "g"), &group)
}

/// Looks until there is a question, or for so long.
pub(super) fn asked(
    controller: &mut Controller,
    known: &mut Cluster,
    (from, until): (Millis, Millis),
) -> Option<Question> {
    let mut now = from;
    while now < until {
        let decision = controller.decide(known, &Settings::default(), now, true);
        if decision.question.is_some() {
            return decision.question;
        }
        now = decision.next;
    }
    None
}

#[test]
fn a_gang_is_planned_when_its_pods_are_there() {
    let mut known = cluster(&[node("n0", 8, "H100")], &[member("a", 2, 0), member("b", 2, 10)]);
    assert!(sized(&mut known, 3) && !sized(&mut known, 3), "the same again is no change");
    let mut controller = Controller::default();
    assert!(asked(&mut controller, &mut known, (NOW, NOW + 1_500)).is_none(), "two of three");
    let decision = controller.decide(&mut known, &Settings::default(), NOW + 2_500, true);
    let said: Vec<&Action> = decision.actions.iter().filter(|one| one.changes().is_none()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        matches!(said[0], Action::Event { reason: "NotPlanned", text, .. } if text == "no place yet: its gang g has 2 of 3 pods")
    );
    // A pod that asks for no accelerators is one of them all the same.
    let mut launcher = member("launcher", 0, 2_600);
    launcher["spec"]["schedulingGates"] = json!([]);
    known.apply_pod(&object(launcher));
    let question =
        asked(&mut controller, &mut known, (NOW + 2_600, NOW + 4_000)).expect("all three are there");
    assert_eq!(question.wanted, ["uid-a", "uid-b"]);
    assert!(question.extra.is_empty());
}

#[test]
fn what_comes_beyond_the_size_of_a_gang_is_planned_by_itself() {
    let pods = [member("d", 4, 0), member("c", 4, 10), member("b", 4, 20), member("a", 4, 30)];
    let mut known = cluster(&[node("n0", 8, "H100")], &pods);
    sized(&mut known, 2);
    let mut controller = Controller::default();
    let question = asked(&mut controller, &mut known, (NOW, NOW + 1_000)).expect("two are enough");
    assert_eq!(question.wanted, ["uid-c", "uid-d"], "the oldest");
    let actions =
        controller.answered(&mut known, &Settings::default(), NOW + 1_000, question.answer(&mut FirstFit));
    assert_eq!(actions.iter().filter(|action| action.name() == "place").count(), 2, "{actions:?}");
    for it in [member("d", 4, 0), member("c", 4, 10)] {
        let mut it = planned(it, "n0", NOW + 1_000);
        it["spec"]["schedulingGates"] = json!([]);
        it["metadata"]["resourceVersion"] = "2".into();
        known.apply_pod(&object(it));
    }
    let question =
        asked(&mut controller, &mut known, (NOW + 1_100, NOW + 3_000)).expect("the others want a place too");
    assert_eq!(question.wanted, ["uid-a", "uid-b"]);
    assert_eq!(question.extra.iter().collect::<Vec<_>>(), ["uid-a", "uid-b"]);
    // There is room for one more: it is used, and that there is none for both holds nobody up.
    known.apply_node(&node("n1", 4, "H100"));
    known.refresh();
    let question = Question { cluster: known.clone(), ..question };
    let plan = question.answer(&mut PackingPlanner::default()).expect("a plan");
    assert_eq!((plan.assignments.len(), plan.waiting.len()), (1, 1), "{plan:?}");
    let actions = controller.answered(&mut known, &Settings::default(), NOW + 3_100, Ok(plan));
    let names: Vec<&str> = actions.iter().map(Action::name).collect();
    assert!(names.contains(&"place") && !names.contains(&"hold"), "{names:?}");
}

/// Part of a gang does not run while the rest is not there, however long that takes; gates open all the same.
#[test]
fn a_gang_that_is_not_complete_at_the_deadline_is_let_go_and_held() {
    let mut known = cluster(&[node("n0", 8, "H100")], &[member("a", 2, 0), member("b", 2, 10)]);
    sized(&mut known, 3);
    let decision = Controller::default().decide(&mut known, &Settings::default(), NOW + 30_100, true);
    let held = |action: &Action| match action {
        Action::Patch(patch) => patch.body["metadata"]["annotations"][names::HELD_AT].is_string(),
        _ => false,
    };
    let opened: Vec<&Action> = decision.actions.iter().filter(|one| one.name() == "open").collect();
    assert!(opened.len() == 2 && opened.into_iter().all(held), "{:?}", decision.actions);
    // One of them runs already, whatever made that: the others are not held.
    known.apply_pod(&object(on(member("c", 2, 0), "n0")));
    assert!(asked(&mut Controller::default(), &mut known, (NOW, NOW + 1_000)).is_some());
}

#[test]
fn every_dialect_says_how_large_a_gang_is() {
    for (source, name, body, gang, size) in [
        (Source::PodGroups, "g", json!({"schedulingPolicy": {"gang": {"minCount": 4}}}), "g", Some(4)),
        (Source::PodGroups, "g", json!({"schedulingPolicy": {"basic": {}}}), "g", None),
        (
            Source::Workloads,
            "w",
            json!({"podGroups": [{"name": "g", "policy": {"gang": {"minCount": 5}}}]}),
            "g",
            Some(5),
        ),
        (Source::CoschedulingPodGroups, "g", json!({"minMember": 2}), "g", Some(2)),
        (Source::VolcanoPodGroups, "g", json!({"minMember": 3, "queue": "q"}), "g", Some(3)),
        (Source::VolcanoPodGroups, "g", json!({"minMember": -3}), "g", None),
        (Source::VolcanoPodGroups, "g", json!({"minMember": "3"}), "g", None),
    ] {
        let mut known = Cluster::default();
        known.apply_object(source, (Some("default"), name), &json!({"spec": body}));
        assert_eq!(known.gang_size(&format!("default/{gang}")), size, "{source:?} {body}");
        assert_eq!(known.gang_size("other/g"), None);
        known.apply_object(source, (Some("default"), name), &json!({"spec": {}}));
        assert_eq!(known.gang_size("default/g"), None, "{source:?}");
        known.apply_object(source, (Some("default"), name), &json!({"spec": body}));
        known.delete_object(source, &format!("default/{name}"));
        assert_eq!(known.gang_size("default/g"), None, "{source:?}");
    }
    let mut it = gated("a", 1, NOW);
    it["metadata"]["labels"]["kueue.x-k8s.io/pod-group-name"] = "k".into();
    it["metadata"]["annotations"]["kueue.x-k8s.io/pod-group-total-count"] = "2".into();
    let mut known = cluster(&[node("n0", 8, "H100")], &[it.clone()]);
    assert!(asked(&mut Controller::default(), &mut known, (NOW, NOW + 1_000)).is_none());
    it["metadata"]["name"] = "b".into();
    it["metadata"]["uid"] = "uid-b".into();
    known.apply_pod(&object(it));
    assert!(asked(&mut Controller::default(), &mut known, (NOW, NOW + 1_000)).is_some());
}
