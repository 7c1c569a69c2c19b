//! Made-up explanations, of made-up plans.

use proptest::{prelude::*, sample::select};

use super::{any_usd, list, maybe, plan, text, time};
use crate::{
    Explanation, Plan, Time, Usd,
    document::ApiVersion,
    explanation::{
        AboutPlan, AboutWorkload, Barrier, Basis, Decision, DecisionKind, ExplanationKind, Holder, Instead,
        LimitUse, OfferCount, PlanFacts, Relocation, Saving, Spender, Team, Verdict, WhyNot,
    },
    plan::{Cause, Constraint},
};

/// What the parts of an explanation are made from.
#[derive(Debug, Clone)]
struct Seeds {
    plan: Plan,
    text: String,
    usd: Usd,
    time: Time,
}

/// An explanation.
pub fn explanation(fill: f64) -> impl Strategy<Value = Explanation> {
    let seeds = (plan(fill), text(), any_usd(), time()).prop_map(|(plan, text, usd, time)| Seeds {
        plan,
        text,
        usd,
        time,
    });
    let verdict = select(vec![Verdict::Chosen, Verdict::NotWorthIt, Verdict::NoPrice, Verdict::Unknown]);
    let optional = [(); 12].map(|()| maybe(fill, Just(())).prop_map(|stated| stated.is_some()));
    (seeds, verdict, optional, list(fill, Just(()))).prop_map(|(of, verdict, stated, many)| Explanation {
        api_version: ApiVersion::default(),
        kind: ExplanationKind::Explanation,
        plan: facts(&of),
        basis: if stated[0] { Basis::Documents } else { Basis::Plan },
        workload: stated[1].then(|| about_workload(&of, verdict, &stated, many.len())),
        whole: stated[2].then(|| about_plan(&of, &stated, many.len())),
    })
}

fn facts(of: &Seeds) -> PlanFacts {
    PlanFacts {
        digest: of.plan.inputs.digest.clone(),
        now: of.time,
        status: of.plan.status,
        total_usd: of.usd,
        bound_usd: of.plan.objective.bound_usd,
        gap: of.plan.objective.gap,
        placed: 1,
        left_out: 2,
    }
}

fn about_workload(of: &Seeds, verdict: Verdict, stated: &[bool], many: usize) -> AboutWorkload {
    let filtered = of.plan.unplaced.first().map(|unplaced| unplaced.filtered.clone()).unwrap_or_default();
    AboutWorkload {
        name: of.text.clone(),
        placement: of.plan.placements.first().cloned(),
        unplaced: of.plan.unplaced.first().cloned(),
        decisions: vec![decision(of, stated); many],
        prices: of.plan.prices.clone(),
        offers: stated[3].then_some(OfferCount { all: 3, eligible: 1, filtered }),
        would_save: stated[4].then(|| vec![saving(of, stated, many); many]),
        why_not: stated[5].then(|| why_not(of, verdict, stated, many)),
    }
}

fn about_plan(of: &Seeds, stated: &[bool], many: usize) -> AboutPlan {
    let team = Team {
        team: Some(of.text.clone()),
        workloads: 1,
        usd: of.usd,
        budget_usd: stated[6].then_some(of.usd),
    };
    let limit = LimitUse {
        constraint: Constraint::Quota,
        name: of.text.clone(),
        used: 1.5,
        has: 2.0,
        unit: "instances".into(),
        used_by: holders(of, many),
    };
    AboutPlan {
        parts: of.plan.objective.parts.clone(),
        billed_usd: of.usd,
        dearest: vec![Spender { workload: of.text.clone(), offer: of.text.clone(), usd: of.usd }; many],
        teams: stated[7].then(|| vec![team; many]),
        decisions: vec![decision(of, stated); many],
        prices: of.plan.prices.clone(),
        limits: stated[8].then(|| vec![limit; many]),
        would_save: stated[4].then(|| vec![saving(of, stated, many); many]),
        unplaced: of.plan.unplaced.clone(),
        shortfall: of.plan.shortfall.clone(),
    }
}

fn decision(of: &Seeds, stated: &[bool]) -> Decision {
    Decision {
        kind: DecisionKind::GivesWay,
        workload: of.text.clone(),
        offer: of.text.clone(),
        worth_usd: stated[9].then_some(of.usd),
        other: stated[10].then(|| of.text.clone()),
        because: [(of.text.clone(), of.usd)].into_iter().collect(),
        dataset: stated[11].then(|| of.text.clone()),
        instances: stated[9].then_some(0.5),
        compute_usd: stated[10].then_some(of.usd),
        unreserved_usd: stated[11].then_some(of.usd),
        pieces: stated[9].then_some(2),
        hours: stated[10].then_some(1.25),
    }
}

fn holders(of: &Seeds, many: usize) -> Vec<Holder> {
    vec![Holder { workload: of.text.clone(), amount: 0.75 }; many]
}

fn barrier(of: &Seeds, many: usize) -> Barrier {
    let cause: Option<Cause> = of.plan.unplaced.first().and_then(|unplaced| unplaced.causes.first()).cloned();
    Barrier {
        constraint: Constraint::NotIn,
        name: of.text.clone(),
        needs: cause.as_ref().map_or(serde_json::Value::Null, |cause| cause.needs.clone()),
        has: serde_json::json!([1, "a"]),
        relax_by: cause.as_ref().and_then(|cause| cause.relax_by),
        unit: cause.and_then(|cause| cause.unit),
        held_by: holders(of, many),
    }
}

fn saving(of: &Seeds, stated: &[bool], many: usize) -> Saving {
    Saving {
        workload: of.text.clone(),
        without: barrier(of, usize::from(stated[8]) * many),
        offer: of.text.clone(),
        saves_usd: of.usd,
        because: [(of.text.clone(), of.usd)].into_iter().collect(),
    }
}

fn why_not(of: &Seeds, verdict: Verdict, stated: &[bool], many: usize) -> WhyNot {
    let moved = Relocation {
        workload: of.text.clone(),
        from: stated[6].then(|| of.text.clone()),
        to: of.text.clone(),
        from_start: stated[6].then_some(of.time),
        to_start: of.time,
    };
    WhyNot {
        offer: of.text.clone(),
        hourly: stated[6].then_some(of.usd),
        verdict,
        barriers: vec![barrier(of, many); many],
        lacks: stated[7].then(|| of.text.clone()),
        start: stated[8].then_some(of.time),
        end: stated[8].then_some(of.time),
        instances: stated[8].then_some(1.5),
        usd: of.plan.placements.first().filter(|_| stated[8]).map(|placement| placement.usd.clone()),
        extra_usd: stated[8].then_some(of.usd),
        because: of
            .plan
            .placements
            .iter()
            .filter(|_| stated[8])
            .map(|p| (p.workload.clone(), of.usd))
            .collect(),
        instead: stated[9].then(|| Instead {
            total_usd: of.usd,
            extra_usd: of.usd,
            start: of.time,
            proven: stated[10],
            moves: vec![moved; many],
            left_out: vec![of.text.clone(); many],
        }),
    }
}
