//! Who decides when a job starts, and where.
//!
//! A policy is one small file. It is told of every job that comes and leaves, and asked to decide after all that
//! happened at a time; what it does to the world is checked there.

mod fifo;
pub mod forecast;
pub mod make;
mod plan;
mod ranked;
pub mod shares;
pub mod spot;
pub mod when;

use super::world::{JobIx, World};

pub use fifo::Fifo;
pub use plan::Plan;
pub use ranked::{Rank, Ranked};

/// A policy in one run.
pub trait Policy {
    /// A job came.
    fn arrived(&mut self, world: &mut World<'_>, ix: JobIx);

    /// A job is done; its place may be another job's from now on.
    fn left(&mut self, _: &mut World<'_>, _: JobIx) {}

    /// A job was interrupted, and waits again.
    fn interrupted(&mut self, _: &mut World<'_>, _: JobIx) {}

    /// Everything that happens now has happened.
    fn decide(&mut self, world: &mut World<'_>);
}
