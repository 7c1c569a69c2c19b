//! Spreads over zones: whom they count.

use super::{fleet, node};

/// A pod of a label, on a node or waiting, with a spread of these further fields or without one.
fn pod(name: &str, label: &str, on: &str, spread: Option<&str>) -> String {
    let spread = spread.map_or(String::new(), |more| {
        format!(
            "topologySpreadConstraints: [{{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: \
             DoNotSchedule, labelSelector: {{matchLabels: {{app: a}}}}{more}}}], "
        )
    });
    format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: a, {label}}}, ownerReferences: \
         [{{kind: ReplicaSet, name: r}}]}}, spec: {{{on} {spread}containers: [{{name: c}}]}}}}\n"
    )
}

#[test]
fn what_a_spread_says_and_counts_is_read() {
    let zone = |zone: &str| format!("labels: {{topology.kubernetes.io/zone: {zone}}}");
    let nodes = node("n", "", &zone("x")) + &node("m", "", &zone("y")) + &node("o", "", "");
    let said = ", minDomains: 3, nodeAffinityPolicy: Ignore, nodeTaintsPolicy: Honor, matchLabelKeys: [hash]";
    let text = nodes
        + &pod("waits", "hash: one", "", Some(said))
        + &pod("runs", "hash: one", "nodeName: m,", Some(said))
        + &pod("other", "hash: one", "nodeName: n,", None)
        + &pod("older", "hash: two", "nodeName: n,", None)
        + &pod("nowhere", "hash: one", "nodeName: o,", None)
        + &pod("beside", "hash: one", "", None);
    let fleet = fleet(&text);
    let [spread] = &fleet.spreads[..] else { panic!("{:?}", fleet.spreads) };
    assert_eq!(spread.name, "app: a, hash: one in default");
    assert_eq!((spread.skew, spread.fewest), (1, 3));
    assert!(spread.ignores_affinity && spread.honors_taints);
    assert_eq!(spread.others, [("n".to_owned(), 1), ("o".to_owned(), 1)].into());
    let of_it: Vec<Option<u32>> = fleet.pods.iter().map(|pod| pod.spread).collect();
    assert_eq!(of_it, [Some(0), Some(0), None, None, None, None]);
    // To move one that is counted could break the spread.
    let stays: Vec<bool> = fleet.pods.iter().map(|pod| pod.stays.is_some()).collect();
    assert_eq!(stays, [false, false, true, false, true, false]);
    let said = |value: &str| {
        let mut notes = fleet.assumptions.iter();
        notes.any(|note| note.what == "not looked at: beside" && note.value == value)
    };
    assert!(said("a spread of others that counts it"), "{:?}", fleet.assumptions);
}
