//! The commands, one module each.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod man;
pub(crate) mod offers;
pub(crate) mod plan;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod trace;
pub(crate) mod verify;
