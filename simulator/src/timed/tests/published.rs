//! Published figures, where the traces are at hand; without `PLIMSOLL_DATA` these tests say that they are skipped.

use super::*;

pub(super) fn is_skipped() -> bool {
    let skipped = traces().is_none();
    if skipped {
        eprintln!("skipped: PLIMSOLL_DATA does not say where the traces are");
    }
    skipped
}

#[test]
fn tiresias_fifo_is_exact() {
    if is_skipped() {
        return;
    }
    let scenario = "[trace]\nformat = \"tiresias\"\njobs = \"tiresias/60_job.csv\"\n[cluster]\nplacement = \"count\"\nnodes = [{ name = \"gpu\", count = 4, accelerator = \"GPU\", accelerators = 4 }]\n[run]\npolicies = [\"fifo\", \"shortest-remaining\", \"least-attained-service\"]\n";
    let found = runs(scenario, "");
    let mean = metric(&found[0].0, "jct_mean_s");
    assert!((mean - 200.82).abs() < 0.005, "{mean}");
    assert!(metric(&found[1].0, "jct_mean_s") < mean);
}

const GAIA: &str = "[trace]\nformat = \"pai\"\njobs = \"pai2020/pai_week_1k.csv.gz\"\n[engine]\ntick = \"5s\"\n[arrivals]\nstart = \"2022-10-19T16:00:00Z\"\n[jobs]\nqueues = [{ name = \"short\", shorter_than = \"2h\", wait_up_to = \"6h\" }, { name = \"long\", wait_up_to = \"24h\" }]\nsplit = \"whole\"\n[power]\nwatts_per_cpu = 1000\n[report]\ncommitments_until = \"last-start\"\n[market]\ncarbon = { file = \"carbon_us_2022/CA_2022_hourly.csv.gz\", time = \"timestamp\", value = \"avg_CI\", gaps = \"linear\" }\n[[market.offers]]\nname = \"on-demand\"\ncapacity = \"on-demand\"\ncpu = 1\nhourly = 0.0624\n[[market.offers]]\nname = \"spot\"\ncapacity = \"spot\"\ncpu = 1\nhourly = 0.01248\n";

/// GAIA's policies on California 2022: carbon against running at once, and dollars with nine reserved.
#[test]
fn gaia_comes_out() {
    if is_skipped() {
        return;
    }
    let free = format!(
        "{GAIA}[run]\npolicies = [\"run-now\", \"lowest-slot\", \"lowest-window\", \"carbon-time\", \"suspend-threshold\", \"suspend-lowest\"]\n"
    );
    let found = runs(&free, "");
    let carbon = |at: usize| metric(&found[at].0, "carbon_kg");
    assert!((metric(&found[0].0, "cost_usd") - 199.175_86).abs() < 1e-4, "to seven digits");
    for (at, published) in [(1, 0.852), (2, 0.766), (3, 0.775), (4, 0.759), (5, 0.701)] {
        let ours = carbon(at) / carbon(0);
        assert!((ours / published - 1.0).abs() < 0.01, "{}: {ours} beside {published}", found[at].0.policy);
    }
    let reserved = |count: u32, policies: &str| {
        let offer = format!(
            "[[market.offers]]\nname = \"reserved\"\ncapacity = \"reserved\"\ncpu = 1\nhourly = 0.02496\ncount = {count}\nsunk = true\n"
        );
        runs(&format!("{GAIA}{offer}[run]\npolicies = {policies}\n"), "")
    };
    let nine = reserved(
        9,
        "[\"run-now\", \"wait-for-reserved\", \"carbon-time\", { name = \"carbon-time\", label = \"reserved first\", reserved_first = true }, { name = \"carbon-time\", label = \"spot first\", spot_up_to = \"2h\", without = [\"reserved\"] }, { name = \"carbon-time\", label = \"both\", reserved_first = true, spot_up_to = \"2h\" }]",
    );
    for (at, published) in [(0, 154.40), (1, 129.83), (2, 192.88), (3, 142.00), (5, 113.75)] {
        let ours = metric(&nine[at].0, "cost_usd");
        assert!((ours / published - 1.0).abs() < 0.005, "{}: {ours} beside {published}", nine[at].0.policy);
    }
}

/// Work of 48 hours on spot that comes and goes: greedy misses nothing, nothing beats the bound.
#[test]
fn the_bound_is_never_beaten() {
    let mut up = Vec::new();
    for hour in 0..200 {
        // Runs of hours with and without, of all lengths.
        up.push(u8::from(hour * hour % 7 < 3 || hour % 11 < 4));
    }
    let data = up.iter().flat_map(|hour| vec![hour.to_string(); 6]).collect::<Vec<_>>().join(", ");
    let trace = format!("{{\"metadata\": {{\"gap_seconds\": 600}}, \"data\": [{data}]}}");
    for deadline in [60, 72, 96] {
        let scenario = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[engine]\ntick = \"10m\"\n[jobs]\ncheckpoint = { every = \"0s\", restart = \"12m\" }\n[market]\nspot = { availability = { file = \"spot.json\" } }\n[[market.offers]]\nname = \"spot\"\ncapacity = \"spot\"\naccelerators = 1\naccelerator = \"V100\"\nhourly = 1.0\n[[market.offers]]\nname = \"on-demand\"\naccelerators = 1\naccelerator = \"V100\"\nhourly = 3.0\n[run]\npolicies = [\"on-demand\", \"spot-greedy\", \"uniform-progress\", \"perfect-knowledge\"]\n";
        let jobs = format!("id,submit_s,duration_s,gpus,deadline_s\na,0,172800,1,{}\n", deadline * 3600);
        let file = ScenarioFile::new("s.toml", scenario.as_bytes(), &[]).unwrap();
        let files = InMemory(BTreeMap::from([
            ("jobs.csv".to_owned(), jobs),
            ("spot.json".to_owned(), trace.clone()),
        ]));
        let points = file.points().unwrap();
        let experiment = Experiment::prepare(&points[0], &files, Tolerance::Strict)
            .unwrap_or_else(|problems| panic!("{}", problems[0]));
        let found: Vec<SimulationRun> = experiment
            .runs()
            .into_iter()
            .map(|(policy, seed)| experiment.run(policy, seed, &mut ()))
            .collect();
        let cost = |at: usize| metric(&found[at], "cost_usd");
        assert!((cost(0) - 144.0).abs() < 1e-9);
        assert!(found[3].bound && !found[2].bound);
        // Of the hours with spot before the deadline the bound uses all, or all of its work.
        let spot = up[..deadline].iter().map(|hour| u32::from(*hour)).sum::<u32>().min(48);
        let expected = f64::from(spot) + 3.0 * f64::from(48 - spot);
        assert!((cost(3) - expected).abs() < 0.6, "{} beside {expected}", cost(3));
        for at in [1, 2] {
            assert!(cost(at) >= cost(3) - 1e-9 && cost(at) < 144.0, "{deadline}: {}", cost(at));
            assert!((metric(&found[at], "deadline_misses")).abs() < 1e-9, "{}", found[at].policy);
        }
    }
}
