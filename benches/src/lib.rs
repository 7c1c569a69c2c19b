//! What the benchmarks share: seeded instances on real prices, and the machine's own meters.
//!
//! Every figure is printed beside a named baseline of the same run. Instances are made from the
//! embedded catalogue: prices, regions, egress and power are real, only the workloads are drawn.

pub mod company;
pub mod fleets;
pub mod instance;
pub mod meter;
pub mod published;
pub mod siting;
pub mod slots;
