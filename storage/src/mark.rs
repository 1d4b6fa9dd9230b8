//! A position in the log, with Raft's own name for it.

use bytes::Bytes;

/// A log index and the id that Raft gives it (its term and leader), which storage keeps but does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Log index.
    pub index: u64,
    /// Raft's id of the entry, opaque here.
    pub id: Bytes,
}

impl Mark {
    /// A mark.
    pub fn new(index: u64, id: impl Into<Bytes>) -> Self {
        Self { index, id: id.into() }
    }

    /// As stored: eight bytes of index, big-endian, then the id.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + self.id.len());
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes.extend_from_slice(&self.id);
        bytes
    }

    /// The mark in `stored`, if it is one.
    pub(crate) fn decode(stored: &Bytes) -> Option<Self> {
        let (index, _) = stored.split_first_chunk::<8>()?;
        Some(Self { index: u64::from_be_bytes(*index), id: stored.slice(8..) })
    }
}
