//! The tables against enumeration, and the laws of regret.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::scores::Kinds;

fn node(cpu_milli: u64, devices: u16) -> Node {
    Node { cpu_milli, memory_mib: 1 << 30, model: Some(Model(0)), devices, ..Node::default() }
}

fn request(cpu_milli: u64, devices: Ask) -> Request {
    Request { cpu_milli, devices, ..Request::default() }
}

/// The worth of the best completion, by trying every pod on every device, again and again.
fn best_completion(
    state: &State,
    priced: &[(Request, f64)],
    known: &mut BTreeMap<(u64, Vec<u16>), f64>,
) -> f64 {
    let mut devices: Vec<u16> = state.devices.iter().map(|device| device.free).collect();
    devices.sort_unstable();
    let key = (state.cpu_milli, devices);
    if let Some(worth) = known.get(&key) {
        return *worth;
    }
    let mut best = 0.0_f64;
    for (request, price) in priced {
        let choices: Vec<Vec<Hold>> = match request.devices {
            Ask::Share(milli) => (0..state.devices.len() as u16)
                .filter(|index| state.devices[usize::from(*index)].free >= milli)
                .map(|index| vec![Hold { index, milli, parts: 0 }])
                .collect(),
            _ => state.choose(request).into_iter().collect(),
        };
        for holds in choices {
            let mut rest = state.clone();
            if rest.take(request, &holds).is_ok() {
                best = best.max(price + best_completion(&rest, priced, known));
            }
        }
    }
    known.insert(key, best);
    best
}

fn apart(priced: &[(Request, f64)]) -> (Vec<Request>, Vec<f64>) {
    priced.iter().cloned().unzip()
}

/// For one kind of node, at one set of prices or several.
fn regret_at(node: &Node, priced: &[(Request, f64)], sets: usize, params: Params) -> Regret {
    let (classes, prices) = apart(priced);
    Regret::new(std::slice::from_ref(node), &classes, &vec![prices; sets], params)
}

/// Tables with the prices as they are.
fn unscaled(node: &Node, priced: &[(Request, f64)], lambdas: usize) -> Tables {
    let (classes, prices) = apart(priced);
    Tables::new(node, &classes, &prices, lambdas)
}

fn any_priced() -> impl Strategy<Value = Vec<(Request, f64)>> {
    let ask = prop_oneof![
        Just(Ask::None),
        (20_u16..100).prop_map(|tenths| Ask::Share(tenths * 10)),
        (1_u16..3).prop_map(Ask::Whole),
    ];
    prop::collection::vec(((1_u64..6).prop_map(|cores| cores * 1000), ask, 1_u32..100), 1..5).prop_map(
        |classes| {
            classes
                .into_iter()
                .map(|(cpu, ask, price)| (request(cpu, ask), f64::from(price) / 50.0))
                .collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// V is never less than the best completion; where CPU is no limit it is that.
    #[test]
    fn worth_bounds_the_best_completion(priced in any_priced(), cores in 1_u64..12, devices in 0_u16..3) {
        let worth = |node: &Node| unscaled(node, &priced, 8).worth(&State::empty(node), &mut Vec::new());
        let tight = node(cores * 1000, devices);
        let exact = best_completion(&State::empty(&tight), &priced, &mut BTreeMap::new());
        prop_assert!(worth(&tight) >= exact - 1e-9, "{} under {exact}", worth(&tight));

        let without_cpu: Vec<_> = priced
            .iter()
            .filter(|(request, _)| request.devices != Ask::None)
            .map(|(class, price)| (request(0, class.devices), *price))
            .collect();
        let ample = node(1, devices);
        let exact = best_completion(&State::empty(&ample), &without_cpu, &mut BTreeMap::new());
        let ours = unscaled(&ample, &without_cpu, 8).worth(&State::empty(&ample), &mut Vec::new());
        prop_assert!((ours - exact).abs() < 1e-9, "{ours} is not {exact}");
    }

    /// What the score computes from the change alone is what the tables say of the node afterwards; and no pod
    /// leaves more than it takes.
    #[test]
    fn the_remainder_is_the_node_without_the_pod(
        priced in any_priced(),
        pods in prop::collection::vec(0_usize..5, 0..6),
        pod in 0_usize..5,
    ) {
        let node = node(24_000, 4);
        let regret = regret_at(&node, &priced, 3, Params::default());
        let mut state = State::empty(&node);
        for class in pods {
            let _ = state.place(&priced[class % priced.len()].0);
        }
        let (request, price) = &priced[pod % priced.len()];
        prop_assume!(state.fits(request));
        let view = View { node: &node, state: &state, kinds: Kinds::default(), kept: false };
        let (worth, remainder, _) = regret.best(request, view).unwrap();
        prop_assert!((worth - regret.worth(&node, &state)).abs() < 1e-9);
        let mut after = state.clone();
        after.take(request, &regret.devices(request, view).unwrap()).unwrap();
        prop_assert!((remainder - regret.worth(&node, &after)).abs() < 1e-9);
        let scale = regret.worth(&node, &State::empty(&node))
            / unscaled(&node, &priced, 8).worth(&State::empty(&node), &mut Vec::new());
        prop_assert!(worth - remainder - price * scale >= -1e-9, "a gain from a pod of its price");
    }
}

#[test]
fn a_pod_of_a_best_completion_costs_nothing_and_others_what_they_break() {
    // Thirds and a whole device are worth one together; halves are worth less than their room.
    let third = request(1000, Ask::Share(330));
    let half = request(1000, Ask::Share(500));
    let whole = request(1000, Ask::Whole(1));
    let priced = [(third.clone(), 1.0 / 3.0), (half.clone(), 0.4), (whole.clone(), 1.0)];
    let node = node(1_000_000, 2);
    let regret = regret_at(&node, &priced, 1, Params { tie: 0.0, ..Params::default() });
    let state = State::empty(&node);
    let view = View { node: &node, state: &state, kinds: Kinds::default(), kept: false };
    let costs = |pod: &Request, price: f64| {
        let (worth, remainder, _) = regret.best(pod, view).unwrap();
        worth - remainder - price
    };
    assert!(costs(&third, 1.0 / 3.0).abs() < 1e-9);
    assert!(costs(&whole, 1.0).abs() < 1e-9);
    // A half leaves room for a half, or for a third: 1 − 0.4 − 0.4.
    assert!((costs(&half, 0.4) - 0.2).abs() < 1e-9);
}

#[test]
fn equal_regrets_go_to_the_fuller_node() {
    let share = request(0, Ask::Share(500));
    let node = node(1000, 2);
    let regret = regret_at(&node, &[(share.clone(), 0.5)], 1, Params::default());
    let empty = State::empty(&node);
    let mut used = empty.clone();
    used.place(&share).unwrap();
    let score = |state: &State| {
        regret.score(&share, View { node: &node, state, kinds: Kinds::default(), kept: false })
    };
    assert!(score(&used) > score(&empty));
}

#[test]
fn a_kind_of_node_without_tables_comes_last() {
    let share = request(0, Ask::Share(500));
    let known = node(1000, 2);
    let new = Node { model: Some(Model(9)), ..known.clone() };
    let regret = regret_at(&known, &[(share.clone(), 0.5)], 1, Params::default());
    let state = State::empty(&known);
    let score = |node: &Node| {
        regret.score(&share, View { node, state: &state, kinds: Kinds::default(), kept: false })
    };
    assert!(score(&new) < score(&known));
    assert!(
        regret
            .devices(&share, View { node: &new, state: &state, kinds: Kinds::default(), kept: false })
            .is_some()
    );
}

#[test]
fn several_sets_of_prices_count_alike() {
    let classes = [request(1000, Ask::Share(500)), request(1000, Ask::Whole(1)), request(2000, Ask::None)];
    let sets = [vec![0.5, 0.9, 0.1], vec![0.2, 1.0, 0.0], vec![0.0; 3]];
    let nodes = [node(16_000, 2), Node { model: Some(Model(1)), ..node(32_000, 4) }];
    let of = |sets: &[Vec<f64>]| Regret::new(&nodes, &classes, sets, Params::default());
    let (both, first, second) = (of(&sets[..2]), of(&sets[..1]), of(&sets[1..2]));
    for node in &nodes {
        let mut state = State::empty(node);
        state.place(&classes[0]).unwrap();
        let mean = f64::midpoint(first.worth(node, &state), second.worth(node, &state));
        assert!((both.worth(node, &state) - mean).abs() < 1e-9);
    }
    // Together the devices are worth their number, at every set that has a price at all.
    let all: f64 = nodes.iter().map(|node| both.worth(node, &State::empty(node))).sum();
    assert!((all - 6.0).abs() < 1e-9);
    assert!(of(&sets[2..]).worth(&nodes[0], &State::empty(&nodes[0])).abs() < 1e-9);
}
