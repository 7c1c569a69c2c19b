//! Which running pods may be moved.

use plimsoll_model::fleet::Stays;

use super::{fleet, node};

/// A pod that runs and belongs to a replica set, with more of its metadata and spec.
fn running(metadata: &str, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p, labels: {{app: p}}, {metadata}}}, spec: {{nodeName: n, \
         containers: [{{name: c, {spec}, status: {{phase: Running}}}}\n"
    )
}

#[test]
fn what_only_a_scheduler_could_bring_elsewhere_stays() {
    let owned = "ownerReferences: [{kind: ReplicaSet, name: r}]";
    let safe = "annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: 'true'}";
    let both = format!("{owned}, {safe}");
    let anti = |key: &str| {
        format!(
            "}}], affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: {key}, \
             labelSelector: {{matchLabels: {{app: p}}}}}}]}}}}}}"
        )
    };
    let spread = |key: &str| {
        format!(
            "}}], topologySpreadConstraints: [{{maxSkew: 1, topologyKey: {key}, whenUnsatisfiable: DoNotSchedule, \
             labelSelector: {{matchLabels: {{app: p}}}}}}]}}"
        )
    };
    let volume = |of: &str| format!("}}], volumes: [{{name: v, {of}}}]}}");
    let plain = "}]}".to_owned();
    for (metadata, spec, stays) in [
        (owned, plain.clone(), None),
        ("", plain.clone(), Some(Stays::Alone)),
        (safe, plain.clone(), None),
        ("ownerReferences: [{kind: DaemonSet, name: d}]", plain.clone(), Some(Stays::OfNode)),
        ("annotations: {karpenter.sh/do-not-disrupt: 'true'}", plain, Some(Stays::Asked)),
        (owned, "ports: [{hostPort: 80, containerPort: 80}]}]}".to_owned(), Some(Stays::Scheduler)),
        (&*both, "ports: [{hostPort: 80, containerPort: 80}]}]}".to_owned(), Some(Stays::Scheduler)),
        (owned, anti("topology.kubernetes.io/zone"), Some(Stays::Scheduler)),
        (owned, anti("kubernetes.io/hostname"), None),
        (owned, spread("kubernetes.io/hostname"), Some(Stays::Scheduler)),
        (owned, spread("topology.kubernetes.io/zone"), None),
        (owned, volume("persistentVolumeClaim: {claimName: unknown}"), Some(Stays::Scheduler)),
        (owned, volume("hostPath: {path: /var/cache}"), Some(Stays::Data)),
        (&*both, volume("hostPath: {path: /var/cache}"), None),
        (owned, volume("emptyDir: {}"), None),
    ] {
        let text = format!("{}{}", node("n", "", ""), running(metadata, &spec));
        let pod = &fleet(&text).pods[0];
        assert_eq!(pod.stays, stays, "{text}");
    }
}
