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
//! Of equal regrets the node whose remainder is worth less wins, which keeps whole nodes whole: see [`Params::tie`].

use rustc_hash::FxHashMap;

use super::{Score, View, WHOLE, left};
use crate::fleet::{Ask, Hold, Model, Node, Request, State};

/// Milli of a device in one step of the tables.
const STEP: u64 = 10;
/// Steps of a whole device.
const STEPS: usize = (WHOLE / STEP) as usize;
/// Scores are regrets in millionths of what a device is worth on average.
const SCALE: f64 = 1e6;

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
    kinds: FxHashMap<(Option<Model>, u32), Tables>,
}

/// The tables of one kind of node, a model and a pool.
#[derive(Debug, Clone, Default)]
struct Tables {
    /// Prices of a thousandth of a core.
    lambdas: Vec<f64>,
    /// W: by steps free, then by λ.
    part: Vec<f64>,
    /// M: by whole devices free, then by λ.
    whole: Vec<f64>,
}

impl Regret {
    /// For these kinds of nodes, at these prices of classes of pods.
    ///
    /// Prices may have any scale; they are brought to one where the devices of the nodes together are worth their
    /// number. A class without a price (one that no sample of the mix had) has none to lose: give it the worth of
    /// its like, or leave it out.
    pub fn new<'n>(
        nodes: impl IntoIterator<Item = &'n Node> + Clone,
        priced: &[(Request, f64)],
        params: Params,
    ) -> Self {
        let mut most: FxHashMap<(Option<Model>, u32), &Node> = FxHashMap::default();
        for node in nodes.clone() {
            let known = most.entry((node.model, node.pool)).or_insert(node);
            if node.devices > known.devices {
                *known = node;
            }
        }
        let kinds = most.into_iter().map(|(kind, node)| (kind, Tables::new(node, priced, params))).collect();
        let mut regret = Self { params, kinds };
        let (mut worth, mut devices) = (0.0, 0_u64);
        for node in nodes {
            worth += regret.worth(node, &State::empty(node));
            devices += u64::from(node.devices);
        }
        if worth > 0.0 && devices > 0 {
            let scale = devices as f64 / worth;
            #[expect(clippy::iter_over_hash_type, reason = "every table is scaled by itself")]
            for tables in regret.kinds.values_mut() {
                for value in tables.lambdas.iter_mut().chain(&mut tables.part).chain(&mut tables.whole) {
                    *value *= scale;
                }
            }
        }
        regret
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
        let after = |change: &dyn Fn(usize) -> f64| {
            by_lambda
                .iter()
                .zip(&tables.lambdas)
                .enumerate()
                .map(|(l, (worth, lambda))| worth - lambda * request.cpu_milli as f64 + change(l))
                .fold(f64::INFINITY, f64::min)
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

    /// Without the pod's own price, which is the same on every node.
    fn score(&self, request: &Request, on: View<'_>) -> i64 {
        let (worth, remainder, _) = self.best(request, on).unwrap_or((0.0, 0.0, None));
        ((remainder - worth - self.params.tie * remainder) * SCALE).round() as i64
    }

    fn devices(&self, request: &Request, on: View<'_>) -> Option<Vec<Hold>> {
        match (request.devices, self.best(request, on)) {
            (Ask::Share(milli), Some((_, _, Some(index)))) => Some(vec![Hold { index, milli, parts: 0 }]),
            _ => on.state.choose(request),
        }
    }

    fn scale(&self) -> super::Scale {
        super::Scale::Spread { when_equal: 100 }
    }
}

impl Tables {
    fn new(node: &Node, priced: &[(Request, f64)], params: Params) -> Self {
        let allowed: Vec<&(Request, f64)> =
            priced.iter().filter(|(request, price)| *price > 0.0 && request.allows(node)).collect();
        let lambdas = lambdas(&allowed, params.lambdas);
        let mut part = vec![0.0; (STEPS + 1) * lambdas.len()];
        let mut whole = vec![0.0; (usize::from(node.devices) + 1) * lambdas.len()];
        for (l, lambda) in lambdas.iter().enumerate() {
            let worth = |(request, price): &&(Request, f64)| price - lambda * request.cpu_milli as f64;
            let mut shares = [0.0_f64; STEPS + 1];
            let mut wholes = vec![0.0_f64; usize::from(node.devices) + 1];
            for class in &allowed {
                match class.0.devices {
                    Ask::None => {}
                    Ask::Share(_) | Ask::Slice(_) => {
                        let steps = class.0.milli().div_ceil(STEP) as usize;
                        shares[steps] = shares[steps].max(worth(class));
                    }
                    Ask::Whole(count) => {
                        if let Some(best) = wholes.get_mut(usize::from(count)) {
                            *best = best.max(worth(class));
                        }
                    }
                }
            }
            let packed = knapsack(&shares);
            if let Some(one) = wholes.get_mut(1) {
                *one = one.max(packed[STEPS]);
            }
            for (steps, worth) in packed.into_iter().enumerate() {
                part[steps * lambdas.len() + l] = worth;
            }
            for (devices, worth) in knapsack(&wholes).into_iter().enumerate() {
                whole[devices * lambdas.len() + l] = worth;
            }
        }
        Self { lambdas, part, whole }
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
        by_lambda.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// From the price at which pods without devices are no longer worth their CPU (below it they would fill any node) to
/// the one at which nothing is, closer together where CPU is cheap.
fn lambdas(allowed: &[&(Request, f64)], count: usize) -> Vec<f64> {
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
    let last = count.max(2) - 1;
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
