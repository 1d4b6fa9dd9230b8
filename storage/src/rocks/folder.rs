//! A data folder in the file system, held by one process at a time.
//!
//! The folder is locked (`flock` on `LOCK`) as long as this value or an engine made by it lives, so that a second process cannot come
//! in while a database of the first is still open; the lock goes with the process, however it ends.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rocksdb::Cache;
use rustix::fs::{FlockOperation, flock};

use crate::disk::{Disk, Job, Open};
use crate::engine::{Engine, Kind};
use crate::error::Error;
use crate::rocks::core::Core;
use crate::rocks::database::Database;
use crate::rocks::desk::Desk;
use crate::rocks::{Rocks, files, options};

const LOCK: &str = "LOCK";

/// A data folder with RocksDB databases in it.
pub struct RocksDisk {
    root: PathBuf,
    desk: Arc<Desk>,
    cache: Cache,
    lock: Arc<File>,
}

impl RocksDisk {
    /// Opens a folder, which is made if need be, and locks it against other processes.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it, [`Error::Io`] when it cannot be made or locked.
    pub fn open(root: impl Into<PathBuf>) -> Result<Arc<Self>, Error> {
        let root = root.into();
        files::make_folder(&root)?;
        let lock = take_lock(&root)?;
        Ok(Arc::new(Self {
            desk: Arc::new(Desk::start()?),
            cache: Cache::new_lru_cache(options::STATE_CACHE_BYTES),
            root,
            lock: Arc::new(lock),
        }))
    }

    fn path(&self, place: &str) -> PathBuf {
        self.root.join(place)
    }
}

impl Disk for RocksDisk {
    fn engine(&self, place: &str, kind: Kind, open: Open) -> Result<Arc<dyn Engine>, Error> {
        let path = self.path(place);
        let database = Database::open(&path, kind, open, &self.cache)?;
        if open == Open::Create {
            path.parent().map_or(Ok(()), files::sync_directory)?;
        }
        let core = Core::new(database, kind, self.desk.clone(), self.root.clone(), self.lock.clone());
        Ok(Arc::new(Rocks::start(core, open != Open::ReadOnly)?))
    }

    fn read(&self, path: &str, offset: u64, max: usize) -> Result<Option<Bytes>, Error> {
        files::read(&self.path(path), offset, max)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        files::append(&self.path(path), bytes)
    }

    fn sync(&self, folder: &str) -> Result<(), Error> {
        files::sync_folder(&self.path(folder))
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(path);
        path.parent().map_or(Ok(()), files::make_folder)?;
        files::replace(&path, bytes)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        files::names(&self.path(folder))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let (from, to) = (self.path(from), self.path(to));
        to.parent().map_or(Ok(()), files::make_folder)?;
        fs::rename(&from, &to).map_err(files::failed("renaming", &from))?;
        from.parent().map_or(Ok(()), files::sync_directory)?;
        to.parent().map_or(Ok(()), files::sync_directory)
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        files::remove(&self.path(path))
    }

    fn run(&self, job: Job) {
        self.desk.run(job);
    }

    fn name(&self) -> Arc<str> {
        self.root.display().to_string().into()
    }
}

fn take_lock(root: &Path) -> Result<File, Error> {
    let path = root.join(LOCK);
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(files::failed("opening", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            return Err(Error::Locked { folder: root.display().to_string().into(), holder: holder.trim().into() });
        }
        Err(error) => return Err(Error::io(format!("locking {}", path.display()), &error.into())),
    }
    file.set_len(0).and_then(|()| writeln!(file, "process {}", std::process::id())).map_err(files::failed("writing", &path))?;
    Ok(file)
}
