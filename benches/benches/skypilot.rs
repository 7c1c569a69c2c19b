//! Beside SkyPilot's own optimizer, on random task graphs: `cargo bench --bench skypilot`.
//!
//! `SKYPILOT_PYTHON` names a Python with the package `skypilot` (`python3` by default), `PLIMSOLL_DATA`
//! the folder with the saved catalogue; where one is missing the benchmark says so and ends. Graphs are
//! of the shape of SkyPilot's own test of random ones: up to ten tasks, five parents and five requests
//! each, up to 1,000 GB handed over; both read the same tables. Two comparisons: what a plan costs under
//! SkyPilot's model of egress (by cloud), and what both plans cost charged by region.
//!
//! `--seeds 1..9`, `--limit SECONDS` for each run of SkyPilot's, `--json FILE`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use plimsoll_benches::meter::{cpu_seconds, peak_mib};
use plimsoll_catalog::{Capacity, FileOffer, SkyPilotFile};
use plimsoll_planner::{
    Settings,
    load::{self, LoadArgs},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const CLOUDS: [&str; 3] = ["aws", "azure", "gcp"];

fn main() {
    let arguments = Arguments::read();
    if let Err(reason) = run(&arguments) {
        println!("skipped: {reason}");
    }
}

struct Arguments {
    seeds: std::ops::Range<u64>,
    limit: u64,
    json: Option<PathBuf>,
    python: String,
    data: Option<PathBuf>,
}

impl Arguments {
    #[expect(clippy::disallowed_methods, reason = "a benchmark is told by the environment where its peer is")]
    fn read() -> Self {
        let list: Vec<String> = std::env::args().collect();
        let after = |flag: &str| list.iter().position(|a| a == flag).and_then(|at| list.get(at + 1)).cloned();
        let seeds = after("--seeds").and_then(|seeds| {
            let (from, to) = seeds.split_once("..")?;
            Some(from.parse().ok()?..to.parse().ok()?)
        });
        // `cargo bench -- --test` asks whether it runs at all.
        let smoke = list.iter().any(|a| a == "--test");
        Self {
            seeds: seeds.unwrap_or(if smoke { 1..3 } else { 1..13 }),
            limit: after("--limit").and_then(|limit| limit.parse().ok()).unwrap_or(120),
            json: after("--json").map(PathBuf::from),
            python: std::env::var("SKYPILOT_PYTHON").unwrap_or_else(|_| "python3".into()),
            data: std::env::var_os("PLIMSOLL_DATA").map(PathBuf::from),
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("skypilot/peer.py");
    let data = arguments.data.as_deref().ok_or("PLIMSOLL_DATA does not say where the saved catalogue is")?;
    let table = data.join("catalog/skypilot_v5_2024-06-13.csv.gz");
    if !table.is_file() {
        return Err("PLIMSOLL_DATA has no catalog/skypilot_v5_2024-06-13.csv.gz".into());
    }
    let python = || Command::new(&arguments.python);
    let has = python().args(["-c", "import sky"]).stderr(Stdio::null()).stdout(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        return Err(format!(
            "`{}` has no SkyPilot; install it in a virtual environment (pip install skypilot) and name its Python in SKYPILOT_PYTHON",
            arguments.python
        ));
    }
    let folder = std::env::temp_dir().join(format!("plimsoll-skypilot-{}", std::process::id()));
    let made = python().arg(&script).arg("catalog").arg(&table).arg(&folder).status();
    if !made.is_ok_and(|status| status.success()) {
        return Err("the catalogue could not be written".into());
    }
    let limit = arguments.limit.to_string();
    let mut peer = python();
    peer.arg(&script).arg("solve").arg(&folder).arg(limit).stderr(Stdio::null());
    let outcome = peer
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())
        .and_then(|peer| compare(arguments, &folder, peer));
    _ = fs::remove_dir_all(&folder);
    outcome
}

fn compare(arguments: &Arguments, folder: &Path, mut peer: Child) -> Result<(), String> {
    let (Some(mut ask), Some(answers)) = (peer.stdin.take(), peer.stdout.take()) else {
        return Err("the peer has no pipes".into());
    };
    let mut answers = BufReader::new(answers).lines();
    let mut answer = || -> Result<Value, String> {
        let line = answers.next().ok_or("SkyPilot's process ended")?.map_err(|error| error.to_string())?;
        serde_json::from_str(&line).map_err(|error| error.to_string())
    };
    let version = answer()?["version"].clone();
    let requests = requests(folder)?;
    println!("SkyPilot {}, {} requests to draw from", version.as_str().unwrap_or("?"), requests.len());
    println!(
        "{:>4} {:>5} {:>5} | {:>10} {:>10} {:>7} {:>7} {:>5} | {:>10} {:>10} {:>8} | digest",
        "seed",
        "tasks",
        "edges",
        "theirs $",
        "ours $",
        "theirs s",
        "ours s",
        "MiB",
        "theirs $",
        "ours $",
        "dearer"
    );
    let mut rows = Vec::new();
    for seed in arguments.seeds.clone() {
        let instance = instance(seed, &requests);
        writeln!(ask, "{instance}").and_then(|()| ask.flush()).map_err(|error| error.to_string())?;
        let theirs = answer()?;
        let row = one(seed, folder, &instance, &theirs)?;
        println!("{}", row.0);
        rows.push(row.1);
    }
    drop(ask);
    _ = peer.wait();
    let answered: Vec<&Value> = rows.iter().filter(|row| row["theirs"]["usd"].is_f64()).collect();
    let dearer = answered.iter().filter(|row| row["oursDearer"] == true).count();
    println!(
        "{} of {} answered by SkyPilot; ours dearer under its model: {dearer}; ours {:.0} MiB at most, with the tables",
        answered.len(),
        rows.len(),
        peak_mib()
    );
    if let Some(file) = &arguments.json {
        let all = json!({ "skypilot": version, "peakMib": peak_mib(), "rows": rows });
        fs::write(file, format!("{all:#}\n")).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Machines with whole cards, as one can ask SkyPilot for them.
fn requests(folder: &Path) -> Result<Vec<Value>, String> {
    let mut requests: Vec<Value> = Vec::new();
    for cloud in CLOUDS {
        let bytes = fs::read(folder.join(cloud).join("vms.csv")).map_err(|error| error.to_string())?;
        let table = SkyPilotFile::parse("vms.csv", cloud, &bytes).map_err(|error| error.to_string())?;
        let whole = |offer: &&FileOffer| {
            offer.capacity == Capacity::OnDemand
                && offer.accelerators_milli.is_some_and(|milli| milli >= 1000 && milli % 1000 == 0)
                && !offer.accelerator.as_deref().is_some_and(|name| name.starts_with("tpu-"))
        };
        for offer in table.offers.iter().filter(whole) {
            let count = offer.accelerators_milli.unwrap_or(1000) / 1000;
            // On Google's cloud the machine is not asked for but chosen among those that hold the cards.
            let chosen = cloud == "gcp";
            let machine = json!(offer.instance_type);
            let same = |known: &&mut Value| {
                known["cloud"] == *cloud
                    && known["accelerator"] == json!(offer.accelerator)
                    && known["count"] == json!(count)
                    && (chosen || known["machines"][0] == machine)
            };
            match requests.iter_mut().find(same) {
                Some(known) => {
                    if let Some(machines) = known["machines"].as_array_mut().filter(|m| !m.contains(&machine))
                    {
                        machines.push(machine);
                    }
                }
                None => requests.push(json!({
                    "cloud": cloud, "machines": [machine], "accelerator": offer.accelerator, "count": count,
                })),
            }
        }
    }
    Ok(requests)
}

/// A random graph.
fn instance(seed: u64, requests: &[Value]) -> Value {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = rng.random_range(1..=10_usize);
    let mut tasks = Vec::new();
    for index in 0..count {
        let mut parents: Vec<usize> = Vec::new();
        for _ in 0..rng.random_range(0..=index.min(5)) {
            let parent = rng.random_range(0..index);
            if !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        let wanted: Vec<&Value> =
            (0..rng.random_range(1..=5)).map(|_| &requests[rng.random_range(0..requests.len())]).collect();
        tasks.push(json!({
            "name": format!("t{index}"), "nodes": rng.random_range(1..=4), "seconds": rng.random_range(1..=36_000),
            "gigabytes": rng.random_range(0..=1000), "parents": parents, "requests": wanted,
        }));
    }
    json!({ "tasks": tasks })
}

/// The instance as documents; with `picks` each task is bound to the machine and region picked for it.
fn documents(folder: &Path, instance: &Value, model: &str, picks: Option<&Value>) -> String {
    let mut text = format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {{name: e}}\nspec: {{time: 2026-01-01T00:00:00Z, catalog: ['{}'], egressModel: {model}}}\n",
        folder.display()
    );
    let tasks = instance["tasks"].as_array().map_or(&[][..], Vec::as_slice);
    for (index, task) in tasks.iter().enumerate() {
        let way = |request: &Value| {
            json!({
                "request": { "instanceType": request["machines"], "accelerators": {
                    "anyOf": [request["accelerator"]], "count": request["count"] } },
                "regions": [request["cloud"]],
            })
        };
        let bound = picks.map(|picks| {
            let pick = &picks[index];
            let place = format!("{}/{}", text_of(&pick["cloud"]), text_of(&pick["region"]));
            vec![json!({ "request": { "instanceType": [pick["instanceType"]] }, "regions": [place] })]
        });
        let asked = || task["requests"].as_array().into_iter().flatten().map(way).collect();
        let ways: Vec<Value> = bound.unwrap_or_else(asked);
        let parents = task["parents"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        let inputs: Vec<Value> = parents
            .filter_map(|parent| tasks.get(usize::try_from(parent).ok()?))
            .map(|parent| json!({ "from": parent["name"], "size": format!("{}Gi", parent["gigabytes"]) }))
            .collect();
        let spec = json!({
            "replicas": task["nodes"], "perInstance": 1, "duration": format!("{}s", task["seconds"]),
            "capacity": ["on-demand"], "request": ways[0]["request"], "regions": ways[0]["regions"],
            "alternatives": ways[1..], "inputs": inputs,
        });
        let document = json!({
            "apiVersion": "plimsoll.dev/v1alpha1", "kind": "Workload", "metadata": { "name": task["name"] }, "spec": spec,
        });
        _ = write!(text, "---\n{document}\n");
    }
    text
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Plans documents: the total, whether proven, the CPU seconds of planning alone, the digest.
fn planned(text: &str) -> Result<(f64, bool, f64, String), String> {
    let args = LoadArgs { files: vec![PathBuf::from("-")], ..LoadArgs::default() };
    let inputs = load::inputs(&args, &mut text.as_bytes()).map_err(|error| error.to_string())?;
    let settings = Settings::of(&inputs);
    let before = cpu_seconds();
    let plan =
        plimsoll_planner::plan(&inputs, &settings, None, &mut |_| {}).map_err(|error| error.to_string())?;
    let seconds = cpu_seconds() - before;
    if !plan.unplaced.is_empty() {
        return Err(format!("{} is not placed: {}", plan.unplaced[0].workload, plan.unplaced[0].reason));
    }
    let proven = plan.status == plimsoll_model::plan::Status::Optimal;
    Ok((plan.objective.total_usd.to_f64(), proven, seconds, inputs.digest))
}

fn one(seed: u64, folder: &Path, instance: &Value, theirs: &Value) -> Result<(String, Value), String> {
    let tasks = instance["tasks"].as_array().map_or(0, Vec::len);
    let edges: usize = instance["tasks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|t| t["parents"].as_array())
        .map(Vec::len)
        .sum();
    let (usd, proven, seconds, digest) = planned(&documents(folder, instance, "cloud", None))?;
    let (by_region, region_proven, ..) = planned(&documents(folder, instance, "region", None))?;
    let picks = theirs.get("picks");
    let charged =
        picks.map(|picks| planned(&documents(folder, instance, "region", Some(picks)))).transpose()?;
    let their_usd = theirs["usd"].as_f64();
    // Each part of each placement is rounded to a millionth.
    let dearer = their_usd.map(|theirs| usd > theirs + 1e-6 * 20.0);
    let number = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.2}"));
    let more = charged.as_ref().map(|theirs| 100.0 * (theirs.0 / by_region - 1.0));
    let line = format!(
        "{seed:>4} {tasks:>5} {edges:>5} | {:>10} {usd:>10.2} {:>7} {seconds:>7.3} {:>5} | {:>10} {by_region:>10.2} {:>7}% | {}{}{}",
        number(their_usd),
        number(theirs["cpuSeconds"].as_f64()),
        theirs["peakMib"].as_f64().map_or_else(|| "-".into(), |mib| format!("{mib:.0}")),
        number(charged.as_ref().map(|theirs| theirs.0)),
        number(more),
        &digest[..12],
        if proven && region_proven { "" } else { " (not proven)" },
        theirs["error"].as_str().map_or_else(String::new, |error| format!(" ({error})")),
    );
    let row = json!({
        "seed": seed, "tasks": tasks, "edges": edges, "digest": digest, "instance": instance, "theirs": theirs,
        "ours": { "usd": usd, "proven": proven, "cpuSeconds": seconds }, "oursDearer": dearer,
        "byRegion": { "theirs": charged.map(|theirs| theirs.0), "ours": by_region, "proven": region_proven },
    });
    Ok((line, row))
}
