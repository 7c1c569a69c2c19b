//! The cluster side against a real kube-apiserver, kube-scheduler and
//! kube-controller-manager: a plan reaches the pods, and whatever fails, the
//! laws in [`ledger`] hold. Skipped, and said so, where `tools/kube/build` has
//! not been run.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and one that is skipped says so"
)]

mod claims;
mod deploy;
mod faults;
mod gangs;
mod ledger;
mod money;
mod plans;
mod replica;
mod site;
mod traces;
mod volumes;
