//! Documents and catalogue to a Problem, and an Outcome to a Plan that explains itself.
//!
//! In passes, each named by what is known after it: [`load`] reads and checks documents, [`world`]
//! interprets the estate, [`prospect`] says which offers a workload may use, [`build`] states the
//! problem in numbers, the solver decides, [`price`] computes exact money, [`report`] explains.

pub mod again;
pub mod build;
pub mod cluster;
pub mod detail;
pub mod error;
pub mod explain;
pub mod flags;
pub mod front;
pub mod load;
pub mod manifests;
pub mod price;
pub mod prospect;
pub mod report;
pub mod scenarios;
pub mod terms;
pub mod world;

pub use again::plan_again;
pub use detail::Detail;
pub use error::PlanError;
pub use flags::{Objective, Settings};
pub use front::front;
pub use report::{plan, shortfall};
