//! How tests run the program.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The folder of test data.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program with a clean environment.
pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("plimsoll"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

/// What a run gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Everything of it, for a snapshot.
    pub(crate) fn all(&self) -> String {
        let Self { code, out, err } = self;
        let out = if out.is_empty() { "(nothing)\n" } else { out };
        let err = if err.is_empty() { String::new() } else { format!("--- standard error\n{err}") };
        format!("exit {code}\n--- standard output\n{out}{err}")
    }
}

pub(crate) fn finish(command: &mut Command) -> Run {
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
    Run { code: output.status.code().expect("it exits"), out: text(output.stdout), err: text(output.stderr) }
}

/// A run in the folder of test data, of arguments separated by spaces.
pub(crate) fn run(args: &str) -> Run {
    finish(program(&data()).args(args.split_whitespace()))
}

/// The same with a text on standard input.
pub(crate) fn run_with_input(args: &str, input: &str) -> Run {
    let mut command = program(&data());
    command.args(args.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it exits");
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
    Run { code: output.status.code().expect("it exits"), out: text(output.stdout), err: text(output.stderr) }
}
