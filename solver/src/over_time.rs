//! What is used of limits over time.

use crate::problem::Nanos;

/// The moments from which on some windows add up to more than `most`, the worst first. Windows are events:
/// (moment, by how much what is used changes).
pub(crate) fn broken(events: &mut [(Nanos, f64)], most: f64) -> Vec<Nanos> {
    events.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut level = 0.0;
    let mut broken: Vec<(f64, Nanos)> = Vec::new();
    for together in events.chunk_by(|a, b| a.0 == b.0) {
        level = together.iter().fold(level, |level, event| level + event.1);
        if level > most {
            broken.push((level, together[0].0));
        }
    }
    broken.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    broken.into_iter().map(|of| of.1).collect()
}

/// A moment at which something has started and next something ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Full {
    pub from: Nanos,
    /// When something ends.
    pub until: Nanos,
    /// What runs then adds up to.
    pub level: f64,
}

/// These moments of some windows (from, until, how much), in order: whatever runs together at any moment also does at
/// one of these.
pub(crate) fn fullest(windows: impl Iterator<Item = (Nanos, Nanos, f64)>) -> Vec<Full> {
    // What ends goes before what begins.
    let mut events: Vec<(Nanos, bool, f64)> =
        windows.flat_map(|of| [(of.0, true, of.2), (of.1, false, -of.2)]).collect();
    events.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    let mut level = 0.0;
    let mut full = Vec::new();
    for (at, (from, begins, amount)) in events.iter().enumerate() {
        level += amount;
        if let Some((until, ..)) = events.get(at + 1).filter(|next| *begins && !next.1) {
            full.push(Full { from: *from, until: *until, level });
        }
    }
    full
}

/// What is used of a limit: (from, how much), ascending, from the beginning of time on.
#[derive(Debug, Clone)]
pub(crate) struct Profile(Vec<(Nanos, i64)>);

impl Default for Profile {
    /// Nothing is used.
    fn default() -> Self {
        Self(vec![(Nanos::MIN, 0)])
    }
}

impl Profile {
    /// Whether so much more may be used in a window, of `most` in all.
    pub(crate) fn fits(&self, start: Nanos, end: Nanos, amount: i64, most: i64) -> bool {
        let from = self.0.partition_point(|step| step.0 <= start) - 1;
        let mut during = self.0[from..].iter().take_while(|step| step.0 < end);
        amount <= most && during.all(|step| step.1 <= most - amount)
    }

    /// Uses more, or less, in a window.
    pub(crate) fn add(&mut self, start: Nanos, end: Nanos, amount: i64) {
        if start >= end {
            return;
        }
        let (from, to) = (self.cut(start), self.cut(end));
        for step in &mut self.0[from..to] {
            step.1 += amount;
        }
        self.mend(to);
        self.mend(from);
    }

    /// The step that begins at a moment, made if there is none.
    fn cut(&mut self, moment: Nanos) -> usize {
        let at = self.0.partition_point(|step| step.0 < moment);
        if self.0.get(at).is_none_or(|step| step.0 != moment) {
            let level = self.0[at - 1].1;
            self.0.insert(at, (moment, level));
        }
        at
    }

    /// Joins a step with the one before when they are equal.
    fn mend(&mut self, at: usize) {
        if self.0[at].1 == self.0[at - 1].1 {
            self.0.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_profile_is_the_sum_of_its_windows(
            windows in prop::collection::vec((0_i64..20, 1_i64..9, 1_i64..5, any::<bool>()), 1..12),
            start in 0_i64..20, length in 1_i64..9,
        ) {
            let mut profile = Profile::default();
            for (start, length, amount, _) in &windows {
                profile.add(*start, start + length, *amount);
            }
            for (start, length, amount, _) in windows.iter().filter(|w| w.3) {
                profile.add(*start, start + length, -amount);
            }
            let used = |at: i64| -> i64 {
                windows.iter().filter(|w| !w.3 && w.0 <= at && at < w.0 + w.1).map(|w| w.2).sum()
            };
            let peak = (start..start + length).map(used).max().unwrap_or(0);
            for most in peak..peak + 3 {
                prop_assert!(profile.fits(start, start + length, most - peak, most));
                prop_assert!(!profile.fits(start, start + length, most - peak + 1, most));
            }
            prop_assert!(profile.0.windows(2).all(|w| w[0].1 != w[1].1));
        }
    }
}
