//! Documents and catalogue to a Problem, and an Outcome to a Plan that explains itself

pub mod load;
