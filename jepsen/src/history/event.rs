//! One line of a history.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Whether an operation begins or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Begins: nothing has been sent yet.
    Invoke,
    /// Happened.
    Ok,
    /// Certainly did not happen.
    Fail,
    /// Nobody knows; also every line of the nemesis.
    Info,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Process {
    /// A client; one operation at a time.
    Client(u64),
    /// The one that breaks things.
    Nemesis,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Read a register.
    Read,
    /// Set a register.
    Write,
    /// Set a register if it still has the revision that was read before.
    Cas,
    /// Create an object with a name nobody else uses.
    Create,
    /// Start a container.
    Start,
    /// Stop a container.
    Stop,
    /// Delete an object.
    Delete,
    /// The nemesis breaks something.
    Break,
    /// The nemesis repairs something.
    Heal,
}

/// The value of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Not known yet, or nothing.
    Nil,
    /// A register's value.
    Number(u64),
    /// From, to.
    Swap(u64, u64),
    /// A name, or words of the nemesis.
    Text(#[serde(with = "words")] Arc<str>),
}

/// A line before the recorder has given it its place and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Begin or end.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Who.
    pub process: Process,
    /// What.
    pub f: Verb,
    /// The independent object it concerns, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "words::maybe")]
    pub key: Option<Arc<str>>,
    /// With which value.
    pub value: Value,
    /// The member that gave the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "words::maybe")]
    pub member: Option<Arc<str>>,
    /// The object's revision in the answer (`ETag`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The revision demanded by `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
    /// The log index the answer was served at (`Jeroboam-Index`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<u64>,
    /// Why it failed or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "words::maybe")]
    pub error: Option<Arc<str>>,
}

impl Draft {
    /// A line with nothing but the necessary.
    #[must_use]
    pub fn new(kind: Kind, process: Process, f: Verb, value: Value) -> Self {
        Self { kind, process, f, key: None, value, member: None, revision: None, expect: None, served: None, error: None }
    }

    /// The same line about one object.
    #[must_use]
    pub fn on(mut self, key: &Arc<str>) -> Self {
        self.key = Some(Arc::clone(key));
        self
    }

    /// The same line, demanding a revision.
    #[must_use]
    pub fn expecting(mut self, revision: Option<u64>) -> Self {
        self.expect = revision;
        self
    }
}

/// A line of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Place in the history, from 0 without holes; never contradicts `time`.
    pub index: u64,
    /// Nanoseconds since the start of the run.
    pub time: u64,
    /// The line itself.
    #[serde(flatten)]
    pub line: Draft,
}

/// Shared strings as plain ones; serde's own feature for this would change how the whole workspace is built.
pub(crate) mod words {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(words: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(words)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }

    pub(crate) mod maybe {
        use super::{Arc, Deserialize, Deserializer, Serializer};

        pub(crate) fn serialize<S: Serializer>(words: &Option<Arc<str>>, to: S) -> Result<S::Ok, S::Error> {
            match words {
                Some(words) => to.serialize_some(&**words),
                None => to.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<str>>, D::Error> {
            Ok(Option::<String>::deserialize(from)?.map(Arc::from))
        }
    }
}
