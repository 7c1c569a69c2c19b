//! SkyPilot's files, with the placements written in.

use std::{fs, path::Path};

use crate::run::{finish, program, root};

/// Files of all sorts: what is written names one machine type in one place, is read as before, and planned again stays.
#[test]
fn tasks_are_written_and_stay_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = |input: &Path, output: &str| {
        let mut command = program(folder.path());
        finish(command.arg("plan").arg(input).args(["--effort", "3", "-o", output]))
    };
    let offers = |input: &Path| {
        let plan: serde_json::Value = serde_json::from_str(&plan(input, "json").out).expect("a plan is JSON");
        let placements = plan["placements"].as_array().expect("it is there").clone();
        placements
            .iter()
            .map(|one| (one["workload"].clone(), one["offer"]["name"].clone()))
            .collect::<Vec<_>>()
    };
    for name in [
        "crossed-clouds",
        "ordered",
        "price-bound",
        "list-of-cards",
        "card-memory",
        "tpu-slice",
        "windows-line-ends",
        "zone",
    ] {
        let file = root().join(format!("formats/tests/skypilot/{name}.yaml"));
        let first = plan(&file, "manifests");
        assert_eq!((first.code, &*first.err), (0, ""), "{name}");
        insta::with_settings!({ snapshot_suffix => name, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("task", first.out.replace('\r', "␍"));
        });
        let written = folder.path().join(format!("{name}.yaml"));
        fs::write(&written, &first.out).expect("it is written");
        assert_eq!(plan(&written, "manifests").out, first.out, "{name}");
        assert_eq!(offers(&written), offers(&file), "{name}");
    }
}

/// A cloud of the estate's own making would be refused by SkyPilot, and by ourselves the next time.
#[test]
fn a_cloud_that_skypilot_does_not_know_is_not_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let task = "name: t\nresources: {accelerators: T4:1}\nrun: x\n";
    let estate = "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {name: e}\nspec:\n  catalog: []\n  offers:\n  - {cloud: acme, region: moon, instanceType: m1, accelerator: T4, accelerators: 1, cpu: 8, memory: 32Gi, capacity: on-demand, hourly: 1}\n";
    let (file, estate_file) = (folder.path().join("t.yaml"), folder.path().join("e.yaml"));
    fs::write(&file, task).expect("it is written");
    fs::write(&estate_file, estate).expect("it is written");
    let run = finish(
        program(folder.path()).arg("plan").arg(&file).arg("-e").arg(&estate_file).args(["-o", "manifests"]),
    );
    assert_eq!((run.code, &*run.out), (0, task), "{}", run.err);
    assert!(run.err.contains("t: it is left as it is: SkyPilot knows no cloud called acme"), "{}", run.err);
}

/// What a task cannot say of machines of one's own is said and left.
#[test]
fn tasks_on_own_machines_are_left_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = root().join("formats/tests/skypilot/own-cluster.yaml");
    let run = finish(program(folder.path()).arg("plan").arg(&file).args(["-o", "manifests"]));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("known: it is left as it is: its place is on own machines"), "{}", run.err);
}
