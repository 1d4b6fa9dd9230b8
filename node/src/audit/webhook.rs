//! Records as JSON to a receiver of HTTP: `POST` of `{"records": […]}`, in portions.
//!
//! Taken means answered with a 2xx. Anything else, and silence, is a refusal: the conductor comes again with the same records, after pauses that
//! double. A portion is bounded in records and in time; redirects are not followed, because a record must not go where nobody said it should.

use std::time::Duration;

use async_trait::async_trait;
use conductor::outbox::{Sink, Unwilling};
use model::event::Event;
use openstack::words;
use reqwest::{Client, header, redirect};

use super::Scribe;
use crate::{Error, config::AuditWebhook};

/// Records in one request.
const PORTION: usize = 100;

/// See the module.
#[derive(Debug)]
pub(super) struct Webhook {
    settings: AuditWebhook,
    scribe: Scribe,
    client: Client,
}

impl Webhook {
    pub(super) fn new(settings: AuditWebhook, scribe: Scribe) -> Result<Self, Error> {
        let mut headers = header::HeaderMap::new();
        if let Some(token) = &settings.token {
            let value = header::HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value =
                value.map_err(|_| crate::config::Error("audit.webhook_token_file holds what no header can carry".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let client = Client::builder()
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout)
            .redirect(redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("jeroboam/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .build();
        let client = client.map_err(|error| crate::config::Error(format!("audit.webhook: {error}")))?;
        Ok(Self { settings, scribe, client })
    }

    async fn post(&self, lines: &[String]) -> Result<(), Unwilling> {
        let body = format!("{{\"records\":[{}]}}", lines.join(","));
        let request = self.client.post(&self.settings.url).header(header::CONTENT_TYPE, "application/json").body(body);
        let failed = |error: reqwest::Error| Unwilling(words(&error.without_url()));
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(Unwilling(format!("the receiver answered {status}")))
    }
}

#[async_trait]
impl Sink for Webhook {
    fn name(&self) -> &str {
        "webhook"
    }

    async fn take(&self, events: &[Event]) -> Result<u64, Unwilling> {
        let lines = self.scribe.lines(events)?;
        for portion in lines.chunks(PORTION) {
            self.post(portion).await?;
        }
        Ok(u64::try_from(lines.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Router, extract::State, http::HeaderMap, routing::post};
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    #[derive(Default)]
    struct Got {
        bodies: Vec<Value>,
        authorization: Option<String>,
        status: u16,
    }

    type Shared = Arc<Mutex<Got>>;

    async fn receive(State(got): State<Shared>, headers: HeaderMap, body: String) -> http::StatusCode {
        let mut got = got.lock().unwrap();
        got.authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        got.bodies.push(serde_json::from_str(&body).unwrap());
        http::StatusCode::from_u16(got.status).unwrap()
    }

    async fn receiver(status: u16) -> (String, Shared) {
        let got = Arc::new(Mutex::new(Got { status, ..Got::default() }));
        let router = Router::new().route("/hook", post(receive)).with_state(got.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, got)
    }

    fn webhook(url: String) -> Webhook {
        let settings = AuditWebhook { url, timeout: Duration::from_millis(500), token: Some("secret".to_owned()) };
        Webhook::new(settings, Scribe { group: Uuid::from_u128(7), publisher: "one".to_owned() }).unwrap()
    }

    fn events(number: u64) -> Vec<Event> {
        let event = |index| Event { index, object: "template".to_owned(), action: "created".to_owned(), ..Event::default() };
        (1..=number).map(event).collect()
    }

    #[tokio::test]
    async fn records_are_posted_in_portions_with_the_token() {
        let (url, got) = receiver(204).await;
        assert_eq!(webhook(url).take(&events(130)).await, Ok(130));
        let got = got.lock().unwrap();
        let sizes: Vec<_> = got.bodies.iter().map(|body| body["records"].as_array().unwrap().len()).collect();
        assert_eq!(sizes, [100, 30]);
        assert_eq!(got.bodies[0]["records"][0]["event_type"], "magnum.clustertemplate.create");
        assert_eq!(got.authorization.as_deref(), Some("Bearer secret"));
    }

    #[tokio::test]
    async fn a_refusal_a_redirect_and_silence_are_no_delivery() {
        for status in [500, 401, 302] {
            let (url, _) = receiver(status).await;
            let refused = webhook(url).take(&events(1)).await.unwrap_err().to_string();
            assert!(refused.contains(&status.to_string()), "{refused}");
        }
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", silent.local_addr().unwrap());
        let refused = webhook(url.clone()).take(&events(1)).await.unwrap_err().to_string();
        assert!(refused.contains("timed out") && !refused.contains("secret"), "{refused}");
        drop(silent);
        assert!(webhook(url).take(&events(1)).await.is_err());
    }

    #[tokio::test]
    async fn what_is_no_record_is_not_sent() {
        let (url, got) = receiver(200).await;
        let steps = Event { object: "operation".to_owned(), action: "step.begun".to_owned(), ..Event::default() };
        assert_eq!(webhook(url).take(&[steps]).await, Ok(0));
        assert!(got.lock().unwrap().bodies.is_empty());
    }
}
