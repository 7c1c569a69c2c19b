//! Why a placement is where it is, in a sentence.

use plimsoll_model::{Usd, plan::Placement};

use crate::{build::Build, price::Decision, world::dollars};

/// The sentence.
pub(super) fn of(build: &Build<'_>, task: usize, decision: &Decision, placement: &Placement) -> String {
    let mut reason = against_runner_up(build, task, placement);
    if let Some(wait) = wait(build, task, decision) {
        reason.push_str(&wait);
    }
    if placement.runs.is_some() {
        reason.push_str("; runs in pieces when power is cleaner");
    }
    reason
}

fn against_runner_up(build: &Build<'_>, task: usize, placement: &Placement) -> String {
    let Some(runner) = &placement.runner_up else {
        let eligible = build.problem.tasks[task].choices.len();
        return if eligible <= 1 {
            "the only offer that passes every filter".into()
        } else {
            "the only offer that is free for it beside the others".into()
        };
    };
    if runner.extra_usd < Usd::ZERO {
        let less = dollars(Usd::ZERO - runner.extra_usd);
        return format!("{} would cost {less} less on its own, but not beside the others", runner.offer);
    }
    if runner.extra_usd.is_zero() {
        return format!("costs the same as {}; of equals the first by name", runner.offer);
    }
    let main = runner.because.iter().max_by_key(|(_, usd)| **usd);
    let part = main.map_or(String::new(), |(part, usd)| {
        if *usd == runner.extra_usd {
            format!(", all of it {}", word(part))
        } else {
            format!(" ({} of {})", dollars(*usd), word(part))
        }
    });
    format!("{} less than {}{part}", dollars(runner.extra_usd), runner.offer)
}

/// What a part of the cost is called in a sentence.
fn word(part: &str) -> &str {
    match part {
        "risk" => "expected rework",
        "move" => "moving",
        other => other,
    }
}

/// How long the start was deferred, where it was.
fn wait(build: &Build<'_>, task: usize, decision: &Decision) -> Option<String> {
    let t = &build.problem.tasks[task];
    if t.deadline.is_none() || !t.inputs.is_empty() {
        return None;
    }
    let first = plimsoll_solver::problem::ceil_second(t.choices[decision.choice].ready);
    let hours = (decision.start() - first) as f64 / plimsoll_solver::problem::HOUR;
    (hours > 0.0).then(|| format!("; starts {hours:.1} h after it could, within its deadline"))
}
