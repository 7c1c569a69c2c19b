//! What a run measures, job by job as they leave.

use indexmap::IndexMap;
use plimsoll_model::simulation::Metric;

use super::world::Reason;

/// Counts and sums.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Only jobs in this range of the order of arrivals count; nothing: all.
    pub range: Option<(u64, u64)>,
    /// Jobs that arrived.
    pub arrivals: u64,
    /// When the first came.
    pub first_arrival: Option<u64>,
    /// When the last one started.
    pub last_start: u64,
    /// Of the jobs that count: when the first came, and when the last one was done.
    measured: Option<(u64, u64)>,
    /// Jobs that run now.
    pub running: u64,
    /// Jobs in the range that have not left.
    pub open: u64,
    counted: u64,
    started: u64,
    failed: u64,
    unfinished: u64,
    misses: u64,
    has_deadlines: bool,
    preemptions: u64,
    interruptions: u64,
    lost: u64,
    waited: u128,
    /// The worst finish-time fairness, where jobs had devices of one's own.
    pub(super) fairness: Option<f64>,
    /// Microseconds from arrival to finish of every finished job.
    durations: Vec<u64>,
}

impl Tally {
    /// Nothing yet; only jobs in this range of the order of arrivals will count.
    pub fn over(range: Option<(u64, u64)>) -> Self {
        Self { range, ..Self::default() }
    }

    pub(super) fn counts(&self, order: u64) -> bool {
        self.range.is_none_or(|(from, to)| (from..to).contains(&order))
    }

    pub(super) fn arrived(&mut self, now: u64, order: u64) {
        self.arrivals += 1;
        self.first_arrival.get_or_insert(now);
        if self.counts(order) {
            self.counted += 1;
            self.open += 1;
            self.measured.get_or_insert((now, now));
        }
    }

    pub(super) fn started(&mut self, order: u64) {
        self.started += u64::from(self.counts(order));
    }

    pub(super) fn failed(&mut self, order: u64, has_deadline: bool) {
        if self.counts(order) {
            self.failed += 1;
            self.open -= 1;
            self.misses += u64::from(has_deadline);
            self.has_deadlines |= has_deadline;
        }
    }

    pub(super) fn unfinished(&mut self, order: u64, has_deadline: bool, lost: u64) {
        if self.counts(order) {
            self.lost += lost;
            self.unfinished += 1;
            self.misses += u64::from(has_deadline);
            self.has_deadlines |= has_deadline;
        }
    }

    pub(super) fn stopped(&mut self, order: u64, reason: Reason, lost: u64) {
        if !self.counts(order) {
            return;
        }
        match reason {
            Reason::Preempt => self.preemptions += 1,
            Reason::Interrupt => self.interruptions += 1,
            Reason::Suspend | Reason::Move => {}
        }
        self.lost += lost;
    }

    pub(super) fn finished(&mut self, order: u64, arrive: u64, now: u64, waited: u64, lost: u64, late: bool) {
        if self.counts(order) {
            self.open -= 1;
            self.lost += lost;
            if let Some((_, last)) = &mut self.measured {
                *last = now.max(*last);
            }
            self.durations.push(now - arrive);
            self.waited += u128::from(waited);
            self.misses += u64::from(late);
        }
    }

    /// Whether every job that counts has come and left.
    pub fn is_done(&self) -> bool {
        self.range.is_some_and(|(_, to)| self.arrivals >= to) && self.open == 0
    }

    /// The metrics of time and counts.
    ///
    /// # Panics
    /// When a job was lost or counted twice.
    pub fn metrics(mut self) -> IndexMap<String, Metric> {
        let mut metrics = IndexMap::new();
        let mut put = |name: &str, value: f64| {
            metrics.insert(name.to_owned(), Metric::Number(value));
        };
        let finished = self.durations.len() as u64;
        // Every job that arrived has had exactly one end.
        assert_eq!(self.counted, finished + self.failed + self.unfinished, "no job is lost or duplicated");
        self.durations.sort_unstable();
        if finished > 0 {
            let sum: u128 = self.durations.iter().map(|time| u128::from(*time)).sum();
            put("jct_mean_s", seconds(sum) / finished as f64);
            put("jct_p95_s", quantile(&self.durations, 0.95));
            put("wait_mean_s", seconds(self.waited) / finished as f64);
            let (first, last) = self.measured.unwrap_or_default();
            put("makespan_s", seconds(u128::from(last - first)));
            if let Some(worst) = self.fairness {
                put("finish_time_fairness_worst", worst);
            }
        }
        for (name, count) in [
            ("placed", self.started),
            ("failed", self.failed),
            ("unfinished", self.unfinished),
            ("deadline_misses", self.misses),
            ("preemptions", self.preemptions),
            ("interruptions", self.interruptions),
        ] {
            put(name, count as f64);
        }
        put("lost_work_s", seconds(self.lost.into()));
        metrics
    }
}

/// Microseconds as seconds.
pub(super) fn seconds(micros: u128) -> f64 {
    micros as f64 / 1e6
}

/// A quantile of sorted values by linear interpolation, in seconds.
fn quantile(sorted: &[u64], part: f64) -> f64 {
    let at = part * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    (low as f64 + (high - low) as f64 * at.fract()) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        let sorted: Vec<u64> = (0..=10).map(|second| second * 1_000_000).collect();
        assert!((quantile(&sorted, 0.95) - 9.5).abs() < 1e-9);
        assert!((quantile(&sorted[..1], 0.95)).abs() < 1e-9);
    }
}
