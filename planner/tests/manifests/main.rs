//! Placements written into manifests: the dialect of each cloud, every other byte kept, and nothing to
//! change the second time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod own;
mod sky;
mod split;
mod train;

use plimsoll_planner::{
    Settings,
    load::{self, LoadArgs},
    manifests::manifests,
    plan,
};

/// The text with the plan's placements, and what could not be written.
fn placed(text: &str) -> (String, Vec<String>) {
    placed_if_read(text).unwrap()
}

/// The same; nothing where the text holds nothing to place.
fn placed_if_read(text: &str) -> Option<(String, Vec<String>)> {
    let args = LoadArgs { files: vec!["-".into()], ..LoadArgs::default() };
    let (inputs, texts) = load::inputs_and_texts(&args, &mut text.as_bytes()).ok()?;
    let plan = plan(&inputs, &Settings::of(&inputs), None, &mut |_| ()).unwrap();
    let (files, remarks) = manifests(&texts, &inputs, &plan);
    let [file] = &files[..] else { panic!("{files:?}") };
    Some((file.text.clone(), remarks))
}

/// An estate of these offers alone.
fn estate(offers: &str) -> String {
    format!(
        "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec:\n  catalog: []\n  \
         time: 2026-08-01T00:00:00Z\n{offers}"
    )
}

fn offer(fields: &str) -> String {
    format!(
        "  offers: [{{{fields}, hourly: 1, cpu: 64, memory: 512Gi, accelerators: 8, accelerator: H100}}]\n"
    )
}

const AWS_SPOT: &str = "cloud: aws, region: us-east-1, instanceType: p5.48xlarge, capacity: spot";
const AWS: &str = "cloud: aws, region: us-east-1, instanceType: p5.48xlarge, capacity: on-demand";
const GCP_SPOT: &str = "cloud: gcp, region: us-central1, instanceType: a3-highgpu-8g, capacity: spot";
const AZURE_SPOT: &str =
    "cloud: azure, region: eastus, instanceType: Standard_ND96isr_H100_v5, capacity: spot";

const DEPLOYMENT: &str = "\
# A server.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: server   # its name
  annotations:
    plimsoll.dev/interruptible: 'true'
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: c
        resources: {limits: {nvidia.com/gpu: 8}}   # a whole machine
      # The pool is made by hand.
      nodeSelector:
        pool: big
";

#[test]
fn each_cloud_is_spoken_to_in_its_dialect() {
    let site = "  sites: [{name: lab, country: DE, nodes: [{name: box-1, accelerator: H100, accelerators: 16, cpu: 64, memory: 512Gi, hourly: 1}]}]\n";
    for (name, offers) in [
        ("aws-spot", offer(AWS_SPOT)),
        ("aws", offer(AWS)),
        ("gcp-spot", offer(GCP_SPOT)),
        ("azure-spot", offer(AZURE_SPOT)),
        ("own", site.to_owned()),
    ] {
        let estate = estate(&offers);
        let (text, remarks) = placed(&format!("{DEPLOYMENT}{estate}"));
        assert_eq!(remarks, [""; 0]);
        insta::assert_snapshot!(name, text.strip_suffix(&estate).unwrap());
        for line in DEPLOYMENT.lines() {
            assert!(text.lines().any(|kept| kept == line), "{line}\n{text}");
        }
        assert_eq!(placed(&text), (text.clone(), Vec::new()), "the second time nothing changes");
        let windows = text.replace('\n', "\r\n");
        assert_eq!(placed(&windows).0, windows);
        let from_windows = placed(&format!("{DEPLOYMENT}{estate}").replace('\n', "\r\n")).0;
        assert_eq!(from_windows, windows);
    }
}

/// What an earlier plan wrote binds nothing: another estate gives the text that it gives from scratch.
#[test]
fn a_later_plan_moves_what_an_earlier_one_placed() {
    let all = [AWS_SPOT, AWS, GCP_SPOT, AZURE_SPOT].map(|fields| estate(&offer(fields)));
    for from in &all {
        let first = placed(&format!("{DEPLOYMENT}{from}")).0;
        let first = first.strip_suffix(&**from).unwrap();
        for to in &all {
            let (moved, remarks) = placed(&format!("{first}{to}"));
            assert_eq!(remarks, [""; 0]);
            let afresh = placed(&format!("{DEPLOYMENT}{to}")).0;
            let sorted = |text: &str| {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            // The order of labels is that of when they came.
            assert_eq!(sorted(&moved), sorted(&afresh), "{from}{to}");
        }
    }
}

#[test]
fn what_has_no_place_and_what_is_not_a_manifest() {
    let own = "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: own}\nspec: # ours\n  request: {cpu: 1}\n";
    let too_big = DEPLOYMENT.replace("gpu: 8", "gpu: 16");
    let daemon = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\nspec: {}\n";
    let estate = estate(&offer(AWS));
    let (text, remarks) = placed(&format!("{own}---\n{too_big}---\n{daemon}{estate}"));
    let wanted = own.to_owned() + "  current: aws/us-east-1/p5.48xlarge/on-demand\n";
    assert_eq!(text, format!("{wanted}---\n{too_big}---\n{daemon}{estate}"));
    assert_eq!(remarks, ["server: it is left as it is, since it has no place in the plan"]);
}

#[test]
fn components_and_lists_are_written_where_they_stand() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: ray.io/v1
  kind: RayJob
  metadata: {name: tune}
  spec:
    rayClusterSpec:
      headGroupSpec:
        template:
          spec:
            containers:
            - {name: head, resources: {limits: {cpu: 4}}}
      workerGroupSpecs:
      - groupName: gpu
        replicas: 2
        template:
          spec:
            containers:
            - {name: worker, resources: {limits: {nvidia.com/gpu: 4}}}
            tolerations:
            - key: dedicated # kept
              operator: Exists
- {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{resources: {requests: {cpu: 1}}}]}}
";
    let estate = estate(&offer(AZURE_SPOT));
    let text = text.replace(
        "metadata: {name: tune}",
        "metadata: {name: tune, annotations: {plimsoll.dev/interruptible: 'true'}}",
    );
    let text = text.replace("{name: p}", "{name: p, annotations: {plimsoll.dev/interruptible: 'true'}}");
    let (edited, remarks) = placed(&format!("{text}{estate}"));
    assert_eq!(remarks, [""; 0]);
    insta::assert_snapshot!("list", edited.strip_suffix(&estate).unwrap());
    assert_eq!(placed(&edited).0, edited);
}

const POOL: &str = "\
---
# Machines with GPUs.
apiVersion: karpenter.sh/v1
kind: NodePool
metadata:
  name: gpu # asked for by name
spec:
  limits: {nvidia.com/gpu: 64}
  template:
    spec:
      nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
      taints:
      - {key: nvidia.com/gpu, value: present, effect: NoSchedule}
      - {key: team, effect: NoExecute}
      - {key: slow, effect: PreferNoSchedule}
      requirements:
      - key: karpenter.k8s.aws/instance-family
        operator: In
        values: [p4d, p5] # no others
      # Spot where it is cheaper.
      - {key: karpenter.sh/capacity-type, operator: In, values: [spot, on-demand]}
";

/// What is used of a pool is added to it, and taken away again; pods are let onto its nodes.
#[test]
fn a_node_pool_launches_what_the_plan_uses() {
    let elsewhere = estate(&offer(GCP_SPOT)) + "  only: [{match: {cloud: gcp}}]\n";
    let all = [AWS_SPOT, AWS].map(|fields| estate(&offer(fields)));
    for (name, estate) in ["pool-spot", "pool"].iter().zip(&all) {
        let (text, remarks) = placed(&format!("{DEPLOYMENT}{POOL}{estate}"));
        assert_eq!(remarks, [""; 0]);
        let manifests = text.strip_suffix(&**estate).unwrap();
        insta::assert_snapshot!(*name, manifests);
        for line in DEPLOYMENT.lines().chain(POOL.lines()) {
            assert!(text.lines().any(|kept| kept == line), "{line}\n{text}");
        }
        assert_eq!(placed(&text), (text.clone(), Vec::new()), "the second time nothing changes");
        // It binds no later plan.
        for other in &all {
            let (moved, _) = placed(&format!("{manifests}{other}"));
            assert_eq!(moved, placed(&format!("{DEPLOYMENT}{POOL}{other}")).0);
        }
        let (left, _) = placed(&format!("{manifests}{elsewhere}"));
        assert!(left.contains(POOL), "{left}");
        // A requirement of the user's own is held against it, what an earlier plan wrote is not.
        let p4d = manifests.replace("values: [p4d, p5]", "values: [p4d]");
        assert_eq!(
            placed(&format!("{p4d}{estate}")).1,
            ["server: it is left as it is, since it has no place in the plan"]
        );
    }
}

#[test]
fn a_pool_is_left_what_it_must_choose_itself() {
    let chooses = POOL.replace("values: [p4d, p5]", "minValues: 2\n        values: [p4d, p5]");
    let tolerant = DEPLOYMENT
        .replace("      containers:\n", "      tolerations: [{operator: Exists}]\n      containers:\n");
    let spot = POOL.replace("[spot, on-demand]", "[spot]").replace(
        "requirements:\n",
        "requirements:\n      - {key: topology.kubernetes.io/region, operator: In, values: [us-east-1]}\n",
    );
    let estate = estate(&offer(AWS_SPOT));
    let (text, remarks) = placed(&format!("{tolerant}{chooses}{estate}"));
    assert_eq!(remarks, ["NodePool gpu: its instance types are left to it, since it states `minValues`"]);
    assert!(text.contains("\n      tolerations: [{operator: Exists}]\n"), "{text}");
    assert!(text.contains("    plimsoll.dev/placed: \"karpenter.sh/capacity-type spot; topology.kubernetes.io/region us-east-1\"\n"), "{text}");
    let text = placed(&format!("{DEPLOYMENT}{spot}{estate}")).0;
    assert!(
        text.contains("    plimsoll.dev/placed: node.kubernetes.io/instance-type p5.48xlarge\n"),
        "{text}"
    );
}

const CLASS: &str = "\
---
apiVersion: karpenter.k8s.aws/v1
kind: EC2NodeClass
metadata: {name: gpus}
spec: {}
";

/// The files that come of one text.
fn all_placed(text: &str) -> (Vec<String>, Vec<String>) {
    let args = LoadArgs { files: vec!["-".into()], ..LoadArgs::default() };
    let (inputs, texts) = load::inputs_and_texts(&args, &mut text.as_bytes()).unwrap();
    let plan = plan(&inputs, &Settings::of(&inputs), None, &mut |_| ()).unwrap();
    let (files, remarks) = manifests(&texts, &inputs, &plan);
    (files.into_iter().map(|file| file.text).collect(), remarks)
}

/// A class of nodes without a pool gets one that launches what the plan chose; with it nothing changes, and a
/// later plan is as free as the first.
#[test]
fn a_class_without_a_pool_gets_one() {
    let (spot, on_demand) = (estate(&offer(AWS_SPOT)), estate(&offer(AWS)));
    let (files, remarks) = all_placed(&format!("{DEPLOYMENT}{CLASS}{spot}"));
    let [first, pool] = &files[..] else { panic!("{files:?}") };
    assert_eq!(
        remarks,
        [
            "NodePool plimsoll is added for EC2NodeClass gpus, as none among the files launches what the plan chose"
        ]
    );
    insta::assert_snapshot!("new-pool", pool);
    let with = |text: &str| format!("{text}---\n{pool}");
    let (again, remarks) = all_placed(&with(first));
    assert_eq!((again, remarks), (vec![with(first)], Vec::new()), "the second time nothing changes");
    // Another estate: the same as from scratch.
    let moved = all_placed(&with(first).replace(&spot, &on_demand)).0;
    let (afresh, _) = all_placed(&format!("{DEPLOYMENT}{CLASS}{on_demand}"));
    let [deployment, new_pool] = &afresh[..] else { panic!("{afresh:?}") };
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(lines(&moved[0]), lines(&format!("{deployment}---\n{new_pool}")));
    // Where the plan uses another cloud too, a pool would keep it from there.
    let other = estate(&offer(GCP_SPOT));
    assert_eq!(all_placed(&format!("{DEPLOYMENT}{CLASS}{other}")).0.len(), 1);
}

/// Every manifest that we have: planned again, what is written stays as it is to the byte.
#[test]
fn every_fixture_stays_as_it_is() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/tests");
    let folders = ["kubernetes", "skypilot"].map(|name| folder.join(name));
    let all = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut files: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut written = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Some hold nothing to place.
        let Some((first, _)) = placed_if_read(&text) else { continue };
        written += usize::from(first != text);
        assert_eq!(placed(&first).0, first, "{}", file.display());
    }
    assert!(written > 60, "{written}");
}

/// Beside a document that cannot be read the others are written, where it is passed over.
#[test]
fn the_documents_beside_a_broken_one_are_written() {
    let estate = estate(&offer(AWS));
    let broken = "---\nkind: Pod\nspec: [}\n";
    let text = format!("{DEPLOYMENT}{broken}{estate}");
    let args = LoadArgs { files: vec!["-".into()], tolerate: true, ..LoadArgs::default() };
    let (inputs, texts) = load::inputs_and_texts(&args, &mut text.as_bytes()).unwrap();
    let plan = plan(&inputs, &Settings::of(&inputs), None, &mut |_| ()).unwrap();
    let (files, remarks) = manifests(&texts, &inputs, &plan);
    assert_eq!(remarks, [""; 0]);
    assert_eq!(
        files[0].text,
        placed(&format!("{DEPLOYMENT}{estate}")).0.replace("---\n", &format!("{broken}---\n"))
    );
}
