//! The binary: hands its arguments to the library and its answer to the operating system.

use std::process::ExitCode;

fn main() -> ExitCode {
    node::cli::main(std::env::args_os())
}
