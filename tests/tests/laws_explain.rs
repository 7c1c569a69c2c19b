//! Laws of explanations over random instances: every workload asked about every offer.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::collections::BTreeSet;

use plimsoll_model::{
    Changes, Explanation, Inputs, Plan, Time, Usd,
    changes::Action,
    explanation::{Saving, Verdict, WhyNot},
    plan::Status,
};
use plimsoll_planner::{
    explain::{Question, changes, of_documents, of_plan},
    plan,
    world::World,
};
use plimsoll_tests::{
    features::Feature,
    instances::{Instance, NOW, instance},
    laws::{config, instances},
};
use plimsoll_verify::verify;
use proptest::prelude::*;
use serde_json::json;

fn asked(plan: &Plan, inputs: &Inputs, workload: &str, offer: &str) -> Explanation {
    let question = Question { workload: Some(workload), why_not: Some(offer) };
    of_documents(plan, inputs, question, None, &mut |_| ()).unwrap()
}

/// The roundings of all parts of all placements.
const ROUNDINGS: Usd = Usd::from_micro(60);

fn sums_up<'b>(because: impl IntoIterator<Item = (&'b String, &'b Usd)>, total: Usd) -> bool {
    because.into_iter().map(|(_, usd)| *usd).sum::<Usd>() == total
}

fn is_ordered(made: &Instance) -> bool {
    made.workloads.iter().any(|(_, spec)| spec["ordered"] == json!(true))
}

/// `ordered`: whether some workload's ways are in order, which come before dollars.
fn check(plan: &Plan, answer: &WhyNot, runner_up: Option<&plimsoll_model::plan::RunnerUp>, ordered: bool) {
    let extra = answer.extra_usd;
    match answer.verdict {
        Verdict::Dearer => assert!(extra.unwrap() > Usd::ZERO && answer.barriers.is_empty()),
        Verdict::Same => assert!(extra.unwrap().is_zero() && answer.barriers.is_empty()),
        Verdict::NotWorthIt => assert!(extra.unwrap() >= Usd::ZERO && answer.barriers.is_empty()),
        Verdict::Excluded | Verdict::Blocked => assert!(!answer.barriers.is_empty()),
        Verdict::Chosen => assert!(answer.barriers.is_empty() && extra.is_none()),
        Verdict::Later => assert!(ordered && answer.barriers.is_empty()),
        Verdict::Cheaper => assert!(
            plan.status != Status::Optimal || ordered || extra.unwrap() >= Usd::ZERO - ROUNDINGS,
            "an optimal plan cannot be bettered: {answer:?}"
        ),
        Verdict::NoPrice => assert!(answer.lacks.is_some()),
        Verdict::Unknown | Verdict::NoOffer => unreachable!("documents always tell"),
    }
    if let Some(extra) = extra {
        assert!(sums_up(&answer.because, extra), "{answer:?}");
    }
    // The runner-up is the same question, asked of its first possible moment: the best moment costs no more.
    if let (Some(extra), Some(runner_up)) = (extra, runner_up)
        && runner_up.offer == answer.offer
    {
        assert!(answer.barriers.is_empty(), "the runner-up could be taken: {answer:?}");
        assert!(extra <= runner_up.extra_usd, "{answer:?} against {runner_up:?}");
    }
    if let Some(instead) = &answer.instead {
        assert_eq!(instead.total_usd - plan.objective.total_usd, instead.extra_usd);
        if plan.status == Status::Optimal && instead.left_out.is_empty() && !ordered {
            assert!(instead.extra_usd >= Usd::ZERO - ROUNDINGS, "{answer:?}");
        }
        // When it fits beside the others as they are, letting them move cannot make it dearer.
        if answer.barriers.is_empty() && instead.proven {
            assert!(instead.extra_usd <= extra.unwrap() + ROUNDINGS, "{answer:?}");
        }
    }
}

fn check_saving(plan: &Plan, inputs: &Inputs, saving: &Saving) {
    assert!(saving.saves_usd > Usd::ZERO);
    assert!(sums_up(&saving.because, Usd::ZERO - saving.saves_usd), "{saving:?}");
    let answer = asked(plan, inputs, &saving.workload, &saving.offer).workload.unwrap().why_not.unwrap();
    assert_eq!(answer.barriers.as_slice(), std::slice::from_ref(&saving.without), "{answer:?}");
    assert_eq!(answer.extra_usd, Some(Usd::ZERO - saving.saves_usd), "{answer:?}");
}

/// The instances are such that the laws are about something.
#[test]
fn every_kind_of_answer_occurs() {
    let (mut verdicts, mut savings, mut moves) = (BTreeSet::new(), BTreeSet::new(), 0);
    for seed in 0..60 {
        let features: Vec<Feature> = Feature::ALL.iter().copied().skip(seed % 7).step_by(5).collect();
        let made = instance(seed as u64, &features);
        let inputs = made.inputs();
        let settings = made.settings(&inputs);
        let plan = plan(&inputs, &settings, None, &mut |_| {}).unwrap();
        let world = World::new(&inputs, settings.now).unwrap();
        for (workload, offer) in
            inputs.workloads.iter().flat_map(|w| world.offers.iter().map(move |offer| (w, offer)))
        {
            let about = asked(&plan, &inputs, &workload.metadata.name, &offer.name()).workload.unwrap();
            let answer = about.why_not.unwrap();
            verdicts.insert(format!("{:?}", answer.verdict));
            moves += answer.instead.map_or(0, |instead| instead.moves.len());
            savings.extend(about.would_save.unwrap().iter().map(|saving| saving.without.constraint));
        }
    }
    for verdict in ["Chosen", "Dearer", "Same", "NotWorthIt", "Excluded", "Blocked"] {
        assert!(verdicts.contains(verdict), "{verdict} does not occur in {verdicts:?}");
    }
    assert!(savings.len() >= 5, "{savings:?}");
    assert!(moves > 10, "only {moves} moves");
}

/// More workloads than branch and bound closes, so that equal ones become one with a count.
#[test]
fn a_crowd_can_be_asked_about() {
    let mut made = instance(1, &[]);
    made.estate = json!({
        "time": NOW, "catalog": [], "defaults": "none",
        "offers": [
            { "name": "cheap", "cloud": "aws", "region": "us-east-1", "instanceType": "c", "cpu": 4, "memory": "16Gi",
              "capacity": "on-demand", "hourly": 1, "count": 20 },
            { "name": "dear", "cloud": "aws", "region": "us-east-1", "instanceType": "d", "cpu": 4, "memory": "16Gi",
              "capacity": "on-demand", "hourly": 3 },
        ],
    });
    let spec = |i: u64| json!({ "request": { "cpu": 4 }, "duration": format!("{}h", 1 + i % 3) });
    made.workloads = (0..36).map(|i| (format!("w{i}"), spec(i))).collect();
    let inputs = made.inputs();
    let plan = plan(&inputs, &made.settings(&inputs), None, &mut |_| {}).unwrap();
    assert_eq!(plan.status, Status::Optimal);
    for placement in &plan.placements {
        let other = if placement.offer.full_name() == "cheap" { "dear" } else { "cheap" };
        let answer = asked(&plan, &inputs, &placement.workload, other).workload.unwrap().why_not.unwrap();
        check(&plan, &answer, placement.runner_up.as_ref(), false);
        let instead = answer.instead.unwrap();
        assert!(instead.proven, "{instead:?}");
    }
}

proptest! {
    #![proptest_config(config(40))]

    /// Every question has an answer that agrees with the plan and with itself.
    #[test]
    fn every_offer_can_be_asked_about(made in instances(4, &[])) {
        let inputs = made.inputs();
        let settings = made.settings(&inputs);
        let plan = plan(&inputs, &settings, None, &mut |_| {}).unwrap();
        let offers: Vec<String> =
            World::new(&inputs, settings.now).unwrap().offers.iter().map(plimsoll_planner::world::Offer::name).collect();
        prop_assume!(offers.len() < 40);
        for workload in &inputs.workloads {
            let name = &workload.metadata.name;
            let placement = plan.placements.iter().find(|placement| placement.workload == *name);
            for offer in &offers {
                let about = asked(&plan, &inputs, name, offer).workload.unwrap();
                let answer = about.why_not.unwrap();
                let runs_there = placement.is_some_and(|placement| placement.offer.full_name() == *offer);
                prop_assert_eq!(answer.verdict == Verdict::Chosen, runs_there);
                let runner_up = placement.and_then(|placement| placement.runner_up.as_ref());
                check(&plan, &answer, runner_up, is_ordered(&made));
            }
            let question = Question { workload: Some(name), why_not: None };
            let about = of_documents(&plan, &inputs, question, None, &mut |_| ()).unwrap().workload.unwrap();
            for saving in about.would_save.unwrap() {
                check_saving(&plan, &inputs, &saving);
            }
        }
    }

    /// The changes from one plan to another: everyone is counted once, staying is never better, `verify` agrees.
    #[test]
    fn changes_add_up(made in instances(4, &[]), carbon_price in 0..3_i64, later in 0..3_i64) {
        let inputs = made.inputs();
        let mut settings = made.settings(&inputs);
        let before = plan(&inputs, &settings, None, &mut |_| {}).unwrap();
        settings.carbon_price = Usd::from_units(carbon_price * 5000);
        settings.now = Time::from_nanos(settings.now.nanos() + later * 3_600_000_000_000);
        settings.previous = before.placements.iter().map(|p| (p.workload.clone(), p.offer.full_name())).collect();
        let Ok(mut after) = plan(&inputs, &settings, None, &mut |_| {}) else { return Ok(()) };
        let changes = changes(&inputs, &settings, &after, &before).unwrap();
        let stays = changes.unchanged + changes.to_move + changes.to_change;
        prop_assert_eq!(stays + changes.to_add, after.placements.len() as u64);
        prop_assert_eq!(stays + changes.to_remove, before.placements.len() as u64);
        for change in &changes.changes {
            prop_assert_eq!(change.staying.is_some(), change.action == Action::Move);
            if let Some(staying) = &change.staying {
                check(&after, staying, None, is_ordered(&made));
                prop_assert!(staying.verdict != Verdict::Chosen);
            }
        }
        after.changes = Some(changes);
        prop_assert_eq!(verify(&after, &inputs), []);
        // And it looks.
        let corrupted = |corrupt: fn(&mut Changes)| {
            let mut plan = after.clone();
            corrupt(plan.changes.as_mut().unwrap());
            plan == after || !verify(&plan, &inputs).is_empty()
        };
        prop_assert!(corrupted(|changes| changes.unchanged += 1));
        prop_assert!(corrupted(|changes| changes.move_usd += Usd::from_micro(1)));
        prop_assert!(corrupted(|changes| drop(changes.changes.pop())));
        prop_assert!(corrupted(|changes| changes.changes.extend(changes.changes.first().cloned())));
        let otherwise = corrupted(|changes| {
            for change in &mut changes.changes {
                change.action = if change.action == Action::Add { Action::Remove } else { Action::Add };
            }
        });
        prop_assert!(otherwise);
    }

    /// Planning again what runs as it is best moves nobody.
    #[test]
    fn nobody_moves_for_nothing(made in instances(4, &[])) {
        let inputs = made.inputs();
        let mut settings = made.settings(&inputs);
        let before = plan(&inputs, &settings, None, &mut |_| {}).unwrap();
        settings.previous = before.placements.iter().map(|p| (p.workload.clone(), p.offer.full_name())).collect();
        let after = plan(&inputs, &settings, None, &mut |_| {}).unwrap();
        let same = before.objective.parts == after.objective.parts;
        prop_assume!(before.status == Status::Optimal && same);
        let moves = changes(&inputs, &settings, &after, &before).unwrap();
        prop_assert_eq!(moves.to_move, 0, "{}", made.dump());
    }

    /// The plan as a whole: limits hold, teams and dearest add up; of the plan alone it says the same of itself.
    #[test]
    fn the_whole_adds_up(made in instances(4, &[])) {
        let inputs = made.inputs();
        let plan = plan(&inputs, &made.settings(&inputs), None, &mut |_| {}).unwrap();
        let mut whole = of_documents(&plan, &inputs, Question::default(), None, &mut |_| ()).unwrap().whole.unwrap();
        let teams = whole.teams.take().unwrap();
        let spent: Usd = teams.iter().map(|team| team.usd).sum();
        prop_assert_eq!(spent, whole.billed_usd);
        for team in &teams {
            prop_assert!(team.budget_usd.is_none_or(|budget| team.usd <= budget + ROUNDINGS), "{team:?}");
        }
        for limit in whole.limits.take().unwrap() {
            prop_assert!(!limit.used_by.is_empty());
            prop_assert!(limit.used <= limit.has + 1e-5, "{limit:?}");
        }
        whole.would_save = None;
        let alone = of_plan(&plan, Question::default()).unwrap();
        prop_assert_eq!(Some(whole), alone.whole);
    }
}
