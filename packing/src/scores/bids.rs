//! Prices of classes of pods, for [`Regret`](super::Regret): the duals of packing programs over samples of the mix.
//!
//! Two programs look at the pods to come from two sides, and half of the sets come from each.
//!
//! - **Share**: how much of the mix fits when no class may be refused. Its prices keep room for every class, but where
//!   one class is short of nodes (a model that few have) all of the price is there, and the other nodes cost nothing.
//! - **Admit**: which pods to take when as much is asked for as there is. Its prices are spread over all nodes, but it
//!   gives up classes that pack badly.
//!
//! Measured on openb at 130 % of arrived load, against gradient descent on fragmentation: Share alone wins six lists
//! of seven by 0.6 to 1.2 points and loses the one where models bind by 0.6; Admit alone wins all by 0.2 to 1.3; the
//! mean of both wins all by 0.6 to 1.5.
//!
//! Prices of a program are not unique, and those of the whole mix at once value all pods of a device alike, whatever
//! their CPU. So each set is of another sample, stratified by the models that pods may use: pods bound to rare models
//! are few, and their prices would else be noise.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    classes::{Classes, Invalid},
    fleet::{Cluster, DEVICE, Model, Node, Pod, Request, State},
    generate::{Memory, Stop, generate},
    instance::{Instance, Pattern, Sizes},
    master::{Form, Master},
};

/// How prices are sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// How many sets of prices; at least one. The even ones are of Share, the odd ones of Admit.
    pub sets: usize,
    /// Pods in a sample for Share.
    pub pods: usize,
    /// Pods in a sample for Admit ask for this part of the devices.
    pub load: f64,
    /// What the samples follow from.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { sets: 8, pods: 1_500, load: 1.0, seed: 0 }
    }
}

/// Column generation ends this close to its bound; prices are no better for less.
const STOP: Stop = Stop { gap: 1e-3, rounds: 400, hardest: 1, capped: false };

/// Sets of prices of the classes, which come in these proportions. A class that fits on no node is worth nothing.
///
/// There are fewer sets, at worst none, when the linear solver fails on some. The time grows with the number of
/// classes: join those that are nearly alike where there are more than some hundreds.
pub fn bids(
    nodes: &[Node],
    classes: &[Request],
    counts: &[u64],
    sampling: Sampling,
) -> Result<Vec<Vec<f64>>, Invalid> {
    let program = Program::new(nodes, classes)?;
    // What fits nowhere would be the share that nothing can have, and ask for devices in vain.
    let counts: Vec<u64> = counts
        .iter()
        .zip(&program.items)
        .map(|(count, item)| if program.fits[*item] { *count } else { 0 })
        .collect();
    let mix = Mix::new(classes, &counts);
    let devices: f64 = nodes.iter().map(|node| f64::from(node.devices)).sum();
    let mut rng = ChaCha8Rng::seed_from_u64(sampling.seed);
    let mut known = Vec::new();
    let mut sets = Vec::new();
    for set in 0..sampling.sets.max(1) {
        let form = if set % 2 == 0 { Form::Share } else { Form::Admit };
        let pods = match form {
            Form::Admit if mix.milli > 0.0 => sampling.load * devices * f64::from(DEVICE) / mix.milli,
            _ => sampling.pods as f64,
        };
        sets.extend(program.prices(form, &mix.sample(pods, &mut rng), &mut known, devices));
    }
    let mean = |class: usize| {
        let seen: Vec<f64> = sets.iter().filter_map(|set: &Vec<Option<f64>>| set[class]).collect();
        if seen.is_empty() { 0.0 } else { seen.iter().sum::<f64>() / seen.len() as f64 }
    };
    // What a sample did not have costs what it costs in the others.
    Ok(sets
        .iter()
        .map(|set| {
            set.iter().enumerate().map(|(class, price)| price.unwrap_or_else(|| mean(class))).collect()
        })
        .collect())
}

/// The classes and nodes as a program whose demands change from sample to sample.
struct Program {
    instance: Instance,
    /// The item of each class.
    items: Vec<usize>,
    /// Whether an item fits on some node.
    fits: Vec<bool>,
}

impl Program {
    fn new(nodes: &[Node], classes: &[Request]) -> Result<Self, Invalid> {
        // Names need only differ here.
        let named = |index: usize| format!("{index:010}");
        let cluster = Cluster {
            nodes: (0..)
                .zip(nodes)
                .map(|(index, node)| Node { name: named(index), ..node.clone() })
                .collect(),
            pods: (0..).zip(classes).map(|(index, class)| Pod::new(named(index), class.clone())).collect(),
            ..Cluster::default()
        };
        let states: Vec<State> = nodes.iter().map(State::empty).collect();
        let alike = Classes::of(&cluster, &states)?;
        let instance = Instance::new(&alike, Sizes::Most);
        let mut items = vec![0; classes.len()];
        for (index, class) in alike.pods.iter().enumerate() {
            for pod in &class.pods {
                items[*pod] = index;
            }
        }
        let mut fits = vec![false; instance.items.len()];
        for item in instance.bins.iter().flat_map(|bin| &bin.fitting) {
            fits[*item as usize] = true;
        }
        Ok(Self { instance, items, fits })
    }

    /// The prices of the classes at these counts, where there are any; scaled so that all nodes are worth `devices`.
    fn prices(
        &self,
        form: Form,
        counts: &[u32],
        known: &mut Vec<(u32, Pattern)>,
        devices: f64,
    ) -> Option<Vec<Option<f64>>> {
        let mut instance = self.instance.clone();
        for item in &mut instance.items {
            item.demand = 0;
        }
        for (item, count) in self.items.iter().zip(counts) {
            instance.items[*item].demand += count;
        }
        let mut master = Master::new(&instance, form);
        for (bin, pattern) in known.drain(..) {
            master.add(&instance, bin, pattern);
        }
        let generated = generate(&instance, &mut master, &mut Memory::default(), STOP);
        *known = std::mem::take(&mut master.patterns);
        let fractional = generated?.fractional;
        let worth: f64 =
            fractional.bins.iter().zip(&instance.bins).map(|(price, bin)| price * f64::from(bin.count)).sum();
        let scale = if worth > 0.0 { devices / worth } else { 1.0 };
        let price =
            |item: &usize| (instance.items[*item].demand > 0).then(|| fractional.prices[*item] * scale);
        Some(self.items.iter().map(price).collect())
    }
}

/// The classes by the models that they may use.
struct Mix {
    strata: Vec<Stratum>,
    total: f64,
    /// Milli that a pod asks for on average.
    milli: f64,
    classes: usize,
}

/// Classes with the same models, and how many pods they have up to and with each.
#[derive(Default)]
struct Stratum {
    classes: Vec<usize>,
    upto: Vec<u64>,
}

impl Mix {
    fn new(classes: &[Request], counts: &[u64]) -> Self {
        let mut strata: BTreeMap<&[Model], Stratum> = BTreeMap::new();
        let (mut total, mut milli) = (0.0, 0.0);
        for (index, (class, count)) in
            classes.iter().zip(counts).enumerate().filter(|(_, (_, count))| **count > 0)
        {
            let stratum = strata.entry(&class.models).or_default();
            stratum.classes.push(index);
            stratum.upto.push(stratum.upto.last().copied().unwrap_or(0) + count);
            total += *count as f64;
            milli += *count as f64 * class.milli() as f64;
        }
        let milli = if total > 0.0 { milli / total } else { 0.0 };
        Self { strata: strata.into_values().collect(), total, milli, classes: classes.len() }
    }

    /// About so many pods, drawn with replacement, at least one of each stratum; the count of each class.
    fn sample(&self, pods: f64, rng: &mut ChaCha8Rng) -> Vec<u32> {
        let mut counts = vec![0; self.classes];
        for stratum in &self.strata {
            let all = stratum.upto.last().copied().unwrap_or(0);
            let drawn = (pods * all as f64 / self.total).round().max(1.0) as u64;
            for _ in 0..drawn {
                let pod = rng.random_range(0..all);
                counts[stratum.classes[stratum.upto.partition_point(|upto| *upto <= pod)]] += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests;
