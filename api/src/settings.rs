//! What can be set about the API, with its defaults. Times are durations, sizes bytes.

use std::time::Duration;

/// Settings of the API; [`Settings::default`] is for a member without a load balancer in front.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This member's name, for people.
    pub name: String,
    /// `http` or `https`, as clients see it: what links begin with.
    pub scheme: String,
    /// `host:port` for links when a request names no usable host.
    pub advertised: String,
    /// Whether `X-Forwarded-Proto`, `-Host` and `-Prefix` decide links. Only behind a proxy that sets them.
    pub trust_forwarded: bool,
    /// What `WWW-Authenticate` names as the place to get a token.
    pub auth_uri: String,
    /// How long a request may wait for the group of members. Default 10 s.
    pub request_timeout: Duration,
    /// How long a request's body may take to arrive. Default 10 s.
    pub body_timeout: Duration,
    /// The largest body. Default 1 MiB.
    pub max_body_bytes: usize,
    /// How long a classic container call waits for its operation, and how long the operation may take. Default 120 s.
    pub container_timeout: Duration,
    /// How long a container's owner is given to look at it while somebody reads it. Default 1 s.
    pub look_timeout: Duration,
    /// How much of a container's output is collected. Default 8 MiB.
    pub max_output_bytes: usize,
    /// The longest page of a list. Default 1,000.
    pub max_limit: usize,
    /// Watches at once. Default 256.
    pub max_watches: usize,
    /// How often a watch says that it lives. Default 15 s.
    pub keep_alive: Duration,
    /// Clusters a project may have when it has no quota of its own.
    pub default_quota: u32,
    /// How long a token with which a member may join is good. Default 1 h.
    pub join_token_life: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "jeroboam".to_owned(),
            scheme: "http".to_owned(),
            advertised: "localhost:9511".to_owned(),
            trust_forwarded: false,
            auth_uri: "http://localhost:5000/v3".to_owned(),
            request_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            max_body_bytes: 1 << 20,
            container_timeout: Duration::from_secs(120),
            look_timeout: Duration::from_secs(1),
            max_output_bytes: 8 << 20,
            max_limit: 1000,
            max_watches: 256,
            keep_alive: Duration::from_secs(15),
            default_quota: model::quota::DEFAULT_CLUSTERS,
            join_token_life: Duration::from_secs(3600),
        }
    }
}
