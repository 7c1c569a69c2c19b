//! The front: plans of which each is the best at some price of carbon, or of delay.
//!
//! Cost is the total without the parts carbon and delay, carbon is kilograms, time is workload-hours
//! until done. Every point is what the solver makes of the same inputs at other prices, so it is a plan
//! like any other. The ends are at the least price there is, where cost decides and of equals the cleaner
//! (sooner) one, and at [`MOST_CARBON`] and [`MOST_DELAY`]. Between them the search goes where the
//! `weights` say. Searches know the plans found before, and so never end with a worse one.
//!
//! A search may stop at a gap. What then remains is filtered: no point of a front is dominated or lies
//! above the others' hull, whatever the solver missed.

mod weights;

use std::{cmp::Reverse, collections::BTreeMap};

use plimsoll_model::{
    Inputs, Plan, Usd, Workload,
    document::ApiVersion,
    front::{Axis, Front, FrontKind, Point, PriceRange, Step},
    plan::{Inputs as PlanInputs, Status},
};

use crate::{
    build::Rules,
    error::PlanError,
    flags::Settings,
    report::{self, Seats},
    world::World,
};
use weights::{Limits, Measures, Prices, Vertex, spread, vertices};

/// The dearest tonne that is looked at, in dollars.
pub const MOST_CARBON: i64 = 1_000_000;
/// The dearest workload-hour that is looked at, in dollars.
pub const MOST_DELAY: i64 = 10_000;
/// Points of a front when no number is asked for.
pub const DEFAULT_POINTS: usize = 16;

/// The least price there is: cost decides, and of equals what is less.
const LEAST: Usd = Usd::from_pico(1_000_000);
/// Values closer than this, relatively, are equal: a part of what the solver distinguishes.
const EQUAL: f64 = 1e-7;

/// Finds the front of some inputs along some axes, of at most so many points.
///
/// # Errors
/// When the estate contradicts itself, or a price needs a figure that nothing states.
pub fn front(
    inputs: &Inputs,
    settings: &Settings,
    axes: &[Axis],
    most: usize,
    time_left: Option<fn() -> f64>,
    observer: &mut dyn FnMut(&plimsoll_solver::Phase),
) -> Result<Front, PlanError> {
    let world = World::new(inputs, settings.now)?;
    let rules = Rules::of(&world);
    let of = |axis, most: i64, unit: f64| {
        if axes.contains(&axis) { (LEAST.to_f64() / unit, most as f64 / unit) } else { (0.0, 0.0) }
    };
    let limits = Limits { kg: of(Axis::Carbon, MOST_CARBON, TONNE), hour: of(Axis::Time, MOST_DELAY, 1.0) };
    let share = Settings { effort: (2 * settings.effort / most.max(1) as u64).max(1), ..settings.clone() };
    let workloads = inputs.workloads.iter().map(|w| (&*w.metadata.name, w)).collect();
    let mut search =
        Search { world: &world, workloads, rules: &rules, settings: &share, limits, found: Vec::new() };
    let (mut tried, mut solves, mut exhausted): (Vec<Prices>, usize, bool) = (Vec::new(), 0, false);
    loop {
        let points = search.measures();
        let open = vertices(&points, limits).into_iter().filter(|v| !tried.contains(&rounded(v.at)));
        // The widest gap first; of equals the first.
        let next = open.reduce(|a, b| if width(&points, &b) > width(&points, &a) { b } else { a });
        let Some(vertex) = next else {
            exhausted = true;
            break;
        };
        let enough = solves >= 2 * most || supported(&points, limits).len() >= most.max(2);
        if solves > 0 && (enough || time_left.is_some_and(|left| left() <= 0.0)) {
            break;
        }
        let at = rounded(vertex.at);
        tried.push(at);
        search.at(at, time_left, observer)?;
        solves += 1;
    }
    let chosen = search.chosen();
    let complete = exhausted && chosen.iter().all(|found| found.plan.status == Status::Optimal);
    let plain = Settings { carbon_price: Usd::ZERO, delay_price: Usd::ZERO, ..settings.clone() };
    let inputs =
        chosen.first().map(|found| PlanInputs { flags: plain.to_flags(), ..found.plan.inputs.clone() });
    let reproducible = settings.time_limit.is_none() && chosen.iter().all(|found| found.plan.reproducible);
    let inputs =
        inputs.ok_or_else(|| PlanError::input("there is nothing to place", "name a file with workloads"))?;
    let points = points(chosen, axes);
    Ok(Front {
        api_version: ApiVersion::default(),
        kind: FrontKind::Front,
        status: worst(&points),
        reproducible,
        axes: axes.to_vec(),
        complete,
        knee: knee(&points, axes).map(|at| at as u64),
        points,
        solves: solves as u64,
        inputs,
    })
}

/// Kilograms in a tonne.
const TONNE: f64 = 1000.0;

/// A plan that was found.
struct Found {
    plan: Plan,
    /// Where it lies on the axes asked for; 0 on others.
    at: Measures,
    hours: f64,
    seats: Seats,
    /// Required workloads left out, as [`left_out`] orders them: they come before any axis.
    left: Vec<usize>,
}

/// Workloads by name.
type Named<'w> = BTreeMap<&'w str, &'w Workload>;

struct Search<'w> {
    world: &'w World<'w>,
    workloads: Named<'w>,
    rules: &'w Rules,
    settings: &'w Settings,
    limits: Limits,
    found: Vec<Found>,
}

impl Search<'_> {
    /// Where a plan lies.
    fn measured(&self, plan: &Plan, hours: f64) -> Measures {
        let parts = &plan.objective.parts;
        let cost = plan.objective.total_usd - parts.carbon - parts.delay;
        let on = |axis: (f64, f64), value: f64| if axis.1 > 0.0 { value } else { 0.0 };
        let kg = plan.carbon_kg.unwrap_or(0.0);
        [cost.to_f64(), on(self.limits.kg, kg), on(self.limits.hour, hours)]
    }

    fn measures(&self) -> Vec<Measures> {
        self.found.iter().map(|found| found.at).collect()
    }

    /// Plans at some prices, and keeps what is new.
    fn at(
        &mut self,
        at: Prices,
        time_left: Option<fn() -> f64>,
        observer: &mut dyn FnMut(&plimsoll_solver::Phase),
    ) -> Result<(), PlanError> {
        let settings = Settings {
            carbon_price: money(at.kg * TONNE),
            delay_price: money(at.hour),
            ..self.settings.clone()
        };
        let known: Vec<&Seats> = self.found.iter().map(|found| &found.seats).collect();
        let (plan, seats) = report::solved(self.world, self.rules, &settings, &known, time_left, observer)?;
        let left = left_out(&plan, &self.workloads);
        let hours = hours(&plan, &self.workloads);
        let new = Found { at: self.measured(&plan, hours), hours, plan, seats, left };
        // A plan that places more of what is required makes the others worthless.
        match self.found.first().map(|known| new.left.cmp(&known.left)) {
            Some(std::cmp::Ordering::Greater) => return Ok(()),
            Some(std::cmp::Ordering::Less) => self.found.clear(),
            _ => {}
        }
        let equal = |known: &Found| {
            (0..3).all(|axis| {
                let (a, b) = (known.at[axis], new.at[axis]);
                (a - b).abs() <= EQUAL * a.abs().max(b.abs())
            })
        };
        if !self.found.iter().any(equal) {
            self.found.push(new);
        }
        Ok(())
    }

    /// The points of the front, cheapest first.
    fn chosen(self) -> Vec<Found> {
        let points = self.measures();
        let mut keep = supported(&points, self.limits);
        // On an axis that was not asked for all are equal.
        let dominates =
            |a: &Measures, b: &Measures| (0..3).all(|x| a[x] <= b[x]) && (0..3).any(|x| a[x] < b[x]);
        let dominated: Vec<usize> = keep
            .iter()
            .copied()
            .filter(|i| keep.iter().any(|j| dominates(&points[*j], &points[*i])))
            .collect();
        keep.retain(|i| !dominated.contains(i));
        let kept = self.found.into_iter().enumerate().filter(|(at, _)| keep.contains(at));
        let mut found: Vec<Found> = kept.map(|(_, found)| found).collect();
        found.sort_by(|a, b| a.at[0].total_cmp(&b.at[0]).then(a.at[1].total_cmp(&b.at[1])));
        found
    }
}

/// The points that are best at some prices.
fn supported(points: &[Measures], limits: Limits) -> Vec<usize> {
    let mut members: Vec<usize> = vertices(points, limits).into_iter().flat_map(|v| v.members).collect();
    members.sort_unstable();
    members.dedup();
    members
}

/// How much may lie at a vertex; most where nothing is known yet.
fn width(points: &[Measures], vertex: &Vertex) -> f64 {
    if vertex.members.len() < 2 { f64::INFINITY } else { spread(points, vertex) }
}

/// Prices as flags can state them: dollars a tonne and an hour at six decimals.
fn rounded(at: Prices) -> Prices {
    Prices { kg: money(at.kg * TONNE).to_f64() / TONNE, hour: money(at.hour).to_f64() }
}

fn money(usd: f64) -> Usd {
    Usd::from_micro((usd * 1e6).round() as i128)
}

/// Workload-hours until done, as the part delay counts them.
fn hours(plan: &Plan, workloads: &Named<'_>) -> f64 {
    let now = plan.inputs.flags.now;
    let of = |placement: &plimsoll_model::plan::Placement| {
        let spec = &workloads.get(&*placement.workload)?.spec;
        let earliest = spec.earliest.map_or(now, |e| e.resolve(now).max(now));
        let until = if spec.duration.is_none() { placement.start } else { placement.end };
        Some(until.hours_since(earliest))
    };
    // The sum of no floats is −0, which JSON would show.
    plan.placements.iter().filter_map(of).sum::<f64>() + 0.0
}

/// Required workloads left out, by priority from the highest: what is fewer comes first.
fn left_out(plan: &Plan, workloads: &Named<'_>) -> Vec<usize> {
    let required = workloads.values().filter(|w| w.spec.is_required());
    let mut left: BTreeMap<Reverse<i64>, usize> = required.map(|w| (Reverse(w.spec.priority), 0)).collect();
    for unplaced in &plan.unplaced {
        if let Some(workload) = workloads.get(&*unplaced.workload).filter(|w| w.spec.is_required()) {
            *left.entry(Reverse(workload.spec.priority)).or_default() += 1;
        }
    }
    left.into_values().collect()
}

/// The plans as points, each with the step to the next where there is one other axis.
fn points(found: Vec<Found>, axes: &[Axis]) -> Vec<Point> {
    let steps: Vec<Option<Step>> = (0..found.len())
        .map(|at| {
            let (here, next) = (&found[at].at, &found.get(at + 1)?.at);
            let extra = next[0] - here[0];
            match axes {
                [_, Axis::Carbon] => {
                    let saves = here[1] - next[1];
                    let price = money(extra / saves * TONNE);
                    Some(Step {
                        extra_usd: money(extra),
                        saves_kg: Some(saves),
                        saves_hours: None,
                        usd_per_unit: price,
                    })
                }
                [_, Axis::Time] => {
                    let saves = here[2] - next[2];
                    let price = money(extra / saves);
                    Some(Step {
                        extra_usd: money(extra),
                        saves_kg: None,
                        saves_hours: Some(saves),
                        usd_per_unit: price,
                    })
                }
                _ => None,
            }
        })
        .collect();
    let range = |at: usize| PriceRange {
        from: at.checked_sub(1).and_then(|before| steps[before]).map_or(Usd::ZERO, |step| step.usd_per_unit),
        to: steps[at].map(|step| step.usd_per_unit),
    };
    let ranges: Vec<Option<PriceRange>> =
        (0..found.len()).map(|at| (axes.len() == 2).then(|| range(at))).collect();
    let point = |((found, next), best): ((Found, Option<Step>), Option<PriceRange>)| Point {
        cost_usd: money(found.at[0]),
        carbon_kg: found.plan.carbon_kg,
        hours: found.hours,
        best,
        next,
        gap: found.plan.objective.gap,
        plan: found.plan,
    };
    found.into_iter().zip(steps).zip(ranges).map(point).collect()
}

/// The point that is farthest from the chord between the ends, where every axis is as long as the front
/// (Das 1999, "On characterizing the knee of the Pareto curve based on normal-boundary intersection"): the
/// least sum of the axes, so measured. With three axes the least sum stands for the distance to a plane.
fn knee(points: &[Point], axes: &[Axis]) -> Option<usize> {
    let along = |axis: Axis, point: &Point| match axis {
        Axis::Cost => point.cost_usd.to_f64(),
        Axis::Carbon => point.carbon_kg.unwrap_or(0.0),
        Axis::Time => point.hours,
    };
    let ranges: Vec<(Axis, f64, f64)> = axes
        .iter()
        .map(|axis| {
            let all = || points.iter().map(|point| along(*axis, point));
            (*axis, all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max))
        })
        .filter(|(_, low, high)| high > low)
        .collect();
    let sum = |point: &Point| -> f64 {
        ranges.iter().map(|(axis, low, high)| (along(*axis, point) - low) / (high - low)).sum()
    };
    let sums: Vec<f64> = points.iter().map(sum).collect();
    let best = (0..points.len()).reduce(|a, b| if sums[b] < sums[a] - EQUAL { b } else { a })?;
    // On two axes the chord is where the sum is 1.
    (points.len() > 2 && (axes.len() > 2 || sums[best] < 1.0 - EQUAL)).then_some(best)
}

/// The worst of the points' statuses.
fn worst(points: &[Point]) -> Status {
    let any = |status| points.iter().any(|point| point.plan.status == status);
    if any(Status::Infeasible) {
        Status::Infeasible
    } else if any(Status::Feasible) {
        Status::Feasible
    } else {
        Status::Optimal
    }
}
