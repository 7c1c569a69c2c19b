//! A pod is never placed where its own node affinity forbids it: what a translation allows is held
//! against Kubernetes' own semantics, on the labels that nodes of the offers have.

use std::{collections::BTreeMap, sync::LazyLock};

use plimsoll_catalog::instance_types;
use plimsoll_model::{Capacity, workload::WorkloadSpec};
use proptest::prelude::*;

use super::{GPU, pod, shown, translated};
use crate::labels::machine::{gke_name, machines};

const REGION: &str = "topology.kubernetes.io/region";
const TYPE: &str = "node.kubernetes.io/instance-type";
const ARCH: &str = "kubernetes.io/arch";
const PRODUCT: &str = "nvidia.com/gpu.product";
const MEMORY: &str = "nvidia.com/gpu.memory";
const GKE: &str = "cloud.google.com/gke-accelerator";
const CLASS: &str = "karpenter.sh/capacity-type";
const GKE_SPOT: &str = "cloud.google.com/gke-spot";
const FAMILY: &str = "karpenter.k8s.aws/instance-family";
const CPU: &str = "karpenter.k8s.aws/instance-cpu";
const GPU_NAME: &str = "karpenter.k8s.aws/instance-gpu-name";

/// What keys are asked for, with values.
const KEYS: [(&str, &[&str]); 11] = [
    (REGION, &["us-east-1", "eu-west-1", "us-central1", "europe-west4", "eastus"]),
    (TYPE, &["p4d.24xlarge", "g5.xlarge", "n1-highmem-8", "a2-highgpu-1g", "Standard_NC24ads_A100_v4"]),
    (ARCH, &["amd64", "arm64"]),
    (PRODUCT, &["NVIDIA-A100-SXM4-40GB", "Tesla-T4", "NVIDIA-H100-80GB-HBM3", "NVIDIA-L4"]),
    (MEMORY, &["15360", "23034", "40960", "81920"]),
    (GKE, &["nvidia-h100-80gb", "nvidia-h100-mega-80gb", "nvidia-tesla-t4", "nvidia-tesla-a100"]),
    (CLASS, &["spot", "on-demand"]),
    (GKE_SPOT, &["true"]),
    (FAMILY, &["p4d", "g5", "g4dn", "m6i"]),
    (CPU, &["4", "96"]),
    (GPU_NAME, &["a100", "t4", "a10g"]),
];

/// Keys whose requirements become neither narrower nor wider, with `In` and `NotIn`.
const EXACT: [&str; 7] = [REGION, TYPE, ARCH, PRODUCT, GKE, FAMILY, GPU_NAME];

#[derive(Debug, Clone)]
struct Asked {
    key: &'static str,
    operator: &'static str,
    values: Vec<&'static str>,
}

impl Asked {
    fn written(&self) -> String {
        let values = self.values.iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(", ");
        format!("{{key: {}, operator: {}, values: [{values}]}}", self.key, self.operator)
    }

    /// As Kubernetes has it: a node without the label meets `NotIn` and `DoesNotExist`.
    fn is_met(&self, node: &BTreeMap<&str, String>) -> bool {
        let value = node.get(self.key);
        let among = value.is_some_and(|value| self.values.contains(&&**value));
        let number = |text: &str| text.parse::<i64>().unwrap();
        match self.operator {
            "In" => among,
            "NotIn" => !among,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            "Gt" => value.is_some_and(|value| number(value) > number(self.values[0])),
            _ => value.is_some_and(|value| number(value) < number(self.values[0])),
        }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    (0..KEYS.len(), 0..6_usize, prop::collection::vec(any::<prop::sample::Index>(), 1..3)).prop_map(
        |(key, operator, picks)| {
            let (key, of) = KEYS[key];
            let mut values: Vec<_> = picks.iter().map(|pick| of[pick.index(of.len())]).collect();
            let operator = match operator {
                0 | 1 => "In",
                2 | 3 => "NotIn",
                4 if key == CPU => "Gt",
                4 => "Exists",
                _ if key == CPU => "Lt",
                // No offer says whether its nodes lack these, which is in the assumptions.
                _ if [CLASS, PRODUCT, MEMORY, GKE].contains(&key) => "In",
                _ => "DoesNotExist",
            };
            match operator {
                "Exists" | "DoesNotExist" => values.clear(),
                "Gt" | "Lt" => values.truncate(1),
                _ => {}
            }
            Asked { key, operator, values }
        },
    )
}

struct Offer {
    cloud: &'static str,
    region: &'static str,
    instance_type: &'static str,
    accelerator: &'static str,
    capacity: Capacity,
    /// Of its nodes.
    labels: BTreeMap<&'static str, String>,
}

static OFFERS: LazyLock<Vec<Offer>> = LazyLock::new(|| {
    let regions = |cloud: &str| match cloud {
        "aws" => &["us-east-1", "eu-west-1"][..],
        "gcp" => &["us-central1", "europe-west4"],
        _ => &["eastus"],
    };
    let mut all = Vec::new();
    let machines = machines(None, None);
    // Cards of one nominal memory are not told apart, though their drivers differ by some MiB.
    for (instance_type, product, memory) in [
        ("p4d.24xlarge", "NVIDIA-A100-SXM4-40GB", 40960),
        ("p4de.24xlarge", "NVIDIA-A100-SXM4-80GB", 81920),
        ("g5.xlarge", "NVIDIA-A10G", 23034),
        ("g4dn.xlarge", "Tesla-T4", 15360),
        ("g5g.xlarge", "NVIDIA-T4G", 15360),
        ("a2-highgpu-1g", "NVIDIA-A100-SXM4-40GB", 40960),
        ("a3-highgpu-8g", "NVIDIA-H100-80GB-HBM3", 81920),
        ("a3-megagpu-8g", "NVIDIA-H100-80GB-HBM3", 81920),
        ("n1-highmem-8+1xT4", "Tesla-T4", 15360),
        ("g2-standard-4", "NVIDIA-L4", 23034),
        ("Standard_NC24ads_A100_v4", "NVIDIA-A100-80GB-PCIe", 81920),
    ] {
        let known = instance_types().iter().find(|known| known.name == instance_type).unwrap();
        let machine = machines.iter().find(|machine| machine.name == instance_type).unwrap();
        let accelerator = known.accelerator.unwrap().name;
        for region in regions(known.cloud) {
            for capacity in [Capacity::Spot, Capacity::OnDemand] {
                let mut labels = BTreeMap::from([
                    (REGION, (*region).to_owned()),
                    (TYPE, instance_type.split('+').next().unwrap().to_owned()),
                    (ARCH, known.arch.name().to_owned()),
                    (PRODUCT, product.to_owned()),
                    (MEMORY, memory.to_string()),
                    (CLASS, capacity.as_str().to_owned()),
                ]);
                match known.cloud {
                    "aws" => {
                        for key in [FAMILY, CPU, GPU_NAME] {
                            labels.insert(key, machine.label(key).unwrap()[0].clone());
                        }
                    }
                    "gcp" => {
                        labels.insert(GKE, gke_name(accelerator, instance_type).unwrap().to_owned());
                        if capacity == Capacity::Spot {
                            labels.insert(GKE_SPOT, "true".to_owned());
                        }
                    }
                    _ => {}
                }
                all.push(Offer { cloud: known.cloud, region, instance_type, accelerator, capacity, labels });
            }
        }
    }
    all
});

/// Whether a workload may lie on an offer, by the fields that selectors state.
fn admits(spec: &WorkloadSpec, offer: &Offer) -> bool {
    let region = format!("{}/{}", offer.cloud, offer.region);
    let is_here = |place: &String| *place == region || place == offer.region;
    let any = |list: &[String], is: &dyn Fn(&String) -> bool| list.is_empty() || list.iter().any(is);
    let request = &spec.request;
    let is_type = |name: &String| name == offer.instance_type;
    any(&spec.clouds, &|cloud| cloud == offer.cloud)
        && any(&spec.regions, &is_here)
        && !spec.not_in.iter().any(is_here)
        && spec.capacity.as_ref().is_none_or(|classes| classes.contains(&offer.capacity))
        && any(&request.instance_type, &is_type)
        && !request.not_instance_type.iter().any(is_type)
        && request.arch.is_none_or(|arch| arch.as_str() == offer.labels[ARCH])
        && request.accelerators.as_ref().is_some_and(|wanted| {
            let memory = plimsoll_catalog::accelerator(offer.accelerator).unwrap().memory_bytes;
            wanted.any_of.iter().any(|name| name == offer.accelerator)
                && wanted.memory.is_none_or(|least| memory >= least.0)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Every offer that a translation allows has nodes that meet the pod's affinity; with requirements
    /// that can be said exactly, every offer with such nodes is allowed.
    #[test]
    fn no_pod_is_placed_where_its_affinity_forbids(
        terms in prop::collection::vec(prop::collection::vec(asked(), 1..4), 1..4),
    ) {
        let written: Vec<String> = terms
            .iter()
            .map(|term| {
                let all: Vec<String> = term.iter().map(Asked::written).collect();
                format!("{{matchExpressions: [{}]}}", all.join(", "))
            })
            .collect();
        let affinity = format!(
            "  affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{}]}}}}}}\n",
            written.join(", ")
        );
        let translation = translated(&pod("", &format!("{GPU}{affinity}")), None);
        let spec = translation.workloads.first().map(|(_, workload)| &workload.value.spec);
        let exact = terms.iter().flatten().all(|asked| {
            EXACT.contains(&asked.key) && matches!(asked.operator, "In" | "NotIn")
        });
        for offer in &*OFFERS {
            let is_met = terms.iter().any(|term| term.iter().all(|asked| asked.is_met(&offer.labels)));
            let is_allowed = spec.is_some_and(|spec| spec.ways().iter().any(|way| admits(way, offer)));
            prop_assert!(!is_allowed || is_met, "{affinity} forbids {:?}, allowed: {spec:#?}", offer.labels);
            if exact {
                prop_assert!(is_allowed || !is_met, "{affinity} allows {:?}, refused: {spec:#?}", offer.labels);
            }
        }
    }
}

/// What an earlier plan wrote under a key is the plan's; what excludes machines under it is the user's.
#[test]
fn not_in_beside_what_a_plan_wrote_is_read() {
    let expressions = "{key: kubernetes.io/hostname, operator: NotIn, values: [a]}, \
                       {key: kubernetes.io/hostname, operator: In, values: [b, c]}";
    let affinity = format!(
        "  affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: \
         [{{matchExpressions: [{expressions}]}}]}}}}}}\n"
    );
    let placed = "  annotations:\n    plimsoll.dev/placed: lab/x/on-prem; affinity kubernetes.io/hostname\n";
    for (record, held) in [("", ["not in (a)", "in (b, c)"].as_slice()), (placed, &["not in (a)"])] {
        let notes = shown(&translated(&pod(record, &format!("{GPU}{affinity}")), None));
        let is_said = |what: &&str| notes.contains(&format!("kubernetes.io/hostname {what}"));
        let said: Vec<&str> = ["not in (a)", "in (b, c)"].into_iter().filter(is_said).collect();
        assert_eq!(said, held, "{notes}");
    }
}
