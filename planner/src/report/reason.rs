//! Why a placement is where it is, in a sentence.

use plimsoll_model::{Usd, plan::Placement};

use crate::{build::Build, price::Decision, world::dollars};

/// The sentence.
pub(super) fn of(build: &Build<'_>, task: usize, decision: &Decision, placement: &Placement) -> String {
    let mut reason = against_runner_up(build, task, decision, placement);
    if let Some(later) = later(build, task, decision) {
        reason.push_str(&later);
    }
    if let Some(wait) = wait(build, task, decision) {
        reason.push_str(&wait);
    }
    if placement.runs.is_some() {
        reason.push_str("; runs in pieces when power is cleaner");
    }
    reason
}

/// Which of its ways it takes, where they are in order and it is not the first.
fn later(build: &Build<'_>, task: usize, decision: &Decision) -> Option<String> {
    let choices = &build.problem.tasks[task].choices;
    let taken = choices[decision.choice].way;
    let open = choices.iter().any(|choice| choice.way < taken);
    (taken > 0).then(|| {
        let why = if open { "has room for" } else { "passes every filter of" };
        let earlier =
            if taken == 1 { "the way before it".into() } else { format!("the {taken} ways before it") };
        format!("; alternative {taken} in its order, as no offer {why} {earlier}")
    })
}

fn against_runner_up(build: &Build<'_>, task: usize, decision: &Decision, placement: &Placement) -> String {
    let Some(runner) = &placement.runner_up else {
        let eligible = build.problem.tasks[task].choices.len();
        return if eligible <= 1 {
            "the only offer that passes every filter".into()
        } else {
            "the only offer that is free for it beside the others".into()
        };
    };
    let choices = &build.problem.tasks[task].choices;
    let named = |choice: &&plimsoll_solver::problem::Choice| {
        build.world().offer(build.offers[choice.offer as usize]).is_named(&runner.offer)
    };
    let way = choices.iter().find(named).map_or(0, |choice| choice.way);
    if way > choices[decision.choice].way {
        let usd = if runner.extra_usd < Usd::ZERO { Usd::ZERO - runner.extra_usd } else { runner.extra_usd };
        let than = if runner.extra_usd < Usd::ZERO { "less" } else { "more" };
        return format!(
            "next in its order comes {} (alternative {way}), which would cost {} {than}",
            runner.offer,
            dollars(usd)
        );
    }
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
