//! What holds of packings, and examples of them.

#![expect(clippy::unwrap_used, reason = "tests")]

mod confines;
mod examples;
mod exhaustion;
mod groups;
mod joint;
mod laws;
mod moves;
mod nearly;
mod session;

use proptest::{
    prelude::ProptestConfig,
    test_runner::{RngAlgorithm, RngSeed},
};

/// So many cases, the same ones every time: how well a plan does is no law that every draw obeys.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(20_261_126),
        ..ProptestConfig::default()
    }
}
