//! `plimsoll simulate`.

use std::{fs, io::Read as _, path::Path};

use flate2::read::GzDecoder;
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::{Field, Row},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::run::{Run, data, finish, program, run};

fn json(args: &str) -> Value {
    let run = run(&format!("simulate simulate/sequence.toml -o json {args}"));
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("it is JSON")
}

#[test]
fn a_sequence_as_table() {
    insta::assert_snapshot!(run("simulate simulate/sequence.toml --set run.seeds=42..43").all());
}

#[test]
fn the_same_bytes_whatever_the_threads() {
    let of = |threads: &str| run(&format!("simulate simulate/sequence.toml -o json --threads {threads}"));
    assert_eq!(of("1"), of("7"));
}

#[test]
fn a_run_depends_on_its_own_seed_alone() {
    let (all, one) = (json(""), json("--set run.seeds=44"));
    for run in one["runs"].as_array().unwrap() {
        assert!(all["runs"].as_array().unwrap().contains(run), "{run}");
    }
    assert_eq!(all["runs"].as_array().unwrap().len(), 12);
    assert_ne!(all["scenario"]["digest"], one["scenario"]["digest"]);
}

#[test]
fn what_varies_comes_point_by_point() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["nodes.csv", "pods.csv", "sequence.toml"] {
        fs::copy(data().join("simulate").join(file), folder.path().join(file)).unwrap();
    }
    let path = folder.path().join("sequence.toml");
    let text = fs::read_to_string(&path).unwrap() + "\n[vary]\n\"arrivals.inflate\" = \"1.1..1.3/0.1\"\n";
    fs::write(&path, text).unwrap();
    let result = finish(program(folder.path()).args([
        "simulate",
        "sequence.toml",
        "-o",
        "json",
        "--set",
        "run.seeds=1",
    ]));
    assert_eq!(result.code, 0, "{}", result.err);
    let result: Value = serde_json::from_str(&result.out).unwrap();
    let points: Vec<String> =
        result["runs"].as_array().unwrap().iter().map(|run| run["point"].to_string()).collect();
    let expected = [1.1, 1.2, 1.3].map(|part| format!("{{\"arrivals.inflate\":{part}}}"));
    assert_eq!(points, expected.iter().flat_map(|point| vec![point.clone(); 3]).collect::<Vec<_>>());
}

/// The log on disk is what the digest in the result is of, and no device of it is ever overfull.
#[test]
fn the_log_is_whole_and_digested() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.csv.gz");
    let runs = folder.path().join("runs.csv");
    let result =
        json(&format!("--set report.events={} --set report.runs={}", path.display(), runs.display()));
    let mut log = String::new();
    GzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut log).unwrap();
    let mut lines = log.lines();
    assert!(lines.next().unwrap().starts_with("run,seq,time_us,event,job,node,"));
    for (index, run) in result["runs"].as_array().unwrap().iter().enumerate() {
        let own: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix(&format!("{index},"))).collect();
        let own = own.join("\n") + "\n";
        assert_eq!(own.lines().count() as u64, run["events"].as_u64().unwrap());
        let digest = Sha256::digest(own.as_bytes());
        let digest = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        assert_eq!(run["eventsDigest"], digest);
        let count =
            |event: &str| own.lines().filter(|line| line.split(',').nth(2) == Some(event)).count() as u64;
        assert_eq!(count("arrive"), run["jobs"].as_u64().unwrap());
        assert_eq!(count("start"), run["metrics"]["placed"].as_f64().unwrap() as u64);
        assert_eq!(count("start") + count("reject"), count("arrive"));
    }
    assert_eq!(fs::read_to_string(&runs).unwrap().lines().count(), 13);
}

/// The same rows as Parquet: written out as CSV they have the digest of the result.
#[test]
fn the_log_as_parquet_has_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let [path, again, runs, plain] =
        ["a.parquet", "b.parquet", "runs.parquet", "runs.csv"].map(|name| folder.path().join(name));
    let write = |events: &Path, runs: &Path| {
        json(&format!("--set report.events={} --set report.runs={}", events.display(), runs.display()))
    };
    let result = write(&path, &runs);
    let mut logs = vec![String::new(); result["runs"].as_array().unwrap().len()];
    for row in parquet_rows(&path) {
        let fields: Vec<String> = row.iter().map(|(_, field)| field.clone()).collect();
        let quoted = |field: &String| {
            if field.contains(',') { format!("\"{field}\"") } else { field.clone() }
        };
        let line = fields[1..].iter().map(quoted).collect::<Vec<_>>().join(",");
        logs[fields[0].parse::<usize>().unwrap()] += &(line + "\n");
    }
    for (run, log) in result["runs"].as_array().unwrap().iter().zip(&logs) {
        let digest = Sha256::digest(log.as_bytes());
        let digest = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        assert_eq!(run["eventsDigest"], digest);
    }
    write(&again, &plain);
    assert_eq!(fs::read(&path).unwrap(), fs::read(&again).unwrap(), "the same run gives the same bytes");
    let rows = parquet_rows(&runs);
    let text: String = std::iter::once(rows[0].iter().map(|(name, _)| name.clone()).collect::<Vec<_>>())
        .chain(rows.iter().map(|row| row.iter().map(|(_, field)| field.clone()).collect()))
        .map(|fields| fields.join(",") + "\n")
        .collect();
    assert_eq!(text, fs::read_to_string(&plain).unwrap());
}

/// The rows of a file, each its fields by name, as CSV has them.
fn parquet_rows(path: &Path) -> Vec<Vec<(String, String)>> {
    let file = fs::File::open(path).expect("it is there");
    let reader = SerializedFileReader::new(file).expect("it is Parquet");
    let field = |field: &Field| match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Long(whole) => whole.to_string(),
        Field::ULong(whole) => whole.to_string(),
        Field::Double(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let row = |row: Row| row.get_column_iter().map(|(name, of)| (name.clone(), field(of))).collect();
    let rows = reader.get_row_iter(None).expect("its schema is read");
    rows.map(|one| row(one.expect("a row"))).collect()
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let of = |args: &str| run(&format!("simulate simulate/sequence.toml {args}"));
    let all: Vec<String> = [
        "--set run.sedes=1",
        "--set run.policies=[\"fdg\"]",
        "--set trace.jobs=no.csv",
        "--set trace.jobs=nodes.csv",
        "--set arrivals.inflate=-1",
        "--set power.accelerators={T4=[10,70]}",
        "--set run.policies=[\"fgd\",\"fgd\"]",
        "--set run.seeds",
        "--set report.events=x.txt",
    ]
    .iter()
    .map(|args| {
        let Run { code, err, out } = of(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args}");
        format!("{args}\n{err}\n")
    })
    .collect();
    insta::assert_snapshot!(all.concat());
}

/// The published row of seed 42 on openb's list `default`, where the traces are at hand.
#[test]
fn the_published_allocation_comes_out() {
    let Some(traces) = std::env::var_os("PLIMSOLL_DATA") else { return };
    let folder = std::path::Path::new(&traces).join("traces/openb");
    let scenario = format!(
        "simulate simulate/sequence.toml -o json --set run.policies=[\"fgd\"] --set run.seeds=42..43 \
         --set power.accelerators={{T4=[10,70],A10=[30,150],G2=[30,150],P100=[25,250],V100M16=[30,300],V100M32=[30,300],G3=[50,400]}} \
         --set trace.nodes={0}/openb_node_list_gpu_node.csv.gz --set trace.jobs={0}/openb_pod_list_default.csv.gz",
        folder.display()
    );
    let result = run(&scenario);
    assert_eq!(result.code, 0, "{}", result.err);
    let result: Value = serde_json::from_str(&result.out).unwrap();
    for run in result["runs"].as_array().unwrap() {
        let at = run["metrics"]["gpu_allocation_percent"]["130"].as_f64().unwrap();
        assert!((at - 95.39).abs() < 0.25, "{at}");
    }
}

#[test]
fn what_jobs_may_run_on_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    let head = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time";
    let rows = "a,1000,1,1,1000,T4|A10,LS,Running,0,10,0\nb,1000,1,1,1000,T4,LS,Running,0,10,0\n";
    fs::write(folder.path().join("p.csv"), format!("{head}\n{rows}")).unwrap();
    let args = "trace convert p.csv --format openb";
    let run = finish(program(folder.path()).args(args.split_whitespace()));
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.err, "");
    assert!(run.out.contains("a,0,10,1,T4|A10,") && run.out.contains("b,0,10,1,T4,"), "{}", run.out);
    fs::write(folder.path().join("n.csv"), &run.out).unwrap();
    let again = finish(program(folder.path()).args("trace convert n.csv --format native".split_whitespace()));
    assert_eq!(again.out, run.out);
}

#[test]
fn a_trace_is_made_up_looked_into_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let of = |args: &str| finish(program(folder.path()).args(args.split_whitespace()));
    let made = of("trace generate --profile pai --accelerators 8 --span 1d --seed 3 --output-file a.csv");
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    let found = of("trace doctor a.csv -o json");
    assert_eq!(found.code, 0, "{}", found.err);
    let found: Value = serde_json::from_str(&found.out).unwrap();
    assert!(found["jobs"].as_u64().unwrap() > 10, "{found}");
    let text = fs::read_to_string(folder.path().join("a.csv")).unwrap();
    assert_eq!(of("trace convert a.csv --format native").out, text);
    // A row that runs backwards is said, counted, and left out.
    fs::write(folder.path().join("b.csv"), text + "late,0,1,1,1,1,true\n").unwrap();
    assert_eq!(of("trace convert b.csv --format native").code, 2);
    let doctor = of("trace doctor b.csv");
    assert!(
        doctor.code == 3 && doctor.out.contains("1 rows left out: times run backwards"),
        "{}",
        doctor.out
    );
    let wrong = of("trace generate --profile phily");
    assert!(wrong.err.contains("did you mean `philly`"), "{}", wrong.err);
}

#[test]
fn work_in_steps_is_looked_into_and_written_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let of = |args: &str| finish(program(folder.path()).args(args.split_whitespace()));
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.csv", "job_type,scale_factor,total_steps,arrival_unit\nLM,1,100,0\nLM,2,300,0.5\n");
    write(
        "t.csv",
        "gpu,consolidated,job_type,scale_factor,steps_per_s\nv100,True,LM,1,10\nv100,True,LM,2,20\n",
    );
    let found = of("trace doctor a.csv --format gavel");
    assert!(found.code == 0 && found.out.contains("0.5 mean gaps"), "{}{}", found.out, found.err);
    assert!(found.out.contains("job types           1"), "{}", found.out);
    let convert = "trace convert a.csv --format gavel";
    assert!(of(convert).err.contains("counts arrivals in mean gaps"));
    let paced = format!("{convert} --rate-per-hour 2");
    assert!(of(&paced).err.contains("states work in steps"));
    let whole = of(&format!("{paced} --throughputs t.csv --on V100"));
    assert_eq!(whole.out, "id,submit_s,duration_s,gpus\njob-0,0,10,1\njob-1,900,15,2\n", "{}", whole.err);
    let none = of(&format!("{paced} --throughputs t.csv --on K80"));
    assert!(
        none.code == 2 && none.err.contains("a.csv:2") && none.err.contains("on 1 of K80"),
        "{}",
        none.err
    );
    // Where nothing is in steps, a table of them would change nothing.
    write("timed.csv", &whole.out);
    let timed = of("trace convert timed.csv --format native --throughputs t.csv --on V100");
    assert!(timed.code == 2 && timed.err.contains("says how long jobs run, not in steps"), "{}", timed.err);
}

#[test]
fn logs_in_the_standard_workload_format_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let of = |args: &str| finish(program(folder.path()).args(args.split_whitespace()));
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let job = |number: u32, submit: u32, run: i32, cores: u32| {
        format!("{number} {submit} -1 {run} {cores} -1 -1 {cores} 99 1024 1 4 1 -1 1 -1 -1 -1\n")
    };
    let jobs = [job(1, 0, 100, 6), job(2, 10, 50, 4), job(3, 20, -1, 4)];
    write("log.swf", &format!("; MaxProcs: 8\n{}", jobs.concat()));
    let written = of("trace convert log.swf --format swf");
    assert_eq!(
        written.out, "id,submit_s,duration_s,cpus,memory_mib,team\njob-1,0,100,6,6,4\njob-2,10,50,4,4,4\n",
        "{}",
        written.err
    );
    assert!(written.err.contains("1 rows left out: never ran"), "{}", written.err);
    assert_eq!(of("trace doctor log.swf --format swf").code, 3);
    // Six cores and four do not go on eight at once, and six are on several machines.
    write(
        "s.toml",
        "[trace]\nformat = \"swf\"\njobs = \"log.swf\"\n\
         [cluster]\nnodes = [{ name = \"n\", count = 2, cpu = 4 }]\nplacement = \"count\"\n\
         [run]\npolicies = [{ name = \"fifo\" }]\n",
    );
    let run = of("simulate s.toml -o json");
    assert_eq!(run.code, 0, "{}", run.err);
    let found: Value = serde_json::from_str(&run.out).unwrap();
    let metric = |name: &str| found["runs"][0]["metrics"][name].as_f64().unwrap();
    assert_eq!((metric("makespan_s"), metric("wait_mean_s"), metric("placed")), (150.0, 45.0, 2.0));
}

#[test]
fn the_page_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let set = format!("--set report.html={}", page.display());
    let run = finish(
        program(&crate::run::root().join("examples")).args(
            format!("simulate what-if.toml --set run.seeds=1..2 --set trace.generate.span=1d -o html {set}")
                .split(' '),
        ),
    );
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.out, fs::read_to_string(&page).unwrap(), "the same as the one that the scenario asks for");
    for part in ["A week of a mixed cluster", "deadline_misses", "polyline", "Content-Security-Policy"] {
        assert!(run.out.contains(part), "{part}");
    }
}

/// Without the traces every table is skipped, with the reason.
#[test]
fn evidence_without_traces_is_skipped() {
    let run = run("bench evidence");
    assert_eq!(run.code, 0);
    assert!(run.out.contains("skipped: PLIMSOLL_DATA does not say where the traces are"), "{}", run.out);
}
