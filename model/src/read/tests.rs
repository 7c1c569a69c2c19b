//! What people see when a document is wrong, and that every field is read.

use super::*;
use crate::{Diagnostic, Document};

fn all(problems: &[Diagnostic]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

fn problems(text: &str) -> String {
    all(&documents("team.yaml", text.as_bytes()).unwrap_err())
}

const HEAD: &str = "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: a}\nspec:\n";

fn workload(spec: &str) -> String {
    let lines: Vec<String> = spec.lines().map(|line| format!("  {line}")).collect();
    format!("{HEAD}{}\n", lines.join("\n"))
}

#[test]
fn a_document_is_read() {
    let text = workload("request: {cpu: 500m}\nregions: eu\ninputs:\nslots: 30m\nteam: NO");
    let read = documents("team.yaml", text.as_bytes()).unwrap();
    let [Located { value: Document::Workload(workload), .. }] = &read[..] else { panic!("{read:?}") };
    assert_eq!(workload.spec.team.as_deref(), Some("NO"));
    assert_eq!(workload.spec.regions, ["eu"]);
    assert_eq!(workload.spec.request.cpu, Some(crate::Cpu(500)));
    assert_eq!(read[0].position_of("spec.slots").line, 8);
    assert_eq!(read[0].position_of("spec.request.memory.x").line, 5);
}

#[test]
fn every_problem_of_a_document_is_reported() {
    let text = workload(
        "durration: 6h\nreplicas: two\nrequest:\n  accelerators: {anyOf: [H100], count: 2.5, kind: gpus}\n  memory: -4\n\
         deadline: 6\nslots: 5 minutes\ncapacity: [spott]\ninputs:\n- {dataset: 12, size: 1Gi}\n- {from: a, siez: 1}\n\
         outputs:\n- {to: x}\nvalue: \"5\"\ninterruptible: yes\nmaxCost: .nan\ncheckpoint: 30m\nclients: {region: x}\n<<: {team: a}",
    );
    insta::assert_snapshot!(problems(&text));
}

#[test]
fn documents_that_are_not_ours_are_named() {
    for (name, text) in [
        ("deployment", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"),
        ("skypilot", "resources:\n  accelerators: H100:8\nrun: python train.py\n"),
        ("version", "apiVersion: plimsoll.dev/v2\nkind: Workload\n"),
        ("kind", "apiVersion: plimsoll.dev/v1alpha1\nkind: Worklod\n"),
        ("plan", "apiVersion: plimsoll.dev/v1alpha1\nkind: Plan\n"),
        ("no kind", "apiVersion: plimsoll.dev/v1alpha1\nKind: Workload\n"),
        ("list", "- apiVersion: plimsoll.dev/v1alpha1\n"),
        ("text", "just some words\n"),
        ("number", "apiVersion: 1\nkind: Workload\n"),
    ] {
        insta::assert_snapshot!(name.replace(' ', "-"), problems(text));
    }
}
