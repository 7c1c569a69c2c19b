//! Shares of time on each kind of accelerator, by a linear program, and rounds that give each job its share: Gavel
//! (Narayanan et al., "Heterogeneity-Aware Cluster Scheduling Policies for Deep Learning Workloads", OSDI 2020).
//!
//! The program (section 4): of x, the part of time that each job has on each kind, Σ over kinds x ≤ 1, Σ over jobs
//! devices · x ≤ those of the kind. Max-min fairness makes most of the least, over jobs, of throughput beside what the
//! job would have with an equal share of the cluster, times its devices, by its weight; makespan of the least throughput
//! beside the work that is left, which is the same as the shortest time in which all is done. Without heterogeneity
//! every kind counts as equally fast.
//!
//! In each round (section 5) kinds take turns, the fastest first, and jobs by how much of their share of it they lack:
//! share over the part of the kind's time that they had since shares were last computed. What is still free goes to
//! whoever is next.

use std::collections::BTreeMap;

use plimsoll_packing::fleet::Model;
use plimsoll_solver::linear::{Program, highs::Highs};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::Policy;
use crate::timed::{
    cluster::Cluster,
    world::{JobIx, Reason, World},
};

/// What shares make most of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The least share.
    MaxMin,
    /// The time until all is done.
    Makespan,
}

/// Shares are computed again at most so often, in microseconds: jobs come and leave more often than that.
const RESET: u64 = 1_920_000_000;

/// The policy in one run.
#[derive(Debug, Clone)]
pub struct Shares {
    goal: Goal,
    /// Whether it knows how fast kinds are for a job.
    heterogeneity: bool,
    round: u64,
    /// By order of arrival.
    jobs: BTreeMap<u64, Share>,
    orders: BTreeMap<JobIx, u64>,
    /// Kinds with how many devices each has.
    kinds: Vec<(Model, u64)>,
    /// Of each kind: microseconds that jobs had since shares were computed.
    had: Vec<u64>,
    /// Whether jobs have come or left since then.
    changed: bool,
    /// When shares were last computed.
    computed: Option<u64>,
    /// Where kinds are alike, which is filled first is drawn for each round.
    draws: ChaCha8Rng,
}

#[derive(Debug, Clone)]
struct Share {
    ix: JobIx,
    /// Of each kind: the part of time that the job should have.
    wanted: Vec<f64>,
    /// Of each kind: microseconds that it had since shares were computed.
    had: Vec<u64>,
    /// Of each kind: microseconds that it lacked before.
    lacked: Vec<f64>,
    /// The kind that it runs on, and since when that is not in `had`.
    on: Option<(usize, u64)>,
}

impl Shares {
    /// Nothing in flight, on a cluster whose kinds stand in this order.
    pub fn new(goal: Goal, heterogeneity: bool, round: u64, cluster: &Cluster) -> Self {
        let mut kinds: Vec<(Model, u64)> = Vec::new();
        for node in cluster.nodes.iter() {
            let Some(model) = node.model else { continue };
            match kinds.iter_mut().find(|(known, _)| *known == model) {
                Some((_, devices)) => *devices += u64::from(node.devices),
                None => kinds.push((model, node.devices.into())),
            }
        }
        let had = vec![0; kinds.len()];
        let (jobs, orders) = (BTreeMap::new(), BTreeMap::new());
        Self {
            goal,
            heterogeneity,
            round,
            jobs,
            orders,
            kinds,
            had,
            changed: false,
            computed: None,
            draws: ChaCha8Rng::seed_from_u64(0),
        }
    }

    /// The same with the draws of a run.
    pub fn of_seed(mut self, seed: u64) -> Self {
        self.draws = ChaCha8Rng::seed_from_u64(seed);
        self.draws.set_stream(9);
        self
    }

    /// The order in which kinds are filled.
    fn turns(&mut self) -> Vec<usize> {
        let mut turns: Vec<usize> = (0..self.kinds.len()).collect();
        if !self.heterogeneity {
            for last in (1..turns.len()).rev() {
                turns.swap(last, self.draws.random_range(0..=last));
            }
        }
        turns
    }

    /// How much of its work a job does in a unit of time on each kind; 0 where it cannot run.
    fn speeds(&self, world: &World<'_>, ix: JobIx) -> Vec<f64> {
        let job = &world.job(ix).job;
        let speed = |time: u64| job.work.max(1) as f64 / time.max(1) as f64;
        self.kinds.iter().map(|(model, _)| job.time_on(*model).map_or(0.0, speed)).collect()
    }

    /// What a unit of time on each kind brings a job nearer to the goal.
    fn worth(&self, world: &World<'_>, ix: JobIx) -> Vec<f64> {
        let live = world.job(ix);
        let mut speeds = self.speeds(world, ix);
        if !self.heterogeneity {
            // It does not know either where a job cannot run.
            speeds.fill(1.0);
        }
        let by = match self.goal {
            Goal::MaxMin => {
                let all: f64 = self.kinds.iter().map(|(_, devices)| *devices as f64).sum();
                let equal = |(speed, (_, devices)): (&f64, &(Model, u64))| speed * *devices as f64 / all;
                let equal: f64 = speeds.iter().zip(&self.kinds).map(equal).sum();
                equal * live.job.priority.max(1) as f64 / live.job.devices().max(1) as f64
            }
            Goal::Makespan => live.remaining(world.now).max(1_000_000) as f64 / HOUR,
        };
        speeds.into_iter().map(|speed| speed / by).collect()
    }

    /// Computes the shares of all jobs.
    fn compute(&mut self, world: &World<'_>) {
        let mut program = Program::default();
        let least = program.column(-1.0, 0.0, 1e9, false);
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); self.kinds.len()];
        for share in self.jobs.values() {
            let devices = world.job(share.ix).job.devices() as f64;
            let (mut reached, mut whole) = (vec![(least, -1.0)], Vec::new());
            for (kind, worth) in self.worth(world, share.ix).into_iter().enumerate() {
                let column = program.column(0.0, 0.0, if worth > 0.0 { 1.0 } else { 0.0 }, false);
                reached.push((column, worth));
                whole.push((column, 1.0));
                rows[kind].push((column, devices));
            }
            program.row(0.0, f64::INFINITY, reached);
            program.row(f64::NEG_INFINITY, 1.0, whole);
        }
        for ((_, devices), row) in self.kinds.iter().zip(rows) {
            program.row(f64::NEG_INFINITY, *devices as f64, row);
        }
        // All zero is a solution, so there is one; should the solver fail, jobs take turns by what they lacked.
        let values = Highs::new(&program, false, None).run().values.unwrap_or_default();
        let mut values = values.into_iter().skip(1);
        let all: f64 = self.kinds.iter().map(|(_, devices)| *devices as f64).sum();
        for share in self.jobs.values_mut() {
            share.wanted = self.kinds.iter().map(|_| values.next().unwrap_or(0.0).clamp(0.0, 1.0)).collect();
            if !self.heterogeneity {
                // Kinds that are alike are had in proportion to their devices.
                let sum: f64 = share.wanted.iter().sum();
                for (wanted, (_, devices)) in share.wanted.iter_mut().zip(&self.kinds) {
                    *wanted = sum * *devices as f64 / all;
                }
            }
        }
    }

    /// Notes what was had until now.
    fn account(&mut self, now: u64) {
        for share in self.jobs.values_mut() {
            if let Some((kind, since)) = &mut share.on {
                share.had[*kind] += now - *since;
                self.had[*kind] += now - *since;
                *since = now;
            }
        }
    }

    /// Who runs on which kind in the round that begins.
    fn round(&mut self, world: &World<'_>) -> BTreeMap<u64, usize> {
        let mut left: Vec<u64> = self.kinds.iter().map(|(_, devices)| *devices).collect();
        let mut chosen: BTreeMap<u64, usize> = BTreeMap::new();
        for (order, share) in &self.jobs {
            let job = &world.job(share.ix).job;
            // What may not be stopped goes on where it is.
            if let Some((kind, _)) = share.on.filter(|_| !job.interruptible) {
                left[kind] = left[kind].saturating_sub(job.devices());
                chosen.insert(*order, kind);
            }
        }
        let half = self.round as f64 / 2.0;
        let known = self.jobs.values().filter(|share| !share.wanted.is_empty()).count();
        let turns = self.turns();
        for kind in turns {
            let all = half * known as f64 + self.had[kind] as f64;
            let urgency = |share: &Share| {
                let wanted = share.wanted.get(kind).copied().unwrap_or(0.0);
                let part = (half + share.had[kind] as f64) / all.max(1.0);
                (wanted / part, share.lacked[kind], wanted)
            };
            let mut queue: Vec<(u64, &Share, (f64, f64, f64))> =
                self.jobs.iter().map(|(order, share)| (*order, share, urgency(share))).collect();
            queue.sort_by(|(a_order, _, a), (b_order, _, b)| {
                let by = b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(b.2.total_cmp(&a.2));
                by.then(a_order.cmp(b_order))
            });
            for (order, share, _) in queue {
                let live = world.job(share.ix);
                let devices = live.job.devices();
                let can = live.job.time_on(self.kinds[kind].0).is_some()
                    && !live.is_early(world.now)
                    && !share.wanted.is_empty();
                if can && devices <= left[kind] && !chosen.contains_key(&order) {
                    left[kind] -= devices;
                    chosen.insert(order, kind);
                }
            }
        }
        chosen
    }
}

impl Policy for Shares {
    fn arrived(&mut self, world: &mut World<'_>, ix: JobIx) {
        let order = world.job(ix).order;
        let (had, lacked) = (vec![0; self.kinds.len()], vec![0.0; self.kinds.len()]);
        self.jobs.insert(order, Share { ix, wanted: Vec::new(), had, lacked, on: None });
        self.orders.insert(ix, order);
        self.changed = true;
    }

    fn left(&mut self, world: &mut World<'_>, ix: JobIx) {
        let Some(share) = self.orders.remove(&ix).and_then(|order| self.jobs.remove(&order)) else { return };
        if let Some((kind, since)) = share.on {
            self.had[kind] += world.now - since;
        }
        self.changed = true;
    }

    fn decide(&mut self, world: &mut World<'_>) {
        if self.jobs.is_empty() {
            return;
        }
        let now = world.now;
        self.account(now);
        if self.changed && self.computed.is_none_or(|at| now - at >= RESET) {
            let span = (now - self.computed.unwrap_or(now)) as f64;
            for share in self.jobs.values_mut() {
                for (kind, had) in share.had.iter_mut().enumerate() {
                    let wanted = share.wanted.get(kind).copied().unwrap_or(0.0);
                    share.lacked[kind] += wanted * span - std::mem::take(had) as f64;
                }
            }
            self.had.fill(0);
            self.compute(world);
            (self.computed, self.changed) = (Some(now), false);
        }
        let chosen = self.round(world);
        for (order, share) in &mut self.jobs {
            let next = chosen.get(order).copied();
            // A job whose last moment this is leaves by itself.
            let goes = share.on.is_some_and(|(kind, _)| Some(kind) != next);
            if goes && !world.job(share.ix).is_done(now) {
                world.stop(share.ix, if next.is_some() { Reason::Move } else { Reason::Preempt });
                share.on = None;
            }
        }
        for (order, kind) in chosen {
            let Some(share) = self.jobs.get_mut(&order).filter(|share| share.on.is_none()) else { continue };
            // On nodes there may be room for fewer than there are devices.
            if world.start_on(share.ix, self.kinds[kind].0) {
                share.on = Some((kind, now));
            }
        }
        world.wake(now + self.round);
    }
}

/// Microseconds of an hour.
const HOUR: f64 = 3.6e9;
