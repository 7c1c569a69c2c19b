//! Whole nodes kept back for gangs.
//!
//! A gang of large pods needs several nodes of which nothing is taken, at once. Pods that come one by one know nothing of
//! it: each opens a node where that is best for it, and none is left whole. So as many free nodes of a kind as the gangs
//! to expect need are kept back. A pod of no gang pays there what the whole node is worth ([`super::Regret`]): it goes
//! anywhere else first. Nodes that gangs have already count as kept, so that
//! the reserve shrinks as they arrive.

use std::collections::BTreeMap;

use crate::fleet::{Ask, DEVICE, Model, Node, Request, State};

/// Gangs that need the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gangs {
    /// What the pods of one of them ask for, and how many ask so.
    pub pods: Vec<(Request, u32)>,
    /// How many such gangs.
    pub count: u64,
}

impl Gangs {
    /// Milli of devices that one of them asks for.
    fn milli(&self) -> u64 {
        self.pods.iter().map(|(request, count)| request.milli() * u64::from(*count)).sum()
    }

    /// The gangs among pods to expect on a cluster: in a sample of the mix as large as its devices, those that were seen
    /// among pods that asked for so many milli in all.
    pub fn expected(seen: &[Self], asked: u64, nodes: &[Node]) -> Vec<Self> {
        let devices: u64 = nodes.iter().map(|node| u64::from(node.devices) * u64::from(DEVICE)).sum();
        let count = |gangs: &Self| {
            let all = u128::from(gangs.count) * u128::from(devices);
            let asked = u128::from(asked.max(1));
            u64::try_from((all + asked / 2) / asked).unwrap_or(u64::MAX)
        };
        seen.iter().map(|gangs| Self { pods: gangs.pods.clone(), count: count(gangs) }).collect()
    }
}

/// Nodes that are the same when nothing runs on them.
type Kind<'a> = (Option<Model>, u32, u16, u64, u64, &'a [u64]);

fn kind(node: &Node) -> Kind<'_> {
    (node.model, node.pool, node.devices, node.cpu_milli, node.memory_mib, &node.extras)
}

/// So many whole free nodes of some kinds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reserve {
    kinds: Vec<Kept>,
}

/// What is kept of a kind of node.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    /// One of them.
    node: Node,
    /// How many.
    count: u64,
    /// The most CPU that a gang's pods need of one.
    cpu_milli: u64,
    /// The most memory.
    memory_mib: u64,
}

impl Kept {
    /// Whether a gang's pods would fit there: what runs beside them holds no devices.
    fn is_free(&self, node: &Node, state: &State) -> bool {
        state.whole() == usize::from(node.devices)
            && state.cpu_milli >= self.cpu_milli
            && state.memory_mib >= self.memory_mib
    }
}

impl Reserve {
    /// What gangs need: each takes nodes of one kind that hold it with fewest devices, of several kinds only where none
    /// has enough. The largest gangs choose first; one that the nodes cannot hold keeps none. Pods that ask for no whole
    /// devices find room in what is part-filled, and keep none.
    pub fn of(nodes: &[Node], gangs: &[Gangs]) -> Self {
        let mut kinds: BTreeMap<Kind<'_>, (&Node, u64)> = BTreeMap::new();
        for node in nodes.iter().filter(|node| node.devices > 0) {
            kinds.entry(kind(node)).or_insert((node, 0)).1 += 1;
        }
        let mut left: Vec<(&Node, u64)> = kinds.into_values().collect();
        let mut kept: Vec<Kept> = left
            .iter()
            .map(|(node, _)| Kept { node: (*node).clone(), count: 0, cpu_milli: 0, memory_mib: 0 })
            .collect();
        let mut order: Vec<&Gangs> = gangs.iter().collect();
        order.sort_by_key(|gangs| std::cmp::Reverse(gangs.milli()));
        for gangs in order {
            let pods = whole(gangs);
            for _ in 0..gangs.count {
                let Some(takes) = on_one(&left, &pods).or_else(|| on_several(&left, &pods)) else { break };
                if takes.iter().all(Vec::is_empty) {
                    break;
                }
                for ((left, kept), takes) in left.iter_mut().zip(&mut kept).zip(takes) {
                    left.1 -= takes.len() as u64;
                    kept.count += takes.len() as u64;
                    for state in takes {
                        kept.cpu_milli = kept.cpu_milli.max(left.0.cpu_milli - state.cpu_milli);
                        kept.memory_mib = kept.memory_mib.max(left.0.memory_mib - state.memory_mib);
                    }
                }
            }
        }
        kept.retain(|kept| kept.count > 0);
        Self { kinds: kept }
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// How many nodes of the kind of a node are kept while they are free.
    pub fn count(&self, node: &Node) -> u64 {
        self.kinds.iter().find(|kept| kind(&kept.node) == kind(node)).map_or(0, |kept| kept.count)
    }

    /// Which nodes are kept: of those of a kind of which no device is taken and that have CPU and memory for a gang's pods
    /// the last; fewer by those that gangs have already.
    pub fn kept<'a>(
        &self,
        nodes: impl DoubleEndedIterator<Item = (&'a Node, &'a State)> + ExactSizeIterator + Clone,
        has_gang: impl Fn(usize) -> bool,
    ) -> Vec<bool> {
        let mut kept = vec![false; nodes.len()];
        if self.is_empty() {
            return kept;
        }
        let mut left: Vec<u64> = self.kinds.iter().map(|kept| kept.count).collect();
        let of = |node: &Node| self.kinds.iter().position(|kept| kind(&kept.node) == kind(node));
        for (_, (node, _)) in nodes.clone().enumerate().filter(|(at, _)| has_gang(*at)) {
            if let Some(at) = of(node) {
                left[at] = left[at].saturating_sub(1);
            }
        }
        for ((node, state), is_kept) in nodes.rev().zip(kept.iter_mut().rev()) {
            let at = of(node).filter(|at| left[*at] > 0 && self.kinds[*at].is_free(node, state));
            if let Some(at) = at {
                left[at] -= 1;
                *is_kept = true;
            }
        }
        kept
    }
}

/// The pods of a gang that ask for whole devices, one by one, the largest first.
fn whole(gangs: &Gangs) -> Vec<&Request> {
    let whole = gangs.pods.iter().filter(|(request, _)| matches!(request.devices, Ask::Whole(_)));
    let mut pods: Vec<&Request> =
        whole.flat_map(|(request, count)| std::iter::repeat_n(request, *count as usize)).collect();
    pods.sort_by_key(|request| std::cmp::Reverse((request.milli(), request.cpu_milli)));
    pods
}

/// Puts as many of some pods as fit on at most so many empty nodes like one; what is free on those, and the pods left.
fn fill<'a>(node: &Node, most: u64, pods: &[&'a Request]) -> (Vec<State>, Vec<&'a Request>) {
    let mut open: Vec<State> = Vec::new();
    let mut left = Vec::new();
    for pod in pods {
        let put = pod.allows(node)
            && (open.iter_mut().any(|state| state.place(pod).is_ok())
                || (open.len() as u64) < most && {
                    let mut state = State::empty(node);
                    let fits = state.place(pod).is_ok();
                    if fits {
                        open.push(state);
                    }
                    fits
                });
        if !put {
            left.push(*pod);
        }
    }
    (open, left)
}

/// What a gang takes of each kind when it takes one kind: the one of fewest devices.
fn on_one(kinds: &[(&Node, u64)], pods: &[&Request]) -> Option<Vec<Vec<State>>> {
    let takes = kinds.iter().enumerate().filter_map(|(at, (node, left))| {
        let (takes, over) = fill(node, *left, pods);
        over.is_empty().then_some((takes.len() * usize::from(node.devices), at, takes))
    });
    let (_, at, takes) = takes.min()?;
    let mut of = vec![Vec::new(); kinds.len()];
    of[at] = takes;
    Some(of)
}

/// The same over several kinds, one after the other.
fn on_several(kinds: &[(&Node, u64)], pods: &[&Request]) -> Option<Vec<Vec<State>>> {
    let mut over = pods.to_vec();
    let mut of = vec![Vec::new(); kinds.len()];
    for (takes, (node, left)) in of.iter_mut().zip(kinds) {
        (*takes, over) = fill(node, *left, &over);
    }
    over.is_empty().then_some(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scores::{Board, Kinds, Regret, RegretParams, Score};

    fn node(name: &str, devices: u16) -> Node {
        Node {
            name: name.into(),
            cpu_milli: 64_000,
            memory_mib: 1 << 20,
            model: Some(Model(0)),
            devices,
            ..Node::default()
        }
    }

    fn whole(cpu_milli: u64, devices: u16) -> Request {
        Request { cpu_milli, devices: Ask::Whole(devices), ..Request::default() }
    }

    fn gangs(pods: &[(Request, u32)], count: u64) -> Gangs {
        Gangs { pods: pods.to_vec(), count }
    }

    #[test]
    fn gangs_keep_the_nodes_that_hold_them_with_fewest_devices() {
        let nodes: Vec<Node> = [("a", 8), ("b", 8), ("c", 8), ("d", 4), ("e", 4)]
            .map(|(name, devices)| node(name, devices))
            .into();
        let kept = |gangs: &[Gangs]| {
            let reserve = Reserve::of(&nodes, gangs);
            (reserve.count(&nodes[0]), reserve.count(&nodes[3]))
        };
        assert_eq!(kept(&[gangs(&[(whole(1000, 8), 2)], 1)]), (2, 0));
        assert_eq!(
            kept(&[gangs(&[(whole(1000, 4), 2)], 1)]),
            (0, 2),
            "eight devices either way: of equals the first"
        );
        assert_eq!(kept(&[gangs(&[(whole(1000, 4), 3)], 1)]), (2, 0));
        assert_eq!(kept(&[gangs(&[(whole(1000, 8), 3), (whole(1000, 4), 1)], 1)]), (3, 1), "over both kinds");
        assert_eq!(kept(&[gangs(&[(whole(1000, 8), 4)], 1)]), (0, 0), "none holds it");
        assert_eq!(kept(&[gangs(&[(whole(1000, 8), 1)], 9)]), (3, 0), "as many as there are");
        let share = Request { devices: Ask::Share(500), ..Request::default() };
        assert_eq!(kept(&[gangs(&[(share, 9)], 1)]), (0, 0), "shares break into nothing");
        assert_eq!(kept(&[]), (0, 0));
    }

    #[test]
    fn gangs_are_expected_as_often_as_the_mix_has_them() {
        let nodes = vec![node("a", 8); 4];
        // One gang of 16 among pods that asked for 64 in all: half a gang's worth of 32 devices, rounded up.
        let seen = [gangs(&[(whole(1000, 8), 2)], 1)];
        let count = |asked| Gangs::expected(&seen, asked, &nodes)[0].count;
        assert_eq!((count(64_000), count(32_000), count(16_000), count(65_000)), (1, 1, 2, 0));
    }

    #[test]
    fn the_last_free_nodes_are_kept_and_those_that_gangs_have_count() {
        let nodes = vec![node("a", 8), node("b", 8), node("c", 8), node("d", 4)];
        let reserve = Reserve::of(&nodes, &[gangs(&[(whole(1000, 8), 2)], 1)]);
        let mut states: Vec<State> = nodes.iter().map(State::empty).collect();
        let kept =
            |states: &[State], ganged: usize| reserve.kept(nodes.iter().zip(states), |at| at == ganged);
        assert_eq!(kept(&states, 9), [false, true, true, false]);
        states[2].place(&whole(0, 1)).unwrap();
        // What every node runs beside takes no device.
        states[0].cpu_milli -= 500;
        assert_eq!(kept(&states, 9), [true, true, false, false]);
        assert_eq!(kept(&states, 2), [false, true, false, false]);
        states[0].cpu_milli = 900;
        assert_eq!(kept(&states, 9), [false, true, false, false], "too little CPU for a gang's pod");
    }

    /// Two pods that need much CPU spread over two nodes of three, since the light ones to come fill what is left there.
    #[test]
    fn a_gang_that_comes_last_fits_where_nodes_are_kept_for_it_and_not_otherwise() {
        let nodes = vec![node("a", 8), node("b", 8), node("c", 8)];
        let (heavy, light, of_gang) = (whole(30_000, 1), whole(1_000, 1), whole(8_000, 8));
        let classes = [heavy.clone(), light, of_gang.clone()];
        let regret = Regret::new(&nodes, &classes, &[vec![1.0, 1.0, 8.0]], RegretParams::default());
        let gang = [gangs(&[(of_gang.clone(), 2)], 1)];
        let free = |reserve: Reserve, pods: usize| {
            let regret = regret.clone().keeping(reserve);
            let mut states: Vec<State> = nodes.iter().map(State::empty).collect();
            let mut board = Board::new(nodes.clone(), states.clone(), vec![Kinds::default(); 3]);
            for _ in 0..pods {
                if let Some(reserve) = regret.reserve() {
                    board.keep(reserve, |_| false);
                }
                let scores = board.scores(&regret, &heavy);
                let best = scores.iter().max().copied().flatten();
                let Some(at) = best.and_then(|best| scores.iter().position(|score| *score == Some(best)))
                else {
                    continue;
                };
                states[at].place(&heavy).unwrap();
                board.set(at, states[at].clone(), Kinds::of(&heavy));
            }
            states.iter().filter(|state| state.fits(&of_gang)).count()
        };
        assert_eq!(free(Reserve::default(), 2), 1, "the gang of two waits");
        assert_eq!(free(Reserve::of(&nodes, &gang), 2), 2, "it runs");
        // Pods that have no other place break into the reserve.
        assert_eq!(free(Reserve::of(&nodes, &gang), 3), 1);
        assert_eq!(free(Reserve::of(&nodes, &gang), 6), 0);
    }
}
