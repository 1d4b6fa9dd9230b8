//! Names of everything in a data folder.

/// Who the folder belongs to.
pub(crate) const IDENTITY: &str = "IDENTITY";
/// Present while a folder is being made; what is beside it may be thrown away.
pub(crate) const CREATING: &str = "CREATING";
/// Which folder holds the state.
pub(crate) const CURRENT_STATE: &str = "CURRENT_STATE";
/// The log's database.
pub(crate) const LOG: &str = "log";
/// Folders of the state's databases begin with this; a number follows.
pub(crate) const STATE: &str = "state-";
/// Snapshots made here.
pub(crate) const SNAPSHOTS: &str = "snapshots";
/// Snapshots being received.
pub(crate) const INCOMING: &str = "incoming";

/// The state folder with a number.
pub(crate) fn state(number: u64) -> String {
    format!("{STATE}{number:06}")
}

/// The number of a state folder.
pub(crate) fn state_number(name: &str) -> Option<u64> {
    name.strip_prefix(STATE)?.parse().ok()
}
