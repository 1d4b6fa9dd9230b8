//! Plain files of a data folder: durable replacement, syncing, checksums.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use bytes::Bytes;

use crate::engine::FileEntry;
use crate::error::Error;

/// An error with the call and the path in it.
pub(crate) fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> Error + 'a {
    move |error| Error::io(format!("{doing} {}", path.display()), &error)
}

/// Makes a folder and its parents.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(failed("making the folder", path))
}

/// Syncs what a folder says about its files.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("syncing the folder", path))
}

/// Syncs every file of a folder, the folder, and its own entry in its parent.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    for name in names(path)? {
        let file = path.join(name);
        if file.is_file() {
            File::open(&file).and_then(|open| open.sync_all()).map_err(failed("syncing", &file))?;
        }
    }
    sync_directory(path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Replaces a file: the new one is durable before it takes the name, and the name before this returns.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh).map_err(failed("writing", &fresh))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("writing", &fresh))?;
    fs::rename(&fresh, path).map_err(failed("replacing", path))?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// At most `max` bytes from `offset`; `None` when there is no such file.
pub(crate) fn read(path: &Path, offset: u64, max: usize) -> Result<Option<Bytes>, Error> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("reading", path)(error)),
    };
    let mut bytes = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(limit).read_to_end(&mut bytes)).map_err(failed("reading", path))?;
    Ok(Some(bytes.into()))
}

/// Appends to a file.
pub(crate) fn append(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(failed("writing", path))?;
    file.write_all(bytes).map_err(failed("writing", path))
}

/// The names in a folder in order; none when it is not there.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, Error> {
    let found = match fs::read_dir(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("listing", path)(error)),
    };
    let mut names = Vec::new();
    for entry in found {
        names.push(entry.map_err(failed("listing", path))?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Removes a file or a folder, there or not.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("removing", path)(error)),
        _ => Ok(()),
    }
}

/// The files of a checkpoint with lengths and checksums, in order of their names.
pub(crate) fn entries(path: &Path) -> Result<Vec<FileEntry>, Error> {
    let mut entries = Vec::new();
    for name in names(path)? {
        let (length, crc32c) = checksum(&path.join(&name))?;
        entries.push(FileEntry { name, length, crc32c });
    }
    Ok(entries)
}

fn checksum(path: &Path) -> Result<(u64, u32), Error> {
    let mut file = File::open(path).map_err(failed("reading", path))?;
    let mut buffer = vec![0; 256 << 10];
    let (mut length, mut crc) = (0_u64, 0);
    loop {
        let count = file.read(&mut buffer).map_err(failed("reading", path))?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else {
            return Ok((length, crc));
        };
        crc = crc32c::crc32c_append(crc, chunk);
        length += u64::try_from(count).unwrap_or(u64::MAX);
    }
}
