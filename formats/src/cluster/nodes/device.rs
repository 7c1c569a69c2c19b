//! The accelerators of a node: which, and how many of them are whole cards.

use plimsoll_catalog::{Kind, accelerator, instance_types};
use plimsoll_model::{AcceleratorKind, Bytes, Diagnostic, read::View};

use super::super::{karpenter::count, note, object::Object};
use crate::{
    Translation,
    labels::{chips_of, names_accelerator, product},
};

/// Equal accelerators of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Device {
    pub(super) name: String,
    pub(super) count: u32,
    /// What the catalogue does not know of it.
    pub(super) kind: Option<Unknown>,
    pub(super) memory: Option<Bytes>,
}

/// The kind of an accelerator that the catalogue lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unknown {
    Gpu,
    Npu,
    Fpga,
}

impl From<Unknown> for AcceleratorKind {
    fn from(kind: Unknown) -> Self {
        match kind {
            Unknown::Gpu => Self::Gpu,
            Unknown::Npu => Self::Npu,
            Unknown::Fpga => Self::Fpga,
        }
    }
}

/// The accelerators of a node among its resources: `Some(None)` for a plain machine, `None` for one that is
/// part of a larger machine or of an unknown kind, which is said.
#[expect(clippy::option_option, reason = "no machine, a plain one, or one with accelerators")]
pub(super) fn device(
    object: &Object<'_>,
    resources: &View<'_>,
    instance_type: Option<&str>,
    out: &mut Translation,
) -> Result<Option<Option<Device>>, Vec<Diagnostic>> {
    let mut found: Option<Device> = None;
    for (resource, view) in resources.entries() {
        let Some(kind) = kind_of(resource) else { continue };
        let number = count(&view)?;
        if number == 0 {
            continue;
        }
        let device = match kind {
            None => tpu(object, number, out),
            Some(kind) => Some(card(object, resource, number, kind, instance_type, out)),
        };
        let Some(device) = device else { return Ok(None) };
        match &found {
            None => found = Some(device),
            // Partitions of several sizes of the same cards.
            Some(first) if first.name == device.name => {}
            Some(first) => note(
                out,
                format!("second accelerator of node {}", object.name),
                format!("{} beside {}: not offered", device.name, first.name),
                "a machine has accelerators of one kind here",
            ),
        }
    }
    Ok(Some(found))
}

/// The kind of device that a resource counts; `Some(None)` for TPU chips.
#[expect(clippy::option_option, reason = "no device, a TPU chip, or a device of a kind")]
fn kind_of(resource: &str) -> Option<Option<Unknown>> {
    let (domain, name) = resource.split_once('/')?;
    Some(match (domain, name) {
        ("google.com", "tpu") => None,
        ("nvidia.com", "gpu" | "gpu.shared") | ("amd.com", "gpu") | ("gpu.intel.com", "i915" | "xe") => {
            Some(Unknown::Gpu)
        }
        ("nvidia.com", name) if name.starts_with("mig-") => Some(Unknown::Gpu),
        ("aws.amazon.com", "neuron" | "neurondevice")
        | ("habana.ai", "gaudi")
        | ("cambricon.com", "mlu" | "vmlu") => Some(Unknown::Npu),
        ("huawei.com", name) if name.starts_with("Ascend") => Some(Unknown::Npu),
        ("fpga.intel.com", _) => Some(Unknown::Fpga),
        ("amd.com" | "xilinx.com", name) if name.starts_with("xilinx_") || name.starts_with("fpga-") => {
            Some(Unknown::Fpga)
        }
        _ => return None,
    })
}

fn card(
    object: &Object<'_>,
    resource: &str,
    number: u32,
    kind: Unknown,
    instance_type: Option<&str>,
    out: &mut Translation,
) -> Device {
    let name = named(object, resource, instance_type).unwrap_or_else(|| {
        let (_, plain) = resource.split_once('/').unwrap_or(("", resource));
        let name = format!("unnamed {plain}");
        note(
            out,
            format!("accelerator of node {}", object.name),
            format!("`{name}`: only requests for any accelerator of its kind fit it"),
            "no label names it; `nvidia.com/gpu.product` does",
        );
        name
    });
    // Shared cards are listed once for each share, partitions once for each part.
    let label = |key: &str| object.label(key).and_then(|value| value.parse::<u32>().ok());
    let cards = if resource.contains("/mig-") {
        label("nvidia.com/gpu.count").unwrap_or(1)
    } else {
        let is_shared = resource.ends_with(".shared")
            || object.label("nvidia.com/gpu.product").is_some_and(|product| product.ends_with("-SHARED"));
        let shares = label("nvidia.com/gpu.replicas").filter(|shares| *shares > 0 && is_shared).unwrap_or(1);
        number.div_ceil(shares)
    };
    let known = accelerator(&name);
    let memory =
        known.is_none().then(|| object.label("nvidia.com/gpu.memory")?.parse::<u64>().ok()).flatten();
    Device {
        name,
        count: cards,
        kind: known.is_none().then_some(kind),
        memory: memory.and_then(|mib| mib.checked_mul(1 << 20)).map(Bytes),
    }
}

/// The name of a node's accelerator: by a product label, by the resource, by the instance type.
fn named(object: &Object<'_>, resource: &str, instance_type: Option<&str>) -> Option<String> {
    let labels = object.at(&["metadata", "labels"]).map_or_else(Vec::new, |labels| labels.entries());
    let vendor = resource.split('/').next().unwrap_or_default();
    let is_ours = |key: &str| !key.contains("nvidia.com/") || vendor == "nvidia.com";
    let by_label = || {
        let (_, value) = labels.iter().find(|(key, _)| names_accelerator(key) && is_ours(key))?;
        Some(product(value.text()?))
    };
    let by_type = || {
        let known = instance_types().iter().find(|known| Some(known.name) == instance_type)?;
        Some(known.accelerator?.name.to_owned())
    };
    let by_resource = || {
        let (_, rest) = resource.split_once("xilinx_")?;
        let card = rest.split('_').next()?;
        Some(accelerator(card).map_or_else(|| card.to_ascii_uppercase(), |known| known.name.to_owned()))
    };
    by_resource().or_else(by_label).or_else(by_type)
}

/// The slice of TPU chips that a node is; part of a larger one is no machine of its own.
fn tpu(object: &Object<'_>, chips: u32, out: &mut Translation) -> Option<Device> {
    let model = object.label("cloud.google.com/gke-tpu-accelerator").unwrap_or_default();
    let generation = match model {
        "tpu-v4-podslice" => "v4",
        "tpu-v5-lite-podslice" | "tpu-v5-lite-device" => "v5e",
        "tpu-v5p-slice" => "v5p",
        "tpu-v6e-slice" | "tpu-v6e-device" => "v6e",
        _ => {
            let value = format!("not offered: `{model}` is no model that is known");
            note(
                out,
                format!("TPU of node {}", object.name),
                value,
                "`cloud.google.com/gke-tpu-accelerator`",
            );
            return None;
        }
    };
    let topology = object.label("cloud.google.com/gke-tpu-topology").unwrap_or_default();
    if chips_of(topology).is_some_and(|whole| whole != u64::from(chips)) {
        let value = format!("not offered: {chips} chips of a slice {topology} on several machines");
        note(out, format!("TPU of node {}", object.name), value, "state the slice as an offer of an Estate");
        return None;
    }
    // Two cores a chip count in the names of these.
    let size = if matches!(generation, "v4" | "v5p") { chips.saturating_mul(2) } else { chips };
    let name = format!("tpu-{generation}-{size}");
    let known = accelerator(&name).filter(|known| known.kind == Kind::Tpu)?;
    Some(Device { name: known.name.to_owned(), count: 1, kind: None, memory: None })
}
