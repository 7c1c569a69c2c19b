//! What would have happened: recorded arrivals, offered to policies.
//!
//! A scenario ([`experiment`]) is a sequence or has a clock. In a sequence pods come one by one, never leave, and one that
//! finds no place is lost, as in the published comparison of policies on openb ([`sequence`], on [`replay`]). Over time
//! ([`timed`]) jobs come, wait, run and leave. The scorers are those of `plimsoll_packing::scores`, the same that rank
//! nodes in a live cluster.
//!
//! A run follows from its inputs and its seed alone: no clock, no environment, no order of hashing. Every random
//! choice is drawn from one stream of the run ([`draws::Draws`]).

pub mod compare;
pub mod draws;
pub mod events;
pub mod experiment;
pub mod openb;
pub mod replay;
mod scorers;
pub mod sequence;
pub mod timed;
