//! `plimsoll plan`: the table, the other forms, the flags that change the plan.

use std::fs;

use crate::run::{data, finish, program, run, run_with_input};

/// The phases of the search may change without the plan changing.
fn without_phases(json: &str) -> String {
    let mut plan: serde_json::Value = serde_json::from_str(json).expect("a plan is JSON");
    plan["solver"] = serde_json::json!("…");
    serde_json::to_string_pretty(&plan).expect("it was JSON")
}

#[test]
fn a_table() {
    insta::assert_snapshot!(run("plan small --carbon-price 200").all());
}

#[test]
fn a_narrow_table() {
    let run = finish(program(&data()).args(["plan", "small"]).env("COLUMNS", "72"));
    insta::assert_snapshot!(run.out);
    assert_eq!(run.out.lines().filter(|line| line.chars().count() > 72).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn json_holds_everything() {
    insta::assert_snapshot!(without_phases(&run("plan small -o json").out));
}

#[test]
fn yaml_says_the_same_as_json() {
    let yaml = run("plan small -o yaml").out;
    let plan = plimsoll_model::read::plan("plan.yaml", yaml.as_bytes()).expect("it is a plan");
    let json = run("plan small -o json").out;
    assert_eq!(serde_json::to_string_pretty(&plan).expect("it is JSON") + "\n", json);
    insta::assert_snapshot!(yaml.split("\nplacements:").next().expect("it has a head"));
}

#[test]
fn json_ends_with_a_line_feed_and_is_the_same_again() {
    let first = run("plan small -o json");
    assert!(first.out.ends_with("}\n") && first.err.is_empty() && first.code == 0, "{first:?}");
    assert_eq!(first, run("plan small -o json"));
    assert_eq!(run("plan small"), run("plan small"));
}

#[test]
fn what_must_run_and_cannot_is_explained_and_the_exit_code_is_3() {
    let run = run("plan too-big.yaml -e small/a-estate.yaml");
    assert_eq!(run.code, 3);
    insta::assert_snapshot!(run.all());
}

#[test]
fn a_folder_the_files_and_standard_input_give_the_same_plan() {
    let folder = run("plan small -o json").out;
    assert_eq!(run("plan small/a-estate.yaml small/b-workloads.yaml -o json").out, folder);
    // In another order the digest of the inputs differs, and nothing else.
    let workloads = fs::read_to_string(data().join("small/b-workloads.yaml")).expect("it is there");
    let piped = run_with_input("plan - -e small/a-estate.yaml -o json", &workloads);
    assert_eq!(piped.code, 0, "{}", piped.err);
    let strip = |json: &str| {
        let mut plan: serde_json::Value = serde_json::from_str(json).expect("a plan is JSON");
        plan["inputs"]["digest"] = serde_json::Value::Null;
        plan
    };
    assert_eq!(strip(&piped.out), strip(&folder));
}

#[test]
fn flags_are_recorded_and_presets_give_way_to_explicit_prices() {
    let flags = |args: &str| {
        let out = run(&format!("plan small -o json {args}")).out;
        let plan: serde_json::Value = serde_json::from_str(&out).expect("a plan is JSON");
        plan["inputs"]["flags"].clone()
    };
    insta::assert_json_snapshot!(flags(
        "--objective carbon --delay-price 2.5 --budget $900 --horizon 12h --gap 1% --effort 500 --seed 7 \
         --now 2026-03-01T07:00:00+01:00 --no-lp"
    ));
    assert_eq!(flags("--objective time")["delayPrice"], 1000.0);
    let both = flags("--objective time --delay-price 3 --gap 0.01");
    assert_eq!((&both["delayPrice"], &both["gap"]), (&3.0.into(), &0.01.into()));
}

#[test]
fn a_time_limit_makes_a_plan_that_says_so() {
    let run = run("plan small --time-limit 60s");
    assert!(run.out.contains("the same command may find something else"), "{}", run.out);
}

/// The workloads of the small estate, changed.
fn workloads(changes: &[(&str, &str)]) -> String {
    let text = fs::read_to_string(data().join("small/b-workloads.yaml")).expect("it is there");
    changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from} is not there");
        text.replace(from, to)
    })
}

/// A plan of the small estate, in a file.
fn in_force() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("before.json");
    fs::write(&path, run("plan small -o json").out).expect("it is written");
    let name = path.to_str().expect("it is UTF-8").to_owned();
    (folder, name)
}

#[test]
fn changes_against_a_plan_in_force() {
    let (_folder, before) = in_force();
    let changes = |workloads: &str, args: &str| {
        let run =
            run_with_input(&format!("plan - -e small/a-estate.yaml --previous {before} {args}"), workloads);
        let changes = run.out.split("\nChanges\n").nth(1).expect("there are changes");
        let end = changes.find("\nAssumed").unwrap_or(changes.len());
        format!("exit {}\n{}", run.code, &changes[..end])
    };
    // Without spot `train` is over its budget and left out; `sort-logs` is gone, `fresh` is new.
    let later = workloads(&[("interruptible: true", "moveCost: 20"), ("name: sort-logs", "name: fresh")]);
    insta::assert_snapshot!(changes(&later, ""));
    // Without spot and budget it moves.
    let moved = workloads(&[("interruptible: true", "moveCost: 20"), ("team: red", "team: blue")]);
    insta::assert_snapshot!(changes(&moved, "--exit-code"));
    // Longer and dearer on the same machine.
    insta::assert_snapshot!(changes(&workloads(&[("duration: 4h", "duration: 5h")]), "--exit-code"));
    // Carbon makes `tune` wait.
    insta::assert_snapshot!(changes(&workloads(&[]), "--carbon-price 200"));
    insta::assert_snapshot!(changes(&workloads(&[]), "--exit-code"));
}

#[test]
fn an_exit_code_says_whether_there_is_anything_to_do() {
    let (_folder, before) = in_force();
    let code = |workloads: &str, args: &str| {
        run_with_input(&format!("plan - -e small/a-estate.yaml --previous {before} {args}"), workloads).code
    };
    let fresh = workloads(&[("name: sort-logs", "name: fresh")]);
    assert_eq!(code(&workloads(&[]), "--exit-code"), 0);
    assert_eq!(code(&workloads(&[]), "--now 2026-03-01T07:00:00Z --exit-code"), 0);
    assert_eq!(code(&fresh, ""), 0);
    assert_eq!(code(&fresh, "--exit-code"), 3);
    assert_eq!(code(&fresh, "--detailed-exitcode -o json"), 3);
    assert_eq!(code(&workloads(&[]), "--carbon-price 200 --exit-code"), 3);
    let alone = run("plan small --exit-code");
    assert_eq!((alone.code, &*alone.out), (2, ""));
}

#[test]
fn changes_are_in_the_json_and_hold() {
    let (_folder, before) = in_force();
    let args = format!("plan small/b-workloads.yaml -e small/a-estate.yaml --previous {before} -o json");
    let json = run(&format!("{args} --carbon-price 200")).out;
    assert_eq!(json, run(&format!("{args} --carbon-price 200")).out);
    let plan: serde_json::Value = serde_json::from_str(&json).expect("a plan is JSON");
    insta::assert_json_snapshot!(plan["changes"]);
    let verify = "verify - small/b-workloads.yaml -e small/a-estate.yaml";
    let holds = run_with_input(verify, &json);
    assert_eq!(holds.code, 0, "{}", holds.all());
    let edited = run_with_input(verify, &json.replace("\"unchanged\": 4", "\"unchanged\": 5"));
    assert_eq!(edited.code, 3);
    insta::assert_snapshot!(edited.out);
}

#[test]
fn each_step_is_told_with_v_and_nothing_without() {
    let run = run("plan small -v");
    assert!(run.err.lines().count() > 1, "{}", run.err);
    assert!(run.err.lines().all(|line| line.contains(" s  ")), "{}", run.err);
    assert_eq!(run.out, crate::run::run("plan small").out);
    assert_eq!(crate::run::run("plan small").err, "");
}

#[test]
fn a_plan_in_force_is_the_first_one_and_may_be_of_another_estate() {
    let (_folder, before) = in_force();
    let first = |json: &str| -> serde_json::Value {
        let plan: serde_json::Value = serde_json::from_str(json).expect("a plan is JSON");
        plan["solver"]["phases"][0].clone()
    };
    let again =
        run(&format!("plan small/b-workloads.yaml -e small/a-estate.yaml --previous {before} -o json"));
    assert_eq!(again.code, 0, "{}", again.all());
    let phase = first(&again.out);
    assert_eq!((&phase["name"], &phase["counts"]["freed"]), (&"repair".into(), &0.into()), "{phase}");
    assert_eq!((&phase["counts"]["kept"], &phase["counts"]["moved"]), (&5.into(), &0.into()), "{phase}");
    // Nothing of that plan is in this estate: it is planned as if there were none.
    let other = "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: stranger}\nspec: {request: {cpu: 2}, duration: 1h}\n";
    let (with, without) = (
        run_with_input(&format!("plan - --previous {before} -o json"), other),
        run_with_input("plan - -o json", other),
    );
    assert_eq!(with.code, 0, "{}", with.all());
    let placements = |json: &str| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(json).expect("a plan is JSON")["placements"].clone()
    };
    assert_eq!(placements(&with.out), placements(&without.out));
}
