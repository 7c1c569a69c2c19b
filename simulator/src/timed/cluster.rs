//! Machines of one's own, and who holds what of them.
//!
//! With `placement = "count"` the devices of a kind are one pool, with its indices given out lowest first; otherwise
//! jobs sit on nodes, chosen by a scorer of `plimsoll_packing::scores`, the same that rank nodes in a live cluster.

mod gang;

use std::{collections::BTreeSet, sync::Arc};

use plimsoll_packing::{
    fleet::{Ask, DEVICE, Hold, Node, Request, State},
    scores::{Kinds, Reserve, Score, View},
};

pub(in crate::timed) use gang::kept_for_gangs;
use gang::{fewest, gang};

/// What stands for a limit that nobody stated.
pub const UNLIMITED: u64 = 1 << 50;

/// What a job holds of one node or pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The node or pool.
    pub node: u32,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// MiB.
    pub memory_mib: u64,
    /// Devices.
    pub devices: Vec<Hold>,
}

/// The machines.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Nodes, or for pools one node that stands for all of a kind.
    pub nodes: Arc<Vec<Node>>,
    room: Room,
    /// Whether gangs wait for as few nodes as hold them when nobody else is there.
    compact: bool,
    /// Of each device of each node: jobs at work on it.
    at_work: Vec<Vec<u16>>,
    /// Devices that any job is at work on.
    busy: u64,
    /// Of each node: thousandths of busy devices that no job at work holds.
    slack: Vec<u64>,
    /// Nodes that jobs have left since somebody looked.
    freed: BTreeSet<u32>,
    /// Of each node: gangs that have a part of it.
    gangs: Vec<u32>,
    /// The nodes that a reserve keeps, as long as nothing changes that it goes by.
    kept: Option<(Reserve, Vec<bool>)>,
}

#[derive(Debug, Clone)]
enum Room {
    Pools(Vec<Pool>),
    Nodes { states: Vec<State>, sorts: Vec<Vec<Kinds>> },
}

#[derive(Debug, Clone)]
struct Pool {
    cpu_milli: u64,
    memory_mib: u64,
    free: BTreeSet<u16>,
}

impl Pool {
    fn hold(&mut self, part: &Part) -> bool {
        let has = self.cpu_milli >= part.cpu_milli
            && self.memory_mib >= part.memory_mib
            && part.devices.iter().all(|hold| self.free.contains(&hold.index));
        if has {
            self.cpu_milli -= part.cpu_milli;
            self.memory_mib -= part.memory_mib;
            for hold in &part.devices {
                self.free.remove(&hold.index);
            }
        }
        has
    }
}

impl Room {
    fn give_back(&mut self, part: &Part) {
        match self {
            Self::Pools(pools) => {
                let pool = &mut pools[part.node as usize];
                pool.cpu_milli += part.cpu_milli;
                pool.memory_mib += part.memory_mib;
                pool.free.extend(part.devices.iter().map(|hold| hold.index));
            }
            Self::Nodes { states, sorts } => give_back(states, sorts, part),
        }
    }
}

impl Cluster {
    /// Pools: each node stands for all machines of its kind.
    pub fn pools(nodes: Vec<Node>) -> Self {
        let pool = |node: &Node| Pool {
            cpu_milli: node.cpu_milli,
            memory_mib: node.memory_mib,
            free: (0..node.devices).collect(),
        };
        let room = Room::Pools(nodes.iter().map(pool).collect());
        Self::new(nodes, room)
    }

    /// Single machines.
    pub fn nodes(nodes: Vec<Node>) -> Self {
        let states = nodes.iter().map(State::empty).collect();
        let sorts = vec![Vec::new(); nodes.len()];
        Self::new(nodes, Room::Nodes { states, sorts })
    }

    fn new(nodes: Vec<Node>, room: Room) -> Self {
        let at_work = nodes.iter().map(|node| vec![0; usize::from(node.devices)]).collect();
        let slack = vec![0; nodes.len()];
        let gangs = vec![0; nodes.len()];
        let nodes = Arc::new(nodes);
        Self {
            nodes,
            room,
            compact: false,
            at_work,
            busy: 0,
            slack,
            freed: BTreeSet::new(),
            gangs,
            kept: None,
        }
    }

    /// The same, with gangs on as few nodes as can be.
    pub fn consolidated(mut self) -> Self {
        self.compact = true;
        self
    }

    /// All devices.
    pub fn devices(&self) -> u64 {
        self.nodes.iter().map(|node| u64::from(node.devices)).sum()
    }

    /// Devices that any job is at work on.
    pub fn busy(&self) -> u64 {
        self.busy
    }

    /// Thousandths of a node's busy devices that no job at work holds: what shares leave over.
    pub fn slack(&self, node: usize) -> u64 {
        self.slack[node]
    }

    /// Nodes that hold a job; pools have none that could.
    pub fn active(&self) -> u64 {
        match &self.room {
            Room::Pools(_) => 0,
            Room::Nodes { sorts, .. } => sorts.iter().filter(|sorts| !sorts.is_empty()).count() as u64,
        }
    }

    /// Whether a request fits in what is free.
    pub fn could_hold(&mut self, ask: &Request) -> bool {
        let parts = self.place(ask, None);
        parts.is_some_and(|parts| {
            self.release(&parts);
            true
        })
    }

    /// Gives a request its room, or leaves all as it was.
    pub fn place(&mut self, ask: &Request, scorer: Option<&dyn Score>) -> Option<Vec<Part>> {
        let parts = match &mut self.room {
            Room::Pools(pools) => {
                let fits = |(at, pool): &(usize, &mut Pool)| {
                    ask.allows(&self.nodes[*at])
                        && pool.cpu_milli >= ask.cpu_milli
                        && pool.memory_mib >= ask.memory_mib
                        && pool.free.len() as u64 >= count(ask.devices)
                };
                let (at, pool) = pools.iter_mut().enumerate().find(fits)?;
                pool.cpu_milli -= ask.cpu_milli;
                pool.memory_mib -= ask.memory_mib;
                let milli = if let Ask::Share(milli) = ask.devices { milli } else { DEVICE };
                let taken = (0..count(ask.devices)).filter_map(|_| pool.free.pop_first());
                let devices = taken.map(|index| Hold { index, milli, parts: 0 }).collect();
                vec![Part { node: at as u32, cpu_milli: ask.cpu_milli, memory_mib: ask.memory_mib, devices }]
            }
            Room::Nodes { states, sorts } => {
                let largest =
                    self.nodes.iter().filter(|node| ask.allows(node)).map(|node| node.devices).max()?;
                match ask.devices {
                    Ask::Whole(all) if all > largest => {
                        let most = if self.compact { fewest(&self.nodes, ask, all)? } else { usize::MAX };
                        gang(&self.nodes, states, sorts, ask, all, most, scorer)?
                    }
                    _ => {
                        let reserve = scorer.and_then(|scorer| scorer.reserve());
                        if let Some(reserve) =
                            reserve.filter(|it| self.kept.as_ref().is_none_or(|(of, _)| of != *it))
                        {
                            let nodes = self.nodes.iter().zip(states.iter());
                            let kept = reserve.kept(nodes, |at| self.gangs[at] > 0);
                            self.kept = Some((reserve.clone(), kept));
                        }
                        let kept = self.kept.as_ref().filter(|_| reserve.is_some());
                        let kept = kept.map_or(&[][..], |(_, kept)| kept);
                        vec![on_node(&self.nodes, states, sorts, ask, scorer, kept)?]
                    }
                }
            }
        };
        self.recheck_kept(&parts);
        self.work(&parts);
        Some(parts)
    }

    /// Gives exactly these parts, where nobody holds any of them; whether that was so.
    pub fn hold(&mut self, parts: &[Part]) -> bool {
        for (at, part) in parts.iter().enumerate() {
            let held = match &mut self.room {
                Room::Pools(pools) => pools[part.node as usize].hold(part),
                Room::Nodes { states, sorts } => {
                    let ask = asked(part);
                    let node = part.node as usize;
                    let held = states[node].take(&ask, &part.devices).is_ok();
                    if held {
                        sorts[node].push(Kinds::of(&ask));
                    }
                    held
                }
            };
            if !held {
                for part in &parts[..at] {
                    self.room.give_back(part);
                }
                return false;
            }
        }
        self.recheck_kept(parts);
        self.work(parts);
        true
    }

    /// Takes back what [`Cluster::place`] gave.
    pub fn release(&mut self, parts: &[Part]) {
        self.rest(parts);
        self.vacate(parts);
    }

    /// A reserve goes by gangs and by nodes of which no device is taken: whatever else came or left, it keeps the same.
    fn recheck_kept(&mut self, parts: &[Part]) {
        let Room::Nodes { states, .. } = &self.room else { return };
        // Of these nodes such a one was free before they were taken, or is now that they left.
        let is_alone = |part: &Part| {
            let taken =
                usize::from(self.nodes[part.node as usize].devices) - states[part.node as usize].whole();
            taken <= part.devices.len()
        };
        if parts.len() > 1 || parts.iter().any(is_alone) {
            self.kept = None;
        }
    }

    /// Takes back the room of a job that works no more.
    pub fn vacate(&mut self, parts: &[Part]) {
        if parts.len() > 1 {
            for part in parts {
                self.gangs[part.node as usize] -= 1;
            }
        }
        for part in parts {
            self.room.give_back(part);
            self.freed.insert(part.node);
        }
        self.recheck_kept(parts);
    }

    /// Nodes that jobs have left since this was last asked.
    pub fn take_freed(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.freed)
    }

    /// Whether what found no room before could find some now that these nodes were left; where it spans nodes, it could.
    pub fn could_now(&self, ask: &Request, freed: &BTreeSet<u32>) -> bool {
        let Room::Nodes { states, .. } = &self.room else { return !freed.is_empty() };
        let is_gang = |node: &Node| matches!(ask.devices, Ask::Whole(all) if all > node.devices);
        freed.iter().any(|at| {
            let node = &self.nodes[*at as usize];
            ask.allows(node) && (is_gang(node) || states[*at as usize].fits(ask))
        })
    }

    /// A device that two shares lie on is busy once.
    fn work(&mut self, parts: &[Part]) {
        if parts.len() > 1 {
            for part in parts {
                self.gangs[part.node as usize] += 1;
            }
        }
        for part in parts {
            let node = part.node as usize;
            for hold in &part.devices {
                let jobs = &mut self.at_work[node][usize::from(hold.index)];
                if *jobs == 0 {
                    self.busy += 1;
                    self.slack[node] += u64::from(DEVICE);
                }
                *jobs += 1;
                self.slack[node] -= u64::from(hold.milli);
            }
        }
    }

    /// Lets a job work no more while its room stays its own: a round is not over.
    pub fn rest(&mut self, parts: &[Part]) {
        for part in parts {
            let node = part.node as usize;
            for hold in &part.devices {
                let jobs = &mut self.at_work[node][usize::from(hold.index)];
                *jobs -= 1;
                self.slack[node] += u64::from(hold.milli);
                if *jobs == 0 {
                    self.busy -= 1;
                    self.slack[node] -= u64::from(DEVICE);
                }
            }
        }
    }

    /// That nothing is held, as at the end of a run in which every job has left.
    pub fn is_empty(&self) -> bool {
        self.busy == 0
            && match &self.room {
                Room::Pools(pools) => pools.iter().zip(self.nodes.iter()).all(|(pool, node)| {
                    pool.cpu_milli == node.cpu_milli
                        && pool.memory_mib == node.memory_mib
                        && pool.free.len() == usize::from(node.devices)
                }),
                Room::Nodes { states, .. } => {
                    states.iter().zip(self.nodes.iter()).all(|(state, node)| *state == State::empty(node))
                }
            }
    }
}

fn count(ask: Ask) -> u64 {
    match ask {
        Ask::None => 0,
        Ask::Share(_) | Ask::Slice(_) => 1,
        Ask::Whole(count) => u64::from(count),
    }
}

/// The best node with room: by the scorer, else the one with least left of devices, then of CPU; of equals the first.
/// Some nodes are kept back for gangs.
fn on_node(
    nodes: &[Node],
    states: &mut [State],
    sorts: &mut [Vec<Kinds>],
    ask: &Request,
    scorer: Option<&dyn Score>,
    kept: &[bool],
) -> Option<Part> {
    let view = |at: usize| {
        let kinds = sorts[at].iter().fold(Kinds::default(), |all, one| all.with(*one));
        View { node: &nodes[at], state: &states[at], kinds, kept: kept.get(at).copied().unwrap_or(false) }
    };
    let mut best: Option<(i64, usize)> = None;
    for at in 0..nodes.len() {
        if !ask.allows(&nodes[at]) || !states[at].fits(ask) {
            continue;
        }
        let score = match scorer {
            Some(scorer) => scorer.score(ask, view(at)),
            None => -((states[at].milli() as i64) << 24) - (states[at].cpu_milli.min(1 << 24) as i64),
        };
        if best.is_none_or(|(known, _)| score > known) {
            best = Some((score, at));
        }
    }
    let (_, at) = best?;
    let devices = match scorer {
        Some(scorer) => scorer.devices(ask, view(at)),
        None => states[at].choose(ask),
    };
    take(states, sorts, at, ask, devices?)
}

fn take(
    states: &mut [State],
    sorts: &mut [Vec<Kinds>],
    at: usize,
    ask: &Request,
    devices: Vec<Hold>,
) -> Option<Part> {
    states[at].take(ask, &devices).ok()?;
    sorts[at].push(Kinds::of(ask));
    Some(Part { node: at as u32, cpu_milli: ask.cpu_milli, memory_mib: ask.memory_mib, devices })
}

fn give_back(states: &mut [State], sorts: &mut [Vec<Kinds>], part: &Part) {
    let at = part.node as usize;
    let ask = asked(part);
    states[at].release(&ask, &part.devices);
    let sort = Kinds::of(&ask);
    if let Some(index) = sorts[at].iter().position(|known| *known == sort) {
        sorts[at].swap_remove(index);
    }
}

/// What a part of a job asks of its node.
fn asked(part: &Part) -> Request {
    let devices = match part.devices.as_slice() {
        [] => Ask::None,
        [one] if one.milli < DEVICE => Ask::Share(one.milli),
        many => Ask::Whole(many.len() as u16),
    };
    Request { cpu_milli: part.cpu_milli, memory_mib: part.memory_mib, devices, ..Request::default() }
}

#[cfg(test)]
mod tests {
    use plimsoll_packing::{
        fleet::Model,
        scores::{Regret, RegretParams},
    };

    use super::*;

    fn node(name: &str, devices: u16) -> Node {
        Node {
            name: name.to_owned(),
            cpu_milli: 8000,
            memory_mib: 1000,
            model: Some(Model(0)),
            devices,
            ..Node::default()
        }
    }

    fn whole(count: u16) -> Request {
        Request { cpu_milli: 100, devices: Ask::Whole(count), ..Request::default() }
    }

    #[test]
    fn gangs_take_whole_nodes_or_nothing() {
        let mut cluster = Cluster::nodes(vec![node("a", 4), node("b", 4), node("c", 4)]);
        let one = cluster.place(&whole(1), None).unwrap();
        assert!(cluster.place(&whole(12), None).is_none());
        assert_eq!(cluster.busy(), 1);
        let gang = cluster.place(&whole(7), None).unwrap();
        assert_eq!(gang.iter().map(|part| part.devices.len()).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(gang[1].node, 0, "three lie beside the one");
        assert_eq!(gang.iter().map(|part| part.cpu_milli).sum::<u64>(), 58 + 43, "rounded up for each");
        cluster.release(&gang);
        cluster.release(&one);
        assert!(cluster.is_empty());
        assert!(cluster.could_hold(&whole(12)) && !cluster.could_hold(&whole(13)));
    }

    #[test]
    fn gangs_take_nodes_of_any_size() {
        let nodes = || vec![node("a", 2), node("b", 8), node("c", 4), node("d", 4)];
        let mut cluster = Cluster::nodes(nodes());
        let counts = |parts: &[Part]| -> Vec<(u32, usize)> {
            parts.iter().map(|part| (part.node, part.devices.len())).collect()
        };
        let all = cluster.place(&whole(18), None).unwrap();
        assert_eq!(counts(&all), [(1, 8), (2, 4), (3, 4), (0, 2)]);
        cluster.release(&all);
        let one = cluster.place(&whole(6), None).unwrap();
        assert_eq!(counts(&one), [(1, 6)]);
        // What is free together will do, unless the fewest nodes are asked for: then it waits for them.
        let parts = cluster.place(&whole(10), None).unwrap();
        assert_eq!(counts(&parts), [(2, 4), (3, 4), (1, 2)]);
        let mut compact = Cluster::nodes(nodes()).consolidated();
        let one = compact.place(&whole(6), None).unwrap();
        assert!(compact.place(&whole(10), None).is_none());
        compact.release(&one);
        assert_eq!(counts(&compact.place(&whole(10), None).unwrap()), [(1, 8), (0, 2)]);
        // Where CPUs are short a node holds a smaller piece.
        let mut cluster = Cluster::nodes(vec![node("a", 8), node("b", 8)]);
        let ask = Request { cpu_milli: 12_000, ..whole(12) };
        assert_eq!(counts(&cluster.place(&ask, None).unwrap()), [(0, 8), (1, 4)]);
        let hungry = Request { cpu_milli: 16_000, ..whole(9) };
        assert!(!cluster.could_hold(&hungry));
    }

    /// It was looked for anew, over all nodes, whenever a job was to be placed.
    #[test]
    fn what_a_reserve_keeps_is_looked_for_where_it_changes() {
        let nodes: Vec<Node> = (0..40).map(|at| node(&format!("n{at}"), 4)).collect();
        let (gang, small) = (whole(16), Request { devices: Ask::Share(100), ..Request::default() });
        let classes = [gang.clone(), whole(1), whole(4), small.clone()];
        let regret = Regret::new(&nodes, &classes, &[vec![0.0, 1.0, 1.0, 0.1]], RegretParams::default());
        let regret = regret.keeping(kept_for_gangs(&nodes, &classes, &[10, 100, 10, 100]));
        let reserve = regret.reserve().expect("gangs are among the jobs");
        let mut cluster = Cluster::nodes(nodes.clone());
        let mut jobs: Vec<Vec<Part>> = Vec::new();
        let (mut draw, mut anew, mut placed) = (1_u64, 0, 0);
        for _ in 0..3_000 {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (draw >> 33) as usize;
            let ask = [&gang, &classes[1], &small, &small, &small, &small, &small, &small][at % 8];
            if (at / 8).is_multiple_of(3) && !jobs.is_empty() {
                cluster.release(&jobs.swap_remove(at % jobs.len()));
            } else if *ask != gang {
                (anew, placed) = (anew + u32::from(cluster.kept.is_none()), placed + 1);
                jobs.extend(cluster.place(ask, Some(&regret)));
            } else {
                jobs.extend(cluster.place(ask, Some(&regret)));
            }
            let Room::Nodes { states, .. } = &cluster.room else { unreachable!("nodes were given") };
            if let Some((of, kept)) = &cluster.kept {
                let fresh = reserve.kept(nodes.iter().zip(states), |at| cluster.gangs[at] > 0);
                assert_eq!((of, kept), (reserve, &fresh));
                assert!(kept.contains(&true) || cluster.gangs.iter().sum::<u32>() > 0);
            }
        }
        assert!(anew * 2 < placed, "{anew} times for {placed} jobs");
    }

    #[test]
    fn shares_of_a_device_keep_it_busy_once() {
        let mut cluster = Cluster::nodes(vec![node("a", 2)]);
        let share = Request { devices: Ask::Share(400), ..Request::default() };
        let (first, second) = (cluster.place(&share, None).unwrap(), cluster.place(&share, None).unwrap());
        assert_eq!((first[0].devices[0].index, second[0].devices[0].index), (0, 0));
        assert_eq!(cluster.busy(), 1);
        cluster.release(&first);
        assert_eq!(cluster.busy(), 1);
        cluster.release(&second);
        assert!(cluster.is_empty());
    }

    #[test]
    fn pools_span_nodes() {
        let mut cluster = Cluster::pools(vec![node("a", 16)]);
        let parts = cluster.place(&whole(10), None).unwrap();
        assert!(cluster.place(&whole(7), None).is_none());
        let more = cluster.place(&whole(6), None).unwrap();
        assert_eq!(more[0].devices[0].index, 10);
        cluster.release(&parts);
        assert_eq!(
            cluster.place(&whole(1), None).unwrap()[0].devices[0].index,
            0,
            "the lowest is given out first"
        );
    }
}
