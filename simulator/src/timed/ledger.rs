//! What a run costs, in money, energy and carbon: every piece of every job, and what nobody used.
//!
//! Every charge is a whole number of billionths of a dollar and of millionths of a gram, and goes to the log as it is
//! counted here, so that the log's rows add up to the metrics to the last digit.

use indexmap::IndexMap;
use plimsoll_model::simulation::Metric;

use super::{
    cluster::Part,
    job::Job,
    market::{HOUR, Market, Rent, nearest},
    tally::{Tally, seconds},
};

/// What machines of one's own cost and draw.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates {
    /// Of each node, or pool: what it costs an hour, in billionths of a dollar.
    pub nano_hourly: Vec<i64>,
    /// Of each node, or pool: its devices in thousandths, or without any its thousandths of a core. A job pays for the
    /// share that it holds.
    pub capacity: Vec<NodeShare>,
    /// Of each node, or pool: milliwatts of a device, idle and busy.
    pub device_mw: Vec<[u64; 2]>,
    /// Milliwatts of a requested CPU while its job runs.
    pub cpu_mw: u64,
    /// Thousandths of energy of the site for each unit that machines draw.
    pub pue_milli: u64,
    /// Whether anything was said about power.
    pub has_power: bool,
    /// Whether commitments are charged to the last start rather than to the end.
    pub until_last_start: bool,
}

/// What the price of a node is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeShare {
    /// By its devices: thousandths of all.
    Devices(u64),
    /// By its CPUs: thousandths of a core of all.
    Cpus(u64),
}

impl NodeShare {
    /// What is held of it, as a fraction.
    fn of(self, part: &Part, milli: u64) -> (u64, u64) {
        match self {
            Self::Devices(all) => (milli, all.max(1)),
            Self::Cpus(all) => (part.cpu_milli, all.max(1)),
        }
    }
}

/// What a piece of a job, or an idle machine, is charged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Charge {
    /// The node or offer; empty for a job.
    pub node: String,
    /// Billionths of a dollar.
    pub nano_usd: i64,
    /// Millionths of a gram of CO2e.
    pub micro_g: i64,
    /// Why.
    pub reason: &'static str,
}

/// The sums of a run.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    rates: Rates,
    /// What jobs were charged for machines of one's own, by node.
    own: Vec<i64>,
    nano_usd: i128,
    micro_g: i128,
    /// Milliwatts × microseconds.
    energy: i128,
    /// Devices in use × microseconds, and since when so many are.
    used: u128,
    since: (u64, u64),
    /// Devices that are held by running jobs × microseconds; checked against `used` where no device is shared.
    held: u128,
    /// Whether the two differ for a reason: shares of a device, or rooms kept to the end of a round.
    apart: bool,
    /// CPUs of jobs × microseconds, in thousandths.
    cpu_used: u128,
    span: u64,
}

impl Ledger {
    pub(super) fn new(rates: Rates, has_rounds: bool) -> Self {
        Self { own: vec![0; rates.nano_hourly.len()], rates, apart: has_rounds, ..Self::default() }
    }

    /// So many devices are in use from now on.
    pub(super) fn busy(&mut self, now: u64, devices: u64) {
        let (since, before) = self.since;
        self.used += u128::from(before) * u128::from(now - since);
        self.since = (now, devices);
    }

    /// Charges a job for what it held from one time to another.
    pub(super) fn piece(
        &mut self,
        market: &Market<'_>,
        job: &Job,
        parts: &[Part],
        rents: &[Rent],
        from: u64,
        to: u64,
    ) -> Charge {
        let span = i128::from(to - from);
        let mut nano_usd: i64 = rents.iter().map(|rent| market.price(*rent, from, to)).sum();
        let mut milliwatts = self.rates.cpu_mw * job.ask.cpu_milli / 1000;
        for part in parts {
            let at = part.node as usize;
            let milli: u64 = part.devices.iter().map(|hold| u64::from(hold.milli)).sum();
            self.held += u128::from(milli) * u128::from(to - from);
            self.apart |= part.devices.iter().any(|hold| hold.milli < 1000);
            if let Some([idle, busy]) = self.rates.device_mw.get(at) {
                milliwatts += (busy - idle) * milli / 1000;
            }
            let hourly = self.rates.nano_hourly.get(at).copied().unwrap_or(0);
            let (held, all) = self.rates.capacity.get(at).map_or((0, 1), |share| share.of(part, milli));
            let charge = nearest(i128::from(hourly) * i128::from(held) * span, HOUR * i128::from(all));
            if let Some(own) = self.own.get_mut(at) {
                *own += charge;
            }
            nano_usd += charge;
        }
        self.cpu_used += u128::from(job.ask.cpu_milli) * u128::from(to - from);
        let micro_g = self.burn(market, milliwatts, from, to);
        self.nano_usd += i128::from(nano_usd);
        Charge { nano_usd, micro_g, ..Charge::default() }
    }

    /// Energy and carbon of a draw.
    fn burn(&mut self, market: &Market<'_>, milliwatts: u64, from: u64, to: u64) -> i64 {
        let pue = i128::from(self.rates.pue_milli);
        self.energy += i128::from(milliwatts) * pue * i128::from(to - from) / 1000;
        let Some(carbon) = market.carbon else { return 0 };
        // Millionths of a gram a kWh × microseconds × milliwatts, by milliwatts of a kilowatt and microseconds of an hour.
        let micro_g =
            nearest(carbon.integral(from, to) * i128::from(milliwatts) * pue, 1_000_000 * HOUR * 1000);
        self.micro_g += i128::from(micro_g);
        micro_g
    }

    /// Charges what nobody used, and commitments.
    pub(super) fn close(&mut self, market: &Market<'_>, tally: &Tally, now: u64) -> Vec<Charge> {
        let first = tally.first_arrival.unwrap_or(now);
        self.busy(now, 0);
        self.span = now - first;
        if !self.apart {
            assert_eq!(self.used * 1000, self.held, "devices in use are those that jobs hold");
        }
        let mut charges = Vec::new();
        for at in 0..self.rates.nano_hourly.len() {
            let all = nearest(i128::from(self.rates.nano_hourly[at]) * i128::from(now - first), HOUR);
            let idle = all - self.own[at];
            if idle != 0 {
                charges.push(Charge { nano_usd: idle, reason: "idle hours", ..Charge::default() });
                self.nano_usd += i128::from(idle);
            }
        }
        let idle_mw = self.idle_milliwatts();
        if idle_mw > 0 {
            let micro_g = self.burn(market, idle_mw, first, now);
            charges.push(Charge { micro_g, reason: "idle power", ..Charge::default() });
        }
        for offer in market.offers.iter().filter(|offer| offer.sunk) {
            let to = if self.rates.until_last_start { tally.last_start.max(first) } else { now };
            let count = i128::from(offer.count.unwrap_or(0));
            let nano_usd = nearest(i128::from(offer.nano_hourly) * count * i128::from(to - first), HOUR);
            if nano_usd != 0 {
                charges.push(Charge {
                    node: offer.name.clone(),
                    nano_usd,
                    reason: "commitment",
                    ..Charge::default()
                });
                self.nano_usd += i128::from(nano_usd);
            }
        }
        charges
    }

    /// What all devices draw when none has work.
    fn idle_milliwatts(&self) -> u64 {
        let devices = self.rates.capacity.iter().map(|share| match share {
            NodeShare::Devices(milli) => milli / 1000,
            NodeShare::Cpus(_) => 0,
        });
        devices.zip(&self.rates.device_mw).map(|(count, [idle, _])| count * idle).sum()
    }

    /// The metrics of money, energy and carbon, and how much was used.
    pub fn metrics(
        &self,
        market: &Market<'_>,
        devices: u64,
        cpu_milli: u64,
        metrics: &mut IndexMap<String, Metric>,
    ) {
        let mut put = |name: &str, value: f64| {
            metrics.insert(name.to_owned(), Metric::Number(value));
        };
        if !market.offers.is_empty() || self.rates.nano_hourly.iter().any(|hourly| *hourly != 0) {
            put("cost_usd", self.nano_usd as f64 / 1e9);
        }
        if self.rates.has_power {
            put("energy_kwh", self.energy as f64 / (1e6 * HOUR as f64));
            if market.carbon.is_some() {
                put("carbon_kg", self.micro_g as f64 / 1e9);
            }
        }
        let span = u128::from(self.span);
        if devices > 0 && span > 0 {
            put("utilization_percent", 100.0 * seconds(self.used) / (devices as f64 * seconds(span)));
        } else if cpu_milli > 0 && span > 0 {
            put("utilization_percent", 100.0 * seconds(self.cpu_used) / (cpu_milli as f64 * seconds(span)));
        }
    }
}
