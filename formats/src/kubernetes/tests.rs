//! Manifests of the kinds that people have, each with the workload that it becomes.

mod affinity;

use std::{fmt::Write as _, fs, path::Path};

use plimsoll_model::{Document, Workload, estate::EstateSpec, read::documents, yaml};

use crate::{Foreign, Translation, translate};

/// What a text becomes, with this estate.
pub(crate) fn translated(text: &str, estate: Option<&EstateSpec>) -> Translation {
    let read =
        documents("manifests.yaml", text.as_bytes()).unwrap_or_else(|problems| panic!("{}", problems[0]));
    let foreign: Vec<Foreign> = read
        .into_iter()
        .map(|document| match document.split() {
            (Document::Foreign, place) => place,
            _ => panic!("the text is all manifests"),
        })
        .collect();
    translate(&foreign, estate)
}

pub(crate) fn shown(translation: &Translation) -> String {
    let mut text = String::new();
    for (_, workload) in &translation.workloads {
        let Workload { metadata, spec, .. } = &workload.value;
        let spec = yaml::to_string(spec).unwrap();
        writeln!(text, "workload {}\n{}", metadata.name, indented(&spec)).unwrap();
    }
    if translation.estate != EstateSpec::default() {
        writeln!(text, "estate\n{}", indented(&yaml::to_string(&translation.estate).unwrap())).unwrap();
    }
    for note in &translation.assumptions {
        // `any gpu of NVIDIA` is long in the workload and says nothing there.
        writeln!(text, "- {}: {} ({})", note.what, note.value, note.source).unwrap();
    }
    for problem in &translation.problems {
        writeln!(text, "\n{problem}").unwrap();
    }
    text
}

fn indented(text: &str) -> String {
    let all = "[A10, A100, A100-80GB, A10G, A40, A6000, B200, B300, GB200, H100, H100-NVL, H100-PCIe, H200,";
    let lines = text.lines().map(|line| match line.find(all) {
        Some(at) => format!("  {}[all of NVIDIA]", &line[..at]),
        None => format!("  {line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The estate beside the fixtures: datasets that some of them read.
fn datasets() -> EstateSpec {
    let dataset = |name: &str| plimsoll_model::estate::Dataset {
        name: name.into(),
        size: plimsoll_model::Bytes::gib(100),
        at: vec!["aws/us-east-1".into()],
        residency: Vec::new(),
    };
    EstateSpec { datasets: ["corpus", "clicks"].map(dataset).into(), ..EstateSpec::default() }
}

#[test]
fn manifests_become_the_workloads_they_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 30, "the kinds of workload that people have");
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let here = shown(&translated(&text, Some(&datasets())));
        insta::assert_snapshot!(name.clone(), here);
        let windows = shown(&translated(&text.replace('\n', "\r\n"), Some(&datasets())));
        assert_eq!(windows, here, "{name} with Windows' line ends");
    }
}

/// A pod with these lines in its metadata and its spec.
fn pod(metadata: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n{metadata}spec:\n{spec}")
}

const GPU: &str = "  containers:\n  - name: c\n    resources:\n      limits:\n        nvidia.com/gpu: 1\n";

#[test]
fn what_is_wrong_with_a_manifest_is_said_at_its_line() {
    let annotated = |line: &str| pod(&format!("  annotations:\n    {line}\n"), GPU);
    let asked =
        |line: &str| pod("", &format!("  containers:\n  - resources:\n      requests:\n        {line}\n"));
    let selected = |lines: &str| pod("", &format!("{GPU}{lines}"));
    let both = |annotation: &str, label: &str| {
        pod(&format!("  annotations:\n    {annotation}\n"), &format!("{GPU}  nodeSelector:\n    {label}\n"))
    };
    let terms = "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [";
    let cases = [
        annotated("plimsoll.dev/durration: 6h"),
        annotated("plimsoll.dev/nonsense: 6h"),
        annotated("plimsoll.dev/duration: six hours"),
        annotated("plimsoll.dev/inputs: '[{dataset: x}'"),
        annotated("plimsoll.dev/latency: '{p98: 60ms}'"),
        annotated("plimsoll.dev/duration: ''"),
        annotated("plimsoll.dev/duration: {hours: 6}"),
        annotated("plimsoll.dev/interruptible: 'yes'"),
        asked("cpu: much"),
        asked("memory: 1Q"),
        asked("cpu: -1"),
        asked("nvidia.com/gpu: 500m"),
        asked("nvidia.com/mig-9g.1gb: 1"),
        asked("nvidia.com/gpu: 1\n        amd.com/gpu: 1"),
        selected("  nodeSelector:\n    nvidia.com/gpu.product: Tesla-T4\n").replace("nvidia.com/gpu: 1", "nvidia.com/mig-1g.5gb: 1"),
        selected("  nodeSelector:\n    node.kubernetes.io/instance-type: g5.xlarge\n").replace("nvidia.com/gpu: 1", "aws.amazon.com/neuroncore: 2"),
        asked("nvidia.com/gpu: 1\n      limits:\n        nvidia.com/gpu: 2"),
        asked("nvidia.com/gpu: 0\n      limits:\n        nvidia.com/gpu: 2"),
        selected("  nodeSelector:\n    gpu-type: nvidia-t4\n    nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3\n"),
        selected("  nodeSelector:\n    amd.com/gpu.product-name: AMD_Instinct_MI300X_OAM\n"),
        selected("  nodeSelector:\n    topology.kubernetes.io/region: us-east-1\n    topology.kubernetes.io/zone: eu-west-1a\n"),
        selected("  nodeSelector:\n    node.kubernetes.io/instance-type: p5.48xlarge\n  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [\n    {matchExpressions: [{key: node.kubernetes.io/instance-type, operator: NotIn, values: [p5.48xlarge]}]}]}}}\n"),
        selected("  nodeSelector:\n    topology.kubernetes.io/region: us-east-1\n  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [\n    {matchExpressions: [{key: topology.kubernetes.io/region, operator: In, values: [us-west-2]}]},\n    {matchExpressions: [{key: topology.kubernetes.io/region, operator: In, values: [us-east-2]}]},\n    {}]}}}\n"),
        both("plimsoll.dev/regions: europe-west4", "topology.kubernetes.io/region: us-west1"),
        both("plimsoll.dev/regions: '[EU, DE]'\n    plimsoll.dev/zones: a\n    plimsoll.dev/clouds: gcp", "topology.kubernetes.io/region: us-west1"),
        both("plimsoll.dev/clouds: aws", "cloud.google.com/gke-accelerator: nvidia-l4"),
        both("plimsoll.dev/capacity: '[on-demand]'", "karpenter.sh/capacity-type: spot"),
        both("plimsoll.dev/request: '{instanceType: p5.48xlarge}'", "node.kubernetes.io/instance-type: p4d.24xlarge"),
        both("plimsoll.dev/request: '{arch: arm64}'", "kubernetes.io/arch: amd64"),
        both("plimsoll.dev/request: '{accelerators: {anyOf: [H100]}}'", "gpu-type: nvidia-t4"),
        both("plimsoll.dev/request: '{accelerators: {anyOf: [T4]}}'\n    plimsoll.dev/duration: 1h", "nvidia.com/gpu.memory: '40960'"),
        selected("  nodeSelector:\n    kubernetes.io/arch: s390x\n"),
        both("plimsoll.dev/alternatives: '[{regions: europe-west4}]'", "topology.kubernetes.io/region: us-west1"),
        both("plimsoll.dev/alternatives: '[{request: {accelerators: {anyOf: [H100]}}}]'", "gpu-type: nvidia-t4"),
        selected(&format!("{terms}{{key: a, operator: IN, values: [b]}}]}}]}}}}}}\n")),
        selected(&format!("{terms}{{key: a, operator: In}}]}}]}}}}}}\n")),
        selected(&format!("{terms}{{operator: Exists}}]}}]}}}}}}\n")),
        pod("", "  containers:\n  - resources: {limits: {google.com/tpu: 4}}\n  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [\n    {matchExpressions: [{key: cloud.google.com/gke-tpu-topology, operator: In, values: [2x2, 4x4]}]}]}}}\n"),
        selected(&format!("{terms}{{key: nvidia.com/gpu.memory, operator: Lt, values: ['100']}}]}}]}}}}}}\n")),
        pod("", "  containers:\n  - resources: {limits: {google.com/tpu: 4}}\n  nodeSelector: {cloud.google.com/gke-tpu-accelerator: tpu-v9, cloud.google.com/gke-tpu-topology: 2x2}\n"),
        "apiVersion: v1\nkind: Pod\nspec: {}\n".to_owned(),
        pod("", "  containers:\n  - resources: &r {limits: {cpu: 1}}\n  - resources: {<<: *r}\n"),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n".to_owned(),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: '{{ .Release.Name }}-x'}\n".to_owned(),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: '{{ .Values.n }}', template: {spec: {}}}\n".to_owned(),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: -1, template: {spec: {}}}\n".to_owned(),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: 2147483648, template: {spec: {}}}\n".to_owned(),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: 1.5e0, template: {spec: {}}}\n".to_owned(),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: 1}\n".to_owned(),
        pod("", "  containers:\n  - resources:\n      requests: {cpu: 1500m}\n      limits:\n        cpu: 1\n"),
        pod("", "  containers:\n  - resources: {limits: {memory: 1Gi}, requests: {memory: 1e10}}\n"),
        pod("", "  initContainers:\n  - resources: {limits: {ephemeral-storage: 1Gi}, requests: {ephemeral-storage: 2Gi}}\n  containers: [{}]\n"),
        "apiVersion: v1\nkind: List\nitems: [7]\n".to_owned(),
        "apiVersion: v1\nkind: List\nitems: [{kind: Pod}]\n".to_owned(),
    ];
    let mut all = String::new();
    for case in cases {
        let translation = translated(&case, None);
        assert!(!translation.problems.is_empty(), "{case}\n{}", shown(&translation));
        assert!(translation.workloads.is_empty(), "{case}");
        for problem in translation.problems {
            writeln!(all, "{problem}\n").unwrap();
        }
    }
    insta::assert_snapshot!("problems", all);
}

/// A job that claims devices as these lines of a request say.
fn claiming(request: &str) -> String {
    format!(
        "apiVersion: resource.k8s.io/v1\nkind: ResourceClaimTemplate\nmetadata: {{name: g}}\nspec:\n  spec:\n    devices:\n      requests:\n      - name: gpu\n        exactly:\n          {request}\n---\n{}",
        pod("", "  resourceClaims: [{name: g, resourceClaimTemplateName: g}]\n  containers: [{name: c}]\n")
    )
}

#[test]
fn claims_that_kubernetes_refuses_are_refused() {
    let class = "deviceClassName: gpu.nvidia.com";
    let long =
        format!("{class}\n          selectors: [{{cel: {{expression: \"{}true\"}}}}]", "(".repeat(200_000));
    for (request, message) in [
        (
            format!("{class}\n          count: -3"),
            "`count` of claim g: expected a whole number up to 32, found `-3`",
        ),
        (
            format!("{class}\n          count: \"4\""),
            "`count` of claim g: expected a whole number up to 32, found the text `4`",
        ),
        (
            format!("{class}\n          count: 9000000000000000000"),
            "`count` of claim g: expected a whole number up to 32, found `9000000000000000000`",
        ),
        (format!("{class}\n          count: [1]"), "`count` of claim g: expected a whole number up to 32"),
        (
            format!("{class}\n          allocationMode: Some"),
            "`allocationMode` of claim g: expected ExactCount or All",
        ),
        ("deviceClass: gpu.nvidia.com".to_owned(), "a request of claim g without `deviceClassName`"),
        (
            format!("{class}\n          selectors: [{{cel: true}}]"),
            "a selector of claim g without a CEL expression",
        ),
        (long, "a selector of claim g of 200004 bytes"),
    ] {
        let translation = translated(&claiming(&request), None);
        let messages: Vec<&str> = translation.problems.iter().map(|problem| &*problem.message).collect();
        assert_eq!(messages, [message]);
        assert!(translation.workloads.is_empty());
    }
}

#[test]
fn counts_of_claims_are_whole_numbers_however_they_are_written() {
    for (request, count) in [("", 1), ("count: 0", 1), ("count: 1e1", 10), ("count: 32", 32)] {
        let request = format!("deviceClassName: gpu.nvidia.com\n          {request}");
        let translation = translated(&claiming(&request), None);
        let asked = translation.workloads[0].1.value.spec.request.accelerators.as_ref().unwrap().count();
        assert_eq!(asked.milli(), count * 1000, "{}", shown(&translation));
    }
    // What Kubernetes takes is read in no time, and shown in part.
    let deep = format!("{}true{}", "(".repeat(5000), ")".repeat(5000));
    let request = format!(
        "deviceClassName: gpu.nvidia.com\n          selectors: [{{cel: {{expression: \"{deep}\"}}}}]"
    );
    let translation = translated(&claiming(&request), None);
    assert_eq!(translation.workloads.len(), 1);
    let shown = shown(&translation);
    assert!(shown.contains("((((…` of claim g") && shown.len() < 4000, "{shown}");
}

#[test]
fn groups_are_of_their_namespace() {
    let group = |namespace: &str| {
        let stated =
            format!("{namespace}  annotations:\n    plimsoll.dev/together: '{{name: g, in: zone}}'\n");
        let translation = translated(&pod(&stated, GPU), None);
        translation.workloads[0].1.value.spec.together.as_ref().unwrap().name.clone()
    };
    assert_eq!([group(""), group("  namespace: a\n"), group("  namespace: b\n")], ["g", "a/g", "b/g"]);
    // As kubectl takes it, what states none is in this one.
    assert_eq!(group("  namespace: default\n"), "g");
}

#[test]
fn own_nodes_take_parts_of_cards() {
    let estate = EstateSpec {
        sites: vec![yaml_of(
            "{name: dc, nodes: [{name: box, accelerator: H100, accelerators: 8, hourly: 1}]}",
        )],
        ..EstateSpec::default()
    };
    for (limits, milli) in [
        ("nvidia.com/mig-1g.10gb: 1", 142),
        ("nvidia.com/mig-1g.10gb: 2", 284),
        ("nvidia.com/mig-3g.40gb: 1", 500),
        ("nvidia.com/mig-7g.80gb: 2", 2000),
        ("nvidia.com/gpu: 1, nvidia.com/gpucores: 30", 300),
        ("nvidia.com/gpu: 1, nvidia.com/gpumem-percentage: 50", 500),
        ("nvidia.com/gpu: 2, nvidia.com/gpucores: 30", 2000),
        ("nvidia.com/gpu: 1, nvidia.com/gpucores: 100", 1000),
    ] {
        let text = pod("", &format!("  containers:\n  - resources: {{limits: {{{limits}}}}}\n"));
        let translation = translated(&text, Some(&estate));
        let request = &translation.workloads[0].1.value.spec.request;
        assert_eq!(request.accelerators.as_ref().unwrap().count().milli(), milli, "{limits}");
    }
}

#[test]
fn what_cannot_be_split_over_spot_and_not_is_refused() {
    let deployment = |annotations: &str, selector: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d, annotations: {{{annotations}}}}}\nspec: {{replicas: 3, template: {{spec: {{{selector}containers: [{{resources: {{requests: {{cpu: 1}}}}}}]}}}}}}\n"
        )
    };
    let base = |count: &str| format!("plimsoll.dev/onDemandReplicas: '{count}'");
    for (text, wrong) in [
        (deployment(&base("3"), ""), "not less than its 3 replicas, or no number of them"),
        (deployment(&base("0"), ""), "not less than its 3 replicas, or no number of them"),
        (deployment(&base("many"), ""), "not less than its 3 replicas, or no number of them"),
        (deployment(&format!("{}, plimsoll.dev/duration: 2h", base("1")), ""), "it is for services"),
        (
            deployment(&format!("{}, plimsoll.dev/maxCost: '2'", base("1")), ""),
            "beside `plimsoll.dev/maxCost`, which is about all replicas together",
        ),
        (
            deployment(&base("1"), "nodeSelector: {karpenter.sh/capacity-type: spot}, "),
            "its selectors or `plimsoll.dev/capacity` allow spot alone",
        ),
    ] {
        let problems = translated(&text, None).problems;
        let messages: Vec<&str> = problems.iter().map(|problem| &*problem.message).collect();
        assert_eq!(messages, [format!("`plimsoll.dev/onDemandReplicas`: {wrong}")], "{text}");
    }
    assert_eq!(translated(&deployment(&base("2"), ""), None).workloads.len(), 2);
}

/// Replicas of a LeaderWorkerSet are groups, which stay whole; what only one object can be is said when it is read.
#[test]
fn groups_are_split_whole() {
    let groups = |base: u32, leader: &str| {
        let pod = |asks: &str| format!("{{spec: {{containers: [{{resources: {{limits: {{{asks}}}}}}}]}}}}");
        let leader =
            if leader.is_empty() { String::new() } else { format!("leaderTemplate: {}, ", pod(leader)) };
        format!(
            "apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata: {{name: l, annotations: {{plimsoll.dev/onDemandReplicas: '{base}'}}}}\nspec: {{replicas: 3, leaderWorkerTemplate: {{size: 4, {leader}workerTemplate: {}}}}}\n",
            pod("nvidia.com/gpu: 8")
        )
    };
    for (leader, said) in [("", 0), ("nvidia.com/gpu: 8", 1)] {
        let translation = translated(&groups(1, leader), None);
        let replicas: Vec<u32> =
            translation.workloads.iter().map(|(_, one)| one.value.spec.replicas).collect();
        assert_eq!(replicas, [8, 4], "{leader}");
        let split = |one: &&plimsoll_model::plan::Assumption| one.what.starts_with("two kinds of replicas");
        assert_eq!(translation.assumptions.iter().filter(split).count(), said, "{leader}");
    }
    for (text, wrong) in [
        (groups(3, ""), "not less than its 3 groups, or no number of them"),
        (groups(8, ""), "not less than its 3 groups, or no number of them"),
        (
            groups(1, "cpu: 1"),
            "its leaders and its workers ask for different things, so a group would be torn",
        ),
    ] {
        let problems = translated(&text, None).problems;
        assert!(
            problems
                .iter()
                .all(|problem| problem.message == format!("`plimsoll.dev/onDemandReplicas`: {wrong}")),
            "{problems:?}"
        );
        assert!(!problems.is_empty(), "{text}");
    }
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, annotations: {plimsoll.dev/onDemandReplicas: '1'}}\nspec: {replicas: 3, template: {spec: {containers: [{resources: {requests: {cpu: 1}}}]}}}\n";
    let assumptions = translated(set, None).assumptions;
    let said = assumptions.iter().find(|one| one.what.starts_with("two kinds of replicas")).unwrap();
    assert_eq!(said.what, "two kinds of replicas (plimsoll.dev/onDemandReplicas) of s");
    assert_eq!(said.value, "priced each on its own offer, which no manifest of it can say");
    assert!(said.source.starts_with("its replicas have names and volumes of their own"), "{}", said.source);
}

/// Numbers are as kubectl makes JSON of YAML: a count may be written as a float, and a request may be its limit.
#[test]
fn what_kubernetes_takes_is_taken() {
    for (replicas, cpu) in [("1e0", "1000m"), ("3.0", "1"), ("0x2", "0.5")] {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\nspec: {{replicas: {replicas}, template: {{spec: {{containers: [{{resources: {{requests: {{cpu: {cpu}}}, limits: {{cpu: 1}}}}}}]}}}}}}\n"
        );
        let translation = translated(&text, None);
        assert_eq!(translation.problems, [], "{text}");
        assert_eq!(translation.workloads.len(), 1, "{text}");
    }
}

/// What says nothing of it is on no container of a cloud and on no machine for Arm; what names them may be.
#[test]
fn who_names_neither_stays_off_containers_and_arm() {
    use plimsoll_model::Arch;
    let deployment = |annotation: &str, pod: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d, annotations: {{{annotation}}}}}\nspec: {{template: {{spec: {{{pod} containers: [{{resources: {{limits: {{cpu: 1}}}}}}]}}}}}}\n"
        )
    };
    let arch = |pod: &str| deployment("", pod);
    let affinity = |values: &str| {
        format!(
            "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: [{{key: kubernetes.io/arch, operator: In, values: [{values}]}}]}}]}}}}}},"
        )
    };
    let node = "---\napiVersion: v1\nkind: Node\nmetadata: {name: n, labels: {kubernetes.io/arch: arm64}}\nstatus: {allocatable: {cpu: 4, memory: 16Gi}}\n";
    let pool = "---\napiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: p}\nspec: {template: {spec: {requirements: [{key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}]}}}\n";
    let cases = [
        (arch(""), Some("runpod"), Some(Arch::Arm64)),
        (arch(&affinity("amd64, arm64")), Some("runpod"), None),
        (arch("nodeSelector: {kubernetes.io/arch: amd64},"), Some("runpod"), None),
        (arch("tolerations: [{key: kubernetes.io/arch, value: arm64}],"), Some("runpod"), None),
        (arch("tolerations: [{key: kubernetes.io/arch, value: amd64}],"), Some("runpod"), Some(Arch::Arm64)),
        (arch("nodeSelector: {node.kubernetes.io/instance-type: c7g.large},"), Some("runpod"), None),
        (arch("nodeSelector: {topology.kubernetes.io/region: us-east-1},"), None, Some(Arch::Arm64)),
        (arch("") + node, Some("runpod"), None),
        (arch("") + pool, Some("runpod"), None),
        (deployment("plimsoll.dev/request: '{arch: arm64}'", ""), Some("runpod"), None),
        (deployment("plimsoll.dev/clouds: '[aws, RunPod]'", ""), None, Some(Arch::Arm64)),
        (deployment("plimsoll.dev/clouds: aws", ""), None, Some(Arch::Arm64)),
        (deployment("plimsoll.dev/regions: runpod/US", ""), None, Some(Arch::Arm64)),
        (deployment("plimsoll.dev/regions: EU", ""), Some("runpod"), Some(Arch::Arm64)),
        (deployment("plimsoll.dev/alternatives: '[{clouds: runpod}]'", ""), None, Some(Arch::Arm64)),
        (deployment("plimsoll.dev/request: '{accelerators: {anyOf: GB200}}'", ""), None, None),
        (deployment("plimsoll.dev/request: '{accelerators: {anyOf: H100}}'", ""), Some("runpod"), None),
        (
            deployment("plimsoll.dev/request: '{accelerators: {anyOf: [T4g, T4]}}'", ""),
            None,
            Some(Arch::Arm64),
        ),
    ];
    for (text, cloud, not_arch) in cases {
        let translation = translated(&text, None);
        assert_eq!(translation.problems, [], "{text}");
        let spec = &translation.workloads[0].1.value.spec;
        assert_eq!(spec.not_in, Vec::from_iter(cloud), "{text}");
        assert_eq!(spec.request.not_arch, not_arch, "{text}");
        let said = |what: &str| translation.assumptions.iter().any(|one| one.what.starts_with(what));
        assert_eq!(said("clouds without nodes (plimsoll.dev/clouds) of d"), cloud.is_some(), "{text}");
        assert_eq!(said("architecture (plimsoll.dev/request) of d"), not_arch.is_some(), "{text}");
    }
    let estate = |spec: &str| yaml_of::<EstateSpec>(&format!("catalog: []\noffers: [{spec}]\n"));
    let offer =
        "{cloud: aws, region: r, instanceType: c, cpu: 4, memory: 8Gi, capacity: on-demand, hourly: 1";
    for (estate, cloud, not_arch) in [
        (estate(&format!("{offer}}}")), None, None),
        (
            estate(&format!("{offer}, arch: arm64}}, {offer}}}").replace("aws", "vast")),
            Some("vast"),
            Some(Arch::Arm64),
        ),
    ] {
        let translation = translated(&arch(""), Some(&estate));
        let spec = &translation.workloads[0].1.value.spec;
        assert_eq!(
            (&spec.not_in, spec.request.not_arch),
            (&Vec::from_iter(cloud.map(str::to_owned)), not_arch)
        );
        assert_eq!(
            translation.assumptions.len(),
            2 + 2 * usize::from(cloud.is_some()),
            "{:?}",
            translation.assumptions
        );
    }
}

fn yaml_of<T: serde::de::DeserializeOwned>(text: &str) -> T {
    plimsoll_model::read::documents("t", text.as_bytes()).unwrap().remove(0).split().1.read().unwrap()
}
