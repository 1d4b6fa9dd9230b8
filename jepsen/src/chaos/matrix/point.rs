//! Which fault point is reached how: the harness's own list, one row for each point that the binary knows.
//!
//! A point without a row here, or a row without a point, ends the campaign before it begins: a crash point that nobody tries proves nothing.

/// What makes members come to a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A bay and a container are made, used and removed.
    Life,
    /// The same, while the member is told to take a snapshot and to purge.
    Snapshot,
    /// A member that was down so long that it can only come back by snapshot.
    Install,
    /// The bay's owner is drained in the middle of a life.
    Drain,
    /// The look at a bay that was just made fails, so that its creation is ended later, by an entry of its own.
    End,
    /// Somebody stops the container behind the owner's back.
    Sighting,
    /// Somebody puts a container with the bay's label there.
    Orphan,
    /// The deadline of an operation passes that gets no answer.
    Expiry,
    /// The leadership is handed over.
    Vote,
    /// The member is started again.
    Restart,
    /// An authority and a member's certificate are made; no members run.
    Certificate,
}

/// On whom the orders are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// On all; the first that comes there has it, and the others are let off.
    All,
    /// On one, whoever it is.
    One,
    /// On the leader.
    Leader,
    /// On one that does not lead.
    Follower,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// The name the product gave it.
    pub name: &'static str,
    /// How it is reached.
    pub way: Way,
    /// Who is told to fail there.
    pub whom: Whom,
    /// At the first to this time that it is reached; each run takes one of them.
    pub most: u64,
    /// Whether some runs are made with real containers.
    pub docker: bool,
}

const fn point(name: &'static str, way: Way, whom: Whom, most: u64) -> Point {
    Point { name, way, whom, most, docker: false }
}

/// One that is also tried with real containers.
const fn real(name: &'static str, whom: Whom, most: u64) -> Point {
    Point { name, way: Way::Life, whom, most, docker: true }
}

/// All of them.
pub const POINTS: &[Point] = &[
    point("api::admission::before", Way::Life, Whom::All, 2),
    point("api::admission::after", Way::Life, Whom::All, 2),
    point("raft::proposal::before", Way::Life, Whom::Leader, 12),
    point("raft::forward::answered", Way::Life, Whom::Follower, 2),
    point("raft::log::append", Way::Life, Whom::One, 15),
    point("raft::log::flushed", Way::Life, Whom::One, 15),
    point("raft::vote::saved", Way::Vote, Whom::One, 1),
    point("raft::apply::before", Way::Life, Whom::One, 15),
    point("raft::apply::after", Way::Life, Whom::One, 15),
    point("raft::read::confirmed", Way::Life, Whom::Leader, 4),
    point("storage::snapshot::linked", Way::Snapshot, Whom::One, 1),
    point("storage::snapshot::listed", Way::Snapshot, Whom::One, 1),
    point("raft::snapshot::built", Way::Snapshot, Whom::One, 1),
    point("raft::purge::before", Way::Snapshot, Whom::One, 1),
    point("raft::purge::after", Way::Snapshot, Whom::One, 1),
    point("raft::snapshot::received", Way::Install, Whom::Follower, 1),
    point("storage::switch::before", Way::Install, Whom::Follower, 1),
    point("storage::switch::after", Way::Install, Whom::Follower, 1),
    point("raft::snapshot::installed", Way::Install, Whom::Follower, 1),
    point("raft::snapshot::answered", Way::Install, Whom::Follower, 1),
    real("step::intent::before", Whom::All, 6),
    real("step::intent::after", Whom::All, 6),
    real("step::call::before", Whom::All, 6),
    real("step::call::after", Whom::All, 6),
    real("step::record::before", Whom::All, 6),
    real("step::record::after", Whom::All, 6),
    point("operation::end::before", Way::End, Whom::All, 1),
    point("operation::end::after", Way::End, Whom::All, 1),
    point("look::cluster::after", Way::Life, Whom::All, 1),
    point("status::report::before", Way::Sighting, Whom::All, 1),
    point("status::report::after", Way::Sighting, Whom::All, 1),
    point("sweep::orphan::before", Way::Orphan, Whom::All, 1),
    point("sweep::orphan::after", Way::Orphan, Whom::All, 1),
    point("lease::renewal::before", Way::Life, Whom::One, 2),
    point("lease::renewal::after", Way::Life, Whom::One, 2),
    point("lease::grant::noted", Way::Life, Whom::Leader, 4),
    point("lease::grant::made", Way::Life, Whom::Leader, 4),
    point("owner::assignment::before", Way::Life, Whom::Leader, 1),
    point("owner::assignment::after", Way::Life, Whom::Leader, 1),
    point("owner::handover::asked", Way::Drain, Whom::All, 1),
    point("owner::release::before", Way::Drain, Whom::All, 1),
    point("owner::release::after", Way::Drain, Whom::All, 1),
    point("expire::entry::before", Way::Expiry, Whom::Leader, 1),
    point("expire::entry::after", Way::Expiry, Whom::Leader, 1),
    point("outbox::delivery::before", Way::Life, Whom::Leader, 2),
    point("outbox::delivery::after", Way::Life, Whom::Leader, 2),
    point("outbox::cursor::after", Way::Life, Whom::Leader, 1),
    real("docker::network::before", Whom::All, 1),
    real("docker::network::made", Whom::All, 1),
    real("docker::container::before", Whom::All, 1),
    real("docker::container::made", Whom::All, 1),
    real("docker::container::acted", Whom::All, 2),
    real("docker::container::removed", Whom::All, 1),
    real("docker::cluster::emptied", Whom::All, 1),
    point("node::boot::entered", Way::Restart, Whom::One, 1),
    point("node::start::announced", Way::Restart, Whom::One, 1),
    point("certificate::authority::drafted", Way::Certificate, Whom::One, 1),
    point("certificate::authority::placed", Way::Certificate, Whom::One, 3),
    point("certificate::member::signed", Way::Certificate, Whom::One, 1),
    point("certificate::member::key", Way::Certificate, Whom::One, 1),
];
