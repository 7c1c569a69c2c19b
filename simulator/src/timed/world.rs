//! The state of a run, and the only way to change it.
//!
//! A policy asks for a job to be started or stopped; whether that is possible, what it costs and what it loses is
//! decided here, and logged. What must hold is checked as it happens, always: a job is at one place only, nothing is
//! held twice, and what jobs and idle machines are charged adds up to the totals.

mod instead;

use plimsoll_packing::{
    fleet::{Model, Request},
    scores::Score,
};

use super::{
    cluster::{Cluster, Part},
    fairness::Fairness,
    job::Job,
    ledger::{Ledger, Rates},
    live::Running,
    market::{Market, Rent},
    queue::{Queue, What},
    rows,
    tally::Tally,
};
use crate::events::{Event, Log, Row, Sink};

pub use super::live::{Live, Reason};

/// A job that has arrived and not left, by its place.
pub type JobIx = u32;

/// How a run treats jobs and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// Microseconds of a round; 0: decisions at every event.
    pub round: u64,
    /// Microseconds that each start after a stop loses.
    pub restart: u64,
    /// Microseconds between two savings of a job's work; 0: nothing done is ever lost.
    pub checkpoint: u64,
}

/// The state of a run.
pub struct World<'a> {
    /// Microseconds from time 0.
    pub now: u64,
    /// How jobs and time are treated.
    pub settings: Settings,
    /// Machines of one's own.
    pub cluster: Cluster,
    /// What can be rented, at what price and with what carbon.
    pub market: Market<'a>,
    /// What was charged.
    pub ledger: Ledger,
    /// What is measured.
    pub tally: Tally,
    fairness: Fairness,
    /// Chooses nodes; nothing: the fullest.
    pub scorer: Option<&'a dyn Score>,
    queue: Queue,
    log: Log<'a>,
    live: Vec<Option<Live>>,
    free: Vec<JobIx>,
    /// Jobs that are done and hold their room to the end of the round.
    resting: u64,
    /// Starts of all jobs.
    starts: u64,
    arrived: u64,
}

/// What a step of time brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A job left, or its room was given back.
    Freed,
    /// A job was interrupted.
    Interrupted(JobIx),
    /// Nothing but time.
    Time,
}

impl<'a> World<'a> {
    /// Nothing has arrived yet.
    pub fn new(
        settings: Settings,
        cluster: Cluster,
        market: Market<'a>,
        rates: Rates,
        scorer: Option<&'a dyn Score>,
        tally: Tally,
        sink: &'a mut dyn Sink,
    ) -> Self {
        let mut this = Self {
            now: 0,
            settings,
            ledger: Ledger::new(rates),
            fairness: Fairness::of(&cluster),
            cluster,
            market,
            tally,
            scorer,
            queue: Queue::default(),
            log: Log::new(sink),
            live: Vec::new(),
            free: Vec::new(),
            resting: 0,
            starts: 0,
            arrived: 0,
        };
        for node in this.cluster.nodes.iter() {
            rows::machine(&mut this.log, node);
        }
        this
    }

    /// A job in flight.
    ///
    /// # Panics
    /// When it is not: policies are told of every job that leaves.
    pub fn job(&self, ix: JobIx) -> &Live {
        self.live[ix as usize].as_ref().expect("a policy names only jobs in flight")
    }

    /// How many jobs are in flight.
    pub fn in_flight(&self) -> usize {
        self.live.len() - self.free.len()
    }

    /// What is so now, for series over time.
    pub(super) fn values(&self) -> [u64; 4] {
        let waiting = self.in_flight() as u64 - self.tally.running - self.resting;
        [self.cluster.active(), self.cluster.busy(), self.tally.running, waiting]
    }

    /// Takes a job in; when it may start later only, a decision is due then.
    pub(super) fn arrive(&mut self, job: Job) -> JobIx {
        self.log.add(&Row {
            job: &job.name,
            cpu_milli: job.ask.cpu_milli,
            memory_mib: job.ask.memory_mib,
            work_us: Some(job.work),
            ..Row::new(self.now, Event::Arrive)
        });
        self.tally.arrived(self.now, self.arrived);
        if let Some(earliest) = job.earliest.filter(|earliest| *earliest > self.now) {
            self.wake(earliest);
        }
        let live = Live {
            job,
            order: self.arrived,
            done: 0,
            ran: 0,
            first_start: None,
            came: (self.now, self.fairness.come(self.now)),
            stopped: self.now,
            paused: 0,
            running: None,
            starts: 0,
        };
        self.arrived += 1;
        if let Some(ix) = self.free.pop() {
            self.live[ix as usize] = Some(live);
            return ix;
        }
        self.live.push(Some(live));
        (self.live.len() - 1) as JobIx
    }

    /// Refuses a job for good.
    ///
    /// # Panics
    /// When it is not in flight, or not as the call needs it: policies are told of every job that leaves.
    pub fn reject(&mut self, ix: JobIx, reason: &'static str) {
        let live = self.live[ix as usize].take().expect("a job is rejected once");
        assert!(live.running.is_none(), "a running job is not rejected");
        self.log.add(&Row { job: &live.job.name, reason, ..Row::new(self.now, Event::Reject) });
        self.tally.failed(live.order, live.job.deadline.is_some());
        self.fairness.leave(self.now);
        self.free.push(ix);
    }

    /// Notes that a job was put off.
    ///
    /// # Panics
    /// When it is not in flight, or not as the call needs it: policies are told of every job that leaves.
    pub fn defer(&mut self, ix: JobIx, reason: &'static str) {
        let live = self.live[ix as usize].as_ref().expect("a policy names only jobs in flight");
        self.log.add(&Row { job: &live.job.name, reason, ..Row::new(self.now, Event::Defer) });
    }

    /// Starts a job on machines of one's own, where there is room. Whether there was.
    ///
    /// # Panics
    /// When it is not in flight, or not as the call needs it: policies are told of every job that leaves.
    pub fn start(&mut self, ix: JobIx) -> bool {
        let ask = &self.live[ix as usize].as_ref().expect("a policy names only jobs in flight").job.ask;
        let Some(parts) = self.cluster.place(ask, self.scorer) else { return false };
        self.ledger.changed(self.now, &self.market, &self.cluster, &parts);
        self.run(ix, parts, Vec::new());
        true
    }

    /// The same on machines of one kind alone.
    ///
    /// # Panics
    /// When it is not in flight, or not as the call needs it: policies are told of every job that leaves.
    pub fn start_on(&mut self, ix: JobIx, model: Model) -> bool {
        let ask = Request { models: vec![model], ..self.job(ix).job.ask.clone() };
        let Some(parts) = self.cluster.place(&ask, self.scorer) else { return false };
        self.ledger.changed(self.now, &self.market, &self.cluster, &parts);
        self.run(ix, parts, Vec::new());
        true
    }

    /// Starts a job on what it rents, which the market has given it.
    pub fn start_rented(&mut self, ix: JobIx, rents: Vec<Rent>) {
        self.run(ix, Vec::new(), rents);
    }

    fn run(&mut self, ix: JobIx, parts: Vec<Part>, rents: Vec<Rent>) {
        let now = self.now;
        let live = self.live[ix as usize].as_mut().expect("a policy names only jobs in flight");
        assert!(live.running.is_none(), "a job is at one place only");
        let overhead = if live.starts == 0 || self.market.is_bound { 0 } else { self.settings.restart };
        if live.first_start.is_none() {
            live.first_start = Some(now);
            self.tally.started(live.order);
        } else {
            live.paused += now - live.stopped;
        }
        self.tally.last_start = self.tally.last_start.max(now);
        for rent in &rents {
            rows::rented(&mut self.log, &self.market, *rent, now);
        }
        rows::started(&mut self.log, &self.cluster, &self.market, &live.job, (&parts, &rents), now);
        let taken = self.market.taken_back(&rents, now, (live.order, live.starts.into()));
        live.starts += 1;
        let on = parts.iter().map(|part| self.cluster.nodes[part.node as usize].model);
        let on = on.chain(rents.iter().map(|rent| self.market.offers[usize::from(rent.offer)].model));
        // A gang goes at the pace of its slowest part.
        let time = on.flatten().filter_map(|model| live.job.time_on(model)).max().unwrap_or(live.job.work);
        let running = Running { since: now, start: self.starts, overhead, time, parts, rents };
        let end = now + overhead + running.takes(live.job.work - live.done, live.job.work);
        self.queue.push(end, What::Finish(ix, self.starts));
        if let Some(at) = taken.filter(|at| *at < end) {
            self.queue.push(at, What::Interrupt(ix, self.starts));
        }
        self.starts += 1;
        live.running = Some(running);
        self.tally.running += 1;
    }

    /// Stops a job; what it has not saved is lost.
    ///
    /// # Panics
    /// When it is not in flight, or not as the call needs it: policies are told of every job that leaves.
    pub fn stop(&mut self, ix: JobIx, reason: Reason) {
        let now = self.now;
        let live = self.live[ix as usize].as_mut().expect("a policy names only jobs in flight");
        let running = live.running.take().expect("only a running job is stopped");
        let ran = now - running.since;
        let worked = running.worked(live.job.work, now).min(live.job.work - live.done);
        let saved = match self.settings.checkpoint {
            0 => worked,
            every => ((live.done + worked) / every * every).max(live.done) - live.done,
        };
        live.done += saved;
        live.ran += ran;
        live.stopped = now;
        // What restarting took is lost as well.
        let lost = ran.min(running.overhead) + worked - saved;
        self.tally.stopped(live.order, reason, lost);
        let charge =
            self.ledger.piece(&self.market, &live.job, &running.parts, &running.rents, running.since, now);
        self.log.add(&Row {
            job: &live.job.name,
            work_us: Some(saved),
            lost_us: lost,
            nano_usd: charge.nano_usd,
            micro_g: charge.micro_g,
            reason: reason.as_str(),
            ..Row::new(now, Event::Stop)
        });
        self.give_back(&running);
    }

    fn give_back(&mut self, running: &Running) {
        self.rest(running);
        self.vacate(running);
    }

    /// A job works no more; what it holds stays its own.
    fn rest(&mut self, running: &Running) {
        self.cluster.rest(&running.parts);
        self.ledger.changed(self.now, &self.market, &self.cluster, &running.parts);
        self.tally.running -= 1;
    }

    /// What a job rents it pays for until it is given back, also once it is done.
    fn charge_rest(&mut self, running: &Running, done: u64) {
        for rent in &running.rents {
            let charge = self.ledger.unused(&self.market, *rent, running.since, (done, self.now));
            if (charge.nano_usd, charge.micro_g) != (0, 0) {
                self.log.add(&Row {
                    node: &charge.node,
                    nano_usd: charge.nano_usd,
                    micro_g: charge.micro_g,
                    reason: charge.reason,
                    ..Row::new(self.now, Event::Charge)
                });
            }
        }
    }

    fn vacate(&mut self, running: &Running) {
        self.cluster.vacate(&running.parts);
        for rent in &running.rents {
            self.market.give_back(*rent);
            rows::returned(&mut self.log, &self.market, *rent, self.now);
        }
    }

    /// This moment is over: its rows go to the log.
    pub(super) fn settle(&mut self) {
        self.log.settle();
    }

    /// Asks for a decision at a time.
    pub fn wake(&mut self, at: u64) {
        self.queue.push(at.max(self.now), What::Wake);
    }

    /// When the next event is.
    pub(super) fn next(&self) -> Option<u64> {
        self.queue.next()
    }

    /// Lets an offer's availability change at a time.
    pub(super) fn watch_offer(&mut self, at: u64, offer: u16) {
        self.queue.push(at, What::Offer(offer));
    }

    /// Takes the next event of this moment.
    pub(super) fn step(&mut self, left: &mut Vec<JobIx>, news: &mut Vec<News>) -> bool {
        let Some(what) = self.queue.pop_at(self.now) else { return false };
        match what {
            What::Offer(offer) => {
                if let Some(next) = self.market.next_change(offer, self.now) {
                    self.queue.push(next, What::Offer(offer));
                }
                if !self.market.is_available(offer, self.now) {
                    self.interrupt(offer, news);
                }
                news.push(News::Time);
            }
            What::Release(ix) => {
                let live = self.live[ix as usize].take().expect("a job gives its room back once");
                if let Some(running) = live.running {
                    self.charge_rest(&running, live.stopped);
                    self.vacate(&running);
                }
                self.resting -= 1;
                self.free.push(ix);
                news.push(News::Freed);
            }
            What::Finish(ix, start) if self.is_of_start(ix, start) => {
                self.finish(ix);
                left.push(ix);
                news.push(News::Freed);
            }
            What::Interrupt(ix, start) if self.is_of_start(ix, start) => {
                self.stop(ix, Reason::Interrupt);
                news.push(News::Interrupted(ix));
            }
            // It was stopped before.
            What::Finish(..) | What::Interrupt(..) => {}
            What::Wake => news.push(News::Time),
        }
        true
    }

    /// Whether a job runs still as it did from this start on.
    fn is_of_start(&self, ix: JobIx, start: u64) -> bool {
        let running = self.live[ix as usize].as_ref().and_then(|live| live.running.as_ref());
        running.is_some_and(|running| running.start == start)
    }

    /// Stops every job on an offer that has gone.
    fn interrupt(&mut self, offer: u16, news: &mut Vec<News>) {
        let on_it = |live: &Live| {
            live.running.as_ref().is_some_and(|running| running.rents.iter().any(|rent| rent.offer == offer))
        };
        let hit: Vec<JobIx> = (0..self.live.len() as JobIx)
            .filter(|ix| self.live[*ix as usize].as_ref().is_some_and(on_it))
            .collect();
        for ix in hit {
            // A job whose last moment this is has made it.
            if self.job(ix).remaining(self.now) > 0 {
                self.stop(ix, Reason::Interrupt);
                news.push(News::Interrupted(ix));
            }
        }
    }

    fn finish(&mut self, ix: JobIx) {
        let now = self.now;
        let live = self.live[ix as usize].as_mut().expect("a job finishes once");
        let running = live.running.as_ref().expect("only a running job finishes");
        let worked = live.job.work - live.done;
        let lost = running.overhead;
        let charge =
            self.ledger.piece(&self.market, &live.job, &running.parts, &running.rents, running.since, now);
        self.log.add(&Row {
            job: &live.job.name,
            work_us: Some(worked),
            lost_us: lost,
            nano_usd: charge.nano_usd,
            micro_g: charge.micro_g,
            ..Row::new(now, Event::Finish)
        });
        live.done = live.job.work;
        live.stopped = now;
        let start = live.first_start.expect("what finishes has started");
        let waited = start - live.job.arrive.min(start) + live.paused;
        let late = live.job.deadline.is_some_and(|deadline| now > deadline);
        self.tally.finished(live.order, live.job.arrive, now, waited, lost, late);
        if self.tally.counts(live.order) && running.rents.is_empty() {
            self.fairness.done(&live.job, live.came.0, live.came.1, now);
        }
        self.fairness.leave(now);
        let round = self.settings.round;
        if round > 0 && !now.is_multiple_of(round) {
            // The remainder of the round stays idle.
            let running = live.running.clone().expect("only a running job finishes");
            self.queue.push(now - now % round + round, What::Release(ix));
            self.rest(&running);
            self.resting += 1;
            return;
        }
        let live = self.live[ix as usize].take().expect("a job finishes once");
        if let Some(running) = live.running {
            self.give_back(&running);
        }
        self.free.push(ix);
    }

    /// Ends the run: what is still in flight is unfinished, idle hours and commitments are charged, the ledger is
    /// balanced. How many rows the log has, and their digest.
    pub(super) fn close(mut self) -> (Tally, Ledger, u64, String) {
        let now = self.now;
        self.tally.fairness = self.fairness.worst();
        self.settle();
        for ix in 0..self.live.len() {
            let Some(live) = self.live[ix].take() else { continue };
            // A job that finished within the round is done, whatever its room.
            if live.done == live.job.work && live.first_start.is_some() {
                if let Some(running) = live.running {
                    self.charge_rest(&running, live.stopped);
                    self.vacate(&running);
                }
                continue;
            }
            // The run is cut, so nothing done is lost; what starting again took is.
            let lost = live.running.as_ref().map_or(0, |running| running.overhead.min(now - running.since));
            self.tally.unfinished(live.order, live.job.deadline.is_some(), lost);
            if let Some(running) = live.running {
                let charge = self.ledger.piece(
                    &self.market,
                    &live.job,
                    &running.parts,
                    &running.rents,
                    running.since,
                    now,
                );
                self.log.add(&Row {
                    job: &live.job.name,
                    work_us: Some(running.worked(live.job.work, now)),
                    lost_us: lost,
                    nano_usd: charge.nano_usd,
                    micro_g: charge.micro_g,
                    reason: "end",
                    ..Row::new(now, Event::Stop)
                });
                self.give_back(&running);
            }
        }
        assert!(self.cluster.is_empty(), "at the end nothing is held");
        for charge in self.ledger.close(&self.market, &self.tally, now) {
            self.log.add(&Row {
                node: &charge.node,
                nano_usd: charge.nano_usd,
                micro_g: charge.micro_g,
                reason: charge.reason,
                ..Row::new(now, Event::Charge)
            });
        }
        let (rows, digest) = self.log.finish();
        (self.tally, self.ledger, rows, digest)
    }
}
