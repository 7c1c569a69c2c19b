//! What would have happened: recorded arrivals, offered to policies.
//!
//! So far one mode: a sequence. Pods come one by one, never leave, and one that finds no place is lost, as in the
//! published comparison of policies on openb ([`replay`]). The policies are the scorers of
//! `plimsoll_packing::scores`, the same that rank nodes in a live cluster.
//!
//! A run follows from its inputs and its seed alone: no clock, no environment, no order of hashing. Every random
//! choice is drawn from one stream of the run ([`draws::Draws`]).

pub mod compare;
pub mod draws;
pub mod events;
pub mod experiment;
pub mod openb;
pub mod replay;
pub mod sequence;
pub mod timed;
