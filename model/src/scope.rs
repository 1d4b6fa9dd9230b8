//! Whose objects somebody sees. An object outside the scope is missing, never forbidden: nobody learns that it is there.

use crate::command::Actor;

/// Which projects' objects are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Every project's.
    All,
    /// One project's own, and what others share with everybody.
    Project(&'a str),
}

impl<'a> Scope<'a> {
    /// The scope of an actor.
    pub fn of(actor: &'a Actor) -> Self {
        if actor.all_projects { Self::All } else { Self::Project(&actor.project_id) }
    }

    /// Whether a project's own objects are seen.
    pub fn sees(&self, project_id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Project(own) => *own == project_id,
        }
    }
}
