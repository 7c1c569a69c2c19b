//! Classes of what is only nearly alike, where there would be too many of what is alike.
//!
//! A class of pods asks for the most that any of its members asks, and a class of nodes has the least that any
//! of its members has: what packs the classes packs the members. For the bound it is the other way round. So what
//! is lost is, for each pod, the distance from the least to the most of its class, at the prices of what it is of:
//! a resource that does not bind may be as wide as it likes. Pods of a kind are one class at first; then the class
//! that loses most is cut in two where that saves most, until there are enough. Nodes fall into buckets, whose widths
//! double until few enough classes are left. A class takes the sizes of its members (but for shares), so that nothing
//! is lost where all are alike.

use std::collections::BTreeMap;

use crate::{
    classes::{Amounts, Classes, NodeClass, PodClass, RESOURCES},
    fleet::{ACCELERATOR, Ask, DEVICE, Device, Model, Request, State},
    relax::Lambda,
};

/// More classes of pods than this are put together.
pub const PODS: usize = 500;
/// The least that a unit costs, of what is guessed.
const FLOOR: f64 = 0.08;

/// More classes of nodes than this are put into buckets.
const NODES: usize = 60;

/// The widest buckets: 2^16 times the narrowest.
const DOUBLINGS: u32 = 16;

/// How many classes of pods there may be where they are put together, and what decides which.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cuts<'a> {
    /// Nothing is put together up to so many classes of pods.
    pub from: usize,
    /// Classes at most, where sizes are all that differs.
    pub most: usize,
    /// What is known of nodes; prices are guessed when nothing is.
    pub nodes: &'a [Priced],
}

/// Nodes of a class, and what a unit of each resource is worth there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Priced {
    /// What is free on each.
    pub room: Amounts,
    /// How many there are.
    pub count: u32,
    /// What a unit is worth.
    pub lambda: Lambda,
}

/// What a unit of each resource is worth on the node in the middle, by room.
pub fn middle(nodes: &[Priced]) -> Lambda {
    let room = |node: &Priced, r: usize| f64::from(node.count) * node.room[r] as f64;
    let by_price = |r: usize| nodes.iter().map(|node| (node.lambda[r], room(node, r))).collect();
    std::array::from_fn(|r| median(by_price(r)).unwrap_or(0.0))
}

/// The value in the middle of values with weights.
pub fn median(mut values: Vec<(f64, f64)>) -> Option<f64> {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut below = 0.0;
    let reaches = |(_, weight): &&(f64, f64)| {
        below += weight;
        below >= half
    };
    values.iter().find(reaches).map(|(value, _)| *value)
}

impl<'a> Cuts<'a> {
    /// Few, to learn prices from.
    pub const COARSE: Self = Self { from: PODS, most: 120, nodes: &[] };
    /// As many as can be packed in seconds.
    pub const FINE: usize = 240;

    /// As many as can be packed in seconds.
    pub const fn fine(nodes: &'a [Priced]) -> Self {
        Self { from: PODS, most: Self::FINE, nodes }
    }
}

/// Puts nearly equal classes together where there are too many.
pub fn bucket(classes: &mut Classes, cuts: &Cuts<'_>) {
    if classes.pods.len() > cuts.from {
        let exact = std::mem::take(&mut classes.pods);
        classes.pods = cut(classes, &exact, cuts);
    }
    if classes.nodes.len() > NODES {
        let exact = std::mem::take(&mut classes.nodes);
        classes.nodes = narrowest(&exact, NODES, join_nodes);
    }
}

/// Sizes that classes are cut by: the counted resources, and the share of a device.
const SIZES: usize = RESOURCES + 1;

/// A class to be: its members with their sizes, and what it loses.
struct Part<'a> {
    members: Vec<(&'a PodClass, [u64; SIZES])>,
    /// What is lost by each size.
    lost: [f64; SIZES],
}

impl<'a> Part<'a> {
    fn of(members: Vec<(&'a PodClass, [u64; SIZES])>, prices: &Prices<'_>) -> Self {
        let pods: usize = members.iter().map(|(class, _)| class.pods.len()).sum();
        let prices = prices.of(&members);
        let lost = std::array::from_fn(|size| {
            let sizes = || members.iter().map(|(_, sizes)| sizes[size]);
            let wide = sizes().max().unwrap_or(0) - sizes().min().unwrap_or(0);
            pods as f64 * wide as f64 * prices[size]
        });
        Self { members, lost }
    }

    fn lost(&self) -> f64 {
        self.lost.iter().sum()
    }

    /// Two parts, cut by the size that loses most where that leaves least.
    fn cut(mut self, prices: &Prices<'_>) -> (Self, Self) {
        let size = (0..SIZES).max_by(|a, b| self.lost[*a].total_cmp(&self.lost[*b])).unwrap_or(0);
        self.members.sort_by_key(|(_, sizes)| sizes[size]);
        let value = |at: usize| self.members[at].1[size] as f64;
        let last = self.members.len() - 1;
        let all: usize = self.members.iter().map(|(class, _)| class.pods.len()).sum();
        let (mut below, mut best) = (0, (f64::INFINITY, 0));
        for at in 0..last {
            below += self.members[at].0.pods.len();
            if self.members[at].1[size] == self.members[at + 1].1[size] {
                continue;
            }
            let left =
                below as f64 * (value(at) - value(0)) + (all - below) as f64 * (value(last) - value(at + 1));
            if left < best.0 {
                best = (left, at + 1);
            }
        }
        let upper = self.members.split_off(best.1);
        (Self::of(self.members, prices), Self::of(upper, prices))
    }
}

/// The classes of pods, put together so that little is lost.
fn cut(classes: &Classes, exact: &[PodClass], cuts: &Cuts<'_>) -> Vec<PodClass> {
    let telling = [Telling { shares: true, nodes: true }, Telling { shares: true, nodes: false }];
    let few = telling.into_iter().map(|telling| kinds(classes, exact, telling));
    let kinds = few
        .into_iter()
        .find(|kinds| kinds.len() <= cuts.most * 3 / 4)
        .unwrap_or_else(|| kinds(classes, exact, Telling { shares: false, nodes: false }));
    let prices = Prices::new(exact, kinds.values().flatten(), cuts);
    let mut parts: Vec<Part<'_>> = kinds.into_values().map(|members| Part::of(members, &prices)).collect();
    while parts.len() < cuts.most {
        let widest = (0..parts.len()).max_by(|a, b| parts[*a].lost().total_cmp(&parts[*b].lost()));
        let Some(widest) = widest.filter(|part| parts[*part].lost() > 0.0) else { break };
        let (lower, upper) = parts.swap_remove(widest).cut(&prices);
        parts.extend([lower, upper]);
    }
    // Patterns are found over the multiples of what divides all shares.
    let coarse =
        exact.iter().all(|class| !matches!(class.request.devices, Ask::Share(milli) if milli % 10 != 0));
    let milli = if coarse { 10 } else { 4 };
    let members = parts.iter().map(|part| part.members.iter().map(|(class, _)| *class).collect::<Vec<_>>());
    let mut joined: Vec<PodClass> = members.map(|members| joined_pods(&members, milli)).collect();
    joined.sort_by(|a, b| {
        (&a.request, a.worth, a.spread, a.kind, &a.pods)
            .cmp(&(&b.request, b.worth, b.spread, b.kind, &b.pods))
    });
    joined
}

/// What is told apart before anything is cut, where that leaves few enough kinds.
#[derive(Debug, Clone, Copy)]
struct Telling {
    /// Shares: what one is worth jumps where one more of it fits on a device.
    shares: bool,
    /// The classes of nodes with room for one, and for two: a mean that does not fit on small nodes leaves them empty.
    nodes: bool,
}

/// What decides whether pods can be of one class; last, how many fit on nodes.
type Kind<'a> = ((Ask, bool), &'a [Model], &'a [u32], Option<u32>, Option<u32>, Option<u32>, usize);

/// Classes of each kind, with their sizes.
fn kinds<'a>(
    classes: &Classes,
    exact: &'a [PodClass],
    telling: Telling,
) -> BTreeMap<Kind<'a>, Vec<(&'a PodClass, [u64; SIZES])>> {
    let rooms: Vec<(Amounts, usize)> =
        classes.nodes.iter().map(|class| (classes.room(&class.most), class.most.whole())).collect();
    let mut kinds: BTreeMap<Kind<'a>, Vec<_>> = BTreeMap::new();
    for class in exact {
        let it = &class.request;
        let (ask, share) = match it.devices {
            Ask::Share(share) if telling.shares => (Ask::Share(share), share),
            Ask::Share(share) => (Ask::Share(0), share),
            ask => (ask, 0),
        };
        let amounts = classes.amounts(it);
        let fits =
            if telling.nodes { rooms.iter().map(|room| fit(&amounts, it.devices, room)).sum() } else { 0 };
        let mut sizes = [u64::from(share); SIZES];
        sizes[..RESOURCES].copy_from_slice(&amounts);
        let kind = ((ask, it.joined), &*it.models, &*it.pools, it.apart, class.spread, class.kind, fits);
        kinds.entry(kind).or_default().push((class, sizes));
    }
    kinds
}

/// How many fit on a node by resources and whole devices; any number above one is two.
fn fit(amounts: &Amounts, ask: Ask, (room, whole): &(Amounts, usize)) -> usize {
    let times = (0..RESOURCES).filter(|r| amounts[*r] > 0).map(|r| room[r] / amounts[r]).min().unwrap_or(2);
    let times = usize::try_from(times).unwrap_or(2).min(2);
    match ask {
        Ask::Whole(count) => times.min(whole / usize::from(count)),
        _ => times,
    }
}

/// What it costs classes to be one unit of each size wide.
///
/// Of a share that is an accelerator's thousandth. Members pay for what they need of resources at the price of the
/// middle ([`crate::nearly`]), so a unit costs what its price is off that, on the nodes where the smallest of the class
/// fits. When nothing is known, it is as if all that is asked of each resource were worth a quarter of the pods; and a
/// part of that in any case, since classes too wide would make bind what does not.
struct Prices<'a> {
    guess: [f64; SIZES],
    nodes: &'a [Priced],
    middle: Lambda,
    count: f64,
}

impl<'a> Prices<'a> {
    fn new<'b>(
        exact: &[PodClass],
        members: impl Iterator<Item = &'b (&'b PodClass, [u64; SIZES])>,
        cuts: &Cuts<'a>,
    ) -> Self {
        let pods = |class: &PodClass| class.pods.len() as f64;
        let worth: f64 =
            exact.iter().map(|class| class.worth as f64 / ACCELERATOR as f64 * pods(class)).sum();
        let mut asked = [0.0; SIZES];
        for (class, sizes) in members {
            for (asked, size) in asked.iter_mut().zip(sizes) {
                *asked += *size as f64 * pods(class);
            }
        }
        let guess = asked.map(|asked| 0.25 * worth / f64::max(asked, 1.0));
        let count = cuts.nodes.iter().map(|node| f64::from(node.count)).sum();
        Self { guess, nodes: cuts.nodes, middle: middle(cuts.nodes), count }
    }

    fn of(&self, members: &[(&PodClass, [u64; SIZES])]) -> [f64; SIZES] {
        let least: [u64; SIZES] =
            std::array::from_fn(|size| members.iter().map(|(_, sizes)| sizes[size]).min().unwrap_or(0));
        let fits = |node: &&Priced| node.room.iter().zip(&least).all(|(room, least)| least <= room);
        std::array::from_fn(|size| {
            if size == RESOURCES {
                return 1.0 / f64::from(DEVICE);
            }
            if self.nodes.is_empty() {
                return self.guess[size];
            }
            let off = |node: &Priced| (node.lambda[size] - self.middle[size]).abs() * f64::from(node.count);
            let off: f64 = self.nodes.iter().filter(fits).map(off).sum();
            (off / self.count.max(1.0)).max(FLOOR * self.guess[size])
        })
    }
}

/// The classes of the narrowest buckets that leave few enough, or else of the widest.
fn narrowest<T>(exact: &[T], most: usize, join: impl Fn(&[T], u32) -> Vec<T>) -> Vec<T> {
    let mut joined = join(exact, 0);
    for doublings in 1..=DOUBLINGS {
        if joined.len() <= most {
            break;
        }
        joined = join(exact, doublings);
    }
    joined
}

fn joined_pods(members: &[&PodClass], milli: u16) -> PodClass {
    let first = members[0];
    let mut request: Request = first.request.clone();
    let (mut least, mut least_share) = (first.least, first.least_share);
    let (mut pods, mut worth, mut sum) = (Vec::new(), 0_u128, [0_u128; RESOURCES]);
    for class in members {
        for (sum, amount) in sum.iter_mut().zip(&class.least) {
            *sum += u128::from(*amount) * class.pods.len() as u128;
        }
        request.cpu_milli = request.cpu_milli.max(class.request.cpu_milli);
        request.memory_mib = request.memory_mib.max(class.request.memory_mib);
        for (index, extra) in class.request.extras.iter().enumerate() {
            match request.extras.get_mut(index) {
                Some(most) => *most = (*most).max(*extra),
                None => request.extras.push(*extra),
            }
        }
        if let (Ask::Share(most), Ask::Share(milli)) = (&mut request.devices, class.request.devices) {
            *most = (*most).max(milli);
        }
        for (least, amount) in least.iter_mut().zip(&class.least) {
            *least = (*least).min(*amount);
        }
        least_share = least_share.min(class.least_share);
        worth += u128::from(class.worth) * class.pods.len() as u128;
        pods.extend(class.pods.iter().map(|pod| (std::cmp::Reverse(class.worth), *pod)));
    }
    // Shares go to the edges of the bucket: patterns are found over the multiples of what divides them all.
    if let Ask::Share(most) = &mut request.devices {
        *most = most.next_multiple_of(milli).min(DEVICE);
        least_share = (least_share / milli * milli).max(least_share.min(milli));
    }
    // Members keep their order within a worth.
    pods.sort_by_key(|(worth, _)| *worth);
    let count = pods.len().max(1) as u128;
    let mean = sum.map(|sum| u64::try_from(sum.div_ceil(count)).unwrap_or(u64::MAX));
    PodClass {
        request,
        least,
        mean,
        least_share,
        worth: u64::try_from(worth / count).unwrap_or(u64::MAX),
        spread: first.spread,
        kind: first.kind,
        pods: pods.into_iter().map(|(_, pod)| pod).collect(),
    }
}

fn join_nodes(exact: &[NodeClass], doublings: u32) -> Vec<NodeClass> {
    let (cpu, memory): (u64, u64) = (250 << doublings, 1024 << doublings);
    let milli = 10_u16 << doublings.min(6);
    let mut buckets: BTreeMap<_, Vec<&NodeClass>> = BTreeMap::new();
    for class in exact {
        let state = &class.state;
        let device = |device: &Device| match device {
            Device { free, taken: 0 } if !device.is_whole() => (free.div_ceil(milli), 0),
            Device { free, taken } => (*free, *taken),
        };
        let devices: Vec<(u16, u8)> = state.devices.iter().map(device).collect();
        let extras: Vec<u64> = state.extras.iter().map(|extra| extra >> doublings).collect();
        let sizes = (state.cpu_milli / cpu, state.memory_mib / memory);
        let key = (
            class.model,
            class.pool,
            class.zone,
            (&class.domains, &class.groups, class.strict),
            devices,
            sizes,
            extras,
            &state.apart,
        );
        buckets.entry(key).or_default().push(class);
    }
    buckets.into_values().map(|members| joined_nodes(&members)).collect()
}

fn joined_nodes(members: &[&NodeClass]) -> NodeClass {
    let mut joined = members[0].clone();
    for class in &members[1..] {
        joined.state = merged(&joined.state, &class.state, u64::min, u16::min);
        joined.most = merged(&joined.most, &class.most, u64::max, u16::max);
        joined.nodes.extend(&class.nodes);
    }
    joined
}

/// Each amount of two states, whose devices are sorted and have the same parts taken.
fn merged(a: &State, b: &State, amount: fn(u64, u64) -> u64, share: fn(u16, u16) -> u16) -> State {
    let device = |(a, b): (&Device, &Device)| Device { free: share(a.free, b.free), taken: a.taken };
    State {
        cpu_milli: amount(a.cpu_milli, b.cpu_milli),
        memory_mib: amount(a.memory_mib, b.memory_mib),
        devices: a.devices.iter().zip(&b.devices).map(device).collect(),
        group: a.group,
        strict: a.strict,
        extras: a.extras.iter().zip(&b.extras).map(|(a, b)| amount(*a, *b)).collect(),
        apart: a.apart.clone(),
    }
}
