//! Which node and which devices, within one cluster.
//!
//! Siting decides where a workload runs; packing decides on which node and devices of a fixed fleet, where
//! fragmentation is the money lost. Nothing here reads files, clocks or the network: a cluster is numbers
//! and indices ([`fleet`]), and names return only with the answer.

pub mod assign;
pub mod branch;
pub mod buckets;
pub mod check;
pub mod classes;
pub mod confine;
pub mod cover;
pub mod dive;
pub mod fill;
pub mod fleet;
pub mod generate;
pub mod groups;
pub mod inside;
pub mod instance;
pub mod joint;
pub mod loose;
pub mod marginal;
pub mod master;
pub mod moves;
pub mod nearly;
pub mod order;
pub mod pack;
pub mod price;
mod proof;
pub mod relax;
pub mod scores;
pub mod seat;
pub mod session;
pub mod settle;
pub mod swap;
pub mod whole;

pub use pack::{Packing, Params, Seen, Stats, pack, pack_seen};
