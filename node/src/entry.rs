//! How a member comes into its cluster: what is in the data folder decides, then what it is told.
//!
//! | the folder holds | told | what happens |
//! |---|---|---|
//! | a member | anything | it starts again |
//! | a member that was never let in | a token for it | it asks again |
//! | nothing | `cluster.bootstrap` | it begins a new cluster as member 1 |
//! | nothing | a token | it joins as the member the token names |
//! | nothing | nothing | a line that says so |
//!
//! The folder's lock is taken first, so of two processes on one folder the second sees nothing and changes nothing.

use std::{sync::Arc, time::Duration};

use model::MemberId;
use raft::{Boot, JoinToken, Member, PeerTls, membership::Addresses, seam::Seams};
use storage::{DataFolder, Expect, RocksDisk, Store};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Error, certificates, config::Config};

/// A new member may knock for this long.
const JOIN: Duration = Duration::from_secs(60);

/// The first member of a cluster leads it after this long at the latest.
const BOOTSTRAP: Duration = Duration::from_secs(30);

/// A member in its cluster.
#[derive(Debug)]
pub(crate) struct Entered {
    /// Raft's side of it.
    pub(crate) member: Member,
    /// Whether it was let in just now.
    pub(crate) joined: bool,
}

enum Way {
    Again,
    Bootstrap,
    Join(JoinToken),
}

/// Opens or makes the data folder and starts Raft on it.
pub(crate) async fn enter(config: &Config, seams: &Seams) -> Result<Entered, Error> {
    let folder = RocksDisk::open(&config.member.data_dir).map_err(folder_error)?;
    let (tls, expected) = match &config.peer.tls_dir {
        Some(dir) => (Some(certificates::load(dir)?), certificates::cluster_id(dir)?),
        None => (None, None),
    };
    // Looked at before anything is made: a busy port must not leave half a member behind.
    listenable(seams, &config.peer.listen, "peer.listen").await?;
    let (store, way) = open(config, folder, expected, seams).await?;
    let boot = boot(config, seams, store, tls);
    let started = Instant::now();
    let (member, joined) = match way {
        Way::Again => (raft::restart(boot).await, false),
        Way::Bootstrap => (raft::bootstrap(boot, started + BOOTSTRAP).await, false),
        Way::Join(token) => (raft::join(boot, &token, started + JOIN).await, true),
    };
    let member = member.map_err(|error| match error {
        raft::Error::Storage(reason) => Error::Folder(reason),
        other => Error::Membership(other.to_string()),
    })?;
    Ok(Entered { member, joined })
}

async fn open(config: &Config, disk: Arc<RocksDisk>, expected: Option<Uuid>, seams: &Seams) -> Result<(Store, Way), Error> {
    let token = config.cluster.token.as_deref().map(|text| token(text, &config.cluster.join)).transpose();
    if DataFolder::exists(&*disk).map_err(folder_error)? {
        let store = Store::open(disk, Expect { cluster: expected, member: None }).map_err(folder_error)?;
        let identity = store.identity();
        if store.log.last_index() > 0 || store.state.applied().is_some() || store.log.vote().is_some() {
            return Ok((store, Way::Again));
        }
        // It was made and never let in (or never came to lead itself).
        let way = match token? {
            Some(token) if (token.cluster, token.member.0) == (identity.cluster, identity.member) => Way::Join(token),
            None if config.cluster.bootstrap && identity.member == 1 => Way::Bootstrap,
            _ => {
                let folder = config.member.data_dir.display();
                let member = identity.member;
                let words = format!(
                    "{folder} was made for member {member}, which never came in, and the token is for another; delete the folder first"
                );
                return Err(Error::Folder(words));
            }
        };
        return Ok((store, way));
    }
    let (cluster, member, way) = match (config.cluster.bootstrap, token?) {
        (true, _) => (expected.unwrap_or_else(|| seams.chance.uuid()), MemberId(1), Way::Bootstrap),
        (false, Some(token)) => (token.cluster, token.member, Way::Join(token)),
        (false, None) => return Err(nothing_to_do(config)),
    };
    if let Some(expected) = expected.filter(|expected| *expected != cluster) {
        let words = format!("the token lets into cluster {cluster}, the certificates are those of cluster {expected}");
        return Err(Error::Certificates(words));
    }
    let store = Store::create(disk, cluster, member.0).await.map_err(folder_error)?;
    Ok((store, way))
}

fn nothing_to_do(config: &Config) -> Error {
    let folder = config.member.data_dir.display();
    Error::Folder(if config.cluster.join.is_empty() {
        format!(
            "{folder} holds no member yet: begin a new cluster with --bootstrap, or join one with the token that `jeroboam member add` prints"
        )
    } else {
        "to join a cluster its token is needed (--token, cluster.token or cluster.token_file); `jeroboam member add` prints one".to_owned()
    })
}

/// A token, with further addresses to try: each may be that of any member the token knows.
fn token(text: &str, join: &[String]) -> Result<JoinToken, Error> {
    let mut token: JoinToken = text.parse().map_err(|error: raft::Error| Error::Membership(error.to_string()))?;
    let known: Vec<MemberId> = token.contacts.iter().map(|(member, _)| *member).collect();
    for address in join {
        for member in &known {
            let contact = (*member, address.clone());
            if !token.contacts.contains(&contact) {
                token.contacts.push(contact);
            }
        }
    }
    Ok(token)
}

fn boot(config: &Config, seams: &Seams, store: Store, tls: Option<PeerTls>) -> Boot {
    Boot {
        store,
        seams: seams.clone(),
        settings: config.raft.clone(),
        tls,
        listen: config.peer.listen.clone(),
        addresses: Addresses { peer: config.peer.advertise.clone(), api: config.api.advertise.clone(), name: config.member.name.clone() },
    }
}

/// Whether an address can be listened on, now.
async fn listenable(seams: &Seams, address: &str, key: &'static str) -> Result<(), Error> {
    seams.network.listen(address).await.map(drop).map_err(address_error(address, key))
}

/// The one line for a busy port.
pub(crate) fn address_error(address: &str, key: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    let address = address.to_owned();
    move |error| {
        let reason = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another process listens there already".to_owned(),
            std::io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
            _ => error.to_string(),
        };
        Error::Address { address, key, reason }
    }
}

fn folder_error(error: storage::Error) -> Error {
    Error::Folder(error.to_string())
}
