//! Ours: a plan every so often for all jobs that wait, placed by regret at the prices of packing programs.
//!
//! Jobs are ranked by their response ratio, (waited + work) / work (highest response ratio next, Brinch Hansen 1971),
//! so that short ones come first and none waits for ever, and by how much of the time to their deadline their work
//! takes. The first that finds no room is promised the moment at which the jobs that run will have left enough; others
//! start only where they keep that promise (EASY backfilling, Lifka 1995). It plans with durations, as documents of
//! `plimsoll plan` state them; nothing that runs is moved.

use std::collections::BTreeMap;

use super::Policy;
use crate::timed::world::{JobIx, World};

/// The policy in one run.
#[derive(Debug)]
pub struct Plan {
    /// Microseconds between two plans; 0: at every event.
    every: u64,
    waiting: BTreeMap<u64, JobIx>,
    /// Who runs: until when, with how many devices.
    running: BTreeMap<JobIx, (u64, u64)>,
    /// The next plan that was asked for.
    next: u64,
}

/// What was promised to the first job that found no room.
struct Promise {
    /// When it will start.
    at: u64,
    /// Devices that are free then beside its own.
    spare: u64,
}

impl Plan {
    /// Nothing waits.
    pub fn new(every: u64) -> Self {
        Self { every, waiting: BTreeMap::new(), running: BTreeMap::new(), next: 0 }
    }

    /// Thousandths: larger first.
    fn rank(world: &World<'_>, ix: JobIx) -> u64 {
        let (live, now) = (world.job(ix), world.now);
        let work = live.job.work.max(1_000_000);
        let waited = now - live.job.arrive;
        let ratio = (u128::from(waited + work) * 1000 / u128::from(work)) as u64;
        // A deadline that cannot be met any more hurries nobody.
        let urgency = match live.job.deadline {
            Some(deadline) if deadline >= now + work => {
                (u128::from(work) * 4000 / u128::from(deadline - now)) as u64
            }
            _ => 0,
        };
        ratio + urgency
    }

    fn promise(&self, world: &World<'_>, devices: u64) -> Promise {
        let mut free = world.cluster.devices() - world.cluster.busy();
        let mut ends: Vec<(u64, u64)> = self.running.values().copied().collect();
        ends.sort_unstable();
        let mut at = world.now;
        for (end, held) in ends {
            if free >= devices {
                break;
            }
            (at, free) = (end, free + held);
        }
        Promise { at, spare: free.saturating_sub(devices) }
    }
}

impl Policy for Plan {
    fn arrived(&mut self, world: &mut World<'_>, ix: JobIx) {
        self.waiting.insert(world.job(ix).order, ix);
        if let Some(earliest) = world.job(ix).job.earliest {
            world.wake(earliest);
        }
    }

    fn left(&mut self, _: &mut World<'_>, ix: JobIx) {
        self.running.remove(&ix);
    }

    fn decide(&mut self, world: &mut World<'_>) {
        let now = world.now;
        if self.waiting.is_empty() {
            return;
        }
        if self.every > 0 && !now.is_multiple_of(self.every) {
            let next = now - now % self.every + self.every;
            if self.next < next {
                self.next = next;
                world.wake(next);
            }
            return;
        }
        let mut order: Vec<(i64, u64, u64, JobIx)> = self
            .waiting
            .iter()
            .filter(|(_, ix)| world.job(**ix).job.earliest.is_none_or(|earliest| earliest <= now))
            .map(|(order, ix)| (world.job(*ix).job.priority, Self::rank(world, *ix), u64::MAX - order, *ix))
            .collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        let mut promise: Option<Promise> = None;
        let mut refused = Vec::new();
        for (_, _, _, ix) in order {
            let live = world.job(ix);
            let (work, devices, number) = (live.job.work, live.job.devices(), live.order);
            let ends = now + work;
            if let Some(promise) = &promise
                && ends > promise.at
                && devices > promise.spare
            {
                continue;
            }
            if refused.contains(&live.job.ask) {
                continue;
            }
            if world.start(ix) {
                self.waiting.remove(&number);
                self.running.insert(ix, (ends, devices));
                if let Some(promise) = promise.as_mut().filter(|promise| ends > promise.at) {
                    promise.spare -= devices;
                }
                continue;
            }
            refused.push(world.job(ix).job.ask.clone());
            if promise.is_none() {
                promise = Some(self.promise(world, devices));
            }
        }
    }
}
