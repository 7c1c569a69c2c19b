//! Bad input: exit 2, nothing on standard output, and a message that says where and what to do.

use std::fs;

use crate::run::{Run, data, finish, program, run, run_with_input};

fn refused(run: &Run) {
    assert_eq!((run.code, &*run.out), (2, ""), "{}", run.all());
}

#[test]
fn an_unknown_field() {
    let text = fs::read_to_string(data().join("small/b-workloads.yaml")).expect("it is there");
    let run = run_with_input(
        "plan -",
        &text.replacen("duration", "durration", 1).replacen("replicas: 2", "replicas: -2", 1),
    );
    refused(&run);
    insta::assert_snapshot!(run.err);
}

#[test]
fn a_cycle() {
    let one = |name: &str, from: &str| {
        format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: \
             {{request: {{cpu: 1}}, duration: 1h, inputs: [{{from: {from}, size: 1Gi}}]}}\n---\n"
        )
    };
    let run = run_with_input("plan -", &(one("a", "b") + &one("b", "a")));
    refused(&run);
    insta::assert_snapshot!(run.err);
}

#[test]
fn two_estates() {
    let run = run("plan small -e estate.json");
    refused(&run);
    insta::assert_snapshot!(run.err);
}

#[test]
fn files_that_are_not_there_or_no_documents() {
    for (name, args) in [
        ("missing", "plan no-such.yaml"),
        ("folder", "plan ../it"),
        ("estate", "plan too-big.yaml -e too-big.yaml"),
        ("series", "plan small/grid.csv"),
        ("previous", "plan small --previous small/grid.csv"),
        ("no-file", "plan"),
    ] {
        let run = run(args);
        refused(&run);
        insta::assert_snapshot!(format!("error-{name}"), run.err);
    }
}

#[test]
fn figures_beyond_all_bounds() {
    let one = |spec: &str| {
        format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec:\n  catalog: []\n  \
             time: 2026-08-19T16:00:00Z\n  egress: [{{from: '*', to: '*', usdPerGb: 1000000000}}]\n  offers: \
             [{{name: o, cloud: aws, region: us-east-1, cpu: 1, memory: 1Gi, capacity: on-demand, hourly: \
             999999999999, watts: 1}}]\n---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: \
             {{name: w}}\nspec: {{request: {{cpu: 1}}, {spec}}}\n"
        )
    };
    for (name, spec) in [
        ("compute", "duration: 18000d, replicas: 2000000000"),
        ("egress", "duration: 1ms, outputs: [{to: aws/eu-west-1, size: 1Ei}]"),
        ("slots", "duration: 1ms, deadline: 10d, slots: 1ms"),
    ] {
        let run = run_with_input("plan -", &one(spec));
        refused(&run);
        insta::assert_snapshot!(format!("beyond-{name}"), run.err);
    }
}

#[test]
fn a_reservation_of_no_offer() {
    let run = run_with_input(
        "plan -",
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec: {request: {cpu: 1}}\n---\n\
         apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {name: e}\nspec:\n  reservations:\n    - \
         {offer: aws/us-east-1/p4d.24xlarge/reserved, count: 1}\n    - {offer: aws/us-east-1/p4d/reserved, count: 1}\n",
    );
    refused(&run);
    insta::assert_snapshot!(run.err);
}

#[test]
fn a_figure_that_a_price_needs() {
    let estate = fs::read_to_string(data().join("small/a-estate.yaml")).expect("it is there");
    let estate = estate
        .replace("    - {region: west/w1, gramsPerKwh: 50}\n", "")
        .replace("grid.csv", "small/grid.csv");
    let run = run_with_input("plan small/b-workloads.yaml -e - --carbon-price 10", &estate);
    refused(&run);
    insta::assert_snapshot!(run.err);
}

#[test]
fn hostile_text_is_refused_and_never_a_panic() {
    let deep = "[".repeat(100_000);
    let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..10).map(|i| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "))))
        .collect();
    for text in [
        "",
        "\0",
        "\u{feff}",
        "{",
        "a: b: c",
        "- - -",
        &deep,
        &bomb,
        "null",
        "---\n---\n",
        "%YAML 9.9\n---\na",
    ] {
        let run = run_with_input("plan -", text);
        refused(&run);
        assert!(run.err.starts_with("error: ") && !run.err.contains("bug in plimsoll"), "{}", run.err);
    }
    let mut command = program(&data());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bytes.yaml");
    fs::write(&path, b"kind: \xff\xfe").expect("it is written");
    refused(&finish(command.arg("plan").arg(&path)));
}

#[test]
fn terminals_are_not_at_the_mercy_of_text() {
    let estate = fs::read_to_string(data().join("small/a-estate.yaml")).expect("it is there");
    let estate = estate
        .replace("source: contract", "source: \"con\\e[31mtract\"")
        .replace("grid.csv", "small/grid.csv");
    for args in ["plan small/b-workloads.yaml -e -", "offers -e -"] {
        let run = run_with_input(&format!("{args} --color always"), &estate);
        assert!(run.out.contains("con\u{fffd}[31mtract"), "{}", run.all());
        assert!(!run.err.contains("con\u{1b}"), "{}", run.err);
    }
    let plan = crate::run::run("plan small -o json").out.replace("\"train\"", "\"tr\\u001b[31m\"");
    let run = run_with_input("verify - small --color always", &plan);
    assert!(run.out.contains("tr\u{fffd}[31m") && !run.out.contains("tr\u{1b}"), "{}", run.all());
    let run = run_with_input("plan small --previous - --color always", &plan);
    assert!(run.out.contains("tr\u{fffd}[31m") && !run.out.contains("tr\u{1b}"), "{}", run.all());
}
