//! Answers of a look-up by id or name, and how a page of a list is asked for.
//!
//! Names are not unique, so a name may find several; a caller then has to use the id.

use uuid::Uuid;

use crate::outcome::{Class, Refusal};

/// What a look-up found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<T> {
    /// Exactly one.
    One(T),
    /// None that the caller may see.
    Missing,
    /// A name that several visible ones have.
    Several,
}

impl<T> Found<T> {
    /// What a search that gathers two at most came to.
    pub(crate) fn of(mut found: Vec<T>) -> Self {
        match (found.pop(), found.is_empty()) {
            (None, _) => Self::Missing,
            (Some(record), true) => Self::One(record),
            (Some(_), false) => Self::Several,
        }
    }

    /// The one, or the refusal that says why not. `noun` names the kind for people, `ident` is what was asked for.
    pub fn required(self, noun: &str, ident: &str) -> Result<T, Refusal> {
        match self {
            Self::One(record) => Ok(record),
            Self::Missing => Err(Refusal::new(Class::Missing, &format!("{noun}-missing"), format!("{noun} {ident} could not be found"))),
            Self::Several => Err(Refusal::new(
                Class::Conflict,
                &format!("{noun}-ambiguous"),
                format!("several of kind {noun} have the name {ident}; use the uuid"),
            )),
        }
    }

    /// The one, if it is one.
    pub fn one(self) -> Option<T> {
        match self {
            Self::One(record) => Some(record),
            Self::Missing | Self::Several => None,
        }
    }
}

impl<T> From<Option<T>> for Found<T> {
    fn from(record: Option<T>) -> Self {
        record.map_or(Self::Missing, Self::One)
    }
}

/// An id or a name as it stands in a path: whatever parses as a UUID (any case, dashes optional) is an id and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ident<'a> {
    /// An id.
    Id(Uuid),
    /// A name.
    Name(&'a str),
}

impl<'a> Ident<'a> {
    /// Reads one.
    pub fn parse(text: &'a str) -> Self {
        Uuid::try_parse(text).map_or(Self::Name(text), Self::Id)
    }
}

/// Which part of a list is wanted. Lists run in order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The serial of the last one of the page before; none: from the beginning.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
    /// Newest first.
    pub descending: bool,
}

impl Page {
    /// The whole list, oldest first.
    pub const ALL: Self = Self { after: None, limit: usize::MAX, descending: false };

    /// The first `limit`, oldest first.
    pub fn first(limit: usize) -> Self {
        Self { limit, ..Self::ALL }
    }
}
