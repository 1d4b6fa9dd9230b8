//! Requests to one cloud: bounded, without redirects, with the caller's words; and what an answer without success means.
//!
//! A redirect is not followed, because a token must not go where nobody sent it; Heat's only redirects lead from half a path to the whole one,
//! and this driver uses whole paths.

use std::{error::Error as _, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header::HeaderMap, redirect::Policy};
use serde_json::Value;

use crate::{caller::Caller, error::Error, heat::settings::Settings};

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(20);
/// How long it may take until somebody listens.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer that is read, bytes.
const ANSWER: usize = 8 << 20;
/// When to come back to a service that says it is overloaded and not for how long.
const OVERLOADED: Duration = Duration::from_secs(5);

/// An answer of a service.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    /// What the service says was wrong, in its words.
    pub(super) fn words(&self) -> String {
        let at = |pointer: &str| self.body.pointer(pointer).and_then(Value::as_str).filter(|words| !words.is_empty());
        let found = at("/error/message").or_else(|| at("/explanation")).or_else(|| at("/message")).or_else(|| at("/title"));
        found.or_else(|| self.body.as_str()).map_or_else(|| format!("HTTP status {}", self.status), |words| words.trim().to_owned())
    }

    /// The word by which Heat tells its refusals apart.
    pub(super) fn kind(&self) -> &str {
        self.body.pointer("/error/type").and_then(Value::as_str).unwrap_or_default()
    }

    /// What an answer without success means where nothing more is known of it.
    pub(super) fn error(&self) -> Error {
        let words = self.words();
        match self.status.as_u16() {
            404 => Error::Gone(words),
            409 if self.kind() == "ActionInProgress" => Error::Busy { reason: words, retry_after: self.retry_after() },
            413 | 429 | 503 => Error::Busy { reason: words, retry_after: self.retry_after() },
            502 | 504 => Error::Timeout(words),
            500..=599 => Error::Broken(words),
            _ => Error::Refused(words),
        }
    }

    fn retry_after(&self) -> Duration {
        let seconds = self.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        seconds.map_or(OVERLOADED, |seconds: u64| Duration::from_secs(seconds.clamp(1, 300)))
    }
}

/// A way to the services of a cloud.
#[derive(Debug)]
pub(super) struct Wire {
    client: Client,
}

impl Wire {
    /// Opens nothing; errors are about the settings.
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let wrong = |error: reqwest::Error| Error::Refused(format!("the authorities of the cloud cannot be used: {}", causes(&error)));
        let mut builder = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT).timeout(REQUEST).no_proxy();
        if let Some(pem) = &settings.authorities {
            builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem).map_err(wrong)?);
        }
        Ok(Self { client: builder.build().map_err(wrong)? })
    }

    /// Sends a request; any status is an answer.
    pub(super) async fn send(&self, method: Method, url: &str, token: Option<&str>, body: Option<&Value>) -> Result<Answer, Error> {
        let mut request: RequestBuilder = self.client.request(method, url).header("accept", "application/json");
        if let Some(token) = token {
            request = request.header("x-auth-token", token);
        }
        if let Some(caller) = Caller::current() {
            request = request.headers(caller.headers());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| unanswered(&error.without_url()))?;
        read(response).await
    }
}

/// Reads an answer; what is no JSON stays text.
async fn read(mut response: Response) -> Result<Answer, Error> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&error.without_url()))? {
        if bytes.len() + chunk.len() > ANSWER {
            return Err(Error::Broken(format!("the cloud's answer is longer than {ANSWER} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(Answer { status, headers, body })
}

/// A request without an answer: certain is only that one which found nobody has had no effect.
fn unanswered(error: &reqwest::Error) -> Error {
    if error.is_connect() {
        return Error::Broken(format!("the cloud cannot be reached: {}", causes(error)));
    }
    Error::Timeout(format!("the cloud broke off: {}", causes(error)))
}

/// An error with what is behind it.
fn causes(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words = format!("{words}: {cause}");
        next = cause.source();
    }
    words
}
