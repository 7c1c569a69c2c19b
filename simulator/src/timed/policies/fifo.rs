//! First come, first served; among equal arrivals larger priority first. Nothing that runs is stopped.
//!
//! Without backfilling nothing overtakes the first job that waits (the baseline of Tiresias, NSDI 2019). With
//! `backfill = "any"` whatever fits may, as kube-scheduler does.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_packing::fleet::Request;

use super::Policy;
use crate::timed::world::{JobIx, World};

/// The queue.
#[derive(Debug, Default)]
pub struct Fifo {
    backfill: bool,
    /// By priority, then by order of arrival.
    waiting: BTreeMap<(i64, u64), JobIx>,
    /// What was asked for and found no room. It will find none before a job leaves a node that then has some.
    refused: BTreeSet<Request>,
}

impl Fifo {
    /// An empty queue.
    pub fn new(backfill: bool) -> Self {
        Self { backfill, ..Self::default() }
    }
}

impl Policy for Fifo {
    fn arrived(&mut self, world: &mut World<'_>, ix: JobIx) {
        let live = world.job(ix);
        self.waiting.insert((-live.job.priority, live.order), ix);
    }

    fn decide(&mut self, world: &mut World<'_>) {
        let mut started = Vec::new();
        let freed = world.cluster.take_freed();
        self.refused.retain(|ask| !world.cluster.could_now(ask, &freed));
        for (key, ix) in &self.waiting {
            let live = world.job(*ix);
            // What may not start yet holds nobody up.
            if live.is_early(world.now) {
                continue;
            }
            let ask = &live.job.ask;
            if self.refused.contains(ask) {
                continue;
            }
            if world.start(*ix) {
                started.push(*key);
                continue;
            }
            self.refused.insert(world.job(*ix).job.ask.clone());
            if !self.backfill {
                break;
            }
        }
        for key in started {
            self.waiting.remove(&key);
        }
        if !self.backfill {
            // What stands behind the first is not looked at, and what is known of it is old.
            self.refused.clear();
        }
    }
}
