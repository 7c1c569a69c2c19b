//! The one clock: how long the program has been running, and what time is left, be it for a limit or
//! because someone pressed Ctrl-C.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use anstream::ColorChoice;
use plimsoll_model::Duration;

use crate::{exit, output};

static STARTED: OnceLock<Instant> = OnceLock::new();
static LIMIT: OnceLock<f64> = OnceLock::new();
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

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

/// Lets the search end at a limit, counted from the program's start, and at Ctrl-C; returns what asks for
/// the seconds left. The second Ctrl-C ends the program.
pub(crate) fn search_until(limit: Option<Duration>) -> fn() -> f64 {
    if let Some(limit) = limit {
        LIMIT.get_or_init(|| limit.nanos() as f64 / 1e9);
    }
    // Where signals cannot be had, Ctrl-C ends the program as it always does.
    _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            exit::at_once();
        }
        output::to_stderr(
            "\nstopping: the best plan so far follows; Ctrl-C again ends at once\n",
            ColorChoice::Never,
        );
    });
    || {
        if INTERRUPTED.load(Ordering::Relaxed) {
            return 0.0;
        }
        LIMIT.get().map_or(f64::INFINITY, |limit| limit - seconds())
    }
}
