//! Where volumes can be mounted.

use plimsoll_model::fleet::{Pod, Requirement, Test};

use super::{fleet, node, pod};

/// A pod that mounts these claims.
fn mounts(claims: &[&str]) -> String {
    let volumes: Vec<String> = claims
        .iter()
        .map(|claim| format!("{{name: {claim}, persistentVolumeClaim: {{claimName: {claim}}}}}"))
        .collect();
    pod("p", "cpu: 1", "namespace: default")
        .replace("spec: {", &format!("spec: {{volumes: [{}], ", volumes.join(", ")))
}

fn claim(name: &str, spec: &str, metadata: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: {name}, namespace: default, {metadata}}}, spec: {{{spec}}}}}\n"
    )
}

fn volume(name: &str, terms: &str, labels: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {name}, labels: {{{labels}}}}}, \
         spec: {{nodeAffinity: {{required: {{nodeSelectorTerms: [{terms}]}}}}}}}}\n"
    )
}

fn class(name: &str, fields: &str) -> String {
    format!(
        "---\n{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: {name}}}, {fields}}}\n"
    )
}

/// The alternatives of the pod, each a list of `key in values`.
fn terms(pod: &Pod) -> Vec<Vec<String>> {
    let words = |one: &Requirement| match &one.test {
        Test::In(values) => format!("{} in {}", one.key, values.join("|")),
        other => format!("{} {other:?}", one.key),
    };
    pod.rule.terms.iter().flatten().map(|term| term.iter().map(words).collect()).collect()
}

const ZONE: &str = "topology.kubernetes.io/zone";

fn zone(values: &str) -> String {
    format!("{{matchExpressions: [{{key: {ZONE}, operator: In, values: [{values}]}}]}}")
}

#[test]
fn a_volume_keeps_its_pod_to_the_nodes_that_reach_it() {
    let nodes = node("n", "", "");
    for (objects, expected) in [
        (claim("c", "volumeName: v", "") + &volume("v", &zone("a"), ""), vec![vec![format!("{ZONE} in a")]]),
        (
            claim("c", "volumeName: v", "") + &volume("v", &format!("{}, {}", zone("a"), zone("b, c")), ""),
            vec![vec![format!("{ZONE} in a")], vec![format!("{ZONE} in b|c")]],
        ),
        (
            claim("c", "volumeName: v", "")
                + &volume("v", "", &format!("{ZONE}: a__b"))
                    .replace("nodeAffinity: {required: {nodeSelectorTerms: []}}", ""),
            vec![vec![format!("{ZONE} in a|b")], vec![format!("{ZONE} DoesNotExist")]],
        ),
        (
            claim("c", "storageClassName: s", "")
                + &class(
                    "s",
                    &format!(
                        "provisioner: x, volumeBindingMode: WaitForFirstConsumer, allowedTopologies: \
                         [{{matchLabelExpressions: [{{key: {ZONE}, values: [a, b]}}]}}]"
                    ),
                ),
            vec![vec![format!("{ZONE} in a|b")]],
        ),
        (
            claim("c", "storageClassName: s", "annotations: {volume.kubernetes.io/selected-node: n}"),
            vec![vec!["metadata.name in n".to_owned()]],
        ),
        // What is not there, or will be bound nobody knows where, narrows nothing.
        (claim("c", "volumeName: v", ""), vec![]),
        (
            claim("c", "storageClassName: s", "")
                + &class("s", "provisioner: x, volumeBindingMode: Immediate"),
            vec![],
        ),
        (String::new(), vec![]),
    ] {
        let found = fleet(&(nodes.clone() + &objects + &mounts(&["c"])));
        assert_eq!(terms(&found.pods[0]), expected, "{objects}");
        let is_said = found.assumptions.iter().any(|note| note.value.contains("volumes can be mounted"));
        assert_eq!(is_said, expected.is_empty(), "{objects}: {:?}", found.assumptions);
        assert_eq!(found.pods[0].left, None);
    }
}

#[test]
fn each_volume_and_the_pod_itself_have_their_say() {
    let objects = claim("c", "volumeName: v", "")
        + &claim("d", "volumeName: w", "")
        + &volume("v", &format!("{}, {}", zone("a"), zone("b")), "")
        + &volume("w", &zone("b"), "");
    let found = fleet(&(node("n", "", "") + &objects + &mounts(&["c", "d"])));
    let (a, b) = (format!("{ZONE} in a"), format!("{ZONE} in b"));
    assert_eq!(terms(&found.pods[0]), [vec![a, b.clone()], vec![b]]);
    let by_hand = claim("c", "storageClassName: local", "")
        + &class(
            "local",
            "provisioner: kubernetes.io/no-provisioner, volumeBindingMode: WaitForFirstConsumer",
        );
    let left =
        fleet(&(node("n", "", "") + &by_hand + &mounts(&["c"]))).pods[0].left.clone().unwrap_or_default();
    assert!(
        left.contains("the volumes of class local, of which its claim c wants one, are made by hand"),
        "{left}"
    );
    let ephemeral = mounts(&["c"])
        .replace("persistentVolumeClaim: {claimName: c}", "ephemeral: {volumeClaimTemplate: {}}");
    let made = claim("p-c", "volumeName: v", "") + &volume("v", &zone("a"), "");
    assert_eq!(terms(&fleet(&(node("n", "", "") + &made + &ephemeral)).pods[0]), [[format!("{ZONE} in a")]]);
}

#[test]
fn a_set_that_makes_a_pod_anew_looks_its_claims_up() {
    let set = "---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: {replicas: 3, template: {spec: \
               {containers: [{name: c}]}}, volumeClaimTemplates: [{metadata: {name: d}, spec: {storageClassName: w}}]}}\n";
    let first = format!(
        "volumeBindingMode: WaitForFirstConsumer, allowedTopologies: [{{matchLabelExpressions: [{{key: {ZONE}, values: [c]}}]}}]"
    );
    let text = set.to_owned()
        + &claim("d-s-0", "volumeName: v0", "")
        + &volume("v0", &zone("a"), "")
        + &claim("d-s-1", "volumeName: v1", "")
        + &volume("v1", &zone("b"), "")
        + &class("w", &first);
    let found: Vec<_> = fleet(&text).pods.iter().map(terms).collect();
    let of = |zone: &str| vec![vec![format!("{ZONE} in {zone}")]];
    assert_eq!(found, [of("a"), of("b"), of("c")]);
}
