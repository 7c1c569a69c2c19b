//! The transcripts in README.md and the guide are what the commands print.
//!
//! A fenced block whose first line is `$ plimsoll …` or `$ ./plimsoll …` is run from the root of the
//! repository; the rest of the block is its output, the standard one before the other. A line `…` stands
//! for any lines.

use std::fs;

use crate::run::{finish, program, root};

#[test]
fn transcripts_are_real() {
    let mut count = 0;
    for page in ["README.md", "docs/guide.md"] {
        let text = fs::read_to_string(root().join(page)).expect("the page is there");
        for block in blocks(&text) {
            let (command, expected) = block.split_once('\n').unwrap_or((block, ""));
            let Some(args) = command.strip_prefix("$ plimsoll ").or(command.strip_prefix("$ ./plimsoll "))
            else {
                continue;
            };
            let run = finish(program(&root()).args(words(args)));
            let actual = run.out + &run.err;
            assert!(
                agree(expected, &actual),
                "{page}: `{command}` prints\n{actual}\nand the page says\n{expected}"
            );
            count += 1;
        }
    }
    assert!(count >= 5, "only {count} transcripts were found");
}

/// The fenced blocks of a page.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n').map(|(_, block)| block))
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
