//! Preemptive queues: at every event the jobs that rank first run, others are stopped for them. A job stops only those
//! behind it whose room it takes, the last first; where all of them together have no room for it, none.
//!
//! Shortest remaining time first, and least attained service in discretised queues (Tiresias, NSDI 2019): a job starts
//! in the first queue and falls to the next when it has run for that queue's limit; within a queue, by arrival.

use std::collections::BTreeSet;

use plimsoll_packing::fleet::Request;

use super::Policy;
use crate::timed::world::{JobIx, World};

/// What jobs are ranked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rank {
    /// Microseconds of work that are left.
    ShortestRemaining,
    /// The queue that its run time has brought it to; the limits in microseconds, ascending.
    LeastAttained(Vec<u64>),
}

/// All jobs in flight.
#[derive(Debug)]
pub struct Ranked {
    rank: Rank,
    jobs: BTreeSet<JobIx>,
}

impl Ranked {
    /// Nothing in flight.
    pub fn new(rank: Rank) -> Self {
        Self { rank, jobs: BTreeSet::new() }
    }

    fn key(&self, world: &World<'_>, ix: JobIx) -> (i64, u64, u64) {
        let live = world.job(ix);
        let rank = match &self.rank {
            Rank::ShortestRemaining => live.remaining(world.now),
            Rank::LeastAttained(limits) => {
                let attained = live.attained(world.now);
                limits.iter().filter(|limit| attained >= **limit).count() as u64
            }
        };
        (-live.job.priority, rank, live.order)
    }

    /// Asks to be woken when a running job falls to the next queue.
    fn wake(&self, world: &mut World<'_>) {
        let Rank::LeastAttained(limits) = &self.rank else { return };
        let next = self
            .jobs
            .iter()
            .map(|ix| world.job(*ix))
            .filter(|live| live.running.is_some())
            .filter_map(|live| {
                let attained = live.attained(world.now);
                limits.iter().find(|limit| **limit > attained).map(|limit| limit - attained)
            })
            .min();
        if let Some(next) = next {
            world.wake(world.now + next);
        }
    }
}

impl Policy for Ranked {
    fn arrived(&mut self, _: &mut World<'_>, ix: JobIx) {
        self.jobs.insert(ix);
    }

    fn left(&mut self, _: &mut World<'_>, ix: JobIx) {
        self.jobs.remove(&ix);
    }

    fn decide(&mut self, world: &mut World<'_>) {
        let mut order: Vec<JobIx> = self.jobs.iter().copied().collect();
        order.sort_by_cached_key(|ix| self.key(world, *ix));
        // What found no room, even in place of all behind it, will find none further back.
        let mut refused: BTreeSet<Request> = BTreeSet::new();
        for (at, ix) in order.iter().enumerate() {
            let live = world.job(*ix);
            if live.running.is_some() || live.is_early(world.now) || refused.contains(&live.job.ask) {
                continue;
            }
            if world.start(*ix) {
                continue;
            }
            let gives_way = |ix: &JobIx| {
                let live = world.job(*ix);
                // A job whose last moment this is leaves by itself.
                live.running.is_some() && live.job.interruptible && !live.is_done(world.now)
            };
            let others: Vec<JobIx> = order[at + 1..].iter().rev().copied().filter(gives_way).collect();
            if !world.start_instead(*ix, &others) {
                refused.insert(world.job(*ix).job.ask.clone());
            }
        }
        self.wake(world);
    }
}
