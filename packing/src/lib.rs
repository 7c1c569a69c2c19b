//! Which node and which devices, within one cluster.
//!
//! Siting decides where a workload runs; packing decides on which node and devices of a fixed fleet, where
//! fragmentation is the money lost. Nothing here reads files, clocks or the network: a cluster is numbers
//! and indices ([`fleet`]), and names return only with the answer.

pub mod fleet;
pub mod scores;
