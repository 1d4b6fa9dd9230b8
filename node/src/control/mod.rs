//! How the commands of the same machine talk to a running member.
//!
//! A Unix socket in the data folder, readable by the member's own user only: one JSON request per connection, one JSON answer. Who may
//! write to that folder could do worse already, so there is no further identity. Nothing here is for clients of the service; theirs is the
//! REST API.
//!
//! Read `wire` (what can be said), then `desk` (how it is answered), `report` (what `status` shows), `ownership`, `operations`, `listen` and
//! `ask` (the two ends).

mod ask;
mod desk;
mod listen;
mod operations;
mod ownership;
mod report;
mod story;
mod wire;

pub use ask::ask;
pub use desk::Desk;
pub use listen::Door;
pub use report::{METHOD, own_view};
pub use wire::{
    BayRow, Digest, EventRow, LeftRow, MemberRow, Nothing, OperationRow, Orphans, Pinned, Question, Reply, Report, Request, RollRow,
    Snapped, StepRow, Story, StoryOf, Ticket, TroubleRow,
};

/// The socket's name in the data folder.
const SOCKET: &str = "control.sock";

/// The longest request or answer, in bytes.
const MESSAGE_LIMIT: u64 = 8 << 20;
