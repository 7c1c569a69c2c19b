//! Exact quantities: money, power, carbon, bytes, time.
//!
//! Every quantity that a user can write is held as an integer of a fixed small unit, so that sums are
//! exact, equal inputs stay equal, and a plan can be recomputed to the last micro-dollar. Decimal
//! quantities share one representation ([`decimal`]): an `i128` counting 10^-12 of the unit.
//! Conversions to `f64` happen only where a solver's matrix or a transcendental function needs them.

pub mod decimal;
pub mod size;
pub mod time;

pub use decimal::{GbitPerSecond, Grams, GramsPerKwh, Kg, Millisecond, PerHour, Ratio, Usd, Watts};
pub use size::{AcceleratorCount, Bytes, Cpu};
pub use time::{Duration, Time, When};
