//! Certificates, read again when their files change.
//!
//! Connections that are open keep what they began with; new ones get the newest that could be read. Files are looked
//! at by their content: what Kubernetes mounts changes by a link that is put in place of another.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {file}: {error}")]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file holds something else.
    #[error("{file} holds no {what}")]
    Content {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// They do not go together.
    #[error("the certificate, the key and the clients' authority do not go together: {0}")]
    Together(String),
}

/// Who the server is, and whom it lets in.
#[derive(Debug)]
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    clients: Option<PathBuf>,
    read: ArcSwap<(Vec<Vec<u8>>, Arc<ServerConfig>)>,
}

impl Identity {
    /// From PEM files. With an authority of clients, calls are for those alone that it has signed; whoever shows another
    /// certificate is not let in at all, and whoever shows none gets what is for everybody.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn read(certificate: &Path, key: &Path, clients: Option<&Path>) -> Result<Self, TlsError> {
        let (certificate, key, clients) =
            (certificate.to_owned(), key.to_owned(), clients.map(Path::to_owned));
        let bytes = contents(&certificate, &key, clients.as_deref())?;
        let config = config(&bytes, &certificate, &key, clients.as_deref())?;
        let read = ArcSwap::from_pointee((bytes, Arc::new(config)));
        Ok(Self { certificate, key, clients, read })
    }

    /// The newest that could be read.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.read.load().1)
    }

    /// Whether calls are for clients alone that have shown a certificate.
    pub(super) fn knows_clients(&self) -> bool {
        self.clients.is_some()
    }

    /// Reads the files again if their content changed; whether it did. What cannot be used changes nothing.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let clients = self.clients.as_deref();
        let bytes = contents(&self.certificate, &self.key, clients)?;
        if bytes == self.read.load().0 {
            return Ok(false);
        }
        let config = config(&bytes, &self.certificate, &self.key, clients)?;
        self.read.store(Arc::new((bytes, Arc::new(config))));
        Ok(true)
    }
}

fn contents(certificate: &Path, key: &Path, clients: Option<&Path>) -> Result<Vec<Vec<u8>>, TlsError> {
    let read = |file: &Path| fs::read(file).map_err(|error| TlsError::File { file: file.to_owned(), error });
    [Some(certificate), Some(key), clients].into_iter().flatten().map(read).collect()
}

fn config(
    bytes: &[Vec<u8>],
    certificate: &Path,
    key: &Path,
    clients: Option<&Path>,
) -> Result<ServerConfig, TlsError> {
    let lacks = |file: &Path, what| TlsError::Content { file: file.to_owned(), what };
    let certificates = |at: usize, file: &Path| {
        let all: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(&bytes[at]).collect();
        all.ok().filter(|all| !all.is_empty()).ok_or_else(|| lacks(file, "certificate in PEM"))
    };
    let chain = certificates(0, certificate)?;
    let secret = PrivateKeyDer::from_pem_slice(&bytes[1]).map_err(|_| lacks(key, "private key in PEM"))?;
    let together = |error: &dyn std::fmt::Display| TlsError::Together(error.to_string());
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| together(&error))?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(2, file)? {
                roots.add(root).map_err(|error| together(&error))?;
            }
            // A kubelet that asks whether the process is alive has no certificate.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build();
            builder.with_client_cert_verifier(verifier.map_err(|error| together(&error))?)
        }
    };
    let mut config = builder.with_single_cert(chain, secret).map_err(|error| together(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
