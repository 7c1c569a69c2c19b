//! The checker from outside: hand-computed figures, broken rules, corrupted plans, laws.
#![expect(clippy::unwrap_used, reason = "a test that cannot build its documents has failed")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` values are made where they are passed")]

mod carbon;
mod common;
mod corruptions;
mod data;
mod embedded;
mod laws;
mod money;
mod rules;
