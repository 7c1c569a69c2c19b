//! Money in the program: shared datasets, reserved instances, and sums of money and carbon.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Formulation, Item, Payment, Saving, Share, Use, reserved_compute,
    times::{least_kilograms, loose},
};
use crate::{
    column::{kilograms, own_money},
    outcome::Priced,
    problem::{HOUR, Nanos},
};

/// The columns of one task that read a dataset in a place, with the level of its size.
type Reader = (u32, Vec<u32>);

/// A column on a reserved offer.
struct User {
    task: u32,
    x: u32,
    instances: f64,
    /// Dollars that a reserved instance-hour saves it.
    saving: f64,
    runs: Vec<(Nanos, Nanos)>,
}

impl Formulation<'_> {
    pub(super) fn datasets(&mut self) {
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
        for ((dataset, region), tasks) in readers {
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
                    self.shares.push(Share { row: self.program.rows.len(), dataset, region, pays: z });
                    self.program.row(0.0, f64::INFINITY, terms);
                }
            }
        }
    }

    /// Reserved instances in use, by offer and interval: f ≤ what runs, f ≤ what is reserved.
    pub(super) fn reservations(&mut self) {
        let problem = self.problem;
        let offers: BTreeSet<u32> = problem.reservations.iter().map(|r| r.offer).collect();
        for offer in offers {
            let mut moments: BTreeSet<Nanos> =
                problem.reservations.iter().filter(|r| r.offer == offer).map(|r| r.until).collect();
            let mut users: Vec<User> = Vec::new();
            for Use { variable: x, task, choice, runs } in self.possible() {
                let choice = &problem.tasks[task as usize].choices[choice as usize];
                if choice.offer == offer {
                    moments.extend(runs.iter().flat_map(|r| [r.0, r.1]));
                    let saving = choice.hourly * (1.0 + choice.risk);
                    users.push(User { task, x, instances: choice.instances, saving, runs });
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
                let of = running.iter().map(|u| (u.task, u.x, u.instances)).collect();
                self.savings.push(Saving { used: f, usd: saving, free, users: of });
                let mut terms: Vec<(u32, f64)> = running.iter().map(|u| (u.x, -u.instances)).collect();
                terms.push((f, 1.0));
                self.program.row(f64::NEG_INFINITY, 0.0, terms);
            }
        }
    }

    /// When what variables stand for may run; without those whose compute counts as free.
    fn possible(&self) -> Vec<Use> {
        // Items of many starts run for certain only in their middle.
        let timed = |used: &&Use| self.items.get(used.variable as usize).is_none_or(Item::timed);
        let mut list: Vec<Use> = self.uses.iter().filter(timed).cloned().collect();
        for (variable, item) in
            (0u32..).zip(&self.items).filter(|(_, item)| !item.timed() && !self.is_loose(item))
        {
            let (task, choice) = (item.task, item.column.choice);
            let run = self.problem.tasks[task as usize].choices[choice as usize].run;
            list.push(Use { variable, task, choice, runs: vec![(item.column.start(), item.latest() + run)] });
        }
        list
    }

    /// Whether the compute of an item counts as free where it could be reserved, as its time is open.
    fn is_loose(&self, item: &Item) -> bool {
        let t = &self.problem.tasks[item.task as usize];
        let choice = &t.choices[item.column.choice as usize];
        !item.timed() && loose(t, choice, (item.column.start(), item.latest()))
    }

    /// The money of some tasks: their own, what they pay for shared data, less what reservations save
    /// them at most.
    fn money(&mut self, of: impl Fn(u32) -> bool) -> Vec<(u32, f64)> {
        let problem = self.problem;
        let mut terms = Vec::new();
        for (x, item) in (0u32..).zip(&self.items).filter(|(_, item)| of(item.task)) {
            let choice = &problem.tasks[item.task as usize].choices[item.column.choice as usize];
            let free = if self.is_loose(item) { reserved_compute(problem, choice) } else { 0.0 };
            terms.push((x, own_money(choice) - free));
        }
        for i in 0..self.savings.len() {
            let Saving { used, usd, free, ref users } = self.savings[i];
            let mine: Vec<(u32, f64)> =
                users.iter().filter(|user| of(user.0)).map(|user| (user.1, -user.2)).collect();
            if mine.len() == users.len() {
                terms.push((used, -usd));
            } else if !mine.is_empty() {
                // What others save is not theirs.
                let saved = self.program.column(0.0, 0.0, free, false);
                self.program.row(f64::NEG_INFINITY, 0.0, vec![(saved, 1.0), (used, -1.0)]);
                let mut row = mine;
                row.push((saved, 1.0));
                self.program.row(f64::NEG_INFINITY, 0.0, row);
                terms.push((saved, -usd));
            }
        }
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
        5e-7 * self.equals.iter().flatten().map(parts).sum::<usize>() as f64
    }

    pub(super) fn budgets(&mut self) {
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
            let counts = |task: u32| problem.tasks[task as usize].carbon_budgets.contains(&(budget as u32));
            for used in self.uses.iter().filter(|used| counts(used.task)) {
                if self.items.get(used.variable as usize).is_none_or(Item::timed) {
                    let choice = &problem.tasks[used.task as usize].choices[used.choice as usize];
                    terms.push((used.variable, kilograms(problem, choice, &used.runs)));
                }
            }
            for (x, item) in (0u32..).zip(&self.items).filter(|(_, item)| counts(item.task) && !item.timed())
            {
                let t = &problem.tasks[item.task as usize];
                let choice = &t.choices[item.column.choice as usize];
                let starts = (item.column.start(), item.latest());
                terms.push((x, least_kilograms(problem, t, choice, starts)));
            }
            if !terms.is_empty() {
                self.priced.push((self.program.rows.len(), Priced::Carbon(budget as u32)));
                self.program.row(f64::NEG_INFINITY, *limit + 1e-9 * limit.max(1.0), terms);
            }
        }
    }
}
