//! Servers as processes of their own, whose CPU and memory can be told from the bench's.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use plimsoll_control_plane::{ControlPlane, User};
use plimsoll_scheduler_plugin::{Config, start};
use serde_json::json;

/// The word by which the bench starts itself as a server.
pub(crate) const SERVE: &str = "serve";
/// Of the kernel's clock, which counts CPU.
const TICKS_A_SECOND: f64 = 100.0;

/// A server; dropping it ends it.
pub(crate) struct Server {
    child: Child,
    address: String,
    /// Kept open: what it prints later must go somewhere.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Plimsoll, once it has seen the cluster.
    pub(crate) fn plimsoll(plane: &ControlPlane) -> Self {
        let document = json!({
            "apiVersion": "plimsoll.dev/v1alpha1",
            "kind": "Serve",
            "spec": {
                "listen": "127.0.0.1:0",
                "kubeconfig": plane.kubeconfig(User::Admin),
                "plan": {"stuck": "10m"},
                "gate": {"deadline": "10m"},
            },
        });
        let file = plane.folder().join("bench.json");
        std::fs::write(&file, document.to_string()).expect("the folder can be written");
        let mut command = Command::new(std::env::current_exe().expect("the bench runs"));
        command.arg(SERVE).arg(file);
        Self::start(command)
    }

    /// The stub in Go; nothing where there is no Go.
    pub(crate) fn stub(folder: &Path) -> Option<Self> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/kube/stub.go");
        let program = folder.join("stub");
        let go = ["go", "/usr/local/go/bin/go"]
            .into_iter()
            .find(|go| Command::new(go).arg("version").output().is_ok())?;
        let built = Command::new(go).args(["build", "-o"]).arg(&program).arg(source).status().ok()?;
        built.success().then(|| Self::start(Command::new(program)))
    }

    /// Starts it and reads the address that it prints.
    fn start(mut command: Command) -> Self {
        // Its input closes when this process ends, and so ends it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it can be started");
        let mut output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let mut address = String::new();
        output.read_line(&mut address).expect("it says where it listens");
        assert!(!address.is_empty(), "the server ended");
        Self { child, address: address.trim().to_owned(), _output: output }
    }

    /// What stands before the verbs.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/scheduler", self.address)
    }

    /// A kept connection to it.
    pub(crate) fn connect(&self) -> Line {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Line { stream, host: self.address.clone(), answer: Vec::new() }
    }

    /// CPU seconds so far.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(self.file("stat")).unwrap_or_default();
        // After the name in brackets: the 12th and 13th field are ticks as user and in the kernel (proc(5)).
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_A_SECOND
    }

    /// Resident MiB.
    pub(crate) fn mebibytes(&self) -> f64 {
        let status = std::fs::read_to_string(self.file("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A kept connection: HTTP/1.1 as kube-scheduler speaks it, one call after the other.
pub(crate) struct Line {
    stream: TcpStream,
    host: String,
    answer: Vec<u8>,
}

impl Line {
    /// Calls, and returns the body of the answer.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: &[u8]) -> &[u8] {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        self.stream.write_all(&request).expect("the server reads");
        self.answer.clear();
        let mut part = [0; 1 << 13];
        loop {
            let read = self.stream.read(&mut part).expect("the server answers");
            assert_ne!(read, 0, "the server closed the connection");
            self.answer.extend_from_slice(&part[..read]);
            let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.answer[..end]).to_ascii_lowercase();
            assert!(head.starts_with("http/1.1 200"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize =
                length.and_then(|length| length.trim().parse().ok()).expect("a length is stated");
            if self.answer.len() >= end + 4 + length {
                return &self.answer[end + 4..];
            }
        }
    }
}

/// What the process does that [`Server::plimsoll`] starts.
#[expect(clippy::print_stdout, reason = "it tells the bench where it listens")]
pub(crate) async fn serve(file: &str) {
    std::thread::spawn(|| {
        _ = std::io::stdin().lines().next();
        std::process::exit(0);
    });
    let bytes = std::fs::read(file).expect("the bench has written it");
    let config = Config::read(file, &bytes).expect("it is whole");
    let serving = start(config, None, "bench").await.expect("a port can be had");
    serving.synced().await;
    println!("{}", serving.address());
    std::future::pending::<()>().await;
}
