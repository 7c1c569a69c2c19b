//! What one device can hold: every filling that may still be part of a better pattern.
//!
//! Fillings grow item by item over the levels of a share, or over the parts of slices. One is dropped when
//! another of the same level uses no more and brings no less, or when it cannot reach what is to be
//! beaten, with the bound of [`crate::relax`] on all that is still to come.

use crate::{
    classes::Amounts,
    fleet::{Ask, DEVICE, Device},
    groups::Joined,
    instance::{minus, plus, within},
    relax::{Fitting, Relaxed},
};

/// A filling of one device, or a pod of whole devices.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// What it takes of each counted resource.
    pub used: Amounts,
    /// What it brings.
    pub value: f64,
    /// How many whole devices it takes, when it is a pod of whole devices.
    pub devices: usize,
    /// The items, with the parts of slices.
    pub pods: Vec<(u32, u8)>,
    /// The groups that stay apart, each by a bit.
    pub groups: u64,
    /// Whole devices that must be of one group.
    pub joined: Joined,
}

impl Choice {
    fn items(&self) -> impl Iterator<Item = u32> {
        self.pods.iter().map(|pod| pod.0)
    }
}

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Partial patterns kept at a time.
    pub beam: usize,
    /// Fillings kept of one level of a device.
    pub level: usize,
    /// Whether a pattern holds no more of an item than there are.
    pub capped: bool,
}

/// What is to be beaten, and the best that was let go without a look.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Anything that cannot bring more is dropped.
    pub threshold: f64,
    /// The bound of the best that was dropped for lack of room.
    pub dropped: f64,
}

/// The bit of a group.
pub const fn bit(group: Option<u32>) -> u64 {
    match group {
        Some(group) => 1 << (group % 64),
        None => 0,
    }
}

/// A label on its way: what it is, what it may reach.
#[derive(Debug, Clone)]
struct Partial {
    choice: Choice,
    bound: f64,
}

/// The items of which a bin may hold more than there are, where that is looked at: what uses one up takes it from what
/// comes later.
#[derive(Debug)]
pub struct Scarce(Vec<bool>);

impl Scarce {
    /// Those of a bin.
    pub fn new(fitting: &Fitting<'_>, effort: Effort) -> Self {
        let (instance, bin) = (fitting.instance, fitting.bin);
        let mut scarce = vec![false; if effort.capped { instance.items.len() } else { 0 }];
        for item in bin.fitting.iter().map(|item| *item as usize).filter(|_| effort.capped) {
            let it = &instance.items[item];
            let room = (0..instance.dimensions).filter(|r| it.size[*r] > 0).map(|r| bin.room[r] / it.size[r]);
            let devices = (bin.parts.len() + bin.whole) as u64;
            let on_devices = match it.ask {
                Ask::None => u64::MAX,
                Ask::Share(share) => devices * u64::from(DEVICE / share.max(1)),
                Ask::Slice(_) => devices * 8,
                Ask::Whole(count) => bin.whole as u64 / u64::from(count.max(1)),
            };
            scarce[item] = u64::from(it.demand) < room.min().unwrap_or(u64::MAX).min(on_devices);
        }
        Self(scarce)
    }

    /// Whether the first holds no more of any such item than the second.
    pub fn spares(&self, by: impl Iterator<Item = u32>, it: impl Iterator<Item = u32>) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let mut spent: Vec<u32> = by.filter(|item| self.0[*item as usize]).collect();
        for item in it {
            if spent.is_empty() {
                break;
            }
            if let Some(at) = spent.iter().position(|one| *one == item) {
                spent.swap_remove(at);
            }
        }
        spent.is_empty()
    }
}

/// Whatever can be let go: it uses no less, brings no more, keeps no less apart, and leaves no more of what is scarce.
fn dominated(by: &Choice, it: &Choice, items: impl Iterator<Item = u32>, scarce: &Scarce) -> bool {
    by.value >= it.value
        && within(&by.used, &it.used)
        && by.groups & !it.groups == 0
        && scarce.spares(by.items(), items)
}

/// Keeps the best of a list, none of them dominated.
fn thin(list: &mut Vec<Partial>, most: usize, limit: &mut Limit, scarce: &Scarce) {
    list.sort_by(|a, b| {
        b.bound
            .total_cmp(&a.bound)
            .then(b.choice.value.total_cmp(&a.choice.value))
            .then_with(|| a.choice.used.cmp(&b.choice.used))
    });
    let mut kept: Vec<Partial> = Vec::new();
    for it in list.drain(..) {
        if kept.len() >= most {
            // Sorted: whatever is dropped from here on has no higher bound.
            limit.dropped = limit.dropped.max(it.bound);
            break;
        }
        if !kept.iter().any(|by| dominated(&by.choice, &it.choice, it.choice.items(), scarce)) {
            kept.push(it);
        }
    }
    *list = kept;
}

/// What one device can hold, beside what all else brings at each of the prices met.
pub struct Inside<'a> {
    /// The items.
    pub fitting: &'a Fitting<'a>,
    /// What they bring.
    pub values: &'a [f64],
    /// The bin at some prices.
    pub met: &'a [Relaxed],
    /// What everything but this device brings at each of them.
    pub others: Vec<f64>,
    /// How hard to look.
    pub effort: Effort,
    /// What there may be too few of.
    pub scarce: &'a Scarce,
}

impl Inside<'_> {
    /// What a filling can reach when `still` more comes of the device at each of the prices.
    fn bound(&self, choice: &Choice, still: impl Fn(&Relaxed) -> f64) -> f64 {
        let dimensions = self.fitting.instance.dimensions;
        let left = minus(&self.fitting.bin.room, &choice.used);
        let at = |(relaxed, others): (&Relaxed, &f64)| {
            let price: f64 = (0..dimensions).map(|r| relaxed.lambda[r] * left[r] as f64).sum();
            choice.value + price + others + still(relaxed)
        };
        self.met.iter().zip(&self.others).map(at).fold(f64::INFINITY, f64::min)
    }

    /// The fillings of a device that can be part of something better than the threshold; that of nothing
    /// comes first.
    pub fn choices(&self, device: Device, limit: &mut Limit) -> Vec<Choice> {
        let mut all = Vec::new();
        if device.taken == 0 {
            let levels = self.fitting.instance.level(device);
            let items: Vec<(u32, usize)> = self
                .fitting
                .shares
                .iter()
                .rev()
                .flat_map(|(level, items)| items.iter().map(move |item| (*item, *level)))
                .filter(|(_, level)| *level <= levels)
                .collect();
            let next = |at: usize, level: usize| (at + level <= levels).then_some((at + level, 0));
            let still = |relaxed: &Relaxed, at: usize| relaxed.levels(levels - at);
            self.grow(
                0,
                levels + 1,
                &items,
                |at, level| next(at, *level).into_iter(),
                still,
                limit,
                &mut all,
            );
        }
        if device.taken != 0 || device.free == DEVICE {
            let items: Vec<(u32, _)> = self
                .fitting
                .slices
                .iter()
                .flat_map(|(slice, items)| items.iter().map(move |item| (*item, *slice)))
                .collect();
            if !items.is_empty() {
                let still = |relaxed: &Relaxed, at: usize| relaxed.parts(at as u8);
                let next = |at: usize, slice: &crate::fleet::Slice| {
                    slice.masks(at as u8).map(move |mask| (at | usize::from(mask), mask))
                };
                self.grow(usize::from(device.taken), 256, &items, next, still, limit, &mut all);
            }
        }
        // As it is, without anything more in this device.
        for partial in &mut all {
            partial.bound = self.bound(&partial.choice, |_| 0.0);
        }
        all.retain(|partial| partial.bound > limit.threshold);
        thin(&mut all, self.effort.beam.max(self.effort.level), limit, self.scarce);
        let mut choices = vec![Choice::default()];
        choices
            .extend(all.into_iter().map(|partial| partial.choice).filter(|choice| !choice.pods.is_empty()));
        choices
    }

    #[expect(clippy::too_many_arguments, reason = "one growth for levels and for parts")]
    fn grow<S, I: Iterator<Item = (usize, u8)>>(
        &self,
        from: usize,
        places: usize,
        items: &[(u32, S)],
        next: impl Fn(usize, &S) -> I,
        still: impl Fn(&Relaxed, usize) -> f64,
        limit: &mut Limit,
        all: &mut Vec<Partial>,
    ) {
        let mut lists: Vec<Vec<Partial>> = vec![Vec::new(); places];
        lists[from].push(Partial { choice: Choice::default(), bound: f64::INFINITY });
        for (item, step) in items {
            let it = &self.fitting.instance.items[*item as usize];
            debug_assert!(matches!(it.ask, Ask::Share(_) | Ask::Slice(_)), "of one device");
            for at in from..places {
                if lists[at].len() > self.effort.level {
                    let mut list = std::mem::take(&mut lists[at]);
                    thin(&mut list, self.effort.level, limit, self.scarce);
                    lists[at] = list;
                }
                for index in 0..lists[at].len() {
                    for (to, parts) in next(at, step) {
                        let from = &lists[at][index].choice;
                        let used = plus(&from.used, &it.size);
                        let count = || from.pods.iter().filter(|pod| pod.0 == *item).count();
                        if !within(&used, &self.fitting.bin.room)
                            || from.groups & bit(it.apart) != 0
                            || (self.effort.capped && count() >= it.demand as usize)
                        {
                            continue;
                        }
                        let mut choice = Choice {
                            used,
                            value: from.value + self.values[*item as usize],
                            devices: 0,
                            pods: Vec::new(),
                            groups: from.groups | bit(it.apart),
                            joined: Joined::default(),
                        };
                        let bound = self.bound(&choice, |relaxed| still(relaxed, to));
                        if bound <= limit.threshold
                            || lists[to].iter().any(|by| {
                                let items = from.items().chain([*item]);
                                dominated(&by.choice, &choice, items, self.scarce)
                            })
                        {
                            continue;
                        }
                        choice.pods.reserve_exact(from.pods.len() + 1);
                        choice.pods.extend(&from.pods);
                        choice.pods.push((*item, parts));
                        lists[to].push(Partial { choice, bound });
                    }
                }
            }
        }
        all.extend(lists.into_iter().flatten());
    }
}
