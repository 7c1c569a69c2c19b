//! Rules that patterns do not know, and what still fits.
//!
//! A pattern knows one node. Rounding patterns may tear what joins nodes (gangs all or nothing, confines within one
//! domain, spreads over zones): what breaks a rule is taken back, gangs are tried as a whole, and then every pod that still fits is placed, the
//! worthiest first, where it leaves least.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    classes::Classes,
    fleet::{Ask, Cluster, Placement, State},
    order::{Left, Order, Refused},
};

/// How many pods of each spread are in each of its zones.
///
/// Running pods may be askew and stay so: the skew binds zones that a pod comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spreads {
    zones: Vec<BTreeMap<u32, Count>>,
}

/// The pods of a spread in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    all: u32,
    /// Those that did not run on the node where they are.
    came: u32,
}

impl Spreads {
    /// As placed.
    fn of(cluster: &Cluster, placements: &[Option<Placement>]) -> Self {
        let others = |(zone, all): (&u32, &u32)| (*zone, Count { all: *all, came: 0 });
        let zones = cluster.spreads.iter().map(|spread| spread.zones.iter().map(others).collect());
        let mut spreads = Self { zones: zones.collect() };
        for (pod, placement) in placements.iter().enumerate() {
            if let Some(placement) = placement {
                spreads.add(cluster, pod, placement.node);
            }
        }
        spreads
    }

    fn count(&mut self, cluster: &Cluster, pod: usize, node: usize) -> Option<(&mut Count, u32)> {
        let it = &cluster.pods[pod];
        let came = it.running.as_ref().is_none_or(|running| running.node != node);
        let count = self.zones.get_mut(it.spread? as usize)?.get_mut(&cluster.nodes[node].zone?)?;
        Some((count, u32::from(came)))
    }

    fn add(&mut self, cluster: &Cluster, pod: usize, node: usize) {
        if let Some((count, came)) = self.count(cluster, pod, node) {
            count.all += 1;
            count.came += came;
        }
    }

    fn remove(&mut self, cluster: &Cluster, pod: usize, node: usize) {
        if let Some((count, came)) = self.count(cluster, pod, node) {
            count.all = count.all.saturating_sub(1);
            count.came = count.came.saturating_sub(came);
        }
    }

    /// Whether one more pod may go to a node's zone.
    fn allow(&self, cluster: &Cluster, pod: usize, node: usize) -> bool {
        let Some(spread) = cluster.pods[pod].spread else { return true };
        let Some(zones) = self.zones.get(spread as usize) else { return true };
        let Some(zone) = cluster.nodes[node].zone.filter(|zone| zones.contains_key(zone)) else {
            return false;
        };
        let after = |(at, count): (&u32, &Count)| count.all + u32::from(*at == zone);
        let it = &cluster.spreads[spread as usize];
        zones[&zone].all < it.least(zones.iter().map(after)) + it.skew
    }

    /// A spread and a zone that pods came to and that has more than its skew allows.
    fn uneven(&self, cluster: &Cluster) -> Option<(u32, u32)> {
        for ((spread, zones), it) in (0..).zip(&self.zones).zip(&cluster.spreads) {
            let least = it.least(zones.values().map(|count| count.all));
            let is_crowded = |count: &Count| count.came > 0 && count.all > least + it.skew;
            if let Some((zone, _)) = zones.iter().find(|(_, count)| is_crowded(count)) {
                return Some((spread, *zone));
            }
        }
        None
    }
}

/// A packing on its way: what is placed, and what is free then.
#[derive(Debug)]
pub struct Filler<'a> {
    cluster: &'a Cluster,
    classes: &'a Classes,
    /// What is free on each node.
    pub states: Vec<State>,
    /// Where each pod is.
    pub placements: Vec<Option<Placement>>,
    order: Order,
    spreads: Spreads,
    /// The pods of each gang that did not run before.
    gangs: BTreeMap<u32, Vec<usize>>,
    /// The nodes of each domain, where some pods are confined.
    domains: BTreeMap<u32, Vec<usize>>,
    /// The domain that each confine is tried in.
    within: BTreeMap<u32, u32>,
}

impl<'a> Filler<'a> {
    /// Continues from what patterns placed.
    pub fn new(
        cluster: &'a Cluster,
        classes: &'a Classes,
        states: Vec<State>,
        placements: Vec<Option<Placement>>,
    ) -> Self {
        let spreads = Spreads::of(cluster, &placements);
        let mut gangs: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (pod, it) in cluster.pods.iter().enumerate() {
            if let Some(gang) = it.gang.filter(|_| it.running.is_none()) {
                gangs.entry(gang).or_default().push(pod);
            }
        }
        let mut domains: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        if cluster.pods.iter().any(|pod| pod.confine.is_some()) {
            for (node, it) in cluster.nodes.iter().enumerate() {
                it.domains.iter().for_each(|domain| domains.entry(*domain).or_default().push(node));
            }
        }
        let order = Order::new(cluster, &states);
        Self { cluster, classes, states, placements, order, spreads, gangs, domains, within: BTreeMap::new() }
    }

    /// The gangs of which some pods are placed and some are not, or not all of a confine in one domain, with how many
    /// are placed.
    pub fn torn(&self) -> Vec<(u32, usize)> {
        let placed = |pods: &Vec<usize>| pods.iter().filter(|pod| self.placements[**pod].is_some()).count();
        let is_torn = |pods: &Vec<usize>, placed: usize| {
            placed > 0 && (placed < pods.len() || !self.domains.is_empty() && self.is_split(pods))
        };
        let counts = self.gangs.iter().map(|(gang, pods)| (*gang, pods, placed(pods)));
        counts
            .filter(|(_, pods, placed)| is_torn(pods, *placed))
            .map(|(gang, _, placed)| (gang, placed))
            .collect()
    }

    /// Whether pods of a confine are in different domains, or one is in none.
    fn is_split(&self, pods: &[usize]) -> bool {
        let mut within: BTreeMap<u32, u32> = BTreeMap::new();
        pods.iter().any(|pod| {
            let (Some(confine), Some(at)) = (self.cluster.pods[*pod].confine, &self.placements[*pod]) else {
                return false;
            };
            let domain = self.domain(confine, at.node);
            domain.is_none_or(|domain| *within.entry(confine).or_insert(domain) != domain)
        })
    }

    /// The domain of a node that is of the kind of a confine.
    fn domain(&self, confine: u32, node: usize) -> Option<u32> {
        let kind = self.cluster.confines[confine as usize].kind;
        let of_kind = |domain: &&u32| self.cluster.domains[**domain as usize].kind == kind;
        self.cluster.nodes[node].domains.iter().find(of_kind).copied()
    }

    /// Takes back what breaks a rule, then places whatever fits.
    pub fn finish(mut self) -> (Vec<State>, Vec<Option<Placement>>) {
        self.mend();
        self.fill_gangs();
        self.fill_pods();
        // Zones have filled since some pods of a spread were refused.
        self.fill_pods();
        (self.states, self.placements)
    }

    /// Takes pods back until no rule is broken. What is placed one by one afterwards breaks none.
    fn mend(&mut self) {
        loop {
            let crowded = self.spreads.uneven(self.cluster);
            let out = match crowded.and_then(|(spread, zone)| self.least_in(spread, zone)) {
                Some(pod) => vec![pod],
                None => self.torn().iter().flat_map(|(gang, _)| self.gangs[gang].clone()).collect(),
            };
            if out.is_empty() {
                return;
            }
            for pod in out {
                self.take_back(pod);
            }
        }
    }

    /// The pod of a spread that is worth least of those that came to a zone.
    fn least_in(&self, spread: u32, zone: u32) -> Option<usize> {
        let here = |pod: &usize| {
            let it = &self.cluster.pods[*pod];
            let at = self.placements[*pod].as_ref().map(|placement| placement.node);
            it.spread == Some(spread)
                && it.running.is_none()
                && at.is_some_and(|node| self.cluster.nodes[node].zone == Some(zone))
        };
        let key = |pod: &usize| (self.cluster.pods[*pod].worth, &self.cluster.pods[*pod].name);
        (0..self.cluster.pods.len()).filter(here).min_by(|a, b| key(a).cmp(&key(b)))
    }

    /// Takes a pod off its node: it waits.
    pub(crate) fn take_back(&mut self, pod: usize) {
        if let Some(placement) = self.placements[pod].take() {
            self.states[placement.node].release(&self.cluster.pods[pod].request, &placement.devices);
            self.order.set(placement.node, &self.states[placement.node]);
            self.spreads.remove(self.cluster, pod, placement.node);
        }
    }

    /// The pods on each node.
    pub(crate) fn residents(&self) -> Vec<Vec<usize>> {
        let mut residents = vec![Vec::new(); self.states.len()];
        for (pod, placement) in self.placements.iter().enumerate() {
            if let Some(placement) = placement {
                residents[placement.node].push(pod);
            }
        }
        residents
    }

    /// Moves a pod to any node but one; false, and nothing changes, when it fits on none or would leave its
    /// spread uneven.
    pub(crate) fn elsewhere(&mut self, pod: usize, not: usize) -> bool {
        let Some(from) = self.placements[pod].clone() else { return false };
        self.take_back(pod);
        let nodes: Vec<usize> = self.nodes(pod, None).map(|(_, node)| node).collect();
        for node in nodes.into_iter().filter(|node| *node != not) {
            if self.put(pod, node) {
                if self.spreads.uneven(self.cluster).is_none() {
                    return true;
                }
                self.take_back(pod);
            }
        }
        self.back(pod, from);
        false
    }

    /// Puts a pod back where it was.
    pub(crate) fn back(&mut self, pod: usize, from: Placement) {
        self.take_back(pod);
        let taken = self.states[from.node].take(&self.cluster.pods[pod].request, &from.devices);
        debug_assert!(taken.is_ok(), "nobody has been there since: {taken:?}");
        self.order.set(from.node, &self.states[from.node]);
        self.spreads.add(self.cluster, pod, from.node);
        self.placements[pod] = Some(from);
    }

    /// Places a pod on a node, if it fits there and its spread allows it.
    pub(crate) fn put(&mut self, pod: usize, node: usize) -> bool {
        let request = &self.cluster.pods[pod].request;
        let placed =
            self.spreads.allow(self.cluster, pod, node).then(|| self.states[node].place(request).ok());
        let Some(devices) = placed.flatten() else { return false };
        self.order.set(node, &self.states[node]);
        self.spreads.add(self.cluster, pod, node);
        self.placements[pod] = Some(Placement { node, devices });
        true
    }

    /// The nodes where a pod fits, those first where least is left, after one that is left so much.
    fn nodes(&self, pod: usize, after: Option<Left>) -> impl Iterator<Item = (Left, usize)> {
        let request = &self.cluster.pods[pod].request;
        let confine = self.cluster.pods[pod].confine.filter(|_| self.cluster.pods[pod].running.is_none());
        let domain = confine.map(|confine| self.within.get(&confine).copied());
        let is_within = move |node: &usize| {
            domain.is_none_or(|it| it.is_some_and(|it| self.cluster.nodes[*node].domains.contains(&it)))
        };
        self.order.after(request, after).filter(move |(_, node)| {
            request.allows(&self.cluster.nodes[*node])
                && is_within(node)
                && self.states[*node].fits(request)
                && self.spreads.allow(self.cluster, pod, *node)
        })
    }

    /// Places a pod on the first node where it fits.
    pub(crate) fn put_first(&mut self, pod: usize) -> bool {
        let first = self.nodes(pod, None).next();
        first.is_some_and(|(_, node)| self.put(pod, node))
    }

    /// Tries each gang that waits as a whole, the worthiest first.
    fn fill_gangs(&mut self) {
        let waits = |pod: &usize| self.placements[*pod].is_none();
        let mut gangs: Vec<(u64, &String, Vec<usize>)> = self
            .gangs
            .iter()
            .map(|(gang, pods)| {
                let waiting: Vec<usize> = pods.iter().copied().filter(waits).collect();
                let worth =
                    waiting.iter().fold(0_u64, |sum, pod| sum.saturating_add(self.cluster.pods[*pod].worth));
                (worth, &self.cluster.gangs[*gang as usize], waiting)
            })
            .filter(|(_, _, waiting)| !waiting.is_empty())
            .collect();
        gangs.sort_by_key(|(worth, name, _)| (Reverse(*worth), *name));
        for (_, _, mut pods) in gangs {
            pods.sort_by_key(|pod| {
                let it = &self.cluster.pods[*pod];
                (Reverse(it.request.milli()), Reverse(it.request.cpu_milli), &it.name)
            });
            // Whoever is confined first, the most first; the others find room where that leaves some.
            let mut confined: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            for pod in &pods {
                if let Some(confine) = self.cluster.pods[*pod].confine {
                    confined.entry(confine).or_default().push(*pod);
                }
            }
            let mut confined: Vec<(u32, Vec<usize>)> = confined.into_iter().collect();
            confined.sort_by_key(|(confine, pods)| {
                (Reverse(self.milli(pods)), &self.cluster.confines[*confine as usize].name)
            });
            let free = |pod: &&usize| self.cluster.pods[**pod].confine.is_none();
            let free: Vec<usize> = pods.iter().filter(free).copied().collect();
            let all = confined.iter().all(|(confine, pods)| self.put_within(*confine, pods))
                && free.iter().all(|pod| self.put_first(*pod));
            if !all {
                for pod in pods {
                    self.take_back(pod);
                }
            }
        }
    }

    /// What pods ask of devices together, in milli.
    fn milli(&self, pods: &[usize]) -> u64 {
        pods.iter().map(|pod| self.cluster.pods[*pod].request.milli()).sum()
    }

    /// Places all pods of a confine in one domain, the one where least is left for others; false, and nothing changes,
    /// when none holds them.
    fn put_within(&mut self, confine: u32, pods: &[usize]) -> bool {
        let needed = self.milli(pods);
        let kind = self.cluster.confines[confine as usize].kind;
        let of_kind =
            self.domains.iter().filter(|(domain, _)| self.cluster.domains[**domain as usize].kind == kind);
        let free = of_kind.map(|(domain, nodes)| {
            (nodes.iter().map(|node| self.states[*node].milli()).sum::<u64>(), *domain)
        });
        // A slice may go where nothing is left for shares.
        let has_slices =
            pods.iter().any(|pod| matches!(self.cluster.pods[*pod].request.devices, Ask::Slice(_)));
        let mut free: Vec<(u64, u32)> = free.filter(|(free, _)| has_slices || *free >= needed).collect();
        free.sort_by_key(|(free, domain)| (*free, &self.cluster.domains[*domain as usize].name));
        for (_, domain) in free {
            self.within.insert(confine, domain);
            if pods.iter().all(|pod| self.put_first(*pod)) {
                return true;
            }
            for pod in pods {
                self.take_back(*pod);
            }
        }
        false
    }

    /// Places pods that stand alone, the worthiest class first.
    fn fill_pods(&mut self) {
        let mut refused = Refused::default();
        let mut order: Vec<usize> = (0..self.classes.pods.len()).collect();
        order.sort_by_key(|class| Reverse(self.classes.pods[*class].worth));
        for class in order {
            // Members of a class may be only nearly alike.
            let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
            let waits =
                |pod: &&usize| self.placements[**pod].is_none() && self.cluster.pods[**pod].gang.is_none();
            for pod in self.classes.pods[class].pods.iter().filter(waits) {
                let it = &self.cluster.pods[*pod];
                alike.entry((Reverse(it.worth), &it.request)).or_default().push(*pod);
            }
            for pods in alike.into_values() {
                self.fill_alike(&pods, &mut refused);
            }
        }
    }

    /// Places as many as fit of pods that ask for the same.
    fn fill_alike(&mut self, waiting: &[usize], refused: &mut Refused<'a>) {
        let cluster: &'a Cluster = self.cluster;
        let (spread, request) = (cluster.pods[waiting[0]].spread, &cluster.pods[waiting[0]].request);
        if refused.covers(request) {
            return;
        }
        let mut last: Option<(Left, usize)> = None;
        for pod in waiting {
            if spread.is_some() {
                // Zones fill in turns: a node that is refused now may do later.
                if !self.put_first(*pod) {
                    return;
                }
                continue;
            }
            // Whatever is before the last has refused the like of it.
            if last.is_some_and(|(_, node)| self.put(*pod, node)) {
                continue;
            }
            last = self.nodes(*pod, last.map(|(left, _)| left)).next();
            if let Some((_, node)) = last {
                self.put(*pod, node);
            } else {
                refused.add(request);
                return;
            }
        }
    }
}
