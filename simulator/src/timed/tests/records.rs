//! What runs measure and log, and how far the series reach that they use.

use std::fmt::Write as _;

use super::{conservation::check, *};

const FOUR: &str = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nnodes = [{ name = \"n\", accelerator = \"T4\", accelerators = 4 }]\n";
const SPOT: &str = "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[engine]\ntick = \"10m\"\n[market]\nspot = { availability = { file = \"spot.json\" } }\n[[market.offers]]\nname = \"od\"\naccelerator = \"T4\"\ncpu = 4\nhourly = 1\n[[market.offers]]\nname = \"sp\"\ncapacity = \"spot\"\naccelerator = \"T4\"\nhourly = 0.3\n[run]\npolicies = [\"spot-greedy\"]\n";
const AN_HOUR: &str = "id,submit_s,duration_s,gpus,deadline_s\na,0,3600,2,4800\n";

fn spot(data: &str) -> String {
    format!("{{\"metadata\": {{\"gap_seconds\": 600}}, \"data\": {data}}}")
}

#[test]
fn what_is_rented_is_a_node_and_a_change_of_offer_a_move() {
    // Spot for ten minutes, then for so long none that the rest must go on demand, where it stays.
    let files = [("jobs.csv", AN_HOUR), ("spot.json", &*spot("[1, 0, 0, 0, 1, 1, 1, 1, 1]"))];
    let (run, log) = &runs_beside(SPOT, &files)[0];
    check(run, log);
    let rows: Vec<String> = log
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.splitn(6, ',').collect();
            format!("{} {} {} {}", cells[1].parse::<u64>().unwrap() / 1_000_000, cells[2], cells[3], cells[4])
        })
        .collect();
    assert_eq!(
        rows,
        [
            "0 node-up  sp/0",
            "0 arrive a ",
            "0 start a sp/0",
            "600 node-down  sp/0",
            "600 stop a ",
            "1200 node-up  od/0",
            "1200 start a od/0",
            "4200 node-down  od/0",
            "4200 finish a ",
        ]
    );
    assert!(log.contains("node-up,,od/0,8000,1125899906842624,\"0:1000,1:1000\""), "{log}");
    let uniform = SPOT.replace("spot-greedy", "uniform-progress");
    let long = AN_HOUR.replace("4800", "7200");
    let (run, log) = &runs_beside(
        &uniform,
        &[("jobs.csv", &long), ("spot.json", &spot("[0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"))],
    )[0];
    check(run, log);
    assert!(log.contains(",stop,a,") && log.contains(",move\n"), "{log}");
    assert!(metric(run, "preemptions").abs() < 1e-9);
}

#[test]
fn only_the_jobs_that_are_asked_for_are_measured() {
    let jobs = "id,submit_s,duration_s,gpus\na,0,100,4\nb,10,5,4\nc,200,50,4\nd,210,5,4\ne,1000,5,4\n";
    let scenario = format!("{FOUR}[engine]\nrestart = \"2s\"\n[run]\npolicies = [\"shortest-remaining\"]\n");
    let all = &runs(&scenario, jobs)[0].0;
    assert!(
        (metric(all, "preemptions") - 2.0).abs() < 1e-9 && (metric(all, "lost_work_s") - 4.0).abs() < 1e-9
    );
    let part = &runs(&format!("{scenario}[report]\njobs = [2, 4]\n"), jobs)[0].0;
    assert!((metric(part, "preemptions") - 1.0).abs() < 1e-9);
    assert!((metric(part, "lost_work_s") - 2.0).abs() < 1e-9);
    assert!((metric(part, "makespan_s") - 57.0).abs() < 1e-9, "from 200 to 257");
    assert!((metric(part, "placed") - 2.0).abs() < 1e-9);
    let beyond = experiment(&format!("{scenario}[report]\njobs = [2, 6]\n"), jobs).err().unwrap();
    assert!(beyond.contains("ends after the 5 jobs that there are"), "{beyond}");
}

#[test]
fn what_restarting_took_is_lost_where_a_run_is_cut_too() {
    let jobs = "id,submit_s,duration_s,gpus\na,0,100,4\nb,10,5,4\n";
    let scenario = format!(
        "{FOUR}[engine]\nrestart = \"10s\"\n[jobs]\ncheckpoint = {{ every = \"7s\" }}\n[run]\npolicies = [\"shortest-remaining\"]\n"
    );
    for (until, work, lost) in [("30s", 5, 13), ("20s", 0, 8)] {
        let (run, log) = &runs(&format!("{scenario}until = \"{until}\"\n"), jobs)[0];
        check(run, log);
        // Three seconds that were not saved, and as much of the restart as there was time for.
        assert!((metric(run, "lost_work_s") - f64::from(lost)).abs() < 1e-9, "{log}");
        let restart = lost - 3;
        assert!(log.contains(&format!(",stop,a,,0,0,,{work},{restart},0,0,end")), "{log}");
    }
}

#[test]
fn whatever_fits_starts_behind_any_number_that_do_not() {
    let mut jobs = "id,submit_s,duration_s,gpus,memory_mib\nfirst,0,1000,3,0\n".to_owned();
    for index in 0..80 {
        writeln!(jobs, "j{index},1,1,2,{index}").unwrap();
    }
    jobs += "last,2,10,1,0\n";
    let scenario = format!(
        "{FOUR}[run]\npolicies = [{{ name = \"fifo\", backfill = \"any\" }}, \"plan\", \"best-fit\"]\n"
    );
    for (run, log) in runs(&scenario, &jobs) {
        assert!(brief(&log).contains(&"2 start last".to_owned()), "{}", run.policy);
        assert!((metric(&run, "placed") - 82.0).abs() < 1e-9, "{}", run.policy);
    }
}

#[test]
fn series_that_end_before_the_run_are_said() {
    let scenario = |gaps: &str| {
        format!(
            "{FOUR}[power]\naccelerators = {{ T4 = [10, 70] }}\n[arrivals]\nstart = \"2022-01-01\"\n[market]\ncarbon = {{ file = \"grid.csv\"{gaps} }}\n[run]\npolicies = [\"fifo\"]\n"
        )
    };
    let grid = "t,v\n2022-01-01T00:00,100\n2022-01-01T00:30,200\n";
    let jobs = |seconds: u32| format!("id,submit_s,duration_s,gpus\na,0,{seconds},1\n");
    let said = |gaps: &str, grid: &str, seconds: u32, tolerance: Tolerance| {
        let files = [("jobs.csv", &*jobs(seconds)), ("grid.csv", grid)];
        let experiment = experiment_beside(&scenario(gaps), &files, tolerance)?;
        runs_of(&experiment);
        let words = |problems: Vec<plimsoll_model::Diagnostic>| problems[0].to_string();
        experiment.afterwards().map_err(words)
    };
    assert_eq!(said("", grid, 3600, Tolerance::Strict), Ok(Vec::new()));
    let short = said("", grid, 5400, Tolerance::Strict).unwrap_err();
    assert!(short.contains("grid.csv ends 30m before the longest run does"), "{short}");
    assert!(short.contains("s.toml:") && short.contains("gaps = \"hold\""), "{short}");
    for (gaps, tolerance) in [(", gaps = \"hold\"", Tolerance::Strict), ("", Tolerance::Count)] {
        let notes = said(gaps, grid, 5400, tolerance).unwrap();
        assert!(notes[0].contains("its last value holds until then"), "{notes:?}");
    }
    for (value, row) in [("1e30", "1e30"), ("-5", "-5")] {
        let wrong = grid.replace(",200", &format!(",{value}"));
        let problem = said("", &wrong, 60, Tolerance::Strict).unwrap_err();
        assert!(problem.contains(&format!("value is `{row}`: a number from 0 to 100000")), "{problem}");
        assert_eq!(said("", &wrong, 60, Tolerance::Count), Ok(Vec::new()), "one value alone always holds");
    }
    let experiment = |tolerance| {
        let long = AN_HOUR.replace("4800", "48000");
        experiment_beside(SPOT, &[("jobs.csv", &long), ("spot.json", &spot("[0, 1, 1, 1]"))], tolerance)
            .unwrap()
    };
    let strict = experiment(Tolerance::Strict);
    runs_of(&strict);
    assert!(strict.afterwards().unwrap_err()[0].message.contains("spot.json ends 30m before"));
    let tolerant = experiment(Tolerance::Count);
    runs_of(&tolerant);
    assert_eq!(tolerant.afterwards().unwrap().len(), 1);
}

#[test]
fn spot_capacity_costs_what_its_history_says_and_comes_and_goes_as_its_log() {
    let prices = "timestamp,availability_zone,instance_type,product,spot_price_usd_h\n2019-12-31T00:00:00Z,a,p3,Linux,2\n2020-01-01T00:00:00Z,b,p3,Linux,9\n2020-01-01T00:30:00Z,a,p3,Linux,1\n";
    let log = "time_ms,event,node\n0,add,x\n3600000,remove,x\n7200000,add,y\n90000000,remove,y\n";
    let scenario = SPOT
        .replace("spot.json\" }", "log.csv\" }, prices = { file = \"prices.csv\", zone = \"a\" }")
        .replace("hourly = 0.3\n", "")
        .replace("[market]", "[arrivals]\nstart = \"2020-01-01\"\n[market]");
    let jobs = "id,submit_s,duration_s,gpus,deadline_s\na,0,7200,1,36000\n";
    let files = [("jobs.csv", jobs), ("log.csv", log), ("prices.csv", prices)];
    let (run, events) = &runs_beside(&scenario, &files)[0];
    check(run, events);
    // An hour at 2 and then 1 $ an hour, an hour without, and another at 1 $.
    assert!((metric(run, "cost_usd") - (0.5 * 2.0 + 0.5 + 1.0)).abs() < 1e-9);
    assert!((metric(run, "interruptions") - 1.0).abs() < 1e-9);
    let refused =
        |scenario: &str| experiment_beside(scenario, &files, Tolerance::Strict).err().unwrap_or_default();
    let both = refused(&scenario.replace("capacity = \"spot\"\n", "capacity = \"spot\"\nhourly = 0.3\n"));
    assert!(both.contains("market.spot.prices says what it costs"), "{both}");
    let late = refused(&scenario.replace("2020-01-01\"", "2019-01-01\""));
    assert!(late.contains("prices.csv begins after time 0"), "{late}");
    let several = refused(&scenario.replace(", zone = \"a\"", ""));
    assert!(several.contains("has several prices"), "{several}");
    let zone = refused(&scenario.replace("log.csv\"", "log.csv\", zone = \"a\""));
    assert!(zone.contains("files of availability are of one place"), "{zone}");
}
