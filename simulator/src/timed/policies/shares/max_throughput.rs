//! The most steps per second of all jobs together (Gavel's maximum sum of throughputs).

use rand_chacha::ChaCha8Rng;

use super::{Parts, Rule, Scene, program};

#[derive(Debug)]
pub(super) struct MaxThroughput;

impl Rule for MaxThroughput {
    fn divide(&mut self, scene: &Scene, _: &mut ChaCha8Rng) -> Parts {
        let most = scene.claims.iter().flat_map(|claim| &claim.pace).copied().fold(1.0, f64::max);
        let columns =
            program::Columns::new(scene, |claim, kind| -scene.claims[claim].pace[kind] / most * 100.0);
        columns.solve().unwrap_or_else(|| program::nothing(scene))
    }
}
