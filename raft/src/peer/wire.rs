//! The messages between members: prost by hand. A number is never reused; unknown fields are skipped, so members of different versions
//! understand each other.

use bytes::Bytes;
use prost::Message;

use crate::{
    codec::{EntryRecord, LogIdRecord, Undecodable, VoteRecord, decode},
    types::{Entry, Rejection, Types},
};

/// Copies what a message keeps: a slice would pin the connection's whole read buffer.
fn own(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// Encodes any message.
pub(crate) fn encode(message: &impl Message) -> Bytes {
    Bytes::from(message.encode_to_vec())
}

/// A request for a vote, or for a pre-vote.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct VoteRequest {
    #[prost(message, required, tag = "1")]
    vote: VoteRecord,
    #[prost(message, optional, tag = "2")]
    last_log_id: Option<LogIdRecord>,
    #[prost(bool, tag = "3")]
    leadership_transfer: bool,
}

impl From<openraft::raft::VoteRequest<Types>> for VoteRequest {
    fn from(request: openraft::raft::VoteRequest<Types>) -> Self {
        Self {
            vote: request.vote.into(),
            last_log_id: request.last_log_id.map(Into::into),
            leadership_transfer: request.leadership_transfer,
        }
    }
}

impl From<VoteRequest> for openraft::raft::VoteRequest<Types> {
    fn from(request: VoteRequest) -> Self {
        let mut vote = Self::new(request.vote.into(), request.last_log_id.map(Into::into));
        vote.leadership_transfer = request.leadership_transfer;
        vote
    }
}

/// Its answer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct VoteAnswer {
    #[prost(message, required, tag = "1")]
    vote: VoteRecord,
    #[prost(bool, tag = "2")]
    granted: bool,
    #[prost(message, optional, tag = "3")]
    last_log_id: Option<LogIdRecord>,
}

impl From<openraft::raft::VoteResponse<Types>> for VoteAnswer {
    fn from(answer: openraft::raft::VoteResponse<Types>) -> Self {
        Self { vote: answer.vote.into(), granted: answer.vote_granted, last_log_id: answer.last_log_id.map(Into::into) }
    }
}

impl From<VoteAnswer> for openraft::raft::VoteResponse<Types> {
    fn from(answer: VoteAnswer) -> Self {
        Self { vote: answer.vote.into(), vote_granted: answer.granted, last_log_id: answer.last_log_id.map(Into::into) }
    }
}

/// Entries for a follower.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendRequest {
    #[prost(message, required, tag = "1")]
    vote: VoteRecord,
    #[prost(message, optional, tag = "2")]
    previous: Option<LogIdRecord>,
    #[prost(message, repeated, tag = "3")]
    entries: Vec<EntryRecord>,
    #[prost(message, optional, tag = "4")]
    committed: Option<LogIdRecord>,
}

impl From<openraft::raft::AppendEntriesRequest<Types>> for AppendRequest {
    fn from(request: openraft::raft::AppendEntriesRequest<Types>) -> Self {
        Self {
            vote: request.vote.into(),
            previous: request.prev_log_id.map(Into::into),
            entries: request.entries.into_iter().map(Into::into).collect(),
            committed: request.leader_commit.map(Into::into),
        }
    }
}

impl TryFrom<AppendRequest> for openraft::raft::AppendEntriesRequest<Types> {
    type Error = Undecodable;

    fn try_from(request: AppendRequest) -> Result<Self, Undecodable> {
        let mut entries = Vec::with_capacity(request.entries.len());
        for mut record in request.entries {
            if let Some(command) = &mut record.command {
                command.payload = own(&command.payload);
            }
            entries.push(Entry::try_from(record)?);
        }
        Ok(Self {
            vote: request.vote.into(),
            prev_log_id: request.previous.map(Into::into),
            entries,
            leader_commit: request.committed.map(Into::into),
        })
    }
}

/// The answer to one append, single or in a stream.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendAnswer {
    /// What became of it.
    #[prost(enumeration = "Appended", tag = "1")]
    result: i32,
    /// Matched (success), or where it clashed (conflict).
    #[prost(message, optional, tag = "2")]
    log_id: Option<LogIdRecord>,
    /// The higher vote.
    #[prost(message, optional, tag = "3")]
    vote: Option<VoteRecord>,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Appended {
    /// All of it is in the follower's log.
    Success = 0,
    /// A part of it is.
    Partial = 1,
    /// The entry before it is not there, or another.
    Conflict = 2,
    /// The follower has seen a higher vote.
    HigherVote = 3,
}

type AppendResponse = openraft::raft::AppendEntriesResponse<Types>;

impl From<AppendResponse> for AppendAnswer {
    fn from(response: AppendResponse) -> Self {
        let (result, log_id, vote) = match response {
            AppendResponse::Success => (Appended::Success, None, None),
            AppendResponse::PartialSuccess(matched) => (Appended::Partial, matched.map(Into::into), None),
            AppendResponse::Conflict => (Appended::Conflict, None, None),
            AppendResponse::HigherVote(vote) => (Appended::HigherVote, None, Some(vote.into())),
        };
        Self { result: result.into(), log_id, vote }
    }
}

impl TryFrom<AppendAnswer> for AppendResponse {
    type Error = Undecodable;

    fn try_from(answer: AppendAnswer) -> Result<Self, Undecodable> {
        match (answer.result(), answer.vote) {
            (Appended::Success, _) => Ok(Self::Success),
            (Appended::Partial, _) => Ok(Self::PartialSuccess(answer.log_id.map(Into::into))),
            (Appended::Conflict, _) => Ok(Self::Conflict),
            (Appended::HigherVote, Some(vote)) => Ok(Self::HigherVote(vote.into())),
            (Appended::HigherVote, None) => Err(Undecodable::new("append answer", "no vote")),
        }
    }
}

impl AppendAnswer {
    /// Whether the one that answers follows the one that asked.
    pub(crate) fn follows(&self) -> bool {
        matches!(self.result(), Appended::Success | Appended::Partial | Appended::Conflict)
    }
}

type StreamResult = openraft::raft::StreamAppendResult<Types>;
type StreamError = openraft::raft::StreamAppendError<Types>;

impl From<StreamResult> for AppendAnswer {
    fn from(result: StreamResult) -> Self {
        match result {
            Ok(matched) => Self { result: Appended::Success.into(), log_id: matched.map(Into::into), vote: None },
            Err(StreamError::Conflict(at)) => Self { result: Appended::Conflict.into(), log_id: Some(at.into()), vote: None },
            Err(StreamError::HigherVote(vote)) => Self { result: Appended::HigherVote.into(), log_id: None, vote: Some(vote.into()) },
        }
    }
}

impl AppendAnswer {
    /// As an item of a stream.
    pub(crate) fn into_stream_result(self) -> Result<StreamResult, Undecodable> {
        match (self.result(), self.log_id, self.vote) {
            (Appended::Success | Appended::Partial, matched, _) => Ok(Ok(matched.map(Into::into))),
            (Appended::Conflict, Some(at), _) => Ok(Err(StreamError::Conflict(at.into()))),
            (Appended::HigherVote, _, Some(vote)) => Ok(Err(StreamError::HigherVote(vote.into()))),
            (Appended::Conflict, None, _) => Err(Undecodable::new("append answer", "no log id")),
            (Appended::HigherVote, _, None) => Err(Undecodable::new("append answer", "no vote")),
        }
    }
}

/// The leader wants `to` to take over.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TransferRequest {
    #[prost(message, required, tag = "1")]
    vote: VoteRecord,
    #[prost(uint64, tag = "2")]
    to: u64,
    #[prost(message, optional, tag = "3")]
    last_log_id: Option<LogIdRecord>,
}

type Transfer = openraft::raft::TransferLeaderRequest<Types>;

impl From<Transfer> for TransferRequest {
    fn from(request: Transfer) -> Self {
        Self {
            vote: (*request.from_leader()).into(),
            to: *request.to_node_id(),
            last_log_id: request.last_log_id().copied().map(Into::into),
        }
    }
}

impl From<TransferRequest> for Transfer {
    fn from(request: TransferRequest) -> Self {
        Self::new(request.vote.into(), request.to, request.last_log_id.map(Into::into))
    }
}

/// Its answer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TransferAnswer {
    /// The receiver's vote is another one by now.
    #[prost(message, optional, tag = "1")]
    pub(crate) other_vote: Option<VoteRecord>,
    /// The receiver's log does not reach far enough yet.
    #[prost(bool, tag = "2")]
    pub(crate) behind: bool,
    /// How far it reaches.
    #[prost(message, optional, tag = "3")]
    pub(crate) last_log_id: Option<LogIdRecord>,
}

/// A part of a snapshot: first the head, then the bytes of its files in their order.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SnapshotPart {
    #[prost(message, optional, tag = "1")]
    pub(crate) head: Option<SnapshotHead>,
    #[prost(message, optional, tag = "2")]
    pub(crate) piece: Option<SnapshotPiece>,
}

/// What a snapshot is.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SnapshotHead {
    #[prost(message, required, tag = "1")]
    pub(crate) vote: VoteRecord,
    /// The listing of its files, as storage writes it: what it is of stands in there, too.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) listing: Bytes,
}

/// Bytes of one file.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SnapshotPiece {
    #[prost(string, tag = "1")]
    pub(crate) file: String,
    #[prost(uint64, tag = "2")]
    pub(crate) offset: u64,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) bytes: Bytes,
    /// CRC-32C of them.
    #[prost(fixed32, tag = "4")]
    pub(crate) crc32c: u32,
}

/// What the receiver says when the snapshot is installed, or refused because of its vote.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SnapshotAnswer {
    #[prost(message, required, tag = "1")]
    pub(crate) vote: VoteRecord,
}

/// What a follower wants of the leader: commands, and perhaps a read-index round.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ForwardRequest {
    #[prost(uint64, tag = "1")]
    pub(crate) incarnation: u64,
    #[prost(message, repeated, tag = "2")]
    pub(crate) commands: Vec<ForwardCommand>,
    /// The number of a read-index round that begins when this arrives; 0: none.
    #[prost(uint64, tag = "3")]
    pub(crate) round: u64,
}

/// One command.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ForwardCommand {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) payload: Bytes,
}

/// What the leader sends back: only what did *not* get into the log, and the results of rounds.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ForwardAnswer {
    #[prost(message, repeated, tag = "1")]
    pub(crate) rejections: Vec<ForwardRejection>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) rounds: Vec<ForwardRound>,
}

/// A command that did not get into the log.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct ForwardRejection {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    /// Because of too much load, not because of a missing leader.
    #[prost(bool, tag = "2")]
    overloaded: bool,
}

impl ForwardRejection {
    pub(crate) const fn new(sequence: u64, rejection: Rejection) -> Self {
        Self { sequence, overloaded: matches!(rejection, Rejection::Overloaded) }
    }
}

/// What became of a read-index round.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct ForwardRound {
    #[prost(uint64, tag = "1")]
    pub(crate) round: u64,
    /// Present: everything acknowledged before the round is at or below this index. Absent: it came to nothing.
    #[prost(uint64, optional, tag = "2")]
    pub(crate) index: Option<u64>,
}

/// A question to the rest of the process.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CallRequest {
    #[prost(string, tag = "1")]
    pub(crate) method: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) body: Bytes,
}

/// Its answer, or a no.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CallAnswer {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(crate) body: Option<Bytes>,
    #[prost(string, tag = "2")]
    pub(crate) refusal: String,
    #[prost(bool, tag = "3")]
    pub(crate) retryable: bool,
}

/// A change of the membership, for the leader.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChangeRequest {
    /// Milliseconds it may take.
    #[prost(uint64, tag = "1")]
    pub(crate) within_ms: u64,
    #[prost(enumeration = "ChangeKind", tag = "2")]
    pub(crate) kind: i32,
    #[prost(uint64, tag = "3")]
    pub(crate) member: u64,
    /// The other member of a replacement.
    #[prost(uint64, tag = "4")]
    pub(crate) other: u64,
    /// Addresses of a learner.
    #[prost(string, tag = "5")]
    pub(crate) peer: String,
    #[prost(string, tag = "6")]
    pub(crate) api: String,
    #[prost(string, tag = "7")]
    pub(crate) name: String,
}

/// Kinds of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ChangeKind {
    Unknown = 0,
    AddLearner = 1,
    Promote = 2,
    Demote = 3,
    Remove = 4,
    Replace = 5,
    Transfer = 6,
}

/// What became of it. Also the answer to a join.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChangeAnswer {
    #[prost(enumeration = "ChangeResult", tag = "1")]
    pub(crate) result: i32,
    /// In words, unless it was done.
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
}

/// Results of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ChangeResult {
    Unknown = 0,
    Done = 1,
    /// The receiver does not lead (any more).
    NotLeader = 2,
    /// It makes no sense, for the reason given.
    Refused = 3,
    /// Not now.
    Later = 4,
}

/// A new member asks to be let in.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct JoinRequest {
    /// The token's secret.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) secret: Bytes,
    #[prost(string, tag = "2")]
    pub(crate) peer: String,
    #[prost(string, tag = "3")]
    pub(crate) api: String,
    #[prost(string, tag = "4")]
    pub(crate) name: String,
    /// Milliseconds it may take.
    #[prost(uint64, tag = "5")]
    pub(crate) within_ms: u64,
}

/// Decodes a message of another member.
pub(crate) fn read<M: Message + Default>(what: &'static str, bytes: Bytes) -> Result<M, tonic::Status> {
    decode(what, bytes).map_err(|error| tonic::Status::invalid_argument(error.to_string()))
}
