//! `plan --cluster` and `verify --cluster`.

use std::{fs, path::Path};

use crate::run::{Run, data, finish, program, root, run};

const NODES: &str = "examples/packing/cluster.yaml";
const PODS: &str = "examples/packing/pods";

/// A run in the root of the repository, where the examples are.
fn in_root(args: &str) -> Run {
    finish(program(&root()).args(args.split_whitespace()))
}

/// A run in a folder with one file `dump.yaml`.
fn with_dump(text: &str, args: &str) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("dump.yaml"), text).expect("written");
    finish(program(folder.path()).args(args.split_whitespace()))
}

#[test]
fn a_dump_and_manifests_are_packed() {
    insta::assert_snapshot!(in_root(&format!("plan --cluster {NODES} {PODS}")).all());
    let narrow = finish(program(&root()).args(["plan", "--cluster", NODES, PODS]).env("COLUMNS", "60"));
    assert_eq!(narrow.code, 0);
}

#[test]
fn tables_of_openb_are_packed() {
    insta::assert_snapshot!(run("plan --cluster packing/nodes.csv packing/pods.csv").all());
}

#[test]
fn what_is_written_is_checked_and_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    for form in ["json", "yaml"] {
        let file = folder.path().join(form);
        let write = ["plan", "--cluster", NODES, PODS, "-o", form, "--output-file"];
        let written = finish(program(&root()).args(write).arg(&file));
        assert_eq!((written.code, &*written.out), (0, ""), "{}", written.all());
        let verified = finish(program(&root()).arg("verify").arg(&file).args(["--cluster", NODES, PODS]));
        assert_eq!(verified.code, 0, "{}", verified.all());
        insta::assert_snapshot!("verified", verified.all());
    }
    let read = |form: &str| fs::read_to_string(folder.path().join(form)).expect("it was written");
    let json: serde_json::Value = serde_json::from_str(&read("json")).expect("JSON");
    assert_eq!((&json["kind"], &json["reproducible"]), (&"Packing".into(), &true.into()));
    let again = in_root(&format!("plan --cluster {NODES} {PODS} -o json"));
    assert_eq!(again.out, read("json"));
    // Something else than was packed, and something that was changed.
    let other =
        finish(program(&root()).args(["verify"]).arg(folder.path().join("json")).args(["--cluster", NODES]));
    assert_eq!(other.code, 3, "{}", other.all());
    let changed = read("yaml").replacen("node: h100-1", "node: cpu-1", 1);
    fs::write(folder.path().join("changed"), changed).expect("written");
    let changed = finish(program(&root()).arg("verify").arg(folder.path().join("changed")).args([
        "--cluster",
        NODES,
        PODS,
    ]));
    assert_eq!(changed.code, 3, "{}", changed.all());
    assert!(changed.out.contains("cpu-1"), "{}", changed.out);
}

#[test]
fn moves_let_pods_in_and_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("packing");
    let plan = |moves: &str| in_root(&format!("plan --cluster {NODES} {PODS} --moves {moves} -o json"));
    let moved = plan("1");
    let json: serde_json::Value = serde_json::from_str(&moved.out).expect("JSON");
    let first = &json["moves"][0];
    assert_eq!((json["moves"].as_array().map(Vec::len), &first["step"]), (Some(1), &1.into()));
    assert_eq!((&first["from"], &first["to"]), (&"l4-0".into(), &"l4-1".into()));
    assert_eq!(json["inputs"]["flags"]["moves"], 1);
    let check = |text: &str| {
        fs::write(&file, text).expect("written");
        finish(program(&root()).arg("verify").arg(&file).args(["--cluster", NODES, PODS]))
    };
    assert_eq!(check(&moved.out).code, 0);
    let step = moved.out.find("\"moves\": [").expect("there are moves");
    let (before, after) = moved.out.split_at(step);
    for (from, to, found) in [
        // To a node that has no such devices, and that the packing does not bring it to.
        ("\"to\": \"l4-1\"", "\"to\": \"cpu-1\"", "cpu-1 (packing): the sum of devices is overfull"),
        ("\"from\": \"l4-0\"", "\"from\": \"h100-0\"", "is not on h100-0"),
        ("chat-7d9f6c5b8d-4x2lm", "notebook-ana", "`moves` does not list it"),
    ] {
        let changed = check(&format!("{before}{}", after.replacen(from, to, 1)));
        assert!(changed.code == 3 && changed.out.contains(found), "{from} {to}\n{}", changed.all());
    }
    let none = check(&moved.out.replacen("\"moves\": 1", "\"moves\": 0", 1));
    assert!(none.code == 3 && none.out.contains("at most 0 may"), "{}", none.all());
}

#[test]
fn nodes_to_add_are_priced_and_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let packing = folder.path().join("packing");
    let estate = folder.path().join("estate.yaml");
    fs::write(
        &estate,
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {name: own}\nspec:\n  catalog: []\n  offers:\n  \
         - {name: rack, region: cellar, capacity: on-prem, accelerator: H100, accelerators: 8, cpu: 190, memory: 2Ti, hourly: 20}\n  \
         prices:\n  - {match: {offer: rack}, multiply: 0.5}\n",
    )
    .expect("written");
    let run = |args: &[&str]| finish(program(&root()).args(args));
    let plan = |more: &[&str]| {
        let run = run(&[&["plan", "--cluster", NODES, PODS, "-o", "json"], more].concat());
        assert_eq!(run.code, 0, "{}", run.all());
        fs::write(&packing, &run.out).expect("written");
        serde_json::from_str::<serde_json::Value>(&run.out).expect("JSON")
    };
    let path = packing.to_str().expect("a path");
    let check = |more: &[&str]| run(&[&["verify", path, "--cluster", NODES, PODS], more].concat());
    // Rented where the cluster is.
    let json = plan(&[]);
    assert_eq!(json["adding"]["usd"], json["adding"]["boundUsd"]);
    assert_eq!(
        (&json["adding"]["among"][0], &json["adding"]["left"]),
        (&"aws/eu-north-1".into(), &serde_json::json!([]))
    );
    assert_eq!(check(&[]).code, 0, "{}", check(&[]).all());
    // Own machines, at half their price; what has no such devices finds nothing.
    let own = ["-e", estate.to_str().expect("a path")];
    let json = plan(&own);
    assert_eq!((&json["add"][0]["offer"], &json["add"][0]["usd"]), (&"rack".into(), &20.0.into()));
    assert_eq!(json["add"][0]["node"]["like"], "h100-0");
    assert_eq!(check(&own).code, 0, "{}", check(&own).all());
    let other = check(&[]);
    assert!(other.code == 3 && other.out.contains("of another estate"), "{}", other.all());
    // None at all.
    let json = plan(&["--add", "none"]);
    assert_eq!((&json["add"], &json["adding"]), (&serde_json::json!([]), &serde_json::Value::Null));
    assert_eq!(check(&[]).code, 0);
    // Spot nodes hold none of these, which do not say that they may be interrupted.
    let json = plan(&["--add", "spot"]);
    assert_eq!(json["adding"]["left"].as_array().map(Vec::len), Some(5));
    assert_eq!(check(&[]).code, 0);
}

#[test]
fn a_required_pod_that_waits_is_exit_code_3() {
    let text = fs::read_to_string(data().join("packing/required.yaml")).expect("it is there");
    let refused = with_dump(&text, "plan --cluster dump.yaml");
    assert_eq!(refused.code, 3, "{}", refused.all());
    insta::assert_snapshot!(refused.all());
    let text = text.replace("plimsoll.dev/required: \"true\"", "plimsoll.dev/required: \"false\"");
    assert_eq!(with_dump(&text, "plan --cluster dump.yaml").code, 0);
}

#[test]
fn the_same_file_twice_is_read_once() {
    let text = fs::read_to_string(data().join("packing/required.yaml")).expect("it is there");
    let once = with_dump(&text, "plan --cluster dump.yaml -o json");
    let twice = with_dump(&text, "plan --cluster dump.yaml dump.yaml -o json");
    assert_eq!((once.code, once.out), (twice.code, twice.out));
}

#[test]
fn bad_input_is_named_and_explained() {
    let whole = fs::read_to_string(root().join(NODES)).expect("the example is there");
    let lines: Vec<&str> = whole.lines().collect();
    let cut = |count: usize| lines[..count].join("\n") + "\n";
    let node =
        "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {allocatable: {cpu: 1, memory: 1Gi}}}\n";
    let mut all = String::new();
    for (what, text, args) in [
        ("a dump cut between objects", cut(200), "plan --cluster dump.yaml"),
        ("no node", "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c}]}}".into(), "plan --cluster dump.yaml"),
        ("no pod", node.into(), "plan --cluster dump.yaml"),
        ("nothing", String::new(), "plan --cluster dump.yaml"),
        ("a file that is not there", node.into(), "plan --cluster dump.yaml pods.yaml"),
        ("a negative resource", node.replace("cpu: 1,", "cpu: -1,"), "plan --cluster dump.yaml"),
        ("a duplicate", format!("{node}---\n{node}"), "plan --cluster dump.yaml"),
        ("a workload", "apiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec: {request: {cpu: 1}}\n".into(), "plan --cluster dump.yaml"),
        ("a packing that is none", node.into(), "verify dump.yaml --cluster dump.yaml"),
    ] {
        let run = with_dump(&text, args);
        assert_eq!((run.code, &*run.out), (2, ""), "{what}: {}", run.all());
        all.extend(["# ", what, "\n", &run.err, "\n"]);
    }
    insta::assert_snapshot!(all);
    // Wherever it is cut, it is read or refused, and never a crash.
    for count in (1..lines.len()).step_by(37) {
        let run = with_dump(&cut(count), "plan --cluster dump.yaml");
        assert!(matches!(run.code, 0 | 2), "{count}: {}", run.all());
    }
}

#[test]
fn tables_that_are_damaged_are_refused_with_their_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    let nodes = fs::read_to_string(data().join("packing/nodes.csv")).expect("it is there");
    write("nodes.csv", &nodes);
    write("pods.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1000,1,2,500\n");
    let plan = |folder: &Path| finish(program(folder).args(["plan", "--cluster", "nodes.csv", "pods.csv"]));
    let run = plan(folder.path());
    assert_eq!(run.code, 2, "{}", run.all());
    assert!(run.err.contains("pods.csv:2:1") && run.err.contains("a share is of one GPU"), "{}", run.err);
    write("nodes.csv", &nodes.replace("node-1,", "node-0,"));
    let run = plan(folder.path());
    assert!(
        run.code == 2 && run.err.contains("the name `node-0` was given in row 2 already"),
        "{}",
        run.all()
    );
}

#[test]
fn a_packing_stops_at_a_time_limit_with_the_best_so_far() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("packing.json");
    let write = ["plan", "--cluster", NODES, PODS, "--time-limit", "1ms", "-o", "json", "--output-file"];
    let written = finish(program(&root()).args(write).arg(&file));
    assert_eq!((written.code, &*written.err), (0, ""));
    let packing: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&file).expect("it is there")).expect("JSON");
    assert_eq!(packing["reproducible"], false);
    let objective = |field: &str| packing["objective"][field].as_f64().expect("a number");
    assert!(objective("worth") > 0.0 && objective("worth") <= objective("boundWorth"));
    let checked = finish(program(&root()).arg("verify").arg(&file).args(["--cluster", NODES, PODS]));
    assert_eq!(checked.code, 0, "{}", checked.err);
    let shown = in_root(&format!("plan --cluster {NODES} {PODS} --time-limit 1ms"));
    assert!(shown.out.contains("A time limit was given"), "{}", shown.out);
}
