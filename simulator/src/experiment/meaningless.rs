//! Keys that a scenario gives and that would change nothing: each is refused by name, so that nobody takes a result for
//! an answer to what was not asked.

use plimsoll_model::{
    Diagnostic,
    scenario::{Availability, ClusterSpec, Mode, Scenario, TraceFormat},
};

use super::{Context, Problems, unknown};
use crate::timed::policies::make;

/// What runs over time measure.
const OVER_TIME: &[&str] = &[
    "jct_mean_s",
    "jct_p95_s",
    "wait_mean_s",
    "makespan_s",
    "finish_time_fairness_worst",
    "placed",
    "failed",
    "unfinished",
    "deadline_misses",
    "preemptions",
    "interruptions",
    "lost_work_s",
    "cost_usd",
    "energy_kwh",
    "carbon_kg",
    "utilization_percent",
];

/// What sequences measure.
const IN_A_SEQUENCE: &[&str] =
    &["gpu_allocation_percent", "gpu_fragmentation_percent", "power_w", "placed", "failed", "unfinished"];

/// A key, whether the scenario gives it, and why it means nothing.
type Key = (&'static str, bool, &'static str);

const NO_CLOCK: &str = "has no meaning in a sequence, which has no clock";
const NO_JOBS: &str = "has no meaning in a sequence, where jobs never run";
const NO_MARKET: &str = "has no meaning in a sequence, where nothing is rented";
const ONLY_A_SEQUENCE: &str = "is of a sequence; over time it has no meaning";
const NO_WAITS: &str = "is looked at by policies of when to start, and none is named";
const MADE_UP: &str = "has no meaning for jobs that are made up; trace.generate says how they come";
const NO_ZONES: &str = "is not looked at: files of availability are of one place";
const NO_PAIRS: &str = "is not simulated yet: accelerators run one job at a time, or shares of fixed size";

/// Refuses what would change nothing.
pub(super) fn check(context: &Context<'_>) -> Result<(), Problems> {
    let scenario = &context.point.scenario.value;
    let sequence = scenario.arrivals.mode == Some(Mode::Sequence);
    let mut keys = anywhere(scenario);
    keys.extend(if sequence { in_a_sequence(scenario) } else { over_time(scenario) });
    let mut problems: Vec<Diagnostic> = keys
        .into_iter()
        .filter(|(_, given, _)| *given)
        .map(|(field, _, why)| context.problem(field, why).with_help("remove the key"))
        .collect();
    problems.extend(metrics(context, scenario, sequence));
    if let Some(factor) = scenario.jobs.deadline_factor
        && !(factor > 0.0 && factor <= 1e6)
    {
        let problem = context.problem("jobs.deadline_factor", "must lie above 0 and be at most 1000000");
        problems.push(problem.with_help("2.0 is due twice its run time after it comes"));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn anywhere(scenario: &Scenario) -> Vec<Key> {
    let trace = &scenario.trace;
    let openb = trace.format == Some(TraceFormat::Openb);
    let gavel = matches!(trace.format, Some(TraceFormat::Gavel | TraceFormat::Shockwave));
    let spot = scenario.market.spot.as_ref();
    let availability =
        |of: fn(&Availability) -> bool| spot.and_then(|spot| spot.availability.as_ref()).is_some_and(of);
    vec![
        (
            "trace.throughputs",
            trace.throughputs.is_some() && !gavel,
            "is for traces in steps, and this one has times",
        ),
        ("trace.colocated", trace.colocated.is_some(), NO_PAIRS),
        ("trace.nodes", trace.nodes.is_some() && !openb, "is of openb; machines are listed in [cluster]"),
        (
            "trace.nodes",
            trace.nodes.is_some() && openb && scenario.cluster.is_some(),
            "has no meaning beside [cluster]",
        ),
        ("market.spot.availability.zone", availability(|spec| spec.zone.is_some()), NO_ZONES),
        (
            "market.spot.availability.instance_type",
            availability(|spec| spec.instance_type.is_some()),
            NO_ZONES,
        ),
        (
            "market.carbon_price",
            scenario.market.carbon_price.is_some(),
            "is not looked at by any policy yet: none weighs carbon against money",
        ),
    ]
}

fn in_a_sequence(scenario: &Scenario) -> Vec<Key> {
    let Scenario { engine, jobs, market, report, .. } = scenario;
    vec![
        (
            "cluster",
            scenario.cluster.is_some(),
            "has no meaning in a sequence, whose trace lists the machines",
        ),
        ("estate", scenario.estate.is_some(), "has no meaning in a sequence, whose trace lists the machines"),
        ("trace.generate", scenario.trace.generate.is_some(), "only format = \"generated\" makes jobs up"),
        ("engine.rounds", engine.rounds.is_some(), NO_CLOCK),
        ("engine.tick", engine.tick.is_some(), NO_CLOCK),
        ("engine.restart", engine.restart.is_some(), NO_CLOCK),
        ("arrivals.start", scenario.arrivals.start.is_some(), NO_CLOCK),
        ("run.until", scenario.run.until.is_some(), NO_CLOCK),
        ("report.series", report.series.is_some(), NO_CLOCK),
        (
            "report.jobs",
            report.jobs.is_some(),
            "has no meaning in a sequence; `levels` says where it is measured",
        ),
        ("report.commitments_until", report.commitments_until.is_some(), NO_CLOCK),
        ("jobs.interruptible", jobs.interruptible.is_some(), NO_JOBS),
        ("jobs.checkpoint", jobs.checkpoint.is_some(), NO_JOBS),
        ("jobs.slots", jobs.slots.is_some(), NO_JOBS),
        ("jobs.queues", !jobs.queues.is_empty(), NO_JOBS),
        ("jobs.split", jobs.split.is_some(), NO_JOBS),
        ("jobs.deadline", jobs.deadline.is_some(), NO_JOBS),
        ("jobs.deadline_factor", jobs.deadline_factor.is_some(), NO_JOBS),
        ("jobs.priority", jobs.priority.is_some(), NO_JOBS),
        ("market.carbon", market.carbon.is_some(), NO_CLOCK),
        ("market.electricity", market.electricity.is_some(), NO_CLOCK),
        ("market.spot", market.spot.is_some(), NO_MARKET),
        ("market.forecast", market.forecast.is_some(), NO_CLOCK),
        ("market.offers", !market.offers.is_empty(), NO_MARKET),
        (
            "power.watts_per_cpu",
            scenario.power.as_ref().is_some_and(|power| power.watts_per_cpu.is_some()),
            "has no meaning in a sequence, where `cpu` says what sockets draw",
        ),
    ]
}

fn over_time(scenario: &Scenario) -> Vec<Key> {
    let Scenario { arrivals, jobs, market, report, .. } = scenario;
    let made_up = scenario.trace.format == Some(TraceFormat::Generated);
    let policies = &scenario.run.policies;
    let no_waits = !policies.iter().any(|spec| make::waits(&spec.name));
    vec![
        ("report.levels", !report.levels.is_empty(), ONLY_A_SEQUENCE),
        ("report.typical", report.typical.is_some(), ONLY_A_SEQUENCE),
        ("arrivals.order", arrivals.order.is_some(), ONLY_A_SEQUENCE),
        ("arrivals.inflate", arrivals.inflate.is_some(), ONLY_A_SEQUENCE),
        (
            "arrivals.rate_per_hour",
            arrivals.rate_per_hour.is_some()
                && !matches!(scenario.trace.format, Some(TraceFormat::Gavel | TraceFormat::Shockwave)),
            "is for traces whose arrivals are in mean gaps; `speed` paces real times",
        ),
        (
            "arrivals.speed",
            arrivals.speed.is_some() && arrivals.mode == Some(Mode::AtOnce),
            "has no meaning where all jobs come at once",
        ),
        ("arrivals.window", arrivals.window.is_some() && made_up, MADE_UP),
        ("arrivals.first", arrivals.first.is_some() && made_up, MADE_UP),
        ("arrivals.speed", arrivals.speed.is_some() && made_up, MADE_UP),
        ("trace.jobs", scenario.trace.jobs.is_some() && made_up, MADE_UP),
        (
            "trace.generate",
            scenario.trace.generate.is_some() && !made_up,
            "only format = \"generated\" makes jobs up",
        ),
        ("jobs.slots", jobs.slots.is_some() && no_waits, NO_WAITS),
        ("jobs.queues", !jobs.queues.is_empty() && no_waits, NO_WAITS),
        ("jobs.split", jobs.split.is_some() && no_waits, NO_WAITS),
        (
            "jobs.deadline_factor",
            jobs.deadline_factor.is_some() && jobs.deadline.is_some(),
            "has no meaning beside `deadline`",
        ),
        (
            "market.carbon",
            market.carbon.is_some()
                && scenario.power.is_none()
                && !policies.iter().any(|spec| make::looks_at_carbon(&spec.name)),
            "has no meaning where no policy looks at it and no [power] says what is drawn",
        ),
        (
            "market.forecast",
            market.forecast.is_some() && market.carbon.is_none(),
            "has no meaning where nothing is forecast",
        ),
        (
            "market.forecast",
            market.forecast.is_some()
                && market.carbon.is_some()
                && !policies.iter().any(|spec| make::looks_at_carbon(&spec.name)),
            "has no meaning where no policy looks at the carbon to come",
        ),
        (
            "market.offers",
            !market.offers.is_empty() && !policies.iter().any(|spec| make::rents(&spec.name)),
            "has no meaning where no policy rents: those named run on machines of one's own alone",
        ),
    ]
}

/// Metrics that are not known, or that cannot be given.
fn metrics(context: &Context<'_>, scenario: &Scenario, sequence: bool) -> Vec<Diagnostic> {
    let known = if sequence { IN_A_SEQUENCE } else { OVER_TIME };
    let has_power = scenario.power.is_some();
    let priced = |cluster: &ClusterSpec| {
        cluster.nodes.iter().any(|node| node.hourly.is_some_and(|hourly| hourly > 0.0))
    };
    let has_money = !scenario.market.offers.is_empty() || scenario.cluster.as_ref().is_some_and(priced);
    let mut problems = Vec::new();
    for (at, name) in scenario.report.metrics.iter().enumerate() {
        let field = format!("report.metrics[{at}]");
        if !known.contains(&name.as_str()) {
            let (mut message, help) = unknown("metric", name, known);
            let other = if sequence { OVER_TIME } else { IN_A_SEQUENCE };
            if other.contains(&name.as_str()) {
                message = format!(
                    "`{name}` is not measured {}",
                    if sequence { "in a sequence" } else { "over time" }
                );
            }
            problems.push(context.problem(&field, message).with_help(help));
            continue;
        }
        let lacks = match name.as_str() {
            "cost_usd" if !has_money => "prices: `hourly` of machines, or market.offers",
            "energy_kwh" | "power_w" | "carbon_kg" if !has_power => "a section [power]",
            "carbon_kg" if scenario.market.carbon.is_none() => "market.carbon",
            _ => continue,
        };
        problems.push(context.problem(&field, format!("`{name}` needs {lacks}")));
    }
    problems
}
