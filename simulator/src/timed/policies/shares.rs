//! Shares of time on each kind of accelerator, and rounds that grant them (Gavel: Narayanan et al., OSDI 2020).
//!
//! A rule divides the machines among the jobs in flight: what part of the time each should run on which kind. It is
//! asked again when jobs have come or left, at most every so often. In each round the jobs come first whose share of a
//! kind is largest beside what they have received of it since; what is left over goes to whoever fits.

mod allox;
mod fifo;
mod finish_time_fairness;
mod makespan;
mod max_min;
mod max_throughput;
mod program;
mod terms;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use plimsoll_packing::fleet::{Model, Request};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Policy;
use crate::timed::{
    cluster::Cluster,
    job::Job,
    world::{JobIx, Reason, World},
};

pub(super) use terms::terms;
pub use terms::{Division, Terms};

/// A job as a rule sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    /// Its place in the order of arrivals.
    pub order: u64,
    /// Accelerators that it holds while it runs.
    pub scale: f64,
    /// Its share beside those of others.
    pub weight: f64,
    /// Steps per second by kind; 0 where it cannot run.
    pub pace: Vec<f64>,
    /// Steps that are left.
    pub left: f64,
    /// Seconds since it came.
    pub age: f64,
}

/// What is divided, and among whom, in order of arrival.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scene {
    /// Accelerators of each kind.
    pub devices: Vec<f64>,
    pub claims: Vec<Claim>,
}

/// By claim and kind: parts of the time.
pub(super) type Parts = Vec<Vec<f64>>;

/// Divides machines among jobs.
pub(super) trait Rule: Debug {
    /// What part of the time each should run on which kind: for each at most 1 in all.
    fn divide(&mut self, scene: &Scene, draws: &mut ChaCha8Rng) -> Parts;

    /// Whether a job without a share may use what is left over.
    fn fills_up(&self) -> bool {
        true
    }
}

/// The policy in one run.
#[derive(Debug)]
pub struct Shares<'a> {
    terms: &'a Terms,
    rule: Box<dyn Rule>,
    draws: ChaCha8Rng,
    /// Accelerators of each kind, by the place of the kind in the terms.
    devices: Vec<u64>,
    /// The machines when nobody is there.
    empty: Option<Cluster>,
    /// By request: which kinds hold it by themselves.
    held_by: BTreeMap<Request, Vec<bool>>,
    /// Who could not start yet when machines were divided last, by order of arrival.
    early: BTreeSet<u64>,
    /// By order of arrival.
    members: BTreeMap<u64, Member>,
    orders: BTreeMap<JobIx, u64>,
    /// By kind: seconds that jobs together have received since the last division.
    granted: Vec<f64>,
    /// When machines were last divided.
    divided: Option<u64>,
    /// Whether jobs have come or left since.
    changed: bool,
    /// When the round that runs began.
    began: u64,
}

#[derive(Debug)]
struct Member {
    ix: JobIx,
    /// Steps per second by kind; 0 where it cannot run.
    pace: Vec<f64>,
    /// Nothing for what came since the last division.
    share: Option<Vec<f64>>,
    /// Seconds by kind since the last division.
    received: Vec<f64>,
    /// Seconds by kind that divisions before the last one have promised and rounds not granted.
    owed: Vec<f64>,
    /// The kind that it runs on.
    on: Option<usize>,
}

impl<'a> Shares<'a> {
    /// Nothing in flight.
    pub fn new(terms: &'a Terms, seed: u64) -> Self {
        let mut draws = ChaCha8Rng::seed_from_u64(seed);
        draws.set_stream(9);
        let rule: Box<dyn Rule> = match terms.division {
            Division::MaxMin => Box::new(max_min::MaxMin),
            Division::Makespan => Box::new(makespan::Makespan),
            Division::FinishTimeFairness => Box::<finish_time_fairness::FinishTimeFairness>::default(),
            Division::Fifo => Box::new(fifo::Fifo::new(terms.aware)),
            Division::MaxThroughput => Box::new(max_throughput::MaxThroughput),
            Division::Allox => Box::<allox::Allox>::default(),
        };
        Self {
            terms,
            rule,
            draws,
            devices: Vec::new(),
            empty: None,
            held_by: BTreeMap::new(),
            early: BTreeSet::new(),
            members: BTreeMap::new(),
            orders: BTreeMap::new(),
            granted: Vec::new(),
            divided: None,
            changed: false,
            began: 0,
        }
    }

    /// What everybody is taken to have received before a division counts: half a round.
    fn advance(world: &World<'_>) -> f64 {
        seconds(world.settings.round) / 2.0
    }

    /// Books the round that is over.
    fn book(&mut self, now: u64) {
        let span = seconds(now - self.began);
        for member in self.members.values_mut() {
            if let Some(kind) = member.on {
                member.received[kind] += span;
                self.granted[kind] += span;
            }
        }
    }

    /// Whether machines are to be divided anew.
    fn is_due(&self, now: u64) -> bool {
        let old = self.divided.is_none_or(|last| last == 0 || now - last >= self.terms.every);
        self.changed && (old || self.members.values().all(|member| member.on.is_none()))
    }

    fn divide(&mut self, world: &World<'_>) {
        let advance = Self::advance(world);
        let since = seconds(world.now - self.divided.unwrap_or(0));
        for member in self.members.values_mut() {
            for kind in 0..member.received.len() {
                let promised = member.share.as_ref().map_or(0.0, |share| share[kind] * since);
                member.owed[kind] += promised - (member.received[kind] - advance);
                member.received[kind] = advance;
            }
        }
        self.granted.fill(advance * self.members.len() as f64);
        self.divided = Some(world.now);
        self.changed = false;
        // Who may not start yet takes no part.
        let early = self.members.iter().filter(|(_, member)| world.job(member.ix).is_early(world.now));
        self.early = early.map(|(order, _)| *order).collect();
        let scene = self.scene(world);
        let parts = self.rule.divide(&scene, &mut self.draws);
        let mut parts = scene.claims.iter().map(|claim| claim.order).zip(parts).collect::<BTreeMap<_, _>>();
        for (order, member) in &mut self.members {
            // What solvers leave beside 0 decides nothing.
            let rounded = |part: Vec<f64>| part.into_iter().map(|part| (part * 1e6).round() / 1e6).collect();
            member.share = parts.remove(order).map(rounded);
        }
    }

    fn scene(&self, world: &World<'_>) -> Scene {
        let claim = |(order, member): (&u64, &Member)| {
            let job = &world.job(member.ix).job;
            let mut pace = member.pace.clone();
            if !self.terms.aware {
                // Whoever does not know takes all kinds that will do for the fastest.
                let most = pace.iter().copied().fold(0.0, f64::max);
                for steps in pace.iter_mut().filter(|steps| **steps > 0.0) {
                    *steps = most;
                }
            }
            let remaining = world.job(member.ix).remaining(world.now);
            Claim {
                order: *order,
                scale: job.devices() as f64,
                weight: job.priority.max(1) as f64,
                pace,
                left: steps(job) * remaining as f64 / job.work.max(1) as f64,
                age: seconds(world.now - job.arrive),
            }
        };
        Scene {
            devices: self.devices.iter().map(|count| *count as f64).collect(),
            claims: self.members.iter().filter(|(order, _)| !self.early.contains(order)).map(claim).collect(),
        }
    }

    /// Steps per second by kind; 0 where it cannot run.
    fn pace(&mut self, world: &World<'_>, ix: JobIx) -> Vec<f64> {
        let job = &world.job(ix).job;
        let (kinds, empty) = (&self.terms.kinds, &mut self.empty);
        let held_by = self.held_by.entry(job.ask.clone()).or_insert_with(|| {
            let empty = empty.get_or_insert_with(|| world.cluster.clone());
            kinds.iter().map(|kind| holds(empty, &job.ask, *kind)).collect()
        });
        let on = |(model, holds): (&Model, &bool)| match job.time_on(*model) {
            Some(time) if *holds => steps(job) / seconds(time.max(1)),
            _ => 0.0,
        };
        kinds.iter().zip(held_by.iter()).map(on).collect()
    }

    /// Who runs on which kind in the round that begins, by order of arrival.
    fn choose(&mut self, world: &World<'_>) -> BTreeMap<u64, usize> {
        let mut chosen = BTreeMap::new();
        let mut left = self.devices.clone();
        for (order, member) in &self.members {
            let live = world.job(member.ix);
            if let Some(kind) = member.on.filter(|_| !live.job.interruptible) {
                left[kind] -= live.job.devices();
                chosen.insert(*order, kind);
            }
        }
        let mut kinds: Vec<usize> = (0..self.devices.len()).collect();
        if !self.terms.aware {
            for last in (1..kinds.len()).rev() {
                kinds.swap(last, self.draws.random_range(0..=last));
            }
        }
        for kind in kinds {
            for (_, order) in self.queue(world, kind) {
                let ix = self.members[&order].ix;
                let devices = world.job(ix).job.devices();
                if devices <= left[kind] && !chosen.contains_key(&order) {
                    left[kind] -= devices;
                    chosen.insert(order, kind);
                }
            }
        }
        chosen
    }

    /// Who may run on a kind, the first to come first: by what is received of the share, then by what is owed, then by
    /// the share, then by arrival.
    fn queue(&self, world: &World<'_>, kind: usize) -> Vec<([f64; 3], u64)> {
        let mut queue = Vec::new();
        for (order, member) in &self.members {
            let Some(share) = member.share.as_ref().map(|share| share[kind]) else { continue };
            if member.pace[kind] <= 0.0 || world.job(member.ix).is_early(world.now) {
                continue;
            }
            let rank = share / (member.received[kind] / self.granted[kind]);
            if rank > 0.0 || self.rule.fills_up() {
                queue.push(([rank, member.owed[kind], share], *order));
            }
        }
        let by_rank = |one: &[f64; 3], other: &[f64; 3]| {
            let each = one.iter().zip(other).map(|(one, other)| other.total_cmp(one));
            each.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        };
        queue.sort_by(|one, other| by_rank(&one.0, &other.0));
        queue
    }

    fn grant(&mut self, world: &mut World<'_>, chosen: &BTreeMap<u64, usize>) {
        for (order, member) in &mut self.members {
            let next = chosen.get(order).copied();
            if member.on.is_some() && member.on != next {
                member.on = None;
                world.stop(member.ix, if next.is_some() { Reason::Move } else { Reason::Preempt });
            }
        }
        let mut starts: Vec<(u64, usize)> = chosen.iter().map(|(order, kind)| (*order, *kind)).collect();
        // Large gangs first, while there is most room.
        starts.sort_by_key(|(order, _)| std::cmp::Reverse(world.job(self.members[order].ix).job.devices()));
        for (order, kind) in starts {
            let Some(member) = self.members.get_mut(&order).filter(|member| member.on.is_none()) else {
                continue;
            };
            if world.start_on(member.ix, self.terms.kinds[kind]) {
                member.on = Some(kind);
            }
        }
    }
}

impl Policy for Shares<'_> {
    fn arrived(&mut self, world: &mut World<'_>, ix: JobIx) {
        if self.devices.is_empty() {
            let of = |model: &Model| {
                let nodes = world.cluster.nodes.iter().filter(|node| node.model == Some(*model));
                nodes.map(|node| u64::from(node.devices)).sum()
            };
            self.devices = self.terms.kinds.iter().map(of).collect();
            self.granted = vec![0.0; self.devices.len()];
            // Nobody has started yet.
            self.empty = Some(world.cluster.clone());
        }
        let kinds = self.devices.len();
        let order = world.job(ix).order;
        let member = Member {
            ix,
            pace: self.pace(world, ix),
            share: None,
            received: vec![Self::advance(world); kinds],
            owed: vec![0.0; kinds],
            on: None,
        };
        self.members.insert(order, member);
        self.orders.insert(ix, order);
        self.changed = true;
    }

    fn left(&mut self, world: &mut World<'_>, ix: JobIx) {
        let member = self.orders.remove(&ix).and_then(|order| self.members.remove(&order));
        if let Some(kind) = member.and_then(|member| member.on) {
            self.granted[kind] += seconds(world.now - self.began);
        }
        self.changed = true;
    }

    fn decide(&mut self, world: &mut World<'_>) {
        if self.members.is_empty() {
            return;
        }
        self.book(world.now);
        let may_start = |order: &u64| {
            self.members.get(order).is_some_and(|member| !world.job(member.ix).is_early(world.now))
        };
        self.changed |= self.early.iter().any(may_start);
        if self.is_due(world.now) {
            self.divide(world);
        }
        let chosen = self.choose(world);
        self.grant(world, &chosen);
        self.began = world.now;
        world.wake(world.now + world.settings.round);
    }
}

/// Whether machines of one kind hold a request when nobody else is there.
pub(super) fn holds(empty: &mut Cluster, ask: &Request, kind: Model) -> bool {
    let is_allowed = ask.models.is_empty() || ask.models.contains(&kind);
    is_allowed && empty.could_hold(&Request { models: vec![kind], ..ask.clone() })
}

/// Where a trace does not count in steps, a second of work is one.
fn steps(job: &Job) -> f64 {
    job.steps.map_or_else(|| seconds(job.work), |steps| steps as f64).max(1e-6)
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
