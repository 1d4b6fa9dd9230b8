//! Issuing: a fresh key and a certificate for somebody, good for both ends of a connection.
//!
//! A member is server and client at once, on the same connections' two ends, so one certificate carries both extended key usages. Whom
//! it stands for is the subject alternative names; the common name is for people.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};

use crate::{Authority, Error, moment::Span};

/// For whom, from when, for how long.
#[derive(Clone, Debug)]
pub struct Request {
    /// The common name, shown to people.
    pub name: String,
    /// DNS names and IP addresses it stands for; at least one.
    pub names: Vec<String>,
    /// Wall clock, milliseconds since 1970.
    pub now_ms: u64,
    /// For how long; never longer than the authority itself.
    pub valid: Duration,
}

/// What was issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate, PEM, without the authority's.
    pub certificate_pem: String,
    /// Its private key.
    pub key: PrivateKey,
}

/// A private key as PKCS #8 in PEM; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(String);

impl PrivateKey {
    pub(crate) fn new(pem: String) -> Self {
        Self(pem)
    }
    /// The text: to be written to a file that only its owner may read.
    pub fn pem(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl Authority {
    /// Makes a key and a certificate for it.
    pub fn issue(&self, request: &Request) -> Result<Issued, Error> {
        let now_s = request.now_ms / 1000;
        if now_s < self.span.from_s || now_s >= self.span.until_s {
            return Err(Error::OutOfTime { name: self.name.clone() });
        }
        let span = Span::new(request.now_ms, request.valid)?.within(self.span);
        let mut params = CertificateParams::default();
        params.subject_alt_names = alternatives(&request.names)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, request.name.as_str());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        span.stamp(&mut params);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::Library)?;
        let certificate_pem = params.signed_by(&key, &self.issuer).map_err(Error::Library)?.pem();
        Ok(Issued { certificate_pem, key: PrivateKey::new(key.serialize_pem()) })
    }
}

fn alternatives(names: &[String]) -> Result<Vec<SanType>, Error> {
    if names.is_empty() {
        return Err(Error::Name(String::new()));
    }
    names.iter().map(|name| alternative(name)).collect()
}

fn alternative(name: &str) -> Result<SanType, Error> {
    if let Ok(address) = IpAddr::from_str(name) {
        return Ok(SanType::IpAddress(address));
    }
    let refused = || Error::Name(name.to_owned());
    if !is_dns_name(name) {
        return Err(refused());
    }
    name.try_into().map(SanType::DnsName).map_err(|_| refused())
}

/// Labels of letters, digits and inner hyphens, 63 bytes each, 253 in all; no wildcards, which nothing here needs.
fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        let ends = !label.starts_with('-') && !label.ends_with('-');
        ends && (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests;
