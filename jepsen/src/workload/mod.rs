//! What clients do while things break.
//!
//! * [`load`]: tasks that run until they are told to stop, and are waited for.
//! * [`creates`]: open loop, so many creates per second whatever happens; for gaps and lost writes.
//! * [`registers`]: closed loop, reads, writes and conditional updates; for linearizability.
//! * [`containers`]: create, start, stop, delete of real containers; for the inventory.

pub mod bays;
pub mod containers;
pub mod creates;
#[cfg(test)]
mod fake;
pub mod load;
pub mod registers;

pub use load::Load;
