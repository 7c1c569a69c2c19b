//! Accelerators by any of their names.

use std::borrow::Cow;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::decimal::{self, Rounding};
use crate::source::{self, Fact};
use crate::table::{fields, maybe, number, rows};

static ACCELERATORS: &str = include_str!("../tables/accelerators.csv");
static ALIASES: &str = include_str!("../tables/aliases.csv");

/// What an accelerator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A graphics card.
    Gpu,
    /// Google's TPU, by slice.
    Tpu,
    /// Another processor for neural networks: Trainium, Inferentia, Gaudi.
    Npu,
    /// A field-programmable gate array, by card.
    Fpga,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Gpu, Self::Tpu, Self::Npu, Self::Fpga];

    /// As documents write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::Tpu => "tpu",
            Self::Npu => "npu",
            Self::Fpga => "fpga",
        }
    }

    /// From its name, case ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// One accelerator: a card, a chip, or a whole TPU slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accelerator {
    /// The name that offers use.
    pub name: &'static str,
    /// Who makes it.
    pub vendor: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The year it came out.
    pub year: u16,
    /// Memory of the card, or of all chips of a slice.
    pub memory_bytes: u64,
    /// Bandwidth of that memory in GB/s, of all chips of a slice.
    pub bandwidth_gb_s: f64,
    /// Peak dense 16-bit TFLOPS, of all chips of a slice; `None` where it means nothing (FPGAs) or is not published.
    pub fp16_tflops: Option<f64>,
    /// Power under load, of all chips of a slice. The source of an estimate tells how it was reckoned.
    pub watts: Fact<f64>,
    /// For a slice, the chip it is made of.
    pub chip: Option<&'static str>,
    /// How many chips; 1 for a card.
    pub chips: u32,
}

impl Accelerator {
    /// How many hosts a slice of TPUs spans; 1 for a card. Chips lie four to a host where there are several hosts;
    /// of v5e and v6e up to eight are on one.
    pub fn hosts(&self) -> u32 {
        let one = if matches!(self.chip, Some("tpu-v5e" | "tpu-v6e")) { 8 } else { 4 };
        if self.chips <= one { 1 } else { self.chips.div_ceil(4) }
    }
}

/// All accelerators: cards and chips by name, then TPU slices by generation and size.
pub fn accelerators() -> &'static [Accelerator] {
    static PARSED: OnceLock<Vec<Accelerator>> = OnceLock::new();
    PARSED.get_or_init(|| rows(ACCELERATORS).map(parse).collect())
}

fn parse(line: &'static str) -> Accelerator {
    let [name, vendor, kind, year, memory, bandwidth, fp16, _fp32, watts, estimated, chip, chips, basis] =
        fields(line);
    let chips = maybe(chips).map_or(1, |chips| chips.parse().expect("chips is a whole number"));
    let memory = decimal::scaled(memory, 1 << 30, 0, Rounding::Up).expect("memory_gib is a decimal");
    let published = source::source("boards");
    let estimate = estimated == "1";
    let watts = number(watts) * f64::from(chips);
    let source = if estimate { basis } else { published.name };
    Accelerator {
        name,
        vendor,
        kind: Kind::from_name(kind).expect("kind is one of four"),
        year: year.parse().expect("year is a year"),
        memory_bytes: memory * u64::from(chips),
        bandwidth_gb_s: number(bandwidth) * f64::from(chips),
        fp16_tflops: maybe(fp16).map(|fp16| number(fp16) * f64::from(chips)),
        watts: Fact { value: watts, source, as_of: published.as_of, estimate },
        chip: maybe(chip),
        chips,
    }
}

/// An accelerator by its name or an alias; case is ignored, and spaces, `_` and `-` are the same.
pub fn accelerator(name: &str) -> Option<&'static Accelerator> {
    static BY_NAME: OnceLock<FxHashMap<String, &'static Accelerator>> = OnceLock::new();
    BY_NAME.get_or_init(index).get(&folded(name)).copied()
}

/// The one name of an accelerator: the table's, and of one that it lacks the name without regard to case, with - for
/// spaces and `_`.
pub fn canonical(name: &str) -> Cow<'static, str> {
    accelerator(name).map_or_else(|| Cow::Owned(folded(name)), |known| Cow::Borrowed(known.name))
}

fn index() -> FxHashMap<String, &'static Accelerator> {
    let mut map: FxHashMap<_, _> = accelerators().iter().map(|found| (folded(found.name), found)).collect();
    for (alias, name) in aliases() {
        let target = map.get(&folded(name)).copied().expect("an alias is of an accelerator");
        map.insert(alias.to_owned(), target);
    }
    map
}

/// All aliases with the accelerator's name, sorted by alias.
pub fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows(ALIASES).map(|line| {
        let [alias, name] = fields(line);
        (alias, name)
    })
}

fn folded(name: &str) -> String {
    let fold = |letter: char| if matches!(letter, ' ' | '_') { '-' } else { letter.to_ascii_lowercase() };
    name.trim().chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_lead_to_the_card_people_mean() {
        for (name, expected) in [
            ("A100", "A100"),
            ("a100-40gb", "A100"),
            ("NVIDIA-A100-SXM4-80GB", "A100-80GB"),
            ("nvidia-tesla-t4", "T4"),
            ("h100-sxm5-80gb", "H100"),
            ("H100-80GB", "H100"),
            ("nvidia-h100-80gb", "H100"),
            ("RTXA6000", "A6000"),
            ("rtx a6000", "A6000"),
            ("U250", "Alveo U250"),
            ("f1", "Virtex UltraScale (VU9P)"),
            ("VU47P", "Virtex UltraScale+ HBM (VU47P)"),
            ("trn1", "Trainium"),
            ("inf2", "Inferentia2"),
            ("v5litepod-16", "tpu-v5e-16"),
            ("TPU v4-8", "tpu-v4-8"),
        ] {
            assert_eq!(accelerator(name).map(|found| found.name), Some(expected), "{name}");
        }
        assert_eq!(accelerator("A1000"), None);
        assert_eq!((&*canonical("a100-40gb"), &*canonical(" My_Own card")), ("A100", "my-own-card"));
        assert!(aliases().count() > 60);
    }

    #[test]
    fn slices_span_hosts() {
        let hosts = |name| accelerator(name).map(Accelerator::hosts);
        for (name, count) in [
            ("H100", 1),
            ("tpu-v5e-8", 1),
            ("tpu-v5e-16", 4),
            ("tpu-v6e-256", 64),
            ("tpu-v5p-8", 1),
            ("tpu-v5p-16", 2),
            ("tpu-v4-8", 1),
            ("tpu-v4-16", 2),
        ] {
            assert_eq!(hosts(name), Some(count), "{name}");
        }
    }

    #[test]
    fn a_slice_is_its_chips() {
        let slice = accelerator("tpu-v5e-16").expect("it is in the table");
        assert_eq!((slice.kind, slice.chips, slice.memory_bytes), (Kind::Tpu, 16, (16 * 16) << 30));
        assert!((slice.watts.value - 16.0 * 138.0).abs() < 1e-9 && slice.watts.estimate);
        let v4 = accelerator("tpu-v4-8").expect("it is in the table");
        assert_eq!((v4.chips, v4.memory_bytes), (4, (4 * 32) << 30));
        assert!((v4.watts.value - 4.0 * 192.0).abs() < 1e-9 && !v4.watts.estimate);
    }

    #[test]
    fn every_accelerator_draws_power_and_estimates_say_how() {
        for found in accelerators() {
            assert!(found.watts.value > 0.0, "{}", found.name);
            assert!(!found.watts.source.is_empty(), "{}", found.name);
        }
        assert_eq!(accelerator("H100").map(|found| found.watts.estimate), Some(false));
        assert_eq!(accelerator("Trainium2").map(|found| found.watts.estimate), Some(true));
    }
}
