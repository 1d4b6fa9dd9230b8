//! What a failed operation means for who asked for it.
//!
//! An operation ends with its engine's words. Most failures are the engine's (500, as in Magnum), but some words say that the request
//! could never have worked; they are recognised here, and only here. Words that are not recognised stay the engine's fault.

use model::{Class, operation::Kind};

use crate::error::Error;

/// Words for a thing that is not there, lower case.
const MISSING: [&str; 9] = [
    "no such image",
    "not found",
    "is not there",
    "pull access denied",
    "repository does not exist",
    "manifest unknown",
    "manifest for",
    "no such container",
    "does not exist",
];

/// Words for a request that makes no sense to the engine.
const INVALID: [&str; 6] = [
    "invalid reference format",
    "minimum memory limit",
    "invalid environment",
    "executable file not found",
    "oci runtime create failed",
    "invalid argument",
];

/// Words for a container that is in another state than the act needs.
const STATE: [&str; 7] =
    ["is not running", "is already paused", "is not paused", "is paused", "cannot pause", "is restarting", "already in use"];

/// The answer for an operation that failed with these words.
pub(super) fn of(kind: Kind, words: &str) -> Error {
    let text = words.to_lowercase();
    let says = |list: &[&str]| list.iter().any(|word| text.contains(word));
    let class = if says(&STATE) {
        Class::Conflict
    } else if says(&INVALID) {
        Class::Invalid
    } else if says(&MISSING) {
        // What a new container is made from was named in the body; what an act is about, in the path.
        if kind == Kind::ContainerCreate { Class::Invalid } else { Class::Missing }
    } else {
        return Error::engine(words);
    };
    Error::class(class, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_whose_fault_it_is() {
        for (kind, words, status) in [
            (Kind::ContainerCreate, "No such image: nonsense:latest", 400),
            (Kind::ContainerCreate, "invalid reference format", 400),
            (Kind::ContainerCreate, "connection refused", 500),
            (Kind::ContainerUnpause, "Container abc is not paused", 409),
            (Kind::ContainerStart, "it is not there: No such container: abc", 404),
            (Kind::ContainerExecute, "Container abc is not running", 409),
            (Kind::ContainerStop, "driver failed", 500),
        ] {
            assert_eq!(of(kind, words).status(), status, "{words}");
        }
    }
}
