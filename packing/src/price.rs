//! The best pattern of a bin at some value of each item, and a bound on all patterns.
//!
//! Labels are partial patterns: the part-free devices one by one, then pods of whole devices, then the
//! remaining devices one by one, then pods without a device. A label whose bound ([`crate::relax`]) does
//! not beat the best known is dropped; so are dominated ones, and those beyond the beam, whose bounds are
//! remembered: whatever was not looked at is below the bound that is returned.

use std::ops::Range;

use crate::{
    classes::{Amounts, RESOURCES},
    fleet::Device,
    groups::Joined,
    inside::{Choice, Effort, Inside, Limit, Scarce, bit},
    instance::{Bin, Instance, Pattern, minus, plus, within},
    loose::Loose,
    relax::{Fitting, Lambda, Relaxation, Relaxed, relaxation},
};

/// What pricing a bin found.
#[derive(Debug)]
pub struct Priced {
    /// The best patterns found, by falling value.
    pub patterns: Vec<(f64, Pattern)>,
    /// No pattern of the bin brings more; of those that hold no more of an item than there are, where only they are sought.
    pub bound: f64,
    /// The prices of the resources at which the bound is least.
    pub lambda: Lambda,
}

/// A partial pattern.
#[derive(Debug, Clone)]
struct Label {
    used: Amounts,
    value: f64,
    bound: f64,
    groups: u64,
    joined: Joined,
    /// Its last settled step.
    at: u32,
    /// A step since, not settled yet.
    fresh: Option<Step>,
}

/// How a label came to be: the entry of the trail before it, and the choice that was added.
#[derive(Debug, Clone, Copy)]
struct Step {
    before: u32,
    choice: u32,
    /// The device, for fillings of one.
    device: u16,
}

/// Before the first step.
const NONE: u32 = u32::MAX;

/// From so wide a beam on, values are not only looked at reduced.
const HARD: usize = 300;

/// The best patterns of a bin that bring more than `threshold`, and a bound on all.
///
/// Without an effort only the relaxation is made.
pub fn price(
    instance: &Instance,
    bin: &Bin,
    values: &[f64],
    start: &Lambda,
    threshold: f64,
    effort: Option<Effort>,
) -> Priced {
    if effort.is_some_and(|effort| effort.capped) {
        let (reduced, spared) = spare(instance, bin, values, start);
        if spared > 0.0 {
            let mut priced = search(instance, bin, &reduced, start, threshold - spared, effort);
            priced.bound += spared;
            // Reduced values are a bound's own gap away from exact.
            if effort.is_some_and(|effort| effort.beam >= HARD) {
                let whole = search(instance, bin, values, start, threshold, effort);
                priced.bound = priced.bound.min(whole.bound);
                priced.patterns.extend(whole.patterns);
            }
            for (value, pattern) in &mut priced.patterns {
                *value = pattern.value(values);
            }
            priced.patterns.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.counts.cmp(&b.1.counts)));
            return priced;
        }
    }
    search(instance, bin, values, start, threshold, effort)
}

/// Values less what keeps the relaxation from holding more of an item than there are, and what that
/// takes off at most: nothing that holds no more of an item than there are brings more than the relaxation
/// of the reduced values and this together (Lagrangian again, by steps along what is overdrawn).
fn spare(instance: &Instance, bin: &Bin, values: &[f64], start: &Lambda) -> (Vec<f64>, f64) {
    let mut reduced = values.to_vec();
    let mut best = (f64::INFINITY, reduced.clone(), 0.0);
    let mut lambda = *start;
    let mut step = 0.5;
    for _ in 0..16 {
        let fitting = Fitting::new(instance, bin, &reduced);
        let relaxation = relaxation(&fitting, &reduced, &lambda);
        let spared: f64 = bin
            .fitting
            .iter()
            .map(|item| *item as usize)
            .map(|item| (values[item] - reduced[item]) * f64::from(instance.items[item].demand))
            .sum();
        if relaxation.bound + spared < best.0 {
            best = (relaxation.bound + spared, reduced.clone(), spared);
        }
        let Some(at) = relaxation.met.first() else { break };
        lambda = at.lambda;
        let held = Pattern::of(fitting.solution(&reduced, at));
        let mut changed = false;
        for item in &bin.fitting {
            let (index, demand) = (*item as usize, f64::from(instance.items[*item as usize].demand));
            let over = (f64::from(held.count(*item)) - demand) / demand.max(1.0);
            let next = (reduced[index] - step * values[index] * over.clamp(-1.0, 1.0))
                .clamp(1e-3 * values[index], values[index]);
            changed |= (next - reduced[index]).abs() > 1e-9;
            reduced[index] = next;
        }
        if !changed {
            break;
        }
        step *= 0.8;
    }
    (best.1, best.2)
}

fn search(
    instance: &Instance,
    bin: &Bin,
    values: &[f64],
    start: &Lambda,
    threshold: f64,
    effort: Option<Effort>,
) -> Priced {
    let fitting = Fitting::new(instance, bin, values);
    let mut relaxation = relaxation(&fitting, values, start);
    let lambda = relaxation.met.first().map_or(*start, |relaxed| relaxed.lambda);
    let proper = |pattern: &Pattern| {
        pattern.counts.iter().all(|(item, count)| instance.items[*item as usize].demand >= *count)
    };
    let mut patterns = Vec::new();
    let mut best = threshold;
    if relaxation.found.0 > 0.0 && (effort.is_none_or(|effort| !effort.capped) || proper(&relaxation.found.1))
    {
        patterns.push(relaxation.found.clone());
        best = best.max(relaxation.found.0);
    }
    let bound = relaxation.bound;
    let Some(effort) = effort.filter(|_| bound > threshold) else {
        return Priced { patterns, bound, lambda };
    };
    relaxation.widen(&fitting, values);
    // What is found must beat the best known by more than rounding.
    let limit = Limit { threshold: best + 1e-9 * best.abs().max(1e-6), dropped: 0.0 };
    let loose = Loose::new(&fitting, values, &lambda);
    let scarce = Scarce::new(&fitting, effort);
    let mut labels = Labels {
        fitting: &fitting,
        scarce: &scarce,
        values,
        relaxation: &relaxation,
        effort,
        loose,
        limit,
        choices: Vec::new(),
        trail: Vec::new(),
    };
    let found = labels.run();
    let dropped = labels.limit.dropped.max(labels.limit.threshold);
    patterns.extend(found);
    patterns.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.counts.cmp(&b.1.counts)));
    patterns.dedup_by(|a, b| a.1.counts == b.1.counts);
    patterns.truncate(3);
    let most = patterns.first().map_or(0.0, |p| p.0);
    // Groups that share a bit were kept apart from each other for nothing: then labels prove nothing.
    let bound = if told_apart(instance, bin) { bound.min(dropped.max(most)) } else { bound };
    Priced { patterns, bound, lambda }
}

/// Whether each group of the items that fit has a bit of its own.
fn told_apart(instance: &Instance, bin: &Bin) -> bool {
    let mut groups: Vec<u32> =
        bin.fitting.iter().filter_map(|item| instance.items[*item as usize].apart).collect();
    groups.sort_unstable();
    groups.dedup();
    let bits = groups.iter().fold(0_u64, |bits, group| bits | bit(Some(*group)));
    bits.count_ones() as usize == groups.len()
}

struct Labels<'a> {
    fitting: &'a Fitting<'a>,
    scarce: &'a Scarce,
    values: &'a [f64],
    relaxation: &'a Relaxation,
    effort: Effort,
    loose: Loose<'a>,
    limit: Limit,
    choices: Vec<Choice>,
    trail: Vec<Step>,
}

impl Labels<'_> {
    fn run(&mut self) -> Vec<(f64, Pattern)> {
        let bin = self.fitting.bin;
        let bound = self.relaxation.bound;
        let mut list = vec![Label {
            used: [0; RESOURCES],
            value: 0.0,
            bound,
            groups: 0,
            joined: Joined::default(),
            at: NONE,
            fresh: None,
        }];
        for (at, device) in bin.parts.iter().enumerate() {
            let choices =
                self.of_device(*device, bin.whole, |relaxed, instance| relaxed.device(instance, *device));
            let device = (bin.first_part() + at) as u16;
            let mut next = Vec::new();
            for label in &list {
                for choice in choices.clone() {
                    next.extend(self.with(label, choice, device, at + 1, bin.whole));
                }
            }
            list = self.settle(next);
        }
        let mut lists = self.wholes(list);
        if bin.whole > 0 {
            let choices = self.of_device(Device::WHOLE, bin.whole - 1, |_, _| 0.0);
            for left in (1..=bin.whole).rev() {
                let here = std::mem::take(&mut lists[left]);
                let mut next = std::mem::take(&mut lists[left - 1]);
                for label in &here {
                    for choice in choices.clone() {
                        next.extend(self.with(label, choice, left as u16 - 1, bin.parts.len(), left - 1));
                    }
                }
                lists[left - 1] = self.settle(next);
            }
        }
        self.finish(&lists[0])
    }

    /// The fillings of a device, beside so many whole ones.
    fn of_device(
        &mut self,
        device: Device,
        whole: usize,
        own: impl Fn(&Relaxed, &Instance) -> f64,
    ) -> Range<u32> {
        let met = &self.relaxation.met;
        let inside = Inside {
            fitting: self.fitting,
            values: self.values,
            met,
            others: met.iter().map(|r| r.others(own(r, self.fitting.instance), whole)).collect(),
            effort: self.effort,
            scarce: self.scarce,
        };
        let choices = inside.choices(device, &mut self.limit);
        let from = self.choices.len() as u32;
        self.choices.extend(choices);
        from..self.choices.len() as u32
    }

    /// Lists by how many whole devices are left, after pods of whole devices.
    fn wholes(&mut self, start: Vec<Label>) -> Vec<Vec<Label>> {
        let whole = self.fitting.bin.whole;
        let parts = self.fitting.bin.parts.len();
        let mut lists = vec![Vec::new(); whole + 1];
        lists[whole] = start;
        let items: Vec<(usize, u32)> = self
            .fitting
            .wholes
            .iter()
            .rev()
            .flat_map(|(count, items)| items.iter().map(move |item| (*count, *item)))
            .collect();
        for (count, item) in items {
            let it = &self.fitting.instance.items[item as usize];
            let choice = self.choices.len() as u32;
            self.choices.push(Choice {
                used: it.size,
                value: self.values[item as usize],
                devices: count,
                pods: vec![(item, 0)],
                groups: bit(it.apart),
                joined: self.fitting.bin.joined(it).map_or_else(Joined::default, Joined::one),
            });
            for left in (count..=whole).rev() {
                let here = std::mem::take(&mut lists[left]);
                let mut next = Vec::new();
                for label in &here {
                    next.extend(self.with(label, choice, 0, parts, left - count));
                }
                lists[left] = here;
                if !next.is_empty() {
                    next.append(&mut lists[left - count]);
                    lists[left - count] = self.settle(next);
                }
            }
        }
        lists
    }

    /// A label with one more choice, if it fits and may still beat the best.
    fn with(&self, label: &Label, choice: u32, device: u16, part: usize, whole: usize) -> Option<Label> {
        let added = &self.choices[choice as usize];
        let used = plus(&label.used, &added.used);
        let room = &self.fitting.bin.room;
        if !within(&used, room) || label.groups & added.groups != 0 {
            return None;
        }
        let joined = label.joined.and(added.joined)?;
        if joined != label.joined && !self.fitting.bin.holds(joined) {
            return None;
        }
        let (value, left) = (label.value + added.value, minus(room, &used));
        let still = |relaxed: &Relaxed| relaxed.still(&left, part, whole);
        let bound = value + self.relaxation.met.iter().map(still).fold(f64::INFINITY, f64::min);
        if bound <= self.limit.threshold || (self.effort.capped && !self.demanded(label.at, added)) {
            return None;
        }
        let fresh = (!added.pods.is_empty()).then_some(Step { before: label.at, choice, device });
        Some(Label { used, value, bound, groups: label.groups | added.groups, joined, at: label.at, fresh })
    }

    /// Whether there are enough of each item for a choice on top of a trail.
    fn demanded(&self, at: u32, added: &Choice) -> bool {
        added.pods.iter().enumerate().all(|(index, (item, _))| {
            if added.pods[..index].iter().any(|pod| pod.0 == *item) {
                return true;
            }
            let of = |choice: &Choice| choice.pods.iter().filter(|pod| pod.0 == *item).count();
            let before: usize = self.steps(at).map(|step| of(&self.choices[step.choice as usize])).sum();
            before + of(added) <= self.fitting.instance.items[*item as usize].demand as usize
        })
    }

    /// The items of a label, each as often as it has it.
    fn items(&self, label: &Label) -> impl Iterator<Item = u32> {
        let steps = self.steps(label.at).chain(label.fresh);
        steps.flat_map(|step| self.choices[step.choice as usize].pods.iter().map(|pod| pod.0))
    }

    fn steps(&self, at: u32) -> impl Iterator<Item = Step> {
        let first = self.trail.get(at as usize).copied();
        std::iter::successors(first, |step| self.trail.get(step.before as usize).copied())
    }

    /// Keeps the best labels of a list, none of them dominated, and writes down how they came to be.
    fn settle(&mut self, mut list: Vec<Label>) -> Vec<Label> {
        list.sort_by(|a, b| {
            b.bound.total_cmp(&a.bound).then(b.value.total_cmp(&a.value)).then_with(|| a.used.cmp(&b.used))
        });
        let mut kept: Vec<Label> = Vec::new();
        for mut it in list {
            if kept.len() >= self.effort.beam {
                // Sorted: whatever is dropped from here on has no higher bound.
                self.limit.dropped = self.limit.dropped.max(it.bound);
                break;
            }
            let dominated = |by: &Label| {
                by.value >= it.value
                    && within(&by.used, &it.used)
                    && by.groups & !it.groups == 0
                    && by.joined.within(it.joined)
                    && self.scarce.spares(self.items(by), self.items(&it))
            };
            if kept.iter().any(dominated) {
                continue;
            }
            if let Some(step) = it.fresh.take() {
                it.at = self.trail.len() as u32;
                self.trail.push(step);
            }
            kept.push(it);
        }
        kept
    }

    /// Fills complete labels with pods without a device; the best patterns.
    fn finish(&mut self, list: &[Label]) -> Vec<(f64, Pattern)> {
        let room = self.fitting.bin.room;
        let mut best: Vec<(f64, u32, Vec<u32>)> = Vec::new();
        for label in list {
            let left = minus(&room, &label.used);
            let bound = label.bound.min(label.value + self.loose.bound(&left));
            if bound <= self.limit.threshold {
                continue;
            }
            let (more, items) = self.loose.fill(&left, label.groups, self.effort.capped);
            let value = label.value + more;
            if bound > value + 1e-9 * value.abs() {
                self.limit.dropped = self.limit.dropped.max(bound);
            }
            best.push((value, label.at, items));
        }
        best.sort_by(|a, b| b.0.total_cmp(&a.0));
        best.truncate(3);
        best.into_iter().map(|(value, at, items)| (value, self.pattern(at, &items))).collect()
    }

    fn pattern(&self, at: u32, loose: &[u32]) -> Pattern {
        let mut pods: Vec<(u32, Option<(u16, u8)>)> = loose.iter().map(|item| (*item, None)).collect();
        // Fillings of whole devices come last in the order of the bin, so that they keep off those that pods
        // of whole devices get.
        for step in self.steps(at) {
            let choice = &self.choices[step.choice as usize];
            let hold = |parts: u8| (choice.devices == 0).then_some((step.device, parts));
            pods.extend(choice.pods.iter().map(|(item, parts)| (*item, hold(*parts))));
        }
        Pattern::of(pods)
    }
}
