//! Work that may wait, drawn from a seed: deadlines over the slots of a week, offers with few instances,
//! and carbon that rises and falls with the hour.
//!
//! Everything is synthetic and stated (`defaults: none`). What an hour costs changes only with its carbon:
//! the price of carbon is such that it is about half of the cost, so that when a run lies matters as much
//! as where.

use plimsoll_model::{
    AcceleratorCount, Duration, GramsPerKwh, Inputs, Match, OfferSpec, Ratio, Time, Usd, Watts, When,
    Workload,
    estate::{CarbonRow, Defaults, Quota},
    workload::AcceleratorRequest,
};
use plimsoll_planner::Settings;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::instance::{drawn, empty, workload};

/// How large an instance is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Workloads.
    pub workloads: usize,
    /// Offers.
    pub offers: usize,
    /// Hours within which everything runs.
    pub slots: usize,
    /// One workload of so many may pause; 0: none.
    pub pausable: usize,
}

/// Accelerators with dollars an hour, watts, and speed of one.
const ACCELERATORS: [(&str, f64, i64, f64); 6] = [
    ("T4", 0.11, 160, 0.5),
    ("L4", 0.16, 180, 0.8),
    ("A10G", 0.22, 300, 1.0),
    ("V100", 0.25, 380, 1.1),
    ("L40S", 0.35, 450, 1.7),
    ("A100", 0.45, 520, 2.2),
];
/// Dollars a tonne of CO2e.
const CARBON: i64 = 1_000;
/// Offers of a region, on average.
const OFFERS: usize = 8;
/// The first slot.
const START: &str = "2026-11-02T00:00:00Z";

/// The settings under which an instance is planned.
pub fn settings(inputs: &Inputs) -> Settings {
    Settings { carbon_price: Usd::from_units(CARBON), ..Settings::of(inputs) }
}

/// An instance of a size.
pub fn slots(seed: u64, size: Size) -> Inputs {
    let mut draw = Draw { rng: ChaCha8Rng::seed_from_u64(seed), size, inputs: empty() };
    let estate = &mut draw.inputs.estate;
    estate.catalog = Some(Vec::new());
    estate.defaults = Some(Defaults::None);
    estate.time = START.parse::<Time>().ok();
    let regions = (size.offers / OFFERS).max(2);
    draw.carbon(regions);
    draw.offers(regions);
    for w in 0..size.workloads {
        let work = draw.work(w);
        draw.inputs.workloads.push(work);
    }
    draw.inputs
}

struct Draw {
    rng: ChaCha8Rng,
    size: Size,
    inputs: Inputs,
}

impl Draw {
    /// A day's sun and a week's wind, hour by hour, region by region.
    fn carbon(&mut self, regions: usize) {
        let start = self.inputs.estate.time.unwrap_or(Time::from_nanos(0));
        for r in 0..regions {
            let dirt = self.rng.random_range(0.15..0.75);
            let sun = self.rng.random_range(0.0..0.6);
            let noon = self.rng.random_range(8.0..16.0);
            let mut wind = 0.0;
            let mut series = Vec::new();
            for hour in 0..=self.size.slots {
                wind = 0.93 * wind + self.rng.random_range(-0.1..0.1);
                let light = ((hour as f64 - noon) * std::f64::consts::TAU / 24.0).cos().max(-0.3);
                let value = dirt * (1.0 - sun * light) * (1.0 + wind);
                let grams = (value * 1000.0).round().clamp(15.0, 1_200.0);
                let time = start + Duration::from_hours(hour as i64);
                series.push((time, GramsPerKwh::from_units(grams as i64)));
            }
            let path = format!("r{r:03}.csv");
            self.inputs.series.insert(path.clone(), series);
            self.inputs.estate.carbon_intensity.push(CarbonRow {
                region: Some(format!("cloud/r{r:03}")),
                zone: None,
                grams_per_kwh: None,
                series: Some(path),
            });
        }
    }

    fn offers(&mut self, regions: usize) {
        for o in 0..self.size.offers {
            let region = format!("r{:03}", self.rng.random_range(0..regions));
            let (name, price, watts, _) = ACCELERATORS[o % ACCELERATORS.len()];
            let each: u32 = self.pick(&[1, 2, 4, 8]);
            let held: u32 = self.pick(&[8, 16, 16, 32]);
            let hourly = price * f64::from(each) * self.rng.random_range(0.8..1.3);
            let hourly = Usd::from_f64((hourly * 1e4).round() / 1e4).unwrap_or(Usd::ZERO);
            let count = Some(held / each);
            let watts = Some(Watts::from_units(watts * i64::from(each)));
            let offer = drawn(("cloud", &region), (name, each), o, hourly);
            self.inputs.estate.offers.push(OfferSpec { count, watts, ..offer });
        }
        // What a whole account may hold at once of each accelerator: less than the offers do together.
        for (name, ..) in ACCELERATORS {
            let matches = Match { accelerator: Some(name.to_owned().into()), ..Match::default() };
            let accelerators = Some((self.size.offers * 16 / ACCELERATORS.len() * 2 / 3) as u32);
            self.inputs.estate.quotas.push(Quota { matches, accelerators, ..Quota::default() });
        }
    }

    fn work(&mut self, w: usize) -> Workload {
        let mut work = workload(format!("w{w:05}"));
        let first = self.rng.random_range(0..ACCELERATORS.len());
        let kinds = self.rng.random_range(1..4);
        let kinds: Vec<usize> = (0..kinds).map(|i| (first + i) % ACCELERATORS.len()).collect();
        let speed = kinds.iter().map(|k| {
            let (name, .., speed) = ACCELERATORS[*k];
            (name.to_owned(), Ratio::from_f64(speed).unwrap_or_default())
        });
        work.spec.speed = Some(speed.collect());
        let any_of = kinds.iter().map(|k| ACCELERATORS[*k].0.to_owned()).collect();
        let count = Some(AcceleratorCount::whole(1));
        work.spec.request.accelerators = Some(AcceleratorRequest { any_of, count, ..Default::default() });
        work.spec.replicas = self.pick(&[1, 2, 4, 8, 8, 16]);
        let slots = self.size.slots as i64;
        let hours = self.rng.random_range(2..=(slots / 6).min(20));
        work.spec.duration = Some(Duration::from_hours(hours));
        // On the slowest of its accelerators it takes twice as long.
        let longest = 2 * hours;
        let release = self.rng.random_range(0..=(slots - longest).max(1) * 3 / 4);
        let patience = self.rng.random_range(longest..=(slots - release).max(longest));
        work.spec.earliest = Some(When::In(Duration::from_hours(release)));
        work.spec.deadline = Some(When::In(Duration::from_hours(release + patience)));
        work.spec.pausable = self.size.pausable > 0 && w.is_multiple_of(self.size.pausable);
        work
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_its_size_and_seed() {
        let size = Size { workloads: 20, offers: 10, slots: 24, pausable: 5 };
        let draw = |seed| {
            let inputs = slots(seed, size);
            serde_json::to_string(&(inputs.workloads, inputs.estate)).expect("it serialises")
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
