//! The files that a scenario names: beside it, each read once.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use plimsoll_model::Diagnostic;
use plimsoll_simulator::experiment::Files;
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;

/// Files in the folder of a scenario.
pub(super) struct OnDisk {
    folder: PathBuf,
    /// What was read, by the name that the scenario has for it.
    known: Mutex<BTreeMap<String, Arc<Vec<u8>>>>,
}

impl OnDisk {
    pub(super) fn beside(scenario: &Path) -> Self {
        let folder = scenario.parent().map(Path::to_path_buf).unwrap_or_default();
        Self { folder, known: Mutex::default() }
    }

    /// Where a file is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// SHA-256 of the scenario, its settings, and the files that were read.
    pub(super) fn digest(&self, scenario: &[u8], sets: &[String]) -> String {
        let mut hash = Sha256::new();
        // Each part after its length, so that no two sequences of parts are one.
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(scenario);
        for set in sets {
            add(set.as_bytes());
        }
        for (name, bytes) in self.known.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            add(name.as_bytes());
            add(bytes);
        }
        let mut text = String::from("sha256:");
        for byte in hash.finalize() {
            // Writing to a string does not fail.
            _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl Files for OnDisk {
    fn bytes(&self, name: &str) -> Result<Arc<Vec<u8>>, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = known.get(name) {
            return Ok(Arc::clone(bytes));
        }
        let bytes = Arc::new(fs::read(self.path(name)).map_err(|error| reason(&error))?);
        known.insert(name.to_owned(), Arc::clone(&bytes));
        Ok(bytes)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// The bytes of the scenario itself.
pub(super) fn scenario(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        let problem = format!("cannot read the scenario: {}", reason(&error));
        Failure::problems(vec![Diagnostic::of_file(path.display().to_string(), problem)])
    })
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}
