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

#[test]
fn documents_of_other_programs_are_left_to_be_translated() {
    for text in [
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
        "resources:\n  accelerators: H100:8\nrun: python train.py\n",
    ] {
        let read = documents("team.yaml", text.as_bytes()).unwrap();
        assert!(matches!(read[..], [Located { value: Document::Foreign, .. }]), "{read:?}");
    }
}

#[test]
fn series_are_read() {
    let text = "# from a feed\ntime,gramsPerKwh\n2026-11-25T00:00:00Z,120\n\n\"2026-11-25T02:00:00+01:00\", 80.5 \r\n";
    let rows = series("grid.csv", text.as_bytes()).unwrap();
    let shown: Vec<String> = rows.iter().map(|(time, value)| format!("{time} {value}")).collect();
    assert_eq!(shown, ["2026-11-25T00:00:00Z 120", "2026-11-25T01:00:00Z 80.5"]);
    let bom = "\u{feff}time,gramsPerKwh\r2026-11-25T00:00:00Z,0\r";
    assert_eq!(series("grid.csv", bom.as_bytes()).map(|rows| rows.len()), Ok(1));
}

#[test]
fn series_that_cannot_be_followed_are_refused() {
    for (name, text) in [
        ("series-empty", "\n"),
        ("series-no-rows", "time,gramsPerKwh\n"),
        ("series-no-header", "2026-11-25T00:00:00Z,120\n"),
        (
            "series-rows",
            "time,gramsPerKwh\n2026-11-25T00:00:00Z,120\n2026-11-25T00:00:00Z,121\n2026-11-26,1\n\
             2026-11-27T00:00:00Z, -4\n2026-11-28T00:00:00Z,NaN\n2026-11-29T00:00:00Z,1e99\n2026-11-30T00:00:00Z\n",
        ),
    ] {
        insta::assert_snapshot!(name, all(&series("grid.csv", text.as_bytes()).unwrap_err()));
    }
}

#[test]
fn free_labels_are_text_however_written() {
    let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\n";
    let text = format!(
        "{head}metadata: {{name: a, labels: {{v: 1.10, on: true, x: }}}}\nspec: {{request: {{cpu: 1}}}}\n"
    );
    let read = documents("t", text.as_bytes()).unwrap();
    let Document::Workload(workload) = &read[0].value else { panic!() };
    let labels: Vec<(&str, &str)> = workload.metadata.labels.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(labels, [("v", "1.10"), ("on", "true"), ("x", "")]);
}

#[test]
fn one_document_is_wanted_where_one_is_read() {
    let head = "apiVersion: plimsoll.dev/v1alpha1\n";
    let catalog_text = format!("{head}kind: Catalog\nspec: {{offers: []}}\n");
    for (name, problems) in [
        ("one-none", plan("p", b"# nothing\n").unwrap_err()),
        ("one-other", plan("p", format!("{head}kind: Estate\n").as_bytes()).unwrap_err()),
        ("one-two", catalog("c", format!("{catalog_text}---\n{catalog_text}").as_bytes()).unwrap_err()),
        (
            "one-cut",
            plan("p", b"{\"apiVersion\": \"plimsoll.dev/v1alpha1\", \"kind\": \"Plan\", \"pla").unwrap_err(),
        ),
        ("one-empty", plan("p", format!("{head}kind: Plan\n").as_bytes()).unwrap_err()),
    ] {
        insta::assert_snapshot!(name, all(&problems));
    }
    assert_eq!(catalog("c", catalog_text.as_bytes()).unwrap().value, []);
}

#[test]
fn a_document_without_a_type_is_looked_into_with_places() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- kind: Pod\n  spec: {replicas: 2, on: true, empty: ~, \"a.b/c\": '7'}\n";
    let read = documents("f.yaml", text.as_bytes()).unwrap();
    let place = read.into_iter().next().unwrap().split().1;
    let pod = place.root().field("items").unwrap().items().remove(0);
    let spec = pod.field("spec").unwrap();
    assert_eq!(spec.field("replicas").unwrap().integer(), Some(2));
    assert_eq!(spec.field("replicas").unwrap().text(), Some("2"));
    assert_eq!(spec.field("on").unwrap().boolean(), Some(true));
    assert!(spec.field("empty").is_none() && spec.field("missing").is_none() && spec.is_mapping());
    assert_eq!(pod.at(&["spec", "replicas"]).unwrap().path(), "items[0].spec.replicas");
    let odd = spec.field("a.b/c").unwrap();
    assert_eq!(odd.path(), r#"items[0].spec["a.b/c"]"#);
    assert_eq!(odd.problem("m").span.unwrap(), crate::Span { line: 5, column: 52, length: 3 });
    let keys: Vec<&str> = spec.entries().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["replicas", "on", "empty", "a.b/c"]);
    let wrong = spec.read::<std::collections::BTreeMap<String, bool>>().unwrap_err();
    assert_eq!(wrong[0].field, "items[0].spec.replicas");
    assert_eq!(spec.field("replicas").unwrap().read::<u32>().unwrap(), 2);
}

#[test]
fn a_dump_that_was_cut_is_told_from_a_document_without_a_kind() {
    let text = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Node\n  metadata: {name: a}\n";
    let problems = super::documents("dump.yaml", text.as_bytes()).unwrap_err();
    let text = problems[0].to_string();
    assert!(text.contains("ends before it says what it is") && text.contains("the dump was cut"), "{text}");
}
