//! Fault points: places with a name where a test build can be told to die, to stand still, or to lose an answer.
//!
//! A point is one line in the code, [`fault_point!`](crate::fault_point); all of them stand in `deploy/fault-points.md`. Without the feature
//! `faults` nothing of them is compiled, not even their names. What happens at a point, and at which time it is reached, is said from outside
//! (`node/src/faults`); this crate, which all others know, only holds the macro. A point decides nothing and holds no lock.

/// A fault point. With a second argument an answer can be lost here: the function returns that instead.
#[cfg(feature = "faults")]
#[macro_export]
macro_rules! fault_point {
    ($name:literal) => {
        $crate::fail::fail_point!($name)
    };
    ($name:literal, $lost:expr) => {
        $crate::fail::fail_point!($name);
        $crate::fail::fail_point!(concat!($name, "/lost"), |_| $lost);
    };
}

/// A fault point: nothing, in this build.
#[cfg(not(feature = "faults"))]
#[macro_export]
macro_rules! fault_point {
    ($($any:tt)*) => {};
}
