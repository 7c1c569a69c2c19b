//! Where a result goes: standard output, or a file that is written whole or not at all.
//!
//! Text is made with escape sequences; streams that show no colours strip them. A reader that has had
//! enough (`| head`) is no failure.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anstream::{AutoStream, ColorChoice, StripStream};

use crate::{args::Common, exit::Exit, failure::Failure};

/// Writes a result to where the common flags say.
pub(crate) fn write(
    common: &Common,
    result: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    match &common.output_file {
        None => to_stdout(common.color.choice(), result),
        Some(path) => to_file(path, result).map_err(|error| Failure::unwritable(path, &error)),
    }
}

/// Writes a text to where the common flags say.
pub(crate) fn text(common: &Common, text: &str) -> Result<(), Failure> {
    write(common, &mut |out| out.write_all(text.as_bytes()))
}

/// Writes a text to a file, whole or not at all.
pub(crate) fn file(path: &Path, text: &str) -> Result<(), Failure> {
    let mut all = |out: &mut dyn Write| out.write_all(text.as_bytes());
    to_file(path, &mut all).map_err(|error| Failure::unwritable(path, &error))
}

/// Writes bytes to a file as they are, whole or not at all.
pub(crate) fn bytes(
    path: &Path,
    result: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    replace(path, &mut |file| {
        let mut out = BufWriter::new(file);
        result(&mut out)?;
        out.flush()
    })
    .map_err(|error| Failure::unwritable(path, &error))
}

fn to_stdout(
    choice: ColorChoice,
    result: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let stdout = AutoStream::new(io::stdout(), choice);
    // In pieces as large as a pipe holds: a table of 90,000 rows is not written line by line.
    let mut out = BufWriter::with_capacity(1 << 16, stdout);
    match result(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // What is still buffered would fail again when dropped, silently.
            Err(Failure::usage(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

fn to_file(path: &Path, result: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    replace(path, &mut |file| {
        // A handle of its own: the stream that strips wants to own what it writes to.
        let mut out = BufWriter::new(file.try_clone()?);
        {
            let mut plain = StripStream::new(&mut out as &mut dyn Write);
            result(&mut plain)?;
        }
        out.flush()
    })
}

/// Puts what is written in the place of a file.
fn replace(path: &Path, fill: &mut dyn FnMut(&mut fs::File) -> io::Result<()>) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let existing = fs::metadata(&target).ok();
    if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if existing.as_ref().is_some_and(|existing| !existing.is_file()) {
        // A device or a pipe is written to, not replaced.
        return fill(&mut fs::OpenOptions::new().write(true).open(&target)?);
    }
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".plimsoll-").permissions(permissions(existing.as_ref()));
    let mut file = builder.tempfile_in(folder)?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(&target)?;
    Ok(())
}

/// Those of the file that is replaced, else what new files get.
#[cfg(unix)]
fn permissions(existing: Option<&fs::Metadata>) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    existing.map_or_else(|| fs::Permissions::from_mode(0o666), fs::Metadata::permissions)
}

/// Prints a failure to standard error and returns its code.
pub(crate) fn fail(failure: &Failure, choice: ColorChoice) -> Exit {
    to_stderr(&failure.render(), choice);
    failure.exit
}

/// Prints to standard error, as far as it can be printed.
pub(crate) fn to_stderr(text: &str, choice: ColorChoice) {
    _ = AutoStream::new(io::stderr(), choice).write_all(text.as_bytes());
}
