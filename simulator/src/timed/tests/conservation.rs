//! Laws that every run keeps, whatever the trace: read from the log alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use proptest::prelude::*;

use super::*;

/// Cells of a line, those in quotes as one.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells
}

/// A decimal as a whole number of 10^-9.
fn nano(text: &str) -> i128 {
    if text.is_empty() {
        return 0;
    }
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<9}");
    sign * (whole.parse::<i128>().unwrap() * 1_000_000_000 + fraction.parse::<i128>().unwrap())
}

/// What a log says for itself: devices are held once, jobs end once, money and work add up.
pub(super) fn check(run: &SimulationRun, log: &str) {
    let mut devices: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut held: BTreeMap<String, Vec<(String, String, i64)>> = BTreeMap::new();
    let mut work: BTreeMap<String, (i128, i128)> = BTreeMap::new();
    let mut started: BTreeSet<String> = BTreeSet::new();
    let (mut usd, mut grams, mut ends, mut latest) = (0, 0, 0, 0);
    for (index, line) in log.lines().enumerate() {
        let row = cells(line);
        assert_eq!(row.len(), 13, "{line}");
        assert_eq!(row[0], index.to_string());
        let time: u64 = row[1].parse().unwrap();
        assert!(time >= latest, "time runs forwards: {line}");
        latest = time;
        usd += nano(&row[10]);
        grams += nano(&row[11]);
        let parts =
            || row[7].split(',').filter(|part| !part.is_empty()).map(|part| part.split_once(':').unwrap());
        match row[2].as_str() {
            "node-up" => {
                for (device, milli) in parts() {
                    devices.insert((row[4].clone(), device.to_owned()), milli.parse().unwrap());
                }
            }
            "arrive" => {
                assert!(work.insert(row[3].clone(), (nano(&row[8]), 0)).is_none(), "{} comes once", row[3]);
            }
            "start" => {
                started.insert(row[3].clone());
                for (device, milli) in parts() {
                    let milli: i64 = milli.parse().unwrap();
                    let free = devices.get_mut(&(row[4].clone(), device.to_owned())).unwrap();
                    *free -= milli;
                    assert!(*free >= 0, "{} {device} is overfull: {line}", row[4]);
                    held.entry(row[3].clone()).or_default().push((row[4].clone(), device.to_owned(), milli));
                }
            }
            "stop" | "finish" => {
                for (node, device, milli) in held.remove(&row[3]).unwrap_or_default() {
                    *devices.get_mut(&(node, device)).unwrap() += milli;
                }
                let (asked, done) = work.get_mut(&row[3]).unwrap();
                *done += nano(&row[8]);
                if row[2] == "finish" {
                    assert!(started.contains(&row[3]), "{} has started", row[3]);
                    assert_eq!(asked, done, "{} is done", row[3]);
                    ends += 1;
                }
            }
            "reject" => ends += 1,
            _ => {}
        }
    }
    let unfinished = metric(run, "unfinished") as u64;
    assert_eq!(ends + unfinished, run.jobs, "every job ends once");
    if run.metrics.contains_key("cost_usd") {
        assert!((usd as f64 / 1e9 - metric(run, "cost_usd")).abs() < 1e-9);
    }
    if run.metrics.contains_key("carbon_kg") {
        assert!((grams as f64 / 1e12 - metric(run, "carbon_kg")).abs() < 1e-9);
    }
    assert_eq!(run.events, log.lines().count() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_policy_keeps_the_laws(
        jobs in prop::collection::vec((0_u32..40, 1_u32..30, 0_u32..7, 0_u32..3), 1..40),
        placement in prop::sample::select(vec!["count", "nodes", "consolidated"]),
        rounds in prop::sample::select(vec!["", "rounds = \"7s\"\n", "tick = \"3s\"\n"]),
        every in prop::sample::select(vec!["0s", "4s"]),
    ) {
        let mut at = 0;
        let mut text = "id,submit_s,duration_s,gpus,cpus,priority\n".to_owned();
        for (index, (gap, length, gpus, priority)) in jobs.iter().enumerate() {
            at += gap / 4;
            writeln!(text, "j{index},{at},{length},{gpus},{},{priority}", gpus + 1).unwrap();
        }
        let scenario = format!("[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nplacement = \"{placement}\"\nnodes = [{{ name = \"a\", count = 2, accelerator = \"T4\", accelerators = 4, cpu = 8, hourly = 1.25 }}, {{ name = \"b\", accelerator = \"V100\", accelerators = 2, cpu = 16, hourly = 0.3 }}]\n[engine]\nrestart = \"2s\"\n{rounds}[jobs]\ncheckpoint = {{ every = \"{every}\" }}\n[power]\naccelerators = {{ T4 = [10, 70], V100 = [30, 300] }}\nwatts_per_cpu = 5\n[run]\npolicies = [\"fifo\", {{ name = \"fifo\", label = \"backfill\", backfill = \"any\" }}, \"shortest-remaining\", {{ name = \"least-attained-service\", queues = [\"5s\", \"15s\"] }}, \"kube-default\", \"first-fit\"]\n");
        for (run, log) in runs(&scenario, &text) {
            check(&run, &log);
            prop_assert!((metric(&run, "unfinished")).abs() < 1e-9, "{}: all of them end", run.policy);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let scenario = "[trace]\nformat = \"generated\"\ngenerate = { span = \"1d\", load = 0.7 }\n[cluster]\nnodes = [{ name = \"a\", count = 4, accelerator = \"T4\", accelerators = 8, cpu = 96 }]\n[run]\npolicies = [{ name = \"fifo\", backfill = \"any\" }, \"plan\", \"best-fit\"]\nseeds = [1, 2, 1]\n".replace("[1, 2, 1]", "\"1..2\"");
    let (first, again) = (runs(&scenario, ""), runs(&scenario, ""));
    assert_eq!(first[0].0, again[0].0);
    assert_ne!(first[0].0.events_digest, first[1].0.events_digest);
    for (run, log) in &first {
        check(run, log);
        assert!(run.jobs > 100, "{}", run.jobs);
    }
}
