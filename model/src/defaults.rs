//! What a request gets when it does not say, as Magnum has it. Used by whoever turns requests into commands; apply itself never fills in
//! what a client left out, so that a change of a default changes no old entry.

/// Minutes a cluster's operations may take when nothing is said; kept as null in the record, used for the deadline.
pub use crate::cluster::create::DEFAULT_TIMEOUT_MIN as CREATE_TIMEOUT_MIN;
/// Clusters a project may have.
pub use crate::quota::DEFAULT_CLUSTERS as CLUSTER_QUOTA;

/// Minutes a bay's operations may take when an API of before 2016 made it: no limit.
pub const CLASSIC_CREATE_TIMEOUT_MIN: u32 = 0;

/// Machines of `default-worker`.
pub const NODE_COUNT: u32 = 1;

/// Machines of `default-master`.
pub const MASTER_COUNT: u32 = 1;

/// Machines.
pub const SERVER_TYPE: &str = "vm";

/// Whether nodes get floating addresses when a template does not say.
pub const FLOATING_IP_ENABLED: bool = true;

/// How long an operation on a container may take, milliseconds of log time. Pulling an image is the longest of them.
pub const CONTAINER_TIMEOUT_MS: u64 = 10 * 60 * 1000;

/// How long a container may take to stop, pause, unpause, start or go, milliseconds of log time.
pub const CONTAINER_ACT_TIMEOUT_MS: u64 = 2 * 60 * 1000;

/// Engines a template may name.
pub const COES: [&str; 4] = ["kubernetes", "swarm", "swarm-mode", "mesos"];

/// The network driver of an engine.
pub fn network_driver(coe: &str) -> &'static str {
    if coe == "kubernetes" { "flannel" } else { "docker" }
}

/// A name for an object that came without one: a Greek letter, a number from 1 to 24 and the kind, chosen by two random numbers.
pub fn name(letter: u64, number: u64, kind: &str) -> String {
    let place = usize::try_from(letter % 24).unwrap_or_default();
    let word = LETTERS.get(place).copied().unwrap_or("omega");
    format!("{word}-{}-{kind}", number % 24 + 1)
}

const LETTERS: [&str; 24] = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi", "omicron", "pi",
    "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
];
