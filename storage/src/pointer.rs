//! The file that says which folder holds the state. Replacing it is the one moment in which a snapshot becomes the state.

use crate::disk::Disk;
use crate::error::Error;
use crate::places;
use crate::sealed;

const TITLE: &str = "jeroboam current state";
const LIMIT: usize = 4 << 10;

/// The state's folder.
pub(crate) fn read(disk: &dyn Disk) -> Result<String, Error> {
    let damaged = |reason: String| Error::Damaged { folder: disk.name(), reason: format!("the file CURRENT_STATE {reason}").into() };
    let bytes = disk.read(places::CURRENT_STATE, 0, LIMIT)?.ok_or_else(|| damaged("is missing".into()))?;
    let values = sealed::open(TITLE, &bytes).map_err(|reason| damaged(format!("is unreadable: {reason}")))?;
    let folder = values.get("folder").filter(|name| places::state_number(name).is_some());
    folder.cloned().ok_or_else(|| damaged("names no folder".into()))
}

/// Switches to another folder, durably.
pub(crate) fn write(disk: &dyn Disk, folder: &str) -> Result<(), Error> {
    disk.replace(places::CURRENT_STATE, &sealed::seal(TITLE, &[("folder", folder.to_owned())]))
}

/// A folder name that was not used yet.
pub(crate) fn next(disk: &dyn Disk) -> Result<String, Error> {
    let highest = disk.list("")?.iter().filter_map(|name| places::state_number(name)).max();
    Ok(places::state(highest.unwrap_or(0) + 1))
}

/// Removes every state folder that is not `current`: only before anything is opened.
pub(crate) fn sweep(disk: &dyn Disk, current: &str) -> Result<(), Error> {
    for name in disk.list("")? {
        if places::state_number(&name).is_some() && name != current {
            disk.remove(&name)?;
        }
    }
    Ok(())
}
