//! Readings of nodes and pods, each a small document.

mod claims;
mod expand;
mod spreads;
mod stated;
mod stays;
mod volumes;

use plimsoll_model::{
    Diagnostic, Fleet,
    fleet::{Amount, Node, Pod},
    read::documents,
};

fn read(text: &str) -> (Fleet, Vec<Diagnostic>) {
    let all = documents("dump.yaml", text.as_bytes()).expect("the text is well formed");
    let all: Vec<_> = all.into_iter().map(|document| document.split().1).collect();
    super::fleet(&all, Fleet::default())
}

fn fleet(text: &str) -> Fleet {
    let (fleet, problems) = read(text);
    assert!(problems.is_empty(), "{}", problems[0]);
    fleet
}

/// A node with these resources and further lines of metadata.
fn node(name: &str, resources: &str, metadata: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Node, metadata: {{name: {name}, {metadata}}}, \
         status: {{allocatable: {{cpu: 8, memory: 64Gi, pods: 110, {resources}}}}}}}\n"
    )
}

/// A pod that asks for these limits.
fn pod(name: &str, limits: &str, metadata: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, {metadata}}}, spec: {{containers: [{{name: c, \
         resources: {{limits: {{{limits}}}}}}}]}}}}\n"
    )
}

fn devices(node: &Node) -> String {
    node.devices.as_ref().map_or("none".into(), |of| format!("{} × {} ({})", of.count, of.model, of.resource))
}

fn asked(pod: &Pod) -> String {
    let ask = pod.ask.as_ref().map_or("none".into(), |ask| {
        let amount = match ask.amount {
            Amount::Whole(count) => format!("{count}"),
            Amount::Share(milli) => format!("{milli}m"),
            Amount::Slice { length, starts } => format!("slice {length} at {starts:#b}"),
        };
        format!("{amount} of {}", ask.resource)
    });
    format!("{ask}, {} in all", pod.accelerators_milli)
}

#[test]
fn labels_that_contradict_each_other_are_told() {
    let gpu = "nvidia.com/gpu: 8";
    for (labels, said) in [
        (
            "nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3, cloud.google.com/gke-accelerator: nvidia-h100-80gb",
            None,
        ),
        (
            "nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3, node.kubernetes.io/instance-type: p5.48xlarge",
            None,
        ),
        ("nvidia.com/gpu.product: Own-Card, node.kubernetes.io/instance-type: p5.48xlarge", None),
        (
            "nvidia.com/gpu.product: NVIDIA-L4, node.kubernetes.io/instance-type: p5.48xlarge",
            Some("`nvidia.com/gpu.product` says L4, `node.kubernetes.io/instance-type` H100: L4 is taken"),
        ),
        (
            "nvidia.com/gpu.product: Tesla-T4, cloud.google.com/gke-accelerator: nvidia-l4",
            Some("`cloud.google.com/gke-accelerator` says L4, `nvidia.com/gpu.product` T4: L4 is taken"),
        ),
    ] {
        let fleet = fleet(&node("n", gpu, &format!("labels: {{{labels}}}")));
        let mut notes = fleet.assumptions.iter();
        let found = notes.find(|note| note.what == "labels that contradict each other: n");
        assert_eq!(found.map(|note| &*note.value), said, "{labels}");
    }
}

#[test]
fn every_vendors_devices_are_devices() {
    for (resources, metadata, limits, has, asks) in [
        (
            "nvidia.com/gpu: 8",
            "labels: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}",
            "nvidia.com/gpu: 2",
            "8 × H100 (nvidia.com/gpu)",
            "2 of nvidia.com/gpu, 2000 in all",
        ),
        (
            "amd.com/gpu: 8",
            "labels: {amd.com/gpu.product-name: AMD_Instinct_MI300X_OAM}",
            "amd.com/gpu: 1",
            "8 × MI300X (amd.com/gpu)",
            "1 of amd.com/gpu, 1000 in all",
        ),
        (
            "google.com/tpu: 4",
            "labels: {cloud.google.com/gke-tpu-accelerator: tpu-v5-lite-podslice}",
            "google.com/tpu: 4",
            "4 × tpu-v5-lite-podslice (google.com/tpu)",
            "4 of google.com/tpu, 4000 in all",
        ),
        (
            "aws.amazon.com/neuron: 16, aws.amazon.com/neuroncore: 32, aws.amazon.com/neurondevice: 16",
            "labels: {node.kubernetes.io/instance-type: trn1.32xlarge}",
            "aws.amazon.com/neuroncore: 1",
            "16 × Trainium (aws.amazon.com/neuron)",
            "500m of aws.amazon.com/neuron, 500 in all",
        ),
        (
            "aws.amazon.com/neuroncore: 32",
            "",
            "aws.amazon.com/neuroncore: 3",
            "32 × unnamed neuroncore (aws.amazon.com/neuroncore)",
            "3 of aws.amazon.com/neuroncore, 3000 in all",
        ),
        (
            "habana.ai/gaudi: 8",
            "",
            "habana.ai/gaudi: 1",
            "8 × unnamed gaudi (habana.ai/gaudi)",
            "1 of habana.ai/gaudi, 1000 in all",
        ),
        (
            "amd.com/xilinx_u55c_gen3x16_xdma_base_3-0: 2",
            "",
            "amd.com/xilinx_u55c_gen3x16_xdma_base_3-0: 1",
            "2 × xilinx_u55c_gen3x16_xdma_base_3-0 (amd.com/xilinx_u55c_gen3x16_xdma_base_3-0)",
            "1 of amd.com/xilinx_u55c_gen3x16_xdma_base_3-0, 1000 in all",
        ),
        (
            "example.com/npu: 2",
            "",
            "example.com/npu: 1",
            "2 × unnamed npu (example.com/npu)",
            "1 of example.com/npu, 1000 in all",
        ),
        (
            "nvidia.com/gpu: 16",
            "labels: {nvidia.com/gpu.product: NVIDIA-L4-SHARED, nvidia.com/gpu.replicas: '4'}",
            "nvidia.com/gpu: 1",
            "16 × L4-SHARED (nvidia.com/gpu)",
            "1 of nvidia.com/gpu, 1000 in all",
        ),
        (
            "nvidia.com/gpu.shared: 16",
            "labels: {nvidia.com/gpu.product: NVIDIA-L4, nvidia.com/gpu.replicas: '4'}",
            "nvidia.com/gpu.shared: 2",
            "16 × L4 (nvidia.com/gpu.shared)",
            "2 of nvidia.com/gpu.shared, 500 in all",
        ),
        (
            "nvidia.com/gpu: 20",
            "labels: {nvidia.com/gpu.product: NVIDIA-L4}, annotations: {hami.io/node-nvidia-register: \
             'GPU-a,10,23034,100,NVIDIA-NVIDIA L4,0,true:GPU-b,10,23034,100,NVIDIA-NVIDIA L4,0,true:'}",
            "nvidia.com/gpu: 1, nvidia.com/gpucores: 30, nvidia.com/gpumem-percentage: 25",
            "2 × L4 (nvidia.com/gpu)",
            "300m of nvidia.com/gpu, 300 in all",
        ),
        // What is no accelerator is counted.
        ("vpc.amazonaws.com/efa: 4", "", "vpc.amazonaws.com/efa: 1", "none", "none, 0 in all"),
        ("vpc.amazonaws.com/pod-eni: 9", "", "vpc.amazonaws.com/pod-eni: 1", "none", "none, 0 in all"),
        (
            "vpc.amazonaws.com/PrivateIPv4Address: 9",
            "",
            "vpc.amazonaws.com/PrivateIPv4Address: 1",
            "none",
            "none, 0 in all",
        ),
        ("nvidia.com/cx7_vf0: 4", "", "nvidia.com/cx7_vf0: 1", "none", "none, 0 in all"),
        ("example.com/sriov_net: 4", "", "example.com/sriov_net: 1", "none", "none, 0 in all"),
        ("smarter-devices/snd: 4", "", "smarter-devices/snd: 1", "none", "none, 0 in all"),
        ("nvidia.com/mig-1g.10gb: 7", "", "nvidia.com/mig-1g.10gb: 2", "none", "none, 284 in all"),
        (
            "nvidia.com/mig-1g.10gb: 7",
            "labels: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3, nvidia.com/gpu.count: '8'}, \
             annotations: {plimsoll.dev/mig: dynamic}",
            "nvidia.com/mig-1g.10gb: 1",
            "8 × H100 (nvidia.com/mig)",
            "slice 1 at 0b1111111 of nvidia.com/mig, 125 in all",
        ),
        (
            "nvidia.com/gpu: 2",
            "labels: {nvidia.com/gpu.product: NVIDIA-H100-PCIe, nvidia.com/gpu.count: '2'}, \
             annotations: {plimsoll.dev/mig: dynamic}",
            "nvidia.com/mig-1g.10gb: 1",
            "2 × H100-PCIe (nvidia.com/mig)",
            "slice 1 at 0b1111111 of nvidia.com/mig, 125 in all",
        ),
        (
            "nvidia.com/gpu: 1",
            "labels: {nvidia.com/gpu.product: NVIDIA-A30, nvidia.com/gpu.count: '1'}, \
             annotations: {plimsoll.dev/mig: dynamic}",
            "nvidia.com/mig-1g.6gb: 1",
            "1 × A30 (nvidia.com/mig)",
            "slice 2 at 0b1010101 of nvidia.com/mig, 250 in all",
        ),
    ] {
        let fleet = fleet(&(node("n", resources, metadata) + &pod("p", limits, "")));
        assert_eq!(
            (devices(&fleet.nodes[0]), asked(&fleet.pods[0])),
            (has.into(), asks.into()),
            "{resources}"
        );
    }
}

#[test]
fn a_second_accelerator_of_a_node_is_counted_beside() {
    let text = node("n", "nvidia.com/gpu: 8, example.com/npu: 2", "") + &pod("p", "example.com/npu: 1", "");
    let fleet = fleet(&text);
    assert_eq!(devices(&fleet.nodes[0]), "8 × unnamed gpu (nvidia.com/gpu)");
    assert_eq!((fleet.nodes[0].room["example.com/npu"], fleet.pods[0].need("example.com/npu")), (2, 1));
    assert_eq!((fleet.pods[0].accelerators_milli, fleet.pods[0].worth), (1000, 1_000_000));
    assert!(
        fleet.assumptions.iter().any(|note| note.what.contains("beside others")),
        "{:?}",
        fleet.assumptions
    );
}

#[test]
fn fractions_are_stated_in_the_dialects_of_the_schedulers() {
    let nodes = node(
        "n",
        "nvidia.com/gpu: 4",
        "labels: {nvidia.com/gpu.product: NVIDIA-L4, nvidia.com/gpu.memory: '24000'}",
    );
    for (limits, metadata, asks) in [
        ("cpu: 1", "annotations: {gpu-fraction: '0.25'}", "250m of nvidia.com/gpu, 250 in all"),
        (
            "nvidia.com/gpu: 1",
            "annotations: {plimsoll.dev/request: '{accelerators: {count: 0.5}}'}",
            "500m of nvidia.com/gpu, 500 in all",
        ),
        ("nvidia.com/gpu: 1, nvidia.com/gpumem: 6000", "", "250m of nvidia.com/gpu, 250 in all"),
        ("nvidia.com/gpu: 1, nvidia.com/gpucores: 100", "", "1 of nvidia.com/gpu, 1000 in all"),
    ] {
        let fleet = fleet(&(nodes.clone() + &pod("p", limits, metadata)));
        assert_eq!(asked(&fleet.pods[0]), asks, "{limits} {metadata}");
    }
}

#[test]
fn needs_are_what_the_scheduler_counts() {
    let text = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {overhead: {cpu: 250m}, \
        initContainers: [{name: a, resources: {requests: {cpu: 4}}}, \
        {name: s, restartPolicy: Always, resources: {requests: {cpu: 1}}}], \
        containers: [{name: c, resources: {requests: {cpu: 2, memory: 1Gi}, limits: {ephemeral-storage: 1Gi}}}]}}";
    let (fleet, problems) = read(text);
    assert!(problems.is_empty());
    let needs = &fleet.pods[0].needs;
    assert_eq!((needs["cpu"], needs["memory"], needs["pods"]), (4250, 1 << 30, 1));
    assert_eq!(needs["ephemeral-storage"], 1 << 30);
    assert_eq!(fleet.pods[0].worth, 4250 * 20);
}

#[test]
fn pods_of_controllers_have_stable_names_and_gangs() {
    let template = "template: {spec: {containers: [{name: c, resources: {requests: {cpu: 1}}}]}}";
    let text = format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{replicas: 3, {template}}}}}\n---\n\
         {{apiVersion: batch/v1, kind: Job, metadata: {{name: tune}}, spec: {{parallelism: 2, {template}}}}}\n---\n\
         {{apiVersion: jobset.x-k8s.io/v1alpha2, kind: JobSet, metadata: {{name: train}}, spec: {{replicatedJobs: \
         [{{name: w, replicas: 2, template: {{spec: {{parallelism: 2, {template}}}}}}}]}}}}\n---\n\
         {{apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, metadata: {{name: llm}}, spec: \
         {{replicas: 2, leaderWorkerTemplate: {{size: 2, workerTemplate: {{spec: {{containers: [{{name: c}}]}}}}}}}}}}\n---\n\
         {{apiVersion: v1, kind: Pod, metadata: {{name: web-5d-x, ownerReferences: [{{kind: ReplicaSet, name: web-5d}}]}}, \
         spec: {{nodeName: n, containers: [{{name: c}}]}}, status: {{phase: Running}}}}\n{}",
        node("n", "", "")
    );
    let fleet = fleet(&text);
    let names: Vec<(&str, Option<&str>)> = fleet
        .pods
        .iter()
        .map(|pod| (&*pod.name, pod.gang.map(|gang| &*fleet.gangs[gang as usize])))
        .collect();
    let train = Some("train");
    assert_eq!(
        names,
        [
            ("web-1", None),
            ("web-2", None),
            ("tune-0", None),
            ("tune-1", None),
            ("train-w-0", train),
            ("train-w-1", train),
            ("train-w-2", train),
            ("train-w-3", train),
            ("llm-0", Some("llm-0")),
            ("llm-1", Some("llm-0")),
            ("llm-2", Some("llm-1")),
            ("llm-3", Some("llm-1")),
            ("web-5d-x", None),
        ]
    );
}

#[test]
fn pods_keep_apart_and_spread_by_their_own_labels() {
    let with = |name: &str, app: &str, spec: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {app}}}}}, spec: {{{spec}, \
             containers: [{{name: c}}]}}}}\n"
        )
    };
    let apart = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: \
        kubernetes.io/hostname, labelSelector: {matchLabels: {app: a}}}]}}";
    let spread = "topologySpreadConstraints: [{maxSkew: 2, topologyKey: topology.kubernetes.io/zone, \
        whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: a}}}]";
    let text =
        with("a", "a", apart) + &with("b", "a", apart) + &with("c", "c", apart) + &with("d", "a", spread);
    let fleet = fleet(&text);
    let groups: Vec<_> = fleet.pods.iter().map(|pod| (pod.apart, pod.spread)).collect();
    assert_eq!(groups, [(Some(0), None), (Some(0), None), (None, None), (None, Some(0))]);
    assert_eq!((fleet.spreads[0].skew, fleet.spreads.len(), fleet.aparts.len()), (2, 1, 1));
    let zoned = fleet.pods.iter().filter(|pod| pod.rule.terms.is_some()).map(|pod| &*pod.name);
    assert_eq!(zoned.collect::<Vec<_>>(), ["d"]);
    // What it cannot hold is said: c keeps off a's, and d is one of those whom they avoid.
    let said: Vec<String> =
        fleet.assumptions.iter().map(|note| format!("{} {}", note.what, note.value)).collect();
    assert!(
        said.iter().any(|note| note.contains(": c ") && note.contains("pods of another kind")),
        "{said:?}"
    );
    assert!(
        said.iter().any(|note| note.contains(": d ") && note.contains("anti-affinity of others")),
        "{said:?}"
    );
}

#[test]
fn cordoned_and_unready_nodes_are_tainted() {
    let text = "{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {unschedulable: true, taints: \
        [{key: soft, effect: PreferNoSchedule}, {key: gpu, value: 'yes', effect: NoSchedule}]}, \
        status: {allocatable: {cpu: 1, memory: 1Gi}, conditions: [{type: Ready, status: Unknown}]}}";
    let fleet = fleet(text);
    let taints: Vec<(&str, &str)> =
        fleet.nodes[0].taints.iter().map(|taint| (&*taint.key, &*taint.value)).collect();
    assert_eq!(
        taints,
        [("gpu", "yes"), ("node.kubernetes.io/not-ready", ""), ("node.kubernetes.io/unschedulable", "")]
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let gpu = node("n", "nvidia.com/gpu: 2", "labels: {nvidia.com/gpu.product: NVIDIA-L4}");
    for (text, message) in [
        (node("n", "nvidia.com/gpu: -1", ""), "node n, `nvidia.com/gpu`: `-1` must not be negative"),
        (node("n", "nvidia.com/gpu: 1.5", ""), "`nvidia.com/gpu`: `1.5` is no whole number"),
        (node("n", "nvidia.com/gpu: many", ""), "`many` is not a quantity"),
        ("{apiVersion: v1, kind: Node, metadata: {name: n}}".into(), "node n has no `status.allocatable`"),
        (
            "{apiVersion: v1, kind: Node, metadata: {name: n}, status: {allocatable: {cpu: 1}}}".into(),
            "node n does not say how much memory it has",
        ),
        (node("n", "", "") + &node("n", "", ""), "a second node `n`"),
        (gpu.clone() + &pod("p", "cpu: -1", ""), "`cpu`: `-1` must not be negative"),
        (gpu.clone() + &pod("p", "cpu: 1", "") + &pod("p", "cpu: 1", ""), "a second pod `default/p`"),
        (
            gpu.clone() + &pod("p", "nvidia.com/gpu: 2, nvidia.com/gpucores: 50", ""),
            "`nvidia.com/gpu`: a part of each of 2 cards",
        ),
        (
            gpu.clone() + &pod("p", "nvidia.com/gpu: 1", "annotations: {gpu-fraction: '0.5'}"),
            "`gpu-fraction`: the pod asks for whole devices too",
        ),
        (
            gpu.clone() + &pod("p", "cpu: 1", "annotations: {gpu-fraction: '1.5'}"),
            "expected a part of one card",
        ),
        (
            gpu.clone() + &pod("p", "nvidia.com/gpu: 1, amd.com/gpu: 1", ""),
            "a pod with two kinds of accelerator",
        ),
        (
            gpu.clone()
                + &pod("p", "cpu: 1", "annotations: {plimsoll.dev/request: '{accelerators: {count: 1.5}}'}"),
            "a fraction above 1 lies on no device",
        ),
        (
            gpu.clone() + &pod("p", "cpu: 1", "annotations: {plimsoll.dev/worth: much}"),
            "`plimsoll.dev/worth`",
        ),
        (
            gpu.clone() + &pod("p", "cpu: 1", "annotations: {plimsoll.dev/required: '1'}"),
            "`plimsoll.dev/required`",
        ),
        (
            node("n", "nvidia.com/gpu: 2", "annotations: {plimsoll.dev/device-group: '0'}"),
            "`plimsoll.dev/device-group`: expected how many devices are a group, 1 to 15",
        ),
        (
            gpu.clone() + &pod("p", "nvidia.com/gpu: 2", "annotations: {plimsoll.dev/device-group: 'yes'}"),
            "`plimsoll.dev/device-group`: expected \"required\" on a pod",
        ),
        (
            gpu.clone()
                + "---\n{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {nodeName: gone, containers: [{name: c}]}}",
            "pod p runs on node `gone`, which is not among the nodes",
        ),
        (
            gpu + "---\n{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {tolerations: [{operator: Equal}]}}",
            "a toleration without `key` needs `operator: Exists`",
        ),
    ] {
        let (_, problems) = read(&text);
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(all.iter().any(|problem| problem.contains(message)), "{message}: {all:?}");
        assert!(all.iter().all(|problem| problem.contains("dump.yaml:")), "{all:?}");
    }
}

/// A host of a slice of TPUs on two, and a pod that asks for one.
fn slice_of_two() -> (String, String) {
    let labels = "cloud.google.com/gke-nodepool: a, cloud.google.com/gke-tpu-topology: 2x4";
    let host = |name: &str| node(name, "google.com/tpu: 4", &format!("labels: {{{labels}}}"));
    let pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {job-name: train}}, spec: {nodeSelector: \
               {cloud.google.com/gke-tpu-topology: 2x4}, containers: [{name: c, resources: {limits: {google.com/tpu: 4}}}]}}\n";
    (host("a-0") + &host("a-1"), pod.to_owned())
}

#[test]
fn pods_that_are_read_one_by_one_are_confined_to_no_domain() {
    let (nodes, pod) = slice_of_two();
    let documents = |text: &str| -> Vec<_> {
        let all = documents("dump.yaml", text.as_bytes()).expect("the text is well formed");
        all.into_iter().map(|document| document.split().1).collect()
    };
    let nodes = documents(&nodes);
    let (hardware, problems) = super::Hardware::read(&nodes.iter().collect::<Vec<_>>());
    assert!(problems.is_empty());
    let one = documents(&pod);
    let (fleet, problems) = hardware.pods(&one.iter().collect::<Vec<_>>(), Fleet::default());
    assert!(problems.is_empty());
    let pod = &fleet.pods[0];
    assert_eq!((pod.confine, pod.gang, &pod.rule.terms, fleet.confines.len()), (None, None, &None, 0));
}

#[test]
fn all_pods_of_a_slice_are_confined_to_its_node_pool() {
    let (nodes, pod) = slice_of_two();
    let fleet = fleet(&(nodes + &pod + &pod.replace("name: p,", "name: q,")));
    let confined: Vec<_> = fleet.pods.iter().map(|pod| (pod.confine, pod.gang)).collect();
    assert_eq!(confined, [(Some(0), Some(0)); 2]);
    assert_eq!(
        (&*fleet.confines[0].name, &*fleet.confines[0].key),
        ("train", "cloud.google.com/gke-nodepool")
    );
}
