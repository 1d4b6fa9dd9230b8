//! One request and its answer, whoever carries them.
//!
//! [`Wire`] is the real one. A simulation or a test hands in another: everything above speaks in `http` types with whole bodies.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;

use crate::error::Error;

/// How much of a refusing answer is told to people.
pub(crate) const WORDS: usize = 1000;

/// How much of an error with its causes is told to people.
const CAUSES: usize = 300;

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

impl Answer {
    /// The words of a refusal. Each service has a shape of its own: `{error: {message}}` (Keystone, Heat), `{KindOfError: {message}}`
    /// (Neutron, Cinder, Nova), `{faultstring}` (Octavia), `{description}` (Barbican), `{message}` (what stands before them all), plain text
    /// (Glance), or none but the status.
    pub fn message(&self) -> String {
        let told = serde_json::from_slice::<Value>(&self.body).ok().and_then(|body| {
            let body = body.as_object()?;
            let inner = body.values().find_map(|value| value.get("message"));
            let own = || ["faultstring", "description", "message"].into_iter().find_map(|key| body.get(key));
            inner.or_else(own)?.as_str().map(str::to_owned)
        });
        let told = told.unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned());
        let told = told.trim();
        if told.is_empty() { self.status.to_string() } else { told.chars().take(WORDS).collect() }
    }
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

/// Real connections, kept and used again; certificates are checked against the system's authorities and those handed in. No variable of
/// the environment puts a proxy in between.
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
            .no_proxy()
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
        let (service, reason) = (service.to_owned(), words(&error));
        if error.is_connect() {
            return Error::Unreachable { service, reason };
        }
        if error.is_timeout() { Error::Silent { service, limit: self.limits.whole } } else { Error::Lost { service, reason } }
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

/// An error with its causes, in a bounded number of letters. Public, because requests that go elsewhere fail in the same way.
pub fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        cause = inner.source();
    }
    words.chars().take(CAUSES).collect()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn told(body: &str) -> String {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Answer { status: StatusCode::CONFLICT, headers: HeaderMap::new(), body }.message()
    }

    #[test]
    fn every_service_is_understood_in_its_own_shape() {
        assert_eq!(told(r#"{"error": {"code": 401, "message": "no", "title": "Unauthorized"}}"#), "no");
        assert_eq!(told(r#"{"NeutronError": {"type": "NetworkInUse", "message": "in use", "detail": ""}}"#), "in use");
        assert_eq!(told(r#"{"code": 409, "title": "Conflict", "error": {"type": "StackExists", "message": "exists"}}"#), "exists");
        assert_eq!(told(r#"{"faultcode": "Client", "faultstring": "immutable", "debuginfo": null}"#), "immutable");
        assert_eq!(told(r#"{"code": "503 Service Unavailable", "message": "later", "title": "Service Unavailable"}"#), "later");
        assert_eq!(told(" 404 Not Found\n"), "404 Not Found");
        assert_eq!(told(""), "409 Conflict");
    }

    /// Sends one request to a service that reads it, answers `answer` and hangs up; with `None` it stays silent.
    async fn sent(answer: Option<&str>) -> Error {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let request = Request::get(format!("http://{}/", listener.local_addr().unwrap())).body(Bytes::new()).unwrap();
        let wire = Wire::new(Limits { whole: Duration::from_millis(500), ..Limits::default() }, None).unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4];
            stream.read_exact(&mut head).await.unwrap();
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => std::future::pending().await,
            }
        };
        let send = wire.send("Heat", request);
        tokio::pin!(serve, send);
        tokio::select! {
            sent = &mut send => return sent.unwrap_err(),
            () = &mut serve => {}
        }
        send.await.unwrap_err()
    }

    #[tokio::test]
    async fn a_lost_answer_is_told_from_a_request_that_nobody_received() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let wire = Wire::new(Limits::default(), None).unwrap();
        let nobody = wire.send("Heat", Request::get(format!("http://{closed}/")).body(Bytes::new()).unwrap()).await.unwrap_err();
        assert!(matches!(nobody, Error::Unreachable { .. }), "{nobody}");
        for cut in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"] {
            let lost = sent(Some(cut)).await;
            assert!(matches!(lost, Error::Lost { .. }), "{lost}");
        }
        let silent = sent(None).await;
        assert!(matches!(silent, Error::Silent { .. }), "{silent}");
    }
}
