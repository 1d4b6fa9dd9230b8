//! What a failed operation means for who asked for it.
//!
//! An operation ends with its engine's words and with the kind of failure that the driver saw. Some kinds say that the request could never have
//! worked; the others are the engine's: it is away, occupied or does not manage it (503: come again), or nobody knows what it did (502). A 503 is
//! repeated by proxies on their own; so it is not said of what runs at most once: under the same idempotency key its repetition finds only that it
//! ran, under another one it may run twice.

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
        Failure::Busy | Failure::Broken | Failure::Late if !kind.at_most_once() => return Error::busy(words),
        Failure::Busy | Failure::Broken | Failure::Late | Failure::Unanswered => return Error::outside(words),
        Failure::None => return Error::engine(words),
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
            (Kind::ContainerCreate, Failure::Broken, 503),
            (Kind::ContainerStart, Failure::Busy, 503),
            (Kind::ContainerStart, Failure::Late, 503),
            (Kind::ContainerUnpause, Failure::State, 409),
            (Kind::ContainerStart, Failure::Gone, 404),
            (Kind::ContainerExecute, Failure::State, 409),
            (Kind::ContainerStop, Failure::Unanswered, 502),
            (Kind::ContainerReboot, Failure::Broken, 502),
            (Kind::ContainerExecute, Failure::Busy, 502),
            (Kind::ContainerStop, Failure::None, 500),
        ] {
            // The words do not matter.
            assert_eq!(of(kind, failure, "No such image: is not running").status(), status, "{failure:?}");
        }
    }
}
