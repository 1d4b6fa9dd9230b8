//! Who we are to Keystone, and for what: the body of `POST /v3/auth/tokens`.

use std::fmt;

use serde_json::{Value, json};

/// A text nobody is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text out of sight.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A domain, by id or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Realm {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

impl Realm {
    fn body(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name(name) => json!({ "name": name }),
        }
    }
}

/// A user, by id or by name within a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// By id.
    Id(String),
    /// By name.
    Name {
        /// The name.
        name: String,
        /// Its domain.
        domain: Realm,
    },
}

impl User {
    fn body(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name { name, domain } => json!({ "name": name, "domain": domain.body() }),
        }
    }
}

/// What the token shall be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing in particular.
    None,
    /// A project by id.
    Project(String),
    /// A project by name within a domain.
    ProjectNamed {
        /// The name.
        name: String,
        /// Its domain.
        domain: Realm,
    },
    /// A whole domain.
    Domain(Realm),
    /// The whole deployment.
    System,
    /// What somebody entrusted us with, by the trust's id.
    Trust(String),
}

impl Scope {
    fn body(&self) -> Option<Value> {
        Some(match self {
            Self::None => return None,
            Self::Project(id) => json!({ "project": { "id": id } }),
            Self::ProjectNamed { name, domain } => json!({ "project": { "name": name, "domain": domain.body() } }),
            Self::Domain(domain) => json!({ "domain": domain.body() }),
            Self::System => json!({ "system": { "all": true } }),
            Self::Trust(id) => json!({ "OS-TRUST:trust": { "id": id } }),
        })
    }
}

/// How we prove who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// By password.
    Password {
        /// Who.
        user: User,
        /// The password.
        password: Secret,
        /// For what.
        scope: Scope,
    },
    /// By an application credential, which knows its project itself.
    Application {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Secret,
    },
    /// By a token that somebody holds already: the requester of a trust, a command line.
    Token {
        /// The token.
        token: Secret,
        /// For what.
        scope: Scope,
    },
}

impl Credentials {
    /// The request's body.
    pub(crate) fn body(&self) -> Value {
        let (identity, scope) = match self {
            Self::Password { user, password, scope } => {
                let mut user = user.body();
                if let Some(user) = user.as_object_mut() {
                    user.insert("password".to_owned(), json!(password.expose()));
                }
                (json!({ "methods": ["password"], "password": { "user": user } }), scope.body())
            }
            Self::Application { id, secret } => {
                let body = json!({ "id": id, "secret": secret.expose() });
                (json!({ "methods": ["application_credential"], "application_credential": body }), None)
            }
            Self::Token { token, scope } => (json!({ "methods": ["token"], "token": { "id": token.expose() } }), scope.body()),
        };
        let mut auth = json!({ "identity": identity });
        if let (Some(scope), Some(auth)) = (scope, auth.as_object_mut()) {
            auth.insert("scope".to_owned(), scope);
        }
        json!({ "auth": auth })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_its_body() {
        let user = User::Name { name: "jeroboam".to_owned(), domain: Realm::Id("default".to_owned()) };
        let scope = Scope::ProjectNamed { name: "service".to_owned(), domain: Realm::Name("Default".to_owned()) };
        let password = Credentials::Password { user, password: Secret::new("pw"), scope };
        assert_eq!(
            password.body(),
            json!({ "auth": {
                "identity": { "methods": ["password"], "password": { "user": { "name": "jeroboam", "domain": { "id": "default" }, "password": "pw" } } },
                "scope": { "project": { "name": "service", "domain": { "name": "Default" } } },
            } })
        );
        let application = Credentials::Application { id: "i".to_owned(), secret: Secret::new("s") };
        assert_eq!(
            application.body(),
            json!({ "auth": { "identity": {
                "methods": ["application_credential"], "application_credential": { "id": "i", "secret": "s" },
            } } })
        );
        let token = Credentials::Token { token: Secret::new("t"), scope: Scope::Trust("x".to_owned()) };
        assert_eq!(token.body()["auth"]["scope"]["OS-TRUST:trust"]["id"], "x");
    }

    #[test]
    fn secrets_are_not_shown() {
        let application = Credentials::Application { id: "i".to_owned(), secret: Secret::new("hidden") };
        assert!(!format!("{application:?}").contains("hidden"));
    }
}
