//! Rounds that grant shares of accelerators of several speeds: followed by hand.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const TABLE: &str = "gpu,consolidated,job_type,scale_factor,steps_per_s\nv100,True,LM,1,10\nk80,True,LM,1,5\nv100,True,LM,2,16\nk80,True,LM,2,0.0\nv100,True,GAN,1,6\n";
const HEADER: &str = "job_type,scale_factor,total_steps,arrival_s\n";

fn scenario(nodes: &str, rest: &str) -> String {
    format!(
        "[trace]\nformat = \"gavel\"\njobs = \"jobs.csv\"\nthroughputs = \"table.csv\"\n[cluster]\nplacement = \"count\"\nnodes = [{nodes}]\n{rest}\n"
    )
}

const V100: &str = "{ name = \"v\", count = 1, accelerator = \"V100\", accelerators = 1 }";
const K80: &str = "{ name = \"k\", count = 1, accelerator = \"K80\", accelerators = 1 }";

fn all(scenario: &str, jobs: &str) -> Vec<(SimulationRun, String)> {
    runs_beside(scenario, &[("jobs.csv", &format!("{HEADER}{jobs}")), ("table.csv", TABLE)])
}

fn refused(scenario: &str, jobs: &str) -> String {
    let files = [("jobs.csv", jobs), ("table.csv", TABLE)];
    experiment_beside(scenario, &files, Tolerance::Strict).err().unwrap()
}

#[test]
fn a_job_takes_as_long_as_its_accelerator_says() {
    let nodes = format!("{V100}, {K80}");
    let found = all(&scenario(&nodes, "[run]\npolicies = [\"fifo\"]"), "LM,1,100,0\nLM,1,100,0\n");
    assert_eq!(
        brief(&found[0].1)[2..],
        ["0 start job-0", "0 start job-1", "10 finish job-0", "20 finish job-1"]
    );
    conservation::check(&found[0].0, &found[0].1);
    // Where a type has no row it does not run, whatever is free.
    let found = all(&scenario(&nodes, "[run]\npolicies = [\"fifo\"]"), "GAN,1,60,0\nGAN,1,60,0\n");
    assert_eq!(
        brief(&found[0].1)[2..],
        ["0 start job-0", "10 finish job-0", "10 start job-1", "20 finish job-1"]
    );
}

#[test]
fn equals_take_turns_and_restarting_costs() {
    let rest = "[engine]\nrounds = \"4s\"\nrestart = \"1s\"\n[run]\npolicies = [\"max-min\"]";
    let found = all(&scenario(V100, rest), "LM,1,100,0\nLM,1,100,0\n");
    assert_eq!(
        brief(&found[0].1)[2..],
        [
            "0 start job-0",
            "4 stop job-0",
            "4 start job-1",
            "8 stop job-1",
            "8 start job-0",
            "12 stop job-0",
            "12 start job-1",
            "16 stop job-1",
            "16 start job-0",
            "20 finish job-0",
            "20 start job-1",
            "24 finish job-1"
        ]
    );
    assert!((metric(&found[0].0, "lost_work_s") - 4.0).abs() < 1e-9);
    conservation::check(&found[0].0, &found[0].1);
}

#[test]
fn who_runs_on_goes_on_and_who_comes_waits_for_the_round() {
    let rest = "[engine]\nrounds = \"4s\"\nrestart = \"1s\"\n[run]\npolicies = [\"max-min\"]";
    let found = all(&scenario(V100, rest), "LM,1,100,0\nLM,1,10,10\n");
    // Alone it is not restarted; what comes waits for the end of the round; what is left of a round stays idle.
    assert_eq!(
        brief(&found[0].1),
        [
            "0 arrive job-0",
            "0 start job-0",
            "10 finish job-0",
            "10 arrive job-1",
            "12 start job-1",
            "13 finish job-1"
        ]
    );
}

#[test]
fn the_first_moves_to_a_better_kind() {
    let rest = "[engine]\nrounds = \"10s\"\nrestart = \"1s\"\n[run]\npolicies = [{ name = \"fifo\", heterogeneity = true }]";
    let found = all(&scenario(&format!("{K80}, {V100}"), rest), "LM,1,100,0\nLM,1,200,0\n");
    let log = &found[0].1;
    assert_eq!(
        brief(log)[2..],
        [
            "0 start job-0",
            "0 start job-1",
            "10 finish job-0",
            "10 stop job-1",
            "10 start job-1",
            "26 finish job-1"
        ]
    );
    // In ten seconds it has done what takes five where it is fastest.
    let stop: Vec<&str> = log.lines().find(|line| line.contains(",stop,")).unwrap().split(',').collect();
    assert!(stop.contains(&"move") && stop.contains(&"5"), "{stop:?}");
    assert!((metric(&found[0].0, "preemptions")).abs() < 1e-9, "a move is none");
    conservation::check(&found[0].0, log);
}

#[test]
fn arrivals_in_gaps_take_a_rate() {
    let text = "job,job_type,scale_factor,duration_v100_s,total_steps,priority,arrival_unit\n0,LM,1,10,100,1.0,0.0\n1,LM,1,10,100,1.0,0.5\n";
    let of = |rest: &str| scenario(V100, &format!("{rest}[run]\npolicies = [\"fifo\"]"));
    let found =
        runs_beside(&of("[arrivals]\nrate_per_hour = 2.0\n"), &[("jobs.csv", text), ("table.csv", TABLE)]);
    assert!(brief(&found[0].1).contains(&"900 arrive job-1".to_owned()));
    let found =
        runs_beside(&of("[arrivals]\nmode = \"at-once\"\n"), &[("jobs.csv", text), ("table.csv", TABLE)]);
    assert!(brief(&found[0].1).contains(&"0 arrive job-1".to_owned()));
    assert!(refused(&of(""), text).contains("are in mean gaps"));
    assert!(refused(&of("[arrivals]\nrate_per_hour = 0\n"), text).contains("above 0"));
    let paced = of("[arrivals]\nrate_per_hour = 2.0\nspeed = 2.0\n");
    assert!(refused(&paced, text).contains("has no meaning for arrivals in mean gaps"));
    let times = format!("{HEADER}LM,1,100,0\n");
    assert!(
        refused(&of("[arrivals]\nrate_per_hour = 2.0\n"), &times)
            .contains("has no meaning for arrivals in seconds")
    );
}

#[test]
fn a_window_of_arrivals_in_gaps_is_of_time() {
    let text = "job,job_type,scale_factor,duration_v100_s,total_steps,priority,arrival_unit\n0,LM,1,10,100,1.0,0.5\n1,LM,1,10,100,1.0,1.5\n";
    let of = |format: &str, window: &str| {
        let rest =
            format!("[arrivals]\nrate_per_hour = 1.0\nwindow = {window}\n[run]\npolicies = [\"fifo\"]");
        let scenario = scenario(V100, &rest).replace("\"gavel\"", &format!("\"{format}\""));
        let found = runs_beside(&scenario, &[("jobs.csv", text), ("table.csv", TABLE)]);
        metric(&found[0].0, "placed") as u32
    };
    for format in ["gavel", "shockwave"] {
        assert_eq!((of(format, "[\"0h\", \"1h\"]"), of(format, "[\"0h\", \"2h\"]")), (1, 2), "{format}");
        assert_eq!(of(format, "[\"1h\", \"2h\"]"), 1, "{format}");
    }
}

/// What only several kinds together hold would wait for ever for a share of one.
#[test]
fn all_of_a_job_runs_on_one_kind() {
    let nodes = "{ name = \"v\", accelerator = \"V100\", accelerators = 4, cpu = 4 }, { name = \"p\", accelerator = \"P100\", accelerators = 4, cpu = 64 }";
    let of = |policy: &str| {
        format!(
            "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nnodes = [{nodes}]\n[engine]\nrounds = \"6m\"\n[run]\npolicies = [{policy}]\n"
        )
    };
    let wide = "id,submit_s,duration_s,gpus\na,0,60,8\n";
    let found = refused(&of("\"max-min\""), wide);
    assert!(found.contains("`a` asks for 8 accelerators, which no machines of one kind"), "{found}");
    let found = runs_beside(&of("\"fifo\""), &[("jobs.csv", wide)]);
    assert!((metric(&found[0].0, "placed") - 1.0).abs() < 1e-9);
    // The cores are where the other kind is.
    let hungry = "id,submit_s,duration_s,gpus,cpus\na,0,60,4,32\n";
    for policy in ["\"max-min\"", "{ name = \"fifo\", heterogeneity = true }"] {
        let found = runs_beside(&of(policy), &[("jobs.csv", hungry)]);
        assert!((metric(&found[0].0, "jct_mean_s") - 60.0).abs() < 1e-9, "{policy}");
    }
}

#[test]
fn who_may_not_start_yet_holds_nobody_up() {
    let scenario = |policy: &str| {
        format!(
            "[trace]\nformat = \"native\"\njobs = \"jobs.csv\"\n[cluster]\nnodes = [{V100}]\n[engine]\nrounds = \"6m\"\n[run]\npolicies = [{policy}]\n"
        )
    };
    let jobs = "id,submit_s,duration_s,gpus,earliest_s\na,0,60,1,5000\nb,0,60,1,\n";
    for policy in ["{ name = \"fifo\", heterogeneity = true }", "\"allox\"", "\"max-min\""] {
        let found = runs_beside(&scenario(policy), &[("jobs.csv", jobs)]);
        let rows = brief(&found[0].1);
        assert!(rows.contains(&"60 finish b".to_owned()), "{policy}: {rows:?}");
        assert!(rows.contains(&"5100 finish a".to_owned()), "{policy}: {rows:?}");
    }
}

#[test]
fn times_that_nothing_counts_in_are_refused() {
    let rest = "[arrivals]\nspeed = 0.00000001\n[run]\npolicies = [\"fifo\"]";
    let scenario =
        scenario(V100, rest).replace("\"gavel\"", "\"native\"").replace("throughputs = \"table.csv\"\n", "");
    let found = refused(&scenario, "id,submit_s,duration_s,gpus,deadline_s\na,10000000,60,1,10000100\n");
    assert!(found.contains("more than 2,000 years") && found.contains("jobs.csv:2"), "{found}");
}

#[test]
fn what_cannot_be_is_said() {
    let one = format!("{HEADER}LM,1,100,0\n");
    let of = |policy: &str, rest: &str| scenario(V100, &format!("{rest}[run]\npolicies = [{policy}]"));
    let rounds = "[engine]\nrounds = \"6m\"\n";
    assert!(refused(&of("\"max-min\"", ""), &one).contains("needs `engine.rounds`"));
    let fifo = "{ name = \"allox\", heterogeneity = true }";
    assert!(refused(&of(fifo, rounds), &one).contains("means nothing to `allox`"));
    let gang = format!("{HEADER}LM,2,100,0\n");
    let two = of("\"allox\"", rounds).replace("accelerators = 1", "accelerators = 2");
    assert!(refused(&two, &gang).contains("`job-0` asks for more"));
    let unknown = format!("{HEADER}LM,1,100,0\nBERT,1,100,0\n");
    let found = refused(&of("\"fifo\"", ""), &unknown);
    assert!(found.contains("jobs.csv") && found.contains("`BERT`"), "{found}");
    let found = refused(&scenario(K80, "[run]\npolicies = [\"fifo\"]"), &gang);
    assert!(found.contains("a throughput for `LM`"), "{found}");
    let without = of("\"fifo\"", "").replace("throughputs = \"table.csv\"\n", "");
    let found = refused(&without, &one);
    assert!(found.contains("`trace.throughputs` is needed"), "{found}");
    let native = of("\"fifo\"", "").replace("\"gavel\"", "\"native\"");
    let found = refused(&native, "id,submit_s,duration_s\n");
    assert!(found.contains("is for traces in steps"), "{found}");
    // With tolerance the others run.
    let files = [("jobs.csv", unknown.as_str()), ("table.csv", TABLE)];
    let experiment = experiment_beside(&of("\"fifo\"", ""), &files, Tolerance::Count).unwrap();
    assert!(experiment.notes().iter().any(|note| note.contains("BERT")), "{:?}", experiment.notes());
    let found = runs_of(&experiment);
    assert!((metric(&found[0].0, "failed") - 1.0).abs() < 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn books_balance_whatever_is_granted(jobs in prop::collection::vec((0..3_u8, 1..400_u16, 0..40_u8), 1..12)) {
        let mut text = String::new();
        let mut at = 0;
        for (kind, steps, gap) in jobs {
            at += u32::from(gap);
            let job = ["LM,1", "GAN,1", "LM,2"][usize::from(kind)];
            writeln!(text, "{job},{steps},{at}").unwrap();
        }
        let nodes = "{ name = \"v\", count = 2, accelerator = \"V100\", accelerators = 1 }, { name = \"k\", count = 3, accelerator = \"K80\", accelerators = 1 }";
        let names = ["max-min", "makespan", "finish-time-fairness", "fifo"];
        let both = names.map(|name| format!("{{ name = \"{name}\", heterogeneity = true, every = \"20s\" }}, {{ name = \"{name}\", label = \"{name} blind\", heterogeneity = false }}"));
        let rest = format!("[engine]\nrounds = \"7s\"\nrestart = \"2s\"\n[run]\npolicies = [{}, \"max-throughput\"]", both.join(", "));
        let (one, other) = (all(&scenario(nodes, &rest), &text), all(&scenario(nodes, &rest), &text));
        for ((run, log), (again, _)) in one.iter().zip(&other) {
            conservation::check(run, log);
            prop_assert_eq!(&run.events_digest, &again.events_digest);
            prop_assert!(metric(run, "unfinished").abs() < 1e-9, "{}", run.policy);
        }
    }
}
