//! What a snapshot consists of: the list that travels before its files, and lies beside them.

use bytes::Bytes;
use prost::Message;

use crate::engine::FileEntry;
use crate::error::Error;
use crate::format::Format;
use crate::mark::Mark;

/// The most files and bytes that a snapshot may announce; what comes over a network is not believed without limit.
const FILES: usize = 100_000;
const BYTES: u64 = 1 << 40;

/// What a snapshot consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Layout of the files.
    pub format: Format,
    /// The log position of the rows in it.
    pub applied: Mark,
    /// The membership at that position, as Raft encoded it.
    pub membership: Option<Bytes>,
    /// The files.
    pub files: Vec<FileEntry>,
}

impl Listing {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }

    /// For the wire and the disk, with a checksum.
    pub fn encode(&self) -> Bytes {
        let files = self.files.iter().map(|file| WireFile { name: file.name.clone(), length: file.length, crc32c: file.crc32c });
        let wire = Wire {
            format: self.format.number(),
            index: self.applied.index,
            id: self.applied.id.clone(),
            membership: self.membership.clone(),
            files: files.collect(),
        };
        let body = wire.encode_to_vec();
        let mut bytes = crc32c::crc32c(&body).to_le_bytes().to_vec();
        bytes.extend_from_slice(&body);
        bytes.into()
    }

    /// Reads it back and checks everything that does not need the files.
    ///
    /// # Errors
    /// [`Error::Snapshot`], [`Error::Newer`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |reason: &str| Error::Snapshot { name: "listing".into(), reason: reason.into() };
        let (sum, body) = bytes.split_first_chunk::<4>().ok_or_else(|| bad("its listing is too short"))?;
        if u32::from_le_bytes(*sum) != crc32c::crc32c(body) {
            return Err(bad("the checksum of its listing does not match"));
        }
        let wire = Wire::decode(body).map_err(|error| bad(&format!("its listing cannot be decoded: {error}")))?;
        let format = Format::check(wire.format, "the snapshot")?;
        if wire.files.is_empty() || wire.files.len() > FILES || wire.files.iter().any(|file| file.length > BYTES) {
            return Err(bad("its listing announces no files, or too many or too large ones"));
        }
        // Names become paths: nothing but plain file names gets through.
        let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.');
        let mut names: Vec<&str> = wire.files.iter().map(|file| file.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != wire.files.len() || names.iter().any(|name| !plain(name) || name.starts_with('.')) {
            return Err(bad("its listing has file names that cannot be"));
        }
        let files = wire.files.into_iter().map(|file| FileEntry { name: file.name, length: file.length, crc32c: file.crc32c });
        Ok(Self { format, applied: Mark::new(wire.index, wire.id), membership: wire.membership, files: files.collect() })
    }
}

#[derive(Clone, PartialEq, Message)]
struct Wire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(uint64, tag = "2")]
    index: u64,
    #[prost(bytes = "bytes", tag = "3")]
    id: Bytes,
    #[prost(bytes = "bytes", optional, tag = "4")]
    membership: Option<Bytes>,
    #[prost(message, repeated, tag = "5")]
    files: Vec<WireFile>,
}

#[derive(Clone, PartialEq, Message)]
struct WireFile {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint64, tag = "2")]
    length: u64,
    #[prost(uint32, tag = "3")]
    crc32c: u32,
}
