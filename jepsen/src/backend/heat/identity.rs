//! Who may ask: the one user of the scripted cloud, by password or by application credential.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::refusal;
use crate::backend::{
    Outcome,
    world::{Answer, Effect},
};

/// The one project.
pub const PROJECT: &str = "5f6c0ffee0000000000000000000000a";
/// The password of the user `conductor` of the domain `Default`, in the project `service`.
pub const PASSWORD: &str = "geheim";
/// The secret of the application credential `conductor-credential`.
pub const SECRET: &str = "noch geheimer";

/// A second, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// Tokens that were given out.
#[derive(Clone, Debug)]
pub struct Identity {
    /// How long a token is good, seconds.
    pub lifetime_s: u64,
    /// Until when each is, nanoseconds on the run's clock.
    tokens: BTreeMap<String, u64>,
    issued: u64,
}

impl Default for Identity {
    fn default() -> Self {
        Self { lifetime_s: 3600, tokens: BTreeMap::new(), issued: 0 }
    }
}

impl Identity {
    /// No token that was given out is good any more.
    pub fn revoke(&mut self) {
        self.tokens.clear();
    }

    /// How many were given out.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.issued
    }

    pub(super) fn knows(&self, token: &str, now: u64) -> bool {
        self.tokens.get(token).is_some_and(|until| *until > now)
    }

    /// Gives out a token.
    pub(super) fn issue(&mut self, body: &Value, host: &str, now: u64) -> (Answer, Effect) {
        if !known(body) {
            return refusal(401, "Unauthorized", "The request you have made requires authentication.");
        }
        self.issued += 1;
        let token = format!("token-{}", self.issued);
        self.tokens.insert(token.clone(), now.saturating_add(self.lifetime_s.saturating_mul(SECOND)));
        let (minutes, seconds) = (self.lifetime_s / 60, self.lifetime_s % 60);
        let body = json!({"token": {
            "methods": ["password"],
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "expires_at": format!("2026-01-01T{:02}:{:02}:{seconds:02}.000000Z", minutes / 60, minutes % 60),
            "project": {"id": PROJECT, "name": "service", "domain": {"id": "default", "name": "Default"}},
            "user": {"id": "u1", "name": "conductor", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": "r1", "name": "member"}],
            "catalog": [
                endpoint("identity", &format!("http://{host}/identity/v3")),
                endpoint("orchestration", &format!("http://{host}/orchestration/v1/{PROJECT}")),
            ],
        }});
        let answer = Answer { token: Some(token), ..Answer::plain(201, body) };
        (answer, Effect { outcome: Outcome::Nothing, name: None })
    }
}

fn endpoint(kind: &str, url: &str) -> Value {
    let one = |interface: &str, region: &str, url: &str| json!({"id": interface, "interface": interface, "region": region, "region_id": region, "url": url});
    // The first is a trap for whoever takes just any.
    json!({"type": kind, "id": kind, "name": kind, "endpoints": [
        one("admin", "RegionOne", "http://127.0.0.1:1/nobody"),
        one("public", "RegionTwo", "http://127.0.0.1:1/elsewhere"),
        one("public", "RegionOne", url),
    ]})
}

/// Whether the words are those of the one user.
fn known(body: &Value) -> bool {
    let at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    match at("/auth/identity/methods/0") {
        Some("password") => {
            at("/auth/identity/password/user/name") == Some("conductor")
                && at("/auth/identity/password/user/domain/name") == Some("Default")
                && at("/auth/identity/password/user/password") == Some(PASSWORD)
                && at("/auth/scope/project/name") == Some("service")
                && at("/auth/scope/project/domain/name") == Some("Default")
        }
        Some("application_credential") => {
            // A scope beside it is refused by the real one.
            body.pointer("/auth/scope").is_none()
                && at("/auth/identity/application_credential/id") == Some("conductor-credential")
                && at("/auth/identity/application_credential/secret") == Some(SECRET)
        }
        _ => false,
    }
}
