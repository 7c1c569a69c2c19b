//! The plimsoll command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    plimsoll_cli::main().into()
}
