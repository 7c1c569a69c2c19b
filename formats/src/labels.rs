//! Labels of nodes, in the dialects of Kubernetes, Karpenter and the providers: what they are about, what
//! nodes of a machine type have, and requirements on them.
//!
//! What reads pods (`kubernetes`) and what reads the cluster (`cluster`) both look here, so that a label
//! means the same in a manifest, a node list and a pool.

pub(crate) mod machine;
pub(crate) mod requirement;

use plimsoll_catalog::regions_named;
use plimsoll_model::{Arch, Capacity};

/// The label that names a machine.
pub(crate) const HOST: &str = "kubernetes.io/hostname";

/// The field of an affinity that must hold.
pub(crate) const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Labels of a region.
pub(crate) const REGIONS: [&str; 2] =
    ["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"];

/// Labels of a zone.
pub(crate) const ZONES: [&str; 4] = [
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.gke.io/zone",
    "topology.ebs.csi.aws.com/zone",
];

/// Labels of a machine type.
pub(crate) const TYPES: [&str; 3] =
    ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type", "karpenter.azure.com/sku-name"];

/// Labels of an instruction set.
pub(crate) const ARCHES: [&str; 2] = ["kubernetes.io/arch", "beta.kubernetes.io/arch"];

/// Labels of an operating system.
pub(crate) const SYSTEMS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

/// Labels of a pool of nodes.
pub(crate) const POOLS: [&str; 5] = [
    "karpenter.sh/nodepool",
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
];

/// Labels of an accelerator's memory, in MiB.
pub(crate) const DEVICE_MEMORY: [&str; 2] =
    ["nvidia.com/gpu.memory", "karpenter.k8s.aws/instance-gpu-memory"];

/// Labels whose value names an accelerator.
pub(crate) fn names_accelerator(key: &str) -> bool {
    matches!(
        key,
        "nvidia.com/gpu.product"
            | "amd.com/gpu.product-name"
            | "beta.amd.com/gpu.product-name"
            | "cloud.google.com/gke-accelerator"
            | "k8s.amazonaws.com/accelerator"
            | "gpu.nvidia.com/class"
            | "gpu.nvidia.com/model"
    )
}

/// The chips of a topology of TPUs: `4x4` is 16.
pub(crate) fn chips_of(topology: &str) -> Option<u64> {
    let mut sides = topology.split('x').map(|side| side.parse().ok().filter(|side| *side > 0));
    sides.try_fold(1_u64, |chips, side| chips.checked_mul(side?))
}

/// The accelerator that a product label names, without what sharing adds to it.
pub(crate) fn product(value: &str) -> String {
    let whole = value.split("-MIG-").next().unwrap_or(value).trim_end_matches("-SHARED");
    let plain = whole.trim_end_matches("_OAM");
    plimsoll_catalog::canonical(plain).into_owned()
}

/// The capacity class that a label of any dialect names: `None` for a label that is about something
/// else, `Some(None)` for a value that is none.
#[expect(clippy::option_option, reason = "another label, an unknown class, or a class")]
pub(crate) fn capacity(key: &str, value: &str) -> Option<Option<Capacity>> {
    let class = match key {
        "karpenter.sh/capacity-type" | "eks.amazonaws.com/capacityType" => match value {
            "spot" | "SPOT" => Some(Capacity::Spot),
            "on-demand" | "ON_DEMAND" => Some(Capacity::OnDemand),
            "reserved" | "CAPACITY_BLOCK" => Some(Capacity::Reserved),
            _ => None,
        },
        "cloud.google.com/gke-spot" | "cloud.google.com/gke-preemptible" => match value {
            "true" => Some(Capacity::Spot),
            "false" => Some(Capacity::OnDemand),
            _ => None,
        },
        "cloud.google.com/gke-provisioning" => match value {
            "spot" | "preemptible" => Some(Capacity::Spot),
            "standard" => Some(Capacity::OnDemand),
            _ => None,
        },
        "kubernetes.azure.com/scalesetpriority" => match value {
            "spot" => Some(Capacity::Spot),
            "regular" => Some(Capacity::OnDemand),
            _ => None,
        },
        _ => return None,
    };
    Some(class)
}

/// The instruction set that a label names.
pub(crate) fn arch(value: &str) -> Option<Arch> {
    [Arch::Amd64, Arch::Arm64].into_iter().find(|arch| arch.as_str() == value)
}

/// The region that a zone lies in, by the providers' ways of naming: `us-east-1a` is in `us-east-1`,
/// `us-central1-b` in `us-central1`, Azure's `eastus-1` in `eastus`.
pub(crate) fn region_of(zone: &str) -> &str {
    let is_known = |region: &str| regions_named(region).next().is_some();
    if is_known(zone) {
        return zone;
    }
    let lettered = zone.strip_suffix(|c: char| c.is_ascii_lowercase());
    let numbered = zone.rsplit_once('-');
    let known = [numbered.map(|(region, _)| region), lettered];
    if let Some(region) = known.into_iter().flatten().find(|region| is_known(region)) {
        return region;
    }
    match (numbered, lettered) {
        (Some((region, last)), _) if last.len() == 1 => region,
        (_, Some(region)) if region.ends_with(|c: char| c.is_ascii_digit()) => region,
        _ => zone,
    }
}

/// The cloud whose nodes alone have a label.
pub(crate) fn cloud_of(key: &str) -> Option<&'static str> {
    let domain = key.split('/').next()?;
    let is_in = |suffix: &str| domain == suffix || domain.ends_with(&format!(".{suffix}"));
    [
        ("amazonaws.com", "aws"),
        ("k8s.aws", "aws"),
        ("cloud.google.com", "gcp"),
        ("gke.io", "gcp"),
        ("k8s.gcp", "gcp"),
        ("azure.com", "azure"),
    ]
    .into_iter()
    .find_map(|(suffix, cloud)| is_in(suffix).then_some(cloud))
}
