//! What a token says: the `token` object of Keystone's answers.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::{catalog::Catalog, credentials::Secret};

/// Something with an id and a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Its id.
    #[serde(default)]
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
}

/// Something with an id and a name in a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Owned {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The domain it lives in.
    #[serde(default)]
    pub domain: Named,
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Token {
    /// Who holds it (for a trust with impersonation: the trustor).
    pub user: Owned,
    /// The project it is for.
    pub project: Option<Owned>,
    /// The domain it is for.
    pub domain: Option<Named>,
    /// The deployment, if it is for that.
    pub system: Option<System>,
    /// Roles there, implied ones included.
    #[serde(default)]
    pub roles: Vec<Named>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was made.
    pub issued_at: Timestamp,
    /// The trust it comes from.
    #[serde(rename = "OS-TRUST:trust")]
    pub trust: Option<Trust>,
    /// The application credential it comes from.
    pub application_credential: Option<Application>,
    /// Whether the project is the one that Keystone declares to be that of administrators.
    #[serde(default)]
    pub is_admin_project: Option<bool>,
    /// Where the services are; left out of validations.
    #[serde(default)]
    pub catalog: Catalog,
}

/// `system`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct System {
    /// The one scope there is.
    #[serde(default)]
    pub all: bool,
}

/// `OS-TRUST:trust`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Trust {
    /// Its id.
    pub id: String,
}

/// `application_credential`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Application {
    /// Its id.
    pub id: String,
    /// Whether it may make no further credentials and trusts.
    #[serde(default)]
    pub restricted: bool,
}

impl Token {
    /// For how long it was made.
    pub fn life(&self) -> Duration {
        Duration::try_from(self.expires_at.duration_since(self.issued_at)).unwrap_or_default()
    }
}

/// A token of our own.
#[derive(Clone, Debug)]
pub struct Granted {
    /// What is sent as `X-Auth-Token`.
    pub secret: Secret,
    /// What it stands for.
    pub token: Token,
}

/// The envelope of answers.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    pub(crate) token: Token,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keystone_writes_is_read() {
        let text = r#"{"token": {"methods": ["password"], "user": {"domain": {"id": "default", "name": "Default"}, "id": "u1",
            "name": "alice", "password_expires_at": null}, "audit_ids": ["x"], "expires_at": "2026-11-20T18:00:00.000000Z",
            "issued_at": "2026-11-20T17:00:00.000000Z", "project": {"domain": {"id": "default", "name": "Default"}, "id": "p1",
            "name": "alpha"}, "is_domain": false, "roles": [{"id": "r1", "name": "member"}, {"id": "r2", "name": "reader"}]}}"#;
        let token = serde_json::from_str::<Envelope>(text).unwrap().token;
        assert_eq!(token.project.as_ref().unwrap().id, "p1");
        assert_eq!(token.roles.len(), 2);
        assert_eq!(token.life(), Duration::from_secs(3600));
        assert!(token.catalog.is_empty() && token.trust.is_none() && token.system.is_none());
    }
}
