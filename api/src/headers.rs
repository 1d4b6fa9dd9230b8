//! What a client wishes beyond the path and the body: an idempotency key, a revision, how fresh a read must be.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use model::{Class, IdempotencyKey};
use sha2::{Digest, Sha256};

use crate::error::Error;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const CONSISTENCY: HeaderName = HeaderName::from_static("jeroboam-consistency");
const MIN_INDEX: HeaderName = HeaderName::from_static("jeroboam-min-index");

/// The longest idempotency key, bytes.
const KEY_MAX: usize = 255;

/// What the headers of a request ask for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// The idempotency key of a request that changes something.
    pub(crate) key: Option<IdempotencyKey>,
    /// Under which revisions it may take effect.
    pub(crate) revisions: Option<Revisions>,
    /// Whether an old state is good enough.
    pub(crate) stale: bool,
    /// The log index the state must contain.
    pub(crate) min_index: u64,
}

/// What `If-Match` allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Revisions {
    /// Any revision of what is there.
    Any,
    /// One of these.
    These(Vec<u64>),
}

impl Revisions {
    /// # Errors
    /// 412 if the present revision is not among them.
    pub(crate) fn check(&self, present: u64) -> Result<(), Error> {
        match self {
            Self::These(revisions) if !revisions.contains(&present) => {
                Err(Error::class(Class::Precondition, format!("If-Match names another revision; the present one is \"{present}\"")))
            }
            Self::Any | Self::These(_) => Ok(()),
        }
    }
}

impl Wishes {
    /// Reads the headers.
    ///
    /// # Errors
    /// 400 for a header that cannot be understood.
    pub(crate) fn of(parts: &Parts, body: &Bytes) -> Result<Self, Error> {
        let headers = &parts.headers;
        let changes = parts.method != Method::GET && parts.method != Method::HEAD;
        let key = match text(headers, &KEY)? {
            Some(key) if changes => Some(idempotency(parts, key, body)?),
            _ => None,
        };
        let revisions = match text(headers, &header::IF_MATCH)? {
            Some(text) if changes => Some(revisions(text)?),
            _ => None,
        };
        let stale = match text(headers, &CONSISTENCY)? {
            None | Some("linearizable") => false,
            Some("stale") => true,
            Some(_) => return Err(Error::invalid("Jeroboam-Consistency must be linearizable or stale")),
        };
        let min_index = match text(headers, &MIN_INDEX)? {
            None => 0,
            Some(text) => text.parse().map_err(|_| Error::invalid("Jeroboam-Min-Index must be a log index"))?,
        };
        Ok(Self { key, revisions, stale, min_index })
    }
}

/// A header as text, which stands there once at most.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Error> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    text.map(|text| Some(text.trim())).ok_or_else(|| Error::invalid(format!("the header {name} must stand there once, in plain text")))
}

/// The key with the digest of everything that makes the request what it is.
fn idempotency(parts: &Parts, key: &str, body: &[u8]) -> Result<IdempotencyKey, Error> {
    if key.is_empty() || key.len() > KEY_MAX {
        return Err(Error::invalid(format!("Idempotency-Key must have 1 to {KEY_MAX} characters")));
    }
    let mut digest = Sha256::new();
    for piece in [parts.method.as_str(), parts.uri.path(), parts.uri.query().unwrap_or_default()] {
        digest.update(piece);
        digest.update([0]);
    }
    digest.update(body);
    Ok(IdempotencyKey { key: key.to_owned(), digest: digest.finalize().to_vec() })
}

/// `*`, or a list of entity tags. Tags that are none of ours match nothing, weak ones neither.
fn revisions(text: &str) -> Result<Revisions, Error> {
    if text == "*" {
        return Ok(Revisions::Any);
    }
    let mut revisions = Vec::new();
    for tag in text.split(',') {
        let tag = tag.trim();
        let (weak, tag) = tag.strip_prefix("W/").map_or((false, tag), |tag| (true, tag));
        let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).filter(|inner| !inner.contains('"'));
        let inner = inner.ok_or_else(|| Error::invalid("If-Match must be * or a list of quoted entity tags"))?;
        if let Ok(revision) = inner.parse()
            && !weak
        {
            revisions.push(revision);
        }
    }
    Ok(Revisions::These(revisions))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn of(method: Method, pairs: &[(&'static str, &str)], body: &'static str) -> Result<Wishes, Error> {
        let mut request = Request::builder().method(method).uri("/v1/nodes?x=1");
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        Wishes::of(&request.body(()).unwrap().into_parts().0, &Bytes::from(body))
    }

    #[test]
    fn a_key_knows_its_request() {
        let key = |method, body| of(method, &[("idempotency-key", "k")], body).unwrap().key;
        assert_eq!(key(Method::POST, "{}"), key(Method::POST, "{}"));
        assert_ne!(key(Method::POST, "{}"), key(Method::POST, "{ }"));
        assert_ne!(key(Method::POST, "{}"), key(Method::PATCH, "{}"));
        assert_eq!(key(Method::GET, ""), None);
        assert!(of(Method::POST, &[("idempotency-key", &"k".repeat(256))], "").is_err());
        assert!(of(Method::POST, &[("idempotency-key", "a"), ("idempotency-key", "b")], "").is_err());
    }

    #[test]
    fn revisions_are_entity_tags() {
        let revisions = |text: &str| of(Method::PATCH, &[("if-match", text)], "").map(|wishes| wishes.revisions.unwrap());
        assert_eq!(revisions("*").unwrap(), Revisions::Any);
        assert_eq!(revisions("\"7\", \"9\"").unwrap(), Revisions::These(vec![7, 9]));
        assert_eq!(revisions("W/\"7\"").unwrap(), Revisions::These(Vec::new()));
        assert_eq!(revisions("\"abc\"").unwrap(), Revisions::These(Vec::new()));
        for bad in ["7", "\"7", "", "\"7\" \"8\""] {
            assert!(revisions(bad).is_err(), "{bad}");
        }
        assert!(Revisions::These(vec![7]).check(7).is_ok());
        assert_eq!(Revisions::These(vec![7]).check(8).unwrap_err().status(), 412);
    }

    #[test]
    fn freshness_is_spelled_out() {
        assert!(of(Method::GET, &[("jeroboam-consistency", "stale")], "").unwrap().stale);
        assert!(of(Method::GET, &[("jeroboam-consistency", "eventual")], "").is_err());
        assert_eq!(of(Method::GET, &[("jeroboam-min-index", "12")], "").unwrap().min_index, 12);
        assert!(of(Method::GET, &[("jeroboam-min-index", "-1")], "").is_err());
    }
}
