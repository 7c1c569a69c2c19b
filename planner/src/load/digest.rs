//! A fingerprint of everything that was read, the same wherever the files lie.

use sha2::{Digest as _, Sha256};

/// SHA-256 over (kind, length, bytes) of each thing in the order of reading.
pub(crate) struct Digest(Sha256);

impl Digest {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(crate) fn add(&mut self, kind: &str, bytes: &[u8]) {
        for part in [kind.as_bytes(), bytes] {
            // Lengths keep two things from being read as one.
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    pub(crate) fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    }
}
