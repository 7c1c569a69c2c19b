//! What arrives: read from files, or made up; cut, paced, and checked against the machines.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_model::{
    Diagnostic, Span,
    scenario::{Mode, Scenario, TraceFormat},
};
use plimsoll_packing::fleet::{Ask, Model, Request};
use plimsoll_traces::{
    jobs::{JobFormat, Steps, TracedJob, jobs, of_openb, swf},
    openb,
    throughputs::Throughputs,
};

use super::{machines::Machines, moment};
use crate::{
    experiment::{Context, Problems, of_trace, unknown},
    timed::{
        generate::{Generator, PROFILES, sized},
        job::{Job, Terms, Trace},
    },
};

/// Where the jobs of a list stand, for what is said of them.
#[derive(Default)]
pub(super) struct Origin {
    /// The file; empty for jobs that are made up.
    pub(super) file: String,
    /// The line of each job.
    pub(super) rows: Vec<u64>,
    /// By job: the kinds of accelerator that it names, where nothing is of any of them.
    pub(super) unknown: BTreeMap<usize, Vec<String>>,
}

/// Microseconds that a job may run for, or come after: no sum of a few of them overflows.
const MOST: u64 = 64_000_000_000_000_000;

/// A kind that nothing is of.
const NO_MODEL: Model = Model(u16::MAX);

pub(super) fn read(
    context: &mut Context<'_>,
    machines: &Machines,
    tick: u64,
) -> Result<(Trace, Origin), Problems> {
    let scenario = context.point.scenario.value.clone();
    let terms = terms(&scenario, tick);
    if scenario.trace.format == Some(TraceFormat::Generated) {
        return Ok((generated(context, machines, terms)?, Origin::default()));
    }
    let (file, mut rows) = rows(context, &scenario)?;
    let gap_us = gap(context, &scenario, &rows)?;
    window(context, &scenario, &mut rows, gap_us)?;
    // Shockwave's lists state how long jobs run, too.
    let is_timed =
        |row: &TracedJob| row.duration_us.is_some() && scenario.trace.format == Some(TraceFormat::Shockwave);
    let is_told = scenario.trace.throughputs.is_some();
    let has_steps = rows.iter().any(|row| row.steps.is_some() && (is_told || !is_timed(row)));
    let throughputs = if has_steps { throughputs(context, machines)? } else { Throughputs::default() };
    let speed = scenario.arrivals.speed.unwrap_or(1.0);
    if !(speed > 0.0 && speed <= 1e6) {
        return context.refuse(
            "arrivals.speed",
            "must lie above 0 and be at most 1000000",
            "2.0 is twice as fast",
        );
    }
    let mut list = Vec::with_capacity(rows.len());
    let mut origin = Origin { file, ..Origin::default() };
    for row in rows {
        let steps = row.steps.as_ref().filter(|_| has_steps);
        let times = steps.map(|steps| times(machines, &throughputs, steps, row.gpus));
        let fastest = times.as_ref().and_then(|times| times.iter().map(|(_, time)| *time).min());
        let stated = fastest.or(row.duration_us).unwrap_or(0);
        let work = terms.on_grid(stated);
        let (paced, moved) = match scenario.arrivals.speed {
            _ if row.is_in_gaps => (submitted(&row, gap_us), true),
            Some(_) => ((row.submit as f64 / speed) as u64, true),
            None if terms.at_once => (0, true),
            None => (row.submit, false),
        };
        let arrive = terms.arrival(paced);
        // A job that comes at another time has as long as the trace gives it.
        let kept =
            |time: u64| if moved { paced.saturating_add(time.saturating_sub(row.submit)) } else { time };
        if arrive.max(stated) > MOST {
            let message = format!("`{}` would come after, or run for, more than 2,000 years", row.name);
            let mut problem = Diagnostic::of_file(&origin.file, message);
            problem.span = Some(Span::point(usize::try_from(row.row).unwrap_or(usize::MAX), 1));
            return Err(vec![
                problem.with_help("arrivals.speed, arrivals.rate_per_hour or its throughput is too small"),
            ]);
        }
        let models = match &times {
            Some(times) if times.is_empty() => vec![NO_MODEL],
            Some(times) => times.iter().map(|(model, _)| *model).collect(),
            None => models(machines, &row),
        };
        if models == [NO_MODEL] {
            let known = row
                .steps
                .as_ref()
                .map(|steps| vec![format!("a kind that has a throughput for `{}`", steps.job_type)]);
            origin.unknown.insert(list.len(), known.unwrap_or_else(|| row.accelerators.clone()));
        }
        origin.rows.push(row.row);
        let ask = Request {
            cpu_milli: row.cpu_milli,
            memory_mib: row.memory_mib,
            devices: ask(&row),
            models,
            pools: pools(machines, &row),
            ..Request::default()
        };
        let job = Job {
            name: row.name.as_str().into(),
            arrive,
            work,
            stated,
            steps: row.steps.as_ref().map(|steps| steps.count),
            times: times.filter(|times| !times.is_empty()).map(Arc::from),
            deadline: row.deadline.map(kept).or_else(|| terms.due(arrive, work)),
            earliest: row.earliest.map(kept),
            interruptible: row.interruptible.unwrap_or(terms.interruptible),
            priority: row.priority.unwrap_or(terms.priority),
            ask,
        };
        list.push(job);
    }
    Ok((Trace::List(Arc::new(list)), origin))
}

fn terms(scenario: &Scenario, tick: u64) -> Terms {
    let jobs = &scenario.jobs;
    Terms {
        tick,
        at_once: scenario.arrivals.mode == Some(Mode::AtOnce),
        deadline: jobs.deadline.map(|deadline| (deadline.nanos() / 1000) as u64),
        deadline_factor: jobs.deadline_factor,
        interruptible: jobs.interruptible.unwrap_or(true),
        priority: jobs.priority.unwrap_or(0),
    }
}

/// A share is written as thousandths of one accelerator.
fn ask(row: &TracedJob) -> Ask {
    match (row.gpus, row.gpu_milli) {
        (0, _) => Ask::None,
        (1, milli) if milli > 0 && milli < 1000 => Ask::Share(milli),
        (count, _) => Ask::Whole(count as u16),
    }
}

/// The kinds that will do, of those that machines or offers are of. A job that names only others has no place.
fn models(machines: &Machines, row: &TracedJob) -> Vec<Model> {
    let mut models: Vec<Model> = row.accelerators.iter().filter_map(|name| machines.model(name)).collect();
    models.sort_unstable();
    models.dedup();
    if models.is_empty() && !row.accelerators.is_empty() {
        models.push(NO_MODEL);
    }
    models
}

fn pools(machines: &Machines, row: &TracedJob) -> Vec<u32> {
    match &row.partition {
        Some(name) if !machines.partitions.is_empty() => {
            let at = machines.partitions.iter().position(|known| known.eq_ignore_ascii_case(name));
            // A partition without machines of its own has none: no pool has this number.
            vec![at.map_or(u32::MAX, |at| at as u32 + 1)]
        }
        _ => Vec::new(),
    }
}

/// How long a job runs on each kind that it has a throughput for, in microseconds.
fn times(machines: &Machines, table: &Throughputs, steps: &Steps, scale: u64) -> Vec<(Model, u64)> {
    let of = |(at, kind): (u16, &String)| {
        let each = table.steps_per_s(kind, &steps.job_type, scale)?;
        Some((Model(at), (steps.count as f64 * 1e6 / each).round() as u64))
    };
    (0..).zip(&machines.models).filter_map(of).collect()
}

/// How fast kinds are, for traces in steps: every kind of the machines must be in the table.
fn throughputs(context: &mut Context<'_>, machines: &Machines) -> Result<Throughputs, Problems> {
    let field = "trace.throughputs";
    let name = context.point.scenario.value.trace.throughputs.clone();
    let (name, bytes) = context.file(field, name.as_deref())?;
    let table = plimsoll_traces::throughputs::throughputs(&name, &bytes).map_err(|error| of_trace(&error))?;
    match machines.models.iter().find(|kind| !table.knows(kind)) {
        Some(kind) => {
            context.refuse(field, format!("{name} says nothing of `{kind}`"), "machines are of such a kind")
        }
        None => Ok(table),
    }
}

/// The mean gap between two arrivals in microseconds, for traces that count in them.
fn gap(context: &Context<'_>, scenario: &Scenario, rows: &[TracedJob]) -> Result<f64, Problems> {
    let field = "arrivals.rate_per_hour";
    let is_in_gaps = rows.iter().any(|row| row.is_in_gaps);
    if is_in_gaps && scenario.arrivals.speed.is_some() {
        let message = "has no meaning for arrivals in mean gaps";
        return context.refuse("arrivals.speed", message, "`rate_per_hour` paces them");
    }
    let at_once = scenario.arrivals.mode == Some(Mode::AtOnce);
    match (scenario.arrivals.rate_per_hour, is_in_gaps) {
        (Some(_), true) if at_once => {
            context.refuse(field, "has no meaning where all jobs come at once", "remove it")
        }
        (None, true) if at_once => Ok(0.0),
        (Some(rate), true) if rate > 0.0 && rate <= 1e6 => Ok(3.6e9 / rate),
        (Some(_), true) => {
            context.refuse(field, "must lie above 0 and be at most 1000000", "2.0 is two an hour")
        }
        (Some(_), false) => {
            context.refuse(field, "has no meaning for arrivals in seconds", "`speed` paces real times")
        }
        (None, true) => {
            context.refuse(field, "is needed: arrivals of this trace are in mean gaps", "2.0 is two an hour")
        }
        (None, false) => Ok(0.0),
    }
}

fn rows(context: &mut Context<'_>, scenario: &Scenario) -> Result<(String, Vec<TracedJob>), Problems> {
    let (name, bytes) = context.file("trace.jobs", scenario.trace.jobs.as_deref())?;
    let format = match scenario.trace.format {
        Some(TraceFormat::Native) => JobFormat::Native,
        Some(TraceFormat::Tiresias) => JobFormat::Tiresias,
        Some(TraceFormat::Philly) => JobFormat::Philly,
        Some(TraceFormat::Gavel | TraceFormat::Shockwave) => JobFormat::Gavel,
        Some(TraceFormat::Pai | TraceFormat::AzureVm) => JobFormat::Pai,
        Some(TraceFormat::Openb) => {
            let rows = pods(context, &name, &bytes)?;
            return Ok((name, rows));
        }
        Some(TraceFormat::Swf) => {
            let listing = swf(&name, &bytes, context.tolerance).map_err(|error| of_trace(&error))?;
            context.note_dropped(&listing.dropped);
            return Ok((name, listing.rows));
        }
        format => {
            let format = format.map_or("", TraceFormat::as_str);
            let help =
                "native, tiresias, philly, pai, azure-vm, gavel, shockwave, openb, swf and generated are";
            return context.refuse(
                "trace.format",
                format!("traces of format {format} are not read yet"),
                help,
            );
        }
    };
    let listing = jobs(&name, &bytes, format, context.tolerance).map_err(|error| of_trace(&error))?;
    context.note_dropped(&listing.dropped);
    Ok((name, listing.rows))
}

/// openb's pods over time: those that were placed, for as long as they ran.
fn pods(context: &mut Context<'_>, name: &str, bytes: &[u8]) -> Result<Vec<TracedJob>, Problems> {
    let listing = openb::pods(name, bytes, context.tolerance).map_err(|error| of_trace(&error))?;
    context.note_dropped(&listing.dropped);
    let Some((rows, never)) = of_openb(listing.rows) else {
        let message = "the list has no times, as those that were made from another have not";
        return context.refuse("trace.jobs", message, "simulate it as mode = \"sequence\"");
    };
    if never > 0 {
        let why = "never placed, so how long they would run is not known";
        context.notes.push(format!("{name}: {never} pods left out: {why}"));
    }
    Ok(rows)
}

/// When a job comes by its trace, in microseconds.
fn submitted(row: &TracedJob, gap_us: f64) -> u64 {
    if row.is_in_gaps { (row.submit as f64 * gap_us / 1e6) as u64 } else { row.submit }
}

fn window(
    context: &Context<'_>,
    scenario: &Scenario,
    rows: &mut Vec<TracedJob>,
    gap_us: f64,
) -> Result<(), Problems> {
    if let Some(window) = scenario.arrivals.window {
        let first = rows.first().map_or(0, |row| submitted(row, gap_us));
        let of = |index: usize| {
            let field = format!("arrivals.window[{index}]");
            let at = moment(context, &field, window[index])?;
            // Durations count from the first arrival, dates from time 0.
            let is_date = matches!(window[index], plimsoll_model::scenario::Limit::At(_));
            Ok::<u64, Problems>(if is_date { at } else { first + at })
        };
        let (from, to) = (of(0)?, of(1)?);
        if to <= from {
            return context.refuse("arrivals.window", "ends before it begins", "[\"30d\", \"60d\"]");
        }
        rows.retain(|row| (from..to).contains(&submitted(row, gap_us)));
    }
    if let Some(first) = scenario.arrivals.first {
        rows.truncate(usize::try_from(first).unwrap_or(usize::MAX));
    }
    Ok(())
}

fn generated(context: &Context<'_>, machines: &Machines, terms: Terms) -> Result<Trace, Problems> {
    let scenario = &context.point.scenario.value;
    let spec = scenario.trace.generate.clone().unwrap_or_default();
    let profile = spec.profile.as_deref().unwrap_or("mixed");
    let load = spec.load.unwrap_or(0.8);
    if !(load > 0.0 && load <= 100.0) {
        return context.refuse(
            "trace.generate.load",
            "must lie above 0 and be at most 100",
            "0.8 is four fifths",
        );
    }
    let span = spec.span.map_or(7 * 86_400_000_000, |span| (span.nanos() / 1000) as u64);
    if span == 0 {
        return context.refuse("trace.generate.span", "must be longer than 0", "7d");
    }
    let devices = machines.cluster.devices();
    if devices == 0 {
        return context.refuse(
            "cluster",
            "made-up jobs need machines with accelerators",
            "add a section [cluster]",
        );
    }
    // The largest that machines could hold at once: sizes are powers of two.
    let mut empty = machines.cluster.clone();
    let sizes = (0..16).map(|power| 1 << power).take_while(|size| u64::from(*size) <= devices);
    let largest = sizes.filter(|size| empty.could_hold(&sized(Ask::Whole(*size)))).max().unwrap_or(1);
    let made = Generator::new(profile, devices, largest.into(), load, span, spec.count);
    let Some(generator) = made else {
        let (message, help) = unknown("profile", profile, &PROFILES);
        return context.refuse("trace.generate.profile", message, &help);
    };
    Ok(Trace::Generated(generator.on(terms)))
}
