//! What can be rented: offers with prices, counts and availability over time, and the carbon of electricity.

use plimsoll_model::Capacity;
use plimsoll_packing::fleet::{Ask, Model, Request};

use super::{hazard::Hazard, series::Series};

/// Something that can be rented.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Unique.
    pub name: String,
    /// How it is had.
    pub capacity: Capacity,
    /// Thousandths of a core of an instance; with 1,000 it is rented by the CPU.
    pub cpu_milli: u64,
    /// Devices of an instance.
    pub devices: u64,
    /// Their kind, by the number that machines have for it.
    pub model: Option<Model>,
    /// MiB of an instance; nothing: no limit.
    pub memory_mib: Option<u64>,
    /// Billionths of a dollar for an hour of an instance.
    pub nano_hourly: i64,
    /// How many instances there are; nothing: without limit.
    pub count: Option<u64>,
    /// Whether it is paid for, used or not.
    pub sunk: bool,
    /// Prices over time, in millionths of a dollar an hour, in place of `nano_hourly`.
    pub prices: Option<Series>,
    /// Whether it can be had over time: above 0 it can.
    pub availability: Option<Series>,
    /// How often an instance of it is taken back in an hour, on average.
    pub interruptions_per_hour: f64,
}

impl Offer {
    /// How many instances hold a request, if any number does.
    pub fn instances(&self, ask: &Request) -> Option<u64> {
        let devices = match ask.devices {
            Ask::None => 0,
            Ask::Share(_) | Ask::Slice(_) => 1,
            Ask::Whole(count) => u64::from(count),
        };
        // Devices whose kind nobody stated are of none that a job could name.
        let is_of = |model: &Model| ask.models.contains(model);
        if devices > 0 && !ask.models.is_empty() && !self.model.as_ref().is_some_and(is_of) {
            return None;
        }
        let by_cpu = match self.cpu_milli {
            0 if devices == 0 => return None,
            0 => 0,
            each => ask.cpu_milli.div_ceil(each),
        };
        let by_devices = match (self.devices, devices) {
            (_, 0) => 0,
            (0, _) => return None,
            (each, asked) => asked.div_ceil(each),
        };
        let instances = by_cpu.max(by_devices).max(1);
        let has_memory = self.memory_mib.is_none_or(|each| each.saturating_mul(instances) >= ask.memory_mib);
        has_memory.then_some(instances)
    }

    /// Whether a request fits in what there is of it at most.
    pub fn holds(&self, ask: &Request) -> bool {
        self.instances(ask).is_some_and(|instances| self.count.is_none_or(|count| instances <= count))
    }
}

/// What a job rents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rent {
    /// Of which offer.
    pub offer: u16,
    /// Thousandths of a core that the job uses of it.
    pub cpu_milli: u64,
    /// Instances.
    pub instances: u64,
    /// Its number among all rents of the offer, from 0.
    pub number: u64,
}

/// The market of a run.
#[derive(Debug, Clone)]
pub struct Market<'a> {
    /// What can be rented, in the order of the scenario.
    pub offers: &'a [Offer],
    /// Grams a kWh, in millionths.
    pub carbon: Option<&'a Series>,
    /// Microseconds that rent is rounded up to; 0: as used.
    pub billed_by: u64,
    /// Whether the run bounds what is possible: nothing is lost by starting again.
    pub is_bound: bool,
    /// When capacity that is interrupted at a rate is taken back.
    pub hazard: Hazard,
    /// Instances that are free, by offer.
    free: Vec<u64>,
    /// How often each offer was rented.
    rents: Vec<u64>,
}

impl<'a> Market<'a> {
    /// Nothing is rented yet.
    pub fn new(offers: &'a [Offer], carbon: Option<&'a Series>) -> Self {
        let free = offers.iter().map(|offer| offer.count.unwrap_or(u64::MAX)).collect();
        let (hazard, rents) = (Hazard::default(), vec![0; offers.len()]);
        Self { offers, carbon, billed_by: 0, is_bound: false, hazard, free, rents }
    }

    /// What the instances of a rent are called in the log.
    pub fn node(&self, rent: Rent) -> String {
        format!("{}/{}", self.offers[usize::from(rent.offer)].name, rent.number)
    }

    /// Whether an offer can be had at a time.
    pub fn is_available(&self, offer: u16, at: u64) -> bool {
        self.offers[usize::from(offer)].availability.as_ref().is_none_or(|series| series.at(at) > 0)
    }

    /// When what a job rents from now on is taken back, if it is at a rate: by the job's place among all arrivals and the
    /// number of its start.
    pub fn taken_back(&self, rents: &[Rent], now: u64, (order, start): (u64, u64)) -> Option<u64> {
        let rate = |rent: &Rent| self.offers[usize::from(rent.offer)].interruptions_per_hour;
        let per_hour: f64 = rents.iter().map(|rent| rate(rent) * rent.instances as f64).sum();
        (per_hour > 0.0).then(|| self.hazard.after(now, order, start, per_hour))
    }

    /// When its availability changes next.
    pub fn next_change(&self, offer: u16, after: u64) -> Option<u64> {
        self.offers[usize::from(offer)].availability.as_ref()?.next_change(after)
    }

    /// Instances that are free.
    pub fn free(&self, offer: u16) -> u64 {
        self.free[usize::from(offer)]
    }

    /// How many instances hold a request.
    pub fn instances(&self, offer: u16, ask: &Request) -> Option<u64> {
        self.offers[usize::from(offer)].instances(ask)
    }

    /// Rents instances for a job, if they can be had now.
    pub fn take(&mut self, offer: u16, cpu_milli: u64, instances: u64, now: u64) -> Option<Rent> {
        let at = usize::from(offer);
        if self.free[at] < instances || !self.is_available(offer, now) {
            return None;
        }
        if self.offers[at].count.is_some() {
            self.free[at] -= instances;
        }
        let number = self.rents[at];
        self.rents[at] += 1;
        Some(Rent { offer, cpu_milli, instances, number })
    }

    /// Gives back what was rented at this moment and not used.
    pub fn return_unused(&mut self, rent: Rent) {
        self.give_back(rent);
    }

    pub(super) fn give_back(&mut self, rent: Rent) {
        let at = usize::from(rent.offer);
        if let Some(count) = self.offers[at].count {
            self.free[at] += rent.instances;
            assert!(self.free[at] <= count, "no more is given back than was rented");
        }
    }

    /// What a rent costs from one time to another, in billionths of a dollar.
    pub fn price(&self, rent: Rent, from: u64, to: u64) -> i128 {
        let offer = &self.offers[usize::from(rent.offer)];
        if offer.sunk {
            return 0;
        }
        let to = match self.billed_by {
            0 => to,
            tick => from + (to - from).div_ceil(tick) * tick,
        };
        let instances = i128::from(rent.instances);
        let one = match &offer.prices {
            Some(prices) => prices.integral(from, to).saturating_mul(1000),
            None => i128::from(offer.nano_hourly) * i128::from(to - from),
        };
        nearest(one.saturating_mul(instances), HOUR)
    }
}

/// Microseconds of an hour.
pub(super) const HOUR: i128 = 3_600_000_000;

/// A quotient rounded to the nearest, halves away from 0.
pub(super) fn nearest(value: i128, by: i128) -> i128 {
    let half = if value < 0 { -by / 2 } else { by / 2 };
    value.saturating_add(half) / by
}
