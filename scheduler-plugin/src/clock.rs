//! The clocks: the only place of this crate that reads them.

use std::time::Instant;

use crate::cluster::Millis;

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "annotations and leases carry the time of day")]
pub(crate) fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}

/// The same to the nanosecond, for what is shown beside what other programs measured.
#[expect(clippy::disallowed_methods, reason = "spans carry the time of day")]
pub(crate) fn nanos() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(0)
}

/// For how long things take.
#[expect(clippy::disallowed_methods, reason = "latencies are what the metrics are for")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// A time as annotations have it.
pub(crate) fn text(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| String::new(), |at| at.to_string())
}
