//! Estates of the size of a company, drawn from a seed: thousands of workloads that share datasets, quotas
//! and budgets, in shapes that are hard in different ways.
//!
//! Everything is synthetic and stated (`defaults: none`), so that an instance depends on its name and seed
//! alone, not on the embedded catalogue of the day.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{
    AcceleratorCount, Bytes, Capacity, Duration, GbitPerSecond, Inputs, Match, OfferSpec, PerHour, Ratio,
    Time, Usd, Workload,
    estate::{Budget, Dataset, Defaults, EgressRow, Quota, ThroughputRow},
    workload::{AcceleratorRequest, Checkpoint, Input},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::instance::{drawn, empty, workload};

/// What makes an instance hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A bit of everything: 60 regions, a dataset for five workloads, quotas of 8 to 32, ten teams.
    Company,
    /// Everyone reads the same dataset.
    Giant,
    /// Quotas of 8 or 16, gangs of 8 or 16.
    Lumpy,
    /// Budgets that hold hardly more than the least that the work costs.
    Tight,
    /// No quotas.
    Free,
    /// Two clouds of 120 regions each.
    Wide,
    /// One workload in fifty fits nowhere.
    Impossible,
    /// Of every twenty workloads nineteen are equal to another.
    Equal,
    /// No two workloads alike in anything: sizes of data, hours, accelerators, speeds.
    Different,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 9] = [
        Self::Company,
        Self::Giant,
        Self::Lumpy,
        Self::Tight,
        Self::Free,
        Self::Wide,
        Self::Impossible,
        Self::Equal,
        Self::Different,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Giant => "giant",
            Self::Lumpy => "lumpy",
            Self::Tight => "tight",
            Self::Free => "free",
            Self::Wide => "wide",
            Self::Impossible => "impossible",
            Self::Equal => "equal",
            Self::Different => "different",
        }
    }
}

/// Accelerators with dollars an hour of one, and speed.
const ACCELERATORS: [(&str, f64, f64); 10] = [
    ("T4", 0.35, 0.4),
    ("L4", 0.7, 0.8),
    ("V100", 2.2, 1.0),
    ("A10G", 1.0, 1.0),
    ("L40S", 1.6, 1.6),
    ("A100", 2.9, 2.2),
    ("A100-80GB", 3.7, 2.5),
    ("H100", 6.9, 5.0),
    ("H200", 8.2, 6.0),
    ("B200", 11.0, 9.0),
];
/// Regions of each cloud.
const CLOUDS: [(&str, usize); 3] = [("north", 24), ("south", 20), ("west", 16)];
const WIDE: [(&str, usize); 2] = [("north", 120), ("south", 120)];
const TEAMS: usize = 10;
/// Workloads that share a dataset, on average.
const READERS: usize = 5;
/// Kinds of workloads in the shape of equal ones, a share of all.
const EQUAL: usize = 20;

/// An instance of a shape.
pub fn company(seed: u64, workloads: usize, offers: usize, shape: Shape) -> Inputs {
    Draw { rng: ChaCha8Rng::seed_from_u64(seed), shape, workloads, inputs: empty() }.all(offers)
}

struct Draw {
    rng: ChaCha8Rng,
    shape: Shape,
    workloads: usize,
    inputs: Inputs,
}

impl Draw {
    fn all(mut self, offers: usize) -> Inputs {
        let estate = &mut self.inputs.estate;
        estate.catalog = Some(Vec::new());
        estate.defaults = Some(Defaults::None);
        estate.time = "2026-11-01T00:00:00Z".parse::<Time>().ok();
        let regions = self.regions();
        self.offers(&regions, offers);
        self.network();
        self.quotas(&regions);
        self.datasets(&regions);
        for w in 0..self.workloads {
            let work = self.work(w, &regions);
            self.inputs.workloads.push(work);
        }
        self.budgets();
        self.inputs
    }

    fn regions(&self) -> Vec<(&'static str, String)> {
        let clouds: &[(&str, usize)] = if self.shape == Shape::Wide { &WIDE } else { &CLOUDS };
        let named = |(cloud, count): &(&'static str, usize)| {
            let cloud = *cloud;
            (0..*count).map(move |r| (cloud, format!("{cloud}-{r:03}")))
        };
        clouds.iter().flat_map(named).collect()
    }

    fn offers(&mut self, regions: &[(&'static str, String)], count: usize) {
        let factors: Vec<f64> = regions.iter().map(|_| self.rng.random_range(0.85..1.35)).collect();
        for o in 0..count {
            let r = self.rng.random_range(0..regions.len());
            let (name, price, _) = ACCELERATORS[self.rng.random_range(0..ACCELERATORS.len())];
            let each: u32 = self.pick(&[1, 2, 4, 8]);
            let spot = self.rng.random_range(0..2) == 0;
            let market = if spot { self.rng.random_range(0.3..0.55) } else { 1.0 };
            let noise = self.rng.random_range(0.95..1.1);
            let hourly = price * f64::from(each) * factors[r] * market * noise;
            let (cloud, region) = &regions[r];
            let capacity = if spot { Capacity::Spot } else { Capacity::OnDemand };
            let interruptions_per_hour =
                spot.then(|| PerHour::from_f64(self.rng.random_range(0.01..0.1)).unwrap_or_default());
            let offer = drawn((cloud, region), (name, each), o, usd(hourly));
            self.inputs.estate.offers.push(OfferSpec { capacity, interruptions_per_hour, ..offer });
        }
    }

    fn network(&mut self) {
        let clouds: &[(&str, usize)] = if self.shape == Shape::Wide { &WIDE } else { &CLOUDS };
        for (cloud, _) in clouds {
            for (to, price) in [((*cloud).to_owned(), 0.02), ("*".to_owned(), 0.09)] {
                let usd_per_gb = usd(price);
                self.inputs.estate.egress.push(EgressRow { from: (*cloud).into(), to, usd_per_gb });
            }
        }
        let gbps = GbitPerSecond::from_units(20);
        self.inputs.estate.throughput = vec![ThroughputRow { from: "*".into(), to: "*".into(), gbps }];
    }

    fn quotas(&mut self, regions: &[(&'static str, String)]) {
        if self.shape == Shape::Free {
            return;
        }
        let sizes: &[u32] = if self.shape == Shape::Lumpy { &[8, 16] } else { &[8, 16, 32] };
        // A larger company has larger quotas, and so has one with offers for few of them.
        let of = |offer: &OfferSpec| (offer.region.clone(), offer.accelerator.clone(), offer.capacity);
        let served: BTreeSet<_> = self.inputs.estate.offers.iter().map(of).collect();
        let all = regions.len() * ACCELERATORS.len() * 2;
        let scale = (self.workloads * all / (1000 * served.len().max(1))).max(1) as u32;
        for (cloud, region) in regions {
            for (accelerator, ..) in ACCELERATORS {
                for capacity in [Capacity::Spot, Capacity::OnDemand] {
                    let accelerators = Some(self.pick(sizes) * scale);
                    let matches = Match {
                        cloud: Some((*cloud).to_owned().into()),
                        region: Some(region.clone().into()),
                        accelerator: Some(accelerator.to_owned().into()),
                        capacity: Some(capacity.into()),
                        ..Match::default()
                    };
                    self.inputs.estate.quotas.push(Quota { matches, accelerators, ..Quota::default() });
                }
            }
        }
    }

    fn datasets(&mut self, regions: &[(&'static str, String)]) {
        let count = if self.shape == Shape::Giant { 1 } else { self.workloads.div_ceil(READERS) };
        for d in 0..count {
            let (cloud, region) = &regions[self.rng.random_range(0..regions.len())];
            let size = Bytes::gib(self.rng.random_range(20..1500));
            let at = vec![format!("{cloud}/{region}")];
            self.inputs.estate.datasets.push(Dataset {
                name: format!("d{d}"),
                size,
                at,
                residency: Vec::new(),
            });
        }
    }

    fn work(&mut self, w: usize, regions: &[(&'static str, String)]) -> Workload {
        let kinds = (self.workloads / EQUAL).max(1);
        if self.shape == Shape::Equal && w >= kinds {
            let mut work = self.inputs.workloads[w % kinds].clone();
            work.metadata.name = format!("w{w:05}");
            return work;
        }
        let mut work = workload(format!("w{w:05}"));
        let first = self.rng.random_range(0..ACCELERATORS.len());
        let kinds: Vec<usize> =
            (0..self.rng.random_range(1..4)).map(|i| (first + i) % ACCELERATORS.len()).collect();
        let different = self.shape == Shape::Different;
        let mut speed = indexmap::IndexMap::new();
        for k in &kinds {
            let (name, _, speedup) = ACCELERATORS[*k];
            let own = if different { self.rng.random_range(0.7..1.4) } else { 1.0 };
            speed.insert(name.to_owned(), Ratio::from_f64(speedup * own).unwrap_or_default());
        }
        work.spec.speed = Some(speed);
        let lumpy = self.shape == Shape::Lumpy;
        let impossible = self.shape == Shape::Impossible && w % 50 == 7;
        let count = if impossible { 9 } else { self.pick(if lumpy { &[2, 4, 8] } else { &[1, 1, 2, 4, 8] }) };
        let any_of = kinds.iter().map(|k| ACCELERATORS[*k].0.to_owned()).collect();
        let count = Some(AcceleratorCount::whole(count));
        work.spec.request.accelerators = Some(AcceleratorRequest { any_of, count, ..Default::default() });
        work.spec.replicas = self.pick(if lumpy { &[1, 1, 2] } else { &[1, 1, 1, 2] });
        let hours = self.rng.random_range(3..200);
        work.spec.duration = Some(Duration::from_secs(if different {
            600 * hours + self.rng.random_range(0..600)
        } else {
            600 * hours
        }));
        if self.rng.random_range(0..2) == 0 {
            work.spec.interruptible = true;
            work.spec.checkpoint =
                Some(Checkpoint { every: Duration::from_secs(1800), restart: Duration::from_secs(300) });
        }
        let dataset = self.rng.random_range(0..self.inputs.estate.datasets.len());
        let dataset = &self.inputs.estate.datasets[dataset];
        let size = different.then(|| Bytes(dataset.size.0 / 4 * self.rng.random_range(1..5)));
        work.spec.inputs = vec![Input { dataset: Some(dataset.name.clone()), from: None, size }];
        if self.rng.random_range(0..5) == 0 {
            work.spec.clouds = vec![regions[self.rng.random_range(0..regions.len())].0.to_owned()];
        }
        work.spec.team = Some(format!("t{}", self.rng.random_range(0..TEAMS)));
        if !impossible && !self.has_offer(&work) {
            // Where offers are few it takes what there is.
            work.spec.clouds = Vec::new();
            work.spec.interruptible = true;
        }
        work
    }

    /// Whether there is an offer of what a workload asks for.
    fn has_offer(&self, work: &Workload) -> bool {
        let spec = &work.spec;
        let Some(wanted) = &spec.request.accelerators else { return true };
        self.inputs.estate.offers.iter().any(|offer| {
            offer.accelerator.as_ref().is_some_and(|name| wanted.any_of.contains(name))
                && offer.accelerators.is_some_and(|has| has.milli() >= wanted.count().milli())
                && (spec.interruptible || offer.capacity == Capacity::OnDemand)
                && (spec.clouds.is_empty()
                    || spec.clouds.iter().any(|cloud| Some(cloud) == offer.cloud.as_ref()))
        })
    }

    /// Budgets by what each team's work costs at least where nobody is in the way.
    fn budgets(&mut self) {
        let room = match self.shape {
            Shape::Tight => 1.9,
            _ => 2.5,
        };
        let mut least: BTreeMap<String, f64> = BTreeMap::new();
        let mut by_accelerator: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for offer in &self.inputs.estate.offers {
            let (Some(name), Some(count)) = (offer.accelerator.as_deref(), offer.accelerators) else {
                continue;
            };
            let each = offer.hourly.to_f64() / (count.milli() as f64 / 1000.0);
            let best = by_accelerator.entry(name).or_insert((f64::INFINITY, f64::INFINITY));
            let of = if offer.capacity == Capacity::Spot { &mut best.0 } else { &mut best.1 };
            *of = of.min(each);
        }
        for work in &self.inputs.workloads {
            let spec = &work.spec;
            let (Some(asked), Some(duration), Some(team)) =
                (&spec.request.accelerators, spec.duration, &spec.team)
            else {
                continue;
            };
            let all = f64::from(spec.replicas) * asked.count().milli() as f64 / 1000.0;
            let hours = duration.nanos() as f64 / 3.6e12;
            let cost = spec.speed.iter().flatten().filter_map(|(name, speed)| {
                let (spot, on_demand) = by_accelerator.get(name.as_str())?;
                let hourly = if spec.interruptible { spot.min(*on_demand) } else { *on_demand };
                Some(hourly * all * hours / speed.to_f64())
            });
            *least.entry(team.clone()).or_default() += cost.fold(f64::INFINITY, f64::min);
        }
        for (team, cost) in least {
            self.inputs.estate.budgets.push(Budget { team, usd: usd(cost * room) });
        }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }
}

fn usd(value: f64) -> Usd {
    // Whole hundredths of a cent: documents state no more.
    Usd::from_f64((value * 1e4).round() / 1e4).unwrap_or(Usd::ZERO)
}
