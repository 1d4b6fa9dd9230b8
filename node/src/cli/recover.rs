//! `jeroboam recover`

use std::{path::Path, sync::Arc};

use clap::Args;
use raft::{
    membership::Addresses,
    seam::{Chance as _, OsChance},
};
use storage::{DataFolder, Disk, Expect, RocksDisk, Store};
use uuid::Uuid;

use super::{Common, table::say};
use crate::Error;

/// Starts again from one member's folder after a majority of the voters was lost for good.
///
/// The member must be stopped. Its folder becomes that of the one voter of a cluster with a new id; everything in its log is kept, also what
/// was not known to be committed. Choose the member whose log reaches furthest (without --yes this command only says how far it reaches).
/// The old members are fenced: they belong to a cluster of another id and must never be started again with their folders.
#[derive(Debug, Args)]
pub(super) struct Recover {
    /// Do it; without this flag, only look
    #[arg(long)]
    yes: bool,
    /// Where the other members will reach this one
    #[arg(long, value_name = "HOST:PORT")]
    peer: Option<String>,
    /// The new cluster's id; made up if not given. With TLS its certificates must be made for that id
    #[arg(long, value_name = "UUID")]
    cluster: Option<Uuid>,
}

impl Recover {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.map_err(Error::system("threads"))?.block_on(self.recover(&common.folder()?, common))
    }

    async fn recover(&self, folder: &Path, common: &Common) -> Result<(), Error> {
        // Opening would make a folder.
        if !folder.is_dir() {
            return Err(Error::Folder(format!("there is no folder {}", folder.display())));
        }
        let disk = RocksDisk::open(folder).map_err(words)?;
        let identity = DataFolder::peek(&*disk).map_err(words)?;
        let shown = folder.display();
        let store = Store::open(disk as Arc<dyn Disk>, Expect::default()).map_err(words)?;
        let applied = store.state.applied().map_or(0, |mark| mark.index);
        let last = store.log.last_index().max(applied);
        if !self.yes {
            return say(&format!(
                "{shown} is member {} of cluster {}; its log reaches entry {last}, its state entry {applied}\n\
                 compare with the other members that are left, then run this again with --yes on the one that reaches furthest\n",
                identity.member, identity.cluster
            ));
        }
        let config = crate::config::Layers::load(&common.sources(Vec::new())?)?;
        let peer = match &self.peer {
            Some(peer) => peer.clone(),
            None => config.peer_address()?,
        };
        let addresses = Addresses { peer, ..Addresses::default() };
        let cluster = self.cluster.unwrap_or_else(|| OsChance.uuid());
        let done = raft::recover(store, addresses, cluster).await.map_err(|error| Error::Folder(error.to_string()))?;
        say(&format!(
            "{shown} is now the one voter, member {}, of the new cluster {}\n\
             entries up to {} are kept; up to {} were known to be committed\n\
             next: make its certificate (jeroboam pki member {} --cluster {}), start it, remove the records of the old members\n\
             (jeroboam member remove), and let new ones join with tokens and empty folders\n",
            done.member, done.cluster, done.last, done.committed, done.member, done.cluster
        ))
    }
}

fn words(error: storage::Error) -> Error {
    Error::Folder(error.to_string())
}
