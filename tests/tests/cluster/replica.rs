//! The cluster side as a process of its own, which can be killed and frozen.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use plimsoll_scheduler_plugin::{Config, start};

const FILE: &str = "PLIMSOLL_TEST_CONFIG";
const NAME: &str = "PLIMSOLL_TEST_REPLICA";

pub(crate) struct Replica {
    child: Child,
    /// Kept open: what it prints later must go somewhere.
    _output: BufReader<ChildStdout>,
}

impl Replica {
    /// Starts it, and waits until it listens; with `synced`, until it has seen
    /// the cluster.
    pub(crate) fn start(name: &str, config: &Path, synced: bool) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "replica::serve", "--ignored", "--nocapture"])
            .env(FILE, config)
            .env(NAME, name)
            .stdin(Stdio::piped()) // closes when this process ends, and so ends it
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let wanted = if synced { "replica: synced" } else { "replica: listening" };
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the replica ended");
        }
        Self { child, _output: output }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Freezes it: connections stay, answers do not come.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // It may have ended, or been killed, already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "a replica, which other tests start"]
#[expect(clippy::disallowed_methods, reason = "what it serves comes by the environment")]
fn serve() {
    let file = std::env::var(FILE).unwrap();
    let config = Config::read(&file, &std::fs::read(&file).unwrap()).unwrap();
    std::thread::spawn(|| {
        let _ = std::io::stdin().lines().next();
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let serving = start(config, None, &std::env::var(NAME).unwrap()).await.unwrap();
        println!("replica: listening");
        serving.synced().await;
        println!("replica: synced");
        std::future::pending::<()>().await;
    });
}
