//! Pages of lists: how many, after which, in which order, and the link to the next.
//!
//! The order of creation is the stored one and costs a page; any other order looks at everything the caller sees and keeps one page of
//! it in memory. The sort is stable, with the order of creation deciding between equals in the same direction.

use std::collections::BTreeMap;

use model::{Fault, found};
use serde::{Serialize, Serializer, ser::SerializeMap};
use uuid::Uuid;

use crate::{call::Call, decode::scalar, error::Error, query::encoded, reply::Reply};

/// The parameters every list knows.
pub(crate) const PARAMETERS: &[&str] = &["limit", "marker", "sort_dir", "sort_key"];

/// How many rows are looked at together where the order is not the stored one.
const PORTION: usize = 512;

/// A value to sort by. Nothing comes before numbers, numbers before texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    None,
    Number(u64),
    Text(String),
}

impl From<Option<&str>> for Key {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::None, |text| Self::Text(text.to_owned()))
    }
}
impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<Option<u64>> for Key {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::None, Self::Number)
    }
}
impl From<bool> for Key {
    fn from(flag: bool) -> Self {
        Self::Number(flag.into())
    }
}

/// Something that stands in a list.
pub(crate) trait Row: Clone {
    /// Its place in the order of creation.
    fn serial(&self) -> u64;
    /// What a marker names.
    fn uuid(&self) -> Uuid;
    /// How a marker is written.
    fn marker(&self) -> String {
        self.uuid().to_string()
    }
    /// What a written marker names; the error says what it should have been.
    fn named(marker: &str) -> Result<Uuid, &'static str> {
        Uuid::try_parse(marker).map_err(|_| "a uuid")
    }
    /// The stored column of this name; `None`: there is no such column.
    fn column(&self, name: &str) -> Option<Key>;
}

/// Which page of a list is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) limit: usize,
    pub(crate) marker: Option<Uuid>,
    sort_key: String,
    descending: bool,
}

impl Wanted {
    /// Reads the query of a list of `R`.
    ///
    /// # Errors
    /// 400 for what makes no sense.
    pub(crate) fn of<R: Row + Default>(call: &Call<'_>) -> Result<Self, Error> {
        let max = call.app.settings.max_limit;
        let limit = match call.query.get("limit") {
            None => max,
            Some(text) => match scalar::digits(text) {
                Some(limit) if limit > 0 => usize::try_from(limit).unwrap_or(max).min(max),
                _ => return Err(Error::invalid("limit must be a positive integer")),
            },
        };
        let marker = call.query.get("marker").map(R::named).transpose().map_err(|kind| Error::invalid(format!("marker must be {kind}")))?;
        let sort_key = call.query.get("sort_key").unwrap_or("id").to_owned();
        if sort_key != "id" && R::default().column(&sort_key).is_none() {
            return Err(Error::invalid("sort_key must name a stored column"));
        }
        let descending = match call.query.get("sort_dir") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(Error::invalid("sort_dir must be asc or desc")),
        };
        Ok(Self { limit, marker, sort_key, descending })
    }

    /// The page: `fetch` reads in order of creation, `marker` is the row the client saw last.
    ///
    /// # Errors
    /// 500 if the state cannot be read.
    pub(crate) fn select<R: Row>(
        &self,
        marker: Option<&R>,
        fetch: impl Fn(&found::Page) -> Result<Vec<R>, Fault>,
    ) -> Result<Vec<R>, Error> {
        if self.sort_key == "id" {
            let page = found::Page { after: marker.map(Row::serial), limit: self.limit, descending: self.descending };
            return Ok(fetch(&page)?);
        }
        let place = |row: &R| (row.column(&self.sort_key).unwrap_or(Key::None), row.serial());
        let after = marker.map(place);
        let mut kept: BTreeMap<(Key, u64), R> = BTreeMap::new();
        let mut page = found::Page { after: None, limit: PORTION, descending: false };
        loop {
            let rows = fetch(&page)?;
            let more = rows.len() == PORTION;
            page.after = rows.last().map(Row::serial);
            for row in rows {
                let place = place(&row);
                let passed = after.as_ref().is_some_and(|after| if self.descending { place >= *after } else { place <= *after });
                if !passed {
                    kept.insert(place, row);
                    if kept.len() > self.limit {
                        // The one that is farthest from the beginning of the page.
                        if self.descending {
                            kept.pop_first()
                        } else {
                            kept.pop_last()
                        };
                    }
                }
            }
            if !more {
                break;
            }
        }
        let rows = kept.into_values();
        Ok(if self.descending { rows.rev().collect() } else { rows.collect() })
    }

    /// The page as an answer: the rows as `shape` shows them, in the collection of this name.
    ///
    /// # Errors
    /// If it cannot be serialised, which would be a fault of ours.
    pub(crate) fn reply<'r, R: Row, S: Serialize>(
        &self,
        call: &Call<'_>,
        name: &'static str,
        rows: &'r [R],
        shape: impl Fn(&'r R) -> S,
    ) -> Result<Reply, Error> {
        let next = self.next(call, rows);
        Reply::ok(&Listing { name, rows: rows.iter().map(shape).collect(), next })
    }

    /// The link to the next page, which the same route answers: there is one exactly when this one is full.
    fn next<R: Row>(&self, call: &Call<'_>, rows: &[R]) -> Option<String> {
        let last = rows.last().filter(|_| rows.len() == self.limit)?;
        let direction = if self.descending { "desc" } else { "asc" };
        let mut next = format!(
            "{}{}?sort_key={}&sort_dir={direction}&limit={}&marker={}",
            call.base,
            call.path,
            encoded(&self.sort_key),
            self.limit,
            last.marker()
        );
        for (name, value) in call.query.others(PARAMETERS) {
            next.push_str(&format!("&{}={}", encoded(name), encoded(value)));
        }
        Some(next)
    }
}

/// A page as JSON: the rows under the collection's name, and the link to the next.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<T>,
    pub(crate) next: Option<String>,
}

impl<T: Serialize> Serialize for Listing<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.name, &self.rows)?;
        if let Some(next) = &self.next {
            map.serialize_entry("next", next)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, Default, PartialEq)]
    struct Thing(u64, &'static str);

    impl Row for Thing {
        fn serial(&self) -> u64 {
            self.0
        }
        fn uuid(&self) -> Uuid {
            Uuid::from_u128(self.0.into())
        }
        fn column(&self, name: &str) -> Option<Key> {
            (name == "name").then(|| Key::from(self.1))
        }
    }

    const THINGS: [Thing; 5] = [Thing(1, "b"), Thing(2, "a"), Thing(3, "b"), Thing(4, "c"), Thing(5, "a")];

    fn fetch(page: &found::Page) -> Result<Vec<Thing>, Fault> {
        let mut rows: Vec<Thing> = THINGS.to_vec();
        if page.descending {
            rows.reverse();
        }
        let passed = |thing: &Thing| page.after.is_some_and(|after| if page.descending { thing.0 >= after } else { thing.0 <= after });
        rows.retain(|thing| !passed(thing));
        rows.truncate(page.limit);
        Ok(rows)
    }

    fn walk(sort_key: &str, descending: bool, limit: usize) -> Vec<u64> {
        let wanted = Wanted { limit, marker: None, sort_key: sort_key.to_owned(), descending };
        let mut serials = Vec::new();
        let mut marker: Option<Thing> = None;
        loop {
            let rows = wanted.select(marker.as_ref(), fetch).unwrap();
            assert!(rows.len() <= limit);
            serials.extend(rows.iter().map(|row| row.0));
            match rows.last() {
                Some(last) => marker = Some(last.clone()),
                None => return serials,
            }
        }
    }

    #[test]
    fn pages_together_are_the_list() {
        for limit in 1..=6 {
            assert_eq!(walk("id", false, limit), [1, 2, 3, 4, 5]);
            assert_eq!(walk("id", true, limit), [5, 4, 3, 2, 1]);
            assert_eq!(walk("name", false, limit), [2, 5, 1, 3, 4]);
            assert_eq!(walk("name", true, limit), [4, 3, 1, 5, 2]);
        }
    }
}
