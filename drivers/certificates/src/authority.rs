//! An authority: the key and the certificate that everybody in one circle trusts.
//!
//! A circle is the members of one Jeroboam cluster (its authority is made by `jeroboam pki`) or, later, one cluster of a customer.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{Error, PrivateKey, moment::Span};

/// How long a new authority is valid: ten years, leap days not counted.
const VALID: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A key that signs, with its certificate. Its `Debug` shows no secret.
#[derive(Debug)]
pub struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) span: Span,
    pub(crate) name: String,
    certificate_pem: String,
}

impl Authority {
    /// A new authority that calls itself `name`, valid for ten years from `now_ms` (wall clock, milliseconds since 1970).
    pub fn new(name: &str, now_ms: u64) -> Result<Self, Error> {
        if name.is_empty() {
            return Err(Error::Name(name.to_owned()));
        }
        let span = Span::new(now_ms, VALID)?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::Library)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        span.stamp(&mut params);
        let certificate_pem = params.self_signed(&key).map_err(Error::Library)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), span, name: name.to_owned(), certificate_pem })
    }

    /// The authority of this certificate and this key (PKCS #8, SEC 1 or PKCS #1), both PEM.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, Error> {
        let key = KeyPair::from_pem(key).map_err(Error::Key)?;
        let (span, name) = check(certificate, &key)?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).map_err(|error| Error::Certificate(error.to_string()))?;
        Ok(Self { issuer, span, name, certificate_pem: certificate.to_owned() })
    }

    /// Its name: the common name of its certificate.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its certificate, PEM: what the circle trusts.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Its private key.
    pub fn key(&self) -> PrivateKey {
        PrivateKey::new(self.issuer.key().serialize_pem())
    }
}

/// When the certificate is valid and whose it is, if it may sign and the key is its own.
fn check(certificate: &str, key: &KeyPair) -> Result<(Span, String), Error> {
    let unreadable = |why: &dyn std::fmt::Display| Error::Certificate(why.to_string());
    let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).map_err(|error| unreadable(&error))?;
    if pem.label != "CERTIFICATE" {
        return Err(unreadable(&format!("it is a {}", pem.label)));
    }
    let (_, parsed) = X509Certificate::from_der(&pem.contents).map_err(|error| unreadable(&error))?;
    let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or("nobody").to_owned();
    let may_sign = parsed.key_usage().map_err(|error| unreadable(&error))?.is_none_or(|usage| usage.value.key_cert_sign());
    if !parsed.is_ca() || !may_sign {
        return Err(Error::NotAnAuthority { name });
    }
    if parsed.public_key().raw != key.subject_public_key_info().as_slice() {
        return Err(Error::Mismatch { name });
    }
    let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    let validity = parsed.validity();
    Ok((Span { from_s: seconds(validity.not_before), until_s: seconds(validity.not_after) }, name))
}
