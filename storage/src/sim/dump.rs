//! A simulated checkpoint: the rows as a stream of records, cut into files.

use bytes::{Buf, BufMut, Bytes};

use crate::engine::Family;
use crate::error::Error;
use crate::sim::table::{Cell, Rows};

/// Files begin with this; a number follows.
pub(crate) const FILE: &str = "rows-";
/// Small, so that a test's snapshot has several files.
const FILE_BYTES: usize = 16 << 10;

/// The files of a checkpoint, in order.
pub(crate) fn files(rows: &Rows) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut stream = vec![b'S'];
    for family in Family::ALL {
        for (key, cell) in rows.family(family) {
            let value = cell.read(None)?;
            stream.put_u8(if family == Family::Meta { 0 } else { 1 });
            for part in [key, &value] {
                stream.put_u64(u64::try_from(part.len()).unwrap_or(u64::MAX));
                stream.put_slice(part);
            }
        }
    }
    Ok(stream.chunks(FILE_BYTES).enumerate().map(|(number, bytes)| (format!("{FILE}{number:06}"), bytes.to_vec())).collect())
}

/// The rows in the joined files of a checkpoint.
pub(crate) fn rows(stream: Vec<u8>) -> Result<Rows, Error> {
    let torn = || Error::corrupt("a simulated checkpoint", "it is torn");
    let mut stream = Bytes::from(stream);
    let mut rows = Rows::default();
    if stream.try_get_u8().map_err(|_| torn())? != b'S' {
        return Err(torn());
    }
    while stream.has_remaining() {
        let family = if stream.get_u8() == 0 { Family::Meta } else { Family::Rows };
        let mut part = || {
            let length = stream.try_get_u64().ok().and_then(|length| usize::try_from(length).ok()).ok_or_else(torn)?;
            if length > stream.len() { Err(torn()) } else { Ok(stream.split_to(length)) }
        };
        let (key, value) = (part()?, part()?);
        rows.family_mut(family).insert(Bytes::copy_from_slice(&key), Cell::new(&value));
    }
    Ok(rows)
}
