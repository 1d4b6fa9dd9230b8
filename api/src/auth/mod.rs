//! Who asks, and may they?
//!
//! [`Identity`] turns a token into a [`Caller`]; `policy` says what a caller may do. Headers in which a client says who it is
//! (`X-Project-Id`, `X-Roles`, `X-Identity-Status`, …) are never read: only the token counts.

mod caller;
pub(crate) mod default_rules;
mod policy;
mod token;

use std::sync::Arc;

pub use caller::Caller;
pub(crate) use policy::Policy;
pub use token::{Error, Tokens};

/// Where callers are known from.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A file of fixed tokens: the embedded default.
    Tokens(Arc<Tokens>),
}

impl Identity {
    /// The caller a token stands for, if any.
    #[expect(clippy::unused_async, reason = "an identity service is asked over the network, a file is not")]
    pub(crate) async fn caller(&self, token: &str) -> Option<Arc<Caller>> {
        match self {
            Self::Tokens(tokens) => tokens.caller(token),
        }
    }
}
