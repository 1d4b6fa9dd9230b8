//! The times and bounds of the conductor; every number has its reason here.

use std::time::Duration;

use drivers::limit;
use model::operation::Kind;

/// How patient the conductor is. All members of one Jeroboam must have the same lease and margin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a granted right to act lasts, counted from when it was asked for.
    pub lease: Duration,
    /// How much longer the leader waits before it gives a silent member's clusters away: covers clocks that do not run alike.
    pub margin: Duration,
    /// How long a backend may need to finish what it was told by a caller that is gone. A successor waits this long before it does anything
    /// that a late call could spoil.
    pub tail: Duration,
    /// The full look at all assignments, the net under all signals; each time with a jitter of a fifth.
    pub pass: Duration,
    /// The shortest and the longest time between two full looks at a cluster; each time with a jitter of a fifth. See `reconcile::rhythm`.
    pub looks: (Duration, Duration),
    /// How long nobody can look at a cluster before its last health is no longer shown as its health.
    pub unseen: Duration,
    /// Container operations of one cluster at a time.
    pub concurrency: usize,
    /// How often the calls of an operation are begun, over all its owners, before it fails with the backend's words.
    pub attempts: u32,
    /// How long a stop waits for running steps before it drops them.
    pub stop: Duration,
    /// How long one write into the log is waited for.
    pub write: Duration,
    /// How long an accepted execute waits for somebody to take its output.
    pub collect: Duration,
    /// How long a look on behalf of a reader may take.
    pub look: Duration,
    /// How often the leader looks whether the work is spread evenly.
    pub balance: Duration,
    /// Events that are kept, and besides for sinks; `None`: as it stands.
    pub events: Option<(u64, u64)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(5),
            margin: Duration::from_secs(1),
            // What the drivers declare: 15 s.
            tail: limit::effect(Kind::ContainerStart).saturating_sub(limit::call(Kind::ContainerStart)),
            pass: Duration::from_secs(30),
            looks: (Duration::from_secs(10), Duration::from_secs(60)),
            unseen: Duration::from_secs(60),
            concurrency: 8,
            attempts: 20,
            stop: Duration::from_secs(10),
            write: Duration::from_secs(5),
            collect: Duration::from_secs(15),
            look: Duration::from_secs(1),
            balance: Duration::from_secs(10),
            events: None,
        }
    }
}
