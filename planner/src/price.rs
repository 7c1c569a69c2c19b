//! Exact money: what each placement costs, part by part, rounded once to micro-dollars.
//!
//! Rational arithmetic throughout; only e^x and what it multiplies are floats. The formulas are those of
//! the contract, "What a plan costs".

use std::{borrow::Cow, collections::BTreeMap};

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed as _, ToPrimitive as _, Zero as _};
use plimsoll_model::{Bytes, Time, Usd, plan::Transfer};
use plimsoll_solver::problem::Nanos;

use crate::{
    build::{Build, cheapest_copy, transfer},
    world::{Assumptions, LocationIx},
};

/// Nanoseconds in an hour.
const HOUR: i128 = 3_600_000_000_000;
/// 10^12: decimal quantities count in 10^-12.
const PICO: i128 = 1_000_000_000_000;

/// Where and when a workload runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Index into the task's choices.
    pub choice: usize,
    /// The pieces of the run.
    pub runs: Vec<(Nanos, Nanos)>,
}

impl Decision {
    /// When it starts.
    pub fn start(&self) -> Nanos {
        self.runs.first().map_or(0, |r| r.0)
    }

    /// When it ends.
    pub fn end(&self) -> Nanos {
        self.runs.last().map_or(0, |r| r.1)
    }
}

/// The parts of a placement's cost, in micro-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    /// Instances and electricity.
    pub compute: i128,
    /// Data moved between regions.
    pub egress: i128,
    /// Emissions at the carbon price.
    pub carbon: i128,
    /// Expected rework.
    pub risk: i128,
    /// Time until done.
    pub delay: i128,
    /// Round trips.
    pub latency: i128,
    /// Leaving the current offer.
    pub moving: i128,
}

impl Parts {
    /// The parts with their names, in the order of the documents.
    pub const fn named(&self) -> [(&'static str, i128); 7] {
        [
            ("compute", self.compute),
            ("egress", self.egress),
            ("carbon", self.carbon),
            ("risk", self.risk),
            ("delay", self.delay),
            ("latency", self.latency),
            ("move", self.moving),
        ]
    }

    /// Their sum.
    pub fn total(&self) -> i128 {
        self.named().iter().map(|p| p.1).sum()
    }
}

/// A placement's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// Money.
    pub parts: Parts,
    /// Energy, where known.
    pub kwh: Option<f64>,
    /// Emissions, where known.
    pub kg: Option<f64>,
    /// Data moved between regions.
    pub transfers: Vec<Transfer>,
}

/// Prices the placements of `subset` within a plan; who pays for shared data and who has reserved
/// instances follows document order among the placements of the subset.
pub fn bills(
    build: &Build<'_>,
    decisions: &[Option<Decision>],
    subset: &[usize],
    notes: &mut Assumptions,
) -> BTreeMap<usize, Bill> {
    bills_in(build, None, decisions, subset, notes)
}

/// The same in one of the build's scenarios, by index.
pub fn bills_in(
    build: &Build<'_>,
    outlook: Option<usize>,
    decisions: &[Option<Decision>],
    subset: &[usize],
    notes: &mut Assumptions,
) -> BTreeMap<usize, Bill> {
    let covered = covered(build, decisions, subset);
    let payers = payers(build, decisions, subset);
    subset
        .iter()
        .filter_map(|task| {
            let decision = decisions[*task].as_ref()?;
            let free = covered.get(task).cloned().unwrap_or_else(BigRational::zero);
            let about = About { build, outlook, decisions, payers: &payers };
            Some((*task, bill(&about, *task, decision, &free, notes)))
        })
        .collect()
}

/// What the bill of a placement depends on beside itself.
struct About<'b> {
    build: &'b Build<'b>,
    outlook: Option<usize>,
    decisions: &'b [Option<Decision>],
    payers: &'b BTreeMap<(usize, u32), (usize, u64)>,
}

fn bill(
    about: &About<'_>,
    task: usize,
    decision: &Decision,
    free: &BigRational,
    notes: &mut Assumptions,
) -> Bill {
    let About { build, decisions, payers, .. } = *about;
    let (world, settings) = (build.world(), build.settings());
    let choice = &build.problem.tasks[task].choices[decision.choice];
    let terms = &build.terms[task][decision.choice];
    let offer = world.offer(build.offers[choice.offer as usize]);
    let spec = build.prospects[task].spec();
    // The figures were looked up while choosing; what of them is assumed is noted now.
    let watts = world.watts(offer, notes);
    let pue = world.pue(offer, notes);
    if offer.capacity == plimsoll_model::Capacity::Spot {
        world.interruptions(offer, &build.rules().interruptions, notes);
    }
    let n = ratio(i128::from(terms.instances.over), i128::from(terms.instances.under));
    let run: i128 = decision.runs.iter().map(|r| i128::from(r.1 - r.0)).sum();
    let billed = &n * ratio(run, 1) - free;
    let outlook = about.outlook.map(|outlook| &build.outlooks()[outlook]);
    let hourly = ratio(outlook.map_or(offer.hourly, |outlook| outlook.hourly(offer)).pico(), PICO);
    let instances = billed * ratio(1, HOUR) * hourly;
    let kw = watts.map(|w| &n * ratio(w.pico(), PICO) * ratio(pue.pico(), PICO) * ratio(1, 1000));
    let kwh = kw.as_ref().map(|kw| kw * ratio(run, HOUR));
    let electricity = offer.nodes.and_then(|(site, _)| world.inputs.estate.sites[site].electricity);
    let power = match (electricity, &kwh) {
        (Some(price), Some(kwh)) => kwh * ratio(price.pico(), PICO),
        _ => BigRational::zero(),
    };
    let compute = &instances + power;
    if notes.is_wanted() {
        world.intensity(offer.location, Time::from_nanos(decision.start()), notes);
    }
    let intensity = match about.outlook {
        Some(outlook) => build.intensity_in(outlook, offer.location).map(Cow::Owned),
        None => build.intensity(offer.location).map(Cow::Borrowed),
    };
    let kg = match (&kw, &intensity) {
        (Some(kw), Some(intensity)) => {
            let pieces = decision
                .runs
                .iter()
                .flat_map(|r| intensity.pieces(Time::from_nanos(r.0), Time::from_nanos(r.1)));
            let sum = pieces.fold(BigInt::zero(), |sum, (nanos, grams)| {
                sum + BigInt::from(nanos) * BigInt::from(grams.pico())
            });
            Some(kw * BigRational::new(sum, BigInt::from(PICO) * BigInt::from(HOUR)) * ratio(1, 1000))
        }
        _ => None,
    };
    let carbon = kg
        .as_ref()
        .map_or_else(BigRational::zero, |kg| kg * ratio(settings.carbon_price.pico(), PICO) * ratio(1, 1000));
    // On what is billed, electricity included; spot has none of its own.
    let rework = outlook.map_or(terms.rework(), |outlook| Build::rework_in(outlook, offer, terms));
    let risk = to_f64(&compute) * rework;
    let earliest = build.prospects[task].earliest.nanos();
    let until = if build.problem.tasks[task].service { decision.start() } else { decision.end() };
    let delay = ratio(settings.delay_price.pico(), PICO) * ratio(i128::from(until - earliest), HOUR);
    let latency = latency(build, task, offer.location, notes) * ratio(run, HOUR);
    let moving = if choice.moving > 0.0 { spec.move_cost.unwrap_or(Usd::ZERO) } else { Usd::ZERO };
    let transfers = transfers(build, decisions, task, decision, payers, notes);
    let parts = Parts {
        compute: micro(&compute),
        egress: transfers.iter().map(|t| t.usd.to_micro()).sum(),
        carbon: micro(&carbon),
        risk: if risk > 0.0 { micro_f64(risk) } else { 0 },
        delay: micro(&delay),
        latency: micro(&latency),
        moving: moving.to_micro(),
    };
    Bill { parts, kwh: kwh.as_ref().map(to_f64), kg: kg.as_ref().map(to_f64), transfers }
}

/// Dollars an hour for round trips: price × Σ share × rtt over normalised shares.
fn latency(build: &Build<'_>, task: usize, at: LocationIx, notes: &mut Assumptions) -> BigRational {
    let world = build.world();
    let spec = build.prospects[task].spec();
    let share = |c: &plimsoll_model::workload::Client| c.share.map_or(PICO, plimsoll_model::Ratio::pico);
    let total: i128 = spec.clients.iter().map(share).sum();
    let mut sum = BigRational::zero();
    for (client, from) in spec.clients.iter().zip(&world.clients[task]) {
        if spec.latency.is_some()
            && share(client) > 0
            && let Some(rtt) = world.network().rtt(*from, at, notes)
        {
            sum += ratio(share(client), total) * ratio(rtt.pico(), PICO);
        }
    }
    let price = spec.latency.and_then(|l| l.price).unwrap_or(Usd::ZERO);
    sum * ratio(price.pico(), PICO)
}

/// Who pays for each dataset in each place, and how much of it: the first reader pays the largest read.
fn payers(
    build: &Build<'_>,
    decisions: &[Option<Decision>],
    subset: &[usize],
) -> BTreeMap<(usize, u32), (usize, u64)> {
    let mut payers: BTreeMap<(usize, u32), (usize, u64)> = BTreeMap::new();
    let mut ordered = subset.to_vec();
    ordered.sort_unstable();
    for task in ordered {
        let Some(decision) = &decisions[task] else { continue };
        let t = &build.problem.tasks[task];
        let place = region(build, t.choices[decision.choice].place);
        for &(dataset, level) in &t.reads {
            let size = build.problem.datasets[dataset as usize].sizes[level as usize];
            let entry = payers.entry((dataset as usize, place)).or_insert((task, size));
            entry.1 = entry.1.max(size);
        }
    }
    payers
}

/// The region of a place of the problem.
fn region(build: &Build<'_>, place: u32) -> u32 {
    build.problem.network.region_of(place)
}

/// Everything a placement moves between regions.
fn transfers(
    build: &Build<'_>,
    decisions: &[Option<Decision>],
    task: usize,
    decision: &Decision,
    payers: &BTreeMap<(usize, u32), (usize, u64)>,
    notes: &mut Assumptions,
) -> Vec<Transfer> {
    let world = build.world();
    let t = &build.problem.tasks[task];
    let choice = &t.choices[decision.choice];
    let to = world.offer(build.offers[choice.offer as usize]).location;
    let spec = build.prospects[task].spec();
    let mut list = Vec::new();
    let mut note = |what: String, from: LocationIx, to: LocationIx, size: u64, exact: i128, nanos: i64| {
        if world.places.place(from) != world.places.place(to) {
            list.push(Transfer {
                what,
                from: world.places.label(from),
                to: world.places.label(to),
                size,
                usd: Usd::from_micro(micro(&ratio(exact, PICO << 30))),
                hours: nanos as f64 / HOUR as f64,
            });
        }
    };
    let mut paid: std::collections::BTreeSet<u32> = std::collections::BTreeSet::new();
    for &(dataset, level) in &t.reads {
        let d = dataset as usize;
        let read = build.problem.datasets[d].sizes[level as usize];
        let payer = payers.get(&(d, region(build, choice.place))).copied();
        // A workload that lists a dataset twice pays for it once.
        let pays = payer.is_some_and(|p| p.0 == task) && paid.insert(dataset);
        let size = if pays { payer.map_or(read, |p| p.1) } else { read };
        if let Some(copy) = cheapest_copy(world, d, to, Bytes(size), notes) {
            let usd = if pays { copy.exact } else { 0 };
            let name = world.inputs.estate.datasets[d].name.clone();
            note(name, copy.from, to, size, usd, copy.time.nanos());
        }
    }
    for edge in &t.inputs {
        let producer = edge.producer as usize;
        let Some(made) = &decisions[producer] else { continue };
        let from = build.problem.tasks[producer].choices[made.choice].offer as usize;
        let from = world.offer(build.offers[from]).location;
        let usd = world.network().egress_usd(from, to, Bytes(edge.bytes), notes).unwrap_or(0);
        let time = transfer(world, from, to, Bytes(edge.bytes), notes);
        let name = world.inputs.workloads[producer].metadata.name.clone();
        note(name, from, to, edge.bytes, usd, time.nanos());
    }
    for (output, target) in spec.outputs.iter().zip(&world.outputs[task]) {
        let usd = world.network().egress_usd(to, *target, output.size, notes).unwrap_or(0);
        let time = transfer(world, to, *target, output.size, notes);
        note("output".into(), to, *target, output.size.0, usd, time.nanos());
    }
    list
}

/// Instance-nanoseconds that reservations cover, by task: at every instant in document order.
fn covered(
    build: &Build<'_>,
    decisions: &[Option<Decision>],
    subset: &[usize],
) -> BTreeMap<usize, BigRational> {
    let mut result: BTreeMap<usize, BigRational> = BTreeMap::new();
    let mut ordered = subset.to_vec();
    ordered.sort_unstable();
    let mut offers: Vec<u32> = build.problem.reservations.iter().map(|r| r.offer).collect();
    offers.sort_unstable();
    offers.dedup();
    for offer in offers {
        let users: Vec<(usize, &Decision)> = ordered
            .iter()
            .filter_map(|t| Some((*t, decisions[*t].as_ref()?)))
            .filter(|(t, d)| build.problem.tasks[*t].choices[d.choice].offer == offer)
            .collect();
        let reservations = || build.problem.reservations.iter().filter(|r| r.offer == offer);
        let mut moments: Vec<Nanos> =
            users.iter().flat_map(|(_, d)| d.runs.iter().flat_map(|r| [r.0, r.1])).collect();
        moments.extend(reservations().map(|r| r.until));
        moments.sort_unstable();
        moments.dedup();
        for pair in moments.windows(2) {
            let held: i128 = reservations().filter(|r| r.until > pair[0]).map(|r| r.count as i128).sum();
            let mut left = ratio(held, 1);
            for (task, decision) in &users {
                if left.is_positive() && decision.runs.iter().any(|r| r.0 <= pair[0] && pair[0] < r.1) {
                    let n = build.terms[*task][decision.choice].instances;
                    let used = ratio(i128::from(n.over), i128::from(n.under)).min(left.clone());
                    left -= &used;
                    *result.entry(*task).or_insert_with(BigRational::zero) +=
                        used * ratio(i128::from(pair[1] - pair[0]), 1);
                }
            }
        }
    }
    result
}

fn ratio(over: i128, under: i128) -> BigRational {
    BigRational::new(BigInt::from(over), BigInt::from(under))
}

fn to_f64(value: &BigRational) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

/// Dollars rounded half to even to micro-dollars.
pub(crate) fn micro(usd: &BigRational) -> i128 {
    let scaled = usd * ratio(1_000_000, 1);
    let floor = scaled.floor();
    let rest = &scaled - &floor;
    let floor = floor.to_integer();
    let half = ratio(1, 2);
    let up = rest > half || rest == half && &floor % 2u8 != BigInt::zero();
    (if up { floor + 1 } else { floor }).to_i128().unwrap_or(i128::MAX)
}

fn micro_f64(usd: f64) -> i128 {
    BigRational::from_float(usd).map_or(0, |exact| micro(&exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micro_dollars_round_half_to_even() {
        assert_eq!(micro(&ratio(28_125, 10_000_000)), 2812);
        assert_eq!(micro(&ratio(28_135, 10_000_000)), 2814);
        assert_eq!(micro(&ratio(-5, 10_000_000)), 0);
        assert_eq!(micro(&ratio(1, 3)), 333_333);
        assert_eq!(micro_f64(0.1), 100_000);
    }
}
