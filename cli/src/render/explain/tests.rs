//! Every sentence an explanation can say, from made-up values.

use std::path::Path;

use plimsoll_model::{
    Explanation, Plan, Time, Usd,
    explanation::{Barrier, Holder, Instead, Relocation, Saving, Verdict, WhyNot},
    plan::Constraint,
};
use plimsoll_planner::{
    Settings,
    explain::{Question, of_documents, of_plan},
    load,
};
use serde_json::{Value, json};

use super::{barrier, why_not};

fn read() -> (Plan, plimsoll_model::Inputs) {
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/small");
    let args = load::LoadArgs { files: vec![small], ..load::LoadArgs::default() };
    let inputs = load::inputs(&args, &mut std::io::empty()).unwrap();
    (plimsoll_planner::plan(&inputs, &Settings::of(&inputs), None, &mut |_| ()).unwrap(), inputs)
}

fn asked(workload: &str, offer: &str) -> Explanation {
    let (plan, inputs) = read();
    let question = Question { workload: Some(workload), why_not: Some(offer) };
    of_documents(&plan, &inputs, question, None, &mut |_| ()).unwrap()
}

fn one(
    constraint: Constraint,
    name: &str,
    needs: impl Into<Value>,
    has: impl Into<Value>,
    relax: Option<(f64, &str)>,
) -> Barrier {
    Barrier {
        constraint,
        name: name.into(),
        needs: needs.into(),
        has: has.into(),
        relax_by: relax.map(|relax| relax.0),
        unit: relax.map(|relax| relax.1.into()),
        held_by: Vec::new(),
    }
}

fn held(barrier: Barrier, by: &[(&str, f64)]) -> Barrier {
    let holder = |(workload, amount): &(&str, f64)| Holder { workload: (*workload).into(), amount: *amount };
    Barrier { held_by: by.iter().map(holder).collect(), ..barrier }
}

fn barriers() -> Vec<Barrier> {
    use Constraint as C;
    let tib = 1_u64 << 40;
    vec![
        one(C::Accelerator, "A100 or H100", "A100 or H100", "L4", None),
        one(C::Accelerator, "A100", "A100", "none", None),
        one(C::Size, "count", 8.0, 4.0, None),
        one(C::Size, "count", 0.25, "whole accelerators", None),
        one(C::Size, "cpu", 48, 8, None),
        one(C::Size, "memory", tib, tib / 4, None),
        one(C::Size, "arch", "arm64", "amd64", None),
        one(C::Size, "arch", "arm64", Value::Null, None),
        one(C::Size, "instanceType", json!(["m5.large", "m5.xlarge"]), "c5.large", None),
        one(
            C::Memory,
            "accelerator memory",
            80_u64 << 30,
            40_u64 << 30,
            Some(((40_u64 << 30) as f64, "bytes")),
        ),
        one(C::Memory, "accelerator memory", 80_u64 << 30, Value::Null, None),
        one(C::Capacity, "spot", "spot", json!(["on-demand", "reserved"]), None),
        one(C::Interruptible, "interruptible", true, false, None),
        one(C::Region, "regions", "gcp/us-central1", json!(["EU", "aws"]), None),
        one(C::NotIn, "notIn", "gcp/us-central1", json!(["gcp"]), None),
        one(C::Residency, "residency", "gcp/us-central1", "EU (dataset tickets)", None),
        one(C::Only, "aws, gcp", "azure/westeurope/x/spot", "aws, gcp", None),
        one(C::Quota, "cores of aws", "an offer that states its size", "aws/x/y/spot", None),
        one(C::Speed, "L4", "L4", json!(["A100", "H100"]), None),
        one(C::Latency, "from aws/eu-west-1", 119.699, 40.0, Some((79.699, "ms"))),
        one(C::MaxHourly, "maxHourly", 24.5, 20.0, Some((4.5, "usd"))),
        one(C::MaxCost, "trainer", 245.0, 200.0, Some((45.0, "usd"))),
        one(C::Risk, "spot", "1.000e9", 1e6, None),
        one(C::Count, "east/e1/gpu8/spot", 3, 2, Some((1.0, "instances"))),
        held(one(C::Count, "cellar/old/on-prem", 2, 1, Some((1.0, "instances"))), &[("tune", 0.5)]),
        one(C::Count, "cellar/old/on-prem", "room on its machines", "others", None),
        held(
            one(C::Quota, "gcp H100", 32.0, 16.0, Some((16.0, "accelerators"))),
            &[("a", 8.0), ("b", 4.0), ("c", 1.0), ("d", 1.0), ("e", 1.0), ("f", 1.0)],
        ),
        held(one(C::Budget, "red", 420.5, 400.0, Some((20.5, "usd"))), &[("train", 180.0), ("tune", 3.52)]),
        one(C::CarbonBudget, "red", 12.25, 10.0, Some((2.25, "kg"))),
        one(C::Deadline, "deadline", "2026-03-01T10:00:00Z", "2026-03-01T08:30:00Z", Some((1.5, "h"))),
        one(C::Producer, "prepare", "placed", "left out", None),
        one(C::Producer, "evaluate", "2026-03-01T10:00:00Z", "2026-03-01T08:30:00Z", Some((1.5, "h"))),
    ]
}

#[test]
fn why_an_offer_is_not_for_a_workload() {
    let clauses: Vec<String> = barriers().iter().map(|one| barrier::clause(one, "trainer")).collect();
    insta::assert_snapshot!(clauses.join("\n"));
}

#[test]
fn what_rules_cost() {
    let sentence = |without: Barrier| {
        barrier::saving(&Saving {
            workload: "trainer".into(),
            without,
            offer: "gcp/us-central1/a3-highgpu-8g/spot".into(),
            saves_usd: Usd::from_units(12),
            because: [
                ("compute".to_owned(), Usd::from_units(-20)),
                ("egress".to_owned(), Usd::from_units(8)),
            ]
            .into_iter()
            .collect(),
        })
    };
    // What a machine is, or a producer left out, is nothing that is lifted.
    let lifted = |one: &Barrier| {
        use Constraint as C;
        !matches!(one.constraint, C::Accelerator | C::Size | C::Memory | C::Speed | C::Risk)
            && one.needs != "placed"
            && (one.constraint != C::Quota || one.relax_by.is_some())
    };
    let sentences: Vec<String> = barriers().into_iter().filter(lifted).map(sentence).collect();
    insta::assert_snapshot!(sentences.join("\n"));
}

/// The paragraph for an answer that was changed.
fn changed(mut explanation: Explanation, change: impl FnOnce(&mut WhyNot)) -> String {
    let mut about = explanation.workload.take().unwrap();
    let mut answer = about.why_not.take().unwrap();
    change(&mut answer);
    why_not::paragraph(&explanation, &about, &answer)
}

#[test]
fn every_verdict_is_a_paragraph() {
    let dearer = || asked("tune", "east/e1/gpu8/on-demand");
    let verdict = |verdict: Verdict| move |answer: &mut WhyNot| answer.verdict = verdict;
    let cheaper = |answer: &mut WhyNot| {
        answer.verdict = Verdict::Cheaper;
        answer.extra_usd = Some(Usd::from_units(-3));
        answer.because = [("compute".to_owned(), Usd::from_units(-3))].into_iter().collect();
        answer.instead = None;
    };
    let mut gap = dearer();
    gap.plan.bound_usd = Some(gap.plan.total_usd - Usd::from_units(5));
    let lines = [
        changed(asked("tune", "cellar/old/on-prem"), |_| ()),
        changed(dearer(), |_| ()),
        changed(dearer(), verdict(Verdict::Same)),
        changed(dearer(), cheaper),
        changed(gap, cheaper),
        changed(asked("extra", "east/e1/gpu8/on-demand"), |_| ()),
        changed(asked("tune", "east/e1/gpu8/spot"), |_| ()),
        changed(asked("tune", "east/e1/gpu8/spot"), |answer| answer.extra_usd = Some(Usd::from_units(2))),
        changed(asked("tune", "east/e1/gpu8/spot"), |answer| answer.extra_usd = Some(Usd::ZERO)),
        changed(asked("serve", "east/e1/gpu8/spot"), |_| ()),
        changed(dearer(), |answer| {
            answer.verdict = Verdict::NoPrice;
            answer.lacks = Some("egress price to east/e1 (`egress`)".into());
        }),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_gives_way_is_named() {
    let time = |text: &str| -> Time { text.parse().unwrap() };
    let early = time("2026-03-01T06:00:00Z");
    let relocation = |workload: &str, from: Option<&str>, to: &str| Relocation {
        workload: workload.into(),
        from: from.map(Into::into),
        to: to.into(),
        from_start: from.map(|_| early),
        to_start: time("2026-03-01T09:00:00Z"),
    };
    let instead = |extra_usd: Usd, moves: Vec<Relocation>, left_out: &[&str]| Instead {
        total_usd: Usd::from_units(300),
        extra_usd,
        start: early,
        proven: true,
        moves,
        left_out: left_out.iter().map(|name| (*name).into()).collect(),
    };
    let blocked = |answer: &mut WhyNot| {
        answer.verdict = Verdict::Blocked;
        answer.start = Some(early);
        let quota = one(Constraint::Quota, "east A100", 32.0, 16.0, Some((16.0, "accelerators")));
        answer.barriers = vec![held(quota, &[("train", 16.0)])];
    };
    let of = |instead: Option<Instead>| {
        changed(asked("tune", "east/e1/gpu8/on-demand"), move |answer| {
            blocked(answer);
            answer.instead = instead;
        })
    };
    let moves = || {
        vec![
            relocation("train", Some("east/e1/gpu8/spot"), "cellar/old/on-prem"),
            relocation("serve", Some("west/reserved"), "west/reserved"),
            relocation("extra", None, "east/e1/gpu8/spot"),
            relocation("more", Some("a"), "b"),
        ]
    };
    let lines = [
        of(None),
        of(Some(instead(Usd::from_units(12), moves(), &["count-logs"]))),
        of(Some(instead(Usd::ZERO, moves()[..1].to_vec(), &[]))),
        of(Some(Instead {
            start: time("2026-03-01T12:00:00Z"),
            proven: false,
            ..instead(Usd::from_units(1), vec![], &[])
        })),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_plan_alone_says_what_it_can() {
    let (mut plan, _) = read();
    let by_plan = |plan: &Plan, workload: &str, offer: &str| {
        let question = Question { workload: Some(workload), why_not: Some(offer) };
        changed(of_plan(plan, question).unwrap(), |_| ())
    };
    let runner_up = by_plan(&plan, "tune", "east/e1/gpu8/on-demand");
    let unknown = by_plan(&plan, "tune", "east/e1/gpu8/spot");
    let catalogue = by_plan(&plan, "tune", "gcp/us-central1/a3-highgpu-8g/spot");
    let left_out = {
        plan.unplaced[0].causes = vec![plimsoll_model::plan::Cause {
            constraint: Constraint::Count,
            name: "cellar/old/on-prem".into(),
            needs: json!(2),
            has: json!(1),
            relax_by: Some(1.0),
            unit: Some("instances".into()),
        }];
        by_plan(&plan, "extra", "cellar/old/on-prem")
    };
    let chosen = by_plan(&plan, "tune", "cellar/old/on-prem");
    insta::assert_snapshot!([runner_up, unknown, catalogue, left_out, chosen].join("\n"));
}

#[test]
fn text_of_documents_cannot_command_a_terminal() {
    let (mut plan, _) = read();
    plan.placements[4].workload = "tu\u{1b}[31m".into();
    let question = Question { workload: Some("tu\u{1b}[31m"), why_not: Some("x\u{1b}[31m/y") };
    let text = super::explain(&of_plan(&plan, question).unwrap(), 100);
    assert!(text.contains("tu\u{fffd}[31m") && text.contains("x\u{fffd}[31m/y"), "{text}");
    assert!(!text.contains("\u{1b}[31m"), "{text}");
}
