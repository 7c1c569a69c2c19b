//! Prices of limits at scale, the bound they prove and the plan they suggest, without a linear solver.
//!
//! Each limit has a price at a few moments, each sum one. At these prices what is left falls into datasets
//! with their readers, which are [facility location](crate::facility), and single tasks. The sum of their
//! least costs is a bound at any prices (Geoffrion 1974). Prices climb by the [volume algorithm](crate::volume).
//! All pairs are looked at in every step, region by region, so that nothing is assumed of those that are not in
//! anybody's plan.

use std::collections::BTreeMap;

use super::{
    covers::{self, Cover},
    model::{Limit, Model},
    plan::OUT,
    ways::Ways,
};
use crate::{
    facility::{self, Instance},
    outcome::Params,
    over_time,
    problem::Nanos,
    volume::{Pace, ROUNDING, Volume, mix},
};

/// Steps between looks for moments at which the mean breaks a limit.
const LOOK: u64 = 10;
/// Steps between looks for covers that it breaks.
const COVERS: u64 = 20;
/// How fast prices climb.
const PACE: Pace = Pace { patience: 3, share: (1.0, 0.1) };
/// Nodes times customers times sites of one facility location, about, when it is to be exact.
const WORK: usize = 20_000;

/// A limit at a moment, or a sum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// One over the limit: rows are scaled to 1.
    scale: f64,
    /// How much there is, scaled.
    pub most: f64,
}

/// A dataset with its readers.
#[derive(Debug)]
pub(super) struct Block {
    pub members: Vec<u32>,
    /// Where data can be: (region, level), regions ascending, levels within; what it costs.
    pub sites: Vec<(u32, u32)>,
    pub opening: Vec<f64>,
}

/// Prices, what they prove, and the mean of what they suggest.
#[derive(Debug)]
pub(super) struct Prices<'m> {
    pub model: &'m Model<'m>,
    pub blocks: Vec<Block>,
    /// Members that read nothing.
    pub single: Vec<u32>,
    pub rows: Vec<Row>,
    /// By limit the rows at its moments, ascending (of a sum the only one, at any).
    pub(super) of_limit: Vec<Vec<(Nanos, u32)>>,
    /// By limit the covers on it, each with its row.
    pub(super) covers: Vec<Vec<(Cover, u32)>>,
    /// By limit who may take how much of it.
    users: Vec<Vec<(u32, f64)>>,
    /// By member whether a cover speaks of it: equal members are charged alike as long as none does.
    covered: Vec<bool>,
    /// By row the best prices so far, at most 0, and the best bound found on the way, less exactly.
    pub volume: Volume,
    /// The ways through blocks seen so far, where they are to be kept.
    pub ways: Ways,
    /// By member its mean: (pair, weight).
    pub mean: Vec<Vec<(u32, f64)>>,
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
            covers: vec![Vec::new(); model.limits.len()],
            users: covers::users(model),
            covered: vec![false; model.members.len()],
            volume: Volume::new(PACE),
            ways: Ways::default(),
            mean: vec![Vec::new(); model.members.len()],
            bound: f64::NEG_INFINITY,
            steps: 0,
        };
        let limits = (0..).zip(&model.limits);
        let sums: Vec<(u32, Nanos)> = limits.filter(|(_, of)| of.sum).map(|(l, _)| (l, 0)).collect();
        this.make(&sums);
        this
    }

    /// Keeps the ways that are suggested from here on.
    pub(super) const fn keep_ways(&mut self) {
        self.ways.keep();
    }

    /// Makes rows: limits at moments.
    pub(super) fn make(&mut self, new: &[(u32, Nanos)]) {
        let before = self.rows.len();
        for (number, (limit, moment)) in (before as u32..).zip(new) {
            let Limit { most, sum } = self.model.limits[*limit as usize];
            let slack = if sum { self.model.slack(most) } else { 0.0 };
            let scale = 1.0 / most.max(1e-9);
            let list = &mut self.of_limit[*limit as usize];
            list.insert(list.partition_point(|of| of.0 < *moment), (*moment, number));
            self.rows.push(Row { scale, most: (most + slack) * scale });
        }
        self.price_from(before);
    }

    /// Makes rows of covers, those that are new.
    pub(super) fn cover(&mut self, new: Vec<Cover>) {
        let before = self.rows.len();
        for cover in new {
            let list = &mut self.covers[cover.limit as usize];
            if list.iter().all(|known| known.0 != cover) {
                self.rows.push(Row { scale: 1.0 / cover.most, most: 1.0 });
                for member in cover.members() {
                    self.covered[member as usize] = true;
                }
                list.push((cover, self.rows.len() as u32 - 1));
            }
        }
        self.price_from(before);
    }

    /// Gives the rows from a number on their prices, of 0.
    fn price_from(&mut self, before: usize) {
        for (row, level) in self.rows.iter().zip(self.levels()).skip(before) {
            self.volume.row(f64::NEG_INFINITY, row.most, level);
        }
    }

    /// The row of a limit at a moment (of a sum at 0).
    pub(super) fn row_at(&self, limit: usize, moment: Nanos) -> Option<u32> {
        let list = &self.of_limit[limit];
        list.binary_search_by_key(&moment, |of| of.0).ok().map(|at| list[at].1)
    }

    /// The row of a cover.
    pub(super) fn row_of(&self, cover: &Cover) -> Option<u32> {
        self.covers[cover.limit as usize].iter().find(|known| known.0 == *cover).map(|known| known.1)
    }

    /// Dollars for a unit of a row at the best prices.
    pub(super) fn usd(&self, row: u32) -> f64 {
        -self.volume.centre[row as usize] * self.rows[row as usize].scale
    }

    /// Makes so many dollars for a unit the best price so far of a row, if there is one.
    pub(super) fn set_price(&mut self, row: Option<u32>, usd: f64) {
        if let Some(row) = row {
            self.volume.centre[row as usize] = -usd / self.rows[row as usize].scale;
        }
    }

    /// By row what the mean takes.
    pub(super) fn levels(&self) -> Vec<f64> {
        let mut level = vec![0.0; self.rows.len()];
        for (m, mean) in (0..).zip(&self.mean) {
            for (pair, weight) in mean {
                self.for_rows(m, *pair, |row, amount| level[row] += amount * weight);
            }
        }
        level
    }

    /// Takes another mean.
    pub(super) fn set_mean(&mut self, mean: Vec<Vec<(u32, f64)>>) {
        self.mean = mean;
        self.volume.hold(self.levels());
    }

    /// The rows that a pair of a member takes of, with how much, scaled.
    pub(super) fn for_rows(&self, member: u32, pair: u32, mut each: impl FnMut(usize, f64)) {
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
            for (cover, row) in &self.covers[*limit as usize] {
                if of.start <= cover.moment && cover.moment < of.end {
                    each(*row as usize, cover.of(member, *amount) * self.rows[*row as usize].scale);
                }
            }
        }
    }

    /// What a pair is charged at the best prices.
    pub(super) fn charge(&self, member: u32, pair: u32) -> f64 {
        self.charge_at(&self.volume.centre, member, pair)
    }

    /// Prices are at most 0 (they lower the cost of what is not taken), so a charge is at least 0.
    fn charge_at(&self, prices: &[f64], member: u32, pair: u32) -> f64 {
        let mut sum = 0.0;
        self.for_rows(member, pair, |row, amount| sum -= prices[row] * amount);
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
            if self.steps.is_multiple_of(COVERS) {
                self.look_for_covers();
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
        for (m, pair) in (0..).zip(&found.pairs).filter(|of| *of.1 != OUT) {
            self.for_rows(m, *pair, |row, amount| level[row] += amount);
        }
        if self.ways.is_kept() {
            self.learn_ways(&found.pairs);
        }
        let share = self.volume.learn(trial, found.bound, &level);
        for (mean, pair) in self.mean.iter_mut().zip(&found.pairs) {
            mix(mean, Some(*pair).filter(|pair| *pair != OUT), share);
        }
    }

    /// Makes rows of covers that the mean breaks.
    pub(super) fn look_for_covers(&mut self) {
        let new = covers::broken(self.model, &self.users, &self.mean);
        self.cover(new);
    }

    /// Makes rows at the moments at which the mean breaks limits most, one for each limit.
    pub(super) fn look(&mut self) {
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
    pub(super) fn suggest(&self, prices: &[f64], exactly: bool) -> Suggestion {
        let mut found = Suggestion { bound: 0.0, pairs: vec![OUT; self.model.members.len()] };
        let worth: f64 = self.rows.iter().zip(prices).map(|(row, price)| price * row.most).sum();
        for &m in &self.single {
            let (mut best, mut cost) = (OUT, self.model.members[m as usize].value);
            for pair in self.model.range(m as usize) {
                let own = self.model.pair(pair).own;
                if own < cost {
                    let all = own + self.charge_at(prices, m, pair);
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
        // Where pairs begin, the first reader that has them, when it is charged as all who are equal.
        let mut equals: BTreeMap<u32, usize> = BTreeMap::new();
        for &m in &block.members {
            let member = &model.members[m as usize];
            let level = member.home.map_or(0, |home| home.1);
            let range = model.range(m as usize);
            if !range.is_empty() && !self.covered[m as usize] {
                if let Some(first) = equals.get(&range.start) {
                    groups.push(groups[*first].clone());
                    alone.push(alone[*first]);
                    continue;
                }
                equals.insert(range.start, groups.len());
            }
            let mut free = (member.value, OUT);
            let mut list: Vec<Group> = Vec::new();
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
                    let all = own + self.charge_at(prices, m, at);
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
