//! Operating system processes that this harness started, and nothing else.
//!
//! A signal goes to a process id only while the harness still holds the unreaped child, so it can never hit a
//! process that got the same number later, nor one of somebody else. When the harness ends, however it ends
//! short of its own kill -9, the children end with it.

mod balancer;
mod disk;
mod port;
mod program;

pub use balancer::Balancer;
pub use disk::Disk;
pub use port::free_port;
pub use program::{Program, run};
