//! The transcripts in README.md and under `docs/` are what the commands print, and their links lead somewhere.
//!
//! A fenced block whose first line is `$ plimsoll …` or `$ ./plimsoll …` is run in a folder where only
//! the examples are, one after the other; the rest of the block is the output, the standard one before
//! the other. A line `…` stands for any lines. A block of JSON is part of the file `plan.json` that a
//! transcript before it has made.

#![cfg(unix)]

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::run::{finish, program, root};

#[test]
fn transcripts_are_real() {
    let folder = tempfile::tempdir().expect("a folder");
    let examples = root().canonicalize().expect("the root is there").join("examples");
    symlink(examples, folder.path().join("examples")).expect("it is linked");
    let count: usize = pages().iter().map(|page| check(page, folder.path())).sum();
    assert!(count >= 5, "only {count} transcripts were found");
}

/// README.md, then every page under `docs/`, by name.
fn pages() -> Vec<String> {
    fn collect(folder: &str, found: &mut Vec<String>) {
        let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
        let mut names: Vec<String> = names.collect();
        names.sort();
        for name in names {
            let path = format!("{folder}/{name}");
            if root().join(&path).is_dir() {
                collect(&path, found);
            } else if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut found = vec!["README.md".to_owned()];
    collect("docs", &mut found);
    found
}

#[test]
fn links_lead_somewhere() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).expect("the page is there");
        let folder = Path::new(&page).parent().expect("a page lies in a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { root().join(&page) } else { root().join(folder).join(path) };
            assert!(target.exists(), "{page}: nothing is at {link}");
            if !anchor.is_empty() {
                let there = fs::read_to_string(&target).expect("a page");
                assert!(anchors(&there).any(|known| known == anchor), "{page}: no heading is {link}");
            }
            count += 1;
        }
    }
    assert!(count > 20, "only {count} links were found");
}

/// What the headings of a page are called in links.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

/// Checks the transcripts of a page and counts them.
fn check(page: &str, folder: &Path) -> usize {
    let text = fs::read_to_string(root().join(page)).expect("the page is there");
    let mut count = 0;
    for (language, block) in blocks(&text) {
        let (command, expected) = block.split_once('\n').unwrap_or((block, ""));
        if let Some(args) = command.strip_prefix("$ plimsoll ").or(command.strip_prefix("$ ./plimsoll ")) {
            let run = finish(program(folder).args(words(args)));
            let actual = run.out + &run.err;
            assert!(
                agree(expected, &actual),
                "{page}: `{command}` prints\n{actual}\nand the page says\n{expected}"
            );
            count += 1;
        } else if language == "json" {
            let plan = fs::read_to_string(folder.join("plan.json")).expect("a transcript has made it");
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            assert!(bare(&plan).contains(&bare(block)), "{page}: not part of the plan:\n{block}");
        }
    }
    count
}

/// The fenced blocks of a page, with their languages.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'))
}

/// Arguments as a shell parts them, single quotes included.
fn words(args: &str) -> Vec<String> {
    let parts = args.split('\'').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// Whether a text is the expected one, `…` alone on a line standing for any lines.
fn agree(expected: &str, actual: &str) -> bool {
    let mut rest = actual;
    let parts: Vec<&str> = expected.split("…\n").collect();
    for (at, part) in parts.iter().enumerate() {
        let found = if at == 0 { rest.starts_with(part).then_some(0) } else { rest.find(part) };
        let Some(found) = found else { return false };
        rest = &rest[found + part.len()..];
    }
    rest.is_empty() || expected.ends_with("…\n")
}
