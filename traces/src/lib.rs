//! Readers of public traces: what ran, on which machines.
//!
//! A trace is the evidence that a policy is judged by, so a reader never guesses: a cell that cannot be what
//! its column says is an error with file, row and column, and reading stops. With [`Tolerance::Count`] such a
//! row is left out instead and counted under its reason ([`Dropped`]); nothing is ever filled in.
//!
//! Files are plain CSV or gzip; which of the two is seen from the first bytes, not from the name. No clock, no
//! environment, no network; the same bytes give the same rows in the same order.

mod error;
pub mod jobs;
pub mod openb;
pub mod prices;
pub mod series;
mod table;
pub mod throughputs;

pub use error::{Fault, TraceError};
pub use table::{Dropped, Listing, Tolerance, plain, quoted};
