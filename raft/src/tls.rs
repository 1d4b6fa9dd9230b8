//! Mutual TLS between members.
//!
//! Every member has a certificate for the name `member-<id>.<cluster id>`, signed by the cluster's own authority. Who connects checks that the
//! other end has the name of the member it means to reach; who accepts checks that the certificate has the name of the member the caller says
//! it is. The cluster's id is part of the name, so members of another cluster (or of the one this was recovered from) are refused.

use std::sync::Arc;

use model::MemberId;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::{WebPkiServerVerifier, verify_server_name},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{ParsedCertificate, WebPkiClientVerifier},
};
use uuid::Uuid;

/// Both ends' configuration of one member.
#[derive(Clone, Debug)]
pub struct PeerTls {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("peer certificates: {0}")]
pub struct TlsError(String);

impl TlsError {
    fn from(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The name in the certificate of a member.
pub fn certificate_name(cluster: Uuid, member: MemberId) -> String {
    format!("member-{member}.{cluster}")
}

impl PeerTls {
    /// From the authority's certificate, this member's chain and its key.
    ///
    /// # Errors
    /// If they do not fit each other.
    pub fn new(
        authority: Vec<CertificateDer<'static>>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in authority {
            roots.add(certificate).map_err(TlsError::from)?;
        }
        let roots = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build().map_err(TlsError::from)?;
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsError::from)?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(TlsError::from)?;
        server.alpn_protocols = vec![b"h2".to_vec()];
        let servers = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build().map_err(TlsError::from)?;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsError::from)?
            .with_webpki_verifier(servers)
            .with_client_auth_cert(chain, key)
            .map_err(TlsError::from)?;
        client.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { client: Arc::new(client), server: Arc::new(server) })
    }

    /// From PEM texts.
    ///
    /// # Errors
    /// If they hold no certificate or key, or do not fit each other.
    pub fn from_pem(authority: &[u8], chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let certificates = |pem: &[u8], what: &str| -> Result<Vec<CertificateDer<'static>>, TlsError> {
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            match found {
                Ok(found) if found.is_empty() => Err(TlsError(format!("no certificate in the {what} file"))),
                Ok(found) => Ok(found),
                Err(error) => Err(TlsError(format!("the {what} file is not PEM: {error}"))),
            }
        };
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError(format!("the key file: {error}")))?;
        Self::new(certificates(authority, "authority")?, certificates(chain, "certificate")?, key)
    }

    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        self.client.clone()
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }
}

/// The name of a member as TLS wants it.
pub(crate) fn server_name(cluster: Uuid, member: MemberId) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(certificate_name(cluster, member)).map_err(TlsError::from)
}

/// Whether a certificate was issued for this member.
pub(crate) fn is_for(certificate: &CertificateDer<'_>, cluster: Uuid, member: MemberId) -> bool {
    let Ok(name) = server_name(cluster, member) else { return false };
    ParsedCertificate::try_from(certificate).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
}
