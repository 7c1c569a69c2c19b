//! The labels that nodes of an instance type have, in the dialects of Kubernetes, Karpenter and the
//! providers, as far as a price list knows them.

use plimsoll_catalog::{Accelerator, InstanceType, Kind, accelerator, instance_types};
use plimsoll_model::{OfferSpec, estate::EstateSpec};

use super::{TYPES, names_accelerator};

/// An instance type, of the catalogue or of an offer that the estate states.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) cloud: String,
    pub(crate) name: String,
    pub(crate) accelerator: Option<String>,
    accelerators_milli: u64,
    cpu_milli: Option<u64>,
    memory_bytes: Option<u64>,
    arch: Option<&'static str>,
}

/// What a label of a node is: any of these values (spellings of one thing), none, or not known.
pub(crate) type Label = Option<Vec<String>>;

/// Every instance type of a cloud, or of all: the catalogue's, and those of the estate's offers.
pub(crate) fn machines(cloud: Option<&str>, estate: Option<&EstateSpec>) -> Vec<Machine> {
    let of_cloud = |name: &str| cloud.is_none_or(|cloud| cloud == name);
    let mut all: Vec<Machine> =
        instance_types().iter().filter(|of| of_cloud(of.cloud)).map(Machine::of_catalogue).collect();
    for offer in estate.iter().flat_map(|estate| &estate.offers) {
        let (Some(cloud), Some(name)) = (&offer.cloud, &offer.instance_type) else { continue };
        if of_cloud(cloud) && !all.iter().any(|known| known.cloud == *cloud && known.name == *name) {
            all.push(Machine::of_offer(cloud, name, offer));
        }
    }
    all
}

impl Machine {
    fn of_catalogue(of: &InstanceType) -> Self {
        Self {
            cloud: of.cloud.to_owned(),
            name: of.name.to_owned(),
            accelerator: of.accelerator.map(|accelerator| accelerator.name.to_owned()),
            accelerators_milli: u64::from(of.accelerators_milli),
            cpu_milli: of.cpu_milli,
            memory_bytes: of.memory_bytes,
            arch: Some(of.arch.name()),
        }
    }

    pub(crate) fn of_offer(cloud: &str, name: &str, offer: &OfferSpec) -> Self {
        Self {
            cloud: cloud.to_owned(),
            name: name.to_owned(),
            accelerator: offer.accelerator.clone(),
            accelerators_milli: offer.accelerators_milli(),
            cpu_milli: offer.cpu.map(plimsoll_model::Cpu::milli),
            memory_bytes: offer.memory.map(|memory| memory.0),
            arch: offer.arch.map(plimsoll_model::Arch::as_str),
        }
    }

    /// What is known of its accelerator.
    fn known(&self) -> Option<&'static Accelerator> {
        self.accelerator.as_deref().and_then(accelerator)
    }

    /// The value of a label of its nodes.
    pub(crate) fn label(&self, key: &str) -> Label {
        match key {
            _ if TYPES.contains(&key) => Some(self.types()),
            "kubernetes.io/arch" | "beta.kubernetes.io/arch" => self.arch.map(|arch| vec![arch.to_owned()]),
            "kubernetes.io/os" | "beta.kubernetes.io/os" => one("linux"),
            _ => match attribute_of(key) {
                Some((cloud, _)) if cloud != self.cloud => none(),
                Some((_, attribute)) => self.attribute(attribute),
                None if names_accelerator(key) => self.accelerator_names(),
                None => None,
            },
        }
    }

    /// An attribute as Karpenter's providers name it.
    fn attribute(&self, attribute: &str) -> Label {
        let gpu = self.known().filter(|known| known.kind == Kind::Gpu || known.name.starts_with("Gaudi"));
        let other = self.known().filter(|known| known.kind == Kind::Npu && !known.name.starts_with("Gaudi"));
        let whole = |known: Option<&Accelerator>| match known {
            // Karpenter, as the provider, counts a part of a card as none.
            Some(_) if self.accelerators_milli >= 1000 => one(&(self.accelerators_milli / 1000).to_string()),
            _ => none(),
        };
        match attribute {
            "family" => self.family(),
            "category" => self.category(),
            "generation" | "version" => self.generation(),
            "size" => self.size(),
            "cpu" => self.cpu_milli.map(|milli| vec![(milli / 1000).to_string()]),
            "memory" => self.memory_bytes.map(|bytes| vec![(bytes >> 20).to_string()]),
            "gpu-count" => whole(gpu),
            "accelerator-count" => whole(other),
            "gpu-name" => gpu.map_or_else(none, |known| Some(short_names(known.name))),
            "accelerator-name" => other.map_or_else(none, |known| Some(short_names(known.name))),
            "gpu-memory" => gpu.map_or_else(none, |known| one(&(known.memory_bytes >> 20).to_string())),
            "gpu-manufacturer" => gpu.map_or_else(none, |known| one(maker(known))),
            "accelerator-manufacturer" => other.map_or_else(none, |known| one(maker(known))),
            _ => None,
        }
    }

    /// Its name in the price list, and on nodes where that is another.
    fn types(&self) -> Vec<String> {
        let of_nodes = of_nodes(&self.name);
        let mut names = vec![self.name.clone()];
        names.extend((of_nodes != self.name).then(|| of_nodes.to_owned()));
        names
    }

    fn family(&self) -> Label {
        match &*self.cloud {
            "aws" => one(self.name.split('.').next()?),
            "gcp" => one(self.name.split('-').next()?),
            // `Standard_NC24ads_A100_v4` is of family N.
            "azure" => one(self.name.strip_prefix("Standard_")?.get(..1)?),
            _ => None,
        }
    }

    fn category(&self) -> Label {
        let name = self.name.split(['.', '-']).next()?;
        let letters: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
        matches!(&*self.cloud, "aws" | "gcp").then_some(vec![letters])
    }

    fn generation(&self) -> Label {
        if self.cloud == "azure" {
            // Without a version it is the first.
            let version = self.name.rsplit_once("_v").map_or("1", |(_, version)| version);
            return one(version);
        }
        let digits = self.name.split('.').next()?.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        // `u-6tb1`: the size of the memory comes before the generation.
        let digits = digits.split_once("tb").map_or(digits, |(_, rest)| rest);
        Some(vec![digits.chars().take_while(char::is_ascii_digit).collect()])
    }

    fn size(&self) -> Label {
        match &*self.cloud {
            "aws" => one(self.name.split_once('.')?.1),
            "gcp" => one(of_nodes(&self.name).rsplit_once('-')?.1),
            _ => None,
        }
    }

    /// Every name of its accelerator.
    fn accelerator_names(&self) -> Label {
        match &self.accelerator {
            Some(name) => Some(vec![plimsoll_catalog::canonical(name).into_owned()]),
            None => none(),
        }
    }
}

/// The type that nodes are labelled with: Google's N1 machines have the same with accelerators
/// (`n1-highmem-8+1xT4` of a price list) as without.
pub(crate) fn of_nodes(instance_type: &str) -> &str {
    instance_type.split_once('+').map_or(instance_type, |(host, _)| host)
}

/// `a100` for A100-80GB, `l40s`, `inferentia` beside `inferentia2`.
fn short_names(name: &str) -> Vec<String> {
    let lower = name.to_ascii_lowercase().replace(' ', "-");
    let short = match lower.split_once('-') {
        Some((short, rest)) if rest.ends_with("gb") || matches!(rest, "pcie" | "nvl") => short.to_owned(),
        _ => lower.clone(),
    };
    let mut names = vec![short];
    if lower == "inferentia2" {
        names.push("inferentia".to_owned());
    }
    names
}

fn maker(known: &Accelerator) -> &'static str {
    match known.vendor {
        "NVIDIA" => "nvidia",
        "AMD" => "amd",
        "AWS" => "aws",
        _ if known.name.starts_with("Gaudi") => "habana",
        _ => "other",
    }
}

/// GKE's name of an accelerator.
pub(crate) fn gke_name(accelerator: &str, instance_type: &str) -> Option<&'static str> {
    Some(match accelerator {
        "A100" => "nvidia-tesla-a100",
        "A100-80GB" => "nvidia-a100-80gb",
        "H100" if instance_type.contains("mega") => "nvidia-h100-mega-80gb",
        "H100" => "nvidia-h100-80gb",
        "H200" => "nvidia-h200-141gb",
        "B200" => "nvidia-b200",
        "GB200" => "nvidia-gb200",
        "L4" => "nvidia-l4",
        "RTXPRO6000" => "nvidia-rtx-pro-6000",
        "T4" => "nvidia-tesla-t4",
        "V100" => "nvidia-tesla-v100",
        "P100" => "nvidia-tesla-p100",
        "P4" => "nvidia-tesla-p4",
        "K80" => "nvidia-tesla-k80",
        _ => return None,
    })
}

/// The cloud that a label's domain belongs to, and the attribute it names.
pub(crate) fn attribute_of(key: &str) -> Option<(&'static str, &str)> {
    [
        ("karpenter.k8s.aws/instance-", "aws"),
        ("eks.amazonaws.com/instance-", "aws"),
        ("karpenter.azure.com/sku-", "azure"),
        ("karpenter.k8s.gcp/instance-", "gcp"),
    ]
    .into_iter()
    .find_map(|(prefix, cloud)| Some((cloud, key.strip_prefix(prefix)?)))
}

#[expect(clippy::unnecessary_wraps, reason = "a label that is known, beside one that is not")]
fn one(value: &str) -> Label {
    Some(vec![value.to_owned()])
}

/// The node has no such label.
#[expect(clippy::unnecessary_wraps, reason = "a label that is absent, beside one that is unknown")]
const fn none() -> Label {
    Some(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::{super::product, *};

    #[test]
    fn labels_are_those_of_the_providers() {
        let all = machines(None, None);
        for (name, key, value) in [
            ("g5.12xlarge", "karpenter.k8s.aws/instance-family", Some(&["g5"][..])),
            ("g5.12xlarge", "karpenter.k8s.aws/instance-category", Some(&["g"])),
            ("g5.12xlarge", "karpenter.k8s.aws/instance-generation", Some(&["5"])),
            ("g5.12xlarge", "karpenter.k8s.aws/instance-size", Some(&["12xlarge"])),
            ("g5.12xlarge", "karpenter.k8s.aws/instance-gpu-name", Some(&["a10g"])),
            ("g5.12xlarge", "karpenter.k8s.aws/instance-gpu-count", Some(&["4"])),
            ("g5.12xlarge", "eks.amazonaws.com/instance-cpu", Some(&["48"])),
            ("g5.12xlarge", "karpenter.k8s.aws/instance-memory", Some(&["196608"])),
            ("g5.12xlarge", "karpenter.k8s.aws/instance-local-nvme", None),
            ("g5.12xlarge", "kubernetes.io/arch", Some(&["amd64"])),
            ("g5.12xlarge", "nvidia.com/gpu.product", Some(&["A10G"])),
            ("g5.12xlarge", "karpenter.azure.com/sku-family", Some(&[])),
            ("p4de.24xlarge", "karpenter.k8s.aws/instance-gpu-name", Some(&["a100"])),
            ("p4de.24xlarge", "karpenter.k8s.aws/instance-gpu-manufacturer", Some(&["nvidia"])),
            ("trn1.32xlarge", "karpenter.k8s.aws/instance-category", Some(&["trn"])),
            ("trn1.32xlarge", "karpenter.k8s.aws/instance-accelerator-name", Some(&["trainium"])),
            ("trn1.32xlarge", "karpenter.k8s.aws/instance-gpu-name", Some(&[])),
            ("inf2.24xlarge", "karpenter.k8s.aws/instance-accelerator-count", Some(&["6"])),
            ("g6f.large", "karpenter.k8s.aws/instance-gpu-count", Some(&[])),
            ("c6i.large", "karpenter.k8s.aws/instance-gpu-count", Some(&[])),
            ("Standard_NC24ads_A100_v4", "karpenter.azure.com/sku-family", Some(&["N"])),
            ("Standard_NC24ads_A100_v4", "karpenter.azure.com/sku-version", Some(&["4"])),
            ("Standard_NC24ads_A100_v4", "karpenter.azure.com/sku-gpu-count", Some(&["1"])),
            ("a2-highgpu-2g", "karpenter.k8s.gcp/instance-family", Some(&["a2"])),
            ("n1-highmem-8+1xT4", "karpenter.k8s.gcp/instance-size", Some(&["8"])),
            (
                "n1-highmem-8+1xT4",
                "node.kubernetes.io/instance-type",
                Some(&["n1-highmem-8+1xT4", "n1-highmem-8"]),
            ),
            ("a2-highgpu-2g", "cloud.google.com/gke-accelerator", Some(&["A100"])),
        ] {
            let machine = all.iter().find(|machine| machine.name == name).expect("it is in the catalogue");
            let value = value.map(|values| values.iter().map(|value| (*value).to_owned()).collect());
            assert_eq!(machine.label(key), value, "{name} {key}");
        }
    }

    #[test]
    fn products_are_accelerators() {
        for (product_name, name) in [
            ("NVIDIA-H100-80GB-HBM3", "H100"),
            ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", "A100-80GB"),
            ("Tesla-T4-SHARED", "T4"),
            ("AMD_Instinct_MI300X_OAM", "MI300X"),
            ("nvidia-tesla-t4", "T4"),
            ("Own Card", "own-card"),
        ] {
            assert_eq!(product(product_name), name);
        }
    }
}
