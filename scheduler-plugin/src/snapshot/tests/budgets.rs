//! Disruption budgets and priorities.

use super::*;
use crate::cluster::Source;

/// A pod of an application that runs.
fn runs(name: &str, app: &str, gpus: u32, node: &str) -> Value {
    let mut it = on(pod(name, gpus), node);
    it["metadata"]["labels"] = json!({"app": app});
    it
}

fn budget(known: &mut Cluster, app: &str, allowed: i64, going: &[&str]) -> bool {
    let going: serde_json::Map<String, Value> =
        going.iter().map(|name| ((*name).to_owned(), json!("2026-11-22T10:00:00Z"))).collect();
    let budget = json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": allowed, "disruptedPods": going}});
    known.apply_object(Source::DisruptionBudgets, (Some("default"), app), &budget)
}

fn important(name: &str, gpus: u32, priority: i32) -> Value {
    let mut it = pod(name, gpus);
    it["spec"]["priority"] = priority.into();
    it
}

fn with_violations(names: &[&str], violations: i64) -> Value {
    let mut victims = victims(names);
    victims["NumPDBViolations"] = violations.into();
    victims
}

/// kube-scheduler takes the node with the lowest number before it looks at anything else.
#[test]
fn preemption_is_told_how_many_budgets_each_node_breaks() {
    let pods = [
        runs("a0", "a", 4, "n0"),
        runs("a1", "a", 4, "n0"),
        runs("b0", "b", 4, "n1"),
        // One without accelerators counts as well.
        runs("c0", "c", 0, "n2"),
        runs("free", "none", 8, "n2"),
    ];
    let it = important("vip", 8, 10);
    let mut known = cluster(&nodes(4, 8, "H100"), &pods);
    known.apply_pod(&object(it.clone()));
    let asked = json!({"n0": victims(&["a0", "a1"]), "n1": victims(&["b0"]), "n2": victims(&["c0", "free"])});
    let answer = |known: &mut Cluster| preempted(&snapshot(known), &it, &asked);
    assert_eq!(answer(&mut known), asked, "no budget is known");
    // Of a's one may go, of b's none, of c's one: only n2 breaks none.
    for (app, allowed) in [("a", 1), ("b", 0), ("c", 1)] {
        assert!(budget(&mut known, app, allowed, &[]) && !budget(&mut known, app, allowed, &[]));
    }
    let broken = |a, b, c| json!({"n0": with_violations(&["a0", "a1"], a), "n1": with_violations(&["b0"], b), "n2": with_violations(&["c0", "free"], c)});
    assert_eq!(answer(&mut known), broken(1, 1, 0));
    assert!(budget(&mut known, "c", 0, &[]));
    assert_eq!(answer(&mut known), broken(1, 1, 1));
    // One that is going already breaks nothing more.
    budget(&mut known, "b", 0, &["b0"]);
    assert_eq!(answer(&mut known), broken(1, 0, 1));
    // What the scheduler has counted beyond that holds.
    let counted = json!({"n1": with_violations(&["b0"], 2), "n3": with_violations(&["unknown"], 3)});
    assert_eq!(preempted(&snapshot(&mut known), &it, &counted), counted);
    // A budget of other pods, and one that is gone.
    let other =
        json!({"spec": {"selector": {"matchLabels": {"app": "none"}}}, "status": {"disruptionsAllowed": 0}});
    known.apply_object(Source::DisruptionBudgets, (Some("default"), "b"), &other);
    assert_eq!(answer(&mut known), broken(1, 0, 2));
    for app in ["a", "b", "c"] {
        assert!(known.delete_object(Source::DisruptionBudgets, &format!("default/{app}")));
    }
    assert_eq!(answer(&mut known), asked);
}

/// Who is on the way keeps its room from those that are no more important.
#[test]
fn room_is_kept_from_pods_of_no_higher_priority() {
    let mut coming = planned(pod("coming", 4), "n0", NOW);
    coming["spec"]["priority"] = 10.into();
    let mut later = planned(pod("later", 2), "n0", NOW);
    later["spec"]["priority"] = 5.into();
    let pods = [coming, later, on(pod("runs", 2), "n0")];
    let mut known = cluster(&nodes(1, 8, "H100"), &pods);
    for (priority, gpus, fits) in
        [(20, 6, true), (20, 7, false), (7, 2, true), (7, 3, false), (5, 1, false), (0, 1, false)]
    {
        let it = important("it", gpus, priority);
        known.apply_pod(&object(it.clone()));
        let (reply, _) = filtered(&snapshot(&mut known), &body(&it, &["n0"]), NOW);
        // Numbers of devices are the scheduler's to count where no room is kept.
        let passes = reply["NodeNames"] == json!(["n0"]);
        assert_eq!(passes, fits || priority > 10, "{priority} {gpus}: {reply}");
        known.delete_pod("uid-it");
    }
    let it = important("it", 8, 10);
    known.apply_pod(&object(it.clone()));
    let asked = json!({"n0": victims(&["runs"])});
    assert_eq!(
        preempted(&snapshot(&mut known), &it, &asked),
        json!({}),
        "beside one as important there are four"
    );
    let it = important("it", 8, 11);
    known.apply_pod(&object(it.clone()));
    assert_eq!(preempted(&snapshot(&mut known), &it, &asked), asked);
    let it = important("it", 4, -1);
    known.apply_pod(&object(it.clone()));
    assert_eq!(preempted(&snapshot(&mut known), &it, &asked), json!({}), "no victim is more important");
}
