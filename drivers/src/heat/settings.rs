//! What the driver is told at start: which cloud, who asks, how patiently.

use std::time::Duration;

use openstack::Credentials;

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
