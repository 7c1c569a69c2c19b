//! The siting problem as numbers: what each workload may choose, what that costs, and what is shared.
//!
//! Everything a user wrote has been interpreted before it gets here: names are indices, filters are
//! applied, prices are in force. Costs are `f64` dollars (the exact figures of a plan are recomputed
//! outside), time is integer nanoseconds since 1970, shared capacities are integers, so that whether
//! something fits is never a matter of rounding.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use ndarray::Array2;

/// Nanoseconds in an hour.
pub const HOUR: f64 = 3.6e12;

/// A moment or a length of time in nanoseconds.
pub type Nanos = i64;

/// Everything there is to decide, in one value without references to anything outside.
#[derive(Debug, Clone, Default)]
pub struct Problem {
    /// The planning moment.
    pub now: Nanos,
    /// What is to be placed, in document order.
    pub tasks: Vec<Task>,
    /// How many instances of each offer can be had at a time, by offer index; `None` without limit.
    pub counts: Vec<Option<i64>>,
    /// Sunk reservations, in any order.
    pub reservations: Vec<Reservation>,
    /// Limits of the quotas, in the units of [`Choice::quotas`].
    pub quotas: Vec<i64>,
    /// How many of these units one accelerator or instance is, by quota, for prices.
    pub quota_units: Vec<i64>,
    /// Own machines, by group index.
    pub groups: Vec<NodeGroup>,
    /// Bonds that keep tasks in one area, each with the area of every place.
    pub bonds: Vec<Vec<u32>>,
    /// Dollars each budget allows; tasks name the ones they draw on.
    pub budgets: Vec<f64>,
    /// Kilograms each carbon budget allows.
    pub carbon_budgets: Vec<f64>,
    /// Datasets that tasks read.
    pub datasets: Vec<Dataset>,
    /// Carbon intensities over time.
    pub series: Vec<Series>,
    /// Dollars a kilogram CO2e.
    pub usd_per_kg: f64,
    /// Dollars an hour until done.
    pub usd_per_delay_hour: f64,
    /// What moving data between places costs, and how long it takes.
    pub network: Network,
}

impl Problem {
    /// Which area of a bond a place lies in.
    pub fn area(&self, bond: u32, place: u32) -> u32 {
        self.bonds[bond as usize][place as usize]
    }

    /// The area in which a choice of a task puts all of its bond.
    pub fn area_of(&self, task: u32, choice: u32) -> Option<(u32, u32)> {
        let task = &self.tasks[task as usize];
        let bond = task.bond?;
        Some((bond, self.area(bond, task.choices[choice as usize].place)))
    }

    /// By task who reads its results.
    pub fn readers(&self) -> Vec<Vec<u32>> {
        let mut readers = vec![Vec::new(); self.tasks.len()];
        for (reader, task) in (0..).zip(&self.tasks) {
            for edge in &task.inputs {
                readers[edge.producer as usize].push(reader);
            }
        }
        readers
    }

    /// The same problem with other choices. `key`: by task what its list is changed for; `change`: a list as it is
    /// for a task, `None` where it stays. A list that tasks hold together is changed once for each key, and those
    /// tasks hold it together again.
    #[must_use]
    pub fn with_choices<K: Ord>(
        &self,
        key: impl Fn(usize) -> K,
        change: impl Fn(usize, &[Choice]) -> Option<Vec<Choice>>,
    ) -> Self {
        // Addresses are only looked up, and `self` keeps what lies there.
        let mut changed: BTreeMap<(*const Vec<Choice>, K), Choices> = BTreeMap::new();
        let mut other = self.clone();
        for (index, task) in other.tasks.iter_mut().enumerate() {
            let list = changed
                .entry((Arc::as_ptr(&task.choices.0), key(index)))
                .or_insert_with(|| change(index, &task.choices).map_or(task.choices.clone(), Choices::from));
            task.choices = list.clone();
        }
        other
    }
}

/// A workload.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent properties of a workload, each with its own name"
)]
pub struct Task {
    /// Tasks of the same class are equal in every respect that the solver sees.
    pub class: u32,
    /// Whether it must be placed.
    pub required: bool,
    /// Among required tasks, who is left out last.
    pub priority: i64,
    /// What leaving it out costs, when it is not required.
    pub value: f64,
    /// The later of now and its earliest start.
    pub earliest: Nanos,
    /// The run may not end later; only with a deadline may it start later than possible.
    pub deadline: Option<Nanos>,
    /// Where the grid of deferred starts begins (its `earliest`, else now).
    pub grid: Nanos,
    /// The step of that grid.
    pub slots: Nanos,
    /// Whether it may run in pieces.
    pub pausable: bool,
    /// Whether a later end may pay for those who read its results, as they may not wait themselves.
    pub consumers_timed: bool,
    /// Whether delay counts until its start instead of its end.
    pub service: bool,
    /// Dollars of compute, egress and risk it may cost.
    pub max_cost: Option<f64>,
    /// Budgets it draws on.
    pub budgets: Vec<u32>,
    /// Carbon budgets it draws on.
    pub carbon_budgets: Vec<u32>,
    /// Datasets it reads: (dataset, level of [`Dataset::usd`]).
    pub reads: Vec<(u32, u32)>,
    /// Workflow edges into it.
    pub inputs: Vec<Edge>,
    /// The bond that keeps it in one area with the others of that bond, as far as they are placed.
    pub bond: Option<u32>,
    /// Replicas.
    pub replicas: u32,
    /// The offers that pass every filter, in order of preference among equals.
    pub choices: Choices,
}

/// The choices of a task: a list that equal tasks hold together until it is changed for one of them.
#[derive(Debug, Clone, Default)]
pub struct Choices(Arc<Vec<Choice>>);

impl Choices {
    /// Whether it is the same list, held together.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Choices {
    type Target = Vec<Choice>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Choices {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<Choice>> for Choices {
    fn from(list: Vec<Choice>) -> Self {
        Self(Arc::new(list))
    }
}

impl FromIterator<Choice> for Choices {
    fn from_iter<I: IntoIterator<Item = Choice>>(list: I) -> Self {
        list.into_iter().collect::<Vec<_>>().into()
    }
}

impl<'c> IntoIterator for &'c Choices {
    type Item = &'c Choice;
    type IntoIter = std::slice::Iter<'c, Choice>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'c> IntoIterator for &'c mut Choices {
    type Item = &'c mut Choice;
    type IntoIter = std::slice::IterMut<'c, Choice>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

/// A workflow edge: what a producer hands over at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The producing task.
    pub producer: u32,
    /// How much.
    pub bytes: u64,
}

/// What one replica asks of a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// Accelerators in thousandths: a multiple of 1000, or less than 1000.
    pub accelerators: u64,
    /// Cores in thousandths.
    pub cpu: u64,
    /// Bytes of memory.
    pub memory: u64,
}

/// Equal machines of one's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeGroup {
    /// How many.
    pub nodes: u32,
    /// Accelerators of each.
    pub devices: u32,
    /// Cores of each in thousandths; `None`: not stated, not a limit.
    pub cpu: Option<u64>,
    /// Memory of each in bytes; `None`: not stated, not a limit.
    pub memory: Option<u64>,
}

/// One offer that a task may be placed on, with all that follows from that.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The offer.
    pub offer: u32,
    /// What one replica asks of own machines.
    pub demand: Demand,
    /// The place it lies in, an index into the network's tables.
    pub place: u32,
    /// Instances; a fraction of a machine on own nodes.
    pub instances: f64,
    /// Dollars an instance-hour.
    pub hourly: f64,
    /// Run time.
    pub run: Nanos,
    /// When it could start if producers did not matter (not yet rounded up to a second).
    pub ready: Nanos,
    /// How long after the planning moment the data it reads has arrived.
    pub arrives: Nanos,
    /// Dollars an hour of electricity.
    pub electricity: f64,
    /// Kilowatts, PUE included.
    pub kilowatts: f64,
    /// Carbon intensity, where one is known.
    pub series: Option<u32>,
    /// Expected rework as a share of compute: (e^(λp) − 1)/(λp) − 1.
    pub risk: f64,
    /// Dollars an hour for latency.
    pub latency: f64,
    /// Dollars for leaving the current offer.
    pub moving: f64,
    /// Dollars for sending outputs.
    pub outputs: f64,
    /// Instances in whole numbers, as counts limit them (0 on own nodes).
    pub units: i64,
    /// What it takes of each quota.
    pub quotas: Vec<(u32, i64)>,
    /// The group of own machines, when it is one.
    pub group: Option<u32>,
    /// Which of the ways to run the task this is, of those in order of preference: fewer later ways come
    /// before fewer dollars.
    pub way: u32,
    /// Dominated: kept as a runner-up, or because it is current; no plan is better for it.
    pub spare: bool,
    /// Where the task runs already.
    pub current: bool,
}

impl Choice {
    /// Run time in hours.
    pub fn hours(&self) -> f64 {
        self.run as f64 / HOUR
    }

    /// Compute before reservations and electricity.
    pub fn compute(&self) -> f64 {
        self.instances * self.hourly * self.hours()
    }
}

/// Instances that are paid for already: using them costs nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reservation {
    /// The offer.
    pub offer: u32,
    /// How many instances.
    pub count: f64,
    /// Until when.
    pub until: Nanos,
}

/// A dataset: what bringing it to a place costs, by how much of it is read.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// The distinct sizes read, ascending.
    pub sizes: Vec<u64>,
    /// Dollars by (level of size, place); 0 where a copy is. Whoever pays in a region pays the price of
    /// their own place.
    pub usd: Array2<f64>,
}

/// A carbon intensity that is constant between steps.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// When each value begins; the first also holds before, the last also after.
    pub times: Vec<Nanos>,
    /// Kilograms a kWh.
    pub values: Vec<f64>,
    /// The integral (kg·h/kWh) up to each time.
    prefix: Vec<f64>,
}

impl Series {
    /// From steps with ascending times; never empty.
    pub fn new(times: Vec<Nanos>, values: Vec<f64>) -> Self {
        let mut prefix = Vec::with_capacity(times.len());
        let mut sum = 0.0;
        for i in 0..times.len() {
            if i > 0 {
                sum += values[i - 1] * (times[i] - times[i - 1]) as f64 / HOUR;
            }
            prefix.push(sum);
        }
        Self { times, values, prefix }
    }

    /// The same at all times.
    pub fn constant(value: f64) -> Self {
        Self::new(vec![0], vec![value])
    }

    /// Whether it never changes.
    pub fn is_constant(&self) -> bool {
        self.values.windows(2).all(|w| w[0].total_cmp(&w[1]).is_eq())
    }

    /// The integral over [`start`, `end`) in kg·h/kWh: kilograms for each kilowatt drawn.
    pub fn integral(&self, start: Nanos, end: Nanos) -> f64 {
        self.until(end) - self.until(start)
    }

    /// The least value from `start` on.
    pub fn least(&self, start: Nanos) -> f64 {
        let first = self.times.partition_point(|t| *t <= start).saturating_sub(1);
        self.values[first..].iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The least integral over `length` from a start between two moments.
    pub fn least_integral(&self, from: Nanos, latest: Nanos, length: Nanos) -> f64 {
        // It is linear in the start but where one end of the run meets a step.
        let steps = |after: Nanos, until: Nanos| {
            let first = self.times.partition_point(|t| *t <= after);
            self.times[first..].iter().copied().take_while(move |t| *t < until)
        };
        let flat = self.times.last().copied().unwrap_or(from).max(from);
        let starts = steps(from, latest)
            .chain(steps(from + length, latest.saturating_add(length)).map(|t| t - length))
            .chain([from, latest.min(flat)]);
        starts.map(|start| self.integral(start, start + length)).fold(f64::INFINITY, f64::min)
    }

    fn until(&self, time: Nanos) -> f64 {
        let after = self.times.partition_point(|t| *t <= time);
        let at = after.saturating_sub(1);
        // Before the first time this is negative, which is what a difference needs.
        self.prefix[at] + self.values[at] * (time - self.times[at]) as f64 / HOUR
    }
}

/// What data transfer costs and how long it takes, between places. Several places may lie in one region
/// (its zones, sites in it) and still have prices of their own to everywhere else.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Dollars a byte by (from, to); NaN where no choice needs it.
    pub usd_per_byte: Array2<f64>,
    /// Throughput in 10^-12 Gbit/s by (from, to).
    pub pico_gbps: Array2<i128>,
    /// Tiers by source place, when transfer is charged by provider: (bytes up to, dollars a byte).
    pub tiers: Option<Vec<Vec<(u64, f64)>>>,
    /// The provider of each place, for tiers: transfers within one are free.
    pub provider: Vec<u32>,
    /// The region of each place: data moves free within it, and its readers share a copy. A place beyond
    /// the list is a region of its own.
    pub region: Vec<u32>,
}

impl Network {
    /// The region of a place.
    pub fn region_of(&self, place: u32) -> u32 {
        self.region.get(place as usize).copied().unwrap_or(place)
    }

    /// Dollars for moving `bytes`.
    pub fn usd(&self, from: u32, to: u32, bytes: u64) -> f64 {
        if self.region_of(from) == self.region_of(to) {
            return 0.0;
        }
        let Some(tiers) = &self.tiers else {
            return bytes as f64 * self.usd_per_byte[(from as usize, to as usize)];
        };
        if self.provider[from as usize] == self.provider[to as usize] {
            return 0.0;
        }
        let (mut below, mut usd) = (0, 0.0);
        for (limit, price) in &tiers[from as usize] {
            let within = bytes.min(*limit).saturating_sub(below);
            usd += within as f64 * price;
            below = *limit;
        }
        usd
    }

    /// Time for moving `bytes`, rounded up to the nanosecond.
    pub fn time(&self, from: u32, to: u32, bytes: u64) -> Nanos {
        if self.region_of(from) == self.region_of(to) {
            return 0;
        }
        transfer_time(bytes, self.pico_gbps[(from as usize, to as usize)])
    }
}

/// Time for `bytes` at a throughput in 10^-12 Gbit/s, rounded up to the nanosecond.
///
/// bits / (Gbit/s × 10^9 bit/Gbit) seconds = bits / Gbit/s nanoseconds.
pub fn transfer_time(bytes: u64, pico_gbps: i128) -> Nanos {
    if pico_gbps <= 0 || bytes == 0 {
        return 0;
    }
    let bits = i128::from(bytes) * 8 * 1_000_000_000_000;
    let nanos = (bits + pico_gbps - 1) / pico_gbps;
    // A century: longer than any document may state.
    i64::try_from(nanos).unwrap_or(i64::MAX).min(100 * 366 * 86_400 * 1_000_000_000)
}

/// The first whole second at or after a moment.
pub const fn ceil_second(time: Nanos) -> Nanos {
    let rest = time.rem_euclid(1_000_000_000);
    if rest == 0 { time } else { time - rest + 1_000_000_000 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_start_has_less_than_the_least_integral(
            values in prop::collection::vec(0_u32..50, 1..8), from in -4_i64..12, wide in 0_i64..12,
            length in 1_i64..9, step in 1_i64..4,
        ) {
            let times = (0..values.len() as i64).map(|i| i * step).collect();
            let series = Series::new(times, values.iter().map(|v| f64::from(*v)).collect());
            let least = series.least_integral(from, from + wide, length);
            let all: Vec<f64> = (from..=from + wide).map(|s| series.integral(s, s + length)).collect();
            // Every step is on the grid of all starts, so one of them has it.
            let best = all.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!((least - best).abs() <= 1e-9 * best.abs() + 1e-18, "{least} {best}");
        }
    }
}
