//! The RocksDB calls that both kinds of engine share: batches in, rows out, errors in our words.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use model::Visit;
use rocksdb::{Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBRawIterator, ErrorKind, FlushOptions, ReadOptions, WriteBatch};

use crate::batch::{Batch, Change};
use crate::disk::Open;
use crate::engine::{Family, Kind, Range, VisitEach, Visitor};
use crate::error::Error;
use crate::rocks::options;

/// An open database and its name for errors.
pub(crate) struct Database {
    db: DB,
    name: Arc<str>,
}

impl Database {
    /// Opens or creates the database in `path`.
    pub(crate) fn open(path: &Path, kind: Kind, open: Open, cache: &Cache) -> Result<Self, Error> {
        let name: Arc<str> = format!("the database {}", path.display()).into();
        let options = options::database(kind, open == Open::Create);
        let families = Family::ALL.map(|family| ColumnFamilyDescriptor::new(family.name(), options::family(kind, cache)));
        let db = match open {
            Open::ReadOnly => DB::open_cf_descriptors_read_only(&options, path, families, false),
            Open::Create | Open::Existing => DB::open_cf_descriptors(&options, path, families),
        };
        Ok(Self { db: db.map_err(|error| translate(&name, "opening", &error))?, name })
    }

    /// The RocksDB handle, for snapshots and checkpoints.
    pub(crate) fn raw(&self) -> &DB {
        &self.db
    }

    /// An error of RocksDB in our words.
    pub(crate) fn error(&self, doing: &str, error: &rocksdb::Error) -> Error {
        translate(&self.name, doing, error)
    }

    /// Writes batches as one.
    pub(crate) fn write<'a>(&self, batches: impl Iterator<Item = &'a Batch>, how: &rocksdb::WriteOptions) -> Result<(), Error> {
        let mut all = WriteBatch::default();
        let (meta, rows) = (self.family(Family::Meta)?, self.family(Family::Rows)?);
        let pick = |family| if family == Family::Meta { meta } else { rows };
        for change in batches.flat_map(Batch::changes) {
            match change {
                Change::Put { family, key, value } => all.put_cf(pick(family), key, value),
                Change::Delete { family, key } => all.delete_cf(pick(family), key),
                Change::DeleteRange { family, start, end } => all.delete_range_cf(pick(family), start, end),
            }
        }
        self.db.write_opt(all, how).map_err(|error| self.error("writing", &error))
    }

    /// The value of a key, copied out of the cache.
    pub(crate) fn get(&self, family: Family, key: &[u8], options: &ReadOptions) -> Result<Option<Bytes>, Error> {
        let found = self.db.get_pinned_cf_opt(self.family(family)?, key, options).map_err(|error| self.error("reading", &error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// The values of many keys, in their order: looked up together, which costs less than one by one.
    pub(crate) fn get_many(&self, family: Family, keys: &[Vec<u8>], options: &ReadOptions) -> Result<Vec<Option<Bytes>>, Error> {
        let found = self.db.batched_multi_get_cf_opt(self.family(family)?, keys, false, options).into_iter();
        let copied = found.map(|value| value.map(|value| value.map(|value| Bytes::copy_from_slice(&value))));
        copied.collect::<Result<_, _>>().map_err(|error| self.error("reading", &error))
    }

    /// Visits the rows that begin with each prefix, with one iterator that jumps: making one costs more than a short walk.
    pub(crate) fn scan_each(
        &self,
        family: Family,
        prefixes: &[Vec<u8>],
        options: ReadOptions,
        visit: &mut VisitEach<'_>,
    ) -> Result<(), Error> {
        let mut rows: DBRawIterator<'_> = self.db.raw_iterator_cf_opt(self.family(family)?, options);
        for (number, prefix) in prefixes.iter().enumerate() {
            rows.seek(prefix);
            while let Some((key, value)) = rows.item().filter(|(key, _)| key.starts_with(prefix)) {
                if visit(number, key, value) == Visit::Stop {
                    break;
                }
                rows.next();
            }
            rows.status().map_err(|error| self.error("reading", &error))?;
        }
        Ok(())
    }

    /// Visits the rows of a range; `options` may hold a snapshot.
    pub(crate) fn scan(&self, family: Family, range: Range<'_>, mut options: ReadOptions, visit: &mut Visitor<'_>) -> Result<(), Error> {
        if range.is_empty() {
            return Ok(());
        }
        options.set_iterate_lower_bound(range.start);
        if let Some(end) = range.end {
            options.set_iterate_upper_bound(end);
        }
        let mut rows: DBRawIterator<'_> = self.db.raw_iterator_cf_opt(self.family(family)?, options);
        if range.reverse {
            rows.seek_to_last();
        } else {
            rows.seek_to_first();
        }
        while let Some((key, value)) = rows.item() {
            if visit(key, value) == Visit::Stop {
                return Ok(());
            }
            if range.reverse {
                rows.prev();
            } else {
                rows.next();
            }
        }
        rows.status().map_err(|error| self.error("reading", &error))
    }

    /// Writes the memtables of all families to files; waits for it or only starts it.
    pub(crate) fn flush(&self, wait: bool) -> Result<(), Error> {
        let mut options = FlushOptions::default();
        options.set_wait(wait);
        let families = [self.family(Family::Meta)?, self.family(Family::Rows)?];
        self.db.flush_cfs_opt(&[&families[0], &families[1]], &options).map_err(|error| self.error("flushing", &error))
    }

    /// Syncs the write-ahead log.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.db.flush_wal(true).map_err(|error| self.error("syncing", &error))
    }

    fn family(&self, family: Family) -> Result<&ColumnFamily, Error> {
        self.db.cf_handle(family.name()).ok_or_else(|| Error::corrupt(self.name.clone(), format!("family {} is missing", family.name())))
    }
}

/// RocksDB's error in our words. It says how it failed only in its text, so a full disk is recognised by the system's phrase.
fn translate(name: &Arc<str>, doing: &str, error: &rocksdb::Error) -> Error {
    let text = error.to_string();
    if text.contains("No space left on device") {
        return Error::NoSpace { what: format!("{doing} {name}").into() };
    }
    if error.kind() == ErrorKind::Corruption {
        return Error::corrupt(name.clone(), text);
    }
    Error::Io { what: format!("{doing} {name}").into(), reason: text.into() }
}
