//! Google's rows: cards without hosts, and the hosts that SkyPilot puts them into.

use std::collections::BTreeMap;

use super::Row;

/// Families of hosts that are rented with cards alone, by the beginning of their names.
const WITH_CARDS: [&str; 5] = ["a2-", "a3-", "a4-", "g2-", "g4-"];

/// The hosts of a number of cards that have a machine type of their own.
const HOSTS: [(&str, u64, &[&str]); 24] = [
    ("A100", 1, &["a2-highgpu-1g"]),
    ("A100", 2, &["a2-highgpu-2g"]),
    ("A100", 4, &["a2-highgpu-4g"]),
    ("A100", 8, &["a2-highgpu-8g"]),
    ("A100", 16, &["a2-megagpu-16g"]),
    ("A100-80GB", 1, &["a2-ultragpu-1g"]),
    ("A100-80GB", 2, &["a2-ultragpu-2g"]),
    ("A100-80GB", 4, &["a2-ultragpu-4g"]),
    ("A100-80GB", 8, &["a2-ultragpu-8g"]),
    ("L4", 1, &["g2-standard-4", "g2-standard-8", "g2-standard-12", "g2-standard-16", "g2-standard-32"]),
    ("L4", 2, &["g2-standard-24"]),
    ("L4", 4, &["g2-standard-48"]),
    ("L4", 8, &["g2-standard-96"]),
    ("H100", 1, &["a3-highgpu-1g"]),
    ("H100", 2, &["a3-highgpu-2g"]),
    ("H100", 4, &["a3-highgpu-4g"]),
    ("H100", 8, &["a3-highgpu-8g"]),
    ("H100-MEGA", 8, &["a3-megagpu-8g"]),
    ("H200", 8, &["a3-ultragpu-8g"]),
    ("B200", 8, &["a4-highgpu-8g"]),
    ("RTXPRO6000", 1, &["g4-standard-48"]),
    ("RTXPRO6000", 2, &["g4-standard-96"]),
    ("RTXPRO6000", 4, &["g4-standard-192"]),
    ("RTXPRO6000", 8, &["g4-standard-384"]),
];

/// Cores of the host that older cards go into, by how many cards; they share the family N1.
fn cores(card: &str, cards: u64) -> Option<u64> {
    Some(match (card, cards) {
        ("K80" | "T4", 1) => 4,
        ("K80" | "T4", 2) => 8,
        ("K80", 4) => 16,
        ("K80", 8) => 32,
        ("K80", 16) => 64,
        ("T4", 4) => 48,
        ("V100" | "P100" | "P4", 1 | 2 | 4 | 8) => 8 * cards,
        _ => return None,
    })
}

/// Rows of whole machines: cards with their hosts, slices of TPUs, and what has neither.
pub(super) fn with_hosts(rows: Vec<Row>, passed_over: &mut BTreeMap<&'static str, u64>) -> Vec<Row> {
    let (cards, machines): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| {
        !row.accelerator.is_empty() && (row.instance_type.is_empty() || row.instance_type == "TPU-VM")
    });
    let mut hosts: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for host in machines.iter().filter(|row| row.accelerator.is_empty()) {
        hosts.entry(&host.zone).or_default().push(host);
    }
    let (mut whole, mut without) = (Vec::new(), 0);
    for card in &cards {
        if card.accelerator.starts_with("tpu-") {
            let cpu = card.cpu_milli;
            whole.push(Row { instance_type: card.accelerator.clone(), cpu_milli: cpu, ..card.clone() });
            continue;
        }
        let in_zone = hosts.get(&*card.zone).map_or(&[][..], Vec::as_slice);
        let found = hosts_of(card, in_zone);
        without += u64::from(found.is_empty());
        whole.extend(found.into_iter().map(|host| together(card, host)));
    }
    if without > 0 {
        passed_over.insert("are cards without a host in their zone", without);
    }
    whole.extend(machines.into_iter().filter(|row| {
        !(row.accelerator.is_empty() && WITH_CARDS.iter().any(|family| row.instance_type.starts_with(family)))
    }));
    whole
}

/// The hosts that a card's row goes into.
fn hosts_of<'r>(card: &Row, hosts: &[&'r Row]) -> Vec<&'r Row> {
    let count = card.accelerators / 1000;
    if HOSTS.iter().any(|(name, ..)| *name == card.accelerator) {
        let own = HOSTS.iter().find(|(name, cards, _)| *name == card.accelerator && *cards == count);
        let types = own.map_or(&[][..], |(.., types)| types);
        return hosts.iter().copied().filter(|host| types.contains(&&*host.instance_type)).collect();
    }
    let Some(cores) = cores(&card.accelerator, count) else { return Vec::new() };
    // 4 GiB a core; the cheapest that has them.
    let enough = |host: &&&Row| {
        host.instance_type.starts_with("n1-")
            && host.cpu_milli.is_some_and(|cpu| cpu >= cores * 1000)
            && host.memory_bytes.is_some_and(|memory| memory >= cores << 32)
    };
    let price = |host: &&&Row| (host.on_demand.unwrap_or(i64::MAX), host.instance_type.clone());
    hosts.iter().filter(enough).min_by_key(price).copied().into_iter().collect()
}

/// A machine of a host and its cards, at the sum of their prices.
fn together(card: &Row, host: &Row) -> Row {
    let sum = |a: Option<i64>, b: Option<i64>| a?.checked_add(b?);
    Row {
        instance_type: host.instance_type.clone(),
        cpu_milli: host.cpu_milli,
        memory_bytes: host.memory_bytes,
        on_demand: sum(card.on_demand, host.on_demand),
        spot: sum(card.spot, host.spot),
        ..card.clone()
    }
}
