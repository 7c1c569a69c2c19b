//! `plimsoll explain`: of the plan alone and with its files, one workload and all, as text and as data.

use std::{fs, path::PathBuf};

use crate::run::{Run, data, run, run_with_input};

/// A plan of the small estate, in a file.
fn plan(args: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("plan.json");
    fs::write(&path, run(&format!("plan {args} -o json")).out).expect("it is written");
    let name = path.to_str().expect("it is UTF-8").to_owned();
    (folder, name)
}

fn refused(run: &Run) {
    assert_eq!((run.code, &*run.out), (2, ""), "{}", run.all());
}

#[test]
fn the_whole_plan() {
    let (_folder, plan) = plan("small --carbon-price 200");
    insta::assert_snapshot!(run(&format!("explain {plan}")).all());
    insta::assert_snapshot!(run(&format!("explain {plan} -f small")).all());
}

#[test]
fn one_workload() {
    let (_folder, plan) = plan("small --carbon-price 200");
    for workload in ["train", "serve", "tune", "extra"] {
        insta::assert_snapshot!(format!("{workload}-alone"), run(&format!("explain {plan} {workload}")).out);
        insta::assert_snapshot!(workload, run(&format!("explain {plan} {workload} -f small")).out);
    }
}

#[test]
fn why_it_is_not_elsewhere() {
    let (_folder, plan) = plan("small");
    for (name, workload, offer) in [
        ("why-not-dearer", "tune", "east/e1/gpu8/on-demand"),
        ("why-not-excluded", "tune", "east/e1/gpu8/spot"),
        ("why-not-blocked", "train", "east/e1/gpu8/on-demand"),
        ("why-not-worth-it", "extra", "east/e1/gpu8/on-demand"),
        ("why-not-chosen", "serve", "west/reserved"),
    ] {
        let run = run(&format!("explain {plan} {workload} --why-not {offer} -f small"));
        assert_eq!((run.code, &*run.err), (0, ""), "{name}");
        insta::assert_snapshot!(name, run.out);
    }
}

#[test]
fn what_could_not_be_placed() {
    let args = "too-big.yaml -e small/a-estate.yaml";
    let (_folder, plan) = plan(args);
    for workload in ["too-big", "too-late", "after-it"] {
        let asked = format!("explain {plan} {workload} --why-not west/w1/card/on-demand -f {args}");
        insta::assert_snapshot!(workload, run(&asked).out);
    }
}

#[test]
fn a_narrow_terminal() {
    let (_folder, plan) = plan("small");
    let mut command = crate::run::program(&data());
    command.args(["explain", &plan, "tune", "-f", "small", "--why-not", "east/e1/gpu8/on-demand"]);
    let run = crate::run::finish(command.env("COLUMNS", "64"));
    assert_eq!(run.out.lines().filter(|line| line.chars().count() > 64).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn as_data_it_is_the_same_and_the_same_again() {
    let (_folder, plan) = plan("small --carbon-price 200");
    let asked = format!("explain {plan} train --why-not east/e1/gpu8/on-demand -f small");
    let json = run(&format!("{asked} -o json"));
    assert_eq!(json, run(&format!("{asked} -o json")));
    insta::assert_snapshot!(json.out);
    let yaml = run(&format!("{asked} -o yaml")).out;
    let read: serde_json::Value = serde_json::from_str(&json.out).expect("it is JSON");
    let explanation: plimsoll_model::Explanation =
        serde_json::from_value(read).expect("it is an explanation");
    assert_eq!(plimsoll_model::yaml::to_string(&explanation).expect("it is written"), yaml);
    insta::assert_snapshot!(run(&format!("explain {plan} -f small -o json")).out);
}

#[test]
fn a_plan_from_standard_input_and_in_yaml() {
    let (_folder, path) = plan("small");
    let yaml = run("plan small -o yaml").out;
    assert_eq!(
        run_with_input("explain - tune -f small", &yaml),
        run(&format!("explain {path} tune -f small"))
    );
}

#[test]
fn questions_without_an_answer() {
    let (folder, plan) = plan("small");
    let edited = folder.path().join("edited.json");
    let text = fs::read_to_string(&plan).expect("it is there");
    fs::write(&edited, text.replace("\"total\": 3.", "\"total\": 4.")).expect("it is written");
    let edited = edited.to_str().expect("it is UTF-8");
    let newer = folder.path().join("newer.json");
    fs::write(&newer, text.replace("plimsoll.dev/v1alpha1", "plimsoll.dev/v2")).expect("it is written");
    let newer = newer.to_str().expect("it is UTF-8");
    for (name, args) in [
        ("unknown-workload", format!("explain {plan} tun")),
        ("unheard-of-workload", format!("explain {plan} something-else")),
        ("unknown-offer", format!("explain {plan} tune --why-not east/e1/gpu8/on-demnd -f small")),
        ("unheard-of-offer", format!("explain {plan} tune --why-not nowhere -f small")),
        ("unknown-offer-alone", format!("explain {plan} tune --why-not east/e1/gpu8/on-demnd")),
        ("other-files", format!("explain {plan} tune -f too-big.yaml -e small/a-estate.yaml")),
        ("edited", format!("explain {edited} tune -f small")),
        ("no-workload", format!("explain {plan} --why-not east/e1/gpu8/spot")),
        ("estate-alone", format!("explain {plan} -e small/a-estate.yaml")),
        ("no-plan", "explain small/a-estate.yaml".to_owned()),
        ("no-such-plan", "explain no-such.json".to_owned()),
        ("newer", format!("explain {newer}")),
    ] {
        let run = run(&args);
        refused(&run);
        let err = run.err.replace(folder.path().to_str().expect("it is UTF-8"), "FOLDER");
        insta::assert_snapshot!(format!("refused-{name}"), err);
    }
}
