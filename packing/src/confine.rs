//! Pods that run within one domain: the hosts of a slice of TPUs, the nodes that `NVLink` joins, a rack.
//!
//! A gang has one or more confines, each of some of its pods, and each is within one domain of its kind. So a class of
//! confined pods is an item in each domain that may hold some, and how many confines of a [`Block`] are in a domain is a
//! column of the program ([`crate::joint`]). It is at most what the domain holds of them by sums and by counting each
//! request alone, rounded down: of a domain that holds one and a half there is one, which the program would not know.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    classes::PodClass,
    fleet::{Ask, Cluster, Request, State},
};

/// Confines of gangs that need the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// How many pods of each class, by rising class.
    pub needs: Vec<(u32, u32)>,
    /// The kind of domain.
    pub kind: u32,
    /// Gangs and their confines, in the order in which gangs run.
    pub confines: Vec<(u32, u32)>,
    /// The domains that may hold some, with how many each holds at most.
    pub domains: Vec<(u32, u32)>,
}

/// Of each confine some of whose pods wait, the domains that may hold it, with how many of its like each holds at most.
pub type Reach = BTreeMap<u32, Vec<(u32, u32)>>;

/// The reach of each confine on nodes in these states.
pub fn reach(cluster: &Cluster, states: &[State]) -> Reach {
    let mut needs: BTreeMap<u32, BTreeMap<&Request, u64>> = BTreeMap::new();
    for pod in cluster.pods.iter().filter(|pod| pod.running.is_none()) {
        if let Some(confine) = pod.confine {
            *needs.entry(confine).or_default().entry(&pod.request).or_default() += 1;
        }
    }
    if needs.is_empty() {
        return Reach::new();
    }
    let mut nodes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, node) in cluster.nodes.iter().enumerate().take(states.len()) {
        for domain in &node.domains {
            nodes.entry(*domain).or_default().push(index);
        }
    }
    let mut alike: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for (confine, needs) in needs {
        alike.entry((cluster.confines[confine as usize].kind, needs)).or_default().push(confine);
    }
    let mut reach = Reach::new();
    for ((kind, needs), confines) in alike {
        let of_kind = nodes.iter().filter(|(domain, _)| cluster.domains[**domain as usize].kind == kind);
        let most = of_kind.map(|(domain, nodes)| (*domain, most(cluster, states, nodes, &needs)));
        let domains: Vec<(u32, u32)> = most.filter(|(_, most)| *most > 0).collect();
        reach.extend(confines.into_iter().map(|confine| (confine, domains.clone())));
    }
    reach
}

/// How many times some nodes hold all of some requests, at most.
fn most(cluster: &Cluster, states: &[State], nodes: &[usize], needs: &BTreeMap<&Request, u64>) -> u32 {
    let mut most = u64::from(u32::MAX);
    for (request, count) in needs {
        let open = nodes.iter().filter(|node| request.allows(&cluster.nodes[**node]));
        let fit = open.fold(0_u64, |sum, node| sum.saturating_add(copies(&states[*node], request)));
        most = most.min(fit / count);
    }
    let free =
        |of: fn(&State) -> u64| nodes.iter().fold(0_u64, |sum, node| sum.saturating_add(of(&states[*node])));
    let asked = |of: fn(&Request) -> u64| {
        needs
            .iter()
            .fold(0_u64, |sum, (request, count)| sum.saturating_add(of(request).saturating_mul(*count)))
    };
    for (free, asked) in [
        (free(parts), asked(Request::milli)),
        (free(|state| state.cpu_milli), asked(|request| request.cpu_milli)),
        (free(|state| state.memory_mib), asked(|request| request.memory_mib)),
    ] {
        most = most.min(free.checked_div(asked).unwrap_or(most));
    }
    u32::try_from(most).unwrap_or(u32::MAX)
}

/// The milli of devices that anyone could still hold, in shares or in slices.
fn parts(state: &State) -> u64 {
    let of = |device: &crate::fleet::Device| match device.taken {
        0 => u64::from(device.free),
        taken => u64::from(taken.count_zeros()) * 125,
    };
    state.devices.iter().map(of).sum()
}

/// How many times a request fits in a state, at most.
fn copies(state: &State, request: &Request) -> u64 {
    if !state.fits(request) {
        return 0;
    }
    let times = |free: u64, asked: u64| free.checked_div(asked).unwrap_or(u64::from(u32::MAX));
    let mut fit = times(state.cpu_milli, request.cpu_milli).min(times(state.memory_mib, request.memory_mib));
    for (free, asked) in state.extras.iter().zip(&request.extras) {
        fit = fit.min(times(*free, *asked));
    }
    let by_devices = match request.devices {
        Ask::None => u64::MAX,
        Ask::Share(milli) => state.devices.iter().map(|device| u64::from(device.free / milli)).sum(),
        Ask::Slice(slice) => parts(state) / (u64::from(slice.length) * 125).max(1),
        Ask::Whole(count) if state.joins(request) => {
            state.groups().iter().map(|group| times(group.len() as u64, u64::from(count))).sum()
        }
        Ask::Whole(count) => times(state.whole() as u64, u64::from(count)),
    };
    fit.min(by_devices).min(if request.apart.is_some() { 1 } else { u64::MAX })
}

/// The domains that may hold some confine.
pub fn usable(reach: &Reach) -> BTreeSet<u32> {
    reach.values().flatten().map(|(domain, _)| *domain).collect()
}

/// The confines of the gangs that wait, by what they need of each class.
pub fn blocks(cluster: &Cluster, classes: &[PodClass], reach: &Reach) -> Vec<Block> {
    let mut needs: BTreeMap<(u32, u32), BTreeMap<u32, u32>> = BTreeMap::new();
    for (index, class) in (0..).zip(classes) {
        for pod in &class.pods {
            let it = &cluster.pods[*pod];
            if let (Some(gang), Some(confine)) = (it.gang, it.confine) {
                *needs.entry((gang, confine)).or_default().entry(index).or_default() += 1;
            }
        }
    }
    let mut alike: BTreeMap<_, Vec<(u32, u32)>> = BTreeMap::new();
    for ((gang, confine), needs) in needs {
        let kind = cluster.confines[confine as usize].kind;
        let needs: Vec<(u32, u32)> = needs.into_iter().collect();
        alike.entry((kind, needs)).or_default().push((gang, confine));
    }
    let block = |((kind, needs), mut confines): (_, Vec<(u32, u32)>)| {
        let names = |(gang, confine): &(u32, u32)| {
            (&cluster.gangs[*gang as usize], &cluster.confines[*confine as usize].name)
        };
        confines.sort_by(|a, b| names(a).cmp(&names(b)));
        let mut domains: BTreeMap<u32, u32> = BTreeMap::new();
        for (domain, most) in confines.iter().filter_map(|(_, confine)| reach.get(confine)).flatten() {
            let entry = domains.entry(*domain).or_default();
            *entry = (*entry).max(*most);
        }
        let many = confines.len() as u32;
        let domains = domains.into_iter().map(|(domain, most)| (domain, most.min(many))).collect();
        Block { needs, kind, confines, domains }
    };
    alike.into_iter().map(block).collect()
}

/// Which domain each confine of the gangs that run goes to, from how many of each block are in each of its domains.
pub fn settled(blocks: &[Block], counts: &[u32], run: &BTreeSet<u32>) -> BTreeMap<u32, u32> {
    let mut within = BTreeMap::new();
    let mut counts = counts.iter();
    for block in blocks {
        let domains = block.domains.iter().zip(counts.by_ref());
        let mut places =
            domains.flat_map(|((domain, _), count)| std::iter::repeat_n(*domain, *count as usize));
        for (_, confine) in block.confines.iter().filter(|(gang, _)| run.contains(gang)) {
            within.extend(places.next().map(|domain| (*confine, domain)));
        }
    }
    within
}
