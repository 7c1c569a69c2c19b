//! How many replicas an instance holds, how many instances that takes, and how long the run is.
//!
//! - k = the replicas that one instance holds by accelerators, cpu and memory, at most `replicas` and
//!   `perInstance`. What
//!   an offer does not state it does not have. A request that bounds nothing (only `instanceType`)
//!   makes k = `replicas`.
//! - n = ceil(replicas / k) on clouds; on own nodes replicas × the largest share of a node.
//! - A fraction of an accelerator lies on one device: floor(1 / fraction) on each, and only on own nodes.
//! - The run time is `duration` / speed to the nanosecond; a service runs for the horizon whatever its
//!   speed. The first key of `speed` that names the accelerator (by any alias) counts, else the
//!   instance type, else, without accelerators, `cpu`.

use std::borrow::Cow;

use num_bigint::BigInt;
use num_traits::Zero as _;
use plimsoll_model::{
    Duration, Ratio,
    workload::{Alternative, WorkloadSpec},
};

use crate::{
    Checker,
    exact::{Rat, int, ratio},
    offer::Offer,
};

/// How the replicas of a workload sit on an offer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fit {
    /// k, the replicas that one instance holds.
    pub(crate) k: u32,
    /// n, instances; a fraction on own nodes.
    pub(crate) n: Rat,
}

/// A workload as one of its alternatives states it.
fn instead(spec: &WorkloadSpec, other: &Alternative) -> WorkloadSpec {
    let mut spec = spec.clone();
    spec.alternatives.clear();
    spec.ordered = false;
    if let Some(request) = &other.request {
        spec.request = request.clone();
    }
    if other.capacity.is_some() {
        spec.capacity.clone_from(&other.capacity);
    }
    if other.max_hourly.is_some() {
        spec.max_hourly = other.max_hourly;
    }
    for (places, stated) in [
        (&mut spec.regions, &other.regions),
        (&mut spec.clouds, &other.clouds),
        (&mut spec.zones, &other.zones),
        (&mut spec.not_in, &other.not_in),
    ] {
        if let Some(stated) = stated {
            places.clone_from(stated);
        }
    }
    spec
}

/// The fit, or `None` when an instance holds no replica.
pub(crate) fn fit(spec: &WorkloadSpec, offer: &Offer) -> Option<Fit> {
    let replicas = u64::from(spec.replicas);
    let mut k = replicas.min(spec.per_instance.map_or(u64::MAX, u64::from));
    let mut share = Rat::zero();
    let mut bound = |holds: u64, part: Rat| {
        k = k.min(holds);
        if part > share {
            share = part;
        }
    };
    let asked = spec.request.accelerators.as_ref().map_or(0, |request| request.count().milli());
    if asked > 0 {
        bound(replicas_by_accelerators(asked, offer)?, share_of(asked, offer.accelerators_milli)?);
    }
    let cpu = (spec.request.cpu.map(|cpu| cpu.0), offer.spec.cpu.map(|cpu| cpu.0));
    let memory = (spec.request.memory.map(|memory| memory.0), offer.spec.memory.map(|memory| memory.0));
    for (asked, has) in [cpu, memory] {
        if let Some(asked) = asked.filter(|asked| *asked > 0) {
            let has = has.unwrap_or(0);
            bound(has / asked, share_of(asked, has)?);
        }
    }
    let k = u32::try_from(k).ok().filter(|k| *k > 0)?;
    let instances = replicas.div_ceil(u64::from(k));
    Some(if offer.own.is_some() { Fit { k, n: int(replicas) * share } } else { Fit { k, n: int(instances) } })
}

fn replicas_by_accelerators(asked: u64, offer: &Offer) -> Option<u64> {
    if asked >= 1000 {
        return Some(offer.accelerators_milli / asked);
    }
    offer.own.as_ref()?;
    Some(1000 / asked * offer.devices())
}

fn share_of(asked: u64, has: u64) -> Option<Rat> {
    (has > 0).then(|| ratio(BigInt::from(asked), BigInt::from(has)))
}

impl Checker<'_> {
    /// A workload as it runs on an offer: itself, or the first alternative that the offer passes all
    /// filters of, when it does not pass the workload's own.
    pub(crate) fn way<'s>(&self, spec: &'s WorkloadSpec, offer: &Offer) -> Cow<'s, WorkloadSpec> {
        let passes = |spec: &WorkloadSpec| self.first_filter(spec, offer).is_none();
        if spec.alternatives.is_empty() || passes(spec) {
            return Cow::Borrowed(spec);
        }
        let mut others = spec.alternatives.iter().map(|other| instead(spec, other));
        others.find(passes).map_or(Cow::Borrowed(spec), Cow::Owned)
    }

    /// How many ways of a workload whose ways are in order come before the one in which it runs on an offer;
    /// 0 where they are in none.
    pub(crate) fn ways_before(&self, spec: &WorkloadSpec, offer: &Offer) -> usize {
        if !spec.ordered || self.first_filter(spec, offer).is_none() {
            return 0;
        }
        let passes = |other: &Alternative| self.first_filter(&instead(spec, other), offer).is_none();
        spec.alternatives.iter().position(passes).map_or(0, |before| before + 1)
    }

    /// The speed of a workload on an offer: `None` when `speed` lacks it.
    pub(crate) fn speed(&self, spec: &WorkloadSpec, offer: &Offer) -> Option<Ratio> {
        let Some(speeds) = &spec.speed else { return Some(Ratio::from_units(1)) };
        let by_accelerator = offer.accelerator.as_ref().and_then(|accelerator| {
            speeds.iter().find(|(key, _)| self.canonical(key) == *accelerator).map(|(_, speed)| *speed)
        });
        by_accelerator
            .or_else(|| offer.spec.instance_type.as_ref().and_then(|kind| speeds.get(kind).copied()))
            .or_else(|| offer.accelerator.is_none().then(|| speeds.get("cpu").copied()).flatten())
            .filter(|speed| !speed.is_zero())
    }

    /// How long the workload computes on the offer: `None` when `speed` lacks it.
    pub(crate) fn run_time(&self, spec: &WorkloadSpec, offer: &Offer) -> Option<Duration> {
        let speed = self.speed(spec, offer)?;
        match spec.duration {
            Some(duration) => duration.divided_by_pico(speed.pico()),
            None => Some(self.flags.horizon),
        }
    }
}
