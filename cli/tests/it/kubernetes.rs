//! Kubernetes manifests, planned as they are.

use std::{env, path::Path};

use crate::run::{data, finish, program};

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
