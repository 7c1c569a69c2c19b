//! Where the compiled programs are.

use std::path::{Path, PathBuf};

use crate::Error;

/// The module that pins the versions; `tools/kube/build` reads the same lines.
const GO_MOD: &str = include_str!("../../tools/kube/go.mod");

/// The folder with etcd, kube-apiserver, kube-scheduler and
/// kube-controller-manager.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// The programs, each with its own binary in the folder.
    pub const PROGRAMS: [&'static str; 4] =
        ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

    /// The programs that `tools/kube/build` left in a cache folder
    /// (`PLIMSOLL_CACHE`).
    ///
    /// # Errors
    /// [`Error::NotBuilt`] when one is missing.
    pub fn in_cache(cache: &Path) -> Result<Self, Error> {
        let kubernetes = version("k8s.io/kubernetes");
        let etcd = version("go.etcd.io/etcd/server/v3");
        Self::in_folder(cache.join(format!("kube-{kubernetes}-etcd-{etcd}")))
    }

    /// The programs in a folder of one's own.
    ///
    /// # Errors
    /// [`Error::NotBuilt`] when one is missing.
    pub fn in_folder(folder: PathBuf) -> Result<Self, Error> {
        if Self::PROGRAMS.iter().all(|program| folder.join(program).is_file()) {
            Ok(Self { folder })
        } else {
            Err(Error::NotBuilt(folder))
        }
    }

    /// The version of Kubernetes, as `v1.36.3`.
    pub fn version() -> &'static str {
        version("k8s.io/kubernetes")
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The version that go.mod requires of a module.
fn version(module: &str) -> &'static str {
    GO_MOD
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("require ").strip_prefix(module))
        .find_map(|rest| rest.strip_prefix(' ')?.split(' ').next())
        .expect("go.mod requires Kubernetes and etcd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_go_module() {
        assert!(version("k8s.io/kubernetes").starts_with("v1."));
        assert!(version("go.etcd.io/etcd/server/v3").starts_with("v3."));
    }

    #[test]
    fn an_empty_cache_says_what_to_run() {
        let cache = tempfile::tempdir().unwrap();
        let error = Binaries::in_cache(cache.path()).unwrap_err();
        assert!(error.to_string().contains("tools/kube/build"), "{error}");
    }
}
