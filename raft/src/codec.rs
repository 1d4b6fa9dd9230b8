//! Our own encoding of everything of Raft that is stored or sent: prost messages by hand, so that the numbers below are the format on
//! disk and between members. A number is never reused. openraft's own serialisation is not used anywhere.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message;

use crate::{
    membership::Addresses,
    types::{Command, Entry, LeaderId, LogId, Membership, Origin, Payload, StoredMembership, Vote},
};

/// Bytes that are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("undecodable {what}: {reason}")]
pub(crate) struct Undecodable {
    what: &'static str,
    reason: String,
}

impl Undecodable {
    pub(crate) fn new(what: &'static str, reason: impl ToString) -> Self {
        Self { what, reason: reason.to_string() }
    }
}

impl From<Undecodable> for std::io::Error {
    fn from(error: Undecodable) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

/// Decodes a message and names it if that fails.
pub(crate) fn decode<M: Message + Default>(what: &'static str, bytes: impl bytes::Buf) -> Result<M, Undecodable> {
    M::decode(bytes).map_err(|error| Undecodable::new(what, error))
}

/// `openraft::LogId`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct LogIdRecord {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) leader: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) index: u64,
}

impl From<LogId> for LogIdRecord {
    fn from(id: LogId) -> Self {
        Self { term: id.leader_id.term, leader: id.leader_id.node_id, index: id.index }
    }
}

impl From<LogIdRecord> for LogId {
    fn from(record: LogIdRecord) -> Self {
        Self::new(LeaderId { term: record.term, node_id: record.leader }, record.index)
    }
}

/// `openraft::Vote`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct VoteRecord {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) member: u64,
    #[prost(bool, tag = "3")]
    pub(crate) committed: bool,
}

impl From<Vote> for VoteRecord {
    fn from(vote: Vote) -> Self {
        Self { term: vote.leader_id.term, member: vote.leader_id.node_id, committed: vote.committed }
    }
}

impl From<VoteRecord> for Vote {
    fn from(record: VoteRecord) -> Self {
        Self { leader_id: LeaderId { term: record.term, node_id: record.member }, committed: record.committed }
    }
}

/// A set of voters.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct VotersRecord {
    #[prost(uint64, repeated, tag = "1")]
    members: Vec<u64>,
}

/// Where a member is.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct AddressesRecord {
    #[prost(string, tag = "1")]
    peer: String,
    #[prost(string, tag = "2")]
    api: String,
    #[prost(string, tag = "3")]
    name: String,
}

impl From<&Addresses> for AddressesRecord {
    fn from(addresses: &Addresses) -> Self {
        Self { peer: addresses.peer.clone(), api: addresses.api.clone(), name: addresses.name.clone() }
    }
}

impl From<AddressesRecord> for Addresses {
    fn from(record: AddressesRecord) -> Self {
        Self { peer: record.peer, api: record.api, name: record.name }
    }
}

/// `openraft::Membership`: one set of voters, or two during a change; and everybody's address.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MembershipRecord {
    #[prost(message, repeated, tag = "1")]
    voters: Vec<VotersRecord>,
    #[prost(btree_map = "uint64, message", tag = "2")]
    members: BTreeMap<u64, AddressesRecord>,
}

impl From<&Membership> for MembershipRecord {
    fn from(membership: &Membership) -> Self {
        Self {
            voters: membership.get_joint_config().iter().map(|set| VotersRecord { members: set.iter().copied().collect() }).collect(),
            members: membership.nodes().map(|(id, addresses)| (*id, addresses.into())).collect(),
        }
    }
}

impl TryFrom<MembershipRecord> for Membership {
    type Error = Undecodable;

    fn try_from(record: MembershipRecord) -> Result<Self, Undecodable> {
        let voters: Vec<BTreeSet<u64>> = record.voters.into_iter().map(|set| set.members.into_iter().collect()).collect();
        let members: BTreeMap<u64, Addresses> = record.members.into_iter().map(|(id, addresses)| (id, addresses.into())).collect();
        if voters.is_empty() && members.is_empty() {
            return Ok(Self::default());
        }
        Self::new(voters, members).map_err(|error| Undecodable::new("membership", error))
    }
}

/// `openraft::StoredMembership`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StoredMembershipRecord {
    #[prost(message, optional, tag = "1")]
    log_id: Option<LogIdRecord>,
    #[prost(message, required, tag = "2")]
    membership: MembershipRecord,
}

impl From<&StoredMembership> for StoredMembershipRecord {
    fn from(stored: &StoredMembership) -> Self {
        Self { log_id: (*stored.log_id()).map(Into::into), membership: stored.membership().into() }
    }
}

impl TryFrom<StoredMembershipRecord> for StoredMembership {
    type Error = Undecodable;

    fn try_from(record: StoredMembershipRecord) -> Result<Self, Undecodable> {
        Ok(Self::new(record.log_id.map(Into::into), record.membership.try_into()?))
    }
}

/// One command.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct CommandRecord {
    #[prost(uint64, tag = "1")]
    pub(crate) at_ms: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) member: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) incarnation: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) sequence: u64,
    #[prost(bytes = "bytes", tag = "5")]
    pub(crate) payload: Bytes,
}

/// `openraft::Entry`: a command, a membership, or neither (the blank entry of a new leader).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EntryRecord {
    #[prost(message, required, tag = "1")]
    pub(crate) log_id: LogIdRecord,
    #[prost(message, optional, tag = "2")]
    pub(crate) command: Option<CommandRecord>,
    #[prost(message, optional, tag = "3")]
    pub(crate) membership: Option<MembershipRecord>,
}

impl From<Entry> for EntryRecord {
    fn from(entry: Entry) -> Self {
        let mut record = Self { log_id: entry.log_id.into(), command: None, membership: None };
        match entry.payload {
            Payload::Blank => {}
            Payload::Normal(Command { at_ms, origin: Origin { member, incarnation, sequence }, payload }) => {
                record.command = Some(CommandRecord { at_ms, member, incarnation, sequence, payload });
            }
            Payload::Membership(membership) => record.membership = Some((&membership).into()),
        }
        record
    }
}

impl TryFrom<EntryRecord> for Entry {
    type Error = Undecodable;

    fn try_from(record: EntryRecord) -> Result<Self, Undecodable> {
        let payload = match (record.command, record.membership) {
            (None, None) => Payload::Blank,
            (Some(CommandRecord { at_ms, member, incarnation, sequence, payload }), None) => {
                Payload::Normal(Command { at_ms, origin: Origin { member, incarnation, sequence }, payload })
            }
            (None, Some(membership)) => Payload::Membership(membership.try_into()?),
            (Some(_), Some(_)) => return Err(Undecodable::new("entry", "both a command and a membership")),
        };
        Ok(Self { log_id: record.log_id.into(), payload })
    }
}

/// What the state keeps beside its rows, in the same batch.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct AppliedRecord {
    /// The last applied entry.
    #[prost(message, optional, tag = "1")]
    pub(crate) log_id: Option<LogIdRecord>,
    /// Log time: the greatest seen in any applied entry.
    #[prost(uint64, tag = "2")]
    pub(crate) at_ms: u64,
}

/// Encodes an id for the log's marks.
pub(crate) fn encode_log_id(id: LogId) -> Bytes {
    Bytes::from(LogIdRecord::from(id).encode_to_vec())
}

/// Decodes it.
pub(crate) fn decode_log_id(bytes: &[u8]) -> Result<LogId, Undecodable> {
    decode::<LogIdRecord>("log id", bytes).map(Into::into)
}

/// Encodes an entry for the log.
pub(crate) fn encode_entry(entry: Entry) -> Bytes {
    Bytes::from(EntryRecord::from(entry).encode_to_vec())
}

/// Decodes it; its payload stays a part of `bytes`.
pub(crate) fn decode_entry(bytes: Bytes) -> Result<Entry, Undecodable> {
    decode::<EntryRecord>("log entry", bytes)?.try_into()
}

/// Decodes a stored membership; no bytes: none yet.
pub(crate) fn decode_membership(bytes: Option<&[u8]>) -> Result<StoredMembership, Undecodable> {
    bytes.map_or_else(|| Ok(StoredMembership::default()), |bytes| decode::<StoredMembershipRecord>("membership", bytes)?.try_into())
}

/// Encodes a stored membership.
pub(crate) fn encode_membership(stored: &StoredMembership) -> Bytes {
    Bytes::from(StoredMembershipRecord::from(stored).encode_to_vec())
}

/// Decodes the state's mark; no bytes: nothing was applied yet.
pub(crate) fn decode_applied(bytes: Option<&[u8]>) -> Result<AppliedRecord, Undecodable> {
    bytes.map_or_else(|| Ok(AppliedRecord::default()), |bytes| decode("applied mark", bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u64) -> LogId {
        LogId::new(LeaderId { term: 3, node_id: 2 }, index)
    }

    #[test]
    fn entries_survive_their_encoding() {
        let addresses = Addresses { peer: String::from("10.0.0.1:7000"), api: String::from("http://x"), name: String::from("one") };
        let nodes = BTreeMap::from([(1, addresses.clone()), (2, addresses.clone()), (3, addresses)]);
        let joint = Membership::new(vec![BTreeSet::from([1, 2]), BTreeSet::from([2])], nodes).unwrap();
        let origin = Origin { member: 7, incarnation: 8, sequence: 9 };
        let command = Command { at_ms: 5, origin, payload: Bytes::from_static(b"proposal") };
        for payload in [Payload::Blank, Payload::Normal(command), Payload::Membership(joint)] {
            let entry = Entry { log_id: id(4), payload };
            assert_eq!(decode_entry(encode_entry(entry.clone())).unwrap(), entry);
        }
    }

    #[test]
    fn marks_survive_their_encoding() {
        assert_eq!(decode_log_id(&encode_log_id(id(0))).unwrap(), id(0));
        let vote = Vote { leader_id: LeaderId { term: 1, node_id: 1 }, committed: true };
        assert_eq!(Vote::from(VoteRecord::from(vote)), vote);
        let stored = StoredMembership::new(Some(id(0)), Membership::default());
        assert_eq!(decode_membership(Some(&encode_membership(&stored))).unwrap(), stored);
        assert_eq!(decode_membership(None).unwrap(), StoredMembership::default());
    }

    #[test]
    fn damaged_bytes_are_refused() {
        assert!(decode_entry(Bytes::from_static(b"\xff\xff\xff")).is_err());
        assert!(decode_log_id(b"\x0a").is_err());
    }
}
