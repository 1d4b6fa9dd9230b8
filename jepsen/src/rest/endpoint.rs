//! One member's REST address, and one attempt at a request.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Method, Response, header::HeaderMap};
use serde_json::Value;

use crate::Error;

/// A request that can be sent again as often as needed.
#[derive(Clone, Debug)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// Path and query, from the slash on.
    pub path: String,
    /// JSON.
    pub body: Option<Value>,
    /// `If-Match`.
    pub if_match: Option<u64>,
    /// `Idempotency-Key`.
    pub key: Option<String>,
    /// Whether the newest version of the API is asked for; otherwise its oldest.
    pub newest: bool,
}

impl Request {
    /// A read.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, if_match: None, key: None, newest: false }
    }

    /// A change, under an idempotency key.
    #[must_use]
    pub fn change(method: Method, path: impl Into<String>, body: Option<Value>, key: String) -> Self {
        Self { method, path: path.into(), body, if_match: None, key: Some(key), newest: false }
    }

    /// The same, of the newest version of the API.
    #[must_use]
    pub fn newest(self) -> Self {
        Self { newest: true, ..self }
    }
}

/// What a member answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Jeroboam-Index`.
    pub index: Option<u64>,
    /// The revision in `ETag`.
    pub revision: Option<u64>,
    /// `Jeroboam-Replayed`: an earlier attempt had done it; the object is shown as it is now, perhaps changed since.
    pub replayed: bool,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// JSON, or a string when it is not.
    pub body: Value,
    /// Who answered.
    pub member: Arc<str>,
}

/// How one attempt ended.
#[derive(Clone, Debug)]
pub enum Attempt {
    /// An answer arrived completely.
    Answered(Reply),
    /// There was no connection: the request was certainly not received.
    Unreachable(String),
    /// The request may have been received and may have had its effect.
    Lost(String),
}

/// One member as a client sees it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The member's name.
    pub name: Arc<str>,
    base: Arc<str>,
    token: Arc<str>,
    client: Client,
}

impl Endpoint {
    /// `base` is scheme, host and port.
    pub fn new(name: &str, base: &str, token: &str) -> Result<Self, Error> {
        let client = Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_millis(500))
            // A pooled connection to a member that died is found out at the next use anyway.
            .pool_idle_timeout(Duration::from_secs(5))
            .build()
            .map_err(|error| Error::Setup(format!("HTTP client: {error}")))?;
        Ok(Self { name: name.into(), base: base.into(), token: token.into(), client })
    }

    /// One attempt, bounded by `limit` from the first byte to the last.
    pub async fn send(&self, request: &Request, limit: Duration) -> Attempt {
        let url = format!("{}{}", self.base, request.path);
        let mut sending = (self.client).request(request.method.clone(), url).header("X-Auth-Token", &*self.token).timeout(limit);
        if let Some(key) = &request.key {
            sending = sending.header("Idempotency-Key", key);
        }
        if request.newest {
            sending = sending.header("OpenStack-API-Version", "container-infra latest");
        }
        if let Some(revision) = request.if_match {
            sending = sending.header("If-Match", format!("\"{revision}\""));
        }
        if let Some(body) = &request.body {
            sending = sending.json(body);
        }
        match sending.send().await {
            Ok(response) => self.read(response).await,
            Err(error) if error.is_connect() => Attempt::Unreachable(reason(&error)),
            Err(error) => Attempt::Lost(reason(&error)),
        }
    }

    async fn read(&self, response: Response) -> Attempt {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        match response.bytes().await {
            Ok(bytes) => Attempt::Answered(Reply {
                status,
                index: number(&headers, "jeroboam-index"),
                revision: number(&headers, "etag"),
                replayed: headers.contains_key("jeroboam-replayed"),
                retry_after: number(&headers, "retry-after").map(Duration::from_secs),
                body: serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())),
                member: Arc::clone(&self.name),
            }),
            Err(error) => Attempt::Lost(reason(&error)),
        }
    }

    /// One attempt that must succeed with 2xx; for questions of the harness, not for workloads.
    pub async fn ask(&self, request: &Request, limit: Duration) -> Result<Reply, Error> {
        let unreadable = |reason: String| Error::Answer {
            member: self.name.to_string(),
            request: format!("{} {}", request.method, request.path),
            reason,
        };
        match self.send(request, limit).await {
            Attempt::Answered(reply) if (200..300).contains(&reply.status) => Ok(reply),
            Attempt::Answered(reply) => Err(unreadable(format!("{} {}", reply.status, reply.body))),
            Attempt::Unreachable(reason) | Attempt::Lost(reason) => Err(unreadable(reason)),
        }
    }
}

/// A number in a header, with or without quotes (`"812"`, `W/"812"`).
fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.trim_start_matches("W/").trim_matches('"').parse().ok()
}

/// The innermost cause: what the operating system said.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timeout".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
