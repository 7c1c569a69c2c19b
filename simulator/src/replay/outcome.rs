//! What came of a run.

/// A run: the state after every arrival, and what was lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Milli of all devices.
    pub milli: u64,
    /// After each arrival, in order; the first point is the empty cluster.
    pub curve: Vec<Point>,
    /// Pods that found no place.
    pub lost: Lost,
    /// What was allocated when the first pod with devices found no place, in per cent of all devices.
    pub first_refusal: Option<f64>,
}

/// The state after an arrival.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Milli that the pods so far asked for.
    pub arrived: u64,
    /// Milli that pods hold.
    pub placed: u64,
    /// Free milli that the typical pods cannot use.
    pub fragments: f64,
    /// What the cluster draws, in watts; 0 when that is not known.
    pub watts: u64,
}

/// Pods that found no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// All of them.
    pub pods: u64,
    /// Those without devices.
    pub without_devices: u64,
    /// Those with four devices or more.
    pub large: u64,
    /// Milli that they asked for.
    pub milli: u64,
}

/// A run at a level of arrived load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// What pods hold, in per cent of all devices.
    pub allocation: f64,
    /// What the typical pods cannot use, in per cent of what is free; 100 when nothing is.
    pub fragmentation: f64,
    /// What the cluster draws, in watts; 0 when that is not known.
    pub watts: u64,
}

impl Outcome {
    /// The state after the last arrival with which the requests summed so far are at most `percent` of the devices;
    /// the last state if that is never passed.
    pub fn at(&self, percent: f64) -> Level {
        let most = percent / 100.0 * self.milli as f64;
        let passed = self.curve.partition_point(|point| point.arrived as f64 <= most);
        self.level(&self.curve[passed.saturating_sub(1)])
    }

    /// The allocation as the published table has it: each state's per cent rounded to two places, the mean of those
    /// whose arrived per cent rounds to `percent`, rounded again (`merge_alloc_discrete.py`).
    pub fn published_allocation(&self, percent: u32) -> Option<f64> {
        let share = |milli: u64| milli as f64 / (self.milli as f64 / 1000.0) / 10.0;
        let two = |x: f64| (x * 100.0).round_ties_even() / 100.0;
        let (mut sum, mut count) = (0.0, 0.0);
        for point in &self.curve[1..] {
            if (share(point.arrived).round_ties_even() as u32) == percent {
                sum += two(share(point.placed));
                count += 1.0;
            }
        }
        (count > 0.0).then(|| two(sum / count))
    }

    fn level(&self, point: &Point) -> Level {
        let idle = self.milli - point.placed;
        Level {
            allocation: if self.milli == 0 { 0.0 } else { 100.0 * point.placed as f64 / self.milli as f64 },
            watts: point.watts,
            fragmentation: if idle == 0 { 100.0 } else { 100.0 * point.fragments / idle as f64 },
        }
    }
}
