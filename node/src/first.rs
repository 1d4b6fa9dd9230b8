//! A connection that knows whether its client has sent anything yet.
//!
//! The time for a request's headers begins with their first byte. A client that connects and sends nothing would hold its place among the
//! connections for ever; so the listener watches the first byte, and gives up on who does not send one.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use raft::seam::BoxedIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream that notes its first byte.
pub(crate) struct First {
    io: BoxedIo,
    came: Arc<AtomicBool>,
}

/// Whether the first byte came.
#[derive(Clone)]
pub(crate) struct Came(Arc<AtomicBool>);

impl First {
    pub(crate) fn new(io: BoxedIo) -> (Self, Came) {
        let came = Arc::new(AtomicBool::new(false));
        (Self { io, came: Arc::clone(&came) }, Came(came))
    }
}

impl Came {
    /// Ends when nothing has come within this time; otherwise never.
    pub(crate) async fn silent(self, within: Duration) {
        tokio::time::sleep(within).await;
        if self.0.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

impl AsyncRead for First {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.came.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for First {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, bytes)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, time::timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_noticed_and_a_first_byte_too() {
        let (_quiet, here) = tokio::io::duplex(8);
        let (_stream, came) = First::new(Box::new(here));
        timeout(Duration::from_secs(11), came.silent(Duration::from_secs(10))).await.expect("it is silent");

        let (mut there, here) = tokio::io::duplex(8);
        let (mut stream, came) = First::new(Box::new(here));
        tokio::io::AsyncWriteExt::write_all(&mut there, b"G").await.expect("it is open");
        stream.read_u8().await.expect("a byte came");
        assert!(timeout(Duration::from_secs(60), came.silent(Duration::from_secs(10))).await.is_err());
    }
}
