//! Which pod goes to which node and device of one cluster.
//!
//! In passes: [`read`](read()) reads nodes and pods, `state` puts them in numbers, `plimsoll_packing` packs
//! them, `report` says what came of it, with what is in the way of each pod that waits (`obstacle`) and how
//! many more would fit (`room`), and which nodes on offer would hold them (`add`).

mod add;
mod kinds;
mod obstacle;
mod rates;
mod read;
mod report;
mod required;
mod room;
mod rules;
mod running;
mod state;
#[cfg(test)]
mod tests;

pub use add::Market;
pub use rates::{Rate, Rates};
pub use read::read;
pub use report::{Progress, Settings, plan};
