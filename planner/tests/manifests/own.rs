//! Own machines by name, and pods of one group in several documents.

use super::{AWS, AWS_SPOT, DEPLOYMENT, estate, offer, placed};

/// Two equal machines, as `kubectl get nodes` lists them.
const NODES: &str = "\
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: gpu-b, labels: {kubernetes.io/hostname: gpu-b.lab, nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}}
  spec: {taints: [{key: nvidia.com/gpu, value: present, effect: NoSchedule}]}
  status: {allocatable: {cpu: '64', memory: 512Gi, nvidia.com/gpu: '8'}}
- apiVersion: v1
  kind: Node
  metadata: {name: gpu-a, labels: {kubernetes.io/hostname: gpu-a.lab, nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}}
  spec: {taints: [{key: nvidia.com/gpu, value: present, effect: NoSchedule}]}
  status: {allocatable: {cpu: '64', memory: 512Gi, nvidia.com/gpu: '8'}}
";

/// Affinities of the user's own: none at all, another one, terms.
const AFFINITIES: [&str; 3] = [
    "",
    "      affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}\n",
    "      affinity:
        nodeAffinity:
          # Either will do.
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions:
              - {key: pool, operator: In, values: [big]}
            - matchFields:
              - {key: metadata.name, operator: NotIn, values: [gpu-c]}
",
];

#[test]
fn several_own_machines_are_named_in_an_affinity() {
    let (none, cloud) = (estate(""), estate(&offer(AWS_SPOT)));
    for (index, affinity) in AFFINITIES.into_iter().enumerate() {
        let text = format!("{DEPLOYMENT}{affinity}");
        let (first, remarks) = placed(&format!("{text}{NODES}{none}"));
        assert_eq!(remarks, [""; 0]);
        let manifests = first.strip_suffix(&*format!("{NODES}{none}")).unwrap();
        insta::assert_snapshot!(format!("own-{index}"), manifests);
        assert_eq!(placed(&first), (first.clone(), Vec::new()), "the second time nothing changes");
        // It binds no later plan, and goes with the machines.
        let (moved, _) = placed(&format!("{manifests}{cloud}"));
        let afresh = placed(&format!("{text}{cloud}")).0;
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&moved), sorted(&afresh));
        // And from two machines to one.
        let smaller = first.replace("replicas: 2", "replicas: 1");
        let (one, _) = placed(&smaller);
        assert!(one.contains("kubernetes.io/hostname: gpu-a.lab\n") && !one.contains("gpu-b.lab]"), "{one}");
    }
    // Names of the user's own stay.
    let own = DEPLOYMENT.replace("pool: big", "kubernetes.io/hostname: gpu-b.lab");
    let (kept, _) = placed(&format!("{own}{NODES}{none}"));
    assert!(!kept.contains("gpu-a.lab, gpu-b.lab") && !kept.contains("affinity kubernetes.io"), "{kept}");
}

/// An affinity of the user's own that excludes machines by `NotIn`, beside which ours names the others.
#[test]
fn machines_that_the_affinity_excludes_stay_excluded() {
    let (none, cloud) = (estate(""), estate(&offer(AWS_SPOT)));
    let affinity = |term: &str| {
        let terms = format!("nodeSelectorTerms: [{term}]");
        format!(
            "      affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{{terms}}}}}}}\n"
        )
    };
    let label = |values: &str| {
        format!(
            "{{matchExpressions: [{{key: kubernetes.io/hostname, operator: NotIn, values: [{values}]}}]}}"
        )
    };
    let field = "{matchFields: [{key: metadata.name, operator: NotIn, values: [gpu-b]}]}".to_owned();
    let remark = |names: &str| {
        vec![format!("server: the plan has it on {names}, which its own node affinity excludes: not named")]
    };
    let ours = "operator: In, values: [gpu-a.lab, gpu-b.lab]";
    for (term, named, said) in [
        (label("gpu-c.lab"), ours, Vec::new()),
        (label("gpu-b.lab"), "kubernetes.io/hostname: gpu-a.lab\n", remark("gpu-b.lab")),
        (label("gpu-a.lab, gpu-b.lab"), "", remark("gpu-a.lab, gpu-b.lab")),
        (field.clone(), "kubernetes.io/hostname: gpu-a.lab\n", remark("gpu-b.lab")),
        // Under another term they are let in.
        (format!("{field}, {}", label("gpu-a.lab")), ours, Vec::new()),
    ] {
        let text = format!("{DEPLOYMENT}{}", affinity(&term));
        let (first, remarks) = placed(&format!("{text}{NODES}{none}"));
        let manifests = first.strip_suffix(&*format!("{NODES}{none}")).unwrap();
        assert_eq!(remarks, said, "{term}");
        assert_eq!(manifests.contains(ours), named == ours, "{manifests}");
        assert!(manifests.contains(named) && (!named.is_empty() || !manifests.contains("hostname: gpu")));
        assert!(term.matches("NotIn").count() == manifests.matches("NotIn").count(), "{manifests}");
        assert_eq!(placed(&first), (first.clone(), said), "the second time nothing changes");
        // Ours goes, theirs stays, and is said of either text alike.
        let gone = placed(&format!("{manifests}{cloud}")).0;
        assert_eq!(placed(&format!("{gone}{NODES}{none}").replace(&cloud, "")).0, first, "{term}");
        assert!(!gone.contains("operator: In") && gone.contains(&term), "{gone}");
    }
    // By the names of nodes, too, they are the user's own.
    let theirs = affinity("{matchFields: [{key: metadata.name, operator: In, values: [gpu-b]}]}");
    let (kept, _) = placed(&format!("{DEPLOYMENT}{theirs}{NODES}{none}"));
    assert!(!kept.contains("gpu-a.lab, gpu-b.lab") && !kept.contains("affinity kubernetes.io"), "{kept}");
}

/// A single machine of a node list has its own name, not that of its kind.
#[test]
fn one_machine_of_a_node_list_is_called_by_its_name() {
    let (one, _) = NODES.split_once("- apiVersion: v1\n  kind: Node\n  metadata: {name: gpu-a").unwrap();
    let text = DEPLOYMENT.replace("replicas: 2", "replicas: 1");
    let (text, _) = placed(&format!("{text}{one}{}", estate("")));
    assert!(text.contains("        kubernetes.io/hostname: gpu-b.lab\n"), "{text}");
    assert!(text.contains("- key: nvidia.com/gpu\n"), "{text}");
}

#[test]
fn pods_of_one_group_are_written_in_each_of_their_documents() {
    let pod = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  labels: {{pod-group.scheduling.sigs.k8s.io: g}}\nspec:\n  restartPolicy: Never\n  containers: [{{name: c, resources: {{limits: {{nvidia.com/gpu: 8}}}}}}]\n"
        )
    };
    let pods = format!("{}{}", pod("a"), pod("b"));
    let estate = estate(&offer(AWS));
    let (text, remarks) = placed(&format!("{pods}{estate}"));
    assert_eq!(remarks, [""; 0]);
    assert_eq!(text.matches("node.kubernetes.io/instance-type: p5.48xlarge\n").count(), 2, "{text}");
    assert_eq!(placed(&text).0, text);
    let too_big = pods.replace("gpu: 8", "gpu: 80");
    assert_eq!(
        placed(&format!("{too_big}{estate}")).1,
        ["g: it is left as it is, since it has no place in the plan"]
    );
}

/// The pods of a group stand in two documents, and what is to be said of them is said once.
#[test]
fn what_is_said_of_a_group_is_said_once() {
    let pod = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{scheduling.x-k8s.io/pod-group: ring}}}}\nspec:\n  restartPolicy: Never\n  affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: [{{key: kubernetes.io/hostname, operator: NotIn, values: [gpu-b.lab]}}]}}]}}}}}}\n  containers: [{{name: c, resources: {{limits: {{nvidia.com/gpu: 8}}}}}}]\n"
        )
    };
    let (_, remarks) = placed(&format!("{}{}{NODES}{}", pod("a"), pod("b"), estate("")));
    assert_eq!(
        remarks,
        ["ring: the plan has it on gpu-b.lab, which its own node affinity excludes: not named"]
    );
}
