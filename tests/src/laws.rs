//! What the laws over random instances share: how many are tried, and how they are drawn.
//!
//! `PLIMSOLL_CASES=20` tries twenty times as many.

use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, RngSeed},
};

use crate::{
    features::Feature,
    instances::{Instance, instance},
};

/// How many times as many cases as usual are tried.
pub fn times() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "a test may be made longer")]
    let times = std::env::var("PLIMSOLL_CASES");
    times.map_or(1, |times| times.parse().expect("PLIMSOLL_CASES is a number"))
}

/// So many cases, the same ones every time.
pub fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases * times(),
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(20_261_126),
        max_global_rejects: 1_000_000,
        ..ProptestConfig::default()
    }
}

/// Instances with up to so many features, none of them among `without`.
pub fn instances(most: usize, without: &'static [Feature]) -> impl Strategy<Value = Instance> {
    let allowed: Vec<Feature> =
        Feature::ALL.iter().copied().filter(|feature| !without.contains(feature)).collect();
    (0..1_000_000_u64, prop::collection::vec(prop::sample::select(allowed), 1..=most))
        .prop_map(|(seed, features)| instance(seed, &features))
}
