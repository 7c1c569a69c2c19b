//! The comparison `siting`: plans of seeded instances beside plain baselines, with the way there.
//!
//! Every method is given the same problem in numbers in the same process, one after the other, on one
//! thread. What is compared is dollars, the proven bound, CPU seconds and memory.

mod baselines;
mod compare;
mod machine;
mod show;

pub use compare::compare;
pub use machine::{Machine, commit};
pub use show::table;

use std::fmt::Write as _;

use plimsoll_model::Inputs;
use plimsoll_planner::{
    PlanError, Settings,
    build::{Build, Rules},
    world::World,
};
use plimsoll_solver::{Params, Problem};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    company::{Shape, company},
    meter::{cpu_seconds, forget_peak, peak_mib},
};

/// What is compared, and how.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The instances: `SHAPE:WORKLOADSxOFFERS`.
    pub instances: Vec<Instance>,
    /// The seed of the instances and of the search.
    pub seed: u64,
    /// Work units of the search.
    pub effort: u64,
    /// Seconds that a solver among the baselines may take.
    pub seconds: f64,
    /// Whether the baselines are run.
    pub baselines: bool,
    /// The Python in which OR-Tools is looked for.
    pub python: String,
}

/// An instance by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// What makes it hard.
    pub shape: Shape,
    /// How many workloads.
    pub workloads: usize,
    /// How many offers.
    pub offers: usize,
}

impl Instance {
    /// The instance of a name such as `company:1000x5000`; `None` when it is none.
    pub fn named(name: &str) -> Option<Self> {
        let (shape, size) = name.split_once(':')?;
        let (workloads, offers) = size.split_once('x')?;
        let shape = Shape::ALL.into_iter().find(|s| s.as_str() == shape)?;
        let count = |text: &str| text.parse().ok().filter(|count| (1..=200_000).contains(count));
        Some(Self { shape, workloads: count(workloads)?, offers: count(offers)? })
    }

    /// Its name.
    pub fn name(&self) -> String {
        format!("{}:{}x{}", self.shape.as_str(), self.workloads, self.offers)
    }

    /// The instances that are compared when none is named: seconds each.
    pub fn usual() -> Vec<Self> {
        let of = |shape, workloads, offers| Self { shape, workloads, offers };
        vec![of(Shape::Company, 300, 1_500), of(Shape::Company, 1_000, 5_000)]
    }
}

/// What came of a comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Always `siting`.
    pub bench: String,
    /// The commit of the sources, when they lie around; with `-dirty` when they were changed.
    pub commit: Option<String>,
    /// The version of the program.
    pub version: String,
    /// Where it ran.
    pub machine: Machine,
    /// The seed.
    pub seed: u64,
    /// Work units.
    pub effort: u64,
    /// One entry an instance.
    pub instances: Vec<Compared>,
}

/// An instance with what each method made of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// SHA-256 of its documents.
    pub hash: String,
    /// How many workloads.
    pub workloads: u64,
    /// Pairs of a workload and an offer in the problem.
    pub pairs: u64,
    /// CPU seconds to read the world and to state the problem; part of no method's.
    pub stating_seconds: f64,
    /// The methods.
    pub methods: Vec<Method>,
}

/// What a method made of an instance.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Method {
    /// Its name.
    pub name: String,
    /// Why it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Dollars of its plan; null without one.
    pub total_usd: Option<f64>,
    /// Workloads left out that are required.
    pub left_out: u64,
    /// No plan that leaves none out costs less.
    pub bound_usd: Option<f64>,
    /// (total − bound)/bound with the best bound of all methods.
    pub gap: Option<f64>,
    /// CPU seconds.
    pub cpu_seconds: f64,
    /// The most memory the process held while it ran, in MiB, the instance included.
    pub peak_mib: f64,
    /// The way there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<Point>,
    /// What it counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<(String, u64)>,
}

/// A plan on the way.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// CPU seconds since the method began.
    pub cpu_seconds: f64,
    /// Dollars.
    pub total_usd: f64,
    /// The bound by then.
    pub bound_usd: Option<f64>,
}

/// Runs the comparison; `said` hears of each method when it begins.
///
/// # Errors
/// When an instance cannot be stated, which is a bug of its generator.
pub fn run(asked: &Asked, said: &mut dyn FnMut(&str)) -> Result<Record, PlanError> {
    let mut instances = Vec::new();
    for instance in &asked.instances {
        instances.push(one(asked, *instance, said)?);
    }
    Ok(Record {
        bench: "siting".into(),
        commit: commit(),
        version: env!("CARGO_PKG_VERSION").into(),
        machine: Machine::here(),
        seed: asked.seed,
        effort: asked.effort,
        instances,
    })
}

fn one(asked: &Asked, instance: Instance, said: &mut dyn FnMut(&str)) -> Result<Compared, PlanError> {
    let name = instance.name();
    let inputs = company(asked.seed, instance.workloads, instance.offers, instance.shape);
    let settings = Settings::of(&inputs);
    said(&format!("{name}: stating"));
    let before = cpu_seconds();
    let world = World::new(&inputs, settings.now)?;
    let rules = Rules::of(&world);
    let build = Build::new(&world, &settings, &rules)?;
    let stating_seconds = cpu_seconds() - before;
    let problem = &build.problem;
    let mut methods = Vec::new();
    let mut add = |method: Method| methods.push(method);
    said(&format!("{name}: plimsoll"));
    add(ours(asked, problem));
    if asked.baselines {
        type Baseline = fn(&Asked, &Problem) -> Method;
        let baselines: [(&str, Baseline); 4] = [
            ("greedy", baselines::greedy),
            ("cheapest first, with retry", baselines::cheapest_first),
            ("HiGHS, plain program", baselines::highs),
            ("CP-SAT", baselines::cp_sat),
        ];
        for (method, baseline) in baselines {
            said(&format!("{name}: {method}"));
            add(Method { name: method.into(), ..baseline(asked, problem) });
        }
    }
    let best = methods.iter().filter_map(|m| m.bound_usd).fold(f64::NEG_INFINITY, f64::max);
    for method in methods.iter_mut().filter(|m| m.left_out == 0 && best > 0.0) {
        method.gap = method.total_usd.map(|total| (total - best) / best);
    }
    Ok(Compared {
        name,
        hash: hash(&inputs),
        workloads: problem.tasks.len() as u64,
        pairs: problem.tasks.iter().map(|t| t.choices.len() as u64).sum(),
        stating_seconds,
        methods,
    })
}

fn ours(asked: &Asked, problem: &Problem) -> Method {
    let params = Params { effort: asked.effort, seed: asked.seed, ..Params::default() };
    let mut curve: Vec<Point> = Vec::new();
    let (outcome, spent) = metered(|before| {
        plimsoll_solver::solve(problem, &params, &mut |phase| {
            if let Some(total) = phase.total {
                let cpu_seconds = cpu_seconds() - before;
                curve.push(Point { cpu_seconds, total_usd: total, bound_usd: phase.bound });
            }
        })
    });
    let left =
        |(task, column): (&plimsoll_solver::problem::Task, &Option<_>)| task.required && column.is_none();
    let counts = outcome.phases.iter().flat_map(|phase| {
        phase.counts.iter().map(|(what, count)| (format!("{}: {what}", phase.name), *count))
    });
    Method {
        name: "plimsoll".into(),
        total_usd: Some(outcome.total),
        left_out: problem.tasks.iter().zip(&outcome.columns).filter(|pair| left(*pair)).count() as u64,
        bound_usd: outcome.bound,
        curve: thinned(curve),
        counts: counts.collect(),
        ..spent
    }
}

/// Only points at which something got better.
fn thinned(curve: Vec<Point>) -> Vec<Point> {
    let mut thin: Vec<Point> = Vec::new();
    for point in curve {
        let bound = point.bound_usd.unwrap_or(f64::NEG_INFINITY);
        let news = thin.last().is_none_or(|last| {
            point.total_usd < last.total_usd || bound > last.bound_usd.unwrap_or(f64::NEG_INFINITY)
        });
        if news {
            thin.push(point);
        }
    }
    thin
}

/// What a method costs in CPU seconds and memory; it is given the CPU seconds at its beginning.
fn metered<T>(method: impl FnOnce(f64) -> T) -> (T, Method) {
    forget_peak();
    let before = cpu_seconds();
    let result = method(before);
    let spent = Method { cpu_seconds: cpu_seconds() - before, peak_mib: peak_mib(), ..Method::default() };
    (result, spent)
}

fn hash(inputs: &Inputs) -> String {
    let mut hasher = Sha256::new();
    hasher.update(serde_json::to_string(&inputs.estate).unwrap_or_default());
    for workload in &inputs.workloads {
        hasher.update(&workload.metadata.name);
        hasher.update(serde_json::to_string(&workload.spec).unwrap_or_default());
    }
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_instances() {
        let instance = Instance::named("giant:300x1500").expect("a name");
        assert_eq!((instance.workloads, instance.offers, instance.shape), (300, 1_500, Shape::Giant));
        assert_eq!(instance.name(), "giant:300x1500");
        for wrong in ["giant", "giant:300", "giant:0x10", "dwarf:3x4", "giant:3x-4", "giant:3x999999999"] {
            assert_eq!(Instance::named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_record_says_what_it_is_about_and_no_plan_beats_a_bound() {
        let asked = Asked {
            instances: vec![Instance { shape: Shape::Company, workloads: 12, offers: 300 }],
            seed: 5,
            effort: 700,
            seconds: 5.0,
            baselines: true,
            python: "no-such-python".into(),
        };
        let record = run(&asked, &mut |_| {}).expect("a sound instance");
        let text = serde_json::to_string(&record).expect("a record is JSON");
        let again: Record = serde_json::from_str(&text).expect("and back");
        assert_eq!((again.instances[0].hash.len(), again.seed), (64, 5));
        let methods = &again.instances[0].methods;
        assert_eq!(methods.len(), 5);
        assert!(methods[4].skipped.as_deref().is_some_and(|why| why.contains("no-such-python")));
        let best = methods.iter().filter_map(|m| m.bound_usd).fold(f64::NEG_INFINITY, f64::max);
        for method in methods.iter().filter(|m| m.left_out == 0) {
            assert!(method.total_usd.is_none_or(|total| total >= best - 1e-6 * best), "{method:?} {best}");
        }
        let shown = table(&again);
        for method in methods {
            assert!(shown.contains(&method.name), "{shown}");
        }
        let beside = compare(&record, &again).expect("the same instances");
        assert!(beside.contains("company:12x300") && beside.contains("plimsoll"), "{beside}");
        let mut other = again;
        other.instances[0].hash = "0".into();
        assert!(compare(&record, &other).is_err());
    }
}
