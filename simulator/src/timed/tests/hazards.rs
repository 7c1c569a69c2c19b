//! Spot capacity that is taken back at a rate.

use super::*;

/// Jobs of 100 hours on spot offers, taken back so often in an hour.
fn scenario(offers: &str, policies: &str, rest: &str) -> String {
    format!(
        "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[jobs]\ninterruptible = true\ndeadline_factor = 4\n{rest}\n[engine]\ntick = \"60s\"\n\
         [run]\nseeds = \"0..39\"\npolicies = {policies}\n{offers}"
    )
}

const SPOT: &str = "[[market.offers]]\nname = \"spot\"\ncapacity = \"spot\"\ncpu = 1\nhourly = 0.1\n";
const ON_DEMAND: &str = "[[market.offers]]\nname = \"on-demand\"\ncpu = 1\nhourly = 0.3\n";
const JOBS: &str = "id,submit_s,duration_s,cpus\na,0,360000,1\nb,0,360000,3\n";

fn interruptions(rate: &str, jobs: &str) -> Vec<f64> {
    let offers = format!("{SPOT}interruptions_per_hour = {rate}\n{ON_DEMAND}");
    let runs = runs(&scenario(&offers, "[\"spot-greedy\"]", ""), jobs);
    runs.iter().map(|(run, _)| metric(run, "interruptions")).collect()
}

#[test]
fn interruptions_come_at_their_rate() {
    assert!(interruptions("0", JOBS).iter().all(|count| *count < 0.5));
    // One instance for 100 hours, and three: at 0.05 an hour 20 interruptions a run, each run a Poisson draw. To the next
    // minute nothing runs, half a minute of each.
    let counts = interruptions("0.05", JOBS);
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    assert!((mean - 20.0).abs() < 4.0 * (20.0_f64 / counts.len() as f64).sqrt(), "{mean}");
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (counts.len() - 1) as f64;
    assert!((8.0..45.0).contains(&variance), "{variance}");
}

/// What a policy does with one job changes nothing of when another is interrupted.
#[test]
fn each_job_has_its_own_luck() {
    let offers = format!("{SPOT}interruptions_per_hour = 0.2\n{ON_DEMAND}");
    let times = |jobs: &str| -> Vec<String> {
        let all = runs(&scenario(&offers, "[\"spot-greedy\"]", ""), jobs);
        let stops =
            |log: &str| brief(log).into_iter().filter(|row| row.ends_with(" stop a")).collect::<Vec<_>>();
        all.iter().flat_map(|(_, log)| stops(log)).collect()
    };
    let alone = times("id,submit_s,duration_s,cpus\na,0,360000,1\n");
    assert!(alone.len() > 40 * 10, "{}", alone.len());
    assert_eq!(alone, times(JOBS));
}

/// Work between two savings is lost; the books hold.
#[test]
fn what_is_not_saved_is_lost() {
    let offers = format!("{SPOT}interruptions_per_hour = 0.2\n{ON_DEMAND}");
    let rest = "checkpoint = { every = \"1h\", restart = \"2m\" }";
    for (run, log) in runs(&scenario(&offers, "[\"spot-greedy\", \"uniform-progress\"]", rest), JOBS) {
        let stopped = log.lines().filter(|line| line.ends_with(",interrupt")).count() as f64;
        assert!((metric(&run, "interruptions") - stopped).abs() < 0.5, "{stopped}");
        let lost = metric(&run, "lost_work_s");
        // Half an hour of each on average, never more than an hour and the restart.
        assert!(lost > 0.0 && lost <= stopped * 3720.0 + 240.0, "{lost} {stopped}");
        assert!(metric(&run, "placed") > 1.5 && metric(&run, "deadline_misses") < 0.5);
    }
}

#[test]
fn rates_that_mean_nothing_are_refused() {
    for (offers, policies, said) in [
        (
            format!("{ON_DEMAND}interruptions_per_hour = 0.1\n"),
            "[\"on-demand\"]",
            "only spot capacity is taken back",
        ),
        (format!("{SPOT}interruptions_per_hour = -1\n{ON_DEMAND}"), "[\"spot-greedy\"]", "must lie between"),
        (
            format!("{SPOT}interruptions_per_hour = 0.1\n{ON_DEMAND}"),
            "[\"perfect-knowledge\"]",
            "knows when spot ends",
        ),
    ] {
        let Err(problems) = experiment(&scenario(&offers, policies, ""), JOBS) else { panic!("{said}") };
        assert!(problems.contains(said), "{problems}");
    }
}
