//! Ctrl-C: the best plan so far, and no other.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Stdio},
};

use crate::run::{data, program};

/// Workloads that compete for quotas over time, with offers of which none is the best for all: hard to prove.
fn crowd() -> String {
    let mut text = String::from(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Estate\nmetadata: {name: crowd}\nspec:\n  time: 2026-01-01T00:00:00Z\n  catalog: []\n  defaults: none\n  quotas:\n",
    );
    for offer in 0..12 {
        _ = writeln!(text, "  - {{match: {{instanceType: t{offer}}}, accelerators: {}}}", 7 + offer % 5);
    }
    text += "  offers:\n";
    for offer in 0..12 {
        let hourly = f64::from(100 + 37 * offer % 53) / 10.0;
        _ = writeln!(
            text,
            "  - {{cloud: c, region: r, instanceType: t{offer}, capacity: on-demand, accelerator: A100, accelerators: {}, cpu: 64, memory: 512Gi, hourly: {hourly}, source: test, asOf: 2026-01-01}}",
            1 + offer % 4
        );
    }
    for workload in 0..64 {
        _ = write!(
            text,
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Workload\nmetadata: {{name: w{workload}}}\nspec:\n  replicas: {}\n  required: false\n  value: {}\n  request: {{accelerators: {{anyOf: [A100], count: 1}}}}\n  duration: {}m\n  deadline: 9h\n  slots: 15m\n",
            1 + workload * 7 % 5,
            50 + workload * 29 % 83,
            60 + workload * 41 % 97
        );
    }
    text
}

#[cfg(unix)]
#[test]
fn an_interrupted_search_gives_its_best_plan_and_says_so() {
    let mut command = program(&data());
    command.args(["plan", "-", "-v", "-o", "json", "--effort", "100000000000"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    child.stdin.take().expect("piped").write_all(crowd().as_bytes()).expect("it reads");
    let mut out = child.stdout.take().expect("piped");
    let out = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let first = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(", gap ")));
    assert!(first.is_some(), "no phase was shown while searching");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(rest.iter().any(|line| line.contains("stopping")), "{rest:?}");
    let out = out.join().expect("no panic").expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let plan: serde_json::Value = serde_json::from_str(&out).expect("a plan");
    assert_eq!(plan["reproducible"], false);
    assert_eq!(plan["status"], "feasible");
    let phases = plan["solver"]["phases"].as_array().expect("phases");
    assert!(phases.iter().any(|phase| phase["name"] == "interrupted"), "{phases:?}");

    // The plan holds, and its page says why another run may find another.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("crowd.yaml"), crowd()).expect("written");
    std::fs::write(folder.path().join("plan.json"), &out).expect("written");
    let verified = crate::run::finish(program(folder.path()).args(["verify", "plan.json", "crowd.yaml"]));
    assert_eq!(verified.code, 0, "{}", verified.err);
}
