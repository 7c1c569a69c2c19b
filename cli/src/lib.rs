//! The plimsoll command line: arguments in, a result on standard output, an exit code.
//!
//! A command is a module of `commands`: its arguments with their documentation, and a function that
//! returns an exit code or a [`failure::Failure`]. What people read is made by `render`, as pure functions
//! from a plan to text. Only this crate reads the clock, the environment and the terminal, each in one
//! place: `clock`, `screen`.

mod args;
mod clock;
mod commands;
pub mod exit;
mod failure;
mod input;
mod output;
mod progress;
mod render;
mod screen;

use std::{ffi::OsString, panic, sync::Mutex};

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, Color, Command};
use exit::Exit;
use failure::Failure;

/// What the first panic said.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Runs the program on the arguments it was started with.
pub fn main() -> Exit {
    clock::start();
    let args: Vec<OsString> = std::env::args_os().collect();
    let color = Color::of(&args);
    panic::set_hook(Box::new(|info| {
        if let Ok(mut first) = PANIC.lock() {
            first.get_or_insert_with(|| info.to_string().replace('\n', " "));
        }
    }));
    match panic::catch_unwind(|| run(&args, color)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => output::fail(&failure, color.choice()),
        Err(_) => {
            let what = PANIC.lock().ok().and_then(|mut first| first.take());
            output::fail(&Failure::internal(what.unwrap_or_else(|| "a panic".into())), color.choice())
        }
    }
}

fn run(args: &[OsString], color: Color) -> Result<Exit, Failure> {
    let parsed = Cli::command()
        .color(match color {
            Color::Auto => clap::ColorChoice::Auto,
            Color::Always => clap::ColorChoice::Always,
            Color::Never => clap::ColorChoice::Never,
        })
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; a closed pipe is no failure of theirs.
            _ = error.print();
            return Ok(if error.use_stderr() { Exit::Usage } else { Exit::Done });
        }
    };
    match cli.command {
        Command::Plan(args) => commands::plan::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Offers(args) => commands::offers::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Man(args) => commands::man::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    }
}
