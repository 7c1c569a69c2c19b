//! A component whose times matter, as flat arrays: equal tasks as one kind, and of each kind the pairs of a
//! choice with all its starts.
//!
//! A start is not stored: it follows from the grid. What is stored is the integral of the carbon intensity
//! over the run from each start (of each slot where a run may pause), once for all pairs that share it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use crate::{
    column::{Column, counted_money, own_cost, static_cost, time_matters},
    formulation::Shared,
    problem::{Choice, HOUR, Nanos, Problem, Task, ceil_second},
    state::most_dollars,
};

/// More integrals than this are not stored.
const MOST: usize = 30_000_000;

/// A limit that holds at every moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub most: i64,
}

/// A limit of a sum: of dollars or kilograms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum {
    pub index: u32,
    pub most: f64,
}

/// Tasks that are equal in every respect.
#[derive(Debug, Clone, Default)]
pub(super) struct Kind {
    pub tasks: Vec<u32>,
    /// What leaving one out costs; infinite where they are required.
    pub value: f64,
    /// Its pairs, those first that may cost least.
    pub pairs: Range<u32>,
    /// The sums of dollars and of kilograms it draws on, as numbered here.
    pub money: Vec<u32>,
    pub carbon: Vec<u32>,
}

/// A kind on a choice, with all its starts.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub choice: u32,
    /// Dollars at the first start, carbon apart.
    pub base: f64,
    /// Dollars for each unit of the integral of the intensity.
    pub rate: f64,
    pub kilowatts: f64,
    pub series: Option<u32>,
    /// Dollars for each hour of delay.
    pub drift: f64,
    /// Dollars that budgets count, to the micro-dollar.
    pub money: f64,
    pub run: Nanos,
    /// The first start, the next one, and the step from then on.
    pub first: Nanos,
    pub next: Nanos,
    pub step: Nanos,
    pub deadline: Nanos,
    /// How many starts, or slots.
    pub count: u32,
    /// Whether it may run in pieces.
    pub pieces: bool,
    /// No column costs less.
    pub least: f64,
    at: u32,
    takes: Range<u32>,
}

impl Pair {
    /// A start.
    pub(super) fn start(&self, index: u32) -> Nanos {
        if index == 0 { self.first } else { self.next + Nanos::from(index - 1) * self.step }
    }

    /// A slot.
    pub(super) fn slot(&self, index: u32) -> (Nanos, Nanos) {
        let end = if index == 0 { self.next } else { self.start(index) + self.step };
        (self.start(index), end.min(self.deadline))
    }

    /// Dollars of delay at a moment that counts (a start without pieces, an end with them).
    pub(super) fn delay(&self, moment: Nanos) -> f64 {
        self.drift * (moment - self.first) as f64 / HOUR
    }
}

/// A kind on a choice at a time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placing {
    pub pair: u32,
    pub run: (Nanos, Nanos),
    /// Further pieces.
    pub more: Vec<(Nanos, Nanos)>,
    /// Dollars on its own.
    pub own: f64,
    pub kilograms: f64,
}

impl Placing {
    /// The pieces of the run.
    pub(super) fn runs(&self) -> impl Iterator<Item = (Nanos, Nanos)> + '_ {
        std::iter::once(self.run).chain(self.more.iter().copied())
    }
}

/// A component in flat arrays.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub problem: &'a Problem,
    pub kinds: Vec<Kind>,
    pairs: Vec<Pair>,
    takes: Vec<(u32, i64)>,
    integrals: Vec<f64>,
    pub limits: Vec<Limit>,
    pub money: Vec<Sum>,
    pub carbon: Vec<Sum>,
    /// Starts of all pairs, and slots of those that may run in pieces.
    pub starts: u64,
    /// Pairs that no plan can use.
    pub never: u64,
}

/// What stored integrals are of: series, first moment, next one, step, run (0: slot by slot), how many.
type Over = (Option<u32>, Nanos, Nanos, Nanos, Nanos, u32);

/// How many starts or slots a choice has, without making any; 0 where the deadline cannot be held.
pub(super) fn starts_of(problem: &Problem, t: &Task, choice: &Choice) -> u64 {
    let (first, deadline) = (ceil_second(choice.ready), t.deadline.unwrap_or(Nanos::MAX));
    if first > deadline.saturating_sub(choice.run) {
        return 0;
    }
    if t.deadline.is_none() || !time_matters(problem, t, choice) {
        return 1;
    }
    let last = if t.pausable && !t.service { deadline } else { deadline - choice.run };
    1 + (last - first).div_euclid(t.slots.max(1)) as u64
}

/// The demand of a choice of the limits over time.
fn taken(problem: &Problem, t: &Task, choice: &Choice) -> Vec<(Shared, i64)> {
    let mut takes = Vec::new();
    if problem.counts[choice.offer as usize].is_some() {
        takes.push((Shared::Count(choice.offer), choice.units));
    }
    takes.extend(choice.quotas.iter().map(|(quota, amount)| (Shared::Quota(*quota), *amount)));
    if let Some(group) = choice.group {
        let all = |each: u64| i64::try_from(each.saturating_mul(u64::from(t.replicas))).unwrap_or(i64::MAX);
        takes.push((Shared::Devices(group), all(choice.demand.accelerators)));
        takes.push((Shared::Cores(group), all(choice.demand.cpu)));
        takes.push((Shared::Memory(group), all(choice.demand.memory)));
    }
    takes.retain(|take| take.1 > 0);
    takes
}

fn most(problem: &Problem, shared: Shared) -> i64 {
    let group = |g: u32| problem.groups[g as usize];
    let of =
        |each: u64, g: u32| i64::try_from(each.saturating_mul(u64::from(group(g).nodes))).unwrap_or(i64::MAX);
    match shared {
        Shared::Count(offer) => problem.counts[offer as usize].unwrap_or(i64::MAX),
        Shared::Quota(quota) => problem.quotas[quota as usize],
        Shared::Devices(g) => of(1000 * u64::from(group(g).devices), g),
        Shared::Cores(g) => group(g).cpu.map_or(i64::MAX, |cpu| of(cpu, g)),
        Shared::Memory(g) => group(g).memory.map_or(i64::MAX, |memory| of(memory, g)),
    }
}

impl<'a> Model<'a> {
    /// Whether the model says everything of some tasks: nothing of workflows, shared data, reservations, nor
    /// grids finer than a second.
    pub(super) fn knows(problem: &Problem, members: &[u32]) -> bool {
        let reserved: BTreeSet<u32> = problem.reservations.iter().map(|r| r.offer).collect();
        let mut inside = vec![false; problem.tasks.len()];
        for task in members {
            inside[*task as usize] = true;
        }
        let produces = |t: &Task| t.inputs.iter().any(|edge| inside[edge.producer as usize]);
        let alone = |id: &u32| {
            let t = &problem.tasks[*id as usize];
            let whole = t.deadline.is_none() || (t.slots > 0 && t.slots % 1_000_000_000 == 0);
            let shares = t.choices.iter().any(|choice| reserved.contains(&choice.offer));
            t.bond.is_none() && t.inputs.is_empty() && t.reads.is_empty() && whole && !shares
        };
        !problem.tasks.iter().any(produces) && members.iter().all(alone)
    }

    /// The model of some tasks; `None` where it does not know them all, or there are more starts than can be
    /// looked at.
    pub(super) fn new(problem: &'a Problem, members: &[u32]) -> Option<Self> {
        if !Self::knows(problem, members) {
            return None;
        }
        let mut this = Self {
            problem,
            kinds: Vec::new(),
            pairs: Vec::new(),
            takes: Vec::new(),
            integrals: Vec::new(),
            limits: Vec::new(),
            money: Vec::new(),
            carbon: Vec::new(),
            starts: 0,
            never: 0,
        };
        let numbers = this.number(members);
        let mut of_class: BTreeMap<u32, usize> = BTreeMap::new();
        let mut stored: BTreeMap<Over, u32> = BTreeMap::new();
        for id in members {
            let t = &problem.tasks[*id as usize];
            if let Some(kind) = of_class.get(&t.class) {
                this.kinds[*kind].tasks.push(*id);
                continue;
            }
            of_class.insert(t.class, this.kinds.len());
            let kind = this.kind(*id, &numbers, &mut stored)?;
            this.kinds.push(kind);
        }
        Some(this)
    }

    /// Numbers the limits that may bind.
    fn number(&mut self, members: &[u32]) -> BTreeMap<Shared, u32> {
        let problem = self.problem;
        let mut demand: BTreeMap<Shared, i64> = BTreeMap::new();
        let (mut money, mut carbon) = (Vec::new(), Vec::new());
        for id in members {
            let t = &problem.tasks[*id as usize];
            let mut of_task: BTreeMap<Shared, i64> = BTreeMap::new();
            for choice in t.choices.iter().filter(|c| !c.spare) {
                for (shared, amount) in taken(problem, t, choice) {
                    let of = of_task.entry(shared).or_default();
                    *of = amount.max(*of);
                }
            }
            for (shared, amount) in of_task {
                let of = demand.entry(shared).or_default();
                *of = of.saturating_add(amount);
            }
            money.extend(&t.budgets);
            carbon.extend(&t.carbon_budgets);
        }
        let sums = |mut list: Vec<u32>, limits: &[f64]| {
            list.sort_unstable();
            list.dedup();
            let of = |index: u32| Sum { index, most: limits[index as usize] };
            list.into_iter().map(of).filter(|sum| sum.most.is_finite()).collect()
        };
        self.money = sums(money, &problem.budgets);
        self.carbon = sums(carbon, &problem.carbon_budgets);
        let mut numbers = BTreeMap::new();
        for (shared, all) in demand {
            let most = most(problem, shared);
            if all > most {
                numbers.insert(shared, self.limits.len() as u32);
                self.limits.push(Limit { most });
            }
        }
        numbers
    }

    fn kind(
        &mut self,
        id: u32,
        numbers: &BTreeMap<Shared, u32>,
        stored: &mut BTreeMap<Over, u32>,
    ) -> Option<Kind> {
        let t = &self.problem.tasks[id as usize];
        let numbered = |list: &[u32], sums: &[Sum]| {
            let of = |index: &u32| sums.iter().position(|sum| sum.index == *index).map(|at| at as u32);
            list.iter().filter_map(of).collect()
        };
        let mut kind = Kind {
            tasks: vec![id],
            value: if t.required { f64::INFINITY } else { t.value },
            pairs: 0..0,
            money: numbered(&t.budgets, &self.money),
            carbon: numbered(&t.carbon_budgets, &self.carbon),
        };
        let mut pairs = Vec::new();
        for (index, choice) in t.choices.iter().enumerate().filter(|(_, c)| !c.spare) {
            let dear = t.max_cost.is_some_and(|most| counted_money(choice, 0.0) > most_dollars(most));
            let count = starts_of(self.problem, t, choice);
            let from = self.takes.len();
            for (shared, amount) in taken(self.problem, t, choice) {
                if let Some(limit) = numbers.get(&shared) {
                    self.takes.push((*limit, amount));
                }
            }
            let fits = self.takes[from..].iter().all(|(limit, n)| *n <= self.limits[*limit as usize].most);
            if dear || count == 0 || !fits {
                self.takes.truncate(from);
                self.never += 1;
                continue;
            }
            let takes = from as u32..self.takes.len() as u32;
            let pair = self.pair(t, index, u32::try_from(count).ok()?, takes, stored)?;
            pairs.push(pair);
        }
        pairs.sort_by(|a, b| a.least.total_cmp(&b.least).then(a.choice.cmp(&b.choice)));
        let from = self.pairs.len() as u32;
        self.starts += pairs.iter().map(|pair| u64::from(pair.count)).sum::<u64>();
        self.pairs.append(&mut pairs);
        kind.pairs = from..self.pairs.len() as u32;
        Some(kind)
    }

    fn pair(
        &mut self,
        t: &Task,
        index: usize,
        most: u32,
        takes: Range<u32>,
        stored: &mut BTreeMap<Over, u32>,
    ) -> Option<Pair> {
        let problem = self.problem;
        let choice = &t.choices[index];
        let first = ceil_second(choice.ready);
        let timed = t.deadline.is_some() && time_matters(problem, t, choice);
        let pieces = timed && t.pausable && !t.service;
        let step = t.slots.max(1);
        // The first point of the grid after the first start; the grid is of whole seconds from its first.
        let grid = ceil_second(t.grid);
        let skip = ((first - grid).div_euclid(step) + 1).max(0);
        let mut pair = Pair {
            choice: index as u32,
            base: static_cost(choice),
            rate: problem.usd_per_kg * choice.kilowatts,
            kilowatts: choice.kilowatts,
            series: choice.series,
            drift: problem.usd_per_delay_hour,
            money: counted_money(choice, 0.0),
            run: choice.run,
            first,
            next: grid + skip * step,
            step,
            deadline: t.deadline.unwrap_or(Nanos::MAX),
            count: 1,
            pieces,
            least: 0.0,
            at: 0,
            takes,
        };
        // Delay counts from the first start here; what comes before is in the base.
        let until = if t.service || pieces { first } else { first + choice.run };
        pair.base += problem.usd_per_delay_hour * (until - t.earliest) as f64 / HOUR;
        if timed {
            let last = if pieces { pair.deadline - 1 } else { pair.deadline - choice.run };
            pair.count = (0..=most).take_while(|i| pair.start(*i) <= last).count() as u32;
        }
        let run = if pieces { 0 } else { choice.run };
        let over = (choice.series, first, pair.next, step, run, pair.count);
        pair.at = if let Some(at) = stored.get(&over) {
            *at
        } else {
            let at = self.integrals.len();
            if at + pair.count as usize > MOST {
                return None;
            }
            for i in 0..pair.count {
                let (start, end) = if pieces { pair.slot(i) } else { (pair.start(i), pair.start(i) + run) };
                self.integrals.push(self.integral(&pair, start, end));
            }
            stored.insert(over, at as u32);
            at as u32
        };
        pair.least = self.least(&pair);
        Some(pair)
    }

    /// What the cheapest column of a pair costs at no prices.
    fn least(&self, pair: &Pair) -> f64 {
        if pair.pieces {
            let whole: Vec<f64> = self.integrals(pair).iter().map(|i| pair.rate * i).collect();
            let tail = |_, start, end| pair.rate * self.integral(pair, start, end) + pair.delay(end);
            let found = super::pieces::cheapest(pair, &whole, tail, f64::INFINITY);
            return found.map_or(f64::INFINITY, |found| pair.base + found.cost);
        }
        let of = |(i, integral): (u32, &f64)| pair.rate * integral + pair.delay(pair.start(i));
        pair.base + (0..).zip(self.integrals(pair)).map(of).fold(f64::INFINITY, f64::min)
    }

    /// A pair.
    pub(super) fn pair_at(&self, pair: u32) -> &Pair {
        &self.pairs[pair as usize]
    }

    /// The pairs of a kind with their numbers, those first that may cost least.
    pub(super) fn pairs_of(&self, kind: &Kind) -> impl Iterator<Item = (u32, &Pair)> {
        kind.pairs.clone().zip(&self.pairs[kind.pairs.start as usize..kind.pairs.end as usize])
    }

    /// The integrals of a pair by start, or by slot.
    pub(super) fn integrals(&self, pair: &Pair) -> &[f64] {
        &self.integrals[pair.at as usize..(pair.at + pair.count) as usize]
    }

    /// What a pair takes of the limits while it runs.
    pub(super) fn takes(&self, pair: &Pair) -> &[(u32, i64)] {
        &self.takes[pair.takes.start as usize..pair.takes.end as usize]
    }

    /// The integral of a pair's intensity over some time.
    pub(super) fn integral(&self, pair: &Pair, start: Nanos, end: Nanos) -> f64 {
        pair.series.map_or(0.0, |series| self.problem.series[series as usize].integral(start, end))
    }

    /// A pair from one of its starts.
    pub(super) fn placing(&self, number: u32, index: u32) -> Placing {
        let pair = self.pair_at(number);
        let start = pair.start(index);
        let integral = self.integrals(pair)[index as usize];
        Placing {
            pair: number,
            run: (start, start + pair.run),
            more: Vec::new(),
            own: pair.base + pair.rate * integral + pair.delay(start),
            kilograms: pair.kilowatts * integral,
        }
    }

    /// A pair over some pieces, in order.
    pub(super) fn in_pieces(&self, number: u32, runs: &[(Nanos, Nanos)]) -> Placing {
        let pair = self.pair_at(number);
        let integral: f64 = runs.iter().map(|run| self.integral(pair, run.0, run.1)).sum();
        let end = runs.last().map_or(pair.first, |run| run.1);
        Placing {
            pair: number,
            run: runs.first().copied().unwrap_or((pair.first, pair.first)),
            more: runs.get(1..).unwrap_or_default().to_vec(),
            own: pair.base + pair.rate * integral + pair.delay(end),
            kilograms: pair.kilowatts * integral,
        }
    }

    /// A placing as a column of a task of its kind.
    pub(super) fn column(&self, task: u32, placing: &Placing) -> Column {
        let choice = self.pair_at(placing.pair).choice;
        let runs: Vec<(Nanos, Nanos)> = placing.runs().collect();
        let t = &self.problem.tasks[task as usize];
        Column { choice, own: own_cost(self.problem, t, &t.choices[choice as usize], &runs), runs }
    }
}
