//! `plimsoll verify`: a plan holds, or each thing wrong with it is named.

use std::fs;

use crate::run::{data, run, run_with_input};

fn plan() -> String {
    run("plan small -o json --carbon-price 200").out
}

#[test]
fn a_plan_holds() {
    insta::assert_snapshot!(run_with_input("verify - small", &plan()).all());
    let yaml = run("plan small -o yaml --carbon-price 200").out;
    assert_eq!(run_with_input("verify - small", &yaml), run_with_input("verify - small", &plan()));
}

#[test]
fn a_plan_that_was_edited_does_not() {
    let edited = plan().replace("\"compute\": 3.", "\"compute\": 2.").replacen(
        "\"instances\": 2",
        "\"instances\": 3",
        1,
    );
    let run = run_with_input("verify - small", &edited);
    assert_eq!(run.code, 3);
    insta::assert_snapshot!(run.all());
}

#[test]
fn a_plan_of_other_files_does_not() {
    let run = run_with_input("verify - too-big.yaml -e small/a-estate.yaml", &plan());
    assert_eq!(run.code, 3);
    assert!(run.out.contains("the plan was made from"), "{}", run.out);
}

#[test]
fn what_could_not_be_placed_is_checked_too() {
    let plan = run("plan too-big.yaml -e small/a-estate.yaml -o json").out;
    let run = run_with_input("verify - too-big.yaml -e small/a-estate.yaml", &plan);
    assert_eq!(run.code, 0, "{}", run.out);
}

#[test]
fn what_is_no_plan_is_bad_input() {
    let estate = fs::read_to_string(data().join("small/a-estate.yaml")).expect("it is there");
    let run = run_with_input("verify - small", &estate);
    assert_eq!((run.code, &*run.out), (2, ""));
    insta::assert_snapshot!(run.err);
    insta::assert_snapshot!(crate::run::run("verify no-such.json small").all());
}
