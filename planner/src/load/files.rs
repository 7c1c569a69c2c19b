//! Paths to bytes.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use plimsoll_model::{Diagnostic, yaml};

use super::{LoadArgs, LoadError};

/// One text and the names it goes by.
pub(crate) struct File {
    /// As the user named it.
    pub(crate) name: String,
    /// What the paths inside of it are relative to.
    pub(crate) folder: PathBuf,
    pub(crate) bytes: Vec<u8>,
    /// Named by `-e`.
    pub(crate) is_estate: bool,
}

/// Reads every file of the command line: the files in order, then the estate's if it is not among them.
pub(crate) fn read(args: &LoadArgs, stdin: &mut dyn Read) -> Result<Vec<File>, LoadError> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    let mut stdin = Some(stdin);
    let estate = args.estate.as_deref();
    // The estate may be among the files, or lie in a folder of them; then it is read there.
    let mut met = false;
    for path in &args.files {
        match paths(path, args.recursive) {
            Ok(found) => {
                for path in found {
                    let is_estate = estate.is_some_and(|estate| same(estate, &path));
                    met |= is_estate;
                    add(&path, is_estate, &mut stdin, &mut files, &mut problems);
                }
            }
            Err(problem) => problems.push(*problem),
        }
    }
    if let Some(path) = estate.filter(|_| !met) {
        add(path, true, &mut stdin, &mut files, &mut problems);
    }
    if problems.is_empty() { Ok(files) } else { Err(problems.into()) }
}

fn add(
    path: &Path,
    is_estate: bool,
    stdin: &mut Option<&mut dyn Read>,
    files: &mut Vec<File>,
    problems: &mut Vec<Diagnostic>,
) {
    let (name, folder, bytes) = if path.as_os_str() == "-" {
        let name = "<stdin>".to_owned();
        let Some(stdin) = stdin.take() else {
            problems.push(
                Diagnostic::of_file(name, "standard input is named twice")
                    .with_help("it can be read once: give `-` once"),
            );
            return;
        };
        let bytes = limited(stdin).map_err(|error| unreadable(&name, &error));
        (name, PathBuf::new(), bytes)
    } else {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        (path.display().to_string(), folder, bytes_of(path))
    };
    match bytes {
        Ok(bytes) => files.push(File { name, folder, bytes, is_estate }),
        Err(problem) => problems.push(*problem),
    }
}

/// The files that a path of the command line means.
fn paths(path: &Path, recursive: bool) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    if path.as_os_str() == "-" || !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let name = path.display().to_string();
    let problem = |error: io::Error| unreadable(&name, &error);
    let mut found = Vec::new();
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).map_err(problem)? {
            let file = entry.map_err(problem)?.path();
            let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let known = file.extension().is_some_and(|extension| {
                ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
            });
            if hidden {
            } else if !file.is_dir() {
                found.extend(known.then_some(file));
            } else if recursive && !file.is_symlink() {
                // A link may lead back up.
                folders.push(file);
            }
        }
    }
    if found.is_empty() {
        let problem = Diagnostic::of_file(name, "the folder holds no .yaml, .yml or .json file");
        let help = if recursive {
            "name the folder that has them"
        } else {
            "folders inside of it are searched with `--recursive` alone"
        };
        return Err(Box::new(problem.with_help(help)));
    }
    found.sort();
    Ok(found)
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
}

/// A file's bytes.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, Box<Diagnostic>> {
    let problem = |error: io::Error| unreadable(&path.display().to_string(), &error);
    if path.is_dir() {
        let problem = Diagnostic::of_file(path.display().to_string(), "expected a file, found a folder");
        return Err(Box::new(problem.with_help("name one of the files in it")));
    }
    let mut file = fs::File::open(path).map_err(problem)?;
    limited(&mut file).map_err(problem)
}

/// Reads a little more than is accepted at most, so that the reader sees that there is too much.
fn limited(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(yaml::FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Box<Diagnostic> {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => error.to_string(),
    };
    let help = match error.kind() {
        io::ErrorKind::NotFound => "check the name; paths inside a document are relative to its folder",
        io::ErrorKind::PermissionDenied => "let this user read it, or give its text to `plimsoll plan -`",
        _ => return Box::new(Diagnostic::of_file(name, format!("cannot read the file: {reason}"))),
    };
    Box::new(Diagnostic::of_file(name, format!("cannot read the file: {reason}")).with_help(help))
}
