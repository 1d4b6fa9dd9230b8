//! The verdict is another library's: certificates are judged by rustls as server, as client and in a whole handshake.

use std::{sync::Arc, time::Duration};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    server::WebPkiClientVerifier,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};

use super::*;

const NOW_MS: u64 = 1_800_000_000_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn request(names: &[&str]) -> Request {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Request { name: "member 1".to_owned(), names, now_ms: NOW_MS, valid: 365 * DAY }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(der(authority.certificate_pem())).unwrap();
    Arc::new(roots)
}

fn at(days: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(NOW_MS) + DAY * u32::try_from(days).unwrap())
}

fn as_server(authority: &Authority, issued: &Issued, name: &str, now: UnixTime) -> Result<(), rustls::Error> {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(authority), provider()).build().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(&der(&issued.certificate_pem), &[], &name, &[], now).map(|_| ())
}

fn as_client(authority: &Authority, issued: &Issued, now: UnixTime) -> Result<(), rustls::Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(authority), provider()).build().unwrap();
    verifier.verify_client_cert(&der(&issued.certificate_pem), &[], now).map(|_| ())
}

#[test]
fn an_issued_certificate_serves_both_ends() {
    let authority = Authority::new("circle", NOW_MS).unwrap();
    let issued = authority.issue(&request(&["member-1.c0ffee", "127.0.0.1", "::1"])).unwrap();
    for name in ["member-1.c0ffee", "127.0.0.1", "::1"] {
        as_server(&authority, &issued, name, at(0)).unwrap();
    }
    as_client(&authority, &issued, at(0)).unwrap();
}

#[test]
fn another_name_another_circle_and_another_time_are_refused() {
    let authority = Authority::new("circle", NOW_MS).unwrap();
    let issued = authority.issue(&request(&["member-1.c0ffee"])).unwrap();
    as_server(&authority, &issued, "member-2.c0ffee", at(0)).unwrap_err();
    as_server(&authority, &issued, "member-1.c0ffee", at(366)).unwrap_err();
    as_client(&authority, &issued, at(366)).unwrap_err();
    let stranger = Authority::new("circle", NOW_MS).unwrap();
    as_server(&stranger, &issued, "member-1.c0ffee", at(0)).unwrap_err();
    as_client(&stranger, &issued, at(0)).unwrap_err();
}

#[test]
fn an_authority_read_back_goes_on_signing_for_the_same_circle() {
    let first = Authority::new("circle", NOW_MS).unwrap();
    let again = Authority::from_pem(first.certificate_pem(), first.key().pem()).unwrap();
    assert_eq!((again.name(), again.span), ("circle", first.span));
    let issued = again.issue(&request(&["member-3.c0ffee"])).unwrap();
    as_server(&first, &issued, "member-3.c0ffee", at(0)).unwrap();
}

#[test]
fn an_authority_must_own_its_key_and_be_one() {
    let authority = Authority::new("circle", NOW_MS).unwrap();
    let other = Authority::new("other", NOW_MS).unwrap();
    let issued = authority.issue(&request(&["a"])).unwrap();
    let error = |certificate: &str, key: &str| Authority::from_pem(certificate, key).unwrap_err();
    assert!(matches!(error(authority.certificate_pem(), other.key().pem()), Error::Mismatch { .. }));
    assert!(matches!(error(&issued.certificate_pem, issued.key.pem()), Error::NotAnAuthority { .. }));
    assert!(matches!(error("nonsense", authority.key().pem()), Error::Certificate(_)));
    assert!(matches!(error(authority.key().pem(), authority.key().pem()), Error::Certificate(_)));
    assert!(matches!(error(authority.certificate_pem(), "nonsense"), Error::Key(_)));
}

#[test]
fn nothing_outlives_its_authority_and_nothing_is_signed_after_it() {
    let authority = Authority::new("circle", NOW_MS).unwrap();
    let long = Request { valid: 100 * 365 * DAY, ..request(&["a"]) };
    let issued = authority.issue(&long).unwrap();
    as_server(&authority, &issued, "a", at(3649)).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(issued.certificate_pem.as_bytes()).unwrap();
    let end = pem.parse_x509().unwrap().validity().not_after.timestamp();
    assert_eq!(u64::try_from(end).unwrap(), authority.span.until_s);
    let late = Request { now_ms: NOW_MS + 3651 * 24 * 3600 * 1000, ..request(&["a"]) };
    assert!(matches!(authority.issue(&late).unwrap_err(), Error::OutOfTime { .. }));
    assert!(matches!(Authority::new("never", u64::MAX).unwrap_err(), Error::Time(_)));
}

#[test]
fn names_that_stand_for_nobody_are_refused() {
    let authority = Authority::new("circle", NOW_MS).unwrap();
    for names in [&[][..], &[""], &["a b"], &["good", "*.bad"], &["-a"], &["a..b"], &["ä.example"]] {
        assert!(matches!(authority.issue(&request(names)).unwrap_err(), Error::Name(_)), "{names:?}");
    }
    assert!(matches!(Authority::new("", NOW_MS).unwrap_err(), Error::Name(_)));
}

#[test]
fn debug_shows_no_key() {
    let authority = Authority::new("circle", NOW_MS).unwrap();
    let issued = authority.issue(&request(&["a"])).unwrap();
    let shown = format!("{authority:?} {issued:?} {:?}", authority.key());
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
}

/// Runs a mutual handshake in memory; each end must accept the other.
fn handshake(server: &(Authority, Issued), client: &(Authority, Issued)) -> Result<(), rustls::Error> {
    let key = |issued: &Issued| PrivateKeyDer::from_pem_slice(issued.key.pem().as_bytes()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(&server.0), provider()).build().unwrap();
    let serving = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let serving = serving.with_client_cert_verifier(verifier);
    let serving = serving.with_single_cert(vec![der(&server.1.certificate_pem)], key(&server.1))?;
    let asking = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let asking = asking.with_root_certificates(roots(&client.0));
    let asking = asking.with_client_auth_cert(vec![der(&client.1.certificate_pem)], key(&client.1))?;
    let mut server = ServerConnection::new(Arc::new(serving))?;
    let mut client = ClientConnection::new(Arc::new(asking), ServerName::try_from("a").unwrap())?;
    for _ in 0..10 {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    assert!(!server.is_handshaking() && !client.is_handshaking());
    Ok(())
}

/// A pair made at the present moment, because a handshake looks at the machine's clock.
fn pair(valid_from_ms: u64) -> (Authority, Issued) {
    let authority = Authority::new("circle", valid_from_ms).unwrap();
    let issued = authority.issue(&Request { now_ms: valid_from_ms, ..request(&["a"]) }).unwrap();
    (authority, issued)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "rustls compares with the machine's clock in a handshake")]
fn two_ends_shake_hands_only_within_one_circle() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now_ms = u64::try_from(now.as_millis()).unwrap();
    let (authority, first) = pair(now_ms);
    let second = authority.issue(&Request { now_ms, ..request(&["b"]) }).unwrap();
    let copy = Authority::from_pem(authority.certificate_pem(), authority.key().pem()).unwrap();
    handshake(&(authority, first), &(copy, second)).unwrap();
    handshake(&pair(now_ms), &pair(now_ms)).unwrap_err();
}
