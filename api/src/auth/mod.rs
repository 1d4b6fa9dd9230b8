//! Who asks, and may they?
//!
//! [`Identity`] turns a token into a [`Caller`]; `policy` says what a caller may do. Headers in which a client says who it is
//! (`X-Project-Id`, `X-Roles`, `X-Identity-Status`, …) are never read: only the token counts.

mod caller;
mod keystone;
pub mod policy;
mod token;

use std::sync::Arc;

pub use caller::Caller;
pub use keystone::{Keystone, Settings as KeystoneSettings};
pub use policy::Policy;
pub(crate) use policy::Target;
pub use token::{Error, Tokens};

/// Nobody can say now whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the identity service cannot be asked: {0}")]
pub(crate) struct Unanswered(pub(crate) String);

/// Where callers are known from.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A file of fixed tokens: the embedded default.
    Tokens(Arc<Tokens>),
    /// Keystone.
    Keystone(Arc<Keystone>),
}

impl Identity {
    /// The caller a token stands for, if any.
    ///
    /// # Errors
    /// It cannot be found out now.
    pub(crate) async fn caller(&self, token: &str) -> Result<Option<Arc<Caller>>, Unanswered> {
        match self {
            Self::Tokens(tokens) => Ok(tokens.caller(token)),
            Self::Keystone(keystone) => keystone.caller(token).await,
        }
    }

    /// Whether there is such a project; a file of tokens does not know projects and takes any.
    ///
    /// # Errors
    /// It cannot be found out now.
    pub(crate) async fn has_project(&self, id: &str) -> Result<bool, Unanswered> {
        match self {
            Self::Tokens(_) => Ok(true),
            Self::Keystone(keystone) => keystone.has_project(id).await,
        }
    }
}
