//! The examples of the help are run, the manual and the completions know every command and flag.

use std::{collections::BTreeSet, fs};

use crate::run::{finish, program, root, run};

const COMMANDS: [&str; 11] = [
    "plan",
    "explain",
    "verify",
    "offers",
    "simulate",
    "trace",
    "bench",
    "serve",
    "schema",
    "completions",
    "man",
];
/// Commands of commands, which have no examples of their own.
const INNER: [&str; 3] = ["trace doctor", "trace convert", "trace generate"];

/// The lines of a help text that are commands.
fn examples(help: &str) -> Vec<String> {
    let (_, after) = help.split_once("Examples:\n").expect("the help has examples");
    let after = after.replace("\\\n", "");
    let lines = after.lines().take_while(|line| !line.is_empty());
    lines
        .map(|line| line.trim().strip_prefix("plimsoll ").expect("an example is a command").to_owned())
        .collect()
}

#[test]
fn examples_of_the_help_work() {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(root().join("examples/team")).expect("the examples are there") {
        let file = entry.expect("an entry").path();
        fs::copy(&file, folder.path().join(file.file_name().expect("a name"))).expect("it is copied");
    }
    for file in ["what-if.toml", "what-if-carbon.csv"] {
        fs::copy(root().join("examples").join(file), folder.path().join(file)).expect("it is copied");
    }
    // In this order, because one example reads what another writes.
    for command in std::iter::once("").chain(COMMANDS) {
        let help = run(&format!("{command} --help")).out;
        let examples = examples(&help);
        assert!(examples.len() >= 2, "{command} has {} examples", examples.len());
        if command == "serve" {
            continue; // needs a cluster, and goes on until it is ended
        }
        for example in examples {
            assert!(command.is_empty() || example.starts_with(command), "{example}");
            let run = finish(program(folder.path()).args(example.split_whitespace()));
            assert_eq!(run.code, 0, "plimsoll {example}\n{}", run.all());
        }
    }
}

/// The long flags in a help text.
fn flags(help: &str) -> BTreeSet<String> {
    let words = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let flag = |word: &str| {
        let name: String = word.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        (name.starts_with("--") && name.len() > 2).then_some(name)
    };
    words.flat_map(|line| line.split([' ', ',', '[', '=']).filter_map(flag).collect::<Vec<_>>()).collect()
}

#[test]
fn the_manual_and_completions_are_complete() {
    let listed = run("--help").out;
    let listed =
        listed.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("commands");
    let names: Vec<&str> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), COMMANDS.into(), "a command without examples");
    let manual = run("man").out.replace("\\-", "-");
    let scripts = ["bash", "zsh", "fish", "elvish", "powershell"]
        .map(|shell| (shell, run(&format!("completions {shell}")).out));
    for name in names.into_iter().chain(INNER) {
        assert!(
            manual.contains(&format!("plimsoll-{}", name.replace(' ', "-")))
                || manual.contains(&format!("plimsoll {name}")),
            "{name}"
        );
        let help = run(&format!("{name} --help")).out;
        let flags = flags(&help);
        // A command that only has commands leaves the rest to them.
        assert!(flags.contains("--quiet") || help.contains("Commands:"), "{flags:?}");
        for flag in &flags {
            assert!(manual.contains(flag), "the manual lacks {flag} of {name}");
            for (shell, script) in &scripts {
                // Fish writes flags without their dashes.
                let flag = if *shell == "fish" { &flag[2..] } else { flag };
                assert!(script.contains(flag), "{shell} lacks {flag} of {name}");
            }
        }
    }
    // Each page shows its examples.
    assert_eq!(manual.matches("Examples:").count(), COMMANDS.len() + 1, "{manual}");
}
