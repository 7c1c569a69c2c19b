//! What a generator is, and the two things done with one: write its files, or check that they are unchanged.

use std::fs;
use std::path::PathBuf;

use crate::error::{Error, Result};

/// Where things are.
pub(crate) struct Context {
    /// The repository.
    pub(crate) root: PathBuf,
    /// The fact files, when `PLIMSOLL_DATA` names them.
    pub(crate) data: Option<PathBuf>,
}

/// Makes one kind of generated file, in memory.
pub(crate) struct Generator {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) make: fn(&Context) -> Result<Made>,
}

/// What a generator made.
pub(crate) enum Made {
    /// Files, with paths relative to the repository.
    Files(Vec<File>),
    /// Nothing, because something that it reads is not on this machine.
    Skipped { reason: String },
}

/// One generated file.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// What a check found.
pub(crate) enum Verdict {
    Unchanged { files: usize },
    Changed { problems: Vec<String> },
    Skipped { reason: String },
}

/// Writes the files, and tells what was written.
pub(crate) fn write(generator: &Generator, context: &Context) -> Result<Vec<String>> {
    let files = match (generator.make)(context)? {
        Made::Files(files) => files,
        Made::Skipped { reason } => {
            return Err(Error::new(format!("cannot make {}: {reason}", generator.name)));
        }
    };
    let mut told = Vec::new();
    for File { path, text } in files {
        let target = context.root.join(&path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(Error::io(folder.display()))?;
        }
        fs::write(&target, &text).map_err(Error::io(&path))?;
        told.push(format!("{path}: {} lines, {} bytes", text.lines().count(), text.len()));
    }
    Ok(told)
}

/// Makes the files again and compares them with what is in the repository.
pub(crate) fn check(generator: &Generator, context: &Context) -> Result<Verdict> {
    let files = match (generator.make)(context)? {
        Made::Files(files) => files,
        Made::Skipped { reason } => return Ok(Verdict::Skipped { reason }),
    };
    let mut problems = Vec::new();
    for File { path, text } in &files {
        match fs::read_to_string(context.root.join(path)) {
            Ok(committed) if committed == *text => {}
            Ok(committed) => {
                let line =
                    committed.lines().zip(text.lines()).take_while(|(old, new)| old == new).count() + 1;
                problems.push(format!(
                    "{path} differs from line {line} on; run `cargo run -p xtask -- {}`",
                    generator.name
                ));
            }
            Err(error) => problems.push(format!("{path}: {error}")),
        }
    }
    if problems.is_empty() {
        Ok(Verdict::Unchanged { files: files.len() })
    } else {
        Ok(Verdict::Changed { problems })
    }
}
