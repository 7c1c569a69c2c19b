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
