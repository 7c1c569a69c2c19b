//! Work with a deadline on capacity that comes and goes: Wu et al., "Can't Be Late" (NSDI 2024).
//!
//! A job runs on spot instances while there are some. Greedy waits without them until no slack is left, then stays on
//! demand. Uniform progress keeps up with a straight line from the start to the deadline: behind it, it does not wait
//! for spot but runs on demand, and once there goes on until it has caught up. The bound knows all of the future and
//! loses nothing by starting again: it is what no policy can beat. A job that may not be interrupted runs on demand.

use std::collections::BTreeMap;

use super::Policy;
use crate::timed::{
    market::Offer,
    world::{JobIx, Reason, World},
};

/// Which of the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On demand from the first moment to the last.
    OnDemand,
    /// Spot or wait, and on demand when it is time.
    Greedy,
    /// Spot, or on demand when behind.
    UniformProgress,
    /// What can be had at best.
    PerfectKnowledge,
}

/// The offers that it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The spot offer.
    pub spot: u16,
    /// The offer on demand.
    pub on_demand: u16,
}

/// The policy in one run.
pub struct Spot<'a> {
    kind: Kind,
    places: Places,
    tick: u64,
    offers: &'a [Offer],
    jobs: BTreeMap<u64, Job>,
    orders: BTreeMap<JobIx, u64>,
}

struct Job {
    ix: JobIx,
    /// When it may first run.
    arrive: u64,
    /// On demand for good.
    settled: bool,
    /// Where it runs, if it does.
    on: Option<u16>,
}

impl<'a> Spot<'a> {
    /// Nothing in flight.
    pub fn new(kind: Kind, places: Places, tick: u64, offers: &'a [Offer]) -> Self {
        Self { kind, places, tick, offers, jobs: BTreeMap::new(), orders: BTreeMap::new() }
    }

    /// Microseconds of spot that can be had over [from, to).
    fn available(&self, from: u64, to: u64) -> u64 {
        let Some(series) = &self.offers[usize::from(self.places.spot)].availability else { return to - from };
        let (mut at, mut sum) = (from, 0);
        while at < to {
            let end = series.next_change(at).unwrap_or(u64::MAX).min(to);
            if series.at(at) > 0 {
                sum += end - at;
            }
            at = end;
        }
        sum
    }

    /// Where a job should be now; nothing: nowhere.
    fn wanted(&self, world: &World<'_>, job: &Job) -> Option<u16> {
        let (now, live) = (world.now, world.job(job.ix));
        let Places { spot, on_demand } = self.places;
        let has_spot = world.market.is_available(spot, now);
        let deadline = live.job.deadline.unwrap_or(u64::MAX);
        let left = live.remaining(now);
        let restart = world.settings.restart;
        match self.kind {
            Kind::OnDemand => Some(on_demand),
            _ if job.settled => Some(on_demand),
            Kind::PerfectKnowledge => {
                if has_spot {
                    return Some(spot);
                }
                // What spot will not do by the deadline is done on demand, in the first gaps that there are.
                let spot_left = self.available(now, deadline);
                // Work of nothing, on a grid, is done wherever it starts, so it waits for nothing.
                (left == 0 || left > spot_left).then_some(on_demand)
            }
            Kind::Greedy => has_spot.then_some(spot),
            Kind::UniformProgress => {
                if has_spot {
                    return Some(spot);
                }
                let span = deadline.saturating_sub(job.arrive).max(1);
                let due =
                    (u128::from(live.job.work) * u128::from(now - job.arrive) / u128::from(span)) as u64;
                let done = live.job.work - left;
                let ahead = if job.on == Some(on_demand) { 2 * restart } else { 0 };
                (done < due + ahead).then_some(on_demand)
            }
        }
    }

    fn step(&self, world: &mut World<'_>, job: &mut Job) {
        let now = world.now;
        let live = world.job(job.ix);
        if live.is_done(now) || live.is_early(now) {
            return;
        }
        if matches!(self.kind, Kind::Greedy | Kind::UniformProgress) && !job.settled {
            let deadline = live.job.deadline.unwrap_or(u64::MAX);
            let slack = deadline.saturating_sub(now).saturating_sub(live.remaining(now));
            job.settled = slack <= self.tick + world.settings.restart;
        }
        let wanted = self.wanted(world, job);
        let running = world.job(job.ix).running.is_some();
        if running && wanted == job.on {
            return;
        }
        if running {
            let reason = if wanted.is_none() { Reason::Suspend } else { Reason::Move };
            world.stop(job.ix, reason);
            job.on = None;
        }
        let Some(offer) = wanted else { return };
        let ask = &world.job(job.ix).job.ask;
        let (cpu, Some(instances)) = (ask.cpu_milli, world.market.instances(offer, ask)) else { return };
        if let Some(rent) = world.market.take(offer, cpu, instances, now) {
            world.start_rented(job.ix, vec![rent]);
            job.on = Some(offer);
        }
    }
}

impl Policy for Spot<'_> {
    fn arrived(&mut self, world: &mut World<'_>, ix: JobIx) {
        let live = world.job(ix);
        let (order, arrive) = (live.order, live.job.earliest.unwrap_or(0).max(world.now));
        let settled = self.kind == Kind::OnDemand || !live.job.interruptible;
        self.jobs.insert(order, Job { ix, arrive, settled, on: None });
        self.orders.insert(ix, order);
    }

    fn left(&mut self, _: &mut World<'_>, ix: JobIx) {
        if let Some(order) = self.orders.remove(&ix) {
            self.jobs.remove(&order);
        }
    }

    fn interrupted(&mut self, _: &mut World<'_>, ix: JobIx) {
        if let Some(job) = self.orders.get(&ix).and_then(|order| self.jobs.get_mut(order)) {
            job.on = None;
        }
    }

    fn decide(&mut self, world: &mut World<'_>) {
        if self.jobs.is_empty() {
            return;
        }
        if !world.now.is_multiple_of(self.tick) {
            // What happens between two ticks waits for the next.
            world.wake(world.now.next_multiple_of(self.tick));
            return;
        }
        let mut jobs = std::mem::take(&mut self.jobs);
        for job in jobs.values_mut() {
            self.step(world, job);
        }
        world.wake(world.now + self.tick);
        self.jobs = jobs;
    }
}
