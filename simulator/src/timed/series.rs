//! A quantity over time: a value holds from its time to the next one's.
//!
//! Values are whole millionths, times microseconds from time 0 of the run, sums exact.

/// Values over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// When each value begins, ascending; may lie before time 0.
    times: Vec<i64>,
    /// Millionths of the unit.
    values: Vec<i64>,
    /// The sum of value × microseconds up to each time.
    sums: Vec<i128>,
}

impl Series {
    /// From times and values; nothing without any, or where times do not ascend.
    pub fn new(points: impl IntoIterator<Item = (i64, i64)>) -> Option<Self> {
        let (times, values): (Vec<i64>, Vec<i64>) = points.into_iter().unzip();
        if times.is_empty() || times.windows(2).any(|pair| pair[1] <= pair[0]) {
            return None;
        }
        let mut sums = vec![0; times.len()];
        for at in 1..times.len() {
            sums[at] = sums[at - 1] + i128::from(values[at - 1]) * i128::from(times[at] - times[at - 1]);
        }
        Some(Self { times, values, sums })
    }

    /// When the first value begins.
    pub fn first(&self) -> i64 {
        self.times[0]
    }

    /// The slot that holds at a time: the first before the beginning, the last after the end.
    pub fn slot(&self, at: u64) -> usize {
        self.times.partition_point(|time| *time <= at as i64).saturating_sub(1)
    }

    /// The value at a time.
    pub fn at(&self, at: u64) -> i64 {
        self.values[self.slot(at)]
    }

    /// The value of a slot; the last one's beyond the end.
    pub fn value(&self, slot: usize) -> i64 {
        self.values[slot.min(self.values.len() - 1)]
    }

    /// When a slot begins; nothing beyond the last.
    pub fn begin(&self, slot: usize) -> Option<i64> {
        self.times.get(slot).copied()
    }

    /// When the value changes next after a time.
    pub fn next_change(&self, after: u64) -> Option<u64> {
        let from = self.times.partition_point(|time| *time <= after as i64);
        let now = self.at(after);
        (from..self.times.len()).find(|at| self.values[*at] != now).map(|at| self.times[at] as u64)
    }

    /// The sum of value × microseconds up to a time.
    fn until(&self, at: i64) -> i128 {
        let slot = self.times.partition_point(|time| *time <= at).saturating_sub(1);
        self.sums[slot] + i128::from(self.values[slot]) * i128::from(at - self.times[slot])
    }

    /// The sum of value × microseconds over [from, to).
    pub fn integral(&self, from: u64, to: u64) -> i128 {
        self.until(to as i64) - self.until(from as i64)
    }

    /// The mean of the values, each weighted alike, in millionths.
    pub fn mean(&self) -> f64 {
        self.values.iter().map(|value| *value as f64).sum::<f64>() / self.values.len() as f64
    }

    /// The same times with other values.
    pub fn with_values(&self, values: Vec<i64>) -> Option<Self> {
        Self::new(self.times.iter().copied().zip(values))
    }

    /// The values in order.
    pub fn values(&self) -> &[i64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_ends_hold() {
        let series = Series::new([(-10, 2), (0, 3), (10, 5)]).unwrap();
        assert_eq!([0, 9, 10, 99].map(|at| series.at(at)), [3, 3, 5, 5]);
        assert_eq!(series.integral(0, 10), 30);
        assert_eq!(series.integral(5, 12), 5 * 3 + 2 * 5);
        assert_eq!(series.integral(7, 7), 0);
        assert_eq!((series.next_change(0), series.next_change(10)), (Some(10), None));
        assert!(Series::new([(0, 1), (0, 2)]).is_none() && Series::new([]).is_none());
    }
}
