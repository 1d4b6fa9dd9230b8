//! What a failed operation means for who asked for it.
//!
//! An operation ends with its engine's words and with the kind of failure that the driver saw. Most failures are the engine's (500, as in
//! Magnum), but some kinds say that the request could never have worked.

use model::{
    Class,
    operation::{Failure, Kind},
};

use crate::error::Error;

/// The answer for an operation that failed so, with these words.
pub(super) fn of(kind: Kind, failure: Failure, words: &str) -> Error {
    let class = match failure {
        Failure::State => Class::Conflict,
        Failure::Refused => Class::Invalid,
        // What a new container is made from was named in the body; what an act is about, in the path.
        Failure::Gone if kind == Kind::ContainerCreate => Class::Invalid,
        Failure::Gone => Class::Missing,
        Failure::None | Failure::Busy | Failure::Broken | Failure::Unanswered | Failure::Late => return Error::engine(words),
    };
    Error::class(class, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_failure_decides_whose_fault_it_is() {
        for (kind, failure, status) in [
            (Kind::ContainerCreate, Failure::Refused, 400),
            (Kind::ContainerCreate, Failure::Gone, 400),
            (Kind::ContainerCreate, Failure::Broken, 500),
            (Kind::ContainerUnpause, Failure::State, 409),
            (Kind::ContainerStart, Failure::Gone, 404),
            (Kind::ContainerExecute, Failure::State, 409),
            (Kind::ContainerStop, Failure::Unanswered, 500),
            (Kind::ContainerStop, Failure::None, 500),
        ] {
            // The words do not matter.
            assert_eq!(of(kind, failure, "No such image: is not running").status(), status, "{failure:?}");
        }
    }
}
