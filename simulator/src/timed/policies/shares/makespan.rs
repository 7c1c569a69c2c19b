//! The least time until all jobs that are there are done (Gavel's minimum makespan).

use rand_chacha::ChaCha8Rng;

use super::{Claim, Parts, Rule, Scene, program};

#[derive(Debug)]
pub(super) struct Makespan;

impl Rule for Makespan {
    fn divide(&mut self, scene: &Scene, _: &mut ChaCha8Rng) -> Parts {
        // All are done at T when each does 1 / T of what is left in a second: the largest such part gives the least T.
        // In hours, so that the numbers are about 1.
        let worth = |claim: &Claim| {
            let left = claim.left.max(1.0);
            claim.pace.iter().map(|pace| 3600.0 * pace / left).collect()
        };
        let worth: Parts = scene.claims.iter().map(worth).collect();
        program::most_for_the_least(scene, &worth).unwrap_or_else(|| program::nothing(scene))
    }
}
