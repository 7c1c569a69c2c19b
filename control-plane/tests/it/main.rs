//! The control plane, really started. Skipped, and said so, where
//! `tools/kube/build` has not been run.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod answers;
mod cluster;
mod support;

mod lifecycle;
mod proxy;
mod workloads;
