//! Results that come later, without a runtime of their own.
//!
//! A [`Pending`] is resolved by an I/O thread (RocksDB), by the clock of `tokio::time` (simulated disk), or is ready at once. It can be
//! awaited, or handed a callback with [`Pending::then`]: the callback form costs no task and no wake-up, and is what the log's hot path
//! uses. A promise that is dropped unresolved answers [`Error::Closed`], so nobody waits for ever on an engine that is gone.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::error::Error;
use crate::lock::lock;

/// A write that becomes durable later: ready with `Ok` only when the bytes survive a power loss.
pub type Flushed = Pending<()>;

type Callback<T> = Box<dyn FnOnce(Result<T, Error>) + Send>;
type Later<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A result that comes later.
#[must_use = "the outcome of storage must not be lost"]
pub struct Pending<T>(Inner<T>);

enum Inner<T> {
    Ready(Option<Result<T, Error>>),
    Shared(Arc<Slot<T>>),
    Timed(Later<T>),
}

struct Slot<T>(Mutex<Filling<T>>);

enum Filling<T> {
    Waiting(Option<Waker>),
    Handed(Callback<T>),
    Done(Option<Result<T, Error>>),
}

// The result is never pinned, only the boxed future is, and that box is `Unpin` itself.
impl<T> Unpin for Pending<T> {}

impl<T: Send + 'static> Pending<T> {
    /// Ready at once.
    pub fn ready(result: Result<T, Error>) -> Self {
        Self(Inner::Ready(Some(result)))
    }

    /// The result, if it is there already; nothing is awaited.
    pub(crate) fn now(self) -> Result<T, Error>
    where
        T: Default,
    {
        match self.0 {
            Inner::Ready(Some(result)) => result,
            _ => Ok(T::default()),
        }
    }

    /// Driven by whoever awaits it.
    pub(crate) fn timed(later: impl Future<Output = Result<T, Error>> + Send + 'static) -> Self {
        Self(Inner::Timed(Box::pin(later)))
    }

    /// A promise and what waits for it.
    pub(crate) fn promise() -> (Promise<T>, Self) {
        let slot = Arc::new(Slot(Mutex::new(Filling::Waiting(None))));
        (Promise(Some(slot.clone())), Self(Inner::Shared(slot)))
    }

    /// Calls `callback` with the result, on whatever thread resolves it: at once when it is ready, on the I/O thread with RocksDB.
    /// The callback must be short and must not block. On a simulated disk with a delay this needs a tokio runtime.
    pub fn then(self, callback: impl FnOnce(Result<T, Error>) + Send + 'static) {
        match self.0 {
            Inner::Ready(result) => callback(result.unwrap_or(Err(Error::Closed))),
            Inner::Shared(slot) => slot.hand(Box::new(callback)),
            // Only the simulated disk gets here; its runtime dies with the simulated host, and the task with it.
            Inner::Timed(later) => drop(tokio::spawn(async move { callback(later.await) })),
        }
    }
}

impl<T> Slot<T> {
    fn hand(&self, callback: Callback<T>) {
        let result = {
            let mut filling = lock(&self.0);
            match &mut *filling {
                Filling::Done(result) => result.take(),
                other => {
                    *other = Filling::Handed(callback);
                    return;
                }
            }
        };
        callback(result.unwrap_or(Err(Error::Closed)));
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Ready(result) => Poll::Ready(result.take().unwrap_or(Err(Error::Closed))),
            Inner::Timed(later) => later.as_mut().poll(context),
            Inner::Shared(slot) => match &mut *lock(&slot.0) {
                Filling::Done(result) => Poll::Ready(result.take().unwrap_or(Err(Error::Closed))),
                filling => {
                    *filling = Filling::Waiting(Some(context.waker().clone()));
                    Poll::Pending
                }
            },
        }
    }
}

/// The side that resolves; dropping it unresolved answers [`Error::Closed`].
pub(crate) struct Promise<T>(Option<Arc<Slot<T>>>);

impl<T> Promise<T> {
    /// Resolves it.
    pub(crate) fn resolve(mut self, result: Result<T, Error>) {
        self.settle(result);
    }

    fn settle(&mut self, result: Result<T, Error>) {
        let Some(slot) = self.0.take() else { return };
        let mut filling = lock(&slot.0);
        match std::mem::replace(&mut *filling, Filling::Done(None)) {
            Filling::Handed(callback) => {
                drop(filling);
                callback(result);
            }
            Filling::Waiting(waker) => {
                *filling = Filling::Done(Some(result));
                drop(filling);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            Filling::Done(_) => {}
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.settle(Err(Error::Closed));
    }
}
