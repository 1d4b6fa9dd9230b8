//! `jeroboam snapshot`

use clap::Args;

use super::{Common, table::say};
use crate::{
    Error,
    control::{Request, Snapped},
};

/// Takes a snapshot on the member asked and purges what may be purged of its log.
#[derive(Debug, Args)]
pub(super) struct Snapshot {}

impl Snapshot {
    #[expect(clippy::unused_self, reason = "the same shape as all commands")]
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        let done: Snapped = common.ask(&Request::Snapshot)?;
        say(&format!("snapshot at log index {}; the log begins at {}\n", done.snapshot, done.purged + 1))
    }
}
