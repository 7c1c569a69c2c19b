//! How far a series reaches, and by how much runs go beyond it.
//!
//! How long a run takes is not known before it is made, so this is said afterwards: nothing is filled in silently.

use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_model::{Diagnostic, Duration, read::Point};

/// The end of a series.
#[derive(Debug)]
pub(in crate::timed) struct Horizon {
    field: &'static str,
    file: String,
    /// Microseconds from time 0.
    end: u64,
    /// Whether to go beyond it is an error.
    strict: bool,
    help: &'static str,
    /// The most microseconds that any run went beyond it. Runs may be made at the same time; a maximum is the same in
    /// any order.
    beyond: AtomicU64,
}

impl Horizon {
    pub(super) fn new(field: &'static str, file: String, end: u64, strict: bool, help: &'static str) -> Self {
        Self { field, file, end, strict, help, beyond: AtomicU64::new(0) }
    }

    /// A run has ended at a time.
    pub(in crate::timed) fn reached(&self, now: u64) {
        self.beyond.fetch_max(now.saturating_sub(self.end), Ordering::Relaxed);
    }

    /// What is to be said of the runs that were made: an error, or a note.
    pub(in crate::timed) fn verdict(&self, point: &Point) -> Option<Result<String, Diagnostic>> {
        let beyond = self.beyond.load(Ordering::Relaxed);
        if beyond == 0 {
            return None;
        }
        let after = Duration::from_nanos(i64::try_from(beyond.saturating_mul(1000)).unwrap_or(i64::MAX));
        let message = format!("{} ends {after} before the longest run does", self.file);
        Some(if self.strict {
            let help = format!(
                "name a series that covers the runs, or {}; --tolerate holds the last value",
                self.help
            );
            Err(point.scenario.problem(self.field, message).with_help(help))
        } else {
            Ok(format!("{message}: its last value holds until then"))
        })
    }
}
