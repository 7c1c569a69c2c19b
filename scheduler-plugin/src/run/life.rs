//! Whether this replica does what a replica is for, by a clock that only goes forward.
//!
//! A process that still renews its Lease while it decides nothing would hold every gate of the cluster. So what renews it
//! asks here first, and so does whoever may start the process anew.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use crate::{clock, cluster::Millis};

/// A loop that has not come round for so long is stuck, however short gates' deadlines are.
const LEAST: Millis = 10_000;
/// No plan is being made.
const NONE: Millis = -1;

/// When what was last done.
#[derive(Debug)]
pub(crate) struct Life {
    begun: Instant,
    looked: AtomicI64,
    /// Since when a plan is being made.
    planning: AtomicI64,
    /// How long the last one took.
    took: AtomicI64,
}

impl Default for Life {
    fn default() -> Self {
        let zero = || AtomicI64::new(0);
        Self { begun: clock::instant(), looked: zero(), planning: AtomicI64::new(NONE), took: zero() }
    }
}

impl Life {
    fn now(&self) -> Millis {
        self.begun.elapsed().as_millis() as Millis
    }

    /// The loop that decides has come round.
    pub(crate) fn looked(&self) {
        self.looked.store(self.now(), Ordering::Release);
    }

    /// A plan is being made from now on.
    pub(crate) fn asked(&self) {
        self.planning.store(self.now(), Ordering::Release);
    }

    /// It is made, or there is none.
    pub(crate) fn planned(&self) {
        let since = self.planning.swap(NONE, Ordering::AcqRel);
        self.took.store(self.now() - since, Ordering::Release);
    }

    /// How long the last plan took.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.took.load(Ordering::Acquire)).unwrap_or(0))
    }

    /// Whether gates are looked after.
    pub(crate) fn is_looking(&self, deadline: Millis) -> bool {
        is_looking(self.now(), self.looked.load(Ordering::Acquire), deadline)
    }

    /// Why the process had better be started anew.
    pub(crate) fn fault(&self, deadline: Millis) -> Option<String> {
        fault(
            self.now(),
            self.looked.load(Ordering::Acquire),
            self.planning.load(Ordering::Acquire),
            deadline,
        )
    }
}

fn is_looking(now: Millis, looked: Millis, deadline: Millis) -> bool {
    now - looked < deadline.max(LEAST)
}

fn fault(now: Millis, looked: Millis, planning: Millis, deadline: Millis) -> Option<String> {
    let seconds = |since: Millis| (now - since) / 1_000;
    if !is_looking(now, looked, deadline) {
        return Some(format!("nothing has been decided for {} s", seconds(looked)));
    }
    let is_stuck = planning != NONE && now - planning >= 4 * deadline.max(LEAST);
    is_stuck.then(|| format!("a plan has been in the making for {} s", seconds(planning)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decides_nothing_is_not_believed_and_who_plans_for_ever_is_started_anew() {
        assert_eq!(fault(29_000, 0, NONE, 30_000), None);
        assert!(is_looking(29_000, 0, 30_000) && !is_looking(30_000, 0, 30_000));
        assert!(is_looking(9_000, 0, 1_000), "a deadline that is shorter than the loop takes");
        assert_eq!(fault(31_000, 0, NONE, 30_000).as_deref(), Some("nothing has been decided for 31 s"));
        assert_eq!(fault(119_000, 118_000, 0, 30_000), None, "a long plan is only a long plan");
        let stuck = fault(130_000, 129_000, 9_000, 30_000);
        assert_eq!(stuck.as_deref(), Some("a plan has been in the making for 121 s"));
    }
}
