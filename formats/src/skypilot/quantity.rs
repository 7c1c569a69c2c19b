//! SkyPilot's sizes: `8`, `8+`, `32`, `32GB+`.

use plimsoll_model::{
    Bytes, Cpu, Usd,
    quantity::decimal::{SCALE, parse_pico},
};

/// An amount, and whether more will do as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AtLeast<T> {
    pub(super) amount: T,
    pub(super) or_more: bool,
}

fn split(text: &str) -> (&str, bool) {
    match text.trim().strip_suffix('+') {
        Some(number) => (number, true),
        None => (text.trim(), false),
    }
}

/// A positive number in units of 10^-12.
fn positive(text: &str) -> Option<i128> {
    parse_pico(text).ok().filter(|pico| *pico > 0)
}

/// `cpus`.
pub(super) fn cpus(text: &str) -> Option<AtLeast<Cpu>> {
    let (number, or_more) = split(text);
    let milli = div_ceil(positive(number)?, SCALE / 1000);
    Some(AtLeast { amount: Cpu(u64::try_from(milli).ok()?), or_more })
}

/// `memory`: GiB unless a unit is given.
pub(super) fn memory(text: &str) -> Option<AtLeast<Bytes>> {
    let (number, or_more) = split(text);
    Some(AtLeast { amount: bytes(number)?, or_more })
}

/// The units, of which SkyPilot has each as a power of 1024.
const UNITS: [(&str, u32); 10] = [
    ("kb", 10),
    ("ki", 10),
    ("mb", 20),
    ("mi", 20),
    ("gb", 30),
    ("gi", 30),
    ("tb", 40),
    ("ti", 40),
    ("pb", 50),
    ("pi", 50),
];

fn bytes(text: &str) -> Option<Bytes> {
    let lower = text.to_ascii_lowercase();
    let unit = UNITS.iter().find_map(|(unit, power)| Some((lower.strip_suffix(unit)?, *power)));
    let (number, power) = unit.unwrap_or((&lower, 30));
    let bytes = div_ceil(positive(number)?.checked_mul(1 << power)?, SCALE);
    u64::try_from(bytes).ok().filter(|bytes| i64::try_from(*bytes).is_ok()).map(Bytes)
}

/// A size of data in GB, as SkyPilot prices it: 2^30 bytes.
pub(super) fn gigabytes(text: &str) -> Option<Bytes> {
    let pico = parse_pico(text).ok().filter(|pico| *pico >= 0)?;
    let bytes = div_ceil(pico.checked_mul(1 << 30)?, SCALE);
    u64::try_from(bytes).ok().filter(|bytes| i64::try_from(*bytes).is_ok()).map(Bytes)
}

/// Dollars above 0.
pub(super) fn dollars(text: &str) -> Option<Usd> {
    positive(text).map(Usd::from_pico)
}

const fn div_ceil(over: i128, under: i128) -> i128 {
    (over + under - 1) / under
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_skypilot_reads_them() {
        let cpu = |text| cpus(text).map(|cpu| (cpu.amount.0, cpu.or_more));
        assert_eq!(cpu("8"), Some((8000, false)));
        assert_eq!(cpu("8+"), Some((8000, true)));
        assert_eq!(cpu("0.5"), Some((500, false)));
        assert_eq!([cpu("0"), cpu("-1"), cpu("8x"), cpu("+"), cpu("")], [None; 5]);
        let memory = |text| memory(text).map(|memory| (memory.amount, memory.or_more));
        assert_eq!(memory("32+"), Some((Bytes::gib(32), true)));
        assert_eq!(memory("32GB"), Some((Bytes::gib(32), false)));
        assert_eq!(memory("512Mi"), Some((Bytes(512 << 20), false)));
        assert_eq!(memory("1.5tb+"), Some((Bytes::gib(1536), true)));
        assert_eq!([memory("many"), memory("0"), memory("99999999999pb")], [None; 3]);
        assert_eq!(gigabytes("0.5"), Some(Bytes(512 << 20)));
    }
}
