//! Which nodes and devices: the packing of own machines, spelled out.

use std::collections::BTreeMap;

use plimsoll_model::plan::NodeUse;
use plimsoll_solver::{
    pack::{Packing, Spot, Tenant, fits_beside, pack},
    problem::Demand,
};

use crate::{build::Build, price::Decision};

/// By task: the nodes it has, on own machines.
pub(crate) type Nodes = BTreeMap<usize, Vec<NodeUse>>;

/// By task: its nodes, on own machines.
pub(crate) fn assign(build: &Build<'_>, decisions: &[Option<Decision>]) -> Nodes {
    let mut tenants: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (task, decision) in decisions.iter().enumerate() {
        if let Some(decision) = decision
            && let Some(group) = build.problem.tasks[task].choices[decision.choice].group
        {
            tenants.entry(group).or_default().push(task);
        }
    }
    let names: Vec<&str> =
        build.world().inputs.estate.sites.iter().flat_map(|s| &s.nodes).map(|n| n.name.as_str()).collect();
    let mut result = BTreeMap::new();
    for (group, tasks) in tenants {
        let list: Vec<Tenant<'_>> = tasks
            .iter()
            .map(|task| {
                let t = &build.problem.tasks[*task];
                let runs = decisions[*task].as_ref().map_or(&[][..], |d| &d.runs);
                let demand = decisions[*task].as_ref().map(|d| t.choices[d.choice].demand);
                Tenant { demand: demand.unwrap_or_default(), replicas: t.replicas, runs }
            })
            .collect();
        // The solver found this packing before: the search is deterministic in its input.
        let Packing::Spots(spots) = pack(build.problem.groups[group as usize], &list) else { continue };
        for (task, spots) in tasks.into_iter().zip(spots) {
            let mut by_node: BTreeMap<u32, NodeUse> = BTreeMap::new();
            for spot in spots {
                let entry = by_node.entry(spot.node).or_insert_with(|| NodeUse {
                    node: format!("{}/{}", names[group as usize], spot.node),
                    replicas: 0,
                    devices: None,
                });
                entry.replicas += 1;
                if !spot.devices.is_empty() {
                    entry.devices.get_or_insert_with(Vec::new).extend(spot.devices);
                }
            }
            result.insert(task, by_node.into_values().collect());
        }
    }
    result
}

/// Whether a task finds room on a group's machines over some runs, beside all others on their nodes.
pub(crate) fn room(
    build: &Build<'_>,
    decisions: &[Option<Decision>],
    nodes: &Nodes,
    task: usize,
    group: u32,
    demand: Demand,
    runs: &[(i64, i64)],
) -> bool {
    let tasks = &build.problem.tasks;
    let others: Vec<(Tenant<'_>, Vec<Spot>)> = nodes
        .iter()
        .filter(|(other, _)| **other != task)
        .filter_map(|(other, uses)| {
            let decision = decisions[*other].as_ref()?;
            let t = &tasks[*other];
            let choice = &t.choices[decision.choice];
            (choice.group == Some(group)).then(|| {
                let tenant = Tenant { demand: choice.demand, replicas: t.replicas, runs: &decision.runs };
                (tenant, uses.iter().flat_map(spots).collect())
            })
        })
        .collect();
    let t = &tasks[task];
    let new = Tenant { demand, replicas: t.replicas, runs };
    fits_beside(build.problem.groups[group as usize], &others, new)
}

/// The replicas of a use, one by one.
fn spots(of: &NodeUse) -> impl Iterator<Item = Spot> {
    let node = of.node.rsplit('/').next().and_then(|index| index.parse().ok()).unwrap_or(0);
    let devices = of.devices.as_deref().unwrap_or_default();
    let each = devices.len() / (of.replicas.max(1) as usize);
    (0..of.replicas as usize).map(move |i| Spot { node, devices: devices[i * each..(i + 1) * each].to_vec() })
}
