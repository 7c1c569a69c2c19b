//! Nothing stays behind, however the owner ends.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use plimsoll_control_plane::processes::Processes;
use plimsoll_control_plane::{Error, Options, scheduler};
use serde_json::json;

use crate::support::{plane, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_is_refused_in_the_schedulers_words() {
    let Some(mut plane) = plane(Options::default()).await else { return };
    let folder = plane.folder().to_owned();
    let mut config = scheduler::configuration(&[]);
    config["extenders"] = json!([{"urlPrefix": "http://127.0.0.1:1", "prioritizeVerb": "p"}]);
    let error = plane.start_scheduler("kube-scheduler", config).await.unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("weight"), "{error}");

    let api = plane.processes().id("kube-apiserver").unwrap();
    drop(plane);
    assert!(!folder.exists());
    assert!(!runs(api));
}

#[test]
fn a_killed_owner_takes_its_processes_and_files_with_it() {
    // The test itself, run again as an owner that is killed.
    let owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lifecycle::owner", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut owner, report) = first_report(owner);
    let (id, folder) = report.split_once(' ').unwrap();
    let (id, folder): (u32, _) = (id.parse().unwrap(), PathBuf::from(folder));
    assert!(runs(id));
    assert!(folder.exists());
    owner.kill().unwrap();
    owner.wait().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        until("all is gone", || async { !runs(id) && !folder.exists() }).await;
    });
}

#[test]
#[ignore = "the owner that the test above kills"]
fn owner() {
    let mut processes = Processes::new().unwrap();
    let arguments = vec!["-c".into(), "trap '' TERM INT HUP; sleep 600".into()];
    processes.start("stubborn", "/bin/sh".into(), arguments).unwrap();
    let id = processes.id("stubborn").unwrap();
    println!("owner: {id} {}", processes.folder().display());
    std::thread::sleep(Duration::from_mins(10));
}

/// What the owner prints once it has started its process.
fn first_report(mut owner: std::process::Child) -> (std::process::Child, String) {
    use std::io::{BufRead as _, BufReader};
    let output = BufReader::new(owner.stdout.take().unwrap());
    let report = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("owner: ").map(|(_, report)| report.to_owned()))
        .unwrap();
    (owner, report)
}

/// Whether a process is there and has not ended.
fn runs(id: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &id.to_string()]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}
