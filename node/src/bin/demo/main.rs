//! `make demo`: the story of one cluster, told while it happens.
//!
//! Three members on this machine, one bay on the local Docker Engine, one container in it, a stream of creates, and then the leader is
//! killed. Everything is done from outside: processes, REST, the `jeroboam` commands, and Docker's own listing as the witness.
//! The last line is `demo: PASS …` (exit status 0) or `demo: FAIL …` with what failed and where the members' logs are.
//!
//! Read `chapters` in order; `story` (how it is told), `members` (processes), `rest` (requests), `stream` (the creates) and `witness`
//! (Docker) do the work.

mod chapters;
mod members;
mod rest;
mod story;
mod stream;
mod witness;

use std::{path::PathBuf, process::ExitCode, time::Instant};

/// Why the demo failed, in words.
pub(crate) type Failure = String;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: demo FOLDER   (a new folder for the members; `make demo` calls this)");
        return ExitCode::from(2);
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("demo: FAIL no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let started = Instant::now();
    match runtime.block_on(tell(folder.clone())) {
        Ok(summary) => {
            println!("\ndemo: PASS {summary} ({:.0} s)", started.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("\ndemo: FAIL {failure}\nThe members' logs are in {}", folder.display());
            ExitCode::FAILURE
        }
    }
}

/// Tells all chapters. However it ends, no member and no container of the demo is left.
async fn tell(folder: PathBuf) -> Result<String, Failure> {
    let mut stage = chapters::Stage::new(folder);
    let told = tokio::select! {
        told = chapters::tell(&mut stage) => told,
        _ = tokio::signal::ctrl_c() => Err("it was interrupted".to_owned()),
    };
    if told.is_err() {
        let bays: Vec<String> = stage.bay.take().into_iter().chain(std::mem::take(&mut stage.others)).collect();
        drop(stage);
        for bay in bays {
            witness::sweep(&bay).await;
        }
    }
    told
}
