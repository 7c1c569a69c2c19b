//! Prices of limits at scale, the bound they prove and the plan they suggest, without a linear solver.
//!
//! Each limit has a price at a few moments, each sum one. At these prices what is left falls into datasets
//! with their readers, which are [facility location](crate::facility), and single tasks. The sum of their
//! least costs is a bound at any prices (Geoffrion 1974). Prices move by the volume algorithm (Barahona &
//! Anbil 2000): along what the running mean of the solutions breaks. All pairs are looked at in every step,
//! region by region, so that nothing is assumed of those that are not in anybody's plan.

use std::collections::BTreeMap;

use super::{
    model::Model,
    plan::{OUT, Plan},
};
use crate::{
    facility::{self, Instance},
    outcome::Params,
    problem::Nanos,
};

/// Steps between looks for moments at which the mean breaks a limit.
const LOOK: u64 = 10;
/// Steps that prove no more after which the stride shortens.
const PATIENCE: u32 = 3;
/// The least share of a solution in the mean.
const LEAST_SHARE: f64 = 0.1;
/// How far ahead of the bound the goal lies at most, as a share of it.
const AHEAD: f64 = 0.03;
/// Weights of the mean below this are dropped.
const DUST: f64 = 1e-3;
/// Nodes times customers times sites of one facility location, about, when it is to be exact.
const WORK: usize = 20_000;
/// Nanodollars: what sums of money may differ by when their parts are rounded.
const ROUNDING: f64 = 2e-6;

/// A limit at a moment (a sum: at none).
#[derive(Debug, Clone, Copy)]
struct Row {
    limit: u32,
    moment: Nanos,
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
    /// By limit its rows.
    of_limit: Vec<Vec<u32>>,
    /// By row: the best prices so far, those on trial, what the mean holds.
    centre: Vec<f64>,
    trial: Vec<f64>,
    level: Vec<f64>,
    /// By member its mean: (pair, weight).
    mean: Vec<Vec<(u32, f64)>>,
    /// The best bound so far, and the best of those found on the way, less exactly.
    pub bound: f64,
    climbed: f64,
    stride: f64,
    reds: u32,
    share: f64,
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
            centre: Vec::new(),
            trial: Vec::new(),
            level: Vec::new(),
            mean: vec![Vec::new(); model.members.len()],
            bound: f64::NEG_INFINITY,
            climbed: f64::NEG_INFINITY,
            stride: 1.0,
            reds: 0,
            share: 1.0,
            steps: 0,
        };
        for (l, limit) in (0..).zip(&model.limits) {
            if limit.sum {
                this.add_row(l, 0);
            }
        }
        this
    }

    /// How many rows have been made.
    pub(super) const fn rows(&self) -> usize {
        self.rows.len()
    }

    fn add_row(&mut self, limit: u32, moment: Nanos) {
        let of = self.model.limits[limit as usize];
        let most = if of.sum { of.most + ROUNDING * self.model.members.len() as f64 } else { of.most };
        let scale = 1.0 / of.most.max(1e-9);
        self.of_limit[limit as usize].push(self.rows.len() as u32);
        self.rows.push(Row { limit, moment, scale, most: most * scale });
        self.centre.push(0.0);
        self.trial.push(0.0);
        let mut level = 0.0;
        for (pair, weight) in self.mean.iter().flatten() {
            level += weight * self.in_row(self.rows.len() - 1, *pair);
        }
        self.level.push(level);
    }

    /// What a pair takes of a row, scaled.
    fn in_row(&self, row: usize, pair: u32) -> f64 {
        let row = self.rows[row];
        let of = self.model.pair(pair);
        let during =
            self.model.limits[row.limit as usize].sum || (of.start <= row.moment && row.moment < of.end);
        let takes = self.model.takes(pair).iter();
        if during { takes.filter(|t| t.0 == row.limit).map(|t| t.1 * row.scale).sum() } else { 0.0 }
    }

    /// What a pair is charged at the best prices.
    pub(super) fn charge(&self, pair: u32) -> f64 {
        self.charge_at(&self.centre, pair)
    }

    /// Prices are at most 0 (they lower the cost of what is not taken), so a charge is at least 0.
    fn charge_at(&self, prices: &[f64], pair: u32) -> f64 {
        let mut sum = 0.0;
        let of = self.model.pair(pair);
        for (limit, amount) in self.model.takes(pair) {
            for row in &self.of_limit[*limit as usize] {
                let price = prices[*row as usize];
                if price < 0.0 {
                    let row = self.rows[*row as usize];
                    if row.moment == 0 && self.model.limits[*limit as usize].sum
                        || (of.start <= row.moment && row.moment < of.end)
                    {
                        sum -= price * amount * row.scale;
                    }
                }
            }
        }
        sum
    }

    /// Takes a number of steps. `target`: what the best plan known costs.
    pub(super) fn climb(&mut self, steps: u64, target: f64, params: &Params) {
        for _ in 0..steps {
            if self.steps > 0 && params.is_over() {
                break;
            }
            self.steps += 1;
            if self.climbed.is_finite() {
                self.aim(target);
            }
            let trial = std::mem::take(&mut self.trial);
            let found = self.suggest(&trial, false);
            self.trial = trial;
            self.learn(&found);
            if self.steps == 1 || self.steps.is_multiple_of(LOOK) {
                self.look();
            }
        }
    }

    /// The blocks solved at the best prices, exactly where that is little work.
    pub(super) fn settle(&mut self) -> Suggestion {
        let found = self.suggest(&self.centre, true);
        self.bound = self.bound.max(found.bound);
        found
    }

    /// By member the pair that has most of the mean.
    pub(super) fn suggested(&self) -> Vec<u32> {
        let most =
            |mean: &Vec<(u32, f64)>| mean.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(OUT, |e| e.0);
        self.mean.iter().map(most).collect()
    }

    /// Trial prices: from the best so far along what the mean breaks.
    fn aim(&mut self, target: f64) {
        let ahead = self.climbed + AHEAD * self.climbed.abs().max(1.0);
        let goal = if target > self.climbed { target.min(ahead) } else { ahead };
        let miss: Vec<f64> = (0..self.rows.len()).map(|r| self.miss(r, self.level[r])).collect();
        let norm: f64 = miss.iter().map(|m| m * m).sum();
        self.trial.clone_from(&self.centre);
        if norm > 1e-18 {
            let step = self.stride * (goal - self.climbed) / norm;
            for ((trial, centre), miss) in self.trial.iter_mut().zip(&self.centre).zip(miss) {
                *trial = (centre + step * miss).min(0.0);
            }
        }
    }

    /// How far a level is above a row; below it only where a price is to fall back.
    fn miss(&self, row: usize, level: f64) -> f64 {
        let most = self.rows[row].most;
        if level > most || self.centre[row] < 0.0 { most - level } else { 0.0 }
    }

    /// Takes a solution into the mean, and keeps the prices when they prove more.
    fn learn(&mut self, found: &Suggestion) {
        let mut level = vec![0.0; self.rows.len()];
        for &pair in found.pairs.iter().filter(|p| **p != OUT) {
            let of = self.model.pair(pair);
            for (limit, amount) in self.model.takes(pair) {
                for r in &self.of_limit[*limit as usize] {
                    let row = self.rows[*r as usize];
                    let during = self.model.limits[*limit as usize].sum
                        || (of.start <= row.moment && row.moment < of.end);
                    if during {
                        level[*r as usize] += amount * row.scale;
                    }
                }
            }
        }
        let share = if self.steps == 1 { 1.0 } else { self.share_of(&level) };
        for (mean, pair) in self.mean.iter_mut().zip(&found.pairs) {
            for entry in mean.iter_mut() {
                entry.1 *= 1.0 - share;
            }
            mean.retain(|entry| entry.1 > DUST);
            match mean.iter_mut().find(|entry| entry.0 == *pair) {
                Some(entry) => entry.1 += share,
                None if *pair != OUT => mean.push((*pair, share)),
                None => {}
            }
        }
        for (mean, new) in self.level.iter_mut().zip(&level) {
            *mean += share * (new - *mean);
        }
        self.judge(found.bound, &level);
    }

    /// How much of a solution brings the mean closest to keeping the rows.
    fn share_of(&self, level: &[f64]) -> f64 {
        let (mut along, mut across) = (0.0, 0.0);
        for (row, new) in level.iter().enumerate() {
            let change = self.level[row] - new;
            along -= self.miss(row, self.level[row]) * change;
            across += change * change;
        }
        let best = if across > 0.0 { along / across } else { 1.0 };
        if best <= 0.0 { self.share / 10.0 } else { best.min(self.share) }
    }

    fn judge(&mut self, bound: f64, level: &[f64]) {
        let slight = 1e-6 * self.climbed.abs().max(1.0);
        if bound > self.climbed {
            let onward: f64 =
                (0..level.len()).map(|r| self.miss(r, level[r]) * self.miss(r, self.level[r])).sum();
            if self.climbed.is_finite() {
                self.stride = (self.stride * if onward > 0.0 { 1.2 } else { 1.1 }).min(2.0);
                self.reds = if bound > self.climbed + slight { 0 } else { self.reds };
            }
            self.climbed = bound;
            self.bound = self.bound.max(bound);
            self.centre.clone_from(&self.trial);
        } else {
            self.reds += 1;
            if self.reds >= PATIENCE {
                self.reds = 0;
                self.stride = (self.stride * 0.66).max(1e-4);
                self.share = (self.share * 0.95).max(LEAST_SHARE);
            }
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
            let most = self.model.limits[limit as usize].most;
            list.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let (mut sum, mut i) = (0.0, 0);
            let mut worst: Option<(f64, Nanos)> = None;
            while i < list.len() {
                let moment = list[i].0;
                while i < list.len() && list[i].0 == moment {
                    sum += list[i].1;
                    i += 1;
                }
                let known =
                    || self.of_limit[limit as usize].iter().any(|r| self.rows[*r as usize].moment == moment);
                if sum > most * (1.0 + 1e-6) && worst.is_none_or(|w| sum > w.0) && !known() {
                    worst = Some((sum, moment));
                }
            }
            new.extend(worst.map(|w| (limit, w.1)));
        }
        for (limit, moment) in new {
            self.add_row(limit, moment);
        }
    }

    /// Solves every block at some prices.
    fn suggest(&self, prices: &[f64], exactly: bool) -> Suggestion {
        let mut found = Suggestion { bound: 0.0, pairs: vec![OUT; self.model.members.len()] };
        for (row, price) in self.rows.iter().zip(prices) {
            found.bound += price * row.most;
        }
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
        // Far more than the sums' rounding.
        found.bound -= 1e-12 * found.bound.abs();
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
    /// the others where they add least at these prices.
    pub(super) fn repair(&self, wanted: &[u32]) -> Plan<'m> {
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
        for m in rest {
            if !plan.insert(m, |pair| self.charge(pair)) && model.members[m].value.is_infinite() {
                plan.eject(m, 40);
            }
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
