//! How replicas sit on an offer: whether one fits, how many an instance holds, how many instances that takes.

use plimsoll_catalog as catalog;
use plimsoll_model::{
    AcceleratorKind, Cpu,
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

/// The first dimension in which one replica does not fit on one instance: what, needs, has.
pub(super) fn too_small(request: &Request, offer: &Offer) -> Option<(&'static str, Value, Value)> {
    if let Some(accelerators) = &request.accelerators {
        let count = accelerators.count();
        if count.is_fraction() && offer.nodes.is_none() {
            return Some(("count", json!(count.milli() as f64 / 1000.0), json!("whole accelerators")));
        }
        if count.milli() > offer.accelerators {
            return Some((
                "count",
                json!(count.milli() as f64 / 1000.0),
                json!(offer.accelerators as f64 / 1000.0),
            ));
        }
    } else if let Some(hosts) = hosts(offer).filter(|hosts| *hosts > 1) {
        // Its cores and memory are those of several machines.
        return Some(("hosts", json!(1), json!(hosts)));
    }
    if let Some(cpu) = request.cpu
        && offer.cpu.is_none_or(|has| has < cpu)
    {
        return Some(("cpu", json!(cpu), json!(offer.cpu)));
    }
    if let Some(memory) = request.memory
        && offer.memory.is_none_or(|has| has < memory)
    {
        return Some(("memory", json!(memory), json!(offer.memory)));
    }
    if !request.instance_type.is_empty()
        && !offer.instance_type.as_deref().is_some_and(|t| request.instance_type.iter().any(|i| i == t))
    {
        return Some(("instanceType", json!(request.instance_type), json!(offer.instance_type)));
    }
    if let Some(kind) = offer.instance_type.as_deref()
        && request.not_instance_type.iter().any(|forbidden| forbidden == kind)
    {
        return Some(("notInstanceType", json!(request.not_instance_type), json!(kind)));
    }
    if let Some(arch) = request.arch
        && offer.arch != Some(arch)
    {
        return Some(("arch", json!(arch), json!(offer.arch)));
    }
    None
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
