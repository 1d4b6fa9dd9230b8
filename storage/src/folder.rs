//! Who a data folder belongs to, and whether it may be used.
//!
//! The identity lies in a small file of its own beside the databases, so that installing a snapshot, which replaces the state, can never
//! change it. It holds the format, the cluster, the member and an incarnation that grows by one at every opening, before anything else
//! happens: two lives of a member never share a number. A folder that is foreign, newer, damaged or fenced is refused in words that say
//! what to do. The lock against a second process belongs to the disk ([`crate::rocks::RocksDisk::open`]).
//!
//! A folder is made in steps under a `CREATING` mark; the identity comes last, so a folder with an identity is complete, and one without
//! that still has the mark is thrown away and made again.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::disk::Disk;
use crate::error::Error;
use crate::format::Format;
use crate::places;
use crate::sealed;

const TITLE: &str = "jeroboam data folder";
const LIMIT: usize = 64 << 10;

/// Who a data folder belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Layout of the folder.
    pub format: Format,
    /// The cluster of members.
    pub cluster: Uuid,
    /// The member.
    pub member: u64,
    /// How many times the folder was opened; 1 the first time.
    pub incarnation: u64,
    /// Why the folder must not be used again, if so.
    pub fenced: Option<String>,
}

/// What the opener believes; `None` takes what is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The cluster.
    pub cluster: Option<Uuid>,
    /// The member.
    pub member: Option<u64>,
}

/// The identity of an open data folder.
pub struct DataFolder {
    disk: Arc<dyn Disk>,
    identity: Identity,
}

impl DataFolder {
    /// Whether there is a member in the folder, whole or damaged.
    pub fn exists(disk: &dyn Disk) -> Result<bool, Error> {
        Ok(disk.read(places::IDENTITY, 0, 1)?.is_some())
    }

    /// The identity as it is on the disk, without opening the folder: for `status` and for messages.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Damaged`], [`Error::Newer`].
    pub fn peek(disk: &dyn Disk) -> Result<Identity, Error> {
        let folder = disk.name();
        let Some(bytes) = disk.read(places::IDENTITY, 0, LIMIT)? else {
            return Err(if is_bare(disk)? {
                Error::Empty { folder }
            } else {
                Error::Damaged { folder, reason: "it holds databases but the file IDENTITY is missing".into() }
            });
        };
        let damaged =
            |reason: String| Error::Damaged { folder: folder.clone(), reason: format!("the file IDENTITY is unreadable: {reason}").into() };
        let values = sealed::open(TITLE, &bytes).map_err(damaged)?;
        parse(&values, &format!("the data folder {folder}"), &damaged)
    }

    /// Opens the folder for a new incarnation, which is durable when this returns.
    ///
    /// # Errors
    /// What [`DataFolder::peek`] says, [`Error::Foreign`], [`Error::Fenced`].
    pub fn open(disk: Arc<dyn Disk>, expect: Expect) -> Result<Self, Error> {
        let mut identity = Self::peek(&*disk)?;
        check(&disk.name(), &identity, expect)?;
        if let Some(reason) = &identity.fenced {
            return Err(Error::Fenced { folder: disk.name(), reason: reason.as_str().into() });
        }
        identity.incarnation += 1;
        write(&*disk, &identity)?;
        Ok(Self { disk, identity })
    }

    /// Begins to make a folder: what an interrupted attempt left is removed.
    ///
    /// # Errors
    /// [`Error::Occupied`] when there is a member; [`Error::Damaged`] when there are databases that nobody is known to have made.
    pub(crate) fn begin(disk: &dyn Disk) -> Result<(), Error> {
        if Self::exists(disk)? {
            return Err(Error::Occupied { folder: disk.name() });
        }
        let interrupted = disk.read(places::CREATING, 0, 1)?.is_some();
        if !interrupted && !is_bare(disk)? {
            return Err(Error::Damaged { folder: disk.name(), reason: "it holds databases but the file IDENTITY is missing".into() });
        }
        disk.replace(places::CREATING, b"a member is being created here\n")?;
        for name in disk.list("")?.iter().filter(|name| is_ours(name)) {
            disk.remove(name)?;
        }
        Ok(())
    }

    /// Ends to make a folder; the first opening makes incarnation 1.
    pub(crate) fn finish(disk: &dyn Disk, cluster: Uuid, member: u64) -> Result<(), Error> {
        write(disk, &Identity { format: Format::NEWEST, cluster, member, incarnation: 0, fenced: None })?;
        disk.remove(places::CREATING)
    }

    /// Who the folder belongs to.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Marks the folder as never to be used again: the member was removed, or its cluster went on without it. This life may go on to
    /// its end; no other begins.
    pub fn fence(&mut self, reason: &str) -> Result<(), Error> {
        self.identity.fenced = Some(reason.to_owned());
        write(&*self.disk, &self.identity)
    }

    /// Gives the folder to another cluster or member: the last step of an offline recovery, after state and log were changed.
    pub fn adopt(&mut self, cluster: Uuid, member: u64) -> Result<(), Error> {
        self.identity.cluster = cluster;
        self.identity.member = member;
        write(&*self.disk, &self.identity)
    }
}

fn check(folder: &Arc<str>, found: &Identity, expect: Expect) -> Result<(), Error> {
    let cluster = expect.cluster.unwrap_or(found.cluster);
    let member = expect.member.unwrap_or(found.member);
    if (cluster, member) == (found.cluster, found.member) {
        return Ok(());
    }
    let words = |cluster: Uuid, member: u64| -> Arc<str> { format!("member {member} of cluster {cluster}").into() };
    Err(Error::Foreign { folder: folder.clone(), expected: words(cluster, member), found: words(found.cluster, found.member) })
}

fn is_ours(name: &str) -> bool {
    name == places::LOG
        || name == places::CURRENT_STATE
        || name == places::SNAPSHOTS
        || name == places::INCOMING
        || places::state_number(name).is_some()
}

fn is_bare(disk: &dyn Disk) -> Result<bool, Error> {
    if disk.read(places::CREATING, 0, 1)?.is_some() {
        return Ok(true);
    }
    Ok(!disk.list("")?.iter().any(|name| is_ours(name)))
}

fn write(disk: &dyn Disk, identity: &Identity) -> Result<(), Error> {
    let mut values = vec![
        ("format", identity.format.number().to_string()),
        ("cluster", identity.cluster.to_string()),
        ("member", identity.member.to_string()),
        ("incarnation", identity.incarnation.to_string()),
    ];
    if let Some(reason) = &identity.fenced {
        values.push(("fenced", reason.clone()));
    }
    disk.replace(places::IDENTITY, &sealed::seal(TITLE, &values))
}

fn parse(values: &BTreeMap<String, String>, what: &str, damaged: &dyn Fn(String) -> Error) -> Result<Identity, Error> {
    let text = |name: &str| values.get(name).ok_or_else(|| damaged(format!("it says no {name}")));
    let number = |name: &str| text(name)?.parse::<u64>().map_err(|_| damaged(format!("its {name} is not a number")));
    let format = u32::try_from(number("format")?).map_err(|_| damaged("its format is too large".into()))?;
    // The format first: in a newer one the rest may mean something else.
    let format = Format::check(format, what)?;
    Ok(Identity {
        format,
        cluster: text("cluster")?.parse().map_err(|_| damaged("its cluster is not a uuid".into()))?,
        member: number("member")?,
        incarnation: number("incarnation")?,
        fenced: values.get("fenced").cloned(),
    })
}
