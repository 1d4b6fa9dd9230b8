//! A network that holds everything up for a while: nothing comes in, nothing goes out, nothing is lost. So a paused machine looks to the
//! others, and so the world looks to it when it goes on: all answers to what it asked before are there at once.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use raft::seam::{BoxedIo, Listener, Network, Tcp};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// All connections of one member. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Valve(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Nothing comes in.
    deaf: bool,
    /// Nothing goes out.
    mute: bool,
    /// But for connections to these addresses.
    free: Vec<String>,
    waiting: Vec<Waker>,
}

impl Valve {
    /// What comes in is held up.
    pub(crate) fn deafen(&self) {
        self.0.lock().unwrap().deaf = true;
    }

    /// What goes out is held up.
    pub(crate) fn mute(&self) {
        self.0.lock().unwrap().mute = true;
    }

    /// Everything passes again.
    pub(crate) fn open(&self) {
        self.change(|state| *state = State::default());
    }

    /// Everything passes again on this member's connections to that address.
    pub(crate) fn open_to(&self, address: &str) {
        self.change(|state| state.free.push(address.to_owned()));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waiting = {
            let mut state = self.0.lock().unwrap();
            let waiting = std::mem::take(&mut state.waiting);
            change(&mut state);
            waiting
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    fn pass(&self, to: &str, context: &Context<'_>, held: fn(&State) -> bool) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if held(&state) && !state.free.iter().any(|free| free == to) {
            state.waiting.push(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

struct Held {
    io: BoxedIo,
    /// Where it goes; nothing for one that came in.
    to: String,
    valve: Valve,
}

impl AsyncRead for Held {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.valve.pass(&self.to, context, |state| state.deaf));
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.valve.pass(&self.to, context, |state| state.mute));
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

struct Door {
    listener: Box<dyn Listener>,
    valve: Valve,
}

#[async_trait::async_trait]
impl Listener for Door {
    async fn accept(&mut self) -> io::Result<(BoxedIo, String)> {
        let (io, from) = self.listener.accept().await?;
        Ok((Box::new(Held { io, to: String::new(), valve: self.valve.clone() }), from))
    }

    fn local(&self) -> String {
        self.listener.local()
    }
}

#[async_trait::async_trait]
impl Network for Valve {
    async fn connect(&self, address: &str) -> io::Result<BoxedIo> {
        let io = Tcp.connect(address).await?;
        Ok(Box::new(Held { io, to: address.to_owned(), valve: self.clone() }))
    }

    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        let listener = Tcp.listen(address).await?;
        Ok(Box::new(Door { listener, valve: self.clone() }))
    }
}
