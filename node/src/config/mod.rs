//! What a member is told: one embedded default file, a file of the operator, the environment, flags.
//!
//! The embedded `default.toml` is the schema as well as the manual: a key that does not stand in it does not exist, and a value must have
//! the type its default has. Every layer is flattened to dotted keys, each value remembers where it came from, and only then is it read
//! into [`Config`]; so a complaint can always say which line, variable or flag is wrong. No default stands anywhere else in this crate.
//!
//! Read `layers` (where values come from), then `read` (what they must be), then `show`.

mod layers;
mod read;
mod show;
mod suggest;
mod value;

use std::{path::PathBuf, time::Duration};

pub use layers::{Layers, Origin, Sources};
pub use show::show;
pub(crate) use value::duration;

/// The manual: every key, its default and what it is for.
pub const DEFAULTS: &str = include_str!("default.toml");

/// What is wrong with the configuration, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// Everything a member is told, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who it is.
    pub member: Member,
    /// How clients reach it.
    pub api: Api,
    /// Whose tokens are taken, if not those of a file.
    pub keystone: Option<Keystone>,
    /// How members reach it.
    pub peer: Peer,
    /// How it comes into its cluster.
    pub cluster: Cluster,
    /// Consensus.
    pub raft: raft::Settings,
    /// Right to act.
    pub conductor: Conductor,
    /// How many events are kept.
    pub events: Events,
    /// Where audit records go.
    pub audit: Audit,
    /// The Docker Engine, if there is one.
    pub docker: Option<String>,
    /// The cloud whose Heat makes bays, if there is one.
    pub heat: Option<drivers::heat::Settings>,
    /// Threads.
    pub runtime: Runtime,
    /// Limits of the steps of a stop.
    pub stop: Stop,
    /// Logging.
    pub log: Log,
}

/// `[member]`
#[derive(Clone, Debug)]
pub struct Member {
    /// What people call it.
    pub name: String,
    /// Failure zone, may be empty.
    pub zone: String,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Share of the work; 100 is ordinary.
    pub weight: u32,
}

/// `[api]`
#[derive(Clone, Debug)]
pub struct Api {
    /// `host:port` to listen on.
    pub listen: String,
    /// `host:port` as clients see it.
    pub advertise: String,
    /// File of static tokens.
    pub tokens: Option<PathBuf>,
    /// File of rules.
    pub policy: Option<PathBuf>,
    /// Connections at once.
    pub connections: usize,
    /// Limit for the headers of a request.
    pub header_timeout: Duration,
    /// Limit for the arrival of a body.
    pub body_timeout: Duration,
    /// Largest body, bytes.
    pub body_bytes: usize,
    /// Limit for waiting for other members.
    pub request_timeout: Duration,
    /// Limit for calls that act on containers.
    pub container_timeout: Duration,
    /// Clusters a project may have without a quota of its own.
    pub default_quota: u32,
    /// Watches at once.
    pub watches: usize,
    /// Whether forwarding headers decide links.
    pub trust_forwarded: bool,
}

/// `[keystone]`
#[derive(Clone, Debug)]
pub struct Keystone {
    /// Its address.
    pub auth_url: String,
    /// Where clients are sent for a token.
    pub advertised: String,
    /// Who we are to it.
    pub credentials: openstack::Credentials,
    /// Which region of the catalog.
    pub region: Option<String>,
    /// Which endpoints of the catalog.
    pub interface: openstack::Interface,
    /// Further authorities for TLS, PEM.
    pub authorities: Option<Vec<u8>>,
    /// What is remembered of tokens.
    pub settings: api::KeystoneSettings,
}

/// `[peer]`
#[derive(Clone, Debug)]
pub struct Peer {
    /// `host:port` to listen on.
    pub listen: String,
    /// `host:port` as other members dial it.
    pub advertise: String,
    /// Folder with ca.pem, member.pem, member.key; `None` only with `insecure = true`.
    pub tls_dir: Option<PathBuf>,
}

/// `[cluster]`
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Make a new cluster in an empty folder.
    pub bootstrap: bool,
    /// Further peer addresses to knock at.
    pub join: Vec<String>,
    /// The token of `member add`, read from its file if need be.
    pub token: Option<String>,
    /// Become a voter without being asked.
    pub promote: bool,
}

/// `[conductor]`
#[derive(Clone, Copy, Debug)]
pub struct Conductor {
    /// How long a grant lasts.
    pub lease: Duration,
    /// What the leader waits on top.
    pub margin: Duration,
    /// The shortest and the longest time between two looks at a bay.
    pub looks: (Duration, Duration),
    /// How long nobody may have looked at a bay before its health is unknown.
    pub unseen: Duration,
}

/// `[events]`
#[derive(Clone, Copy, Debug)]
pub struct Events {
    /// For readers.
    pub keep: u64,
    /// Besides, for sinks.
    pub backlog: u64,
}

/// `[audit]`
#[derive(Clone, Debug)]
pub struct Audit {
    /// A file on this member.
    pub file: Option<AuditFile>,
    /// A receiver of HTTP.
    pub webhook: Option<AuditWebhook>,
}

/// A receiver of audit records.
#[derive(Clone)]
pub struct AuditWebhook {
    /// Where it listens.
    pub url: String,
    /// Limit for one request.
    pub timeout: Duration,
    /// What it knows us by.
    pub token: Option<String>,
}

/// The token is nobody's to read.
impl std::fmt::Debug for AuditWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditWebhook").field("url", &self.url).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// A file of audit records.
#[derive(Clone, Debug)]
pub struct AuditFile {
    /// Where.
    pub path: PathBuf,
    /// How long it may grow.
    pub bytes: u64,
    /// How many old ones are kept.
    pub keep: u32,
}

/// `[runtime]`
#[derive(Clone, Copy, Debug)]
pub struct Runtime {
    /// Threads for everything but Raft.
    pub workers: usize,
    /// Nice value of Raft's thread.
    pub raft_nice: i32,
}

/// `[stop]`
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// How long /readyz says no before connections are closed.
    pub announce: Duration,
    /// Limit for requests that run.
    pub requests: Duration,
    /// Limit for steps that run.
    pub conductor: Duration,
    /// Limit for handing over the leadership.
    pub transfer: Duration,
    /// Limit for Raft's end, hand-over and flush included.
    pub raft: Duration,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    /// How lines look.
    pub format: Format,
    /// Directives of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// Reads all layers and checks them.
    ///
    /// # Errors
    /// One line that names the key and where its value came from.
    pub fn load(sources: &Sources) -> Result<Self, Error> {
        read::config(&Layers::load(sources)?)
    }
}
