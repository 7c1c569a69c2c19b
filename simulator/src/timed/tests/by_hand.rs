//! Traces that are followed by hand.

use super::*;

const FOUR: &str = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nnodes = [{ name = \"n\", accelerator = \"T4\", accelerators = 4, hourly = 3.6 }]\n";

#[test]
fn nothing_overtakes_unless_it_may() {
    let jobs = "id,submit_s,duration_s,gpus\na,0,10,3\nb,1,10,2\nc,2,3,1\n";
    let scenario = format!(
        "{FOUR}[run]\npolicies = [\"fifo\", {{ name = \"fifo\", label = \"backfill\", backfill = \"any\" }}]\n"
    );
    let runs = runs(&scenario, jobs);
    assert_eq!(
        brief(&runs[0].1),
        [
            "0 arrive a",
            "0 start a",
            "1 arrive b",
            "2 arrive c",
            "10 finish a",
            "10 start b",
            "10 start c",
            "13 finish c",
            "20 finish b",
            "20 charge "
        ]
    );
    assert_eq!(
        brief(&runs[1].1)[4..],
        ["2 start c", "5 finish c", "10 finish a", "10 start b", "20 finish b", "20 charge "]
    );
    let fifo = &runs[0].0;
    assert!((metric(fifo, "jct_mean_s") - (10.0 + 19.0 + 11.0) / 3.0).abs() < 1e-9);
    assert!((metric(fifo, "wait_mean_s") - (0.0 + 9.0 + 8.0) / 3.0).abs() < 1e-9);
    assert!((metric(fifo, "makespan_s") - 20.0).abs() < 1e-9);
    assert!((metric(fifo, "utilization_percent") - 100.0 * (30.0 + 20.0 + 3.0) / 80.0).abs() < 1e-9);
    // c took eleven seconds for three: 30 / 11 jobs were there on average, so that one device of four was its part.
    assert!((metric(fifo, "finish_time_fairness_worst") - 11.0 / 3.0).abs() < 1e-9);
    // With backfill b took nineteen for ten, beside few enough for two devices.
    assert!((metric(&runs[1].0, "finish_time_fairness_worst") - 1.9).abs() < 1e-9);
    // A node of 3.6 $ an hour for 20 s, used or not.
    assert!((metric(fifo, "cost_usd") - 0.02).abs() < 1e-12);
}

#[test]
fn the_shortest_remaining_runs_and_restarting_costs() {
    let jobs = "id,submit_s,duration_s,gpus\na,0,10,4\nb,2,3,4\n";
    let scenario = format!("{FOUR}[engine]\nrestart = \"1s\"\n[run]\npolicies = [\"shortest-remaining\"]\n");
    let found = runs(&scenario, jobs);
    assert_eq!(
        brief(&found[0].1)[..8],
        [
            "0 arrive a",
            "0 start a",
            "2 stop a",
            "2 arrive b",
            "2 start b",
            "5 finish b",
            "5 start a",
            "14 finish a"
        ]
    );
    assert!((metric(&found[0].0, "preemptions") - 1.0).abs() < 1e-9);
    assert!((metric(&found[0].0, "lost_work_s") - 1.0).abs() < 1e-9, "the restart");
    assert!((metric(&found[0].0, "wait_mean_s") - 1.5).abs() < 1e-9, "a waited three seconds, b none");
    // With a checkpoint every 1.5 s half a second of the two is done again.
    let scenario = format!("{scenario}[jobs]\ncheckpoint = {{ every = \"1.5s\" }}\n");
    let found = runs(&scenario, jobs);
    assert!(brief(&found[0].1).contains(&"14.5 finish a".to_owned()), "{:?}", brief(&found[0].1));
    assert!((metric(&found[0].0, "lost_work_s") - 1.5).abs() < 1e-9);
}

#[test]
fn a_job_stops_only_whom_it_replaces() {
    let two = FOUR.replace("name = \"n\",", "name = \"n\", count = 2,");
    let scenario = format!("{two}[run]\npolicies = [\"shortest-remaining\"]\n");
    let jobs = "id,submit_s,duration_s,gpus,interruptible\na,0,100,3,\nb,0,100,3,\nd,0,500,1,\ne,0,500,1,\nc,10,20,2,\n";
    let found = runs(&scenario, jobs);
    let changes: Vec<String> = brief(&found[0].1).into_iter().filter(|row| !row.contains("arrive")).collect();
    assert_eq!(
        changes[..10],
        [
            "0 start a",
            "0 start b",
            "0 start d",
            "0 start e",
            "10 stop b",
            "10 start c",
            "30 finish c",
            "30 start b",
            "100 finish a",
            "120 finish b"
        ]
    );
    assert!((metric(&found[0].0, "preemptions") - 1.0).abs() < 1e-9);
    // Where those behind it have no room for it together, or may not be stopped, all go on.
    for jobs in [jobs.replace("c,10,20,2,", "c,10,95,2,"), jobs.replace(",\n", ",false\n")] {
        let (run, log) = &runs(&scenario, &jobs)[0];
        assert!(!log.contains("stop"), "{log}");
        assert!((metric(run, "preemptions")).abs() < 1e-9);
    }
}

#[test]
fn a_job_falls_to_the_next_queue_when_it_has_run_for_its_limit() {
    let jobs = "id,submit_s,duration_s,gpus\na,0,20,4\nb,1,4,4\n";
    let scenario = format!(
        "{FOUR}[run]\npolicies = [{{ name = \"least-attained-service\", queues = [\"5s\", \"100s\"] }}]\n"
    );
    let found = runs(&scenario, jobs);
    assert_eq!(
        brief(&found[0].1)[..7],
        ["0 arrive a", "0 start a", "1 arrive b", "5 stop a", "5 start b", "9 finish b", "9 start a"]
    );
}

#[test]
fn in_rounds_the_rest_of_a_round_stays_idle() {
    let jobs = "id,submit_s,duration_s,gpus\na,0,14,4\nb,1,10,4\n";
    let scenario = format!("{FOUR}[engine]\nrounds = \"10s\"\n[run]\npolicies = [\"fifo\"]\n");
    let found = runs(&scenario, jobs);
    assert_eq!(
        brief(&found[0].1)[..6],
        ["0 arrive a", "0 start a", "1 arrive b", "14 finish a", "20 start b", "30 finish b"]
    );
    assert!((metric(&found[0].0, "jct_mean_s") - f64::midpoint(14.0, 29.0)).abs() < 1e-9);
}

#[test]
fn what_is_rented_is_paid_for_until_the_round_ends() {
    let jobs = "id,submit_s,duration_s,cpus\na,0,14,1\nb,0,10,1\n";
    let scenario = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[engine]\nrounds = \"10s\"\n[[market.offers]]\nname = \"od\"\ncpu = 1\nhourly = 3600\n[run]\npolicies = [\"run-now\"]\n";
    let (run, log) = &runs(scenario, jobs)[0];
    assert!((metric(run, "cost_usd") - 30.0).abs() < 1e-9, "{log}");
    assert!(
        log.lines().any(|row| row.contains(",20000000,charge,,od/") && row.ends_with("rest of the round")),
        "{log}"
    );
    super::conservation::check(run, log);
    // Cut within the round it is paid for until then.
    let (run, log) = &runs(&format!("{scenario}until = \"17s\"\n"), jobs)[0];
    assert!((metric(run, "cost_usd") - 27.0).abs() < 1e-9, "{log}");
}

/// A job that may not be interrupted runs in one piece, and not on spot instances.
#[test]
fn what_may_not_be_interrupted_is_only_started() {
    let grid = "t,v\n2022-01-01T00:00:00,300\n2022-01-01T01:00:00,100\n2022-01-01T02:00:00,250\n2022-01-01T03:00:00,100\n2022-01-01T04:00:00,300\n2022-01-01T05:00:00,200\n";
    let spot = "{\"metadata\": {\"gap_seconds\": 3600}, \"data\": [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]}";
    let scenario = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[engine]\ntick = \"10m\"\n[arrivals]\nstart = \"2022-01-01\"\n[jobs]\nqueues = [{ name = \"all\", wait_up_to = \"3h\" }]\n[market]\ncarbon = { file = \"grid.csv\", gaps = \"hold\" }\nspot = { availability = { file = \"spot.json\" } }\n[[market.offers]]\nname = \"od\"\ncpu = 1\nhourly = 1\n[[market.offers]]\nname = \"sp\"\ncapacity = \"spot\"\ncpu = 1\nhourly = 0.3\n[run]\npolicies = [\"suspend-threshold\", \"suspend-lowest\", { name = \"run-now\", spot_up_to = \"9h\" }, \"spot-greedy\", \"uniform-progress\", \"perfect-knowledge\"]\n";
    let all = |interruptible: &str| {
        let jobs = format!(
            "id,submit_s,duration_s,cpus,interruptible,deadline_s\na,0,7200,1,{interruptible},21600\n"
        );
        runs_beside(scenario, &[("jobs.csv", &jobs), ("grid.csv", grid), ("spot.json", spot)])
    };
    for (run, log) in all("true") {
        assert!(log.contains(",stop,a,"), "{}: {log}", run.policy);
    }
    for ((run, log), begun) in all("false").into_iter().zip([3600, 3600, 0, 0, 0, 0]) {
        assert!(!log.contains(",stop,a,"), "{}: {log}", run.policy);
        let start = log.lines().find(|row| row.contains(",start,a,")).unwrap();
        assert!(
            start.contains(&format!(",{begun}000000,start,a,od/"))
                || begun == 0 && start.contains(",0,start,a,od/"),
            "{}: {start}",
            run.policy
        );
        assert!((metric(&run, "placed") - 1.0).abs() < 1e-9, "{}", run.policy);
        super::conservation::check(&run, &log);
    }
}

#[test]
fn a_plan_lets_short_work_and_near_deadlines_come_first() {
    let jobs = "id,submit_s,duration_s,gpus,deadline_s\na,0,10,4,\nb,1,100,4,\nc,2,10,4,\nd,3,100,4,125\n";
    let scenario = format!("{FOUR}[run]\npolicies = [{{ name = \"plan\", every = \"5s\" }}]\n");
    let found = runs(&scenario, jobs);
    let starts: Vec<String> = brief(&found[0].1).into_iter().filter(|row| row.contains("start")).collect();
    // At 10 d has fifteen seconds to spare and goes first, then the shorter of the others.
    assert_eq!(starts, ["0 start a", "10 start d", "110 start c", "120 start b"]);
}

#[test]
fn deadlines_are_missed_late_or_never() {
    let jobs = "id,submit_s,duration_s,gpus,deadline_s\na,0,10,4,10\nb,0,10,4,19\nc,0,10,4,100\n";
    let scenario = format!("{FOUR}[run]\npolicies = [\"fifo\"]\nuntil = \"25s\"\n");
    let (run, _) = &runs(&scenario, jobs)[0];
    assert!((metric(run, "deadline_misses") - 2.0).abs() < 1e-9, "b late, c never");
    assert!((metric(run, "unfinished") - 1.0).abs() < 1e-9);
    assert!((metric(run, "placed") - 3.0).abs() < 1e-9);
}

#[test]
fn partitions_keep_jobs_to_their_machines() {
    let jobs = "id,submit_s,duration_s,gpus,partition\na,0,10,1,x\nb,0,10,1,x\nc,0,10,1,y\n";
    let cluster = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nplacement = \"count\"\nnodes = [{ name = \"x\", accelerator = \"T4\", accelerators = 1, partition = \"x\" }, { name = \"y\", accelerator = \"T4\", accelerators = 1, partition = \"y\" }]\n";
    let one = runs(&format!("{cluster}[run]\npolicies = [\"fifo\"]\n"), jobs);
    assert!((metric(&one[0].0, "makespan_s") - 20.0).abs() < 1e-9);
    let both = cluster.replace("\"count\"", "\"count\"\npartitions = \"ignore\"");
    let pooled = runs(&format!("{both}[run]\npolicies = [\"fifo\"]\n"), jobs);
    assert!((metric(&pooled[0].0, "wait_mean_s") - 10.0 / 3.0).abs() < 1e-9);
}

#[test]
fn series_are_means_over_intervals() {
    let jobs = "id,submit_s,duration_s,gpus\na,0,10,3\nb,5,10,2\n";
    let series = "[report]\nseries = { every = \"10s\", what = [\"gpus_running\", \"jobs_waiting\", \"nodes_active\"] }\n";
    let (run, _) = &runs(&format!("{FOUR}[run]\npolicies = [\"fifo\"]\n{series}"), jobs)[0];
    assert_eq!(run.series["gpus_running"], [3.0, 2.0]);
    assert_eq!(run.series["jobs_waiting"], [0.5, 0.0]);
    assert_eq!(run.series["nodes_active"], [1.0, 1.0]);
}

#[test]
fn what_cannot_be_is_refused() {
    let of = |scenario: &str, jobs: &str| experiment(scenario, jobs).err().unwrap_or_default();
    let fifo = format!("{FOUR}[run]\npolicies = [\"fifo\"]\n");
    let large = of(&fifo, "id,submit_s,duration_s,gpus\na,0,1,5\n");
    assert!(large.contains("`a` asks for 5 accelerators"), "{large}");
    assert!(of(&fifo, "id,submit_s,duration_s,gpus\na,5,1,1\nb,4,1,1\n").contains("times run backwards"));
    assert!(of(&fifo.replace("4, hourly", "0, cpu = \"0\", hourly"), "").contains("can hold nothing"));
    assert!(
        of(&fifo.replace("\"fifo\"", "\"fiffo\""), "id,submit_s,duration_s\n")
            .contains("did you mean `fifo`")
    );
    let carbon = format!("{FOUR}[run]\npolicies = [\"lowest-slot\"]\n");
    assert!(of(&carbon, "id,submit_s,duration_s\n").contains("needs to know the carbon"));
    let scorer = format!("{FOUR}[run]\npolicies = [{{ name = \"fifo\", scorer = \"best-fitt\" }}]\n");
    assert!(of(&scorer, "id,submit_s,duration_s\n").contains("did you mean `best-fit`"));
}
