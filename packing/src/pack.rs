//! From a cluster to a packing with its proof.

use std::collections::BTreeSet;

use plimsoll_solver::linear::TimeLeft;

use crate::{
    assign,
    branch::branch,
    buckets::{Cuts, Priced, middle},
    classes::{Classes, Invalid, states, validate},
    dive::{Rounded, dive},
    fill::Filler,
    fleet::{ACCELERATOR, Cluster, Placement, Pod, State},
    generate::{Generated, Memory, Prices, Stop, generate, vary},
    instance::{Bin, Instance},
    marginal,
    master::{Form, Fractional, Master},
    moves::{Move, make_way, moves, steps},
    proof::{NEARLY, Proof, at_most_all, proven, whole_worth, with_moves},
    relax::Lambda,
    seat::{binding, seat},
    swap::swap,
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
pub(crate) const SMALL: usize = 200;

/// Parts that the packings are cut into for a nearer bound, at most.
const BRANCHES: usize = 64;

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
    let mut bound = proven(cluster, &classes, &instance, &master, &memory, generated.as_ref(), params);
    observe(Seen { worth: None, bound });
    let nearly = classes.bucketed_pods().then(|| middle(&priced(&instance, &memory)));
    let mut plan =
        Plan { cluster, classes: &classes, nearly, params, start: states, bound, best: None, observe };
    // Where pods all differ, greed takes longer than patterns.
    if generated.is_none() || !classes.bucketed() {
        plan.offer(&instance, &Rounded::default());
    }
    if let Some(generated) = &generated {
        plan.round(&instance, &mut master, &mut memory, generated);
        plan.without_torn(&mut master, &mut memory, &generated.fractional);
        if !plan.met() && !classes.bucketed() && cluster.nodes.len() <= SMALL {
            bound = bound.min(at_most_all(cluster, &instance, params, stop));
            plan.bound = bound;
        }
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
    Classes::cut(cluster, states, &Cuts::fine(&priced(&instance, &memory)))
}

/// The nodes of each class, and what a unit of each resource is worth there.
pub(crate) fn priced(instance: &Instance, memory: &Memory) -> Vec<Priced> {
    let of = |(bin, lambda): (&Bin, &Lambda)| Priced { room: bin.room, count: bin.count, lambda: *lambda };
    instance.bins.iter().zip(memory.lambdas()).map(of).collect()
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
    /// Where members of classes are only nearly alike, what a unit of each resource is worth.
    nearly: Option<Lambda>,
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
        match &self.nearly {
            Some(worths) => {
                seat(self.cluster, classes, instance, rounded, worths, &mut states, &mut placements);
            }
            None => assign::assign(self.cluster, classes, instance, rounded, &mut states, &mut placements),
        }
        let filler = Filler::new(self.cluster, self.classes, states, placements);
        let torn = filler.torn();
        let (mut states, mut placements) = filler.finish();
        if let Some(worths) = &self.nearly
            && swap(self.cluster, self.classes, binding(self.classes, worths), &mut states, &mut placements)
        {
            (states, placements) = Filler::new(self.cluster, self.classes, states, placements).finish();
        }
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
        let [beside, anew] = [false, true].map(|anew| {
            let (states, placements) = (best.states.clone(), best.placements.clone());
            let mut filler = Filler::new(self.cluster, self.classes, states, placements);
            if anew {
                make_way(self.cluster, &mut filler);
            }
            let mut moves = moves(self.cluster, &mut filler, self.params.moves, self.params.time_left);
            steps(self.cluster, self.start.clone(), &mut moves);
            let (states, placements) = filler.finish();
            let worth = worth(self.cluster, &placements);
            Draft { placements, states, worth, torn: best.torn.clone(), moves }
        });
        if (anew.worth, beside.moves.len()) > (beside.worth, anew.moves.len()) { anew } else { beside }
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
