//! When to start, and when to pause: policies that move work to hours of cleaner electricity, on capacity that can be
//! rented at any time, with reserved instances used where they are free. Where nothing can be rented they start on
//! machines of one's own, as soon after the chosen time as there is room.
//!
//! Lowest slot, lowest window, carbon-time, and reserved first: GAIA (Hanafy et al., ASPLOS 2024). Suspending below a
//! threshold: Ecovisor (Souza et al., ASPLOS 2023); in the lowest slots: Wait Awhile (Wiesner et al., Middleware
//! 2021). A job waits at most as long as its queue allows, and never past its deadline. One that may not be interrupted
//! runs in one piece, and not on spot instances.

use std::collections::{BTreeMap, VecDeque};

use plimsoll_model::{Capacity, scenario::Split};
use plimsoll_packing::fleet::{Ask, Request};

use super::{Policy, forecast::Forecast};
use crate::timed::{
    market::{Offer, Rent},
    world::{JobIx, Reason, World},
};

/// How a start is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// At once.
    Now,
    /// The moment of least intensity.
    LowestSlot,
    /// The start whose run burns least.
    LowestWindow,
    /// The start that saves most for each hour until the job is done.
    CarbonTime,
    /// In pieces: while the intensity is under the 30th percentile of the next day, or the wait is used up.
    SuspendThreshold,
    /// In pieces: in the lowest slots until the latest end.
    SuspendLowest,
    /// At the latest moment.
    Latest,
}

/// A class of jobs by duration.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Shorter ones belong to it; nothing: all.
    pub shorter_than: Option<u64>,
    /// Microseconds that they may wait.
    pub wait: u64,
    /// Their mean duration over the trace.
    pub mean: u64,
}

/// The settings of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How a start is chosen.
    pub choice: Choice,
    /// Classes of jobs, the last of which takes all that are in none before.
    pub classes: Vec<Class>,
    /// Whether each job's own duration is known.
    pub knows_duration: bool,
    /// Whether a job starts as soon as reserved instances are free for it.
    pub reserved_first: bool,
    /// Jobs up to this long run on spot instances, where they may be interrupted.
    pub spot_up_to: Option<u64>,
    /// Microseconds of the grid that starts lie on; 0: none.
    pub slots: u64,
    /// Whether reserved instances take a job whole or not at all.
    pub split: Split,
    /// Offers by capacity, those that the policy may not use left out.
    pub offers: Vec<(u16, Capacity)>,
    /// Where jobs run.
    pub place: Place,
}

/// Where jobs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On what they rent.
    Offers,
    /// On machines of one's own.
    Machines,
    /// The scenario has neither, and says nothing of room.
    Anywhere,
}

impl Rules {
    /// Whether a job of so much work is one for spot instances.
    pub fn is_for_spot(&self, work: u64) -> bool {
        self.spot_up_to.is_some_and(|limit| work <= limit)
    }

    fn of(&self, capacity: Capacity) -> impl Iterator<Item = u16> + use<'_> {
        self.offers.iter().filter(move |(_, known)| *known == capacity).map(|(offer, _)| *offer)
    }

    /// Whether the offers hold a request when nobody else uses them.
    pub fn holds(&self, offers: &[Offer], ask: &Request, spot: bool) -> bool {
        let holds = |offer: u16| offers[usize::from(offer)].holds(ask);
        let classes = [Capacity::Reserved, Capacity::OnDemand, Capacity::OnPrem];
        if classes.into_iter().flat_map(|class| self.of(class)).any(holds) {
            return true;
        }
        if spot && self.of(Capacity::Spot).any(holds) {
            return true;
        }
        // What is reserved, and the rest on demand.
        let rest = |offer: u16| {
            let reserved = &offers[usize::from(offer)];
            let own = reserved.count.unwrap_or(u64::MAX).saturating_mul(reserved.cpu_milli);
            Request { cpu_milli: ask.cpu_milli.saturating_sub(own), ..ask.clone() }
        };
        let on_demand = self.of(Capacity::OnDemand).next();
        self.divides(ask)
            && on_demand.is_some_and(|other| {
                self.of(Capacity::Reserved).any(|offer| offers[usize::from(other)].holds(&rest(offer)))
            })
    }

    /// Whether a request may be met by reserved instances in part.
    fn divides(&self, ask: &Request) -> bool {
        self.split == Split::Any && ask.devices == Ask::None
    }
}

/// Starts are tried at these distances from the arrival where there is no grid.
const HOUR: u64 = 3_600_000_000;

/// The policy in one run.
pub struct When<'a> {
    rules: &'a Rules,
    classes: Vec<Class>,
    forecast: &'a Forecast,
    /// By order of arrival.
    jobs: BTreeMap<u64, Planned>,
    orders: BTreeMap<JobIx, u64>,
}

struct Planned {
    ix: JobIx,
    /// When it runs, the first piece next; the last ends with the job.
    pieces: VecDeque<(u64, u64)>,
    spot: bool,
}

impl<'a> When<'a> {
    /// Nothing planned. `classes` have the means of the run's trace.
    pub fn new(rules: &'a Rules, classes: Vec<Class>, forecast: &'a Forecast) -> Self {
        Self { rules, classes, forecast, jobs: BTreeMap::new(), orders: BTreeMap::new() }
    }

    fn class(&self, work: u64) -> &Class {
        let found = self.classes.iter().find(|class| class.shorter_than.is_none_or(|limit| work < limit));
        found.unwrap_or(&self.classes[self.classes.len() - 1])
    }

    /// Pieces of a job that comes now.
    fn plan(&self, world: &World<'_>, ix: JobIx) -> VecDeque<(u64, u64)> {
        let live = world.job(ix);
        let (now, work) = (world.now, live.job.work);
        let class = self.class(work);
        let from = self.on_grid(live.job.earliest.unwrap_or(now).max(now));
        let by_deadline = live.job.deadline.map(|deadline| deadline.saturating_sub(work));
        let last = match (by_deadline, class.wait) {
            // Without queues the deadline alone says how long a job may wait.
            (Some(latest), u64::MAX) => latest,
            (Some(latest), wait) => latest.min(now.saturating_add(wait)),
            (None, u64::MAX) => now,
            (None, wait) => now + wait,
        };
        let last = last.max(from);
        let known = if self.rules.knows_duration { work } else { class.mean };
        let choice = match self.rules.choice {
            // Who may not be stopped runs in one piece, where that burns least.
            Choice::SuspendLowest if !live.job.interruptible => Choice::LowestWindow,
            choice => choice,
        };
        let known = if self.rules.choice == Choice::SuspendLowest { work } else { known };
        let whole = |start: u64| VecDeque::from([(start, u64::MAX)]);
        if work == 0 {
            // Work of nothing, on a grid, has no pieces and burns nothing.
            return whole(from);
        }
        match choice {
            Choice::Now => whole(from),
            Choice::Latest => whole(last),
            Choice::LowestSlot => whole(self.lowest_slot(now, from, last)),
            Choice::LowestWindow => {
                let burnt = |start: u64| self.forecast.integral(now, start, start + known);
                whole(self.starts(from, last).min_by_key(|start| (burnt(*start), *start)).unwrap_or(from))
            }
            Choice::CarbonTime => whole(self.carbon_time(now, from, last, known)),
            Choice::SuspendThreshold => {
                let pieces = self.under_threshold(now, from, last - from, work);
                match pieces.front() {
                    // From its first clean hour on.
                    Some((start, _)) if !live.job.interruptible => whole(*start),
                    _ => pieces,
                }
            }
            Choice::SuspendLowest => self.lowest_pieces(now, from, last + work, work),
        }
    }

    fn on_grid(&self, at: u64) -> u64 {
        if self.rules.slots == 0 { at } else { at.div_ceil(self.rules.slots) * self.rules.slots }
    }

    /// Where a start is tried.
    fn starts(&self, from: u64, last: u64) -> impl Iterator<Item = u64> + use<> {
        let step = if self.rules.slots == 0 { HOUR } else { self.rules.slots };
        (0..).map(move |index| from + index * step).take_while(move |start| *start <= last)
    }

    fn lowest_slot(&self, now: u64, from: u64, last: u64) -> u64 {
        let changes = self.forecast.changes(from, last);
        let moments = std::iter::once(from).chain(changes.into_iter().map(|at| self.on_grid(at)));
        let moments = moments.filter(|at| *at <= last);
        moments.min_by_key(|at| (self.forecast.at(now, *at), *at)).unwrap_or(from)
    }

    fn carbon_time(&self, now: u64, from: u64, last: u64, known: u64) -> u64 {
        let at_once = self.forecast.integral(now, from, from + known);
        let mut best = (0.0, from);
        for start in self.starts(from, last) {
            let saved = (at_once - self.forecast.integral(now, start, start + known)) as f64;
            let rate = saved / ((start - from) + known).max(1) as f64;
            if rate > best.0 {
                best = (rate, start);
            }
        }
        best.1
    }

    fn under_threshold(&self, now: u64, from: u64, mut wait: u64, mut work: u64) -> VecDeque<(u64, u64)> {
        let threshold = self.forecast.quantile(now, from, from + 24 * HOUR, 0.3);
        let mut pieces = VecDeque::new();
        let mut at = from;
        let mut edges = self.forecast.changes(from, from + wait + work).into_iter();
        while work > 0 {
            let end = edges.next().unwrap_or(u64::MAX);
            while at < end && work > 0 {
                if (self.forecast.at(now, at) as f64) < threshold || wait == 0 {
                    let length = if wait == 0 { work } else { work.min(end - at) };
                    push(&mut pieces, at, at + length);
                    (at, work) = (at + length, work - length);
                    break;
                }
                let length = wait.min(end - at);
                (at, wait) = (at + length, wait - length);
            }
        }
        if let Some(last) = pieces.back_mut() {
            last.1 = u64::MAX;
        }
        pieces
    }

    /// The cheapest slots of [from, to) that hold the work, earliest of equals; of the dearest of them its beginning.
    fn lowest_pieces(&self, now: u64, from: u64, to: u64, work: u64) -> VecDeque<(u64, u64)> {
        let mut edges = vec![from];
        if self.rules.slots == 0 {
            edges.extend(self.forecast.changes(from, to.saturating_sub(1)));
        } else {
            edges.extend(self.starts(from, to.saturating_sub(1)).skip(1));
        }
        edges.push(to.max(from + work));
        let mut slots: Vec<(i128, u64, u64)> = edges
            .windows(2)
            .filter(|pair| pair[1] > pair[0])
            .map(|pair| {
                let (start, end) = (pair[0], pair[1]);
                (self.forecast.integral(now, start, end) * 1000 / i128::from(end - start), start, end)
            })
            .collect();
        slots.sort_unstable();
        let mut left = work;
        let mut chosen = Vec::new();
        for (_, start, end) in slots {
            if left == 0 {
                break;
            }
            let length = left.min(end - start);
            chosen.push((start, start + length));
            left -= length;
        }
        chosen.sort_unstable();
        let mut pieces = VecDeque::new();
        for (start, end) in chosen {
            push(&mut pieces, start, end);
        }
        if let Some(last) = pieces.back_mut() {
            last.1 = u64::MAX;
        }
        pieces
    }

    /// Starts a job where there is room for it now; whether there was.
    fn start(&self, world: &mut World<'_>, ix: JobIx, spot: bool, reserved_only: bool) -> bool {
        match self.rules.place {
            // Machines of one's own are paid for like reserved instances.
            Place::Machines => return world.start(ix),
            Place::Anywhere => world.start_rented(ix, Vec::new()),
            Place::Offers => {
                let ask = world.job(ix).job.ask.clone();
                let Some(rents) = self.rent(world, &ask, spot, reserved_only) else { return false };
                world.start_rented(ix, rents);
            }
        }
        true
    }

    /// What a job rents: spot where it may, else reserved instances where they are free, else on demand.
    fn rent(
        &self,
        world: &mut World<'_>,
        ask: &Request,
        spot: bool,
        reserved_only: bool,
    ) -> Option<Vec<Rent>> {
        let now = world.now;
        let take = |world: &mut World<'_>, offer: u16| {
            let instances = world.market.instances(offer, ask)?;
            world.market.take(offer, ask.cpu_milli, instances, now)
        };
        for offer in self.rules.of(Capacity::Spot).filter(|_| spot) {
            if let Some(rent) = take(world, offer) {
                return Some(vec![rent]);
            }
        }
        for offer in self.rules.of(Capacity::Reserved) {
            if let Some(rent) = take(world, offer) {
                return Some(vec![rent]);
            }
            if self.rules.divides(ask)
                && !reserved_only
                && let Some(parts) = self.divided(world, offer, ask)
            {
                return Some(parts);
            }
        }
        if reserved_only {
            return None;
        }
        let others = self.rules.of(Capacity::OnDemand).chain(self.rules.of(Capacity::OnPrem));
        for offer in others {
            if let Some(rent) = take(world, offer) {
                return Some(vec![rent]);
            }
        }
        None
    }

    /// What is free of reserved instances, and the rest on demand.
    fn divided(&self, world: &mut World<'_>, reserved: u16, ask: &Request) -> Option<Vec<Rent>> {
        let each = world.market.offers[usize::from(reserved)].cpu_milli;
        let free = world.market.free(reserved);
        if free == 0 || each == 0 {
            return None;
        }
        let (cpu, now) = (ask.cpu_milli, world.now);
        let part = free.saturating_mul(each).min(cpu);
        let on_demand = self.rules.of(Capacity::OnDemand).next()?;
        let rest = Request { cpu_milli: cpu - part, ..ask.clone() };
        let instances = world.market.instances(on_demand, &rest)?;
        let other = world.market.take(on_demand, cpu - part, instances, now)?;
        let Some(own) = world.market.take(reserved, part, free, now) else {
            world.market.return_unused(other);
            return None;
        };
        Some(vec![own, other])
    }
}

/// Adds a piece; one that begins where the last ends makes it longer.
fn push(pieces: &mut VecDeque<(u64, u64)>, start: u64, end: u64) {
    match pieces.back_mut() {
        Some(last) if last.1 == start => last.1 = end,
        _ => pieces.push_back((start, end)),
    }
}

impl Policy for When<'_> {
    fn arrived(&mut self, world: &mut World<'_>, ix: JobIx) {
        let pieces = self.plan(world, ix);
        for (start, end) in &pieces {
            world.wake(*start);
            if *end != u64::MAX {
                world.wake(*end);
            }
        }
        let (order, work) = (world.job(ix).order, world.job(ix).job.work);
        if pieces.front().is_some_and(|(start, _)| *start > world.now) {
            world.defer(ix, "until a better time");
        }
        let spot = self.rules.is_for_spot(work) && world.job(ix).job.interruptible;
        self.jobs.insert(order, Planned { ix, pieces, spot });
        self.orders.insert(ix, order);
    }

    fn left(&mut self, _: &mut World<'_>, ix: JobIx) {
        if let Some(order) = self.orders.remove(&ix) {
            self.jobs.remove(&order);
        }
    }

    fn interrupted(&mut self, world: &mut World<'_>, ix: JobIx) {
        // It goes on at once, on demand; where only spot instances hold it, on them when there are some again.
        let only_spot = !self.rules.holds(world.market.offers, &world.job(ix).job.ask, false);
        if let Some(planned) = self.orders.get(&ix).and_then(|order| self.jobs.get_mut(order)) {
            planned.pieces = VecDeque::from([(world.now, u64::MAX)]);
            planned.spot = only_spot;
        }
    }

    fn decide(&mut self, world: &mut World<'_>) {
        let now = world.now;
        let mut jobs = std::mem::take(&mut self.jobs);
        for planned in jobs.values_mut() {
            // A piece for which there was no room is over as well; the last one has no end.
            let before = planned.pieces.len();
            while planned.pieces.front().is_some_and(|(_, end)| *end <= now) {
                planned.pieces.pop_front();
            }
            if planned.pieces.len() < before && world.job(planned.ix).running.is_some() {
                world.stop(planned.ix, Reason::Suspend);
            }
        }
        for planned in jobs.values_mut() {
            let Some((start, _)) = planned.pieces.front().copied() else { continue };
            let live = world.job(planned.ix);
            if live.running.is_some() || live.is_early(now) {
                continue;
            }
            let early = start > now;
            if early && (!self.rules.reserved_first || planned.spot) {
                continue;
            }
            if self.start(world, planned.ix, planned.spot, early) && early {
                planned.pieces = VecDeque::from([(now, u64::MAX)]);
            }
        }
        self.jobs = jobs;
    }
}
