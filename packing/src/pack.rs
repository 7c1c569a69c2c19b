//! From a cluster to a packing with its proof.

use std::collections::BTreeSet;

use plimsoll_solver::linear::TimeLeft;

use crate::{
    assign,
    branch::branch,
    buckets::Cuts,
    classes::{Classes, Invalid, PodClass, RESOURCES, states, validate},
    dive::{Rounded, dive},
    fill::Filler,
    fleet::{ACCELERATOR, Cluster, Placement, Pod, State},
    generate::{Generated, Memory, Prices, Stop, generate, held, vary},
    instance::{Instance, Sizes},
    marginal,
    master::{Form, Fractional, Master},
    moves::{Move, moves, steps},
    whole::whole,
};

/// How to pack.
#[derive(Debug, Clone)]
pub struct Params {
    /// Stop making patterns at this relative distance of plan and bound.
    pub gap: f64,
    /// Rounds of column generation at most.
    pub rounds: usize,
    /// Roundings tried at most while the gap is not met, on clusters of some hundred nodes at most; others
    /// get one.
    pub turns: u64,
    /// How many running pods may move to let waiting ones in.
    pub moves: usize,
    /// The seconds of wall time left, asked throughout; `None` without limit. When they are over the best packing so
    /// far is the answer, with what is proven so far.
    pub time_left: Option<TimeLeft>,
}

/// What is known of a packing that is searched for, in millionths of an accelerator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The worth of the best so far, if there is one.
    pub worth: Option<u64>,
    /// No packing is worth more; with moves, none beside pods that stay.
    pub bound: u64,
}

/// More nodes than this, and one rounding is near enough to the bound.
const SMALL: usize = 200;

/// Parts that the packings are cut into for a nearer bound, at most.
const BRANCHES: usize = 64;

/// Where classes are of what is only nearly alike, no nearer than this.
const NEARLY: f64 = 1e-3;

/// Roundings without torn gangs, at most.
const GANG_TURNS: usize = 6;

impl Default for Params {
    fn default() -> Self {
        Self { gap: 3e-4, rounds: 400, turns: 12, moves: 0, time_left: None }
    }
}

/// Which pod goes where, what proves that it cannot be much better, and what one more would bring.
#[derive(Debug, Clone, PartialEq)]
pub struct Packing {
    /// Where each pod is, running ones included, or that it waits.
    pub placements: Vec<Option<Placement>>,
    /// What is free on each node then.
    pub states: Vec<State>,
    /// The worth of the pods that are placed, in millionths of an accelerator.
    pub worth: u64,
    /// No packing is worth more.
    pub bound: u64,
    /// The running pods that move, in an order that overfills nothing on the way; what waited starts after
    /// them.
    pub moves: Vec<Move>,
    /// What room for one more of each pod is worth: see [`marginal::of_pods`].
    pub prices: Vec<f64>,
    /// What one more of each node would bring: see [`marginal::of_nodes`].
    pub one_more: Vec<f64>,
    /// What was done.
    pub stats: Stats,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Classes of waiting pods.
    pub pod_classes: usize,
    /// Classes of nodes.
    pub node_classes: usize,
    /// Patterns made.
    pub patterns: usize,
    /// Solutions of the linear program for the proof.
    pub rounds: usize,
}

impl Packing {
    /// How far the worth is from the bound, relative to the bound.
    pub fn gap(&self) -> f64 {
        if self.bound == 0 { 0.0 } else { (self.bound.saturating_sub(self.worth)) as f64 / self.bound as f64 }
    }
}

/// Packs the waiting pods of a cluster beside the running ones.
pub fn pack(cluster: &Cluster, params: &Params) -> Result<Packing, Invalid> {
    pack_seen(cluster, params, &mut |_| {})
}

/// The same, observed whenever a better packing is known.
pub fn pack_seen(
    cluster: &Cluster,
    params: &Params,
    observe: &mut dyn FnMut(Seen),
) -> Result<Packing, Invalid> {
    packed(cluster, params, observe).map(|found| found.packing)
}

/// A packing and what it was found with.
#[derive(Debug)]
pub(crate) struct Found {
    pub packing: Packing,
    pub classes: Classes,
    pub instance: Instance,
    pub master: Master,
    pub memory: Memory,
    pub generated: Option<Generated>,
}

/// A packing, with what the next can begin from.
pub(crate) fn packed(
    cluster: &Cluster,
    params: &Params,
    observe: &mut dyn FnMut(Seen),
) -> Result<Found, Invalid> {
    validate(cluster)?;
    let states = states(cluster)?;
    let classes = classes(cluster, &states, params.time_left)?;
    let instance = Instance::of(&classes);
    let mut master = Master::within(&instance, Form::Admit, params.time_left);
    let mut memory = Memory::default();
    // The proof of classes of what is only nearly alike is another one.
    let stop = if classes.bucketed() {
        Stop { gap: params.gap.max(NEARLY), rounds: params.rounds, hardest: 1, capped: false }
    } else {
        Stop { gap: params.gap, rounds: params.rounds, hardest: 3, capped: false }
    };
    let generated = generate(&instance, &mut master, &mut memory, stop);
    let mut bound = proven(cluster, &classes, &master, generated.as_ref(), params);
    observe(Seen { worth: None, bound });
    let mut plan = Plan { cluster, classes: &classes, params, start: states, bound, best: None, observe };
    // Where pods all differ, greed takes longer than patterns.
    if generated.is_none() || !classes.bucketed() {
        plan.offer(&instance, &Rounded::default());
    }
    if let Some(generated) = &generated {
        plan.round(&instance, &mut master, &mut memory, generated);
        plan.without_torn(&mut master, &mut memory, &generated.fractional);
        if !plan.met() && !classes.bucketed() && !instance.joint.columns.is_empty() {
            let running = total(cluster, |pod| pod.running.is_some());
            let enough = plan.best.as_ref().map_or(0, |best| best.worth).saturating_sub(running);
            let enough = enough as f64 / ACCELERATOR as f64 * (1.0 + params.gap);
            let most = if cluster.nodes.len() <= SMALL { BRANCHES } else { BRANCHES / 8 };
            let waiting = branch(&instance, &mut master, &mut memory, generated, enough, stop, most);
            bound = bound.min(running.saturating_add(whole_worth(waiting)));
        }
    }
    let Draft { placements, states, worth, moves, .. } = plan.moved();
    let stats = Stats {
        pod_classes: classes.pods.len(),
        node_classes: classes.nodes.len(),
        patterns: master.patterns.len(),
        rounds: generated.as_ref().map_or(0, |g| g.rounds),
    };
    let prices = generated.as_ref().map_or_else(|| Prices::none(&instance), |g| g.prices.clone());
    let all = total(cluster, |_| true);
    let mut proof = match params.moves {
        // With moves, more can be had than beside pods that stay.
        1.. if worth < all => with_moves(cluster, &placements, params)?,
        _ => Proof {
            // Moves may have let in more than fits beside pods that stay: then everything.
            bound: bound.max(worth),
            prices: marginal::of_pods(cluster, &classes, &placements, &prices.of_classes(&instance)),
            one_more: marginal::of_nodes(cluster, &classes, &instance, &prices.items),
        },
    };
    let most = marginal::of_all(cluster, &placements);
    for one_more in &mut proof.one_more {
        *one_more = one_more.min(most);
    }
    let Proof { bound, prices, one_more } = proof;
    let packing = Packing { placements, states, worth, bound, moves, prices, one_more, stats };
    Ok(Found { packing, classes, instance, master, memory, generated })
}

/// The prices of a bound, and the bound.
#[derive(Debug)]
struct Proof {
    bound: u64,
    /// See [`Packing::prices`].
    prices: Vec<f64>,
    /// See [`Packing::one_more`].
    one_more: Vec<f64>,
}

/// The classes of a cluster. Where pods must be put together that are only nearly alike, few classes are packed
/// first: what their resources are worth says where the rest may be told apart least.
pub(crate) fn classes(
    cluster: &Cluster,
    states: &[State],
    time_left: Option<TimeLeft>,
) -> Result<Classes, Invalid> {
    let coarse = Classes::cut(cluster, states, &Cuts::COARSE)?;
    if !coarse.bucketed_pods() {
        return Ok(coarse);
    }
    let instance = Instance::of(&coarse);
    let mut memory = Memory::default();
    let stop = Stop { gap: 1e-2, rounds: 60, hardest: 0, capped: false };
    generate(&instance, &mut Master::within(&instance, Form::Admit, time_left), &mut memory, stop);
    let (mut worth, mut room) = ([0.0; RESOURCES], [0.0; RESOURCES]);
    for (bin, lambda) in instance.bins.iter().zip(memory.lambdas()) {
        for resource in 0..RESOURCES {
            let all = bin.room[resource] as f64 * f64::from(bin.count);
            worth[resource] += lambda[resource] * all;
            room[resource] += all;
        }
    }
    let prices = std::array::from_fn(|resource| worth[resource] / f64::max(room[resource], 1.0));
    Classes::cut(cluster, states, &Cuts { most: Cuts::FINE, prices: Some(prices) })
}

/// A packing on its way.
#[derive(Debug, Clone, Default)]
struct Draft {
    placements: Vec<Option<Placement>>,
    states: Vec<State>,
    worth: u64,
    /// The gangs that patterns alone left torn, with how many of their pods were placed.
    torn: Vec<(u32, usize)>,
    moves: Vec<Move>,
}

/// The search for a plan near the bound.
struct Plan<'a> {
    cluster: &'a Cluster,
    classes: &'a Classes,
    params: &'a Params,
    start: Vec<State>,
    bound: u64,
    best: Option<Draft>,
    observe: &'a mut dyn FnMut(Seen),
}

impl Plan<'_> {
    /// What patterns hold, and whatever else fits.
    fn draft(&self, classes: &Classes, instance: &Instance, rounded: &Rounded) -> Draft {
        let mut states = self.start.clone();
        let mut placements = self.cluster.pods.iter().map(|pod| pod.running.clone()).collect::<Vec<_>>();
        assign::assign(self.cluster, classes, instance, rounded, &mut states, &mut placements);
        let filler = Filler::new(self.cluster, self.classes, states, placements);
        let torn = filler.torn();
        let (states, placements) = filler.finish();
        let worth = worth(self.cluster, &placements);
        Draft { placements, states, worth, torn, moves: Vec::new() }
    }

    /// Keeps the better plan; whether it is good enough.
    fn offer(&mut self, instance: &Instance, rounded: &Rounded) -> bool {
        let draft = self.draft(self.classes, instance, rounded);
        self.keep(draft);
        self.met()
    }

    fn keep(&mut self, draft: Draft) {
        if self.best.as_ref().is_none_or(|best| draft.worth > best.worth) {
            (self.observe)(Seen { worth: Some(draft.worth), bound: self.bound });
            self.best = Some(draft);
        }
    }

    /// The best plan, with what moves let in.
    fn moved(&mut self) -> Draft {
        let best = self.best.take().unwrap_or_default();
        if self.params.moves == 0 || best.worth >= total(self.cluster, |_| true) {
            return best;
        }
        let mut filler = Filler::new(self.cluster, self.classes, best.states, best.placements);
        let mut moves = moves(self.cluster, &mut filler, self.params.moves, self.params.time_left);
        steps(self.cluster, self.start.clone(), &mut moves);
        let (states, placements) = filler.finish();
        let worth = worth(self.cluster, &placements);
        Draft { placements, states, worth, torn: best.torn, moves }
    }

    fn met(&self) -> bool {
        let worth = self.best.as_ref().map_or(0, |best| best.worth);
        self.bound.saturating_sub(worth) as f64 <= self.params.gap * self.bound as f64
    }

    fn round(
        &mut self,
        instance: &Instance,
        master: &mut Master,
        memory: &mut Memory,
        generated: &Generated,
    ) {
        let small = self.cluster.nodes.len() <= SMALL;
        let turns = if small { self.params.turns.max(1) } else { 1 };
        for turn in 0..turns {
            // What is known of patterns is rounded once in any case: that takes little.
            if turn > 0 && master.is_over() {
                return;
            }
            if turn > 0 {
                master.resize(instance);
                vary(instance, master, memory, &generated.prices.items, turn);
            }
            let rounded = dive(instance, master, memory, &generated.fractional, turn);
            if self.offer(instance, &rounded) {
                return;
            }
            // The patterns of all roundings so far, put together anew.
            if small
                && turn % 4 == 0
                && let Some(rounded) = whole(instance, master, self.params.gap / 2.0)
                && self.offer(instance, &rounded)
            {
                return;
            }
        }
    }

    /// Leaves out gangs that patterns tear, those with the smallest part placed first, and rounds anew
    /// without them, while that brings more.
    fn without_torn(&mut self, master: &mut Master, memory: &mut Memory, from: &Fractional) {
        let mut out: BTreeSet<u32> = BTreeSet::new();
        for _ in 0..GANG_TURNS {
            let Some(best) = self.best.as_ref().filter(|_| !master.is_over()) else { return };
            let size =
                |gang: u32| self.cluster.pods.iter().filter(|pod| pod.gang == Some(gang)).count().max(1);
            let mut torn: Vec<(u64, u32)> = best
                .torn
                .iter()
                .map(|(gang, placed)| ((placed * 1000 / size(*gang)) as u64, *gang))
                .filter(|(_, gang)| !out.contains(gang))
                .collect();
            if torn.is_empty() {
                return;
            }
            torn.sort_unstable();
            out.extend(torn.iter().take(torn.len().div_ceil(2)).map(|(_, gang)| *gang));
            let classes = self.classes.without(self.cluster, &out);
            let instance = Instance::of(&classes);
            master.resize(&instance);
            let stop = Stop { gap: self.params.gap, rounds: 40, hardest: 1, capped: true };
            let fractional = generate(&instance, master, memory, stop).map(|generated| generated.fractional);
            let rounded = dive(&instance, master, memory, fractional.as_ref().unwrap_or(from), 0);
            let draft = self.draft(&classes, &instance, &rounded);
            if self.best.as_ref().is_some_and(|best| draft.worth <= best.worth) && draft.torn.is_empty() {
                return;
            }
            let torn = draft.torn.clone();
            self.keep(draft);
            if let Some(best) = &mut self.best {
                best.torn = torn;
            }
        }
    }
}

/// The proof when as many running pods as one likes may move: all that can move are placed anew.
///
/// Where one runs that its node would not let in again, no place for it may be left: it is passed over, and
/// counts. That the others must all have a place is put into their worth, whatever more than that is taken
/// off again.
fn with_moves(
    cluster: &Cluster,
    placements: &[Option<Placement>],
    params: &Params,
) -> Result<Proof, Invalid> {
    let stays_only = |pod: &Pod| {
        pod.running.as_ref().filter(|_| !pod.fixed).is_some_and(|running| {
            let node = &cluster.nodes[running.node];
            !pod.request.allows(node) || pod.spread.is_some() && node.zone.is_none()
        })
    };
    let over = total(cluster, stays_only);
    let kept: Vec<usize> = (0..cluster.pods.len()).filter(|pod| !stays_only(&cluster.pods[*pod])).collect();
    let waits = |pod: &&Pod| pod.running.is_none();
    let extra = 2 * cluster.pods.iter().filter(waits).map(|pod| pod.worth).max().unwrap_or(0);
    // What stays where it runs breaks no rule there: so nothing is counted of spreads with pods that may move.
    let may_move = |pod: &&Pod| pod.running.is_some() && !pod.fixed;
    let loose: BTreeSet<u32> = cluster.pods.iter().filter(may_move).filter_map(|pod| pod.spread).collect();
    let anew = |pod: &Pod| {
        let mut pod = Pod { spread: pod.spread.filter(|spread| !loose.contains(spread)), ..pod.clone() };
        if may_move(&&pod) {
            (pod.running, pod.gang, pod.confine) = (None, None, None);
            pod.worth = pod.worth.saturating_add(extra);
        }
        pod
    };
    let waiting =
        Cluster { pods: kept.iter().map(|pod| anew(&cluster.pods[*pod])).collect(), ..cluster.clone() };
    let (with, without) = (total(&waiting, |_| true), total(cluster, |pod| !stays_only(pod)));
    let params = &Params { gap: params.gap * without as f64 / (with as f64).max(1.0), ..params.clone() };
    let states = states(&waiting)?;
    let classes = Classes::of(&waiting, &states)?;
    let instance = Instance::of(&classes);
    let mut master = Master::within(&instance, Form::Admit, params.time_left);
    let stop = Stop { gap: params.gap, rounds: params.rounds, hardest: 2, capped: false };
    let generated = generate(&instance, &mut master, &mut Memory::default(), stop);
    let bound = proven(&waiting, &classes, &master, generated.as_ref(), params);
    let bound = over.saturating_add(bound).saturating_sub(with - without);
    let of_items = generated.map_or_else(|| Prices::none(&instance), |generated| generated.prices);
    let of_classes = of_items.of_classes(&instance);
    let placed: Vec<Option<Placement>> = kept.iter().map(|pod| placements[*pod].clone()).collect();
    let mut prices = vec![0.0; cluster.pods.len()];
    for (pod, price) in kept.iter().zip(marginal::of_pods(&waiting, &classes, &placed, &of_classes)) {
        prices[*pod] = price;
    }
    let one_more = marginal::of_nodes(&waiting, &classes, &instance, &of_items.items);
    Ok(Proof { bound, prices, one_more })
}

/// The worth of some pods.
pub(crate) fn total(cluster: &Cluster, chosen: impl Fn(&Pod) -> bool) -> u64 {
    cluster.pods.iter().filter(|pod| chosen(pod)).fold(0, |sum, pod| sum.saturating_add(pod.worth))
}

/// The worth of what is placed.
pub(crate) fn worth(cluster: &Cluster, placements: &[Option<Placement>]) -> u64 {
    cluster
        .pods
        .iter()
        .zip(placements)
        .filter(|(_, placement)| placement.is_some())
        .map(|(pod, _)| pod.worth)
        .sum()
}

/// What column generation proves, with the running pods.
///
/// Where classes are of what is only nearly alike, the proof needs the least that pods of a class ask for
/// and the most that nodes of a class have: the patterns at hand are good ones there too, and some rounds
/// more give it prices of its own.
pub(crate) fn proven(
    cluster: &Cluster,
    classes: &Classes,
    master: &Master,
    generated: Option<&Generated>,
    params: &Params,
) -> u64 {
    let (all, running) = (total(cluster, |_| true), total(cluster, |pod| pod.running.is_some()));
    let Some(generated) = generated else { return all };
    let mut waiting = generated.bound;
    if classes.bucketed() {
        let instance = Instance::new(classes, Sizes::Least);
        let mut roomy = Master::within(&instance, Form::Admit, params.time_left);
        for (bin, pattern) in &master.patterns {
            roomy.add(&instance, *bin, pattern.clone());
        }
        let stop = Stop { gap: params.gap.max(NEARLY), rounds: params.rounds, hardest: 1, capped: false };
        let Some(generated) = generate(&instance, &mut roomy, &mut Memory::default(), stop) else {
            return all;
        };
        // Each pod with its own worth.
        let forgone = |(class, price): (&PodClass, f64)| -> f64 {
            let above = |pod: &usize| (cluster.pods[*pod].worth as f64 / ACCELERATOR as f64 - price).max(0.0);
            class.pods.iter().map(above).sum()
        };
        let prices = generated.prices.of_classes(&instance);
        waiting = classes.pods.iter().zip(prices).map(forgone).sum::<f64>()
            + held(&instance, &generated.prices, &generated.bins);
    }
    all.min(running.saturating_add(whole_worth(waiting)))
}

/// A bound in millionths of an accelerator. Worths are whole, so only more than what sums can be off is added before
/// the rest is cut off.
fn whole_worth(bound: f64) -> u64 {
    (bound * ACCELERATOR as f64 * (1.0 + 1e-9)).floor().max(0.0) as u64
}
