//! Why a workload is left out, and the least that would have to change.
//!
//! Every offer is asked what stands in the way of the workload there, beside the others as placed. A
//! limit that alone excludes some offer is a cause: relaxing it by the stated amount places the
//! workload. When no limit alone does, the smallest set that together does is given. A limit behind
//! which an optional workload would still cost more than it is worth is no cause.

mod smaller;
mod ways;

use std::collections::BTreeMap;

use plimsoll_catalog as catalog;
use plimsoll_model::{
    Usd,
    plan::{Cause, Constraint, Unplaced},
    yaml,
};
use plimsoll_solver::Outcome;
use serde_json::json;

use crate::{build::Build, price::Decision, prospect::Obstacle, report::beside::round, world::dollars};

use ways::Way;

/// Explains every workload that is not placed, in document order.
pub(super) fn explain(
    build: &mut Build<'_>,
    outcome: &Outcome,
    decisions: &[Option<Decision>],
) -> Vec<Unplaced> {
    (0..decisions.len()).filter(|t| decisions[*t].is_none()).map(|task| one(build, outcome, task)).collect()
}

fn one(build: &mut Build<'_>, outcome: &Outcome, task: usize) -> Unplaced {
    let world = build.world();
    let workload = world.inputs.workloads[task].metadata.name.clone();
    let (_, filtered) = build.prospects[task].eligible();
    let mut unplaced = Unplaced {
        workload,
        reason: String::new(),
        causes: Vec::new(),
        together: false,
        cost_usd: None,
        value_usd: build.prospects[task].spec().value,
        filtered,
        nearest: None,
    };
    let mut producers = build.problem.tasks[task].inputs.iter().map(|edge| edge.producer as usize);
    if let Some(producer) = producers.find(|producer| outcome.columns[*producer].is_none()) {
        let name = world.inputs.workloads[producer].metadata.name.clone();
        unplaced.reason = format!("its producer {name} is left out");
        unplaced.causes = vec![Cause {
            constraint: Constraint::Producer,
            name,
            needs: json!("placed"),
            has: json!("left out"),
            relax_by: None,
            unit: None,
        }];
        return unplaced;
    }
    let mut ways = ways::all(build, outcome, task);
    // A slice of accelerators that nobody asked for is no way, if there is another.
    let is_slice = |way: &Way| way.obstacles.iter().any(|obstacle| obstacle.name == "hosts");
    if !ways.iter().all(is_slice) {
        ways.retain(|way| !is_slice(way));
    }
    let unheard = Unheard::of(build, task);
    if let Some(near) = unheard.as_ref().and_then(|unheard| unheard.near.as_deref()) {
        let is_meant = |way: &Way| {
            let name = world.offer(way.offer).accelerator_name.as_deref();
            name.is_some_and(|name| catalog::canonical(name) == near)
        };
        if ways.iter().any(is_meant) {
            ways.retain(is_meant);
        }
    }
    let mut taken: Vec<&Way> = ways.iter().filter(|way| way.is_worth_it(unplaced.value_usd)).collect();
    if ways.iter().all(|way| way.usd.is_infinite()) {
        // It is too large for every machine: what it would cost, nobody knows.
        taken = ways.iter().collect();
    }
    taken.sort_by(|a, b| a.usd.total_cmp(&b.usd));
    unplaced.causes = causes(&taken);
    unplaced.together = unplaced.causes.len() > 1 && taken.iter().all(|way| way.obstacles.len() > 1);
    let alone: &mut [Cause] = if unplaced.together { &mut [] } else { &mut unplaced.causes };
    let holder = smaller::most(build, outcome, task, &taken, alone);
    let nearest = nearest(taken.iter().copied()).or_else(|| nearest(&ways));
    let is_smaller =
        |way: &&Way| way.obstacles.iter().any(|obstacle| obstacle.constraint == Constraint::Size);
    let holder = holder.filter(|_| nearest.as_ref().is_some_and(is_smaller));
    unplaced.nearest = nearest.map(|way| world.offer(holder.unwrap_or(way.offer)).name());
    if !ways.is_empty() && ways.iter().all(|way| ways::is_alien(build, task, way.offer)) {
        is_had_by_none(&mut unplaced);
    }
    let least = |ways: &mut dyn Iterator<Item = &Way>| ways.map(|way| way.usd).reduce(f64::min);
    let free = least(&mut ways.iter().filter(|way| way.obstacles.is_empty()));
    if unplaced.value_usd.is_some() {
        let known = &mut ways.iter().filter(|way| way.usd.is_finite());
        let cost = free.or_else(|| taken.is_empty().then(|| least(known)).flatten());
        unplaced.cost_usd = cost.map(|usd| Usd::from_micro((usd * 1e6).round() as i128));
    }
    unplaced.reason = reason(&unplaced, free.is_some(), !taken.is_empty());
    if let Some(unheard) = unheard {
        unheard.say(&mut unplaced);
    }
    unplaced
}

/// Accelerators that no offer has and nobody has heard of: misspelt, more likely than wanted.
struct Unheard {
    names: Vec<String>,
    /// The nearest name of one that some offer has.
    near: Option<String>,
}

impl Unheard {
    /// Nothing where some way to run the task names another, or none.
    fn of(build: &Build<'_>, task: usize) -> Option<Self> {
        let (world, spec) = (build.world(), build.prospects[task].spec());
        let mut names: Vec<String> = Vec::new();
        for way in spec.ways() {
            let wanted = way.request.accelerators.as_ref()?;
            let is_known = |name: &String| {
                world.known_accelerator(name).is_some() || catalog::accelerator(name).is_some()
            };
            if wanted.any_of.is_empty() || wanted.any_of.iter().any(is_known) {
                return None;
            }
            names.extend(
                wanted.any_of.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>(),
            );
        }
        let aliases = || catalog::aliases().map(|(alias, _)| alias);
        let aliases = || aliases().filter(|alias| world.known_accelerator(alias).is_some());
        let near = names.iter().find_map(|name| {
            let near = yaml::nearest(name, world.accelerators.iter().map(String::as_str).chain(aliases()))?;
            Some(catalog::canonical(near).into_owned())
        });
        Some(Self { names, near })
    }

    /// Another machine, of which nobody spoke, is no way out.
    fn say(&self, unplaced: &mut Unplaced) {
        let names = self.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        unplaced.reason = match &self.near {
            Some(near) => format!("no offer has the accelerator {names}; did you mean `{near}`?"),
            None => format!("no offer has the accelerator {names}"),
        };
        if self.near.is_none() {
            is_had_by_none(unplaced);
        }
    }
}

/// No offer has an accelerator that would do: another one is no way out.
fn is_had_by_none(unplaced: &mut Unplaced) {
    unplaced.nearest = None;
    for cause in unplaced.causes.iter_mut().filter(|cause| cause.constraint == Constraint::Accelerator) {
        cause.has = json!(null);
    }
}

/// Why, in a sentence: `fits` somewhere beside the others; some way costs less than its value (`taken`).
fn reason(unplaced: &Unplaced, fits: bool, taken: bool) -> String {
    let count = unplaced.causes.len();
    match (&unplaced.causes[..], unplaced.cost_usd.zip(unplaced.value_usd)) {
        ([], Some((cost, value))) => {
            let (cost, value) = both(cost, value);
            match (fits, taken) {
                (true, false) => format!("it costs {cost} and is worth {value}"),
                (true, true) => {
                    format!("it costs {cost} and is worth {value}, which the search did not find")
                }
                (false, _) => format!("it would cost {cost} even without limits and is worth {value}"),
            }
        }
        ([], None) => "it fits alone, but not beside the others within what was searched".to_owned(),
        (_, Some((cost, value))) => {
            let (cost, value) = both(cost, value);
            format!("where it fits it costs {cost} and is worth {value}")
        }
        ([cause], None) => format!("it would fit if {} gave", limit(cause)),
        _ if unplaced.together => format!("it would fit if {count} limits gave together"),
        _ => format!("it would fit if any one of {count} limits gave"),
    }
}

/// Two amounts with as many decimals as it takes to tell them apart.
fn both(a: Usd, b: Usd) -> (String, String) {
    let (short, other) = (dollars(a), dollars(b));
    if short == other && a != b { (format!("${a}"), format!("${b}")) } else { (short, other) }
}

/// A limit by its names.
fn limit(cause: &Cause) -> String {
    let (constraint, name) = (cause.constraint.as_str(), &cause.name);
    if constraint == name { format!("`{name}`") } else { format!("{constraint} `{name}`") }
}

/// The way with the fewest obstacles, of equals the lowest, of equals the cheapest.
fn nearest<'w>(ways: impl IntoIterator<Item = &'w Way>) -> Option<&'w Way> {
    let amount = |way: &Way| way.obstacles.iter().map(|o| o.relax.map_or(1.0, |r| r.0)).sum::<f64>();
    ways.into_iter().min_by(|a, b| {
        let fewer = a.obstacles.len().cmp(&b.obstacles.len());
        fewer.then(amount(a).total_cmp(&amount(b))).then(a.usd.total_cmp(&b.usd))
    })
}

/// Each obstacle that alone is in some way, with its least amount; else the smallest set.
fn causes(ways: &[&Way]) -> Vec<Cause> {
    let Some(nearest) = nearest(ways.iter().copied()) else { return Vec::new() };
    if nearest.obstacles.len() != 1 {
        return nearest.obstacles.iter().map(cause).collect();
    }
    let mut least: BTreeMap<(Constraint, String), &Obstacle> = BTreeMap::new();
    for way in ways {
        let [obstacle] = &way.obstacles[..] else { continue };
        let key = match obstacle.constraint {
            // These are not limits with an amount: one entry stands for all offers they exclude.
            Constraint::Accelerator
            | Constraint::Memory
            | Constraint::Speed
            | Constraint::Capacity
            | Constraint::Latency => (obstacle.constraint, String::new()),
            _ => (obstacle.constraint, obstacle.name.clone()),
        };
        let entry = least.entry(key).or_insert(obstacle);
        if let (Some(new), Some(old)) = (obstacle.relax, entry.relax)
            && new.0 < old.0
        {
            *entry = obstacle;
        }
    }
    least.into_values().map(cause).collect()
}

fn cause(obstacle: &Obstacle) -> Cause {
    Cause {
        constraint: obstacle.constraint,
        name: obstacle.name.clone(),
        needs: obstacle.needs.clone(),
        has: obstacle.has.clone(),
        relax_by: obstacle.relax.map(|r| round(r.0)),
        unit: obstacle.relax.map(|r| r.1.to_owned()),
    }
}
