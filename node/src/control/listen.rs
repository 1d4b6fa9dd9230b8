//! The member's end of the control socket.

use std::{fs::File, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Desk, MESSAGE_LIMIT, Reply, SOCKET, ask::socket_of};
use crate::Error;

/// How long a command may take to say what it wants, and to take its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Commands at once; further ones wait.
const AT_ONCE: usize = 8;

/// The socket, listening.
#[derive(Debug)]
pub struct Door {
    listener: UnixListener,
    // The path of the socket leads through this folder.
    folder: File,
}

impl Door {
    /// Listens in `folder`. What a killed member left is taken away: the folder's lock says that no other lives there.
    ///
    /// # Errors
    /// If the system says no.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let failed = || Error::system(format!("control socket in {}", folder.display()));
        let folder = File::open(folder).map_err(failed())?;
        let path = socket_of(&folder);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed()(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed())?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed())?;
        Ok(Self { listener, folder })
    }

    /// Answers until told to stop, then ends what it is at.
    pub async fn run(self, desk: Arc<Desk>, stop: CancellationToken) {
        let mut talks = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = talks.join_next() => {
                    if let Err(error) = ended {
                        tracing::warn!(%error, "a command's talk ended badly");
                    }
                }
                accepted = self.listener.accept(), if talks.len() < AT_ONCE => match accepted {
                    Ok((stream, _)) => { talks.spawn(talk(stream, desk.clone())); }
                    Err(error) => {
                        tracing::warn!(%error, "the control socket accepts nothing");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                },
            }
        }
        talks.shutdown().await;
        if let Err(error) = std::fs::remove_file(socket_of(&self.folder)) {
            tracing::debug!(%error, file = SOCKET, "the socket could not be removed");
        }
    }
}

async fn talk(mut stream: UnixStream, desk: Arc<Desk>) {
    let mut text = Vec::new();
    let (read, mut write) = stream.split();
    match timeout(PATIENCE, read.take(MESSAGE_LIMIT).read_to_end(&mut text)).await {
        Ok(Ok(_)) => {}
        _ => return,
    }
    let reply = match serde_json::from_slice(&text) {
        Ok(request) => desk.answer(request).await,
        Err(error) => Reply::Refused(format!("this member does not understand the command (another version?): {error}")),
    };
    let answer = serde_json::to_vec(&reply).unwrap_or_else(|_| b"{\"refused\":\"the answer cannot be written\"}".to_vec());
    if let Ok(Err(error)) = timeout(PATIENCE, write.write_all(&answer)).await {
        tracing::debug!(%error, "the command did not wait for its answer");
    }
}
