//! What Plimsoll decides about: quantities, workloads, offers, estates and plans.
//!
//! This crate is the floor of the house: every other crate points at it and it points at none. It does
//! no I/O and reads no clock, no environment and no randomness; text comes in as `&str`, time as
//! [`Time`]. The documents follow the published contract (`docs/reference`), field by field; the JSON
//! schemas in `schemas/` are derived from these types.

pub mod catalog;
pub mod changes;
pub mod diagnostic;
pub mod document;
pub mod estate;
pub mod explanation;
pub mod fleet;
pub mod front;
pub mod inputs;
pub mod offer;
mod one_of;
pub mod packing;
pub mod plan;
pub mod quantity;
pub mod read;
pub mod scenario;
pub mod scenarios;
pub mod schema;
pub mod serve;
pub mod simulation;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod toml;
pub mod workload;
pub mod yaml;

pub use changes::Changes;
pub use diagnostic::{Diagnostic, Source, Span, address, shown};
pub use document::{API_VERSION, Document, Metadata};
pub use estate::Estate;
pub use explanation::Explanation;
pub use fleet::Fleet;
pub use front::Front;
pub use inputs::{Inputs, Series};
pub use offer::{AcceleratorKind, Arch, Capacity, Match, OfferSpec};
pub use one_of::OneOf;
pub use packing::Packing;
pub use plan::Plan;
pub use quantity::{
    AcceleratorCount, Bytes, Cpu, Duration, GbitPerSecond, Grams, GramsPerKwh, Kg, Millisecond, PerHour,
    Ratio, Time, Usd, Watts, When,
};
pub use scenario::Scenario;
pub use simulation::Simulation;
pub use workload::Workload;
