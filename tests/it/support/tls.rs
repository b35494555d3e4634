//! TLS in front of a server that has none.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Who signs a server's certificate.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// It may sign others: what `openssl req -x509` makes of itself.
    IsAuthority,
    Expired,
    NotYet,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What belongs into `DUMPCAR_S3_CA_FILE`.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Listens for the server at `port` of this machine, as `name`; returns where, and the certificate it shows.
    pub(crate) async fn before(&self, port: u16, name: &str, flaw: Flaw) -> (u16, String) {
        let (acceptor, pem) = self.acceptor(name, flaw);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut client = acceptor.accept(client).await.ok()?;
                    let mut server = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
                    copy_bidirectional(&mut client, &mut server).await.ok()
                });
            }
        });
        (own, pem)
    }

    /// What makes TLS of a server's connections, and the certificate it shows.
    pub(crate) fn acceptor(&self, name: &str, flaw: Flaw) -> (TlsAcceptor, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let certificate = match flaw {
            Flaw::None => params.signed_by(&key, &self.0),
            Flaw::IsAuthority => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.self_signed(&key)
            }
            Flaw::Expired => {
                params.not_after = date_time_ymd(2020, 1, 1);
                params.signed_by(&key, &self.0)
            }
            Flaw::NotYet => {
                params.not_before = date_time_ymd(2100, 1, 1);
                params.signed_by(&key, &self.0)
            }
        };
        let certificate = certificate.unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        super::s3::install_crypto();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        (TlsAcceptor::from(Arc::new(config)), certificate.pem())
    }
}
