//! Who calls: what every call made for a cluster carries, looks included.
//!
//! The [`Mark`](crate::Mark) is on the *things* that are made; the caller is on the *calls*. A driver that speaks HTTP sends it as the
//! headers below. To a backend that does not know them (Docker, Heat, Kubernetes) they mean nothing; in its access log, or in that of a
//! proxy before it, they say which member did what, for which operation, under which epoch. A backend or proxy that does know them can
//! fence: remember the highest epoch of each cluster and refuse changes that carry a lower one.
//!
//! The caller is handed down beside the call, like a tracing span, and not in each signature: nothing a driver decides may depend on
//! it. It is taken when a call begins, so a stream that is read later, by another task, still carries the caller that opened it. A watch is
//! made for all clusters at an endpoint and has no caller.

use std::{fmt::Display, future::Future};

use http::{HeaderMap, HeaderName, HeaderValue};
use model::{
    MemberId,
    id::{ClusterId, OperationId},
};

/// Header of the member's number.
pub const MEMBER: HeaderName = HeaderName::from_static("jeroboam-member");
/// Header of the member's incarnation: which start of it this is.
pub const INCARNATION: HeaderName = HeaderName::from_static("jeroboam-incarnation");
/// Header of the cluster's id.
pub const CLUSTER: HeaderName = HeaderName::from_static("jeroboam-cluster");
/// Header of the ownership epoch.
pub const EPOCH: HeaderName = HeaderName::from_static("jeroboam-epoch");
/// Header of the operation's id; absent for looks that belong to none.
pub const OPERATION: HeaderName = HeaderName::from_static("jeroboam-operation");
/// Header of the step's name, or of what a look is for.
pub const STEP: HeaderName = HeaderName::from_static("jeroboam-step");

tokio::task_local! {
    static CALLER: Caller;
}

/// Who makes a call, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The member.
    pub member: MemberId,
    /// Which start of it.
    pub incarnation: u64,
    /// The cluster acted for.
    pub cluster: ClusterId,
    /// The epoch under which the member acts.
    pub epoch: u64,
    /// The operation whose step this is.
    pub operation: Option<OperationId>,
    /// The step, or what a look is for.
    pub step: &'static str,
}

impl Caller {
    /// The same caller at a step of an operation.
    #[must_use]
    pub fn at(self, operation: OperationId, step: &'static str) -> Self {
        Self { operation: Some(operation), step, ..self }
    }

    /// Runs `calls`; what they send carries this caller.
    pub async fn makes<T>(self, calls: impl Future<Output = T>) -> T {
        CALLER.scope(self, calls).await
    }

    /// Who calls just now; `None` outside of [`Self::makes`].
    pub fn current() -> Option<Self> {
        CALLER.try_with(|caller| *caller).ok()
    }

    /// As HTTP headers.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(6);
        let mut put = |name, value: &dyn Display| {
            // Numbers, ids and names of steps: always sendable.
            if let Ok(value) = HeaderValue::try_from(value.to_string()) {
                headers.insert(name, value);
            }
        };
        put(MEMBER, &self.member.0);
        put(INCARNATION, &self.incarnation);
        put(CLUSTER, &self.cluster);
        put(EPOCH, &self.epoch);
        if let Some(operation) = &self.operation {
            put(OPERATION, operation);
        }
        put(STEP, &self.step);
        headers
    }
}
