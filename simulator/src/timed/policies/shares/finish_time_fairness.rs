//! Finish-time fairness (Themis: Mahajan et al., NSDI 2020; with heterogeneity: Gavel): the largest ratio of the time a
//! job takes in all to the time it would have taken alone on its part of the machines is as small as can be.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;

use super::{Claim, Parts, Rule, Scene, program};

#[derive(Debug, Default)]
pub(super) struct FinishTimeFairness {
    /// By order of arrival: how far a job had come at the last division, and how fast it would have been alone then.
    before: BTreeMap<u64, Before>,
}

#[derive(Debug, Clone, Copy)]
struct Before {
    /// Steps that were left.
    left: f64,
    /// Steps per second alone.
    alone: f64,
    /// Seconds that it would have taken alone to come so far.
    taken: f64,
}

/// So close the ratio is found.
const CLOSE: f64 = 1e-4;

impl Rule for FinishTimeFairness {
    fn divide(&mut self, scene: &Scene, _: &mut ChaCha8Rng) -> Parts {
        let alone = alone(scene);
        let mut now = BTreeMap::new();
        for (claim, alone) in scene.claims.iter().zip(&alone) {
            let taken = self
                .before
                .get(&claim.order)
                .map_or(0.0, |before| before.taken + (before.left - claim.left) / before.alone);
            now.insert(claim.order, Before { left: claim.left, alone: *alone, taken });
        }
        self.before = now;
        let worth: Parts = scene.claims.iter().map(|claim| claim.pace.clone()).collect();
        // At a ratio each job must be done within a time; whether all can is a linear program.
        let at = |ratio: f64| -> Option<Parts> {
            let mut needs = Vec::with_capacity(worth.len());
            for (claim, pace) in scene.claims.iter().zip(&worth) {
                let before = self.before[&claim.order];
                let time = ratio * (before.taken + claim.left / before.alone) - claim.age;
                if time <= 0.0 {
                    return None;
                }
                let need = claim.left.max(1.0) / time;
                needs.push(pace.iter().map(|pace| pace / need).collect());
            }
            let parts = program::most_for_the_least(scene, &needs)?;
            let least = parts.iter().zip(&needs).map(|(part, need)| program::gets(part, need));
            (least.fold(f64::INFINITY, f64::min) >= 1.0 - CLOSE).then_some(parts)
        };
        let (mut low, mut high) = (0.0, 1.0);
        let mut best = at(high);
        while best.is_none() && high < 1e12 {
            (low, high) = (high, high * 4.0);
            best = at(high);
        }
        while high - low > CLOSE * high {
            let middle = f64::midpoint(low, high);
            if let Some(parts) = at(middle) {
                (high, best) = (middle, Some(parts));
            } else {
                low = middle;
            }
        }
        best.unwrap_or_else(|| program::nothing(scene))
    }
}

/// Steps per second of each job on its equal part of every kind, never more than all of its time.
fn alone(scene: &Scene) -> Vec<f64> {
    let jobs = scene.claims.len() as f64;
    let of = |claim: &Claim| {
        let parts: Vec<f64> = scene.devices.iter().map(|devices| devices / jobs / claim.scale).collect();
        let all = parts.iter().sum::<f64>().max(1.0);
        (program::gets(&parts, &claim.pace) / all).max(1e-9)
    };
    scene.claims.iter().map(of).collect()
}
