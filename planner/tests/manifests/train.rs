//! `TrainJob`s: the pods of their nodes are patched in the field that is there, else in the newest.

use super::{AWS, GCP_SPOT, estate, offer, placed};

const JOB: &str = "\
apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata:
  name: bert
  annotations:
    plimsoll.dev/interruptible: 'true'
spec:
  runtimeRef: {name: torch-distributed}
  trainer:
    numNodes: 2 # machines
    resourcesPerNode: {limits: {nvidia.com/gpu: 8}}
";

const FORMS: [(&str, &str); 5] = [
    ("none", ""),
    (
        "patches",
        "  runtimePatches:
  - manager: kueue.x-k8s.io/manager
    trainingRuntimeSpec: {template: {spec: {replicatedJobs: [{name: node, template: {spec: {template: {spec: {nodeSelector: {pool: a}}}}}}]}}}
  - manager: acme.dev/us
    trainingRuntimeSpec:
      template:
        spec:
          replicatedJobs:
          - name: node
            template:
              spec:
                template:
                  spec:
                    # Ours.
                    nodeSelector:
                      gpu-type: nvidia-h100
                    tolerations:
                    - {key: team, operator: Exists}
",
    ),
    (
        "templates",
        "  podTemplateOverrides:
  - targetJobs: [{name: node}]
    spec:
      serviceAccountName: trainer # its own
",
    ),
    (
        "others",
        "  podTemplateOverrides:
  - targetJobs: [{name: model-initializer}]
    spec: {nodeSelector: {pool: cpu}}
",
    ),
    (
        "specs",
        "  podSpecOverrides:
  - targetJobs: [{name: node}]
    nodeSelector:
      topology.kubernetes.io/region: us-central1
",
    ),
];

#[test]
fn the_pods_of_a_trainjob_are_patched() {
    let (spot, on_demand) = (estate(&offer(GCP_SPOT)), estate(&offer(AWS)));
    for (name, form) in FORMS {
        let text = format!("{JOB}{form}");
        let (first, remarks) = placed(&format!("{text}{spot}"));
        assert_eq!(remarks, [""; 0]);
        let manifests = first.strip_suffix(&*spot).unwrap();
        insta::assert_snapshot!(format!("job-{name}"), manifests);
        for line in text.lines() {
            assert!(first.lines().any(|kept| kept == line), "{line}\n{first}");
        }
        assert_eq!(placed(&first), (first.clone(), Vec::new()), "the second time nothing changes");
        let (moved, remarks) = placed(&format!("{manifests}{on_demand}"));
        if name == "specs" {
            // Its own selector holds it.
            assert_eq!(remarks, ["bert: it is left as it is, since it has no place in the plan"]);
            continue;
        }
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&moved), sorted(&placed(&format!("{text}{on_demand}")).0));
        // Machines without names of their own need nothing, and leave nothing.
        let own = estate(
            "  sites: [{name: lab, country: DE, nodes: [{name: box, count: 2, accelerator: H100, accelerators: 8, cpu: 64, memory: 512Gi, hourly: 1}]}]\n",
        );
        let (bare, remarks) = placed(&format!("{manifests}{own}"));
        assert_eq!(remarks, [""; 0]);
        assert!(
            !bare.contains("topology.kubernetes.io/region") && !bare.contains("plimsoll.dev/plan"),
            "{bare}"
        );
        let fresh = placed(&format!("{text}{own}")).0;
        assert_eq!(sorted(&bare), sorted(&fresh));
    }
}
