//! A large component as flat arrays: each task's pairs of choice and start, what they cost and take.
//!
//! A dense array of tasks times offers is never made: a pair exists where a choice does. Within a task the
//! pairs lie region by region. Limits that all tasks together keep are left out, and so are pairs that no
//! plan can use.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use crate::{
    column::{Column, columns, kilograms, own_cost, own_money},
    formulation::Shared,
    hold::Hold,
    problem::{Choice, Nanos, Problem, ceil_second},
};

/// Dollars, and kilograms, by which the parts of a task's draw on a sum may round down.
const ROUNDING: f64 = 2e-6;
/// More pairs than this are not made.
const MOST_PAIRS: usize = 30_000_000;

/// A task on a choice at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// Dollars on its own.
    pub own: f64,
    pub start: Nanos,
    pub end: Nanos,
    /// Index into the task's choices.
    pub choice: u32,
    pub region: u32,
    pub place: u32,
    /// Where its takes begin.
    takes: u32,
}

/// A limit that tasks share: over time, or a sum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// How much there is; over time in whole units (bytes of memory).
    pub most: f64,
    /// Whether it is a sum over the plan, else it holds at every moment.
    pub sum: bool,
}

/// A task.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    /// Index into the problem's tasks.
    pub task: u32,
    /// What leaving it out costs; infinite when it is required.
    pub value: f64,
    /// The dataset it is counted with, and at which level of size: the dearest it reads.
    pub home: Option<(u32, u32)>,
    /// Sums of money that it draws on.
    pub budgets: Vec<u32>,
    /// The most it may cost of compute, egress and risk.
    pub max_cost: f64,
}

/// What was left out, by rule.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub pairs: u64,
    pub never_fit: u64,
    pub too_dear: u64,
    pub slack_limits: u64,
}

/// A component in flat arrays.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub problem: &'a Problem,
    pub members: Vec<Member>,
    /// By member its pairs; equal members have theirs together.
    ranges: Vec<Range<u32>>,
    pairs: Vec<Pair>,
    takes: Vec<(u32, f64)>,
    pub limits: Vec<Limit>,
    /// What each limit is of.
    pub keys: Vec<Key>,
    pub counts: Counts,
    /// By member the choice it runs on, where leaving it counts.
    home: Vec<Option<u32>>,
    fare: f64,
}

impl<'a> Model<'a> {
    /// The model of some tasks; `None` where it would not say enough: tasks of workflows, runs in pieces,
    /// reservations, or more pairs than can be looked at.
    pub(super) fn new(problem: &'a Problem, members: &[u32]) -> Option<Self> {
        let inside: BTreeSet<u32> = members.iter().copied().collect();
        let reserved: BTreeSet<u32> = problem.reservations.iter().map(|r| r.offer).collect();
        let linked = |id: u32| {
            let t = &problem.tasks[id as usize];
            let pieces = t.pausable && t.deadline.is_some();
            t.bond.is_some()
                || !t.inputs.is_empty()
                || pieces
                || t.choices.iter().any(|c| reserved.contains(&c.offer))
        };
        let produces = problem.tasks.iter().flat_map(|t| &t.inputs).any(|e| inside.contains(&e.producer));
        if produces || members.iter().any(|t| linked(*t)) {
            return None;
        }
        let mut model = Self {
            problem,
            members: Vec::with_capacity(members.len()),
            ranges: Vec::with_capacity(members.len()),
            pairs: Vec::new(),
            takes: Vec::new(),
            limits: Vec::new(),
            keys: Vec::new(),
            counts: Counts::default(),
            home: Vec::new(),
            fare: 0.0,
        };
        let numbers = Numbers::of(problem, members);
        model.limits = numbers.limits;
        model.keys = numbers.keys;
        model.counts.slack_limits = numbers.slack;
        let mut pairs: Vec<Pair> = Vec::new();
        // By class the first of its members.
        let mut classes: BTreeMap<u32, usize> = BTreeMap::new();
        for id in members {
            let member = model.member(*id, &numbers.budgets);
            let task = &problem.tasks[*id as usize];
            let first = *classes.entry(task.class).or_insert(model.members.len());
            if let Some(equal) = model.members.get(first)
                && task.choices.is_shared_with(&problem.tasks[equal.task as usize].choices)
            {
                model.ranges.push(model.ranges[first].clone());
                model.members.push(member);
                continue;
            }
            pairs.clear();
            model.pairs_of(&member, &mut pairs);
            pairs.sort_by(|a, b| a.region.cmp(&b.region).then(a.own.total_cmp(&b.own)));
            let from = model.pairs.len() as u32;
            for mut pair in pairs.drain(..) {
                let before = model.takes.len();
                model.take(&member, &pair, &numbers.of);
                let fits = |(limit, amount): &(u32, f64)| {
                    let Limit { most, sum } = model.limits[*limit as usize];
                    *amount <= most + if sum { slack(1, most) } else { 0.0 }
                };
                if !model.takes[before..].iter().all(fits) {
                    model.takes.truncate(before);
                    model.counts.never_fit += 1;
                    continue;
                }
                pair.takes = before as u32;
                model.pairs.push(pair);
            }
            model.members.push(member);
            model.ranges.push(from..model.pairs.len() as u32);
            if model.pairs.len() > MOST_PAIRS || model.takes.len() > u32::MAX as usize / 2 {
                return None;
            }
        }
        model.counts.pairs = model.pairs.len() as u64;
        Some(model)
    }

    /// By how much what all members draw on a sum, added up as it is here, may exceed its limit.
    pub(super) fn slack(&self, most: f64) -> f64 {
        slack(self.members.len(), most)
    }

    /// By how much it stays below where rounding is not to matter.
    pub(super) fn margin(&self) -> f64 {
        ROUNDING * self.members.len() as f64
    }

    /// By member the range of its pairs.
    pub(super) fn range(&self, member: usize) -> Range<u32> {
        self.ranges[member].clone()
    }

    /// A pair.
    pub(super) fn pair(&self, pair: u32) -> &Pair {
        &self.pairs[pair as usize]
    }

    /// All pairs.
    pub(super) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// What a pair takes of the limits.
    pub(super) fn takes(&self, pair: u32) -> &[(u32, f64)] {
        let after = self.pairs.get(pair as usize + 1).map_or(self.takes.len(), |next| next.takes as usize);
        &self.takes[self.pairs[pair as usize].takes as usize..after]
    }

    /// Lets leaving home count beside its cost.
    pub(super) fn hold(&mut self, hold: &Hold<'_>) {
        self.home = self.members.iter().map(|member| hold.home(member.task)).collect();
        self.fare = hold.fare();
    }

    /// The choice that a member runs on, where leaving it counts.
    pub(super) fn home(&self, member: usize) -> Option<u32> {
        self.home.get(member).copied().flatten()
    }

    /// What leaving home counts for a member on a pair.
    pub(super) fn fare(&self, member: usize, pair: u32) -> f64 {
        let leaves = self.home(member).is_some_and(|home| home != self.pair(pair).choice);
        if leaves { self.fare } else { 0.0 }
    }

    /// What a pair costs a member on its own, leaving home counted.
    pub(super) fn weighed(&self, member: usize, pair: u32) -> f64 {
        self.pair(pair).own + self.fare(member, pair)
    }

    /// The choice of a pair.
    pub(super) fn choice(&self, member: usize, pair: u32) -> &'a Choice {
        let task = self.members[member].task as usize;
        &self.problem.tasks[task].choices[self.pairs[pair as usize].choice as usize]
    }

    /// A pair as a column of its task.
    pub(super) fn column(&self, pair: u32) -> Column {
        let pair = self.pair(pair);
        Column { choice: pair.choice, runs: vec![(pair.start, pair.end)], own: pair.own }
    }

    /// Dollars for a dataset where a pair lies, by level.
    pub(super) fn data_usd(&self, dataset: u32, level: u32, place: u32) -> f64 {
        self.problem.datasets[dataset as usize].usd[(level as usize, place as usize)]
    }

    fn member(&self, id: u32, budgets: &BTreeMap<u32, u32>) -> Member {
        let t = &self.problem.tasks[id as usize];
        let mean = |(dataset, level): (u32, u32)| {
            let usd = self.problem.datasets[dataset as usize].usd.row(level as usize);
            let known = usd.iter().filter(|usd| usd.is_finite());
            known.clone().sum::<f64>() / (known.count() as f64).max(1.0)
        };
        let dearest = t.reads.iter().copied().max_by(|a, b| mean(*a).total_cmp(&mean(*b)).then(b.cmp(a)));
        Member {
            task: id,
            value: if t.required { f64::INFINITY } else { t.value },
            home: dearest,
            budgets: t.budgets.iter().filter_map(|b| budgets.get(b).copied()).collect(),
            max_cost: t.max_cost.unwrap_or(f64::INFINITY),
        }
    }

    fn pairs_of(&mut self, member: &Member, out: &mut Vec<Pair>) {
        let problem = self.problem;
        let t = &problem.tasks[member.task as usize];
        let mut list: Vec<Column> = Vec::new();
        for (index, choice) in t.choices.iter().enumerate().filter(|(_, c)| !c.spare) {
            if own_money(choice) > member.max_cost + slack(1, member.max_cost) {
                self.counts.too_dear += 1;
                continue;
            }
            let pair = |start: Nanos, end: Nanos, own: f64| Pair {
                own,
                start,
                end,
                choice: index as u32,
                region: problem.network.region_of(choice.place),
                place: choice.place,
                takes: 0,
            };
            if t.deadline.is_none() {
                let start = ceil_second(choice.ready);
                let run = (start, start + choice.run);
                out.push(pair(run.0, run.1, own_cost(problem, t, choice, &[run])));
            } else {
                list.clear();
                columns(problem, t, index, choice.ready, &mut list);
                out.extend(list.iter().map(|c| pair(c.start(), c.end(), c.own)));
            }
        }
    }

    fn take(&mut self, member: &Member, pair: &Pair, of: &BTreeMap<Key, u32>) {
        let t = &self.problem.tasks[member.task as usize];
        let choice = &t.choices[pair.choice as usize];
        for (key, amount) in taken(self.problem, member.task, choice) {
            if let Some(limit) = of.get(&key)
                && amount > 0.0
            {
                self.takes.push((*limit, amount));
            }
        }
        if !member.budgets.is_empty() {
            let money = own_money(choice);
            self.takes.extend(member.budgets.iter().map(|b| (*b, money)));
        }
        for budget in &t.carbon_budgets {
            if let Some(limit) = of.get(&Key::Carbon(*budget)) {
                self.takes.push((*limit, kilograms(self.problem, choice, &[(pair.start, pair.end)])));
            }
        }
    }
}

/// By how much what some tasks draw on a sum, added up before it is rounded, may exceed its limit.
fn slack(tasks: usize, most: f64) -> f64 {
    ROUNDING * tasks as f64 + 1e-9 * most.abs()
}

/// What a limit is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Over(Shared),
    Money(u32),
    Carbon(u32),
}

/// The limits over time that a choice draws on.
fn taken(problem: &Problem, task: u32, choice: &Choice) -> impl Iterator<Item = (Key, f64)> {
    let replicas = f64::from(problem.tasks[task as usize].replicas);
    let counted = problem.counts[choice.offer as usize].is_some();
    let count = counted.then_some((Shared::Count(choice.offer), choice.units as f64));
    let quotas = choice.quotas.iter().map(|(quota, amount)| (Shared::Quota(*quota), *amount as f64));
    let own = choice.group.into_iter().flat_map(move |group| {
        let demand = choice.demand;
        [
            (Shared::Devices(group), demand.accelerators as f64 * replicas),
            (Shared::Cores(group), demand.cpu as f64 * replicas),
            (Shared::Memory(group), demand.memory as f64 * replicas),
        ]
    });
    count.into_iter().chain(quotas).chain(own).map(|(shared, amount)| (Key::Over(shared), amount))
}

/// The limits that may bind, numbered.
struct Numbers {
    limits: Vec<Limit>,
    keys: Vec<Key>,
    of: BTreeMap<Key, u32>,
    /// By budget of the problem.
    budgets: BTreeMap<u32, u32>,
    slack: u64,
}

impl Numbers {
    fn of(problem: &Problem, members: &[u32]) -> Self {
        // By limit what all together may take at most, task by task.
        let mut demand: BTreeMap<Key, (f64, u32, f64)> = BTreeMap::new();
        for id in members {
            let t = &problem.tasks[*id as usize];
            let mut note = |key: Key, amount: f64| {
                let of = demand.entry(key).or_insert((0.0, *id, 0.0));
                if of.1 != *id {
                    *of = (of.0 + of.2, *id, 0.0);
                }
                of.2 = of.2.max(amount);
            };
            for choice in t.choices.iter().filter(|c| !c.spare) {
                taken(problem, *id, choice).for_each(|(key, amount)| note(key, amount));
            }
            t.budgets.iter().for_each(|b| note(Key::Money(*b), f64::INFINITY));
            t.carbon_budgets.iter().for_each(|b| note(Key::Carbon(*b), f64::INFINITY));
        }
        let mut this = Self {
            limits: Vec::new(),
            keys: Vec::new(),
            of: BTreeMap::new(),
            budgets: BTreeMap::new(),
            slack: 0,
        };
        for (key, (sum, _, last)) in demand {
            let group = |g: u32| &problem.groups[g as usize];
            let nodes = |g: u32| f64::from(group(g).nodes);
            let most = match key {
                Key::Over(Shared::Count(o)) => problem.counts[o as usize].map_or(f64::INFINITY, |c| c as f64),
                Key::Over(Shared::Quota(q)) => problem.quotas[q as usize] as f64,
                Key::Over(Shared::Devices(g)) => 1000.0 * nodes(g) * f64::from(group(g).devices),
                Key::Over(Shared::Cores(g)) => group(g).cpu.map_or(f64::INFINITY, |c| c as f64 * nodes(g)),
                Key::Over(Shared::Memory(g)) => {
                    group(g).memory.map_or(f64::INFINITY, |m| m as f64 * nodes(g))
                }
                Key::Money(b) => problem.budgets[b as usize],
                Key::Carbon(b) => problem.carbon_budgets[b as usize],
            };
            if sum + last <= most {
                this.slack += 1;
                continue;
            }
            let number = this.limits.len() as u32;
            this.limits.push(Limit { most, sum: !matches!(key, Key::Over(_)) });
            this.keys.push(key);
            this.of.insert(key, number);
            if let Key::Money(b) = key {
                this.budgets.insert(b, number);
            }
        }
        this
    }
}
