//! A member that was removed learns of it from those that were not, says so once, and stands still.
//!
//! It cannot know by itself: the last entries it got may be older than its removal. So whoever has *applied* its removal answers its requests
//! with that word ([`was_removed`]), over the connections that there are, in a head of the refusal that old programs do not read. The record
//! goes last (`membership::remove`) and a number is never given again, so the word is never taken back, and who is behind just does not say it.
//!
//! A member that has heard it is led by nobody from then on, so it forwards nothing and asks for no lease; it also asks for no votes. Its process
//! goes on, because a supervisor would start it again and again: `/readyz` says why it serves nobody.
//!
//! Deliberately absent: a mark on its disk (after a start it is told again), and any conclusion from its own log, whose last entries may not
//! be committed. A member all of whose contacts are gone is told by nobody.

use std::sync::Arc;

use http::HeaderName;
use model::{MemberId, member::Member, meta::Meta, record};
use tokio::sync::watch;
use tonic::{
    Code, Status,
    metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue},
};

use crate::{Error, inner::Inner};

/// The head of the refusal; its value is the number of the member that was removed.
const REMOVED: HeaderName = HeaderName::from_static("jeroboam-removed");

/// Whether this member has been told that it was removed.
#[derive(Debug)]
pub(crate) struct Removal {
    member: MemberId,
    told: watch::Sender<bool>,
}

impl Removal {
    /// Of this member: nobody has told it anything.
    pub(crate) fn of(member: MemberId) -> Self {
        Self { member, told: watch::Sender::new(false) }
    }

    /// Takes note of what a refusal says.
    pub(crate) fn heard(&self, status: &Status) {
        let named = status.metadata().get(REMOVED.as_str()).and_then(|value| value.to_str().ok()?.parse().ok());
        if named == Some(self.member.0) {
            self.told.send_if_modified(|told| !std::mem::replace(told, true));
        }
    }

    /// Whether it was told.
    pub(crate) fn told(&self) -> watch::Receiver<bool> {
        self.told.subscribe()
    }
}

/// Whether the state here says that a member was removed: its number was given, and its record is gone.
pub(crate) fn was_removed(inner: &Inner, member: MemberId) -> bool {
    if inner.is_member(member) {
        return false;
    }
    let gone = || -> Result<bool, Error> {
        let view = inner.shared.state.view().map_err(Error::storage)?;
        let given = member.0 <= Meta::read(&*view).map_err(Error::storage)?.members;
        Ok(given && record::get::<Member>(&*view, &member.0.to_be_bytes()).map_err(Error::storage)?.is_none())
    };
    gone().unwrap_or(false)
}

/// The answer to a member that was removed.
pub(crate) fn refusal(member: MemberId) -> Status {
    let mut head = MetadataMap::new();
    if let (Ok(name), Ok(value)) =
        (MetadataKey::<Ascii>::from_bytes(REMOVED.as_str().as_bytes()), MetadataValue::try_from(member.to_string()))
    {
        head.insert(name, value);
    }
    Status::with_metadata(Code::PermissionDenied, format!("member {member} was removed from the cluster"), head)
}

/// Stands still once this member has been told.
pub(crate) async fn stand_still(inner: Arc<Inner>) {
    let mut told = inner.peers.removal().told();
    if told.wait_for(|told| *told).await.is_ok() {
        inner.raft.runtime_config().elect(false);
        tracing::error!(
            member = %inner.shared.identity.member,
            "this member was removed from the cluster: it stands still; stop it, and let it join under a new number with a token and an empty data folder"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_about_this_member_counts_and_it_counts_once() {
        let removal = Removal::of(MemberId(3));
        let mut told = removal.told();
        removal.heard(&Status::permission_denied("member 3 was removed from the cluster"));
        removal.heard(&refusal(MemberId(2)));
        assert!(!told.has_changed().unwrap() && !*told.borrow());
        removal.heard(&refusal(MemberId(3)));
        assert!(told.has_changed().unwrap() && *told.borrow_and_update());
        removal.heard(&refusal(MemberId(3)));
        assert!(!told.has_changed().unwrap());
    }
}
