//! End-to-end tests: random instances of every feature, and the best plan by exhaustion.

#![expect(clippy::missing_panics_doc, reason = "a test's helpers fail the test when they cannot go on")]

pub mod brute;
pub mod dice;
pub mod features;
pub mod instances;
pub mod laws;
