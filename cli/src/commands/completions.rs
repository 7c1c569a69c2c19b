//! `plimsoll completions`: what a shell needs to complete command lines.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{
    args::{Cli, Common},
    examples,
    exit::Exit,
    failure::Failure,
    output,
};

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = examples::COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "plimsoll", &mut script);
    output::write(&args.common, &mut |out| out.write_all(&script)).map(|()| Exit::Done)
}
