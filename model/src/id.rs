//! Typed identifiers: one registry of kinds, alphabetical.
//!
//! An [`Id`] is a UUID that knows what it names, so a template's id cannot be handed to a call that wants a cluster's. Ids are chosen
//! before a command is proposed (see `Proposal`), never inside apply. On the wire and on disk an id is a prost message with one
//! 16-byte field, so typed ids stand directly in records.

use std::{fmt, marker::PhantomData, str::FromStr};

use prost::{
    DecodeError, Message,
    bytes::{Buf, BufMut},
    encoding::{self, DecodeContext, WireType},
};
use uuid::Uuid;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $alias:ident),+ $(,)?) => {
        /// The kinds of things that have an [`Id`].
        pub mod kind {
            $($(#[$doc])* #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)] pub enum $kind {})+
        }
        $($(#[$doc])* pub type $alias = Id<kind::$kind>;)+
    };
}

kinds! {
    /// A cluster (bay).
    Cluster => ClusterId,
    /// A container of a cluster.
    Container => ContainerId,
    /// A machine of a cluster, or a classic `/v1/nodes` row.
    Node => NodeId,
    /// A node group of a cluster.
    NodeGroup => NodeGroupId,
    /// One accepted change of one cluster.
    Operation => OperationId,
    /// A cluster template (baymodel).
    Template => TemplateId,
}

/// A UUID of a certain kind of thing; see the module.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// The id with these bytes (RFC 9562 layout).
    pub const fn new(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }
    /// The UUID behind it.
    pub const fn uuid(&self) -> Uuid {
        self.uuid
    }
    /// Its 16 bytes, as used in keys.
    pub const fn bytes(&self) -> &[u8; 16] {
        self.uuid.as_bytes()
    }
    /// Whether it is the all-zero id of an unset field.
    pub const fn is_nil(&self) -> bool {
        self.uuid.is_nil()
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<K> Default for Id<K> {
    fn default() -> Self {
        Self::new(Uuid::nil())
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K> FromStr for Id<K> {
    type Err = uuid::Error;
    /// Accepts any case, with or without dashes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::new)
    }
}
impl<K> From<Uuid> for Id<K> {
    fn from(uuid: Uuid) -> Self {
        Self::new(uuid)
    }
}

impl<K> Message for Id<K> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        if !self.is_nil() {
            encoding::encode_key(1, WireType::LengthDelimited, buf);
            encoding::encode_varint(16, buf);
            buf.put_slice(self.bytes());
        }
    }

    fn merge_field(&mut self, tag: u32, wire: WireType, buf: &mut impl Buf, ctx: DecodeContext) -> Result<(), DecodeError> {
        if tag != 1 {
            return encoding::skip_field(wire, tag, buf, ctx);
        }
        let mut bytes = Vec::new();
        encoding::bytes::merge(wire, &mut bytes, buf, ctx)?;
        #[expect(deprecated, reason = "prost offers no other way to make a decode error by hand")]
        let uuid = Uuid::from_slice(&bytes).map_err(|_| DecodeError::new("an id is 16 bytes"))?;
        self.uuid = uuid;
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        if self.is_nil() { 0 } else { 18 }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A member's number: chosen by the replicated counter when it joins, never used again after it was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    struct Holder {
        #[prost(message, required, tag = "3")]
        id: ClusterId,
    }

    #[test]
    fn an_id_survives_its_encoding() {
        let holder = Holder { id: ClusterId::new(Uuid::from_u128(7)) };
        assert_eq!(Holder::decode(holder.encode_to_vec().as_slice()).unwrap(), holder);
        assert_eq!(Holder::decode(Holder::default().encode_to_vec().as_slice()).unwrap(), Holder::default());
    }

    #[test]
    fn a_short_id_is_refused() {
        assert!(ClusterId::decode([10u8, 2, 1, 1].as_slice()).is_err());
    }
}
