//! The one clock: how long the program has been running, and what is left of a limit.

use std::{sync::OnceLock, time::Instant};

use plimsoll_model::Duration;

static STARTED: OnceLock<Instant> = OnceLock::new();
static LIMIT: OnceLock<f64> = OnceLock::new();

/// Starts the clock.
pub(crate) fn start() {
    seconds();
}

/// Seconds since the start.
pub(crate) fn seconds() -> f64 {
    #[expect(clippy::disallowed_methods, reason = "a wall-clock limit and progress need the wall clock")]
    let started = STARTED.get_or_init(Instant::now);
    started.elapsed().as_secs_f64()
}

/// Sets the limit of the whole program, from its start, and returns what asks for the rest.
pub(crate) fn limit(limit: Duration) -> fn() -> f64 {
    LIMIT.get_or_init(|| limit.nanos() as f64 / 1e9);
    || LIMIT.get().map_or(f64::INFINITY, |limit| limit - seconds())
}
