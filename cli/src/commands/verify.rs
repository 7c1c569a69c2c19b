//! `plimsoll verify`: the independent check of a plan.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{Common, Files},
    examples,
    exit::Exit,
    failure::Failure,
    input, output, render,
};

/// Check a plan: recompute its costs, limits and assumptions from the files, by the flags the plan records
#[derive(Debug, Args)]
#[command(after_help = examples::VERIFY)]
pub(crate) struct VerifyArgs {
    /// The plan or the packing, as JSON or YAML
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    #[command(flatten)]
    files: Files,
    /// Check a packing of these nodes (`plan --cluster`)
    #[arg(long, value_name = "NODES", conflicts_with = "tolerate")]
    cluster: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &VerifyArgs) -> Result<Exit, Failure> {
    if let Some(nodes) = &args.cluster {
        let packing = input::packing(&args.plan)?;
        let fleet = input::fleet(nodes, &args.files)?;
        let inputs = input::market(&args.files)?;
        let violations = plimsoll_verify::verify_packing(&packing, &fleet, &inputs);
        output::text(&args.common, &render::verdict_of_packing(&packing, &violations))?;
        return Ok(if violations.is_empty() { Exit::Done } else { Exit::Refused });
    }
    let plan = input::plan(&args.plan)?;
    let inputs = input::inputs(&args.files)?;
    let violations = plimsoll_verify::verify(&plan, &inputs);
    output::text(&args.common, &render::verdict(&plan, &violations))?;
    Ok(if violations.is_empty() { Exit::Done } else { Exit::Refused })
}
