//! How replicas sit on an offer: whether one fits, how many an instance holds, how many instances that takes.

use plimsoll_catalog as catalog;
use plimsoll_model::{
    AcceleratorCount, AcceleratorKind, Bytes, Cpu,
    workload::{Request, WorkloadSpec},
};
use plimsoll_solver::problem::Demand;
use serde_json::{Value, json};

use crate::{terms::Fraction, world::Offer};

/// What one replica takes of a machine of one's own.
pub(super) fn demand(request: &Request) -> Demand {
    Demand {
        accelerators: request.accelerators.as_ref().map_or(0, |a| a.count().milli()),
        cpu: request.cpu.map_or(0, Cpu::milli),
        memory: request.memory.map_or(0, |m| m.0),
    }
}

/// The accelerators asked for, in words.
pub(super) fn wanted(request: &Request) -> String {
    // Of very many names the first ones say enough.
    const MOST: usize = 8;
    const FIRST: usize = 5;
    match &request.accelerators {
        Some(a) if a.any_of.len() > MOST => {
            format!("{} or {} others", a.any_of[..FIRST].join(" or "), a.any_of.len() - FIRST)
        }
        Some(a) if !a.any_of.is_empty() => a.any_of.join(" or "),
        Some(a) => a.kind.map_or_else(String::new, |k| format!("any {k}")),
        None => "none".into(),
    }
}

/// Why one instance does not hold one replica.
pub(super) struct Misfit {
    /// In what.
    pub(super) what: &'static str,
    pub(super) needs: Value,
    pub(super) has: Value,
    /// By how much less it would have to ask for, where that helps.
    pub(super) relax: Option<(f64, &'static str)>,
}

impl Misfit {
    fn kind(what: &'static str, needs: Value, has: Value) -> Self {
        Self { what, needs, has, relax: None }
    }
}

/// Everything in which one replica does not fit on one instance.
pub(super) fn misfits<'r>(request: &'r Request, offer: &'r Offer) -> impl Iterator<Item = Misfit> + 'r {
    const CHECKS: [fn(&Request, &Offer) -> Option<Misfit>; 7] = [
        accelerators,
        |request, offer| size(Dimension::Cpu, request, offer),
        |request, offer| size(Dimension::Memory, request, offer),
        |request, offer| {
            let known = offer.instance_type.as_deref();
            let is_it = known.is_some_and(|kind| request.instance_type.iter().any(|one| one == kind));
            (!request.instance_type.is_empty() && !is_it)
                .then(|| Misfit::kind("instanceType", json!(request.instance_type), json!(known)))
        },
        |request, offer| {
            let kind = offer.instance_type.as_deref()?;
            let is_forbidden = request.not_instance_type.iter().any(|forbidden| forbidden == kind);
            is_forbidden
                .then(|| Misfit::kind("notInstanceType", json!(request.not_instance_type), json!(kind)))
        },
        |request, offer| {
            let arch = request.arch?;
            (offer.arch != Some(arch)).then(|| Misfit::kind("arch", json!(arch), json!(offer.arch)))
        },
        |request, offer| {
            let arch = request.not_arch?;
            (offer.arch == Some(arch)).then(|| Misfit::kind("notArch", json!(arch), json!(arch)))
        },
    ];
    CHECKS.iter().filter_map(move |check| check(request, offer))
}

fn accelerators(request: &Request, offer: &Offer) -> Option<Misfit> {
    let Some(accelerators) = &request.accelerators else {
        // Its cores and memory are those of several machines.
        let hosts = hosts(offer).filter(|hosts| *hosts > 1)?;
        return Some(Misfit::kind("hosts", json!(1), json!(hosts)));
    };
    let count = accelerators.count();
    if count.is_fraction() && offer.nodes.is_none() {
        let needs = json!(count.milli() as f64 / 1000.0);
        return Some(Misfit::kind("count", needs, json!("whole accelerators")));
    }
    size(Dimension::Count, request, offer)
}

fn size(of: Dimension, request: &Request, offer: &Offer) -> Option<Misfit> {
    let needs = of.asked(request)?;
    let has = of.of(offer);
    has.is_none_or(|has| has < needs).then(|| Misfit {
        what: of.name(),
        needs: of.value(needs),
        has: has.map_or(Value::Null, |has| of.value(has)),
        relax: has.map(|has| of.amount(needs - has)),
    })
}

/// What an instance has so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Accelerators, in thousandths.
    Count,
    /// Cores, in thousandths.
    Cpu,
    /// Memory of the host, in bytes.
    Memory,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Count, Self::Cpu, Self::Memory];

    /// The field of a request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// The least by which a request can be larger.
    pub const fn step(self) -> u64 {
        match self {
            Self::Count => 1000,
            Self::Cpu | Self::Memory => 1,
        }
    }

    /// What a replica asks for.
    pub fn asked(self, request: &Request) -> Option<u64> {
        match self {
            Self::Count => request.accelerators.as_ref().map(|of| of.count().milli()),
            Self::Cpu => request.cpu.map(Cpu::milli),
            Self::Memory => request.memory.map(|memory| memory.0),
        }
    }

    /// What an instance has, where that is stated.
    pub fn of(self, offer: &Offer) -> Option<u64> {
        match self {
            Self::Count => Some(offer.accelerators),
            Self::Cpu => offer.cpu.map(Cpu::milli),
            Self::Memory => offer.memory.map(|memory| memory.0),
        }
    }

    /// As the request states it.
    pub fn value(self, amount: u64) -> Value {
        match self {
            Self::Count => json!(amount as f64 / 1000.0),
            Self::Cpu => json!(Cpu(amount)),
            Self::Memory => json!(Bytes(amount)),
        }
    }

    /// In a unit of `relaxBy`.
    pub fn amount(self, amount: u64) -> (f64, &'static str) {
        match self {
            Self::Count => (amount as f64 / 1000.0, "accelerators"),
            Self::Cpu => (amount as f64 / 1000.0, "cores"),
            Self::Memory => (amount as f64, "bytes"),
        }
    }

    /// Asks for no more than so much.
    pub fn limit(self, request: &mut Request, most: u64) {
        match self {
            Self::Count => {
                if let Some(accelerators) = &mut request.accelerators {
                    accelerators.count = Some(AcceleratorCount(accelerators.count().milli().min(most)));
                }
            }
            Self::Cpu => request.cpu = request.cpu.map(|cpu| cpu.min(Cpu(most))),
            Self::Memory => request.memory = request.memory.map(|memory| memory.min(Bytes(most))),
        }
    }
}

/// How many machines a slice of TPUs spans.
fn hosts(offer: &Offer) -> Option<u32> {
    let name = offer.accelerator_name.as_deref().filter(|_| offer.kind == Some(AcceleratorKind::Tpu))?;
    catalog::accelerator(name).map(catalog::Accelerator::hosts)
}

/// Replicas that one instance holds by accelerators, cores and memory, at most all; `None` when not one.
pub(super) fn per_instance(spec: &WorkloadSpec, offer: &Offer) -> Option<u32> {
    let request = &spec.request;
    let mut most = u64::from(spec.replicas);
    if let Some(stated) = spec.per_instance {
        most = most.min(u64::from(stated));
    }
    if let Some(accelerators) = &request.accelerators {
        let count = accelerators.count().milli();
        let held = if count < 1000 {
            // A fraction lies on one device.
            (offer.accelerators / 1000) * (1000_u64.checked_div(count)?)
        } else {
            offer.accelerators / count
        };
        most = most.min(held);
    }
    if let (Some(cpu), Some(has)) = (request.cpu, offer.cpu) {
        most = most.min(has.milli().checked_div(cpu.milli()).unwrap_or(most));
    }
    if let (Some(memory), Some(has)) = (request.memory, offer.memory) {
        most = most.min(has.0.checked_div(memory.0).unwrap_or(most));
    }
    u32::try_from(most).ok().filter(|k| *k > 0)
}

/// Instances: whole ones of a cloud; on own nodes replicas × the largest share of a node.
pub(super) fn instances(replicas: u32, per_instance: u32, request: &Request, offer: &Offer) -> Fraction {
    if offer.nodes.is_none() {
        return Fraction::whole(u64::from(replicas.div_ceil(per_instance)));
    }
    let mut share = Fraction { over: 0, under: 1 };
    if let Some(accelerators) = &request.accelerators {
        share = share.max(Fraction { over: accelerators.count().milli(), under: offer.accelerators.max(1) });
    }
    if let (Some(cpu), Some(has)) = (request.cpu, offer.cpu) {
        share = share.max(Fraction { over: cpu.milli(), under: has.milli().max(1) });
    }
    if let (Some(memory), Some(has)) = (request.memory, offer.memory) {
        share = share.max(Fraction { over: memory.0, under: has.0.max(1) });
    }
    reduced(Fraction { over: share.over.saturating_mul(u64::from(replicas)), under: share.under })
}

fn reduced(fraction: Fraction) -> Fraction {
    let (mut a, mut b) = (fraction.over, fraction.under);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let divisor = a.max(1);
    Fraction { over: fraction.over / divisor, under: fraction.under / divisor }
}
