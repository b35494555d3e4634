//! TLS to an engine behind `tcp://`, with the files that Docker's own client takes: `ca.pem`, `cert.pem` and `key.pem`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::DockerError;

const AUTHORITY: &str = "ca.pem";
const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.pem";

/// What it takes to begin.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    server: ServerName<'static>,
}

impl Tls {
    /// For a server at `host:port`. Without `cert.pem` and `key.pem`, the client says nothing of itself.
    pub(super) fn read(authority: &str, folder: &Path) -> Result<Self, DockerError> {
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let wrong = |file: &str, reason: String| DockerError::Certificates {
            path: folder.join(file).display().to_string(),
            reason,
        };
        let server = ServerName::try_from(host).map_err(|error| wrong("", error.to_string()))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates(folder, AUTHORITY)? {
            roots.add(certificate).map_err(|error| wrong(AUTHORITY, error.to_string()))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("", error.to_string()))?
            .with_root_certificates(roots);
        let is_there = |file: &str| folder.join(file).exists();
        let config = if is_there(CERTIFICATE) || is_there(KEY) {
            let chain = certificates(folder, CERTIFICATE)?;
            let pem = read(folder, KEY)?;
            let key = PrivateKeyDer::from_pem_slice(&pem)
                .map_err(|_| wrong(KEY, "it holds no private key".to_owned()))?;
            builder.with_client_auth_cert(chain, key).map_err(|_| {
                wrong(
                    KEY,
                    format!("it does not belong to {CERTIFICATE}, or is of a kind that is not supported"),
                )
            })?
        } else {
            builder.with_no_client_auth()
        };
        Ok(Self { config: Arc::new(config), server })
    }

    pub(super) async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.server.clone(), stream).await
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("server", &self.server).finish_non_exhaustive()
    }
}

fn read(folder: &Path, file: &str) -> Result<Vec<u8>, DockerError> {
    let path = folder.join(file);
    std::fs::read(&path).map_err(|error| DockerError::Certificates {
        path: path.display().to_string(),
        reason: match error.kind() == io::ErrorKind::NotFound {
            true => "there is no such file".to_owned(),
            false => error.kind().to_string(),
        },
    })
}

fn certificates(folder: &Path, file: &str) -> Result<Vec<CertificateDer<'static>>, DockerError> {
    let pem = read(folder, file)?;
    let found: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&pem).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| DockerError::Certificates {
        path: folder.join(file).display().to_string(),
        reason: "it holds no PEM certificate".to_owned(),
    })
}
