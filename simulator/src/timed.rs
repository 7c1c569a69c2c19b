//! Jobs that come and leave: the event engine.
//!
//! Time is whole microseconds. What happens at one time happens in the order of `queue::What`, then arrivals, then the
//! policy decides. Arrivals are taken one by one from the trace, so memory follows what is in flight. Every random
//! choice comes from a stream of its own, of the trace, of the forecast or of the policy: policies see the same arrivals.

pub mod cluster;
pub mod course;
mod fairness;
pub mod generate;
pub mod hazard;
pub mod job;
pub mod ledger;
pub mod live;
pub mod market;
pub mod policies;
mod prepare;
pub mod queue;
mod rows;
pub mod series;
pub mod tally;
pub mod world;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexMap;
use plimsoll_model::read::Point;
use plimsoll_packing::scores::Score;

use crate::{
    events::Sink,
    experiment::{Context, Outcome, Problems},
};
use cluster::Cluster;
use course::Course;
use hazard::Hazard;
use job::Trace;
use ledger::Rates;
use market::{Market, Offer};
use policies::{Policy, forecast::Forecast, make::Maker};
use prepare::Horizon;
use series::Series;
use tally::Tally;
use world::{News, Settings, World};

/// A scenario over time, ready to run.
pub struct Timed {
    trace: Trace,
    cluster: Cluster,
    offers: Vec<Offer>,
    carbon: Option<Series>,
    /// The standard deviation of a forecast's error, as a part of the series' mean.
    error: f64,
    rates: Rates,
    settings: Settings,
    tick: u64,
    policies: Vec<Maker>,
    until: Option<u64>,
    range: Option<(u64, u64)>,
    /// Series that each run gives: the length of an interval, where the first begins, and what.
    course: Option<(u64, u64, Vec<String>)>,
    /// How far series reach.
    horizons: Vec<Horizon>,
}

impl Timed {
    /// Reads and checks.
    pub(crate) fn prepare(context: &mut Context<'_>) -> Result<Self, Problems> {
        prepare::timed(context)
    }

    /// Makes a run.
    pub(crate) fn run(&self, policy: usize, seed: u64, sink: &mut dyn Sink) -> Outcome {
        let maker = &self.policies[policy];
        let mut market = Market::new(&self.offers, self.carbon.as_ref());
        market.billed_by = if maker.bills_by_tick() { self.tick } else { 0 };
        market.is_bound = maker.is_bound();
        market.hazard = Hazard { seed, tick: self.tick };
        let scorer: Option<Arc<dyn Score>> = maker.scorer();
        let tally = Tally::over(self.range);
        let mut world = World::new(
            self.settings,
            self.cluster.clone(),
            market,
            self.rates.clone(),
            scorer.as_deref(),
            tally,
            sink,
        );
        for offer in 0..self.offers.len() as u16 {
            if let Some(at) = world.market.next_change(offer, 0) {
                world.watch_offer(at, offer);
            }
        }
        let forecast = Forecast::new(self.carbon.as_ref(), self.error, seed);
        let mut policy = maker.policy(&self.trace, seed, &forecast, self.tick, &self.offers);
        let mut course = self.course.as_ref().map(|(every, from, _)| Course::new(*every, *from));
        self.through(&mut world, maker, policy.as_mut(), seed, course.as_mut());
        for horizon in &self.horizons {
            horizon.reached(world.now);
        }
        let market = world.market.clone();
        let (tally, ledger, events, digest) = world.close();
        let series = match (&course, &self.course) {
            (Some(course), Some((_, _, what))) => course.series(what),
            _ => IndexMap::new(),
        };
        let jobs = tally.arrivals;
        let mut metrics = tally.metrics();
        ledger.metrics(&market, self.cluster.devices(), self.cpu_milli(), &mut metrics);
        Outcome { jobs, events, digest, metrics, series, bound: maker.is_bound() }
    }

    /// What is to be said of the runs that were made: notes, or what is wrong with them.
    pub(crate) fn afterwards(&self, point: &Point) -> Result<Vec<String>, Problems> {
        let verdicts = self.horizons.iter().filter_map(|horizon| horizon.verdict(point));
        let (notes, problems): (Vec<_>, Vec<_>) = verdicts.partition(Result::is_ok);
        if problems.is_empty() {
            return Ok(notes.into_iter().flatten().collect());
        }
        Err(problems.into_iter().filter_map(Result::err).collect())
    }

    /// Thousandths of a core of all machines; 0 where they are no limit.
    fn cpu_milli(&self) -> u64 {
        let all = self.cluster.nodes.iter().map(|node| node.cpu_milli).sum();
        if all >= cluster::UNLIMITED { 0 } else { all }
    }

    /// Lets time pass until nothing more happens.
    fn through(
        &self,
        world: &mut World<'_>,
        maker: &Maker,
        policy: &mut dyn Policy,
        seed: u64,
        mut course: Option<&mut Course>,
    ) {
        let mut jobs = self.trace.jobs(seed).peekable();
        let (mut left, mut news) = (Vec::new(), Vec::new());
        let mut woken = None;
        loop {
            world.settle();
            let arrival = jobs.peek().map(|job| job.arrive);
            // Offers change for as long as their series go; without jobs nobody looks.
            if arrival.is_none() && world.in_flight() == 0 {
                break;
            }
            let Some(next) = arrival.into_iter().chain(world.next()).min() else { break };
            if let Some(until) = self.until.filter(|until| next > *until) {
                if let Some(course) = course.as_deref_mut() {
                    course.advance(until.max(world.now), world.values());
                }
                world.now = world.now.max(until);
                break;
            }
            if let Some(course) = course.as_deref_mut() {
                course.advance(next, world.values());
            }
            world.now = next;
            while world.step(&mut left, &mut news) {}
            for ix in left.drain(..) {
                policy.left(world, ix);
            }
            for what in news.drain(..) {
                if let News::Interrupted(ix) = what {
                    policy.interrupted(world, ix);
                }
            }
            while jobs.peek().is_some_and(|job| job.arrive == next) {
                let Some(job) = jobs.next() else { break };
                let has_place = maker.has_place(&job);
                let ix = world.arrive(job);
                if has_place {
                    policy.arrived(world, ix);
                } else {
                    world.reject(ix, "no place holds it");
                }
            }
            if world.tally.is_done() {
                break;
            }
            let round = self.settings.round;
            if round > 0 && !next.is_multiple_of(round) {
                let end = next - next % round + round;
                if woken != Some(end) {
                    world.wake(end);
                    woken = Some(end);
                }
                continue;
            }
            policy.decide(world);
        }
    }
}
