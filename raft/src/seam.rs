//! The seams: everything through which the outside (time of day, chance, sockets, threads) reaches this code.
//!
//! Time itself is `tokio::time` everywhere, so a simulation pauses and advances it. The disk is `storage::Engine`. Production uses the
//! implementations at the end of this file; a simulation hands in its own. Nothing else in the product may open sockets, read the wall
//! clock, draw random bytes or choose a runtime.

use std::{
    fmt::Debug,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
};

/// Random bytes.
pub trait Chance: Debug + Send + Sync + 'static {
    /// Fills `bytes` with bytes nobody can foretell (production) or that follow from the seed (simulation).
    fn fill(&self, bytes: &mut [u8]);

    /// A random number.
    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A random (version 4) UUID.
    fn uuid(&self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// The time of day: for timestamps people read and for certificates, never for order, leases or deadlines.
pub trait Wall: Debug + Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> u64;
}

/// A byte stream in both directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Any byte stream.
pub type BoxedIo = Box<dyn Io>;

/// Something that accepts connections.
#[async_trait::async_trait]
pub trait Listener: Send + 'static {
    /// The next connection and, in words, where it comes from.
    async fn accept(&mut self) -> io::Result<(BoxedIo, String)>;
    /// The address that is listened on, `host:port` (the port that was chosen, where 0 was asked for).
    fn local(&self) -> String;
}

/// Connects and listens. Addresses are `host:port`.
#[async_trait::async_trait]
pub trait Network: Debug + Send + Sync + 'static {
    /// Opens a connection. The caller sets the deadline.
    async fn connect(&self, address: &str) -> io::Result<BoxedIo>;
    /// Listens on an address.
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>>;
}

/// Where tasks run: a handle of a tokio runtime.
#[derive(Clone, Debug)]
pub struct Executor {
    handle: tokio::runtime::Handle,
}

impl Executor {
    /// Tasks run on this runtime.
    pub const fn new(handle: tokio::runtime::Handle) -> Self {
        Self { handle }
    }

    /// Tasks run on the runtime this is called in.
    ///
    /// # Errors
    /// There is none.
    pub fn current() -> Result<Self, tokio::runtime::TryCurrentError> {
        tokio::runtime::Handle::try_current().map(Self::new)
    }

    /// Starts a task. The caller keeps the handle.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// The runtime's handle.
    pub const fn handle(&self) -> &tokio::runtime::Handle {
        &self.handle
    }
}

/// All seams of a member.
#[derive(Clone, Debug)]
pub struct Seams {
    /// Random bytes.
    pub chance: Arc<dyn Chance>,
    /// The time of day.
    pub wall: Arc<dyn Wall>,
    /// Sockets.
    pub network: Arc<dyn Network>,
    /// The runtime of Raft: nothing that may compute or wait for long runs here.
    pub raft: Executor,
    /// The runtime of everything else: answers to peer calls run here.
    pub rest: Executor,
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsChance;

impl Chance for OsChance {
    fn fill(&self, bytes: &mut [u8]) {
        // Without entropy no key, uuid or election is possible; the system call fails only on a broken machine, and then zeroes
        // (refused by every user of ids) are better than a panic in a consensus task.
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "the operating system gives no random bytes");
        }
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsWall;

impl Wall for OsWall {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// TCP of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

#[async_trait::async_trait]
impl Network for Tcp {
    async fn connect(&self, address: &str) -> io::Result<BoxedIo> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }

    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(TcpListener(tokio::net::TcpListener::bind(address).await?)))
    }
}

struct TcpListener(tokio::net::TcpListener);

#[async_trait::async_trait]
impl Listener for TcpListener {
    async fn accept(&mut self) -> io::Result<(BoxedIo, String)> {
        let (stream, from) = self.0.accept().await?;
        stream.set_nodelay(true)?;
        Ok((Box::new(stream), from.to_string()))
    }

    fn local(&self) -> String {
        self.0.local_addr().map_or_else(|_| String::from("unknown"), |address| address.to_string())
    }
}

/// A future without a name.
pub type BoxedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
