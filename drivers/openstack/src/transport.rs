//! One request and its answer, whoever carries them.
//!
//! [`Wire`] is the real one. A simulation or a test hands in another: everything above speaks in `http` types with whole bodies.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, Request, StatusCode};

use crate::error::Error;

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, never longer than the limit.
    pub body: Bytes,
}

/// Carries requests.
#[async_trait]
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends one request to `service` (a name for errors) and reads the whole answer.
    ///
    /// # Errors
    /// Only when there is no answer: every status is an answer.
    async fn send(&self, service: &str, request: Request<Bytes>) -> Result<Answer, Error>;
}

/// Bounds of one exchange.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first byte of the request to the last of the answer. Default 10 s.
    pub whole: Duration,
    /// Until there is a connection. Default 3 s.
    pub connect: Duration,
    /// The longest answer, in bytes. Default 8 MiB (a stack with its outputs).
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { whole: Duration::from_secs(10), connect: Duration::from_secs(3), bytes: 8 << 20 }
    }
}

/// Real connections, kept and used again; certificates are checked against the system's authorities and those handed in.
#[derive(Debug)]
pub struct Wire {
    client: reqwest::Client,
    limits: Limits,
}

impl Wire {
    /// With further authorities as PEM, if the cloud has its own.
    ///
    /// # Errors
    /// Authorities that cannot be read.
    pub fn new(limits: Limits, authorities: Option<&[u8]>) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(limits.connect)
            .timeout(limits.whole)
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("jeroboam/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = authorities {
            let found = reqwest::Certificate::from_pem_bundle(pem);
            let found =
                found.map_err(|error| Error::Settings(format!("the authorities of the cloud cannot be read: {}", words(&error))))?;
            builder = builder.tls_certs_merge(found);
        }
        let client = builder.build().map_err(|error| Error::Settings(words(&error)))?;
        Ok(Self { client, limits })
    }

    fn broken(&self, service: &str, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let service = service.to_owned();
        if error.is_timeout() && !error.is_connect() {
            return Error::Silent { service, limit: self.limits.whole };
        }
        Error::Unreachable { service, reason: words(&error) }
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, service: &str, request: Request<Bytes>) -> Result<Answer, Error> {
        let request = reqwest::Request::try_from(request).map_err(|error| Error::Settings(words(&error.without_url())))?;
        let answer = self.client.execute(request).await.map_err(|error| self.broken(service, error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = BytesMut::new();
        let mut stream = answer.bytes_stream();
        while let Some(part) = stream.next().await {
            body.extend_from_slice(&part.map_err(|error| self.broken(service, error))?);
            if body.len() > self.limits.bytes {
                let reason = format!("the answer is longer than {} bytes", self.limits.bytes);
                return Err(Error::Garbage { service: service.to_owned(), reason });
            }
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

/// An error with its causes.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        cause = inner.source();
    }
    words.chars().take(300).collect()
}
