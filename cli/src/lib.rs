//! The plimsoll command line: arguments in, a result on standard output, an exit code.
//!
//! A command is a module of `commands`: its arguments with their documentation, and a function that
//! returns an exit code or a `failure::Failure`. What people read is made by `render`, as pure functions
//! from a plan to text. Only this crate reads the clock, the environment and the terminal, each in one
//! place: `clock`, `screen`.

mod args;
mod clock;
mod commands;
mod examples;
pub mod exit;
mod failure;
mod input;
mod output;
mod progress;
mod render;
mod screen;

use std::{
    ffi::OsString,
    panic::{self, UnwindSafe},
    sync::Mutex,
};

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
    caught(|| run(&args, color)).unwrap_or_else(|failure| output::fail(&failure, color.choice()))
}

/// Runs a command; a panic is a failure that asks for a report.
fn caught(command: impl FnOnce() -> Result<Exit, Failure> + UnwindSafe) -> Result<Exit, Failure> {
    panic::set_hook(Box::new(|info| {
        if let Ok(mut first) = PANIC.lock() {
            first.get_or_insert_with(|| info.to_string().replace('\n', " "));
        }
    }));
    panic::catch_unwind(command).unwrap_or_else(|_| {
        let what = PANIC.lock().ok().and_then(|mut first| first.take());
        Err(Failure::internal(what.unwrap_or_else(|| "a panic".into())))
    })
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
        Command::Explain(args) => commands::explain::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Offers(args) => commands::offers::run(&args),
        Command::Simulate(args) => commands::simulate::run(&args),
        Command::Trace(args) => commands::trace::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Man(args) => commands::man::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_failure_that_asks_for_a_report() {
        let failure = caught(|| panic!("a broken invariant")).unwrap_err();
        // The hook is the process's; other tests keep the usual one.
        drop(panic::take_hook());
        let text = anstream::adapter::strip_str(&failure.render()).to_string();
        assert_eq!(failure.exit, Exit::Internal);
        assert!(text.starts_with("error: panicked at ") && text.contains("a broken invariant"), "{text}");
        assert!(text.contains("this is a bug in plimsoll"), "{text}");
    }
}
