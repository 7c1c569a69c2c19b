//! Keys that would change nothing are refused by name; those that are taken do what they say.

use super::*;

const TIMED: &str = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nnodes = [{ name = \"n\", accelerator = \"T4\", accelerators = 4 }]\n[run]\npolicies = [\"fifo\"]\n";
const MADE_UP: &str = "[trace]\nformat = \"generated\"\ngenerate = { span = \"1h\" }\n[cluster]\nnodes = [{ name = \"n\", accelerator = \"T4\", accelerators = 8 }]\n[run]\npolicies = [\"fifo\"]\n";
const SEQUENCE: &str = "[trace]\nformat = \"openb\"\nnodes = \"n.csv\"\njobs = \"p.csv\"\n[arrivals]\nmode = \"sequence\"\n[run]\npolicies = [\"fgd\"]\n";
const NODES: &str = "sn,cpu_milli,memory_mib,gpu,model\nn,8000,1000,2,T4\n";
const PODS: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1000,10,1,1000\n";

/// The fields that are refused of a scenario with some settings.
fn refused(scenario: &str, sets: &[&str]) -> Vec<(String, String)> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let points = ScenarioFile::new("s.toml", scenario.as_bytes(), &sets).and_then(|file| file.points());
    let files = [
        ("jobs.csv", "id,submit_s,duration_s,gpus\na,0,10,1\n"),
        ("n.csv", NODES),
        ("p.csv", PODS),
        ("c.csv", "t,v\n2022-01-01,1\n2022-01-02,1\n"),
    ];
    let files = InMemory(files.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
    match points.and_then(|points| Experiment::prepare(&points[0], &files, Tolerance::Strict)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|problem| (problem.field, problem.message)).collect(),
    }
}

fn all_refused(scenario: &str, keys: &[(&str, &str)]) {
    assert_eq!(refused(scenario, &[]), [], "it stands without them");
    for (key, value) in keys {
        let found = refused(scenario, &[&format!("{key}={value}")]);
        assert!(found.iter().any(|(field, _)| field == key), "{key} = {value}: {found:?}");
    }
}

#[test]
fn over_time() {
    all_refused(
        TIMED,
        &[
            ("report.levels", "[50]"),
            ("report.typical", "0.9"),
            ("arrivals.order", "shuffle"),
            ("arrivals.inflate", "1.3"),
            ("arrivals.rate_per_hour", "2"),
            ("market.carbon_price", "50"),
            ("market.forecast", "{ carbon_error = 0.1 }"),
            ("market.carbon", "{ file = \"c.csv\" }"),
            ("trace.throughputs", "t.csv"),
            ("trace.colocated", "t.csv"),
            ("trace.nodes", "n.csv"),
            ("trace.generate", "{ span = \"1d\" }"),
            ("jobs.slots", "30m"),
            ("jobs.split", "whole"),
            ("jobs.queues", "[{ name = \"all\", wait_up_to = \"1h\" }]"),
            ("jobs.deadline_factor", "0"),
            ("jobs.deadline_factor", "-1.5"),
        ],
    );
    let both = refused(TIMED, &["jobs.deadline=1h", "jobs.deadline_factor=2"]);
    assert_eq!(both[0].0, "jobs.deadline_factor");
    let once = refused(TIMED, &["arrivals.mode=at-once", "arrivals.speed=2"]);
    assert_eq!(once[0].0, "arrivals.speed");
}

#[test]
fn of_jobs_that_are_made_up() {
    all_refused(
        MADE_UP,
        &[
            ("trace.jobs", "jobs.csv"),
            ("arrivals.window", "[\"0s\", \"1h\"]"),
            ("arrivals.first", "5"),
            ("arrivals.speed", "2"),
            ("arrivals.order", "shuffle"),
        ],
    );
}

#[test]
fn of_what_no_policy_rents_looks_at_or_has() {
    let carbon = "market.carbon={ file = \"c.csv\" }";
    let power = "power={ accelerators = { T4 = [10, 70] } }";
    let start = "arrivals.start=2022-01-01";
    assert_eq!(refused(TIMED, &[carbon, power, start]), []);
    let forecast = "market.forecast={ carbon_error = 0.1 }";
    assert_eq!(refused(TIMED, &[carbon, power, start, forecast])[0].0, "market.forecast");
    let looks = "run.policies=[\"fifo\", \"lowest-slot\"]";
    assert_eq!(refused(TIMED, &[carbon, power, start, forecast, looks]), []);
    let offers = "market.offers=[{ name = \"o\", accelerator = \"T4\", hourly = 1 }]";
    assert_eq!(refused(TIMED, &[offers])[0].0, "market.offers");
    assert_eq!(refused(TIMED, &[offers, "run.policies=[\"fifo\", \"run-now\"]"]), []);
    let more = "power={ accelerators = { T4 = [10, 70], V100 = [30, 300] } }";
    assert_eq!(refused(TIMED, &[more])[0].0, "power.accelerators.V100");
}

#[test]
fn in_a_sequence() {
    all_refused(
        SEQUENCE,
        &[
            ("engine.tick", "5s"),
            ("engine.rounds", "5s"),
            ("engine.restart", "5s"),
            ("run.until", "5d"),
            ("arrivals.start", "2022-01-01"),
            ("report.series", "{ every = \"10m\" }"),
            ("report.jobs", "[0, 5]"),
            ("report.commitments_until", "last-start"),
            ("cluster", "{ nodes = [{ name = \"n\" }] }"),
            ("jobs.priority", "1"),
            ("jobs.deadline", "1h"),
            ("jobs.interruptible", "true"),
            ("market.offers", "[{ name = \"o\", cpu = 1 }]"),
            ("market.carbon", "{ file = \"c.csv\" }"),
            ("market.carbon_price", "5"),
            ("power.watts_per_cpu", "5"),
        ],
    );
    let every = refused(SEQUENCE, &["run.policies=[{ name = \"fgd\", every = \"5m\" }]"]);
    assert_eq!(every[0].0, "run.policies[0].every");
}

#[test]
fn metrics_are_known_or_refused() {
    let of = |scenario: &str, name: &str| {
        let found = refused(scenario, &[&format!("report.metrics=[\"placed\", \"{name}\"]")]);
        found.first().map_or_else(String::new, |(field, message)| format!("{field}: {message}"))
    };
    assert!(of(TIMED, "jct_maen_s").contains("report.metrics[1]: there is no metric `jct_maen_s`"));
    assert!(of(TIMED, "power_w").contains("`power_w` is not measured over time"));
    assert!(of(SEQUENCE, "jct_mean_s").contains("`jct_mean_s` is not measured in a sequence"));
    assert!(of(TIMED, "carbon_kg").contains("`carbon_kg` needs a section [power]"));
    assert!(of(TIMED, "cost_usd").contains("`cost_usd` needs prices"));
    assert_eq!(of(TIMED, "utilization_percent"), "");
    assert_eq!(of(SEQUENCE, "gpu_allocation_percent"), "");
}

#[test]
fn made_up_jobs_come_on_the_scenario_s_terms() {
    let scenario = format!(
        "{MADE_UP}[engine]\ntick = \"10m\"\n[jobs]\ndeadline = \"5m\"\npriority = 3\ninterruptible = false\n[arrivals]\nmode = \"at-once\"\n"
    );
    let (run, log) = &runs(&scenario, "")[0];
    assert!(run.jobs > 0);
    for row in log.lines().filter(|row| row.contains(",arrive,")) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells[1], "0", "{row}");
        assert!((cells[8].parse::<f64>().unwrap() % 600.0).abs() < 1e-9, "{row}");
    }
    assert!(metric(run, "deadline_misses") > 0.0);
}

#[test]
fn a_job_that_comes_at_another_time_has_as_long() {
    let jobs = "id,submit_s,duration_s,gpus,deadline_s,earliest_s\na,1000,100,1,1200,1040\n";
    let log =
        |arrivals: &str| brief(&runs(&format!("{TIMED}[arrivals]\n{arrivals}\n"), jobs)[0].1)[1].clone();
    assert_eq!(log("speed = 4.0"), "290 start a");
    assert_eq!(log("mode = \"at-once\""), "40 start a");
    for arrivals in ["speed = 4.0", "mode = \"at-once\"", "first = 1"] {
        let (run, _) = &runs(&format!("{TIMED}[arrivals]\n{arrivals}\n"), jobs)[0];
        assert!((metric(run, "deadline_misses")).abs() < 1e-9, "{arrivals}");
    }
}
