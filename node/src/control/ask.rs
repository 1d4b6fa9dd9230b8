//! The command's end of the control socket.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::de::DeserializeOwned;

use super::{MESSAGE_LIMIT, Reply, Request, SOCKET};
use crate::Error;

/// Nothing that is asked takes longer; a snapshot of a large state may take its minutes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Asks the member that runs on `folder`.
///
/// # Errors
/// If none runs there, or it says no.
pub fn ask<A: DeserializeOwned>(folder: &Path, request: &Request) -> Result<A, Error> {
    let answer = exchange(folder, request)?;
    let odd = |error: serde_json::Error| Error::Unreachable(format!("the member's answer makes no sense: {error}"));
    match serde_json::from_slice(&answer).map_err(odd)? {
        Reply::Done(value) => serde_json::from_value(value).map_err(odd),
        Reply::Refused(reason) => Err(Error::Refused(reason)),
    }
}

fn exchange(folder: &Path, request: &Request) -> Result<Vec<u8>, Error> {
    let opened = std::fs::File::open(folder).map_err(Error::system(format!("data folder {}", folder.display())))?;
    let mut stream = UnixStream::connect(socket_of(&opened)).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => Error::Unreachable(format!("no member runs on {}", folder.display())),
        _ => Error::system(format!("control socket in {}", folder.display()))(error),
    })?;
    let broken = || Error::system("control socket");
    let text = serde_json::to_vec(request).map_err(|error| broken()(error.into()))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(broken())?;
    stream.write_all(&text).and_then(|()| stream.shutdown(std::net::Shutdown::Write)).map_err(broken())?;
    let mut answer = Vec::new();
    stream.take(MESSAGE_LIMIT).read_to_end(&mut answer).map_err(broken())?;
    if answer.is_empty() {
        return Err(Error::Unreachable("the member stopped before it answered".to_owned()));
    }
    Ok(answer)
}

/// The socket's path through the open folder: a socket's own path may not be longer than 107 bytes, a folder's may.
pub(super) fn socket_of(folder: &std::fs::File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))
}
