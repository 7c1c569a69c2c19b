//! Scores by hand, against the definitions, and laws that hold for all of them.

use proptest::prelude::*;

use super::*;
use crate::fleet::Model;

fn node(cpu_milli: u64, devices: u16, model: u16) -> Node {
    Node {
        name: "n".to_owned(),
        cpu_milli,
        memory_mib: 1 << 20,
        model: (devices > 0).then_some(Model(model)),
        devices,
        ..Node::default()
    }
}

fn request(cpu_milli: u64, devices: Ask) -> Request {
    Request { cpu_milli, memory_mib: 1024, devices, ..Request::default() }
}

/// A node with these pods on it, placed by best fit.
fn with<'a>(node: &Node, pods: impl IntoIterator<Item = &'a Request>) -> (State, Kinds) {
    let mut state = State::empty(node);
    let mut kinds = Kinds::default();
    for pod in pods {
        if state.place(pod).is_ok() {
            kinds = kinds.with(Kinds::of(pod));
        }
    }
    (state, kinds)
}

fn score(scorer: &dyn Score, pod: &Request, node: &Node, pods: &[Request]) -> i64 {
    let (state, kinds) = with(node, pods);
    scorer.score(pod, View { node, state: &state, kinds, kept: false })
}

#[test]
fn best_fit_takes_halves_of_what_is_left() {
    let node = node(64_000, 4, 0);
    // Left: 32 of 128 cores and 3.5 of 8 devices: 1 − (0.125 + 0.21875).
    let pod = request(32_000, Ask::Share(500));
    assert_eq!(score(&BestFit, &pod, &node, &[]), 65);
    // One whole device less: 1 − (0.125 + 0.15625), without the CPU of the other pod.
    assert_eq!(score(&BestFit, &pod, &node, &[request(0, Ask::Whole(1))]), 71);
}

#[test]
fn dot_product_falls_with_likeness() {
    let node = node(128_000, 8, 0);
    // (1 × 0.5 + 1 × 0.5) / 2.
    assert_eq!(score(&DotProduct, &request(64_000, Ask::Whole(4)), &node, &[]), 50);
    assert_eq!(score(&DotProduct, &request(0, Ask::None), &node, &[]), 100);
}

#[test]
fn packing_prefers_devices_in_use_then_nodes_in_use() {
    let node = node(128_000, 4, 0);
    let share = request(1000, Ask::Share(300));
    assert_eq!(score(&GpuPacking, &share, &node, &[]), 33 - 4);
    assert_eq!(score(&GpuPacking, &share, &node, std::slice::from_ref(&share)), 100 - 70 / 10);
    let two = request(1000, Ask::Whole(2));
    assert_eq!(score(&GpuPacking, &two, &node, std::slice::from_ref(&share)), 50 - 2);
    assert_eq!(score(&GpuPacking, &request(1000, Ask::None), &node, &[]), 0);
}

#[test]
fn clustering_bands_by_what_runs_there() {
    let node = node(128_000, 8, 0);
    let share = request(1000, Ask::Share(500));
    let two = request(1000, Ask::Whole(2));
    assert_eq!(score(&Clustering, &share, &node, &[]), 25);
    assert_eq!(score(&Clustering, &share, &node, std::slice::from_ref(&share)), 75 + 1);
    assert_eq!(score(&Clustering, &share, &node, std::slice::from_ref(&two)), 6);
    assert_eq!(score(&Clustering, &share, &node, &[share.clone(), two]), 50 + 7);
    // Two devices and four are different sorts.
    assert_eq!(score(&Clustering, &request(1, Ask::Whole(4)), &node, &[request(1, Ask::Whole(2))]), 6);
}

#[test]
fn kube_default_spreads_by_cpu_and_memory() {
    let node = Node { memory_mib: 100, ..node(100, 1, 0) };
    // 50 and 90 free in per cent; used 0.5 and 0.1: 70 + (1 − 0.2) × 100.
    assert_eq!(
        score(&KubeDefault, &Request { memory_mib: 10, ..request(50, Ask::Whole(1)) }, &node, &[]),
        70 + 80
    );
}

#[test]
fn power_counts_busy_devices_and_whole_sockets() {
    let power = Power { devices: vec![Watts { idle: 10, busy: 70 }], sockets: Sockets::default() };
    let node = node(96_000, 4, 0);
    let (empty, _) = with(&node, []);
    // 48 cores are three sockets.
    assert_eq!(power.watts(&node, &empty), 4 * 10 + 3 * 15);
    let (used, _) = with(&node, [&request(33_000, Ask::Share(100))]);
    // 33 threads leave 31 cores whole: 17 in use, two sockets.
    assert_eq!(power.watts(&node, &used), 3 * 10 + 70 + 15 + 2 * 120);

    let share = request(1000, Ask::Share(500));
    assert_eq!(score(&power, &share, &node, &[]), -(60 + 105));
    assert_eq!(score(&power, &share, &node, std::slice::from_ref(&share)), 0);
    // The share goes to the device that runs already, though it has less left than an idle one.
    let (state, kinds) = with(&node, std::slice::from_ref(&share));
    let holds = power.devices(&share, View { node: &node, state: &state, kinds, kept: false }).unwrap();
    assert_eq!(holds[0].index, 0);
}

#[test]
fn typical_pods_are_the_most_frequent_shapes() {
    let (a, b, c) = (request(1, Ask::Whole(1)), request(2, Ask::None), request(3, Ask::Share(10)));
    let other_memory = Request { memory_mib: 7, ..a.clone() };
    let pods = [&a, &other_memory, &b, &a, &c, &b, &a, &a, &a, &a];
    let mix = Mix::typical(pods, 85);
    assert_eq!(mix.shapes.len(), 2);
    assert_eq!(mix.shapes[0].request.devices, Ask::Whole(1));
    assert!((mix.shapes[0].share - 7.0 / 9.0).abs() < 1e-12);
    // The larger of equally frequent ones first.
    assert_eq!(Mix::typical([&a, &b], 50).shapes[0].request.cpu_milli, 2);
    assert_eq!(Mix::typical([], 95), Mix::default());
}

#[test]
fn fgd_keeps_a_device_whole_for_those_that_need_it() {
    let typical =
        [request(1000, Ask::Whole(1)), request(1000, Ask::Share(500)), request(1000, Ask::Share(500))];
    let fgd = Fgd::new(&Mix::typical(&typical, 95));
    let node = node(96_000, 2, 0);
    let half = request(1000, Ask::Share(500));
    let (state, kinds) = with(&node, std::slice::from_ref(&half));
    let view = View { node: &node, state: &state, kinds, kept: false };
    assert_eq!(fgd.devices(&half, view).unwrap()[0].index, 0, "the device that is broken already");
    // Before: the half device is lost to whole ones, a third of 500. After: nothing is lost.
    let sigmoid = 1.0 / (1.0 + (-0.5_f64 / 3.0).exp());
    assert_eq!(fgd.score(&half, view), (sigmoid * 100.0) as i64);
}

#[test]
fn a_blend_brings_scores_to_their_scale_first() {
    let (a, b) = ([-40, 0, -10], [1, 50, 100]);
    let spread = Scale::Spread { when_equal: 100 };
    assert_eq!(blend(&[(1, spread, &a), (10, Scale::AsIs, &b)]), [10, 600, 1075]);
    assert_eq!(blend(&[(2, spread, &[5, 5])]), [200, 200]);
    assert_eq!(blend(&[]), [0_i64; 0]);
}

/// Fragmentation as the paper defines it: for each typical pod, each device by itself.
fn fragmentation_by_definition(mix: &Mix, node: &Node, state: &State) -> f64 {
    let free: Vec<u64> = state.devices.iter().map(|device| u64::from(device.free)).collect();
    let all: u64 = free.iter().sum();
    mix.shapes
        .iter()
        .map(|shape| {
            let milli = shape.request.each_milli();
            let large = free.iter().filter(|free| **free >= milli).count() as u32;
            let fits = state.cpu_milli >= shape.request.cpu_milli
                && shape.request.allows(node)
                && large >= shape.request.device_count();
            let lost =
                if milli == 0 || !fits { all } else { free.iter().filter(|free| **free < milli).sum() };
            shape.share * lost as f64
        })
        .sum()
}

fn any_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        Just(Ask::None),
        (1_u16..100).prop_map(|tenths| Ask::Share(tenths * 10)),
        (1_u16..5).prop_map(Ask::Whole),
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    (0_u64..40, any_ask(), prop::collection::btree_set((0_u16..3).prop_map(Model), 0..3)).prop_map(
        |(cores, ask, models)| Request { models: models.into_iter().collect(), ..request(cores * 1000, ask) },
    )
}

fn scorers(mix: &Mix) -> Vec<Box<dyn Score>> {
    let watts = vec![Watts { idle: 10, busy: 70 }, Watts { idle: 30, busy: 250 }];
    vec![
        Box::new(BestFit),
        Box::new(DotProduct),
        Box::new(GpuPacking),
        Box::new(Clustering),
        Box::new(KubeDefault),
        Box::new(Power { devices: watts, sockets: Sockets::default() }),
        Box::new(Fgd::new(mix)),
        Box::new(Regret::new(
            &[node(96_000, 8, 0), node(64_000, 4, 1)],
            &mix.shapes.iter().map(|shape| shape.request.clone()).collect::<Vec<_>>(),
            &[mix.shapes.iter().map(|shape| shape.share + shape.request.milli() as f64).collect()],
            RegretParams::default(),
        )),
    ]
}

proptest! {
    #[test]
    fn fragmentation_is_what_the_paper_says(
        typical in prop::collection::vec(any_request(), 1..20),
        pods in prop::collection::vec(any_request(), 0..12),
        devices in 0_u16..9,
    ) {
        let mix = Mix::typical(&typical, 95);
        let node = node(64_000, devices, 1);
        let (state, _) = with(&node, &pods);
        let ours = Fragmentation::new(&mix).of(&node, &state);
        let defined = fragmentation_by_definition(&mix, &node, &state);
        prop_assert!((ours - defined).abs() < 1e-6, "{ours} and {defined}");
        prop_assert!(ours <= state.milli() as f64 + 1e-6);
    }

    /// Fgd's score is the sigmoid of what its devices do to fragmentation, and no other device does better.
    #[test]
    fn fgd_takes_the_device_that_it_scores(
        typical in prop::collection::vec(any_request(), 1..20),
        pods in prop::collection::vec(any_request(), 0..12),
        pod in any_request(),
    ) {
        let mix = Mix::typical(&typical, 95);
        let node = node(96_000, 6, 1);
        let (state, kinds) = with(&node, &pods);
        prop_assume!(state.fits(&pod));
        let fragmentation = Fragmentation::new(&mix);
        let rated = |holds: &[Hold]| {
            let mut after = state.clone();
            after.take(&pod, holds).unwrap();
            let fall = fragmentation.of(&node, &state) - fragmentation.of(&node, &after);
            (100.0 / (1.0 + (-fall / 1000.0).exp())) as i64
        };
        let fgd = Fgd::new(&mix);
        let view = View { node: &node, state: &state, kinds, kept: false };
        let score = fgd.score(&pod, view);
        prop_assert!((rated(&fgd.devices(&pod, view).unwrap()) - score).abs() <= 1);
        if let Ask::Share(milli) = pod.devices {
            for index in (0..node.devices).filter(|i| state.devices[usize::from(*i)].free >= milli) {
                let other = rated(&[Hold { index, milli, parts: 0 }]);
                prop_assert!(other <= score + 1);
            }
        }
    }

    /// The board says of every node what the scorer says of it alone, after changes too.
    #[test]
    fn the_board_is_the_nodes_one_by_one(
        typical in prop::collection::vec(any_request(), 1..8),
        pods in prop::collection::vec((any_request(), 0_usize..6), 0..40),
        pod in any_request(),
    ) {
        let nodes: Vec<Node> =
            (0..6).map(|i| Node { memory_mib: 4096 << (i % 2), ..node(64_000, 4, (i / 3) as u16) }).collect();
        let mut states: Vec<State> = nodes.iter().map(State::empty).collect();
        let mut kinds = vec![Kinds::default(); 6];
        let mut board = Board::new(nodes.clone(), states.clone(), kinds.clone());
        for (other, at) in &pods {
            // From the last device down, so that nodes differ in the order of their devices.
            let mut flipped = states[*at].clone();
            flipped.devices.reverse();
            if flipped.place(other).is_ok() {
                states[*at] = flipped;
                kinds[*at] = kinds[*at].with(Kinds::of(other));
                board.set(*at, states[*at].clone(), kinds[*at]);
            }
        }
        for scorer in scorers(&Mix::typical(&typical, 95)) {
            let one_by_one: Vec<Option<i64>> = (0..6)
                .map(|at| {
                    let view = View { node: &nodes[at], state: &states[at], kinds: kinds[at], kept: false };
                    (pod.allows(&nodes[at]) && states[at].fits(&pod)).then(|| scorer.score(&pod, view))
                })
                .collect();
            prop_assert_eq!(board.scores(scorer.as_ref(), &pod), one_by_one, "{}", scorer.name());
        }
    }

    /// Whoever fits gets devices that are free, from every scorer and from the dice.
    #[test]
    fn chosen_devices_are_free(
        typical in prop::collection::vec(any_request(), 1..8),
        pods in prop::collection::vec(any_request(), 0..12),
        pod in any_request(),
        dice in prop::collection::vec(0_usize..1000, 8),
    ) {
        let node = node(128_000, 8, 0);
        let (state, kinds) = with(&node, &pods);
        let view = View { node: &node, state: &state, kinds, kept: false };
        let mut chosen: Vec<_> =
            scorers(&Mix::typical(&typical, 95)).iter().map(|scorer| scorer.devices(&pod, view)).collect();
        let mut dice = dice.into_iter();
        chosen.push(random::devices(&pod, &state, |n| dice.next().unwrap_or(0) % n));
        for holds in chosen {
            if state.fits(&pod) {
                prop_assert!(state.clone().take(&pod, &holds.unwrap()).is_ok());
            } else if let Some(holds) = holds {
                prop_assert!(state.clone().take(&pod, &holds).is_err());
            }
        }
    }
}
