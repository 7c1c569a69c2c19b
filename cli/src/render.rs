//! What people read: pure functions from results to text.
//!
//! Text carries escape sequences where colour helps; the streams it goes to strip them when colours are
//! not wanted.

mod assumed;
mod demo;
mod evidence;
mod explain;
mod format;
mod front;
mod html;
mod offers;
mod packing;
mod plan;
mod simulation;
mod style;
mod table;
pub(crate) mod trace;
mod verdict;

pub(crate) use demo::demo;
pub(crate) use evidence::evidence;
pub(crate) use explain::explain;
pub(crate) use format::days;
pub(crate) use front::front;
pub(crate) use html::{Report, page, simulation_page};
pub(crate) use offers::{AcceleratorNames, aliases, offers, stale};
pub(crate) use packing::{packing, verdict as verdict_of_packing};
pub(crate) use plan::plan;
pub(crate) use simulation::simulation;
pub(crate) use verdict::{packing_step, phase, verdict};
