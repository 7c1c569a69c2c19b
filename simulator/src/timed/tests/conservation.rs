//! Laws that every run keeps, whatever the trace: read from the log alone.

use std::{collections::BTreeMap, fmt::Write as _};

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

/// What is free of a node: thousandths of a core, MiB, thousandths of each device; and whether it is up.
#[derive(Default)]
struct Room {
    cpu: i64,
    memory: i64,
    devices: BTreeMap<String, i64>,
    up: bool,
}

impl Room {
    /// Takes what a row says, or gives it back.
    fn change(&mut self, row: &[String], sign: i64) {
        self.cpu += sign * row[5].parse::<i64>().unwrap();
        self.memory += sign * row[6].parse::<i64>().unwrap();
        for part in row[7].split(',').filter(|part| !part.is_empty()) {
            let (device, milli) = part.split_once(':').unwrap();
            *self.devices.entry(device.to_owned()).or_default() += sign * milli.parse::<i64>().unwrap();
        }
    }

    fn is_overfull(&self) -> bool {
        self.cpu < 0 || self.memory < 0 || self.devices.values().any(|milli| *milli < 0)
    }
}

/// What a log says for itself: nothing is held twice, jobs end once, money, carbon and work add up.
pub(super) fn check(run: &SimulationRun, log: &str) {
    let mut rooms: BTreeMap<String, Room> = BTreeMap::new();
    let mut held: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    let mut work: BTreeMap<String, (i128, i128)> = BTreeMap::new();
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
        match row[2].as_str() {
            "node-up" => {
                let mut room = Room { up: true, ..Room::default() };
                room.change(&row, 1);
                assert!(rooms.insert(row[4].clone(), room).is_none(), "{} comes once", row[4]);
            }
            "node-down" => {
                let room = rooms.get_mut(&row[4]).unwrap();
                assert!(std::mem::replace(&mut room.up, false), "{} goes once", row[4]);
            }
            "arrive" => {
                assert!(work.insert(row[3].clone(), (nano(&row[8]), 0)).is_none(), "{} comes once", row[3]);
            }
            "start" => {
                if let Some(room) = rooms.get_mut(&row[4]) {
                    assert!(room.up, "{} is there: {line}", row[4]);
                    room.change(&row, -1);
                    assert!(!room.is_overfull(), "{} is overfull: {line}", row[4]);
                } else {
                    assert_eq!(row[4], "", "it is known: {line}");
                }
                held.entry(row[3].clone()).or_default().push(row);
            }
            "stop" | "finish" => {
                let starts = held.remove(&row[3]);
                for start in starts.unwrap_or_else(|| panic!("it runs: {line}")) {
                    if let Some(room) = rooms.get_mut(&start[4]) {
                        room.change(&start, 1);
                    }
                }
                let (asked, done) = work.get_mut(&row[3]).unwrap();
                *done += nano(&row[8]);
                assert!(*done <= *asked, "no more is done than there is: {line}");
                if row[2] == "finish" {
                    assert_eq!(asked, done, "{} is done", row[3]);
                    ends += 1;
                }
            }
            "reject" => ends += 1,
            "defer" | "charge" => {}
            other => panic!("{other} is no event"),
        }
    }
    assert!(held.is_empty(), "what runs at the end is stopped there: {held:?}");
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

/// A job of a property: gap, length, devices in quarters, priority, and bits for what else it states.
type Drawn = (u32, u32, u32, u32, u32);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    prop::collection::vec((0_u32..40, 0_u32..30, 0_u32..44, 0_u32..3, 0_u32..64), 1..30)
}

/// The jobs as a file; devices only with `gpus`.
fn file(jobs: &[Drawn], has_devices: bool) -> String {
    let mut at = 0;
    let mut text =
        "id,submit_s,duration_s,gpus,cpus,memory_mib,priority,interruptible,earliest_s,deadline_s,partition\n".to_owned();
    for (index, (gap, length, quarters, priority, bits)) in jobs.iter().enumerate() {
        at += gap / 4;
        let gpus = match quarters {
            _ if !has_devices => String::new(),
            1..=3 => format!("0.{}", quarters * 25),
            _ => (quarters / 4).to_string(),
        };
        let cpus = quarters / 4 + 1;
        let memory = if bits & 1 == 0 { String::new() } else { (cpus * 10).to_string() };
        let may_stop = if bits & 0b110 == 0b110 { "false" } else { "" };
        let earliest = if bits & 0b1_1000 == 0b1_1000 { (at + bits / 2).to_string() } else { String::new() };
        let deadline = at + length * 3 + 40;
        let partition = if bits & 0b10_0000 == 0b10_0000 && cpus < 3 { "b" } else { "" };
        writeln!(
            text,
            "j{index},{at},{length},{gpus},{cpus},{memory},{priority},{may_stop},{earliest},{deadline},{partition}"
        )
        .unwrap();
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_policy_on_machines_keeps_the_laws(
        jobs in drawn(),
        placement in prop::sample::select(vec!["count", "nodes", "consolidated"]),
        engine in prop::sample::select(vec!["", "rounds = \"7s\"\n", "tick = \"3s\"\n"]),
        every in prop::sample::select(vec!["0s", "4s"]),
        rest in prop::sample::select(vec!["", "until = \"60s\"\n", "[arrivals]\nmode = \"at-once\"\n", "[arrivals]\nspeed = 3.0\n"]),
    ) {
        let scenario = format!("[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nplacement = \"{placement}\"\nnodes = [{{ name = \"a\", count = 2, accelerator = \"T4\", accelerators = 4, cpu = 8, memory = \"128Mi\", hourly = 1.25 }}, {{ name = \"b\", accelerator = \"V100\", accelerators = 2, cpu = 16, hourly = 0.3, partition = \"b\" }}]\n[engine]\nrestart = \"2s\"\n{engine}[jobs]\ncheckpoint = {{ every = \"{every}\" }}\n[power]\naccelerators = {{ T4 = [10, 70], V100 = [30, 300] }}\nwatts_per_cpu = 5\n[run]\npolicies = [\"fifo\", {{ name = \"fifo\", label = \"backfill\", backfill = \"any\" }}, \"shortest-remaining\", {{ name = \"least-attained-service\", queues = [\"5s\", \"15s\"] }}, \"kube-default\", \"best-fit\", \"fgd\", \"packing\", \"clustering\", \"dot-product\", \"first-fit\", {{ name = \"plan\", every = \"5s\" }}, \"run-now\", \"wait-for-reserved\"]\n{rest}");
        let experiment = experiment_with(&scenario, &file(&jobs, true), Tolerance::Count).map_err(TestCaseError::fail)?;
        for (run, log) in runs_of(&experiment) {
            check(&run, &log);
            prop_assert!(rest.contains("until") || metric(&run, "unfinished").abs() < 1e-9, "{}: all of them end", run.policy);
        }
    }

    #[test]
    fn every_policy_that_rents_keeps_the_laws(
        jobs in drawn(),
        up in prop::collection::vec(0_u32..3, 6..20),
        restart in prop::sample::select(vec!["0s", "5s"]),
        split in prop::sample::select(vec!["whole", "any"]),
        count in 1_u32..9,
        until in prop::sample::select(vec!["", "until = \"70s\"\n"]),
    ) {
        let spot = format!("{{\"metadata\": {{\"gap_seconds\": 20}}, \"data\": {up:?}}}");
        let grid = "t,v\n2022-01-01T00:00:00,300\n2022-01-01T00:00:30,100\n2022-01-01T00:01:00,200\n";
        let scenario = format!("[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[engine]\ntick = \"10s\"\n[arrivals]\nstart = \"2022-01-01\"\n[jobs]\nsplit = \"{split}\"\ncheckpoint = {{ every = \"0s\", restart = \"{restart}\" }}\nqueues = [{{ name = \"all\", wait_up_to = \"1m\" }}]\n[power]\nwatts_per_cpu = 5\n[market]\ncarbon = {{ file = \"grid.csv\", gaps = \"hold\" }}\nspot = {{ availability = {{ file = \"spot.json\" }} }}\n[[market.offers]]\nname = \"od\"\ncpu = 1\nhourly = 1\n[[market.offers]]\nname = \"own\"\ncapacity = \"reserved\"\ncpu = 1\nhourly = 0.4\ncount = {count}\n[[market.offers]]\nname = \"sp\"\ncapacity = \"spot\"\ncpu = 1\nhourly = 0.3\n[run]\n{until}policies = [\"run-now\", \"lowest-slot\", \"lowest-window\", {{ name = \"carbon-time\", reserved_first = true, spot_up_to = \"15s\", knows_duration = true }}, \"suspend-threshold\", \"suspend-lowest\", \"wait-for-reserved\", \"on-demand\", \"spot-greedy\", \"uniform-progress\", \"perfect-knowledge\"]\n");
        let files = [("jobs.csv", &*file(&jobs, false)), ("grid.csv", grid), ("spot.json", &*spot)];
        let experiment = experiment_beside(&scenario, &files, Tolerance::Count).map_err(TestCaseError::fail)?;
        for (run, log) in runs_of(&experiment) {
            check(&run, &log);
            for job in files[0].1.lines().filter(|row| row.contains(",false,")) {
                let stop = format!(",stop,{},", job.split(',').next().unwrap_or_default());
                let stopped = log.lines().find(|row| row.contains(&stop) && !row.ends_with(",end"));
                prop_assert!(stopped.is_none(), "{}: {job}: {stopped:?}", run.policy);
            }
            prop_assert!(!until.is_empty() || metric(&run, "unfinished").abs() < 1e-9, "{}: all of them end", run.policy);
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
