//! In which order did it happen, and who agrees?
//!
//! openraft, its storage and its transport behind one cloneable [`Handle`]. Nothing of openraft, tonic or rustls' connections is visible from
//! outside; what is stored and sent is our own prost encoding.
//!
//! # The life of a write
//! [`Handle::write`] gives the command a sequence number of this member's incarnation (its *origin*), puts it into the table of pending
//! writes and wakes the one front task (`front`). If this member leads, the front proposes it; if another one leads, it goes with
//! all others that wait over the one forward stream to that member. The answer never travels back: **every member applies every entry, so
//! this member's own apply recognises its origin and completes the pending write**, at the same moment at which the state here shows it.
//! What comes back over the stream are only the "not accepted" of commands that did not reach the log. After a change of leader all that
//! still waits is proposed again; the origin window in `model::apply` makes the second copy of an entry do nothing.
//!
//! # Invariants
//! * An append or a vote is acknowledged only when the log's `Flushed` future said so.
//! * The state's marks (applied id, membership) are in the same batch as the rows. The log is purged only up to what is *flushed* in the state.
//! * A linearizable read joins only a read-index round that was not sent yet when the read arrived.
//! * A fault of the storage, an unknown command or a fatal error of openraft stops the member with a reason ([`Member::fatal`]); nothing panics.
//! * Log time never goes back: apply takes the greater of the entry's time and the last one.
//! * Every connection names the cluster's id and the member it means to reach; both ends check (and with TLS the certificate proves it).
//!
//! Deliberately absent: leases for reads, wall clocks in any decision, automatic changes of the membership.

pub mod answer;
pub mod boot;
pub mod changes;
mod clock;
mod codec;
mod contact;
mod driver;
mod error;
mod front;
pub mod handle;
mod inner;
mod log_store;
pub mod membership;
mod peer;
mod pending;
mod progress;
mod proposer;
mod read_index;
mod reads;
mod removal;
pub mod seam;
pub mod settings;
mod state_machine;
pub mod status;
#[cfg(test)]
mod store_suite;
mod tasks;
pub mod tls;
mod types;

pub use answer::{Answer, ByteStream, Refused};
pub use boot::{Boot, Member, bootstrap, join, recover, restart};
pub use changes::{Changed, Changes, Committed};
pub use error::Error;
pub use handle::{Consistency, Handle, Reading, Write, Written};
pub use membership::{Addresses, JoinToken};
pub use model::MemberId;
pub use settings::Settings;
pub use status::{Leadership, LogEntry, PeerStatus, Role, Status};
pub use tls::PeerTls;
