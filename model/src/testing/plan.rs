//! Made-up plans.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    any_usd, duration, estate, grams_per_kwh, list, maybe, offer, scenarios::outlook, text, time, usd,
    workload,
};
use crate::{
    Changes, Plan,
    changes::{Action, Change, Repriced, Spot},
    document::ApiVersion,
    plan::{
        Assumption, Cause, Constraint, Documents, Flags, Inputs, Lacking, NodeUse, Objective, ObjectiveParts,
        Phase, Placement, PlacementUsd, PlanKind, Price, Run, RunnerUp, Shortfall, SolverReport, Status,
        Transfer, Unplaced,
    },
};

/// A plan.
pub fn plan(fill: f64) -> impl Strategy<Value = Plan> {
    let head = (
        select(vec![Status::Optimal, Status::Feasible, Status::Infeasible]),
        any::<bool>(),
        objective(fill),
        maybe(fill, number()),
        maybe(fill, number()),
    );
    let lists = (
        list(fill, placement(fill)),
        list(fill, unplaced(fill)),
        list(fill, price()),
        list(fill, assumption(fill)),
        maybe(fill, changes()),
        maybe(fill, outlook(fill)),
        maybe(fill, shortfall(fill)),
    );
    (head, lists, inputs(fill), solver(fill)).prop_map(|(head, lists, inputs, solver)| Plan {
        api_version: ApiVersion::default(),
        kind: PlanKind::Plan,
        status: head.0,
        reproducible: head.1,
        objective: head.2,
        carbon_kg: head.3,
        energy_kwh: head.4,
        placements: lists.0,
        unplaced: lists.1,
        prices: lists.2,
        assumptions: lists.3,
        changes: lists.4,
        scenarios: lists.5,
        shortfall: lists.6,
        inputs,
        solver,
    })
}

fn shortfall(fill: f64) -> impl Strategy<Value = Shortfall> {
    let lacking = (text(), number(), text(), any::<bool>()).prop_map(|(name, by, unit, conflicts)| Lacking {
        constraint: Constraint::Quota,
        name,
        by,
        unit,
        conflicts,
    });
    (list(fill, lacking), list(fill, text())).prop_map(|(limits, beyond)| Shortfall { limits, beyond })
}

fn changes() -> impl Strategy<Value = Changes> {
    let actions = vec![Action::Add, Action::Move, Action::Change, Action::Remove];
    (text(), any_usd(), time(), select(actions)).prop_map(|(text, usd, time, action)| {
        let spot = Spot {
            offer: text.clone(),
            instances: 1.5,
            start: time,
            run: Some(crate::Duration::from_nanos(1)),
            usd,
        };
        let change = Change {
            workload: text.clone(),
            action,
            before: Some(spot.clone()),
            after: Some(spot),
            move_usd: usd,
            staying: None,
            left_out: Some(text.clone()),
        };
        let repriced =
            Repriced { workload: text.clone(), offer: text, before_hourly: usd, after_hourly: usd };
        Changes {
            to_add: 1,
            to_move: 2,
            to_change: 3,
            to_remove: 4,
            unchanged: 5,
            before_usd: usd,
            after_usd: usd,
            other_terms: true,
            move_usd: usd,
            changes: vec![change],
            repriced: vec![repriced],
        }
    })
}

/// A finite number of any size, zero without its sign.
pub(super) fn number() -> impl Strategy<Value = f64> {
    prop_oneof![-1e6..1e6f64, proptest::num::f64::NORMAL, Just(0.0)]
}

fn constraint() -> impl Strategy<Value = Constraint> {
    use Constraint::{CarbonBudget, Count, MaxHourly, NotIn, Quota, Risk};
    select(vec![CarbonBudget, Count, MaxHourly, NotIn, Quota, Risk])
}

fn objective(fill: f64) -> impl Strategy<Value = Objective> {
    let parts = [(); 8].map(|()| any_usd()).prop_map(|u| ObjectiveParts {
        compute: u[0],
        egress: u[1],
        carbon: u[2],
        risk: u[3],
        delay: u[4],
        latency: u[5],
        moving: u[6],
        value_forgone: u[7],
    });
    (any_usd(), maybe(fill, any_usd()), maybe(fill, number()), parts)
        .prop_map(|(total_usd, bound_usd, gap, parts)| Objective { total_usd, bound_usd, gap, parts })
}

fn placement(fill: f64) -> impl Strategy<Value = Placement> {
    let dollars = [(); 8].map(|()| any_usd()).prop_map(|u| PlacementUsd {
        compute: u[0],
        egress: u[1],
        carbon: u[2],
        risk: u[3],
        delay: u[4],
        latency: u[5],
        moving: u[6],
        total: u[7],
    });
    let node = (text(), any::<u32>(), maybe(fill, vec(any::<u32>(), 0..3)))
        .prop_map(|(node, replicas, devices)| NodeUse { node, replicas, devices });
    let run = || (time(), time()).prop_map(|(start, end)| Run { start, end });
    let transfer =
        ([(); 3].map(|()| text()), any::<u64>(), usd(), number()).prop_map(|(texts, size, usd, hours)| {
            let [what, from, to] = texts;
            Transfer { what, from, to, size, usd, hours }
        });
    let runner_up =
        (text(), any_usd(), vec((text(), any_usd()), 0..3)).prop_map(|(offer, extra_usd, because)| {
            RunnerUp { offer, extra_usd, because: because.into_iter().collect() }
        });
    let place = (text(), offer(fill), number(), any::<u32>(), maybe(fill, vec(node, 0..3)));
    let times = (run(), maybe(fill, vec(run(), 0..3)));
    let rest = (dollars, maybe(fill, number()), vec(transfer, 0..3), maybe(fill, runner_up), text());
    (place, times, rest).prop_map(|(place, (run, runs), rest)| Placement {
        workload: place.0,
        offer: place.1,
        instances: place.2,
        replicas_per_instance: place.3,
        nodes: place.4,
        start: run.start,
        end: run.end,
        runs,
        usd: rest.0,
        carbon_kg: rest.1,
        transfers: rest.2,
        runner_up: rest.3,
        reason: rest.4,
    })
}

fn unplaced(fill: f64) -> impl Strategy<Value = Unplaced> {
    let figure = || {
        prop_oneof![
            Just(serde_json::Value::Null),
            any::<i64>().prop_map(Into::into),
            text().prop_map(Into::into),
            number().prop_map(Into::into),
        ]
    };
    let cause = (constraint(), text(), figure(), figure(), maybe(fill, number()), maybe(fill, text()))
        .prop_map(|(constraint, name, needs, has, relax_by, unit)| Cause {
            constraint,
            name,
            needs,
            has,
            relax_by,
            unit,
        });
    let filtered = vec((constraint(), any::<u64>()), 0..4).prop_map(|counts| counts.into_iter().collect());
    let money = (maybe(fill, usd()), maybe(fill, usd()));
    (text(), text(), vec(cause, 0..3), any::<bool>(), money, filtered, maybe(fill, text())).prop_map(
        |(workload, reason, causes, together, (cost_usd, value_usd), filtered, nearest)| Unplaced {
            workload,
            reason,
            causes,
            together,
            cost_usd,
            value_usd,
            filtered,
            nearest,
        },
    )
}

fn price() -> impl Strategy<Value = Price> {
    (constraint(), text(), number(), number(), number()).prop_map(
        |(constraint, name, usd_per_unit, low, high)| Price { constraint, name, usd_per_unit, low, high },
    )
}

pub(super) fn assumption(fill: f64) -> impl Strategy<Value = Assumption> {
    (text(), text(), text(), maybe(fill, text())).prop_map(|(what, value, source, as_of)| Assumption {
        what,
        value,
        source,
        as_of,
    })
}

fn inputs(fill: f64) -> impl Strategy<Value = Inputs> {
    let prices = (any_usd(), any_usd(), text(), maybe(fill, usd()), duration());
    let limits = (number(), any::<u64>(), maybe(fill, duration()), time(), any::<u64>(), any::<bool>());
    let flags = (prices, limits, list(fill, (text(), text()))).prop_map(|(prices, limits, previous)| Flags {
        carbon_price: prices.0,
        delay_price: prices.1,
        objective: prices.2,
        budget: prices.3,
        horizon: prices.4,
        gap: limits.0,
        effort: limits.1,
        time_limit: limits.2,
        now: limits.3,
        seed: limits.4,
        no_lp: limits.5,
        previous: previous.into_iter().collect(),
    });
    let head = (text(), maybe(fill, text()), flags, maybe(fill, documents(fill)));
    head.prop_map(|(digest, catalog_date, flags, documents)| Inputs {
        digest,
        catalog_date,
        flags,
        documents,
    })
}

fn documents(fill: f64) -> impl Strategy<Value = Documents> {
    let series = list(fill, (text(), list(fill, (time(), grams_per_kwh()))));
    (list(fill, workload(fill)), estate(fill), series).prop_map(|(workloads, estate, series)| Documents {
        workloads,
        estate: estate.spec,
        series: series.into_iter().collect(),
    })
}

fn solver(fill: f64) -> impl Strategy<Value = SolverReport> {
    let phase = (text(), maybe(fill, number()), maybe(fill, number()), list(fill, (text(), any::<u64>())))
        .prop_map(|(name, total_usd, bound_usd, counts)| Phase {
            name,
            total_usd,
            bound_usd,
            counts: counts.into_iter().collect(),
        });
    (any::<u64>(), any::<u64>(), vec(phase, 0..4)).prop_map(|(seed, effort, phases)| SolverReport {
        seed,
        effort,
        phases,
    })
}
