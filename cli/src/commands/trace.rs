//! `plimsoll trace`: what is in a trace, a trace in the native format, a trace that is made up.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use plimsoll_model::{Diagnostic, Duration, Span, yaml};
use plimsoll_simulator::timed::generate::{Generator, PROFILES};
use plimsoll_traces::{
    Dropped, Listing, Tolerance, TraceError,
    jobs::{JobFormat, TracedJob, jobs, native_csv, of_openb, swf},
    openb,
    throughputs::{self, Throughputs},
};

use crate::{
    args::{Common, Format, duration},
    examples,
    exit::Exit,
    failure::Failure,
    output, render,
};

/// Look into traces, convert them, and make them up
#[derive(Debug, Args)]
#[command(after_help = examples::TRACE)]
pub(crate) struct TraceArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Doctor(DoctorArgs),
    Convert(ConvertArgs),
    Generate(GenerateArgs),
}

/// Say what is in a trace, and what is wrong with it
///
/// Rows that cannot be read are counted by reason, with the first of each; the exit code is 3 when there are any.
#[derive(Debug, Args)]
struct DoctorArgs {
    /// The file, plain or gzip
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Kind,
    /// The form of the answer
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    output: Format,
    #[command(flatten)]
    common: Common,
}

/// Write a trace in the native format
#[derive(Debug, Args)]
struct ConvertArgs {
    /// The file, plain or gzip
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its format
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Kind,
    /// Leave out rows that cannot be read, and count them
    #[arg(long)]
    tolerate: bool,
    /// Steps per second, for work in steps
    #[arg(long, value_name = "FILE", requires = "on")]
    throughputs: Option<PathBuf>,
    /// The accelerator that such work is to run on
    #[arg(long, value_name = "KIND", requires = "throughputs")]
    on: Option<String>,
    /// Jobs an hour, for arrivals in mean gaps
    #[arg(long, value_name = "N")]
    rate_per_hour: Option<f64>,
    #[command(flatten)]
    common: Common,
}

/// Make a trace up, calibrated to published statistics, in the native format
#[derive(Debug, Args)]
struct GenerateArgs {
    /// The cluster whose statistics it follows: mixed, openb, philly, seren, kalos, helios or pai
    #[arg(long, value_name = "NAME", default_value = "mixed")]
    profile: String,
    /// Accelerators of the cluster that it is for
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=60_000), default_value_t = 64)]
    accelerators: u64,
    /// Over which time jobs arrive
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "7d")]
    span: Duration,
    /// Which part of the accelerators they keep busy on average
    #[arg(long, value_name = "PART", default_value_t = 0.8)]
    load: f64,
    /// How many jobs, in place of a load
    #[arg(long, value_name = "N", conflicts_with = "load")]
    count: Option<u64>,
    /// What all draws follow from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    common: Common,
}

/// Formats of jobs with times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Kind {
    /// Plimsoll's own
    #[default]
    Native,
    /// Alibaba's GPU cluster of 2023: a list of pods with times
    Openb,
    /// Gavel's job lists: work in steps
    Gavel,
    /// Shockwave's job lists: work in steps
    Shockwave,
    /// Tiresias' job lists
    Tiresias,
    /// Microsoft Philly, reduced
    Philly,
    /// Alibaba PAI, as GAIA reduced it
    Pai,
    /// Azure's VMs, as GAIA reduced them
    AzureVm,
    /// Logs of parallel machines in the standard workload format
    Swf,
}

pub(crate) fn run(args: &TraceArgs) -> Result<Exit, Failure> {
    match &args.command {
        Command::Doctor(args) => doctor(args),
        Command::Convert(args) => convert(args),
        Command::Generate(args) => generate(args),
    }
}

fn read(file: &PathBuf, kind: Kind, tolerance: Tolerance) -> Result<Listing<TracedJob>, Failure> {
    let name = file.display().to_string();
    let bytes = fs::read(file).map_err(|error| {
        let why = if error.kind() == std::io::ErrorKind::NotFound {
            "there is no such file".into()
        } else {
            error.to_string()
        };
        Failure::problems(vec![Diagnostic::of_file(&name, format!("cannot read the trace: {why}"))])
    })?;
    let format = match kind {
        Kind::Openb => {
            let pods = openb::pods(&name, &bytes, tolerance).map_err(|error| refused(&error))?;
            let (rows, never) = of_openb(pods.rows).ok_or_else(|| {
                Failure::usage(format!("{name} has no times: it was made from another list"))
                    .with_help("name that one")
            })?;
            let mut dropped = pods.dropped;
            if never > 0 {
                let fault = plimsoll_traces::Fault::Content(
                    "never placed, so how long it would run is not known".into(),
                );
                let first = TraceError { file: name, row: None, fault };
                dropped.push(Dropped { reason: first.fault.reason(), rows: never, first });
            }
            return Ok(Listing { rows, dropped });
        }
        Kind::Swf => return swf(&name, &bytes, tolerance).map_err(|error| refused(&error)),
        Kind::Native => JobFormat::Native,
        Kind::Gavel | Kind::Shockwave => JobFormat::Gavel,
        Kind::Tiresias => JobFormat::Tiresias,
        Kind::Philly => JobFormat::Philly,
        Kind::Pai | Kind::AzureVm => JobFormat::Pai,
    };
    jobs(&name, &bytes, format, tolerance).map_err(|error| refused(&error))
}

fn refused(error: &TraceError) -> Failure {
    let mut problem = Diagnostic::of_file(&error.file, error.fault.to_string());
    problem.span = error.row.map(|row| Span::point(usize::try_from(row).unwrap_or(usize::MAX), 1));
    Failure::problems(vec![problem])
}

fn doctor(args: &DoctorArgs) -> Result<Exit, Failure> {
    let listing = read(&args.file, args.format, Tolerance::Count)?;
    let findings = render::trace::Findings::of(&listing);
    let text = match args.output {
        Format::Table => findings.text(),
        Format::Json => serde_json::to_string_pretty(&findings)? + "\n",
        Format::Yaml => yaml::to_string(&findings)?,
    };
    output::text(&args.common, &text)?;
    Ok(if listing.dropped.is_empty() { Exit::Done } else { Exit::Refused })
}

fn convert(args: &ConvertArgs) -> Result<Exit, Failure> {
    let tolerance = if args.tolerate { Tolerance::Count } else { Tolerance::Strict };
    let mut listing = read(&args.file, args.format, tolerance)?;
    in_time(args, &mut listing.rows)?;
    if !args.common.quiet {
        for dropped in &listing.dropped {
            let line = format!("{} rows left out: {}\n", dropped.rows, dropped.reason);
            output::to_stderr(&line, args.common.color.choice());
        }
    }
    output::text(&args.common, &native_csv(&listing.rows)).map(|()| Exit::Done)
}

/// Makes times of arrivals in mean gaps, and durations of work in steps: the native format has only those.
fn in_time(args: &ConvertArgs, rows: &mut [TracedJob]) -> Result<(), Failure> {
    let file = args.file.display();
    let in_gaps = rows.iter().any(|row| row.is_in_gaps);
    match args.rate_per_hour {
        Some(_) if !in_gaps => {
            return Err(Failure::usage(format!("{file} has times of arrival, and no mean gaps"))
                .with_help("leave --rate-per-hour out"));
        }
        Some(rate) if !(rate > 0.0 && rate <= 1e6) => {
            return Err(Failure::usage("--rate-per-hour must lie above 0 and be at most 1000000"));
        }
        Some(rate) => {
            for row in &mut *rows {
                row.submit = (row.submit as f64 * 3600.0 / rate).round() as u64;
            }
        }
        None if in_gaps => {
            return Err(Failure::usage(format!("{file} counts arrivals in mean gaps, not in time"))
                .with_help("--rate-per-hour 2 makes times of them"));
        }
        None => {}
    }
    let table = match &args.throughputs {
        Some(_) if rows.iter().all(|row| row.steps.is_none()) => {
            return Err(Failure::usage(format!("{file} says how long jobs run, not in steps"))
                .with_help("leave --throughputs and --on out"));
        }
        Some(path) => Some(table(path)?),
        None => None,
    };
    for row in rows {
        let Some(steps) = &row.steps else { continue };
        let Some(table) = &table else {
            if row.duration_us.is_some() {
                continue;
            }
            return Err(Failure::usage(format!("{file} states work in steps, not how long it runs"))
                .with_help("--throughputs FILE --on V100 says how long steps take"));
        };
        let kind = args.on.as_deref().unwrap_or_default();
        let Some(speed) = table.steps_per_s(kind, &steps.job_type, row.gpus) else {
            let message = format!(
                "`{}` cannot run: there are no steps per second of `{}` on {} of {kind}",
                row.name, steps.job_type, row.gpus
            );
            let mut problem = Diagnostic::of_file(file.to_string(), message);
            problem.span = Some(Span::point(usize::try_from(row.row).unwrap_or(usize::MAX), 1));
            return Err(Failure::problems(vec![problem]));
        };
        row.duration_us = Some((steps.count as f64 / speed * 1e6).round() as u64);
    }
    Ok(())
}

fn table(path: &PathBuf) -> Result<Throughputs, Failure> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| {
        Failure::problems(vec![Diagnostic::of_file(&name, format!("cannot read the table: {error}"))])
    })?;
    throughputs::throughputs(&name, &bytes).map_err(|error| refused(&error))
}

fn generate(args: &GenerateArgs) -> Result<Exit, Failure> {
    if !(args.load > 0.0 && args.load <= 100.0) {
        return Err(Failure::usage("--load must lie above 0 and be at most 100"));
    }
    let span = (args.span.nanos() / 1000) as u64;
    let all = args.accelerators;
    let made = Generator::new(&args.profile, all, all, args.load, span, args.count);
    let Some(generator) = made else {
        let failure = Failure::usage(format!("there is no profile `{}`", args.profile));
        return Err(match yaml::nearest(&args.profile, PROFILES) {
            Some(near) => failure.with_help(format!("did you mean `{near}`?")),
            None => failure.with_help(format!("there are {}", PROFILES.join(", "))),
        });
    };
    let rows: Vec<TracedJob> = generator.jobs(args.seed).map(|job| job.to_traced()).collect();
    output::text(&args.common, &native_csv(&rows)).map(|()| Exit::Done)
}
