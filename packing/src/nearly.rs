//! The bound where classes are of pods that are only nearly alike: each pod at a price of its own.
//!
//! A bound holds at any price of any pod p: Σ (w − π(p))⁺ + Σ N V(π), V the most that pods on one node pay. So pods of
//! a class need not pay alike. Here each pays the price of its class, which is of its mean sizes, and so much more for
//! each unit that it needs above them: π(p) = π + μ (s − mean). At a price λ for a node's resources a pod keeps
//! π(p) − λ s, and of a class no pod keeps more than what one of the least sizes does and (μ − λ)⁺ for each unit
//! between the least and the most. Where μ is λ, sizes that differ cost the bound nothing, however wide the class; the
//! relaxation ([`crate::relax`]) stays what it was, at these values. A share of a device is paid for in proportion.
//!
//! π and μ come from the program over mean sizes. They are not the best there are, and the bound takes milliseconds: so
//! they are improved along what is asked for more, or less, than there is, averaged over the steps (the volume
//! algorithm of Barahona and Anbil 2000).

use crate::{
    buckets::{median, middle},
    classes::{Amounts, Classes, PodClass, RESOURCES},
    fleet::{ACCELERATOR, Ask, Cluster},
    generate::{Generated, Memory, Prices, held},
    instance::{Bin, Instance, Item, Sizes},
    master::Master,
    pack::priced,
    relax::{Fitting, Lambda},
};

/// Members pay no more for a unit than so many times what it is worth on the node in the middle.
const DEAREST: f64 = 1.5;

/// Tangents along one resource, at most.
const TANGENTS: usize = 16;

/// Steps of prices, at most.
const STEPS: usize = 1_500;

/// How much of the average of steps is the last one.
const LAST: f64 = 0.1;

/// What no packing of the pods that wait is worth more than, in accelerators; prices start from those of a program over
/// their mean sizes.
pub fn bound(
    cluster: &Cluster,
    classes: &Classes,
    means: &Instance,
    master: &Master,
    memory: &Memory,
    generated: &Generated,
) -> f64 {
    let slopes = slopes(classes, means, master, memory, generated);
    let nearly = Nearly::new(cluster, classes, &generated.prices);
    let prices = Paid { prices: generated.prices.items.clone(), slopes };
    let mut lambdas = memory.lambdas().to_vec();
    lambdas.resize(nearly.instance.bins.len(), Lambda::default());
    // Rows that join items have prices of their own.
    let steps = if means.joint.rows.is_empty() { STEPS } else { 0 };
    let goes_on = || !master.is_over();
    nearly.improved(prices, &mut lambdas, generated.fractional.value, (0..steps).take_while(|_| goes_on()))
}

/// What a unit of each resource is worth on the node in the middle of those that hold each class. Where few nodes are
/// short of a resource a unit is worth many times as much there, and a class that is held there is no better off with
/// that: then its largest pay too much everywhere else.
fn slopes(
    classes: &Classes,
    means: &Instance,
    master: &Master,
    memory: &Memory,
    generated: &Generated,
) -> Vec<Lambda> {
    let middle = middle(&priced(means, memory));
    let mut held: Vec<Vec<(u32, f64)>> = vec![Vec::new(); classes.pods.len()];
    for ((bin, pattern), uses) in master.patterns.iter().zip(&generated.fractional.uses) {
        for (item, count) in pattern.counts.iter().filter(|_| *uses > 1e-6) {
            held[means.items[*item as usize].class as usize].push((*bin, uses * f64::from(*count)));
        }
    }
    let of_class = |held: Vec<(u32, f64)>| -> Lambda {
        std::array::from_fn(|r| {
            let price = |bin: u32| memory.lambdas()[bin as usize][r];
            let by_price = held.iter().map(|(bin, pods)| (price(*bin), *pods)).collect();
            median(by_price).map_or(middle[r], |price| price.min(DEAREST * middle[r]))
        })
    };
    held.into_iter().map(of_class).collect()
}

/// What pods pay.
#[derive(Clone)]
struct Paid {
    /// The mean of each item.
    prices: Vec<f64>,
    /// A unit more, by class.
    slopes: Vec<Lambda>,
}

/// A pod, beside the mean of its class.
struct Member {
    worth: f64,
    /// What part of the price of its class its share pays.
    part: f64,
    above: [f64; RESOURCES],
}

/// Classes whose members pay for what they need.
struct Nearly<'a> {
    joint: &'a Prices,
    /// The least sizes and the most rooms; after the items of the classes those of their larger shares.
    instance: Instance,
    /// The item of the class of each item, and what part of its price a pod of the item pays.
    of: Vec<(usize, f64)>,
    /// How far the least and the most of each class are from the mean.
    ends: Vec<[[f64; RESOURCES]; 2]>,
    /// The items of each class.
    items: Vec<Vec<usize>>,
    members: Vec<Vec<Member>>,
}

impl<'a> Nearly<'a> {
    fn new(cluster: &Cluster, classes: &Classes, joint: &'a Prices) -> Self {
        let mut instance = Instance::new(classes, Sizes::Least);
        let grain = instance.grain;
        let part = |class: &PodClass, milli: u16| match class.request.devices {
            Ask::Share(most) => f64::from(milli / grain * grain) / f64::from(most),
            _ => 1.0,
        };
        let (mut of, mut items) = (Vec::new(), vec![Vec::new(); classes.pods.len()]);
        for (index, item) in instance.items.iter().enumerate() {
            let class = &classes.pods[item.class as usize];
            of.push((index, part(class, class.least_share)));
            items[item.class as usize].push(index);
        }
        // A larger share is an item of its own, wherever the least may be.
        let mut larger: Vec<Vec<u32>> = vec![Vec::new(); of.len()];
        for (index, larger) in larger.iter_mut().enumerate() {
            let class = &classes.pods[instance.items[index].class as usize];
            let Ask::Share(most) = class.request.devices else { continue };
            for level in instance.items[index].level + 1..=usize::from(most / grain) {
                let milli = level as u16 * grain;
                let item = &instance.items[index];
                let item = Item { level, ask: Ask::Share(milli), ..item.clone() };
                larger.push(instance.items.len() as u32);
                instance.items.push(item);
                of.push((index, part(class, milli)));
            }
        }
        for bin in &mut instance.bins {
            let more: Vec<u32> =
                bin.fitting.iter().flat_map(|item| &larger[*item as usize]).copied().collect();
            bin.fitting.extend(more);
        }
        let above = |class: &PodClass, size: &Amounts| -> [f64; RESOURCES] {
            std::array::from_fn(|r| size[r] as f64 - class.mean[r] as f64)
        };
        let ends =
            |class: &PodClass| [above(class, &class.least), above(class, &classes.amounts(&class.request))];
        let member = |class: &PodClass, pod: usize| {
            let pod = &cluster.pods[pod];
            let part = match pod.request.devices {
                Ask::Share(milli) => part(class, milli),
                _ => 1.0,
            };
            let worth = pod.worth as f64 / ACCELERATOR as f64;
            Member { worth, part, above: above(class, &classes.amounts(&pod.request)) }
        };
        let members = |class: &PodClass| class.pods.iter().map(|pod| member(class, *pod)).collect();
        let ends = classes.pods.iter().map(ends).collect();
        let members = classes.pods.iter().map(members).collect();
        Self { joint, instance, of, ends, items, members }
    }

    /// The least bound that steps from some prices come to. Steps are as long as what they hope for is far: a little
    /// above the worth of the program.
    fn improved(
        &self,
        mut center: Paid,
        lambdas: &mut [Lambda],
        worth: f64,
        steps: impl Iterator<Item = usize>,
    ) -> f64 {
        let (mut best, mut average) = self.at(&center, lambdas);
        let (mut length, mut failed) = (1.0, 0);
        for _ in steps {
            let hoped = worth.min(best * (1.0 - 5e-4));
            let norm = self.norm(&average);
            if norm <= 0.0 || length < 1e-3 {
                break;
            }
            let stepped = self.stepped(&center, &average, length * (best - hoped) / norm);
            let (bound, over) = self.at(&stepped, lambdas);
            for (average, over) in average.iter_mut().zip(&over) {
                for (average, over) in average.iter_mut().zip(over) {
                    *average += LAST * (over - *average);
                }
            }
            if bound < best {
                (best, center, failed) = (bound, stepped, 0);
                length = f64::min(length * 1.1, 2.0);
            } else {
                failed += 1;
                if failed >= 10 {
                    (length, failed) = (length * 0.66, 0);
                }
            }
        }
        best
    }

    /// How long a step along what is asked too much is, with each price and slope measured by the pods that pay it.
    fn norm(&self, over: &[[f64; RESOURCES + 1]]) -> f64 {
        let classes = over.iter().enumerate();
        classes
            .map(|(class, over)| over.iter().zip(self.scale(class)).map(|(o, s)| o * o * s).sum::<f64>())
            .sum()
    }

    fn scale(&self, class: usize) -> [f64; RESOURCES + 1] {
        let pods = self.members[class].len().max(1) as f64;
        std::array::from_fn(|at| match at.checked_sub(1) {
            None => 1.0 / pods,
            Some(r) => {
                let [least, most] = self.ends[class];
                let wide = (most[r] - least[r]) / 2.0;
                if wide > 0.0 { 1.0 / (pods * wide * wide) } else { 0.0 }
            }
        })
    }

    fn stepped(&self, from: &Paid, over: &[[f64; RESOURCES + 1]], length: f64) -> Paid {
        let mut to = from.clone();
        for (class, over) in over.iter().enumerate() {
            let scale = self.scale(class);
            for item in &self.items[class] {
                to.prices[*item] -= length * over[0] * scale[0];
            }
            for r in 0..RESOURCES {
                to.slopes[class][r] = (to.slopes[class][r] - length * over[r + 1] * scale[r + 1]).max(0.0);
            }
        }
        to
    }

    /// The bound at some prices, and how much more of each class is asked for on nodes than there is: pods by the part
    /// of the price that they pay, then what they need above the mean.
    fn at(&self, paid: &Paid, lambdas: &mut [Lambda]) -> (f64, Vec<[f64; RESOURCES + 1]>) {
        let mut over = vec![[0.0; RESOURCES + 1]; self.members.len()];
        let mut forgone = 0.0;
        for (class, members) in self.members.iter().enumerate() {
            let joint = |item: &usize| -> f64 {
                let rows = &self.instance.items[*item].joint;
                rows.iter().map(|(row, by)| by * self.joint.rows[*row as usize]).sum()
            };
            let items: Vec<(f64, f64)> =
                self.items[class].iter().map(|item| (paid.prices[*item], joint(item))).collect();
            let slope = &paid.slopes[class];
            for it in members {
                let price =
                    items.iter().map(|(price, joint)| price * it.part - joint).fold(f64::INFINITY, f64::min);
                let above: f64 = slope.iter().zip(&it.above).map(|(slope, above)| slope * above).sum();
                let more = it.worth - price - above;
                if more > 0.0 {
                    forgone += more;
                    over[class][0] -= it.part;
                    over[class][1..].iter_mut().zip(&it.above).for_each(|(over, above)| *over -= above);
                }
            }
        }
        let values: Vec<f64> = self.of.iter().map(|(item, part)| paid.prices[*item] * part).collect();
        let bins: Vec<f64> = (self.instance.bins.iter().zip(lambdas))
            .map(|(bin, lambda)| {
                let node = Node { nearly: self, values: &values, slopes: &paid.slopes, bin };
                node.most(lambda, &mut over)
            })
            .collect();
        (forgone + held(&self.instance, self.joint, &bins), over)
    }
}

/// A bin at what pods pay.
struct Node<'a> {
    nearly: &'a Nearly<'a>,
    /// What the mean of each item pays.
    values: &'a [f64],
    slopes: &'a [Lambda],
    bin: &'a Bin,
}

/// A bin at prices of resources.
#[derive(Clone)]
struct Point {
    lambda: Lambda,
    bound: f64,
    /// What the solution leaves of each resource.
    left: [f64; RESOURCES],
    /// The items of the solution.
    items: Vec<u32>,
}

impl Node<'_> {
    /// Nothing that fits the bin pays more. Starts from prices of resources, leaves the best there, and adds what the
    /// bins ask for.
    fn most(&self, lambda: &mut Lambda, over: &mut [[f64; RESOURCES + 1]]) -> f64 {
        let at_most = self.kept(&Lambda::default());
        let fitting = Fitting::new(&self.nearly.instance, self.bin, &at_most);
        let mut best = self.at(&fitting, *lambda);
        let mut other = None;
        for r in 0..self.nearly.instance.dimensions {
            if best.lambda[r] > 0.0 || best.left[r] < 0.0 {
                (best, other) = self.along(&fitting, r, best);
            }
        }
        *lambda = best.lambda;
        // The solution that uses up what binds lies between the two next to it.
        let mixed = other.and_then(|(r, other)| {
            let (here, there) = (best.left[r], other.left[r]);
            ((here < 0.0) != (there < 0.0)).then(|| (other, here / (here - there)))
        });
        let count = f64::from(self.bin.count);
        if let Some((other, part)) = &mixed {
            self.ask(&best, count * (1.0 - part), over);
            self.ask(other, count * part, over);
        } else {
            self.ask(&best, count, over);
        }
        best.bound
    }

    /// Adds so many times what a solution asks for.
    fn ask(&self, point: &Point, times: f64, over: &mut [[f64; RESOURCES + 1]]) {
        for item in &point.items {
            let (class, part) = self.class(*item);
            over[class][0] += times * part;
            for r in 0..RESOURCES {
                let end = usize::from(self.slopes[class][r] > point.lambda[r]);
                over[class][r + 1] += times * self.nearly.ends[class][end][r];
            }
        }
    }

    fn class(&self, item: u32) -> (usize, f64) {
        (self.nearly.instance.items[item as usize].class as usize, self.nearly.of[item as usize].1)
    }

    /// What the members of each item that keep most keep, but for what the least takes of resources.
    fn kept(&self, lambda: &Lambda) -> Vec<f64> {
        let kept = |(item, value): (u32, &f64)| {
            let (class, _) = self.class(item);
            let [least, most] = &self.nearly.ends[class];
            let above = |r: usize| {
                let slope = self.slopes[class][r];
                slope * least[r] + (slope - lambda[r]).max(0.0) * (most[r] - least[r])
            };
            value + (0..RESOURCES).map(above).sum::<f64>()
        };
        (0..).zip(self.values).map(kept).collect()
    }

    fn at(&self, fitting: &Fitting<'_>, lambda: Lambda) -> Point {
        let values = self.kept(&lambda);
        let relaxed = fitting.relax(&values, lambda);
        let mut left = self.bin.room.map(|room| room as f64);
        let solution = fitting.solution(&values, &relaxed);
        let items: Vec<u32> = solution.into_iter().map(|(item, _)| item).collect();
        for item in &items {
            let (class, _) = self.class(*item);
            let [least, most] = &self.nearly.ends[class];
            let size = &self.nearly.instance.items[*item as usize].size;
            for r in 0..RESOURCES {
                let above = if self.slopes[class][r] > lambda[r] { most[r] - least[r] } else { 0.0 };
                left[r] -= size[r] as f64 + above;
            }
        }
        Point { lambda, bound: relaxed.bound, left, items }
    }

    /// The least bound along one resource, and the point on the other side of it: tangents on both sides meet nearer
    /// and nearer to it.
    fn along(&self, fitting: &Fitting<'_>, r: usize, from: Point) -> (Point, Option<(usize, Point)>) {
        let (mut low, mut high) = if from.left[r] < 0.0 { (Some(from), None) } else { (None, Some(from)) };
        for _ in 0..TANGENTS {
            let price = match (&low, &high) {
                (None, Some(high)) if high.lambda[r] <= 0.0 => break,
                (None, Some(high)) if high.lambda[r] < self.ceiling(r) * 1e-4 => 0.0,
                (None, Some(high)) => high.lambda[r] * 0.9,
                (Some(low), None) => (low.lambda[r] * 1.1).max(self.ceiling(r) / 64.0),
                (Some(low), Some(high)) => {
                    let (down, up) = (low.left[r], high.left[r]);
                    // Rounding must not take it below 0, where nothing is proven.
                    let at = f64::max(
                        (high.bound - low.bound + down * low.lambda[r] - up * high.lambda[r]) / (down - up),
                        0.0,
                    );
                    let least = f64::min(low.bound, high.bound);
                    if up <= 0.0 || low.bound + down * (at - low.lambda[r]) >= least * (1.0 - 1e-7) {
                        break;
                    }
                    at
                }
                (None, None) => break,
            };
            let mut lambda =
                low.as_ref().or(high.as_ref()).map_or_else(Lambda::default, |point| point.lambda);
            lambda[r] = price;
            let point = self.at(fitting, lambda);
            if point.left[r] < 0.0 {
                low = Some(point);
            } else {
                high = Some(point);
            }
        }
        match (low, high) {
            (Some(low), Some(high)) if low.bound < high.bound => (low, Some((r, high))),
            (Some(low), Some(high)) => (high, Some((r, low))),
            (Some(point), None) | (None, Some(point)) => (point, None),
            (None, None) => (self.at(fitting, Lambda::default()), None),
        }
    }

    /// A price at which nothing that takes the resource keeps anything.
    fn ceiling(&self, r: usize) -> f64 {
        let ratio = |item: &u32| {
            let size = self.nearly.instance.items[*item as usize].size[r];
            if size > 0 { self.values[*item as usize] / size as f64 } else { 0.0 }
        };
        self.bin.fitting.iter().map(ratio).fold(0.0, f64::max)
    }
}
