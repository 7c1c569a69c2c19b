//! Where a benchmark ran, and of which sources.

use std::process::Command;

use serde::{Deserialize, Serialize};

/// What a figure of speed depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// How many of them the process may use.
    pub cpus: u64,
    /// MiB of memory.
    pub memory_mib: u64,
    /// The system, and for which processor the program was made.
    pub system: String,
    /// Whether the program was made with optimisations.
    pub optimised: bool,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let line = |file: &str, key: &str| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(key)).map(str::to_owned);
            line.and_then(|line| line.split_once(':').map(|(_, value)| value.trim().to_owned()))
        };
        let kib = line("/proc/meminfo", "MemTotal");
        let kib = kib.and_then(|kib| kib.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()));
        Self {
            cpu: line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u64),
            memory_mib: kib.unwrap_or(0) / 1024,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            optimised: !cfg!(debug_assertions),
        }
    }
}

/// The commit of plimsoll's sources, when the current folder is among them.
pub fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).output().ok()?;
        done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
    };
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if !std::path::Path::new(&top).join("solver/src/site.rs").is_file() {
        return None;
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    Some(if changed { commit + "-dirty" } else { commit })
}
