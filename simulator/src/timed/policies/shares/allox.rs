//! `AlloX` (Le et al., `EuroSys` 2020): jobs of one accelerator each are assigned to accelerators and places in their
//! queues so that the sum of their completion times is least; who has come to run stays.
//!
//! The job that is n-th from the end of an accelerator's queue delays n jobs, itself included, by its run time. So each
//! job is given a kind and such a place, and of each kind a place can be given as often as the kind has accelerators
//! free: a transportation problem, whose linear program is whole by itself.

use std::collections::BTreeMap;

use plimsoll_solver::linear::{Program, highs::Highs};
use rand_chacha::ChaCha8Rng;

use super::{Parts, Rule, Scene, program};

#[derive(Debug, Default)]
pub(super) struct Allox {
    /// By order of arrival: where it runs.
    on: BTreeMap<u64, usize>,
}

impl Rule for Allox {
    fn divide(&mut self, scene: &Scene, _: &mut ChaCha8Rng) -> Parts {
        self.on.retain(|order, _| scene.claims.iter().any(|claim| claim.order == *order));
        let mut free: Vec<usize> = scene.devices.iter().map(|devices| *devices as usize).collect();
        for kind in self.on.values() {
            free[*kind] -= 1;
        }
        let waiting: Vec<usize> =
            (0..scene.claims.len()).filter(|at| !self.on.contains_key(&scene.claims[*at].order)).collect();
        for (at, kind) in first(scene, &waiting, &free) {
            self.on.insert(scene.claims[at].order, kind);
        }
        let mut parts = program::nothing(scene);
        for (claim, part) in scene.claims.iter().zip(&mut parts) {
            if let Some(kind) = self.on.get(&claim.order) {
                part[*kind] = 1.0;
            }
        }
        parts
    }
}

/// Where a job that waits is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) claim: usize,
    pub(super) kind: usize,
    /// 1 for the last of a queue.
    pub(super) from_end: usize,
}

/// How long a job takes on a kind.
pub(super) fn hours(scene: &Scene, claim: usize, kind: usize) -> f64 {
    scene.claims[claim].left / scene.claims[claim].pace[kind] / 3600.0
}

/// The places of those that wait, on accelerators that are free.
pub(super) fn places(scene: &Scene, waiting: &[usize], free: &[usize]) -> Vec<Place> {
    let mut program = Program::default();
    let mut places = Vec::new();
    let mut of_claim: BTreeMap<usize, Vec<(u32, f64)>> = BTreeMap::new();
    let mut of_place: BTreeMap<(usize, usize), Vec<(u32, f64)>> = BTreeMap::new();
    for claim in waiting.iter().copied() {
        for (kind, count) in free.iter().enumerate().filter(|(_, count)| **count > 0) {
            if scene.claims[claim].pace[kind] <= 0.0 {
                continue;
            }
            for from_end in 1..=waiting.len().div_ceil(*count) {
                let cost = from_end as f64 * hours(scene, claim, kind);
                let column = program.column(cost, 0.0, 1.0, false);
                places.push(Place { claim, kind, from_end });
                of_claim.entry(claim).or_default().push((column, 1.0));
                of_place.entry((kind, from_end)).or_default().push((column, 1.0));
            }
        }
    }
    if places.is_empty() {
        return places;
    }
    for terms in of_claim.into_values() {
        program.row(1.0, 1.0, terms);
    }
    for ((kind, _), terms) in of_place {
        program.row(f64::NEG_INFINITY, free[kind] as f64, terms);
    }
    let Some(values) = Highs::new(&program, false, None).run().values else { return Vec::new() };
    places.into_iter().zip(values).filter(|(_, value)| *value > 0.5).map(|(place, _)| place).collect()
}

/// Who of those that wait is first in the queue of an accelerator, and of which kind.
fn first(scene: &Scene, waiting: &[usize], free: &[usize]) -> Vec<(usize, usize)> {
    let places = places(scene, waiting, free);
    let mut chosen = Vec::new();
    for kind in 0..free.len() {
        let mut queue: Vec<Place> = places.iter().copied().filter(|place| place.kind == kind).collect();
        // The first of a queue is the farthest from its end; where queues are as long, the shortest job goes first.
        let queues = queue.iter().filter(|place| place.from_end == 1).count();
        queue.sort_by(|one, other| {
            let shorter = hours(scene, one.claim, kind).total_cmp(&hours(scene, other.claim, kind));
            other.from_end.cmp(&one.from_end).then(shorter).then(one.claim.cmp(&other.claim))
        });
        chosen.extend(queue.into_iter().take(queues).map(|place| (place.claim, kind)));
    }
    chosen
}
