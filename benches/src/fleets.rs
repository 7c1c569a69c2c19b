//! Clusters to pack, made from openb's lists.

use plimsoll_packing::fleet::{Ask, Cluster, DEVICE, Node, Placement, Pod, Request, State};
use plimsoll_simulator::{draws::Draws, replay::Input};

/// Kinds of nodes of a cluster of different pods that are in four states, the others in three: with the 15 kinds of
/// openb that is 50.
const IN_FOUR: usize = 5;

/// The pods of a list, more drawn from it until they ask for so much of the GPUs, all so many times over.
pub fn inflated(input: &Input, load: f64, times: usize) -> Cluster {
    let mut pods = input.pods.clone();
    let milli = |pod: u32| input.classes[pod as usize].milli();
    let mut asked: u64 = pods.iter().map(|pod| milli(*pod)).sum();
    let mut draws = Draws::chacha(7);
    while load > 1.0 && (asked as f64) < load * input.milli() as f64 {
        let pod = input.pods[draws.below(input.pods.len())];
        asked += milli(pod);
        pods.push(pod);
    }
    let mut cluster = Cluster { models: input.models.clone(), ..Cluster::default() };
    for time in 0..times {
        let named = |node: &Node| Node { name: format!("{}-{time}", node.name), ..node.clone() };
        cluster.nodes.extend(input.nodes.iter().map(named));
        let pod = |(index, class): (usize, &u32)| {
            Pod::new(format!("pod-{index}-{time}"), input.classes[*class as usize].clone())
        };
        cluster.pods.extend(pods.iter().enumerate().map(pod));
    }
    cluster
}

/// One per cent of pods and nodes go, as many others come.
pub fn changed(cluster: &mut Cluster, input: &Input, turn: u64) {
    let mut draws = Draws::chacha(100 + turn);
    for index in 0..cluster.pods.len() / 100 {
        cluster.pods.swap_remove(draws.below(cluster.pods.len()));
        let class = input.pods[draws.below(input.pods.len())];
        cluster.pods.push(Pod::new(format!("new-{turn}-{index}"), input.classes[class as usize].clone()));
    }
    for index in 0..cluster.nodes.len() / 100 {
        cluster.nodes.swap_remove(draws.below(cluster.nodes.len()));
        let of = &input.nodes[draws.below(input.nodes.len())];
        cluster.nodes.push(Node { name: format!("new-{turn}-{index}"), ..of.clone() });
    }
}

/// Pods drawn from a list, CPU and memory of each up to 10 % off and shares of devices up to so many per cent, so
/// that hardly two are alike; beside pods that run already, which leave the nodes in 50 states.
pub fn different(input: &Input, nodes: usize, pods: usize, shares_off: u64) -> Cluster {
    let mut draws = Draws::chacha(11);
    let mut cluster = Cluster { models: input.models.clone(), ..Cluster::default() };
    let mut kinds: Vec<Node> = Vec::new();
    for index in 0..nodes {
        let of = &input.nodes[draws.below(input.nodes.len())];
        let kind = kinds.iter().position(|kind| {
            (kind.cpu_milli, kind.memory_mib, kind.model, kind.devices)
                == (of.cpu_milli, of.memory_mib, of.model, of.devices)
        });
        let kind = kind.unwrap_or_else(|| {
            kinds.push(of.clone());
            kinds.len() - 1
        });
        let node = Node { name: format!("node-{index:05}"), ..of.clone() };
        let mut state = State::empty(&node);
        for (at, request) in resident(kind, draws.below(4)).into_iter().enumerate() {
            if let Ok(devices) = state.place(&request) {
                let mut pod = Pod::new(format!("runs-{index:05}-{at}"), request);
                pod.running = Some(Placement { node: index, devices });
                cluster.pods.push(pod);
            }
        }
        cluster.nodes.push(node);
    }
    let mut off = |amount: u64, per_cent: u64| {
        let most = amount * per_cent / 100;
        amount - most + draws.below(2 * most as usize + 1) as u64
    };
    let mut picks = Draws::chacha(13);
    while cluster.pods.len() < pods {
        let class = input.pods[picks.below(input.pods.len())];
        let mut request = input.classes[class as usize].clone();
        request.cpu_milli = off(request.cpu_milli, 10);
        request.memory_mib = off(request.memory_mib, 10);
        if let Ask::Share(milli) = &mut request.devices {
            *milli = (off(u64::from(*milli), shares_off) as u16).clamp(1, DEVICE - 1);
        }
        cluster.pods.push(Pod::new(format!("pod-{:06}", cluster.pods.len()), request));
    }
    cluster
}

/// What runs already on a node of a kind, in one of its states: nothing in the first, then a share, a whole device
/// and a share, CPU alone.
fn resident(kind: usize, state: usize) -> Vec<Request> {
    let request =
        |cpu_milli, devices| Request { cpu_milli, memory_mib: 8 << 10, devices, ..Request::default() };
    match state {
        1 => vec![request(6_000, Ask::Share(300))],
        2 => vec![request(10_000, Ask::Whole(1)), request(4_000, Ask::Share(500))],
        3 if kind < IN_FOUR => vec![request(14_000, Ask::None)],
        _ => Vec::new(),
    }
}
