//! Kubernetes manifests, planned as they are.

use std::{env, fs, path::Path};

use crate::run::{data, finish, program, root};

/// A user's own manifest, to the letter: what it does not say is assumed, with what would say it.
#[test]
fn a_users_deployment_is_planned_unchanged() {
    #[expect(clippy::disallowed_methods, reason = "tests look for the data where it is named")]
    let Ok(folder) = env::var("PLIMSOLL_DATA") else {
        eprintln!("skipped: PLIMSOLL_DATA names no folder of data");
        return;
    };
    let file = Path::new(&folder).join("examples/trainer-deployment.yaml");
    let run = finish(program(&data()).args(["plan", "-o", "json"]).arg(file));
    let plan: serde_json::Value = serde_json::from_str(&run.out).expect("a plan is JSON");
    assert_eq!(plan["status"], "optimal");
    let [placement] = &plan["placements"].as_array().expect("it is there")[..] else { panic!("{plan}") };
    assert_eq!(placement["workload"], "multimodal-ai-trainer");
    assert_eq!(placement["offer"]["accelerator"], "A100");
    assert_ne!(placement["offer"]["capacity"], "spot");
    for (annotation, value) in [
        ("plimsoll.dev/duration", "the horizon"),
        ("plimsoll.dev/interruptible", "no"),
        ("plimsoll.dev/inputs", "none for claim multimodal-training-data-pvc"),
        ("plimsoll.dev/inputs", "none for claim multimodal-model-output-pvc"),
        ("plimsoll.dev/request", "A100"),
    ] {
        let said = plan["assumptions"].as_array().expect("it is there").iter().any(|assumption| {
            assumption["what"].as_str().expect("it is there").contains(annotation)
                && assumption["value"] == value
        });
        assert!(said, "{annotation} {value}\n{}", plan["assumptions"]);
    }
}

/// A folder gets each file that holds workloads under its own name; planned again, nothing changes.
#[test]
fn manifests_are_written_to_a_folder_and_stay_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let estate = root().join("examples/deploy/estate.yaml");
    let plan = |input: &Path| {
        let mut command = program(folder.path());
        command.arg("plan").arg(input).arg("-e").arg(&estate);
        let run = finish(command.args(["-o", "manifests", "--output-file", "out/"]));
        assert_eq!((run.code, &*run.out, &*run.err), (0, "", ""));
        ["server.yaml", "train.yaml"].map(|name| fs::read_to_string(out.join(name)).expect("it is written"))
    };
    let first = plan(&root().join("examples/deploy"));
    assert!(first[0].contains("plimsoll.dev/placed: \"gcp/us-central1/g2-standard-8/on-demand; instances 2"));
    assert_eq!(fs::read_dir(&out).expect("it is there").count(), 2, "the estate holds no workload");
    assert_eq!(plan(&out), first);
}

/// Affinities of several terms, and what is not wanted: the output keeps each pod's own selectors, says
/// nothing else of the same labels, and planned again stays as it is.
#[test]
fn selectors_of_ones_own_stay_beside_what_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = |input: &Path| finish(program(folder.path()).arg("plan").arg(input).args(["-o", "manifests"]));
    for (name, code, pods) in [
        ("job-affinity-terms", 3, &["kubernetes.io/arch: amd64, topology.kubernetes.io/region: "][..]),
        (
            "job-label-operators",
            0,
            &[
                "{node.kubernetes.io/instance-type: n1-highmem-8, cloud.google.com/gke-accelerator: nvidia-tesla-t4, topology",
                "{cloud.google.com/gke-accelerator: nvidia-h100-mega-80gb, topology.kubernetes.io/region: us-east4, node.kubernetes.io/instance-type: a3-megagpu-8g,",
                "cloud.google.com/gke-tpu-accelerator: tpu-v5-lite-podslice}",
            ],
        ),
    ] {
        let first = plan(&root().join(format!("formats/tests/kubernetes/{name}.yaml")));
        assert_eq!(first.code, code, "{}", first.err);
        for pod in pods {
            assert!(first.out.contains(pod), "{pod}\n{}", first.out);
        }
        let written = folder.path().join("again.yaml");
        fs::write(&written, &first.out).expect("it is written");
        let again = plan(&written);
        assert_eq!((again.code, again.out), (code, first.out));
    }
}
