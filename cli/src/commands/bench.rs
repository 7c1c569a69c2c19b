//! `plimsoll bench`: comparisons of plans beside plain baselines, on seeded instances.

pub(crate) mod evidence;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plimsoll_benches::{
    company::Shape,
    siting::{self, Asked, Instance, Record},
};
use plimsoll_solver::outcome::DEFAULT_EFFORT;

use crate::{args::Common, examples, exit::Exit, failure::Failure, output, render};

/// Compare plans with those of plain baselines, on seeded instances
///
/// `siting`: estates of the size of a company, beside greedy rules, HiGHS and CP-SAT. Every method is given the
/// same problem in the same process, on one thread; figures are CPU seconds. An instance depends on its name
/// and the seed alone. HiGHS and CP-SAT are given the plain program, where that can be stated in reasonable
/// time; CP-SAT comes from a Python that has the package `ortools`, else it is not run.
///
/// `evidence`: published results of simulators, simulated from the same traces, which `PLIMSOLL_DATA` says where to
/// find; the exit code is 3 when a figure is out of its tolerance.
#[derive(Debug, Args)]
#[command(after_help = examples::BENCH)]
pub(crate) struct BenchArgs {
    /// The comparison: without a name they are listed
    #[arg(value_name = "NAME", value_enum)]
    name: Option<Name>,
    /// Instances as `SHAPE:WORKLOADSxOFFERS` [default: company:300x1500 company:1000x5000]; shapes are company,
    /// giant, lumpy, tight, free, wide, impossible, equal and different
    #[arg(long = "instance", value_name = "NAME", value_parser = instance)]
    instances: Vec<Instance>,
    /// The seed of instances and searches
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Work units of our search
    #[arg(long, value_name = "N", default_value_t = DEFAULT_EFFORT)]
    effort: u64,
    /// Seconds that each solver among the baselines may take
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0, value_parser = seconds)]
    seconds: f64,
    /// Run no baselines
    #[arg(long)]
    alone: bool,
    /// The Python in which OR-Tools is looked for
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,
    /// Run nothing: show what changed from one record to another, both written with `-o json`
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], conflicts_with_all = ["instances", "alone", "format"])]
    compare: Option<Vec<PathBuf>>,
    /// The form of the result
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Form::Table)]
    format: Form,
    #[command(flatten)]
    common: Common,
}

/// The comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Estates of the size of a company
    Siting,
    /// Published results of simulators, reproduced
    Evidence,
}

/// The form of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people, with the way there
    Table,
    /// For programs and for `--compare`
    Json,
}

fn instance(name: &str) -> Result<Instance, String> {
    Instance::named(name).ok_or_else(|| {
        let shapes: Vec<&str> = Shape::ALL.into_iter().map(Shape::as_str).collect();
        format!(
            "an instance is SHAPE:WORKLOADSxOFFERS, such as company:300x1500, with a shape of {}",
            shapes.join(", ")
        )
    })
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: Option<f64> = text.parse().ok();
    seconds.filter(|s| (0.1..=86_400.0).contains(s)).ok_or_else(|| "from 0.1 to 86400 seconds".into())
}

pub(crate) fn run(args: &BenchArgs) -> Result<Exit, Failure> {
    if args.name.is_none() {
        return output::text(&args.common, "siting    estates of the size of a company\nevidence  published results of simulators, reproduced\n").map(|()| Exit::Done);
    }
    if args.name == Some(Name::Evidence) {
        return reproduce(args);
    }
    if let Some(files) = &args.compare {
        let records: Vec<Record> = files.iter().map(read).collect::<Result<_, _>>()?;
        let text = siting::compare(&records[0], &records[1]).map_err(|why| {
            Failure::usage(format!("the records cannot be compared: {why}"))
                .with_help("write both with the same `--instance` and `--seed`")
        })?;
        return output::text(&args.common, &text).map(|()| Exit::Done);
    }
    let asked = Asked {
        instances: if args.instances.is_empty() { Instance::usual() } else { args.instances.clone() },
        seed: args.seed,
        effort: args.effort,
        seconds: args.seconds,
        baselines: !args.alone,
        python: args.python.clone(),
    };
    let choice = args.common.color.choice();
    let record = siting::run(&asked, &mut |what| {
        if args.common.verbose {
            output::to_stderr(&format!("{what}\n"), choice);
        }
    })?;
    let text = match args.format {
        Form::Table => siting::table(&record),
        Form::Json => serde_json::to_string_pretty(&record)? + "\n",
    };
    output::text(&args.common, &text).map(|()| Exit::Done)
}

/// Ours beside what was published; exit code 3 when a figure is out of its tolerance.
fn reproduce(args: &BenchArgs) -> Result<Exit, Failure> {
    let choice = args.common.color.choice();
    let rows = evidence::rows(&mut |what| {
        if args.common.verbose {
            output::to_stderr(&format!("{what}\n"), choice);
        }
    });
    let text = match args.format {
        Form::Table => render::evidence(&rows, &evidence::NOT_REPRODUCED),
        Form::Json => serde_json::to_string_pretty(&rows)? + "\n",
    };
    output::text(&args.common, &text)?;
    let missed = rows.iter().any(|row| row.skipped.is_none() && !row.within);
    Ok(if missed { Exit::Refused } else { Exit::Done })
}

fn read(path: &PathBuf) -> Result<Record, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("{} is no record of `plimsoll bench siting`: {error}", path.display()))
            .with_help("records are written by `plimsoll bench siting -o json`")
    })
}
