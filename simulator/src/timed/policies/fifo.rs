//! First come, first served; among equal arrivals larger priority first. Nothing that runs is stopped.
//!
//! Without backfilling nothing overtakes the first job that waits (the baseline of Tiresias, NSDI 2019). With
//! `backfill = "any"` whatever fits may, as kube-scheduler does.

use std::collections::BTreeMap;

use plimsoll_packing::fleet::Request;

use super::Policy;
use crate::timed::world::{JobIx, World};

/// The queue.
#[derive(Debug, Default)]
pub struct Fifo {
    backfill: bool,
    /// By priority, then by order of arrival.
    waiting: BTreeMap<(i64, u64), JobIx>,
}

impl Fifo {
    /// An empty queue.
    pub fn new(backfill: bool) -> Self {
        Self { backfill, waiting: BTreeMap::new() }
    }
}

impl Policy for Fifo {
    fn arrived(&mut self, world: &mut World<'_>, ix: JobIx) {
        let live = world.job(ix);
        self.waiting.insert((-live.job.priority, live.order), ix);
    }

    fn decide(&mut self, world: &mut World<'_>) {
        let mut started = Vec::new();
        // What found no room will find none while nothing leaves, nor will what asks for the same.
        let mut refused: Vec<Request> = Vec::new();
        for (key, ix) in &self.waiting {
            let live = world.job(*ix);
            // What may not start yet holds nobody up.
            if live.is_early(world.now) {
                continue;
            }
            if !refused.contains(&live.job.ask) {
                if world.start(*ix) {
                    started.push(*key);
                    continue;
                }
                refused.push(world.job(*ix).job.ask.clone());
            }
            if !self.backfill || refused.len() >= MOST_REFUSED {
                break;
            }
        }
        for key in started {
            self.waiting.remove(&key);
        }
    }
}

/// So many different requests are tried at a time: where more than this wait in vain, the cluster is full.
const MOST_REFUSED: usize = 64;
