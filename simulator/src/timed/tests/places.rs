//! Whether jobs have a place, and when they may start on it: with every policy, and said before anything runs.

use plimsoll_traces::Tolerance;

use super::{conservation::check, *};

const MACHINES: &str = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nnodes = [{ name = \"n\", accelerator = \"T4\", accelerators = 4, cpu = 64, hourly = 3.6 }]\n";
const QUEUES: &str = "[\"fifo\", { name = \"fifo\", label = \"backfill\", backfill = \"any\" }, \"shortest-remaining\", \"least-attained-service\", \"kube-default\", \"best-fit\", \"fgd\", \"packing\", \"clustering\", \"dot-product\", \"regret\", \"first-fit\", \"plan\"]";
const RENTED: &str = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[engine]\ntick = \"10m\"\n[jobs]\ndeadline = \"2h\"\n[[market.offers]]\nname = \"od\"\ncpu = 1\nhourly = 1\n[[market.offers]]\nname = \"sp\"\ncapacity = \"spot\"\ncpu = 1\nhourly = 0.3\n";
const SPOT: &str = "[\"on-demand\", \"spot-greedy\", \"uniform-progress\", \"perfect-knowledge\"]";

fn with(base: &str, policies: &str) -> String {
    format!("{base}[run]\npolicies = {policies}\n")
}

/// What is said of a scenario that is refused.
fn refused(scenario: &str, jobs: &str) -> String {
    experiment(scenario, jobs).err().unwrap_or_default()
}

/// The runs with tolerance, each of them lawful, and what is assumed.
fn tolerated(scenario: &str, jobs: &str) -> (Vec<(SimulationRun, String)>, Vec<String>) {
    let experiment =
        experiment_with(scenario, jobs, Tolerance::Count).unwrap_or_else(|problems| panic!("{problems}"));
    let runs = runs_of(&experiment);
    for (run, log) in &runs {
        check(run, log);
    }
    (runs, experiment.notes().to_vec())
}

fn counts(run: &SimulationRun) -> [u64; 3] {
    ["placed", "failed", "unfinished"].map(|name| metric(run, name) as u64)
}

#[test]
fn a_job_that_no_machine_holds_fails_and_the_others_run() {
    let jobs = "id,submit_s,duration_s,gpus\na,0,10,8\nb,1,10,1\n";
    let all = with(MACHINES, QUEUES);
    let problem = refused(&all, jobs);
    assert!(problem.contains("jobs.csv:2") && problem.contains("`a` asks for 8 accelerators"), "{problem}");
    let (runs, notes) = tolerated(&all, jobs);
    assert_eq!(runs.len(), 13);
    for (run, log) in &runs {
        assert_eq!(counts(run), [1, 1, 0], "{}", run.policy);
        assert_eq!(
            brief(log)[..4],
            ["0 arrive a", "0 reject a", "1 arrive b", "1 start b"],
            "{}",
            run.policy
        );
    }
    assert!(notes.iter().any(|note| note.contains("they count as failed")), "{notes:?}");
    // An offer makes no difference to policies that do not rent.
    let rented = with(
        &format!("{MACHINES}[[market.offers]]\nname = \"od\"\ncpu = 1\nhourly = 1\n"),
        "[\"fifo\", \"run-now\"]",
    );
    assert!(refused(&rented, jobs).contains("`a` asks for 8 accelerators"));
}

#[test]
fn a_job_that_no_offer_holds_fails_and_the_others_run() {
    let jobs = "id,submit_s,duration_s,cpus\na,0,3600,4\nb,0,10,1\n";
    let few = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[[market.offers]]\nname = \"od\"\ncpu = 1\nhourly = 1\ncount = 2\n";
    let scenario = with(few, "[\"run-now\"]");
    let problem = refused(&scenario, jobs);
    assert!(problem.contains("no offer that `run-now` may use holds"), "{problem}");
    assert_eq!(counts(&tolerated(&scenario, jobs).0[0].0), [1, 1, 0]);
    // Three reserved instances and one on demand hold it together, unless it takes them whole.
    let both = few.replace("count = 2", "count = 1")
        + "[[market.offers]]\nname = \"own\"\ncapacity = \"reserved\"\ncpu = 1\nhourly = 1\ncount = 3\n";
    assert_eq!(counts(&runs(&with(&both, "[\"run-now\"]"), jobs)[0].0), [2, 0, 0]);
    let whole = with(&format!("{both}[jobs]\nsplit = \"whole\"\n"), "[\"run-now\"]");
    assert!(refused(&whole, jobs).contains("`a` asks for 4 CPUs"));
    // What may not be used holds nothing.
    let without = with(&both, "[{ name = \"run-now\", without = [\"own\"] }]");
    assert!(refused(&without, jobs).contains("`a` asks for 4 CPUs"));
    let neither = with(&both, "[{ name = \"run-now\", without = [\"own\", \"od\"] }]");
    assert!(refused(&neither, jobs).contains("may use none of the offers"));
}

#[test]
fn spot_policies_start_whatever_can_run_and_end() {
    // Work that rounds to nothing on the grid, and work that comes between two ticks.
    let jobs = "id,submit_s,duration_s,cpus\na,0,300,1\nb,0,600,1\nc,1000,6000,2\n";
    for (run, log) in runs(&with(RENTED, SPOT), jobs) {
        check(&run, &log);
        assert_eq!(counts(&run), [3, 0, 0], "{}", run.policy);
    }
    let devices = "id,submit_s,duration_s,gpus\na,0,3600,1\n";
    assert!(refused(&with(RENTED, SPOT), devices).contains("no offer that `on-demand` may use holds"));
    for (run, _) in &tolerated(&with(RENTED, SPOT), devices).0 {
        assert_eq!(counts(run), [0, 1, 0], "{}", run.policy);
    }
}

#[test]
fn work_of_nothing_waits_for_no_spot_capacity() {
    let jobs = "id,submit_s,duration_s,cpus\na,0,300,1\n";
    let scenario = RENTED.replace(
        "[[market.offers]]\nname = \"od\"",
        "[market]\nspot = { availability = { file = \"spot.json\" } }\n[[market.offers]]\nname = \"od\"",
    );
    let never = "{\"metadata\": {\"gap_seconds\": 86400}, \"data\": [0]}";
    for (run, log) in runs_beside(&with(&scenario, SPOT), &[("jobs.csv", jobs), ("spot.json", never)]) {
        check(&run, &log);
        assert_eq!(counts(&run), [1, 0, 0], "{}", run.policy);
    }
}

#[test]
fn spot_policies_wait_for_the_tick_after_an_arrival() {
    let made = "[trace]\nformat = \"generated\"\ngenerate = { profile = \"pai\", span = \"2h\", count = 40 }\n[cluster]\nnodes = [{ name = \"a\", accelerator = \"T4\", accelerators = 8 }]\n[engine]\ntick = \"10m\"\n[jobs]\ndeadline_factor = 3\n[[market.offers]]\nname = \"od\"\naccelerator = \"T4\"\nhourly = 1\n[[market.offers]]\nname = \"sp\"\ncapacity = \"spot\"\naccelerator = \"T4\"\nhourly = 0.3\n";
    for (run, log) in runs(&with(made, SPOT), "") {
        check(&run, &log);
        assert_eq!(counts(&run), [40, 0, 0], "{}", run.policy);
    }
}

#[test]
fn without_offers_the_policies_of_when_run_on_the_machines() {
    let jobs = "id,submit_s,duration_s,gpus\na,0,10,4\nb,0,10,4\nc,0,10,400\n";
    let scenario = with(MACHINES, "[\"run-now\", \"wait-for-reserved\"]");
    assert!(refused(&scenario, jobs).contains("`c` asks for 400 accelerators"));
    for (run, log) in &tolerated(&scenario, jobs).0 {
        assert_eq!(counts(run), [2, 1, 0]);
        assert_eq!(
            brief(log)[4..],
            ["0 start a", "10 finish a", "10 start b", "20 finish b"],
            "{}",
            run.policy
        );
    }
    // With neither machines nor offers there is no limit, and a start all the same.
    let nowhere = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n";
    let (run, log) = &runs(&with(nowhere, "[\"run-now\"]"), jobs)[0];
    check(run, log);
    assert_eq!(counts(run), [3, 0, 0]);
}

#[test]
fn a_kind_that_nobody_has_is_no_kind_at_all() {
    let jobs = "id,submit_s,duration_s,gpus,accelerator\na,0,10,1,H100\nb,1,10,1,T4\n";
    let bare = MACHINES.replace("accelerator = \"T4\", accelerators = 4, ", "");
    for (machines, failed) in [(MACHINES, 1), (bare.as_str(), 2)] {
        let scenario = with(machines, QUEUES);
        let problem = refused(&scenario, jobs);
        assert!(problem.contains("`a` asks for 1 accelerator of H100"), "{problem}");
        for (run, _) in &tolerated(&scenario, jobs).0 {
            assert_eq!(counts(run), [2 - failed, failed, 0], "{}", run.policy);
        }
    }
    let offer = |rest: &str| {
        let base = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n";
        with(
            &format!("{base}[[market.offers]]\nname = \"v\"\naccelerators = 1\nhourly = 1\n{rest}\n"),
            "[\"run-now\"]",
        )
    };
    let named = "id,submit_s,duration_s,gpus,accelerator,memory_mib\na,0,3600,1,T4,500\n";
    for rest in ["accelerator = \"V100\"", "", "accelerator = \"T4\"\nmemory = \"499Mi\""] {
        assert!(refused(&offer(rest), named).contains("`a` asks for 1 accelerator of T4, 500 MiB"), "{rest}");
    }
    let right = offer("accelerator = \"t4\"\nmemory = \"500Mi\"");
    assert_eq!(counts(&runs(&right, named)[0].0), [1, 0, 0]);
}

#[test]
fn nothing_starts_before_it_may() {
    let jobs = "id,submit_s,duration_s,gpus,earliest_s\na,0,10,1,100\nb,0,10,4,\n";
    let early = "0 arrive a,0 arrive b,0 start b,10 finish b,100 start a,110 finish a,110 charge ";
    for (run, log) in &runs(&with(MACHINES, QUEUES), jobs) {
        assert_eq!(brief(log).join(","), early, "{}", run.policy);
    }
    let jobs = "id,submit_s,duration_s,cpus,earliest_s\na,0,600,1,1500\n";
    for (run, log) in &runs(&with(RENTED, SPOT), jobs) {
        assert!(brief(log).contains(&"1800 start a".to_owned()), "{}: {:?}", run.policy, brief(log));
    }
}
