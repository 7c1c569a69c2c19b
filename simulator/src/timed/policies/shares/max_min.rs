//! Max-min fairness: the job that gets least gets as much as can be (Gavel's least attained service).
//!
//! What a job gets is its steps per second, times its accelerators, by its weight, beside what it would make if it were
//! spread over all accelerators alike.

use rand_chacha::ChaCha8Rng;

use super::{Parts, Rule, Scene, program};

#[derive(Debug)]
pub(super) struct MaxMin;

impl Rule for MaxMin {
    fn divide(&mut self, scene: &Scene, _: &mut ChaCha8Rng) -> Parts {
        let all: f64 = scene.devices.iter().sum();
        let spread: Vec<f64> = scene.devices.iter().map(|devices| devices / all).collect();
        let worth = |claim: &super::Claim| {
            let alike = program::gets(&spread, &claim.pace) * claim.weight;
            claim.pace.iter().map(|pace| pace * claim.scale / alike.max(f64::MIN_POSITIVE)).collect()
        };
        let worth: Parts = scene.claims.iter().map(worth).collect();
        program::most_for_the_least(scene, &worth).unwrap_or_else(|| program::nothing(scene))
    }
}
