//! Ours: a plan every so often for all jobs that wait, placed by regret at the prices of packing programs, and repaired
//! at every event in between: what comes or leaves is taken into the plan in force, whose order stays.
//!
//! Jobs are ranked by their response ratio, (waited + work) / work (highest response ratio next, Brinch Hansen 1971),
//! and by how much of the time to their deadline their work takes; whatever fits starts. Work that can wait leaves a
//! tenth of the devices for work that cannot. It plans with durations, as documents of `plimsoll plan` state them;
//! nothing that runs is moved.
//!
//! Promising the first job that finds no room a time that others must keep (EASY backfilling) was tried: with devices
//! of several kinds and shares of them the promise is mostly to a shape and not to a number, and it tripled the
//! deadlines that were missed on a made-up week. Without it a gang can wait long in a full cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::Policy;
use crate::timed::world::{JobIx, World};

/// The policy in one run.
#[derive(Debug)]
pub struct Plan {
    /// Microseconds between two plans; 0: at every event.
    every: u64,
    /// By order of arrival: who waits, and its rank in the plan in force.
    waiting: BTreeMap<u64, (JobIx, u64)>,
    /// When the next plan is due.
    next: u64,
}

/// How many times longer work waits whose deadline is past.
const LATE: u64 = 8;
/// Work within so many microseconds of its latest start is let into the reserve.
const PROMPT: u64 = 3_600_000_000;
/// One of so many devices is kept for it.
const RESERVE: u64 = 10;

impl Plan {
    /// Nothing waits.
    pub fn new(every: u64) -> Self {
        Self { every, waiting: BTreeMap::new(), next: 0 }
    }

    /// Thousandths: larger first.
    fn rank(world: &World<'_>, ix: JobIx) -> u64 {
        let (live, now) = (world.job(ix), world.now);
        let work = live.job.work.max(1_000_000);
        let waited = now - live.job.arrive;
        let ratio = (u128::from(waited + work) * 1000 / u128::from(work)) as u64;
        // Work whose deadline cannot be met any more comes after work whose deadline can, but does not wait for ever.
        match live.job.deadline {
            Some(deadline) if deadline >= now + work => {
                ratio + (u128::from(work) * 4000 / u128::from(deadline - now)) as u64
            }
            Some(_) => ratio / LATE,
            None => ratio,
        }
    }
}

impl Policy for Plan {
    fn arrived(&mut self, world: &mut World<'_>, ix: JobIx) {
        self.waiting.insert(world.job(ix).order, (ix, Self::rank(world, ix)));
    }

    fn decide(&mut self, world: &mut World<'_>) {
        let now = world.now;
        if self.waiting.is_empty() {
            return;
        }
        if now >= self.next {
            for (ix, rank) in self.waiting.values_mut() {
                *rank = Self::rank(world, *ix);
            }
            if self.every > 0 {
                self.next = now - now % self.every + self.every;
                world.wake(self.next);
            }
        }
        let mut order: Vec<(i64, u64, u64, JobIx)> = self
            .waiting
            .iter()
            .filter(|(_, (ix, _))| !world.job(*ix).is_early(now))
            .map(|(order, (ix, rank))| (world.job(*ix).job.priority, *rank, u64::MAX - order, *ix))
            .collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        let all = world.cluster.devices();
        let mut refused = BTreeSet::new();
        for (_, _, _, ix) in order {
            let live = world.job(ix);
            let (devices, number) = (live.job.devices(), live.order);
            let can_wait = live.job.deadline.is_some_and(|deadline| deadline > now + live.job.work + PROMPT);
            if can_wait && devices > 0 && all - world.cluster.busy() < devices + all / RESERVE {
                continue;
            }
            if refused.contains(&live.job.ask) {
                continue;
            }
            if world.start(ix) {
                self.waiting.remove(&number);
            } else {
                refused.insert(world.job(ix).job.ask.clone());
            }
        }
    }
}
