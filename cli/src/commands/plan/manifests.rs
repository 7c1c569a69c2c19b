//! Where edited manifests go: each to a file of its name in a folder, or all to one text.

use std::{fmt::Write as _, path::Path};

use plimsoll_planner::manifests::Manifest;

use crate::{args::Common, failure::Failure, output};

/// Writes the manifests to where the common flags say, and the remarks to standard error.
pub(super) fn write(common: &Common, files: &[Manifest], remarks: &[String]) -> Result<(), Failure> {
    match common.output_file.as_deref().filter(|path| is_folder(path)) {
        Some(folder) => into_folder(folder, files)?,
        None => output::text(common, &joined(files))?,
    }
    if !common.quiet {
        let lines: Vec<String> = remarks.iter().map(|remark| format!("note: {remark}\n")).collect();
        output::to_stderr(&lines.concat(), common.color.choice());
    }
    Ok(())
}

/// A path that is a folder, or is written as one.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn into_folder(folder: &Path, files: &[Manifest]) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::unwritable(folder, &error))?;
    let mut names: Vec<&std::ffi::OsStr> = Vec::new();
    for file in files {
        let name = Path::new(&file.name).file_name().filter(|_| file.name != "<stdin>");
        let name = name.unwrap_or_else(|| std::ffi::OsStr::new("manifests.yaml"));
        if names.contains(&name) {
            return Err(Failure::usage(format!("two files are called {}", name.display()))
                .with_help("write them one folder at a time"));
        }
        names.push(name);
    }
    for (file, name) in files.iter().zip(names) {
        output::file(&folder.join(name), &file.text)?;
    }
    Ok(())
}

/// All files as one stream of documents.
fn joined(files: &[Manifest]) -> String {
    let mut text = String::new();
    for file in files {
        if files.len() > 1 {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            // Writing to a string does not fail.
            _ = writeln!(text, "---\n# {}", file.name);
            let body = file.text.trim_start_matches('\u{feff}');
            text.push_str(
                body.strip_prefix("---\n").or_else(|| body.strip_prefix("---\r\n")).unwrap_or(body),
            );
        } else {
            text.push_str(&file.text);
        }
    }
    text
}
