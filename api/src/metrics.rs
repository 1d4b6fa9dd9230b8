//! What this member tells Prometheus. Counters and times of requests are kept as they happen; what consensus knows about itself is read
//! when somebody asks.

use std::{
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use raft::{Handle, Role};

/// Upper bounds of the request histogram, seconds.
const BOUNDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    method: &'static str,
    code: u16,
}

/// Something else that tells metrics, in the text format.
type Source = Box<dyn Fn() -> String + Send + Sync>;

/// The registry and what is counted in it.
pub(crate) struct Metrics {
    registry: Registry,
    sources: Mutex<Vec<Source>>,
    requests: Family<Answered, Histogram>,
    watches: Gauge,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let requests = Family::new_with_constructor((|| Histogram::new(BOUNDS)) as fn() -> Histogram);
        let watches = Gauge::default();
        registry.register_with_unit("http_request", "Time from the request's head to its answer", Unit::Seconds, requests.clone());
        registry.register("watch_streams", "Watches that are open", watches.clone());
        Self { registry, sources: Mutex::default(), requests, watches }
    }
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, route: &'static str, method: &Method, status: StatusCode, took: Duration) {
        let labels = Answered { route, method: named(method), code: status.as_u16() };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// How many watches are open.
    pub(crate) const fn watches(&self) -> &Gauge {
        &self.watches
    }

    /// One more source.
    pub(crate) fn add(&self, source: Source) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(source);
    }

    /// Everything, in the text format.
    pub(crate) fn render(&self, handle: &Handle) -> String {
        let mut text = String::new();
        consensus(&mut text, handle);
        for source in self.sources.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            text.push_str(&source());
        }
        let mut rest = String::new();
        // Writing into a string does not fail.
        if encode(&mut rest, &self.registry).is_ok() {
            text.push_str(&rest);
        }
        text
    }
}

/// Only known methods become labels: a client must not be able to make series.
fn named(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// What consensus knows about itself.
fn consensus(text: &mut String, handle: &Handle) {
    let status = handle.status();
    let counters = status.counters;
    let leads = u64::from(status.role == Role::Leader);
    let quorum_age_ms = status.quorum_age.map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    let size = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let gauges: [(&str, &str, u64); 15] = [
        ("raft_term", "The term this member is in", status.term),
        ("raft_is_leader", "1 if this member leads", leads),
        ("raft_has_leader", "1 if this member knows a leader", u64::from(status.leader.is_some())),
        ("raft_applied_index", "The last applied entry", status.applied),
        ("raft_committed_index", "The last entry known to be committed", status.committed),
        ("raft_last_log_index", "The last entry of the log", status.last_log),
        ("raft_flushed_index", "The last applied entry a crash keeps", status.flushed),
        ("raft_snapshot_index", "The last entry in the newest snapshot", status.snapshot),
        ("raft_purged_index", "The last entry purged from the log", status.purged),
        ("raft_voters", "Members that vote", size(status.voters.len())),
        ("raft_learners", "Members that do not vote", size(status.learners.len())),
        ("raft_proposals_inflight", "Writes of this member that wait for their outcome", size(status.pending_writes)),
        ("raft_proposals_inflight_bytes", "Bytes of them", size(status.pending_bytes)),
        ("raft_incarnation", "How often this member was started", status.incarnation),
        ("raft_quorum_age_milliseconds", "Since a quorum confirmed the leader, or the leader was heard", quorum_age_ms),
    ];
    let counts: [(&str, &str, u64); 7] = [
        ("raft_flushes", "Batches of entries that were flushed", counters.flushes),
        ("raft_flushed_entries", "Entries in them", counters.flushed_entries),
        ("raft_flush_microseconds", "Time from submit to flushed", counters.flush_micros),
        ("raft_applied_entries", "Entries applied", counters.applied_entries),
        ("raft_read_rounds", "Read-index rounds", counters.read_rounds),
        ("raft_reads", "Linearizable reads they served", counters.reads),
        ("raft_resent", "Commands proposed again", counters.resent),
    ];
    let mut lines = || -> std::fmt::Result {
        for (name, help, value) in gauges {
            write!(text, "# HELP {name} {help}.\n# TYPE {name} gauge\n{name} {value}\n")?;
        }
        for (name, help, value) in counts {
            write!(text, "# HELP {name} {help}.\n# TYPE {name} counter\n{name}_total {value}\n")?;
        }
        write!(text, "# HELP raft_peer_lag_entries Entries another member is behind.\n# TYPE raft_peer_lag_entries gauge\n")?;
        for (member, peer) in &status.peers {
            writeln!(text, "raft_peer_lag_entries{{peer=\"{member}\"}} {}", peer.lag)?;
        }
        Ok(())
    };
    // Writing into a string does not fail.
    lines().unwrap_or_default();
}
