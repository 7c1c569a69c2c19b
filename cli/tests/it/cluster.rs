//! A cluster's own documents as the estate: planned, and checked by the independent checker.

use crate::run::{data, finish, program};

#[test]
fn a_cluster_is_an_estate() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = ["cluster/nodes.json", "cluster/cluster.yaml", "cluster/work.yaml"];
    let plan = folder.path().join("plan.json");
    let json =
        finish(program(&data()).arg("plan").args(files).args(["-o", "json", "--output-file"]).arg(&plan));
    // The queue's quota and the pool leave out two.
    assert_eq!(json.code, 3, "{}", json.all());
    let verify = finish(program(&data()).arg("verify").arg(&plan).args(files));
    assert_eq!(verify.code, 0, "{}", verify.all());
    insta::assert_snapshot!(finish(program(&data()).arg("plan").args(files)).all());
    // What the pool allows, at the team's prices; the own machines of another file are not among them.
    insta::assert_snapshot!(
        finish(program(&data()).args(["offers", "-e", "cluster/cluster.yaml", "-q"])).all()
    );
}

/// Whoever asks for devices runs where the flavors of their group are, with the quota there; others anywhere.
#[test]
fn a_queue_keeps_devices_to_their_flavor() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = "cluster/queue-with-devices-apart.yaml";
    let plan = folder.path().join("plan.json");
    let json = finish(
        program(&data()).arg("plan").arg(queue).args(["-o", "json", "-q", "--output-file"]).arg(&plan),
    );
    assert_eq!(json.code, 0, "{}", json.all());
    let text = std::fs::read_to_string(&plan).expect("a plan");
    let made: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let placed: Vec<[&str; 2]> = ["/placements/0", "/placements/1"]
        .map(|at| {
            ["/workload", "/offer/accelerator"].map(|field| {
                made.pointer(&format!("{at}{field}")).and_then(serde_json::Value::as_str).unwrap_or("-")
            })
        })
        .to_vec();
    assert_eq!(placed, [["one", "L4"], ["none", "-"]]);
    assert_eq!(made.pointer("/placements/0/offer/cloud").and_then(serde_json::Value::as_str), Some("gcp"));
    assert_ne!(made.pointer("/placements/1/offer/cloud").and_then(serde_json::Value::as_str), Some("gcp"));
    assert_eq!(
        made.pointer("/unplaced/0/causes/0/constraint").and_then(serde_json::Value::as_str),
        Some("quota")
    );
    let verify = finish(program(&data()).arg("verify").arg(&plan).arg(queue));
    assert_eq!(verify.code, 0, "{}", verify.all());
}
