//! From what is known of the cluster to a snapshot.
//!
//! A snapshot is made whole each time, in time linear in nodes and pods; what is dear is kept from one to the next: the
//! prices behind the scores, and the tables of scores, of which only the entries of new groups are made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::fleet::{self, Devices};
use plimsoll_packing::{
    fleet::{Ask, DEVICE, Model, Node, Request, State},
    scores::{Board, Gangs, Kinds, Regret, RegretParams, Reserve, Sampling, Score, bids},
};
use rustc_hash::FxHashMap;

use super::{Bounds, Budgets, Class, Known, Seat, Snapshot, request};
use crate::{
    cluster::{Cluster, Millis, Pod},
    wire::Reason,
};

/// Classes of pods that nodes are scored for: those that wait first, for those are asked about. To pods of further classes
/// all nodes are as good.
const TABLES: usize = 64;
/// Classes that prices are sought for: the most frequent ones.
const PRICED: usize = 48;

/// Makes snapshots, one after another.
#[derive(Debug, Default)]
pub struct Builder {
    number: u64,
    models: Arc<Vec<(String, String)>>,
    board: Option<Board>,
    shape: Vec<Node>,
    names: Vec<Box<str>>,
    scorer: Option<Arc<Regret>>,
    priced: Vec<(Request, u64)>,
    mix: Vec<(Request, u64)>,
    /// By request, and whether it is of a gang.
    tables: FxHashMap<(Request, bool), Arc<Vec<Option<i64>>>>,
    /// The gangs to expect, and the whole nodes that are kept back for them.
    expected: Option<Vec<Gangs>>,
    reserve: Reserve,
    reasons: FxHashMap<String, Reason>,
}

impl Builder {
    /// The snapshot of now.
    pub fn snapshot(&mut self, cluster: &mut Cluster, now: Millis, bounds: Bounds) -> Snapshot {
        cluster.refresh();
        let held = cluster.held_gangs(now, bounds.plan);
        self.see_nodes(cluster);
        let at: FxHashMap<Box<str>, u32> =
            (0..).zip(&self.names).map(|(at, name)| (name.clone(), at)).collect();
        let classed = self.classify(cluster);
        let mut draft = Draft {
            free: self.shape.iter().map(State::empty).collect(),
            kept: vec![Vec::new(); self.shape.len()],
            kinds: vec![Kinds::default(); self.shape.len()],
            ganged: vec![false; self.shape.len()],
        };
        let on = |pod: &Pod| pod.facts.node.as_deref().and_then(|node| at.get(node).copied());
        let running = cluster.pods().values().filter_map(|pod| Some((on(pod)?, &**pod.needs.as_ref()?)));
        draft.seat(running, &self.models);
        let claims: Vec<fleet::Pod> = cluster.held_by_claims().collect();
        let claims = claims.iter().filter_map(|claim| Some((*at.get(claim.on.as_deref()?)?, claim)));
        draft.seat(claims, &self.models);
        let mut pods: FxHashMap<Box<str>, Known> = FxHashMap::default();
        for (uid, pod) in cluster.pods() {
            let class = classed.of.get(&**uid).copied();
            let waits = pod.facts.is_waiting();
            if !waits && class.is_none() {
                continue;
            }
            let kept = cluster.kept_plan(pod, now, bounds.plan).filter(|_| waits && class.is_some());
            let planned = kept
                .zip(pod.facts.planned.as_ref())
                .and_then(|(node, planned)| Some((*at.get(node)?, planned.at.saturating_add(bounds.plan))));
            let needs = pod.needs.as_ref();
            let gang = pod.facts.gang.as_ref();
            let seat = on(pod).or(planned.map(|(node, _)| node));
            if let Some(node) = seat.filter(|_| gang.is_some_and(|gang| classed.large.contains(&**gang))) {
                draft.ganged[node as usize] = true;
            }
            let known = Known {
                class,
                planned,
                on: on(pod),
                priority: pod.facts.priority,
                stays: pod.facts.planned.is_some()
                    && cluster.is_planned(pod)
                    && (gang.is_some() || needs.is_some_and(|needs| needs.required || needs.stays.is_some())),
                held: gang
                    .filter(|_| waits && planned.is_none() && cluster.is_planned(pod))
                    .and_then(|gang| held.get(&**gang).copied()),
                trace: (waits && cluster.is_planned(pod)).then(|| Box::new(pod.facts.trace())),
            };
            pods.insert(uid.as_str().into(), known);
        }
        let mut kept: Vec<(i32, &str, u32, u32)> = Vec::new();
        for uid in cluster.pods().keys() {
            let Some(known) = pods.get(&**uid) else { continue };
            if let (Some((node, _)), Some(class)) = (known.planned, known.class) {
                kept.push((known.priority, uid, node, class));
            }
        }
        kept.sort_by_key(|(priority, uid, ..)| (std::cmp::Reverse(*priority), *uid));
        for (priority, _, node, class) in kept {
            draft.keep(node, &classed.requests[class as usize].0, priority);
        }
        let classes = self.score(&draft, classed.requests);
        let Draft { free, kept, .. } = draft;
        let board = self.board.as_ref();
        let nodes = self.names.iter().zip(&self.shape).zip(free.into_iter().zip(kept)).enumerate();
        let nodes = nodes.map(|(at, ((name, node), (free, kept)))| Seat {
            name: name.clone(),
            node: node.clone(),
            free,
            kept,
            group: board.map_or(0, |board| board.group(at)),
        });
        self.number += 1;
        Snapshot {
            is_synced: true,
            at: now,
            until: now.saturating_add(bounds.view),
            number: self.number,
            nodes: nodes.collect(),
            by_name: at,
            pods,
            classes,
            models: Arc::clone(&self.models),
            hardware: Arc::clone(cluster.hardware()),
            beside: cluster.what_is_beside().clone(),
            budgets: budgets(cluster),
        }
    }

    /// The nodes and models; everything that was made of others goes.
    fn see_nodes(&mut self, cluster: &Cluster) {
        let nodes = &cluster.hardware().nodes;
        let key = |devices: &Devices| (devices.resource.clone(), devices.model.clone());
        let mut models: Vec<(String, String)> =
            nodes.iter().filter_map(|node| node.devices.as_ref()).map(key).collect();
        models.sort();
        models.dedup();
        if models != *self.models {
            self.models = Arc::new(models);
            self.expected = None;
            self.scorer = None;
            self.tables.clear();
        }
        let shape: Vec<Node> = nodes.iter().map(|node| machine(node, &self.models)).collect();
        if shape != self.shape {
            self.names = nodes.iter().map(|node| node.name.as_str().into()).collect();
            self.shape = shape;
            self.expected = None;
            self.board = None;
            self.tables.clear();
        }
    }

    /// The pods with accelerators by what they ask for.
    fn classify<'c>(&mut self, cluster: &'c Cluster) -> Classed<'c> {
        let large = self.expect(cluster);
        let mut classed = Classed { of: FxHashMap::default(), requests: Vec::new(), large };
        let mut known: BTreeMap<(Request, Option<fleet::Ask>, bool), u32> = BTreeMap::new();
        let mut counts: FxHashMap<Request, u64> = FxHashMap::default();
        let (waiting, others): (Vec<_>, Vec<_>) =
            cluster.pods().iter().partition(|(_, pod)| pod.facts.is_waiting());
        for (uid, pod) in waiting.into_iter().chain(others) {
            let Some(needs) = pod.needs.as_deref().filter(|_| pod.is_ours()) else { continue };
            let request = request(needs, &self.models);
            *counts.entry(request.clone()).or_default() += 1;
            let of_gang = pod.facts.gang.as_deref().is_some_and(|gang| classed.large.contains(gang));
            let next = classed.requests.len() as u32;
            let key = (request, needs.ask.clone(), of_gang);
            let class = *known.entry(key).or_insert_with_key(|(request, ask, of_gang)| {
                classed.requests.push((request.clone(), ask.clone(), *of_gang));
                next
            });
            classed.of.insert(uid, class);
        }
        let mut mix: Vec<(Request, u64)> = counts.into_iter().collect();
        mix.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
        mix.truncate(PRICED);
        mix.sort();
        self.price(mix);
        classed
    }

    /// Keeps whole nodes back for gangs to come: of all work that the nodes hold as large a part as there is of it among
    /// all pods. The gangs of several nodes; what one node holds is scored as any other pod.
    fn expect<'c>(&mut self, cluster: &'c Cluster) -> BTreeSet<&'c str> {
        let mut gangs: BTreeMap<&str, BTreeMap<Request, u32>> = BTreeMap::new();
        let mut asked = 0;
        for pod in cluster.pods().values().filter(|pod| pod.is_ours()) {
            let Some(needs) = pod.needs.as_deref() else { continue };
            asked += needs.accelerators_milli;
            if let Some(gang) = pod.facts.gang.as_deref() {
                *gangs.entry(gang).or_default().entry(request(needs, &self.models)).or_default() += 1;
            }
        }
        let mut alike: BTreeMap<Vec<(Request, u32)>, Vec<&str>> = BTreeMap::new();
        for (gang, pods) in gangs {
            alike.entry(pods.into_iter().collect()).or_default().push(gang);
        }
        alike.retain(|pods, _| self.is_large(pods));
        let seen = alike.iter().map(|(pods, names)| Gangs { pods: pods.clone(), count: names.len() as u64 });
        let expected = Gangs::expected(&seen.collect::<Vec<_>>(), asked, &self.shape);
        if self.expected.as_ref() != Some(&expected) {
            self.reserve = Reserve::of(&self.shape, &expected);
            self.expected = Some(expected);
        }
        alike.into_values().flatten().collect()
    }

    /// Whether no node holds the whole devices of a gang of these pods.
    fn is_large(&self, pods: &[(Request, u32)]) -> bool {
        let whole = pods.iter().filter(|(request, _)| matches!(request.devices, Ask::Whole(_)));
        let milli: u64 = whole.map(|(request, count)| request.milli() * u64::from(*count)).sum();
        let may = |node: &&Node| pods.iter().any(|(request, _)| request.allows(node));
        let most = self.shape.iter().filter(may).map(|node| node.devices).max().unwrap_or(0);
        milli > u64::from(most) * u64::from(DEVICE)
    }

    /// Notes the mix of pods, and scores by plain prices until there are better ones.
    fn price(&mut self, mix: Vec<(Request, u64)>) {
        if self.scorer.is_none() {
            let plain = mix.iter().map(|(class, _)| class.worth() as f64).collect();
            self.accept(Prices { mix: mix.clone(), sets: vec![plain] });
            self.priced.clear();
        }
        self.mix = mix;
    }

    /// What prices are to be found for, where those at hand are for another mix of pods.
    ///
    /// Prices are of proportions: a few pods more or less change nothing that is worth the time.
    pub fn unpriced(&self) -> Option<Unpriced> {
        let is_near = |(known, many): &(Request, u64), (other, more): &(Request, u64)| {
            known == other && many.abs_diff(*more) <= many.max(more) / 2
        };
        let alike = self.mix.len() == self.priced.len();
        let alike = alike && self.mix.iter().zip(&self.priced).all(|(a, b)| is_near(a, b));
        let is_moot = self.mix.is_empty() || self.shape.is_empty();
        (!alike && !is_moot).then(|| Unpriced { mix: self.mix.clone(), nodes: self.shape.clone() })
    }

    /// Scores by these prices from the next snapshot on.
    pub fn accept(&mut self, prices: Prices) {
        let classes: Vec<Request> = prices.mix.iter().map(|(class, _)| class.clone()).collect();
        self.scorer =
            Some(Arc::new(Regret::new(&self.shape, &classes, &prices.sets, RegretParams::default())));
        self.priced = prices.mix;
        self.tables.clear();
    }

    /// The classes with their scores.
    fn score(&mut self, draft: &Draft, requests: Vec<(Request, Option<fleet::Ask>, bool)>) -> Vec<Class> {
        let open = |at: usize| draft.kept[at].last().map_or(&draft.free[at], |(_, state)| state);
        // Groups that no node is in any more are as much work as those that one is in.
        if self.board.as_ref().is_some_and(|board| board.groups() > 1_000 + 8 * self.shape.len()) {
            self.board = None;
            self.tables.clear();
        }
        if let Some(board) = &mut self.board {
            for at in 0..self.shape.len() {
                let view = board.view(at);
                if view.state != open(at) || view.kinds != draft.kinds[at] {
                    board.set(at, open(at).clone(), draft.kinds[at]);
                }
            }
        } else {
            let states = (0..self.shape.len()).map(|at| open(at).clone()).collect();
            self.board = Some(Board::new(self.shape.clone(), states, draft.kinds.clone()));
        }
        if let Some(board) = &mut self.board {
            board.keep(&self.reserve, |at| draft.ganged[at]);
        }
        let (Some(board), Some(scorer)) = (&self.board, &self.scorer) else { return Vec::new() };
        let mut classes = Vec::with_capacity(requests.len());
        for (at, (request, ask, of_gang)) in requests.into_iter().enumerate() {
            let table = self.tables.entry((request.clone(), of_gang)).or_default();
            if at < TABLES {
                board.complete(Arc::make_mut(table), &**scorer as &dyn Score, &request, of_gang);
            }
            let table = Arc::clone(table);
            let wrong = intern(&mut self.reasons, &wrong(ask.as_ref()));
            classes.push(Class { request, ask, of_gang, table, wrong });
        }
        classes
    }
}

/// The disruption budgets of pods that run.
fn budgets(cluster: &Cluster) -> Budgets {
    let mut found = Budgets::default();
    let mut places: BTreeMap<&str, u32> = BTreeMap::new();
    for (uid, pod) in cluster.pods().iter().filter(|(_, pod)| pod.facts.node.is_some()) {
        let keys = cluster.budgets(pod);
        let own: Box<[u32]> = keys
            .filter_map(|key| {
                let allowed = cluster.what_is_beside().budget(key)?.allowed;
                Some(*places.entry(key).or_insert_with(|| {
                    found.allowed.push(allowed);
                    found.allowed.len() as u32 - 1
                }))
            })
            .collect();
        if !own.is_empty() {
            found.of.insert(uid.as_str().into(), own);
        }
    }
    found
}

/// The same text once.
fn intern(known: &mut FxHashMap<String, Reason>, text: &str) -> Reason {
    Arc::clone(known.entry(text.to_owned()).or_insert_with_key(|text| text.as_str().into()))
}

/// What is said of nodes without the right accelerators.
pub(super) fn wrong(ask: Option<&fleet::Ask>) -> String {
    match ask {
        Some(ask) if !ask.models.is_empty() => format!("no {}", ask.models.join(" or ")),
        Some(ask) => format!("no {}", ask.resource),
        None => "no accelerators".to_owned(),
    }
}

/// A mix of pods that prices are to be found for.
#[derive(Debug)]
pub struct Unpriced {
    mix: Vec<(Request, u64)>,
    nodes: Vec<Node>,
}

/// Sets of prices of the classes of a mix.
#[derive(Debug)]
pub struct Prices {
    mix: Vec<(Request, u64)>,
    sets: Vec<Vec<f64>>,
}

impl Unpriced {
    /// Finds the prices. This solves linear programs: never where a request waits for it.
    pub fn solve(self) -> Prices {
        let (classes, counts): (Vec<Request>, Vec<u64>) = self.mix.iter().cloned().unzip();
        let sets = bids(&self.nodes, &classes, &counts, Sampling::default()).unwrap_or_default();
        // What a pod holds is its price where there is no better one.
        let plain = || vec![classes.iter().map(|class| class.worth() as f64).collect()];
        let sets = if sets.is_empty() { plain() } else { sets };
        Prices { mix: self.mix, sets }
    }
}

struct Classed<'c> {
    of: FxHashMap<&'c str, u32>,
    requests: Vec<(Request, Option<fleet::Ask>, bool)>,
    /// Gangs of more than a node holds.
    large: BTreeSet<&'c str>,
}

/// A node in the numbers of the packing.
pub(super) fn machine(node: &fleet::Node, models: &[(String, String)]) -> Node {
    let room = |resource: &str| node.room.get(resource).copied().unwrap_or(0);
    let key = node.devices.as_ref().map(|devices| (&devices.resource, &devices.model));
    let model = key
        .and_then(|(resource, model)| models.binary_search_by(|(a, b)| (a, b).cmp(&(resource, model))).ok());
    Node {
        name: node.name.clone(),
        cpu_milli: room("cpu"),
        memory_mib: room("memory") >> 20,
        model: model.map(|at| Model(at as u16)),
        devices: node.devices.as_ref().map_or(0, |devices| devices.count),
        ..Node::default()
    }
}

/// What is free, while it is worked out.
struct Draft {
    free: Vec<State>,
    kept: Vec<Vec<(i32, State)>>,
    kinds: Vec<Kinds>,
    /// Which nodes run pods of gangs of several nodes, or are to.
    ganged: Vec<bool>,
}

impl Draft {
    /// Puts the pods that run on their nodes. Which devices they hold only their nodes know: the largest first, each
    /// is given those on which it leaves least.
    fn seat<'p>(&mut self, pods: impl Iterator<Item = (u32, &'p fleet::Pod)>, models: &[(String, String)]) {
        let mut by_node: BTreeMap<u32, Vec<(Request, &str)>> = BTreeMap::new();
        for (node, needs) in pods {
            by_node.entry(node).or_default().push((request(needs, models), &needs.name));
        }
        for (node, mut pods) in by_node {
            pods.sort_by_key(|(request, uid)| {
                let whole = matches!(request.devices, Ask::Whole(_));
                (std::cmp::Reverse((whole, request.milli())), *uid)
            });
            let at = node as usize;
            for (request, _) in pods {
                self.kinds[at] = self.kinds[at].with(Kinds::of(&request));
                hold(&mut self.free[at], &request);
            }
        }
    }

    /// Keeps room for a pod that is on its way; those of higher priority have come before.
    fn keep(&mut self, node: u32, request: &Request, priority: i32) {
        let at = node as usize;
        let levels = &mut self.kept[at];
        match levels.last_mut() {
            Some((last, state)) if *last == priority => hold(state, request),
            last => {
                let mut state = last.map_or(&self.free[at], |(_, state)| state).clone();
                hold(&mut state, request);
                levels.push((priority, state));
            }
        }
        self.kinds[at] = self.kinds[at].with(Kinds::of(request));
    }
}

/// Takes what a pod holds; where less is left than that (a node that shrank, a pod that came past us), all of it.
fn hold(state: &mut State, request: &Request) {
    if state.place(request).is_ok() {
        return;
    }
    let part = Request { devices: Ask::None, ..request.clone() };
    let cpu_milli = part.cpu_milli.min(state.cpu_milli);
    let memory_mib = part.memory_mib.min(state.memory_mib);
    let whole = match request.devices {
        Ask::Whole(count) => Ask::Whole(count.min(state.whole() as u16)),
        other => other,
    };
    let devices = if whole == Ask::Whole(0) { Ask::None } else { whole };
    let rest = Request { cpu_milli, memory_mib, devices, ..Request::default() };
    if state.place(&rest).is_err() {
        _ = state.place(&Request { devices: Ask::None, ..rest });
    }
}
