//! What people read: pure functions from results to text.
//!
//! Text carries escape sequences where colour helps; the streams it goes to strip them when colours are
//! not wanted.

mod format;
mod offers;
mod plan;
mod style;
mod table;

pub(crate) use offers::{AcceleratorNames, age_in_days, aliases, offers, stale};
pub(crate) use plan::{phase, plan, verdict};
