//! What a placement costs at the prices of the plan: bid-price control (Talluri and van Ryzin, 1998) of a packing.
//!
//! The prices of the classes of pods come from the proportional packing program: together they say what the best
//! completion of a node is worth. With V(s) that worth, for a node with s free, putting a pod of price p there costs
//!
//! > V(s) − V(s without the pod) − p,
//!
//! the **regret**. It is nothing exactly where the pod belongs to a best completion of the node, and otherwise what
//! will be missed. V relaxes the CPU with one price λ from a small grid, after which devices are independent:
//!
//! > V(s) = min over λ of λ·cpu + M(whole devices, λ) + the sum over devices in use of W(free, λ),
//!
//! W being a knapsack over shares and M one over whole devices, of what the pods are worth beyond their CPU at λ.
//! Both are tables, made in milliseconds; a score is a few look-ups. Memory is only a filter.
//!
//! The program's prices are not unique: one set of them may value every pod of a device alike, whatever its CPU. So
//! there are several sets, each from another sample of the mix, and the regret is the mean over the sets. (Measured on
//! openb: on seven lists the mean of regrets allocates 0.1 to 0.4 points more than the regret at mean prices, and
//! first refuses a pod later.)
//!
//! Of equal regrets the node whose remainder is worth less wins, which keeps whole nodes whole: see [`Params::tie`].

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Reserve, Score, View, WHOLE, left};
use crate::fleet::{Ask, Hold, Model, Node, Request, State};

/// Milli of a device in one step of the tables.
const STEP: u64 = 10;
/// Steps of a whole device.
const STEPS: usize = (WHOLE / STEP) as usize;
/// Scores are regrets in millionths of what a device is worth on average.
const SCALE: f64 = 1e6;

/// The score of a kind of node that there are no tables of: below all others.
const UNKNOWN: i64 = -(1 << 40);

/// How regret is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// How many prices of CPU are tried. Few of them overestimate a node that is almost empty, which keeps such
    /// nodes for pods of many devices; many follow the program closely and break into them sooner.
    pub lambdas: usize,
    /// The part of the remainder's worth that breaks ties towards fuller nodes.
    pub tie: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lambdas: 8, tie: 0.001 }
    }
}

/// Least regret.
#[derive(Debug, Clone)]
pub struct Regret {
    params: Params,
    reserve: Reserve,
    kinds: FxHashMap<(Option<Model>, u32), Tables>,
}

/// The tables of one kind of node, a model and a pool. Where it says λ, all sets' λ follow each other.
#[derive(Debug, Clone, Default)]
struct Tables {
    /// How many λ a set of prices has.
    each: usize,
    /// Prices of a thousandth of a core.
    lambdas: Vec<f64>,
    /// W: by steps free, then by λ.
    part: Vec<f64>,
    /// M: by whole devices free, then by λ.
    whole: Vec<f64>,
}

impl Regret {
    /// For these kinds of nodes and these classes of pods, at sets of prices of the classes.
    ///
    /// Prices may have any scale; each set is brought to one where the devices of the nodes together are worth their
    /// number. A class of price 0 is one that nothing is lost by refusing.
    pub fn new(nodes: &[Node], classes: &[Request], prices: &[Vec<f64>], params: Params) -> Self {
        let mut most: BTreeMap<(Option<Model>, u32), &Node> = BTreeMap::new();
        for node in nodes {
            let known = most.entry((node.model, node.pool)).or_insert(node);
            if node.devices > known.devices {
                *known = node;
            }
        }
        let devices: f64 = nodes.iter().map(|node| f64::from(node.devices)).sum();
        let mut kinds: BTreeMap<_, Vec<Tables>> = BTreeMap::new();
        for set in prices {
            let tables: BTreeMap<_, Tables> = most
                .iter()
                .map(|(kind, node)| (*kind, Tables::new(node, classes, set, params.lambdas.max(2))))
                .collect();
            let mut scratch = Vec::new();
            let mut worth = 0.0;
            for node in nodes {
                worth += tables[&(node.model, node.pool)].worth(&State::empty(node), &mut scratch);
            }
            let scale = if worth > 0.0 && devices > 0.0 { devices / worth } else { 1.0 };
            for (kind, tables) in tables {
                kinds.entry(kind).or_default().push(tables.scaled(scale));
            }
        }
        let reserve = Reserve::default();
        Self {
            params,
            reserve,
            kinds: kinds.into_iter().map(|(kind, sets)| (kind, Tables::joined(&sets))).collect(),
        }
    }

    /// The same that keeps whole nodes back.
    pub fn keeping(self, reserve: Reserve) -> Self {
        Self { reserve, ..self }
    }

    /// V: what the best completion of a node is worth, in devices; nothing for a kind of node without tables.
    pub fn worth(&self, node: &Node, state: &State) -> f64 {
        let mut before = Vec::new();
        match self.kinds.get(&(node.model, node.pool)) {
            Some(tables) => tables.worth(state, &mut before),
            None => 0.0,
        }
    }

    /// The best worth of the remainder after the request, and the device that leaves it.
    fn best(&self, request: &Request, on: View<'_>) -> Option<(f64, f64, Option<u16>)> {
        let tables = self.kinds.get(&(on.node.model, on.node.pool))?;
        // By λ: the worth of the node as it is. What a placement changes is one term or two.
        let mut by_lambda = Vec::with_capacity(tables.lambdas.len());
        let worth = tables.worth(on.state, &mut by_lambda);
        let cpu = request.cpu_milli as f64;
        let after = |change: &dyn Fn(usize) -> f64| {
            tables.mean_of_least(|l| by_lambda[l] - tables.lambdas[l] * cpu + change(l))
        };
        let whole = on.state.whole();
        match request.devices {
            Ask::Share(asked) => {
                let mut best: Option<(f64, f64, Option<u16>)> = None;
                for (index, device) in (0_u16..).zip(&on.state.devices) {
                    let earlier = &on.state.devices[..usize::from(index)];
                    if device.free < asked || earlier.contains(device) {
                        continue;
                    }
                    let rest = left(*device) - u64::from(asked);
                    let remainder = after(&|l| {
                        let before = if device.is_whole() {
                            tables.whole(whole, l) - tables.whole(whole - 1, l)
                        } else {
                            tables.part(left(*device), l)
                        };
                        tables.part(rest, l) - before
                    });
                    if best.is_none_or(|(_, known, _)| remainder > known) {
                        best = Some((worth, remainder, Some(index)));
                    }
                }
                best
            }
            Ask::Whole(count) => {
                let rest = whole.checked_sub(usize::from(count))?;
                Some((worth, after(&|l| tables.whole(rest, l) - tables.whole(whole, l)), None))
            }
            Ask::None => Some((worth, after(&|_| 0.0), None)),
            Ask::Slice(_) => {
                let mut remainder = on.state.clone();
                remainder.place(request).ok()?;
                Some((worth, tables.worth(&remainder, &mut by_lambda), None))
            }
        }
    }
}

impl Score for Regret {
    fn name(&self) -> &'static str {
        "regret"
    }

    /// Without the pod's own price, which is the same on every node. Where a node is kept back the pod pays for all of
    /// it, as if a gang that needs it whole were turned away.
    fn score(&self, request: &Request, on: View<'_>) -> i64 {
        self.best(request, on).map_or(UNKNOWN, |(worth, remainder, _)| {
            let missed = if on.kept { worth } else { 0.0 };
            ((remainder - worth - self.params.tie * remainder - missed) * SCALE).round() as i64
        })
    }

    fn devices(&self, request: &Request, on: View<'_>) -> Option<Vec<Hold>> {
        match (request.devices, self.best(request, on)) {
            (Ask::Share(milli), Some((_, _, Some(index)))) => Some(vec![Hold { index, milli, parts: 0 }]),
            _ => on.state.choose(request),
        }
    }

    fn reserve(&self) -> Option<&Reserve> {
        Some(&self.reserve).filter(|reserve| !reserve.is_empty())
    }

    fn scale(&self) -> super::Scale {
        super::Scale::Spread { when_equal: 100 }
    }
}

impl Tables {
    /// At one set of prices.
    fn new(node: &Node, classes: &[Request], prices: &[f64], each: usize) -> Self {
        let allowed: Vec<(&Request, f64)> = classes
            .iter()
            .zip(prices.iter().copied())
            .filter(|(request, price)| *price > 0.0 && request.allows(node))
            .collect();
        let lambdas = lambdas(&allowed, each);
        let mut part = vec![0.0; (STEPS + 1) * each];
        let mut whole = vec![0.0; (usize::from(node.devices) + 1) * each];
        for (l, lambda) in lambdas.iter().enumerate() {
            let mut shares = [0.0_f64; STEPS + 1];
            let mut wholes = vec![0.0_f64; usize::from(node.devices) + 1];
            for (request, price) in &allowed {
                let worth = price - lambda * request.cpu_milli as f64;
                match request.devices {
                    Ask::None => {}
                    Ask::Share(_) | Ask::Slice(_) => {
                        let best = &mut shares[request.milli().div_ceil(STEP) as usize];
                        *best = best.max(worth);
                    }
                    Ask::Whole(count) => {
                        if let Some(best) = wholes.get_mut(usize::from(count)) {
                            *best = best.max(worth);
                        }
                    }
                }
            }
            let packed = knapsack(&shares);
            if let Some(one) = wholes.get_mut(1) {
                *one = one.max(packed[STEPS]);
            }
            for (steps, worth) in packed.into_iter().enumerate() {
                part[steps * each + l] = worth;
            }
            for (devices, worth) in knapsack(&wholes).into_iter().enumerate() {
                whole[devices * each + l] = worth;
            }
        }
        Self { each, lambdas, part, whole }
    }

    /// With every price so many times as high.
    fn scaled(mut self, scale: f64) -> Self {
        for value in self.lambdas.iter_mut().chain(&mut self.part).chain(&mut self.whole) {
            *value *= scale;
        }
        self
    }

    /// The tables of several sets as one.
    fn joined(sets: &[Self]) -> Self {
        let rows = |table: fn(&Self) -> &[f64]| -> Vec<f64> {
            let count = sets.first().map_or(0, |set| table(set).len() / set.each);
            let row = |row: usize| {
                sets.iter().flat_map(move |set| &table(set)[row * set.each..(row + 1) * set.each])
            };
            (0..count).flat_map(row).copied().collect()
        };
        Self {
            each: sets.first().map_or(0, |set| set.each),
            lambdas: rows(|set| &set.lambdas),
            part: rows(|set| &set.part),
            whole: rows(|set| &set.whole),
        }
    }

    /// The least over the λ of a set, the mean of these over the sets.
    fn mean_of_least(&self, by_lambda: impl Fn(usize) -> f64) -> f64 {
        let mut sum = 0.0;
        for first in (0..self.lambdas.len()).step_by(self.each) {
            sum += (first..first + self.each).map(&by_lambda).fold(f64::INFINITY, f64::min);
        }
        sum / (self.lambdas.len() / self.each) as f64
    }

    fn part(&self, free: u64, l: usize) -> f64 {
        self.part[(free / STEP) as usize * self.lambdas.len() + l]
    }

    fn whole(&self, devices: usize, l: usize) -> f64 {
        // A node with more devices than its kind had when the tables were made counts as that many.
        let most = self.whole.len() / self.lambdas.len() - 1;
        self.whole[devices.min(most) * self.lambdas.len() + l]
    }

    /// The least over λ, and each of them.
    fn worth(&self, state: &State, by_lambda: &mut Vec<f64>) -> f64 {
        let whole = state.whole();
        by_lambda.clear();
        by_lambda.extend(
            self.lambdas
                .iter()
                .enumerate()
                .map(|(l, lambda)| lambda * state.cpu_milli as f64 + self.whole(whole, l)),
        );
        for device in state.devices.iter().filter(|device| !device.is_whole()) {
            for (l, worth) in by_lambda.iter_mut().enumerate() {
                *worth += self.part(left(*device), l);
            }
        }
        self.mean_of_least(|l| by_lambda[l])
    }
}

/// From the price at which pods without devices are no longer worth their CPU (below it they would fill any node) to
/// the one at which nothing is, closer together where CPU is cheap.
fn lambdas(allowed: &[(&Request, f64)], count: usize) -> Vec<f64> {
    let most = |from: f64, without_devices: bool| {
        allowed
            .iter()
            .filter(|(request, _)| {
                request.cpu_milli > 0 && (!without_devices || request.devices == Ask::None)
            })
            .map(|(request, price)| price / request.cpu_milli as f64)
            .fold(from, f64::max)
    };
    let low = most(0.0, true);
    let high = most(low, false);
    let last = count - 1;
    (0..=last).map(|i| low + (high - low) * (i as f64 / last as f64).powi(2)).collect()
}

/// By room: the most that copies of the items, by size, are worth in it.
fn knapsack(items: &[f64]) -> Vec<f64> {
    let mut best = vec![0.0_f64; items.len()];
    for room in 1..items.len() {
        best[room] = best[room - 1];
        for (size, worth) in items.iter().enumerate().take(room + 1).skip(1) {
            if *worth > 0.0 {
                best[room] = best[room].max(best[room - size] + worth);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests;
