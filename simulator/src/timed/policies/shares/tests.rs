//! Divisions beside brute force, and rounds that are followed by hand.

use proptest::prelude::*;
use rand::SeedableRng;

use super::*;

fn draws() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0)
}

fn claim(order: u64, scale: f64, pace: &[f64], left: f64) -> Claim {
    Claim { order, scale, weight: 1.0, pace: pace.to_vec(), left, age: 0.0 }
}

/// Up to three jobs on two kinds, some of which cannot run on one of them.
fn scenes() -> impl Strategy<Value = Scene> {
    let one = (1..3_u8, 1..9_u8, 0..9_u8, 1..50_u8, 0..100_u8);
    (prop::collection::vec(one, 1..4), [1..4_u8, 1..4_u8]).prop_map(|(jobs, devices)| Scene {
        devices: devices.map(f64::from).to_vec(),
        claims: (0..)
            .zip(jobs)
            .map(|(order, (scale, fast, slow, left, age))| {
                let pace = [f64::from(fast), f64::from(slow)];
                Claim {
                    age: f64::from(age),
                    ..claim(order, f64::from(scale), &pace, f64::from(left) * 100.0)
                }
            })
            .collect(),
    })
}

/// Whether a division keeps to the machines and to the time that there is, and uses only what can be used.
fn is_possible(scene: &Scene, parts: &Parts) -> bool {
    let rows = parts.iter().all(|part| part.iter().sum::<f64>() <= 1.0 + 1e-6);
    let kinds = (0..scene.devices.len()).all(|kind| {
        let used: f64 = parts.iter().zip(&scene.claims).map(|(part, claim)| part[kind] * claim.scale).sum();
        used <= scene.devices[kind] + 1e-6
    });
    let usable = parts.iter().zip(&scene.claims).all(|(part, claim)| {
        part.iter().zip(&claim.pace).all(|(part, pace)| *part >= 0.0 && (*pace > 0.0 || *part <= 0.0))
    });
    rows && kinds && usable
}

/// The best of all divisions in fifths of the time.
fn best(scene: &Scene, value: &dyn Fn(&Parts) -> f64) -> f64 {
    const GRID: usize = 5;
    let mut all = Vec::new();
    for one in 0..=GRID {
        for other in 0..=GRID - one {
            all.push(vec![one as f64 / GRID as f64, other as f64 / GRID as f64]);
        }
    }
    let mut best = f64::NEG_INFINITY;
    let count = all.len().pow(scene.claims.len() as u32);
    for code in 0..count {
        let of = |at: usize| all[code / all.len().pow(at as u32) % all.len()].clone();
        let parts: Parts = (0..scene.claims.len()).map(of).collect();
        if is_possible(scene, &parts) {
            best = best.max(value(&parts));
        }
    }
    best
}

/// What the one that gets least gets.
fn least(scene: &Scene, parts: &Parts, of: impl Fn(&Claim) -> f64) -> f64 {
    let got =
        parts.iter().zip(&scene.claims).map(|(part, claim)| program::gets(part, &claim.pace) * of(claim));
    got.fold(f64::INFINITY, f64::min)
}

/// The largest ratio of times, with its sign turned, of jobs that are divided for the first time.
fn ratio(scene: &Scene, parts: &Parts) -> f64 {
    let jobs = scene.claims.len() as f64;
    let of = |(part, claim): (&Vec<f64>, &Claim)| {
        let alone: Vec<f64> = scene.devices.iter().map(|devices| devices / jobs / claim.scale).collect();
        let alone = program::gets(&alone, &claim.pace) / alone.iter().sum::<f64>().max(1.0);
        let pace = program::gets(part, &claim.pace);
        -(claim.age + claim.left / pace.max(1e-12)) / (claim.left / alone)
    };
    parts.iter().zip(&scene.claims).map(of).fold(f64::INFINITY, f64::min)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_division_is_better(scene in scenes()) {
        let all: f64 = scene.devices.iter().sum();
        let alike = |claim: &Claim| {
            let spread: f64 = scene.devices.iter().zip(&claim.pace).map(|(count, pace)| count / all * pace).sum();
            claim.scale / spread
        };
        let max_min = max_min::MaxMin.divide(&scene, &mut draws());
        let value = |parts: &Parts| least(&scene, parts, alike);
        prop_assert!(is_possible(&scene, &max_min), "{max_min:?}");
        prop_assert!(value(&max_min) >= best(&scene, &value) - 1e-5);

        let makespan = makespan::Makespan.divide(&scene, &mut draws());
        let value = |parts: &Parts| least(&scene, parts, |claim| 100.0 / claim.left);
        prop_assert!(is_possible(&scene, &makespan));
        prop_assert!(value(&makespan) >= best(&scene, &value) - 1e-5);

        let fair = finish_time_fairness::FinishTimeFairness::default().divide(&scene, &mut draws());
        let value = |parts: &Parts| ratio(&scene, parts);
        prop_assert!(is_possible(&scene, &fair));
        let (ours, theirs) = (value(&fair), best(&scene, &value));
        prop_assert!(ours >= theirs * 1.001, "{ours} {theirs}");

        let most = max_throughput::MaxThroughput.divide(&scene, &mut draws());
        let value = |parts: &Parts| -> f64 {
            parts.iter().zip(&scene.claims).map(|(part, claim)| program::gets(part, &claim.pace)).sum()
        };
        prop_assert!(is_possible(&scene, &most));
        prop_assert!(value(&most) >= best(&scene, &value) - 1e-4);
    }

    #[test]
    fn no_queues_are_done_sooner(
        jobs in prop::collection::vec((1..9_u8, 0..9_u8, 1..50_u8), 1..6),
        devices in [1..3_u8, 0..3_u8],
    ) {
        let scene = Scene {
            devices: devices.map(f64::from).to_vec(),
            claims: (0..)
                .zip(jobs)
                .map(|(order, (fast, slow, left))| {
                    claim(order, 1.0, &[f64::from(fast), f64::from(slow)], f64::from(left) * 3600.0)
                })
                .collect(),
        };
        let free = devices.map(usize::from);
        let waiting: Vec<usize> = (0..scene.claims.len()).collect();
        let places = allox::places(&scene, &waiting, &free);
        prop_assert_eq!(places.len(), waiting.len());
        let ours: f64 = places
            .iter()
            .map(|place| place.from_end as f64 * allox::hours(&scene, place.claim, place.kind))
            .sum();
        prop_assert!((ours - least_sum(&scene, &free, &mut vec![Vec::new(); free[0] + free[1]], 0)).abs() < 1e-6);
    }
}

/// The least sum of completion times over all ways to put jobs into the queues of accelerators.
fn least_sum(scene: &Scene, free: &[usize], queues: &mut Vec<Vec<f64>>, at: usize) -> f64 {
    if at == scene.claims.len() {
        let sum = |queue: &Vec<f64>| {
            let mut queue = queue.clone();
            queue.sort_by(f64::total_cmp);
            let places = (1..=queue.len()).rev().map(|place| place as f64);
            queue.iter().zip(places).map(|(hours, place)| hours * place).sum::<f64>()
        };
        return queues.iter().map(sum).sum();
    }
    let mut best = f64::INFINITY;
    for queue in 0..queues.len() {
        let kind = usize::from(queue >= free[0]);
        if scene.claims[at].pace[kind] > 0.0 {
            queues[queue].push(allox::hours(scene, at, kind));
            best = best.min(least_sum(scene, free, queues, at + 1));
            queues[queue].pop();
        }
    }
    best
}

#[test]
fn the_first_that_has_no_room_holds_up_the_others() {
    let mut scene = Scene {
        devices: vec![2.0, 2.0],
        claims: vec![
            claim(0, 1.0, &[4.0, 1.0], 1.0),
            claim(1, 2.0, &[4.0, 3.0], 1.0),
            claim(2, 2.0, &[4.0, 1.0], 1.0),
            claim(3, 1.0, &[4.0, 1.0], 1.0),
        ],
    };
    let mut fifo = fifo::Fifo::new(true);
    let none = vec![0.0, 0.0];
    let first = fifo.divide(&scene, &mut draws());
    assert_eq!(first, [vec![1.0, 0.0], vec![0.0, 1.0], none.clone(), none]);
    // When the first is done the second moves to the better kind, and the third runs where it was.
    scene.claims.remove(0);
    assert_eq!(fifo.divide(&scene, &mut draws())[..2], [vec![1.0, 0.0], vec![0.0, 1.0]]);
    // Who does not know kinds stays where the lot has put it.
    let mut blind = fifo::Fifo::new(false);
    let before = blind.divide(&scene, &mut draws());
    assert_eq!(blind.divide(&scene, &mut ChaCha8Rng::seed_from_u64(5)), before);
}

#[test]
fn who_gets_least_gets_most() {
    // Two jobs that want the one fast accelerator; one of them is as fast on the slow.
    let mut scene = Scene {
        devices: vec![1.0, 1.0],
        claims: vec![claim(0, 1.0, &[4.0, 1.0], 1.0), claim(1, 1.0, &[3.0, 3.0], 1.0)],
    };
    // Spread over both, the first would make 2.5 steps per second: with this weight it gets as much as the other only
    // where each has its own.
    scene.claims[0].weight = 1.6;
    let parts = max_min::MaxMin.divide(&scene, &mut draws());
    assert!(parts[0][0] > 0.999 && parts[1][1] > 0.999, "{parts:?}");
    // By weight: alike but for that, one is to get three times as much as the other.
    let mut scene =
        Scene { devices: vec![1.0], claims: vec![claim(0, 1.0, &[2.0], 1.0), claim(1, 1.0, &[2.0], 1.0)] };
    scene.claims[0].weight = 3.0;
    let parts = max_min::MaxMin.divide(&scene, &mut draws());
    assert!((parts[0][0] - 0.75).abs() < 1e-4 && (parts[1][0] - 0.25).abs() < 1e-4, "{parts:?}");
}
