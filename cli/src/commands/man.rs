//! `plimsoll man`: the manual.

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use crate::{
    args::{Cli, Common},
    examples,
    exit::Exit,
    failure::Failure,
    output,
};

/// Print the manual, a page for the program and one for each command (read it with `man -l FILE`)
#[derive(Debug, Args)]
#[command(after_help = examples::MAN)]
pub(crate) struct ManArgs {
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &ManArgs) -> Result<Exit, Failure> {
    let mut program = Cli::command();
    program.build();
    let pages: Vec<Man> = std::iter::once(program.clone().disable_help_subcommand(true))
        .chain(program.get_subcommands().filter(|command| command.get_name() != "help").cloned())
        .map(Man::new)
        .collect();
    output::write(&args.common, &mut |out| pages.iter().try_for_each(|page| page.render(out)))
        .map(|()| Exit::Done)
}
