//! A scenario's sections as what a run over time needs.

mod fit;
mod horizon;
mod machines;
mod market;
mod trace;

use plimsoll_model::scenario::{Limit, Moment, PlacementRule, Report};

pub(super) use horizon::Horizon;
pub(super) use machines::Machines;

use super::{Timed, course::WHAT, job::Trace, policies::make, world::Settings};
use crate::experiment::{Context, Problems, unknown};

/// Reads and checks everything.
pub(super) fn timed(context: &mut Context<'_>) -> Result<Timed, Problems> {
    let scenario = context.point.scenario.value.clone();
    let micros =
        |duration: Option<plimsoll_model::Duration>| duration.map_or(0, |d| (d.nanos() / 1000) as u64);
    let tick = micros(scenario.engine.tick);
    let checkpoint = scenario.jobs.checkpoint.clone().unwrap_or_default();
    let settings = Settings {
        round: micros(scenario.engine.rounds),
        restart: micros(checkpoint.restart.or(scenario.engine.restart)),
        checkpoint: micros(checkpoint.every),
    };
    let mut machines = machines::read(context)?;
    let market::Found { offers, carbon, horizons } = market::read(context, &mut machines)?;
    let rates = machines::rates(context, &machines, &offers)?;
    let (trace, origin) = trace::read(context, &machines, tick)?;
    let mut policies = make::all(context, &machines, &offers, carbon.is_some(), &trace)?;
    fit::check(context, &machines, &offers, &mut policies, &trace, &origin)?;
    let range = scenario.report.jobs.map(|[from, to]| (from, to));
    if range.is_some_and(|(from, to)| to <= from) {
        return context.refuse(
            "report.jobs",
            "ends before it begins",
            "[4000, 5000] is the 4,001st to the 5,000th job",
        );
    }
    if let (Some((_, to)), Trace::List(jobs)) = (range, &trace)
        && to > jobs.len() as u64
    {
        let message = format!("ends after the {} jobs that there are", jobs.len());
        return context.refuse("report.jobs", message, "[4000, 5000] is the 4,001st to the 5,000th job");
    }
    let course = course(context, &scenario.report)?;
    let until = scenario.run.until.map(|limit| moment(context, "run.until", limit)).transpose()?;
    let error = scenario.market.forecast.as_ref().and_then(|forecast| forecast.carbon_error).unwrap_or(0.0);
    if !(0.0..=10.0).contains(&error) {
        return context.refuse(
            "market.forecast.carbon_error",
            "must lie between 0 and 10",
            "0.05 is five per cent",
        );
    }
    Ok(Timed {
        trace,
        cluster: machines.cluster,
        offers,
        carbon,
        error,
        rates,
        settings,
        tick,
        policies,
        until,
        range,
        course,
        horizons,
    })
}

/// The series that each run gives.
fn course(context: &Context<'_>, report: &Report) -> Result<Option<(u64, u64, Vec<String>)>, Problems> {
    let Some(spec) = &report.series else { return Ok(None) };
    let Some(every) = spec.every.filter(|every| every.nanos() >= 1_000_000_000) else {
        return context.refuse("report.series", "needs `every`, of a second or more", "every = \"10m\"");
    };
    let pooled = context.point.scenario.value.cluster.as_ref().and_then(|cluster| cluster.placement)
        == Some(PlacementRule::Count);
    if pooled && (spec.what.is_empty() || spec.what.iter().any(|name| name == "nodes_active")) {
        let help = "placement = \"nodes\", or leave `nodes_active` out";
        return context.refuse("report.series.what", "pools have no nodes that could be active", help);
    }
    for (at, name) in spec.what.iter().enumerate() {
        if !WHAT.contains(&name.as_str()) {
            let (message, help) = unknown("series", name, &WHAT);
            return context.refuse(&format!("report.series.what[{at}]"), message, &help);
        }
    }
    let from = spec.from.map(|from| moment(context, "report.series.from", from)).transpose()?;
    let all = WHAT.map(str::to_owned).to_vec();
    let what = if spec.what.is_empty() { all } else { spec.what.clone() };
    Ok(Some(((every.nanos() / 1000) as u64, from.unwrap_or(0), what)))
}

/// A limit as microseconds from time 0.
pub(super) fn moment(context: &Context<'_>, field: &str, limit: Limit) -> Result<u64, Problems> {
    match limit {
        Limit::After(duration) => Ok((duration.nanos() / 1000) as u64),
        Limit::At(Moment(time)) => {
            let start = start(context, field)?;
            let nanos = time.nanos() - start;
            u64::try_from(nanos / 1000)
                .or_else(|_| context.refuse(field, "lies before `arrivals.start`", "time 0 of the trace"))
        }
    }
}

/// The wall-clock time of time 0, in nanoseconds since 1970.
pub(super) fn start(context: &Context<'_>, field: &str) -> Result<i64, Problems> {
    let Some(Moment(time)) = context.point.scenario.value.arrivals.start else {
        let help = "arrivals.start = \"2022-10-19T16:00:00Z\" says when time 0 of the trace is";
        return context.refuse(field, "has dates, and the trace's times are relative", help);
    };
    Ok(time.nanos())
}
