//! Made-up traces, calibrated to published statistics.
//!
//! Run times are log-normal with the mean and the median that a cluster published (Philly, Seren, Kalos, Helios, PAI:
//! the tables of `AcmeTrace`, MIT and CC-BY 4.0; openb: its lists), cut at the longest; devices are powers of two with a
//! geometric fall that has the published mean, or shares of one. Arrivals are Poisson with a day of 24 hours in them.
//! One `ChaCha8` stream for each of arrivals, sizes and run times: more of one does not move the others.

use plimsoll_packing::fleet::{Ask, Request};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::job::{Job, Terms};

/// What jobs of a kind are like.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Class {
    /// How many of a hundred jobs.
    weight: f64,
    /// Seconds: mean, median and longest run.
    mean: f64,
    median: f64,
    longest: f64,
    /// Mean devices; below 1 they are shares.
    devices: f64,
    /// Most devices.
    most: u32,
}

/// A made-up trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    classes: Vec<Class>,
    /// Microseconds between two arrivals, on average.
    gap: f64,
    /// Microseconds over which jobs arrive.
    span: u64,
    /// At most so many.
    count: u64,
    /// Devices that the largest job may ask for.
    largest: u32,
    terms: Terms,
}

/// The profiles that there are.
pub const PROFILES: [&str; 7] = ["mixed", "openb", "philly", "seren", "kalos", "helios", "pai"];

fn classes(profile: &str) -> Option<Vec<Class>> {
    let class =
        |weight, mean, median, longest, devices, most| Class { weight, mean, median, longest, devices, most };
    let philly = class(100.0, 18_006.1, 874.0, 4_240_676.0, 1.928, 128);
    let helios = class(100.0, 6_651.7, 206.0, 4_320_009.0, 3.716, 2_048);
    let openb = class(100.0, 6_500.0, 540.0, 2_000_000.0, 0.6, 1);
    Some(match profile {
        "philly" => vec![philly],
        "helios" => vec![helios],
        "openb" => vec![openb],
        "seren" => vec![class(100.0, 1_414.3, 122.0, 1_209_604.0, 5.68, 1_024)],
        "kalos" => vec![class(100.0, 1_259.7, 124.0, 625_740.0, 26.77, 1_024)],
        "pai" => vec![class(100.0, 4_787.1, 480.7, 626_371.0, 0.683, 1)],
        // Shares for small models and notebooks, training, and some long training runs, cut at two days.
        "mixed" => vec![
            Class { weight: 45.0, longest: 86_400.0, ..openb },
            Class { weight: 45.0, longest: 172_800.0, most: 32, ..helios },
            Class { weight: 10.0, longest: 172_800.0, most: 32, ..philly },
        ],
        _ => return None,
    })
}

impl Generator {
    /// For a cluster of so many devices, to be kept busy to a part (`load`) over a span of microseconds by jobs of at
    /// most `largest` devices; nothing for a profile that there is not. `count` fixes how many jobs there are, which
    /// then arrive at whatever pace fills the span.
    pub fn new(
        profile: &str,
        devices: u64,
        largest: u64,
        load: f64,
        span: u64,
        count: Option<u64>,
    ) -> Option<Self> {
        let mut this = Self {
            classes: classes(profile)?,
            gap: 1.0,
            span,
            count: count.unwrap_or(u64::MAX),
            largest: u32::try_from(largest).unwrap_or(u32::MAX).clamp(1, 60_000),
            terms: Terms::default(),
        };
        this.gap = if let Some(count) = count {
            span as f64 / count.max(1) as f64
        } else {
            // Microseconds of work that a job brings, by the devices that it keeps busy on average.
            let all: f64 = this.classes.iter().map(|class| class.weight).sum();
            let brought =
                |class: &Class| class.weight / all * class.mean_devices(this.largest) * class.mean_run();
            this.classes.iter().map(brought).sum::<f64>() * 1e6 / (load * devices.max(1) as f64)
        };
        Some(this)
    }

    /// The same jobs on other terms.
    pub fn on(mut self, terms: Terms) -> Self {
        self.terms = terms;
        self
    }

    /// The jobs of a seed, in order of arrival.
    pub fn jobs(&self, seed: u64) -> impl Iterator<Item = Job> + '_ {
        let mut streams = Streams::new(seed);
        let (mut at, mut index) = (0.0, 0);
        std::iter::from_fn(move || {
            // Thinning (Lewis and Shedler): candidates at the highest rate, kept with the rate of the hour.
            loop {
                let uniform: f64 = streams.arrivals.random();
                at -= (1.0 - uniform).ln() * self.gap / (1.0 + SWING);
                let hour = at / 3.6e9;
                let rate = 1.0 + SWING * ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin();
                if streams.arrivals.random::<f64>() * (1.0 + SWING) < rate {
                    break;
                }
            }
            if at >= self.span as f64 && self.count == u64::MAX || index >= self.count {
                return None;
            }
            let job = self.job(index, at as u64, &mut streams);
            index += 1;
            Some(job)
        })
    }

    /// Every request that a job may make.
    pub fn requests(&self) -> Vec<Request> {
        let mut asks: Vec<Ask> = Vec::new();
        for class in &self.classes {
            if class.devices < 1.0 {
                asks.extend((1..10).map(|tenth| Ask::Share(tenth * 100)).chain([Ask::Whole(1)]));
            } else {
                let sizes = (0..16).map(|power| 1 << power);
                let most = class.most.min(self.largest);
                asks.extend(sizes.take_while(|size| u32::from(*size) <= most).map(Ask::Whole));
            }
        }
        asks.sort_unstable();
        asks.dedup();
        asks.into_iter().map(sized).collect()
    }

    fn job(&self, index: u64, arrive: u64, streams: &mut Streams) -> Job {
        let all: f64 = self.classes.iter().map(|class| class.weight).sum();
        let mut pick = streams.sizes.random::<f64>() * all;
        let class = self
            .classes
            .iter()
            .find(|class| {
                pick -= class.weight;
                pick < 0.0
            })
            .unwrap_or(&self.classes[self.classes.len() - 1]);
        let devices = if class.devices < 1.0 {
            let milli = class.share(streams.sizes.random());
            if milli == 1000 { Ask::Whole(1) } else { Ask::Share(milli) }
        } else {
            let most = class.most.min(self.largest);
            let ratio = ratio(class.devices, most);
            let mut count = 1_u32;
            while count * 2 <= most && streams.sizes.random::<f64>() < ratio {
                count *= 2;
            }
            Ask::Whole(count as u16)
        };
        let seconds = class.run(streams.normal());
        let stated = (seconds * 1e6) as u64;
        let (arrive, work) = (self.terms.arrival(arrive), self.terms.on_grid(stated));
        Job {
            name: format!("job-{index}").into(),
            arrive,
            work,
            stated,
            times: None,
            steps: None,
            ask: sized(devices),
            deadline: self.terms.due(arrive, work),
            earliest: None,
            interruptible: self.terms.interruptible,
            priority: self.terms.priority,
        }
    }
}

impl Class {
    /// Seconds of a run, from a normal deviate. Of a log-normal the mean is the median × e^(σ²/2).
    fn run(&self, normal: f64) -> f64 {
        let sigma = (2.0 * (self.mean / self.median).ln()).sqrt();
        (self.median * (sigma * normal).exp()).clamp(1.0, self.longest)
    }

    /// The mean of [`Class::run`], cuts included, by integration over the deviate.
    fn mean_run(&self) -> f64 {
        const STEPS: i32 = 3_200;
        let density = |z: f64| (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let at = |step: i32| f64::from(step) * 16.0 / f64::from(STEPS) - 8.0;
        (0..STEPS).map(|step| self.run(at(step)) * density(at(step))).sum::<f64>() * 16.0 / f64::from(STEPS)
    }

    /// Thousandths of a device from a uniform deviate: tenths, most of them small, with the class's mean.
    fn share(&self, uniform: f64) -> u16 {
        let part = uniform.powf(1.0 / self.devices - 1.0);
        ((part * 10.0).ceil() as u16 * 100).clamp(100, 1000)
    }

    /// Mean devices where no job has more than so many.
    fn mean_devices(&self, largest: u32) -> f64 {
        if self.devices < 1.0 {
            return (0..1000)
                .map(|step| f64::from(self.share((f64::from(step) + 0.5) / 1000.0)))
                .sum::<f64>()
                / 1e6;
        }
        let most = self.most.min(largest);
        mean_count(ratio(self.devices, most), most)
    }
}

/// What a made-up job of so many devices holds: for each 8 cores and 32 GiB, for a small share those of a tenth.
pub fn sized(devices: Ask) -> Request {
    let ask = Request { devices, ..Request::default() };
    let milli = ask.milli().max(100);
    Request { cpu_milli: milli * 8, memory_mib: milli * 32 * 1024 / 1000, ..ask }
}

/// How far the rate of arrivals swings about its mean over a day.
const SWING: f64 = 0.5;

/// The chance of twice as many devices that gives the mean: of counts 1, 2, 4, …, most.
fn ratio(mean: f64, most: u32) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if mean_count(middle, most) < mean { low = middle } else { high = middle }
    }
    low
}

/// The mean of counts 1, 2, 4, …, most, each with this chance to be the one before doubled.
fn mean_count(ratio: f64, most: u32) -> f64 {
    let (mut count, mut chance, mut sum) = (1_u64, 1.0, 0.0);
    while count * 2 <= u64::from(most) {
        sum += count as f64 * chance * (1.0 - ratio);
        chance *= ratio;
        count *= 2;
    }
    sum + count as f64 * chance
}

/// One stream a component.
struct Streams {
    arrivals: ChaCha8Rng,
    sizes: ChaCha8Rng,
    times: ChaCha8Rng,
}

impl Streams {
    fn new(seed: u64) -> Self {
        let stream = |number: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(number);
            rng
        };
        Self { arrivals: stream(1), sizes: stream(2), times: stream(3) }
    }

    /// A normal deviate (Box and Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.times.random::<f64>()).ln()).sqrt();
        radius * (self.times.random::<f64>() * std::f64::consts::TAU).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_means_come_out() {
        let day = 86_400_000_000;
        let philly = Generator::new("philly", 2_474, 2_474, 0.8, 365 * day, Some(60_000)).unwrap();
        let jobs: Vec<Job> = philly.jobs(1).collect();
        assert_eq!(jobs.len(), 60_000);
        let mean = |of: &dyn Fn(&Job) -> f64| jobs.iter().map(of).sum::<f64>() / jobs.len() as f64;
        let devices = mean(&|job| job.devices() as f64);
        assert!((devices - 1.928).abs() < 0.1, "{devices}");
        let mut runs: Vec<u64> = jobs.iter().map(|job| job.work).collect();
        runs.sort_unstable();
        let median = runs[runs.len() / 2] as f64 / 1e6;
        assert!((median / 874.0 - 1.0).abs() < 0.05, "{median}");
        let mean_run = mean(&|job| job.work as f64 / 1e6);
        assert!((mean_run / 18_006.0 - 1.0).abs() < 0.15, "{mean_run}");
        assert!(jobs.windows(2).all(|pair| pair[0].arrive <= pair[1].arrive));
    }

    #[test]
    fn the_load_is_what_was_asked_for() {
        let week = 7 * 86_400_000_000;
        for profile in PROFILES {
            let asked: Vec<f64> = (0..24)
                .map(|seed| {
                    let generator = Generator::new(profile, 512, 512, 0.8, week, None).unwrap();
                    let work = generator.jobs(seed).map(|job| job.ask.milli() as f64 / 1e3 * job.work as f64);
                    work.sum::<f64>() / (512.0 * week as f64)
                })
                .collect();
            let load = asked.iter().sum::<f64>() / 24.0;
            assert!((load / 0.8 - 1.0).abs() < 0.3, "{profile}: {load}");
        }
        assert!(Generator::new("borg", 1, 1, 0.8, week, None).is_none());
    }
}
