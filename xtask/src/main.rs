//! Makes the generated files of the repository.
//!
//! `cargo run -p xtask -- tables` writes `catalog/tables/*.csv` from the fact files in the folder that
//! `PLIMSOLL_DATA` names; `cargo run -p xtask -- check` makes every generated file again in memory and says which
//! differ from what is committed. The same input gives the same bytes: nothing here reads a clock, and nothing iterates
//! a map in random order.
//!
//! A new kind of generated file is one more [`Generator`] in [`GENERATORS`].

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod error;
mod generate;
mod schemas;
mod tables;

use error::{Error, Result};
use generate::{Context, Generator, Verdict};

/// Every kind of generated file, in the order in which they are made.
const GENERATORS: &[Generator] = &[
    Generator {
        name: "tables",
        about: "catalog/tables/*.csv from the fact files in PLIMSOLL_DATA",
        make: tables::make,
    },
    Generator {
        name: "schemas",
        about: "schemas/*.json from the types of the documents",
        make: schemas::make,
    },
];

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let mut err = io::stderr().lock();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments, &mut out) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to do when even standard error is closed.
            drop(writeln!(err, "error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String], out: &mut impl io::Write) -> Result<ExitCode> {
    let context = Context { root: repository_root()?, data: data_folder() };
    match arguments {
        [one] if one == "check" => check(&context, out),
        [one] => match GENERATORS.iter().find(|generator| generator.name == *one) {
            Some(generator) => write(generator, &context, out),
            None => Err(Error::new(format!("there is no task {one:?}\n{}", usage()))),
        },
        _ => Err(Error::new(usage())),
    }
}

fn usage() -> String {
    let mut text = String::from(
        "usage: cargo run -p xtask -- TASK\n  check   verify that every generated file is unchanged",
    );
    for generator in GENERATORS {
        text.extend(["\n  ", generator.name, "  write ", generator.about]);
    }
    text
}

fn write(generator: &Generator, context: &Context, out: &mut impl io::Write) -> Result<ExitCode> {
    for line in generate::write(generator, context)? {
        writeln!(out, "{line}").map_err(Error::io("standard output"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(context: &Context, out: &mut impl io::Write) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for generator in GENERATORS {
        let (word, details) = match generate::check(generator, context)? {
            Verdict::Unchanged { files } => ("unchanged", format!("{files} files")),
            Verdict::Skipped { reason } => ("skipped", reason),
            Verdict::Changed { problems } => {
                code = ExitCode::FAILURE;
                ("changed", problems.join("; "))
            }
        };
        writeln!(out, "{}: {word} ({details})", generator.name).map_err(Error::io("standard output"))?;
    }
    Ok(code)
}

/// The folder above this crate. `CARGO_MANIFEST_DIR` is read at run time, so that no path of the machine that built it
/// is in the program.
fn repository_root() -> Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a build tool learns from the environment where it runs")]
    let manifest = std::env::var("CARGO_MANIFEST_DIR");
    let manifest =
        manifest.map_err(|_| Error::new("run this through cargo: CARGO_MANIFEST_DIR is not set"))?;
    Path::new(&manifest)
        .parent()
        .map(Path::to_path_buf)
        .ok_or_else(|| Error::new("CARGO_MANIFEST_DIR has no folder above it"))
}

fn data_folder() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a build tool learns from the environment where its input lies"
    )]
    let data = std::env::var("PLIMSOLL_DATA");
    data.ok().filter(|folder| !folder.is_empty()).map(PathBuf::from)
}
