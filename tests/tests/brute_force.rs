//! Plans of thousands of small random instances, each the best there is by exhaustion.
//!
//! `PLIMSOLL_CASES=20` makes twenty times as many; `PLIMSOLL_ONLY=Data+Workflow:17` runs the one
//! instance that a failure names and prints it with both plans.

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::panic, reason = "a test prints and fails")]

use std::{
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use plimsoll_model::{
    Inputs, Plan, Time, Usd,
    plan::{Placement, Status},
};
use plimsoll_planner::{Settings, plan};
use plimsoll_tests::{
    brute::{self, Best, Outcome, ROUNDING, Score},
    dice::Dice,
    features::Feature,
    instances::{Instance, instance},
    laws::times,
};
use plimsoll_verify::{Evaluation, Kind, verify};
use serde_json::json;

/// Looks of the exhaustive search; an instance that takes more counts as too large.
const MOST: u64 = 6_000;

type Case = (Vec<Feature>, u64);

#[derive(Debug, Default)]
struct Tally {
    optimal: usize,
    infeasible: usize,
    too_large: usize,
    failures: Vec<String>,
}

#[test]
fn every_feature_alone() {
    let seeds = 12 * cases();
    run(Feature::ALL.iter().flat_map(|one| (0..seeds).map(|seed| (vec![*one], seed))).collect());
}

#[test]
fn every_pair_of_features() {
    let mut list = Vec::new();
    for (index, one) in Feature::ALL.iter().enumerate() {
        for other in &Feature::ALL[index + 1..] {
            list.extend((0..cases()).map(|seed| (vec![*one, *other], seed)));
        }
    }
    run(list);
}

/// A limit at exactly what the best plan takes changes nothing; a micro-dollar or a millisecond less, and
/// exhaustion must agree with what is best then.
#[test]
fn limits_at_the_brink() {
    let case = |seed: u64| {
        let mut dice = Dice::new(seed, &[Feature::PlanBudget]);
        let features = (0..dice.int(2, 4)).map(|_| dice.pick(Feature::ALL)).collect();
        (features, seed)
    };
    let check = |(features, seed): &Case| {
        let made = instance(*seed, features);
        let inputs = made.inputs();
        let plan = plan(&inputs, &made.settings(&inputs), None, &mut |_| {}).unwrap();
        let mut last = Some(plan.status);
        for (name, same, tight) in brinks(&made, &plan) {
            let wrong = |what: String| format!("{name}: {what}");
            last = check_instance(&tight).map_err(wrong)?;
            let again = plimsoll_planner::plan(&inputs, &tight.settings(&inputs), None, &mut |_| {}).unwrap();
            if same
                && last.is_some()
                && made.workloads == tight.workloads
                && again.objective.total_usd != plan.objective.total_usd
            {
                return Err(wrong(format!(
                    "{} before, {} then",
                    plan.objective.total_usd, again.objective.total_usd
                )));
            }
        }
        Ok(last)
    };
    run_with((0..40 * cases()).map(case).collect(), &check);
}

/// The instance with one limit tightened at a time: what, whether nothing may change, and how it is then.
fn brinks(made: &Instance, plan: &Plan) -> Vec<(String, bool, Instance)> {
    let spent = |placed: &Placement| placed.usd.compute + placed.usd.egress + placed.usd.risk;
    let dollars = |usd: Usd, less: i128| json!((usd - Usd::from_micro(less)).to_f64().max(0.0));
    let mut list = Vec::new();
    for less in [0, 1] {
        let mut tight = made.clone();
        let all: Usd = plan.placements.iter().map(spent).sum();
        tight.flags.insert("budget".into(), dollars(all, less));
        list.push((format!("budget less {less}"), less == 0, tight));
        for placed in &plan.placements {
            let mut tight = made.clone();
            let spec = tight.workloads.iter_mut().find(|(name, _)| *name == placed.workload);
            let spec = &mut spec.unwrap().1;
            spec["maxCost"] = dollars(spent(placed), less);
            list.push((format!("maxCost of {} less {less}", placed.workload), less == 0, tight.clone()));
            let spec = &mut tight.workloads.iter_mut().find(|(name, _)| *name == placed.workload).unwrap().1;
            if spec.get("deadline").is_some() {
                spec.as_object_mut().unwrap().remove("maxCost");
                // Ends are whole milliseconds in a document, rounded to even.
                let end = (placed.end.nanos() + 999_999) / 1_000_000 - i64::try_from(less).unwrap();
                spec["deadline"] = json!(Time::from_nanos(end * 1_000_000).to_string());
                list.push((format!("deadline of {} less {less}", placed.workload), false, tight));
            }
        }
    }
    list
}

#[test]
fn many_features_at_once() {
    let case = |seed: u64| {
        let mut dice = Dice::new(seed, &[]);
        let features = (0..dice.int(3, 6)).map(|_| dice.pick(Feature::ALL)).collect();
        (features, seed)
    };
    run((0..160 * cases()).map(case).collect());
}

/// Workflows and pausable workloads that compete for a few own machines and other limits over time.
#[test]
fn workflows_and_pauses_share_limits_over_time() {
    use Feature::{
        Carbon, CarbonBudgets, Counts, Deferral, DelayPrice, Earliest, Fractions, Optional, OwnNodes,
        Pausing, PlanBudget, Quotas, Reservations, Workflow,
    };
    let with = [
        Carbon,
        CarbonBudgets,
        Counts,
        Deferral,
        DelayPrice,
        Earliest,
        Fractions,
        Optional,
        PlanBudget,
        Quotas,
        Reservations,
    ];
    let seeds = 8 * cases();
    let case = |more: Feature, seed: u64| (vec![OwnNodes, Workflow, Pausing, more], seed);
    run(with.iter().flat_map(|more| (0..seeds).map(move |seed| case(*more, seed))).collect());
}

/// Workloads whose ways are in order, under limits that keep some of them from their first.
#[test]
fn earlier_ways_come_before_dollars() {
    use Feature::{
        Budgets, Counts, Data, Deferral, Ordered, Overload, OwnNodes, PlanBudget, Quotas, Workflow,
    };
    let with = [Budgets, Counts, Data, Deferral, Overload, OwnNodes, PlanBudget, Quotas, Workflow];
    let seeds = 6 * cases();
    run(with.iter().flat_map(|more| (0..seeds).map(move |seed| (vec![*more, Ordered], seed))).collect());
}

/// Workloads that are kept in one region, cloud or zone, under limits and with data that pull them apart.
#[test]
fn groups_stay_together() {
    use Feature::{
        Budgets, Carbon, Counts, Data, Deferral, Optional, Ordered, Overload, OwnNodes, Quotas, SecondSite,
        Together, Workflow,
    };
    let with = [
        Budgets, Carbon, Counts, Data, Deferral, Optional, Ordered, Overload, OwnNodes, Quotas, SecondSite,
        Workflow,
    ];
    let seeds = 6 * cases();
    run(with.iter().flat_map(|more| (0..seeds).map(move |seed| (vec![*more, Together], seed))).collect());
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test may be made longer")]
    std::env::var(name).ok()
}

fn cases() -> u64 {
    u64::from(times())
}

fn run(list: Vec<Case>) {
    run_with(list, &check);
}

type Check<'a> = &'a (dyn Fn(&Case) -> Result<Option<Status>, String> + Sync);

/// Runs the cases on two threads, and fails with what the first failures are.
fn run_with(mut list: Vec<Case>, check: Check<'_>) {
    if let Some(only) = variable("PLIMSOLL_ONLY") {
        list.retain(|case| name(case) == only);
        for (features, seed) in &list {
            println!("{}", story(&instance(*seed, features)));
        }
    }
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = || {
        while let Some(case) = list.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = catch_unwind(AssertUnwindSafe(|| check(case)))
                .unwrap_or_else(|cause| Err(format!("panics: {:?}", cause.downcast_ref::<String>())));
            let mut tally = tally.lock().unwrap();
            match outcome {
                Ok(Some(Status::Infeasible)) => tally.infeasible += 1,
                Ok(Some(_)) => tally.optimal += 1,
                Ok(None) => tally.too_large += 1,
                Err(what) => tally.failures.push(format!("{}: {what}", name(case))),
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let tally = tally.into_inner().unwrap();
    println!(
        "{} optimal, {} infeasible, {} too large, {} wrong",
        tally.optimal,
        tally.infeasible,
        tally.too_large,
        tally.failures.len()
    );
    if !tally.failures.is_empty() {
        let shown = variable("PLIMSOLL_SHOW").map_or(12, |count| count.parse().unwrap());
        let mut failures = tally.failures;
        failures.sort();
        let total = failures.len();
        failures.truncate(shown);
        panic!("{total} of {} are wrong:\n{}", list.len(), failures.join("\n"));
    }
    assert!(tally.too_large * 20 <= list.len(), "{} of {} were too large", tally.too_large, list.len());
}

fn name((features, seed): &Case) -> String {
    let names: Vec<String> = features.iter().map(|feature| format!("{feature:?}")).collect();
    format!("{}:{seed}", names.join("+"))
}

/// Plans one instance; `None` when exhaustion would take too long.
fn check((features, seed): &Case) -> Result<Option<Status>, String> {
    check_instance(&instance(*seed, features))
}

fn check_instance(made: &Instance) -> Result<Option<Status>, String> {
    let inputs = made.inputs();
    let settings = made.settings(&inputs);
    let plan = plan(&inputs, &settings, None, &mut |_| {}).map_err(|error| format!("no plan: {error}"))?;
    let wrong = verify(&plan, &inputs);
    if !wrong.is_empty() {
        let list: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        return Err(format!("verify says {}", list.join("; ")));
    }
    let planned = Score::of(&plan, &inputs);
    let slack = Score { total: planned.total + Usd::from_micro(ROUNDING), ..planned.clone() };
    let best = match brute::best(&inputs, &plan.inputs.flags, Some(slack), MOST) {
        Outcome::Best(best) => best,
        Outcome::TooLarge => return Ok(None),
        Outcome::None => return Err(format!("exhaustion finds nothing as good as the plan's {planned:?}")),
    };
    if !planned.agrees(&best.score) {
        return Err(format!("the plan has {planned:?}, the best is {:?}", best.score));
    }
    let objective = &plan.objective;
    if let Some(bound) = objective.bound_usd
        && bound.to_micro() > best.score.total.to_micro() + ROUNDING
    {
        return Err(format!("the bound is ${bound}, the best ${}", best.score.total));
    }
    for (effort, no_lp) in [(0, false), (0, true), (20, false)] {
        let settings = Settings { effort, no_lp, ..settings.clone() };
        hurried(&inputs, &settings, &best.score)
            .map_err(|what| format!("with effort {effort}, no_lp {no_lp}: {what}"))?;
    }
    let expected = if planned.left_out.is_empty() { Status::Optimal } else { Status::Infeasible };
    if plan.status != expected {
        return Err(format!("the status is {:?}, the bound {:?}", plan.status, objective.bound_usd));
    }
    Ok(Some(plan.status))
}

/// With little effort the search proves less, and other phases do the work: still nothing wrong.
fn hurried(inputs: &Inputs, settings: &Settings, best: &Score) -> Result<(), String> {
    let plan = plan(inputs, settings, None, &mut |_| {}).map_err(|error| format!("no plan: {error}"))?;
    // Without the effort to find out, a workload may be left out that fits.
    let wrong: Vec<String> = verify(&plan, inputs)
        .into_iter()
        .filter(|wrong| !(wrong.kind == Kind::Bound && wrong.message.contains("yet fits")))
        .map(|wrong| wrong.to_string())
        .collect();
    if !wrong.is_empty() {
        return Err(format!("verify says {}", wrong.join("; ")));
    }
    let planned = Score::of(&plan, inputs);
    if planned.compare(best).is_lt() && !planned.agrees(best) {
        return Err(format!("the plan has {planned:?}, the best is {best:?}"));
    }
    match plan.objective.bound_usd {
        Some(bound) if bound.to_micro() > best.total.to_micro() + ROUNDING => {
            Err(format!("the bound is ${bound}, the best ${}", best.total))
        }
        _ => Ok(()),
    }
}

/// An instance with the plan and the best.
fn story(made: &Instance) -> String {
    let mut text = made.dump();
    let inputs = made.inputs();
    let settings = made.settings(&inputs);
    match plan(&inputs, &settings, None, &mut |_| {}) {
        Ok(plan) => {
            let _ = writeln!(text, "PLAN {:?} {:?}", plan.status, plan.objective);
            for placed in &plan.placements {
                let _ = writeln!(
                    text,
                    "  {} on {} from {} to {} {:?} {:?} nodes {:?} runner-up {:?}",
                    placed.workload,
                    placed.offer.full_name(),
                    placed.start,
                    placed.end,
                    placed.runs,
                    placed.usd,
                    placed.nodes,
                    placed.runner_up
                );
            }
            for unplaced in &plan.unplaced {
                let _ = writeln!(text, "  {unplaced:?}");
            }
        }
        Err(error) => {
            let _ = writeln!(text, "NO PLAN {error}");
        }
    }
    match brute::best(&inputs, &settings.to_flags(), None, 50 * MOST) {
        Outcome::Best(Best { score, decisions }) => {
            let evaluation: Evaluation = plimsoll_verify::evaluate(&inputs, &settings.to_flags(), &decisions);
            let _ = writeln!(text, "BEST {score:?}");
            for placed in &evaluation.placements {
                let _ = writeln!(
                    text,
                    "  {} on {} {:?} {:?}",
                    inputs.workloads[placed.workload].metadata.name, placed.offer, placed.runs, placed.usd
                );
            }
        }
        other => {
            let _ = writeln!(text, "BEST {other:?}");
        }
    }
    text
}
