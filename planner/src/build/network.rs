//! What lies between places: prices and times of moving data.

use std::collections::BTreeMap;

use ndarray::Array2;
use plimsoll_model::{Bytes, Duration, GbitPerSecond, Usd};
use plimsoll_solver::problem::{Dataset, Network, Task, transfer_time};

use super::{Build, choices::needed_by};
use crate::world::{Assumptions, LocationIx, World};

/// Bytes in a GB as clouds bill it.
pub(super) const GB: f64 = 1_073_741_824.0;

/// A copy of a dataset, seen from a reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Copy {
    /// Where it is.
    pub from: LocationIx,
    /// What reading costs, exactly: a count of 10^-12 dollars × 2^30.
    pub exact: i128,
    /// The same in dollars.
    pub usd: f64,
    /// How long the transfer takes.
    pub time: Duration,
}

impl Build<'_> {
    /// Datasets by level of size and place, and throughput between places.
    pub(super) fn network(&mut self) {
        let (world, places) = (self.world, self.world.places.locations());
        let mut read: Vec<Vec<u64>> = vec![Vec::new(); world.inputs.estate.datasets.len()];
        for input in world.inputs.workloads.iter().flat_map(|w| &w.spec.inputs) {
            if let Some(d) = input.dataset.as_deref().and_then(|name| world.dataset(name)) {
                read[d].push(input.size.unwrap_or(world.inputs.estate.datasets[d].size).0);
            }
        }
        let mut lanes = Lanes { world, known: BTreeMap::new() };
        for (d, mut sizes) in read.into_iter().enumerate() {
            sizes.sort_unstable();
            sizes.dedup();
            let mut usd = Array2::from_elem((sizes.len(), places), f64::NAN);
            let mut arrivals = Array2::from_elem((sizes.len(), places), None);
            for (level, size) in sizes.iter().enumerate() {
                for place in 0..places {
                    let to = LocationIx(place as u32);
                    if let Some(copy) = best(&world.copies[d], |from| lanes.moved(from, to, Bytes(*size))) {
                        usd[(level, place)] = copy.usd;
                        arrivals[(level, place)] = Some(copy.time);
                    }
                }
            }
            self.problem.datasets.push(Dataset { sizes, usd });
            self.arrivals.push(arrivals);
        }
        let provider = (0..places)
            .map(|p| {
                let location = LocationIx(p as u32);
                match world.network().provider(location) {
                    Some(cloud) => plimsoll_catalog::clouds().position(|c| c == cloud).unwrap_or(1000) as u32,
                    None => 10_000 + world.places.place(location).0,
                }
            })
            .collect();
        let tiers = world.network().by_cloud().then(|| {
            (0..places)
                .map(|p| {
                    let tiers = world.network().tiers(LocationIx(p as u32));
                    tiers.into_iter().map(|(limit, usd)| (limit, usd.to_f64() / GB)).collect()
                })
                .collect()
        });
        self.problem.network = Network {
            usd_per_byte: Array2::from_elem((places, places), f64::NAN),
            pico_gbps: Array2::zeros((places, places)),
            tiers,
            provider,
            region: (0..places).map(|p| world.places.place(LocationIx(p as u32)).0).collect(),
        };
    }

    /// The copy of a dataset that a reader at a location uses: the cheapest, of equals the fastest, then
    /// the first listed. `None` where no copy's price is known.
    pub fn cheapest_copy(&self, dataset: usize, to: LocationIx, size: Bytes) -> Option<Copy> {
        cheapest_copy(self.world, dataset, to, size, &mut Assumptions::ignored())
    }

    /// Whether anything states what data costs that leaves a place for another.
    pub(super) fn may_leave(&self, from: LocationIx) -> bool {
        let network = self.world.network();
        network.by_cloud()
            || (0..self.world.places.locations() as u32).map(LocationIx).any(|to| {
                let elsewhere = self.world.places.place(to) != self.world.places.place(from);
                elsewhere && network.egress(from, to, &mut Assumptions::ignored()).is_some()
            })
    }

    /// Prices and throughput between the places of producers and consumers.
    pub(super) fn egress_of_edges(&mut self) {
        let world = self.world;
        // Each with the first consumer that something is moved to: what is nothing costs nothing.
        let mut pairs: BTreeMap<(u32, u32), Option<usize>> = BTreeMap::new();
        let places = |task: &Task| {
            let mut list: Vec<u32> = task.choices.iter().map(|c| c.place).collect();
            list.sort_unstable();
            list.dedup();
            list
        };
        let tasks = &self.problem.tasks;
        for (index, consumer) in tasks.iter().enumerate() {
            for edge in &consumer.inputs {
                for from in places(&tasks[edge.producer as usize]) {
                    for to in places(consumer) {
                        let moved = pairs.entry((from, to)).or_default();
                        *moved = moved.or((edge.bytes > 0).then_some(index));
                    }
                }
            }
        }
        for ((from, to), moves) in pairs {
            if between(world, &mut self.problem.network, from, to) {
                continue;
            }
            if let Some(index) = moves {
                let label = |place| world.places.label(LocationIx(place));
                let (a, b) = (label(from), label(to));
                let by = || needed_by(world.inputs, index, "spec.inputs");
                self.missing.entry(format!("no egress price from {a} to {b} (`egress`)")).or_insert_with(by);
            } else {
                self.problem.network.usd_per_byte[(from as usize, to as usize)] = 0.0;
            }
        }
    }
}

/// States what lies between two places of the problem; false when nothing states the price.
pub fn between(world: &World<'_>, network: &mut Network, from: u32, to: u32) -> bool {
    let (a, b) = (LocationIx(from), LocationIx(to));
    let at = (from as usize, to as usize);
    let ignored = &mut Assumptions::ignored();
    network.pico_gbps[at] = world.network().throughput(a, b, ignored).map_or(0, GbitPerSecond::pico);
    if network.tiers.is_some() {
        return true;
    }
    let usd = world.network().egress(a, b, ignored);
    network.usd_per_byte[at] = usd.map_or(f64::NAN, |usd| usd.to_f64() / GB);
    usd.is_some()
}

/// The copy of a dataset that a reader at a location uses.
pub fn cheapest_copy(
    world: &World<'_>,
    dataset: usize,
    to: LocationIx,
    size: Bytes,
    notes: &mut Assumptions,
) -> Option<Copy> {
    let best = best(&world.copies[dataset], |from| {
        let exact = world.network().egress_usd(from, to, size, &mut Assumptions::ignored())?;
        Some((exact, transfer(world, from, to, size, &mut Assumptions::ignored())))
    })?;
    // Only what the chosen copy needs is an assumption of the plan.
    world.network().egress_usd(best.from, to, size, notes);
    transfer(world, best.from, to, size, notes);
    Some(best)
}

/// The best of some copies, by what moving each costs exactly and takes.
fn best(
    copies: &[LocationIx],
    mut moved: impl FnMut(LocationIx) -> Option<(i128, Duration)>,
) -> Option<Copy> {
    let copies = copies.iter().filter_map(|from| {
        let (exact, time) = moved(*from)?;
        Some(Copy { from: *from, exact, usd: exact as f64 / GB / 1e12, time })
    });
    copies.reduce(|best, next| if (next.exact, next.time) < (best.exact, best.time) { next } else { best })
}

/// What lies between places, looked up once for each two.
struct Lanes<'w> {
    world: &'w World<'w>,
    known: BTreeMap<(LocationIx, LocationIx), (Option<Usd>, Option<GbitPerSecond>)>,
}

impl Lanes<'_> {
    /// What moving data costs exactly, and how long it takes; `None` where nothing states the price.
    fn moved(&mut self, from: LocationIx, to: LocationIx, size: Bytes) -> Option<(i128, Duration)> {
        let (network, ignored) = (self.world.network(), &mut Assumptions::ignored());
        if network.by_cloud() {
            let exact = network.egress_usd(from, to, size, ignored)?;
            return Some((exact, transfer(self.world, from, to, size, ignored)));
        }
        let (price, gbps) = *self
            .known
            .entry((from, to))
            .or_insert_with(|| (network.egress(from, to, ignored), network.throughput(from, to, ignored)));
        let time = gbps.map_or(0, |gbps| transfer_time(size.0, gbps.pico()));
        Some((price?.pico().saturating_mul(i128::from(size.0)), Duration::from_nanos(time)))
    }
}

/// How long moving data takes.
pub fn transfer(
    world: &World<'_>,
    from: LocationIx,
    to: LocationIx,
    size: Bytes,
    notes: &mut Assumptions,
) -> Duration {
    let gbps = world.network().throughput(from, to, notes);
    Duration::from_nanos(gbps.map_or(0, |gbps| transfer_time(size.0, gbps.pico())))
}
