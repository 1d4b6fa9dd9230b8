//! What can be set about consensus, with the defaults that were measured.

use std::time::Duration;

/// Timings and bounds. [`Settings::default`] is for three members in one data centre.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often a leader says that it lives. Default 50 ms.
    pub heartbeat: Duration,
    /// The shortest time without a leader after which a member asks for votes. Every deadline of Raft's own calls is below it. Default 150 ms.
    pub election_min: Duration,
    /// The longest such time, and the length of a leader's lease. Default 300 ms.
    pub election_max: Duration,
    /// Writes of this member that may wait for their outcome at once; more are refused as overloaded. Default 8,192, which is also the
    /// most that apply remembers.
    pub max_pending_writes: usize,
    /// Bytes of them. Default 64 MiB.
    pub max_pending_bytes: usize,
    /// The largest encoded command. Default 1 MiB.
    pub max_command_bytes: usize,
    /// Proposals a leader holds before they are applied, over all members; more are sent back. Default 65,536.
    pub max_proposals: usize,
    /// How long a request waits for a leader to be known before it is refused, if its own deadline is not earlier. Default 3 s.
    pub leader_wait: Duration,
    /// Entries kept in the log behind the applied one, for followers that lag. Default 50,000.
    pub keep_entries: u64,
    /// Entries purged at once, at least. Default 5,000.
    pub purge_step: u64,
    /// How often the state is flushed and the purge is looked at. Default 5 s.
    pub purge_interval: Duration,
    /// A learner or follower that is this many entries behind is sent a snapshot if the entries are gone. Default 20,000.
    pub lag_threshold: u64,
    /// Entries in one message of the replication stream. Default 1,024.
    pub max_append_entries: u64,
    /// The largest message between members, in bytes. Default 32 MiB.
    pub max_message_bytes: usize,
    /// Bytes of a snapshot sent per second to one member. Default 200 MiB.
    pub snapshot_bytes_per_second: u64,
    /// How long the transfer and the installation of a snapshot may take. Default 10 minutes.
    pub snapshot_timeout: Duration,
    /// How many changes a slow listener may be behind before it is told to read everything again. Default 4,096.
    pub changes_capacity: usize,
    /// How long a graceful stop waits for another member to take over. Default 2 s.
    pub transfer_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(50),
            election_min: Duration::from_millis(150),
            election_max: Duration::from_millis(300),
            max_pending_writes: 8_192,
            max_pending_bytes: 64 << 20,
            max_command_bytes: 1 << 20,
            max_proposals: 65_536,
            leader_wait: Duration::from_secs(3),
            keep_entries: 50_000,
            purge_step: 5_000,
            purge_interval: Duration::from_secs(5),
            lag_threshold: 20_000,
            max_append_entries: 1_024,
            max_message_bytes: 32 << 20,
            snapshot_bytes_per_second: 200 << 20,
            snapshot_timeout: Duration::from_secs(600),
            changes_capacity: 4_096,
            transfer_timeout: Duration::from_secs(2),
        }
    }
}
