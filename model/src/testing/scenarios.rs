//! Made-up scenarios, and what plans cost in them.

use proptest::{prelude::*, sample::select};

use super::{
    any_usd, estate::price, grams_per_kwh, list, matches, maybe, per_hour, plan::number, ratio, text, time,
};
use crate::{
    plan::{Constraint, NodeUse, Run},
    scenarios::{
        Aim, Aspect, Beside, CarbonChange, Differs, Exceeds, InScenario, InterruptionChange, Outlook,
        Scenario,
    },
};

/// A scenario of an estate.
pub(super) fn scenario(fill: f64) -> impl Strategy<Value = Scenario> {
    let interruption = (matches(fill), maybe(fill, ratio()), maybe(fill, per_hour()))
        .prop_map(|(matches, multiply, per_hour)| InterruptionChange { matches, multiply, per_hour });
    let carbon =
        (maybe(fill, text()), maybe(fill, text()), maybe(fill, ratio()), maybe(fill, grams_per_kwh()))
            .prop_map(|(region, zone, multiply, grams_per_kwh)| CarbonChange {
                region,
                zone,
                multiply,
                grams_per_kwh,
            });
    let lists = (list(fill, price(fill)), list(fill, interruption), list(fill, carbon));
    (text(), maybe(fill, ratio()), lists).prop_map(|(name, weight, lists)| Scenario {
        name,
        weight,
        prices: lists.0,
        interruptions: lists.1,
        carbon_intensity: lists.2,
    })
}

/// The part of a plan about scenarios.
pub(super) fn outlook(fill: f64) -> impl Strategy<Value = Outlook> {
    let aims = select(vec![Aim::Average, Aim::Regret]);
    let figures = (any_usd(), any_usd(), maybe(fill, any_usd()), maybe(fill, number()), any::<u64>());
    (aims, figures, list(fill, in_scenario(fill)), list(fill, beside(fill))).prop_map(
        |(aim, figures, scenarios, beside)| Outlook {
            aim,
            expected_usd: figures.0,
            max_regret_usd: figures.1,
            bound_usd: figures.2,
            gap: figures.3,
            scenarios,
            beside,
            solves: figures.4,
        },
    )
}

fn in_scenario(fill: f64) -> impl Strategy<Value = InScenario> {
    let figures = (any_usd(), any_usd(), maybe(fill, any_usd()), any_usd());
    let exceeds = (text(), number(), text()).prop_map(|(name, by, unit)| Exceeds {
        constraint: Constraint::Budget,
        name,
        by,
        unit,
    });
    (text(), number(), figures, maybe(fill, number()), list(fill, exceeds)).prop_map(
        |(name, weight, figures, carbon_kg, exceeds)| InScenario {
            name,
            weight,
            usd: figures.0,
            best_usd: figures.1,
            best_bound_usd: figures.2,
            regret_usd: figures.3,
            carbon_kg,
            exceeds,
        },
    )
}

fn beside(fill: f64) -> impl Strategy<Value = Beside> {
    let of = select(vec![Aspect::Forecast, Aspect::Average, Aspect::Regret, Aspect::Scenario]);
    let run = (time(), time()).prop_map(|(start, end)| Run { start, end });
    let node = text().prop_map(|node| NodeUse { node, replicas: 1, devices: None });
    let differs = (text(), maybe(fill, text()), maybe(fill, time()), list(fill, run), list(fill, node))
        .prop_map(|(workload, offer, start, runs, nodes)| Differs {
            workload,
            offer,
            start,
            runs: (!runs.is_empty()).then_some(runs),
            nodes: (!nodes.is_empty()).then_some(nodes),
        });
    let figures = (any_usd(), any_usd(), any_usd(), list(fill, (text(), any_usd())));
    (of, maybe(fill, text()), figures, list(fill, differs)).prop_map(|(of, scenario, figures, differs)| {
        Beside {
            of,
            scenario,
            forecast_usd: figures.0,
            expected_usd: figures.1,
            max_regret_usd: figures.2,
            usd: figures.3.into_iter().collect(),
            differs,
        }
    })
}
