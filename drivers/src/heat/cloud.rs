//! Heat, asked with a session of the crate `openstack`; and what its answers, and their absence, mean to the conductor.
//!
//! Every request says who calls, that for a token included: whoever fences or keeps a journal in front of the cloud sees the caller of each.
//! What something means follows from statuses, from the type by which Heat tells its refusals apart, and from kinds of errors, never from
//! words for people.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request};
use openstack::{Answer, Interface, Limits, Session, Target, Transport, Wire};
use serde_json::Value;

use crate::{caller::Caller, error::Error, heat::settings::Settings};

/// Bounds of one request: Heat takes its time.
const LIMITS: Limits = Limits { whole: Duration::from_secs(20), connect: Duration::from_secs(5), bytes: 8 << 20 };
/// When to come back to a service that says it is overloaded and not for how long.
const OVERLOADED: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Cloud {
    session: Session,
}

impl Cloud {
    /// Opens nothing; errors are about the settings.
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let wire = Wire::new(LIMITS, settings.authorities.as_deref()).map_err(unanswered)?;
        let session = Session::new(&settings.auth_url, settings.credentials.clone(), Arc::new(Named(wire)));
        Ok(Self { session: session.at(Interface::Public, settings.region.clone()) })
    }

    /// Asks Heat; `path` begins behind the project and is encoded. Any status but 401 is an answer.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Error> {
        self.session.ask(Target::HEAT, method, path, body, &[]).await.map_err(unanswered)
    }
}

/// A wire whose requests say who calls.
#[derive(Debug)]
struct Named(Wire);

#[async_trait]
impl Transport for Named {
    async fn send(&self, service: &str, mut request: Request<Bytes>) -> Result<Answer, openstack::Error> {
        if let Some(caller) = Caller::current() {
            request.headers_mut().extend(caller.headers());
        }
        self.0.send(service, request).await
    }
}

/// What an answer of Heat without success means where nothing more is known of it.
pub(super) fn refused(answer: &Answer) -> Error {
    let words = answer.message();
    match answer.status.as_u16() {
        404 => Error::Gone(words),
        409 if in_action(answer) => Error::Busy { reason: words, retry_after: retry_after(answer) },
        413 | 429 | 503 => Error::Busy { reason: words, retry_after: retry_after(answer) },
        502 | 504 => Error::Timeout(words),
        500..=599 => Error::Broken(words),
        _ => Error::Refused(words),
    }
}

/// Whether Heat says that it is at something else with this stack.
fn in_action(answer: &Answer) -> bool {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body.pointer("/error/type").and_then(Value::as_str) == Some("ActionInProgress")
}

fn retry_after(answer: &Answer) -> Duration {
    let seconds = answer.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(OVERLOADED, |seconds: u64| Duration::from_secs(seconds.clamp(1, 300)))
}

/// What it means that Heat gave no answer.
fn unanswered(error: openstack::Error) -> Error {
    use openstack::Error as Cause;
    let words = error.to_string();
    match error {
        Cause::Silent { .. } | Cause::Lost { .. } => Error::Timeout(words),
        Cause::Unreachable { .. } | Cause::Garbage { .. } => Error::Broken(words),
        // Keystone's: without a token Heat is not asked, so no stack is gone, and nothing happens later.
        Cause::Refused { status: 413 | 429 | 503, .. } => Error::Busy { reason: words, retry_after: OVERLOADED },
        Cause::Refused { status: 500..=599, .. } => Error::Broken(words),
        Cause::Credentials(_) => Error::Refused(format!("drivers.heat: {words}")),
        Cause::Refused { .. } | Cause::NoEndpoint { .. } | Cause::Settings(_) => Error::Refused(words),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::error::Class;

    fn class(status: u16, body: &'static str) -> Class {
        let status = StatusCode::from_u16(status).unwrap();
        refused(&Answer { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }).class()
    }

    #[test]
    fn an_answer_is_classed_by_its_status() {
        let classes = [400, 404, 409, 429, 500, 502, 503].map(|status| class(status, "{}"));
        let busy = Class::Busy;
        assert_eq!(classes, [Class::Refused, Class::Gone, Class::Refused, busy, Class::Broken, Class::Timeout, busy]);
        assert_eq!(class(409, r#"{"error": {"type": "ActionInProgress", "message": "it is at something"}}"#), busy);
    }

    #[test]
    fn a_keystone_that_gives_no_token_makes_no_stack_gone() {
        let keystone = |status| openstack::Error::Refused { service: "Keystone".to_owned(), status, message: "no".to_owned() };
        let classes = [404, 500, 503, 504].map(|status| unanswered(keystone(status)).class());
        assert_eq!(classes, [Class::Refused, Class::Broken, Class::Busy, Class::Broken]);
    }

    #[test]
    fn only_a_request_that_nobody_received_has_certainly_had_no_effect() {
        let (service, reason) = ("Heat".to_owned(), "reset".to_owned());
        let lost = openstack::Error::Lost { service: service.clone(), reason: reason.clone() };
        assert!(unanswered(lost).outcome_unknown());
        assert!(!unanswered(openstack::Error::Unreachable { service, reason }).outcome_unknown());
    }
}
