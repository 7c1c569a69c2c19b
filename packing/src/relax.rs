//! A bin at prices for its resources: what is left is knapsacks of its devices.
//!
//! With a price on every counted resource (CPU, memory, …) items lose what their resources cost, and the
//! devices of a node no longer have anything to do with each other. For any prices λ ≥ 0
//! V ≤ λ·room + Σ part-free devices W(free) + M(whole devices) + the items without a device,
//! where W is the unbounded knapsack of one device and M shares out whole ones (Lagrangian relaxation;
//! demand is left out of the knapsacks, which only raises the bound). The least over λ is found along one
//! resource at a time by intersecting tangents, and every λ met on the way is kept: together they bound
//! what any half-filled bin can still bring.

use crate::{
    classes::{Amounts, RESOURCES},
    fleet::{Ask, Device, Slice},
    groups::Joined,
    instance::{Bin, Instance, Pattern, copies},
};

/// No item.
const NONE: u32 = u32::MAX;

/// A price for each counted resource, for one unit of it.
pub type Lambda = [f64; RESOURCES];

/// The items that fit a bin, sorted by what they ask of devices, with the best of each size found anew at
/// every price.
#[derive(Debug)]
pub struct Fitting<'a> {
    /// The items and bins.
    pub instance: &'a Instance,
    /// The bin.
    pub bin: &'a Bin,
    /// Shares: their level and the items of it, by rising level.
    pub shares: Vec<(usize, Vec<u32>)>,
    /// Slices and the items of each.
    pub slices: Vec<(Slice, Vec<u32>)>,
    /// Whole devices: how many, and the items that ask so many.
    pub wholes: Vec<(usize, Vec<u32>)>,
    /// Items without a device.
    pub loose: Vec<u32>,
}

/// A bin at some prices.
#[derive(Debug, Clone)]
pub struct Relaxed {
    /// The prices.
    pub lambda: Lambda,
    /// The bound: nothing that fits the bin brings more.
    pub bound: f64,
    /// What one device brings with so many levels free, and the item to put first.
    share: Vec<(f64, u32)>,
    /// What one device brings with these parts taken, the item to put first and its parts.
    slice: Vec<(f64, u32, u8)>,
    /// What so many whole devices bring, the item to put first and the devices it takes.
    whole: Vec<(f64, u32, usize)>,
    /// Σ over the part-free devices from each on.
    rest: Vec<f64>,
    /// What items without a device bring.
    loose: f64,
}

fn group<K: Ord + Copy>(into: &mut Vec<(K, Vec<u32>)>, key: K, item: u32) {
    match into.binary_search_by_key(&key, |entry| entry.0) {
        Ok(at) => into[at].1.push(item),
        Err(at) => into.insert(at, (key, vec![item])),
    }
}

impl<'a> Fitting<'a> {
    /// The items that fit a bin and have a value there.
    pub fn new(instance: &'a Instance, bin: &'a Bin, values: &[f64]) -> Self {
        let (mut shares, mut slices, mut wholes) = (Vec::new(), Vec::new(), Vec::new());
        let mut loose = Vec::new();
        for item in &bin.fitting {
            let it = &instance.items[*item as usize];
            if values[*item as usize] <= 0.0 || it.demand == 0 {
                continue;
            }
            match it.ask {
                Ask::None => loose.push(*item),
                Ask::Share(_) => group(&mut shares, it.level, *item),
                Ask::Slice(slice) => group(&mut slices, slice, *item),
                Ask::Whole(count) => group(&mut wholes, usize::from(count), *item),
            }
        }
        Self { instance, bin, shares, slices, wholes, loose }
    }

    /// What an item keeps of its value at prices for resources.
    pub fn profit(&self, values: &[f64], lambda: &Lambda, item: u32) -> f64 {
        let size = &self.instance.items[item as usize].size;
        let cost: f64 = (0..self.instance.dimensions).map(|r| lambda[r] * size[r] as f64).sum();
        values[item as usize] - cost
    }

    /// The item of a list that keeps most.
    fn best(&self, values: &[f64], lambda: &Lambda, items: &[u32]) -> (f64, u32) {
        let mut best = (0.0, NONE);
        for item in items {
            let profit = self.profit(values, lambda, *item);
            if profit > best.0 {
                best = (profit, *item);
            }
        }
        best
    }

    /// The bin at some prices.
    pub fn relax(&self, values: &[f64], lambda: Lambda) -> Relaxed {
        let (instance, bin) = (self.instance, self.bin);
        let mut share = vec![(0.0, NONE); instance.levels() + 1];
        for (level, items) in &self.shares {
            let (profit, item) = self.best(values, &lambda, items);
            // Smaller shares make more of the same room.
            if item == NONE || profit <= share[*level].0 {
                continue;
            }
            for at in *level..share.len() {
                let with = share[at - level].0 + profit;
                if with > share[at].0 {
                    share[at] = (with, item);
                }
            }
        }
        let slice = self.relax_slices(values, &lambda);
        let single = share[instance.levels()].0.max(slice.first().map_or(0.0, |s| s.0));
        let best: Vec<_> = self
            .wholes
            .iter()
            .map(|(count, items)| (*count, self.best(values, &lambda, items)))
            .filter(|(_, (_, item))| *item != NONE)
            .collect();
        let mut whole = vec![(0.0, NONE, 1); bin.whole + 1];
        for devices in 1..=bin.whole {
            let mut most = (whole[devices - 1].0 + single, NONE, 1);
            for (count, (profit, item)) in &best {
                if *count <= devices && whole[devices - count].0 + profit > most.0 {
                    most = (whole[devices - count].0 + profit, *item, *count);
                }
            }
            whole[devices] = most;
        }
        let mut relaxed = Relaxed {
            lambda,
            bound: 0.0,
            share,
            slice,
            whole,
            rest: vec![0.0; bin.parts.len() + 1],
            loose: 0.0,
        };
        for at in (0..bin.parts.len()).rev() {
            relaxed.rest[at] = relaxed.rest[at + 1] + relaxed.device(instance, bin.parts[at]);
        }
        relaxed.loose = self.relax_loose(values, &lambda, |_, _| ());
        let price: f64 = (0..instance.dimensions).map(|r| lambda[r] * bin.room[r] as f64).sum();
        relaxed.bound = price + relaxed.rest[0] + relaxed.whole[bin.whole].0 + relaxed.loose;
        relaxed
    }

    fn relax_slices(&self, values: &[f64], lambda: &Lambda) -> Vec<(f64, u32, u8)> {
        if self.slices.is_empty() {
            return Vec::new();
        }
        let mut best = vec![(0.0, NONE, 0); 256];
        let profits: Vec<_> =
            self.slices.iter().map(|(slice, items)| (*slice, self.best(values, lambda, items))).collect();
        for taken in (0..=255_u8).rev() {
            let mut most = (0.0, NONE, 0);
            for (slice, (profit, item)) in profits.iter().filter(|(_, (_, item))| *item != NONE) {
                for mask in slice.masks(taken) {
                    let with = profit + best[usize::from(taken | mask)].0;
                    if with > most.0 {
                        most = (with, *item, mask);
                    }
                }
            }
            best[usize::from(taken)] = most;
        }
        best
    }

    /// What items without a device bring: all of their demand that fits, one of those that stay apart.
    fn relax_loose(&self, values: &[f64], lambda: &Lambda, mut each: impl FnMut(u32, u32)) -> f64 {
        let mut total = 0.0;
        let mut groups: Vec<(u32, f64, u32)> = Vec::new();
        for item in &self.loose {
            let profit = self.profit(values, lambda, *item);
            if profit <= 0.0 {
                continue;
            }
            let it = &self.instance.items[*item as usize];
            if let Some(group) = it.apart {
                match groups.iter_mut().find(|g| g.0 == group) {
                    Some(g) if g.1 < profit => *g = (group, profit, *item),
                    Some(_) => (),
                    None => groups.push((group, profit, *item)),
                }
            } else {
                let copies = copies(it, &self.bin.room);
                total += profit * f64::from(copies);
                each(*item, copies);
            }
        }
        for (_, profit, item) in groups {
            total += profit;
            each(item, 1);
        }
        total
    }

    /// The items that the bound at some prices is made of, with devices in the order of the class.
    pub fn solution(&self, values: &[f64], relaxed: &Relaxed) -> Vec<(u32, Option<(u16, u8)>)> {
        let bin = self.bin;
        let mut pods = Vec::new();
        for (at, device) in bin.parts.iter().enumerate() {
            self.fill(relaxed, *device, (bin.first_part() + at) as u16, &mut pods);
        }
        let mut devices = bin.whole;
        while devices > 0 {
            let (_, item, count) = relaxed.whole[devices];
            if item == NONE {
                self.fill(relaxed, Device::WHOLE, devices as u16 - 1, &mut pods);
            } else {
                pods.push((item, None));
            }
            devices -= count;
        }
        self.relax_loose(values, &relaxed.lambda, |item, copies| {
            pods.extend((0..copies).map(|_| (item, None)));
        });
        pods
    }

    fn fill(&self, relaxed: &Relaxed, device: Device, index: u16, pods: &mut Vec<(u32, Option<(u16, u8)>)>) {
        let mut level = self.instance.level(device);
        let sliced = |taken: u8| relaxed.slice.get(usize::from(taken)).map_or(0.0, |s| s.0);
        if device.taken == 0 && !(device.is_whole() && sliced(0) > relaxed.share[level].0) {
            while relaxed.share[level].1 != NONE {
                let item = relaxed.share[level].1;
                pods.push((item, Some((index, 0))));
                level -= self.instance.items[item as usize].level;
            }
            return;
        }
        let mut taken = device.taken;
        while let Some((_, item, mask)) = relaxed.slice.get(usize::from(taken)).filter(|s| s.1 != NONE) {
            pods.push((*item, Some((index, *mask))));
            taken |= mask;
        }
    }

    /// What a list of pods takes of each resource.
    pub fn used(&self, pods: &[(u32, Option<(u16, u8)>)]) -> Amounts {
        let mut used = [0_u64; RESOURCES];
        for (item, _) in pods {
            for (u, s) in used.iter_mut().zip(&self.instance.items[*item as usize].size) {
                *u += s;
            }
        }
        used
    }
}

impl Relaxed {
    /// What one device brings at these prices.
    pub fn device(&self, instance: &Instance, device: Device) -> f64 {
        let slices = self.slice.get(usize::from(device.taken)).map_or(0.0, |s| s.0);
        if device.taken != 0 {
            return slices;
        }
        let shares = self.share[instance.level(device)].0;
        if device.is_whole() { shares.max(slices) } else { shares }
    }

    /// What so many levels of one device bring at these prices.
    pub fn levels(&self, level: usize) -> f64 {
        self.share[level].0
    }

    /// What can still come at most: amounts left, the part-free devices from one on, so many whole ones.
    pub fn still(&self, left: &Amounts, part: usize, whole: usize) -> f64 {
        let price: f64 = self.lambda.iter().zip(left).map(|(price, left)| price * *left as f64).sum();
        price + self.rest[part] + self.whole[whole].0 + self.loose
    }

    /// What the rest of a device brings at these prices, with these parts taken.
    pub fn parts(&self, taken: u8) -> f64 {
        self.slice.get(usize::from(taken)).map_or(0.0, |s| s.0)
    }

    /// What everything but one device brings: a part-free one with what it would bring itself, or a whole
    /// one with nothing and one fewer.
    pub fn others(&self, own: f64, whole: usize) -> f64 {
        self.rest[0] - own + self.whole[whole].0 + self.loose
    }
}

/// The bound of a bin, the prices met on the way to it, and the best that was found to fit.
#[derive(Debug)]
pub struct Relaxation {
    /// Nothing that fits the bin brings more.
    pub bound: f64,
    /// The bin at the prices that were met, the best first.
    pub met: Vec<Relaxed>,
    /// The best pattern that was met, with its value.
    pub found: (f64, Pattern),
}

/// The least bound over prices, resource by resource, starting from prices known before.
pub fn relaxation(fitting: &Fitting<'_>, values: &[f64], start: &Lambda) -> Relaxation {
    let mut search = Search { fitting, values, met: Vec::new(), found: (0.0, Pattern::default()) };
    let mut best = search.at(*start);
    for round in 0..2 {
        let before = best.0;
        for r in 0..fitting.instance.dimensions {
            // A resource without a price that is not overdrawn needs none.
            if best.2[r] == 0.0 && best.1[r] <= fitting.bin.room[r] {
                continue;
            }
            best = search.along(r, best);
        }
        if round == 1 || best.0 >= before - 1e-9 * before.abs() {
            break;
        }
    }
    let Search { mut met, found, .. } = search;
    met.sort_by(|a, b| a.bound.total_cmp(&b.bound));
    met.truncate(8);
    Relaxation { bound: best.0.max(found.0), met, found }
}

impl Relaxation {
    /// Adds the bin at prices well below and above those of the least bound: half-filled bins have more or
    /// less left of each resource than empty ones, and other prices bound them better.
    pub fn widen(&mut self, fitting: &Fitting<'_>, values: &[f64]) {
        let Some(at) = self.met.first().map(|relaxed| relaxed.lambda) else { return };
        self.met.truncate(3);
        for r in (0..fitting.instance.dimensions).filter(|r| at[*r] > 0.0) {
            for factor in [0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 3.0, 6.0] {
                let mut lambda = at;
                lambda[r] *= factor;
                self.met.push(fitting.relax(values, lambda));
            }
        }
    }
}

/// A bound, what its solution uses, and the prices.
type Point = (f64, Amounts, Lambda);

struct Search<'a> {
    fitting: &'a Fitting<'a>,
    values: &'a [f64],
    met: Vec<Relaxed>,
    found: (f64, Pattern),
}

impl Search<'_> {
    fn at(&mut self, lambda: Lambda) -> Point {
        let relaxed = self.fitting.relax(self.values, lambda);
        let pods = self.fitting.solution(self.values, &relaxed);
        let used = self.fitting.used(&pods);
        let point = (relaxed.bound, used, lambda);
        self.met.push(relaxed);
        let value: f64 = pods.iter().map(|(item, _)| self.values[*item as usize]).sum();
        if value > self.found.0 && self.fits(&pods, &used) {
            self.found = (value, Pattern::of(pods));
        }
        point
    }

    fn fits(&self, pods: &[(u32, Option<(u16, u8)>)], used: &Amounts) -> bool {
        let mut groups: Vec<u32> =
            pods.iter().filter_map(|(item, _)| self.fitting.instance.items[*item as usize].apart).collect();
        groups.sort_unstable();
        let bin = self.fitting.bin;
        let joined = pods.iter().filter_map(|(item, _)| {
            bin.joined(&self.fitting.instance.items[*item as usize]).map(Joined::one)
        });
        let is_held = joined
            .into_iter()
            .try_fold(Joined::default(), Joined::and)
            .is_some_and(|joined| bin.holds(joined));
        is_held
            && used.iter().zip(&self.fitting.bin.room).all(|(u, r)| u <= r)
            && groups.is_sorted_by(|a, b| a < b)
    }

    /// The least bound along one resource: tangents on both sides meet nearer and nearer to it.
    fn along(&mut self, r: usize, from: Point) -> Point {
        let room = self.fitting.bin.room[r] as f64;
        let slope = |point: &Point| room - point.1[r] as f64;
        let mut best = from;
        // Overdrawn on the left, not on the right.
        let (mut left, mut right) = if slope(&from) >= 0.0 { (None, Some(from)) } else { (Some(from), None) };
        for _ in 0..24 {
            let lambda = match (&left, &right) {
                (None, Some(point)) if point.2[r] <= 0.0 => break,
                (None, Some(point)) if point.2[r] < self.floor(r) => 0.0,
                (None, Some(point)) => point.2[r] * 0.5,
                (Some(point), None) => (point.2[r] * 2.0).max(self.ceiling(r) / 64.0),
                (Some(a), Some(b)) => {
                    // Where the tangents meet, and what the bound would be there if they were all.
                    let (sa, sb) = (slope(a), slope(b));
                    let at = f64::max((b.0 - a.0 + sa * a.2[r] - sb * b.2[r]) / (sa - sb), 0.0);
                    let hoped = a.0 + sa * (at - a.2[r]);
                    if sb <= 0.0 || hoped >= best.0 - 1e-7 * best.0.abs() {
                        break;
                    }
                    at
                }
                (None, None) => break,
            };
            let mut point = best;
            point.2[r] = lambda;
            let point = self.at(point.2);
            if point.0 < best.0 {
                best = point;
            }
            if slope(&point) < 0.0 {
                left = Some(point);
            } else {
                right = Some(point);
            }
        }
        best
    }

    /// A price at which nothing that takes the resource keeps a profit.
    fn ceiling(&self, r: usize) -> f64 {
        let ratio = |item: &u32| {
            let size = self.fitting.instance.items[*item as usize].size[r];
            if size > 0 { self.values[*item as usize] / size as f64 } else { 0.0 }
        };
        self.fitting.bin.fitting.iter().map(ratio).fold(0.0, f64::max)
    }

    /// A price that is as good as none.
    fn floor(&self, r: usize) -> f64 {
        1e-6 * self.values.iter().copied().fold(0.0, f64::max) / (self.fitting.bin.room[r] as f64).max(1.0)
    }
}
