//! Means over intervals of time: what was running and waiting while a run went on.

use indexmap::IndexMap;

/// What can be asked for.
pub const WHAT: [&str; 4] = ["nodes_active", "gpus_running", "jobs_running", "jobs_waiting"];

/// What is so at a moment, in the order of [`WHAT`].
pub type Values = [u64; 4];

/// The course of a run.
#[derive(Debug, Clone)]
pub struct Course {
    /// Microseconds of an interval, and where the first begins.
    every: u64,
    from: u64,
    /// For each interval the sums of value × microseconds.
    sums: Vec<[u128; 4]>,
    /// Until when it is known.
    until: u64,
}

/// So many intervals are kept.
const MOST: u64 = 10_000_000;

impl Course {
    /// Intervals from a time on.
    pub fn new(every: u64, from: u64) -> Self {
        Self { every: every.max(1), from, sums: Vec::new(), until: 0 }
    }

    /// These values held from where it was known to a time.
    pub fn advance(&mut self, to: u64, values: Values) {
        let mut at = self.until.max(self.from);
        while at < to {
            let index = (at - self.from) / self.every;
            let end = (self.from + (index + 1) * self.every).min(to);
            if index < MOST {
                if self.sums.len() as u64 <= index {
                    self.sums.resize(index as usize + 1, [0; 4]);
                }
                for (sum, value) in self.sums[index as usize].iter_mut().zip(values) {
                    *sum += u128::from(value) * u128::from(end - at);
                }
            }
            at = end;
        }
        self.until = self.until.max(to);
    }

    /// The means; the last interval over the part of it that the run reached.
    pub fn series(&self, what: &[String]) -> IndexMap<String, Vec<f64>> {
        let of = |index: usize| {
            self.sums.iter().enumerate().map(move |(interval, sums)| {
                let begin = self.from + interval as u64 * self.every;
                let length = (begin + self.every).min(self.until) - begin;
                sums[index] as f64 / length.max(1) as f64
            })
        };
        what.iter()
            .filter_map(|name| {
                let index = WHAT.iter().position(|known| known == name)?;
                Some((name.clone(), of(index).collect()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_intervals() {
        let mut course = Course::new(10, 5);
        course.advance(10, [1, 2, 0, 0]);
        course.advance(30, [0, 4, 0, 0]);
        let series = course.series(&["gpus_running".to_owned(), "nodes_active".to_owned()]);
        // Of 5 to 15: half at 2 and half at 4; of 25 to 30 what was reached.
        assert_eq!(series["gpus_running"], [3.0, 4.0, 4.0]);
        assert_eq!(series["nodes_active"], [0.5, 0.0, 0.0]);
    }
}
