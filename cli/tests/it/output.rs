//! Where results go: colours, closed pipes, files written whole or not at all.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use crate::run::{data, finish, program, run};

#[test]
fn colours_are_for_terminals_and_those_who_ask() {
    let plain = run("plan small");
    assert!(!plain.out.contains('\u{1b}'), "a pipe gets no colours");
    let asked = run("plan small --color always");
    assert!(asked.out.contains("\u{1b}[1m"), "asked for, they are there");
    let with = |name: &str, args: &[&str]| finish(program(&data()).args(args).env(name, "1"));
    assert_eq!(with("NO_COLOR", &["plan", "small"]).out, plain.out);
    assert!(!with("NO_COLOR", &["plan", "no-such"]).err.contains('\u{1b}'));
    assert!(run("plan no-such --color always").err.contains("\u{1b}[1;31merror"));
    assert!(run("plan --wrong --color always").err.contains('\u{1b}'));
    assert!(!run("plan --wrong --color never").err.contains('\u{1b}'));
    // Without its escape sequences the coloured text is the plain one.
    assert_eq!(anstream::adapter::strip_str(&asked.out).to_string(), plain.out);
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    for args in
        [&["offers"][..], &["offers", "-o", "json"], &["schema", "plan"], &["plan", "small"], &["--help"]]
    {
        let mut child = program(&data())
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("a line");
        let output = child.wait_with_output().expect("it exits");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {err}");
        assert!(!err.contains("panicked") && !err.contains("error"), "{args:?}: {err}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let run = finish(program(&data()).args(["plan", "small"]).stdout(full));
    assert_eq!(run.code, 2);
    assert!(run.err.contains("cannot write to standard output"), "{}", run.err);
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plan.json");
    let to_file = |args: &[&str]| finish(program(&data()).args(args).arg("--output-file").arg(&path));
    let written = to_file(&["plan", "small", "-o", "json"]);
    assert_eq!((written.code, &*written.out, &*written.err), (0, "", ""));
    assert_eq!(fs::read_to_string(&path).expect("it is there"), run("plan small -o json").out);

    // A failure leaves what was there.
    let failed = to_file(&["plan", "no-such"]);
    assert_eq!(failed.code, 2);
    assert_eq!(fs::read_to_string(&path).expect("it is there"), run("plan small -o json").out);
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1, "nothing else is left behind");

    // Colours are not for files, even if asked for.
    to_file(&["plan", "small", "--color", "always"]);
    assert_eq!(fs::read_to_string(&path).expect("it is there"), run("plan small").out);

    // A plan with something left out is written, and its code is 3.
    let refused = to_file(&["plan", "too-big.yaml", "-e", "small/a-estate.yaml"]);
    assert_eq!((refused.code, &*refused.out), (3, ""));
    assert!(fs::read_to_string(&path).expect("it is there").contains("too-big"));
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("no/such/folder.json");
    let run = finish(program(&data()).args(["plan", "small", "--output-file"]).arg(&path));
    assert_eq!((run.code, &*run.out), (2, ""));
    assert!(run.err.contains("no/such/folder.json"), "{}", run.err);
    let run = finish(program(&data()).args(["plan", "small", "--output-file"]).arg(folder.path()));
    assert!(run.code == 2 && run.err.contains("it is a folder"), "{}", run.err);
}

#[cfg(unix)]
#[test]
fn what_a_link_leads_to_is_written_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "before").expect("it is written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("they are set");
    symlink(&file, &link).expect("it is linked");
    let run = finish(program(&data()).args(["schema", "offer", "--output-file"]).arg(&link));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
    assert!(fs::read_to_string(&file).expect("it is there").starts_with('{'));
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o640);
    let null = finish(program(&data()).args(["schema", "offer", "--output-file", "/dev/null"]));
    assert_eq!(null.code, 0, "{}", null.err);
}
