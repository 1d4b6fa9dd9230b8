//! What the driver is told at start: which cloud, who asks, how patiently.

use std::{fmt, time::Duration};

/// Where Keystone is, and who asks there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Keystone's address with its version, such as `https://cloud.example:5000/v3`.
    pub auth_url: String,
    /// The region whose Heat is meant; the first one in the catalog when there is none.
    pub region: Option<String>,
    /// Who asks. Stacks are made in the project of these credentials.
    pub credentials: Credentials,
    /// Authorities that are trusted besides the system's, PEM.
    pub authorities: Option<Vec<u8>>,
    /// When to look again at a stack that is being worked on.
    pub poll: Duration,
    /// The addresses from which the engines of clusters are reached, such as `10.1.0.0/24`: the members'.
    pub api_cidr: String,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A user of a project.
    Password {
        /// The user's name.
        user: String,
        /// Name of its domain.
        user_domain: String,
        /// Its password.
        password: Secret,
        /// The project's name.
        project: String,
        /// Name of its domain.
        project_domain: String,
    },
    /// An application credential, which belongs to a project by itself.
    Application {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Secret,
    },
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The text, to be sent and not to be kept.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
