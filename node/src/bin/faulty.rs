//! The member with fault points: the same program, which can also be told where to fail (see `node::faults`).

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    if let Err(error) = node::faults::from_environment() {
        eprintln!("jeroboam: {error}");
        return ExitCode::from(2);
    }
    node::cli::main(std::env::args_os())
}
