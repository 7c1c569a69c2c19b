//! Whether the replicas on own nodes can be packed at all: exact backtracking, for small cases.
//!
//! Every replica stays on its node and devices for all runs of its workload. Equal nodes and equal
//! devices (the same load at every instant) are tried once; the replicas of a workload go to nodes in
//! ascending order. Nothing is cut off, so that the answer is exact, and slow where packing is hard.

use std::collections::BTreeSet;

use plimsoll_model::Time;

use super::{Load, Need, capacity};
use crate::{
    Checker,
    offer::Offer,
    state::State,
    violation::{Kind, Violation},
};

/// The replicas of one workload that are still to be put somewhere.
struct Job {
    need: Need,
    replicas: u32,
    /// The segments of time in which it runs.
    segments: Vec<usize>,
}

/// Loads by segment; one for each node.
type Node = Vec<Load>;

struct Search<'a> {
    offer: &'a Offer,
    jobs: Vec<Job>,
    nodes: Vec<Node>,
}

impl Checker<'_> {
    /// Packs the workloads that name no nodes beside those that do.
    pub(crate) fn check_packable(&self, state: &State, offer: &Offer) -> Option<Violation> {
        let own = offer.own.as_ref()?;
        let on: Vec<_> = state.on(&offer.name).filter(|(_, placed)| placed.fit.is_some()).collect();
        if on.iter().all(|(_, placed)| placed.nodes.is_some()) {
            return None;
        }
        let moments: BTreeSet<Time> = on
            .iter()
            .flat_map(|(_, placed)| placed.runs.iter().flat_map(|(start, end)| [*start, *end]))
            .collect();
        let moments: Vec<Time> = moments.into_iter().collect();
        let segments = |runs: &[(Time, Time)]| -> Vec<usize> {
            let runs_in =
                |at: &usize| runs.iter().any(|(start, end)| *start <= moments[*at] && moments[*at] < *end);
            (0..moments.len().saturating_sub(1)).filter(runs_in).collect()
        };
        let empty: Node = vec![Load::default(); moments.len().saturating_sub(1)];
        // A node a replica and those that are named: more empty ones would be no help.
        let replicas = |index: usize| u64::from(self.inputs.workloads[index].spec.replicas);
        let named = on.iter().flat_map(|(_, placed)| placed.nodes.iter().flatten());
        let beyond =
            named.filter_map(|used| super::node_index(offer, &used.node)).max().map_or(0, |last| last + 1);
        let useful = on.iter().map(|(index, _)| replicas(*index)).sum::<u64>() + u64::from(beyond);
        let count = usize::try_from(useful.min(u64::from(own.count))).unwrap_or(usize::MAX);
        let mut search = Search { offer, jobs: Vec::new(), nodes: vec![empty; count] };
        for (index, placed) in on {
            let spec = &self.inputs.workloads[index].spec;
            let need = Need::of(&self.way(spec, offer));
            let segments = segments(&placed.runs);
            match &placed.nodes {
                None => search.jobs.push(Job { need, replicas: spec.replicas, segments }),
                Some(nodes) => {
                    for used in nodes {
                        let Some(node) = super::node_index(offer, &used.node) else { continue };
                        for segment in &segments {
                            search.nodes[node as usize][*segment].add(need, used);
                        }
                    }
                }
            }
        }
        // Large replicas first: they fail early.
        search
            .jobs
            .sort_by_key(|job| std::cmp::Reverse((job.need.accelerators, job.need.cpu, job.need.memory)));
        let replicas: u64 = search.jobs.iter().map(|job| u64::from(job.replicas)).sum();
        (!search.place(0, 0, 0)).then(|| {
            Violation::new(
                Kind::Packing,
                &*offer.name,
                format!("{} nodes cannot hold {replicas} replicas at the times they run", own.count),
            )
        })
    }
}

impl Search<'_> {
    /// Places replica `replica` of job `job`, on node `from` or a later one, and all that follow.
    fn place(&mut self, job: usize, replica: u32, from: usize) -> bool {
        let Some(current) = self.jobs.get(job) else { return true };
        if replica == current.replicas {
            return self.place(job + 1, 0, 0);
        }
        let mut tried: Vec<Node> = Vec::new();
        for at in from..self.nodes.len() {
            if tried.contains(&self.nodes[at]) {
                continue;
            }
            tried.push(self.nodes[at].clone());
            for devices in self.choices(job, at) {
                self.put(job, at, &devices, true);
                if self.place(job, replica + 1, at) {
                    return true;
                }
                self.put(job, at, &devices, false);
            }
        }
        false
    }

    /// The sets of devices, up to equal ones, on which a replica fits; one empty set when it needs none.
    fn choices(&self, job: usize, at: usize) -> Vec<Vec<u32>> {
        let Job { need, segments, .. } = &self.jobs[job];
        let node = &self.nodes[at];
        let (cpu, memory) = capacity(self.offer);
        let fits = segments.iter().all(|segment| {
            node[*segment].cpu + need.cpu <= cpu && node[*segment].memory + need.memory <= memory
        });
        if !fits {
            return Vec::new();
        }
        let wanted = usize::try_from(need.devices()).unwrap_or(usize::MAX);
        // Devices of one history are one class; how many of each class is all that matters. Of the
        // devices that are never used, as many as the replica wants will do.
        let used: BTreeSet<u32> = node.iter().flat_map(|load| load.devices.keys().copied()).collect();
        let fresh = (0..).take_while(|device| u64::from(*device) < self.offer.devices());
        let fresh: Vec<u32> = fresh.filter(|device| !used.contains(device)).take(wanted).collect();
        let load = |load: &Load, device: u32| load.devices.get(&device).copied().unwrap_or_default();
        let mut classes: Vec<(Vec<u64>, Vec<u32>)> = Vec::new();
        for device in used.into_iter().chain(fresh) {
            if segments.iter().any(|segment| load(&node[*segment], device) + need.of_device() > 1000) {
                continue;
            }
            let history: Vec<u64> = node.iter().map(|one| load(one, device)).collect();
            match classes.iter_mut().find(|(known, _)| *known == history) {
                Some((_, members)) => members.push(device),
                None => classes.push((history, vec![device])),
            }
        }
        let mut sets = vec![Vec::new()];
        for (_, members) in &classes {
            sets = sets
                .into_iter()
                .flat_map(|set: Vec<u32>| {
                    let most = members.len().min(wanted - set.len());
                    (0..=most).map(move |take| set.iter().chain(&members[..take]).copied().collect())
                })
                .collect();
        }
        sets.retain(|set: &Vec<u32>| set.len() == wanted);
        sets
    }

    fn put(&mut self, job: usize, at: usize, devices: &[u32], add: bool) {
        let Job { need, segments, .. } = &self.jobs[job];
        let change = |value: &mut u64, by: u64| if add { *value += by } else { *value -= by };
        for segment in segments {
            let load = &mut self.nodes[at][*segment];
            change(&mut load.cpu, need.cpu);
            change(&mut load.memory, need.memory);
            for device in devices {
                let used = load.devices.entry(*device).or_default();
                change(used, need.of_device());
                if *used == 0 {
                    load.devices.remove(device);
                }
            }
        }
    }
}
