//! Made-up fronts.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{any_usd, maybe, plan, plan::number};
use crate::{
    Front,
    document::ApiVersion,
    front::{Axis, FrontKind, Point, PriceRange, Step},
    plan::Status,
};

/// A front, each of whose fields may be anything.
pub fn front(fill: f64) -> impl Strategy<Value = Front> {
    let axes = vec(select(vec![Axis::Cost, Axis::Carbon, Axis::Time]), 1..4);
    let about = (axes, any::<bool>(), any::<bool>(), maybe(fill, any::<u64>()), any::<u64>());
    (about, vec(point(fill), 1..3), select(vec![Status::Optimal, Status::Feasible, Status::Infeasible]))
        .prop_map(|((axes, reproducible, complete, knee, solves), points, status)| Front {
            api_version: ApiVersion::default(),
            kind: FrontKind::Front,
            status,
            reproducible,
            axes,
            complete,
            knee,
            solves,
            inputs: points[0].plan.inputs.clone(),
            points,
        })
}

fn point(fill: f64) -> impl Strategy<Value = Point> {
    let range = (any_usd(), maybe(fill, any_usd())).prop_map(|(from, to)| PriceRange { from, to });
    let step = (any_usd(), maybe(fill, number()), maybe(fill, number()), any_usd()).prop_map(
        |(extra_usd, saves_kg, saves_hours, usd_per_unit)| Step {
            extra_usd,
            saves_kg,
            saves_hours,
            usd_per_unit,
        },
    );
    let figures = (any_usd(), maybe(fill, number()), number(), maybe(fill, number()));
    (figures, maybe(fill, range), maybe(fill, step), plan(fill)).prop_map(
        |((cost_usd, carbon_kg, hours, gap), best, next, plan)| Point {
            cost_usd,
            carbon_kg,
            hours,
            best,
            next,
            gap,
            plan,
        },
    )
}
