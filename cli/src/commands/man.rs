//! `plimsoll man`: the manual.

use clap::{Args, Command, CommandFactory as _};
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
    let mut pages = Vec::new();
    collect(&program, &mut pages);
    output::write(&args.common, &mut |out| pages.iter().try_for_each(|page| page.render(out)))
        .map(|()| Exit::Done)
}

/// A page for a command, then one for each of its commands.
fn collect(command: &Command, pages: &mut Vec<Man>) {
    pages.push(Man::new(command.clone().disable_help_subcommand(true)));
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        collect(inner, pages);
    }
}
