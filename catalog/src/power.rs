//! What the host and the building add to the power of the accelerators.

use std::sync::OnceLock;

use crate::source::Fact;
use crate::table::{fields, number, rows};

static POWER: &str = include_str!("../tables/power.csv");

struct Row {
    what: &'static str,
    of: &'static str,
    fact: Fact<f64>,
}

/// The row of this very name, else the one that stands for all others.
fn find(what: &str, of: &str, otherwise: &str) -> Fact<f64> {
    static PARSED: OnceLock<Vec<Row>> = OnceLock::new();
    let table = PARSED.get_or_init(|| {
        let parse = |line| {
            let [what, of, value, source, estimate] = fields(line);
            Row { what, of, fact: Fact::of(source, number(value), estimate == "1") }
        };
        rows(POWER).map(parse).collect()
    });
    let row = |of: &str| table.iter().find(|row| row.what == what && row.of == of);
    row(of).or_else(|| row(otherwise)).expect("power.csv has a row for every default").fact
}

/// Watts of a host under full load beside its accelerators: vCPUs at the cloud's watts each, memory at its watts a GiB.
/// Any other cloud, and own nodes, take the highest of the clouds' figures.
pub fn host_watts(cloud: &str, vcpus: f64, memory_bytes: u64) -> Fact<f64> {
    let (vcpu, memory) = (find("vcpu", cloud, "default"), find("memory", cloud, "default"));
    let gib = memory_bytes as f64 / f64::from(1_u32 << 30);
    Fact { value: vcpus * vcpu.value + gib * memory.value, ..vcpu }
}

/// Power usage effectiveness: of a cloud, or with `None` of a site of one's own.
pub fn pue(cloud: Option<&str>) -> Fact<f64> {
    match cloud {
        Some(cloud) => find("pue", cloud, "neocloud"),
        None => find("pue", "on-prem", "on-prem"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let watts = host_watts("aws", 96.0, 384 << 30);
        assert!((watts.value - (96.0 * 1.69 + 384.0 * 0.392)).abs() < 1e-9 && watts.estimate);
        assert!(host_watts("acme", 1.0, 0).value >= host_watts("aws", 1.0, 0).value);
        let known = pue(Some("aws"));
        assert!((known.value - 1.135).abs() < 1e-9 && !known.estimate);
        assert!((pue(Some("lambda")).value - 1.3).abs() < 1e-9 && pue(Some("lambda")).estimate);
        assert!((pue(None).value - 1.58).abs() < 1e-9 && pue(None).estimate);
    }
}
