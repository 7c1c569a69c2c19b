//! First come, first served, on the kind where a job is fastest (Gavel); nothing overtakes the first that has no room.
//!
//! All are placed anew at each division, so that a job moves to a better kind that has become free. Without knowledge of
//! kinds a job is put on any with room, by lot, and stays there.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Parts, Rule, Scene, program};

#[derive(Debug)]
pub(super) struct Fifo {
    aware: bool,
    /// By order of arrival: where it is put.
    on: BTreeMap<u64, usize>,
}

impl Fifo {
    pub(super) fn new(aware: bool) -> Self {
        Self { aware, on: BTreeMap::new() }
    }
}

impl Rule for Fifo {
    fn divide(&mut self, scene: &Scene, draws: &mut ChaCha8Rng) -> Parts {
        let mut free = scene.devices.clone();
        let mut parts = program::nothing(scene);
        let before = std::mem::take(&mut self.on);
        let mut put = |at: usize, kind: usize, free: &mut Vec<f64>| {
            let claim = &scene.claims[at];
            free[kind] -= claim.scale;
            parts[at][kind] = 1.0;
            self.on.insert(claim.order, kind);
        };
        let stays = |order: &u64| before.get(order).copied().filter(|_| !self.aware);
        for (at, claim) in scene.claims.iter().enumerate() {
            if let Some(kind) = stays(&claim.order) {
                put(at, kind, &mut free);
            }
        }
        for (at, claim) in scene.claims.iter().enumerate() {
            if stays(&claim.order).is_some() {
                continue;
            }
            let fits = |kind: &usize| claim.pace[*kind] > 0.0 && free[*kind] >= claim.scale;
            let kinds: Vec<usize> = (0..free.len()).filter(fits).collect();
            let best = if self.aware {
                // Of equals the first.
                kinds.into_iter().rev().max_by(|one, other| claim.pace[*one].total_cmp(&claim.pace[*other]))
            } else if kinds.is_empty() {
                None
            } else {
                Some(kinds[draws.random_range(0..kinds.len())])
            };
            let Some(kind) = best else { break };
            put(at, kind, &mut free);
        }
        parts
    }

    fn fills_up(&self) -> bool {
        false
    }
}
