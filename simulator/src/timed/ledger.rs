//! What a run costs, in money, energy and carbon: every piece of every job, and what nobody used.
//!
//! Every charge is a whole number of billionths of a dollar and of millionths of a gram, and goes to the log as it is
//! counted here, so that the log's rows add up to the metrics to the last digit.

use indexmap::IndexMap;
use plimsoll_model::simulation::Metric;

use super::{
    cluster::{Cluster, Part},
    job::Job,
    market::{HOUR, Market, Rent, nearest},
    tally::{Tally, seconds},
};

/// What machines of one's own cost, and what those and rented ones draw.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates {
    /// Of each node, or pool: what it costs an hour, in billionths of a dollar.
    pub nano_hourly: Vec<i128>,
    /// Of each node, or pool: its devices in thousandths, or without any its thousandths of a core. A job pays for the
    /// share that it holds.
    pub capacity: Vec<NodeShare>,
    /// Of each node, or pool: milliwatts of a device, idle and busy.
    pub device_mw: Vec<[u64; 2]>,
    /// Of each offer: what its instances draw.
    pub offers: Vec<Draw>,
    /// Milliwatts of a requested CPU while its job runs.
    pub cpu_mw: u64,
    /// Thousandths of energy of the site for each unit that machines draw.
    pub pue_milli: u64,
    /// Whether anything was said about power.
    pub has_power: bool,
    /// Whether commitments are charged to the last start rather than to the end.
    pub until_last_start: bool,
}

/// What rented instances draw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Draw {
    /// Milliwatts of a device, idle and busy.
    pub device_mw: [u64; 2],
    /// Thousandths of energy of the site for each unit that machines draw.
    pub pue_milli: u64,
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

impl Rates {
    /// What the instances of a rent draw while a job runs on them, in milliwatts, and the site's factor in thousandths.
    fn rented(&self, market: &Market<'_>, job: &Job, rent: Rent) -> (u64, u64) {
        let Draw { device_mw: [idle, busy], pue_milli } =
            self.offers.get(usize::from(rent.offer)).copied().unwrap_or_default();
        let all = market.offers[usize::from(rent.offer)].devices.saturating_mul(rent.instances);
        let used = job.devices().min(all);
        let devices = used.saturating_mul(busy).saturating_add((all - used).saturating_mul(idle));
        (devices.saturating_add(self.cpu_mw * rent.cpu_milli / 1000), pue_milli)
    }
}

/// What a piece of a job, or an idle machine, is charged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Charge {
    /// The node or offer; empty for a job.
    pub node: String,
    /// Billionths of a dollar.
    pub nano_usd: i128,
    /// Millionths of a gram of CO2e.
    pub micro_g: i128,
    /// Why.
    pub reason: &'static str,
}

/// The sums of a run.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    rates: Rates,
    /// What jobs were charged for machines of one's own, by node.
    own: Vec<i128>,
    nano_usd: i128,
    micro_g: i128,
    /// Milliwatts × microseconds.
    energy: i128,
    /// Until when what follows is summed.
    since: u64,
    /// Devices in use, and that × microseconds.
    busy: u64,
    used: u128,
    /// Thousandths of devices in use that no job holds, and that × microseconds.
    slack: u64,
    unheld: u128,
    /// The same of each node, with the milliwatts by which it draws more for it than when idle; and those of all.
    slack_of: Vec<(u64, u64)>,
    slack_mw: u64,
    /// Carbon of that draw, in millionths of a gram: no job is charged it.
    slack_g: i128,
    /// Thousandths of devices that jobs were charged for × microseconds.
    held: u128,
    /// CPUs of jobs × microseconds, in thousandths.
    cpu_used: u128,
    span: u64,
}

impl Ledger {
    pub(super) fn new(rates: Rates) -> Self {
        let nodes = rates.nano_hourly.len();
        Self { own: vec![0; nodes], slack_of: vec![(0, 0); nodes], rates, ..Self::default() }
    }

    /// The cluster is in use as it says from now on, after a change of these parts.
    pub(super) fn changed(&mut self, now: u64, market: &Market<'_>, cluster: &Cluster, parts: &[Part]) {
        self.advance(now, market);
        self.busy = cluster.busy();
        for part in parts {
            let at = part.node as usize;
            let slack = cluster.slack(at);
            let [idle, busy] = self.rates.device_mw.get(at).copied().unwrap_or_default();
            let milliwatts = (busy - idle) * slack / 1000;
            let (slack_before, before) = std::mem::replace(&mut self.slack_of[at], (slack, milliwatts));
            self.slack = self.slack + slack - slack_before;
            self.slack_mw = self.slack_mw + milliwatts - before;
        }
    }

    fn advance(&mut self, now: u64, market: &Market<'_>) {
        let span = u128::from(now - self.since);
        self.used += u128::from(self.busy) * span;
        self.unheld += u128::from(self.slack) * span;
        if self.slack_mw > 0 && span > 0 {
            self.slack_g += self.burn(market, self.slack_mw, self.rates.pue_milli, self.since, now);
        }
        self.since = now;
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
        let (mut nano_usd, mut micro_g, mut milliwatts) = (0_i128, 0_i128, 0_u64);
        for rent in rents {
            nano_usd = nano_usd.saturating_add(market.price(*rent, from, to));
            let (drawn, pue) = self.rates.rented(market, job, *rent);
            micro_g = micro_g.saturating_add(self.burn(market, drawn, pue, from, to));
        }
        if rents.is_empty() {
            milliwatts = self.rates.cpu_mw * job.ask.cpu_milli / 1000;
        }
        for part in parts {
            let at = part.node as usize;
            let milli: u64 = part.devices.iter().map(|hold| u64::from(hold.milli)).sum();
            self.held += u128::from(milli) * u128::from(to - from);
            if let Some([idle, busy]) = self.rates.device_mw.get(at) {
                milliwatts += (busy - idle) * milli / 1000;
            }
            let hourly = self.rates.nano_hourly.get(at).copied().unwrap_or(0);
            let (held, all) = self.rates.capacity.get(at).map_or((0, 1), |share| share.of(part, milli));
            let charge =
                nearest(hourly.saturating_mul(held.into()).saturating_mul(span), HOUR * i128::from(all));
            if let Some(own) = self.own.get_mut(at) {
                *own = own.saturating_add(charge);
            }
            nano_usd = nano_usd.saturating_add(charge);
        }
        self.cpu_used += u128::from(job.ask.cpu_milli) * u128::from(to - from);
        if rents.is_empty() {
            micro_g = self.burn(market, milliwatts, self.rates.pue_milli, from, to);
        }
        self.nano_usd = self.nano_usd.saturating_add(nano_usd);
        Charge { nano_usd, micro_g, ..Charge::default() }
    }

    /// Charges what was rented and had no work any more, from one time to another; `since`: when it was rented.
    pub(super) fn unused(
        &mut self,
        market: &Market<'_>,
        rent: Rent,
        since: u64,
        (from, to): (u64, u64),
    ) -> Charge {
        // Of whole ticks none is paid twice.
        let nano_usd = market.price(rent, since, to).saturating_sub(market.price(rent, since, from));
        let Draw { device_mw: [idle, _], pue_milli } =
            self.rates.offers.get(usize::from(rent.offer)).copied().unwrap_or_default();
        let devices = market.offers[usize::from(rent.offer)].devices.saturating_mul(rent.instances);
        let micro_g = self.burn(market, devices.saturating_mul(idle), pue_milli, from, to);
        self.nano_usd = self.nano_usd.saturating_add(nano_usd);
        Charge { node: market.node(rent), nano_usd, micro_g, reason: "rest of the round" }
    }

    /// Energy and carbon of a draw; the latter in millionths of a gram.
    fn burn(&mut self, market: &Market<'_>, milliwatts: u64, pue_milli: u64, from: u64, to: u64) -> i128 {
        let draw = i128::from(milliwatts) * i128::from(pue_milli);
        self.energy = self.energy.saturating_add(draw.saturating_mul(i128::from(to - from)) / 1000);
        let Some(carbon) = market.carbon else { return 0 };
        // Millionths of a gram a kWh × microseconds × milliwatts, by milliwatts of a kilowatt and microseconds of an hour.
        let micro_g = nearest(carbon.integral(from, to).saturating_mul(draw), 1_000_000 * HOUR * 1000);
        self.micro_g = self.micro_g.saturating_add(micro_g);
        micro_g
    }

    /// Charges what nobody used, and commitments.
    pub(super) fn close(&mut self, market: &Market<'_>, tally: &Tally, now: u64) -> Vec<Charge> {
        let first = tally.first_arrival.unwrap_or(now);
        self.advance(now, market);
        self.span = now - first;
        assert_eq!(self.used * 1000, self.held + self.unheld, "devices in use are those that jobs hold");
        let mut charges = Vec::new();
        for at in 0..self.rates.nano_hourly.len() {
            let all = nearest(self.rates.nano_hourly[at].saturating_mul(i128::from(now - first)), HOUR);
            let idle = all.saturating_sub(self.own[at]);
            if idle != 0 {
                charges.push(Charge { nano_usd: idle, reason: "idle hours", ..Charge::default() });
                self.nano_usd = self.nano_usd.saturating_add(idle);
            }
        }
        let idle_mw = self.idle_milliwatts();
        if idle_mw > 0 {
            let micro_g = self.burn(market, idle_mw, self.rates.pue_milli, first, now);
            charges.push(Charge { micro_g, reason: "idle power", ..Charge::default() });
        }
        if self.slack_g != 0 {
            let micro_g = self.slack_g;
            charges.push(Charge { micro_g, reason: "power of unused shares", ..Charge::default() });
        }
        for offer in market.offers.iter().filter(|offer| offer.sunk) {
            let to = if self.rates.until_last_start { tally.last_start.max(first) } else { now };
            let hourly = i128::from(offer.nano_hourly).saturating_mul(offer.count.unwrap_or(0).into());
            let nano_usd = nearest(hourly.saturating_mul(i128::from(to - first)), HOUR);
            if nano_usd != 0 {
                charges.push(Charge {
                    node: offer.name.clone(),
                    nano_usd,
                    reason: "commitment",
                    ..Charge::default()
                });
                self.nano_usd = self.nano_usd.saturating_add(nano_usd);
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
        let each = devices.zip(&self.rates.device_mw).map(|(count, [idle, _])| count * idle);
        each.fold(0, u64::saturating_add)
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
