//! A snapshot on its way in.
//!
//! Chunks come in the order of the listing, each file from its beginning to its end; the checksum of a file is compared when its last
//! byte has come. Nothing of it is believed before all files are complete and synced. One that is dropped unfinished is removed.

use std::sync::Arc;

use bytes::Bytes;

use crate::disk::{Disk, on_disk};
use crate::error::Error;
use crate::listing::Listing;
use crate::pending::Pending;

/// Takes the chunks of one snapshot.
pub struct Incoming {
    place: Place,
    listing: Listing,
    file: usize,
    offset: u64,
    crc: u32,
}

/// A snapshot that has come whole and is durable, but not yet the state.
pub struct Received {
    place: Place,
    listing: Listing,
}

/// A folder that goes with its last owner; after an install there is nothing left to remove.
struct Place {
    disk: Arc<dyn Disk>,
    path: String,
}

impl Incoming {
    pub(crate) fn new(disk: Arc<dyn Disk>, path: String, listing: Listing) -> Self {
        let mut incoming = Self { place: Place { disk, path }, listing, file: 0, offset: 0, crc: 0 };
        incoming.skip_empty();
        incoming
    }

    /// The file and offset that the next chunk must have; `None` when all have come.
    pub fn next(&self) -> Option<(&str, u64)> {
        self.listing.files.get(self.file).map(|file| (file.name.as_str(), self.offset))
    }

    /// Takes a chunk. The next may be given before the future is ready, but its error must be seen.
    ///
    /// # Errors
    /// [`Error::Snapshot`] when the chunk is not the next one, is too long, or ends a file with the wrong checksum.
    pub fn write(&mut self, file: &str, offset: u64, bytes: Bytes) -> Pending<()> {
        if let Err(error) = self.advance(file, offset, &bytes) {
            return Pending::ready(Err(error));
        }
        let path = format!("{}/{file}", self.place.path);
        let disk = self.place.disk.clone();
        on_disk(&self.place.disk, move || disk.append(&path, &bytes))
    }

    fn advance(&mut self, file: &str, offset: u64, bytes: &Bytes) -> Result<(), Error> {
        let Some(entry) = self.listing.files.get(self.file) else {
            return Err(self.error("more came than was announced"));
        };
        if entry.name != file || offset != self.offset {
            return Err(self.error(&format!("a chunk of {file} at {offset} came, {} at {} is due", entry.name, self.offset)));
        }
        let end = offset + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if end > entry.length {
            return Err(self.error(&format!("{file} is longer than announced")));
        }
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.offset = end;
        if end == entry.length {
            if self.crc != entry.crc32c {
                return Err(self.error(&format!("the checksum of {file} does not match")));
            }
            self.file += 1;
            self.offset = 0;
            self.crc = 0;
            self.skip_empty();
        }
        Ok(())
    }

    /// Files without a byte have no chunk.
    fn skip_empty(&mut self) {
        while self.listing.files.get(self.file).is_some_and(|file| file.length == 0) {
            self.file += 1;
        }
    }

    /// Syncs what has come.
    ///
    /// # Errors
    /// [`Error::Snapshot`] when something is missing.
    pub fn finish(self) -> Pending<Received> {
        if let Some((file, offset)) = self.next() {
            return Pending::ready(Err(self.error(&format!("it ends in {file} at {offset}"))));
        }
        let Self { place, listing, .. } = self;
        let disk = place.disk.clone();
        on_disk(&disk.clone(), move || {
            for file in listing.files.iter().filter(|file| file.length == 0) {
                disk.append(&format!("{}/{}", place.path, file.name), &[])?;
            }
            disk.sync(&place.path)?;
            Ok(Received { place, listing })
        })
    }

    fn error(&self, reason: &str) -> Error {
        Error::Snapshot { name: format!("at {}", self.listing.applied.index).into(), reason: reason.into() }
    }
}

impl Received {
    /// What it consists of.
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    pub(crate) fn place(&self) -> &str {
        &self.place.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (disk, path) = (self.disk.clone(), std::mem::take(&mut self.path));
        self.disk.run(Box::new(move || {
            if let Err(error) = disk.remove(&path) {
                tracing::warn!(%error, "an unfinished snapshot could not be removed");
            }
        }));
    }
}
