//! `simulate`: runs seeds of the simulation, one process each.
//!
//! `simulate whole --seed 7` runs one seed in this process and prints its trace hash. `simulate whole --seeds 0..200` runs many, a process
//! per core at a time, and every twentieth twice to compare the hashes; a failing seed is printed with the line that repeats it.
//! `whole` is the whole product under all faults, `power` is power loss of everybody right after a purge.

use std::{
    process::{Command, ExitCode, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tests::sim::{self, Plan};

/// Every so many seeds, one is run twice.
const REPEATED: u64 = 20;

pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [scenario @ ("whole" | "power"), "--seed", seed] => seed.parse().map_or_else(|_| usage(), |seed| one(scenario, seed)),
        [scenario @ ("whole" | "power"), "--seeds", range] => match range.split_once("..").map(|(first, end)| (first.parse(), end.parse()))
        {
            Some((Ok(first), Ok(end))) => many(scenario, first, end),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: simulate whole|power --seed N | simulate whole|power --seeds FIRST..END");
    ExitCode::from(2)
}

fn one(scenario: &str, seed: u64) -> ExitCode {
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    }
    let line = match scenario {
        "power" => sim::power::run(seed)
            .map(|summary| format!("hash {:016x}: {} acknowledged, purged to {}", summary.hash, summary.acknowledged, summary.purged)),
        _ => sim::run(&Plan::of(seed)).map(|summary| {
            format!(
                "hash {:016x}: {} operations, {} terms, {} states and {} log entries compared, {} effects, {:?} simulated, {:?}",
                summary.hash,
                summary.operations,
                summary.terms,
                summary.compared,
                summary.matched,
                summary.effects,
                summary.elapsed,
                summary.faults
            )
        }),
    };
    match line {
        Ok(line) => {
            println!("{scenario} seed {seed} {line}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("{scenario} seed {seed} FAILED: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn many(scenario: &str, first: u64, end: u64) -> ExitCode {
    let next = AtomicU64::new(first);
    let failures: Mutex<Vec<String>> = Mutex::default();
    let began = Instant::now();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    if let Err(failure) = check(scenario, seed) {
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (failed, all) = (failures.len() as u64, end.saturating_sub(first));
    for failure in &failures {
        println!("{failure}");
    }
    println!("simulation {scenario}: {} seeds passed, {failed} failed, {:.1} s", all - failed, began.elapsed().as_secs_f64());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a seed in a process of its own; every so often twice, to see that it does the same.
fn check(scenario: &str, seed: u64) -> Result<(), String> {
    let line = child(scenario, seed)?;
    if seed.is_multiple_of(REPEATED) {
        let again = child(scenario, seed)?;
        if line != again {
            return Err(format!("seed {seed} is not the same twice:\n  {line}\n  {again}"));
        }
        println!("{line} (twice)");
    }
    Ok(())
}

fn child(scenario: &str, seed: u64) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .args([scenario, "--seed", &seed.to_string()])
        .env_remove("RUST_LOG")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() {
        return Ok(line);
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{line}\n{words}repeat it with: simulate {scenario} --seed {seed}"))
}
