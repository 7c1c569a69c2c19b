//! Packing replicas onto equal machines of one's own, device by device, over time.
//!
//! A replica stays on its node for all of its runs. Whole accelerators take free devices; a fraction
//! lies on one device together with other fractions. Found by best fit of the largest first, else by
//! a bounded depth-first search over nodes (nodes in equal state are tried once); what the search does
//! not settle within its limit counts as not fitting, which is safe: a plan never overfills.

use crate::problem::{Demand, Nanos, NodeGroup};

/// Tasks that share a group, each with its demand a replica and its runs.
#[derive(Debug, Clone)]
pub struct Tenant<'a> {
    /// What each replica asks.
    pub demand: Demand,
    /// How many replicas.
    pub replicas: u32,
    /// When they run.
    pub runs: &'a [(Nanos, Nanos)],
}

/// Where one replica lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The node's index.
    pub node: u32,
    /// The devices it uses.
    pub devices: Vec<u32>,
}

/// Steps of the search before it gives up.
const LIMIT: u32 = 20_000;

/// What came of packing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packing {
    /// The spots of every replica: by tenant, then by replica.
    Spots(Vec<Vec<Spot>>),
    /// There is none.
    Full,
    /// None was found within the steps of the search, and none ruled out.
    Unsettled,
}

/// Packs every replica. Depends on the order of the tenants only among equal demands.
pub fn pack(group: NodeGroup, tenants: &[Tenant<'_>]) -> Packing {
    let mut order: Vec<usize> = (0..tenants.len()).collect();
    // Largest first: devices, then cores, then memory.
    order.sort_by_key(|i| {
        let d = tenants[*i].demand;
        (std::cmp::Reverse((d.accelerators, d.cpu, d.memory)), *i)
    });
    let items: Vec<usize> =
        order.iter().flat_map(|i| std::iter::repeat_n(*i, tenants[*i].replicas as usize)).collect();
    let mut search = Search { group, tenants, items, spots: Vec::new(), steps: 0 };
    if !search.place(0) {
        return if search.steps > LIMIT { Packing::Unsettled } else { Packing::Full };
    }
    let mut result: Vec<Vec<Spot>> = vec![Vec::new(); tenants.len()];
    for (item, spot) in search.items.iter().zip(search.spots) {
        result[*item].push(spot);
    }
    Packing::Spots(result)
}

/// Whether one more tenant finds room beside others that stay where they are, replica by replica.
pub fn fits_beside(group: NodeGroup, others: &[(Tenant<'_>, Vec<Spot>)], new: Tenant<'_>) -> bool {
    let replicas = new.replicas as usize;
    let tenants: Vec<Tenant<'_>> = others.iter().map(|other| other.0.clone()).chain([new]).collect();
    let mut items: Vec<usize> = (0..).zip(others).flat_map(|(i, o)| o.1.iter().map(move |_| i)).collect();
    let at = items.len();
    items.extend(std::iter::repeat_n(others.len(), replicas));
    let spots = others.iter().flat_map(|other| other.1.iter().cloned()).collect();
    Search { group, tenants: &tenants, items, spots, steps: 0 }.place(at)
}

struct Search<'a> {
    group: NodeGroup,
    tenants: &'a [Tenant<'a>],
    items: Vec<usize>,
    spots: Vec<Spot>,
    steps: u32,
}

/// What is left of a node while a replica would run, at the worst moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Room {
    cpu: u64,
    memory: u64,
    /// Free thousandths of each device.
    devices: Vec<u64>,
}

/// A spot to try: what would be wasted, the node, what is free on the devices, the devices.
type Candidate = (Vec<u64>, u32, Vec<u64>, Vec<u32>);

/// Who is on a node: (tenant, devices).
type Tenancy = Vec<(usize, Vec<u32>)>;

impl Search<'_> {
    fn place(&mut self, at: usize) -> bool {
        let Some(&tenant) = self.items.get(at) else { return true };
        self.steps += 1;
        if self.steps > LIMIT {
            return false;
        }
        let demand = self.tenants[tenant].demand;
        // Equal replicas one after the other go to nodes and devices in ascending order: no permutation
        // twice.
        let (from, after) = match at.checked_sub(1).map(|before| (self.items[before], &self.spots[before])) {
            Some((before, spot)) if before == tenant => (spot.node, spot.devices.first().copied()),
            _ => (0, None),
        };
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut seen: Vec<(Tenancy, Room)> = Vec::new();
        for node in from..self.group.nodes {
            let room = self.room(node, tenant);
            // Nodes in the same state, with the same tenants, are the same choice.
            let here: Tenancy = self
                .spots
                .iter()
                .zip(&self.items)
                .filter(|(s, _)| s.node == node)
                .map(|(s, item)| (*item, s.devices.clone()))
                .collect();
            let least = after.filter(|_| node == from).unwrap_or(0);
            if least == 0 && seen.iter().any(|known| known.0 == here && known.1 == room) {
                continue;
            }
            let waste = waste(&room, demand);
            for devices in fits(&room, demand, &here, least) {
                let left = devices.iter().map(|d| room.devices[*d as usize]).collect();
                candidates.push((waste.clone(), node, left, devices));
            }
            seen.push((here, room));
        }
        candidates.sort();
        for (_, node, _, devices) in candidates {
            self.spots.push(Spot { node, devices });
            if self.place(at + 1) {
                return true;
            }
            self.spots.pop();
            if self.steps > LIMIT {
                return false;
            }
        }
        false
    }

    /// What is left of a node at the worst moment of the tenant's runs: the least of each resource over
    /// the moments at which anything begins. Devices count separately.
    fn room(&self, node: u32, tenant: usize) -> Room {
        let whole = Room {
            cpu: self.group.cpu.unwrap_or(u64::MAX),
            memory: self.group.memory.unwrap_or(u64::MAX),
            devices: vec![1000; self.group.devices as usize],
        };
        let others: Vec<(&Spot, &Tenant<'_>)> = self
            .spots
            .iter()
            .zip(&self.items)
            .filter(|(spot, _)| spot.node == node)
            .map(|(spot, item)| (spot, &self.tenants[*item]))
            .collect();
        let mut worst = whole.clone();
        for &(start, end) in self.tenants[tenant].runs {
            let moments = std::iter::once(start).chain(
                others
                    .iter()
                    .flat_map(|(_, t)| t.runs.iter().map(|r| r.0))
                    .filter(|m| *m > start && *m < end),
            );
            for moment in moments {
                let mut now = whole.clone();
                for (spot, other) in &others {
                    if other.runs.iter().any(|r| r.0 <= moment && moment < r.1) {
                        take(&mut now, spot, other.demand);
                    }
                }
                worst.cpu = worst.cpu.min(now.cpu);
                worst.memory = worst.memory.min(now.memory);
                for (w, n) in worst.devices.iter_mut().zip(&now.devices) {
                    *w = (*w).min(*n);
                }
            }
        }
        worst
    }
}

fn take(room: &mut Room, spot: &Spot, demand: Demand) {
    room.cpu = room.cpu.saturating_sub(demand.cpu);
    room.memory = room.memory.saturating_sub(demand.memory);
    for device in &spot.devices {
        let part = demand.accelerators.min(1000);
        if let Some(left) = room.devices.get_mut(*device as usize) {
            *left = left.saturating_sub(part);
        }
    }
}

/// Sets of devices that are tried for one replica on one node.
const SETS: usize = 64;

/// Every set of devices, from `least` on, that a replica may take; of devices with the same tenants only
/// the first stands for all. None when it does not fit.
fn fits(room: &Room, demand: Demand, here: &[(usize, Vec<u32>)], least: u32) -> Vec<Vec<u32>> {
    if demand.cpu > room.cpu || demand.memory > room.memory {
        return Vec::new();
    }
    if demand.accelerators == 0 {
        return vec![Vec::new()];
    }
    let needed = demand.accelerators.min(1000);
    let count = demand.accelerators.div_ceil(1000) as usize;
    // Devices by who is on them.
    let mut kinds: Vec<(Vec<usize>, Vec<u32>)> = Vec::new();
    for device in least..room.devices.len() as u32 {
        if room.devices[device as usize] < needed {
            continue;
        }
        let tenants: Vec<usize> = here
            .iter()
            .flat_map(|(tenant, devices)| devices.iter().filter(|d| **d == device).map(|_| *tenant))
            .collect();
        match kinds.iter_mut().find(|kind| kind.0 == tenants) {
            Some(kind) => kind.1.push(device),
            None => kinds.push((tenants, vec![device])),
        }
    }
    let mut sets = Vec::new();
    choose(&kinds, count, &mut Vec::new(), &mut sets);
    sets
}

/// Every way to take `count` devices of some kinds, the first ones of each.
fn choose(kinds: &[(Vec<usize>, Vec<u32>)], count: usize, taken: &mut Vec<u32>, sets: &mut Vec<Vec<u32>>) {
    if count == 0 {
        let mut set = taken.clone();
        set.sort_unstable();
        sets.push(set);
        return;
    }
    let Some(((_, devices), rest)) = kinds.split_first() else { return };
    for of_this in (0..=devices.len().min(count)).rev() {
        if sets.len() >= SETS {
            return;
        }
        let before = taken.len();
        taken.extend(&devices[..of_this]);
        choose(rest, count - of_this, taken, sets);
        taken.truncate(before);
    }
}

/// What would be left, most important first: less is a better fit.
fn waste(room: &Room, demand: Demand) -> Vec<u64> {
    let free: u64 = room.devices.iter().sum();
    vec![
        free.saturating_sub(demand.accelerators),
        room.cpu.saturating_sub(demand.cpu),
        room.memory.saturating_sub(demand.memory),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: NodeGroup = NodeGroup { nodes: 2, devices: 2, cpu: Some(8000), memory: Some(64) };

    fn tenant(accelerators: u64, cpu: u64, replicas: u32, runs: &[(Nanos, Nanos)]) -> Tenant<'_> {
        Tenant { demand: Demand { accelerators, cpu, memory: 0 }, replicas, runs }
    }

    #[test]
    fn a_fraction_lies_on_one_device() {
        let runs = [(0, 10)];
        // Six of 0.6 need six devices; there are four.
        assert!(matches!(pack(GROUP, &[tenant(600, 0, 4, &runs)]), Packing::Spots(_)));
        assert_eq!(pack(GROUP, &[tenant(600, 0, 5, &runs)]), Packing::Full);
        assert!(matches!(pack(GROUP, &[tenant(300, 0, 12, &runs)]), Packing::Spots(_)));
        assert_eq!(pack(GROUP, &[tenant(300, 0, 13, &runs)]), Packing::Full);
    }

    #[test]
    fn time_shares_a_device() {
        let (morning, evening) = ([(0, 10)], [(10, 20)]);
        let tenants = [tenant(2000, 0, 2, &morning), tenant(2000, 0, 2, &evening)];
        assert!(matches!(pack(GROUP, &tenants), Packing::Spots(_)));
        let clash = [(9, 20)];
        assert_eq!(pack(GROUP, &[tenant(2000, 0, 2, &morning), tenant(1000, 0, 1, &clash)]), Packing::Full);
    }

    #[test]
    fn a_search_that_gives_up_settles_nothing() {
        let runs = [(0, 10)];
        let group = NodeGroup { nodes: 12, devices: 0, cpu: Some(1_000), memory: None };
        // As much as there is, in odd thirds: each machine would have to be filled to the last part.
        let cpu = (0..36_u64).map(|i| 250 + (i * 7_919 + 13) % 167);
        let mut tenants: Vec<Tenant<'_>> = cpu.map(|cpu| tenant(0, cpu, 1, &runs)).collect();
        let sum: u64 = tenants.iter().map(|tenant| tenant.demand.cpu).sum();
        tenants[0].demand.cpu += 12_000 - sum;
        assert_eq!(pack(group, &tenants), Packing::Unsettled);
    }

    #[test]
    fn the_search_undoes_a_greedy_choice_of_devices() {
        let runs = [(0, 10)];
        let one = NodeGroup { nodes: 1, ..GROUP };
        let tenants: Vec<Tenant<'_>> =
            [600, 500, 300, 200, 200, 200].map(|part| tenant(part, 0, 1, &runs)).into();
        // 0.6 + 0.2 + 0.2 and 0.5 + 0.3 + 0.2; the fullest device first gives 0.6 + 0.3.
        assert!(matches!(pack(one, &tenants), Packing::Spots(_)));
        // Four runs, at most two at a time; the first free device gives the third the first's.
        let runs = [[(0, 3)], [(2, 5)], [(6, 9)], [(4, 7)]];
        let tenants: Vec<Tenant<'_>> = runs.iter().map(|runs| tenant(1000, 0, 1, runs)).collect();
        assert!(matches!(pack(one, &tenants), Packing::Spots(_)));
    }

    #[test]
    fn the_search_undoes_a_greedy_mistake() {
        let runs = [(0, 10)];
        // Cores: 5+3 and 4+4 fill both nodes; best fit alone may pair 5 with 4.
        let tenants = [tenant(0, 5000, 1, &runs), tenant(0, 4000, 2, &runs), tenant(0, 3000, 1, &runs)];
        assert!(matches!(pack(GROUP, &tenants), Packing::Spots(_)));
    }
}
