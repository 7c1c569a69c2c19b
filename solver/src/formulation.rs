//! The mixed-integer program of a component, and how its solutions are read back.
//!
//! min Σ own·x + Σ forgone·u + Σ payments·z + Σ egress·w + Σ delay·d − Σ saving·f, where
//! - x\[t, column\] is a task on a choice at a time, u\[t\] leaves it out: Σ x + u = 1;
//! - z\[dataset, place, level\] pays for a dataset once: z ≥ Σ x of each reader there (strong form);
//! - w\[edge, from, to\] are flows on workflow edges with the tasks' places as marginals, which makes the
//!   relaxation of a tree integral;
//! - s\[t\] are starts of tasks with producers, d their delay;
//! - f\[offer, interval\] are reserved instances in use.
//!
//! It is a relaxation: starts are not rounded to seconds, tasks with producers do not count against
//! limits over time, who pays for something shared does not matter. So its bound holds, and a solution
//! is only a proposal, rebuilt with the full rules by `mip`. Rows for limits over time are
//! made when a solution breaks them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    column::{Column, columns, kilograms, own_money, static_cost},
    linear::{Program, Row},
    outcome::Priced,
    problem::{HOUR, Nanos, Problem},
};

/// A variable x.
#[derive(Debug, Clone)]
pub struct Item {
    /// The task.
    pub task: u32,
    /// Where and when; for a task with producers the time is only its earliest.
    pub column: Column,
    /// Whether the time is the real one.
    pub timed: bool,
}

/// A limit over time that rows are made for when it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// The instances of an offer.
    Count(u32),
    /// A quota.
    Quota(u32),
    /// Devices of own machines (thousandths), their cores, their memory.
    Devices(u32),
    /// Cores of own machines (thousandths).
    Cores(u32),
    /// Memory of own machines (MiB).
    Memory(u32),
}

/// A program with the meaning of its columns.
#[derive(Debug)]
pub struct Formulation<'a> {
    problem: &'a Problem,
    /// The tasks.
    pub members: Vec<u32>,
    /// The program.
    pub program: Program,
    /// The x, in the order of their columns, which are the program's first.
    pub items: Vec<Item>,
    /// The column of each member's u.
    pub left: Vec<u32>,
    /// The rows that carry a price.
    pub priced: Vec<(usize, Priced)>,
    /// What each dataset costs in each place, by level of size.
    payments: Vec<Payment>,
    /// Egress on edges: (consumer, column of the flow, dollars).
    handed_on: Vec<(u32, u32, f64)>,
    /// Reserved instances in use: (offer, column, dollars saved).
    savings: Vec<(u32, u32, f64)>,
    made: BTreeSet<(Shared, Nanos)>,
}

/// A workflow edge in the program: producer, consumer, and its flows with their transfer hours.
type Flow = (u32, u32, Vec<(u32, f64)>);

/// The columns of one task that read a dataset in a place, with the level of its size.
type Reader = (u32, Vec<u32>);

/// What a level of a dataset costs in a place, on top of the levels below.
#[derive(Debug)]
struct Payment {
    usd: f64,
    /// The columns that say whether it is bought.
    bought: Vec<u32>,
    /// Everyone who may read the dataset there, at any level, with their columns.
    readers: BTreeMap<u32, Vec<u32>>,
}

/// A column on a reserved offer.
struct User {
    x: u32,
    instances: f64,
    /// Dollars that a reserved instance-hour saves it.
    saving: f64,
    runs: Vec<(Nanos, Nanos)>,
}

/// Hours from now.
fn hours(problem: &Problem, time: Nanos) -> f64 {
    (time - problem.now) as f64 / HOUR
}

impl<'a> Formulation<'a> {
    /// The program of `members`, with all required tasks placed (`u` fixed at 0) unless `relaxed`.
    /// `None` when it would have more than `most` columns.
    pub fn new(problem: &'a Problem, members: &[u32], relaxed: bool, most: usize) -> Option<Self> {
        let mut this = Self {
            problem,
            members: members.to_vec(),
            program: Program::default(),
            items: Vec::new(),
            left: Vec::new(),
            priced: Vec::new(),
            payments: Vec::new(),
            handed_on: Vec::new(),
            savings: Vec::new(),
            made: BTreeSet::new(),
        };
        if !this.assign(relaxed, most) {
            return None;
        }
        this.datasets();
        this.workflows();
        this.reservations();
        this.budgets();
        Some(this)
    }

    fn items_of(&self, task: u32) -> impl Iterator<Item = (u32, &Item)> {
        (0..).zip(&self.items).filter(move |(_, item)| item.task == task)
    }

    fn place_of(&self, item: &Item) -> u32 {
        self.problem.tasks[item.task as usize].choices[item.column.choice as usize].place
    }

    fn region_of(&self, item: &Item) -> u32 {
        self.problem.network.region_of(self.place_of(item))
    }

    fn assign(&mut self, relaxed: bool, most: usize) -> bool {
        let problem = self.problem;
        for &task in &self.members {
            let t = &problem.tasks[task as usize];
            let timed = t.inputs.is_empty();
            let from = self.items.len();
            for (index, choice) in t.choices.iter().enumerate().filter(|(_, c)| !c.spare) {
                if timed {
                    let mut list = Vec::new();
                    if !columns(problem, t, index, choice.ready, &mut list)
                        && let Some(least) = list.iter().min_by(|a, b| a.own.total_cmp(&b.own)).cloned()
                    {
                        // Not all patterns of a pausable run are here. Its least cost at no time in
                        // particular stands for the others, so that the bound holds.
                        let free = reserved_compute(problem, choice);
                        let runs = vec![(choice.ready, choice.ready + choice.run)];
                        let column = Column { own: least.own - free, runs, ..least };
                        self.items.push(Item { task, column, timed: false });
                    }
                    self.items.extend(list.into_iter().map(|column| Item { task, column, timed }));
                } else if t.deadline.is_none_or(|d| choice.ready + choice.run <= d) {
                    let own = untimed_cost(problem, task, choice);
                    let runs = vec![(choice.ready, choice.ready + choice.run)];
                    let column = Column { choice: index as u32, runs, own };
                    self.items.push(Item { task, column, timed });
                }
                if self.items.len() > most {
                    return false;
                }
            }
            debug_assert!(
                self.items[from..].iter().all(|i| i.task == task),
                "items of a task are contiguous"
            );
        }
        for item in &self.items {
            self.program.column(item.column.own, 0.0, 1.0, true);
        }
        for &task in &self.members.clone() {
            let t = &problem.tasks[task as usize];
            let (cost, high) =
                if t.required { (0.0, if relaxed { 1.0 } else { 0.0 }) } else { (t.value, 1.0) };
            let left = self.program.column(cost, 0.0, high, true);
            self.left.push(left);
            let mut terms: Vec<(u32, f64)> = self.items_of(task).map(|(x, _)| (x, 1.0)).collect();
            terms.push((left, 1.0));
            self.program.row(1.0, 1.0, terms);
        }
        true
    }

    fn datasets(&mut self) {
        let problem = self.problem;
        // Readers by (dataset, region): (level, columns of one task). Who pays is not known here: the
        // cheapest place of a region stands for all, and the full rules have the last word.
        let mut readers: BTreeMap<(u32, u32), BTreeMap<u32, Reader>> = BTreeMap::new();
        for (x, item) in (0u32..).zip(&self.items) {
            let t = &problem.tasks[item.task as usize];
            for &(dataset, level) in &t.reads {
                let there = readers.entry((dataset, self.region_of(item))).or_default();
                let entry = there.entry(item.task).or_insert((level, Vec::new()));
                entry.0 = entry.0.max(level);
                // Who lists a dataset twice reads the larger part.
                if entry.1.last() != Some(&x) {
                    entry.1.push(x);
                }
            }
        }
        for ((dataset, _), tasks) in readers {
            let usd = &problem.datasets[dataset as usize].usd;
            let mut below = 0.0;
            let levels: BTreeSet<u32> = tasks.values().map(|t| t.0).collect();
            for level in levels {
                let at = |x: &u32| usd[(level as usize, self.place_of(&self.items[*x as usize]) as usize)];
                let price = tasks.values().flat_map(|t| &t.1).map(at).fold(f64::INFINITY, f64::min);
                let step = price - below;
                if step <= 0.0 {
                    continue;
                }
                below = price;
                let mut buyers: Vec<&Vec<u32>> =
                    tasks.values().filter(|t| t.0 >= level).map(|t| &t.1).collect();
                let mut payment = Payment {
                    usd: step,
                    bought: Vec::new(),
                    readers: tasks.iter().map(|(task, reader)| (*task, reader.1.clone())).collect(),
                };
                if let [only] = buyers[..] {
                    // One reader: its columns carry the price themselves.
                    for x in only {
                        self.program.cost[*x as usize] += step;
                    }
                    payment.bought.clone_from(only);
                    self.payments.push(payment);
                    continue;
                }
                let z = self.program.column(step, 0.0, 1.0, false);
                payment.bought.push(z);
                self.payments.push(payment);
                for columns in buyers.drain(..) {
                    let mut terms: Vec<(u32, f64)> = columns.iter().map(|x| (*x, -1.0)).collect();
                    terms.push((z, 1.0));
                    self.program.row(0.0, f64::INFINITY, terms);
                }
            }
        }
    }

    fn workflows(&mut self) {
        let problem = self.problem;
        let timed_costs = problem.usd_per_delay_hour > 0.0;
        let inside: BTreeSet<u32> = self.members.iter().copied().collect();
        let flows = self.flows(&inside);
        let deadlines = self.members.iter().any(|t| {
            let t = &problem.tasks[*t as usize];
            t.deadline.is_some() && !t.inputs.is_empty()
        });
        if flows.is_empty() || !(timed_costs || deadlines) {
            return;
        }
        self.starts(&flows);
    }

    /// Adds the flows; by edge (producer, consumer) the columns with their transfer hours.
    fn flows(&mut self, inside: &BTreeSet<u32>) -> Vec<Flow> {
        let problem = self.problem;
        let mut made = Vec::new();
        for &consumer in &self.members.clone() {
            for edge in problem.tasks[consumer as usize].inputs.clone() {
                if !inside.contains(&edge.producer) {
                    continue;
                }
                let by_place = |this: &Self, task: u32| {
                    let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
                    for (x, item) in this.items_of(task) {
                        places.entry(this.place_of(item)).or_default().push(x);
                    }
                    places
                };
                let (sources, targets) = (by_place(self, edge.producer), by_place(self, consumer));
                let mut out: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
                let mut into: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
                let mut list = Vec::new();
                for from in sources.keys() {
                    for to in targets.keys() {
                        let usd = problem.network.usd(*from, *to, edge.bytes);
                        let w = self.program.column(usd, 0.0, 1.0, false);
                        self.handed_on.push((consumer, w, usd));
                        out.entry(*from).or_default().push((w, 1.0));
                        into.entry(*to).or_default().push((w, 1.0));
                        list.push((w, problem.network.time(*from, *to, edge.bytes) as f64 / HOUR));
                    }
                }
                for (place, columns) in sources {
                    let mut terms: Vec<(u32, f64)> = columns.iter().map(|x| (*x, -1.0)).collect();
                    terms.extend(out.remove(&place).unwrap_or_default());
                    self.program.row(f64::NEG_INFINITY, 0.0, terms);
                }
                for (place, columns) in targets {
                    let mut terms: Vec<(u32, f64)> = columns.iter().map(|x| (*x, -1.0)).collect();
                    terms.extend(into.remove(&place).unwrap_or_default());
                    self.program.row(0.0, 0.0, terms);
                }
                made.push((edge.producer, consumer, list));
            }
        }
        made
    }

    /// Starts of the tasks on edges, and the delay of those with producers.
    fn starts(&mut self, flows: &[Flow]) {
        let problem = self.problem;
        let tasks: BTreeSet<u32> = flows.iter().flat_map(|f| [f.0, f.1]).collect();
        // No start lies later than all work and all transfers one after the other.
        let horizon: f64 = self
            .members
            .iter()
            .map(|t| {
                let longest =
                    self.items_of(*t).map(|(_, i)| hours(problem, i.column.end())).fold(0.0, f64::max);
                longest.max(problem.tasks[*t as usize].deadline.map_or(0.0, |d| hours(problem, d)))
            })
            .sum::<f64>()
            + flows.iter().map(|f| f.2.iter().map(|w| w.1).fold(0.0, f64::max)).sum::<f64>();
        let start: BTreeMap<u32, u32> =
            tasks.iter().map(|t| (*t, self.program.column(0.0, 0.0, horizon, false))).collect();
        for &task in &tasks {
            let t = &problem.tasks[task as usize];
            let s = start[&task];
            let timed = self.items_of(task).all(|(_, item)| item.timed);
            let mut terms = vec![(s, 1.0)];
            terms.extend(self.items_of(task).map(|(x, i)| (x, -hours(problem, i.column.start()))));
            self.program.row(0.0, if timed { 0.0 } else { f64::INFINITY }, terms);
            if t.inputs.is_empty() {
                continue;
            }
            let left = self.left[self.members.iter().position(|m| *m == task).unwrap_or(0)];
            if let Some(deadline) = t.deadline {
                let mut terms = vec![(s, 1.0), (left, -horizon)];
                terms.extend(
                    self.items_of(task).map(|(x, i)| (x, (i.column.end() - i.column.start()) as f64 / HOUR)),
                );
                // A start may round up by less than a second: the bound forgives it.
                self.program.row(f64::NEG_INFINITY, hours(problem, deadline) + 1e-9, terms);
            }
            if problem.usd_per_delay_hour > 0.0 {
                let d = self.program.column(problem.usd_per_delay_hour, 0.0, f64::INFINITY, false);
                let earliest = hours(problem, t.earliest);
                self.program.row(-earliest, f64::INFINITY, vec![(d, 1.0), (s, -1.0), (left, horizon)]);
            }
        }
        for (producer, consumer, flow) in flows {
            let mut terms = vec![(start[consumer], 1.0), (start[producer], -1.0)];
            let left = self.left[self.members.iter().position(|m| m == consumer).unwrap_or(0)];
            terms.push((left, horizon));
            terms.extend(
                self.items_of(*producer)
                    .map(|(x, i)| (x, -((i.column.end() - i.column.start()) as f64) / HOUR)),
            );
            terms.extend(flow.iter().map(|(w, h)| (*w, -h)));
            self.program.row(0.0, f64::INFINITY, terms);
        }
    }

    /// Reserved instances in use, by offer and interval: f ≤ what runs, f ≤ what is reserved.
    fn reservations(&mut self) {
        let problem = self.problem;
        let offers: BTreeSet<u32> = problem.reservations.iter().map(|r| r.offer).collect();
        for offer in offers {
            let mut moments: BTreeSet<Nanos> =
                problem.reservations.iter().filter(|r| r.offer == offer).map(|r| r.until).collect();
            let mut users: Vec<User> = Vec::new();
            for (x, item) in (0u32..).zip(&self.items) {
                let choice = &problem.tasks[item.task as usize].choices[item.column.choice as usize];
                if choice.offer == offer && item.timed {
                    moments.extend(item.column.runs.iter().flat_map(|r| [r.0, r.1]));
                    users.push(User {
                        x,
                        instances: choice.instances,
                        saving: choice.hourly * (1.0 + choice.risk),
                        runs: item.column.runs.clone(),
                    });
                }
            }
            let moments: Vec<Nanos> = moments.into_iter().collect();
            for pair in moments.windows(2) {
                let free: f64 = problem
                    .reservations
                    .iter()
                    .filter(|r| r.offer == offer && r.until > pair[0])
                    .map(|r| r.count)
                    .sum();
                let running: Vec<&User> =
                    users.iter().filter(|u| u.runs.iter().any(|r| r.0 <= pair[0] && pair[0] < r.1)).collect();
                if free <= 0.0 || running.is_empty() {
                    continue;
                }
                // With risk the saving differs by task; the largest keeps the bound.
                let saving =
                    running.iter().map(|u| u.saving).fold(0.0, f64::max) * (pair[1] - pair[0]) as f64 / HOUR;
                let f = self.program.column(-saving, 0.0, free, false);
                self.savings.push((offer, f, saving));
                let mut terms: Vec<(u32, f64)> = running.iter().map(|u| (u.x, -u.instances)).collect();
                terms.push((f, 1.0));
                self.program.row(f64::NEG_INFINITY, 0.0, terms);
            }
        }
    }

    /// The money of some tasks: their own, what they pay for shared data, less what reservations may
    /// save them (all that they save on the offers these tasks may use: which loosens).
    fn money(&mut self, of: impl Fn(u32) -> bool) -> Vec<(u32, f64)> {
        let problem = self.problem;
        let mut terms = Vec::new();
        let mut offers: BTreeSet<u32> = BTreeSet::new();
        for (x, item) in (0u32..).zip(&self.items).filter(|(_, item)| of(item.task)) {
            let choice = &problem.tasks[item.task as usize].choices[item.column.choice as usize];
            let free = if item.timed { 0.0 } else { reserved_compute(problem, choice) };
            terms.push((x, own_money(choice) - free));
            offers.insert(choice.offer);
        }
        terms.extend(self.savings.iter().filter(|s| offers.contains(&s.0)).map(|s| (s.1, -s.2)));
        terms.extend(self.handed_on.iter().filter(|h| of(h.0)).map(|h| (h.1, h.2)));
        let mut shares: Vec<(Vec<(u32, f64)>, f64)> = Vec::new();
        for payment in &self.payments {
            if payment.readers.keys().all(|task| of(*task)) {
                terms.extend(payment.bought.iter().map(|column| (*column, payment.usd)));
                continue;
            }
            for (task, columns) in payment.readers.iter().filter(|(task, _)| of(**task)) {
                // The first reader in document order pays: p ≥ bought + reads − 1 − Σ earlier readers.
                let mut row: Vec<(u32, f64)> = payment.bought.iter().map(|b| (*b, -1.0)).collect();
                row.extend(columns.iter().map(|x| (*x, -1.0)));
                row.extend(payment.readers.range(..task).flat_map(|(_, earlier)| earlier).map(|x| (*x, 1.0)));
                shares.push((row, payment.usd));
            }
        }
        for (mut row, usd) in shares {
            let p = self.program.column(0.0, 0.0, 1.0, false);
            row.push((p, 1.0));
            self.program.row(-1.0, f64::INFINITY, row);
            terms.push((p, usd));
        }
        terms
    }

    /// How much less sums of rounded parts may be than what the program adds up.
    fn roundings(&self) -> f64 {
        let parts = |task: &u32| {
            let t = &self.problem.tasks[*task as usize];
            2 + t.reads.len() + t.inputs.len()
        };
        5e-7 * self.members.iter().map(parts).sum::<usize>() as f64
    }

    fn budgets(&mut self) {
        let problem = self.problem;
        for (budget, limit) in (0u32..).zip(&problem.budgets) {
            let of = |task: u32| problem.tasks[task as usize].budgets.contains(&budget);
            if self.members.iter().any(|t| of(*t)) {
                let terms = self.money(of);
                self.priced.push((self.program.rows.len(), Priced::Budget(budget)));
                self.program.row(f64::NEG_INFINITY, *limit + self.roundings() + 1e-9 * limit.max(1.0), terms);
            }
        }
        for &task in &self.members.clone() {
            if let Some(most) = problem.tasks[task as usize].max_cost {
                let terms = self.money(|t| t == task);
                self.program.row(f64::NEG_INFINITY, most + self.roundings() + 1e-9 * most.max(1.0), terms);
            }
        }
        for (budget, limit) in problem.carbon_budgets.iter().enumerate() {
            let mut terms = Vec::new();
            for (x, item) in (0u32..).zip(&self.items) {
                let t = &problem.tasks[item.task as usize];
                if !t.carbon_budgets.contains(&(budget as u32)) {
                    continue;
                }
                let choice = &t.choices[item.column.choice as usize];
                let kg = if item.timed {
                    kilograms(problem, choice, &item.column.runs)
                } else {
                    choice.series.map_or(0.0, |s| {
                        problem.series[s as usize].least(choice.ready) * choice.kilowatts * choice.hours()
                    })
                };
                terms.push((x, kg));
            }
            if !terms.is_empty() {
                self.priced.push((self.program.rows.len(), Priced::Carbon(budget as u32)));
                self.program.row(f64::NEG_INFINITY, *limit + 1e-9 * limit.max(1.0), terms);
            }
        }
    }

    /// What an item takes of the limits over time.
    fn takes(&self, item: &Item) -> Vec<(Shared, f64)> {
        let t = &self.problem.tasks[item.task as usize];
        let choice = &t.choices[item.column.choice as usize];
        let mut takes = Vec::new();
        if self.problem.counts[choice.offer as usize].is_some() {
            takes.push((Shared::Count(choice.offer), choice.units as f64));
        }
        for &(quota, amount) in &choice.quotas {
            takes.push((Shared::Quota(quota), amount as f64));
        }
        if let Some(group) = choice.group {
            let replicas = f64::from(t.replicas);
            takes.push((Shared::Devices(group), t.demand.accelerators as f64 * replicas));
            takes.push((Shared::Cores(group), t.demand.cpu as f64 * replicas));
            takes.push((Shared::Memory(group), mib(t.demand.memory) * replicas));
        }
        takes.retain(|t| t.1 > 0.0);
        takes
    }

    fn limit(&self, shared: Shared) -> f64 {
        let group = |g: u32| self.problem.groups[g as usize];
        match shared {
            Shared::Count(offer) => self.problem.counts[offer as usize].map_or(f64::INFINITY, |c| c as f64),
            Shared::Quota(quota) => self.problem.quotas[quota as usize] as f64,
            Shared::Devices(g) => 1000.0 * f64::from(group(g).nodes) * f64::from(group(g).devices),
            Shared::Cores(g) => group(g).cpu.map_or(f64::INFINITY, |c| c as f64 * f64::from(group(g).nodes)),
            Shared::Memory(g) => {
                group(g).memory.map_or(f64::INFINITY, |m| mib(m) * f64::from(group(g).nodes))
            }
        }
    }

    /// Makes the rows of limits over time that `values` break; returns them for a running solver.
    pub fn separate(&mut self, values: &[f64]) -> Vec<Row> {
        let mut events: BTreeMap<Shared, Vec<(Nanos, f64)>> = BTreeMap::new();
        for (x, item) in self.items.iter().enumerate().filter(|(_, i)| i.timed) {
            if values[x] <= 1e-7 {
                continue;
            }
            for (shared, amount) in self.takes(item) {
                let list = events.entry(shared).or_default();
                for run in &item.column.runs {
                    list.push((run.0, amount * values[x]));
                    list.push((run.1, -amount * values[x]));
                }
            }
        }
        let mut broken: Vec<(Shared, Nanos)> = Vec::new();
        for (shared, mut list) in events {
            list.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let limit = self.limit(shared);
            let (mut level, mut i) = (0.0, 0);
            let mut worst: Vec<(f64, Nanos)> = Vec::new();
            while i < list.len() {
                let moment = list[i].0;
                while i < list.len() && list[i].0 == moment {
                    level += list[i].1;
                    i += 1;
                }
                if level > limit + 1e-6 * limit.max(1.0) && !self.made.contains(&(shared, moment)) {
                    worst.push((level - limit, moment));
                }
            }
            // A few of the worst moments at a time: neighbours are often mended with them.
            worst.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            broken.extend(worst.into_iter().take(8).map(|w| (shared, w.1)));
        }
        let before = self.program.rows.len();
        for (shared, moment) in broken {
            self.capacity_row(shared, moment);
        }
        self.program.rows[before..].to_vec()
    }

    /// Makes every row of every limit over time that could bind, when there are at most `most`.
    pub fn capacity_rows(&mut self, most: usize) {
        // By limit and task the most that it may take: a limit that all together keep needs no rows.
        let mut demand: BTreeMap<Shared, BTreeMap<u32, f64>> = BTreeMap::new();
        let mut moments: BTreeSet<(Shared, Nanos)> = BTreeSet::new();
        for item in self.items.iter().filter(|i| i.timed) {
            for (shared, amount) in self.takes(item) {
                let of_task = demand.entry(shared).or_default().entry(item.task).or_default();
                *of_task = of_task.max(amount);
                moments.extend(item.column.runs.iter().map(|run| (shared, run.0)));
            }
        }
        let binding: BTreeSet<Shared> = demand
            .iter()
            .filter(|(shared, tasks)| tasks.values().sum::<f64>() > self.limit(**shared))
            .map(|(shared, _)| *shared)
            .collect();
        moments.retain(|m| binding.contains(&m.0));
        if moments.len() <= most {
            for (shared, moment) in moments {
                self.capacity_row(shared, moment);
            }
        }
    }

    fn capacity_row(&mut self, shared: Shared, moment: Nanos) {
        let mut terms = Vec::new();
        for (x, item) in (0u32..).zip(&self.items) {
            if item.timed && item.column.runs.iter().any(|r| r.0 <= moment && moment < r.1) {
                terms.extend(self.takes(item).into_iter().filter(|t| t.0 == shared).map(|t| (x, t.1)));
            }
        }
        let limit = self.limit(shared);
        // Scaled to about 1, so that thousandths and mebibytes do not unbalance the matrix.
        let scale = 1.0 / limit.max(1.0);
        for term in &mut terms {
            term.1 *= scale;
        }
        self.made.insert((shared, moment));
        match shared {
            Shared::Count(o) => self.priced.push((self.program.rows.len(), Priced::Count(o))),
            Shared::Quota(q) => self.priced.push((self.program.rows.len(), Priced::Quota(q))),
            _ => {}
        }
        self.program.row(f64::NEG_INFINITY, limit * scale, terms);
    }

    /// The row scale of a priced limit over time: a unit of the limit is so much of the row.
    pub fn scale(&self, priced: Priced) -> f64 {
        match priced {
            Priced::Count(o) => 1.0 / self.limit(Shared::Count(o)).max(1.0),
            Priced::Quota(q) => 1.0 / self.limit(Shared::Quota(q)).max(1.0),
            Priced::Budget(_) | Priced::Carbon(_) => 1.0,
        }
    }

    /// How many units of a limit one instance, accelerator, dollar or kilogram is.
    pub fn units(&self, priced: Priced) -> f64 {
        match priced {
            Priced::Quota(q) => self.problem.quota_units.get(q as usize).map_or(1.0, |unit| *unit as f64),
            Priced::Count(_) | Priced::Budget(_) | Priced::Carbon(_) => 1.0,
        }
    }

    /// Forbids a set of items together.
    pub fn forbid(&mut self, items: &[u32]) {
        let terms = items.iter().map(|x| (*x, 1.0)).collect();
        self.program.row(f64::NEG_INFINITY, items.len() as f64 - 1.0, terms);
    }

    /// The values of the x and u of a plan, as a start.
    pub fn start_from(&self, columns: &[Option<Column>]) -> Vec<(u32, f64)> {
        let mut start: Vec<(u32, f64)> = (0u32..)
            .zip(&self.items)
            .map(|(x, item)| {
                let chosen = columns[item.task as usize].as_ref().is_some_and(|c| {
                    c.choice == item.column.choice && (!item.timed || c.runs == item.column.runs)
                });
                (x, if chosen { 1.0 } else { 0.0 })
            })
            .collect();
        for (left, task) in self.left.iter().zip(&self.members) {
            start.push((*left, if columns[*task as usize].is_some() { 0.0 } else { 1.0 }));
        }
        start
    }

    /// The items a solution chooses.
    pub fn chosen(&self, values: &[f64]) -> Vec<u32> {
        (0..self.items.len() as u32).filter(|x| values[*x as usize] > 0.5).collect()
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The compute, with risk, that reservations might cover.
fn reserved_compute(problem: &Problem, choice: &crate::problem::Choice) -> f64 {
    let reserved = problem.reservations.iter().any(|r| r.offer == choice.offer);
    if reserved { choice.compute() * (1.0 + choice.risk) } else { 0.0 }
}

/// What a task with producers costs at least, whenever it starts; delay counts from its start on.
fn untimed_cost(problem: &Problem, task: u32, choice: &crate::problem::Choice) -> f64 {
    let t = &problem.tasks[task as usize];
    let free = reserved_compute(problem, choice);
    let carbon = choice.series.map_or(0.0, |s| {
        problem.series[s as usize].least(choice.ready)
            * choice.kilowatts
            * choice.hours()
            * problem.usd_per_kg
    });
    let running = if t.service { 0.0 } else { problem.usd_per_delay_hour * choice.hours() };
    static_cost(choice) - free + carbon + running
}
