//! Prices of limits at scale, the bound they prove and the plan they suggest, without a linear solver.
//!
//! Each limit has a price at a few moments, each sum one. At these prices what is left falls into datasets
//! with their readers, which are [facility location](crate::facility), and single tasks. The sum of their
//! least costs is a bound at any prices (Geoffrion 1974). Prices climb by the [volume algorithm](crate::volume).
//! All pairs are looked at in every step, region by region, so that nothing is assumed of those that are not in
//! anybody's plan.

use std::collections::BTreeMap;

use super::{
    model::{Limit, Model},
    plan::{OUT, Plan},
};
use crate::{
    facility::{self, Instance},
    outcome::Params,
    over_time,
    problem::Nanos,
    volume::{Pace, Volume, mix},
};

/// Steps between looks for moments at which the mean breaks a limit.
const LOOK: u64 = 10;
/// How fast prices climb.
const PACE: Pace = Pace { patience: 3, share: (1.0, 0.1) };
/// Nodes times customers times sites of one facility location, about, when it is to be exact.
const WORK: usize = 20_000;
/// How often each pair may be looked at to make room for who is left out of a plan, on average; and at least.
const EJECTION: u64 = 4;
const EJECTION_AT_LEAST: u64 = 100_000;
/// What sums may be off by, as a share of what was added up: see [`crate::linear::Program::proof`].
const ROUNDING: f64 = 1e-11;

/// A limit at a moment, or a sum.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// One over the limit: rows are scaled to 1.
    scale: f64,
    /// How much there is, scaled.
    most: f64,
}

/// A dataset with its readers.
#[derive(Debug)]
struct Block {
    members: Vec<u32>,
    /// Where data can be: (region, level), regions ascending, levels within; what it costs.
    sites: Vec<(u32, u32)>,
    opening: Vec<f64>,
}

/// Prices, what they prove, and the mean of what they suggest.
#[derive(Debug)]
pub(super) struct Prices<'m> {
    model: &'m Model<'m>,
    blocks: Vec<Block>,
    /// Members that read nothing.
    single: Vec<u32>,
    rows: Vec<Row>,
    /// By limit the rows at its moments, ascending (of a sum the only one, at any).
    of_limit: Vec<Vec<(Nanos, u32)>>,
    /// By row the best prices so far, at most 0, and the best bound found on the way, less exactly.
    volume: Volume,
    /// By member its mean: (pair, weight).
    mean: Vec<Vec<(u32, f64)>>,
    /// The best bound so far.
    pub bound: f64,
    pub steps: u64,
}

/// The blocks solved at some prices.
#[derive(Debug, Clone)]
pub(super) struct Suggestion {
    /// No plan costs less.
    pub bound: f64,
    /// By member a pair, or [`OUT`].
    pub pairs: Vec<u32>,
}

/// The cheapest pair of a member in a region.
#[derive(Debug, Clone, Copy)]
struct Group {
    site: u32,
    cost: f64,
    pair: u32,
}

impl<'m> Prices<'m> {
    /// No prices yet.
    pub(super) fn new(model: &'m Model<'m>) -> Self {
        let mut by_dataset: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        // Whoever reads it may be the one who pays, wherever they are counted.
        let mut readers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut single = Vec::new();
        for (m, member) in (0_u32..).zip(&model.members) {
            match member.home {
                Some((dataset, _)) => by_dataset.entry(dataset).or_default().push(m),
                None => single.push(m),
            }
            for (dataset, _) in &model.problem.tasks[member.task as usize].reads {
                readers.entry(*dataset).or_default().push(m);
            }
        }
        let blocks = by_dataset
            .into_iter()
            .map(|(dataset, members)| Block::new(model, dataset, members, &readers[&dataset]));
        let mut this = Self {
            model,
            blocks: blocks.collect(),
            single,
            rows: Vec::new(),
            of_limit: vec![Vec::new(); model.limits.len()],
            volume: Volume::new(PACE),
            mean: vec![Vec::new(); model.members.len()],
            bound: f64::NEG_INFINITY,
            steps: 0,
        };
        let limits = (0..).zip(&model.limits);
        let sums: Vec<(u32, Nanos)> = limits.filter(|(_, of)| of.sum).map(|(l, _)| (l, 0)).collect();
        this.make(&sums);
        this
    }

    /// How many rows have been made.
    pub(super) const fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Makes rows: limits at moments.
    fn make(&mut self, new: &[(u32, Nanos)]) {
        let before = self.rows.len();
        for (number, (limit, moment)) in (before as u32..).zip(new) {
            let Limit { most, sum } = self.model.limits[*limit as usize];
            let slack = if sum { self.model.slack(most) } else { 0.0 };
            let scale = 1.0 / most.max(1e-9);
            let list = &mut self.of_limit[*limit as usize];
            list.insert(list.partition_point(|of| of.0 < *moment), (*moment, number));
            self.rows.push(Row { scale, most: (most + slack) * scale });
        }
        let mut level = vec![0.0; self.rows.len()];
        for (pair, weight) in self.mean.iter().flatten() {
            self.for_rows(*pair, |row, amount| level[row] += amount * weight);
        }
        for (row, level) in self.rows.iter().zip(level).skip(before) {
            self.volume.row(f64::NEG_INFINITY, row.most, level);
        }
    }

    /// The rows that a pair takes of, with how much, scaled.
    fn for_rows(&self, pair: u32, mut each: impl FnMut(usize, f64)) {
        let of = self.model.pair(pair);
        for (limit, amount) in self.model.takes(pair) {
            let list = &self.of_limit[*limit as usize];
            let during = if self.model.limits[*limit as usize].sum {
                &list[..]
            } else {
                let from = list.partition_point(|row| row.0 < of.start);
                &list[from..from + list[from..].partition_point(|row| row.0 < of.end)]
            };
            for (_, row) in during {
                each(*row as usize, amount * self.rows[*row as usize].scale);
            }
        }
    }

    /// What a pair is charged at the best prices.
    pub(super) fn charge(&self, pair: u32) -> f64 {
        self.charge_at(&self.volume.centre, pair)
    }

    /// Prices are at most 0 (they lower the cost of what is not taken), so a charge is at least 0.
    fn charge_at(&self, prices: &[f64], pair: u32) -> f64 {
        let mut sum = 0.0;
        self.for_rows(pair, |row, amount| sum -= prices[row] * amount);
        sum
    }

    /// Takes a number of steps, the very first one whatever the time. `target`: what the best plan known costs.
    pub(super) fn climb(&mut self, steps: u64, target: f64, params: &Params) {
        for _ in 0..steps {
            if self.steps > 0 && params.is_over() {
                break;
            }
            self.steps += 1;
            let trial = self.volume.aim(target);
            let found = self.suggest(&trial, false);
            self.learn(&trial, &found);
            if self.steps == 1 || self.steps.is_multiple_of(LOOK) {
                self.look();
            }
        }
        self.bound = self.bound.max(self.volume.bound);
    }

    /// The blocks solved at the best prices, exactly where that is little work.
    pub(super) fn settle(&mut self) -> Suggestion {
        let found = self.suggest(&self.volume.centre, true);
        self.bound = self.bound.max(found.bound);
        found
    }

    /// By member the pair that has most of the mean.
    pub(super) fn suggested(&self) -> Vec<u32> {
        let most =
            |mean: &Vec<(u32, f64)>| mean.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(OUT, |e| e.0);
        self.mean.iter().map(most).collect()
    }

    /// Takes what the trial prices suggest into the mean, and keeps them when they prove more.
    fn learn(&mut self, trial: &[f64], found: &Suggestion) {
        let mut level = vec![0.0; self.rows.len()];
        for pair in found.pairs.iter().filter(|pair| **pair != OUT) {
            self.for_rows(*pair, |row, amount| level[row] += amount);
        }
        let share = self.volume.learn(trial, found.bound, &level);
        for (mean, pair) in self.mean.iter_mut().zip(&found.pairs) {
            mix(mean, Some(*pair).filter(|pair| *pair != OUT), share);
        }
    }

    /// Makes rows at the moments at which the mean breaks limits most, one for each limit.
    fn look(&mut self) {
        let mut events: Vec<Vec<(Nanos, f64)>> = vec![Vec::new(); self.model.limits.len()];
        for (pair, weight) in self.mean.iter().flatten() {
            let of = self.model.pair(*pair);
            for (limit, amount) in self.model.takes(*pair) {
                if !self.model.limits[*limit as usize].sum {
                    events[*limit as usize].push((of.start, amount * weight));
                    events[*limit as usize].push((of.end, -amount * weight));
                }
            }
        }
        let mut new: Vec<(u32, Nanos)> = Vec::new();
        for (limit, list) in (0_u32..).zip(&mut events) {
            let most = self.model.limits[limit as usize].most * (1.0 + 1e-6);
            let made = &self.of_limit[limit as usize];
            let mut lacking = over_time::broken(list, most).into_iter();
            let worst = lacking.find(|moment| made.binary_search_by_key(moment, |of| of.0).is_err());
            new.extend(worst.map(|moment| (limit, moment)));
        }
        self.make(&new);
    }

    /// Solves every block at some prices.
    fn suggest(&self, prices: &[f64], exactly: bool) -> Suggestion {
        let mut found = Suggestion { bound: 0.0, pairs: vec![OUT; self.model.members.len()] };
        let worth: f64 = self.rows.iter().zip(prices).map(|(row, price)| price * row.most).sum();
        for &m in &self.single {
            let (mut best, mut cost) = (OUT, self.model.members[m as usize].value);
            for pair in self.model.range(m as usize) {
                let own = self.model.pair(pair).own;
                if own < cost {
                    let all = own + self.charge_at(prices, pair);
                    if all < cost {
                        (best, cost) = (pair, all);
                    }
                }
            }
            // A required task that has no pair is never placed: it proves nothing either way.
            found.bound += if cost.is_finite() { cost } else { 0.0 };
            found.pairs[m as usize] = best;
        }
        for block in &self.blocks {
            self.solve(block, prices, exactly, &mut found);
        }
        // What the sums may be off by, as a share of what was added up.
        found.bound += worth - ROUNDING * (found.bound.abs() - worth);
        found
    }

    /// The cheapest way through a block.
    fn solve(&self, block: &Block, prices: &[f64], exactly: bool, found: &mut Suggestion) {
        let model = self.model;
        let mut groups: Vec<Vec<Group>> = Vec::with_capacity(block.members.len());
        let mut alone: Vec<(f64, u32)> = Vec::with_capacity(block.members.len());
        for &m in &block.members {
            let member = &model.members[m as usize];
            let level = member.home.map_or(0, |home| home.1);
            let mut free = (member.value, OUT);
            let mut list: Vec<Group> = Vec::new();
            let range = model.range(m as usize);
            let mut at = range.start;
            let mut site = 0;
            while at < range.end {
                let region = model.pair(at).region;
                while block.sites[site] != (region, level) {
                    site += 1;
                }
                let paid = block.opening[site] <= 0.0;
                let mut best = (if paid { free.0 } else { f64::INFINITY }, OUT);
                while at < range.end && model.pair(at).region == region {
                    let own = model.pair(at).own;
                    // Within a region the pairs ascend, and no charge is negative.
                    if own >= best.0 {
                        at += 1;
                        continue;
                    }
                    let all = own + self.charge_at(prices, at);
                    if all < best.0 {
                        best = (all, at);
                    }
                    at += 1;
                }
                if best.1 != OUT {
                    if paid {
                        free = best;
                    } else {
                        list.push(Group { site: site as u32, cost: best.0, pair: best.1 });
                    }
                }
            }
            list.retain(|g| g.cost < free.0);
            groups.push(list);
            alone.push(free);
        }
        // Sites that are of use to someone, renumbered.
        let mut number = vec![u32::MAX; block.sites.len()];
        for group in groups.iter().flatten() {
            number[group.site as usize] = 0;
        }
        let used: Vec<usize> = (0..number.len()).filter(|s| number[*s] == 0).collect();
        for (new, old) in (0..).zip(&used) {
            number[*old] = new;
        }
        let sites = used.len();
        let mut instance = Instance {
            opening: used.iter().map(|s| block.opening[*s]).collect(),
            serving: vec![f64::INFINITY; groups.len() * sites],
            alone: alone.iter().map(|a| a.0).collect(),
        };
        let mut by: Vec<u32> = vec![OUT; groups.len() * sites];
        let mut servable = true;
        for (customer, list) in groups.iter().enumerate() {
            servable &= alone[customer].0.is_finite() || !list.is_empty();
            for group in list {
                // What is open for more of the data serves those who read less of it.
                let region = block.sites[group.site as usize].0;
                let above =
                    (group.site as usize..block.sites.len()).take_while(|s| block.sites[*s].0 == region);
                for site in above.filter(|s| number[*s] != u32::MAX) {
                    let cell = customer * sites + number[site] as usize;
                    if group.cost < instance.serving[cell] {
                        (instance.serving[cell], by[cell]) = (group.cost, group.pair);
                    }
                }
            }
        }
        if !servable {
            // Someone has no pair at all: the others are judged without.
            for (customer, list) in groups.iter().enumerate() {
                if alone[customer].0.is_infinite() && list.is_empty() {
                    instance.alone[customer] = 0.0;
                }
            }
        }
        let nodes = if exactly { (WORK / (groups.len() * sites).max(1)).clamp(1, 200) as u32 } else { 1 };
        let answer = facility::solve(&instance, nodes);
        found.bound += answer.bound;
        for (customer, m) in block.members.iter().enumerate() {
            let (_, site) = instance.served(customer, &answer.open);
            found.pairs[*m as usize] = site.map_or(alone[customer].1, |s| by[customer * sites + s]);
        }
    }

    /// A plan from a solution of the blocks: each where it says, as far as that fits, the surest first;
    /// the others where they add least at these prices. Room is made for who then is left out as long as there is
    /// time, and for so much work.
    pub(super) fn repair(&self, wanted: &[u32], params: &Params) -> Plan<'m> {
        let model = self.model;
        let mut plan = Plan::new(model);
        let weight = |m: usize| {
            let of = self.mean[m].iter().filter(|e| e.0 == wanted[m]).map(|e| e.1);
            of.fold(0.0, f64::max)
        };
        let mut order: Vec<usize> = (0..model.members.len()).collect();
        let task = |m: &usize| &model.problem.tasks[model.members[*m].task as usize];
        let key = |m: &usize| (!task(m).required, std::cmp::Reverse(task(m).priority));
        let weights: Vec<f64> = order.iter().map(|m| weight(*m)).collect();
        order.sort_by(|a, b| key(a).cmp(&key(b)).then(weights[*b].total_cmp(&weights[*a])).then(a.cmp(b)));
        let mut rest = Vec::new();
        for m in order {
            if wanted[m] == OUT || !plan.fits(wanted[m]) {
                rest.push(m);
                continue;
            }
            plan.place(m, wanted[m]);
            if !plan.is_within() {
                plan.remove(m);
                rest.push(m);
            }
        }
        // Whoever has most to lose by waiting goes first: the largest.
        let size = |m: &usize| model.range(*m).next().map_or(0.0, |p| model.pair(p).own);
        rest.sort_by(|a, b| key(a).cmp(&key(b)).then(size(b).total_cmp(&size(a))).then(a.cmp(b)));
        rest.retain(|m| !plan.insert(*m, |pair| self.charge(pair)) && model.members[*m].value.is_infinite());
        let most = plan.looked() + EJECTION * model.pairs().len() as u64 + EJECTION_AT_LEAST;
        for m in rest {
            if params.is_over() {
                break;
            }
            plan.eject(m, most);
        }
        plan
    }

    /// By member its pairs of least reduced cost, best first: at most `most`.
    pub(super) fn candidates(&self, most: usize) -> Vec<Vec<u32>> {
        let model = self.model;
        let mut open: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for (m, mean) in self.mean.iter().enumerate() {
            let Some((dataset, _)) = model.members[m].home else { continue };
            let mut here: BTreeMap<u32, f64> = BTreeMap::new();
            for (pair, weight) in mean {
                *here.entry(model.pair(*pair).region).or_default() += weight;
            }
            for (region, weight) in here {
                let of = open.entry((dataset, region)).or_default();
                *of = of.max(weight);
            }
        }
        (0..model.members.len())
            .map(|m| {
                let mut list: Vec<(f64, u32)> = Vec::with_capacity(model.range(m).len());
                let mut here = (u32::MAX, 0.0);
                for pair in model.range(m) {
                    let of = model.pair(pair);
                    if here.0 != of.place {
                        here = (of.place, 0.0);
                        if let Some((dataset, level)) = model.members[m].home {
                            let usd = model.data_usd(dataset, level, of.place);
                            let there = open.get(&(dataset, of.region)).copied().unwrap_or(0.0);
                            here.1 = usd * (1.0 - there.min(1.0)) / 3.0;
                        }
                    }
                    list.push((of.own + self.charge(pair) + here.1, pair));
                }
                let most = most.min(list.len());
                if most < list.len() {
                    list.select_nth_unstable_by(most, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                    list.truncate(most);
                }
                list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                list.into_iter().map(|c| c.1).collect()
            })
            .collect()
    }
}

impl Block {
    fn new(model: &Model<'_>, dataset: u32, members: Vec<u32>, readers: &[u32]) -> Self {
        let mut cost: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        let mut levels: Vec<u32> =
            members.iter().filter_map(|m| model.members[*m as usize].home).map(|h| h.1).collect();
        levels.sort_unstable();
        levels.dedup();
        for &m in readers {
            let mut last = u32::MAX;
            for pair in model.range(m as usize) {
                let of = model.pair(pair);
                if last == of.place {
                    continue;
                }
                last = of.place;
                for &level in &levels {
                    // Whoever pays pays the price of their own place: the least of them is a bound.
                    let usd = model.data_usd(dataset, level, of.place);
                    let usd = if usd.is_finite() { usd.max(0.0) } else { 0.0 };
                    let least = cost.entry((of.region, level)).or_insert(usd);
                    *least = least.min(usd);
                }
            }
        }
        let (sites, opening) = cost.into_iter().unzip();
        Self { members, sites, opening }
    }
}
