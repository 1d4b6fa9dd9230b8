//! Requests to a member's REST API, as any client would send them.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use crate::Failure;

/// The demo's token, see the token file in `members`.
pub(crate) const TOKEN: &str = "demo-token";

/// A client of all members.
#[derive(Clone)]
pub(crate) struct Rest {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a Value>,
    /// With it, a repetition answers what the first attempt did.
    pub(crate) key: Option<&'a str>,
}

impl Rest {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(1)));
        Self { client: Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(5)).build(connector) }
    }

    /// Sends a request to one member and waits for its answer within `limit`.
    pub(crate) async fn ask(&self, address: &str, ask: &Ask<'_>, limit: Duration) -> Result<Answer, Failure> {
        let failed = |error: &dyn std::fmt::Display| format!("{} {} at {address}: {error}", ask.method, ask.path);
        let mut request = http::Request::builder()
            .method(ask.method)
            .uri(format!("http://{address}{}", ask.path))
            .header("x-auth-token", TOKEN)
            .header("accept", "application/json");
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        let body = ask.body.map(Value::to_string);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default())).map_err(|error| failed(&error))?;
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|error| failed(&error))?;
            let status = answer.status().as_u16();
            let bytes = answer.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
            let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
            Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) })
        };
        tokio::time::timeout(limit, exchange).await.map_err(|_| failed(&format!("no answer within {limit:?}")))?
    }

    /// As [`Self::ask`], and anything but a 2xx is a failure.
    pub(crate) async fn expect(&self, address: &str, ask: &Ask<'_>, limit: Duration) -> Result<Value, Failure> {
        let answer = self.ask(address, ask, limit).await?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        Err(format!("{} {} at {address} answered {}: {}", ask.method, ask.path, answer.status, answer.body))
    }

    /// GET.
    pub(crate) async fn get(&self, address: &str, path: &str) -> Result<Value, Failure> {
        self.expect(address, &Ask { method: "GET", path, ..Ask::default() }, Duration::from_secs(10)).await
    }
}

/// A text field of an answer.
pub(crate) fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, Failure> {
    body.get(field).and_then(Value::as_str).ok_or_else(|| format!("no {field} in {body}"))
}
