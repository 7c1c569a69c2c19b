//! The command line as data, with its documentation beside it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use plimsoll_model::{Duration, Ratio, Time, Usd, front::Axis, quantity::decimal::parse_pico};

use crate::{commands, examples, exit::Exit};

/// Places workloads across clouds, regions and your own machines: where each runs, what it costs in money
/// and carbon, and how far that is from the best possible plan.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, propagate_version = true, after_help = format!("{}\n\n{}", examples::PROGRAM, Exit::table()), max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Plan(Box<commands::plan::PlanArgs>),
    Explain(commands::explain::ExplainArgs),
    Verify(commands::verify::VerifyArgs),
    Offers(commands::offers::OffersArgs),
    Simulate(commands::simulate::SimulateArgs),
    Trace(commands::trace::TraceArgs),
    Bench(commands::bench::BenchArgs),
    Serve(commands::serve::ServeArgs),
    Schema(commands::schema::SchemaArgs),
    Completions(commands::completions::CompletionsArgs),
    Man(commands::man::ManArgs),
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Common {
    /// Write the result to this file, whole or not at all, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,
    /// Print nothing to standard error but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print each step to standard error
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// When to use colours [env: `NO_COLOR` turns them off]
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    pub(crate) const fn choice(self) -> anstream::ColorChoice {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
    }

    /// From the arguments before they are parsed, for the errors of parsing.
    pub(crate) fn of(args: &[std::ffi::OsString]) -> Self {
        let mut color = Self::Auto;
        let mut args = args.iter().map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--").peekable();
        while let Some(arg) = args.next() {
            let value = match arg.strip_prefix("--color") {
                Some("") => args.peek().map(ToString::to_string),
                Some(rest) => rest.strip_prefix('=').map(str::to_owned),
                None => None,
            };
            color = value.and_then(|value| Self::from_str(&value, false).ok()).unwrap_or(color);
        }
        color
    }
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// The same as JSON, as YAML
    Yaml,
}

/// The files of `plan` and `verify`.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the files are what the struct is named for")]
pub(crate) struct Files {
    /// Workloads, and the estate unless `-e` names it; `-` is standard input, a folder every YAML and
    /// JSON file in it
    #[arg(value_name = "FILE", required_unless_present = "cluster")]
    pub(crate) files: Vec<PathBuf>,
    /// The estate: what can be rented or is owned, at what price, under which limits
    #[arg(short, long, value_name = "FILE")]
    pub(crate) estate: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// How files are read.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Reading {
    /// Search the folders inside of folders too
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    /// Pass over documents that cannot be read, and say which
    #[arg(long)]
    pub(crate) tolerate: bool,
}

impl Files {
    pub(crate) fn load(&self) -> plimsoll_planner::load::LoadArgs {
        plimsoll_planner::load::LoadArgs {
            files: self.files.clone(),
            estate: self.estate.clone(),
            recursive: self.reading.recursive,
            tolerate: self.reading.tolerate,
        }
    }
}

/// Dollars: `100`, `$99.50`.
pub(crate) fn dollars(text: &str) -> Result<Usd, String> {
    // Far above what a plan can cost, far inside of the type.
    const MOST: i64 = 1_000_000_000_000;
    let usd = Usd::from_pico(parse_pico(text.strip_prefix('$').unwrap_or(text)).map_err(|e| e.to_string())?);
    if usd < Usd::ZERO {
        return Err("must not be negative".into());
    }
    if usd > Usd::from_units(MOST) { Err("must be at most 10^12".into()) } else { Ok(usd) }
}

/// A part: `1%` or `0.01`.
pub(crate) fn part(text: &str) -> Result<Ratio, String> {
    let (text, percent) = text.strip_suffix('%').map_or((text, 1), |text| (text, 100));
    let ratio = Ratio::from_pico(parse_pico(text).map_err(|e| e.to_string())? / percent);
    if ratio < Ratio::ZERO {
        return Err("must not be negative".into());
    }
    if ratio > Ratio::from_units(1000) { Err("must be at most 1000".into()) } else { Ok(ratio) }
}

/// A duration above 0: `90m`, `6h`, `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration: Duration = text.parse()?;
    if duration.nanos() == 0 { Err("must be longer than 0".into()) } else { Ok(duration) }
}

/// What plans of a front are held against each other by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Axes(pub(crate) Vec<Axis>);

/// Axes: `cost,carbon`, `cost,time`, `cost,carbon,time` in any order.
pub(crate) fn axes(text: &str) -> Result<Axes, String> {
    let mut axes: Vec<Axis> = Vec::new();
    for name in text.split(',') {
        let axis = match name.trim() {
            "cost" => Axis::Cost,
            "carbon" => Axis::Carbon,
            "time" => Axis::Time,
            other => return Err(format!("`{other}` is none of cost, carbon and time")),
        };
        if axes.contains(&axis) {
            return Err(format!("{} is there twice", axis.as_str()));
        }
        axes.push(axis);
    }
    axes.sort_unstable();
    if axes[0] != Axis::Cost || axes.len() < 2 {
        return Err("cost and at least one of carbon and time: `cost,carbon`".into());
    }
    Ok(Axes(axes))
}

/// A moment: `2026-08-03T06:00:00Z`.
pub(crate) fn time(text: &str) -> Result<Time, String> {
    text.parse()
}
