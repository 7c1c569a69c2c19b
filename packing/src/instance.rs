//! What patterns are made of: classes of pods as items, classes of nodes as bins, in plain numbers.

use crate::{
    classes::{Amounts, Classes, PodClass, RESOURCES, has_room},
    fleet::{ACCELERATOR, Ask, DEVICE, Device, Node, State},
    groups::{Joined, seats},
    joint::Joint,
};

/// A class of pods, as an item to pack; a class that is spread over zones or confined to domains is an item in each.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The class.
    pub class: u32,
    /// The only zone where it is this item.
    pub zone: Option<u32>,
    /// The only domain where it is this item.
    pub domain: Option<u32>,
    /// The rows of [`Instance::joint`] that it counts in, with its factors.
    pub joint: Vec<(u32, f64)>,
    /// What it takes of each counted resource.
    pub size: Amounts,
    /// What it takes of devices.
    pub ask: Ask,
    /// A share, in grains: see [`Instance::grain`].
    pub level: usize,
    /// At most one of such a group in a bin.
    pub apart: Option<u32>,
    /// Whether whole devices must be of one group.
    pub joined: bool,
    /// How many there are.
    pub demand: u32,
    /// What one is worth, in accelerators.
    pub worth: f64,
}

/// A class of nodes, as a bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// What is free of each counted resource.
    pub room: Amounts,
    /// Devices of which a part is free, in the order of the class: see [`Bin::first_part`].
    pub parts: Vec<Device>,
    /// Devices of which all is free; they come first in the order of the class.
    pub whole: usize,
    /// The items of which one fits, by rising index.
    pub fitting: Vec<u32>,
    /// How many such bins there are.
    pub count: u32,
    /// What using one costs, in accelerators.
    pub cost: f64,
    /// The zone, where spreads make it matter.
    pub zone: Option<u32>,
    /// How many devices are free whole in each group, where that matters.
    pub groups: Vec<u16>,
    /// Whether every item's whole devices are of one group.
    pub strict: bool,
}

impl Bin {
    /// The devices of an item that must be of one group here.
    pub fn joined(&self, item: &Item) -> Option<usize> {
        let joins = !self.groups.is_empty() && (item.joined || self.strict);
        match item.ask {
            Ask::Whole(count @ 2..) if joins => Some(usize::from(count)),
            _ => None,
        }
    }

    /// Whether the groups hold pods within them.
    pub fn holds(&self, joined: Joined) -> bool {
        joined == Joined::default() || seats(&self.groups, &joined.sizes().collect::<Vec<_>>()).is_some()
    }

    /// The place of the first part-free device in the order of the class.
    pub fn first_part(&self) -> usize {
        self.whole
    }
}

/// Items and bins.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// How many resources are counted.
    pub dimensions: usize,
    /// The largest milli of which every share is a multiple.
    pub grain: u16,
    /// The classes of pods, by rising class.
    pub items: Vec<Item>,
    /// How many classes of pods there are.
    pub classes: usize,
    /// What joins items of several bins.
    pub joint: Joint,
    /// The classes of nodes.
    pub bins: Vec<Bin>,
    /// What bins may take together.
    pub limits: Vec<Limit>,
}

/// At most so much over the bins that are used, of which each takes some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// At most.
    pub most: u64,
    /// Which bins take of it, and how much each of such a bin takes, at least 1.
    pub takes: Vec<(u32, u64)>,
}

impl Limit {
    /// What a bin takes of it.
    pub fn each(&self, bin: u32) -> u64 {
        self.takes.iter().find(|(of, _)| *of == bin).map_or(0, |(_, each)| *each)
    }
}

/// What one bin holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pattern {
    /// How many of each item, by rising item.
    pub counts: Vec<(u32, u32)>,
    /// Which item holds which device, in the order of the class, with the parts of a slice. Whole devices
    /// are not listed: they are any that nobody else holds.
    pub holds: Vec<(u32, u16, u8)>,
}

impl Pattern {
    /// A pattern from single pods: (item, device and parts for a share or a slice).
    pub fn of(pods: impl IntoIterator<Item = (u32, Option<(u16, u8)>)>) -> Self {
        let mut pattern = Self::default();
        let mut items = Vec::new();
        for (item, hold) in pods {
            items.push(item);
            if let Some((device, parts)) = hold {
                pattern.holds.push((item, device, parts));
            }
        }
        items.sort_unstable();
        for item in items {
            match pattern.counts.last_mut() {
                Some(last) if last.0 == item => last.1 += 1,
                _ => pattern.counts.push((item, 1)),
            }
        }
        pattern.holds.sort_unstable();
        pattern
    }

    /// What it brings at some value of each item.
    pub fn value(&self, values: &[f64]) -> f64 {
        self.counts.iter().map(|(item, count)| values[*item as usize] * f64::from(*count)).sum()
    }

    /// How many of an item.
    pub fn count(&self, item: u32) -> u32 {
        self.counts.binary_search_by_key(&item, |c| c.0).map_or(0, |at| self.counts[at].1)
    }
}

/// Whether amounts are within room.
pub fn within(size: &Amounts, room: &Amounts) -> bool {
    size.iter().zip(room).all(|(s, r)| s <= r)
}

/// Adds amounts.
pub fn plus(a: &Amounts, b: &Amounts) -> Amounts {
    std::array::from_fn(|i| a[i] + b[i])
}

/// What is left of room; the amounts must be within it.
pub fn minus(a: &Amounts, b: &Amounts) -> Amounts {
    std::array::from_fn(|i| a[i] - b[i])
}

/// How many times an item fits by resources alone; at most its demand.
pub fn copies(item: &Item, room: &Amounts) -> u32 {
    let fit = (0..RESOURCES).filter(|r| item.size[*r] > 0).map(|r| room[r] / item.size[r]).min();
    fit.map_or(item.demand, |fit| item.demand.min(u32::try_from(fit).unwrap_or(u32::MAX)))
}

fn gcd(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Which sizes of a class of pods count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// What the largest needs: a packing of these is one of the pods.
    Most,
    /// What they need on average, but the most of devices: in a packing of these nearly all pods find room.
    Mean,
    /// What the smallest needs: no packing of the pods is worth more than the best of these.
    Least,
}

/// The share that a class asks for.
fn share(class: &PodClass, sizes: Sizes) -> Option<u16> {
    match (class.request.devices, sizes) {
        (Ask::Share(milli), Sizes::Most | Sizes::Mean) => Some(milli),
        (Ask::Share(_), Sizes::Least) => Some(class.least_share),
        _ => None,
    }
}

impl Instance {
    /// The classes as items and bins, for a plan.
    pub fn of(classes: &Classes) -> Self {
        Self::new(classes, if classes.bucketed_pods() { Sizes::Mean } else { Sizes::Most })
    }

    /// The classes as items and bins.
    pub fn new(classes: &Classes, sizes: Sizes) -> Self {
        let grain = classes.pods.iter().filter_map(|class| share(class, sizes)).fold(DEVICE, gcd);
        let item = |index: usize, class: &PodClass, zone: Option<u32>, domain: Option<u32>| Item {
            class: index as u32,
            zone,
            domain,
            joint: Vec::new(),
            size: match sizes {
                Sizes::Most => classes.amounts(&class.request),
                Sizes::Mean => class.mean,
                Sizes::Least => class.least,
            },
            ask: share(class, sizes).map_or(class.request.devices, Ask::Share),
            level: share(class, sizes).map_or(0, |milli| usize::from(milli / grain)),
            apart: class.request.apart,
            joined: class.request.joined,
            demand: class.pods.len() as u32,
            worth: class.worth as f64 / ACCELERATOR as f64,
        };
        let mut items = Vec::new();
        for (index, class) in classes.pods.iter().enumerate() {
            let spread = classes.spreads.iter().find(|zones| class.spread == Some(zones.spread));
            match spread {
                Some(zones) => {
                    items.extend(zones.running.iter().map(|(zone, _)| item(index, class, Some(*zone), None)));
                }
                None if class.kind.is_some() => {
                    let domains = classes.domains_of(index as u32);
                    items.extend(domains.into_iter().map(|domain| item(index, class, None, Some(domain))));
                }
                None => items.push(item(index, class, None, None)),
            }
        }
        let joint = Joint::of(classes, &mut items);
        let mut instance = Self {
            dimensions: classes.dimensions(),
            grain,
            items,
            classes: classes.pods.len(),
            joint,
            bins: Vec::new(),
            limits: Vec::new(),
        };
        for class in &classes.nodes {
            let mut allowed = instance.allowed(classes, &class.sample());
            allowed.retain(|item| {
                let apart = classes.pods[instance.items[*item as usize].class as usize].request.apart;
                apart.is_none_or(|group| class.state.apart.binary_search(&group).is_err())
            });
            let state = match sizes {
                Sizes::Most | Sizes::Mean => &class.state,
                Sizes::Least => &class.most,
            };
            let groups = (class.groups.clone(), class.strict);
            let mut bin = instance.bin(classes.room(state), state, groups, &allowed);
            bin.count = class.nodes.len() as u32;
            bin.zone = class.zone;
            instance.bins.push(bin);
        }
        instance
    }

    /// The items that a node lets in, whatever is free there.
    pub fn allowed(&self, classes: &Classes, node: &Node) -> Vec<u32> {
        let allowed = |(index, item): (u32, &Item)| {
            let request = &classes.pods[item.class as usize].request;
            // A node without a zone is no place for a pod that is spread over zones.
            let zone = item.zone.is_none() || item.zone == node.zone;
            let domain = item.domain.is_none_or(|domain| node.domains.contains(&domain));
            (zone && domain && request.allows(node)).then_some(index)
        };
        (0..).zip(&self.items).filter_map(allowed).collect()
    }

    /// A bin with what is free in a state whose devices are sorted, with the groups that were taken out of it
    /// ([`crate::classes::grouped`]), for those of the allowed items that fit.
    pub(crate) fn bin(
        &self,
        room: Amounts,
        state: &State,
        (groups, strict): (Vec<u16>, bool),
        allowed: &[u32],
    ) -> Bin {
        let whole = state.devices.iter().filter(|device| device.is_whole()).count();
        let parts: Vec<Device> = state.devices[whole..].to_vec();
        let fits = |item: &&u32| {
            let item = &self.items[**item as usize];
            let devices = match item.ask {
                Ask::None => true,
                Ask::Whole(count) => usize::from(count) <= whole,
                ask => state.devices.iter().any(|device| has_room(*device, ask)),
            };
            devices && within(&item.size, &room)
        };
        let mut bin =
            Bin { room, parts, whole, fitting: Vec::new(), count: 1, cost: 0.0, zone: None, groups, strict };
        let largest = bin.groups.last().copied().map(usize::from);
        let joins = |item: &&u32| bin.joined(&self.items[**item as usize]) <= largest;
        bin.fitting = allowed.iter().filter(fits).filter(joins).copied().collect();
        bin
    }

    /// Takes bins away that are used, with what they take of limits.
    pub fn used(&mut self, bin: u32, copies: u32) {
        self.bins[bin as usize].count -= copies;
        for limit in &mut self.limits {
            let taken = limit.each(bin).saturating_mul(u64::from(copies));
            limit.most = limit.most.saturating_sub(taken);
        }
        self.within_limits();
    }

    /// Leaves no more bins of a class than limits allow of it alone.
    pub fn within_limits(&mut self) {
        for limit in &self.limits {
            for (bin, each) in &limit.takes {
                let most = u32::try_from(limit.most / (*each).max(1)).unwrap_or(u32::MAX);
                let count = &mut self.bins[*bin as usize].count;
                *count = (*count).min(most);
            }
        }
    }

    /// The levels of a whole device.
    pub fn levels(&self) -> usize {
        usize::from(DEVICE / self.grain)
    }

    /// The levels that are free on a device.
    pub fn level(&self, device: Device) -> usize {
        usize::from(device.free / self.grain)
    }
}
