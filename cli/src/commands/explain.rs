//! `plimsoll explain`: why a plan is as it is.

use std::path::PathBuf;

use clap::Args;
use plimsoll_model::yaml;
use plimsoll_planner::{
    explain::{Question, of_documents, of_plan},
    load::LoadArgs,
};
use plimsoll_solver::Phase;

use crate::{
    args::{Common, Format, Reading},
    clock, examples,
    exit::Exit,
    failure::Failure,
    input, output,
    progress::Progress,
    render, screen,
};

/// Say why a plan is as it is: each choice and the next best, what binds, what would change it
#[derive(Debug, Args)]
#[command(after_help = examples::EXPLAIN)]
pub(crate) struct ExplainArgs {
    /// The plan, as JSON or YAML; `-` is standard input
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// The workload to explain [default: the plan as a whole]
    #[arg(value_name = "WORKLOAD")]
    workload: Option<String>,
    /// Why is the workload not on this offer?
    #[arg(long, value_name = "OFFER")]
    why_not: Option<String>,
    /// A file that the plan was made from, as given to `plan`, where the plan does not carry its documents;
    /// once for each, in the same order
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The estate that the plan was made from
    #[arg(short, long, value_name = "FILE", requires = "files")]
    estate: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// The form of the explanation
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    output: Format,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let plan = input::plan(&args.plan)?;
    let question = Question { workload: args.workload.as_deref(), why_not: args.why_not.as_deref() };
    let inputs = if args.files.is_empty() {
        plan.inputs.carried()
    } else {
        let Reading { recursive, tolerate } = args.reading;
        let (files, estate) = (args.files.clone(), args.estate.clone());
        Some(input::load(&LoadArgs { files, estate, recursive, tolerate })?)
    };
    let explanation = match inputs {
        None => of_plan(&plan, question)?,
        Some(inputs) => {
            let mut progress = Progress::new(&args.common);
            let time_left = Some(clock::search_until(plan.inputs.flags.time_limit));
            let mut observer = |phase: &Phase| progress.phase(phase);
            of_documents(&plan, &inputs, question, time_left, &mut observer)?
        }
    };
    let text = match args.output {
        Format::Table => render::explain(&explanation, screen::width()),
        Format::Json => serde_json::to_string_pretty(&explanation)? + "\n",
        Format::Yaml => yaml::to_string(&explanation)?,
    };
    output::text(&args.common, &text).map(|()| Exit::Done)
}
