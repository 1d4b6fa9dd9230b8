//! The folders of certificates on disk: the authority's own, and one per member that is copied to its machine.
//!
//! ```text
//! PKI/ca.pem  ca.key  cluster.id            made by `jeroboam pki init`; ca.key never leaves this folder
//! PKI/member-N/ca.pem  member.pem  member.key  cluster.id    made by `jeroboam pki member N`; this is `peer.tls_dir`
//! ```
//! The cluster's id is chosen with the authority, because it is part of every certificate's name; the first member of the cluster takes
//! it from there.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use certificates::{Authority, Request};
use model::MemberId;
use raft::{
    PeerTls,
    seam::{Chance as _, OsChance, OsWall, Wall as _},
};
use uuid::Uuid;

use crate::Error;

const AUTHORITY: &str = "ca.pem";
const AUTHORITY_KEY: &str = "ca.key";
const CLUSTER: &str = "cluster.id";
const CERTIFICATE: &str = "member.pem";
const KEY: &str = "member.key";

/// Where an authority is made before any of it is put in place.
const DRAFT: &str = ".authority.new";

/// The same once it is whole: from then on it is put in place, by this command or by the next one.
const WHOLE: &str = ".authority";

/// Makes an authority and chooses the cluster's id. One that was interrupted is finished by doing it again.
///
/// # Errors
/// If there is one in the folder already, or the folder cannot be written.
pub fn init(folder: &Path) -> Result<Uuid, Error> {
    make(folder)?;
    let (draft, whole) = (folder.join(DRAFT), folder.join(WHOLE));
    if !whole.exists() {
        for name in [AUTHORITY_KEY, AUTHORITY, CLUSTER] {
            let path = folder.join(name);
            if path.exists() {
                return Err(already(&path));
            }
        }
        write_authority(&draft)?;
        rename(&draft, &whole)?;
    }
    model::fault_point!("certificate::authority::drafted");
    for name in [AUTHORITY_KEY, AUTHORITY, CLUSTER].into_iter().filter(|name| whole.join(name).exists()) {
        rename(&whole.join(name), &folder.join(name))?;
        model::fault_point!("certificate::authority::placed");
    }
    fs::remove_dir(&whole).map_err(Error::system(format!("folder {}", whole.display())))?;
    cluster_id(folder)?.ok_or_else(|| missing(folder))
}

fn write_authority(draft: &Path) -> Result<(), Error> {
    clear(draft)?;
    make(draft)?;
    let cluster = OsChance.uuid();
    let authority = Authority::new(&format!("Jeroboam cluster {cluster}"), OsWall.now_ms()).map_err(failed("the authority"))?;
    write(&draft.join(AUTHORITY_KEY), authority.key().pem(), 0o600)?;
    write(&draft.join(AUTHORITY), authority.certificate_pem(), 0o644)?;
    write(&draft.join(CLUSTER), &format!("{cluster}\n"), 0o644)
}

/// What a member's certificate is to be.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The member's number.
    pub member: MemberId,
    /// Further names and addresses it stands for.
    pub names: Vec<String>,
    /// For how long.
    pub valid: Duration,
    /// For another cluster than the authority was made for (after `jeroboam recover`).
    pub cluster: Option<Uuid>,
}

/// Makes the folder of one member's certificate and returns it.
///
/// # Errors
/// If the authority cannot be read or used, or the member has a folder already.
pub fn issue(folder: &Path, wish: &Wish) -> Result<PathBuf, Error> {
    let authority_pem = read(&folder.join(AUTHORITY))?;
    let authority = Authority::from_pem(&authority_pem, &read(&folder.join(AUTHORITY_KEY))?)
        .map_err(failed(&folder.join(AUTHORITY).display().to_string()))?;
    let cluster = match wish.cluster {
        Some(cluster) => cluster,
        None => cluster_id(folder)?.ok_or_else(|| missing(folder))?,
    };
    let name = raft::tls::certificate_name(cluster, wish.member);
    let names = std::iter::once(name.clone()).chain(wish.names.iter().cloned()).collect();
    let request = Request { name, names, now_ms: OsWall.now_ms(), valid: wish.valid };
    let issued = authority.issue(&request).map_err(failed(&format!("a certificate for member {}", wish.member)))?;
    model::fault_point!("certificate::member::signed");
    let target = folder.join(format!("member-{}", wish.member));
    if fs::read_dir(&target).is_ok_and(|mut files| files.next().is_some()) {
        return Err(already(&target));
    }
    // Whole or not at all: what an interrupted command left is made anew.
    let draft = folder.join(format!(".member-{}", wish.member));
    clear(&draft)?;
    make(&draft)?;
    write(&draft.join(KEY), issued.key.pem(), 0o600)?;
    model::fault_point!("certificate::member::key");
    write(&draft.join(CERTIFICATE), &issued.certificate_pem, 0o644)?;
    write(&draft.join(AUTHORITY), &authority_pem, 0o644)?;
    write(&draft.join(CLUSTER), &format!("{cluster}\n"), 0o644)?;
    rename(&draft, &target)?;
    Ok(target)
}

/// The cluster's id in a folder of certificates; `None` if it does not say.
///
/// # Errors
/// If it is not an id.
pub fn cluster_id(folder: &Path) -> Result<Option<Uuid>, Error> {
    let path = folder.join(CLUSTER);
    if !path.exists() {
        return Ok(None);
    }
    read(&path)?.trim().parse().map(Some).map_err(|_| Error::Certificates(format!("{} holds no cluster id", path.display())))
}

/// Reads a member's folder for the connections between members.
///
/// # Errors
/// If a file is missing or they do not fit each other.
pub fn load(folder: &Path) -> Result<PeerTls, Error> {
    let file = |name: &str| read(&folder.join(name)).map(String::into_bytes);
    PeerTls::from_pem(&file(AUTHORITY)?, &file(CERTIFICATE)?, &file(KEY)?)
        .map_err(|error| Error::Certificates(format!("{}: {error}", folder.display())))
}

/// The certificates in a folder: file name and text.
pub(crate) fn found(folder: &Path) -> Vec<(PathBuf, String)> {
    [AUTHORITY, CERTIFICATE]
        .iter()
        .map(|name| folder.join(name))
        .filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
        .collect()
}

fn make(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::system(format!("folder {}", folder.display())))
}

/// Removes what an interrupted command left.
fn clear(draft: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::system(format!("folder {}", draft.display()))(error)),
        _ => Ok(()),
    }
}

/// Gives a file or folder its place, and makes that durable.
fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    let parent = to.parent().unwrap_or(to);
    let renamed = fs::rename(from, to).and_then(|()| fs::File::open(parent)?.sync_all());
    renamed.map_err(|error| Error::Certificates(format!("{}: {error}", to.display())))
}

fn already(path: &Path) -> Error {
    Error::Certificates(format!("{} is there already; nothing was overwritten", path.display()))
}

fn missing(folder: &Path) -> Error {
    Error::Certificates(format!("{} is missing", folder.join(CLUSTER).display()))
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::Certificates(format!("{}: {error}", path.display())))
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => already(path),
        _ => Error::Certificates(format!("{}: {error}", path.display())),
    };
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

fn failed(what: &str) -> impl FnOnce(certificates::Error) -> Error {
    let what = what.to_owned();
    move |error| Error::Certificates(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn wish(member: u64) -> Wish {
        Wish { member: MemberId(member), names: vec!["127.0.0.1".into()], valid: Duration::from_secs(3600), cluster: None }
    }

    #[test]
    fn what_is_made_can_be_used_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = init(folder.path()).unwrap();
        let target = issue(folder.path(), &wish(3)).unwrap();
        assert_eq!(target, folder.path().join("member-3"));
        load(&target).unwrap();
        assert_eq!(cluster_id(&target).unwrap(), Some(cluster));
        assert_eq!(fs::metadata(target.join(KEY)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(folder.path().join(AUTHORITY_KEY)).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(init(folder.path()).unwrap_err().to_string().ends_with("ca.key is there already; nothing was overwritten"));
        assert!(issue(folder.path(), &wish(3)).unwrap_err().to_string().contains("nothing was overwritten"));
    }

    #[test]
    fn what_was_interrupted_is_finished_by_doing_it_again() {
        let folder = tempfile::tempdir().unwrap();
        // Killed before anything was in place.
        fs::create_dir_all(folder.path().join(DRAFT)).unwrap();
        fs::write(folder.path().join(DRAFT).join(AUTHORITY_KEY), "half a key").unwrap();
        let cluster = init(folder.path()).unwrap();
        // Killed between the key and the rest.
        let whole = folder.path().join(WHOLE);
        fs::create_dir(&whole).unwrap();
        for name in [AUTHORITY, CLUSTER] {
            fs::rename(folder.path().join(name), whole.join(name)).unwrap();
        }
        assert_eq!(init(folder.path()).unwrap(), cluster, "the same authority");
        assert!(init(folder.path()).is_err() && !whole.exists());
        // Killed between a member's key and its certificate.
        fs::create_dir_all(folder.path().join(".member-3")).unwrap();
        fs::write(folder.path().join(".member-3").join(KEY), "half a key").unwrap();
        load(&issue(folder.path(), &wish(3)).unwrap()).unwrap();
        assert!(!folder.path().join(".member-3").exists());
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).unwrap_err().to_string().contains("ca.pem: No such file"));
        assert!(issue(folder.path(), &wish(1)).unwrap_err().to_string().contains("ca.pem: No such file"));
    }
}
