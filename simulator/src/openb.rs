//! openb's lists as input of a replay.

use std::collections::BTreeMap;

use plimsoll_packing::{
    fleet::{Ask, Model, Node, Request},
    scores::{Power, Sockets, Watts},
};
use plimsoll_traces::openb;

use crate::replay::Input;

/// Nodes and pods by name, as the original sorts them before it draws.
pub fn input(nodes: &[openb::Node], pods: &[openb::Pod]) -> Input {
    let mut models: BTreeMap<&str, Model> = BTreeMap::new();
    for model in nodes.iter().flat_map(|node| &node.model).chain(pods.iter().flat_map(|pod| &pod.models)) {
        models.insert(model, Model(0));
    }
    for (index, model) in (0_u16..).zip(models.values_mut()) {
        *model = Model(index);
    }
    let mut nodes: Vec<Node> = nodes
        .iter()
        .map(|node| Node {
            name: node.name.clone(),
            cpu_milli: node.cpu_milli,
            memory_mib: node.memory_mib,
            model: node.model.as_deref().map(|model| models[model]),
            devices: node.gpus as u16,
            ..Node::default()
        })
        .collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let mut pods: Vec<&openb::Pod> = pods.iter().collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    let names = pods.iter().map(|pod| pod.name.clone()).collect();
    let requests = pods.into_iter().map(|pod| {
        let mut allowed: Vec<Model> = pod.models.iter().map(|model| models[model.as_str()]).collect();
        // Repetitions stay: they make a class of their own, which counts where typical pods are counted.
        allowed.sort_unstable();
        Request {
            cpu_milli: pod.cpu_milli,
            memory_mib: pod.memory_mib,
            devices: match (pod.gpus, pod.gpu_milli) {
                (0, _) => Ask::None,
                (1, milli) if milli < 1000 => Ask::Share(milli as u16),
                (count, _) => Ask::Whole(count as u16),
            },
            models: allowed,
            ..Request::default()
        }
    });
    let models: Vec<String> = models.keys().map(|name| (*name).to_owned()).collect();
    let power = power(&models);
    Input { power: Some(power), names, ..Input::new(models, nodes, requests) }
}

/// What openb's devices draw, idle and busy, as the paper on PWR (`CCGrid` 2025) gives it: G2 is taken for an A10 and
/// G3 for an A100. A model that it does not give draws nothing.
pub fn power(models: &[String]) -> Power {
    let watts = |name: &str| match name {
        "T4" => Watts { idle: 10, busy: 70 },
        "A10" | "G2" => Watts { idle: 30, busy: 150 },
        "P100" => Watts { idle: 25, busy: 250 },
        "V100M16" | "V100M32" => Watts { idle: 30, busy: 300 },
        "A100" | "G3" => Watts { idle: 50, busy: 400 },
        _ => Watts::default(),
    };
    Power { devices: models.iter().map(|name| watts(name)).collect(), sockets: Sockets::default() }
}
