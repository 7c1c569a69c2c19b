//! The rules of an estate that hold for offers: which may be used, quotas and interruptions.

use plimsoll_model::{
    Cpu, OneOf, PerHour,
    estate::{self, Counts},
    workload::WorkloadSpec,
};
use plimsoll_solver::problem::Demand;

use crate::{
    terms::Fraction,
    world::{Matcher, Offer, OfferIx, World},
};

/// The rules of an estate that prospects are held against.
#[derive(Debug)]
pub struct Rules {
    /// Interruption rules.
    pub interruptions: Vec<(Matcher, PerHour)>,
    /// Quotas.
    pub quotas: Vec<Quota>,
    /// By offer: the quotas it draws on; empty without quotas.
    of_offer: Vec<Vec<u32>>,
    /// What the entries of `only` allow: everyone's together, each team's together.
    only: Vec<Allowed>,
}

/// What may be used, by one team or by everyone, with accelerators or without.
#[derive(Debug)]
struct Allowed {
    team: Option<String>,
    /// Whether by workloads that ask for accelerators, else by those that ask for none.
    asking: bool,
    names: String,
    /// By offer.
    offers: Vec<bool>,
}

impl Rules {
    /// The rules of a world.
    pub fn of(world: &World<'_>) -> Self {
        let mut quotas = Vec::new();
        let mut of_offer = Vec::new();
        for (ix, quota) in (0_u32..).zip(&world.inputs.estate.quotas) {
            quotas.push(Quota::new(ix + 1, quota, world));
            of_offer.resize_with(world.offers.len(), Vec::new);
            let matcher = Matcher::new(&quota.matches, world);
            for (list, offer) in of_offer.iter_mut().zip(&world.offers) {
                if matcher.matches(offer) {
                    list.push(ix);
                }
            }
        }
        Self { interruptions: world.interruption_rules(), quotas, of_offer, only: allowed(world) }
    }

    /// The quotas that a workload on an offer draws on, with their indices.
    pub fn quotas_of<'r>(
        &'r self,
        ix: OfferIx,
        spec: &'r WorkloadSpec,
    ) -> impl Iterator<Item = (u32, &'r Quota)> {
        self.all_quotas_of(ix).filter(|(_, quota)| concerns(quota.team.as_ref(), spec))
    }

    /// The quotas that an offer draws on, whoever uses it, with their indices.
    pub fn all_quotas_of(&self, ix: OfferIx) -> impl Iterator<Item = (u32, &Quota)> {
        let on_offer = self.of_offer.get(ix.0 as usize).map_or(&[][..], Vec::as_slice);
        on_offer.iter().map(|q| (*q, &self.quotas[*q as usize]))
    }

    /// Whether an offer may be used at all, as far as the entries of `only` for everyone say.
    pub fn is_offered(&self, ix: OfferIx) -> bool {
        let general =
            |asking| self.only.iter().find(move |allowed| allowed.team.is_none() && allowed.asking == asking);
        [true, false]
            .into_iter()
            .any(|asking| general(asking).is_none_or(|allowed| allowed.offers[ix.0 as usize]))
    }

    /// The entries of `only` that keep a workload off an offer, by what they are called.
    pub fn kept_off(&self, ix: OfferIx, spec: &WorkloadSpec) -> Option<&str> {
        let asking = spec.request.accelerators.is_some();
        let about = |allowed: &&Allowed| {
            allowed.asking == asking && (allowed.team.is_none() || allowed.team == spec.team)
        };
        let mut all = self.only.iter().filter(about);
        all.find(|allowed| !allowed.offers[ix.0 as usize]).map(|allowed| &*allowed.names)
    }
}

/// Whether a rule for some teams is about a workload.
fn concerns(teams: Option<&OneOf<String>>, spec: &WorkloadSpec) -> bool {
    teams.is_none_or(|teams| spec.team.as_ref().is_some_and(|team| teams.has(team)))
}

/// The entries of `only`, those for everyone together, then those of each team together; all apart for
/// workloads with accelerators and for those without.
fn allowed(world: &World<'_>) -> Vec<Allowed> {
    let mut all: Vec<Allowed> = Vec::new();
    for (position, only) in (1..).zip(&world.inputs.estate.only) {
        let matcher = Matcher::new(&only.matches, world);
        let name = called(only.name.as_deref(), &only.matches, "only", position);
        let teams = match &only.team {
            None => vec![None],
            Some(teams) => teams.values().iter().cloned().map(Some).collect(),
        };
        let asking = only.accelerators.map_or_else(|| vec![true, false], |asking| vec![asking]);
        for (team, asking) in teams.iter().flat_map(|team| asking.iter().map(move |asking| (team, *asking))) {
            let known = all.iter().position(|allowed| allowed.team == *team && allowed.asking == asking);
            let at = known.unwrap_or_else(|| {
                // Own machines are always there, for everyone; a team may be kept off them.
                let everyone = team.is_none();
                let offers = world.offers.iter().map(|offer| everyone && offer.nodes.is_some()).collect();
                all.push(Allowed { team: team.clone(), asking, names: String::new(), offers });
                all.len() - 1
            });
            let allowed = &mut all[at];
            if !allowed.names.is_empty() {
                allowed.names += ", ";
            }
            allowed.names += &name;
            for (may, offer) in allowed.offers.iter_mut().zip(&world.offers) {
                *may = *may || matcher.matches(offer);
            }
        }
    }
    all
}

/// What a quota limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limited {
    Accelerators,
    Instances,
    Cores,
    Memory,
}

/// A quota's limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Its name for people.
    pub name: String,
    /// In parts of what it limits.
    pub limit: i64,
    /// Parts in one: a thousand of an accelerator or a core, 2^30 of a GiB; of an instance as many as make
    /// shares of own nodes whole.
    pub unit: i64,
    limited: Limited,
    counts: Counts,
    team: Option<OneOf<String>>,
}

impl Quota {
    fn new(position: u32, stated: &estate::Quota, world: &World<'_>) -> Self {
        let (limited, limit, unit) = match (stated.instances, stated.cpu, stated.memory) {
            (Some(instances), ..) => {
                let unit = share_unit(world);
                (Limited::Instances, i64::from(instances) * unit, unit)
            }
            (_, Some(cpu), _) => (Limited::Cores, whole(cpu.milli()), 1000),
            (.., Some(memory)) => (Limited::Memory, whole(memory.0), 1 << 30),
            _ => (Limited::Accelerators, i64::from(stated.accelerators.unwrap_or(0)) * 1000, 1000),
        };
        Self {
            name: called(stated.name.as_deref(), &stated.matches, "quota", position),
            limit,
            unit,
            limited,
            counts: stated.counts.unwrap_or_default(),
            team: stated.team.clone(),
        }
    }

    /// What a placement takes, in parts; `None` where an offer does not state what is limited.
    pub fn takes(&self, replicas: u32, demand: Demand, offer: &Offer, instances: Fraction) -> Option<i64> {
        if self.limited == Limited::Instances {
            let parts = u128::from(instances.over) * self.unit as u128;
            return Some(i64::try_from(parts.div_ceil(u128::from(instances.under))).unwrap_or(i64::MAX));
        }
        if offer.nodes.is_some() || self.counts == Counts::Asked {
            let asked = match self.limited {
                Limited::Cores => demand.cpu,
                Limited::Memory => demand.memory,
                _ => demand.accelerators,
            };
            return Some(whole(asked.saturating_mul(u64::from(replicas))));
        }
        Some(whole(instances.over.saturating_mul(self.each(offer)?)))
    }

    /// Whether it counts what is held, whoever holds it.
    pub fn counts_nodes(&self) -> bool {
        self.team.is_none() && self.counts == Counts::Held
    }

    /// What a node takes, in parts; `None` where the offer does not state what is limited.
    pub fn of_node(&self, offer: &Offer) -> Option<i64> {
        if self.limited == Limited::Instances { Some(self.unit) } else { self.each(offer).map(whole) }
    }

    fn each(&self, offer: &Offer) -> Option<u64> {
        Some(match self.limited {
            Limited::Cores => offer.cpu?.milli(),
            Limited::Memory => offer.memory?.0,
            _ => offer.accelerators,
        })
    }

    /// So many parts, in [`unit_name`](Self::unit_name).
    pub fn amount(&self, parts: i64) -> f64 {
        match self.limited {
            Limited::Memory => parts as f64,
            _ => parts as f64 / self.unit as f64,
        }
    }

    /// The unit of amounts.
    pub const fn unit_name(&self) -> &'static str {
        match self.limited {
            Limited::Accelerators => "accelerators",
            Limited::Instances => "instances",
            Limited::Cores => "cores",
            Limited::Memory => "bytes",
        }
    }
}

/// A count of parts as the solver adds them up. What is larger than every limit stays so, far enough
/// from the end of the type that sums of it are too.
fn whole(parts: u64) -> i64 {
    i64::try_from(parts).unwrap_or(i64::MAX).min(i64::MAX >> 8)
}

/// Into how many parts an instance is divided so that every workload takes a whole number of parts of
/// every own node; where that takes too many, so finely that rounding up does not matter.
fn share_unit(world: &World<'_>) -> i64 {
    const FINEST: u64 = 1_000_000_000;
    let mut unit = 1;
    let groups = || world.inputs.estate.sites.iter().flat_map(|site| &site.nodes);
    let ways = world.inputs.workloads.iter().flat_map(|workload| workload.spec.ways());
    for way in ways {
        let request = &way.request;
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

/// What a rule is called: its name, else what it is about, else its position.
fn called(name: Option<&str>, about: &plimsoll_model::Match, list: &str, position: u32) -> String {
    let about = name.map_or_else(|| about.to_string(), str::to_owned);
    if about.is_empty() { format!("{list} {position}") } else { about }
}
