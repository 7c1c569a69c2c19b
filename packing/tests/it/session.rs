//! Packing again after a change: as good as from scratch, feasible, and few pods move.

use plimsoll_packing::{
    Params,
    check::{check, moved},
    fleet::{Ask, Cluster, Model, Node, Pod, Request, Spread},
    pack,
    session::Session,
};
use proptest::prelude::*;

fn node(index: usize) -> Node {
    let devices = [4, 8, 2][index % 3];
    Node {
        name: format!("n{index:03}"),
        cpu_milli: 8_000 * u64::from(devices),
        memory_mib: 256 << 10,
        model: Some(Model(0)),
        devices,
        zone: Some(index as u32 % 2),
        ..Node::default()
    }
}

fn pod(index: usize, draw: u32) -> Pod {
    let (devices, cpu_milli) = match draw % 8 {
        0 => (Ask::None, 4_000),
        1 => (Ask::Share(300), 2_000),
        2 | 3 => (Ask::Share(470), 4_000),
        4 => (Ask::Whole(2), 12_000),
        5 => (Ask::Whole(4), 30_000),
        _ => (Ask::Whole(1), 7_000),
    };
    Pod::new(
        format!("p{index:04}"),
        Request { cpu_milli, memory_mib: 1 << 10, devices, ..Request::default() },
    )
}

/// So many nodes, pods for what they hold and a little more.
fn cluster(nodes: usize, draws: &[u32]) -> Cluster {
    Cluster {
        models: vec!["T4".into()],
        zones: vec!["x".into(), "y".into()],
        nodes: (0..nodes).map(node).collect(),
        pods: draws.iter().enumerate().map(|(index, draw)| pod(index, *draw)).collect(),
        ..Cluster::default()
    }
}

proptest! {
    #![proptest_config(crate::config(12))]

    /// Again and again some pods and a node go, others come: what was placed stays but for the limit, nothing is
    /// overfull, the bound is one on what is packed from scratch, and that is hardly better.
    #[test]
    fn as_good_as_from_scratch(
        draws in proptest::collection::vec(any::<u32>(), 150..170),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 12),
    ) {
        let mut now = cluster(30, &draws);
        let mut session = Session::new(Params::default(), 100);
        let first = session.pack(&now).unwrap();
        prop_assert_eq!(check(&now, &first.packing.placements), []);
        prop_assert_eq!(&first.moved, &[]);
        for (turn, changes) in changes.chunks(4).enumerate() {
            for (at, (gone, draw)) in changes.iter().enumerate() {
                now.pods.remove(gone.index(now.pods.len()));
                now.pods.push(pod(1_000 + 10 * turn + at, *draw));
            }
            now.nodes.remove(turn);
            now.nodes.push(node(100 + turn));
            let again = session.pack(&now).unwrap();
            let scratch = pack(&now, &Params::default()).unwrap();
            prop_assert_eq!(check(&now, &again.packing.placements), []);
            prop_assert!(again.moved.len() <= now.pods.len() / 10, "{} moved", again.moved.len());
            prop_assert!(again.packing.worth <= again.packing.bound.min(scratch.bound));
            prop_assert!(scratch.worth <= again.packing.bound);
            let least = scratch.worth as f64 * 0.98;
            prop_assert!(again.packing.worth as f64 >= least, "{} of {}", again.packing.worth, scratch.worth);
            prop_assert!(again.packing.stats.rounds <= scratch.stats.rounds + 2);
        }
    }

    /// With gangs, spreads, running pods, and nodes that shrink: the packing holds every time.
    #[test]
    fn what_is_kept_breaks_no_rule(
        draws in proptest::collection::vec(any::<u32>(), 20..60),
        shrunk in any::<prop::sample::Index>(),
        gone in any::<prop::sample::Index>(),
    ) {
        let mut now = cluster(9, &draws);
        now.gangs = vec!["g0".into(), "g1".into()];
        let zones = now.nodes.iter().filter_map(|node| Some((node.zone?, 0))).collect();
        now.spreads = vec![Spread { name: "s".into(), skew: 1, zones, fewest: 0 }];
        for (pod, draw) in now.pods.iter_mut().zip(&draws) {
            pod.gang = Some(draw / 8 % 9).filter(|gang| *gang < 2);
            pod.spread = Some(draw / 128 % 5).filter(|spread| *spread < 1);
        }
        let mut session = Session::new(Params { turns: 1, ..Params::default() }, 300);
        let first = session.pack(&now).unwrap();
        prop_assert_eq!(check(&now, &first.packing.placements), []);
        // Some that were placed run now, one goes, a node loses half of itself.
        for (pod, at) in now.pods.iter_mut().zip(&first.packing.placements).step_by(3) {
            pod.running.clone_from(at);
            pod.fixed = true;
        }
        now.pods.remove(gone.index(now.pods.len()));
        let free = |node: usize| now.pods.iter().all(|pod| pod.running.as_ref().is_none_or(|at| at.node != node));
        let shrunk = shrunk.index(now.nodes.len());
        if free(shrunk) {
            now.nodes[shrunk].cpu_milli /= 2;
        }
        let again = session.pack(&now).unwrap();
        prop_assert_eq!(check(&now, &again.packing.placements), []);
        prop_assert_eq!(moved(&now, &again.packing.placements), []);
        prop_assert!(again.packing.worth <= again.packing.bound);
    }
}

#[test]
fn without_a_change_nothing_moves_and_one_round_proves_it() {
    let draws: Vec<u32> = (0..150_u32).map(|i| i.wrapping_mul(2_654_435_761) >> 7).collect();
    let now = cluster(30, &draws);
    let mut session = Session::new(Params::default(), 30);
    let first = session.pack(&now).unwrap();
    let again = session.pack(&now).unwrap();
    assert_eq!(again.moved, []);
    assert_eq!(again.packing.placements, first.packing.placements);
    assert!(again.packing.stats.rounds <= 3, "{} rounds", again.packing.stats.rounds);
    assert!(first.packing.stats.rounds > again.packing.stats.rounds);
}
