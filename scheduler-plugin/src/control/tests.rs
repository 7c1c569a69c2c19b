//! What the controller does, case by case.

mod claims;
mod gangs;
mod levels;
mod sized;

use serde_json::{Value, json};

use super::{plan::FirstFit, *};
use crate::{
    clock,
    cluster::tests::{cluster, node, planned, pod},
    names,
};

const NOW: Millis = 1_800_000_000_000;

/// A pod behind our gate, made at a time.
fn gated(name: &str, gpus: u32, created: Millis) -> Value {
    let mut it = pod(name, gpus);
    it["metadata"]["annotations"][names::PLACE] = "true".into();
    it["metadata"]["creationTimestamp"] = clock::text(created).into();
    it["spec"]["schedulingGates"] = json!([{"name": names::GATE}]);
    it
}

/// Looks when the controller wants to, when something failed and when a plan is made; what is done goes to `api`, which
/// says whether it worked. How often it looked.
fn live(
    controller: &mut Controller,
    known: &mut Cluster,
    (from, until): (Millis, Millis),
    mut api: impl FnMut(Millis, &Action) -> bool,
) -> usize {
    let settings = Settings::default();
    let (mut now, mut looks, mut answer) = (from, 0, None);
    while now < until {
        looks += 1;
        let mut actions = Vec::new();
        if let Some(answer) = answer.take() {
            actions = controller.answered(known, &settings, now, answer);
        }
        let decision = controller.decide(known, &settings, now, true);
        actions.extend(decision.actions);
        let mut next = decision.next;
        if let Some(question) = decision.question {
            answer = Some(question.answer(&mut FirstFit));
            next = now + 20;
        }
        for action in actions {
            if !api(now, &action)
                && let Some(target) = action.changes()
            {
                controller.failed(&target.uid, now);
                next = now + 5;
            }
        }
        now = next;
    }
    looks
}

/// An API server that refuses everything is asked less and less often, and what it refused is done when it has mended.
#[test]
fn what_is_refused_is_tried_later_each_time() {
    for (gpus, what) in [(1, "place"), (9, "open")] {
        let mut known = cluster(&[node("n0", 8, "H100")], &[gated("a", gpus, NOW)]);
        let mut controller = Controller::default();
        let mut calls = Vec::new();
        // Longer than the deadline of the gate.
        let looks = live(&mut controller, &mut known, (NOW, NOW + 120_000), |now, action| {
            calls.extend(action.changes().map(|_| (now, action.name())));
            false
        });
        let of_it = calls.iter().filter(|(_, name)| *name == what).count();
        assert!((5..20).contains(&of_it) && calls.len() < 30, "{calls:?}");
        assert!(looks < 200, "{looks} looks");
        let pauses: Vec<Millis> = calls.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(pauses.iter().all(|pause| *pause <= 31_000), "{pauses:?}");
        let last = calls.last().expect("a call").0;
        let mut done = 0;
        live(&mut controller, &mut known, (NOW + 120_000, last + 31_000), |_, action| {
            done += usize::from(action.changes().is_some());
            true
        });
        assert!(done > 0, "mended, and nothing is done");
    }
}

/// One conflict is tried again at once, and with the same node.
#[test]
fn a_conflict_is_tried_again_at_once() {
    let mut known = cluster(&[node("n0", 8, "H100"), node("n1", 8, "H100")], &[gated("a", 4, NOW)]);
    let mut controller = Controller::default();
    let mut calls = Vec::new();
    live(&mut controller, &mut known, (NOW, NOW + 2_000), |now, action| {
        let Action::Patch(patch) = action else { return true };
        calls.push((now, patch.body["metadata"]["annotations"][names::NODE].clone()));
        calls.len() > 1
    });
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert_eq!(calls[0].1, calls[1].1);
    assert!(calls[1].0 - calls[0].0 <= 200, "{calls:?}");
}

/// A pod that its maker has, planned on n0 and held there by affinity, while n0 is gone.
fn stranded(owner: &Value, placement: Option<&str>) -> Cluster {
    let mut it = planned(gated("a", 4, NOW), "n0", NOW);
    it["metadata"]["ownerReferences"] = json!([owner]);
    if let Some(placement) = placement {
        it["metadata"]["annotations"][names::PLACEMENT] = placement.into();
    }
    it["spec"]["schedulingGates"] = json!([]);
    let terms = json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n0"]}]}]);
    it["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
    cluster(&[node("n1", 8, "H100")], &[it])
}

#[test]
fn only_pods_that_are_made_anew_at_no_cost_are_pinned_and_deleted() {
    let owner = |group: &str, kind: &str, controller: bool| json!({"apiVersion": group, "kind": kind, "name": "o", "uid": "o", "controller": controller});
    let (hard, soft) = (Placing::Hard, Placing::Soft);
    for (owner, annotation, placing, is_deleted) in [
        (owner("apps/v1", "ReplicaSet", true), None, hard, true),
        (owner("apps/v1", "StatefulSet", true), None, hard, true),
        (owner("apps/v1", "StatefulSet", true), Some("soft"), soft, true),
        (owner("apps/v1", "ReplicaSet", false), None, soft, false),
        (owner("apps/v1", "DaemonSet", true), Some("hard"), soft, false),
        (owner("example.com/v1", "ReplicaSet", true), Some("hard"), soft, false),
        (owner("batch/v1", "Job", true), None, soft, false),
        (owner("batch/v1", "Job", true), Some("hard"), hard, true),
    ] {
        let mut known = stranded(&owner, annotation);
        let pod = &known.pods()["uid-a"];
        let configured = pod.facts.placing(Some(Placing::Hard));
        assert_eq!(pod.facts.placing(None), placing, "{owner} {annotation:?}");
        assert_eq!(configured, placing, "{owner}: the configuration makes no Job hard");
        let decision = Controller::default().decide(&mut known, &Settings::default(), NOW, true);
        let deleted = decision.actions.iter().any(|action| matches!(action, Action::Recreate { .. }));
        assert_eq!(deleted, is_deleted, "{owner} {annotation:?}");
        let said =
            decision.actions.iter().any(|action| matches!(action, Action::Event { reason: "PlanLost", .. }));
        assert!(said, "{owner} {annotation:?}: somebody has to be told");
    }
}

/// A refusal from before the plan is none of the plan: the scheduler has so long to look again. And a plan from times to
/// come is not waited for.
#[test]
fn a_plan_is_void_once_the_scheduler_has_had_time_to_refuse_it() {
    let settings = Settings::default();
    let lost = |refused: Millis, at: Millis, now: Millis| {
        let mut it = planned(pod("a", 8), "n0", at);
        it["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "lastTransitionTime": clock::text(refused)}]);
        let mut known = cluster(&[node("n0", 8, "H100")], &[it]);
        let decision = Controller::default().decide(&mut known, &settings, now, false);
        decision.actions.iter().any(|action| matches!(action, Action::Patch(patch) if patch.what == "forget"))
    };
    assert!(!lost(NOW + 1_000, NOW, NOW + 10_000) && lost(NOW + 1_000, NOW, NOW + 11_000));
    assert!(!lost(NOW - 60_000, NOW, NOW + 19_000) && lost(NOW - 60_000, NOW, NOW + 20_000));
    let ahead = NOW + 1_000 * settings.bound;
    assert!(!lost(NOW, ahead, NOW + 9_000) && lost(NOW, ahead, NOW + 10_000));
}

/// A pod that fits nowhere costs no more the longer it waits: plans, events and kicks of the scheduler become rare, and
/// pods of others that come and go do not change that.
#[test]
fn a_hopeless_pod_costs_little() {
    let settings = Settings::default();
    let mut hopeless = pod("a", 9);
    hopeless["metadata"]["annotations"][names::PLACE] = "true".into();
    hopeless["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "lastTransitionTime": clock::text(NOW)}]);
    let mut known = cluster(&[node("n0", 8, "H100")], &[hopeless]);
    let mut controller = Controller::default();
    let (mut now, mut plans, mut counts) = (NOW, 0, BTreeMap::new());
    let mut answer: Option<Result<Plan, String>> = None;
    while now < NOW + 600_000 {
        // The number in the way changes all the time, and pods come all the time.
        let busy = json!(format!("{}", now % 8));
        let mut other = pod(&format!("b{}", now / 1000), 0);
        other["metadata"]["annotations"]["example.com/busy"] = busy;
        known.apply_pod(&crate::cluster::tests::object(other));
        let mut actions = Vec::new();
        if let Some(mut answer) = answer.take() {
            if let Ok(plan) = &mut answer {
                let why = format!("1 node: too little nvidia.com/gpu free ({} of 9)", now % 8);
                plan.waiting.insert("uid-a".to_owned(), why);
            }
            actions = controller.answered(&mut known, &settings, now, answer);
        }
        let decision = controller.decide(&mut known, &settings, now, true);
        actions.extend(decision.actions);
        if let Some(question) = decision.question {
            plans += 1;
            answer = Some(question.answer(&mut FirstFit));
        }
        for action in actions {
            *counts.entry(action.name()).or_insert(0) += 1;
        }
        now += 500;
    }
    assert!((50..=65).contains(&plans), "{plans} plans");
    assert_eq!(counts["event"], 1, "{counts:?}");
    assert!((4..=7).contains(&counts["retry"]), "{counts:?}");
}

/// Plans that take long are not made one after another.
#[test]
fn a_slow_planner_has_its_rest() {
    let settings = Settings::default();
    let mut hopeless = pod("a", 9);
    hopeless["metadata"]["annotations"][names::PLACE] = "true".into();
    let mut known = cluster(&[node("n0", 8, "H100")], &[hopeless]);
    let mut controller = Controller::default();
    let (mut now, mut busy) = (NOW, 0);
    let mut until = None;
    let mut answer = None;
    while now < NOW + 100_000 {
        known.apply_node(&node("n1", 1 + (now / 500 % 7) as u32, "H100"));
        if until.is_some_and(|until| until <= now) {
            until = None;
            let answer = answer.take().expect("a plan is being made");
            controller.answered(&mut known, &settings, now, answer);
        }
        let decision = controller.decide(&mut known, &settings, now, until.is_none());
        if let Some(question) = decision.question {
            answer = Some(question.answer(&mut FirstFit));
            until = Some(now + 4_000);
        }
        busy += i64::from(until.is_some()) * 500;
        now += 500;
    }
    assert!((20_000..=30_000).contains(&busy), "plans are made for {busy} of 100,000 ms");
}

/// Nodes that pods run on and nodes that a plan fills count once each; own ones and unknown ones have no price.
#[test]
fn a_plan_is_billed_by_the_nodes_it_uses() {
    let rented = |name: &str| {
        let mut it = node(name, 8, "A100");
        let labels = it.metadata.labels.get_or_insert_default();
        for (key, value) in [
            ("topology.kubernetes.io/region", "us-east-1"),
            ("node.kubernetes.io/instance-type", "p4d.24xlarge"),
            ("eks.amazonaws.com/nodegroup", "g"),
        ] {
            labels.insert(key.to_owned(), value.to_owned());
        }
        it
    };
    let runs = crate::cluster::tests::on(pod("r", 1), "a");
    let mut known =
        cluster(&[rented("a"), rented("b"), rented("c"), node("own", 8, "H100")], &[runs, pod("p", 1)]);
    known.refresh();
    let rates = plimsoll_planner::cluster::Rates::embedded(plimsoll_model::Time::from_nanos(NOW * 1_000_000))
        .expect("a catalogue");
    let bill = |nodes: &[&str]| {
        let assignments =
            nodes.iter().enumerate().map(|(at, node)| (format!("uid-{at}"), (*node).to_owned())).collect();
        Plan { assignments, ..Plan::default() }.bill(&known, &rates, NOW, 1)
    };
    let one = bill(&["a"]);
    assert!(one.usd.pico() > 0 && one.grams.pico() > 0 && one.unpriced == 0, "{one:?}");
    assert_eq!(bill(&[]), one, "what runs is there, plan or no plan");
    let two = bill(&["a", "b", "b", "own"]);
    assert_eq!((two.usd, two.unpriced), (one.usd + one.usd, 1));
}

/// A planner has a time limit: what it knows by then is the plan.
#[test]
fn a_plan_is_what_is_known_when_its_time_is_over() {
    let nodes: Vec<_> = (0..12).map(|at| node(&format!("n{at}"), 8, "H100")).collect();
    let pods: Vec<Value> = (0..40).map(|at| gated(&format!("p{at}"), [3, 5, 2, 6, 1][at % 5], NOW)).collect();
    let mut known = cluster(&nodes, &pods);
    let mut controller = Controller::default();
    controller.decide(&mut known, &Settings::default(), NOW, true);
    let question = controller.decide(&mut known, &Settings::default(), NOW + 400, true).question;
    let question = question.expect("it is time");
    let within = |within| {
        let mut planner = PackingPlanner { within, ..PackingPlanner::default() };
        question.answer(&mut planner).expect("a plan")
    };
    let (cut, whole) = (within(Duration::ZERO), within(Duration::from_mins(1)));
    assert!(!cut.assignments.is_empty(), "{cut:?}");
    assert!(cut.gap > whole.gap && cut.worth <= whole.worth, "{cut:?} {whole:?}");
    assert!(whole.gap <= 0.005);
    // And what there is for it is less than what a plan may take.
    let settings = Settings { patience: 666, ..Settings::default() };
    assert_eq!(settings.search(), Duration::from_millis(333));
}
