//! What can go wrong while a control plane is brought up or used.

use std::io;
use std::path::PathBuf;

/// Why the control plane could not do what was asked. Fragments that fit
/// "failed to …: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The programs have not been compiled.
    #[error("no control plane in {}: run tools/kube/build (it needs Go)", .0.display())]
    NotBuilt(PathBuf),
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("{program} does not start: {source}")]
    Spawn {
        /// The program's name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended before it was ready.
    #[error("{program} ended ({status}); its last lines:\n{log}")]
    Ended {
        /// The program's name.
        program: String,
        /// Its exit status.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// A program runs but does not answer.
    #[error("{program} is not ready after {seconds} s; its last lines:\n{log}")]
    NotReady {
        /// The program's name.
        program: String,
        /// How long it was waited for.
        seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// No program of that name was started here.
    #[error("{0} was not started")]
    Unknown(String),
    /// A certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The API server refused or could not be reached.
    #[error("API server: {0}")]
    Api(#[from] Box<kube::Error>),
    /// A document that was given is not what it should be.
    #[error("{what}: {reason}")]
    Document {
        /// Which document.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Api(Box::new(error))
    }
}

impl Error {
    /// With the name of the file that an I/O error is about.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { path, source }
    }
}
