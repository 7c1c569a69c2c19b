//! Small clusters by hand and at random, and the published rows where the trace is at hand.

use std::path::PathBuf;

use plimsoll_packing::{
    fleet::{Ask, Model, State},
    scores::{
        BestFit, Clustering, DotProduct, Fgd, GpuPacking, Kinds, KubeDefault, Power, Regret, RegretParams,
        Sampling, View, Watts, bids, blend,
    },
};
use plimsoll_traces::{Tolerance, openb};
use proptest::prelude::*;

use super::*;
use crate::draws::Draws;

fn node(name: &str, cpu_milli: u64, devices: u16, model: u16) -> Node {
    let model = (devices > 0).then_some(Model(model));
    Node { name: name.to_owned(), cpu_milli, memory_mib: 1000, model, devices, ..Node::default() }
}

fn request(cpu_milli: u64, devices: Ask) -> Request {
    Request { cpu_milli, devices, ..Request::default() }
}

fn input(nodes: Vec<Node>, pods: Vec<Request>) -> Input {
    Input::new(vec!["A".to_owned(), "B".to_owned()], nodes, pods)
}

const AS_RECORDED: Arrivals = Arrivals { shuffle: false, inflate: None, rule: Rule::Whole };

#[test]
fn what_does_not_fit_is_lost_and_counted() {
    let pods = vec![
        request(1000, Ask::Whole(4)),
        request(9000, Ask::None),
        request(1000, Ask::Share(300)),
        request(1000, Ask::Whole(1)),
        request(1000, Ask::Share(700)),
    ];
    let input = input(vec![node("n", 8000, 2, 0)], pods);
    let outcome = run(&input, AS_RECORDED, &Policy::of(BestFit), Draws::chacha(1));
    assert_eq!(outcome.lost, Lost { pods: 2, without_devices: 1, large: 1, milli: 4000 });
    assert_eq!(outcome.first_refusal, Some(0.0));
    let placed: Vec<u64> = outcome.curve.iter().map(|point| point.placed).collect();
    assert_eq!(placed, [0, 0, 0, 300, 1300, 2000]);
    assert!(outcome.curve.iter().all(|point| point.watts == 0), "nobody said what they draw");
    // All of the devices is passed by the first pod, and never again passed over.
    assert!(outcome.at(100.0).allocation.abs() < 1e-9);
    assert!((outcome.at(1000.0).allocation - 100.0).abs() < 1e-9);
    assert!((outcome.at(215.0).allocation - 15.0).abs() < 1e-9);
}

#[test]
fn power_is_that_of_the_nodes() {
    let mut input = input(
        vec![node("a", 64_000, 2, 0), node("b", 64_000, 2, 0)],
        vec![request(1000, Ask::Share(300)), request(1000, Ask::Share(300)), request(1000, Ask::Whole(1))],
    );
    let power = Power { devices: vec![Watts { idle: 10, busy: 70 }], ..Power::default() };
    input.power = Some(power.clone());
    let outcome = run(&input, AS_RECORDED, &Policy::of(power), Draws::chacha(1));
    // Two nodes of two sockets: 4 × (10 + 15). Then a device and a socket, nothing, a device of the same node.
    let watts: Vec<u64> = outcome.curve.iter().map(|point| point.watts).collect();
    assert_eq!(watts, [100, 100 + 60 + 105, 265, 265 + 60]);
}

#[test]
fn inflation_stops_before_the_mark_and_deflation_under_it() {
    let nodes = vec![node("n", 1_000_000, 10, 0)];
    let pods = vec![request(1, Ask::Whole(2)), request(1, Ask::Share(300)), request(1, Ask::None)];
    let input = input(nodes, pods);
    let asked = |inflate: f64, rule: Rule| {
        let arrivals = Arrivals { shuffle: true, inflate: Some(inflate), rule };
        let drawn = arrivals.draw(&input, &mut Draws::chacha(3));
        drawn.iter().map(|class| input.classes[*class as usize].milli()).sum::<u64>()
    };
    let whole = asked(1.3, Rule::Whole);
    assert!((11_001..=13_000).contains(&whole), "{whole}");
    assert!(asked(1.3, Rule::PerDevice) <= 14_000);
    assert!(asked(0.1, Rule::Whole) <= 1_000);
}

#[test]
fn nothing_to_place_and_nowhere_to_place_it() {
    let published = |input: &Input| run(input, Arrivals::PUBLISHED, &Policy::of(BestFit), Draws::go(42));
    let outcome = published(&input(Vec::new(), vec![request(1, Ask::Whole(1))]));
    assert_eq!((outcome.lost.pods, outcome.curve.len()), (0, 1), "taken out: it asks for more than there is");
    assert!(outcome.at(100.0).allocation.abs() < 1e-9);
    let outcome = published(&input(vec![node("n", 1, 1, 0)], Vec::new()));
    assert_eq!((outcome.lost.pods, outcome.curve.len()), (0, 1));
    let outcome = published(&input(vec![node("n", 1, 1, 0)], vec![request(1, Ask::None)]));
    assert_eq!((outcome.lost.pods, outcome.curve.len()), (0, 2), "pods without devices cannot be inflated");
}

#[test]
fn the_choice_is_what_would_have_allocated_most() {
    // Pods of one device fill nodes one by one or spread and leave no room for pods of four.
    let nodes = (0..8).map(|i| node(&i.to_string(), 100_000, 4, 0)).collect();
    let pods = vec![request(1000, Ask::Whole(1)), request(1000, Ask::Whole(1)), request(1000, Ask::Whole(4))];
    let recent = input(nodes, pods);
    let candidates = [Policy::of(KubeDefault), Policy::of(GpuPacking), Policy::of(GpuPacking)];
    let trial =
        Trial { arrivals: Arrivals { rule: Rule::Whole, ..Arrivals::PUBLISHED }, level: 100.0, seeds: 0..5 };
    let choice = choose(&recent, &candidates, &trial).unwrap();
    assert_eq!(choice.best, 1, "the first of equals: {choice:?}");
    assert!(choice.allocations[1] > choice.allocations[0] + 5.0, "{choice:?}");
    assert_eq!(choose(&recent, &[], &trial), None);
    assert_eq!(choose(&recent, &candidates, &Trial { seeds: 0..0, ..trial }), None);
}

/// The same run, every node rated anew at every arrival.
fn run_naively(input: &Input, arrivals: Arrivals, scorers: &[Weighted], mut draws: Draws) -> Vec<u64> {
    let order = arrivals.draw(input, &mut draws);
    let ranks = draws.permutation(input.nodes.len());
    let mut nodes: Vec<(usize, &Node)> = ranks.into_iter().zip(&input.nodes).collect();
    nodes.sort_by_key(|(rank, _)| *rank);
    let mut states: Vec<State> = nodes.iter().map(|(_, node)| State::empty(node)).collect();
    let mut kinds = vec![Kinds::default(); nodes.len()];
    let mut placed = vec![0];
    let mut sum = 0;
    for class in order {
        let pod = &input.classes[class as usize];
        let feasible: Vec<usize> =
            (0..nodes.len()).filter(|at| pod.allows(nodes[*at].1) && states[*at].fits(pod)).collect();
        let view = |at: usize| View { node: nodes[at].1, state: &states[at], kinds: kinds[at], kept: false };
        let scores: Vec<Vec<i64>> = scorers
            .iter()
            .map(|(_, scorer)| feasible.iter().map(|at| scorer.score(pod, view(*at))).collect())
            .collect();
        let parts: Vec<_> = scorers
            .iter()
            .zip(&scores)
            .map(|((weight, scorer), scores)| (*weight, scorer.scale(), scores.as_slice()))
            .collect();
        let sums = blend(&parts);
        if let Some(best) = sums.iter().max() {
            let at = feasible[sums.iter().position(|sum| sum == best).unwrap()];
            let holds = scorers[0].1.devices(pod, view(at)).unwrap();
            states[at].take(pod, &holds).unwrap();
            kinds[at] = kinds[at].with(Kinds::of(pod));
            sum += pod.milli();
        }
        placed.push(sum);
    }
    placed
}

fn any_pod() -> impl Strategy<Value = Request> {
    let ask = prop_oneof![
        Just(Ask::None),
        (1_u16..10).prop_map(|tenths| Ask::Share(tenths * 100)),
        (1_u16..4).prop_map(Ask::Whole),
    ];
    (1_u64..9, ask, prop::option::of(0_u16..2)).prop_map(|(cores, ask, model)| Request {
        models: model.map(Model).into_iter().collect(),
        ..request(cores * 1000, ask)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn kept_scores_change_nothing(
        sizes in prop::collection::vec((4_u64..40, 0_u16..5, 0_u16..2), 1..8),
        pods in prop::collection::vec(any_pod(), 1..30),
        seed in any::<u64>(),
    ) {
        let nodes = sizes
            .into_iter()
            .enumerate()
            .map(|(i, (cores, devices, model))| node(&i.to_string(), cores * 1000, devices, model))
            .collect();
        let input = input(nodes, pods);
        let arrivals = Arrivals { shuffle: true, inflate: Some(1.3), rule: Rule::Whole };
        let power = Power { devices: vec![Watts { idle: 10, busy: 70 }; 2], ..Power::default() };
        let fgd: Arc<dyn Score> = Arc::new(Fgd::new(&input.typical));
        let policies: Vec<Vec<Weighted>> = vec![
            vec![(1, Arc::new(BestFit))],
            vec![(1, Arc::new(Clustering))],
            vec![(1, Arc::clone(&fgd))],
            vec![(500, Arc::new(power)), (500, fgd)],
        ];
        for scorers in policies {
            let naive = run_naively(&input, arrivals, &scorers, Draws::chacha(seed));
            let outcome = run(&input, arrivals, &Policy::Scored(scorers), Draws::chacha(seed));
            let placed: Vec<u64> = outcome.curve.iter().map(|point| point.placed).collect();
            prop_assert_eq!(placed, naive);
        }
    }
}

/// A list of openb, or nothing, with the reason said.
fn list(name: &str) -> Option<Input> {
    #[expect(clippy::disallowed_methods, reason = "the traces are where the environment says")]
    let Ok(data) = std::env::var("PLIMSOLL_DATA") else {
        println!("skipped: PLIMSOLL_DATA does not say where the traces are");
        return None;
    };
    let folder = PathBuf::from(data).join("traces/openb");
    let nodes =
        openb::read_nodes(&folder.join("openb_node_list_gpu_node.csv.gz"), Tolerance::Strict).unwrap();
    let pods =
        openb::read_pods(&folder.join(format!("openb_pod_list_{name}.csv.gz")), Tolerance::Strict).unwrap();
    Some(crate::openb::input(&nodes.rows, &pods.rows))
}

/// Rows of the published results (`analysis_allo_discrete.csv`), at 95, 100 and 130 per cent of arrived load. All
/// policies but `random`, whose draws hang on the order in which the original's threads finish.
#[test]
fn published_rows_come_out_to_the_last_digit() {
    let Some(input) = list("cpu050") else { return };
    let rows: [(&str, Policy, u64, [f64; 3]); 9] = [
        ("dot-product", Policy::of(DotProduct), 42, [93.19, 93.24, 93.50]),
        ("dot-product", Policy::of(DotProduct), 43, [92.60, 92.64, 92.85]),
        ("clustering", Policy::of(Clustering), 51, [92.97, 93.02, 93.33]),
        ("packing", Policy::of(GpuPacking), 42, [93.31, 93.36, 93.62]),
        ("packing", Policy::of(GpuPacking), 50, [93.95, 93.99, 94.21]),
        ("best-fit", Policy::of(BestFit), 42, [93.68, 93.73, 93.93]),
        ("best-fit", Policy::of(BestFit), 51, [93.25, 93.31, 93.52]),
        ("fgd", Policy::of(Fgd::new(&input.typical)), 42, [94.91, 95.16, 95.34]),
        ("fgd", Policy::of(Fgd::new(&input.typical)), 50, [94.89, 95.17, 95.33]),
    ];
    for (name, policy, seed, published) in rows {
        let outcome = run(&input, Arrivals::PUBLISHED, &policy, Draws::go(seed));
        let ours = [95, 100, 130].map(|level| outcome.published_allocation(level).unwrap());
        let equal = ours.iter().zip(published).all(|(ours, theirs)| (ours - theirs).abs() < 1e-9);
        assert!(equal, "{name}, seed {seed}: {ours:?}, published {published:?}");
    }
}

/// With our own generator the arrivals are others, and the mean is the published one within its spread.
#[test]
fn other_arrivals_give_the_published_mean() {
    let Some(input) = list("default") else { return };
    let policies = [("random", Policy::Random, 87.47), ("fgd", Policy::of(Fgd::new(&input.typical)), 95.39)];
    for (name, policy, published) in policies {
        let mean = (0..3)
            .map(|seed| run(&input, Arrivals::PUBLISHED, &policy, Draws::chacha(seed)).at(130.0).allocation)
            .sum::<f64>()
            / 3.0;
        assert!((mean - published).abs() < 0.4, "{name}: {mean}, published {published}");
    }
}

/// Regret at prices from the mix of the list, on other arrivals than those that settings were tried on.
#[test]
fn regret_allocates_more_than_descent_on_fragmentation_and_refuses_later() {
    let Some(input) = list("default") else { return };
    let sampling = Sampling { sets: 4, ..Sampling::default() };
    let prices = bids(&input.nodes, &input.classes, &input.counts(), sampling).unwrap();
    let regret = Policy::of(Regret::new(&input.nodes, &input.classes, &prices, RegretParams::default()));
    let fgd = Policy::of(Fgd::new(&input.typical));
    let of = |policy: &Policy| {
        let outcomes: Vec<Outcome> =
            (100..102).map(|seed| run(&input, Arrivals::PUBLISHED, policy, Draws::chacha(seed))).collect();
        let mean = |figure: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(figure).sum::<f64>() / 2.0;
        (mean(&|outcome| outcome.at(130.0).allocation), mean(&|outcome| outcome.first_refusal.unwrap()))
    };
    let (ours, theirs) = (of(&regret), of(&fgd));
    assert!(ours.0 > theirs.0 + 0.3 && ours.1 > theirs.1, "regret {ours:?}, fgd {theirs:?}");
}
