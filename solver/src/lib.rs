//! Problem and Params in, Outcome out.
//!
//! The solver decides where and when each workload runs. It knows nothing of documents, files, clocks
//! or names: a [`Problem`] is numbers and indices. The phases are an ordered list, each of which says
//! what it did (`docs/design/solver.md`): components, of which large ones go their own way ([`site`]), first
//! plan, branch and bound on small parts,
//! linear relaxation with rows made when violated, rounding, blocks with prices and cuts, mixed-integer
//! program with the best plan as its start, search, and ties broken towards fewer moves and earlier
//! starts. The bound is only ever a proven one.

pub mod anneal;
pub mod blocks;
pub mod climb;
pub mod column;
pub mod components;
pub mod compose;
pub mod construct;
pub mod cuts;
pub mod exact;
pub mod facility;
pub mod formulation;
mod hold;
pub mod lagrangian;
pub mod linear;
mod live;
pub mod master;
pub mod mip;
mod ordered;
pub mod outcome;
mod over_time;
pub mod pack;
pub mod problem;
pub mod repair;
pub mod score;
pub mod search;
pub mod session;
pub mod shortfall;
pub mod site;
pub mod slots;
pub mod solve;
pub mod state;
mod ties;
pub mod volume;
pub mod workflow;

pub use column::Column;
pub use outcome::{Outcome, Params, Phase, Price};
pub use problem::Problem;
pub use repair::{Previous, Repaired, repair, solve_again};
pub use session::{Delta, Session};
pub use solve::{solve, solve_from};
