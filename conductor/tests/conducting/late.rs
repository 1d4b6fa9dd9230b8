//! Answers that come late: the leader grants a lease at once, and its answer travels for as long as a test says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use model::{MemberId, peer::method};
use raft::{Answer, ByteStream, Refused};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// How long the way back to each member is, and when each asked last. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Ways {
    inner: Arc<Mutex<Inner>>,
    asked: Arc<Notify>,
}

#[derive(Default)]
struct Inner {
    back: BTreeMap<MemberId, Duration>,
    asked: BTreeMap<MemberId, Instant>,
}

impl Ways {
    fn inner<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap())
    }

    /// From now on grants take this long to come back to a member.
    pub(crate) fn back_to(&self, member: u64, time: Duration) {
        self.inner(|inner| inner.back.insert(MemberId(member), time));
    }

    /// Waits until a member asks for a grant after this moment; when its request arrived.
    pub(crate) async fn asks(&self, member: u64) -> Instant {
        let since = Instant::now();
        loop {
            let arrived = self.asked.notified();
            if let Some(at) = self.inner(|inner| inner.asked.get(&MemberId(member)).copied()).filter(|at| *at > since) {
                return at;
            }
            arrived.await;
        }
    }

    /// What a member answers, on these ways.
    pub(crate) fn under(&self, answers: Arc<dyn Answer>) -> Arc<dyn Answer> {
        Arc::new(Late { answers, ways: self.clone() })
    }
}

struct Late {
    answers: Arc<dyn Answer>,
    ways: Ways,
}

#[async_trait::async_trait]
impl Answer for Late {
    async fn call(&self, from: MemberId, name: &str, body: Bytes) -> Result<Bytes, Refused> {
        if name != method::GRANT {
            return self.answers.call(from, name, body).await;
        }
        self.ways.inner(|inner| inner.asked.insert(from, Instant::now()));
        self.ways.asked.notify_waiters();
        let answer = self.answers.call(from, name, body).await;
        let back = self.ways.inner(|inner| inner.back.get(&from).copied());
        if let Some(time) = back {
            sleep(time).await;
        }
        answer
    }

    async fn stream(&self, from: MemberId, name: &str, body: Bytes) -> Result<ByteStream<Refused>, Refused> {
        self.answers.stream(from, name, body).await
    }
}
