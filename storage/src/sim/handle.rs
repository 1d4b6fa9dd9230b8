//! One life of a process on a simulated disk: the disk trait.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;

use crate::disk::{Disk, Job, Open};
use crate::engine::{Engine, Kind};
use crate::error::Error;
use crate::sim::engine::SimEngine;
use crate::sim::table::Table;
use crate::sim::{File, World, dump};

/// A handle that dies with its life.
pub(crate) struct Handle {
    world: Arc<Mutex<World>>,
    life: u64,
}

impl Handle {
    pub(crate) fn new(world: Arc<Mutex<World>>, life: u64) -> Self {
        Self { world, life }
    }

    fn enter(&self) -> Result<MutexGuard<'_, World>, Error> {
        World::enter(&self.world, self.life)
    }
}

/// Whether `path` is `folder` or lies in it.
fn within(path: &str, folder: &str) -> bool {
    path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn problem(what: &str, place: &str) -> Error {
    Error::Io { what: format!("{what} {place} on the simulated disk").into(), reason: "there is none, or there is one already".into() }
}

/// Loads a checkpoint's files as an engine. Files that a crash could still take are refused: opening them would hide a missing sync.
fn ingest(world: &World, place: &str) -> Result<Table, Error> {
    let first = format!("{place}/{}", dump::FILE);
    let files: Vec<&File> = world.files.iter().filter(|(path, _)| path.starts_with(&first)).map(|(_, file)| file).collect();
    if files.is_empty() || files.iter().any(|file| file.safe.as_ref() != Some(&file.now)) {
        return Err(problem("opening", place));
    }
    let stream: Vec<u8> = files.iter().flat_map(|file| file.now.iter().copied()).collect();
    Ok(Table::of(dump::rows(stream)?))
}

impl Disk for Handle {
    fn engine(&self, place: &str, _kind: Kind, open: Open) -> Result<Arc<dyn Engine>, Error> {
        let mut world = self.enter()?;
        let exists = world.tables.contains_key(place);
        match open {
            Open::Create if exists => return Err(problem("creating", place)),
            Open::Create => {
                world.tables.insert(place.to_owned(), Table::default());
            }
            Open::Existing | Open::ReadOnly if exists => {}
            Open::Existing | Open::ReadOnly => {
                let table = ingest(&world, place)?;
                world.tables.insert(place.to_owned(), table);
            }
        }
        let writable = open != Open::ReadOnly;
        Ok(Arc::new(SimEngine { world: self.world.clone(), life: self.life, place: place.to_owned(), writable }))
    }

    fn read(&self, path: &str, offset: u64, max: usize) -> Result<Option<Bytes>, Error> {
        let mut world = self.enter()?;
        world.read_fault()?;
        let Some(file) = world.files.get(path) else { return Ok(None) };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(file.now.len());
        let rest = file.now.get(offset..).unwrap_or_default();
        Ok(Some(Bytes::copy_from_slice(rest.get(..max).unwrap_or(rest))))
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut world = self.enter()?;
        world.write_fault()?;
        world.files.entry(path.to_owned()).or_default().now.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self, folder: &str) -> Result<(), Error> {
        let mut world = self.enter()?;
        if let Some(error) = world.flush_fault() {
            return Err(error);
        }
        for (_, file) in world.files.iter_mut().filter(|(path, _)| within(path, folder)) {
            file.safe = Some(file.now.clone());
        }
        Ok(())
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut world = self.enter()?;
        world.write_fault()?;
        world.files.insert(path.to_owned(), File { now: bytes.to_vec(), safe: Some(bytes.to_vec()) });
        Ok(())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let world = self.enter()?;
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let inside = |path: &String| Some(path.strip_prefix(&prefix)?.split('/').next()?.to_owned());
        let mut names: Vec<String> = world.files.keys().chain(world.tables.keys()).filter_map(inside).collect();
        if world.tables.contains_key(folder) {
            // An engine has files of its own, whatever they are called.
            names.push("CURRENT".to_owned());
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let mut world = self.enter()?;
        world.write_fault()?;
        let moved = |path: &String| path.strip_prefix(from).map(|rest| format!("{to}{rest}"));
        let paths: Vec<String> = world.files.keys().filter(|path| within(path, from)).cloned().collect();
        let places: Vec<String> = world.tables.keys().filter(|path| within(path, from)).cloned().collect();
        if paths.is_empty() && places.is_empty() {
            return Err(problem("renaming", from));
        }
        for path in paths {
            if let (Some(file), Some(path)) = (world.files.remove(&path), moved(&path)) {
                world.files.insert(path, file);
            }
        }
        for place in places {
            if let (Some(table), Some(place)) = (world.tables.remove(&place), moved(&place)) {
                world.tables.insert(place, table);
            }
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        let mut world = self.enter()?;
        world.files.retain(|file, _| !within(file, path));
        world.tables.retain(|place, _| !within(place, path));
        Ok(())
    }

    fn run(&self, job: Job) {
        job();
    }

    fn delay(&self) -> Option<Duration> {
        self.enter().ok().and_then(|mut world| world.delay())
    }

    fn name(&self) -> Arc<str> {
        "simulated disk".into()
    }
}
