//! The rules of an estate that hold for offers: quotas and interruptions.

use plimsoll_model::{Cpu, Match, PerHour};

use crate::world::{Matcher, OfferIx, World};

/// The rules of an estate that prospects are held against.
#[derive(Debug)]
pub struct Rules {
    /// Interruption rules.
    pub interruptions: Vec<(Matcher, PerHour)>,
    /// Quotas.
    pub quotas: Vec<Quota>,
    /// By offer: the quotas it draws on; empty without quotas.
    of_offer: Vec<Vec<u32>>,
}

impl Rules {
    /// The rules of a world.
    pub fn of(world: &World<'_>) -> Self {
        let mut quotas = Vec::new();
        let mut of_offer = Vec::new();
        for (ix, quota) in (0_u32..).zip(&world.inputs.estate.quotas) {
            let instances = quota.instances.is_some();
            let unit = if instances { share_unit(world) } else { 1000 };
            let limit = i64::from(quota.instances.or(quota.accelerators).unwrap_or(0)) * unit;
            quotas.push(Quota { name: quota_name(ix + 1, &quota.matches), limit, unit, instances });
            of_offer.resize_with(world.offers.len(), Vec::new);
            let matcher = Matcher::new(&quota.matches, world);
            for (list, offer) in of_offer.iter_mut().zip(&world.offers) {
                if matcher.matches(offer) {
                    list.push(ix);
                }
            }
        }
        Self { interruptions: world.interruption_rules(), quotas, of_offer }
    }

    /// The indices of the quotas that an offer draws on.
    pub fn drawn_on(&self, ix: OfferIx) -> &[u32] {
        self.of_offer.get(ix.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The quotas that an offer draws on.
    pub fn quotas_of(&self, ix: OfferIx) -> impl Iterator<Item = &Quota> {
        self.drawn_on(ix).iter().map(|q| &self.quotas[*q as usize])
    }
}

/// A quota's limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Its name for people.
    pub name: String,
    /// In parts of accelerators, or of instances.
    pub limit: i64,
    /// Parts in one: a thousand of an accelerator; of an instance as many as make shares of own nodes whole.
    pub unit: i64,
    /// Whether it counts instances instead of accelerators.
    pub instances: bool,
}

impl Quota {
    /// Accelerators, or instances, of so many parts.
    pub fn amount(&self, parts: i64) -> f64 {
        parts as f64 / self.unit as f64
    }
}

/// Into how many parts an instance is divided so that every workload takes a whole number of parts of
/// every own node; where that takes too many, so finely that rounding up does not matter.
fn share_unit(world: &World<'_>) -> i64 {
    const FINEST: u64 = 1_000_000_000;
    let mut unit = 1;
    let groups = || world.inputs.estate.sites.iter().flat_map(|site| &site.nodes);
    for request in world.inputs.workloads.iter().map(|workload| &workload.spec.request) {
        for group in groups() {
            let devices = group.accelerators.unwrap_or(u32::from(group.accelerator.is_some()));
            let shares = [
                (request.accelerators.as_ref().map(|a| a.count().milli()), u64::from(devices) * 1000),
                (request.cpu.map(Cpu::milli), group.cpu.map_or(0, Cpu::milli)),
                (request.memory.map(|memory| memory.0), group.memory.map_or(0, |memory| memory.0)),
            ];
            for (asked, has) in shares {
                let Some(asked) = asked.filter(|asked| *asked > 0 && has > 0) else { continue };
                let parts = has / divisor(asked, has);
                let common = u128::from(unit) * u128::from(parts / divisor(unit, parts));
                match u64::try_from(common) {
                    Ok(common) if common <= FINEST => unit = common,
                    _ => return FINEST as i64,
                }
            }
        }
    }
    unit as i64
}

/// The greatest common divisor.
const fn divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// What a quota is about, in words: its match, and its position when that is empty.
fn quota_name(position: u32, matches: &Match) -> String {
    let parts = [
        matches.offer.clone(),
        matches.cloud.clone(),
        matches.region.clone(),
        matches.zone.clone(),
        matches.instance_type.clone(),
        matches.accelerator.clone(),
        matches.capacity.map(|c| c.to_string()),
    ];
    let words: Vec<String> = parts.into_iter().flatten().collect();
    if words.is_empty() { format!("quota {position}") } else { words.join(" ") }
}
