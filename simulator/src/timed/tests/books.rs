//! Money, energy and how much is in use, reckoned by hand.

use super::{conservation::check, *};

const ONE: &str = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nnodes = [{ name = \"n\", accelerator = \"T4\", accelerators = 4, hourly = 3.6 }]\n";

/// The metrics of a lawful run with `fifo`.
fn books(scenario: &str, jobs: &str) -> SimulationRun {
    let (run, log) = runs(&format!("{scenario}[run]\npolicies = [\"fifo\"]\n"), jobs).remove(0);
    check(&run, &log);
    run
}

#[test]
fn a_device_with_any_work_is_busy_and_counts_once() {
    let power = format!("{ONE}[power]\naccelerators = {{ T4 = [10, 70] }}\n");
    let kwh = |jobs: &str| metric(&books(&power, jobs), "energy_kwh");
    // Four devices at 10 W for an hour, and 60 W more for the one with a quarter of it in use.
    assert!((kwh("id,submit_s,duration_s,gpus\na,0,3600,0.25\n") - 0.1).abs() < 1e-9);
    assert!((kwh("id,submit_s,duration_s,gpus\na,0,3600,1\n") - 0.1).abs() < 1e-9);
    // Two halves of one device, together for half an hour: it is busy for an hour and a half.
    let halves = "id,submit_s,duration_s,gpus\na,0,3600,0.5\nb,1800,3600,0.5\n";
    assert!((kwh(halves) - 1.5 * (0.04 + 0.06)).abs() < 1e-9);
    // Where the grid gets dirtier, what no job holds burns at the intensity of its time.
    let carbon = format!(
        "{power}[arrivals]\nstart = \"2022-01-01\"\n[market]\ncarbon = {{ file = \"carbon.csv\", gaps = \"hold\" }}\n"
    );
    let grid = "time,value\n2022-01-01T00:00:00Z,100\n2022-01-01T01:00:00Z,300\n2022-01-01T02:00:00Z,300\n";
    let run = &runs_beside(
        &format!("{carbon}[run]\npolicies = [\"fifo\"]\n"),
        &[("jobs.csv", halves), ("carbon.csv", grid)],
    )[0];
    check(&run.0, &run.1);
    assert!((metric(&run.0, "carbon_kg") - (0.1 * 100.0 + 0.05 * 300.0) / 1000.0).abs() < 1e-9);
}

#[test]
fn rented_devices_draw_at_their_site() {
    let scenario = |rest: &str| {
        format!(
            "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[power]\naccelerators = {{ V100 = [30, 300] }}\npue = 1.1\n[[market.offers]]\nname = \"v\"\naccelerator = \"V100\"\nhourly = 1\n{rest}[run]\npolicies = [\"run-now\"]\n"
        )
    };
    let kwh = |rest: &str, gpus: &str| {
        let jobs = format!("id,submit_s,duration_s,gpus\na,0,3600,{gpus}\n");
        metric(&runs(&scenario(rest), &jobs)[0].0, "energy_kwh")
    };
    assert!((kwh("", "1") - 0.3 * 1.1).abs() < 1e-9);
    assert!((kwh("pue = 2.0\n", "0.5") - 0.6).abs() < 1e-9);
    assert!((kwh("accelerators = 4\n", "3") - (3.0 * 0.3 + 0.03) * 1.1).abs() < 1e-9);
    let of = |scenario: &str| experiment(scenario, "id,submit_s,duration_s\n").err().unwrap_or_default();
    let unknown = of(&scenario("").replace("accelerators = { V100 =", "accelerators = { T4 ="));
    assert!(unknown.contains("says nothing of `V100`, which offers have"), "{unknown}");
    let kindless = of(&scenario("accelerators = 1\n").replace("accelerator = \"V100\"\n", ""));
    assert!(kindless.contains("accelerators of no kind"), "{kindless}");
    let powerless =
        of(&scenario("pue = 2.0\n").replace("[power]\naccelerators = { V100 = [30, 300] }\npue = 1.1\n", ""));
    assert!(powerless.contains("s.toml:8:7") && powerless.contains("no power is stated"), "{powerless}");
}

#[test]
fn the_rest_of_a_round_is_not_in_use() {
    let scenario = format!(
        "{ONE}[engine]\nrounds = \"10s\"\n[report]\nseries = {{ every = \"10s\", what = [\"gpus_running\", \"jobs_running\", \"jobs_waiting\"] }}\n"
    );
    let run = books(&scenario, "id,submit_s,duration_s,gpus\na,0,11,4\nb,1,9,4\n");
    // From 0 to 30: 11 and 9 seconds of the work.
    assert!((metric(&run, "utilization_percent") - 100.0 * 20.0 / 30.0).abs() < 1e-9);
    assert_eq!(run.series["gpus_running"], [4.0, 0.4, 3.6]);
    assert_eq!(run.series["jobs_running"], [1.0, 0.1, 0.9]);
    assert_eq!(run.series["jobs_waiting"], [0.9, 1.0, 0.0]);
}

#[test]
fn series_go_on_until_the_run_is_cut() {
    let series = "[report]\nseries = { every = \"10s\", what = [\"gpus_running\"] }\n";
    let scenario = format!("{ONE}{series}[run]\npolicies = [\"fifo\"]\nuntil = \"45s\"\n");
    let (run, _) = &runs(&scenario, "id,submit_s,duration_s,gpus\na,0,100,4\n")[0];
    assert_eq!(run.series["gpus_running"], [4.0, 4.0, 4.0, 4.0, 4.0]);
    // A job that nobody waits for any more leaves the machines idle for the rest of the time.
    let (run, _) = &runs(&scenario, "id,submit_s,duration_s,gpus\na,0,20,4\nb,60,1,4\n")[0];
    assert_eq!(run.series["gpus_running"], [4.0, 4.0, 0.0, 0.0, 0.0]);
}

#[test]
fn sums_are_as_large_as_they_are() {
    let large = |rest: &str| ONE.replace("hourly = 3.6", rest);
    let usd = |scenario: &str, seconds: u64| {
        metric(&books(scenario, &format!("id,submit_s,duration_s,gpus\na,0,{seconds},1\n")), "cost_usd")
    };
    let pool =
        large("count = 10000, hourly = 1000000").replace("[cluster]\n", "[cluster]\nplacement = \"count\"\n");
    assert!((usd(&pool, 36_000) / 1e11 - 1.0).abs() < 1e-9);
    assert!((usd(&large("hourly = 1000000"), 36_000_000) / 1e10 - 1.0).abs() < 1e-9);
}
