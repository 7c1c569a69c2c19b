//! TPUs on GKE: a slice is asked for host by host, and is one thing.
//!
//! `google.com/tpu` counts the chips of one host; the labels `gke-tpu-accelerator` and
//! `gke-tpu-topology` say of which slice. All hosts of a slice belong to it alone, so the pods on them
//! together are one replica, which asks for one slice.

use plimsoll_catalog::{Kind, accelerators};

use super::limits::{Limits, Property};
use crate::labels::chips_of;

/// A slice, and how many pods share it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slice {
    /// The names that will do: `tpu-v5e-16`.
    pub(super) any_of: Vec<String>,
    /// Pods of one slice.
    pub(super) hosts: u32,
}

/// Why there is no slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlice {
    /// No slice has the chips and the topology.
    Fits,
    /// The labels allow slices of several numbers of hosts.
    Hosts,
}

impl NoSlice {
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Fits => "no slice of TPUs fits the labels",
            Self::Hosts => "the labels allow slices of different numbers of hosts",
        }
    }

    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Fits => {
                "`cloud.google.com/gke-tpu-accelerator` names the chips, `gke-tpu-topology` the slice, such as 2x4"
            }
            Self::Hosts => "the pods of one slice are one replica: name one topology",
        }
    }
}

/// The slices that selectors allow for pods with so many chips each.
pub(super) fn slices(chips_per_pod: u64, limits: &Limits<'_>) -> Result<Slice, NoSlice> {
    let named = |property| {
        let values = limits.values(property).iter().map(|value| Some(&**value));
        if limits.values(property).is_empty() { vec![None] } else { values.collect::<Vec<_>>() }
    };
    let is_out = |name: &String| {
        let (chips, topology) = labels(name).unzip();
        let mut of = limits.without_of(Property::TpuChip).map(|out| &*out.value);
        // Several labels name the chips of one generation.
        let same_chips = |out: &str| chips.is_some_and(|chips| generation(chips) == generation(out));
        of.any(same_chips)
            || limits.without_of(Property::TpuTopology).any(|out| topology == Some(&*out.value))
    };
    let mut all: Option<Slice> = None;
    for accelerator in named(Property::TpuChip) {
        for topology in named(Property::TpuTopology) {
            let Some(mut slice) = slice(chips_per_pod, accelerator, topology) else { continue };
            slice.any_of.retain(|name| !is_out(name));
            match &mut all {
                _ if slice.any_of.is_empty() => {}
                Some(all) if all.hosts != slice.hosts => return Err(NoSlice::Hosts),
                Some(all) => all.any_of.extend(slice.any_of),
                None => all = Some(slice),
            }
        }
    }
    all.ok_or(NoSlice::Fits)
}

/// The slice that pods with so many chips each ask for.
fn slice(chips_per_pod: u64, accelerator: Option<&str>, topology: Option<&str>) -> Option<Slice> {
    let chips = match topology {
        Some(topology) => chips_of(topology)?,
        None => chips_per_pod,
    };
    let any_of = match accelerator {
        Some(label) => {
            let generation = generation(label)?;
            // Generations to v5p are named by cores, of which each chip has two.
            let by_cores = matches!(generation, "v2" | "v3" | "v4" | "v5p");
            vec![format!("tpu-{generation}-{}", if by_cores { chips * 2 } else { chips })]
        }
        None => accelerators()
            .iter()
            .filter(|known| {
                known.kind == Kind::Tpu && known.chip.is_some() && u64::from(known.chips) == chips
            })
            .map(|known| known.name.to_owned())
            .collect(),
    };
    let hosts = u32::try_from(chips.div_ceil(chips_per_pod.max(1))).ok()?.max(1);
    (!any_of.is_empty()).then_some(Slice { any_of, hosts })
}

/// The generation that GKE's label names.
fn generation(label: &str) -> Option<&'static str> {
    let label = label.strip_prefix("tpu-").or_else(|| label.strip_prefix("tpu"))?;
    [
        ("v5-lite", "v5e"),
        ("v5e", "v5e"),
        ("v5p", "v5p"),
        ("v6e", "v6e"),
        ("v4", "v4"),
        ("v3", "v3"),
        ("v2", "v2"),
        ("7x", "v7x"),
    ]
    .into_iter()
    .find_map(|(prefix, generation)| label.starts_with(prefix).then_some(generation))
}

/// GKE's labels of a slice: the chips and the topology.
pub(super) fn labels(name: &str) -> Option<(&'static str, &'static str)> {
    let known = plimsoll_catalog::accelerator(name)?;
    let flat = match known.chips {
        1 => "1x1",
        4 => "2x2",
        8 => "2x4",
        16 => "4x4",
        32 => "4x8",
        64 => "8x8",
        128 => "8x16",
        256 => "16x16",
        _ => return deep(known.chip?, known.chips),
    };
    match known.chip? {
        "tpu-v5e" => Some(("tpu-v5-lite-podslice", flat)),
        "tpu-v6e" => Some(("tpu-v6e-slice", flat)),
        chip => deep(chip, known.chips),
    }
}

/// The same for the generations whose slices have three dimensions.
fn deep(chip: &str, chips: u32) -> Option<(&'static str, &'static str)> {
    let label = match chip {
        "tpu-v4" => "tpu-v4-podslice",
        "tpu-v5p" => "tpu-v5p-slice",
        _ => return None,
    };
    let topology = match chips {
        4 => "2x2x1",
        8 => "2x2x2",
        16 => "2x2x4",
        32 => "2x4x4",
        64 => "4x4x4",
        128 => "4x4x8",
        256 => "4x8x8",
        512 => "8x8x8",
        1024 => "8x8x16",
        2048 => "8x16x16",
        _ => return None,
    };
    Some((label, topology))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_named_as_the_price_lists_name_them() {
        for (chips, accelerator, topology, name, hosts) in [
            (4, "tpu-v5-lite-podslice", "4x4", "tpu-v5e-16", 4),
            (8, "tpu-v5-lite-device", "2x4", "tpu-v5e-8", 1),
            (4, "tpu-v4-podslice", "2x2x2", "tpu-v4-16", 2),
            (4, "tpu-v5p-slice", "2x2x1", "tpu-v5p-8", 1),
            (4, "tpu-v6e-slice", "16x16", "tpu-v6e-256", 64),
            (4, "tpu7x", "2x2x1", "tpu-v7x-4", 1),
        ] {
            let wanted = Slice { any_of: vec![name.to_owned()], hosts };
            assert_eq!(slice(chips, Some(accelerator), Some(topology)), Some(wanted), "{accelerator}");
        }
        for known in ["tpu-v5e-16", "tpu-v4-16", "tpu-v5p-8", "tpu-v6e-256"] {
            assert!(plimsoll_catalog::accelerator(known).is_some(), "{known}");
        }
    }

    #[test]
    fn the_labels_of_a_slice_ask_for_it() {
        for known in accelerators().iter().filter(|known| known.chip.is_some()) {
            if let Some((chips, topology)) = labels(known.name) {
                let asked = slice(4, Some(chips), Some(topology)).unwrap();
                assert_eq!(asked.any_of, [known.name]);
            }
        }
        assert_eq!(labels("tpu-v5e-16"), Some(("tpu-v5-lite-podslice", "4x4")));
        assert_eq!((labels("H100"), labels("tpu-v2-8")), (None, None));
    }

    #[test]
    fn without_labels_any_slice_of_so_many_chips_will_do() {
        let found = slice(4, None, None).unwrap();
        assert!(found.any_of.iter().any(|name| name == "tpu-v5e-4") && found.hosts == 1, "{found:?}");
        assert!(found.any_of.iter().any(|name| name == "tpu-v4-8"), "{found:?}");
    }

    #[test]
    fn odd_topologies_are_none() {
        for topology in ["", "x", "2x", "0x4", "99999999999x99999999999", "a"] {
            assert_eq!(slice(4, Some("tpu-v4-podslice"), Some(topology)), None, "{topology}");
        }
        assert_eq!(slice(4, Some("gpu"), None), None);
    }
}
