//! Sizes: bytes and CPU as Kubernetes writes them, accelerators in thousandths.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::decimal::{SCALE, parse_pico, pico_from_f64};

/// The suffixes of a Kubernetes quantity with their factors as (multiply, divide).
const SUFFIXES: [(&str, i128, i128); 15] = [
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1_000),
    ("k", 1_000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
];

/// Reads a Kubernetes quantity as a count of 1/`per_unit`, rounded up as Kubernetes does.
fn parse_quantity(text: &str, per_unit: i128) -> Result<u64, String> {
    let syntax = || format!("`{text}` is not a quantity such as 500m, 2, 64Gi or 1.5T");
    let (number, multiply, divide) = SUFFIXES
        .iter()
        .find_map(|(suffix, multiply, divide)| {
            text.strip_suffix(suffix).map(|number| (number, *multiply, *divide))
        })
        .unwrap_or((text, 1, 1));
    let pico = parse_pico(number).map_err(|_| syntax())?;
    count(pico, multiply * per_unit, divide).map_err(|problem| format!("`{text}` {problem}"))
}

/// `pico` × `multiply` / `divide` / 10^12 rounded up.
fn count(pico: i128, multiply: i128, divide: i128) -> Result<u64, &'static str> {
    if pico < 0 {
        return Err("must not be negative");
    }
    let scaled = pico.checked_mul(multiply).ok_or("is too large")?;
    let denominator = SCALE * divide;
    let value = scaled / denominator + i128::from(scaled % denominator != 0);
    // Half of the range, so that sums of a few never overflow.
    u64::try_from(value).ok().filter(|v| *v <= 1 << 62).ok_or("is too large")
}

/// Accepts a number or a quantity string.
struct QuantityVisitor {
    per_unit: i128,
    expecting: &'static str,
}

impl de::Visitor<'_> for QuantityVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
        count(i128::from(value) * SCALE, self.per_unit, 1).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<u64, E> {
        count(i128::from(value) * SCALE, self.per_unit, 1).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<u64, E> {
        let pico = pico_from_f64(value).map_err(E::custom)?;
        count(pico, self.per_unit, 1).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        parse_quantity(text, self.per_unit).map_err(E::custom)
    }
}

fn quantity_schema(description: &str) -> Schema {
    json_schema!({
        "description": description,
        "type": ["number", "string"],
        "minimum": 0,
        "pattern": r"^\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?$"
    })
}

/// A number of bytes; read as a Kubernetes quantity (`64Gi`, `1.5T`, 1024), written as the largest
/// exact binary unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

impl Bytes {
    /// From gibibytes.
    pub const fn gib(gib: u64) -> Self {
        Self(gib << 30)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shift = (self.0.trailing_zeros() / 10).min(6);
        if self.0 == 0 || shift == 0 {
            return write!(f, "{}", self.0);
        }
        let unit = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][shift as usize - 1];
        write!(f, "{}{unit}", self.0 >> (10 * shift))
    }
}

impl std::str::FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse_quantity(text, 1).map(Self)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = QuantityVisitor { per_unit: 1, expecting: "a size such as 64Gi" };
        deserializer.deserialize_any(visitor).map(Self)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        quantity_schema("A size in bytes as a Kubernetes quantity: 64Gi, 1.5T, 1024")
    }
}

/// CPU in thousandths of a core; read and written as a Kubernetes quantity (`500m`, 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cpu(pub u64);

impl Cpu {
    /// The thousandths of a core.
    pub const fn milli(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

impl std::str::FromStr for Cpu {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse_quantity(text, 1000).map(Self)
    }
}

impl Serialize for Cpu {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for Cpu {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = QuantityVisitor { per_unit: 1000, expecting: "a number of cores such as 4 or 500m" };
        deserializer.deserialize_any(visitor).map(Self)
    }
}

impl JsonSchema for Cpu {
    fn schema_name() -> Cow<'static, str> {
        "Cpu".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        quantity_schema("CPU cores as a Kubernetes quantity: 4, 500m")
    }
}

/// Accelerators in thousandths: an offer may hold a part of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AcceleratorCount(pub u64);

impl AcceleratorCount {
    /// More than this is a slip, and would overflow sums.
    pub const MOST: Self = Self::whole(1_000_000);

    /// From whole accelerators.
    pub const fn whole(count: u64) -> Self {
        Self(count * 1000)
    }

    /// The thousandths of one accelerator.
    pub const fn milli(self) -> u64 {
        self.0
    }

    /// Whether it is no whole number.
    pub const fn is_fraction(self) -> bool {
        !self.0.is_multiple_of(1000)
    }
}

impl fmt::Display for AcceleratorCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 as f64 / 1000.0)
    }
}

impl Serialize for AcceleratorCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_fraction() {
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        } else {
            serializer.serialize_u64(self.0 / 1000)
        }
    }
}

impl<'de> Deserialize<'de> for AcceleratorCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        let pico = pico_from_f64(value).map_err(de::Error::custom)?;
        if pico < 0 {
            return Err(de::Error::custom("must not be negative"));
        }
        if pico % (SCALE / 1000) != 0 {
            return Err(de::Error::custom("accelerators are stated in thousandths: 8, 0.5, 0.167"));
        }
        match u64::try_from(pico / (SCALE / 1000)).map(Self) {
            Ok(count) if count <= Self::MOST => Ok(count),
            _ => Err(de::Error::custom(format!("must be at most {}", Self::MOST))),
        }
    }
}

impl JsonSchema for AcceleratorCount {
    fn schema_name() -> Cow<'static, str> {
        "AcceleratorCount".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Accelerators, in thousandths: 8, 0.5, 0.167",
            "type": "number", "minimum": 0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_kubernetes_reads_them() {
        for (text, bytes) in [
            ("64Gi", 64 << 30),
            ("1.5Ki", 1536),
            ("1k", 1000),
            ("1e3", 1000),
            ("0.1", 1),
            ("128974848000m", 128_974_848),
        ] {
            assert_eq!(text.parse::<Bytes>(), Ok(Bytes(bytes)), "{text}");
        }
        assert_eq!("500m".parse::<Cpu>(), Ok(Cpu(500)));
        assert_eq!("1".parse::<Cpu>(), Ok(Cpu(1000)));
        for bad in ["", "Gi", "1GiB", "-1", "1 Gi", "1e30Ei", "9Ei9", "∞"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn bytes_and_cpu_round_trip(value in 0u64..=1 << 62) {
            let json = serde_json::to_string(&Bytes(value)).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), Bytes(value));
            let cpu = Cpu(value >> 12);
            let json = serde_json::to_string(&cpu).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Cpu>(&json).unwrap(), cpu);
        }
    }
}
