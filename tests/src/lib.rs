//! End-to-end tests: random instances of every feature, and the best plan by exhaustion.

pub mod brute;
pub mod dice;
pub mod features;
pub mod instances;
