//! Who calls, as the headers of a call say.

use std::sync::Arc;

use hyper::HeaderMap;
use serde::Serialize;

use crate::history::words;

/// The words of one call's headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Caller {
    /// The member's number.
    pub member: u64,
    /// Which start of the member.
    pub incarnation: u64,
    /// The cluster acted for.
    #[serde(serialize_with = "words::serialize")]
    pub cluster: Arc<str>,
    /// The epoch of ownership.
    pub epoch: u64,
    /// The operation; none for looks that belong to none.
    #[serde(serialize_with = "words::maybe::serialize")]
    pub operation: Option<Arc<str>>,
    /// The step, or what a look is for.
    #[serde(serialize_with = "words::serialize")]
    pub step: Arc<str>,
}

impl Caller {
    /// Reads the headers; `None` when one that must be there is not.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(Arc::<str>::from);
        let number = |name: &str| text(name)?.parse().ok();
        Some(Self {
            member: number("jeroboam-member")?,
            incarnation: number("jeroboam-incarnation")?,
            cluster: text("jeroboam-cluster")?,
            epoch: number("jeroboam-epoch")?,
            operation: text("jeroboam-operation"),
            step: text("jeroboam-step")?,
        })
    }
}
