//! The typed layer over `tables`: a record knows its table, its key and the index rows under which lists find it.
//!
//! Invariant: index rows exist exactly for the stored form of a record. [`put`] removes the rows that the previous form had and the
//! new one has not, so nothing else may write records. Index keys end with the record's key, so that a list needs no second look-up
//! to know what to read. Where lists of something else need a figure of a record, its index rows carry that figure as their value
//! ([`Record::covered`]), and the record is not read at all.

use prost::Message;

use crate::{
    found::Page,
    tables::{Fault, KeyRange, Tables, View, Visit, table},
};

/// Something that is kept in a table under a key of its own.
pub trait Record: Message + Default + Clone + PartialEq {
    /// The first byte of its keys.
    const TABLE: u8;
    /// The key within its table.
    fn key(&self) -> Vec<u8>;
    /// The names of its index rows: each a (`index`, `sort key`) pair, of which [`index_prefix`] makes the row's prefix.
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        Vec::new()
    }
    /// The value of all its index rows: what is wanted of it where it is found, without reading it.
    fn covered(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// The secondary indexes. Append only; a byte is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Index {
    /// Templates by project, then serial.
    TemplateByProject = 1,
    /// Templates by name.
    TemplateByName = 2,
    /// Public templates that are not hidden, by serial.
    TemplatePublic = 3,
    /// Clusters by project, then serial.
    ClusterByProject = 4,
    /// Clusters by name.
    ClusterByName = 5,
    /// Clusters by template.
    ClusterByTemplate = 6,
    /// All clusters by serial.
    ClusterBySerial = 7,
    /// Node groups by cluster, then serial.
    NodeGroupByCluster = 8,
    /// Nodes by project, then serial.
    NodeByProject = 9,
    /// Nodes by cluster, then serial.
    NodeByCluster = 10,
    /// Containers by project, then serial.
    ContainerByProject = 11,
    /// Containers by cluster, then serial.
    ContainerByCluster = 12,
    /// Containers by name.
    ContainerByName = 13,
    /// Operations by cluster, in order of acceptance.
    OperationByCluster = 14,
    /// Unfinished operations by deadline.
    OperationByDeadline = 15,
    /// Events by cluster, then log index.
    EventByCluster = 16,
    /// Clusters by owner.
    OwnershipByMember = 17,
    /// All templates by serial.
    TemplateBySerial = 18,
    /// Unfinished operations by cluster.
    OperationOpenByCluster = 19,
    /// Idempotency keys by the log time at which they are forgotten.
    IdempotencyByExpiry = 20,
    /// Idempotency keys by project, then the log time at which they are forgotten.
    IdempotencyByProject = 21,
    /// All containers by serial.
    ContainerBySerial = 22,
    /// All nodes by serial.
    NodeBySerial = 23,
    /// Operations of removed clusters by the log time at which they are forgotten.
    OperationByForget = 24,
    /// Operations that have left something outside, in order of acceptance.
    OperationByLeft = 50,
}

/// The whole key of a record.
pub fn whole_key(table: u8, key: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(1 + key.len());
    whole.push(table);
    whole.extend_from_slice(key);
    whole
}

/// The prefix of all rows of `index` under `sort`.
pub fn index_prefix(index: Index, sort: &[u8]) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(2 + sort.len());
    prefix.push(table::INDEX);
    prefix.push(index as u8);
    prefix.extend_from_slice(sort);
    prefix
}

/// A text and a serial as a sort key.
pub fn text_serial_key(text: &str, serial: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(text.len() + 9);
    key.extend_from_slice(text.as_bytes());
    key.push(0);
    key.extend_from_slice(&serial.to_be_bytes());
    key
}

/// An id and a serial as a sort key.
pub fn id_serial_key(id: &[u8; 16], serial: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    key.extend_from_slice(id);
    key.extend_from_slice(&serial.to_be_bytes());
    key
}

/// A text as part of a sort key: ends with a zero byte, which validated texts never hold.
pub fn text_key(text: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(text.len() + 1);
    key.extend_from_slice(text.as_bytes());
    key.push(0);
    key
}

pub(crate) fn index_rows<R: Record>(record: &R) -> Vec<Vec<u8>> {
    let key = record.key();
    record
        .indexes()
        .into_iter()
        .map(|(index, sort)| {
            let mut row = Vec::with_capacity(2 + sort.len() + key.len());
            row.extend_from_slice(&[table::INDEX, index as u8]);
            row.extend_from_slice(&sort);
            row.extend_from_slice(&key);
            row
        })
        .collect()
}

/// Decodes a stored record.
pub fn decode<R: Record>(key: &[u8], value: &[u8]) -> Result<R, Fault> {
    R::decode(value).map_err(|error| Fault::Record { key: format!("{:?}", bytes::Bytes::copy_from_slice(key)), reason: error.to_string() })
}

/// The record under `key` of its table.
pub fn get<R: Record>(view: &(impl View + ?Sized), key: &[u8]) -> Result<Option<R>, Fault> {
    let whole = whole_key(R::TABLE, key);
    view.get(&whole)?.map(|value| decode(&whole, &value)).transpose()
}

/// Stores a record and keeps its index rows in step.
pub fn put<R: Record>(tables: &mut (impl Tables + ?Sized), record: &R) -> Result<(), Fault> {
    let previous: Option<R> = get(tables, &record.key())?;
    replace(tables, previous.as_ref(), record);
    Ok(())
}

/// Stores a record whose previous form is already at hand (`None`: it is new).
pub fn replace<R: Record>(tables: &mut (impl Tables + ?Sized), previous: Option<&R>, record: &R) {
    let (rows, covered) = (index_rows(record), record.covered());
    let before = previous.map(index_rows).unwrap_or_default();
    let same = previous.is_some_and(|previous| previous.covered() == covered);
    for row in &before {
        if !rows.contains(row) {
            tables.delete(row.clone());
        }
    }
    for row in rows {
        if !same || !before.contains(&row) {
            tables.put(row, covered.clone());
        }
    }
    tables.put(whole_key(R::TABLE, &record.key()), record.encode_to_vec());
}

/// Whether there is a record under `key` of `R`'s table; reads no index and decodes nothing.
pub fn exists<R: Record>(view: &(impl View + ?Sized), key: &[u8]) -> Result<bool, Fault> {
    Ok(view.get(&whole_key(R::TABLE, key))?.is_some())
}

/// Removes a record and its index rows.
pub fn delete<R: Record>(tables: &mut (impl Tables + ?Sized), record: &R) {
    for row in index_rows(record) {
        tables.delete(row);
    }
    tables.delete(whole_key(R::TABLE, &record.key()));
}

/// Visits all records of a table in key order.
pub fn each<R: Record>(view: &(impl View + ?Sized), visit: &mut dyn FnMut(R) -> Visit) -> Result<(), Fault> {
    let mut fault = None;
    view.scan(KeyRange::prefix(&[R::TABLE]), &mut |key, value| match decode(key, value) {
        Ok(record) => visit(record),
        Err(error) => {
            fault = Some(error);
            Visit::Stop
        }
    })?;
    fault.map_or(Ok(()), Err)
}

/// All records of a table: for small tables and for checks.
pub fn all<R: Record>(view: &(impl View + ?Sized)) -> Result<Vec<R>, Fault> {
    let mut records = Vec::new();
    each(view, &mut |record| {
        records.push(record);
        Visit::Continue
    })?;
    Ok(records)
}

/// The keys (within `R`'s table) of the rows of `index` under `sort`, in order, `limit` at most.
/// `key_len` is the length of `R`'s keys.
pub fn keys_by<R: Record>(
    view: &(impl View + ?Sized),
    index: Index,
    sort: &[u8],
    key_len: usize,
    limit: usize,
) -> Result<Vec<Vec<u8>>, Fault> {
    let mut keys = Vec::new();
    if limit == 0 {
        return Ok(keys);
    }
    view.scan(KeyRange::prefix(&index_prefix(index, sort)), &mut |row, _| {
        keys.push(row[row.len().saturating_sub(key_len)..].to_vec());
        if keys.len() < limit { Visit::Continue } else { Visit::Stop }
    })?;
    Ok(keys)
}

/// The records of `index` under `sort`, in order, `limit` at most, whose keys are 16-byte ids.
pub fn list_by<R: Record>(view: &(impl View + ?Sized), index: Index, sort: &[u8], limit: usize) -> Result<Vec<R>, Fault> {
    let mut records = Vec::new();
    for key in keys_by::<R>(view, index, sort, 16, limit)? {
        if let Some(record) = get(view, &key)? {
            records.push(record);
        }
    }
    Ok(records)
}

/// One page of an index whose sort keys are `sort` and a serial, and whose keys are 16-byte ids: (serial, id), in the page's order.
pub fn serials(view: &(impl View + ?Sized), index: Index, sort: &[u8], page: &Page) -> Result<Vec<(u64, [u8; 16])>, Fault> {
    let prefix = index_prefix(index, sort);
    let mut range = KeyRange::prefix(&prefix);
    range.reverse = page.descending;
    if let Some(after) = page.after {
        let bound = if page.descending { after } else { after.saturating_add(1) };
        let bound = [prefix.as_slice(), &bound.to_be_bytes()].concat();
        if page.descending { range.end = bound } else { range.start = bound }
    }
    let mut rows = Vec::new();
    if page.limit == 0 {
        return Ok(rows);
    }
    view.scan(range, &mut |row, _| {
        let parts = row.get(prefix.len()..).and_then(|rest| rest.split_first_chunk::<8>());
        if let Some((serial, id)) = parts
            && let Ok(id) = <[u8; 16]>::try_from(id)
        {
            rows.push((u64::from_be_bytes(*serial), id));
        }
        if rows.len() < page.limit { Visit::Continue } else { Visit::Stop }
    })?;
    Ok(rows)
}

/// The records of one page of such an index.
pub fn page<R: Record>(view: &(impl View + ?Sized), index: Index, sort: &[u8], page: &Page) -> Result<Vec<R>, Fault> {
    collect(view, serials(view, index, sort, page)?.iter().map(|(_, id)| id.as_slice()))
}

/// The records under these keys, in this order; those that are not there are left out.
pub fn collect<'k, R: Record>(view: &(impl View + ?Sized), keys: impl Iterator<Item = &'k [u8]>) -> Result<Vec<R>, Fault> {
    let keys: Vec<Vec<u8>> = keys.map(|key| whole_key(R::TABLE, key)).collect();
    let values = view.get_many(&keys)?;
    let found = keys.iter().zip(values).filter_map(|(key, value)| value.map(|value| decode(key, &value)));
    found.collect()
}

/// The records of an index by name that really have it and that `wanted` lets through: two at most, which is all a look-up needs.
pub fn named<R: Record>(view: &(impl View + ?Sized), index: Index, name: &str, wanted: impl Fn(&R) -> bool) -> Result<Vec<R>, Fault> {
    let mut found = Vec::new();
    let mut fault = None;
    view.scan(KeyRange::prefix(&index_prefix(index, &text_key(name))), &mut |row, _| {
        let key = row.get(row.len().saturating_sub(16)..).unwrap_or_default();
        match get::<R>(view, key) {
            Ok(Some(record)) if wanted(&record) => found.push(record),
            Ok(_) => {}
            Err(error) => fault = Some(error),
        }
        if found.len() < 2 && fault.is_none() { Visit::Continue } else { Visit::Stop }
    })?;
    fault.map_or(Ok(found), Err)
}
