//! Processes that never outlive the one that started them.
//!
//! All of them are in one process group, led by an idle anchor. A guardian, a
//! shell outside the group, holds the reading end of a pipe whose writing end
//! only this process has: when this process ends in whatever way (return,
//! panic, SIGKILL) the pipe closes, and the guardian kills the group and removes
//! the folder. [`Processes::drop`] does no more than close the pipe, so that the
//! orderly end and the violent one are the same path. That needs neither
//! `unsafe` nor anything that only Linux has.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;

/// Kills the group, then removes the folder; dying processes may still write
/// for a moment.
const GUARDIAN: &str = r#"
while read -r _; do :; done
kill -9 -"$1"
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$2" && break; sleep 0.1; done
"#;

/// A group of processes with a temporary folder.
#[derive(Debug)]
pub struct Processes {
    folder: PathBuf,
    anchor: Child,
    guardian: Child,
    running: BTreeMap<String, Process>,
}

#[derive(Debug)]
struct Process {
    program: PathBuf,
    arguments: Vec<OsString>,
    child: Child,
}

impl Processes {
    /// An empty group with a new temporary folder.
    ///
    /// # Errors
    /// When the folder cannot be made, or the anchor or guardian cannot be
    /// started.
    pub fn new() -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("plimsoll-kube-")
            .tempdir()
            .map_err(Error::file(&std::env::temp_dir()))?;
        let mut anchor = quiet(Command::new("sleep").arg("2147483647"), "sleep")?;
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "plimsoll-guardian", &anchor.id().to_string()])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // a Ctrl-C is for us, not for the guardian
            .spawn();
        match guardian {
            Ok(guardian) => Ok(Self { folder: folder.keep(), anchor, guardian, running: BTreeMap::new() }),
            Err(source) => {
                let _ = anchor.kill();
                let _ = anchor.wait();
                Err(Error::Spawn { program: "sh".into(), source })
            }
        }
    }

    /// The temporary folder, removed at the end.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a program under a name, its output in [`Self::log`]. One that
    /// already runs under that name is killed first.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self, name: &str, program: PathBuf, arguments: Vec<OsString>) -> Result<(), Error> {
        self.kill(name);
        let log = self.log(name);
        let open = || File::options().create(true).append(true).open(&log);
        let (out, err) = (open().map_err(Error::file(&log))?, open().map_err(Error::file(&log))?);
        let child = Command::new(&program)
            .args(&arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(raw_id(&self.anchor))
            .spawn()
            .map_err(|source| Error::Spawn { program: name.to_owned(), source })?;
        self.running.insert(name.to_owned(), Process { program, arguments, child });
        Ok(())
    }

    /// Starts a program again as it was started.
    ///
    /// # Errors
    /// When it was never started, or cannot be now.
    pub fn restart(&mut self, name: &str) -> Result<(), Error> {
        let process = self.running.get(name).ok_or_else(|| Error::Unknown(name.to_owned()))?;
        let (program, arguments) = (process.program.clone(), process.arguments.clone());
        self.start(name, program, arguments)
    }

    /// SIGKILL, and waits until it is gone. Nothing happens to one that does
    /// not run.
    pub fn kill(&mut self, name: &str) {
        if let Some(process) = self.running.get_mut(name) {
            let _ = process.child.kill(); // fails only when it has ended already
            let _ = process.child.wait();
        }
    }

    /// Freezes a process: it keeps its connections and answers nothing.
    ///
    /// # Errors
    /// When it was never started or has ended.
    pub fn suspend(&self, name: &str) -> Result<(), Error> {
        self.signal(name, Signal::STOP)
    }

    /// Lets a frozen process go on.
    ///
    /// # Errors
    /// When it was never started or has ended.
    pub fn resume(&self, name: &str) -> Result<(), Error> {
        self.signal(name, Signal::CONT)
    }

    fn signal(&self, name: &str, signal: Signal) -> Result<(), Error> {
        let process = self.running.get(name).ok_or_else(|| Error::Unknown(name.to_owned()))?;
        let id = Pid::from_raw(raw_id(&process.child)).expect("a child's id is positive");
        kill_process(id, signal)
            .map_err(|error| Error::Spawn { program: name.to_owned(), source: error.into() })
    }

    /// How a process ended, if it did.
    pub fn ended(&mut self, name: &str) -> Option<String> {
        let process = self.running.get_mut(name)?;
        process.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// The system's id of a process.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.running.get(name).map(|process| process.child.id())
    }

    /// Where a program's output goes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// The end of a program's output.
    pub fn last_lines(&self, name: &str, count: usize) -> String {
        let text = std::fs::read(self.log(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
        for process in self.running.values_mut() {
            let _ = process.child.wait();
        }
        let _ = self.anchor.wait();
    }
}

fn quiet(command: &mut Command, name: &str) -> Result<Child, Error> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|source: io::Error| Error::Spawn { program: name.to_owned(), source })
}

fn raw_id(child: &Child) -> i32 {
    child.id().try_into().expect("the system's process ids are positive i32")
}
