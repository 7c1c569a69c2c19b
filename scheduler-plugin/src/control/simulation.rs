//! The controller in a simulated cluster: seeded, with simulated time, and a fault possible at each call.
//!
//! The API server, the scheduler, controllers of replicas and kubelets are played by [`world::World`], which refuses
//! what the real ones refuse. The controller sees the world through watches that lag, and break. Patches fail before
//! they have an effect or after, controllers are killed, two lead at once, clocks jump, nodes go, users delete pods;
//! planners are late, fail, panic and never end, in some seeds for good.
//!
//! The laws, at every moment: no node is overfilled, no pod is bound twice. When faults have ceased: no pod is lost,
//! none waits behind our gate, none waits for a node that has room for it, all that is free can be had, and of a gang
//! that a plan came in time for all pods run or none, whichever replica the scheduler asks.

mod world;

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Action, Controller, Plan, Planner, Question, Settings, plan::FirstFit};
use crate::{
    cluster::{Cluster, Millis},
    snapshot::{Bounds, Builder},
};
use world::World;

/// Simulated seeds of one run; an unoptimised build takes a quarter of a second for each.
const SEEDS: u64 = 100;
/// Seeds of a long run: `cargo test --release -p plimsoll-scheduler-plugin -- --ignored seeds`.
const MANY_SEEDS: u64 = 5_000;
/// Steps with faults, and without them at the end.
const STEPS: usize = 120;
/// What follows without faults is longer than every delay of the controller together.
const CALM: Millis = 240_000;

/// How a planner fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    /// So slow that its answer comes when nobody waits for it any more.
    Slow,
    Fails,
    Panics,
    /// It never ends.
    Hangs,
}

/// A planner that sometimes has no answer.
struct Moody {
    inner: FirstFit,
    mood: Mood,
}

impl Planner for Moody {
    fn plan(&mut self, question: &Question) -> Result<Plan, String> {
        match self.mood {
            Mood::Fails => Err("the solver failed".into()),
            // A panic without the noise.
            Mood::Panics => std::panic::resume_unwind(Box::new("the solver panicked")),
            Mood::Well | Mood::Slow | Mood::Hangs => self.inner.plan(question),
        }
    }
}

/// A replica of ours: what it knows, and how far its watch has come.
struct Replica {
    controller: Controller,
    cluster: Cluster,
    seen: u64,
    /// How wrong its clock is.
    skew: Millis,
    /// What it looked at last, and when it will look again.
    looked: Option<u64>,
    next: Millis,
    /// The plan that is being made, and when it is done.
    planning: Option<(Millis, Result<Plan, String>)>,
}

impl Replica {
    fn new(world: &World) -> Self {
        let mut it = Self {
            controller: Controller::default(),
            cluster: Cluster::default(),
            seen: 0,
            skew: 0,
            looked: None,
            next: 0,
            planning: None,
        };
        it.list(world);
        it
    }

    /// Lists everything, as after a watch that broke.
    fn list(&mut self, world: &World) {
        world.list(&mut self.cluster);
        self.seen = world.version();
    }
}

struct Simulation {
    rng: ChaCha8Rng,
    world: World,
    replicas: Vec<Replica>,
    settings: Settings,
    bounds: Bounds,
    faulty: bool,
    /// How planners fare once other faults have ceased.
    last: Mood,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let world = World::new(&mut rng);
        let settings = Settings { bound: 60_000, ..Settings::default() };
        let replicas = vec![Replica::new(&world)];
        let bounds = Bounds { view: 60_000, plan: settings.bound };
        let last = match rng.random_range(0..8) {
            0 => Mood::Fails,
            1 => Mood::Panics,
            2 => Mood::Hangs,
            _ => Mood::Well,
        };
        Self { rng, world, replicas, settings, bounds, faulty: true, last }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn step(&mut self) {
        self.world.now += self.rng.random_range(5..1_500);
        if self.faulty {
            self.world.disturb(&mut self.rng);
            self.disturb_replicas();
        }
        for at in 0..self.replicas.len() {
            self.watch(at);
            if self.faulty || at == 0 {
                self.lead(at);
            }
        }
        if !self.faulty {
            self.world.admit_all();
            // What the scheduler knows the replicas that answer it have seen.
            (0..self.replicas.len()).for_each(|at| self.watch(at));
        }
        self.schedule();
        self.world.controllers();
        self.world.check();
    }

    fn disturb_replicas(&mut self) {
        if self.chance(4) {
            // Killed, and another begins with nothing but what the API server has.
            self.replicas[0] = Replica::new(&self.world);
        }
        if self.chance(3) {
            if self.replicas.len() == 1 {
                self.replicas.push(Replica::new(&self.world));
            } else {
                self.replicas.pop();
            }
        }
        if self.chance(3) {
            let skew = self.rng.random_range(-90_000..90_000);
            self.replicas[0].skew = skew;
        }
    }

    /// The watch brings some of what is new, or breaks.
    fn watch(&mut self, at: usize) {
        let breaks = self.faulty && self.chance(3);
        let lags = self.faulty && self.chance(30);
        let most = if lags { self.rng.random_range(0..3) } else { usize::MAX };
        let replica = &mut self.replicas[at];
        if breaks {
            replica.list(&self.world);
        } else {
            replica.seen = self.world.watch(&mut replica.cluster, replica.seen, most);
        }
    }

    fn lead(&mut self, at: usize) {
        let replica = &mut self.replicas[at];
        let now = self.world.now + replica.skew;
        let answer = replica.planning.take_if(|(done, _)| *done <= self.world.now);
        // It looks when something changed, when it said that it would, and when a plan comes.
        if answer.is_none() && replica.next > now && replica.looked == Some(replica.cluster.version()) {
            return;
        }
        replica.looked = Some(replica.cluster.version());
        let mut actions = Vec::new();
        if let Some((_, answer)) = answer {
            actions = replica.controller.answered(&mut replica.cluster, &self.settings, now, answer);
        }
        let may_ask = replica.planning.is_none();
        let decision = replica.controller.decide(&mut replica.cluster, &self.settings, now, may_ask);
        replica.next = decision.next;
        actions.extend(decision.actions);
        if let Some(question) = decision.question {
            let mood = self.mood();
            let takes = match mood {
                Mood::Hangs => Millis::MAX / 2,
                Mood::Slow => self.rng.random_range(1_000..60_000),
                _ => self.rng.random_range(0..300),
            };
            let answer = question.answer(&mut Moody { inner: FirstFit, mood });
            assert_eq!(answer.is_err(), matches!(mood, Mood::Fails | Mood::Panics));
            self.replicas[at].planning = Some((self.world.now + takes, answer));
        }
        for action in actions {
            self.carry_out(at, &action);
        }
    }

    fn mood(&mut self) -> Mood {
        if !self.faulty {
            return self.last;
        }
        match self.rng.random_range(0..100) {
            0..4 => Mood::Fails,
            4..8 => Mood::Panics,
            8..11 => Mood::Hangs,
            11..20 => Mood::Slow,
            _ => Mood::Well,
        }
    }

    fn carry_out(&mut self, at: usize, action: &Action) {
        let Some(target) = action.changes().cloned() else { return };
        let fault = if self.faulty { self.rng.random_range(0..100) } else { 100 };
        let done = match fault {
            // Refused, or never arrived.
            0..8 => Err(()),
            // Done, and the answer is lost.
            8..14 => {
                _ = self.world.apply(action);
                Err(())
            }
            _ => self.world.apply(action),
        };
        if done.is_err() {
            let replica = &mut self.replicas[at];
            replica.controller.failed(&target.uid, self.world.now + replica.skew);
            replica.looked = None;
        }
    }

    /// The scheduler asks whichever replica answers, or, when the extender is down and ignorable, none.
    fn schedule(&mut self) {
        let is_down = self.faulty && self.chance(10);
        if !self.world.is_waiting() {
            return;
        }
        let at = self.rng.random_range(0..self.replicas.len());
        let replica = &mut self.replicas[at];
        let now = self.world.now + replica.skew;
        let snapshot =
            (!is_down).then(|| Builder::default().snapshot(&mut replica.cluster, now, self.bounds));
        self.world.schedule(&mut self.rng, snapshot.as_ref(), now);
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            self.step();
        }
        self.faulty = false;
        self.replicas.truncate(1);
        self.replicas[0].skew = 0;
        self.replicas[0].list(&self.world);
        // One that answers and does not plan.
        self.replicas.push(Replica::new(&self.world));
        let is_planning = self.replicas[0].planning.as_ref().is_none_or(|(done, _)| *done <= self.world.now);
        let gangs = match self.last {
            Mood::Well if is_planning => self.world.gangs_behind_the_gate(),
            _ => BTreeSet::new(),
        };
        let until = self.world.now + CALM;
        while self.world.now < until {
            self.step();
        }
        self.world.are_whole(&gangs);
    }
}

#[test]
fn no_seed_breaks_a_law() {
    laws_hold(0..SEEDS);
}

/// Found by the long run: a gang that was held was let go by a plan that had not been asked about it, and by one that had
/// been asked about part of it, since a gate of the other part had just passed its deadline.
#[test]
fn seeds_that_once_broke_a_law_break_none() {
    laws_hold(1_828..1_829);
    laws_hold(4_978..4_979);
}

#[test]
#[ignore = "minutes long; run it with optimisations"]
fn none_of_many_seeds_breaks_a_law() {
    laws_hold(SEEDS..MANY_SEEDS);
}

fn laws_hold(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let run = std::panic::catch_unwind(|| {
            let mut simulation = Simulation::new(seed);
            simulation.run();
            simulation.world.settled();
            let replica = &mut simulation.replicas[0];
            let now = simulation.world.now;
            let snapshot = Builder::default().snapshot(&mut replica.cluster, now, simulation.bounds);
            simulation.world.no_ghosts(&snapshot, now);
        });
        assert!(run.is_ok(), "seed {seed} breaks a law");
    }
}

#[test]
fn a_seed_has_one_history() {
    let history = |seed| {
        let mut simulation = Simulation::new(seed);
        simulation.run();
        simulation.world.history()
    };
    for seed in [1, 7, 42] {
        assert_eq!(history(seed), history(seed));
    }
}
