//! The binary: hands its arguments to the library and its answer to the operating system.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// An eighth of a member's time under load went into malloc and free; this one takes half of that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    node::cli::main(std::env::args_os())
}
