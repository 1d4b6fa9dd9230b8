//! `simulate-faulty`: the simulation with the faults that `JEROBOAM_FAULTS` arms, such as the planted bug `planted::m7=return`.
//!
//! A seed that fails then has found the bug: `JEROBOAM_FAULTS=planted::m7=return simulate-faulty whole --seeds 0..50`.

#[path = "simulate.rs"]
mod simulate;

use std::process::ExitCode;

fn main() -> ExitCode {
    match model::planted::arm() {
        Ok(()) => simulate::main(),
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(2)
        }
    }
}
