//! The first lines: how many are placed, at what cost, and how good that is.

use plimsoll_model::{
    Plan, Usd,
    plan::{Flags, Status},
    scenarios::{Aim, Outlook},
};

use crate::render::{
    format::{kg, kwh, minute, percent, usd},
    style::{bad, bold, good, warn},
    table::{chars, wrap},
    verdict::not_reproducible,
};

pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let placed = plan.placements.len();
    let all = placed + plan.unplaced.len();
    let of_all = if placed == all { String::new() } else { format!(" of {all}") };
    let noun = if all == 1 { "workload" } else { "workloads" };
    let total = usd(plan.objective.total_usd);
    let first = format!("{placed}{of_all} {noun} placed, {total} in all:");
    let objective = &plan.objective;
    let (quality, paint) = match &plan.scenarios {
        Some(outlook) if plan.status != Status::Infeasible => over_scenarios(outlook),
        _ => quality(plan.status, objective.total_usd, objective.bound_usd, objective.gap),
    };
    let mut lines = if chars(&first) + 1 + chars(&quality) <= width {
        vec![format!("{} {}", bold(first), paint(&quality))]
    } else {
        vec![bold(first), paint(&quality)]
    };
    let flags = &plan.inputs.flags;
    let mut more = Vec::new();
    if let Some(carbon) = plan.carbon_kg {
        more.push(format!("{} CO2e", kg(carbon)));
    }
    if let Some(energy) = plan.energy_kwh {
        more.push(kwh(energy));
    }
    more.push(format!("as of {}", minute(flags.now)));
    more.extend(asked(flags));
    lines.extend(wrap("", &more.join(", "), width));
    if !plan.reproducible {
        lines.push(warn(not_reproducible(flags)));
    }
    lines
}

/// How far from the best possible, and how that is painted.
pub(in crate::render) fn quality(
    status: Status,
    total: Usd,
    bound: Option<Usd>,
    gap: Option<f64>,
) -> (String, fn(&str) -> String) {
    let above = bound.map(|bound| total - bound);
    match (status, above, gap) {
        (Status::Infeasible, ..) => ("not everything that must run could be placed".into(), bad),
        (Status::Optimal, ..) => ("proven optimal, no plan costs less".into(), good),
        (Status::Feasible, Some(above), Some(gap)) => {
            (format!("at most {} ({}) above the best possible plan", percent(gap), usd(above)), warn)
        }
        (Status::Feasible, Some(above), None) => {
            (format!("at most {} above the best possible plan", usd(above)), warn)
        }
        (Status::Feasible, None, _) => ("how far from the best possible plan is not known".into(), warn),
    }
}

/// How good a plan is in what it aims at over scenarios.
fn over_scenarios(outlook: &Outlook) -> (String, fn(&str) -> String) {
    let (best, figure, aimed) = match outlook.aim {
        Aim::Average => ("cheapest on average over the scenarios", "average", outlook.expected_usd),
        Aim::Regret => ("of least regret over the scenarios", "largest regret", outlook.max_regret_usd),
    };
    match outlook.bound_usd {
        Some(bound) if bound == aimed || outlook.gap.is_some_and(|gap| gap <= 1e-6) => {
            (format!("proven the {best}"), good)
        }
        Some(bound) => {
            let above = usd(aimed - bound);
            (format!("its {figure} of {} is at most {above} above the best possible", usd(aimed)), warn)
        }
        None => (format!("whether it is the {best} is not known"), warn),
    }
}

/// The flags that shape the result, where they say more than the default.
fn asked(flags: &Flags) -> Vec<String> {
    let mut asked = Vec::new();
    if flags.carbon_price > Usd::ZERO {
        asked.push(format!("carbon at {} a tonne", usd(flags.carbon_price)));
    }
    if flags.delay_price > Usd::ZERO {
        asked.push(format!("waiting at {} an hour", usd(flags.delay_price)));
    }
    if let Some(budget) = flags.budget {
        asked.push(format!("a budget of {}", usd(budget)));
    }
    asked
}
