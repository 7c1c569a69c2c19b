//! What clusters and Terraform's states become: each fixture with the part of the estate, the assumptions
//! and the problems in a snapshot beside it.

use std::{fmt::Write as _, fs, path::Path};

use plimsoll_formats::{Translation, translate};
use plimsoll_model::{Document, read, yaml};

fn translated(name: &str, text: &[u8]) -> Translation {
    let documents = read::documents(name, text).expect("the fixture is well formed");
    let foreign: Vec<_> = documents
        .into_iter()
        .filter(|document| document.value == Document::Foreign)
        .map(|document| document.split().1)
        .collect();
    translate(&foreign, None)
}

fn shown(translation: &Translation) -> String {
    let mut text = yaml::to_string(&translation.estate).expect("an estate is written");
    let _ = writeln!(text, "---");
    for assumption in &translation.assumptions {
        let _ = writeln!(text, "{}\n  {}\n  [{}]", assumption.what, assumption.value, assumption.source);
    }
    for problem in &translation.problems {
        let _ = writeln!(text, "{problem}");
    }
    text
}

fn each(folder: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let entries = fs::read_dir(&path).expect("the folder is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        let text = fs::read(&file).expect("a fixture");
        let translation = translated(name, &text);
        let stem = name.split('.').next().expect("a stem");
        insta::assert_snapshot!(format!("{folder}__{stem}"), shown(&translation));
        // The part of the estate is itself an estate that reads back the same.
        let mut estate = plimsoll_model::Estate::named("estate");
        estate.spec = translation.estate;
        let written = yaml::to_string(&estate).expect("an estate is written");
        let again = read::documents(name, written.as_bytes()).expect("it reads");
        assert_eq!(again[0].value, Document::Estate(Box::new(estate)), "{name}");
    }
}

#[test]
fn clusters_become_estates() {
    each("cluster");
}

#[test]
fn what_terraform_reserves_is_paid_for() {
    each("terraform");
}

/// A state holds secrets; none of its values is repeated but names of instance types and places.
#[test]
fn secrets_are_not_echoed() {
    let state = include_bytes!("../fixtures/terraform/state.json");
    let text = shown(&translated("state.json", state));
    for secret in ["hunter2", "very-secret-name", "user_data", "123456789012"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

/// One document with a mistake, and what is said about it.
#[test]
fn mistakes_are_named() {
    let pool = |spec: &str| {
        format!("{{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {{name: p}}, spec: {spec}}}")
    };
    let with = |requirements: &str| {
        pool(&format!(
            "{{template: {{spec: {{nodeClassRef: {{group: karpenter.k8s.aws}}, requirements: [{requirements}]}}}}}}"
        ))
    };
    let overlay = |spec: &str| {
        format!(
            "{{apiVersion: karpenter.sh/v1alpha1, kind: NodeOverlay, metadata: {{name: o}}, spec: {spec}}}"
        )
    };
    let queue = |quota: &str| {
        format!(
            "{{apiVersion: kueue.x-k8s.io/v1beta1, kind: ClusterQueue, metadata: {{name: q}}, spec: {{resourceGroups: [{{coveredResources: [cpu], flavors: [{{name: f, resources: [{quota}]}}]}}]}}}}"
        )
    };
    let node = |rest: &str| format!("{{apiVersion: v1, kind: Node, {rest}}}");
    let mut text = String::new();
    for document in [
        with("{key: a, operator: Is, values: [b]}"),
        with("{key: a, operator: NotInn, values: [b]}"),
        with("{operator: In, values: [b]}"),
        with("{key: a}"),
        with("{key: kubernetes.io/arch, operator: In}"),
        with("{key: karpenter.k8s.aws/instance-cpu, operator: Gt, values: [many]}"),
        with("{key: kubernetes.io/arch, operator: Exists, values: [amd64]}"),
        with(
            "{key: kubernetes.io/arch, operator: In, values: [arm64]}, {key: kubernetes.io/arch, operator: NotIn, values: [arm64]}",
        ),
        with("{key: karpenter.k8s.aws/instance-family, operator: In, values: [p55]}"),
        with("{key: karpenter.k8s.aws/instance-gpu-name, operator: In, values: [h1oo]}"),
        with("{key: karpenter.sh/capacity-type, operator: In, values: [on_demand]}"),
        with(
            "{key: karpenter.k8s.aws/instance-family, operator: In, values: [p5]}, {key: kubernetes.io/arch, operator: In, values: [arm64]}",
        ),
        pool("{limits: {cpu: lots, nvidia.com/gpu: 1.5, memory: -1Gi}}"),
        overlay("{price: '3', priceAdjustment: '+1'}"),
        overlay("{priceAdjustment: 'ten percent'}"),
        overlay("{priceAdjustment: '-120%'}"),
        overlay("{price: cheap}"),
        queue("{name: cpu, nominalQuota: nine}"),
        queue("{name: nvidia.com/gpu, nominalQuota: 500m}"),
        node("metadata: {name: n}"),
        node("metadata: {name: n}, status: {allocatable: {cpu: 1}}"),
        node("metadata: {name: n}, status: {allocatable: {cpu: 1, memory: much}}"),
        node(
            "metadata: {name: n, annotations: {plimsoll.dev/hourly: free}}, status: {allocatable: {cpu: 1, memory: 1Gi}}",
        ),
        node(
            "metadata: {name: n, labels: {topology.kubernetes.io/region: eu-west-1, node.kubernetes.io/instance-type: zz.large}}, spec: {providerID: 'aws:///x'}, status: {allocatable: {cpu: 1, memory: 1Gi}}",
        ),
        r#"{"terraform_version": "1.9", "values": []}"#.to_owned(),
    ] {
        let translation = translated("a.yaml", document.as_bytes());
        assert!(!translation.problems.is_empty(), "nothing is wrong with {document}");
        for problem in &translation.problems {
            let help = problem.help.as_deref().map_or_else(String::new, |help| format!(" → {help}"));
            let _ = writeln!(text, "{}: {}{help}", problem.field, problem.message);
        }
    }
    insta::assert_snapshot!(text);
}

/// Values that a careless reader trips over.
const AWKWARD: [&str; 12] = [
    "",
    "null",
    "[]",
    "{}",
    "-1",
    "1e3",
    "99999999999999999999",
    "'ä/ö'",
    "a/b/c",
    "0x",
    "true",
    "18446744073709551615",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 400, ..Default::default() })]

    /// Whatever stands where a value was, nothing panics, and a problem has a message.
    #[test]
    fn no_value_breaks_the_reader(file in 0_usize..64, at in 0_usize..4096, value in proptest::sample::select(AWKWARD.to_vec())) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut files: Vec<_> = ["cluster", "terraform"]
            .iter()
            .flat_map(|folder| fs::read_dir(root.join(folder)).expect("the folder is there"))
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        let text = fs::read_to_string(&files[file % files.len()]).expect("a fixture");
        // The places after a colon or a comma, up to what ends a value.
        let starts: Vec<usize> =
            text.match_indices([':', '[', ',']).map(|(at, _)| at + 1).filter(|at| text[*at..].starts_with(' ') || text[*at..].starts_with('"')).collect();
        let start = starts[at % starts.len()];
        let end = text[start..].find([',', '}', ']', '\n']).map_or(text.len(), |length| start + length);
        let changed = format!("{} {value}{}", &text[..start], &text[end..]);
        if let Ok(documents) = read::documents("a.yaml", changed.as_bytes()) {
            let foreign: Vec<_> = documents.into_iter().map(|document| document.split().1).collect();
            let translation = translate(&foreign, None);
            proptest::prop_assert!(translation.problems.iter().all(|problem| !problem.message.is_empty()));
        }
    }
}
