//! Templates are made, changed and removed, each time whole.

use prost::Message;

use crate::{id::TemplateId, template::TemplateWish};

/// Make a template for the actor's project.
#[derive(Clone, PartialEq, Message)]
pub struct TemplateCreate {
    /// Its id; a second one with the same id is refused.
    #[prost(message, required, tag = "1")]
    pub id: TemplateId,
    /// What is asked for, complete.
    #[prost(message, required, tag = "2")]
    pub wish: TemplateWish,
}

/// Change a template to a complete new wish.
#[derive(Clone, PartialEq, Message)]
pub struct TemplateUpdate {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: TemplateId,
    /// The revision the new wish was made from; refused when it has changed since.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
    /// The complete new wish.
    #[prost(message, required, tag = "3")]
    pub wish: TemplateWish,
}

/// Remove a template; refused while clusters use it.
#[derive(Clone, PartialEq, Message)]
pub struct TemplateDelete {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: TemplateId,
    /// Only if it has this revision; 0: any.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
}
