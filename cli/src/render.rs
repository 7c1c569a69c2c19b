//! What people read: pure functions from results to text.
//!
//! Text carries escape sequences where colour helps; the streams it goes to strip them when colours are
//! not wanted.

mod plan;

pub(crate) use plan::{phase, plan, verdict};
